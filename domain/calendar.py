"""Sessions, New York times and expiries, all from the `SessionCalendar` on the log (protocol 2.2-2.5)."""

from bisect import bisect_left, bisect_right
from datetime import date

from domain.inputs import SessionCalendar

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
LAST = -1
ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "tenth": 10, "last": LAST}
_OPEN_MINUTE = 9 * 60 + 30
_FRIDAY = 4


def weekday(day: int) -> int:
    """0 = Monday, of a day number."""
    return (day + 3) % 7


def monday_of(day: int) -> int:
    """Monday of the ISO week."""
    return day - weekday(day)


def week_id(day: int) -> str:
    """ISO week such as 2025W25."""
    year, week, _ = date.fromordinal(day + EPOCH_ORDINAL).isocalendar()
    return f"{year}W{week:02d}"


def is_week_id(text: str) -> bool:
    """Whether a text names an ISO week that there is."""
    year, _, week = text.partition("W")
    if not (len(year) == 4 and len(week) == 2 and year.isdecimal() and week.isdecimal()):
        return False
    return 1 <= int(week) <= date(int(year), 12, 28).isocalendar().week if int(year) else False


def as_date(day: int) -> date:
    """Calendar date of a day number."""
    return date.fromordinal(day + EPOCH_ORDINAL)


def iso(day: int) -> str:
    """ISO date of a day number."""
    return as_date(day).isoformat()


def day_number(when: date) -> int:
    """Days since 1970-01-01."""
    return when.toordinal() - EPOCH_ORDINAL


def new_york_day(time_us: int) -> int:
    """New York calendar day of a moment in trading hours; around midnight use `Calendar.day_of`."""
    return (time_us - 5 * HOUR) // DAY


def business_day_rule(text: str) -> tuple[int, list[int]]:
    """(which session of the month, months) of such as "first business day of January, July". Raises ValueError."""
    which, between, months = text.lower().partition(" business day of ")
    named = [name.strip() for name in months.split(",")]
    if not between or which not in ORDINALS or any(name not in MONTHS for name in named):
        raise ValueError(text)
    return ORDINALS[which], sorted({MONTHS.index(name) + 1 for name in named})


class Calendar:
    """Lookups over one `SessionCalendar`. Days are day numbers, times UTC microseconds."""

    def __init__(self, source: SessionCalendar) -> None:
        self.source = source
        self._index = {day: i for i, day in enumerate(source.sessions)}
        self._last_day = (0, 0, 0, 0, 0)
        """(first moment, first moment after, day number, open, close) of the day that was asked for last"""

    def is_session(self, day: int) -> bool:
        """XNYS trades on that day: a business day (glossary)."""
        return day in self._index

    def open_us(self, day: int) -> int:
        """09:30 ET of a session."""
        return self.source.opens_us[self._index[day]]

    def close_us(self, day: int) -> int:
        """The close of a session: 16:00 or 13:00 ET."""
        return self.source.closes_us[self._index[day]]

    def early_close(self, day: int) -> bool:
        """The session ends before 16:00 ET."""
        return self.close_us(day) - self.open_us(day) < 390 * MINUTE

    def et(self, day: int, minute: int) -> int:
        """`minute` minutes after midnight New York time of any day of the calendar, as UTC microseconds."""
        offsets = self.source.offset_days
        offset_s = self.source.offsets_s[max(0, bisect_right(offsets, day) - 1)]
        return day * DAY + minute * MINUTE - offset_s * SECOND

    def et_expiry(self, day: int, minute: int) -> int:
        """An expiry-day time: three hours earlier on an early close (protocol 2.3)."""
        return self.et(day, minute) - (3 * HOUR if self.early_close(day) else 0)

    def day_of(self, time_us: int) -> int:
        """New York calendar day of a moment."""
        last = self._last_day
        return last[2] if last[0] <= time_us < last[1] else self._look_up(time_us)

    def _look_up(self, time_us: int) -> int:
        day = (time_us - 5 * HOUR) // DAY
        while self.et(day + 1, 0) <= time_us:
            day += 1
        while self.et(day, 0) > time_us:
            day -= 1
        hours = (self.open_us(day), self.close_us(day)) if self.is_session(day) else (0, 0)
        self._last_day = (self.et(day, 0), self.et(day + 1, 0), day, *hours)
        return day

    def in_session(self, time_us: int) -> bool:
        """Between open (included) and close (not included) of a session."""
        last = self._last_day
        if not last[0] <= time_us < last[1]:
            self._look_up(time_us)
            last = self._last_day
        return last[3] <= time_us < last[4]

    def covers(self, day: int) -> bool:
        """Whether the calendar reaches that day."""
        return bool(self.source.sessions) and self.source.sessions[0] <= day <= self.source.sessions[-1]

    def next_session(self, day: int) -> int:
        """First session after a day."""
        return self.source.sessions[bisect_right(self.source.sessions, day)]

    def open_after(self, time_us: int) -> int:
        """The first open after a moment, 0 where the calendar ends before it."""
        sessions = self.source.sessions
        first = bisect_right(self.source.opens_us, time_us)
        return self.source.opens_us[first] if first < len(sessions) else 0

    def previous_session(self, day: int) -> int:
        """Last session before a day."""
        return self.source.sessions[bisect_left(self.source.sessions, day) - 1]

    def session_on_or_before(self, day: int) -> int:
        """That day if it is a session, else the last one before."""
        return self.source.sessions[bisect_right(self.source.sessions, day) - 1]

    def sessions_after(self, day: int, until: int) -> int:
        """TDTE: sessions after `day` up to and including `until` (glossary)."""
        return bisect_right(self.source.sessions, until) - bisect_right(self.source.sessions, day)

    def sessions_back(self, day: int, count: int) -> int:
        """The session `count` sessions before a session."""
        return self.source.sessions[max(0, bisect_right(self.source.sessions, day) - 1 - count)]

    def settlement(self, day: int) -> int:
        """Day on which a trade of the session settles."""
        return self.source.settlements[self._index[day]]

    def week_sessions(self, day: int) -> list[int]:
        """Sessions of the ISO week of a day."""
        monday = monday_of(day)
        sessions = self.source.sessions
        return sessions[bisect_left(sessions, monday) : bisect_left(sessions, monday + 7)]

    def weekly_expiry(self, day: int) -> int | None:
        """Friday of the ISO week of `day`, or the session before where it is a holiday; `None` in a week without."""
        friday = monday_of(day) + _FRIDAY
        if self.is_session(friday):
            return friday
        if not self.covers(friday):
            return None
        before = [s for s in self.week_sessions(day) if s < friday]
        return before[-1] if before else None

    def entry_on(self, days: list[str], day: int) -> bool:
        """Whether a session is an entry day under a configured list, with the holiday shifts of protocol 2.5."""
        expiry = self.weekly_expiry(day)
        shifted = expiry is not None and weekday(expiry) != _FRIDAY
        if len(days) > 1:
            return WEEKDAYS[weekday(day)] in days and not (shifted and day == expiry)
        wanted = monday_of(day) + WEEKDAYS.index(days[0])
        sessions = self.week_sessions(day)
        if self.is_session(wanted) and not (shifted and wanted == expiry):
            return day == wanted
        earlier = [s for s in sessions if s < wanted]
        return day == (earlier[-1] if earlier else sessions[0])
