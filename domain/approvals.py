"""Human in the loop (protocol 15.2): requests are frozen, nobody approves an own one, two approvals need two people."""

from collections.abc import Callable

from domain import events as e
from domain.decision import Decision
from domain.reasons import Reason
from domain.state import Account, Approval

Decided = Callable[[Decision, Approval, bool, str], None]
POLICY = "sim.hitl_policy"
TWO_PEOPLE = ["OWNER", "TRADER", "RISK", "OPERATOR"]
"""Roles of which two approve what makes the protocol riskier, and one what only resumes it."""
_DECIDED: dict[str, Decided] = {}
"""what a kind does once it is decided: (decision, approval, granted, choice)"""


def on_decided(kind: str) -> Callable[[Decided], Decided]:
    """Register what follows the decision of a kind of request."""

    def register(handler: Decided) -> Decided:
        _DECIDED[kind] = handler
        return handler

    return register


def request(
    d: Decision,
    account: Account | None,
    kind: str,
    subject: str,
    proposal: dict[str, str],
    *,
    required: int,
    roles: list[str],
    expires_us: int,
    default: str,
    requester: str = "",
) -> str:
    """Ask for approval. Returns the request's id; its expiry is a timer."""
    identity = d.next_event_id()
    d.emit(
        e.ApprovalRequested(identity, kind, subject, proposal, required, roles, requester, expires_us, default),
        f"approval-{identity}",
        account,
    )
    if expires_us:
        d.set_timer(f"approval|{identity}", expires_us)
    return identity


def refusal(d: Decision, approval_id: str, person: str, role: str) -> Reason | None:
    """Why this person may not decide this request, `None` if they may."""
    approval = d.book.approvals.get(approval_id)
    if approval is None:
        how = d.book.decided.get(approval_id)
        return (
            Reason.UNKNOWN_APPROVAL if how is None else Reason.TOO_LATE if how == "EXPIRED" else Reason.ALREADY_DECIDED
        )
    if approval.expires_at_us and d.now_us >= approval.expires_at_us:
        return Reason.TOO_LATE
    if person == approval.requester or person in approval.granted_by:
        return Reason.SELF_APPROVAL
    if role not in approval.roles:
        return Reason.NOT_ELIGIBLE
    return None


def grant(d: Decision, approval_id: str, by: str, choice: str) -> None:
    """One person approves; the last one needed completes the request."""
    approval = d.book.approvals[approval_id]
    complete = len(approval.granted_by) + 1 >= approval.required
    d.emit(
        e.ApprovalGranted(approval_id, by, choice, complete),
        f"approval-{approval_id}",
        d.book.accounts.get(approval.account_id),
    )
    if complete:
        d.clear_timer(f"approval|{approval_id}")
        _follow(d, approval, granted=True, choice=choice)


def deny(d: Decision, approval_id: str, by: str, reason: str) -> None:
    """One denial denies."""
    approval = d.book.approvals[approval_id]
    d.clear_timer(f"approval|{approval_id}")
    d.emit(
        e.ApprovalDenied(approval_id, by, reason), f"approval-{approval_id}", d.book.accounts.get(approval.account_id)
    )
    _follow(d, approval, granted=False, choice="")


def expire(d: Decision, approval: Approval, code: str) -> None:
    """Nobody answered, or the request became pointless: the default acts in the same step."""
    d.clear_timer(f"approval|{approval.approval_id}")
    d.emit(
        e.ApprovalExpired(approval.approval_id, code, approval.default_action),
        f"approval-{approval.approval_id}",
        d.book.accounts.get(approval.account_id),
    )
    if code != "WITHDRAWN":
        _follow(d, approval, granted=False, choice="")


def _follow(d: Decision, approval: Approval, *, granted: bool, choice: str) -> None:
    handler = _DECIDED.get(approval.kind)
    if handler is not None:
        handler(d, approval, granted, choice)


def answer_by_policy(d: Decision) -> None:
    """In simulation AUTO_DENY and AUTO_APPROVE answer in the entry that asks (protocol 15.2)."""
    policy = d.config().text("sim.hitl_policy")
    if policy == "SCRIPTED" or d.config().text("env.mode") != "SIM":
        return
    for _ in range(100):
        pending = next((a for a in d.book.approvals.values() if a.requester in ("", f"{POLICY}-1")), None)
        if pending is None:
            return
        if policy == "AUTO_DENY":
            deny(d, pending.approval_id, POLICY, "AUTO_DENY")
            continue
        first = 2 if pending.requester else 1
        for number in range(pending.required - len(pending.granted_by)):
            grant(d, pending.approval_id, f"{POLICY}-{number + first}", "")


def business_days_on(d: Decision, days: int) -> int:
    """Close of the session that many business days on; the last one that the calendar knows if it ends before."""
    day = d.today
    for _ in range(days):
        day = d.calendar.next_session(day) if d.calendar.open_after(d.calendar.et(day + 1, 0)) else day
    return d.calendar.close_us(d.calendar.session_on_or_before(day))
