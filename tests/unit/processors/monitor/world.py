"""Alerts and events as the monitor reads them, around Monday 2025-06-09, and the exchange's calendar."""

from __future__ import annotations

import datetime as dt
from typing import Any

from domain.calendar import MINUTE, Calendar
from gateways.market.calendar import Sessions, new_york_us
from processors.monitor.alerts import Alert, Notice, Policy
from processors.monitor.book import BookMonitor, BookState

CALENDAR = Calendar(Sessions(dt.date(2024, 11, 1), dt.date(2026, 3, 31)).record(0))
MONDAY = dt.date(2025, 6, 9)
POLICY = Policy.of({})


def at(hour: int, minute: int = 0, second: int = 0, day: dt.date = MONDAY) -> int:
    """A New York time as microseconds UTC."""
    return new_york_us(day, hour, minute, second)


def alert(
    alert_id: str,
    raised_us: int,
    *,
    priority: str = "HIGH",
    type_: str = "PROTOCOL_BREACH",
    title: str | None = None,
    ticker: str = "TSLA",
    source: str = "book",
) -> Alert:
    """An alert with a subject of its own unless a title is given."""
    return Alert(
        alert_id, "S001", "S001-GEN-001", type_, priority, ticker, title or alert_id, "in words", source, raised_us
    )


class Book:
    """A book's monitor that is fed events by name; notices go to `log` only."""

    def __init__(self) -> None:
        self.monitor = BookMonitor("S001", BookState(), lambda notice: [f"log:{notice.role}"])
        self._sequence = 0

    def event(
        self,
        topic: str,
        name: str,
        at_us: int,
        *,
        account: str | None = "S001-GEN-001",
        actor: str = "book",
        **fields: Any,
    ) -> dict[str, Any]:
        """The next event of the book, as the codec gives it."""
        self._sequence += 1
        envelope = {
            "sequence": self._sequence,
            "ordinal": 0,
            "recorded_at_us": at_us,
            "account_id": account,
            "system_id": "S001",
            "actor_type": "BOOK" if actor == "book" else "SERVICE",
            "actor_id": actor,
        }
        event = {"envelope": envelope, **fields}
        self.monitor.take(topic, name, event, CALENDAR)
        return event

    def tick(self, at_us: int) -> None:
        """Time passes."""
        self.monitor.tick(at_us, CALENDAR)

    @property
    def notices(self) -> list[Notice]:
        """What is told, in order."""
        return [e.notice for e in self.monitor.state.outbox if e.notice is not None]

    @property
    def proposals(self) -> list[str]:
        """Titles of what is proposed, in order."""
        return [e.proposal.title for e in self.monitor.state.outbox if e.proposal is not None]


def minutes(count: float) -> int:
    """Microseconds."""
    return int(count * MINUTE)
