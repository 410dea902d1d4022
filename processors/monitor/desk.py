"""The alert desk of a book: what is told, when, to whom, and what is folded (protocol 15.1).

- CRITICAL is told at once, always: neither a storm limit nor de-duplication holds it back, and it uses up no limit.
- The same source, type and subject within `alert.dedupe_min` of one that was told is a duplicate, unless it is more
  urgent; it is counted.
- In any hour at most `alert.hourly_limit` alerts of a type are told; the others are folded into one summary, an hour
  after the first of them.
- HIGH is told at once; MEDIUM outside a session waits for the next open; LOW stands in the digest of the day.
- Who does not acknowledge in time is passed over: the next on the ladder is told.
"""

from dataclasses import dataclass, field

from domain.calendar import DAY, HOUR, MINUTE, Calendar
from domain.identity import workflow_id
from processors.monitor.alerts import LADDERS, PRIMARY, Alert, Decision, Notice, Policy, Suppressed, notice_of, rank

DIGEST_LINES, SUMMARY_LINES = 200, 20


@dataclass
class Told:
    """An alert that was told and is not acknowledged, or that waits for the open."""

    alert: Alert
    release_us: int = 0
    """when it may be told; 0 = it was told"""
    told_us: int = 0
    stage: int = 0
    """steps of the ladder that were taken"""
    repeats: int = 0
    """duplicates since"""


@dataclass
class Subject:
    """The last alert of a subject that was not a duplicate."""

    alert_id: str
    rank: int
    since_us: int
    count: int = 0


@dataclass
class Folded:
    """Alerts of a type beyond its limit."""

    due_us: int
    priority: str
    count: int = 0
    titles: dict[str, int] = field(default_factory=dict[str, int])


@dataclass
class DeskState:
    """All that the desk remembers."""

    waiting: dict[str, Told] = field(default_factory=dict[str, Told])
    """by alert id"""
    subjects: dict[str, Subject] = field(default_factory=dict[str, Subject])
    told: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    """type to the times of the last hour"""
    folded: dict[str, Folded] = field(default_factory=dict[str, Folded])
    digest: list[Alert] = field(default_factory=list[Alert])
    digest_more: int = 0
    digest_due_us: int = 0


class Desk:
    """The rules over a `DeskState`. Times never go back."""

    def __init__(self, book: str, state: DeskState) -> None:
        self._book = book
        self.state = state

    def take(self, alert: Alert, now_us: int, policy: Policy, calendar: Calendar) -> list[Decision]:
        """A new alert stands on the log."""
        known = self.state.subjects.get(alert.subject)
        if known is not None and now_us < known.since_us + policy.dedupe_us and rank(alert.priority) <= known.rank:
            known.count += 1
            if (told := self.state.waiting.get(known.alert_id)) is not None:
                told.repeats += 1
            if alert.priority != "CRITICAL":
                return [self._suppressed(alert, "DUPLICATE", known.alert_id, known.count, now_us)]
        else:
            self.state.subjects[alert.subject] = Subject(alert.alert_id, rank(alert.priority), now_us)
        if alert.priority == "LOW":
            self._into_digest(alert, now_us, policy, calendar)
            return []
        if alert.priority == "MEDIUM" and not calendar.in_session(now_us):
            opens = calendar.open_after(now_us) or now_us + DAY
            self.state.waiting[alert.alert_id] = Told(alert, release_us=opens)
            return []
        return self._tell(Told(alert), now_us, policy)

    def acknowledged(self, alert_id: str) -> None:
        """Somebody has it, or it is resolved: it is told to nobody else."""
        self.state.waiting.pop(alert_id, None)

    def escalated(self, alert_id: str, role: str, now_us: int) -> list[Decision]:
        """The book says that an alert goes to this role now."""
        told = self.state.waiting.get(alert_id)
        if told is None or told.release_us:
            return []
        steps = [i for i, (_, to) in enumerate(_ladder(told.alert)) if to == role]
        if not steps or steps[0] < told.stage:
            return []
        told.stage = steps[0] + 1
        return [self._escalation(told, role, now_us)]

    def tick(self, now_us: int, policy: Policy, calendar: Calendar) -> list[Decision]:
        """Do what is due by now."""
        state, decisions = self.state, list[Decision]()
        for told in [t for t in state.waiting.values() if t.release_us and t.release_us <= now_us]:
            decisions += self._tell(told, now_us, policy)
        for alert_id, told in [(i, t) for i, t in state.waiting.items() if not t.release_us]:
            ladder = _ladder(told.alert)
            while told.stage < len(ladder) and (due_us := self._due(told, ladder[told.stage][0], calendar)) <= now_us:
                role = ladder[told.stage][1]
                told.stage += 1
                decisions.append(self._escalation(told, role, due_us))
            if told.stage >= len(ladder):
                del state.waiting[alert_id]
        for kind, folded in [(k, f) for k, f in state.folded.items() if f.due_us <= now_us]:
            del state.folded[kind]
            decisions.append(self._summary(kind, folded, now_us))
        if state.digest and state.digest_due_us <= now_us:
            decisions.append(self._digest(now_us))
        for subject in [s for s, known in state.subjects.items() if known.since_us + policy.dedupe_us <= now_us]:
            del state.subjects[subject]
        return decisions

    # ------------------------------------------------------------------ parts

    def _tell(self, told: Told, now_us: int, policy: Policy) -> list[Decision]:
        alert, state = told.alert, self.state
        limit = policy.hourly.get(alert.type)
        if alert.priority != "CRITICAL" and limit is not None:
            recent = state.told[alert.type] = [t for t in state.told.get(alert.type, []) if t > now_us - HOUR]
            if len(recent) >= limit:
                state.waiting.pop(alert.alert_id, None)
                return [self._fold(alert, now_us)]
            recent.append(now_us)
        told.release_us, told.told_us = 0, now_us
        state.waiting[alert.alert_id] = told
        return [notice_of(alert, "ALERT", PRIMARY, now_us)]

    def _due(self, told: Told, after_us: int, calendar: Calendar) -> int:
        """When a step of the ladder is due; a business day ends at the same New York time of the next session."""
        if after_us:
            return told.told_us + after_us
        today = calendar.day_of(told.told_us)
        if not calendar.covers(today + 7):
            return told.told_us + DAY
        minute = (told.told_us - calendar.et(today, 0)) // MINUTE
        return calendar.et(calendar.next_session(today), minute)

    def _fold(self, alert: Alert, now_us: int) -> Decision:
        folded = self.state.folded.setdefault(alert.type, Folded(now_us + HOUR, alert.priority))
        folded.count += 1
        if rank(alert.priority) > rank(folded.priority):
            folded.priority = alert.priority
        title = " ".join(part for part in (alert.ticker, alert.title) if part)
        if title in folded.titles or len(folded.titles) < SUMMARY_LINES:
            folded.titles[title] = folded.titles.get(title, 0) + 1
        return self._suppressed(alert, "STORM_LIMIT", "", folded.count, now_us)

    def _suppressed(self, alert: Alert, reason: str, of: str, count: int, now_us: int) -> Suppressed:
        return Suppressed(alert.alert_id, self._book, alert.type, alert.priority, reason, of, count, now_us)

    def _escalation(self, told: Told, role: str, due_us: int) -> Notice:
        waited = (due_us - told.told_us) // MINUTE
        repeated = f" It came {told.repeats} more times." if told.repeats else ""
        message = f"{told.alert.message} Nobody has acknowledged it for {waited} min.{repeated}"
        return notice_of(told.alert, "ESCALATION", role, due_us, message)

    def _summary(self, kind: str, folded: Folded, now_us: int) -> Notice:
        lines = [f"{count} x {title}" for title, count in folded.titles.items()]
        if (others := folded.count - sum(folded.titles.values())) > 0:
            lines.append(f"{others} others")
        return self._collected(
            "SUMMARY", kind, folded.priority, f"{folded.count} more alerts of this type", "\n".join(lines), now_us
        )

    def _into_digest(self, alert: Alert, now_us: int, policy: Policy, calendar: Calendar) -> None:
        state = self.state
        if not state.digest:
            day = calendar.day_of(now_us)
            while not calendar.is_session(day) or calendar.et(day, policy.digest_minute) <= now_us:
                day += 1
                if not calendar.covers(day):
                    break
            state.digest_due_us = max(calendar.et(day, policy.digest_minute), now_us)
        if len(state.digest) < DIGEST_LINES:
            state.digest.append(alert)
        else:
            state.digest_more += 1

    def _digest(self, now_us: int) -> Notice:
        state = self.state
        lines = [" ".join(part for part in (a.account_id, a.ticker, a.title, a.message) if part) for a in state.digest]
        if state.digest_more:
            lines.append(f"{state.digest_more} others")
        title = f"Digest: {len(state.digest) + state.digest_more} notices"
        state.digest, state.digest_more = [], 0
        return self._collected("DIGEST", "SYSTEM_STATUS", "LOW", title, "\n".join(lines), now_us)

    def _collected(self, kind: str, type_: str, priority: str, title: str, message: str, now_us: int) -> Notice:
        identity = workflow_id("notice", self._book, kind, type_, str(now_us))
        return Notice(identity, kind, PRIMARY, "", self._book, "", type_, priority, "", title, message, now_us)


def _ladder(alert: Alert) -> tuple[tuple[int, str], ...]:
    return LADDERS.get(alert.priority, LADDERS["HIGH"])
