"""What the simulated broker does by the calendar, by itself: statements, the close, the night after an expiry.

Times are those at which the broker acts; what it reports then bears that time plus the lookahead. Statements and
notices act one lookahead early, so that their reports bear the round time (docs/decisions/0005).
"""

from bisect import bisect_right
from typing import NamedTuple

from domain.calendar import Calendar
from domain.inputs import SessionCalendar

PRE_OPEN, OPEN, CLOSE, EOD, NIGHT = range(5)
"""PRE_OPEN 09:00 ET statement; OPEN dividends are paid, then splits take effect; CLOSE day orders expire; EOD 16:20 ET
statement; NIGHT 23:00 ET of the session: options that expired are exercised or gone (protocol 7.4: normally the night
after)."""

_PRE_OPEN_MINUTE, _EOD_MINUTE, _NIGHT_MINUTE = 9 * 60, 16 * 60 + 20, 23 * 60


class Due(NamedTuple):
    """Something due."""

    time_us: int
    kind: int
    session: int


class Schedule:
    """The due list of a calendar. A later calendar may only add sessions after the last one known."""

    def __init__(self, lookahead_us: int) -> None:
        self._lookahead_us = lookahead_us
        self._entries: list[Due] = []
        self._next = 0
        self._last_session = -1
        self.calendar: Calendar | None = None

    def extend(self, source: SessionCalendar, clock_us: int) -> bool:
        """Take the sessions after those known; what was due up to `clock_us` is not done again. False = nothing new."""
        if not source.sessions or source.sessions[-1] <= self._last_session:
            return False
        calendar = Calendar(source)
        for session in source.sessions:
            if session > self._last_session:
                self._entries += [
                    Due(calendar.et(session, _PRE_OPEN_MINUTE) - self._lookahead_us, PRE_OPEN, session),
                    Due(calendar.open_us(session), OPEN, session),
                    Due(calendar.close_us(session), CLOSE, session),
                    Due(calendar.et(session, _EOD_MINUTE) - self._lookahead_us, EOD, session),
                    Due(calendar.et(session, _NIGHT_MINUTE) - self._lookahead_us, NIGHT, session),
                ]
        self._last_session = source.sessions[-1]
        self.calendar = calendar
        self.skip(clock_us)
        return True

    def skip(self, clock_us: int) -> None:
        """Everything due up to and including this time has been done."""
        self._next = max(self._next, bisect_right(self._entries, clock_us, key=lambda due: due.time_us))

    def head(self) -> Due | None:
        """The next thing due."""
        return self._entries[self._next] if self._next < len(self._entries) else None

    def pop(self) -> Due:
        """Take the next thing due."""
        self._next += 1
        return self._entries[self._next - 1]

    def ahead(self) -> list[Due]:
        """What is due from now through one session on; enough to find the next statement."""
        return self._entries[self._next : self._next + 6]

    def session_open_us(self, time_us: int) -> int | None:
        """Open of the session that runs at a time; `None` outside of sessions."""
        calendar = self.calendar
        if calendar is None or not calendar.in_session(time_us):
            return None
        return calendar.open_us(calendar.day_of(time_us))

    def expired_by(self, expiry: int, session: int) -> bool:
        """An option of that expiry does not outlive that session; an expiry on a holiday falls to the one before."""
        calendar = self.calendar
        if calendar is None or session >= self._last_session:
            return expiry <= session
        return expiry < calendar.next_session(session)
