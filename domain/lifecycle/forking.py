"""Forks (protocol 10.2): eligibility, guards, window, and the saga of each kind."""

from fractions import Fraction

from domain import events as e
from domain.alerts import raise_alert
from domain.approvals import business_days_on, expire, on_decided, request
from domain.decision import Decision
from domain.identity import workflow_id
from domain.ledger import check_buffer, post
from domain.lifecycle import founding
from domain.lifecycle.surplus import in_workflow, surplus_post
from domain.modes import effective_mode
from domain.money import dollars, floor_int, percent_of, round_half_up
from domain.reasons import Reason, Refusal
from domain.risk.measure import worst_level
from domain.state import CASH, EQUITY_BASE, TRANSFER_CLEARING, Account, Approval
from domain.valuation import corpus, free_cash

MONDAY_END_MINUTE = 9 * 60
"""The window of an execution ends Monday 09:00 ET."""


def _never_forks(account: Account) -> bool:
    return account.type not in ("GEN", "REV") or account.state in ("CLOSED", "MERGED", "CLOSING", "PENDING_FUNDING")


def evaluate_fork(d: Decision, account: Account, *, start: bool = True) -> None:
    """The daily look at a GEN or REV account after the EOD job; with `start` a fork that is due begins."""
    if _never_forks(account):
        return
    if founding.in_transit(d, account) is not None:
        founding.remind(d, account)
        return
    surplus, threshold = surplus_post(d, account), _threshold(d, account)
    if surplus < threshold:
        if account.fork_eligible:
            _lose_eligibility(d, account)
        return
    if not account.fork_eligible:
        d.emit(e.ForkEligibilityDetected(surplus, threshold), _stream(account), account)
        message = f"surplus {dollars(surplus)}, threshold {dollars(threshold)}"
        raise_alert(d, account, "ACCOUNT_MANAGEMENT", "MEDIUM", None, "Fork threshold reached", message)
    guard = _guard(d, account, surplus)
    if guard is not None:
        d.emit(e.ForkDeferred(guard, surplus), _stream(account), account)
        return
    if _approved(d, account) and start:
        _execute_in_window(d, account)


def evaluate(d: Decision, account: Account) -> Refusal | None:
    """A person asks how it stands with a fork: told by events, nothing is started."""
    if _never_forks(account):
        return _illegal(account)
    evaluate_fork(d, account, start=False)
    return None


def _illegal(account: Account) -> Refusal:
    return Reason.ILLEGAL_TRANSITION, f"{account.type} {account.state} -> FORKING"


def initiate(d: Decision, account: Account, fork_id: str | None) -> Refusal | None:
    """A person asks for the daily look now; a fork that is known is acknowledged without effect (protocol 10.2)."""
    following = workflow_id(account.account_id, "FORK", str(account.fork_seq + 1))
    if fork_id in d.book.groups or fork_id in d.book.foundings:
        return None
    if fork_id not in (None, following):
        return Reason.NOT_FOUND, f"fork {fork_id}; the next one is {following}"
    if _never_forks(account):
        return _illegal(account)
    evaluate_fork(d, account)
    return None


def give_up(d: Decision, fork_id: str, reason: str) -> Refusal | None:
    """A person gives a fork up before it has moved anything: its request, its approval and its brokerage account are
    dropped, and it is asked for again as after a denial. Once money has moved it is only carried through."""
    founding = d.book.foundings.get(fork_id)
    if fork_id in d.book.groups or (founding is not None and founding.state):
        return Reason.ILLEGAL_TRANSITION, f"fork {fork_id} has moved its money: it is only carried through"
    accounts = (d.book.accounts[key] for key in sorted(d.book.accounts))
    account = next((a for a in accounts if workflow_id(a.account_id, "FORK", str(a.fork_seq + 1)) == fork_id), None)
    if account is None:
        return Reason.NOT_FOUND, f"fork {fork_id}"
    requests = _requests(d, account)
    if not (requests or account.fork_approved or founding is not None):
        return Reason.ILLEGAL_TRANSITION, f"fork {fork_id} has not begun and waits for nobody"
    for approval in requests:
        expire(d, approval, Reason.WITHDRAWN)
    d.emit(e.ForkAborted(fork_id, reason), f"fork-{fork_id}", account)
    raise_alert(d, account, "ACCOUNT_MANAGEMENT", "MEDIUM", None, "Fork aborted", reason)
    return None


def _stream(account: Account) -> str:
    return f"account-{account.account_id}"


def _threshold(d: Decision, account: Account) -> int:
    return floor_int(d.config(account.account_id).fraction(f"fork.{account.type.lower()}.threshold") * 100)


def _lose_eligibility(d: Decision, account: Account) -> None:
    """Under the threshold again: the next time it is met is a new eligibility; a pending request is pointless."""
    for approval in _requests(d, account):
        expire(d, approval, Reason.WITHDRAWN)
    d.emit(e.ForkEligibilityLost(surplus_post(d, account)), _stream(account), account)


def _requests(d: Decision, account: Account) -> list[Approval]:
    return [a for a in d.book.approvals.values() if a.kind == "FORK" and a.account_id == account.account_id]


def _guard(d: Decision, account: Account, surplus: int) -> Reason | None:
    """The first guard that fails, in the order of protocol 10.2."""
    config = d.config(account.account_id)
    if account.state != "ACTIVE" or in_workflow(d, account):
        return Reason.NOT_ACTIVE
    if effective_mode(account) != "NORMAL":
        return Reason.MODE
    if worst_level(d, account):
        return Reason.LEVEL
    if d.book.breaks:
        return Reason.BREAK
    if account.last_fork and d.today - account.last_fork < config.integer("fork.cooldown_days"):
        return Reason.COOLDOWN
    if account.fork_depth >= config.integer("fork.max_depth"):
        return Reason.DEPTH
    amount = _amount(d, account, surplus)
    rest = max(0, corpus(d.market, account) - amount)
    if free_cash(d.book, account) < amount + round_half_up(percent_of(rest, config.fraction("buffer.pct"))):
        return Reason.FREE_CASH
    return None


def _amount(d: Decision, account: Account, surplus: int) -> int:
    """F: the whole surplus, or the threshold only (`fork.amount_rule`)."""
    whole = d.config(account.account_id).text("fork.amount_rule") == "WHOLE_SURPLUS"
    return surplus if whole else min(surplus, _threshold(d, account))


def _approved(d: Decision, account: Account) -> bool:
    """Whether the people needed have said yes; asks where nobody was asked (protocol 10.2, 15.2)."""
    config = d.config(account.account_id)
    needed = config.integer(f"fork.{account.type.lower()}.approval")
    if not needed or account.fork_approved:
        return True
    again = account.fork_asked + config.integer("fork.rev.ask_again_days")
    if _requests(d, account) or (account.fork_asked and d.today < again):
        return False
    request(
        d, account, "FORK", account.account_id, {"threshold": str(_threshold(d, account))}, required=needed,
        roles=["OWNER"], expires_us=business_days_on(d, 10), default="defer",
    )  # fmt: skip
    return False


@on_decided("FORK")
def _fork_decided(d: Decision, approval: Approval, granted: bool, _choice: str) -> None:
    """An approval covers the fork, not an amount; given outside the window it waits for the next one."""
    account = d.book.accounts[approval.account_id]
    if not granted or not account.fork_eligible:
        return
    surplus = surplus_post(d, account)
    if surplus >= _threshold(d, account) and _guard(d, account, surplus) is None:
        _execute_in_window(d, account)


def in_window(d: Decision) -> bool:
    """From the EOD job of the week's last session until Monday 09:00 ET."""
    sessions = d.calendar.week_sessions(d.today)
    last = sessions[-1] if sessions else d.calendar.session_on_or_before(d.today)
    eod = d.calendar.et(last, d.config().integer("eod.time"))
    if d.today % 7 == 4 and d.now_us < d.calendar.et(d.today, MONDAY_END_MINUTE):  # a Monday: day 4 was 1970-01-05
        return True
    return d.now_us >= eod


def _execute_in_window(d: Decision, account: Account) -> None:
    if not in_window(d):
        return
    template = founding.template_of(d, account)
    amount = _amount(d, account, surplus_post(d, account))
    if template == founding.NEW_SYSTEM:
        founding.begin(d, account, amount)
    else:
        _fork_group(d, account, template, amount)


def link_child(d: Decision, broker_account: str, system_id: str | None, amount: int) -> Refusal | None:
    """The brokerage account of a system to be founded is linked: an approved Rev fork may start in its window."""
    account, refused = founding.link(d, broker_account, system_id, amount)
    if account is None or not _approved(d, account):
        return refused
    surplus = surplus_post(d, account)
    if surplus >= _threshold(d, account) and _guard(d, account, surplus) is None:
        _execute_in_window(d, account)
    return None


# --- a fork inside the book -----------------------------------------------------------------------------------------


def _fork_group(d: Decision, account: Account, template: str, amount: int) -> None:
    """Fork group of two children: every step in one entry, so that no crash can stand between two of them."""
    config, seq = d.config(account.account_id), account.fork_seq + 1
    fork_id = workflow_id(account.account_id, "FORK", str(seq))
    first = "REV" if template == "REV50_COM50" else "GEN"
    pattern = config.text("id.fork_pattern")
    children = {kind: pattern.format(parent_id=account.account_id, seq=seq, TYPE=kind) for kind in (first, "COM")}
    stream = f"fork-{fork_id}"
    d.emit(e.ForkInitiated(fork_id, amount, seq, template, list(children.values())), stream, account)
    d.emit(e.CapitalEarmarked(fork_id, amount), _stream(account), account)
    taken = sorted(set(children.values()) & set(d.book.accounts))
    if taken:
        founding.abort(d, account, fork_id, amount, f"account {', '.join(taken)} exists already")
        return
    for kind, child in children.items():
        d.emit(
            e.AccountOpened(
                child, kind, "FORK_CHILD", account.account_id, fork_id, account.root_com_account_id,
                account.owner_subject_id, d.today,
            ),
            f"account-{child}",
        )  # fmt: skip
    d.emit(e.CapitalEarmarkReleased(fork_id, amount), _stream(account), account)
    share = config.fraction("fork.gen.split_gen_pct") if template == "GEN" else Fraction(50)
    parts = {first: floor_int(percent_of(amount, share))}
    parts["COM"] = amount - parts[first]
    for kind, child in children.items():
        _transfer(d, account, d.book.accounts[child], parts[kind], workflow_id(fork_id, kind))
    for child in children.values():
        opened = d.book.accounts[child]
        d.emit(e.AccountActivated("funded by a fork"), f"account-{child}", opened)
        check_buffer(d, opened)
    d.emit(e.ForkCompleted(fork_id, amount, list(children.values())), stream, account)
    raise_alert(d, account, "ACCOUNT_MANAGEMENT", "MEDIUM", None, "Fork completed", f"{dollars(amount)} to {children}")
    check_buffer(d, account)


def _transfer(d: Decision, source: Account, target: Account, amount: int, transfer_id: str) -> None:
    """Both legs at once; the child's base capital and sizing base are what it receives."""
    d.emit(
        e.CapitalTransferred(transfer_id, "FORK", source.account_id, target.account_id, amount, 0),
        f"transfer-{transfer_id}",
        source,
    )
    post(d, source, "FORK", transfer_id, {CASH: -amount, TRANSFER_CLEARING: amount})
    post(d, target, "FORK", transfer_id, {CASH: amount, TRANSFER_CLEARING: -amount})
    post(d, source, "FORK", transfer_id, {TRANSFER_CLEARING: -amount, EQUITY_BASE: amount})
    post(d, target, "FORK", transfer_id, {TRANSFER_CLEARING: amount, EQUITY_BASE: -amount})
    buffer = round_half_up(percent_of(amount, d.config(target.account_id).fraction("buffer.pct")))
    d.emit(e.AccountFunded(amount, buffer, amount, amount), f"account-{target.account_id}", target)
