"""Week modes, the type predictor and its scores (protocol 11.2 to 11.5, EX-18, EX-19)."""

import statistics
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import percent_text, ratio_e10
from domain.prediction import (
    CHOP,
    GREEN,
    MODE_THRESHOLDS,
    RED,
    GuessInputs,
    ModeThresholds,
    OutcomeCell,
    Score,
    brier_score,
    confirm_equal_weight,
    confirm_mode,
    guess_inputs,
    guess_mode,
    matrix_keys,
    mode_brier,
    naive_hit_rate,
    observe,
    predict_type,
    predictor_qualified,
    prior_probabilities,
    rolling,
)
from domain.week_types import SEVERITY

TYPES = sorted(SEVERITY)


def e4(*dollars: str) -> list[int]:
    return [int(Fraction(text) * 10_000) for text in dollars]


# --- confirmed mode ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("closes", "shown", "rho", "mode", "tag"),
    [
        (("600", "603", "606", "607.5", "610.2", "611.4"), "1.9000%", "+0.991", GREEN, "TRENDING"),
        (("600", "606", "597", "604", "596", "601.2"), "0.2000%", "-0.234", CHOP, "CHOPPY"),
        (("600", "594", "596", "590", "588.6", "588"), "-2.0000%", "-0.928", RED, "TRENDING"),
    ],
    ids=["green", "chop", "red"],
)
def test_ex_18_week_mode(closes: tuple[str, ...], shown: str, rho: str, mode: str, tag: str) -> None:
    week = confirm_mode(e4(*closes))
    assert percent_text(week.weekly_return) == shown
    assert f"{week.rho_e10 / 10**10:+.3f}" == rho
    assert (week.mode, week.tag) == (mode, tag)


def test_ex_18_a_green_guess_of_a_red_week_misses() -> None:
    assert not Score("2025W25", GREEN, RED).hit
    assert mode_brier(GREEN, RED) == 2
    assert mode_brier(RED, RED) == 0


@pytest.mark.parametrize(
    ("last", "mode"),
    [("609", GREEN), ("608.9999", CHOP), ("591.0001", CHOP), ("591", RED)],
    ids=["+1.5 %", "just under", "just over", "-1.5 %"],
)
def test_the_modes_include_their_thresholds(last: str, mode: str) -> None:
    assert confirm_mode(e4("600", last)).mode == mode


def test_thresholds_are_parameters() -> None:
    narrow = ModeThresholds(green_pct=Fraction("0.1"), red_pct=Fraction("-0.1"), trend_corr=Fraction("0.2"))
    week = confirm_mode(e4("600", "606", "597", "604", "596", "601.2"), narrow)
    assert (week.mode, week.tag) == (GREEN, "TRENDING")


def test_between_the_two_correlations_there_is_no_tag() -> None:
    # given closes 1, 2, 1, 2 (rho 0.447)
    assert confirm_mode([1, 2, 1, 2]).tag == ""
    assert confirm_mode([1, 2, 1, 2]).rho_e10 == 4_472_135_955


def test_the_correlations_include_their_thresholds() -> None:
    exactly = Fraction(4_472_135_955, 10**10)
    assert confirm_mode([1, 2, 1, 2], ModeThresholds(trend_corr=exactly)).tag == "TRENDING"
    assert confirm_mode([1, 2, 1, 2], ModeThresholds(chop_corr=exactly)).tag == "CHOPPY"


def test_a_week_that_did_not_move_is_choppy() -> None:
    week = confirm_mode([600] * 6)
    assert (week.mode, week.rho_e10, week.tag) == (CHOP, 0, "CHOPPY")


def test_a_short_week_counts_the_closes_it_has() -> None:
    assert confirm_mode([100, 101]).rho_e10 == 10**10
    with pytest.raises(ValueError, match="two closes"):
        confirm_mode([100])
    with pytest.raises(ValueError, match="positive"):
        confirm_mode([100, 0])


@given(st.lists(st.integers(1, 10_000_000), min_size=2, max_size=6))
def test_rho_is_the_correlation_with_time(closes: list[int]) -> None:
    rho = confirm_mode(closes).rho_e10
    assert -(10**10) <= rho <= 10**10
    if len({*closes}) > 1:
        assert rho / 10**10 == pytest.approx(statistics.correlation(range(len(closes)), closes), abs=1e-9)
    # and turned round in time it has the opposite sign
    assert confirm_mode(closes[::-1]).rho_e10 == -rho


@given(st.lists(st.integers(1, 10_000), min_size=2, max_size=6), st.integers(1, 1000))
def test_a_mode_does_not_depend_on_the_scale_of_prices(closes: list[int], factor: int) -> None:
    assert confirm_mode(closes) == confirm_mode([close * factor for close in closes])


def test_equal_weight_follows_the_mean_of_relative_closes() -> None:
    # given one share that gains 4 % and one, ten times as dear, that loses 1 %
    week = confirm_equal_weight({"AAPL": [100, 102, 104], "MSFT": [1000, 995, 990]})
    assert week.weekly_return == Fraction(15, 1000)
    assert (week.mode, week.rho_e10) == (GREEN, 10**10)


def test_equal_weight_needs_the_same_sessions_of_every_symbol() -> None:
    with pytest.raises(ValueError, match="MSFT"):
        confirm_equal_weight({"AAPL": [100, 102, 104], "MSFT": [1000, 990]})
    with pytest.raises(ValueError, match="no symbol"):
        confirm_equal_weight({})


@given(st.lists(st.integers(1, 10_000), min_size=2, max_size=6))
def test_equal_weight_of_one_symbol_is_that_symbol(closes: list[int]) -> None:
    assert confirm_equal_weight({"SPY": closes}) == confirm_mode(closes)


# --- guess ------------------------------------------------------------------------------------------------------


def inputs(trend: str, volatility: str, support: str) -> GuessInputs:
    """Inputs that stand just over what each word of the table needs."""
    last = {"UP": 101, "DOWN": 99, "FLAT": 100}[trend]
    earned = {"UP": Fraction(51, 10_000), "DOWN": Fraction(-51, 10_000), "FLAT": Fraction(0)}[trend]
    return GuessInputs(
        last_e4=last,
        sma20_e4=Fraction(100),
        sma50_e4=Fraction(last) - (1 if support == "STRONG" else 0),
        five_day_return=earned,
        vix=Fraction(201 if volatility == "HIGH" else 200),
        vix_mean=Fraction(200),
    )


@pytest.mark.parametrize(
    ("trend", "volatility", "support", "mode"),
    [
        ("UP", "LOW", "STRONG", GREEN),
        ("UP", "HIGH", "STRONG", GREEN),
        ("UP", "LOW", "BROKEN", CHOP),
        ("UP", "HIGH", "BROKEN", CHOP),
        ("DOWN", "LOW", "STRONG", CHOP),
        ("DOWN", "LOW", "BROKEN", RED),
        ("DOWN", "HIGH", "STRONG", RED),
        ("DOWN", "HIGH", "BROKEN", RED),
        ("FLAT", "LOW", "STRONG", CHOP),
        ("FLAT", "LOW", "BROKEN", CHOP),
        ("FLAT", "HIGH", "STRONG", RED),
        ("FLAT", "HIGH", "BROKEN", RED),
    ],
)
def test_the_guess_follows_the_table(trend: str, volatility: str, support: str, mode: str) -> None:
    guess = guess_mode(inputs(trend, volatility, support))
    assert (guess.trend, guess.volatility, guess.support, guess.mode) == (trend, volatility, support, mode)


@pytest.mark.parametrize(
    ("last", "sma20", "earned"),
    [(101, 101, "0.01"), (101, 100, "0.005"), (99, 100, "-0.005"), (101, 100, "-0.01"), (99, 100, "0.01")],
    ids=["on its average", "exactly +0.5 %", "exactly -0.5 %", "above but falling", "below but rising"],
)
def test_a_trend_needs_both_signs_strictly(last: int, sma20: int, earned: str) -> None:
    found = GuessInputs(last, Fraction(sma20), Fraction(0), Fraction(earned), Fraction(1), Fraction(1))
    assert guess_mode(found).trend == "FLAT"


def test_the_inputs_come_from_closes() -> None:
    # given 50 closes of SPY that rise by 1 from 101 to 150, and 252 of VIX: one 20, the rest 10
    found = guess_inputs(list(range(101, 151)), [10] * 251 + [20])
    assert found == GuessInputs(
        150, Fraction(281, 2), Fraction(251, 2), Fraction(5, 145), Fraction(20), Fraction(2530, 252)
    )
    # and older closes change nothing
    assert guess_inputs([1, *range(101, 151)], [99] + [10] * 251 + [20]) == found


def test_without_enough_history_there_are_no_inputs() -> None:
    assert guess_inputs([100] * 49, [10] * 252) is None
    assert guess_inputs([100] * 50, [10] * 251) is None
    assert guess_inputs([100] * 50, [10] * 251, vix_sessions=100) is not None


# --- type prediction --------------------------------------------------------------------------------------------


def seen(*weeks: tuple[str, str, str, int]) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for last, mode, actual, times in weeks:
        for _ in range(times):
            observe(counts, last, mode, actual)
    return counts


def test_ex_19_type_prediction() -> None:
    # given the context (P-EW, GREEN) with P-EW 14, P-AWL 3 and P-RO 1
    counts = seen(("P-EW", GREEN, "P-EW", 14), ("P-EW", GREEN, "P-AWL", 3), ("P-EW", GREEN, "P-RO", 1))
    found = predict_type(counts, "P-EW", GREEN)
    expected = dict.fromkeys(SEVERITY, Fraction(1, 32)) | {
        "P-EW": Fraction(15, 32),
        "P-AWL": Fraction(1, 8),
        "P-RO": Fraction(1, 16),
    }
    assert found.probabilities == expected
    assert (found.kind, found.confidence, found.basis) == ("P-EW", Fraction(15, 32), "CONTEXT")
    # then its Brier score when P-EW happens is 0.3125
    assert brier_score(found.probabilities, "P-EW") == Fraction(3125, 10_000)


def test_fewer_than_five_observations_back_off_to_the_context_without_mode() -> None:
    counts = seen(("P-EW", GREEN, "P-RO", 4), ("P-EW", RED, "P-AWL", 6), ("C-PNO", GREEN, "C-WAP", 9))
    # given four weeks of (P-EW, GREEN) and ten of P-EW
    found = predict_type(counts, "P-EW", GREEN)
    assert (found.basis, found.kind, found.confidence) == ("LAST_TYPE", "P-AWL", Fraction(7, 24))
    # a fifth week is enough
    observe(counts, "P-EW", GREEN, "P-RO")
    assert predict_type(counts, "P-EW", GREEN).basis == "CONTEXT"
    # a mode never seen, and a week without a guess, use the type alone
    assert predict_type(counts, "P-EW", CHOP).basis == "LAST_TYPE"
    assert predict_type(counts, "P-EW", "").basis == "LAST_TYPE"


def test_weeks_without_a_guess_count_for_the_type_alone() -> None:
    counts = seen(("P-EW", "", "P-RO", 6), ("P-EW", GREEN, "P-AWL", 7))
    found = predict_type(counts, "P-EW", "")
    assert (found.basis, found.kind, found.confidence) == ("LAST_TYPE", "P-AWL", Fraction(8, 27))


def test_without_observations_the_priors_decide() -> None:
    found = predict_type(seen(("P-EW", GREEN, "P-RO", 2), ("P-EW", RED, "P-RO", 2)), "P-EW", GREEN)
    assert (found.basis, found.kind, found.confidence) == ("PRIORS", "P-EW", Fraction(16, 60))
    assert found.probabilities == prior_probabilities()
    assert predict_type({}, "", GREEN).basis == "PRIORS"
    assert predict_type(seen(("P-EW", GREEN, "P-RO", 2)), "P-EW", GREEN, least=2).basis == "CONTEXT"


def test_the_priors_are_normalised() -> None:
    priors = prior_probabilities()
    assert sum(priors.values()) == 1
    assert list(priors) == list(SEVERITY)
    assert (priors["C-WAP"], priors["P-AOL"]) == (Fraction(14, 60), 0)


def test_a_tie_goes_to_the_more_severe() -> None:
    counts = seen(("P-EW", GREEN, "P-EW", 4), ("P-EW", GREEN, "P-RO", 4))
    assert predict_type(counts, "P-EW", GREEN).kind == "P-RO"


@pytest.mark.parametrize(("last", "actual"), [("X", "P-EW"), ("P-EW", "X"), ("", "P-EW")])
def test_only_types_of_the_taxonomy_are_counted(last: str, actual: str) -> None:
    with pytest.raises(ValueError, match="no week type"):
        observe({}, last, GREEN, actual)


histories = st.lists(st.tuples(st.sampled_from(TYPES), st.sampled_from(["", GREEN, RED, CHOP]), st.sampled_from(TYPES)))


@given(histories, st.sampled_from(TYPES), st.sampled_from([GREEN, RED, CHOP]), st.sampled_from(TYPES))
def test_a_prediction_is_a_distribution(history: list[tuple[str, str, str]], last: str, mode: str, actual: str) -> None:
    counts: dict[str, dict[str, int]] = {}
    for week in history:
        observe(counts, *week)
    found = predict_type(counts, last, mode)
    assert sum(found.probabilities.values()) == 1
    assert found.confidence == max(found.probabilities.values())
    assert 0 <= brier_score(found.probabilities, actual) <= 2
    # and the order of the weeks does not matter
    backwards: dict[str, dict[str, int]] = {}
    for week in reversed(history):
        observe(backwards, *week)
    assert predict_type(backwards, last, mode) == found


def test_brier_counts_a_type_that_had_no_probability() -> None:
    assert brier_score({GREEN: Fraction(1)}, RED) == 2
    assert brier_score({}, RED) == 1


# --- scores -----------------------------------------------------------------------------------------------------


def weeks_of(hits: int, misses: int) -> list[Score]:
    """Scored weeks, misses first: RED ones guessed GREEN, then hits of GREEN and CHOP in turn."""
    missed = [Score(f"m{i}", GREEN, RED, 2 * 10**10) for i in range(misses)]
    return missed + [Score(f"h{i}", mode, mode) for i in range(hits) for mode in [CHOP if i % 2 else GREEN]]


def test_scores_roll_over_26_weeks() -> None:
    found = rolling(weeks_of(hits=13, misses=20))
    assert found is not None
    assert (found.weeks, found.hits, found.hit_rate, found.brier) == (26, 13, Fraction(1, 2), 1)
    assert rolling([]) is None
    three = rolling(weeks_of(1, 2))
    assert three is not None
    assert (three.weeks, three.hit_rate) == (3, Fraction(1, 3))


def test_the_predictor_qualifies_with_26_weeks_of_60_percent() -> None:
    assert not predictor_qualified(weeks_of(25, 0), qualified=False)
    assert predictor_qualified(weeks_of(16, 10), qualified=False)  # 61.5 %
    assert not predictor_qualified(weeks_of(15, 11), qualified=False)  # 57.7 %
    assert predictor_qualified(weeks_of(15, 11), qualified=False, qualify_hit_pct=Fraction(57))
    assert not predictor_qualified(weeks_of(26, 0), qualified=False, min_weeks=27)


def test_it_has_to_beat_always_guessing_the_most_frequent_mode() -> None:
    # given 26 weeks of which 20 were GREEN, 20 of them hit: always GREEN would have hit as many
    scores = [Score(str(i), GREEN, GREEN) for i in range(20)] + [Score(str(i), GREEN, RED) for i in range(6)]
    assert naive_hit_rate(scores) == Fraction(20, 26)
    assert not predictor_qualified(scores, qualified=False)
    # and what came before the 26 weeks does not make the rival weaker
    older = [Score(f"o{i}", RED, RED) for i in range(26)]
    assert not predictor_qualified([*older, *scores], qualified=False)
    # with one red week hit it is better
    assert predictor_qualified([*scores[:-1], Score("x", RED, RED)], qualified=False)


def test_it_stays_qualified_until_the_rolling_hit_rate_is_under_50_percent() -> None:
    assert predictor_qualified(weeks_of(13, 13), qualified=True)
    assert not predictor_qualified(weeks_of(12, 14), qualified=True)
    assert predictor_qualified(weeks_of(12, 14), qualified=True, disqualify_hit_pct=Fraction(40))
    # what lies before the window does not count
    assert predictor_qualified([*weeks_of(0, 50), *weeks_of(26, 0)], qualified=True)


@given(st.lists(st.tuples(st.sampled_from([GREEN, RED, CHOP]), st.sampled_from([GREEN, RED, CHOP])), max_size=60))
def test_nothing_qualifies_and_is_disqualified_by_the_same_weeks(pairs: list[tuple[str, str]]) -> None:
    scores = [Score(str(i), guess, actual) for i, (guess, actual) in enumerate(pairs)]
    if predictor_qualified(scores, qualified=False):
        assert predictor_qualified(scores, qualified=True)


# --- outcome matrix ---------------------------------------------------------------------------------------------


def test_a_cell_accumulates_what_the_matrix_shows() -> None:
    cell = OutcomeCell()
    for result, premium in ((200, 50), (-100, 40), (0, 30), (100, 20)):
        cell = cell.added(result, premium)
    assert (cell.count, cell.mean, cell.win_rate, cell.mean_premium) == (4, 50, Fraction(1, 2), 35)
    # standard deviation of 200, -100, 0, 100 by n - 1: sqrt(50,000 / 3)
    assert cell.deviation_e10 == round(statistics.stdev([200, -100, 0, 100]) * 10**10)


def test_an_empty_cell_shows_nothing() -> None:
    assert (OutcomeCell().mean, OutcomeCell().win_rate, OutcomeCell().mean_premium) == (None, None, None)
    assert OutcomeCell().added(5, 1).deviation_e10 is None


def test_a_week_counts_in_its_type_and_in_each_of_its_slices() -> None:
    assert matrix_keys("P-EW", mode=GREEN, ticker="TSLA", delta_bucket="40-45") == [
        "P-EW",
        "P-EW|mode=GREEN",
        "P-EW|ticker=TSLA",
        "P-EW|delta=40-45",
    ]
    assert matrix_keys("W-IDL", ticker="TSLA") == ["W-IDL", "W-IDL|ticker=TSLA"]


results = st.lists(st.integers(-(10**9), 10**9), min_size=2, max_size=30)


@given(results)
def test_a_cell_is_exact_and_takes_weeks_in_any_order(values: list[int]) -> None:
    cell, backwards = OutcomeCell(), OutcomeCell()
    for value in values:
        cell = cell.added(value, 1)
    for value in reversed(values):
        backwards = backwards.added(value, 1)
    assert cell == backwards
    assert cell.mean == Fraction(sum(values), len(values))
    deviation = cell.deviation_e10
    assert deviation is not None
    exact = statistics.variance([Fraction(value) for value in values])
    assert (Fraction(2 * deviation - 1, 2 * 10**10) ** 2 if deviation else 0) <= exact
    assert exact < Fraction(2 * deviation + 1, 2 * 10**10) ** 2


def test_the_defaults_are_those_of_the_protocol() -> None:
    assert MODE_THRESHOLDS.green_pct == Fraction(3, 2)
    assert ratio_e10(MODE_THRESHOLDS.trend_corr) == 7_000_000_000
