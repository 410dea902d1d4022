"""Approvals that nobody answers (protocol 15.2): reminders at half of the time and when a tenth of it is left."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.calendar import DAY, HOUR

DAILY_US = DAY
"""a request without expiry is recalled once a day"""
ENDS = frozenset({"ApprovalDenied", "ApprovalExpired"})


@dataclass
class Request:
    """A request that waits."""

    kind: str
    subject: str
    account_id: str
    since_us: int
    expires_us: int
    default: str
    reminders: int = 0


@dataclass
class RequestsState:
    """Waiting requests by id."""

    open: dict[str, Request] = field(default_factory=dict[str, Request])


@dataclass(frozen=True)
class Reminder:
    """A request to be recalled."""

    approval_id: str
    request: Request
    number: int
    at_us: int
    priority: str


def follow_request(state: RequestsState, name: str, event: Mapping[str, Any], account_id: str, at_us: int) -> None:
    """An event of an approval."""
    approval_id = event.get("approval_id")
    if not isinstance(approval_id, str):
        return
    if name == "ApprovalRequested":
        state.open[approval_id] = Request(
            event["kind"], event["subject"], account_id, at_us, event["expires_at_us"], event["default_action"]
        )
    elif name in ENDS or (name == "ApprovalGranted" and event["complete"]):
        state.open.pop(approval_id, None)


def reminders(state: RequestsState, now_us: int) -> list[Reminder]:
    """Requests to be recalled now; of several that were missed only the last."""
    found: list[Reminder] = []
    for approval_id, request in state.open.items():
        due = [at for at in _times(request, now_us) if at <= now_us]
        if len(due) > request.reminders and not (request.expires_us and now_us >= request.expires_us):
            request.reminders = len(due)
            left_us = request.expires_us - due[-1] if request.expires_us else DAY
            priority = "HIGH" if left_us <= HOUR else "MEDIUM"
            found.append(Reminder(approval_id, request, len(due), due[-1], priority))
    return found


def _times(request: Request, now_us: int) -> list[int]:
    if request.expires_us:
        whole = request.expires_us - request.since_us
        return [request.since_us + whole // 2, request.since_us + whole * 9 // 10]
    days = max(0, now_us - request.since_us) // DAILY_US
    return [request.since_us + n * DAILY_US for n in range(1, days + 1)]
