"""The moments before the first session: the calendar, then the warm-up. The same for every source."""

from collections.abc import Iterator

from gateways.market.calendar import SECOND_US, Session, Sessions, new_york_us
from gateways.market.port import MarketRecord, Moment


def calendar_moment(sessions: Sessions, first: Session) -> Moment:
    """The calendar, at midnight New York time of the first session's day."""
    time_us = new_york_us(first.day)
    return Moment(time_us, [sessions.record(time_us)])


def warm_up_time(first: Session) -> int:
    """When the bars of before the run are given: one second after the calendar."""
    return new_york_us(first.day) + SECOND_US


def opening_moments(sessions: Sessions, first: Session, warm_up: list[MarketRecord]) -> Iterator[Moment]:
    """Calendar and warm-up; `warm_up` carries `warm_up_time(first)`."""
    yield calendar_moment(sessions, first)
    if warm_up:
        yield Moment(warm_up_time(first), warm_up)
