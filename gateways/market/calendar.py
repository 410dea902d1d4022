"""The exchange calendar XNYS as an input of the log: sessions, closes, settlement days, New York's UTC offsets.

Sessions and early closes come from `exchange_calendars`, offsets from the time-zone database. Both are read here, at
the edge, and travel in a `SessionCalendar`, so that no decision depends on the tables of the machine that repeats it.
"""

import datetime as dt
import warnings
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo

import exchange_calendars  # pyright: ignore[reportMissingTypeStubs]
import pandas as pd

from domain.inputs import SessionCalendar

NEW_YORK = ZoneInfo("America/New_York")
EPOCH = dt.date(1970, 1, 1)
EPOCH_UTC = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
DAY_US = 86_400 * SECOND_US

OFFICIAL_CLOSE_DELAY_US = 5 * MINUTE_US
"""The official close is published this long after the session's end (16:05 ET, 13:05 ET on an early close)."""


def day_number(day: dt.date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days


def day_of(number: int) -> dt.date:
    """The date of a day number."""
    return EPOCH + dt.timedelta(days=number)


def new_york_us(day: dt.date, hour: int = 0, minute: int = 0, second: int = 0) -> int:
    """A New York wall time as microseconds UTC."""
    local = dt.datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=NEW_YORK)
    return (local - EPOCH_UTC) // dt.timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Session:
    """One session of XNYS; opens and closes in microseconds UTC."""

    day: dt.date
    number: int
    """days since 1970-01-01"""
    open_us: int
    close_us: int

    @property
    def early_close(self) -> bool:
        """Ends at 13:00 ET."""
        return self.close_us - self.open_us < 6 * 3_600 * SECOND_US


class Sessions:
    """The sessions from one day to another, both included, with some beyond the end for settlement days."""

    def __init__(self, first_day: dt.date, last_day: dt.date) -> None:
        self.first_day = first_day
        self.last_day = last_day
        self._all = list(_load(first_day, last_day + dt.timedelta(days=15)))
        self._numbers = [s.number for s in self._all]

    def between(self, first: dt.date, last: dt.date) -> list[Session]:
        """The sessions from `first` to `last`, both included."""
        return self._all[bisect_left(self._numbers, day_number(first)) : bisect_right(self._numbers, day_number(last))]

    def on(self, day: dt.date) -> Session | None:
        """The session of a day, None when the exchange is closed."""
        i = bisect_left(self._numbers, day_number(day))
        return self._all[i] if i < len(self._all) and self._numbers[i] == day_number(day) else None

    def at_or_before(self, day: dt.date) -> Session | None:
        """The last session not after a day."""
        i = bisect_right(self._numbers, day_number(day))
        return self._all[i - 1] if i else None

    def after(self, day: dt.date) -> Session:
        """The first session after a day."""
        return self._all[bisect_right(self._numbers, day_number(day))]

    def weekly_expiry(self, day: dt.date) -> Session | None:
        """The weekly expiry of a day's ISO week: Friday, or on a holiday the session before (protocol 2.5)."""
        monday = day - dt.timedelta(days=day.weekday())
        found = self.at_or_before(monday + dt.timedelta(days=4))
        return found if found and found.day >= monday else None

    def weekly_expiries(self, day: dt.date, count: int) -> list[Session]:
        """The `count` nearest weekly expiries at or after a day."""
        found: list[Session] = []
        monday = day - dt.timedelta(days=day.weekday())
        while len(found) < count:
            expiry = self.weekly_expiry(monday)
            if expiry and expiry.day >= day:
                found.append(expiry)
            monday += dt.timedelta(days=7)
        return found

    def settlement_day(self, day: dt.date) -> dt.date:
        """T+1: the next session on which banks settle (protocol 4.1)."""
        following = self.after(day)
        while is_bank_holiday_with_session(following.day):
            following = self.after(following.day)
        return following.day

    def record(self, time_us: int) -> SessionCalendar:
        """All of it as the record of the log."""
        sessions = self.between(self.first_day, self.last_day)
        changes = list(_offset_changes(self.first_day, self.last_day))
        return SessionCalendar(
            time_us=time_us,
            sessions=[s.number for s in sessions],
            opens_us=[s.open_us for s in sessions],
            closes_us=[s.close_us for s in sessions],
            settlements=[day_number(self.settlement_day(s.day)) for s in sessions],
            offset_days=[day_number(day) for day, _ in changes],
            offsets_s=[offset for _, offset in changes],
        )


def is_bank_holiday_with_session(day: dt.date) -> bool:
    """Columbus Day (second Monday of October), Veterans Day (November 11, a Sunday's on Monday): no settlement."""
    columbus = day.month == 10 and day.weekday() == 0 and 8 <= day.day <= 14
    veterans = day.month == 11 and (day.day == 11 or (day.day == 12 and day.weekday() == 0))
    return columbus or veterans


@lru_cache(maxsize=8)
def _load(first_day: dt.date, last_day: dt.date) -> tuple[Session, ...]:
    # Without both bounds the library takes them from the wall clock.
    with warnings.catch_warnings():
        # pandas 3.1 deprecates what exchange_calendars 4.13 does inside; the values are right.
        warnings.filterwarnings("ignore", "Series.values", DeprecationWarning)
        calendar = exchange_calendars.get_calendar("XNYS", start=first_day.isoformat(), end=last_day.isoformat())
    days = [d.date() for d in calendar.sessions]
    opens: list[int] = pd.DatetimeIndex(calendar.opens).as_unit("us").asi8.tolist()
    closes: list[int] = pd.DatetimeIndex(calendar.closes).as_unit("us").asi8.tolist()
    return tuple(Session(d, day_number(d), o, c) for d, o, c in zip(days, opens, closes, strict=True))


def _offset_changes(first_day: dt.date, last_day: dt.date) -> Iterator[tuple[dt.date, int]]:
    """(day, UTC offset in seconds at noon) of the first day and of each day on which it changes."""
    before: int | None = None
    for n in range((last_day - first_day).days + 1):
        day = first_day + dt.timedelta(days=n)
        noon = dt.datetime(day.year, day.month, day.day, 12, tzinfo=NEW_YORK)
        offset = (noon.utcoffset() or dt.timedelta()) // dt.timedelta(seconds=1)
        if offset != before:
            yield day, offset
            before = offset
