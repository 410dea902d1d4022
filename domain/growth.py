"""The growth benchmarks: reference model, published table, Monte Carlo, and the rule that judges by them (14.4).

Balances are exact fractions of a cent and are rounded only where they are shown. The published table is for
comparison in reports; it does not follow from the stated method, the model does. All growth is after the flat tax
of the benchmarks, which is an estimate, not advice (protocol 4.4).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

import numpy as np
from numpy.random import Philox  # pure: counter-based, its stream is a function of the seed that the caller gives

from domain import metrics
from domain.money import floor_int, round_half_up
from domain.record import Cents, RatioE10

YEARS: Final = 10
MONTHS: Final = metrics.MONTHS
START_GEN: Final[Cents] = 100_000_00
START_REV: Final[Cents] = 100_000_00
START: Final[Cents] = START_GEN + START_REV
FORK_SURPLUS: Final[Cents] = 50_000_00
AFTER_TAX: Final = 1 - Fraction(30, 100)
DECAY_YEARS: Final = 3
LEAST_PATHS: Final = 1_000

YearReturn = tuple[Fraction, Fraction]
"""(Gen, Rev) return of a year before tax: g x 12 and r x 12, or the sums of twelve draws."""


def _percent(text: str) -> Fraction:
    return Fraction(text) / 100


@dataclass(frozen=True, slots=True)
class Scenario:
    """One set of assumptions. Rates are shares: 2 % is 1/50."""

    name: str
    gen_monthly: Fraction
    rev_monthly: Fraction
    com_yearly: Fraction
    """After tax."""
    variation: Fraction
    """Of a month's Gen or Rev return, either way."""
    drawdowns: Mapping[int, Fraction] = field(hash=False)
    """Year to the share that every balance loses in it."""
    decay: Fraction = Fraction(0)
    """What Gen and Rev earn less a month after each three years."""

    def __str__(self) -> str:
        return self.name

    def monthly(self, year: int) -> YearReturn:
        """(g, r) of a year: `g0 - decay k`, `r0 - decay k`, k = floor((y - 1) / 3)."""
        less = self.decay * ((year - 1) // DECAY_YEARS)
        return self.gen_monthly - less, self.rev_monthly - less

    def expected(self, year: int) -> YearReturn:
        """(g x 12, r x 12)."""
        gen, rev = self.monthly(year)
        return gen * MONTHS, rev * MONTHS

    def gross(self, year: int, gen: Fraction, rev: Fraction) -> tuple[Fraction, Fraction, Fraction]:
        """What (Gen, Rev, Com) balances are multiplied by; a drawdown year takes the same of all, and no income."""
        if year in self.drawdowns:
            kept = 1 - self.drawdowns[year]
            return kept, kept, kept
        return 1 + gen * AFTER_TAX, 1 + rev * AFTER_TAX, 1 + self.com_yearly


MODERATE: Final = Scenario(
    "MODERATE", _percent("2"), _percent("1.5"), _percent("6"), _percent("0.5"), {4: _percent("15")}, _percent("0.1")
)
CONSERVATIVE: Final = Scenario(
    "CONSERVATIVE",
    _percent("1.5"),
    _percent("1"),
    _percent("5"),
    _percent("0.75"),
    {3: _percent("25"), 7: _percent("15")},
    _percent("0.15"),
)
OPTIMISTIC: Final = Scenario(
    "OPTIMISTIC", _percent("2.5"), _percent("2"), _percent("7"), _percent("0.3"), {5: _percent("10")}, _percent("0.05")
)
SCENARIOS: Final = {scenario.name: scenario for scenario in (MODERATE, CONSERVATIVE, OPTIMISTIC)}


# --- the published table ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PublishedYear:
    """A row as published, in whole dollars."""

    year: int
    total_usd: int
    gen_usd: int
    rev_usd: int
    com_usd: int
    monthly_income_usd: int


@dataclass(frozen=True, slots=True)
class Published:
    """What was published of a scenario."""

    rows: tuple[PublishedYear, ...]
    first_fork_month: int
    forks_by_year_10: int


PUBLISHED: Final[Mapping[str, Published]] = {
    "MODERATE": Published(
        (
            PublishedYear(1, 229_400, 116_800, 112_600, 0, 3_500),
            PublishedYear(2, 288_444, 136_656, 126_788, 25_000, 4_095),
            PublishedYear(3, 354_025, 159_888, 142_637, 51_500, 4_785),
            PublishedYear(5, 469_765, 195_062, 160_467, 114_236, 5_622),
            PublishedYear(7, 644_250, 267_235, 180_526, 196_489, 7_731),
            PublishedYear(10, 987_028, 412_578, 203_092, 371_358, 11_844),
        ),
        first_fork_month=27,
        forks_by_year_10=2,
    ),
    "CONSERVATIVE": Published(
        (
            PublishedYear(1, 221_000, 112_600, 108_400, 0, 2_500),
            PublishedYear(2, 243_878, 126_788, 117_090, 0, 2_813),
            PublishedYear(3, 182_909, 95_091, 87_818, 0, 2_110),
            PublishedYear(5, 217_002, 116_011, 100_991, 0, 2_573),
            PublishedYear(7, 236_248, 118_331, 92_917, 25_000, 2_831),
            PublishedYear(10, 312_791, 152_647, 106_854, 53_290, 3_753),
        ),
        first_fork_month=42,
        forks_by_year_10=1,
    ),
    "OPTIMISTIC": Published(
        (
            PublishedYear(1, 237_800, 121_000, 116_800, 0, 4_500),
            PublishedYear(2, 308_066, 146_410, 136_656, 25_000, 5_445),
            PublishedYear(3, 388_794, 177_156, 159_888, 51_750, 6_588),
            PublishedYear(5, 449_736, 187_586, 143_899, 118_251, 6_746),
            PublishedYear(7, 682_704, 272_000, 196_489, 214_215, 10_241),
            PublishedYear(10, 1_158_117, 452_520, 267_235, 438_362, 17_372),
        ),
        first_fork_month=22,
        forks_by_year_10=3,
    ),
}
"""By name of the scenario; for reports, not an oracle (protocol 14.4)."""


# --- the reference model ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fork:
    """A Gen account that gave its surplus away at a year's end. Cents, exact."""

    balance: Fraction
    """Before forking."""
    surplus: Fraction

    @property
    def half(self) -> Fraction:
        """What the new Gen account and Com receive each."""
        return self.surplus / 2


@dataclass(frozen=True, slots=True)
class GrowthYear:
    """A year's end, after its forks. Cents, exact."""

    year: int
    gen_balances: tuple[Fraction, ...]
    """The Gen network, in the order in which it came to be."""
    rev: Fraction
    com: Fraction
    monthly_income: Fraction
    """Run-rate on the balances of the year's start."""
    forks: tuple[Fork, ...]

    @property
    def gen(self) -> Fraction:
        """The Gen network together."""
        return sum(self.gen_balances, Fraction(0))

    @property
    def total(self) -> Fraction:
        """Gen network + Rev + Com."""
        return self.gen + self.rev + self.com


@dataclass(frozen=True, slots=True)
class _Gen:
    base: Fraction
    balance: Fraction


def _grow(scenario: Scenario, returns: Sequence[YearReturn]) -> Iterator[GrowthYear]:
    """The years of a path whose normal years return what is given."""
    network = [_Gen(Fraction(START_GEN), Fraction(START_GEN))]
    rev, com = Fraction(START_REV), Fraction(0)
    for year, (gen_return, rev_return) in enumerate(returns, start=1):
        gen_rate, rev_rate = scenario.monthly(year)
        monthly_income = sum((gen.balance for gen in network), Fraction(0)) * gen_rate + rev * rev_rate
        gen_gross, rev_gross, com_gross = scenario.gross(year, gen_return, rev_return)
        network = [_Gen(gen.base, gen.balance * gen_gross) for gen in network]
        rev, com = rev * rev_gross, com * com_gross
        network, forks = _fork(network)
        com += sum((fork.half for fork in forks), Fraction(0))
        yield GrowthYear(year, tuple(gen.balance for gen in network), rev, com, monthly_income, forks)


def _fork(network: Sequence[_Gen]) -> tuple[list[_Gen], tuple[Fork, ...]]:
    """Each account with a surplus of 50,000 returns to its base; half of the surplus is a new Gen account."""
    forks = tuple(
        Fork(gen.balance, gen.balance - gen.base) for gen in network if gen.balance - gen.base >= FORK_SURPLUS
    )
    kept = [_Gen(gen.base, gen.base) if gen.balance - gen.base >= FORK_SURPLUS else gen for gen in network]
    return [*kept, *(_Gen(fork.half, fork.half) for fork in forks)], forks


def reference_path(scenario: Scenario) -> tuple[GrowthYear, ...]:
    """Ten years of the reference model (protocol 14.4, EX-26)."""
    return tuple(_grow(scenario, [scenario.expected(year) for year in range(1, YEARS + 1)]))


def fork_years(path: Sequence[GrowthYear]) -> list[int]:
    """The year of each fork; a year with two stands twice."""
    return [at.year for at in path for _ in at.forks]


def cagr_e10(path: Sequence[GrowthYear]) -> RatioE10:
    """Compound yearly growth of the total over a path."""
    return metrics.cagr_e10(Fraction(START), path[-1].total, len(path))


# --- Monte Carlo ------------------------------------------------------------------------------------------------

_DRAW_BITS: Final = 32


@dataclass(frozen=True, slots=True)
class Band:
    """Totals of all paths at a year's end."""

    year: int
    mean: Cents
    p05: Cents
    """Nearest rank: the smallest total that 5 % of the paths do not exceed."""
    p95: Cents


@dataclass(frozen=True, slots=True)
class MonteCarlo:
    """Where a scenario's paths end when its months vary."""

    scenario: str
    paths: int
    seed: int
    years: tuple[Band, ...]


def monte_carlo(scenario: Scenario, paths: int, seed: int) -> MonteCarlo:
    """The model with every month of a normal year drawn uniformly from average +- variation (protocol 14.4).

    One draw serves all Gen accounts of a path, Rev has its own; Com, drawdown years and forks are as in the model.
    The draws are raw words of a counter-based generator, whose stream numpy keeps from version to version, so a seed
    (0 or more) names one result for good. Raises ValueError for fewer than 1,000 paths.
    """
    if paths < LEAST_PATHS:
        raise ValueError(f"at least {LEAST_PATHS} paths, not {paths}")
    words = Philox(seed).random_raw(paths * YEARS * 2 * MONTHS) >> np.uint64(64 - _DRAW_BITS)
    sums = words.reshape(paths, YEARS, 2, MONTHS).sum(axis=3).tolist()
    totals: list[list[Cents]] = [[] for _ in range(YEARS)]
    for drawn in sums:
        returns = [_drawn(scenario, year, gen, rev) for year, (gen, rev) in enumerate(drawn, start=1)]
        for at in _grow(scenario, returns):
            totals[at.year - 1].append(round_half_up(at.total))
    return MonteCarlo(scenario.name, paths, seed, tuple(_band(year, each) for year, each in enumerate(totals, start=1)))


def _drawn(scenario: Scenario, year: int, gen_sum: int, rev_sum: int) -> YearReturn:
    """A year's returns from two sums of twelve draws of 0 to 2^32 - 1, each taken at the middle of its step."""
    gen, rev = scenario.expected(year)

    def offset(drawn: int) -> Fraction:
        return scenario.variation * (Fraction(2 * drawn + MONTHS, 2**_DRAW_BITS) - MONTHS)

    return gen + offset(gen_sum), rev + offset(rev_sum)


def _band(year: int, totals: Sequence[Cents]) -> Band:
    ordered = sorted(totals)

    def percentile(percent: int) -> Cents:
        return ordered[max(0, -floor_int(Fraction(-percent * len(ordered), 100)) - 1)]

    return Band(year, round_half_up(Fraction(sum(ordered), len(ordered))), percentile(5), percentile(95))


# --- the benchmark rule -----------------------------------------------------------------------------------------

QUARTER_MONTHS: Final = 3
DEVIATION: Final = Fraction(10, 100)


def reference_multiple(scenario: Scenario, months: int) -> Fraction:
    """Total over start after so many months of the reference model, a straight line between year ends.

    That is what monthly returns on the balance of the year's start give; a drawdown is spread over its year alike
    (chosen). Raises ValueError outside the model's ten years.
    """
    if not 0 <= months <= YEARS * MONTHS:
        raise ValueError(f"month {months} lies outside the model: 0 to {YEARS * MONTHS}")
    ends = [Fraction(START), *(at.total for at in reference_path(scenario))]
    year, rest = divmod(months, MONTHS)
    if not rest:
        return ends[year] / START
    return (ends[year] + (ends[year + 1] - ends[year]) * Fraction(rest, MONTHS)) / START


@dataclass(frozen=True, slots=True)
class QuarterEnd:
    """An account family (a system's accounts with all forks) at a quarter's end."""

    months: int
    """Since its inception, 3 more at each quarter end."""
    multiple: Fraction
    """1 + its time-weighted return since inception, so that flows count neither for nor against it."""


@dataclass(frozen=True, slots=True)
class BenchmarkDeviation:
    """A family trails the conservative path (`BenchmarkDeviationDetected`). Gaps are shares of the path."""

    months: int
    gap: Fraction
    gap_before: Fraction
    multiple: Fraction
    path_multiple: Fraction


def benchmark_deviation(
    quarter_ends: Sequence[QuarterEnd], deviation: Fraction = DEVIATION
) -> BenchmarkDeviation | None:
    """Whether the last two quarter ends, consecutive ones, are each more than `deviation` behind the conservative path.

    None also where there is nothing to compare: fewer than two quarter ends, or one after the model's ten years.
    """
    if len(quarter_ends) < 2:
        return None
    before, last = quarter_ends[-2:]
    if last.months - before.months != QUARTER_MONTHS or last.months > YEARS * MONTHS:
        return None
    gap_before, gap = (1 - at.multiple / reference_multiple(CONSERVATIVE, at.months) for at in (before, last))
    if gap_before <= deviation or gap <= deviation:
        return None
    return BenchmarkDeviation(
        last.months, gap, gap_before, last.multiple, reference_multiple(CONSERVATIVE, last.months)
    )
