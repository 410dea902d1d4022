"""Ledger lines of a batch as columns, without a Python object a line: they are the most frequent rows by far."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from projections.arrow import Array, RecordBatch, compute
from projections.tables.ledger import LEDGER
from projections.tables.shape import PROVENANCE


@dataclass(frozen=True, slots=True)
class LedgerColumns:
    """Arrow columns by name: the lines, and what they add up to by account (columns of the rollup)."""

    lines: dict[str, Array]
    sums: dict[str, Array]


def ledger_lines(events: RecordBatch) -> LedgerColumns:
    """The lines of `LedgerPosted` events (protocol 4.2), each with its place in its event."""
    envelope, lists = events.column("envelope"), events.column("lines")
    offsets = lists.offsets.to_numpy()
    counts = np.diff(offsets)
    parents = pa.array(np.repeat(np.arange(len(counts)), counts))
    members = lists.values.slice(int(offsets[0]), int(offsets[-1] - offsets[0]))
    settles = events.column("settles")
    of_event = {
        "book": envelope.field("system_id"),
        "cause": events.column("cause"),
        "reference": events.column("reference"),
        "settles_day": compute.if_else(compute.equal(settles, 0), None, settles),
        "posted_at": envelope.field("occurred_at_us"),
        **{name: envelope.field(name) for name in PROVENANCE},
    }
    lines = {name: column.take(parents) for name, column in of_event.items()}
    lines["account_id"] = members.field("account_id")
    lines["ledger_account"] = members.field("ledger_account")
    lines["amount_cents"] = members.field("amount")
    lines["line"] = pa.array(np.arange(len(parents)) - np.repeat(offsets[:-1] - offsets[0], counts))
    return LedgerColumns(lines, _sums(lines))


def _sums(lines: dict[str, Array]) -> dict[str, Array]:
    rollup = LEDGER.rollup
    assert rollup is not None
    in_journal_order = np.lexsort((lines["ordinal"].to_numpy(), lines["sequence"].to_numpy()))
    rank = np.empty(len(in_journal_order), np.int64)
    rank[in_journal_order] = np.arange(len(in_journal_order))
    table = pa.table({**{name: lines[name] for name in (*rollup.by, rollup.amount)}, "rank": pa.array(rank)})
    totals = table.group_by(list(rollup.by)).aggregate([(rollup.amount, "sum"), ("rank", "max")])
    totals = totals.sort_by([(name, "ascending") for name in rollup.by])
    latest = pa.array(in_journal_order[totals.column("rank_max").to_numpy()])
    sums = {name: totals.column(name).combine_chunks() for name in rollup.by}
    sums[rollup.amount] = totals.column(f"{rollup.amount}_sum").combine_chunks()
    return sums | {name: lines[name].take(latest) for name in PROVENANCE}
