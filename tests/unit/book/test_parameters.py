"""Parameters of protocol 18 in force: each test fails when its parameter is ignored."""

import pytest

from domain import commands as c
from domain import events as e
from domain import inputs as i
from domain import pretrade
from domain.calendar import iso, week_id
from domain.market import Quote
from domain.pretrade import Intent
from tests.harness.book_world import BookWorld, cents, day, e4, occ, put

WEDNESDAY, THURSDAY, FRIDAY = "2025-06-11", "2025-06-12", "2025-06-13"
PUT = occ("TSLA", FRIDAY, "P", "247.50")


def ready(config: dict[str, str] | None = None) -> BookWorld:
    """GEN may sell TSLA puts on Thursday; its corpus is 400,000.00."""
    world = BookWorld("2025-06-05", "2025-07-11")
    world.at(f"{WEDNESDAY} 20:00")
    overrides = {"gen.tickers": "TSLA", "gen.profit_take_pct": "100", **(config or {})}
    world.take_over(world.sleeve("GEN", "400,000.00"), config=overrides)
    world.at(f"{THURSDAY} 09:00")
    world.statement()
    world.at(f"{THURSDAY} 09:59:50")
    world.chain("TSLA", 250, put(FRIDAY, "247.50", "3.85", "3.95", 45))
    return world


def opening(quantity: int) -> Intent:
    """An opening order of TSLA puts."""
    quote = Quote(PUT, day(FRIDAY), 247_500, "P", e4("3.85"), e4("3.95"), 0, 5_000, 5_000, 5_000, 500_000, 4_500)
    return Intent(PUT, "TSLA", "SELL", "OPEN", quantity, quantity, e4("3.90"), "ENTRY", quote)


def pt11(world: BookWorld, intent: Intent) -> tuple[str, str]:
    """Verdict of PT-11."""
    return pretrade.CHECKS["PT-11"](world.decision(), world.account("GEN"), intent)


# --- limits (9, 12.2) -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "quantity"),
    [({}, 15), ({"limits.position_pct": "10"}, 1), ({"limits.position_pct": "25"}, 4),
     ({"limits.daily_new_pct": "20"}, 3)],
)  # fmt: skip
def test_the_caps_on_a_position_and_a_day_size_the_order(config: dict[str, str], quantity: int) -> None:
    world = ready(config)
    world.at(f"{THURSDAY} 10:00")
    assert world.one(e.OrderProposed).quantity == quantity


@pytest.mark.parametrize("name", ["limits.position_pct", "limits.daily_new_pct"])
def test_pt_11_holds_every_order_to_them(name: str) -> None:
    assert pt11(ready(), opening(5))[0] == "PASSED"
    world = ready({name: "25"})
    assert (pt11(world, opening(4))[0], pt11(world, opening(5))[0]) == ("PASSED", "FAILED")


def test_what_the_position_holds_counts() -> None:
    world = ready({"limits.position_pct": "25"})
    world.at(f"{THURSDAY} 10:00")
    assert world.order("TSLA").quantity == 4
    assert pt11(world, opening(1))[0] == "FAILED"


@pytest.mark.parametrize(
    ("used", "limit", "verdict"),
    [("60,000", "60", "PASSED"), ("60,000.01", "60", "FAILED"), ("60,000.01", "70", "PASSED")],
)
def test_margin_in_use_at_the_broker_stops_openings(used: str, limit: str, verdict: str) -> None:
    world = ready({"limits.margin_use_pct": limit})
    cash = world.broker.cash
    world.report(i.BrokerStatement, "INTRADAY", cash, [], cents(used), cents("100,000"))
    assert pt11(world, opening(1))[0] == verdict
    close = Intent(PUT, "TSLA", "BUY", "CLOSE", 1, 1, e4("3.90"), "CLOSE", opening(1).quote)
    assert pt11(world, close)[0] == "PASSED"
    # a broker that states none grants none to be used
    world.statement()
    assert pt11(world, opening(1))[0] == "PASSED"


def test_doubling_down_can_not_be_switched_on() -> None:
    world = ready()
    world.ask(c.ProposeConfigurationChange, "SYSTEM", {"common.double_down_enabled": "true"})
    assert world.one(e.CommandRejected).code == "INVALID_CONFIGURATION"


# --- weeks (11.2, 11.5) ---------------------------------------------------------------------------------------------

WEEKS = (
    ("2025-06-06", (600, 603, 606, 607.5, 610.2, 611.4)),
    ("2025-06-13", (611.4, 605, 607, 601, 599.2)),
    ("2025-06-20", (599.2, 605.2, 596.2, 603.2, 595.2, 600.4)),
    ("2025-06-27", (600.4, 606, 610, 612, 613)),
)
"""Sessions after each of these Fridays close so: GREEN, RED (a short week), CHOP, GREEN (another)."""


def weeks(guesses: str, config: dict[str, str]) -> BookWorld:
    """Weeks of SPY with a guess (first letters) for each."""
    world = BookWorld("2025-06-05", "2025-07-11")
    world.at("2025-06-06 08:00")
    world.take_over(world.sleeve("GEN", "400,000.00"), config={"gen.tickers": "TSLA", **config})
    names = {"G": "GREEN", "R": "RED", "C": "CHOP"}
    for (friday, closes), guess in zip(WEEKS, guesses, strict=False):
        first = day(friday)
        sessions = [first, *world.calendar.week_sessions(first + 3)]
        for session, close in zip(sessions, closes, strict=True):
            at = world.calendar.et(session, 16 * 60 + 10)
            if at > world.now:
                world.at(at)
            world.bar("SPY", close, iso(session))
            if session == first:
                world.ask(c.GuessWeekMode, week_id(first + 3), names[guess])
    world.at(world.calendar.et(day(WEEKS[len(guesses) - 1][0]) + 8, 10 * 60))
    return world


@pytest.mark.parametrize(
    ("config", "mode", "tag"),
    [
        ({}, "GREEN", "TRENDING"),
        ({"weekmode.green_pct": "2"}, "CHOP", "TRENDING"),
        ({"weekmode.red_pct": "1.4", "weekmode.green_pct": "1.91"}, "CHOP", "TRENDING"),
        ({"weekmode.trend_corr": "0.999"}, "GREEN", ""),
        ({"weekmode.trend_corr": "0.999", "weekmode.chop_corr": "0.995"}, "GREEN", "CHOPPY"),
    ],
)
def test_a_week_is_confirmed_by_the_thresholds_in_force(config: dict[str, str], mode: str, tag: str) -> None:
    world = weeks("G", config)
    found = world.events(e.WeekModeConfirmed)[-1]
    assert (found.mode, found.tag) == (mode, tag)


def test_a_red_week_too() -> None:
    assert weeks("GR", {}).events(e.WeekModeConfirmed)[-1].mode == "RED"
    assert weeks("GR", {"weekmode.red_pct": "-2.5"}).events(e.WeekModeConfirmed)[-1].mode == "CHOP"


@pytest.mark.parametrize(
    ("config", "qualified"),
    [
        ({"predict.min_weeks": "3"}, True),
        ({}, False),
        ({"predict.min_weeks": "4"}, False),
        ({"predict.min_weeks": "3", "predict.qualify_hit": "70"}, False),
    ],
)
def test_the_mode_predictor_qualifies_by_the_parameters(config: dict[str, str], qualified: bool) -> None:
    world = weeks("GRG", config)
    assert [m.mode for m in world.events(e.WeekModeConfirmed)][-3:] == ["GREEN", "RED", "CHOP"]
    assert bool(world.events(e.PredictorQualified)) is qualified


@pytest.mark.parametrize(("limit", "lost"), [("50", False), ("51", True)])
def test_and_loses_that_by_them(limit: str, lost: bool) -> None:
    world = weeks("GRGR", {"predict.min_weeks": "3", "predict.disqualify_hit": limit})
    assert world.events(e.PredictorQualified)
    assert bool(world.events(e.PredictorDisqualified)) is lost


def test_the_guess_of_the_next_week_leaves_that_of_this_week() -> None:
    # next week's was given on Friday, before this week was scored on Saturday
    scores = [s for s in weeks("GR", {}).events(e.PredictionScored) if s.ticker is None]
    assert [(s.week_id, s.predicted, s.hit) for s in scores] == [("2025W24", "GREEN", True), ("2025W25", "RED", True)]


@pytest.mark.parametrize("week", ["2025W54", "2025-25", "W25", "2025W00", "20250W1"])
def test_a_guess_names_a_week_that_there_is(week: str) -> None:
    world = ready()
    world.ask(c.GuessWeekMode, week, "GREEN")
    assert world.one(e.CommandRejected).code == "INVALID_VALUE"
    assert not world.events(e.WeekModePredicted)


@pytest.mark.parametrize(("after", "shown"), [("50", False), ("2", True), ("3", False)])
def test_type_predictions_are_shown_after_enough_weeks(after: str, shown: bool) -> None:
    world = weeks("G", {"predict.show_types_after": after})
    assert world.events(e.WeekTypePredicted, ticker="TSLA")[-1].shown is shown


# --- quarterly review (11.4) ----------------------------------------------------------------------------------------


def test_the_review_compares_premiums_with_their_target() -> None:
    world = ready({"gen.target_premium_pct": "2.5", "gen.alloc_pct": "45"})
    world.at(f"{THURSDAY} 10:00")
    order = world.order("TSLA")
    world.ack(order)
    world.fill(order, order.quantity, "3.90")
    world.at(f"{FRIDAY} 16:20")
    world.bar("TSLA", 251, FRIDAY)
    world.at("2025-07-05 10:00")
    evidence = world.one(e.FeedbackCycleCompleted, cycle="QUARTERLY").evidence
    # 2,730.00 less 4.55 on 173,250.00 of collateral
    assert evidence["S001-GEN-001.premium"] == "1.57 % of the capital weight in 1 weeks, target 2.5 %"
    assert evidence["S001-GEN-001.chains"] == "1 ended, 1 without a loss"
    assert evidence["S001-GEN-001.net_result_cents"] == "272545"


# --- tax reserve (3.1, 4.4) -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "config", "reserve"),
    [("GEN", {}, "116.81"), ("GEN", {"tax.segregate_reserve": "false"}, "0"), ("EXT", {}, "0")],
)
def test_tax_is_estimated_for_every_account_and_set_aside_where_that_is_so(
    kind: str, config: dict[str, str], reserve: str
) -> None:
    world = BookWorld("2025-06-05", "2025-07-11")
    world.at("2025-06-09 08:00")
    held = c.ImportedOption(PUT, 1, e4("3.90"), 65, world.now, e4(250))
    overrides = {"gen.tickers": "TSLA", "gen.profit_take_pct": "100", **config}
    world.take_over(world.sleeve(kind, "50,000.00", options=[held]), config=overrides)
    world.at(f"{FRIDAY} 16:20")
    world.bar("TSLA", 251, FRIDAY)
    world.at(f"{FRIDAY} 16:30")
    assert world.one(e.TaxReserveAdjusted).t_ytd == cents("116.81"), "30 % of 389.35"
    assert world.account(kind).ledger.get("TAX_RESERVE", 0) == cents(reserve)
