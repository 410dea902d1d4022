"""A Rev fork that founds another book (protocol 10.2; architecture.md): money in transit until the child has answered.

Before the transfer a fork that cannot go on is undone; after it, it is only carried through: a refusal is asked again
three times, then people decide.
"""

from domain import events as e
from domain.alerts import raise_alert
from domain.approvals import expire, on_decided, request
from domain.calendar import MINUTE
from domain.commands import CommandHeader, CreateSystem
from domain.config import CATALOGUE
from domain.decision import Decision
from domain.identity import workflow_id
from domain.ledger import check_buffer, post
from domain.money import dollars
from domain.reasons import Reason
from domain.state import CASH, EQUITY_BASE, TRANSFER_CLEARING, Account, Approval, Founding

NEW_SYSTEM = "NEW_SYSTEM"
RETRIES = 3
"""How often a founding that was refused is asked for again by itself."""
RETRY_US = 15 * MINUTE
STALLED = "FORK_STALLED"
Refusal = tuple[Reason, str]


def template_of(d: Decision, account: Account) -> str:
    """What a fork of the account makes: GEN, or the template of a Rev fork."""
    return d.config(account.account_id).text("fork.rev.template") if account.type == "REV" else "GEN"


def in_transit(d: Decision, account: Account) -> Founding | None:
    """The founding of an account that has sent its money and was not answered well yet."""
    found = (f for f in d.book.foundings.values() if f.account_id == account.account_id)
    return next((f for f in found if f.state in ("SENT", "REFUSED")), None)


def _stream(account: Account) -> str:
    return f"account-{account.account_id}"


def _next_fork(account: Account) -> str:
    return workflow_id(account.account_id, "FORK", str(account.fork_seq + 1))


# --- before the transfer --------------------------------------------------------------------------------------------


def link(d: Decision, broker_account: str, system_id: str | None, amount: int) -> tuple[Account | None, Refusal | None]:
    """Note the brokerage account of the system that a fork will found. Returns the account that may fork now.

    For a fork whose founding was refused it is another account, or another name: the founding is asked for again.
    """
    refused = next((f for f in d.book.foundings.values() if f.state == "REFUSED"), None)
    eligible = [a for a in _accounts(d) if a.fork_eligible and template_of(d, a) == NEW_SYSTEM]
    waiting = [a for a in eligible if in_transit(d, a) is None]
    account = next((a for a in waiting if _next_fork(a) not in d.book.foundings), None)
    if refused is not None:
        account = d.book.accounts[refused.account_id]
    elif account is None and waiting:
        return None, (Reason.ILLEGAL_TRANSITION, f"fork {_next_fork(waiting[0])} has its brokerage account")
    elif account is None:
        return None, (Reason.NOT_APPROVED, "no Rev fork waits for a brokerage account")
    child = system_id or (refused.child if refused else next_system_id(d.book.system_id, len(d.book.foundings) + 1))
    fork_id = refused.fork_id if refused else _next_fork(account)
    taken = {f.child for f in d.book.foundings.values() if f.fork_id != fork_id}
    if child == d.book.system_id or child in taken:
        return None, (Reason.INVALID_VALUE, f"{child} is a system already")
    d.emit(e.BrokerAccountLinked(broker_account, "CSP_AND_CC", amount), f"broker-{broker_account}", account)
    d.emit(e.ForkAccountLinked(fork_id, broker_account, child), f"broker-{broker_account}", account)
    if refused is None:
        return account, None
    for approval in [a for a in d.book.approvals.values() if a.kind == STALLED and a.subject == fork_id]:
        expire(d, approval, Reason.WITHDRAWN)
    ask_again(d, fork_id)
    return None, None


def next_system_id(system_id: str, number: int) -> str:
    """S001 founds S002 first; further ones get a suffix that cannot collide: S001-R02."""
    digits = system_id[1:]
    if number == 1 and system_id[:1] == "S" and digits.isdigit():
        return f"S{int(digits) + 1:0{len(digits)}d}"
    return f"{system_id}-R{number:02d}"


def _accounts(d: Decision) -> list[Account]:
    return [d.book.accounts[key] for key in sorted(d.book.accounts)]


def begin(d: Decision, account: Account, amount: int) -> None:
    """The fork starts once its brokerage account is linked: the money is in transit, the new system is asked for."""
    seq, fork_id = account.fork_seq + 1, _next_fork(account)
    founding = d.book.foundings.get(fork_id)
    if founding is None or founding.state:
        return
    child, stream = founding.child, f"fork-{fork_id}"
    d.emit(e.ForkInitiated(fork_id, amount, seq, NEW_SYSTEM, [child]), stream, account)
    d.emit(e.CapitalEarmarked(fork_id, amount), _stream(account), account)
    limits = CATALOGUE["system.initial_capital"]
    if not int(limits.low) * 100 <= amount <= int(limits.high) * 100:
        why = f"{dollars(amount)} is no capital of a system: {limits.low} to {limits.high} dollars"
        abort(d, account, fork_id, amount, why)
        return
    d.emit(e.CapitalEarmarkReleased(fork_id, amount), _stream(account), account)
    _send(d, account, founding, amount)
    post(d, account, "FORK", fork_id, {CASH: -amount, TRANSFER_CLEARING: amount})
    d.emit(e.CashMovementRequested(fork_id, "FORK", -amount), f"broker-{d.book.broker_account}", account)
    check_buffer(d, account)


def abort(d: Decision, account: Account, fork_id: str, amount: int, reason: str) -> None:
    """Nothing has been transferred yet: the fork is undone."""
    d.emit(e.CapitalEarmarkReleased(fork_id, amount), _stream(account), account)
    d.emit(e.ForkAborted(fork_id, reason), f"fork-{fork_id}", account)
    raise_alert(d, account, "ACCOUNT_MANAGEMENT", "HIGH", None, "Fork aborted", reason)


# --- in transit -----------------------------------------------------------------------------------------------------


def _send(d: Decision, account: Account, founding: Founding, amount: int) -> None:
    """Ask for the new system; every attempt has a command id of its own."""
    fork_id, child, attempt = founding.fork_id, founding.child, founding.attempts + 1
    d.emit(
        e.CapitalTransferInitiated(fork_id, "FORK", account.account_id, child, amount), f"transfer-{fork_id}", account
    )
    command_id = fork_id if attempt == 1 else f"{fork_id}|{attempt}"
    header = CommandHeader(command_id, child, d.now_us, 0, "BOOK", d.book.system_id, "SERVICE", fork_id)
    d.send(
        CreateSystem(
            header, amount, account.owner_subject_id, founding.broker_account,
            dict(d.book.config.get("SYSTEM", {})), account.account_id,
        )
    )  # fmt: skip


def ask_again(d: Decision, fork_id: str) -> None:
    """Once more, with what is linked now."""
    founding = d.book.foundings[fork_id]
    if founding.state == "REFUSED":
        d.clear_timer(_timer(founding))
        _send(d, d.book.accounts[founding.account_id], founding, founding.amount)


def _timer(founding: Founding) -> str:
    return f"fork|{founding.account_id}|{founding.fork_id}"


def child_answered(d: Decision, fork_id: str, founded: bool, reason: str) -> Refusal | None:
    """Only the child's answer clears the money in transit (architecture.md, saga of a Rev fork)."""
    founding = d.book.foundings.get(fork_id)
    if founding is None or founding.state != "SENT":
        return Reason.ILLEGAL_TRANSITION, f"no fork {fork_id} is in transit"
    account, amount, stream = d.book.accounts[founding.account_id], founding.amount, f"transfer-{fork_id}"
    if not founded:
        d.emit(e.CapitalTransferFailed(fork_id, reason), stream, account)
        if founding.attempts <= RETRIES:
            d.set_timer(_timer(founding), d.now_us + RETRY_US)
        else:
            _ask_people(d, account, founding, reason)
        return None
    d.emit(e.CapitalTransferred(fork_id, "FORK", account.account_id, founding.child, amount, 0), stream, account)
    post(d, account, "FORK", fork_id, {TRANSFER_CLEARING: -amount, EQUITY_BASE: amount})
    d.emit(e.ForkCompleted(fork_id, amount, [founding.child]), f"fork-{fork_id}", account)
    suspended_meanwhile(d, account)
    message = f"{dollars(amount)} to {founding.child}"
    raise_alert(d, account, "ACCOUNT_MANAGEMENT", "MEDIUM", None, "Fork completed", message)
    return None


def suspended_meanwhile(d: Decision, account: Account) -> None:
    """Causes of suspension that came while a workflow held the account act now."""
    for cause in list(account.suspensions):
        d.emit(e.AccountSuspended(cause, "while a workflow held the account"), _stream(account), account)


def _ask_people(d: Decision, account: Account, founding: Founding, reason: str) -> None:
    message = f"{dollars(founding.amount)} in transit to {founding.child}: {reason}"
    raise_alert(d, account, "ACCOUNT_MANAGEMENT", "CRITICAL", None, "Founding refused", message)
    request(
        d, account, STALLED, founding.fork_id, {"child": founding.child, "reason": reason, "choices": "RETRY"},
        required=1, roles=["OWNER"], expires_us=0, default="stay in transit",
    )  # fmt: skip


@on_decided(STALLED)
def _stall_decided(d: Decision, approval: Approval, granted: bool, _choice: str) -> None:
    if granted:
        ask_again(d, approval.subject)


def remind(d: Decision, account: Account) -> None:
    """The evening's look at money in transit: people are told, and asked where nobody is."""
    founding = in_transit(d, account)
    assert founding is not None
    if founding.state == "SENT":
        message = f"{dollars(founding.amount)} to {founding.child}: no answer yet"
        raise_alert(d, account, "ACCOUNT_MANAGEMENT", "HIGH", None, "Fork in transit", message)
    elif _timer(founding) not in d.book.timers and not any(
        a.kind == STALLED and a.subject == founding.fork_id for a in d.book.approvals.values()
    ):
        _ask_people(d, account, founding, "nobody has decided")
