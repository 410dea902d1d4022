"""The weekly feedback cycle (protocol 11.3, 11.4): what is stored of a week beside its types, and the matrix of how the
weeks of a type have turned out. STAR-LAB's accounts never feed it."""

from collections.abc import Iterable
from fractions import Fraction

from domain import events as e
from domain.calendar import week_id
from domain.decision import Decision
from domain.evolve_weeks import cells_of
from domain.growth import SCENARIOS
from domain.money import percent_of, ratio_e10, round_half_up
from domain.state import Account, TickerWeek

VIX = "VIX"
STREAM = "predictor"
BUCKET_POINTS = 5
WEEKS_A_YEAR = 52
DAYS_A_YEAR = 365
LAST_YEAR = 10
"""Of the growth scenarios (protocol 14.4)."""
ONE = 10**10


def delta_bucket(delta_e2: int) -> str:
    """The five points that hold a delta, such as 40-45 for 40.00 to 44.99; empty where it is not known."""
    if delta_e2 < 0:
        return ""
    low = delta_e2 // (100 * BUCKET_POINTS) * BUCKET_POINTS
    return f"{low}-{low + BUCKET_POINTS}"


def week_bucket(week: TickerWeek) -> str:
    """The bucket of the mean delta at which the week's options were sold."""
    return delta_bucket(week.delta_sum // week.delta_contracts) if week.delta_contracts else ""


def after_tax(d: Decision, account: Account, pnl: int) -> int:
    """A week's result less the estimated tax on it at the short-term rate: an estimate, not advice (protocol 4.4)."""
    rate = d.config(account.account_id).fraction("tax.rate_st")
    return pnl - round_half_up(percent_of(max(0, pnl), rate))


def vix_average(d: Decision, day: int) -> int | None:
    """Mean of the VIX closes of a week, 1e-4; none where there is none."""
    closes = [close for session in d.calendar.week_sessions(day) if (close := d.market.close_of(VIX, session))]
    return round_half_up(Fraction(sum(closes), len(closes))) if closes else None


def realised_volatility(d: Decision, ticker: str) -> int | None:
    """20-day volatility of the last completed session (protocol 5.4); none where the history is too short."""
    bars = d.market.bars.get(ticker, [])
    return bars[-1].hv_e10 or None if bars else None


def weekly_benchmark(d: Decision, account: Account, day: int) -> Fraction:
    """What `bench.scenario` expects of an account in a week: before tax, of COM after it (protocol 14.4)."""
    scenario = SCENARIOS[d.config(account.account_id).text("bench.scenario")]
    year = min(LAST_YEAR, max(0, day - account.inception) // DAYS_A_YEAR + 1)
    gen, rev = scenario.expected(year)
    return {"GEN": gen, "REV": rev}.get(account.type, scenario.com_yearly) / WEEKS_A_YEAR


def figures_of(account: Account, key: str) -> e.MatrixCell:
    """A cell's count, mean, standard deviation, win rate and mean premium; empty where a correction has emptied it."""
    kind, _, rest = key.partition("|")
    by, _, value = rest.partition("=")
    cell = account.matrix.get(key)
    if cell is None:
        return e.MatrixCell(account.account_id, kind, by, value, 0, 0, 0, 0)
    n, spread = cell.count, cell.deviation_e10
    return e.MatrixCell(
        account.account_id, kind, by, value, n, round_half_up(Fraction(cell.total, n)),
        ratio_e10(Fraction(cell.wins, n)), round_half_up(Fraction(cell.premium, n)),
        None if spread is None else round_half_up(Fraction(spread, ONE)),
    )  # fmt: skip


def update_matrix(d: Decision, week: str, accounts: Iterable[Account]) -> None:
    """Saturday: the cells that the week has changed (protocol 11.4). The matrix follows from `WeekClassified`."""
    cells: list[e.MatrixCell] = []
    for account in accounts:
        named = ((name.partition("|"), figures) for name, figures in account.week_figures.items())
        keys = {key for (of, _, ticker), figures in named if of == week for key in cells_of(ticker, figures)}
        cells += [figures_of(account, key) for key in sorted(keys)]
    d.emit(e.FeedbackCycleCompleted("WEEKLY", week, cells, 0, 0, 0, {}), STREAM)


def correct_matrix(d: Decision, account: Account, session: int, ticker: str, before: str) -> None:
    """A late notice has moved a week to another type: its cells, old and new, as they are now (protocol 11.1)."""
    week = week_id(session)
    figures = account.week_figures.get(f"{week}|{ticker}")
    if figures is None:
        return
    keys = {*cells_of(ticker, figures, before), *cells_of(ticker, figures)}
    cells = [figures_of(account, key) for key in sorted(keys)]
    d.emit(e.FeedbackCycleCompleted("CORRECTION", week, cells, 0, 0, 0, {}), STREAM, account)
