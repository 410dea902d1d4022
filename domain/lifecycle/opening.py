"""Opening a root account in a system that stands (protocol 3.1, 3.3): PENDING_FUNDING until an owner has approved its
money; what has no money yet can be aborted. A whole system is opened by CreateSystem (`domain.inception`)."""

from domain import events as e
from domain.approvals import business_days_on, expire, on_decided, request
from domain.commands import AbortAccountOpening, FundAccount, OpenAccount
from domain.decision import Decision
from domain.inception import ROOT_TYPES, activate, founding_aborted, fund, waiting_for_deposit
from domain.ledger import check_buffer
from domain.reasons import Reason, Refusal
from domain.state import Account, Approval

FUNDING = "FUNDING"


def open_account(d: Decision, command: OpenAccount) -> Refusal | None:
    """A root account of a type that the system does not have: one root of each, and a closed one stays in the tree.

    EXT stands alone in its own system; a fork opens its children itself.
    """
    book, kind = d.book, command.type
    account_id = f"{book.system_id}-{kind}-001"
    if kind not in ROOT_TYPES or any(account.type == "EXT" for account in book.accounts.values()):
        return Reason.INVALID_VALUE, f"type {kind}: one of {', '.join(ROOT_TYPES)}, and none beside an EXT account"
    if account_id in book.accounts:
        return Reason.ILLEGAL_TRANSITION, f"{account_id} is {book.accounts[account_id].state}"
    if waiting_for_deposit(book):
        return Reason.ILLEGAL_TRANSITION, f"{book.system_id} waits for its deposit"
    root_com = f"{book.system_id}-COM-001"
    d.emit(
        e.AccountOpened(account_id, kind, "ROOT", None, None, root_com, book.owner_subject_id, d.today),
        f"account-{account_id}",
    )
    return None


def ask_to_fund(d: Decision, command: FundAccount) -> Refusal | None:
    """One owner approves (protocol 15.2); the accounts of a new system wait for the broker's word instead."""
    account = d.book.accounts.get(command.account_id)
    if account is None:
        return Reason.UNKNOWN_ACCOUNT, command.account_id
    if account.state != "PENDING_FUNDING" or waiting_for_deposit(d.book) or _requests(d, account):
        return Reason.ILLEGAL_TRANSITION, f"{account.state} -> ACTIVE: funded, asked for, or of a system not funded yet"
    if command.amount <= 0:
        return Reason.INVALID_VALUE, f"amount {command.amount}"
    if not d.book.broker_up:
        return Reason.BROKER_DOWN, "the broker link is not verified"
    request(
        d, account, FUNDING, command.header.command_id, {"amount": str(command.amount)}, required=1, roles=["OWNER"],
        expires_us=business_days_on(d, 10), default="defer", requester=command.header.actor_id,
    )  # fmt: skip
    return None


def _requests(d: Decision, account: Account) -> list[Approval]:
    return [a for a in d.book.approvals.values() if a.kind == FUNDING and a.account_id == account.account_id]


@on_decided(FUNDING)
def _funding_decided(d: Decision, approval: Approval, granted: bool, _choice: str) -> None:
    """The broker is told of the deposit, as of a contribution that a person declares."""
    account, amount = d.book.accounts[approval.account_id], int(approval.proposal["amount"])
    if not granted or account.state != "PENDING_FUNDING":
        return
    moved = e.CashMovementRequested(approval.subject, "CONTRIBUTION", amount)
    d.emit(moved, f"broker-{d.book.broker_account}", account)
    fund(d, account, amount, approval.subject)
    activate(d, account)
    check_buffer(d, account)


def abort(d: Decision, command: AbortAccountOpening) -> Refusal | None:
    """No money is posted yet. Of a new system all accounts close: one alone would leave no valid split."""
    account = d.book.accounts.get(command.account_id)
    if account is None:
        return Reason.UNKNOWN_ACCOUNT, command.account_id
    if account.state != "PENDING_FUNDING":
        return Reason.ILLEGAL_TRANSITION, f"{account.state} -> CLOSED"
    whole = waiting_for_deposit(d.book)
    for one in whole or [account]:
        for approval in _requests(d, one):
            expire(d, approval, Reason.WITHDRAWN)
        d.emit(e.AccountClosed(0, command.reason), f"account-{one.account_id}", one)
    if whole:
        founding_aborted(d, command.reason)
    return None
