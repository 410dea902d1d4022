"""Approvals and alerts."""

from projections.mapping.event import Changes, Handler, LoggedEvent
from projections.tables.approvals import ALERT_STATES, ALERTS, APPROVAL_VOTES, APPROVALS
from projections.tables.shape import Change


def approval_requested(e: LoggedEvent) -> Changes:
    yield APPROVALS.set(
        "request",
        (e.book, e["approval_id"]),
        account_id=e.account_id,
        kind=e["kind"],
        subject=e["subject"],
        proposal=e.json("proposal"),
        required=e["required"],
        roles=e.json("roles"),
        requester=e["requester"] or None,
        requested_at=e.occurred_at,
        expires_at=e["expires_at_us"] or None,
        default_action=e["default_action"],
    )
    yield _state(e, "PENDING")


def approval_granted(e: LoggedEvent) -> Changes:
    """The request stays PENDING until all approvals needed are there."""
    yield _vote(e, "GRANTED", e["choice"] or None)
    state = "GRANTED" if e["complete"] else "PENDING"
    yield _state(e, state, by=e["by"] if e["complete"] else None, choice=e["choice"] or None)


def approval_denied(e: LoggedEvent) -> Changes:
    yield _vote(e, "DENIED", None)
    yield _state(e, "DENIED", by=e["by"], reason=e["reason"])


def approval_expired(e: LoggedEvent) -> Changes:
    """`code` says why: EXPIRED, WITHDRAWN or RESTRICTED."""
    yield _state(e, e["code"], choice=e["default_action"])


def alert_raised(e: LoggedEvent) -> Changes:
    yield ALERTS.row(
        book=e.book,
        account_id=e.account_id,
        alert_id=e["alert_id"],
        type=e["type"],
        priority=e["priority"],
        ticker=e["ticker"],
        title=e["title"],
        message=e["message"],
        raised_at=e.occurred_at,
    )


def alert_acknowledged(e: LoggedEvent) -> Changes:
    yield ALERT_STATES.set(
        "acknowledged", (e.book, e["alert_id"]), acknowledged_by=e["by"], acknowledged_at=e.occurred_at
    )


def alert_escalated(e: LoggedEvent) -> Changes:
    yield ALERT_STATES.set(
        "escalated",
        (e.book, e["alert_id"]),
        escalated_to=e["to"],
        escalation_reason=e["reason"],
        escalated_at=e.occurred_at,
    )


def alert_resolved(e: LoggedEvent) -> Changes:
    yield ALERT_STATES.set(
        "resolved", (e.book, e["alert_id"]), resolved_by=e["by"], resolution=e["reason"], resolved_at=e.occurred_at
    )


def _state(
    e: LoggedEvent, state: str, *, by: str | None = None, choice: str | None = None, reason: str | None = None
) -> Change:
    return APPROVALS.set(
        "state",
        (e.book, e["approval_id"]),
        state=state,
        decided_by=by,
        choice=choice,
        reason=reason,
        state_at=e.occurred_at,
    )


def _vote(e: LoggedEvent, vote: str, choice: str | None) -> Change:
    return APPROVAL_VOTES.row(
        book=e.book, approval_id=e["approval_id"], by=e["by"], vote=vote, choice=choice, voted_at=e.occurred_at
    )


HANDLERS: dict[str, Handler] = {
    "ApprovalRequested": approval_requested,
    "ApprovalGranted": approval_granted,
    "ApprovalDenied": approval_denied,
    "ApprovalExpired": approval_expired,
    "AlertRaised": alert_raised,
    "AlertAcknowledged": alert_acknowledged,
    "AlertEscalated": alert_escalated,
    "AlertResolved": alert_resolved,
}
