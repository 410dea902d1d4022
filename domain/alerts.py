"""Alerts that a book raises (protocol 15.1). Delivery, storm limits and escalation are the monitor's business."""

from domain import events as e
from domain.decision import Decision
from domain.state import Account


def raise_alert(
    d: Decision, account: Account | None, kind: str, priority: str, ticker: str | None, title: str, message: str
) -> None:
    """Raise an alert: `kind` and `priority` from protocol 15.1."""
    identity = d.next_event_id()
    d.emit(e.AlertRaised(identity, kind, priority, ticker, title, message), f"alert-{identity}", account)
