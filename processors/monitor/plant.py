"""The plant: feeds and stages (protocol 17). It is no book's business (architecture.md): its alerts are told by the
monitor itself, by the same desk, and stand on `alert-deliveries`.

A stage that lives but does not advance is stalled: records wait for it, new ones came, and for a minute it has
committed nothing. A feed is stale when in a session nothing new has come for a minute, lost after five.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.calendar import MINUTE, SECOND, Calendar
from domain.identity import workflow_id
from processors.monitor.alerts import Alert

PLANT = "plant"
"""Stands where a book would."""
STALLED_US, LATE_US = MINUTE, MINUTE
STALE_US, LOST_US = MINUTE, 5 * MINUTE
MONEY_PATH = frozenset({"book"})


@dataclass(frozen=True)
class Stage:
    """How far a stage is."""

    position: int
    """sum of the offsets it has committed"""
    end: int
    """sum of the ends of its inputs"""
    event_time_us: int
    """what it has reached; 0 = unknown"""


@dataclass(frozen=True)
class Look:
    """What was seen of the plant at one moment."""

    at_us: int
    last_tick_us: int
    """newest price of the feed; 0 = none seen in this look"""
    stages: Mapping[str, Stage]


@dataclass
class Known:
    """A stage as it was when it last moved."""

    position: int = -1
    end: int = -1
    """of its inputs when it last moved"""
    moved_us: int = 0
    told: bool = False
    late_since_us: int = 0
    told_late: bool = False


@dataclass
class Plant:
    """State and rules; what it has told it tells again only after it was well in between. A restart forgets."""

    stages: dict[str, Known] = field(default_factory=dict[str, Known])
    last_tick_us: int = 0
    told_feed: int = 0
    """0 nothing, 1 stale, 2 lost"""

    def look(self, seen: Look, calendar: Calendar) -> list[Alert]:
        """Compare with what was seen before."""
        alerts = self._feed(seen, calendar)
        for name, stage in sorted(seen.stages.items()):
            known = self.stages.setdefault(name, Known(stage.position, stage.end, seen.at_us))
            alerts += self._stalled(name, known, stage, seen.at_us)
            alerts += self._late(name, known, stage, seen.at_us, calendar)
        return alerts

    def _feed(self, seen: Look, calendar: Calendar) -> list[Alert]:
        self.last_tick_us = max(self.last_tick_us, seen.last_tick_us)
        if not self.last_tick_us or not calendar.in_session(seen.at_us):
            self.told_feed = 0
            return []
        opened = calendar.open_us(calendar.day_of(seen.at_us))
        silent = seen.at_us - max(self.last_tick_us, opened)
        state = 2 if silent >= LOST_US else 1 if silent >= STALE_US else 0
        worse, self.told_feed = state > self.told_feed, state
        if not worse:
            return []
        title, priority = ("Price feed lost", "CRITICAL") if state == 2 else ("Price feed stale", "HIGH")
        return [_alert("feed", priority, title, f"No new price for {silent // SECOND} s.", seen.at_us)]

    def _stalled(self, name: str, known: Known, stage: Stage, at_us: int) -> list[Alert]:
        if stage.position != known.position:
            known.position, known.end, known.moved_us, known.told = stage.position, stage.end, at_us, False
        behind = stage.end - stage.position
        if known.told or behind <= 0 or stage.end <= known.end or at_us - known.moved_us < STALLED_US:
            return []
        known.told = True
        message = f"It has committed nothing for {(at_us - known.moved_us) // SECOND} s and {behind} records wait."
        return [_alert(name, _priority(name), f"Stage {name} is stalled", message, at_us)]

    def _late(self, name: str, known: Known, stage: Stage, at_us: int, calendar: Calendar) -> list[Alert]:
        late = stage.event_time_us and calendar.in_session(at_us) and at_us - stage.event_time_us >= LATE_US
        if not late:
            known.late_since_us, known.told_late = 0, False
            return []
        known.late_since_us = known.late_since_us or at_us
        if known.told_late or at_us - known.late_since_us < LATE_US:
            return []
        known.told_late = True
        message = f"It is {(at_us - stage.event_time_us) // SECOND} s of event time behind."
        return [_alert(name, _priority(name), f"Stage {name} is late", message, at_us)]


def _priority(stage: str) -> str:
    return "CRITICAL" if stage in MONEY_PATH else "HIGH"


def _alert(subject: str, priority: str, title: str, message: str, at_us: int) -> Alert:
    identity = workflow_id(PLANT, subject, title, str(at_us))
    return Alert(identity, PLANT, "", "SYSTEM_STATUS", priority, "", title, message, "plant", at_us)
