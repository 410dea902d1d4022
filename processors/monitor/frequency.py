"""How often things happen (protocol 17): breaches a week against their 26-week mean, alerts an hour."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.calendar import HOUR, monday_of

MEAN_WEEKS, TIMES_MEAN, FEWEST_WEEKS = 26, 3, 4
ALERTS_AN_HOUR = 30


@dataclass
class FrequencyState:
    """Counts of a book."""

    first_monday: int = 0
    """day number of the first week the book was seen in; 0 = not seen"""
    breaches: dict[int, int] = field(default_factory=dict[int, int])
    """Monday of a week to the levels that were crossed upwards in it"""
    told_week: int = 0
    alerts: list[int] = field(default_factory=list[int])
    told_alerts_us: int = 0


@dataclass(frozen=True)
class Breaches:
    """A week with unusually many breaches."""

    monday: int
    count: int
    mean: float


def follow_level(state: FrequencyState, event: Mapping[str, Any], day: int) -> Breaches | None:
    """A level was crossed: more than three times the mean of the 26 weeks before, told once a week.

    The mean is over the weeks that are known, at least four.
    """
    if event["to_level"] <= event["from_level"]:
        return None
    monday = monday_of(day)
    seen(state, day)
    state.breaches[monday] = state.breaches.get(monday, 0) + 1
    for old in [week for week in state.breaches if week < monday - 7 * MEAN_WEEKS]:
        del state.breaches[old]
    weeks = min(MEAN_WEEKS, (monday - state.first_monday) // 7)
    if weeks < FEWEST_WEEKS or state.told_week == monday:
        return None
    before = sum(count for week, count in state.breaches.items() if monday - 7 * weeks <= week < monday)
    if state.breaches[monday] * weeks <= TIMES_MEAN * before:
        return None
    state.told_week = monday
    return Breaches(monday, state.breaches[monday], before / weeks)


def seen(state: FrequencyState, day: int) -> None:
    """The book lives on this day."""
    if not state.first_monday:
        state.first_monday = monday_of(day)


def follow_alert(state: FrequencyState, at_us: int) -> int | None:
    """An alert was raised: how many in the last hour if that is too many, told once an hour."""
    state.alerts = [t for t in state.alerts if t > at_us - HOUR][-10 * ALERTS_AN_HOUR :]
    state.alerts.append(at_us)
    if len(state.alerts) <= ALERTS_AN_HOUR or (state.told_alerts_us and at_us < state.told_alerts_us + HOUR):
        return None
    state.told_alerts_us = at_us
    return len(state.alerts)
