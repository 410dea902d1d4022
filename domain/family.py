"""How an account family grows against the benchmark (protocol 14.2, 14.4): a system's accounts with all that was forked
from them inside it, without EXT. Time-weighted: sub-periods are sessions, a flow belongs to the start of its day."""

from fractions import Fraction

from domain import events as e
from domain.alerts import raise_alert
from domain.decision import Decision
from domain.growth import QuarterEnd, benchmark_deviation
from domain.money import percent_text, ratio_e10


def judge(d: Decision) -> None:
    """After the first end of a day of a quarter: whether the last two quarter ends trail the conservative path."""
    family = d.book.family
    if family.ended != d.today:
        return
    ends = [QuarterEnd(end.months, Fraction(end.multiple_e10, 10**10)) for end in family.ends]
    found = benchmark_deviation(ends, d.config().fraction("bench.deviation_pct") / 100)
    if found is None:
        return
    quarter = family.ends[-1].quarter
    d.emit(
        e.BenchmarkDeviationDetected(
            quarter,
            found.months,
            ratio_e10(found.multiple),
            ratio_e10(found.path_multiple),
            ratio_e10(found.gap),
            ratio_e10(found.gap_before),
        ),
        f"system-{d.book.system_id}",
    )
    message = f"{percent_text(found.gap)} behind the conservative path after {found.months} months"
    raise_alert(d, None, "ACCOUNT_MANAGEMENT", "MEDIUM", None, "Behind the benchmark", message)
