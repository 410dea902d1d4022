"""Week modes, their guess, the type predictor and what both are scored by (protocol 11.2 to 11.5).

Everything is exact: returns, probabilities and scores are `Fraction`, the correlation is one integer root rounded to
1e-10 (protocol 2.1), so a mode is the same on every machine. Predictions are advisory. Every default is that of the
configuration catalogue (18); the caller gives what is in force.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from domain.metrics import root_e10
from domain.record import RatioE10
from domain.week_types import SEVERITY

GREEN, RED, CHOP = "GREEN", "RED", "CHOP"
TRENDING, CHOPPY = "TRENDING", "CHOPPY"


# --- confirmed mode (11.2) --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ModeThresholds:
    """`weekmode.*`: returns in per cent, correlations as ratios."""

    green_pct: Fraction = Fraction("1.5")
    red_pct: Fraction = Fraction("-1.5")
    trend_corr: Fraction = Fraction("0.7")
    chop_corr: Fraction = Fraction("0.3")


MODE_THRESHOLDS: Final = ModeThresholds()


@dataclass(frozen=True, slots=True)
class WeekMode:
    """What a week was."""

    mode: str
    """GREEN, RED or CHOP"""
    weekly_return: Fraction
    """As a share: 1/100 is 1 %."""
    rho_e10: RatioE10
    """Correlation of the closes with time."""
    tag: str
    """TRENDING, CHOPPY or empty"""


def confirm_mode(closes: Sequence[Fraction | int], thresholds: ModeThresholds = MODE_THRESHOLDS) -> WeekMode:
    """The mode of a week from raw closes in any unit: the previous week's last, then each session's (protocol 11.2).

    The return is compared unrounded, the correlation as rounded to 1e-10. Closes that do not move have correlation 0.
    Raises ValueError for fewer than two closes and for one that is not positive.
    """
    if len(closes) < 2:
        raise ValueError(f"a week needs two closes, the one before it and one of it, not {len(closes)}")
    if min(closes) <= 0:
        raise ValueError("closes are positive")
    earned = Fraction(closes[-1]) / Fraction(closes[0]) - 1
    rho = _correlation_with_time_e10(closes)
    size = Fraction(abs(rho), 10**10)
    return WeekMode(
        mode=GREEN if earned * 100 >= thresholds.green_pct else RED if earned * 100 <= thresholds.red_pct else CHOP,
        weekly_return=earned,
        rho_e10=rho,
        tag=TRENDING if size >= thresholds.trend_corr else CHOPPY if size <= thresholds.chop_corr else "",
    )


def confirm_equal_weight(closes: Mapping[str, Sequence[int]], thresholds: ModeThresholds = MODE_THRESHOLDS) -> WeekMode:
    """The same of a group such as Mag-6, as if equal amounts had been bought at the previous week's last closes.

    Raw closes: a symbol that was split inside the week must be given in the shares of one side. Raises ValueError
    where a symbol lacks a session.
    """
    if not closes:
        raise ValueError("a group of no symbol has no mode")
    sessions = max(len(series) for series in closes.values())
    index = [Fraction(0)] * sessions
    for symbol, series in closes.items():
        if len(series) != sessions or min(series) <= 0:
            raise ValueError(f"{symbol} has {len(series)} closes of {sessions}, or one that is not positive")
        for i, close in enumerate(series):
            index[i] += Fraction(close, series[0])
    return confirm_mode(index, thresholds)


def _correlation_with_time_e10(values: Sequence[Fraction | int]) -> RatioE10:
    """Pearson's correlation with 0, 1, 2 ..., halves away from zero."""
    n, total = len(values), sum(values, Fraction(0))
    covariance = n * sum((i * value for i, value in enumerate(values)), Fraction(0)) - Fraction(n * (n - 1), 2) * total
    variance = n * sum((Fraction(value) ** 2 for value in values), Fraction(0)) - total**2
    if variance == 0:
        return 0
    time_variance = Fraction(n * n * (n * n - 1), 12)
    size = root_e10(covariance**2 / (time_variance * variance), 2)
    return size if covariance > 0 else -size


# --- guess (11.2) -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GuessInputs:
    """What a guess rests on, all known before the week's first session."""

    last_e4: int
    """SPY's last close"""
    sma20_e4: Fraction
    sma50_e4: Fraction
    five_day_return: Fraction
    """As a share, over the last five sessions."""
    vix: Fraction
    vix_mean: Fraction
    """Of its last 252 closes, in the unit of `vix`."""


@dataclass(frozen=True, slots=True)
class Guess:
    """A row of the table of protocol 11.2."""

    trend: str
    """UP, DOWN or FLAT"""
    volatility: str
    """HIGH or LOW"""
    support: str
    """STRONG or BROKEN"""
    mode: str


TREND_PCT: Final = Fraction("0.5")


def guess_inputs(
    spy_closes_e4: Sequence[int], vix_closes: Sequence[int], *, vix_sessions: int = 252
) -> GuessInputs | None:
    """Inputs from daily closes, oldest first; None where there are not 50 of SPY and `vix_sessions` of VIX."""
    if len(spy_closes_e4) < 50 or len(vix_closes) < vix_sessions:
        return None
    last = spy_closes_e4[-1]
    return GuessInputs(
        last_e4=last,
        sma20_e4=Fraction(sum(spy_closes_e4[-20:]), 20),
        sma50_e4=Fraction(sum(spy_closes_e4[-50:]), 50),
        five_day_return=Fraction(last, spy_closes_e4[-6]) - 1,
        vix=Fraction(vix_closes[-1]),
        vix_mean=Fraction(sum(vix_closes[-vix_sessions:]), vix_sessions),
    )


def guess_mode(inputs: GuessInputs, *, trend_pct: Fraction = TREND_PCT) -> Guess:
    """The guess for a week (protocol 11.2): trend, volatility and support, then the table."""
    earned = inputs.five_day_return * 100
    if inputs.last_e4 > inputs.sma20_e4 and earned > trend_pct:
        trend = "UP"
    elif inputs.last_e4 < inputs.sma20_e4 and earned < -trend_pct:
        trend = "DOWN"
    else:
        trend = "FLAT"
    volatility = "HIGH" if inputs.vix > inputs.vix_mean else "LOW"
    support = "STRONG" if inputs.last_e4 > inputs.sma50_e4 else "BROKEN"
    match trend, volatility, support:
        case "UP", _, "STRONG":
            mode = GREEN
        case ("UP", _, _) | ("DOWN", "LOW", "STRONG") | ("FLAT", "LOW", _):
            mode = CHOP
        case _:
            mode = RED
    return Guess(trend, volatility, support, mode)


# --- type prediction (11.5) -------------------------------------------------------------------------------------

PREDICTOR_VERSION: Final = "v1"
LEAST_OBSERVATIONS: Final = 5
PRIOR_WEEKS: Final[Mapping[str, int]] = {
    "P-DD": 2, "P-AOL": 0, "P-RO": 7, "P-XL": 0, "C-REC": 2, "C-RO": 4, "C-XL": 0, "P-AWL": 0, "C-PNO": 8,
    "C-WAP": 14, "C-WAP+": 6, "P-EW": 16, "W-CAR": 0, "W-IDL": 1,
}  # fmt: skip
"""Prior weeks a year of each type (protocol 11.1); they sum to 60."""


@dataclass(frozen=True, slots=True)
class TypePrediction:
    """What the predictor says of an account and ticker's next week."""

    kind: str
    """The most probable type."""
    confidence: Fraction
    """Its probability."""
    probabilities: dict[str, Fraction]
    """Of every type, most severe first; they sum to 1."""
    basis: str
    """CONTEXT (last type and mode), LAST_TYPE or PRIORS"""


def prior_probabilities() -> dict[str, Fraction]:
    """The normalised priors, most severe type first."""
    total = sum(PRIOR_WEEKS.values())
    return {kind: Fraction(PRIOR_WEEKS[kind], total) for kind in SEVERITY}


def context_key(last_type: str, mode: str) -> str:
    """Under which the weeks of a context are counted; `mode` is the guess, empty without one."""
    return f"{last_type}|{mode}"


def observe(counts: dict[str, dict[str, int]], last_type: str, mode: str, actual: str) -> None:
    """Count a week of an account and ticker: what followed on a type under a guess. Raises ValueError for no type."""
    for kind in (last_type, actual):
        if kind not in SEVERITY:
            raise ValueError(f"{kind!r} is no week type")
    followed = counts.setdefault(context_key(last_type, mode), {})
    followed[actual] = followed.get(actual, 0) + 1


def predict_type(
    counts: Mapping[str, Mapping[str, int]], last_type: str, mode: str, *, least: int = LEAST_OBSERVATIONS
) -> TypePrediction:
    """Type predictor v1: smoothed Markov frequencies with back-off (protocol 11.5).

    `counts` are those of the account and ticker as `observe` keeps them. A context with fewer than `least`
    observations gives way to all weeks after `last_type`, and those to the priors. Tie: the more severe type.
    """
    with_mode: Mapping[str, int] = counts.get(context_key(last_type, mode), {}) if mode else {}
    after_type: dict[str, int] = {}
    for key, followed in counts.items():
        if key.partition("|")[0] == last_type:
            for kind, times in followed.items():
                after_type[kind] = after_type.get(kind, 0) + times
    for basis, seen in (("CONTEXT", with_mode), ("LAST_TYPE", after_type)):
        if (total := sum(seen.values())) >= max(least, 1):
            smoothed = {kind: Fraction(seen.get(kind, 0) + 1, total + len(SEVERITY)) for kind in SEVERITY}
            return _most_probable(smoothed, basis)
    return _most_probable(prior_probabilities(), "PRIORS")


def _most_probable(probabilities: dict[str, Fraction], basis: str) -> TypePrediction:
    kind = max(probabilities, key=lambda kind: (probabilities[kind], SEVERITY[kind]))
    return TypePrediction(kind, probabilities[kind], probabilities, basis)


# --- scores (11.5) ----------------------------------------------------------------------------------------------

ROLLING_WEEKS: Final = 26


@dataclass(frozen=True, slots=True)
class Score:
    """A scored week, of the mode predictor or of a type prediction."""

    week_id: str
    predicted: str
    actual: str
    brier_e10: RatioE10 = 0

    @property
    def hit(self) -> bool:
        """The prediction came true."""
        return self.predicted == self.actual


@dataclass(frozen=True, slots=True)
class Rolling:
    """Scores over the last weeks."""

    weeks: int
    hits: int
    brier: Fraction
    """Mean Brier score."""

    @property
    def hit_rate(self) -> Fraction:
        """Share of the weeks that were hit."""
        return Fraction(self.hits, self.weeks)


def brier_score(probabilities: Mapping[str, Fraction], actual: str) -> Fraction:
    """`sum (P_k - o_k)^2` over all outcomes; 0 is perfect, 2 the worst of a distribution (protocol 11.5)."""
    missed = Fraction(0) if actual in probabilities else Fraction(1)
    return missed + sum(((p - (kind == actual)) ** 2 for kind, p in probabilities.items()), Fraction(0))


def mode_brier(guess: str, confirmed: str) -> Fraction:
    """Of a mode guess, which the table gives without a probability, so it counts as certain: 0 or 2 (chosen)."""
    return brier_score({guess: Fraction(1)}, confirmed)


def rolling(scores: Sequence[Score], weeks: int = ROLLING_WEEKS) -> Rolling | None:
    """Hit rate and mean Brier score of the last scored weeks, oldest first; None without any."""
    window = scores[-weeks:]
    if not window:
        return None
    brier = Fraction(sum(score.brier_e10 for score in window), len(window) * 10**10)
    return Rolling(len(window), sum(score.hit for score in window), brier)


def naive_hit_rate(scores: Sequence[Score]) -> Fraction:
    """What always guessing the most frequent outcome of these weeks would have hit; 0 without a week."""
    actual = [score.actual for score in scores]
    return Fraction(max((actual.count(outcome) for outcome in actual), default=0), max(1, len(actual)))


def predictor_qualified(
    scores: Sequence[Score],
    *,
    qualified: bool,
    min_weeks: int = ROLLING_WEEKS,
    qualify_hit_pct: Fraction = Fraction(60),
    disqualify_hit_pct: Fraction = Fraction(50),
    window: int = ROLLING_WEEKS,
) -> bool:
    """Whether the mode predictor is qualified after these scored weeks, given whether it was before (protocol 11.5).

    All rates are those of the rolling window. It becomes so with `min_weeks` scored weeks, a hit rate of at least
    `qualify_hit_pct` and more hits than the most frequent mode alone; it stays so down to `disqualify_hit_pct`.
    """
    found = rolling(scores, window)
    if found is None:
        return False
    if qualified:
        return found.hit_rate * 100 >= disqualify_hit_pct
    return (
        len(scores) >= min_weeks
        and found.hit_rate * 100 >= qualify_hit_pct
        and found.hit_rate > naive_hit_rate(scores[-window:])
    )


# --- outcome matrix (11.4) --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OutcomeCell:
    """Exact sums over the weeks of one cell of the type x outcome matrix.

    Results are integers in one unit that the caller keeps to (cents, or the week's return in 1e-10).
    """

    count: int = 0
    total: int = 0
    squares: int = 0
    wins: int = 0
    """Weeks with a result above 0, as win rates count (protocol 14.2)."""
    premium: int = 0

    def added(self, result: int, premium: int, *, sign: int = 1) -> "OutcomeCell":
        """With one more week, or with `sign` -1 without one that is in it."""
        return OutcomeCell(
            self.count + sign,
            self.total + sign * result,
            self.squares + sign * result * result,
            self.wins + sign * (result > 0),
            self.premium + sign * premium,
        )

    @property
    def mean(self) -> Fraction | None:
        """Mean result."""
        return Fraction(self.total, self.count) if self.count else None

    @property
    def deviation_e10(self) -> RatioE10 | None:
        """Sample standard deviation of the results, by n - 1, in 1e-10 of their unit; None for fewer than two."""
        if self.count < 2:
            return None
        spread = self.count * self.squares - self.total**2
        return root_e10(Fraction(spread, self.count * (self.count - 1)), 2)

    @property
    def win_rate(self) -> Fraction | None:
        """Share of the weeks that won."""
        return Fraction(self.wins, self.count) if self.count else None

    @property
    def mean_premium(self) -> Fraction | None:
        """Mean premium collected."""
        return Fraction(self.premium, self.count) if self.count else None


def matrix_keys(kind: str, *, mode: str = "", ticker: str = "", delta_bucket: str = "") -> list[str]:
    """The cells in which a week of a type counts: its row, and the row's slices by mode, ticker and delta bucket."""
    slices = (("mode", mode), ("ticker", ticker), ("delta", delta_bucket))
    return [kind, *(f"{kind}|{name}={value}" for name, value in slices if value)]
