"""Merges of fork groups into the root system's primary Com account (protocol 10.3)."""

from domain import events as e
from domain.alerts import raise_alert
from domain.approvals import on_decided, request
from domain.calendar import SECOND
from domain.decision import Decision
from domain.identity import workflow_id
from domain.ledger import check_buffer, post
from domain.lifecycle.liquidation import LIQUIDATION, is_flat, liquidate
from domain.money import dollars, floor_int
from domain.orders import on_ended, request_cancel
from domain.reasons import Reason
from domain.state import (
    CASH,
    CASH_UNSETTLED,
    EQUITY_BASE,
    TAX_RESERVE,
    TRANSFER_CLEARING,
    Account,
    Approval,
    ForkGroup,
    Order,
)
from domain.tax import adjust_reserve

AFTER_OPEN_US = 60 * SECOND


def evaluate_merge(d: Decision, group: ForkGroup) -> None:
    """The daily look at a fork group after the EOD valuation: three in a row at the threshold start the merge."""
    if group.state:
        return
    members = [d.book.accounts[key] for key in group.members]
    if any(account.state not in ("ACTIVE", "SUSPENDED") for account in members):
        return
    worth, config = sum(account.last_corpus for account in members), d.config()
    if worth < floor_int(config.fraction("merge.threshold") * 100):
        if group.confirmations:
            d.emit(e.MergeEligibilityLost(group.group_id, worth), f"fork-{group.group_id}")
        return
    number = group.confirmations + 1
    d.emit(e.MergeEligibilityDetected(group.group_id, worth, number), f"fork-{group.group_id}")
    if number >= config.integer("merge.confirmations"):
        _initiate(d, group)


def _initiate(d: Decision, group: ForkGroup) -> None:
    """Point of no return: working orders are cancelled, liquidation begins with the next session."""
    merge_id = workflow_id(group.group_id, "MERGE")
    d.emit(e.MergeInitiated(merge_id, group.group_id, list(group.members), group.target), f"merge-{merge_id}")
    message = f"{group.members} into {group.target}"
    raise_alert(d, None, "ACCOUNT_MANAGEMENT", "MEDIUM", None, "Merge initiated", message)
    for order in list(d.book.orders.values()):
        if order.account_id in group.members and order.working:
            request_cancel(d, order, Reason.MERGE)
    _plan(d, group)


def _plan(d: Decision, group: ForkGroup) -> None:
    following = d.calendar.open_after(d.now_us)
    if following:
        d.set_timer(f"merge||{group.group_id}", following + AFTER_OPEN_US)


def go_on(d: Decision, group: ForkGroup) -> None:
    """A step of the merge, in session: liquidate; flat and settled: everything moves (protocol 10.3)."""
    if group.state != "MERGING":
        return
    members = [d.book.accounts[key] for key in group.members]
    if all(is_flat(d, account) for account in members):
        _complete(d, group, members)
        if group.state == "MERGING":
            _plan(d, group)
        return
    sessions = d.calendar.sessions_after(group.since, d.today)
    if sessions >= d.config().integer("merge.stall_sessions"):
        _stall(d, group, members, sessions)
        return
    for account in members:
        liquidate(d, account, group.merge_id)
    _plan(d, group)


@on_ended(LIQUIDATION)
def _sale_ended(d: Decision, account: Account, _order: Order) -> None:
    group = d.book.groups.get(account.fork_group_id or "")
    if (
        group is not None
        and group.state == "MERGING"
        and all(is_flat(d, d.book.accounts[key]) for key in group.members)
    ):
        _complete(d, group, [d.book.accounts[key] for key in group.members])


def _complete(d: Decision, group: ForkGroup, members: list[Account]) -> None:
    """Told once everything is sold; cash moves when it has settled, the reserve as reserve with its tax ledger."""
    stream = f"merge-{group.merge_id}"
    if not group.liquidated:
        tax = sum(a.balance(TAX_RESERVE) for a in members) - group.tax
        d.emit(e.LiquidationCompleted(group.merge_id, group.proceeds, group.costs, tax), stream)
    if any(a.balance(CASH_UNSETTLED) for a in members):
        return
    target, total, reserve = d.book.accounts[group.target], 0, 0
    for account in members:
        cash, kept = account.balance(CASH), account.balance(TAX_RESERVE)
        total, reserve = total + cash, reserve + kept
        transfer = workflow_id(group.merge_id, account.account_id)
        d.emit(
            e.CapitalTransferred(transfer, "MERGE", account.account_id, target.account_id, cash, kept),
            f"transfer-{transfer}",
            account,
        )
        moved = cash + kept
        post(d, account, "MERGE", transfer, {CASH: -cash, TAX_RESERVE: -kept, TRANSFER_CLEARING: moved})
        post(d, target, "MERGE", transfer, {CASH: cash, TAX_RESERVE: kept, TRANSFER_CLEARING: -moved})
        post(d, account, "MERGE", transfer, {TRANSFER_CLEARING: -moved, EQUITY_BASE: moved})
        post(d, target, "MERGE", transfer, {TRANSFER_CLEARING: moved, EQUITY_BASE: -moved})
    d.emit(e.MergeCompleted(group.merge_id, target.account_id, total, reserve), stream)
    message = f"{dollars(total)} and a reserve of {dollars(reserve)} to {target.account_id}"
    raise_alert(d, target, "ACCOUNT_MANAGEMENT", "MEDIUM", None, "Merge completed", message)
    years = sorted(int(year) for year in target.tax)
    if years:
        adjust_reserve(d, target, years[-1])
    check_buffer(d, target)


def _stall(d: Decision, group: ForkGroup, members: list[Account], sessions: int) -> None:
    d.emit(e.MergeStalled(group.merge_id, sessions), f"merge-{group.merge_id}")
    for account in members:
        d.emit(e.AccountSuspended(Reason.MERGE, "merge stalled"), f"account-{account.account_id}", account)
    raise_alert(d, None, "ACCOUNT_MANAGEMENT", "HIGH", None, "Merge stalled", f"{group.merge_id}: {sessions} sessions")
    request(
        d, None, "MERGE_STALLED", group.group_id, {"merge_id": group.merge_id, "choices": "RETRY,RELEASE"},
        required=1, roles=["OWNER"], expires_us=0, default="stay suspended",
    )  # fmt: skip


@on_decided("MERGE_STALLED")
def _stall_decided(d: Decision, approval: Approval, granted: bool, choice: str) -> None:
    """Retry the liquidation, or release the members: people decide (protocol 3.3)."""
    group = d.book.groups[approval.subject]
    if not granted or group.state != "STALLED":
        return
    d.emit(e.MergeResumed(group.merge_id, released=choice == "RELEASE"), f"merge-{group.merge_id}")
    if choice != "RELEASE":
        _plan(d, group)
