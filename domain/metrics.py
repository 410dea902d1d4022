"""What reports measure: returns, drawdown, yields, risk and exposure (protocol 14.2).

Everything is exact until it is shown. Ratios are `Fraction` and compare unrounded; statistics that need a root are
integers of 1e-10, rounded half-up once (protocol 2.1). Nothing is a binary float, so a report has the same bytes on
every machine. What is not defined (a ratio to nothing, a deviation of one month) is None, never 0.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Final, TypeVar

from domain.calendar import as_date, week_id
from domain.money import round_half_up
from domain.record import Cents, DayNumber, PriceE4, RatioE10

MONTHS: Final = 12
VAR_SESSIONS: Final = 250
VAR_TAIL: Final = Fraction(5, 100)

Period = TypeVar("Period", bound=Hashable)


# --- returns ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mark:
    """A valuation: the corpus just before a flow, and the flow (in positive, out negative).

    Flows are what changes a corpus without being earned: contributions, withdrawals, forks, merges. A day has a mark
    at its close and one at each flow of the session, in order.
    """

    day: DayNumber
    corpus: Cents
    flow: Cents = 0


def _sub_periods(marks: Sequence[Mark]) -> list[tuple[DayNumber, Fraction]]:
    """(last day, return) of each stretch between valuations; it starts at the corpus just after a flow."""
    found: list[tuple[DayNumber, Fraction]] = []
    for before, at in pairwise(marks):
        if at.day < before.day:
            raise ValueError(f"valuations are out of order: day {at.day} after day {before.day}")
        base = before.corpus + before.flow
        if base < 0 or (base == 0 and at.corpus != 0):
            raise ValueError(f"a sub-period that starts at {base} cents has no return")
        found.append((at.day, Fraction(at.corpus, base) - 1 if base else Fraction(0)))
    return found


def time_weighted_return(marks: Sequence[Mark]) -> Fraction:
    """TWR = product of (1 + r_i) over sub-periods cut at flows, less 1 (protocol 14.2); 0 for fewer than two marks.

    Raises ValueError where a sub-period starts at nothing and ends at something, and for days out of order.
    """
    product = Fraction(1)
    for _, earned in _sub_periods(marks):
        product *= 1 + earned
    return product - 1


def period_returns(marks: Sequence[Mark], period_of: Callable[[DayNumber], Period]) -> dict[Period, Fraction]:
    """TWR of each period, in order; a sub-period belongs to the period that its last day lies in.

    The first mark only opens the first sub-period, so it is the close before the first period that is wanted.
    """
    growth: dict[Period, Fraction] = {}
    for day, earned in _sub_periods(marks):
        period = period_of(day)
        growth[period] = growth.get(period, Fraction(1)) * (1 + earned)
    return {period: product - 1 for period, product in growth.items()}


def weekly_returns(marks: Sequence[Mark]) -> dict[str, Fraction]:
    """Weekly return by ISO week: `(C_end - C_start) / C_start` where nothing flowed (protocol 14.2, 2.4)."""
    return period_returns(marks, week_id)


def monthly_returns(marks: Sequence[Mark]) -> dict[str, Fraction]:
    """Return by calendar month, such as 2025-06; what volatility, Sharpe and Sortino are made of."""
    return period_returns(marks, lambda day: as_date(day).isoformat()[:7])


def daily_returns(marks: Sequence[Mark]) -> dict[DayNumber, Fraction]:
    """Return by session; what value at risk is made of."""
    return period_returns(marks, lambda day: day)


def gain(marks: Sequence[Mark]) -> Cents:
    """What was earned in dollars: the change of corpus without the flows between first and last valuation."""
    if not marks:
        return 0
    return marks[-1].corpus - marks[0].corpus - sum(mark.flow for mark in marks[:-1])


@dataclass(frozen=True, slots=True)
class Drawdown:
    """A fall of the flow-adjusted index from a peak; without one, depth 0 and all days the first."""

    depth: Fraction
    """Share of the peak that was lost, 0 to 1."""
    peak_day: DayNumber
    trough_day: DayNumber
    recovered_day: DayNumber | None
    """First day at or above the peak again."""
    recovery_sessions: int | None
    """Recovery time: sessions after the trough up to that day; every session has a mark."""


def max_drawdown(marks: Sequence[Mark]) -> Drawdown:
    """Largest peak-to-trough fall of the flow-adjusted index, the first of equal ones, and its recovery (14.2).

    The index starts at 1 and follows the returns of the sub-periods, so flows do not move it. Raises ValueError
    without any mark.
    """
    if not marks:
        raise ValueError("a drawdown needs a valuation")
    index = [(marks[0].day, Fraction(1))]
    for day, earned in _sub_periods(marks):
        index.append((day, index[-1][1] * (1 + earned)))
    peak = top = low = 0
    depth = Fraction(0)
    for i, (_, level) in enumerate(index):
        if level > index[peak][1]:
            peak = i
        elif level < index[peak][1] * (1 - depth):
            depth, top, low = 1 - level / index[peak][1], peak, i
    if not depth:
        return Drawdown(depth, marks[0].day, marks[0].day, marks[0].day, 0)
    trough_day = index[low][0]
    back = next((day for day, level in index[low:] if level >= index[top][1]), None)
    sessions = None if back is None else len({day for day, _ in index[low:] if trough_day < day <= back})
    return Drawdown(depth, index[top][0], trough_day, back, sessions)


# --- premium, chains, income, capital ---------------------------------------------------------------------------


def _share(part: Fraction | int, whole: Fraction | int) -> Fraction | None:
    """A ratio, where there is something that it is a share of."""
    return Fraction(part) / whole if whole > 0 else None


def _average(values: Sequence[int]) -> Fraction:
    return Fraction(sum(values), len(values)) if values else Fraction(0)


def premium_yield(premium_collected: Cents, collateral: Sequence[Cents]) -> Fraction | None:
    """Premium collected / average collateral of the period's sessions; None where none was held."""
    return _share(premium_collected, _average(collateral))


def win_rate(chain_results: Sequence[Cents]) -> Fraction | None:
    """Winning / closed chains; a chain wins with a realised result after costs above 0 (as in section 9, chosen)."""
    return _share(sum(result > 0 for result in chain_results), len(chain_results))


def income(*, net_realised_premium: Cents, dividends: Cents, interest: Cents) -> Cents:
    """Net realised premium + dividends + interest.

    Net realised premium: what options closed in the period were sold for, less what they were bought back for and
    commissions; pre-tax.
    """
    return net_realised_premium + dividends + interest


def capital_efficiency(collateral: Sequence[Cents], corpus: Sequence[Cents]) -> Fraction | None:
    """Average collateral / average corpus, each over the sessions given; None without a session or a corpus."""
    return _share(_average(collateral), _average(corpus)) if collateral else None


def tax_efficiency(*, post_tax: Fraction, pre_tax: Fraction) -> Fraction | None:
    """Post-tax / pre-tax return; None where there was no gain that tax could take a share of (chosen)."""
    return _share(post_tax, pre_tax)


def fork_efficiency(*, child: Fraction, parent: Fraction) -> Fraction | None:
    """Child growth / parent growth, both TWR of the same weeks; None where the parent did not grow (chosen)."""
    return _share(child, parent)


# --- statistics -------------------------------------------------------------------------------------------------


def root_e10(value: Fraction, degree: int) -> RatioE10:
    """The degree-th root in 1e-10, rounded half-up, by integers alone. Raises ValueError for a negative value."""
    if value < 0:
        raise ValueError(f"the root of a negative value: {value}")
    scaled = value * (2 * 10**10) ** degree
    return (_integer_root(scaled.numerator // scaled.denominator, degree) + 1) // 2


def _integer_root(value: int, degree: int) -> int:
    """Largest integer whose power is not above (Newton from above, which falls until it is there)."""
    if value == 0:
        return 0
    root = 1 << -(-value.bit_length() // degree)
    while (lower := ((degree - 1) * root + value // root ** (degree - 1)) // degree) < root:
        root = lower
    return root


def _mean(values: Sequence[Fraction]) -> Fraction:
    return sum(values, Fraction(0)) / len(values)


def _variance(values: Sequence[Fraction]) -> Fraction:
    """Sample variance, by n - 1 (chosen)."""
    mean = _mean(values)
    return sum(((value - mean) ** 2 for value in values), Fraction(0)) / (len(values) - 1)


def volatility_e10(monthly: Sequence[Fraction]) -> RatioE10 | None:
    """Sample standard deviation of monthly returns x sqrt 12; None for fewer than two months."""
    return root_e10(MONTHS * _variance(monthly), 2) if len(monthly) > 1 else None


def _excess(monthly: Sequence[Fraction], bill_rates: Sequence[Fraction]) -> list[Fraction]:
    if len(monthly) != len(bill_rates):
        raise ValueError(f"{len(monthly)} months and {len(bill_rates)} bill rates")
    return [earned - rate / MONTHS for earned, rate in zip(monthly, bill_rates, strict=True)]


def _mean_over_deviation_e10(excess: Sequence[Fraction], variance: Fraction) -> RatioE10 | None:
    """mean / deviation x sqrt 12."""
    if variance == 0:
        return None
    mean = _mean(excess)
    size = root_e10(MONTHS * mean**2 / variance, 2)
    return size if mean > 0 else -size


def sharpe_e10(monthly: Sequence[Fraction], bill_rates: Sequence[Fraction]) -> RatioE10 | None:
    """Mean monthly excess return / its sample standard deviation x sqrt 12; None where that deviates from nothing.

    `bill_rates`: for each month the yearly rate of the 3-month bill at its start, of which a twelfth is risk-free.
    """
    excess = _excess(monthly, bill_rates)
    return _mean_over_deviation_e10(excess, _variance(excess)) if len(excess) > 1 else None


def sortino_e10(monthly: Sequence[Fraction], bill_rates: Sequence[Fraction]) -> RatioE10 | None:
    """As Sharpe, over the downside deviation: root mean square of what fell short of the bill, over all months."""
    excess = _excess(monthly, bill_rates)
    if len(excess) < 2:
        return None
    return _mean_over_deviation_e10(excess, _mean([min(one, Fraction(0)) ** 2 for one in excess]))


def cagr_e10(start: Fraction, end: Fraction, years: int) -> RatioE10:
    """Compound yearly growth: the years-th root of end / start, less 1."""
    return root_e10(end / start, years) - 10**10


def value_at_risk(daily: Sequence[Fraction]) -> Fraction | None:
    """VaR 95 % of one day, historical: the smallest loss that 95 % of the last 250 sessions did not exceed.

    A share of corpus, not below 0: the 13th worst return. None before there are 250 sessions.
    """
    if len(daily) < VAR_SESSIONS:
        return None
    exceed = VAR_TAIL * VAR_SESSIONS
    return max(Fraction(0), -sorted(daily[-VAR_SESSIONS:])[exceed.numerator // exceed.denominator])


# --- exposure ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Exposed:
    """An option or share position with the greeks of one share, signed as for its holder."""

    underlying: str
    shares: int
    """Contracts x 100, or shares; short is negative."""
    spot_e4: PriceE4
    price_e4: PriceE4
    """Value of the instrument per share, now."""
    delta: Fraction
    gamma: Fraction
    """Change of delta a dollar of the underlying."""
    theta: Fraction
    """Dollars a calendar day."""
    vega: Fraction
    """Dollars a point (0.01) of implied volatility."""


@dataclass(frozen=True, slots=True)
class Shock:
    """What the underlying's price and every implied volatility are multiplied by."""

    spot: Fraction
    volatility: Fraction


SHOCKS: Final = tuple(Shock(Fraction(100 + percent, 100), Fraction(130, 100)) for percent in (-10, -20, 10))
"""Protocol 14.2: -10 %, -20 %, +10 % with IV + 30 %, read as relative (0.40 becomes 0.52)."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """What positions stand to win or lose."""

    delta_cents: Cents
    """Net delta in dollars: as many dollars of the underlyings would move alike."""
    gamma_cents: Cents
    """Change of that when every underlying rises by 1 %."""
    theta_cents: Cents
    vega_cents: Cents
    shocks: tuple[tuple[Shock, Cents], ...]
    """Each shock of all underlyings at once, and the profit it would bring."""
    worst: Shock
    worst_cents: Cents


def exposure(positions: Sequence[Exposed], price_e4: Callable[[Exposed, Shock], PriceE4]) -> Exposure:
    """Net greeks in dollars, and the worst of the shocks (protocol 14.2).

    `price_e4` values one share of a position after a shock; the model is the caller's. Sums round half-up once.
    """

    def cents(amounts_e4: list[Fraction]) -> Cents:
        return round_half_up(sum(amounts_e4, Fraction(0)) / 100)

    def dollars_as_e4(greeks: list[Fraction]) -> list[Fraction]:
        return [greek * 10_000 for greek in greeks]

    shocks = tuple(
        (shock, cents([Fraction((price_e4(p, shock) - p.price_e4) * p.shares) for p in positions])) for shock in SHOCKS
    )
    worst, worst_cents = min(shocks, key=lambda pair: pair[1])
    return Exposure(
        delta_cents=cents([p.delta * p.shares * p.spot_e4 for p in positions]),
        gamma_cents=cents([p.gamma * p.shares * Fraction(p.spot_e4**2, 10_000 * 100) for p in positions]),
        theta_cents=cents(dollars_as_e4([p.theta * p.shares for p in positions])),
        vega_cents=cents(dollars_as_e4([p.vega * p.shares for p in positions])),
        shocks=shocks,
        worst=worst,
        worst_cents=worst_cents,
    )
