"""When prices and quotes are looked at during a session; the same for every source."""

from domain.record import TimeUs
from gateways.market.calendar import MINUTE_US, Session

TICK_GRID_US = 5 * MINUTE_US
QUOTE_GRID_US = 15 * MINUTE_US

ENTRY_FROM_US, ENTRY_TO_US = 30 * MINUTE_US, 120 * MINUTE_US
"""From 10:00 to 11:30 ET, counted from the open: scans at 10:00, 10:05 … 10:55, orders until 11:30 (protocol 6.2)."""


def tick_times(session: Session) -> list[TimeUs]:
    """Every 5 minutes from the open to the close, both included."""
    return list(range(session.open_us, session.close_us + 1, TICK_GRID_US))


def quote_times(session: Session) -> list[TimeUs]:
    """When option chains are given: every 15 minutes from open to close, every 5 minutes from 10:00 to 11:30 ET.

    The expiry-day times 14:30, 14:45 … 15:45 lie on the 15-minute grid, and so do the shifted ones of an early close
    (11:30 … 12:45, protocol 2.3).
    """
    return [
        t
        for t in tick_times(session)
        if (t - session.open_us) % QUOTE_GRID_US == 0 or ENTRY_FROM_US <= t - session.open_us <= ENTRY_TO_US
    ]
