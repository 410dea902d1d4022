"""Commands of people on a running book (protocol 3.3, 3.4, 9, 10.5, 15.2, 18, 19.2)."""

from domain import events as e
from domain.approvals import deny as deny_request
from domain.approvals import grant as grant_request
from domain.approvals import on_decided, refusal, request
from domain.calendar import as_date
from domain.commands import (
    CancelOrder,
    DenyApproval,
    EngageKillSwitch,
    GrantApproval,
    GuessWeekMode,
    LiftTradingModeRestriction,
    ProposeConfigurationChange,
    RecordDividend,
    RecordFee,
    RecordTaxPayment,
    ReleaseKillSwitch,
    RestrictTradingMode,
    ResumeAccount,
    SuspendAccount,
    TransferCapital,
)
from domain.config import CATALOGUE, Config, ConfigurationError, approvals_needed
from domain.decision import Decision
from domain.inception import Refusal
from domain.ledger import check_buffer, post
from domain.modes import SEVERITY
from domain.orders import cancel_opening_orders, request_cancel
from domain.reasons import Reason
from domain.restrictions import lift, restrict
from domain.state import CASH, DIVIDEND_INCOME, EQUITY_BASE, FEES, TAX_RESERVE, TERMINAL, Account, Approval
from domain.tax import adjust_reserve

TWO_PEOPLE = ["OWNER", "TRADER", "RISK", "OPERATOR"]
MANUAL = "MANUAL:"
"""Restrictions set by a person carry this prefix, so that no clearing rule removes them."""


def _find(d: Decision, account_id: str) -> Account | None:
    return d.book.accounts.get(account_id)


def _unknown(account_id: str) -> Refusal:
    return Reason.UNKNOWN_ACCOUNT, account_id


def propose_configuration(d: Decision, command: ProposeConfigurationChange) -> Refusal | None:
    """Check a set as a whole; ask for the approvals that its keys need, or let it take effect."""
    scope = command.scope
    if scope != "SYSTEM" and _find(d, scope) is None:
        return _unknown(scope)
    current = dict(d.book.config.get(scope, {}))
    try:
        overlays = (
            [current | command.changes]
            if scope == "SYSTEM"
            else [current | command.changes, d.book.config.get("SYSTEM", {})]
        )
        Config(0, *overlays).check()
    except ConfigurationError as error:
        return error.code, error.message
    if not command.changes:
        return Reason.INVALID_VALUE, "no changes"
    needed = approvals_needed(command.changes)
    proposal = d.next_event_id()
    d.emit(e.ConfigurationProposed(proposal, scope, command.changes, needed, command.header.actor_id), "config")
    if not needed:
        _apply_configuration(d, scope, command.changes, [])
        return None
    request(
        d,
        None,
        "CONFIGURATION",
        scope,
        command.changes,
        required=needed,
        roles=TWO_PEOPLE,
        expires_us=_business_days_on(d, 5),
        default="deny",
        requester=command.header.actor_id,
    )
    return None


def _business_days_on(d: Decision, days: int) -> int:
    day = d.today
    for _ in range(days):
        day = d.calendar.next_session(day)
    return d.calendar.close_us(day)


@on_decided("CONFIGURATION")
def _configuration_decided(d: Decision, approval: Approval, granted: bool, _choice: str) -> None:
    if granted:
        _apply_configuration(d, approval.subject, approval.proposal, approval.granted_by)
    else:
        d.emit(e.ConfigurationRejected(approval.approval_id, "DENIED", "not approved"), "config")


def _apply_configuration(d: Decision, scope: str, changes: dict[str, str], approvals: list[str]) -> None:
    before = d.book.config.get(scope, {})
    old = {name: before.get(name, CATALOGUE[name].default) for name in changes}
    d.emit(e.ConfigurationChanged(d.book.config_version + 1, scope, old, changes, list(approvals)), "config")


def grant(d: Decision, command: GrantApproval) -> Refusal | None:
    """A person approves."""
    reason = refusal(d, command.approval_id, command.header.actor_id, command.header.role)
    if reason is not None:
        return reason, command.approval_id
    grant_request(d, command.approval_id, command.header.actor_id, command.choice)
    return None


def deny(d: Decision, command: DenyApproval) -> Refusal | None:
    """A person denies."""
    reason = refusal(d, command.approval_id, command.header.actor_id, command.header.role)
    if reason is not None:
        return reason, command.approval_id
    deny_request(d, command.approval_id, command.header.actor_id, command.reason)
    return None


def engage_kill_switch(d: Decision, command: EngageKillSwitch) -> Refusal | None:
    """One person is enough: working orders are cancelled, accounts suspended (protocol 9)."""
    if command.account_id is not None and _find(d, command.account_id) is None:
        return _unknown(command.account_id)
    scope = command.account_id or "SYSTEM"
    d.emit(e.KillSwitchEngaged(scope, command.reason, command.header.actor_id), f"system-{d.book.system_id}")
    for key in sorted(d.book.accounts):
        account = d.book.accounts[key]
        if command.account_id not in (None, key) or account.state not in ("ACTIVE", "SUSPENDED"):
            continue
        for order in [o for o in d.book.orders.values() if o.account_id == key and o.working]:
            request_cancel(d, order, "KILL_SWITCH")
        d.emit(e.AccountSuspended("KILL_SWITCH", command.header.actor_id), f"account-{key}", account)
    return None


def release_kill_switch(d: Decision, command: ReleaseKillSwitch) -> Refusal | None:
    """Two people release it (protocol 15.2)."""
    account = _find(d, command.account_id) if command.account_id else None
    engaged = (
        d.book.killed if command.account_id is None else account is not None and "KILL_SWITCH" in account.suspensions
    )
    if not engaged:
        return Reason.NOT_ENGAGED, command.account_id or d.book.system_id
    request(
        d,
        account,
        "KILL_SWITCH_RELEASE",
        command.account_id or "SYSTEM",
        {},
        required=2,
        roles=TWO_PEOPLE,
        expires_us=_business_days_on(d, 5),
        default="deny",
    )
    return None


@on_decided("KILL_SWITCH_RELEASE")
def _release_decided(d: Decision, approval: Approval, granted: bool, _choice: str) -> None:
    if not granted:
        return
    d.emit(e.KillSwitchReleased(approval.subject, list(approval.granted_by)), f"system-{d.book.system_id}")
    for key in sorted(d.book.accounts):
        account = d.book.accounts[key]
        if approval.subject in ("SYSTEM", key) and account.suspensions == ["KILL_SWITCH"]:
            d.emit(e.AccountResumed("kill switch released"), f"account-{key}", account)


def suspend(d: Decision, command: SuspendAccount) -> Refusal | None:
    """Pause: the account opens nothing, but is still watched (protocol 3.3)."""
    account = _find(d, command.account_id)
    if account is None:
        return _unknown(command.account_id)
    if account.state not in ("ACTIVE", "SUSPENDED"):
        return Reason.ILLEGAL_TRANSITION, f"{account.state} -> SUSPENDED"
    cancel_opening_orders(d, account, "SUSPENDED")
    d.emit(e.AccountSuspended(command.reason, command.header.actor_id), f"account-{account.account_id}", account)
    return None


def resume(d: Decision, command: ResumeAccount) -> Refusal | None:
    """One approval; a kill switch must be released first."""
    account = _find(d, command.account_id)
    if account is None:
        return _unknown(command.account_id)
    if account.state != "SUSPENDED" or "KILL_SWITCH" in account.suspensions:
        return Reason.ILLEGAL_TRANSITION, f"{account.state} -> ACTIVE, causes {account.suspensions}"
    request(
        d,
        account,
        "RESUME_ACCOUNT",
        account.account_id,
        {},
        required=1,
        roles=TWO_PEOPLE,
        expires_us=_business_days_on(d, 5),
        default="deny",
        requester=command.header.actor_id,
    )
    return None


@on_decided("RESUME_ACCOUNT")
def _resume_decided(d: Decision, approval: Approval, granted: bool, _choice: str) -> None:
    account = d.book.accounts[approval.subject]
    if granted and account.state == "SUSPENDED":
        d.emit(e.AccountResumed(", ".join(approval.granted_by)), f"account-{account.account_id}", account)


def restrict_mode(d: Decision, command: RestrictTradingMode) -> Refusal | None:
    """A person restricts an account."""
    account = _find(d, command.account_id)
    if account is None:
        return _unknown(command.account_id)
    if command.mode not in SEVERITY[1:]:
        return Reason.INVALID_VALUE, f"mode {command.mode}: one of {', '.join(SEVERITY[1:])}"
    restrict(d, account, MANUAL + command.reason, command.mode)
    return None


def lift_restriction(d: Decision, command: LiftTradingModeRestriction) -> Refusal | None:
    """Only what a person added; everything else has its own clearing rule."""
    account = _find(d, command.account_id)
    if account is None:
        return _unknown(command.account_id)
    if MANUAL + command.reason not in account.restrictions:
        return Reason.UNKNOWN_RESTRICTION, f"{command.reason}; in force: {sorted(account.restrictions)}"
    lift(d, account, MANUAL + command.reason)
    return None


def cancel_order(d: Decision, command: CancelOrder) -> Refusal | None:
    """Cancels always pass."""
    order = d.book.orders.get(command.order_id)
    if order is None:
        return Reason.UNKNOWN_ORDER, command.order_id
    if order.state in TERMINAL:
        return Reason.NOT_CANCELLABLE, order.state
    request_cancel(d, order, "USER")
    return None


def record_fee(d: Decision, command: RecordFee) -> Refusal | None:
    """A charge of the broker; it may push free cash under the buffer (EX-24)."""
    account = _find(d, command.account_id)
    if account is None:
        return _unknown(command.account_id)
    if command.amount <= 0:
        return Reason.INVALID_VALUE, f"amount {command.amount}"
    d.emit(e.FeeCharged(command.amount, command.symbol), f"account-{account.account_id}", account)
    post(d, account, "FEE", command.header.command_id, {CASH: -command.amount, FEES: command.amount})
    check_buffer(d, account)
    return None


def record_dividend(d: Decision, command: RecordDividend) -> Refusal | None:
    """Income, not a capital gain (protocol 4.4)."""
    account = _find(d, command.account_id)
    if account is None:
        return _unknown(command.account_id)
    if command.amount <= 0:
        return Reason.INVALID_VALUE, f"amount {command.amount}"
    d.emit(
        e.DividendReceived(command.amount, command.symbol, command.qualified), f"account-{account.account_id}", account
    )
    post(d, account, "DIVIDEND", command.header.command_id, {CASH: command.amount, DIVIDEND_INCOME: -command.amount})
    adjust_reserve(d, account, as_date(d.today).year)
    check_buffer(d, account)
    return None


def record_tax_payment(d: Decision, command: RecordTaxPayment) -> Refusal | None:
    """Estimated tax leaves the reserve."""
    account = _find(d, command.account_id)
    if account is None:
        return _unknown(command.account_id)
    if not 0 < command.amount <= account.balance(TAX_RESERVE):
        return Reason.INVALID_VALUE, f"amount {command.amount}, reserve {account.balance(TAX_RESERVE)} cents"
    d.emit(e.TaxPaymentRecorded(command.year, command.amount), f"tax-{account.account_id}-{command.year}", account)
    post(
        d,
        account,
        "TAX_PAYMENT",
        command.header.command_id,
        {TAX_RESERVE: -command.amount, EQUITY_BASE: command.amount},
    )
    return None


def transfer_capital(d: Decision, command: TransferCapital) -> Refusal | None:
    """A contribution credited to one account: base capital and sizing base rise by the same (protocol 10.5)."""
    account = _find(d, command.account_id)
    if account is None:
        return _unknown(command.account_id)
    if command.kind != "CONTRIBUTION" or command.amount <= 0:
        return Reason.INVALID_VALUE, f"{command.kind} {command.amount}: only a positive CONTRIBUTION is built so far"
    d.emit(e.ContributionAllocated(command.amount), f"account-{account.account_id}", account)
    post(d, account, "CONTRIBUTION", command.header.command_id, {CASH: command.amount, EQUITY_BASE: -command.amount})
    check_buffer(d, account)
    return None


def guess_week_mode(d: Decision, command: GuessWeekMode) -> Refusal | None:
    """The predictor's guess; whether it acts is a parameter (protocol 6.4)."""
    if command.mode not in ("GREEN", "RED", "CHOP"):
        return Reason.INVALID_VALUE, command.mode
    d.emit(e.WeekModePredicted(command.week_id, command.mode), "predictor")
    return None
