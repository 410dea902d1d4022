"""Rules of protocol 16.3 that refuse orders, the daily test of the controls, and halts (CR-04 to CR-06, CR-09)."""

from dataclasses import replace

import pytest

from domain import commands as c
from domain import events as e
from domain import inputs as i
from domain import pretrade
from domain.decision import Decision
from domain.market import Quote
from domain.pretrade import Intent
from domain.state import Account, ShortOption, Slice
from tests.harness.book_world import BookWorld, cents, day, e4, et, in_order, occ, put

MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY = (f"2025-06-{d:02d}" for d in (9, 10, 11, 12, 13))
PUT = occ("TSLA", FRIDAY, "P", "247.50")
CALL = occ("TSLA", FRIDAY, "C", "250")


def sold_put(quantity: int = 1) -> c.ImportedOption:
    """An open TSLA put."""
    return c.ImportedOption(PUT, quantity, e4("3.90"), 65 * quantity, et("2025-06-06 10:00"), e4(250))


def shares(quantity: int = 100, price: int = 250) -> c.ImportedLot:
    """TSLA shares."""
    return c.ImportedLot("l1", "TSLA", quantity, day("2025-06-02"), quantity * price * 100, e4(price), 0)


def world_with(*accounts: str, config: dict[str, str] | None = None, **of: c.ImportedAccount) -> BookWorld:
    """A book on Monday morning; `of` gives account records by type."""
    world = BookWorld("2025-06-05", "2025-07-11")
    world.at(f"{MONDAY} 08:00")
    world.take_over(*(of[kind] for kind in accounts), config=config)
    world.at(f"{MONDAY} 09:00")
    world.statement()
    return world


def always(verdict: str) -> pretrade.Check:
    """A check that is broken."""

    def broken(_d: Decision, _account: Account, _intent: Intent) -> tuple[str, str]:
        return verdict, "broken"

    return broken


def check(world: BookWorld, name: str, intent: Intent, kind: str = "GEN") -> tuple[str, str]:
    """Verdict of one pre-trade check."""
    return pretrade.CHECKS[name](world.decision(), world.account(kind), intent)


def quote(contract: str, bid: str, ask: str) -> Quote:
    """A quote of a contract."""
    return Quote(contract, day(FRIDAY), 250_000, contract[-9], e4(bid), e4(ask), 0, 500, 500, 500, 500_000, 5_000)


# --- CR-09 controls -----------------------------------------------------------------------------------------------


def test_the_controls_are_tested_each_session_before_the_open() -> None:
    world = BookWorld("2025-06-05", "2025-07-11")
    world.at(f"{MONDAY} 08:00")
    world.take_over(world.sleeve("GEN", "400,000.00"))
    tested = world.at(f"{FRIDAY} 20:00")
    found = [h for h in tested if isinstance(h.event, e.ControlsTested)]
    assert [h.envelope.recorded_at_us for h in found] == [
        et(f"{session} 09:15") for session in (MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY)
    ]
    assert {(r.check, r.result) for h in found for r in h.event.results} == {
        ("PT-11", "PASSED"), ("PT-17", "PASSED"), ("PT-18", "PASSED"), ("PT-01", "PASSED"),
    }  # fmt: skip
    assert not world.events(e.ComplianceBreachDetected)


def test_a_book_that_begins_in_the_session_is_tested_at_once() -> None:
    world = BookWorld("2025-06-05", "2025-07-11")
    world.at(f"{MONDAY} 11:00")
    assert [h for h in world.take_over(world.sleeve("GEN", "400,000.00")) if h.name == "ControlsTested"]


@pytest.mark.parametrize("name", ["PT-01", "PT-11", "PT-17", "PT-18"])
def test_a_control_that_lets_everything_pass_stops_trading_until_it_holds_again(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = BookWorld("2025-06-05", "2025-07-11")
    world.at(f"{WEDNESDAY} 20:00")
    world.take_over(world.sleeve("GEN", "400,000.00"), config={"gen.tickers": "TSLA", "gen.alloc_pct": "45"})
    # given a control that does not refuse what it must refuse
    with monkeypatch.context() as broken:
        broken.setitem(pretrade.CHECKS, name, always("PASSED"))
        stopped = world.at(f"{THURSDAY} 09:15")
    # then it is a breach, told, and nothing is opened that day
    in_order(
        stopped,
        e.ControlsTested,
        (e.ComplianceBreachDetected, {"rule": "CR-09"}),
        (e.AlertRaised, {"priority": "CRITICAL"}),
        (e.TradingModeRestricted, {"reason": "CONTROLS", "mode": "NO_NEW_ENTRIES"}),
    )
    assert list(world.one(e.ComplianceBreachDetected).evidence) == [name]
    world.statement()
    world.at(f"{THURSDAY} 09:59:50")
    world.chain("TSLA", 250, put(FRIDAY, "247.50", "3.85", "3.95", 45))
    world.at(f"{THURSDAY} 11:00")
    assert not world.events(e.OrderProposed)
    assert world.one(e.EntrySkipped).reason == "TRADING_MODE"
    # and the next test that holds lets it trade again
    world.at(f"{FRIDAY} 09:15")
    assert world.one(e.TradingModeRestrictionLifted).reason == "CONTROLS"


def test_a_control_that_refuses_everything_fails_too(monkeypatch: pytest.MonkeyPatch) -> None:
    world = BookWorld("2025-06-05", "2025-07-11")
    world.at(f"{WEDNESDAY} 20:00")
    world.take_over(world.sleeve("GEN", "400,000.00"))
    with monkeypatch.context() as broken:
        broken.setitem(pretrade.CHECKS, "PT-17", always("FAILED"))
        world.at(f"{THURSDAY} 09:15")
    assert list(world.one(e.ComplianceBreachDetected).evidence) == ["PT-17"]


@pytest.mark.parametrize(
    "config",
    [{"order.max_contracts": "1"}, {"order.max_notional": "1000000000"}, {"order.collar_open_pct": "1"},
     {"order.collar_open_pct": "100"}, {"order.max_notional": "20000"}],
)  # fmt: skip
def test_the_controls_hold_under_any_parameters(config: dict[str, str]) -> None:
    world = BookWorld("2025-06-05", "2025-07-11")
    world.at(f"{MONDAY} 11:00")
    world.take_over(world.sleeve("GEN", "400,000.00"), config=config)
    assert not world.events(e.ComplianceBreachDetected)


# --- CR-04 --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("regime", "verdict"), [("INTRADAY_MARGIN", "FAILED"), ("LEGACY_PDT", "PASSED")])
def test_a_buy_back_that_leaves_an_intraday_deficit_is_refused(regime: str, verdict: str) -> None:
    of_world = BookWorld("2025-06-05", "2025-07-11")
    held = c.ImportedOption(CALL, 1, e4("3.90"), 65, et("2025-06-06 10:00"), e4(250))
    gen = of_world.sleeve("GEN", "1,000.00", lots=[shares()], options=[held])
    world = world_with("GEN", GEN=gen, config={"compliance.daytrade_regime": regime})
    intent = Intent(CALL, "TSLA", "BUY", "CLOSE", 1, 1, e4("10.01"), "CLOSE", quote(CALL, "9.95", "10.01"))
    assert check(world, "PT-14", intent)[0] == verdict
    # 1,000.00 of cash pay for 10.00
    intent = Intent(CALL, "TSLA", "BUY", "CLOSE", 1, 1, e4("10.00"), "CLOSE", quote(CALL, "9.95", "10.00"))
    assert check(world, "PT-14", intent)[0] == "PASSED"


def test_an_exit_of_level_3_is_exempt_and_buying_a_put_back_frees_its_collateral() -> None:
    of_world = BookWorld("2025-06-05", "2025-07-11")
    gen = of_world.sleeve("GEN", "24,800.00", options=[sold_put()])
    world = world_with("GEN", GEN=gen, config={"compliance.daytrade_regime": "INTRADAY_MARGIN"})
    exit_ = Intent(PUT, "TSLA", "BUY", "CLOSE", 1, 1, e4("300"), "STOP_LOSS", quote(PUT, "299", "300"))
    assert check(world, "PT-14", exit_)[0] == "SKIPPED"
    close = Intent(PUT, "TSLA", "BUY", "CLOSE", 1, 1, e4("20.00"), "CLOSE", quote(PUT, "19.90", "20.00"))
    assert check(world, "PT-14", close)[0] == "PASSED"
    opens = Intent(PUT, "TSLA", "SELL", "OPEN", 1, 1, e4("3.90"), "ENTRY", quote(PUT, "3.85", "3.95"))
    assert check(world, "PT-14", opens)[0] == "FAILED", "50.00 do not cover another 24,750.00"


def test_a_roll_may_not_leave_an_intraday_deficit() -> None:
    of_world = BookWorld("2025-06-05", "2025-07-11")
    gen = of_world.sleeve("GEN", "24,850.00", options=[sold_put()])
    world = world_with("GEN", GEN=gen, config={"compliance.daytrade_regime": "INTRADAY_MARGIN"})
    # given a roll to the same strike of a week later: collateral stays, 100.00 are free
    later = quote(occ("TSLA", "2025-06-20", "P", "247.50"), "19.00", "19.10")
    roll = Intent(PUT, "TSLA", "BUY", "ROLL", 1, 1, e4("-1.00"), "ROLL", quote(PUT, "19.90", "20.00"), new_quote=later)
    assert check(world, "PT-14", roll)[0] == "PASSED", "a debit of 100.00"
    assert check(world, "PT-14", replace(roll, limit_e4=e4("-1.01")))[0] == "FAILED"
    assert check(world, "PT-14", replace(roll, limit_e4=e4("0.10")))[0] == "PASSED", "a credit"
    # and one to a higher strike needs 2.50 a share more
    higher = quote(occ("TSLA", "2025-06-20", "P", "250"), "21.00", "21.10")
    assert check(world, "PT-14", replace(roll, new_quote=higher, limit_e4=e4("0.10")))[0] == "FAILED"


def test_an_order_filled_in_parts_is_one_day_trade() -> None:
    world = BookWorld("2025-06-05", "2025-07-11")
    world.at(f"{WEDNESDAY} 20:00")
    config = {"gen.tickers": "TSLA", "gen.alloc_pct": "45", "gen.profit_take_pct": "100"}
    world.take_over(world.sleeve("GEN", "400,000.00"), config=config)
    world.at(f"{THURSDAY} 09:00")
    world.statement()
    world.at(f"{THURSDAY} 09:59:50")
    world.chain("TSLA", 250, put(FRIDAY, "247.50", "3.85", "3.95", 45))
    world.at(f"{THURSDAY} 10:00")
    order = world.order("TSLA")
    world.ack(order)
    world.fill(order, 7, "3.90")
    world.chain("TSLA", 250, put(FRIDAY, "247.50", "3.85", "3.95", 45))
    world.ask(c.GenerateExitSignal, "S001-GEN-001", PUT, 7)
    close = world.order("TSLA")
    world.ack(close)
    for quantity in (2, 2, 3):
        world.fill(close, quantity, "3.90")
    assert world.book.day_trades == [day(THURSDAY)]


# --- CR-05 --------------------------------------------------------------------------------------------------------


def assigned_early(regime: str) -> BookWorld:
    """GEN has 20,000.00 settled and 10,000.00 that settle later; its put is assigned for 24,750.00."""
    of_world = BookWorld("2025-06-05", "2025-07-11")
    gen = replace(of_world.sleeve("GEN", "20,000.00", options=[sold_put()]), cash_unsettled=cents("10,000.00"))
    world = world_with("GEN", GEN=gen, config={"compliance.daytrade_regime": regime})
    world.assign(PUT, 1, "2025-06-06")
    world.at(f"{MONDAY} 09:29")
    return world


def sale(quantity: int = 100) -> Intent:
    """A sale of TSLA shares."""
    return Intent("TSLA", "TSLA", "SELL", "CLOSE", quantity, quantity, e4(250), "CLOSE")


def test_shares_bought_with_unsettled_funds_are_not_sold_before_they_settle() -> None:
    world = assigned_early("CASH")
    (lot,) = world.account("GEN").lots
    assert lot.funds_settle == day(TUESDAY)
    verdict, detail = check(world, "PT-14", sale())
    assert verdict == "FAILED"
    assert detail == "100 bought with funds that have not settled; 0 such sales in 12 months"
    world.book.good_faith[:] = [day(MONDAY) - 365, day(MONDAY) - 364]
    assert check(world, "PT-14", sale())[1].endswith("; 1 such sales in 12 months"), "a year ago is over"
    world.book.good_faith.clear()
    world.at(f"{TUESDAY} 09:31")
    assert check(world, "PT-14", sale())[0] == "PASSED"
    # a margin account may
    assert check(assigned_early("LEGACY_PDT"), "PT-14", sale())[0] == "PASSED"


def test_shares_called_away_before_their_funds_settle_are_counted() -> None:
    world = assigned_early("CASH")
    account = world.account("GEN")
    account.shorts[CALL] = ShortOption("p1", CALL, [Slice(1, e4("3.90"), 65)], e4(250), 0, world.now, "chain", "GEN")
    world.assign(CALL, 1, MONDAY)
    assert world.book.good_faith == [day(MONDAY)]


def test_settled_cash_of_another_sleeve_of_the_brokerage_account_pays_too() -> None:
    of_world = BookWorld("2025-06-05", "2025-07-11")
    gen = replace(of_world.sleeve("GEN", "20,000.00", options=[sold_put()]), cash_unsettled=cents("10,000.00"))
    world = world_with("GEN", "COM", GEN=gen, COM=of_world.sleeve("COM", "50,000.00"))
    world.assign(PUT, 1, "2025-06-06")
    assert [lot.funds_settle for lot in world.account("GEN").lots] == [0]


# --- CR-06 --------------------------------------------------------------------------------------------------------


def test_position_limits_count_a_side_of_the_market_over_all_accounts() -> None:
    of_world = BookWorld("2025-06-05", "2025-07-11")
    leaps = c.ImportedLot("l2", occ("TSLA", "2026-06-18", "C", 200), 3, day(MONDAY), cents("15,000"), e4(50), 0)
    calls = c.ImportedOption(CALL, 1, e4("3.90"), 65, et("2025-06-06 10:00"), e4(250))
    world = world_with(
        "GEN", "COM", GEN=of_world.sleeve("GEN", "900,000.00", options=[sold_put(4)]),
        COM=of_world.sleeve("COM", "900,000.00", lots=[leaps, shares()], options=[calls]),
        config={"compliance.position_limit": "10"},
    )  # fmt: skip

    def opens(contract: str, quantity: int, kind: str = "GEN", side: str = "SELL") -> str:
        intent = Intent(contract, "TSLA", side, "OPEN", quantity, quantity, e4(4), "ENTRY", quote(contract, "3", "4"))
        return check(world, "PT-12", intent, kind)[0]

    # 80 % of 10: 4 short puts of GEN and 3 long calls of COM leave one
    assert (opens(PUT, 1), opens(PUT, 2)) == ("PASSED", "FAILED")
    assert (opens(PUT, 1, "COM"), opens(PUT, 2, "COM")) == ("PASSED", "FAILED")
    assert opens(CALL, 2, side="BUY") == "FAILED", "a long call is the same side as a short put"
    # the other side holds one short call
    assert (opens(CALL, 7), opens(CALL, 8)) == ("PASSED", "FAILED")
    assert opens(occ("NVDA", FRIDAY, "P", 100), 8) == "PASSED", "another underlying"


# --- halts --------------------------------------------------------------------------------------------------------


def test_a_halt_refuses_closings_but_not_because_of_lists() -> None:
    of_world = BookWorld("2025-06-05", "2025-07-11")
    world = world_with("GEN", GEN=of_world.sleeve("GEN", "400,000.00", options=[sold_put()]), config={
        "gen.tickers": "NVDA", "common.blacklist": "TSLA",
    })  # fmt: skip
    close = Intent(PUT, "TSLA", "BUY", "CLOSE", 1, 1, e4("4"), "CLOSE", quote(PUT, "3.95", "4"))
    assert check(world, "PT-04", close)[0] == "PASSED"
    world.task.partition.market.halted["TSLA"] = True
    assert check(world, "PT-04", close)[0] == "FAILED"


# --- CR-12 --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("permissions", ["CC", "CSP", ""])
def test_without_the_options_level_for_puts_and_calls_an_account_is_not_funded(permissions: str) -> None:
    world = BookWorld("2025-06-05", "2025-07-11")
    world.at(f"{MONDAY} 08:00")
    config = {"env.mode": "PAPER"}
    world.ask(c.CreateSystem, cents("500,000"), "subject-1", "DU1", config)
    world.report(i.BrokerLinked, "DU1", cents("500,000"), permissions)
    assert {account.state for account in world.book.accounts.values()} == {"PENDING_FUNDING"}
    assert world.one(e.AlertRaised, title="Options level of the brokerage account").priority == "HIGH"
    # once the broker permits both, it is
    world.report(i.BrokerLinked, "DU1", cents("500,000"), "CSP_AND_CC")
    assert {account.state for account in world.book.accounts.values()} == {"ACTIVE"}
