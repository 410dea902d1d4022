"""Snapshots of a book partition: one record a changed book, one for what the partition shares, all in one transaction.

Restoring = the shared record (journal sequence N), every book's last record, then the journal from N on. Each record
carries the hash of its state; a restored state is hashed again and compared. What the sources have promised lies beside
them (`processors.book.promises`) and is written more often.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import asdict
from hashlib import sha256
from itertools import islice
from typing import TYPE_CHECKING, Any

from domain import inputs as i
from domain.calendar import Calendar
from domain.market import DayRecord, Mark
from domain.state import Book, dump, load, state_hash
from infra.stream.contract import LogReader, Output
from processors.book import promises
from processors.book.intake import chain_head
from processors.book.journal import Chain, read_key

if TYPE_CHECKING:
    from processors.book.sequencer import Sequencer

SHARED = b"*"
FOLDED_AT_ONCE = 5_000
"""Entries decoded together while folding."""


def take(sequencer: Sequencer) -> list[Output]:
    """Records of the books that changed since the last snapshot, and of the shared state."""
    partition = sequencer.partition
    outputs: list[Output] = []
    for name in sorted(partition.changed):
        book = partition.books[name]
        # Not the canonical text that is hashed: everything stays in its order, for rules go by it.
        text = json.dumps({"sequence": sequencer.chain.sequence, "hash": state_hash(book), "state": dump(book)})
        outputs.append(Output("snapshots", partition.number, name.encode(), text.encode()))
    partition.changed.clear()
    shared = _shared(sequencer)
    text = json.dumps(shared, sort_keys=True, separators=(",", ":"))
    record = {"sequence": sequencer.chain.sequence, "hash": sha256(text.encode()).hexdigest(), "state": shared}
    outputs.append(Output("snapshots", partition.number, SHARED, json.dumps(record).encode()))
    return outputs


def _shared(sequencer: Sequencer) -> dict[str, Any]:
    market, opened = sequencer.partition.market, sequencer.opened
    assert opened is not None
    return {
        "opened": asdict(opened),
        "chain": [sequencer.chain.sequence, sequencer.chain.previous, sequencer.chain.time_us],
        "seen": sequencer.seen,
        "orders_sent": sequencer.orders_sent,
        "unanswered": list(sequencer.unanswered),
        "commands_promised": sequencer.commands_promised,
        "crossing": sequencer.crossing.saved(),
        "calendar": asdict(market.calendar.source) if market.calendar else None,
        "marks": {s: [m.last_e4, m.bid_e4, m.ask_e4, m.tick_time_us] for s, m in market.marks.items()},
        "bars": {s: [_day(d) for d in days] for s, days in market.bars.items()},
        "earnings": market.earnings,
        "halted": market.halted,
        "actions": [asdict(a) for a in market.actions],
        "chains": {s: data.hex() for s, data in market.raw_chains().items()},
    }


def _day(day: DayRecord) -> list[int]:
    return [day.session, day.close_e4, day.atr_e6, day.hv_e10, day.range_e6]


def restore(sequencer: Sequencer, log: LogReader) -> tuple[int, promises.Promises | None]:
    """Bring a fresh sequencer to where the journal ends.

    Returns the sequence of the snapshot it began from, and what the sources have promised, if that was written.
    Raises ValueError when a snapshot or the journal contradicts itself.
    """
    saved = log.compacted("snapshots")
    promised = saved.pop(promises.KEY, None)
    shared = saved.pop(SHARED, None)
    start = begun = 0
    if shared is not None:
        record = json.loads(shared)
        _check(
            record["hash"],
            sha256(json.dumps(record["state"], sort_keys=True, separators=(",", ":")).encode()).hexdigest(),
            "shared state",
        )
        _restore_shared(sequencer, record["state"])
        for name, data in sorted(saved.items()):
            kept = json.loads(data)
            book = load(Book, kept["state"])
            _check(kept["hash"], state_hash(book), name.decode())
            sequencer.partition.adopt(book)
        begun = sequencer.chain.sequence
        start = _offset_of(log, begun)
    entries = iter(log.records("journal", start))
    while chunk := list(islice(entries, FOLDED_AT_ONCE)):
        sequencer.fold_all(chunk)
    return begun, None if promised is None else promises.Promises.decoded(promised)


def _check(stored: str, now: str, what: str) -> None:
    if stored != now:
        raise ValueError(f"snapshot of {what}: stored hash {stored[:12]}, restored state hashes to {now[:12]}")


def _restore_shared(sequencer: Sequencer, state: dict[str, Any]) -> None:
    sequencer.open(i.LogOpened(**state["opened"]))
    if "crossing" in state:
        sequencer.crossing.restore(state["crossing"])
    sequencer.chain = Chain(*state["chain"])
    sequencer.seen.update(state["seen"])
    sequencer.orders_sent, sequencer.unanswered = state["orders_sent"], deque(state["unanswered"])
    sequencer.commands_promised = state["commands_promised"]
    market = sequencer.partition.market
    if state["calendar"]:
        market.calendar = Calendar(i.SessionCalendar(**state["calendar"]))
    market.marks = {s: Mark(*values) for s, values in state["marks"].items()}
    market.bars = {s: [DayRecord(*day) for day in days] for s, days in state["bars"].items()}
    market.earnings = state["earnings"]
    market.halted = state.get("halted", {})
    market.actions = [i.CorporateAction(**a) for a in state["actions"]]
    for symbol, text in state["chains"].items():
        data = bytes.fromhex(text)
        market.take_raw_chain(symbol, data, chain_head(data).time_us)


def _offset_of(log: LogReader, sequence: int) -> int:
    """Offset from which entry `sequence` follows: offsets count transaction markers too, so it is searched by
    halves."""
    low, high = sequence, log.end("journal")
    while low < high:
        middle = (low + high) // 2
        first = next(iter(log.records("journal", middle)), None)
        if first is None or read_key(first.key or b"").sequence >= sequence:
            high = middle
        else:
            low = first.offset + 1
    return low
