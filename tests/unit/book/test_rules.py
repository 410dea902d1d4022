"""Rules of the protocol one by one, as a book shows them: what the worked examples leave open."""

from dataclasses import replace
from fractions import Fraction

import pytest

from domain import commands as c
from domain import events as e
from domain import inputs as i
from domain.calendar import Calendar
from domain.config import Config
from domain.money import ceil_tick, floor_tick, ladder
from domain.selection import call_floor, put_expiry
from domain.state import Lot, TaxYear, Wheel
from domain.tax import estimated_tax, is_long_term
from domain.week_types import called_away_type, held_shares_type, put_assignment_type, put_closed_type
from processors.book.journal import read_key
from tests.harness.book_world import BookWorld, call, cents, day, e4, et, in_order, occ, put

MONDAY, TUESDAY, THURSDAY, FRIDAY, SATURDAY = "2025-06-09", "2025-06-10", "2025-06-12", "2025-06-13", "2025-06-14"
NEXT_MONDAY = "2025-06-16"
TSLA = occ("TSLA", FRIDAY, "P", "247.50")


def sold(*fills: tuple[int, str], config: dict[str, str] | None = None) -> BookWorld:
    """GEN has sold TSLA puts on Thursday in these fills."""
    world = BookWorld(MONDAY, "2025-07-11")
    world.take_over(world.sleeve("GEN", "400,000.00"), config={"gen.tickers": "TSLA", **(config or {})})
    world.at(f"{THURSDAY} 09:00")
    world.statement()
    world.at(f"{THURSDAY} 09:59:50")
    world.chain("TSLA", 250, put(FRIDAY, "247.50", "3.85", "3.95", 45))
    world.at(f"{THURSDAY} 10:00")
    order = world.order("TSLA")
    world.ack(order)
    for quantity, price in fills:
        world.fill(order, quantity, price)
    if order.state != "FILLED":
        world.at(f"{THURSDAY} 11:30")
        world.status(order, "CANCELLED")
    world.at(f"{FRIDAY} 09:00")
    world.statement()
    world.at(f"{FRIDAY} 16:20")
    return world


def close_friday(world: BookWorld, price: str) -> None:
    """Friday's official close and end-of-day job."""
    world.bar("TSLA", price, FRIDAY)
    world.at(f"{FRIDAY} 16:30")


# --- 7.4 notices --------------------------------------------------------------------------------------------------


def test_a_notice_after_the_weekly_job_reverses_the_expiry_and_reclassifies_the_week() -> None:
    world = sold((3, "3.90"), (2, "3.85"), (2, "3.80"))
    close_friday(world, "249.00")
    assert world.one(e.OptionExpiredWorthless).quantity == 7
    world.at(f"{SATURDAY} 10:00")
    assert world.one(e.WeekClassified, ticker="TSLA").primary_type == "P-EW"
    world.at(f"{NEXT_MONDAY} 08:00")
    noticed = world.assign(TSLA, 7, FRIDAY)
    in_order(
        noticed,
        (e.LedgerPosted, {"cause": "REVERSAL"}),
        (e.TaxableEventRecorded, {"gain": -(cents("2,700.00") - cents("4.55"))}),
        (e.OptionAssigned, {"quantity": 7}),
        (e.WeekReclassified, {"old_type": "P-EW", "primary_type": "P-AWL"}),
    )
    account = world.account("GEN")
    assert account.ledger["PREMIUM_LIABILITY"] == 0, "fills at several prices leave no cent behind"
    assert account.ledger["TAX_RESERVE"] == 0
    assert account.wheels["TSLA"].chain_net == cents("2,700.00") - cents("4.55")
    world.statement()
    assert not world.events(e.ReconciliationBreakDetected)
    world.at("2025-06-21 10:00")
    assert world.events(e.WeekClassified, ticker="TSLA")[-1].primary_type == "W-CAR", "no outcome of this week"


def test_a_notice_before_the_weekly_job_takes_the_premium_out_of_the_week() -> None:
    world = sold((7, "3.90"))
    close_friday(world, "249.00")
    world.at(f"{FRIDAY} 23:00")
    world.assign(TSLA, 7, FRIDAY)
    world.at(f"{SATURDAY} 10:00")
    week = world.one(e.WeekClassified, ticker="TSLA")
    assert (week.primary_type, week.pnl) == ("P-AWL", 0), "premium of an assigned put is no result (4.4)"


def test_a_notice_for_part_of_an_expired_position_leaves_the_rest_expired() -> None:
    world = sold((7, "3.90"))
    close_friday(world, "249.00")
    world.at(f"{FRIDAY} 23:00")
    world.assign(TSLA, 3, FRIDAY)
    world.lapse(TSLA)
    account = world.account("GEN")
    assert (account.shares("TSLA"), account.shorts) == (300, {})
    world.at(f"{NEXT_MONDAY} 09:00")
    world.statement()
    assert not world.events(e.ReconciliationBreakDetected)


def test_at_the_money_the_brokers_positions_decide() -> None:
    world = sold((7, "3.90"))
    close_friday(world, "247.60")
    assert world.one(e.ExpiryDecisionMade, action="AWAIT_NOTICE")
    world.at(f"{SATURDAY} 10:00")
    assert world.one(e.WeekClassified, ticker="TSLA").primary_type == "P-EW", "by the sign of p"
    world.lapse(TSLA)
    world.at(f"{NEXT_MONDAY} 09:00")
    world.statement()
    assert world.one(e.OptionExpiredWorthless)
    assert not world.events(e.WeekReclassified)


def test_in_the_money_the_option_waits_for_its_notice_whatever_the_statement_shows() -> None:
    world = sold((7, "3.90"))
    close_friday(world, "240.00")
    world.lapse(TSLA)
    world.at(f"{SATURDAY} 09:00")
    world.statement("CONNECT")
    assert TSLA in world.account("GEN").shorts
    assert not world.events(e.OptionExpiredWorthless)


def test_after_the_close_the_option_is_marked_at_intrinsic_value() -> None:
    world = sold((7, "3.90"))
    close_friday(world, "240.00")
    assert world.events(e.PositionMarked)[-1].nav == cents("402,725.45") - cents("5,250.00")


# --- 3.3, 9, 15.2 people ------------------------------------------------------------------------------------------


def two_people(world: BookWorld) -> None:
    """Two persons grant the newest request."""
    request = list(world.book.approvals)[-1]
    world.grant(request, by="risk-1", role="RISK")
    world.grant(request, by="trader-1", role="TRADER")


def gen(config: dict[str, str] | None = None) -> BookWorld:
    """A GEN account on Monday at noon."""
    world = BookWorld(MONDAY, "2025-07-11")
    world.take_over(world.sleeve("GEN", "400,000.00"), config=config)
    world.at(f"{MONDAY} 12:00")
    return world


def test_the_release_of_the_kill_switch_keeps_other_suspensions() -> None:
    world = gen()
    world.ask(c.SuspendAccount, "S001-GEN-001", "holiday")
    world.ask(c.EngageKillSwitch, None, "drill")
    world.ask(c.ReleaseKillSwitch, None)
    two_people(world)
    account = world.account("GEN")
    assert (account.state, account.suspensions, world.book.killed) == ("SUSPENDED", ["holiday"], False)
    world.ask(c.ResumeAccount, "S001-GEN-001")
    world.grant(list(world.book.approvals)[-1])
    assert account.state == "ACTIVE"


def test_who_asks_for_the_release_is_not_one_of_the_two() -> None:
    world = gen()
    world.ask(c.EngageKillSwitch, None, "drill")
    world.ask(c.ReleaseKillSwitch, None, by="risk-1", role="RISK")
    world.grant(list(world.book.approvals)[-1], by="risk-1", role="RISK")
    assert world.events(e.CommandRejected)[-1].code == "SELF_APPROVAL"


def test_a_resumption_granted_after_a_kill_switch_does_not_lift_it() -> None:
    world = gen()
    world.ask(c.SuspendAccount, "S001-GEN-001", "pause")
    world.ask(c.ResumeAccount, "S001-GEN-001")
    request = list(world.book.approvals)[-1]
    world.ask(c.EngageKillSwitch, "S001-GEN-001", "drill")
    world.grant(request)
    assert world.account("GEN").state == "SUSPENDED"


def test_changes_are_checked_again_when_they_are_approved() -> None:
    world = gen()
    world.ask(c.ProposeConfigurationChange, "SYSTEM", {"gen.delta_target": "50"})
    world.ask(c.ProposeConfigurationChange, "SYSTEM", {"gen.delta_max": "46"})
    for request in list(world.book.approvals):
        world.grant(request, by="risk-1", role="RISK")
        world.grant(request, by="trader-1", role="TRADER")
    assert world.one(e.ConfigurationChanged, version=2).new == {"gen.delta_target": "50"}
    rejected = world.one(e.ConfigurationRejected)
    assert rejected.code == "INVALID_CONFIGURATION"
    assert rejected.proposal_id == world.events(e.ConfigurationProposed)[1].proposal_id


def test_an_answer_at_the_time_of_expiry_is_late() -> None:
    world = gen({"gen.tickers": "NVDA", "gen.entry_days": "MON,TUE", "gen.tdte_max": "4"})
    world.at(f"{TUESDAY} 09:00")
    world.statement()
    world.at(f"{TUESDAY} 09:59:50")
    world.chain("NVDA", 121, put(FRIDAY, 120, "1.61", "1.63", 44))
    world.at(f"{TUESDAY} 10:00")
    request = world.one(e.ApprovalRequested)
    world.at(f"{TUESDAY} 11:00")
    world.grant(request.approval_id)
    assert world.one(e.CommandRejected).code == "TOO_LATE"


# --- 6.2, 12.1 windows and orders ---------------------------------------------------------------------------------


def test_a_late_first_tick_still_opens_the_window_of_the_day() -> None:
    world = gen({"gen.tickers": "TSLA", "gen.entry_days": "MON,TUE", "gen.tdte_max": "4"})
    world.at(f"{TUESDAY} 09:59")
    world.tick(et(f"{TUESDAY} 10:02"))
    assert world.events(e.EntryWindowOpened)[-1].session == day(TUESDAY)


def test_a_cancel_without_an_answer_leaves_the_order_unknown_and_is_asked_again() -> None:
    world = gen({"gen.tickers": "TSLA", "gen.entry_days": "MON,TUE", "gen.tdte_max": "4"})
    world.at(f"{TUESDAY} 09:00")
    world.statement()
    world.at(f"{TUESDAY} 09:59:50")
    world.chain("TSLA", 250, put(FRIDAY, "247.50", "3.85", "3.95", 45))
    world.at(f"{TUESDAY} 10:00")
    order = world.order("TSLA")
    world.ack(order)
    world.ask(c.CancelOrder, order.order_id)
    world.at(world.now + 3_000_000)
    assert order.state == "UNKNOWN"
    world.at(world.now + 31_000_000)
    assert world.one(e.AlertRaised, title="Order state unknown").priority == "HIGH"
    answered = world.ack(order)
    assert world.one(e.OrderCancelRequested, answered).reason == "CANCEL_LOST"


def test_a_confirmed_replacement_is_taken() -> None:
    world = gen({"gen.tickers": "TSLA", "gen.entry_days": "MON,TUE", "gen.tdte_max": "4"})
    world.at(f"{TUESDAY} 09:00")
    world.statement()
    world.at(f"{TUESDAY} 09:59:50")
    world.chain("TSLA", 250, put(FRIDAY, "247.50", "3.85", "3.95", 45))
    world.at(f"{TUESDAY} 10:00")
    order = world.order("TSLA")
    world.ack(order)
    world.at(f"{TUESDAY} 10:00:30")
    assert order.version == 2
    assert world.status(order, "REPLACED") == []
    last = read_key(world.journal()[-1].key or b"")
    assert last.disposition == "taken", "an answer of its own, not a repetition"


@pytest.mark.parametrize(
    ("when", "status", "wanted"),
    [
        ("15:59:59", "CANCELLED", e.OrderCancelled), ("16:00", "CANCELLED", e.OrderExpired),
        ("16:00:01", "CANCELLED", e.OrderExpired), ("15:59:59", "EXPIRED", e.OrderExpired),
    ],
)  # fmt: skip
def test_a_day_order_that_is_cancelled_at_or_after_the_close_has_expired(when: str, status: str, wanted: type) -> None:
    """Protocol 12.1."""
    world = BookWorld(MONDAY, "2025-07-11")
    held = c.ImportedOption(TSLA, 2, e4("3.90"), 130, et(f"{MONDAY} 09:00"), e4(250))
    world.take_over(world.sleeve("GEN", "400,000.00", options=[held]))
    world.at(f"{TUESDAY} 09:00")
    world.statement()
    world.at(f"{TUESDAY} 15:45")
    world.chain("TSLA", 250, put(FRIDAY, "247.50", "3.85", "3.95", 45))
    world.ask(c.GenerateExitSignal, "S001-GEN-001", TSLA)
    order = world.order("TSLA")
    world.ack(order)
    world.at(f"{TUESDAY} {when}")
    world.status(order, status)
    ended = (*world.events(e.OrderCancelled), *world.events(e.OrderExpired))
    assert [type(one) for one in ended] == [wanted]


def test_an_execution_of_an_unknown_order_is_taken_and_people_are_told() -> None:
    world = gen()
    told = world.report(i.BrokerExecution, "nobodys", "B1", "E1", TSLA, "SELL", 1, e4("3.90"), 65)
    assert [h.event.priority for h in told if isinstance(h.event, e.AlertRaised)] == ["CRITICAL"]
    assert read_key(world.journal()[-1].key or b"").disposition == "taken", "no repetition of anything"
    assert not world.account("GEN").shorts


def test_a_cancel_before_the_acknowledgement_walks_through_the_states() -> None:
    world = gen({"gen.tickers": "TSLA", "gen.entry_days": "MON,TUE", "gen.tdte_max": "4"})
    world.at(f"{TUESDAY} 09:00")
    world.statement()
    world.at(f"{TUESDAY} 09:59:50")
    world.chain("TSLA", 250, put(FRIDAY, "247.50", "3.85", "3.95", 45))
    world.at(f"{TUESDAY} 10:00")
    in_order(world.status(world.order("TSLA"), "CANCELLED"), e.OrderAcknowledged, e.OrderCancelled)


def test_the_volume_cap_names_itself_when_nothing_fits() -> None:
    world = gen({"gen.tickers": "TSLA", "gen.entry_days": "MON,TUE", "gen.tdte_max": "4"})
    world.at(f"{TUESDAY} 09:00")
    world.statement()
    for minute in range(0, 60, 5):
        world.at(et(f"{TUESDAY} 10:00") + minute * 60_000_000 - 5_000_000)
        world.chain("TSLA", 250, put(FRIDAY, "247.50", "3.85", "3.95", 45, adv20=9))
    world.at(f"{TUESDAY} 11:00")
    skipped = world.events(e.EntrySkipped)[-1]
    assert skipped.reason == "INSUFFICIENT_CAPITAL"
    assert "liquidity.max_order_pct_adv allows 0" in skipped.detail


# --- 2.5, 2.7, 6.6, 6.7 -------------------------------------------------------------------------------------------


def test_the_ladder_changes_its_tick_at_three_dollars() -> None:
    assert ladder(e4("3.10"), e4("2.98"), "TSLA") == [e4(p) for p in ("3.10", "3.05", "3.00", "2.99", "2.98")]
    assert ladder(e4("3.10"), e4("3.08"), "SPY") == [e4(p) for p in ("3.10", "3.09", "3.08")]
    assert (ceil_tick(Fraction(30_100), "TSLA"), floor_tick(Fraction(30_499), "TSLA")) == (30_500, 30_000)


@pytest.mark.parametrize(
    ("spot", "mode", "share"),
    [("95.01", "NORMAL", 100), ("95.00", "ROLL_DOWN", 95), ("90.00", "RECOVERY", 90), ("85.00", "DEEP", 100)],
)
def test_the_floor_of_a_covered_call(spot: str, mode: str, share: int) -> None:
    world = gen()
    account = world.account("GEN")
    account.lots = [Lot("a", "TSLA", 300, 1, cents(29_400), e4(100))]
    account.wheels["TSLA"] = Wheel("SHARES_HELD", "x", cents(600))
    found, floor = call_floor(account, "TSLA", e4(spot), Config(0))
    assert (found, floor) == (mode, Fraction(e4(98) * share, 100))


def calendar() -> Calendar:
    """2025 with its holidays."""
    return BookWorld("2025-06-02", "2025-12-31").calendar


@pytest.mark.parametrize(
    ("week", "entry"),
    [
        ("2025-06-09", "2025-06-12"),
        ("2025-06-16", "2025-06-18"),
        ("2025-06-30", "2025-07-02"),
        ("2025-11-24", "2025-11-26"),
    ],
)
def test_the_single_entry_day_moves_before_a_holiday_and_off_the_shifted_expiry(week: str, entry: str) -> None:
    found = [s for s in calendar().week_sessions(day(week)) if calendar().entry_on(["THU"], s)]
    assert found == [day(entry)]


def test_rev_takes_the_first_friday_in_its_range() -> None:
    config, sessions = Config(0), calendar()
    expiries = {
        d: put_expiry("REV", config, sessions, day(d)) for d in ("2025-06-09", "2025-06-11", "2025-07-02", "2025-06-30")
    }
    assert expiries == {
        "2025-06-09": day("2025-06-13"), "2025-06-11": day("2025-06-13"), "2025-07-02": day("2025-07-11"),
        "2025-06-30": day("2025-07-03"),
    }  # fmt: skip


def test_receipts_settle_on_the_next_session_that_is_no_bank_holiday() -> None:
    sessions = calendar()
    assert sessions.settlement(day("2025-10-10")) == day("2025-10-14"), "Columbus Day: exchanges open, no settlement"
    assert sessions.settlement(day("2025-06-18")) == day("2025-06-20"), "Juneteenth"


# --- 4.4 tax ------------------------------------------------------------------------------------------------------


def test_a_year_keeps_its_reserve_and_its_losses_go_into_the_next() -> None:
    config = Config(0)
    years = {"2025": TaxYear(short_term=-1_000_00, long_term=-500_00), "2026": TaxYear(short_term=3_000_00)}
    assert estimated_tax(years, "2026", config) == 450_00, "30 % of 3,000 less both losses of the year before"
    years = {"2025": TaxYear(short_term=1_000_00), "2026": TaxYear(short_term=-5_000_00)}
    assert estimated_tax(years, "2025", config) == 300_00
    assert estimated_tax({"2025": TaxYear(short_term=-1_000_00, long_term=3_000_00)}, "2025", config) == 300_00


def test_an_imported_year_keeps_its_reserve_when_the_next_one_begins() -> None:
    world = BookWorld("2025-12-29", "2026-02-27")
    year = c.ImportedTaxYear(2025, cents(20_000), 0, 0, 0, 0, 0, 0)
    world.take_over(world.sleeve("GEN", "394,000.00", tax_years=[year], tax_reserve="6,000.00"))
    world.at("2026-01-05 12:00")
    world.ask(c.RecordDividend, "S001-GEN-001", "TSLA", cents(100), False)
    assert world.account("GEN").ledger["TAX_RESERVE"] == cents("6,030.00")


def test_long_term_begins_the_day_after_the_anniversary() -> None:
    assert not is_long_term(day("2025-03-01"), day("2026-03-01"))
    assert is_long_term(day("2025-03-01"), day("2026-03-02"))


# --- 11.1 week types (EX-17) --------------------------------------------------------------------------------------


def test_ex_17_week_types() -> None:
    assert [put_assignment_type(e4(100), e4(p)) for p in ("95.00", "94.99", "85.00")] == ["P-AWL", "P-AOL", "P-DD"]
    assert [put_closed_type(e4(100), e4(99), pnl) for pnl in (-1, 0)] == ["P-XL", "P-EW"]
    assert put_closed_type(e4(100), e4(85), 5) == "P-DD"
    assert [called_away_type(Fraction(e4(100)), e4(p)) for p in ("105", "105.01", "99.50")] == [
        "C-WAP",
        "C-WAP+",
        "C-XL",
    ]
    u = [Fraction(e4(p) - e4(100), e4(100)) * 100 for p in ("95.01", "95", "90", "85")]
    assert [held_shares_type(x) for x in u] == ["", "C-RO", "C-REC", "P-DD"]


def test_a_split_keeps_collateral_cash_and_worth() -> None:
    world = sold((7, "3.90"))
    before = world.corpus("GEN")
    world.at(f"{FRIDAY} 16:25")
    world.split("TSLA", 2, 1)
    short = next(iter(world.account("GEN").shorts.values()))
    assert (short.contract, short.quantity) == (occ("TSLA", FRIDAY, "P", "123.75"), 14)
    assert abs(world.corpus("GEN") - before) < cents(3_000), "only the mark of the option may differ"


def test_a_call_is_not_written_under_the_floor() -> None:
    lot = c.ImportedLot("a", "TSLA", 300, day("2025-05-01"), cents(75_000), e4(250), 0)
    world = BookWorld(MONDAY, "2025-07-11")
    world.mark(("TSLA", 245))
    world.take_over(world.sleeve("GEN", "100,000.00", lots=[lot]), config={"gen.tickers": "TSLA"})
    world.at(f"{TUESDAY} 09:00")
    world.statement()
    for minute in range(0, 60, 5):
        world.at(et(f"{TUESDAY} 10:00") + minute * 60_000_000 - 5_000_000)
        world.chain("TSLA", 245, call(FRIDAY, "247.50", "3.85", "3.95", 45))
    world.at(f"{TUESDAY} 11:00")
    assert world.events(e.EntrySkipped)[-1].reason == "CC_FLOOR_UNMET"


def test_a_call_that_is_exercised_without_shares_is_told_as_critical() -> None:
    world = BookWorld(MONDAY, "2025-07-11")
    held = c.ImportedOption(occ("TSLA", FRIDAY, "C", "255"), 1, e4("2.00"), 65, et(f"{MONDAY} 09:00"), e4(250))
    world.take_over(world.sleeve("GEN", "400,000.00", options=[held]))
    world.at(f"{TUESDAY} 08:00")
    world.assign(held.contract, 1, MONDAY)
    alert = world.one(e.AlertRaised, title="Called away without shares")
    assert (alert.priority, alert.ticker) == ("CRITICAL", "TSLA")


# --- 3.2 lineage --------------------------------------------------------------------------------------------------


def test_forks_of_before_a_take_over_are_counted_whether_or_not_their_group_has_a_name() -> None:
    world = BookWorld(MONDAY, "2025-07-11")
    children = [
        replace(
            world.sleeve(kind, "25,000.00"), account_id=f"S001-GEN-001-F0{n}-{kind}", role="FORK_CHILD",
            parent_account_id="S001-GEN-001", fork_depth=1,
        )
        for n in (1, 2) for kind in ("GEN", "COM")
    ]  # fmt: skip
    world.take_over(world.sleeve("GEN", "400,000.00"), world.sleeve("COM", "100,000.00"), *children)
    # then the next fork is the third (protocol 3.2, 10.2: fork_seq = completed forks + 1)
    assert world.account("GEN").fork_seq == 2


# --- 2.9 timers ---------------------------------------------------------------------------------------------------


def test_a_timer_that_has_fired_is_gone() -> None:
    world = sold((7, "3.90"))
    close_friday(world, "251.00")
    world.at(f"{SATURDAY} 12:00")
    assert world.book.timers
    assert [key for key, due in world.book.timers.items() if due <= world.now] == []


def test_the_timers_of_a_parked_book_wait_for_its_release() -> None:
    # given a book that is set aside on Monday noon
    world = gen()
    world.log.append("commands", 0, b"S001", b"no record")
    world.runtime.run()
    assert world.book.parked
    # when the next session's controls and end-of-day job fall due, then nothing of it happens
    world.at(f"{TUESDAY} 17:00")
    assert [one.session for one in world.events(e.ControlsTested)] == [day(MONDAY)]
    # and after its release they are made up for
    world.ask(c.ReleaseBook, [])
    world.at(f"{TUESDAY} 17:01")
    assert [one.session for one in world.events(e.ControlsTested)] != [day(MONDAY)]
