"""The worked examples of protocol §20 that the first part of the domain answers for, with all their figures."""

import pytest

from domain import commands as c
from domain import events as e
from domain.record import RatioE10
from tests.harness.book_world import BookWorld, Happened, call, cents, day, e4, et, in_order, occ, put

THURSDAY, FRIDAY = "2025-06-12", "2025-06-13"
MONDAY, NEXT_MONDAY = "2025-06-09", "2025-06-16"
TSLA, NVDA = occ("TSLA", FRIDAY, "P", "247.50"), occ("NVDA", FRIDAY, "P", 120)
LEDGER_CASH = ("CASH", "CASH_UNSETTLED", "TAX_RESERVE")


def percent(ratio: RatioE10) -> str:
    """A ratio in per cent as the examples show it: four places."""
    return f"{round(ratio / 10_000) / 10_000:.4f}"


def ladder(world: BookWorld) -> list[int]:
    """The limits that a never filled order went through."""
    first = world.events(e.OrderSubmitted)[0].limit_e4
    return [first, *(r.limit_e4 for r in world.events(e.OrderRepriced))]


# --- EX-01, EX-02 -------------------------------------------------------------------------------------------------


def inception(world: BookWorld, capital: str) -> list[Happened]:
    """CreateSystem on paper, then link and deposit confirmed."""
    world.create(capital, {"env.mode": "PAPER"}, command_id="open")
    assert not world.events(e.AccountFunded)
    world.link(capital)
    return world.happened


def test_ex_01_inception() -> None:
    world = BookWorld(MONDAY, "2025-06-27")
    happened = inception(world, "1,000,000.00")
    in_order(
        happened,
        (e.SystemCreated, {"capital": cents(1_000_000)}),
        (e.AccountOpened, {"account_id": "S001-GEN-001"}),
        (e.AccountOpened, {"account_id": "S001-REV-001"}),
        (e.AccountOpened, {"account_id": "S001-COM-001"}),
        (e.AccountFunded, {"amount": cents(400_000), "buffer": cents(20_000), "base_capital": cents(400_000)}),
        (e.AccountFunded, {"amount": cents(300_000), "buffer": cents(15_000), "sizing_base": cents(300_000)}),
        (e.AccountFunded, {"amount": cents(300_000), "buffer": cents(15_000)}),
        e.AccountActivated,
        e.AccountActivated,
        e.AccountActivated,
    )
    assert [world.deployable(k) for k in ("GEN", "REV", "COM")] == [cents(380_000), cents(285_000), cents(285_000)]
    before = len(world.happened)
    world.create("1,000,000.00", {"env.mode": "PAPER"}, command_id="open")
    assert len(world.happened) == before, "repeating the command adds nothing"
    world.create("1,000,001.00", {"env.mode": "PAPER"}, command_id="open")
    assert world.one(e.CommandRejected).code == "IDEMPOTENCY_CONFLICT"


def test_ex_02_rounding_at_inception() -> None:
    world = BookWorld(MONDAY, "2025-06-27")
    inception(world, "333,333.33")
    funded = world.events(e.AccountFunded)
    assert [f.amount for f in funded] == [cents("133,333.33"), cents("99,999.99"), cents("100,000.01")]
    assert [f.buffer for f in funded] == [cents("6,666.67"), cents("5,000.00"), cents("5,000.00")]
    deployable = [world.deployable(k) for k in ("GEN", "REV", "COM")]
    assert deployable == [cents("126,666.66"), cents("94,999.99"), cents("95,000.01")]
    assert sum(f.amount for f in funded) == cents("333,333.33")


# --- EX-03, EX-04 -------------------------------------------------------------------------------------------------


def quotes(world: BookWorld, spot: float = 250) -> None:
    """The two chains of EX-03 as they stand now."""
    world.chain("TSLA", spot, put(FRIDAY, "247.50", "3.85", "3.95", 45))
    world.chain("NVDA", 121, put(FRIDAY, 120, "1.61", "1.63", 44))


def gen_entry(config: dict[str, str] | None = None) -> BookWorld:
    """GEN with 400,000.00 at Thursday's first scan, taken over without positions."""
    world = BookWorld(MONDAY, "2025-06-27")
    world.take_over(world.sleeve("GEN", "400,000.00"), config=config)
    world.at(f"{THURSDAY} 09:00")
    world.statement()
    world.at(f"{THURSDAY} 09:59:50")
    quotes(world)
    world.at(f"{THURSDAY} 10:00")
    return world


def test_ex_03_gen_entry_one_ticker_under_the_gate() -> None:
    world = gen_entry()
    picked = {s.ticker: percent(s.premium) for s in world.events(e.EligibleStrikeSelected)}
    assert picked == {"TSLA": "1.5758", "NVDA": "1.3500"}
    in_order(
        world.happened,
        (e.EntryWindowOpened, {"tickers": ["TSLA", "NVDA"]}),
        (e.PremiumBelowThresholdDetected, {"ticker": "NVDA", "contract": NVDA, "gate": 150_000_000}),
        (e.AlertRaised, {"priority": "HIGH", "type": "TRADE_OPPORTUNITY", "ticker": "NVDA"}),
        (
            e.ApprovalRequested,
            {"kind": "PREMIUM_BELOW_GATE", "subject": "NVDA", "expires_at_us": et(f"{THURSDAY} 11:00")},
        ),
        (e.TradeSignalGenerated, {"contract": TSLA, "quantity": 7}),
        (e.OrderProposed, {"contract": TSLA, "quantity": 7}),
        e.OrderValidated,
        (e.OrderSubmitted, {"quantity": 7, "limit_e4": e4("3.90")}),
        (e.WheelPhaseChanged, {"ticker": "TSLA", "to_phase": "CSP_WORKING"}),
    )
    request = world.one(e.ApprovalRequested)
    assert int(request.proposal["reserved"]) == cents(190_000)
    assert int(request.proposal["quantity"]) == 15
    assert int(request.proposal["floor_e4"]) == e4("1.54")
    world.at(f"{THURSDAY} 11:00")
    in_order(
        world.happened,
        (e.ApprovalExpired, {"code": "EXPIRED", "default_action": "deny"}),
        (e.EntrySkipped, {"ticker": "NVDA", "reason": "PREMIUM_BELOW_MIN"}),
    )
    assert len(world.events(e.EntrySkipped)) == 1
    assert world.one(e.OrderSubmitted).contract == TSLA
    assert collateral(world, "GEN") == cents(173_250)


def collateral(world: BookWorld, kind: str) -> int:
    """Collateral held, cents."""
    from domain.valuation import put_collateral

    return put_collateral(world.book, world.account(kind))


def test_ex_03_variant_granted() -> None:
    world = gen_entry()
    assert collateral(world, "GEN") == cents(173_250)
    world.ack(world.order("TSLA"))
    world.at(f"{THURSDAY} 10:19:50")
    quotes(world)
    world.at(f"{THURSDAY} 10:20")
    granted = world.grant(world.one(e.ApprovalRequested).approval_id)
    signals = world.events(e.TradeSignalGenerated, granted)
    assert [(s.ticker, s.quantity, s.reason) for s in signals] == [("NVDA", 15, "ENTRY"), ("TSLA", 1, "RESIDUAL")]
    assert signals[0].floor_e4 == e4("1.54")
    assert signals[0].ladder_e4[0] == e4("1.62")
    assert signals[0].ladder_e4[-1] == e4("1.54")
    assert len(world.events(e.OrderSubmitted, granted)) == 2
    assert collateral(world, "GEN") == cents(378_000)
    assert world.deployable("GEN") == cents(2_000)
    world.at(f"{THURSDAY} 11:00")
    assert not world.events(e.EntrySkipped)


def test_ex_03_a_mid_below_the_approved_floor_ends_in_a_skip() -> None:
    world = gen_entry()
    world.at(f"{THURSDAY} 10:20")
    world.chain("NVDA", 121, put(FRIDAY, 120, "1.52", "1.54", 44))
    granted = world.grant(world.one(e.ApprovalRequested).approval_id)
    assert world.one(e.EntrySkipped, granted).reason == "PREMIUM_BELOW_MIN"
    world.at(f"{THURSDAY} 11:30")
    assert len(world.events(e.EntrySkipped, ticker="NVDA")) == 1


def test_ex_03_denied_the_ticker_is_skipped_once_and_its_share_goes_to_the_residual_pass() -> None:
    world = gen_entry()
    world.ack(world.order("TSLA"))
    world.at(f"{THURSDAY} 10:20")
    quotes(world)
    denied = world.deny(world.one(e.ApprovalRequested).approval_id)
    assert world.one(e.TradeSignalGenerated, denied).quantity == 8, "206,750.00 carry eight more at 24,750.00"
    world.at(f"{THURSDAY} 10:24:50")
    world.chain("NVDA", 121, put(FRIDAY, 120, "1.89", "1.91", 44))
    world.at(f"{THURSDAY} 11:30")
    assert world.one(e.EntrySkipped, ticker="NVDA").reason == "PREMIUM_BELOW_MIN"


def test_ex_03_a_request_is_withdrawn_when_the_premium_comes_by_itself() -> None:
    world = gen_entry()
    world.at(f"{THURSDAY} 10:04:50")
    world.chain("NVDA", 121, put(FRIDAY, 120, "1.89", "1.91", 44))
    world.at(f"{THURSDAY} 10:05")
    assert world.one(e.ApprovalExpired).code == "WITHDRAWN"
    assert world.one(e.TradeSignalGenerated, ticker="NVDA").approval_id is None
    assert world.one(e.OrderSubmitted, contract=NVDA).quantity == 17, "all of the 206,750.00 left"


def test_ex_04_price_ladder() -> None:
    world = gen_entry({"gen.tickers": "TSLA"})
    signal = world.one(e.TradeSignalGenerated)
    assert signal.floor_e4 == e4("3.75")
    assert signal.ladder_e4 == [e4(p) for p in ("3.90", "3.85", "3.80", "3.75")]
    world.ack(world.order("TSLA"))
    for step, price in enumerate(("3.85", "3.80", "3.75"), start=1):
        world.at(et(f"{THURSDAY} 10:00") + step * 30_000_000)
        assert world.events(e.OrderRepriced)[-1].limit_e4 == e4(price)
        world.status(world.order("TSLA"), "REPLACED")
    world.at(f"{THURSDAY} 11:29:59")
    assert ladder(world) == [e4(p) for p in ("3.90", "3.85", "3.80", "3.75")], "then unchanged"
    world.at(f"{THURSDAY} 11:30")
    world.status(world.order("TSLA"), "CANCELLED")
    in_order(
        world.happened,
        e.OrderCancelRequested,
        (e.OrderCancelled, {"cum_quantity": 0}),
        (e.WheelPhaseChanged, {"ticker": "TSLA", "to_phase": "IDLE"}),
        (e.EntrySkipped, {"ticker": "TSLA", "reason": "UNFILLED"}),
    )
    assert world.account("GEN").wheels["TSLA"].phase == "IDLE"
    assert collateral(world, "GEN") == 0


# --- EX-05 --------------------------------------------------------------------------------------------------------


def test_ex_05_put_expires_worthless() -> None:
    world = gen_entry({"gen.profit_take_pct": "100"})
    order = world.order("TSLA")
    world.ack(order)
    world.fill(order, 7, "3.90")
    assert world.one(e.LedgerPosted, cause="FILL").settles == day(FRIDAY)
    world.at(f"{FRIDAY} 09:00")
    world.statement()
    world.at(f"{FRIDAY} 15:30")
    world.chain("TSLA", 251, put(FRIDAY, "247.50", "0.06", "0.08", 5))
    world.at(f"{FRIDAY} 16:20")
    assert len(world.events(e.OrderSubmitted)) == 1, "an ask of 0.08 is not bought back"
    world.bar("TSLA", 251)
    world.bar("NVDA", 121)
    world.at(f"{FRIDAY} 16:30")
    in_order(
        world.happened,
        (
            e.OptionExpiredWorthless,
            {"contract": TSLA, "quantity": 7, "premium": cents("2,730.00"), "close_e4": e4(251)},
        ),
        (e.PositionClosed, {"pnl": cents("2,725.45"), "cause": "EXPIRED"}),
        (e.TaxableEventRecorded, {"year": 2025, "tax_class": "ST", "gain": cents("2,725.45")}),
        (e.TaxReserveAdjusted, {"delta": cents("817.64"), "reserve": cents("817.64"), "t_ytd": cents("817.64")}),
        (e.WheelPhaseChanged, {"ticker": "TSLA", "to_phase": "IDLE"}),
        (e.PositionMarked, {"corpus": cents("401,907.81"), "tax_reserve": cents("817.64"), "nav": cents("402,725.45")}),
    )
    assert world.corpus("GEN") == cents("401,907.81")
    world.at("2025-06-14 10:00")
    week = {w.ticker: w for w in world.events(e.WeekClassified)}
    assert {t: w.primary_type for t, w in week.items()} == {"TSLA": "P-EW", "NVDA": "W-IDL", None: "P-EW"}
    assert percent(week[None].return_pre) == "0.6814"
    assert percent(week[None].return_post) == "0.4770"
    assert week["TSLA"].put_type == "P-EW"
    assert week["TSLA"].call_type == ""
    assert week["TSLA"].weight == cents(173_250)
    applied = world.one(e.WeeklyReinvestmentApplied)
    assert (applied.old, applied.new) == (cents("400,000.00"), cents("401,907.81"))
    from domain.sizing import budget

    assert budget(world.decision(), world.account("GEN")).total == cents("381,812.41")
    assert world.buffer("GEN") == cents("20,095.39")
    assert {k: v for k, v in world.account("GEN").ledger.items() if v} == {
        "CASH": cents("401,907.81"),
        "TAX_RESERVE": cents("817.64"),
        "COMMISSIONS": cents("4.55"),
        "REALISED_OPTION_PNL": -cents("2,730.00"),
        "EQUITY_BASE": -cents("400,000.00"),
    }


# --- EX-06 --------------------------------------------------------------------------------------------------------


def test_ex_06_full_wheel_rev() -> None:
    world = BookWorld(MONDAY, "2025-07-11")
    aapl_put = occ("AAPL", FRIDAY, "P", 225)
    world.take_over(world.sleeve("REV", "300,000.00"), config={"rev.profit_take_pct": "100"})
    world.at(f"{MONDAY} 09:00")
    world.statement()
    world.at(f"{MONDAY} 10:00")
    world.at(f"{MONDAY} 10:04:50")
    world.chain("AAPL", 229, put(FRIDAY, 225, "2.43", "2.47", 35))
    world.at(f"{MONDAY} 10:05")
    selected = world.one(e.EligibleStrikeSelected)
    assert percent(selected.premium) == "1.0889"
    submitted = world.one(e.OrderSubmitted)
    assert (submitted.contract, submitted.quantity) == (aapl_put, 3), "71,250.00 a ticker carry three"
    assert collateral(world, "REV") == cents(67_500)
    world.ack(world.order("AAPL"))
    world.fill(world.order("AAPL"), 3, "2.45")
    # Friday: 219.40
    for weekday in ("2025-06-10", "2025-06-11", "2025-06-12", FRIDAY):
        world.at(f"{weekday} 09:00")
        world.statement()
    world.at(f"{FRIDAY} 14:00")
    world.mark(("AAPL", "219.40"))
    decided = world.at(f"{FRIDAY} 15:45")
    decision = world.one(e.ExpiryDecisionMade, decided)
    assert decision.action == "ACCEPT_ASSIGNMENT"
    assert percent(decision.moneyness) == "2.4889"
    world.at(f"{FRIDAY} 16:20")
    world.bar("AAPL", "219.40")
    world.at(f"{FRIDAY} 23:00")
    cash_before = world.account("REV").ledger["CASH"]
    taxable = len(world.events(e.TaxableEventRecorded))
    noticed = world.assign(aapl_put, 3, FRIDAY)
    in_order(
        noticed,
        (
            e.OptionAssigned,
            {"contract": aapl_put, "quantity": 3, "shares": 300, "basis": cents("66,766.95"), "early": False},
        ),
        (e.TaxLotOpened, {"quantity": 300, "basis": cents("66,766.95"), "price_e4": e4(225), "acquired": day(FRIDAY)}),
        (e.WheelPhaseChanged, {"to_phase": "SHARES_HELD"}),
    )
    assert world.account("REV").ledger["CASH"] == cash_before - cents(67_500)
    assert collateral(world, "REV") == 0
    assert len(world.events(e.TaxableEventRecorded)) == taxable, "no taxable event"
    world.at("2025-06-14 10:00")
    assert world.one(e.WeekClassified, ticker="AAPL").primary_type == "P-AWL"
    assert world.one(e.WeekClassified, ticker="MSFT").primary_type == "W-IDL"
    assert not world.events(e.WeeklyReinvestmentApplied), "REV is not reinvested by the week"
    # Monday: 220.10; the 222.50 call would sell the shares below their cost
    second = "2025-06-20"
    world.at(f"{NEXT_MONDAY} 09:00")
    world.statement()
    world.at(f"{NEXT_MONDAY} 09:59:50")
    world.chain("AAPL", "220.10", call(second, "222.50", "2.30", "2.34", 38), call(second, 225, "1.34", "1.36", 31))
    sold = world.at(f"{NEXT_MONDAY} 10:00")
    signal = world.one(e.TradeSignalGenerated, sold)
    aapl_call = occ("AAPL", second, "C", 225)
    assert (signal.contract, signal.quantity) == (aapl_call, 3)
    assert percent(world.one(e.EligibleStrikeSelected, sold).premium) == "0.6134"
    from domain.selection import call_floor

    mode, floor = call_floor(world.account("REV"), "AAPL", e4("220.10"), world.decision().config("S001-REV-001"))
    assert (mode, round(float(floor))) == ("NORMAL", e4("222.5565"))
    world.ack(world.order("AAPL"))
    world.fill(world.order("AAPL"), 3, "1.35")
    for weekday in ("2025-06-17", "2025-06-18", second):
        world.at(f"{weekday} 09:00")
        world.statement()
    world.at(f"{second} 14:00")
    world.mark(("AAPL", "227.30"))
    decided = world.at(f"{second} 15:45")
    assert world.one(e.ExpiryDecisionMade, decided).action == "LET_CALL_AWAY"
    world.at(f"{second} 16:20")
    world.bar("AAPL", "227.30")
    world.at(f"{second} 23:00")
    noticed = world.assign(aapl_call, 3, second)
    in_order(
        noticed,
        (e.SharesCalledAway, {"shares": 300, "proceeds": cents("67,903.05"), "close_e4": e4("227.30")}),
        (e.TaxableEventRecorded, {"tax_class": "ST", "gain": cents("1,136.10")}),
        (e.TaxReserveAdjusted, {"delta": cents("340.83"), "reserve": cents("340.83")}),
        (e.WheelPhaseChanged, {"ticker": "AAPL", "to_phase": "IDLE"}),
    )
    world.at("2025-06-21 10:00")
    assert world.events(e.WeekClassified, ticker="AAPL")[-1].primary_type == "C-WAP"
    world.at("2025-06-23 09:30")
    ledger = world.account("REV").ledger
    assert ledger["CASH"] + ledger["TAX_RESERVE"] == cents("301,136.10"), "all settled"
    assert ledger["CASH_UNSETTLED"] == ledger["POSITIONS_AT_COST"] == ledger["PREMIUM_LIABILITY"] == 0
    assert ledger["TAX_RESERVE"] == cents("340.83")


# --- EX-24 --------------------------------------------------------------------------------------------------------


def test_ex_24_buffer() -> None:
    world = BookWorld(MONDAY, "2025-06-27")
    # corpus 100,000.00 of which 5,200.00 are free: shares worth 94,800.00
    lot = c.ImportedLot("lot-1", "TSLA", 400, day("2025-05-01"), cents("94,800.00"), e4(237), 0)
    world.mark(("TSLA", 237))
    world.take_over(world.sleeve("GEN", "5,200.00", lots=[lot]))
    assert world.corpus("GEN") == cents("100,000.00")
    world.at(f"{MONDAY} 11:00")
    charged = world.ask(c.RecordFee, "S001-GEN-001", cents("300.00"), "data")
    assert world.corpus("GEN") == cents("99,700.00")
    breach = world.one(e.BufferBreached, charged)
    assert (breach.required, breach.free_cash) == (cents("4,985.00"), cents("4,900.00"))
    assert world.one(e.TradingModeRestricted, charged).mode == "NO_NEW_ENTRIES"
    assert world.one(e.AlertRaised, charged).priority == "MEDIUM"
    world.at("2025-06-10 11:00")
    asked = world.ask(c.TransferCapital, "CONTRIBUTION", "S001-GEN-001", cents("600.00"))
    world.grant(world.one(e.ApprovalRequested, asked).approval_id, by="owner-2", role="OWNER")
    assert world.corpus("GEN") == cents("100,300.00")
    assert not world.events(e.BufferRestored), "restored at the end of the day"
    world.at("2025-06-10 16:30")
    restored = world.one(e.BufferRestored)
    assert (restored.required, restored.free_cash) == (cents("5,015.00"), cents("5,500.00"))
    assert world.account("GEN").restrictions == {}


# --- EX-30 --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "chosen"),
    [("RED", "243.00"), ("CHOP", "238.00"), ("GREEN", "247.50")],
)
def test_ex_30_week_mode_shift(mode: str, chosen: str) -> None:
    world = week_mode_world(mode)
    world.chain(
        "TSLA", 250, put(FRIDAY, "247.50", "4.45", "4.55", 46), put(FRIDAY, "243.00", "4.10", "4.20", 39),
        put(FRIDAY, "238.00", "3.85", "3.95", 31),
    )  # fmt: skip
    world.at(f"{THURSDAY} 10:00")
    assert world.one(e.TradeSignalGenerated).contract == occ("TSLA", FRIDAY, "P", chosen)


def week_mode_world(mode: str) -> BookWorld:
    """Thursday before the window with a week mode that acts."""
    world = BookWorld(MONDAY, "2025-06-27")
    world.take_over(world.sleeve("GEN", "400,000.00"), config={"gen.tickers": "TSLA", "week_mode.apply": "ACTIVE"})
    world.ask(c.GuessWeekMode, "2025W24", mode)
    world.at(f"{THURSDAY} 09:00")
    world.statement()
    world.at(f"{THURSDAY} 09:59:50")
    return world


@pytest.mark.parametrize("mode", ["RED", "CHOP", "GREEN"])
def test_ex_30_no_strike(mode: str) -> None:
    world = week_mode_world(mode)
    for minute in range(0, 60, 5):
        world.at(et(f"{THURSDAY} 10:00") + minute * 60_000_000 - 10_000_000)
        world.chain("TSLA", 250, put(FRIDAY, 252, "4.45", "4.55", 52), put(FRIDAY, 236, "3.85", "3.95", 28))
        world.at(f"{THURSDAY} 10:{minute:02d}")
        assert not world.events(e.EntrySkipped)
    world.at(f"{THURSDAY} 11:00")
    assert world.one(e.EntrySkipped).reason == "NO_ELIGIBLE_STRIKE"


def test_ex_30_size_rules_are_unchanged() -> None:
    quantities: set[int] = set()
    for mode in ("RED", "CHOP", "GREEN"):
        world = week_mode_world(mode)
        listed = [put(FRIDAY, "247.50", "4.45", "4.55", delta) for delta in (45,)]
        shifted = {"RED": 40, "CHOP": 35, "GREEN": 45}[mode]
        world.chain("TSLA", 250, *(put(FRIDAY, "247.50", "4.45", "4.55", shifted) for _ in listed))
        world.at(f"{THURSDAY} 10:00")
        quantities.add(world.one(e.TradeSignalGenerated).quantity)
    assert quantities == {15}


# --- EX-31 --------------------------------------------------------------------------------------------------------


def test_ex_31_partial_fill_and_late_fill() -> None:
    world = gen_entry()
    order = world.order("TSLA")
    world.ack(order)
    world.fill(order, 4, "3.90", exec_id="first")
    assert order.state == "PARTIALLY_FILLED"
    world.at(f"{THURSDAY} 11:30")
    world.one(e.OrderCancelRequested)
    world.fill(order, 1, "3.85", exec_id="late")
    assert world.book.orders[order.order_id].state == "CANCEL_REQUESTED"
    assert world.events(e.OrderPartiallyFilled)[-1].state == "CANCEL_REQUESTED"
    world.status(order, "CANCELLED")
    final = world.book.orders[order.order_id]
    assert (final.filled, final.state) == (5, "CANCELLED")
    assert world.one(e.OrderCancelled).cum_quantity == 5
    assert collateral(world, "GEN") == cents("123,750.00")
    assert world.fill(order, 1, "3.85", exec_id="late", again=True) == [], "the same execution id again is ignored"
    assert not world.events(e.EntrySkipped, ticker="TSLA"), "a partial fill stands"
    reconciled = world.statement("INTRADAY")
    assert world.one(e.ReconciliationCompleted, reconciled).book_cash == world.broker.cash
    assert not world.events(e.ReconciliationBreakDetected)
