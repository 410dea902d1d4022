"""The simulated broker's own rules, beyond what the conformance suite asks of every broker."""

from dataclasses import replace
from json import dumps, loads

import pytest

from domain.events import (
    BrokerLinkRequested,
    CashMovementRequested,
    OrderCancelRequested,
    OrderRepriced,
)
from domain.inputs import (
    BrokerAssignment,
    BrokerCashActivity,
    BrokerExecution,
    BrokerLinked,
    BrokerOrderStatus,
    BrokerSession,
    BrokerStatement,
    CorporateAction,
    DailyBar,
    Marks,
    OptionChain,
)
from gateways.broker.account import BrokerAccount
from gateways.broker.codes import MEANING, Refusal
from gateways.broker.model import PaperModel
from gateways.broker.port import BrokerRejectError, TransientBrokerError
from gateways.broker.quotes import ChainView, MarksView
from gateways.broker.wire import empty_list, prefix, short_text
from schemas.codec import Codec
from tests.unit.gateways.broker.rig import (
    CALL,
    FRIDAY,
    LATER_CALL,
    LATER_PUT,
    LOOKAHEAD,
    MONDAY,
    PUT,
    Wire,
    calendar,
    et,
    roll,
    submit,
)

pytestmark = pytest.mark.unit


def linked(positions: dict[str, int] | None = None, early: frozenset[int] = frozenset()) -> PaperModel:
    """A model with a calendar and the book S1."""
    model = PaperModel(LOOKAHEAD)
    model.on_calendar(et(MONDAY, 0), calendar(early=early))
    model.connect(et(MONDAY, 8), "S1", BrokerLinkRequested("DU1", 100_000_000, positions or {}))
    model.advance(et(MONDAY, 9, 30))
    model.reports()
    return model


def marks(at_us: int, last: int, bid: int, ask: int) -> MarksView:
    """TSLA alone."""
    return MarksView.of(Marks(0, 0, at_us, ["TSLA"], [last], [bid], [ask], [at_us]))


def bar(session: int, close_e4: int, symbol: str = "TSLA") -> DailyBar:
    """The official close."""
    return DailyBar(0, 0, et(session, 16, 30), symbol, session, 1, 1, 1, close_e4, 1, 0, 0, False)


def only_code(model: PaperModel) -> str:
    """The code of the one status reported."""
    (status,) = model.reports()
    assert isinstance(status, BrokerOrderStatus)
    return status.code


# --- session and account ------------------------------------------------------------------------------------------


def test_only_paper_accounts_are_linked() -> None:
    """Given a live account id, then the session is reported down and no account exists (12.4)."""
    model = PaperModel(LOOKAHEAD)
    model.connect(et(MONDAY, 8), "S1", BrokerLinkRequested("U1234567", 100, {}))
    (report,) = model.reports()
    assert isinstance(report, BrokerSession)
    assert not report.connected
    assert report.reason.startswith("PAPER_ACCOUNT_REQUIRED")
    assert model.accounts == {}


def test_linking_again_brings_no_second_deposit() -> None:
    """Given a linked book, when the request comes again, then the same answer and the same cash."""
    model = linked()
    model.connect(et(MONDAY, 10), "S1", BrokerLinkRequested("DU1", 100_000_000, {}))
    (report,) = model.reports()
    assert isinstance(report, BrokerLinked)
    assert report.deposit == 100_000_000
    assert model.account_summary("S1").cash == 100_000_000


def test_without_session_nothing_is_sent() -> None:
    """Given a disconnected broker, then BrokerSession for each book, and an order is TRANSIENT, not placed."""
    model = linked()
    model.disconnect(et(MONDAY, 10), "nightly reset")
    assert [type(r) for r in model.reports()] == [BrokerSession]
    assert not model.heartbeat().connected
    with pytest.raises(TransientBrokerError) as caught:
        model.place(et(MONDAY, 10), "S1", submit("o1", PUT, "SELL", "OPEN", 1, 39_000))
    assert caught.value.kind == "TRANSIENT"
    assert model.open_orders("S1") == []


def test_the_port_answers() -> None:
    """Given a chain, then details, chain, quote, what-if and statement of the day; a REJECT for what is not there."""
    model = linked()
    wire = Wire(Codec.load())
    wire.chain(et(MONDAY, 10), {PUT: (39_000, 39_500, 4, 5), CALL: (10_000, 10_500, 1, 1)})
    chain = chain_of(wire)
    model.on_chain(ChainView.of(chain), chain.time_us)
    assert model.option_chain("TSLA") == [PUT, CALL]
    assert model.option_chain("MSFT") == []
    quote = model.quote(PUT)
    assert quote is not None
    assert quote[2:] == (39_000, 39_500, 4, 5)
    assert model.contract_details(PUT)[1:] == ("TSLA", 100, FRIDAY, 247_500, "P")
    assert model.contract_details("TSLA").multiplier == 1
    assert model.cash_by_currency("S1") == {"USD": 100_000_000}
    assert model.what_if(et(MONDAY, 10), "S1", submit("o", PUT, "SELL", "OPEN", 7, 39_000)) == (
        "", 273_000 - 455, 17_325_000, 455,
    )  # fmt: skip
    assert model.what_if(et(MONDAY, 10), "S1", submit("o", CALL, "SELL", "OPEN", 1, 10_000)).code == "NAKED_CALL"
    assert model.statements("S1", MONDAY).cash == 100_000_000
    with pytest.raises(BrokerRejectError):
        model.statements("S1", MONDAY - 1)
    with pytest.raises(BrokerRejectError):
        model.contract_details("no such thing")
    assert model.reports() == []


def chain_of(wire: Wire) -> OptionChain:
    """The wire's last market record."""
    return OptionChain(**wire.codec.decode(wire.marks[-1])[1])


# --- orders -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hour", "minute", "code"), [(9, 29, "AFTER_HOURS"), (9, 30, ""), (15, 59, ""), (16, 0, "AFTER_HOURS")]
)
def test_orders_are_taken_in_session_only(hour: int, minute: int, code: str) -> None:
    """The open belongs to the session, the close does not (2.8)."""
    model = PaperModel(LOOKAHEAD)
    model.on_calendar(et(MONDAY, 0), calendar())
    model.connect(et(MONDAY, 8), "S1", BrokerLinkRequested("DU1", 100_000_000, {}))
    model.advance(et(MONDAY, hour, minute))
    model.reports()
    model.place(et(MONDAY, hour, minute), "S1", submit("o1", PUT, "SELL", "OPEN", 1, 39_000))
    assert only_code(model) == code


def test_an_early_close_ends_the_day() -> None:
    """Given a close at 13:00, then the order expires then, reported one lookahead later."""
    model = linked(early=frozenset({MONDAY}))
    model.place(et(MONDAY, 10), "S1", submit("o1", PUT, "SELL", "OPEN", 1, 39_000))
    model.reports()
    model.advance(et(MONDAY, 13))
    (status,) = model.reports()
    assert isinstance(status, BrokerOrderStatus)
    assert (status.status, status.time_us) == ("EXPIRED", et(MONDAY, 13) + LOOKAHEAD)


def test_a_replacement_that_cannot_be_taken_ends_the_order() -> None:
    """Given a replacement off the tick, then CANCELLED with the code: nothing works at a limit the book gave up."""
    model = linked()
    model.place(et(MONDAY, 10), "S1", submit("o1", PUT, "SELL", "OPEN", 1, 39_000))
    model.reports()
    model.replace(et(MONDAY, 10), "S1", OrderRepriced("o1", 2, 38_510))
    (status,) = model.reports()
    assert isinstance(status, BrokerOrderStatus)
    assert (status.status, status.code, status.version) == ("CANCELLED", "BAD_TICK", 2)
    assert model.open_orders("S1") == []


def test_quotes_of_before_the_open_fill_nothing() -> None:
    """Given a mark of 9:29 and none since, then a share order at the open rests."""
    model = linked()
    model.on_marks(marks(et(MONDAY, 9, 29), 2_500_000, 2_500_000, 2_500_100), et(MONDAY, 9, 30))
    model.place(et(MONDAY, 9, 30), "S1", submit("o1", "TSLA", "BUY", "OPEN", 10, 2_510_000))
    assert [type(r) for r in model.reports()] == [BrokerOrderStatus]


def test_shares_fill_whole_against_marks_without_commission() -> None:
    """Given bid and ask, then a purchase takes the ask and a resting sale its limit; the last stands for no bid."""
    model = linked()
    model.on_marks(marks(et(MONDAY, 10), 2_500_000, 0, 2_500_100), et(MONDAY, 10))
    model.place(et(MONDAY, 10), "S1", submit("buy", "TSLA", "BUY", "OPEN", 300, 2_502_600))
    model.place(et(MONDAY, 10), "S1", submit("sell", "TSLA", "SELL", "CLOSE", 300, 2_501_000))
    model.on_marks(marks(et(MONDAY, 11), 2_501_000, 0, 0), et(MONDAY, 11))
    found = [(r.side, r.quantity, r.price_e4, r.commission) for r in model.reports() if isinstance(r, BrokerExecution)]
    assert found == [("BUY", 300, 2_500_100, 0), ("SELL", 300, 2_501_000, 0)]
    assert model.account_summary("S1").cash == 100_000_000 + 300 * 9
    assert model.positions("S1") == []


def test_shares_that_cover_calls_are_not_sold() -> None:
    """Given 300 shares and 2 calls written, then 100 may be sold and 101 not."""
    model = linked({"TSLA": 300, CALL: -2})
    model.place(et(MONDAY, 10), "S1", submit("o1", "TSLA", "SELL", "CLOSE", 101, 2_500_000))
    assert only_code(model) == "NAKED_CALL"
    model.place(et(MONDAY, 10), "S1", submit("o2", "TSLA", "SELL", "CLOSE", 100, 2_500_000))
    assert only_code(model) == ""


def test_each_book_meets_the_whole_displayed_size() -> None:
    """Books are independent (17): what one takes of a snapshot is not missing for the other."""
    model = linked()
    model.connect(et(MONDAY, 9, 40), "S2", BrokerLinkRequested("DU2", 100_000_000, {}))
    wire = Wire(Codec.load())
    wire.chain(et(MONDAY, 10), {PUT: (39_000, 39_500, 3, 3)})
    chain = chain_of(wire)
    model.on_chain(ChainView.of(chain), chain.time_us)
    for book in ("S1", "S2"):
        model.place(et(MONDAY, 10), book, submit(f"{book}-o", PUT, "SELL", "OPEN", 3, 39_000))
    assert [r.quantity for r in model.reports() if isinstance(r, BrokerExecution)] == [3, 3]


def test_cancel_and_replace_of_a_book_without_account() -> None:
    """Given no account, then the answers say so."""
    model = PaperModel(LOOKAHEAD)
    model.cancel(et(MONDAY, 10), "S9", OrderCancelRequested("o1", 2, "x"))
    assert only_code(model) == "ACCOUNT_NOT_LINKED"
    model.replace(et(MONDAY, 10), "S9", OrderRepriced("o1", 2, 100))
    assert only_code(model) == "ACCOUNT_NOT_LINKED"


def test_every_code_has_a_meaning() -> None:
    """Reason codes are data."""
    assert set(MEANING) == set(Refusal)


# --- expiry, assignment, splits -----------------------------------------------------------------------------------


def test_the_notice_comes_the_night_of_the_expiry_at_23() -> None:
    """Given a Friday expiry in the money, then the notice bears Friday 23:00 ET: before Saturday's job (2.4, 7.4)."""
    model = linked({PUT: -1})
    model.on_bar(et(FRIDAY, 16, 30), bar(FRIDAY, 2_400_000))
    model.advance(et(FRIDAY + 1, 10))
    (notice,) = [r for r in model.reports() if isinstance(r, BrokerAssignment)]
    assert (notice.time_us, notice.outcome_session) == (et(FRIDAY, 23), FRIDAY)


def test_an_expiry_without_official_close_is_settled_by_the_last_mark() -> None:
    """Given no bar of the day, then the session's last mark decides; without any price the option stays."""
    model = linked({PUT: -1, "MSFT250613P00440000": -1})
    model.advance(et(FRIDAY, 15))
    model.on_marks(marks(et(FRIDAY, 15, 59), 2_400_000, 0, 0), et(FRIDAY, 15, 59))
    model.advance(et(FRIDAY, 23))
    assert [line.contract for line in model.positions("S1")] == ["MSFT250613P00440000", "TSLA"]


def test_holders_may_decide_otherwise() -> None:
    """Scripted: the close alone proves nothing (7.4): exercised out of the money, and only two of three in it."""
    model = linked({PUT: -3, CALL: -1, "TSLA": 100})
    model.decisions = {PUT: 2, CALL: 1}
    model.on_bar(et(FRIDAY, 16, 30), bar(FRIDAY, 2_474_000))
    model.advance(et(FRIDAY, 23))
    notices = {r.contract: r.quantity for r in model.reports() if isinstance(r, BrokerAssignment)}
    assert notices == {PUT: 2, CALL: 1}
    assert [(line.contract, line.quantity) for line in model.positions("S1")] == [("TSLA", 200)]


def test_an_early_assignment_is_of_the_session_before() -> None:
    """Scripted: a notice on Wednesday morning has Tuesday as outcome, trade and tax date (7.4)."""
    model = linked({PUT: -3})
    model.assign_early(et(MONDAY + 2, 6), "S1", PUT, 1)
    (notice,) = [r for r in model.reports() if isinstance(r, BrokerAssignment)]
    assert (notice.quantity, notice.outcome_session) == (1, MONDAY + 1)
    assert model.account_summary("S1").cash == 100_000_000 - 2_475_000
    with pytest.raises(BrokerRejectError):
        model.assign_early(et(MONDAY + 2, 6), "S1", PUT, 3)


def test_an_expiry_on_a_holiday_falls_to_the_session_before() -> None:
    """Given an expiry on Saturday (old monthlies), then Friday's close decides."""
    saturday = "TSLA250614P00247500"
    model = linked({saturday: -1})
    model.on_bar(et(FRIDAY, 16, 30), bar(FRIDAY, 2_400_000))
    model.advance(et(FRIDAY, 23))
    (notice,) = [r for r in model.reports() if isinstance(r, BrokerAssignment)]
    assert notice.outcome_session == FRIDAY


def test_long_options_lapse_whatever_they_are_worth() -> None:
    """Given long options in the money, one of them without any price, then they are gone at 23:00 without a report."""
    model = linked({CALL: 1, "TSLA250613P00300000": 2, "MSFT250613P00440000": 1, "TSLA": 200})
    model.on_bar(et(FRIDAY, 16, 30), bar(FRIDAY, 2_600_000))
    model.advance(et(FRIDAY, 22, 59))
    model.reports()
    model.advance(et(FRIDAY, 23))
    assert model.reports() == []
    assert {line.contract: line.quantity for line in model.positions("S1")} == {"TSLA": 200}
    assert model.account_summary("S1").cash == 100_000_000


def test_a_split_adjusts_shares_and_whole_options_at_the_open() -> None:
    """Given 5 for 1, then 500 shares for 100 and 5 puts at a fifth of the strike; what does not divide stays."""
    odd = "TSLA250613P00247501"
    model = linked({"TSLA": 100, PUT: -1, odd: -1, "MSFT": 7})
    model.on_action(et(MONDAY, 18), CorporateAction("TSLA", "SPLIT", MONDAY + 1, et(MONDAY, 18), 5, 1, 0))
    model.advance(et(MONDAY + 1, 9))
    assert {line.contract: line.quantity for line in model.positions("S1")}["TSLA"] == 100
    model.advance(et(MONDAY + 1, 9, 30))
    found = {line.contract: line.quantity for line in model.positions("S1")}
    assert found == {"TSLA": 500, "TSLA250613P00049500": -5, odd: -1, "MSFT": 7}
    assert model.corporate_actions() == []


def test_a_statement_before_the_open_shows_what_the_split_of_the_session_leaves() -> None:
    """The book takes a split when it is told of it, hours before the open: old shares would be a break."""
    model = linked({"TSLA": 100, PUT: -1})
    model.on_action(et(MONDAY + 1, 6), CorporateAction("TSLA", "SPLIT", MONDAY + 1, et(MONDAY + 1, 6), 5, 1, 0))
    model.on_action(et(MONDAY + 1, 6), CorporateAction("TSLA", "SPLIT", MONDAY + 2, et(MONDAY + 1, 6), 2, 1, 0))
    model.reports()
    model.advance(et(MONDAY + 1, 9))
    (statement,) = [r for r in model.reports() if isinstance(r, BrokerStatement)]
    assert {line.contract: line.quantity for line in statement.positions} == {"TSLA": 500, "TSLA250613P00049500": -5}


def test_a_reverse_split_drops_fractions() -> None:
    """Given 1 for 8, then 100 shares become 12."""
    model = linked({"TSLA": 100})
    model.on_action(et(MONDAY, 18), CorporateAction("TSLA", "SPLIT", MONDAY + 1, et(MONDAY, 18), 1, 8, 0))
    model.advance(et(MONDAY + 1, 9, 30))
    assert [(line.contract, line.quantity) for line in model.positions("S1")] == [("TSLA", 12)]


def dividend(symbol: str, session: int, at_us: int, dividend_e4: int) -> CorporateAction:
    """An announcement."""
    return CorporateAction(symbol, "DIVIDEND", session, at_us, 1, 1, dividend_e4)


def activities(model: PaperModel) -> list[tuple[str, int, int]]:
    """(id, amount, time) of the cash reported since the last call."""
    found = [r for r in model.reports() if isinstance(r, BrokerCashActivity)]
    return [(r.activity_id, r.amount, r.time_us) for r in found]


def test_a_dividend_is_paid_at_the_open_of_the_ex_session() -> None:
    """Given 100 shares, then 100 times the dividend, reported one lookahead after the open under a stable id; options
    and books without shares get nothing."""
    model = linked({"TSLA": 100, CALL: -1})
    model.connect(et(MONDAY, 10), "S2", BrokerLinkRequested("DU2", 100, {CALL: 1}))
    model.on_action(et(MONDAY, 18), dividend("TSLA", MONDAY + 1, et(MONDAY, 18), 5_000))
    assert [action.dividend_e4 for action in model.corporate_actions()] == [5_000]
    model.advance(et(MONDAY + 1, 9, 29))
    assert activities(model) == []
    model.advance(et(MONDAY + 1, 9, 30))
    assert activities(model) == [(f"S1/TSLA/DIVIDEND/{MONDAY + 1}", 5_000, et(MONDAY + 1, 9, 30) + LOOKAHEAD)]
    assert model.account_summary("S1").cash == 100_000_000 + 5_000
    assert model.corporate_actions() == []


def test_dividends_of_one_open_are_one_and_are_per_share_of_before_the_split() -> None:
    """Given a regular and a special dividend and a split at the same open, then their sum once, on the old shares."""
    model = linked({"TSLA": 101})
    at = et(MONDAY, 18)
    model.on_action(at, CorporateAction("TSLA", "SPLIT", MONDAY + 1, at, 5, 1, 0))
    model.on_action(at, dividend("TSLA", MONDAY + 1, at, 5_001))
    model.on_action(at, dividend("TSLA", MONDAY + 1, at, 1_000))
    model.advance(et(MONDAY + 1, 9, 30))
    assert [amount for _, amount, _ in activities(model)] == [6_061]
    assert [line.quantity for line in model.positions("S1")] == [505]


def test_a_dividend_that_comes_late_is_paid_at_the_next_open_and_once() -> None:
    """Given one that is known after its open, then the next open pays it; told again, before or after, it is not paid
    again."""
    model = linked({"TSLA": 100})
    for at in (et(MONDAY, 11), et(MONDAY, 12), et(MONDAY + 1, 11)):
        model.on_action(at, dividend("TSLA", MONDAY, at, 5_000))
    model.advance(et(MONDAY + 2, 9, 30))
    assert activities(model) == [(f"S1/TSLA/DIVIDEND/{MONDAY}", 5_000, et(MONDAY + 1, 9, 30) + LOOKAHEAD)]
    assert model.account_summary("S1").cash == 100_000_000 + 5_000


# --- cash outside orders ------------------------------------------------------------------------------------------


def test_a_movement_of_a_book_without_account_is_nothing() -> None:
    """Given no account, then no report and no error: there is nothing to book it on."""
    model = PaperModel(LOOKAHEAD)
    model.move_cash(et(MONDAY, 10), "S9", CashMovementRequested("m1", "CONTRIBUTION", 100))
    assert (model.reports(), model.changed) == ([], set())


# --- combinations -------------------------------------------------------------------------------------------------


def test_what_a_roll_would_do() -> None:
    """Given 7 puts, then the port tells cash, collateral and commission of both sides at the net."""
    model = linked({PUT: -7, CALL: -1, "TSLA": 100})
    assert model.what_if(et(MONDAY, 10), "S1", roll("o", PUT, LATER_PUT, 7, -4_000)) == (
        "", -28_000 - 910, -525_000, 910,
    )  # fmt: skip
    assert model.what_if(et(MONDAY, 10), "S1", roll("o", CALL, LATER_CALL, 1, 1_500)) == ("", 1_500 - 130, 0, 130)
    assert model.what_if(et(MONDAY, 10), "S1", roll("o", CALL, LATER_PUT, 1, 1_500)).code == "BAD_ORDER"
    assert model.reports() == []


def test_a_debit_that_the_cash_does_not_pay() -> None:
    """Given a working roll at even, when its limit is lowered to more than the account has, then CANCELLED."""
    model = linked({CALL: -100, "TSLA": 10_000})
    model.move_cash(et(MONDAY, 10), "S1", CashMovementRequested("m1", "WITHDRAWAL", -99_000_000))
    model.place(et(MONDAY, 10), "S1", roll("o1", CALL, LATER_CALL, 100, 0))
    assert model.account_summary("S1").available == 1_000_000 - 13_000
    model.replace(et(MONDAY, 10), "S1", OrderRepriced("o1", 2, -9_800))
    assert model.account_summary("S1").available == 1_000_000 - 13_000 - 980_000
    model.replace(et(MONDAY, 10), "S1", OrderRepriced("o1", 3, -9_900))
    found = [(r.status, r.code) for r in model.reports() if isinstance(r, BrokerOrderStatus)]
    assert found == [("ACKNOWLEDGED", ""), ("REPLACED", ""), ("CANCELLED", "INSUFFICIENT_BUYING_POWER")]


@pytest.mark.parametrize(
    ("new_contract", "effect", "side"),
    [(None, "ROLL", "SELL"), (LATER_PUT, "CLOSE", "BUY"), (LATER_PUT, "ROLL", "BUY")],
)
def test_half_a_combination_is_none(new_contract: str | None, effect: str, side: str) -> None:
    """Given a roll without its new contract, a new contract without a roll, or a roll that buys, then BAD_ORDER."""
    model = linked({PUT: -7})
    order = replace(submit("o1", PUT, side, effect, 1, 1_000), new_contract=new_contract)
    model.place(et(MONDAY, 10), "S1", order)
    assert only_code(model) == "BAD_ORDER"


def test_a_roll_s_orders_survive_in_the_state() -> None:
    """Given a working roll and cash booked, then what is loaded is what was dumped; a state of before rolls loads."""
    model = linked({PUT: -7})
    model.move_cash(et(MONDAY, 10), "S1", CashMovementRequested("m1", "FEE", -100))
    model.place(et(MONDAY, 10), "S1", roll("o1", PUT, LATER_PUT, 7, -4_000))
    data = model.accounts["S1"].dump()
    again = BrokerAccount.load(data)
    assert again == model.accounts["S1"]
    assert again.dump() == data
    plain = loads(data)
    del plain["booked"]
    plain["orders"] = [row[:-1] for row in plain["orders"]]
    assert BrokerAccount.load(dumps(plain).encode()).orders["o1"].new_contract is None


# --- wire ---------------------------------------------------------------------------------------------------------


def test_the_short_reading_of_market_records_agrees_with_the_decoder() -> None:
    """Given records of every size, then the fields read by hand are those the decoder reads."""
    wire = Wire(Codec.load(), partitions=200)
    for source, seq, at in [(0, 0, 0), (63, 64, 1), (64, 8192, et(MONDAY, 10)), (199, 1 << 40, (1 << 50) + 12345)]:
        wire.seqs[source] = seq - 1
        wire.chain(at, {PUT: (1, 2, 3, 4)}, source=source)
        wire.seqs[source] = seq - 1
        wire.marks_at(at, {"TSLA": (1, 2, 3)} if seq % 2 else {}, source=source)
    for value in wire.marks:
        name, plain = wire.codec.decode(value)
        first = prefix(value)
        assert first[:3] == (plain["market_partition"], plain["source_seq"], plain["time_us"])
        if name == "OptionChain":
            assert short_text(value, first.end) == plain["underlying"]
        else:
            assert empty_list(value, first.end) == (not plain["symbols"])
