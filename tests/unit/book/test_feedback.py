"""Stored weeks, the matrix of their outcomes and the quarterly review (protocol 11.3, 11.4)."""

from dataclasses import replace
from fractions import Fraction

import pytest

from domain import commands as c
from domain import events as e
from domain.calendar import iso
from domain.config import Config
from domain.feedback import delta_bucket, weekly_benchmark
from domain.money import ratio_e10
from domain.review import adjustment, level_effects, mine
from domain.state import ChainEntry, ClosedChain
from tests.harness.book_world import BookWorld, cents, day, e4, et, occ, put

MONDAY, THURSDAY, FRIDAY, SATURDAY = "2025-06-09", "2025-06-12", "2025-06-13", "2025-06-14"
TSLA = occ("TSLA", FRIDAY, "P", "247.50")


def sold(config: dict[str, str] | None = None) -> BookWorld:
    """GEN has sold 7 TSLA puts at 3.90 on Thursday; the market's week is known."""
    world = BookWorld("2025-06-05", "2025-07-11")
    overrides = {"gen.tickers": "TSLA", "gen.alloc_pct": "45", **(config or {})}
    world.take_over(world.sleeve("GEN", "400,000.00"), config=overrides)
    for number, (session, spy) in enumerate(
        (("2025-06-06", 600), (MONDAY, 603), ("2025-06-10", 606), ("2025-06-11", 607.5), (THURSDAY, 610.2))
    ):
        world.at(f"{session} 16:10")
        world.bar("SPY", spy, session)
        world.bar("VIX", 18 + number, session)
        if session == "2025-06-11":
            world.ask(c.GuessWeekMode, "2025W24", "RED")
            world.at(f"{THURSDAY} 09:00")
            world.statement()
            world.at(f"{THURSDAY} 09:59:50")
            world.chain("TSLA", 250, put(FRIDAY, "247.50", "3.85", "3.95", 45))
            world.at(f"{THURSDAY} 10:00")
            order = world.order("TSLA")
            world.ack(order)
            world.fill(order, 7, "3.90")
    world.at(f"{FRIDAY} 09:00")
    world.statement()
    world.at(f"{FRIDAY} 16:20")
    world.bar("SPY", 611.4, FRIDAY)
    world.bar("TSLA", 251, FRIDAY)
    return world


def cells(event: e.FeedbackCycleCompleted) -> dict[tuple[str, str, str], e.MatrixCell]:
    """Cells by type, slice and value."""
    return {(cell.primary_type, cell.by, cell.value): cell for cell in event.cells}


# --- 11.3 stored record -------------------------------------------------------------------------------------------


def test_a_classified_week_stores_the_whole_record() -> None:
    world = sold()
    world.at(f"{SATURDAY} 10:00")
    week = world.one(e.WeekClassified, ticker="TSLA", week_id="2025W24")
    assert (week.primary_type, week.mode_guess, week.mode_confirmed, week.trend_tag) == (
        "P-EW", "RED", "GREEN", "TRENDING",
    )  # fmt: skip
    assert (week.wins, week.losses, week.max_level, week.atr_adjustments) == (1, 0, 0, 0)
    assert week.delta_bucket == "45-50"
    assert week.vix_avg_e4 == e4("20.5"), "mean of 19, 20, 21 and 22: of Friday there is no close"
    assert week.pnl == cents("2,725.45")
    assert week.pnl_post == cents("2,725.45") - cents("817.64")
    earned = Fraction(cents("2,725.45"), cents("173,250.00"))
    assert week.benchmark_delta_e10 == ratio_e10(earned - Fraction(2, 100) * 12 / 52), "2 % a month of MODERATE"
    assert (week.sub_tags, week.realised_vol_e10, week.predictor_version) == ([], None, "1")
    whole = world.one(e.WeekClassified, ticker=None, week_id="2025W24")
    assert (whole.mode_confirmed, whole.delta_bucket, whole.wins, whole.vix_avg_e4) == ("GREEN", "45-50", 1, e4("20.5"))
    assert whole.benchmark_delta_e10 == ratio_e10(Fraction(cents("2,725.45"), cents("400,000.00")) - Fraction(24, 5200))


@pytest.mark.parametrize(("scenario", "monthly"), [("CONSERVATIVE", "0.015"), ("OPTIMISTIC", "0.025")])
def test_the_benchmark_of_a_week_is_the_scenario_that_is_set(scenario: str, monthly: str) -> None:
    world = sold({"bench.scenario": scenario})
    world.at(f"{SATURDAY} 10:00")
    earned = Fraction(cents("2,725.45"), cents("173,250.00"))
    found = world.one(e.WeekClassified, ticker="TSLA", week_id="2025W24").benchmark_delta_e10
    assert found == ratio_e10(earned - Fraction(monthly) * 12 / 52)


@pytest.mark.parametrize(
    ("kind", "days", "yearly"),
    [
        ("GEN", 0, "0.24"), ("GEN", 1094, "0.24"), ("GEN", 1095, "0.228"), ("GEN", 2189, "0.228"),
        ("GEN", 2190, "0.216"), ("REV", 1094, "0.18"), ("REV", 1095, "0.168"), ("COM", 1095, "0.06"),
        ("GEN", 9999, "0.204"),
    ],
)  # fmt: skip
def test_the_benchmark_decays_every_three_years(kind: str, days: int, yearly: str) -> None:
    """Protocol 14.4: MODERATE loses 0.10 points a month in three years; after the tenth year it stays."""
    world = BookWorld(MONDAY, "2025-07-11")
    world.take_over(
        world.sleeve("GEN", "400,000.00"), world.sleeve("REV", "400,000.00"), world.sleeve("COM", "1,000.00")
    )
    account = world.account(kind)
    found = weekly_benchmark(world.decision(), account, account.inception + days)
    assert found == Fraction(yearly) / 52


def test_a_week_knows_what_was_predicted_for_it_and_types_are_scored_over_26_weeks() -> None:
    world = sold()
    world.at(f"{SATURDAY} 10:00")
    predicted = world.events(e.WeekTypePredicted, ticker="TSLA")[-1]
    world.at("2025-06-21 10:00")
    week = world.events(e.WeekClassified, ticker="TSLA")[-1]
    assert (week.week_id, week.type_predicted) == ("2025W25", predicted.predicted)
    assert week.probabilities_e10 == predicted.probabilities_e10
    scores = world.events(e.PredictionScored, ticker="TSLA")
    assert (scores[-1].actual, scores[-1].hit) == ("W-IDL", predicted.predicted == "W-IDL")
    assert scores[-1].hit_rate_e10 == 10**10 * sum(score.hit for score in scores) // len(scores)


def test_the_week_counts_levels_and_the_next_begins_with_what_is_open() -> None:
    world = BookWorld("2025-06-05", "2025-07-11")
    world.at(f"{MONDAY} 08:00")
    opened = et(f"{MONDAY} 09:00")
    held = c.ImportedOption(
        occ("TSLA", "2025-06-20", "P", 250), 1, e4("3.90"), 65, opened, e4(250)
    )  # fmt: skip
    world.take_over(world.sleeve("GEN", "400,000.00", options=[held]), config={"gen.tickers": "TSLA"})
    world.bar("TSLA", 250, "2025-06-06", atr=10)
    world.at(f"{MONDAY} 09:40")
    world.mark(("TSLA", 239))
    world.at(f"{MONDAY} 10:30")
    world.bar("TSLA", 239, MONDAY, atr=10)
    world.at(f"{SATURDAY} 10:00")
    first = world.one(e.WeekClassified, ticker="TSLA")
    assert (first.max_level, first.atr_adjustments, first.primary_type) == (1, 1, "W-CAR")
    assert world.account("GEN").week["TSLA"].max_level == 1, "the level with which the next week begins"


def test_leaps_are_carried_under_their_ticker() -> None:
    world = BookWorld(MONDAY, "2025-07-11")
    leaps = c.ImportedLot("l1", occ("META", "2026-06-18", "C", 500), 1, day(MONDAY), cents("8,000"), e4(80), 0)
    world.take_over(world.sleeve("COM", "100,000.00", lots=[leaps]))
    world.at(f"{SATURDAY} 10:00")
    assert world.one(e.WeekClassified, ticker="META").primary_type == "W-CAR"
    assert [w.ticker for w in world.events(e.WeekClassified) if w.ticker and len(w.ticker) > 5] == []


# --- 11.4 matrix --------------------------------------------------------------------------------------------------


def test_the_matrix_has_the_row_of_a_type_and_its_slices() -> None:
    world = sold()
    world.at(f"{SATURDAY} 10:00")
    found = cells(world.one(e.FeedbackCycleCompleted, cycle="WEEKLY", period="2025W24"))
    earned = ratio_e10(Fraction(cents("2,725.45"), cents("173,250.00")))
    for slice_of in (("", ""), ("mode", "GREEN"), ("ticker", "TSLA"), ("delta", "45-50")):
        cell = found["P-EW", *slice_of]
        assert (cell.count, cell.mean_e10, cell.win_rate_e10, cell.deviation_e10) == (1, earned, 10**10, None)
        assert cell.mean_premium_e10 == earned
    world.at("2025-06-21 10:00")
    later = cells(world.events(e.FeedbackCycleCompleted, cycle="WEEKLY")[-1])
    assert set(later) == {("W-IDL", "", ""), ("W-IDL", "ticker", "TSLA")}, "only what has changed"


def test_a_late_notice_moves_the_week_to_the_cells_of_its_new_type() -> None:
    world = BookWorld(MONDAY, "2025-07-11")
    held = c.ImportedOption(TSLA, 7, e4("3.90"), 455, et(f"{MONDAY} 09:00"), e4(250))
    world.take_over(world.sleeve("GEN", "402,725.45", options=[held]), config={"gen.tickers": "TSLA"})
    world.at(f"{FRIDAY} 16:20")
    world.bar("TSLA", 249, FRIDAY)
    world.at(f"{SATURDAY} 10:00")
    world.at("2025-06-16 08:00")
    noticed = world.assign(TSLA, 7, FRIDAY)
    found = cells(world.one(e.FeedbackCycleCompleted, noticed, cycle="CORRECTION"))
    assert (found["P-EW", "", ""].count, found["P-AWL", "", ""].count) == (0, 1)
    assert "P-EW" not in world.account("GEN").matrix


def test_an_ext_account_feeds_nothing() -> None:
    world = BookWorld(MONDAY, "2025-07-11")
    held = c.ImportedOption(TSLA, 1, e4("3.90"), 65, et(f"{MONDAY} 09:00"), e4(250))
    world.take_over(world.sleeve("EXT", "50,000.00", options=[held]))
    world.at(f"{FRIDAY} 16:20")
    world.bar("TSLA", 251, FRIDAY)
    world.at("2025-07-05 10:00")
    assert world.one(e.OptionExpiredWorthless)
    account = world.account("EXT")
    assert (account.matrix, account.closed, account.week_figures) == ({}, [], {})
    assert world.one(e.FeedbackCycleCompleted, cycle="QUARTERLY").trades == 0
    assert not world.events(e.RuleCandidateGenerated)


# --- 11.4 quarterly review ----------------------------------------------------------------------------------------


def chains(wins: int, losses: int, *, level: int = 0, delta: str = "46", dte: int = 1) -> list[ClosedChain]:
    """Closed TSLA put chains, 100.00 won or lost by each."""
    return [
        ClosedChain("TSLA", ChainEntry("P", int(Fraction(delta) * 100), dte, "GREEN", level), day(FRIDAY), result)
        for result in [10_000] * wins + [-10_000] * losses
    ]


@pytest.mark.parametrize(
    ("wins", "losses", "found"),
    [(6, 14, True), (7, 13, False), (5, 14, False), (14, 6, True)],
    ids=["20 trades, 0.7", "20 trades, 0.65", "19 trades", "a rule that wins"],
)
def test_a_rule_needs_20_trades_and_a_confidence_of_70_percent(wins: int, losses: int, found: bool) -> None:
    rules = list(mine("GEN", chains(wins, losses), Config(0)))
    assert bool(rules) is found
    for rule in rules:
        assert (rule.trades, rule.confidence, rule.wins) == (20, Fraction(7, 10), wins > losses)
        assert rule.mean_result == (4_000 if wins > losses else -4_000)


def test_the_least_trades_and_the_confidence_are_parameters() -> None:
    few, unsure = chains(1, 4), chains(8, 12)
    assert not list(mine("GEN", few, Config(0)))
    assert list(mine("GEN", few, Config(0, {"mrr.min_trades": "5"})))
    assert not list(mine("GEN", unsure, Config(0)))
    assert list(mine("GEN", unsure, Config(0, {"mrr.min_confidence": "0.6"})))


def test_rules_say_what_the_chains_have_in_common() -> None:
    conditions = [dict(rule.condition) for rule in mine("GEN", chains(0, 20), Config(0))]
    assert conditions == [
        {"ticker": "TSLA"}, {"right": "P", "delta_bucket": "45-50"}, {"right": "P", "dte": "1"}, {"mode": "GREEN"},
        {"ticker": "TSLA", "right": "P", "delta_bucket": "45-50"}, {"ticker": "TSLA", "mode": "GREEN"},
    ]  # fmt: skip


def proposed(sleeve: str, found: list[ClosedChain], config: Config) -> list[dict[str, str]]:
    """Changes that the rules of chains ask for."""
    return [made.changes for rule in mine(sleeve, found, config) if (made := adjustment(rule, config)) is not None]


def test_losing_rules_narrow_what_parameters_can_narrow_and_winning_ones_nothing() -> None:
    assert proposed("GEN", chains(0, 20), Config(0)) == [
        {"gen.tickers": "NVDA"}, {"gen.delta_max": "45", "gen.delta_target": "45"},
    ]  # fmt: skip
    assert proposed("GEN", chains(0, 20, delta="41"), Config(0))[1:] == [
        {"gen.delta_min": "45", "gen.delta_target": "45"}
    ]
    assert proposed("GEN", chains(0, 20), Config(0, {"gen.tickers": "TSLA"}))[0] != {"gen.tickers": ""}
    assert proposed("REV", chains(0, 20, delta="80", dte=9), Config(0)) == [{"rev.dte_max": "8"}]
    assert proposed("REV", chains(0, 20, delta="80", dte=2), Config(0)) == [{"rev.dte_min": "3"}]
    assert not proposed("GEN", chains(20, 0), Config(0))


def test_levels_that_come_too_early_rise_and_those_that_come_too_late_fall() -> None:
    early = {name: made for name, _, made in level_effects("GEN", chains(15, 5, level=2), Config(0))}
    assert {n: m.changes if m else None for n, m in early.items()} == {
        "GEN.level1": {"protocol.level1": "1.25"}, "GEN.level2": {"protocol.level2": "2.25"},
    }  # fmt: skip
    late = {name: made for name, _, made in level_effects("GEN", chains(5, 15, level=1), Config(0))}
    assert {n: m.changes if m else None for n, m in late.items()} == {"GEN.level1": {"protocol.level1": "0.75"}}
    told = [(text, made) for _, text, made in level_effects("GEN", chains(3, 2, level=1), Config(0))]
    assert told == [("5 chains, 60 % without a loss", None)], "shown, not proposed"


def reviewed(found: list[ClosedChain], config: dict[str, str] | None = None) -> BookWorld:
    """GEN and what its chains have been, on the first Saturday after the second quarter."""
    world = BookWorld("2025-06-30", "2025-08-29")
    world.take_over(world.sleeve("GEN", "400,000.00"), config=config)
    world.account("GEN").closed.extend(found)
    world.at("2025-07-05 10:00")
    return world


def test_a_quarter_is_reviewed_once_on_its_first_saturday() -> None:
    world = reviewed([])
    assert world.one(e.FeedbackCycleCompleted, cycle="QUARTERLY").period == "2025Q2"
    world.ask(c.RunQuarterlyFeedback)
    world.at("2025-07-26 10:00")
    assert world.one(e.FeedbackCycleCompleted, cycle="QUARTERLY")


def test_without_an_answer_nothing_changes_and_the_next_review_may_ask_again() -> None:
    world = reviewed(chains(0, 20))
    asked = [a for a in world.events(e.ApprovalRequested) if a.kind == "PARAMETER_PROPOSAL"]
    assert [(a.required, a.roles, a.default_action, a.requester) for a in asked] == [(1, ["OWNER"], "deny", "")] * 2
    assert {a.expires_at_us for a in asked} == {et("2025-08-04 10:00")}
    world.at("2025-08-04 10:01")
    assert [p.decision for p in world.events(e.ParameterProposalDecided)] == ["DENIED", "DENIED"]
    assert not world.events(e.ConfigurationProposed)
    assert not [x for x in world.events(e.ConfigurationChanged) if "gen.tickers" in x.new]


def test_a_trader_may_not_decide_on_a_proposal_and_an_unknown_one_is_refused() -> None:
    world = reviewed(chains(0, 20))
    (proposal, *_) = world.events(e.ParameterAdjustmentProposed)
    world.ask(c.DecideParameterProposal, proposal.proposal_id, True, "", by="tim", role="TRADER")
    world.ask(c.DecideParameterProposal, "nothing", True, "")
    assert [(r.command, r.code) for r in world.events(e.CommandRejected)] == [
        ("DecideParameterProposal", "NOT_ELIGIBLE"), ("DecideParameterProposal", "UNKNOWN_APPROVAL"),
    ]  # fmt: skip
    world.ask(c.DecideParameterProposal, proposal.proposal_id, True, "", by="olga")
    assert world.one(e.ParameterProposalDecided).by == "olga"
    assert world.events(e.ConfigurationChanged)[-1].new == {"gen.tickers": "NVDA"}


def test_a_set_that_would_contradict_itself_is_not_proposed() -> None:
    # the level would rise above the next one
    world = reviewed(chains(20, 0, level=2), {"protocol.level2": "2.9", "protocol.level1": "2.7"})
    assert not world.events(e.ParameterAdjustmentProposed)


@pytest.mark.parametrize(("delta_e2", "bucket"), [(-1, ""), (4000, "40-45"), (4499, "40-45"), (4500, "45-50")])
def test_deltas_lie_in_buckets_of_five_points(delta_e2: int, bucket: str) -> None:
    assert delta_bucket(delta_e2) == bucket


# --- 11.2 the guess -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("a_day", "mode", "kind"),
    [(1, "GREEN", "P-AWL"), (-1, "RED", "P-DD"), (0, "CHOP", "P-EW")],
    ids=["up", "down", "flat"],
)
def test_the_guess_of_a_week_is_made_of_closes_up_to_the_friday_before(a_day: int, mode: str, kind: str) -> None:
    # given 252 sessions of SPY, of which the last 60 go one way, and a VIX above its mean where SPY falls
    world = BookWorld("2024-05-01", "2025-07-11")
    sessions = [s for s in world.calendar.source.sessions if s <= day(FRIDAY)][-252:]
    world.at(f"{FRIDAY} 18:00")
    for n, session in enumerate(sessions):
        world.bar("SPY", 600 + a_day * max(0, n - 191), iso(session))
        world.bar("VIX", 18 - a_day * (n == 251), iso(session))
    counts = [
        c.ImportedWeekCount("TSLA", "W-IDL", guess, what, 5)
        for guess, what in (("GREEN", "P-AWL"), ("RED", "P-DD"), ("CHOP", "P-EW"))
    ]
    world.take_over(replace(world.sleeve("GEN", "400,000.00"), week_counts=counts), config={"gen.tickers": "TSLA"})
    # when the week is over, then what happens next is predicted in the mode that the closes already show
    world.at(f"{SATURDAY} 10:00")
    predicted = world.one(e.WeekTypePredicted, ticker="TSLA")
    assert (predicted.basis, predicted.predicted) == ("CONTEXT", kind)
    # and the guess stands before the open on Monday
    world.at("2025-06-16 09:29")
    assert (world.one(e.WeekModePredicted).week_id, world.one(e.WeekModePredicted).mode) == ("2025W25", mode)
