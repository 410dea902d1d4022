"""Merges of fork groups into the root system's primary Com account (protocol 10.3)."""

from domain import events as e
from domain.alerts import raise_alert
from domain.approvals import expire, on_decided, request
from domain.decision import Decision
from domain.identity import workflow_id
from domain.ledger import check_buffer, post
from domain.lifecycle.founding import suspended_meanwhile
from domain.lifecycle.liquidation import GOES_ON, is_flat, liquidate, next_try_us
from domain.lifecycle.moving import move_lots, moves_in_kind
from domain.lifecycle.transfers import cancel_withdrawals
from domain.money import dollars, floor_int
from domain.orders import request_cancel
from domain.reasons import Reason, Refusal
from domain.state import (
    CASH,
    CASH_UNSETTLED,
    EQUITY_BASE,
    POSITIONS_AT_COST,
    TAX_RESERVE,
    TRANSFER_CLEARING,
    Account,
    Approval,
    ForkGroup,
)
from domain.tax import adjust_reserve

STALLED = "MERGE_STALLED"


def evaluate_merge(d: Decision, group: ForkGroup) -> None:
    """The daily look at a fork group after the EOD valuation: three in a row at the threshold start the merge; one that
    has begun and is not finished in its sessions is stalled."""
    if group.state:
        _look_after(d, group)
        return
    members, target = _members(d, group), d.book.accounts.get(group.target)
    if any(account.state not in MERGEABLE for account in members):
        return
    worth = _worth(d, group)
    if worth < _threshold(d):
        _lose_count(d, group, worth)
        return
    number = group.confirmations + 1
    d.emit(e.MergeEligibilityDetected(group.group_id, worth, number), f"fork-{group.group_id}")
    if number >= d.config().integer("merge.confirmations") and target and target.state in MERGEABLE:
        _initiate(d, group)


MERGEABLE = ("ACTIVE", "SUSPENDED")
"""States in which members may be merged, and in which the target takes them."""


def _worth(d: Decision, group: ForkGroup) -> int:
    """Corpus of both members at the last EOD valuation, cents."""
    return sum(account.last_corpus for account in _members(d, group))


def _threshold(d: Decision) -> int:
    return floor_int(d.config().fraction("merge.threshold") * 100)


def _lose_count(d: Decision, group: ForkGroup, worth: int) -> None:
    if group.confirmations:
        d.emit(e.MergeEligibilityLost(group.group_id, worth), f"fork-{group.group_id}")


# --- by a person ----------------------------------------------------------------------------------------------------


def evaluate(d: Decision, group: ForkGroup) -> Refusal | None:
    """Judge what the evenings have counted by the parameters of now; a look by hand is no valuation and counts none."""
    if group.state == "MERGED":
        return _not_due(group, "merged already")
    if group.state:
        _look_after(d, group)
        return None
    worth = _worth(d, group)
    if worth < _threshold(d):
        _lose_count(d, group, worth)
    elif _hindrance(d, group) is None:
        _initiate(d, group)
    return None


def initiate(d: Decision, group: ForkGroup) -> Refusal | None:
    """Start a merge that is due; one that is known is acknowledged without effect (protocol 10.3)."""
    if group.state in ("MERGING", "MERGED"):
        return None
    refused = _hindrance(d, group)
    if refused is None:
        _initiate(d, group)
    return refused


def _hindrance(d: Decision, group: ForkGroup) -> Refusal | None:
    """Why a merge may not start (protocol 3.3, 10.3)."""
    target, worth = d.book.accounts.get(group.target), _worth(d, group)
    if group.state:
        return _not_due(group, "people decide whether it is retried or released")
    for account in (*_members(d, group), target):
        if account is None or account.state not in MERGEABLE:
            return _not_due(group, f"{group.target if account is None else account.account_id} is not there to merge")
    if worth < _threshold(d):
        return _not_due(group, f"{dollars(worth)} is under the threshold")
    needed = d.config().integer("merge.confirmations")
    if group.confirmations < needed:
        return Reason.TOO_EARLY, f"{group.confirmations} of {needed} EOD valuations in a row"
    return None


def _not_due(group: ForkGroup, why: str) -> Refusal:
    return Reason.ILLEGAL_TRANSITION, f"{group.group_id} {group.state or 'ACTIVE'} -> MERGING: {why}"


def complete(d: Decision, merge_id: str) -> Refusal | None:
    """The last step now, instead of at the next look of the merge."""
    group = next((g for g in d.book.groups.values() if merge_id and g.merge_id == merge_id), None)
    if group is None:
        return Reason.NOT_FOUND, f"merge {merge_id}"
    if group.state == "MERGED":
        return None
    members = _members(d, group)
    left = [a.account_id for a in members if not is_flat(d, a, in_kind=moves_in_kind(d)) or a.balance(CASH_UNSETTLED)]
    if group.state != "MERGING" or left:
        return Reason.ILLEGAL_TRANSITION, f"{group.state} -> MERGED: positions, orders or unsettled cash in {left}"
    _complete(d, group, members)
    return None


# --- the saga -------------------------------------------------------------------------------------------------------


def _members(d: Decision, group: ForkGroup) -> list[Account]:
    return [d.book.accounts[key] for key in group.members]


def _look_after(d: Decision, group: ForkGroup) -> None:
    sessions, limit = d.calendar.sessions_after(group.since, d.today), d.config().integer("merge.stall_sessions")
    if group.state == "MERGING" and sessions >= limit:
        _stall(d, group, sessions)
    elif group.state == "STALLED" and sessions % limit == 0:
        _ask(d, group)


def _initiate(d: Decision, group: ForkGroup) -> None:
    """Point of no return: working orders are cancelled, liquidation begins with the next session."""
    merge_id = workflow_id(group.group_id, "MERGE")
    d.emit(e.MergeInitiated(merge_id, group.group_id, list(group.members), group.target), f"merge-{merge_id}")
    message = f"{group.members} into {group.target}"
    raise_alert(d, None, "ACCOUNT_MANAGEMENT", "MEDIUM", None, "Merge initiated", message)
    for order in list(d.book.orders.values()):
        if order.account_id in group.members and order.working:
            request_cancel(d, order, Reason.MERGE)
    for account in _members(d, group):
        cancel_withdrawals(d, account)
        for approval in [a for a in d.book.approvals.values() if a.account_id == account.account_id]:
            if approval.kind == "FORK":
                expire(d, approval, Reason.WITHDRAWN)
    _plan(d, group)


def _plan(d: Decision, group: ForkGroup) -> None:
    following = next_try_us(d)
    if following:
        d.set_timer(f"merge||{group.group_id}", following)


def go_on(d: Decision, group: ForkGroup) -> None:
    """A step of the merge, in session: liquidate; flat and settled: everything moves (protocol 10.3)."""
    if group.state != "MERGING":
        return
    members, in_kind = _members(d, group), moves_in_kind(d)
    if all(is_flat(d, account, in_kind=in_kind) for account in members):
        _complete(d, group, members)
    else:
        for account in members:
            liquidate(d, account, group.merge_id, group.since, in_kind=in_kind)
    if group.state == "MERGING":
        _plan(d, group)


def _member_goes_on(d: Decision, account: Account) -> None:
    go_on(d, d.book.groups[account.fork_group_id or ""])


GOES_ON["MERGING"] = _member_goes_on


def _complete(d: Decision, group: ForkGroup, members: list[Account]) -> None:
    """Told once everything is sold; cash moves when it has settled, the reserve with its tax ledger, and what was
    not sold as it is."""
    stream = f"merge-{group.merge_id}"
    if not group.liquidated:
        tax = sum(a.balance(TAX_RESERVE) for a in members) - group.tax
        d.emit(e.LiquidationCompleted(group.merge_id, group.proceeds, group.costs, tax), stream)
    if any(a.balance(CASH_UNSETTLED) for a in members):
        return
    target, total, reserve, in_kind = d.book.accounts[group.target], 0, 0, 0
    for account in members:
        cash, kept = account.balance(CASH), account.balance(TAX_RESERVE)
        transfer = workflow_id(group.merge_id, account.account_id)
        cost, value = move_lots(d, account, target, transfer)
        total, reserve, in_kind = total + cash, reserve + kept, in_kind + value
        d.emit(
            e.CapitalTransferred(
                transfer, "MERGE", account.account_id, target.account_id, cash, kept, value if cost else None
            ),
            f"transfer-{transfer}",
            account,
        )
        moved, lines = cash + kept + cost, {CASH: cash, TAX_RESERVE: kept, POSITIONS_AT_COST: cost}
        leaving = {name: -amount for name, amount in lines.items()}
        post(d, account, "MERGE", transfer, {**leaving, TRANSFER_CLEARING: moved})
        post(d, target, "MERGE", transfer, {**lines, TRANSFER_CLEARING: -moved})
        post(d, account, "MERGE", transfer, {TRANSFER_CLEARING: -moved, EQUITY_BASE: moved})
        post(d, target, "MERGE", transfer, {TRANSFER_CLEARING: moved, EQUITY_BASE: -moved})
    d.emit(e.MergeCompleted(group.merge_id, target.account_id, total, reserve, in_kind or None), stream)
    message = f"{dollars(total)} and a reserve of {dollars(reserve)} to {target.account_id}"
    raise_alert(d, target, "ACCOUNT_MANAGEMENT", "MEDIUM", None, "Merge completed", message)
    years = sorted(int(year) for year in target.tax)
    if years:
        adjust_reserve(d, target, years[-1])
    check_buffer(d, target)


def _stall(d: Decision, group: ForkGroup, sessions: int) -> None:
    d.emit(e.MergeStalled(group.merge_id, sessions), f"merge-{group.merge_id}")
    for account in _members(d, group):
        d.emit(e.AccountSuspended(Reason.MERGE, "merge stalled"), f"account-{account.account_id}", account)
    raise_alert(d, None, "ACCOUNT_MANAGEMENT", "HIGH", None, "Merge stalled", f"{group.merge_id}: {sessions} sessions")
    _ask(d, group)


def _ask(d: Decision, group: ForkGroup) -> None:
    """What becomes of it; a request that was denied is repeated as long as the merge is stalled."""
    if any(a.kind == STALLED and a.subject == group.group_id for a in d.book.approvals.values()):
        return
    request(
        d, None, STALLED, group.group_id, {"merge_id": group.merge_id, "choices": "RETRY,RELEASE"},
        required=1, roles=["OWNER"], expires_us=0, default="stay suspended",
    )  # fmt: skip


@on_decided(STALLED)
def _stall_decided(d: Decision, approval: Approval, granted: bool, choice: str) -> None:
    """Retry the liquidation, or release the members: people decide (protocol 3.3)."""
    group = d.book.groups[approval.subject]
    if not granted or group.state != "STALLED":
        return
    d.emit(e.MergeResumed(group.merge_id, released=choice == "RELEASE"), f"merge-{group.merge_id}")
    if choice != "RELEASE":
        _plan(d, group)
        return
    for account in _members(d, group):
        suspended_meanwhile(d, account)
