"""The monitor of one book: its desk and its watchdogs over one state, kept as one JSON document.

An event is taken once, however often it is read: the state knows the last place of each topic that it holds. What is
decided stands in the state's outbox until it is done, so that state and decisions are saved in one step.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from domain.calendar import Calendar, iso
from domain.identity import workflow_id
from processors.monitor.alerts import MONITOR, Alert, Decision, Notice, Policy, Proposal, Suppressed, notice_of, rank
from processors.monitor.desk import Desk, DeskState
from processors.monitor.frequency import (
    ALERTS_AN_HOUR,
    MEAN_WEEKS,
    TIMES_MEAN,
    FrequencyState,
    follow_alert,
    follow_level,
    seen,
)
from processors.monitor.orders import ANSWER_US, OrdersState, follow_order, stuck_orders
from processors.monitor.requests import RequestsState, follow_request, reminders
from processors.monitor.worth import Drawdown, WorthState, follow_worth

FOLLOWED = ("alerts", "orders", "fills", "signals", "accounts", "protocol")
"""Topics that the monitor reads; the progress of the books stands on `orders`."""

Targets = Callable[[Notice], Sequence[str]]
"""The places that a notice goes to: channel:ROLE references, never addresses."""


@dataclass
class Errand:
    """A decision to be carried out; a notice has one errand for each place it goes to."""

    errand_id: str
    notice: Notice | None = None
    target: str = ""
    """of a notice: channel:ROLE, a reference, never an address"""
    suppressed: Suppressed | None = None
    proposal: Proposal | None = None
    plant: Alert | None = None
    """an alert of the plant, to be recorded"""

    @property
    def urgency(self) -> tuple[int, int]:
        """Sorts errands: notices by priority, then time; what is only written down last."""
        return (-rank(self.notice.priority), self.notice.at_us) if self.notice is not None else (1, 0)


@dataclass
class BookState:
    """All that the monitor remembers of a book."""

    now_us: int = 0
    taken: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    """topic to sequence and ordinal of the last event taken"""
    parameters: dict[str, str] = field(default_factory=dict[str, str])
    """values in force that differ from the catalogue"""
    desk: DeskState = field(default_factory=DeskState)
    orders: OrdersState = field(default_factory=OrdersState)
    requests: RequestsState = field(default_factory=RequestsState)
    worth: WorthState = field(default_factory=WorthState)
    frequency: FrequencyState = field(default_factory=FrequencyState)
    outbox: list[Errand] = field(default_factory=list[Errand])


@cache
def _adapter() -> TypeAdapter[BookState]:
    return TypeAdapter(BookState)


def save(state: BookState) -> bytes:
    """The state as JSON."""
    return _adapter().dump_json(state, exclude_defaults=True)


def load(data: bytes) -> BookState:
    """The state that `save` has written. Raises ValueError."""
    return _adapter().validate_json(data)


class BookMonitor:
    """Rules over a `BookState`."""

    def __init__(self, book: str, state: BookState, targets: Targets) -> None:
        self.book = book
        self.state = state
        self._targets = targets
        self._desk = Desk(book, state.desk)
        self._policy = Policy.of(state.parameters)

    def take(self, topic: str, name: str, event: Mapping[str, Any], calendar: Calendar) -> bool:
        """An event of the book. Returns whether the state has changed.

        Topics overtake each other, so an event moves the time of its own topic's rules alone.
        """
        envelope = event["envelope"]
        place = (envelope["sequence"], envelope["ordinal"])
        if place <= self.state.taken.get(topic, (-1, -1)) or not self._concerns(topic, name):
            return False
        at_us: int = envelope["recorded_at_us"]
        if topic == "alerts":
            self._carry_out(self._desk_until(at_us, calendar))
        elif topic == "protocol":
            self._carry_out(self._reminders_until(at_us))
        self.state.taken[topic] = place
        seen(self.state.frequency, calendar.day_of(at_us))
        self._carry_out(self._decide(topic, name, event, envelope.get("account_id") or "", at_us, calendar))
        return True

    def raised(self, alert: Alert, calendar: Calendar) -> None:
        """An alert of the plant, which is no book's business, for the plant's own desk."""
        self._carry_out(self._desk_until(alert.raised_us, calendar))
        self.state.outbox.append(Errand(f"plant|{alert.alert_id}", plant=alert))
        self._carry_out(self._desk.take(alert, self.state.now_us, self._policy, calendar))

    def tick(self, now_us: int, calendar: Calendar) -> bool:
        """Do what is due by now. To be called when all that was said before `now_us` has been taken, or an answer that
        is there would be missed. Returns whether something was done."""
        decisions = [
            *self._desk_until(now_us, calendar),
            *self._stuck_until(now_us),
            *self._reminders_until(now_us),
        ]
        self._carry_out(decisions)
        return bool(decisions)

    def _desk_until(self, now_us: int, calendar: Calendar) -> list[Decision]:
        self.state.now_us = max(now_us, self.state.now_us)
        return self._desk.tick(self.state.now_us, self._policy, calendar)

    def _stuck_until(self, now_us: int) -> list[Decision]:
        decisions: list[Decision] = []
        for stuck in stuck_orders(self.state.orders, now_us):
            message = f"Order {stuck.order_id}: the broker has not answered {stuck.asked.what} for a minute."
            at_us = stuck.asked.since_us + ANSWER_US
            decisions.append(
                self._propose(
                    ("order", stuck.order_id, str(at_us)), stuck.asked.account_id, "TECHNICAL_ALERT", "HIGH",
                    "Order without progress", message, at_us,
                )
            )  # fmt: skip
        return decisions

    def _reminders_until(self, now_us: int) -> list[Decision]:
        decisions: list[Decision] = []
        for reminder in reminders(self.state.requests, now_us):
            request = reminder.request
            message = f"{request.kind} {request.subject} waits for an answer; without one: {request.default}."
            decisions.append(
                self._propose(
                    ("approval", reminder.approval_id, str(reminder.number)), request.account_id,
                    "ACCOUNT_MANAGEMENT", reminder.priority, "Approval unanswered", message, reminder.at_us,
                )
            )  # fmt: skip
        return decisions

    def done(self, errand_id: str) -> None:
        """An errand is carried out, or given up."""
        self.state.outbox = [errand for errand in self.state.outbox if errand.errand_id != errand_id]

    # ------------------------------------------------------------------ parts

    def _concerns(self, topic: str, name: str) -> bool:
        return topic in ("alerts", "orders", "fills") or name in _CONCERNS

    def _decide(
        self, topic: str, name: str, event: Mapping[str, Any], account_id: str, at_us: int, calendar: Calendar
    ) -> list[Decision]:
        state = self.state
        match name:
            case "AlertRaised":
                return self._alert(event, account_id, at_us, calendar)
            case "AlertAcknowledged" | "AlertResolved":
                self._desk.acknowledged(event["alert_id"])
            case "AlertEscalated":
                return self._escalated(event, account_id, at_us)
            case "ConfigurationChanged":
                if event["scope"] == "SYSTEM":
                    state.parameters |= {k: v for k, v in event["new"].items() if k.startswith(("alert.", "breaker."))}
                    self._policy = Policy.of(state.parameters)
            case "ProtocolLevelChanged":
                return self._breach(event, at_us, calendar)
            case _ if name.startswith("Approval"):
                follow_request(state.requests, name, event, account_id, at_us)
            case _ if topic in ("orders", "fills"):
                follow_order(state.orders, name, event, account_id, at_us)
            case _:
                return self._worth(name, event, account_id, at_us)
        return []

    def _alert(self, event: Mapping[str, Any], account_id: str, at_us: int, calendar: Calendar) -> list[Decision]:
        alert = Alert(
            event["alert_id"], self.book, account_id, event["type"], event["priority"], event["ticker"] or "",
            event["title"], event["message"], _source(event["envelope"]), at_us,
        )  # fmt: skip
        decisions = self._desk.take(alert, self.state.now_us, self._policy, calendar)
        if alert.source != MONITOR and (count := follow_alert(self.state.frequency, at_us)) is not None:
            message = f"{count} alerts in an hour; more than {ALERTS_AN_HOUR} are unusual."
            decisions.append(
                self._propose(
                    ("frequency", str(at_us)), "", "SYSTEM_STATUS", "HIGH", "Alerts come thick and fast", message, at_us
                )
            )
        return decisions

    def _escalated(self, event: Mapping[str, Any], account_id: str, at_us: int) -> list[Decision]:
        """The book itself passes an alert on, or a request for approval that nobody answers (protocol 8.3)."""
        identity, role = event["alert_id"], event["to"]
        request = self.state.requests.open.get(identity)
        if request is None:
            return self._desk.escalated(identity, role, at_us)
        message = f"{request.kind} {request.subject} waits for an answer; without one: {request.default}."
        alert = Alert(
            identity,
            self.book,
            account_id,
            "PROTOCOL_BREACH",
            "HIGH",
            "",
            "Approval unanswered",
            message,
            "book",
            at_us,
        )
        return [notice_of(alert, "ESCALATION", role, at_us)]

    def _breach(self, event: Mapping[str, Any], at_us: int, calendar: Calendar) -> list[Decision]:
        found = follow_level(self.state.frequency, event, calendar.day_of(at_us))
        if found is None:
            return []
        message = (
            f"{found.count} levels crossed in the week of {iso(found.monday)}: more than {TIMES_MEAN} times "
            f"the mean of up to {MEAN_WEEKS} weeks before ({found.mean:.2f})."
        )
        key = ("breaches", str(found.monday))
        return [self._propose(key, "", "SYSTEM_STATUS", "HIGH", "Unusually many breaches this week", message, at_us)]

    def _worth(self, name: str, event: Mapping[str, Any], account_id: str, at_us: int) -> list[Decision]:
        found = follow_worth(self.state.worth, name, event, account_id, self._policy.drawdown_limits_pct)
        if found is None:
            return []
        if isinstance(found, Drawdown):
            message = f"{found.percent:.2f} % below its high; the breaker trips at {found.limit_percent:g} %."
            key = ("drawdown", found.account_id, str(found.session))
            return [
                self._propose(
                    key, found.account_id, "ACCOUNT_MANAGEMENT", "HIGH", "Drawdown nears its limit", message, at_us
                )
            ]
        kind = "puts" if found.right == "P" else "calls"
        message = f"{found.ticker} {kind}: premium below the gate in {found.windows} windows in a row."
        key = ("premium", found.account_id, found.ticker, found.right, str(at_us))
        return [
            self._propose(
                key, found.account_id, "TRADE_OPPORTUNITY", "MEDIUM", "Premiums stay too low", message, at_us,
                found.ticker,
            )
        ]  # fmt: skip

    def _propose(
        self, key: tuple[str, ...], account_id: str, type_: str, priority: str, title: str, message: str, at_us: int,
        ticker: str = "",
    ) -> Proposal:  # fmt: skip
        identity = workflow_id(MONITOR, self.book, *key)
        return Proposal(identity, self.book, account_id, type_, priority, ticker, title, message, at_us)

    def _carry_out(self, decisions: list[Decision]) -> None:
        for decision in decisions:
            match decision:
                case Notice():
                    for target in self._targets(decision):
                        identity = f"{decision.notice_id}|{target}"
                        self.state.outbox.append(Errand(identity, notice=decision, target=target))
                case Suppressed():
                    self.state.outbox.append(Errand(f"suppressed|{decision.alert_id}", suppressed=decision))
                case Proposal():
                    self.state.outbox.append(Errand(decision.command_id, proposal=decision))


def _source(envelope: Mapping[str, Any]) -> str:
    """Who raised an alert: a service that proposed it, or the book itself."""
    return envelope["actor_id"] if envelope["actor_type"] == "SERVICE" else "book"


_CONCERNS = frozenset({
    "AccountOpened", "AccountFunded", "BookImported", "ContributionAllocated", "CapitalTransferInitiated",
    "CapitalTransferred", "CapitalTransferFailed", "PositionMarked", "EntrySkipped", "TradeSignalGenerated",
    "ConfigurationChanged", "ProtocolLevelChanged", "ApprovalRequested", "ApprovalGranted", "ApprovalDenied",
    "ApprovalExpired", "AlertAcknowledged", "AlertEscalated", "AlertResolved",
})  # fmt: skip
