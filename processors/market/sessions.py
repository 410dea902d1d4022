"""Which session is current, by event time (protocol 2.3, 2.4), from the `SessionCalendar` on the log."""

from bisect import bisect_right
from typing import Final

from domain.calendar import HOUR, Calendar
from domain.inputs import SessionCalendar
from processors.market.bars import NEVER

DAILY_BAR_AFTER_OPEN_US: Final = 7 * HOUR
"""16:30 ET, when a session's bar is complete, as time since its open at 09:30 ET."""
_SIXTEEN_ET: Final = 16 * 60


class Sessions:
    """The current session is the first whose 16:30 ET has not passed. Without a calendar there is none."""

    def __init__(self) -> None:
        self.calendar: Calendar | None = None
        self._due: list[int] = []
        self._index = 0

    def adopt(self, source: SessionCalendar, closed_us: int) -> None:
        """Use this calendar; event time stands at `closed_us`."""
        self.calendar = Calendar(source)
        self._due = [opened + DAILY_BAR_AFTER_OPEN_US for opened in source.opens_us]
        self.pass_to(closed_us)

    def pass_to(self, closed_us: int) -> None:
        """Everything up to `closed_us` has been seen."""
        self._index = bisect_right(self._due, closed_us)

    @property
    def due_us(self) -> int:
        """16:30 ET of the current session; `NEVER` without one."""
        return self._due[self._index] if self._index < len(self._due) else NEVER

    @property
    def current(self) -> int | None:
        """Day number of the current session."""
        if self.calendar is None or self._index >= len(self._due):
            return None
        return self.calendar.source.sessions[self._index]

    @property
    def hours(self) -> tuple[int, int]:
        """Open and close of the current session, both included; an empty span without one."""
        if self.calendar is None or self._index >= len(self._due):
            return NEVER, -1
        source = self.calendar.source
        return source.opens_us[self._index], source.closes_us[self._index]

    def expiry_us(self, day: int) -> int | None:
        """16:00 ET of an expiry day; None without a calendar."""
        return None if self.calendar is None else self.calendar.et(day, _SIXTEEN_ET)
