"""Events to row changes: every event has its place, each handler says what the event says."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import events as ev
from domain.commands import ImportedLot, ImportedOption
from projections.batch import decode
from projections.catalogue import SHAPED
from projections.fold import history_rows, logged_events, trading_rows
from projections.mapping.event import ticker_of
from projections.mapping.ledger_lines import ledger_lines
from projections.mapping.registry import BY_COLUMNS, HANDLERS, HISTORY_ONLY
from projections.tables.shape import Change, KeyedTable
from tests.unit.projections.factory import START_DAY, START_US, Log, imported, line, order_id, story

TOPICS: dict[str, str] = {event.__name__: topic for event, topic in ev.TOPIC_OF.items()}


def changes(*events: ev.Event, account: str | None = "S001-GEN-001") -> list[Change]:
    """What the handlers make of one journal entry's events."""
    log = Log()
    log.entry("S001", *events, account=account)
    found = [
        (event.origin, change)
        for group in decode(log.codec, log.records).groups
        if group.name in HANDLERS
        for event in logged_events(group)
        for change in HANDLERS[event.name](event)
    ]
    return [change for _, change in sorted(found, key=lambda pair: pair[0][2:])]


def told(change: Change) -> dict[str, Any]:
    """A change by column name."""
    table = change.table
    names = table.facets[change.facet] if isinstance(table, KeyedTable) else table.columns
    return dict(zip(names, change.values, strict=False))


def test_every_event_is_mapped_or_known_to_be_history_alone() -> None:
    assert set(TOPICS) == set(HANDLERS) | BY_COLUMNS | HISTORY_ONLY
    assert len(TOPICS) == len(HANDLERS) + len(BY_COLUMNS) + len(HISTORY_ONLY)


@pytest.mark.parametrize("name", sorted(TOPICS))
def test_every_handler_takes_its_event(name: str) -> None:
    # given an event of its schema, with every field at zero
    log = Log()
    schema = log.codec.version(name).parsed()
    fields = {f["name"]: _blank(f["type"]) for f in schema["fields"] if f["name"] != "envelope"}
    log.entry("S001", ev.BrokerConnected("to have an envelope"))
    _, first = log.codec.decode(log.records.pop().value or b"")
    envelope = first["envelope"] | {"type": name}
    log.append(TOPICS[name], 0, log.codec.encode(name, {"envelope": envelope, **fields}))
    # when it is mapped
    batch = decode(log.codec, log.records)
    rows, history = trading_rows(batch), history_rows(batch)
    # then no record is dead, and what must be a row is one
    assert (batch.dead, rows.dead) == ([], [])
    assert history.loads[0].rows == 1
    if name not in HISTORY_ONLY and name not in ("LedgerPosted", "FeedbackCycleCompleted"):
        assert sum(load.rows for load in rows.loads) >= 1


def _blank(kind: Any) -> Any:
    match kind:
        case list():
            return None
        case dict() if kind["type"] == "array":
            return []
        case dict() if kind["type"] == "map":
            return {}
        case "string":
            return ""
        case "boolean":
            return False
        case _:
            return 0


def test_an_order_walks_through_its_states() -> None:
    order = order_id("one")
    found = changes(
        ev.OrderSubmitted(order, "S001/a/o", 1, "AAPL250620P00190000", "SELL", "OPEN", 10, 25_000, "DAY", 650),
        ev.OrderCancelRequested(order, 1, "WINDOW_END"),
        ev.OrderCancelled(order, "REQUESTED", "by us", 4),
    )
    states = [told(c)["state"] for c in found if c.facet == "state"]
    assert states == ["PENDING_SUBMIT", "CANCEL_REQUESTED", "CANCELLED"]
    assert [told(c) for c in found if c.facet == "filled"] == [{"cum_quantity": 4}]
    assert {c.key for c in found} == {("S001", order)}


def test_an_execution_is_a_fill_and_moves_the_order() -> None:
    order = order_id("one")
    found = changes(
        ev.OrderPartiallyFilled(
            order, "x-1", "AAPL250620P00190000", "SELL", "OPEN", 4, 25_000, 260, 4, "CANCEL_REQUESTED", 1_950_000
        )
    )
    fill, state, filled = (told(c) for c in found)
    assert (fill["kind"], fill["ticker"], fill["quantity"], fill["commission_cents"]) == ("EXECUTION", "AAPL", 4, 260)
    assert state["state"] == "CANCEL_REQUESTED"
    assert filled == {"cum_quantity": 4}


LINES = st.lists(
    st.tuples(
        st.sampled_from(["S001-GEN-001", "S001-REV-001"]), st.sampled_from(["CASH", "FEES"]), st.integers(-99, 99)
    ),
    max_size=4,
)


@given(st.lists(LINES, min_size=1, max_size=5))
def test_ledger_lines_keep_their_place_and_their_sums(posted: list[list[tuple[str, str, int]]]) -> None:
    # given entries with any lines, unsettled in every second
    log = Log()
    for number, lines in enumerate(posted):
        log.entry(
            "S001", ev.LedgerPosted("FILL", f"x{number}", [line(*each) for each in lines], number % 2 * START_DAY)
        )
    (group,) = decode(log.codec, log.records).groups
    # when they are mapped by columns
    columns = ledger_lines(group.events)
    # then each line is there with its place, its account and its event
    found = {name: column.to_pylist() for name, column in columns.lines.items()}
    said = [(n, k, *each) for n, lines in enumerate(posted) for k, each in enumerate(lines)]
    names = ("sequence", "line", "account_id", "ledger_account", "amount_cents")
    assert list(zip(*(found[name] for name in names), strict=True)) == said
    assert found["settles_day"] == [START_DAY if n % 2 else None for n, *_ in said]
    # and the sums are those of the lines, from the latest event
    sums = {name: column.to_pylist() for name, column in columns.sums.items()}
    want: dict[tuple[str, str, str], tuple[int, int]] = {}
    for n, _, account, ledger_account, amount in said:
        key = ("S001", account, ledger_account)
        want[key] = (want.get(key, (0, 0))[0] + amount, n)
    keys = zip(sums["book"], sums["account_id"], sums["ledger_account"], strict=True)
    assert dict(zip(keys, zip(sums["amount_cents"], sums["sequence"], strict=True), strict=True)) == want


def test_an_import_gives_accounts_lots_and_positions_and_no_money() -> None:
    """Money comes from the ledger entry that follows an import, or it would count twice."""
    put, account = "AAPL250620P00190000", "S001-GEN-001"
    lot = ImportedLot("lot-1", "MSFT", 300, START_DAY - 30, 120_000_00, 4_000_000, 500_00)
    option = ImportedOption(put, 5, 25_000, 325, START_US - 1, 1_950_000)
    taken = dataclasses.replace(imported(account), lots=[lot], options=[option])
    found = changes(ev.BookImported("IBKR", "owner-1", "DU1", [taken], 100_00), account=None)
    assert {(c.table.name, c.facet) for c in found} == {
        ("books", "origin"),
        ("lot_facets", "opened"),
        ("position_steps", ""),
        *(("account_facets", facet) for facet in ("identity", "state", "mode", "base", "sizing")),
    }
    steps = [(c.key, told(c)) for c in found if c.table.name == "position_steps"]
    assert [(key, s["position_id"], s["quantity"], s["account_id"]) for key, s in steps] == [
        ((0,), f"position-{account}-MSFT", 300, account),
        ((1,), f"import|{account}|{put}", -5, account),
    ]


def test_a_scan_gives_a_row_for_each_ticker_it_refused() -> None:
    refused = [ev.TickerRejection(ticker=t, right="P", reason="NO_CHAIN", detail="") for t in ("MSFT", "IBM")]
    found = changes(ev.EntryScanCompleted(START_DAY, ["AAPL"], refused))
    assert [(c.key, told(c)["ticker"], told(c)["reason"]) for c in found if c.table.name == "skips"] == [
        ((0,), "MSFT", "NO_CHAIN"),
        ((1,), "IBM", "NO_CHAIN"),
    ]


def test_a_fee_and_a_tax_payment_lower_the_result() -> None:
    found = changes(ev.FeeCharged(500, "AAPL"), ev.TaxPaymentRecorded(2025, 700), ev.DividendReceived(40, "AAPL", True))
    assert [(told(c)["kind"], told(c)["amount_cents"]) for c in found] == [
        ("FEE", -500),
        ("TAX_PAYMENT", -700),
        ("DIVIDEND", 40),
    ]


@given(st.from_regex(r"[A-Z]{1,5}([.][A-Z])?", fullmatch=True), st.from_regex(r"[0-9]{6}[PC][0-9]{8}", fullmatch=True))
def test_the_ticker_of_a_contract(ticker: str, rest: str) -> None:
    assert ticker_of(ticker + rest) == ticker
    assert ticker_of(ticker) == ticker


def test_the_rows_of_a_batch_depend_on_its_events_alone() -> None:
    # given a story, and its records in other orders
    log = Log()
    story(log, weeks=2)
    orders = [log.records, log.records[::-1], log.records + log.records[10:40]]
    # when each is folded
    outcomes: list[dict[str, Any]] = []
    for records in orders:
        loads = trading_rows(decode(log.codec, records)).loads
        outcomes.append({load.table.name: (load.rows, len(load.body), load.sums) for load in loads})
    # then the rows are the same
    for one, other in itertools.pairwise(outcomes):
        assert one == other


def test_keyed_rows_are_written_in_the_order_of_their_keys() -> None:
    # given two batches that touch the same accounts in opposite order
    bodies: list[bytes] = []
    for names in (("a", "b"), ("b", "a")):
        log = Log()
        for name in names:
            log.entry(
                "S001", ev.TradingModeRestricted(name, "CC_ONLY", "CC_ONLY"), account="S001-GEN-001", at_us=START_US
            )
        loads = trading_rows(decode(log.codec, log.records)).loads
        (load,) = (load for load in loads if load.table.name == "account_restrictions")
        bodies.append(load.body)
    # then both write them in the same order, so that they can't wait for each other
    assert [body.index(b"\0\0\0\x01a") < body.index(b"\0\0\0\x01b") for body in bodies] == [True, True]


def test_a_row_must_be_given_whole() -> None:
    (fills,) = (shape for shape in SHAPED if shape.name == "fills")
    with pytest.raises(TypeError, match="missing or unknown"):
        fills.row(book="S001")  # pyright: ignore[reportAttributeAccessIssue]


def test_a_split_says_what_lots_positions_and_hedges_are_now() -> None:
    account, put, new_put = "S001-GEN-001", "TSLA250613P00248000", "TSLA250613P00062000"
    hedge, new_hedge = "TSLA250613P00220000", "TSLA250613P00055000"
    # given a split of four to one over shares in two lots, one of them cut by a wash sale, a put and its hedge
    found = changes(
        ev.PositionAdjusted(
            "TSLA", "TSLA", 4, 1, quantity=1_200, price_e4=600_000,
            lots=[ev.AdjustedLot("lot-1/a", 200, 600_000), ev.AdjustedLot("lot-2", 600, 600_000),
                  ev.AdjustedLot("lot-1", 400, 600_000)],
        ),
        ev.PositionAdjusted(
            hedge, new_hedge, 4, 1, quantity=8, price_e4=5_000, lots=[ev.AdjustedLot("lot-3", 8, 5_000)],
            hedges=[ev.AdjustedHedge(new_hedge, put, 8, 400_00)],
        ),
        ev.PositionAdjusted(
            put, new_put, 4, 1, position_id="p-1", quantity=-8, price_e4=9_750, p0_e4=630_000, atr_e6=2_500_000,
            hedges=[ev.AdjustedHedge(new_hedge, new_put, 8, 400_00)],
        ),
    )  # fmt: skip
    # when it is mapped, then parts of a lot count together
    lots = [told(c) for c in found if c.table.name == "lot_adjustments"]
    assert [(row["lot_id"], row["contract"], row["quantity"], row["price_e4"]) for row in lots] == [
        ("lot-1", "TSLA", 600, 600_000),
        ("lot-2", "TSLA", 600, 600_000),
        ("lot-3", new_hedge, 8, 5_000),
    ]
    # and shares and the put keep their position, while the long puts go on under another
    steps = [told(c) for c in found if c.table.name == "position_steps"]
    assert [(s["position_id"], s["step"], s["contract"], s["quantity"], s["p0_e4"]) for s in steps] == [
        (f"position-{account}-TSLA", "ADJUSTED", "TSLA", 1_200, None),
        (f"position-{account}-{hedge}", "CLOSED", hedge, 0, None),
        (f"position-{account}-{new_hedge}", "OPENED", new_hedge, 8, None),
        ("p-1", "ADJUSTED", new_put, -8, 630_000),
    ]
    # and the hedge is that of the new put
    states = [(c.key[2], told(c)["hedged"], told(c)["open"]) for c in found if c.facet == "state"]
    assert states == [(hedge, put, False), (new_hedge, put, True), (new_hedge, new_put, True)]
