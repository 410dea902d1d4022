"""PT-01 to PT-19 one by one (protocol 12.2), at their bounds: each is asked about an order in a book made for it."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from domain import commands as c
from domain.pretrade import CHECKS, FAILED, PASSED, SKIPPED, WARNED, Intent
from domain.state import Lot, ShortOption, Slice
from tests.harness.book_world import BookWorld, call, cents, day, e4, et, occ, put

MONDAY, THURSDAY, FRIDAY = "2025-06-09", "2025-06-12", "2025-06-13"
PUT, CALL = occ("TSLA", FRIDAY, "P", "247.50"), occ("TSLA", FRIDAY, "C", "255")


def world(*, cash: str = "400,000.00", kind: str = "GEN", config: dict[str, str] | None = None) -> BookWorld:
    """One account on Thursday 10:00 with a fresh chain; nothing is ordered by itself."""
    made = BookWorld("2025-06-02", "2025-07-11")
    quiet = {"gen.entry_days": "MON", "gen.cc_entry_days": "MON", "gen.tickers": "TSLA,NVDA", "starlab.enabled": "true"}
    made.take_over(made.sleeve(kind, cash), config={**quiet, **(config or {})})
    made.at(f"{THURSDAY} 09:00")
    made.statement()
    rows = (
        put(FRIDAY, "247.50", "3.85", "3.95", 45), call(FRIDAY, "255", "2.00", "2.10", 40),
        put(FRIDAY, "240", "1.90", "2.00", 25),
    )  # fmt: skip
    made.at(f"{THURSDAY} 09:59:50")
    made.chain("TSLA", 250, *rows)
    made.at(f"{THURSDAY} 10:00")
    made.chain("TSLA", 250, *rows)
    return made


def opening(made: BookWorld, **changes: Any) -> Intent:
    """A put sold as an entry: one contract at mid."""
    d = made.decision()
    plain = Intent(
        contract=PUT, ticker="TSLA", side="SELL", effect="OPEN", quantity=1, total=1, limit_e4=39_000, purpose="ENTRY",
        quote=d.market.quote(PUT), premium=Fraction(390, 24_750), gate=Fraction(15, 1000), delta_low=Fraction(40),
        delta_high=Fraction(50), spot_e4=2_500_000,
    )  # fmt: skip
    return replace(plain, **changes)


def closing(made: BookWorld, **changes: Any) -> Intent:
    """The put bought back by a person."""
    return opening(made, **({"side": "BUY", "effect": "CLOSE", "purpose": "CLOSE"} | changes))


def answer(check: str, made: BookWorld, intent: Intent, kind: str = "GEN") -> str:
    """What a check says."""
    return CHECKS[check](made.decision(), made.account(kind), intent)[0]


def hold_put(
    made: BookWorld, contract: str = PUT, quantity: int = 1, kind: str = "GEN", *, opened: str = MONDAY
) -> None:
    """The account is short so many puts."""
    opened_us = made.calendar.et(day(opened), 600)
    made.account("GEN").shorts[contract] = ShortOption(
        f"p-{contract}", contract, [Slice(quantity, 39_000, 65)], 2_500_000, 10_000_000, opened_us, "chain", "GEN"
    )


def hold_shares(made: BookWorld, quantity: int, contract: str = "TSLA", acquired: str = MONDAY) -> None:
    """The account holds so many shares, or long options."""
    lots = made.account("GEN").lots
    lots.append(Lot(f"l{len(lots)}", contract, quantity, day(acquired), 250_00 * quantity, 2_500_000))


# --- PT-01 to PT-05 -------------------------------------------------------------------------------------------------


def test_pt_01_a_kill_switch_stops_all_but_exits_and_closes_by_people() -> None:
    made = world()
    assert answer("PT-01", made, opening(made)) == PASSED
    made.ask(c.EngageKillSwitch, None, "test")
    assert answer("PT-01", made, opening(made)) == FAILED
    assert answer("PT-01", made, closing(made, purpose="PROFIT_TAKE")) == FAILED
    for purpose in ("CLOSE", "STOP_LOSS", "CHEAP_BUYBACK"):
        assert answer("PT-01", made, closing(made, purpose=purpose)) == SKIPPED
    # a roll is expiry handling on the day of the expiry alone
    assert answer("PT-01", made, opening(made, effect="ROLL", purpose="ROLL")) == FAILED
    made.at(f"{FRIDAY} 14:30")
    assert answer("PT-01", made, opening(made, effect="ROLL", purpose="ROLL")) == SKIPPED
    assert answer("PT-01", made, opening(made)) == FAILED


def test_pt_01_a_kill_switch_of_one_account_leaves_the_other() -> None:
    made = world()
    made.ask(c.EngageKillSwitch, "S001-GEN-001", "test")
    assert answer("PT-01", made, opening(made)) == FAILED
    made.account("GEN").suspensions.clear()
    assert answer("PT-01", made, opening(made)) == PASSED


@pytest.mark.parametrize(
    ("mode", "opens", "calls"),
    [
        ("NORMAL", PASSED, PASSED), ("CC_ONLY", FAILED, PASSED), ("NO_NEW_ENTRIES", FAILED, FAILED),
        ("PRESERVATION", FAILED, FAILED),
    ],
)  # fmt: skip
def test_pt_02_the_mode_says_what_may_be_opened(mode: str, opens: str, calls: str) -> None:
    made = world()
    if mode != "NORMAL":
        made.account("GEN").restrictions["X"] = mode
    assert answer("PT-02", made, opening(made)) == opens
    assert answer("PT-02", made, opening(made, contract=CALL)) == calls
    assert answer("PT-02", made, closing(made)) == PASSED, "closing orders skip the mode"


@pytest.mark.parametrize(
    ("state", "opens", "closes"),
    [
        ("ACTIVE", PASSED, PASSED), ("SUSPENDED", FAILED, PASSED), ("MERGING", FAILED, PASSED),
        ("CLOSING", FAILED, PASSED), ("CLOSED", FAILED, FAILED), ("PENDING_FUNDING", FAILED, FAILED),
    ],
)  # fmt: skip
def test_pt_02_the_state_says_what_may_be_done(state: str, opens: str, closes: str) -> None:
    made = world()
    made.account("GEN").state = state
    assert answer("PT-02", made, opening(made)) == opens
    assert answer("PT-02", made, opening(made, purpose="HEDGE")) == opens
    assert answer("PT-02", made, closing(made)) == closes
    assert answer("PT-02", made, opening(made, effect="ROLL", purpose="ROLL")) == closes


@pytest.mark.parametrize(
    ("mode", "broker", "wanted"),
    [
        ("PAPER", "DU1", PASSED), ("PAPER", "U1", FAILED), ("LIVE", "U1", PASSED), ("LIVE", "DU1", FAILED),
        ("SIM", "DU1", PASSED),
    ],
)  # fmt: skip
def test_pt_03_paper_and_live_do_not_meet(mode: str, broker: str, wanted: str) -> None:
    made = world()
    made.book.config["SYSTEM"]["env.mode"] = mode
    made.book.broker_account = broker
    assert answer("PT-03", made, opening(made)) == wanted


def test_pt_04_what_may_be_opened() -> None:
    made = world()
    assert answer("PT-04", made, opening(made)) == PASSED
    assert answer("PT-04", made, opening(made, ticker="IBM")) == FAILED, "not in the list"
    assert answer("PT-04", made, opening(made, ticker="IBM", purpose="HEDGE")) == PASSED
    assert answer("PT-04", made, opening(made, contract="TSLA1 250613P00247500X")) == FAILED, "adjusted"
    assert answer("PT-04", made, closing(made, ticker="IBM")) == PASSED, "closing skips the lists"
    assert answer("PT-04", made, closing(made, contract="TSLA1 250613P00247500X")) == FAILED
    assert answer("PT-04", made, opening(made, contract="TSLA", purpose="SHARES")) == PASSED
    made.book.config["SYSTEM"]["common.blacklist"] = "TSLA"
    assert answer("PT-04", made, opening(made)) == FAILED
    assert answer("PT-04", made, closing(made)) == PASSED
    made.book.config["SYSTEM"]["common.blacklist"] = ""
    made.task.partition.market.halted["TSLA"] = True
    assert answer("PT-04", made, opening(made)) == FAILED


def test_pt_05_session_and_window() -> None:
    made = world()
    wanted = {
        "10:00": (PASSED, PASSED), "11:29:59": (PASSED, PASSED), "11:30": (FAILED, PASSED),
        "15:59:59": (FAILED, PASSED), "16:00": (FAILED, FAILED),
    }  # fmt: skip
    for clock, (entry, close) in wanted.items():
        made.at(f"{THURSDAY} {clock}")
        assert answer("PT-05", made, opening(made)) == entry, clock
        assert answer("PT-05", made, closing(made)) == close, clock
        assert answer("PT-05", made, opening(made, purpose="INSTRUCTION")) == close, clock
    made.at(f"{FRIDAY} 09:29:59")
    assert answer("PT-05", made, closing(made)) == FAILED
    made.at(f"{FRIDAY} 09:30")
    assert answer("PT-05", made, closing(made)) == PASSED
    assert answer("PT-05", made, opening(made)) == FAILED, "the window begins at 10:00"


# --- PT-06 to PT-08 -------------------------------------------------------------------------------------------------


def test_pt_06_a_quote_of_30_s_is_fresh_one_of_31_s_is_not() -> None:
    made = world()
    made.at(f"{THURSDAY} 10:00:30")
    assert answer("PT-06", made, opening(made)) == PASSED
    assert answer("PT-06", made, opening(made, contract="TSLA", quote=None)) == PASSED
    made.at(f"{THURSDAY} 10:00:31")
    assert answer("PT-06", made, opening(made)) == FAILED
    assert answer("PT-06", made, closing(made)) == FAILED
    assert answer("PT-06", made, opening(made, contract="TSLA", quote=None)) == FAILED
    assert answer("PT-06", made, opening(made, quote=None)) == FAILED
    assert answer("PT-06", made, opening(made, contract="IBM", ticker="IBM", quote=None)) == FAILED


def test_pt_06_of_a_roll_the_older_quote_counts() -> None:
    made = world()
    old = made.decision().market.quote(PUT)
    made.at(f"{THURSDAY} 10:00:31")
    made.chain("TSLA", 250, put(FRIDAY, "240", "1.90", "2.00", 25))
    new = made.decision().market.quote(occ("TSLA", FRIDAY, "P", "240"))
    assert answer("PT-06", made, opening(made, quote=new)) == PASSED
    assert answer("PT-06", made, opening(made, quote=old, new_quote=new)) == FAILED
    assert answer("PT-06", made, opening(made, quote=new, new_quote=old)) == FAILED


@pytest.mark.parametrize(
    ("quote", "wanted"),
    [
        ({"open_interest": 500}, PASSED), ({"open_interest": 499}, FAILED), ({"volume": 100}, PASSED),
        ({"volume": 99}, FAILED), ({"bid_e4": 39_000, "ask_e4": 41_000}, PASSED),
        ({"bid_e4": 38_999, "ask_e4": 41_000}, FAILED), ({"bid_e4": 0}, FAILED),
        ({"bid_e4": 41_000, "ask_e4": 39_000}, FAILED),
    ],
)  # fmt: skip
def test_pt_07_open_interest_volume_and_spread(quote: dict[str, int], wanted: str) -> None:
    made = world()
    found = made.decision().market.quote(PUT)
    assert found is not None
    changed = found._replace(**quote)
    assert answer("PT-07", made, opening(made, quote=changed)) == wanted
    for other in (closing(made, quote=changed), opening(made, quote=changed, purpose="HEDGE")):
        assert answer("PT-07", made, other) == SKIPPED
    assert answer("PT-07", made, opening(made, quote=changed, purpose="LEAPS")) == SKIPPED
    assert answer("PT-07", made, opening(made, contract="TSLA", quote=None)) == SKIPPED


@pytest.mark.parametrize(
    ("delta", "premium", "wanted"),
    [
        (4000, "0.015", PASSED), (3999, "0.015", FAILED), (5000, "0.015", PASSED), (5001, "0.015", FAILED),
        (4500, "0.014999", FAILED),
    ],
)  # fmt: skip
def test_pt_08_delta_and_premium_of_the_strategy(delta: int, premium: str, wanted: str) -> None:
    made = world()
    found = made.decision().market.quote(PUT)
    assert found is not None
    asked = {"quote": found._replace(delta_e2=delta), "premium": Fraction(premium)}
    assert answer("PT-08", made, opening(made, **asked)) == wanted
    assert answer("PT-08", made, opening(made, purpose="RESIDUAL", **asked)) == wanted
    for purpose in ("INSTRUCTION", "HEDGE", "LEAPS"):
        assert answer("PT-08", made, opening(made, purpose=purpose, **asked)) == SKIPPED
    assert answer("PT-08", made, closing(made, **asked)) == SKIPPED


# --- PT-09 to PT-13 -------------------------------------------------------------------------------------------------


def test_pt_09_an_opening_order_leaves_the_buffer() -> None:
    # given 400,000.00, buffer 20,000.00: fifteen puts take 371,250.00, sixteen 396,000.00
    made = world()
    assert answer("PT-09", made, opening(made, total=15)) == PASSED
    assert answer("PT-09", made, opening(made, total=16)) == FAILED
    made = world(cash="26,052.62")
    assert answer("PT-09", made, opening(made)) == FAILED, "1,302.62 after a buffer of 1,302.63"
    made = world(cash="26,052.63")
    assert answer("PT-09", made, opening(made)) == PASSED


def test_pt_09_what_needs_no_cash_is_not_asked() -> None:
    made = world(cash="1.00")
    assert answer("PT-09", made, closing(made)) == SKIPPED
    assert answer("PT-09", made, opening(made, contract=CALL)) == SKIPPED
    assert answer("PT-09", made, opening(made)) == FAILED


def test_pt_09_purchases_cost_their_limit_and_commission() -> None:
    # given 1,000.00, buffer 50.00; a call at 2.10 costs 210.65, shares cost their price
    made = world(cash="1,000.00")
    call_quote = made.decision().market.quote(CALL)
    buy = opening(made, contract=CALL, side="BUY", limit_e4=21_000, quote=call_quote, purpose="INSTRUCTION")
    assert answer("PT-09", made, replace(buy, total=4)) == PASSED
    assert answer("PT-09", made, replace(buy, total=5)) == FAILED
    assert answer("PT-09", made, replace(buy, limit_e4=94_900)) == PASSED, "949.00 + 0.65 = 949.65"
    assert answer("PT-09", made, replace(buy, limit_e4=95_000)) == FAILED, "950.00 + 0.65"
    assert answer("PT-09", made, replace(buy, limit_e4=95_000, purpose="HEDGE")) == PASSED, "a hedge may use the buffer"
    assert answer("PT-09", made, replace(buy, limit_e4=100_000, purpose="HEDGE")) == FAILED
    shares = opening(made, contract="TSLA", side="BUY", limit_e4=950_000, quote=None, purpose="SHARES", total=10)
    assert answer("PT-09", made, shares) == PASSED
    assert answer("PT-09", made, replace(shares, limit_e4=950_100)) == FAILED


def test_pt_09_a_roll_needs_the_difference_of_the_strikes() -> None:
    made = world(cash="100.00")
    higher, lower = made.decision().market.quote(PUT), made.decision().market.quote(occ("TSLA", FRIDAY, "P", "240"))
    up = opening(
        made, contract=occ("TSLA", FRIDAY, "P", "240"), effect="ROLL", purpose="ROLL", quote=lower, new_quote=higher
    )
    assert answer("PT-09", made, up) == FAILED
    down = opening(made, effect="ROLL", purpose="ROLL", quote=higher, new_quote=lower)
    assert answer("PT-09", made, down) == SKIPPED


def test_pt_10_calls_are_covered_and_shares_that_cover_are_not_sold() -> None:
    made = world()
    hold_shares(made, 299)
    assert answer("PT-10", made, opening(made, contract=CALL, total=2)) == PASSED
    assert answer("PT-10", made, opening(made, contract=CALL, total=3)) == FAILED
    assert answer("PT-10", made, opening(made)) == SKIPPED
    assert answer("PT-10", made, opening(made, contract=CALL, side="BUY", total=9)) == SKIPPED
    hold_put(made, CALL)
    assert answer("PT-10", made, opening(made, contract=CALL, total=1)) == PASSED
    assert answer("PT-10", made, opening(made, contract=CALL, total=2)) == FAILED
    sell = opening(made, contract="TSLA", side="SELL", effect="CLOSE", purpose="CLOSE", quote=None)
    assert answer("PT-10", made, replace(sell, total=199)) == PASSED
    assert answer("PT-10", made, replace(sell, total=200)) == FAILED
    # calls on another ticker, and puts, cover nothing and need nothing
    hold_put(made, occ("NVDA", FRIDAY, "C", "125"))
    hold_put(made, PUT)
    assert answer("PT-10", made, opening(made, contract=CALL, total=1)) == PASSED


def test_pt_11_an_order_has_at_most_1000_contracts_and_5_million_dollars() -> None:
    made = world(cash="400,000,000.00", config={"gen.tickers": "TSLA"})
    cheap, dear = occ("TSLA", FRIDAY, "C", "50"), occ("TSLA", FRIDAY, "C", "50.001")
    assert answer("PT-11", made, opening(made, contract=cheap, total=1000)) == PASSED, "5,000,000.00"
    assert answer("PT-11", made, opening(made, contract=dear, total=1000)) == FAILED
    low = occ("TSLA", FRIDAY, "C", "10")
    assert answer("PT-11", made, opening(made, contract=low, total=1001)) == FAILED
    assert answer("PT-11", made, closing(made, contract=dear, total=1001)) == PASSED, "closing has no cap"
    shares = opening(made, contract="TSLA", side="BUY", quote=None, limit_e4=2_500_000, purpose="SHARES")
    assert answer("PT-11", made, replace(shares, total=20_000)) == PASSED, "5,000,000.00"
    assert answer("PT-11", made, replace(shares, total=20_001)) == FAILED


def test_pt_11_the_ticker_cap_counts_collateral_and_shares() -> None:
    # given a cap of 25 % of 400,000.00: four puts are 99,000.00
    made = world(config={"common.ticker_cap_pct.gen": "25"})
    assert answer("PT-11", made, opening(made, total=4)) == PASSED
    assert answer("PT-11", made, opening(made, total=5)) == FAILED
    assert answer("PT-11", made, opening(made, contract=CALL, total=5)) == PASSED
    hold_put(made, quantity=1)
    assert answer("PT-11", made, opening(made, total=3)) == PASSED
    assert answer("PT-11", made, opening(made, total=4)) == FAILED


def test_pt_11_new_collateral_of_a_day_is_capped() -> None:
    made = world(config={"limits.daily_new_pct": "50"})
    assert answer("PT-11", made, opening(made, total=8)) == PASSED, "198,000.00 of 200,000.00"
    assert answer("PT-11", made, opening(made, total=9)) == FAILED
    made.account("GEN").new_collateral = cents("150,500.00")
    assert answer("PT-11", made, opening(made, total=2)) == PASSED, "exactly"
    made.account("GEN").new_collateral = cents("150,500.01")
    assert answer("PT-11", made, opening(made, total=2)) == FAILED


def test_pt_12_the_position_limit_counts_the_same_side_over_all_accounts() -> None:
    # given 80 % of a limit of 100
    made = world(config={"compliance.position_limit": "100"})
    assert answer("PT-12", made, opening(made, total=80)) == PASSED
    assert answer("PT-12", made, opening(made, total=81)) == FAILED
    hold_put(made, quantity=30)
    assert answer("PT-12", made, opening(made, total=50)) == PASSED
    assert answer("PT-12", made, opening(made, total=51)) == FAILED
    assert answer("PT-12", made, opening(made, contract=CALL, total=80)) == PASSED, "the other right"
    assert answer("PT-12", made, opening(made, side="BUY", total=80)) == PASSED, "the other side"
    assert (
        answer("PT-12", made, opening(made, contract=occ("NVDA", FRIDAY, "P", "100"), ticker="NVDA", total=80))
        == PASSED
    )
    assert answer("PT-12", made, closing(made, total=81)) == SKIPPED
    hold_shares(made, 10, CALL)
    # long calls and short puts are one side of the market: 30 and 10 are held
    assert answer("PT-12", made, opening(made, contract=CALL, side="BUY", total=40)) == PASSED
    assert answer("PT-12", made, opening(made, contract=CALL, side="BUY", total=41)) == FAILED


def test_pt_13_levels_and_breakers_keep_puts_out() -> None:
    made = world()
    assert answer("PT-13", made, opening(made)) == PASSED
    hold_put(made)
    made.account("GEN").shorts[PUT].level = 1
    assert answer("PT-13", made, opening(made)) == FAILED
    assert answer("PT-13", made, opening(made, ticker="NVDA")) == PASSED, "another ticker"
    assert answer("PT-13", made, opening(made, contract=CALL)) == PASSED
    for other in (closing(made), opening(made, purpose="HEDGE"), opening(made, effect="ROLL", purpose="ROLL")):
        assert answer("PT-13", made, other) == SKIPPED
    made.account("GEN").shorts.clear()
    made.account("GEN").restrictions["CONSECUTIVE_LOSSES"] = "NO_NEW_ENTRIES"
    assert answer("PT-13", made, opening(made)) == FAILED


# --- PT-14 to PT-19 -------------------------------------------------------------------------------------------------


def test_pt_14_the_fourth_day_trade_in_five_sessions_needs_25_000() -> None:
    # given an equity of 25,389.99 less a put marked at 390.00
    made = world(cash="25,389.99")
    hold_put(made, opened=THURSDAY)
    first, before = day("2025-06-06"), day("2025-06-05")
    made.book.day_trades[:] = [first, day("2025-06-09"), day("2025-06-10")]
    poor = closing(made, purpose="PROFIT_TAKE")
    assert answer("PT-14", made, poor) == FAILED
    made.book.day_trades[0] = before
    assert answer("PT-14", made, poor) == PASSED, "the sixth session back is forgotten"
    made.book.day_trades[0] = first
    assert answer("PT-14", made, closing(made, purpose="STOP_LOSS")) == SKIPPED
    assert answer("PT-14", made, opening(made)) == PASSED
    made.account("GEN").ledger["CASH"] += 1
    assert answer("PT-14", made, poor) == PASSED, "25,000.00"
    made.account("GEN").ledger["CASH"] -= 1
    hold_put(made, opened="2025-06-11")
    assert answer("PT-14", made, poor) == PASSED, "it was opened yesterday"
    made.book.config["SYSTEM"]["compliance.daytrade_regime"] = "CASH"
    assert answer("PT-14", made, poor) == SKIPPED


def test_sessions_before_the_calendar_begins_are_its_first() -> None:
    calendar = world().calendar
    first = day("2025-06-02")
    assert [calendar.sessions_back(first, n) for n in (0, 1, 9)] == [first] * 3
    assert calendar.sessions_back(day(THURSDAY), 4) == day("2025-06-06")


def test_pt_15_no_order_crosses_one_of_the_same_owner() -> None:
    made = world()
    for limit, crosses in (("3.90", True), ("3.85", True), ("3.95", False)):
        made = world(config={"gen.entry_days": "THU", "gen.tickers": "TSLA"})
        order = made.order("TSLA")
        made.ack(order)
        buy = closing(made, limit_e4=e4(limit))
        sold = order.limit_e4
        assert (answer("PT-15", made, buy) == FAILED) is (buy.limit_e4 >= sold), (limit, crosses)
        assert answer("PT-15", made, opening(made)) == PASSED, "the same side"
        assert answer("PT-15", made, replace(buy, contract=CALL, limit_e4=e4("9.00"))) == PASSED


@pytest.mark.parametrize(
    ("effect", "kind", "low", "high"),
    [("OPEN", "GEN", "3.71", "4.09"), ("CLOSE", "GEN", "3.51", "4.29"), ("OPEN", "EXT", "2.93", "4.87")],
)
def test_pt_17_the_collar_is_5_percent_of_mid_for_opens_10_for_closes_25_for_clients(
    effect: str, kind: str, low: str, high: str
) -> None:
    made = world(kind=kind)
    side = "SELL" if effect == "OPEN" else "BUY"
    asked = opening(made, effect=effect, side=side, purpose="CLOSE" if effect == "CLOSE" else "ENTRY")
    for limit, wanted in ((e4(low), PASSED), (e4(high), PASSED), (e4(low) - 100, FAILED), (e4(high) + 100, FAILED)):
        assert answer("PT-17", made, replace(asked, limit_e4=limit), kind) == wanted, limit
    assert answer("PT-17", made, replace(asked, limit_e4=1, purpose="STOP_LOSS"), kind) == SKIPPED


def test_pt_17_a_collar_is_never_narrower_than_five_cents() -> None:
    made = world()
    cheap = (opening(made).quote or pytest.fail("no quote"))._replace(bid_e4=900, ask_e4=1_100)
    for limit, wanted in ((500, PASSED), (1_500, PASSED), (499, FAILED), (1_501, FAILED)):
        assert answer("PT-17", made, opening(made, quote=cheap, limit_e4=limit)) == wanted, limit


def test_pt_18_the_same_order_again_within_5_s_is_a_duplicate() -> None:
    made = world(config={"gen.entry_days": "THU", "gen.tickers": "TSLA"})
    again = opening(made, purpose="INSTRUCTION")
    assert made.order("TSLA").contract == PUT
    assert answer("PT-18", made, again) == FAILED
    assert answer("PT-18", made, replace(again, contract=CALL)) == PASSED
    assert answer("PT-18", made, replace(again, side="BUY")) == PASSED
    for purpose in ("RESIDUAL", "STOP_LOSS"):
        assert answer("PT-18", made, replace(again, purpose=purpose)) == SKIPPED
    made.at(et(f"{THURSDAY} 10:00:05") - 1)
    assert answer("PT-18", made, again) == FAILED
    made.at(f"{THURSDAY} 10:00:05")
    assert answer("PT-18", made, again) == PASSED


def test_pt_19_what_needs_an_approval_has_one() -> None:
    made = world()
    assert answer("PT-19", made, opening(made)) == SKIPPED
    assert answer("PT-19", made, opening(made, needs_approval=True)) == FAILED
    assert answer("PT-19", made, opening(made, needs_approval=True, approval_id="a")) == PASSED


def test_results_stand_on_the_log_as_words() -> None:
    assert (PASSED, FAILED, SKIPPED, WARNED) == ("PASSED", "FAILED", "SKIPPED", "WARNED")
    assert list(CHECKS) == [f"PT-{n:02d}" for n in range(1, 20)]
