"""How a book begins: CreateSystem (protocol 3.1) and ImportBook, the take-over of an account with history."""

from domain import events as e
from domain.alerts import raise_alert
from domain.approvals import request
from domain.commands import CommandHeader, CompleteFork, CreateSystem, ImportBook, ImportedAccount
from domain.config import CATALOGUE, Config, ConfigurationError
from domain.contracts import parse
from domain.decision import Decision
from domain.fills import follow_package, watch
from domain.ledger import post
from domain.money import dollars, floor_int, option_value, percent_of, round_half_up
from domain.reasons import Reason, Refusal
from domain.schedule import plan_next_session
from domain.state import (
    CASH,
    CASH_UNSETTLED,
    COMMISSIONS,
    EQUITY_BASE,
    POSITIONS_AT_COST,
    PREMIUM_LIABILITY,
    TAX_RESERVE,
    Account,
    Book,
)

ROOT_TYPES = ("GEN", "REV", "COM")
OPTIONS_LEVEL = frozenset({"CSP", "CC"})
"""What the broker must permit before an account is funded (protocol 16.3 CR-12)."""


def create_system(d: Decision, command: CreateSystem) -> Refusal | None:
    """Open the three root accounts; fund them when link and deposit are confirmed, in SIM at once.

    A fork that asks for it is answered whatever comes of it (protocol 10.2).
    """
    header, fork_id = command.header, command.header.correlation_id
    asked = command.parent_account_id is not None and header.actor_type == "BOOK"
    aborted = all(account.state == "CLOSED" for account in d.book.accounts.values())
    if asked and d.book.founding_id == fork_id and not aborted:
        return None  # it stands, or waits for its deposit: asked again
    refusal = _create(d, command)
    if asked and refusal is not None:
        _answer(d, f"refused|{header.command_id}", header.actor_id, fork_id, ": ".join(refusal))
    return refusal


def _create(d: Decision, command: CreateSystem) -> Refusal | None:
    refusal = _begin(d, command.config)
    if refusal is not None:
        return refusal
    config = Config(1, command.config)
    low, high = CATALOGUE["system.initial_capital"].low, CATALOGUE["system.initial_capital"].high
    if not int(low) * 100 <= command.capital <= int(high) * 100:
        return Reason.INVALID_VALUE, f"capital {command.capital} cents is outside ${low} to ${high}"
    allocation = {kind: str(config.fraction(f"alloc.{kind.lower()}_pct")) for kind in ROOT_TYPES}
    if command.external:
        allocation = {"EXT": "100"}
    d.emit(
        e.SystemCreated(
            command.capital, allocation, command.owner_subject_id, command.broker_account, command.parent_account_id
        ),
        f"system-{d.book.system_id}",
    )
    _configure(d, command.config)
    if command.capital < config.integer("system.min_recommended_capital") * 100:
        message = f"{dollars(command.capital)} is under the recommended minimum"
        raise_alert(d, None, "ACCOUNT_MANAGEMENT", "LOW", None, "Little capital", message)
    root_com = "" if command.external else f"{d.book.system_id}-COM-001"
    for kind in allocation:
        account_id = f"{d.book.system_id}-{kind}-001"
        d.emit(
            e.AccountOpened(account_id, kind, "ROOT", None, None, root_com, command.owner_subject_id, d.today),
            f"account-{account_id}",
        )
    d.emit(e.BrokerLinkRequested(command.broker_account, command.capital, {}), f"broker-{command.broker_account}")
    if d.config().text("env.mode") == "SIM":
        link_confirmed(d, command.capital, "CSP_AND_CC")
    return None


def _begin(d: Decision, overrides: dict[str, str]) -> Refusal | None:
    if d.market.calendar is None:
        return Reason.NO_CALENDAR, "publish the market calendar before creating books"
    if d.book.accounts:
        return Reason.ILLEGAL_TRANSITION, f"{d.book.system_id} exists already"
    try:
        Config(1, overrides).check()
    except ConfigurationError as error:
        return error.code, error.message
    return None


def _configure(d: Decision, overrides: dict[str, str]) -> None:
    if overrides:
        old = {name: CATALOGUE[name].default for name in overrides}
        d.emit(e.ConfigurationChanged(d.book.config_version + 1, "SYSTEM", old, overrides, []), "config")


def link_confirmed(d: Decision, deposit: int, permissions: str, combinations: bool | None = None) -> bool:
    """Link and deposit are there: fund and activate the accounts that wait for it. False when it says nothing new."""
    book = d.book
    linked = e.BrokerAccountLinked(book.broker_account, permissions, deposit, combinations)
    waiting = waiting_for_deposit(book)
    if not waiting and (combinations is not False) != book.combinations:
        d.emit(linked, f"broker-{book.broker_account}")
        return True
    if not waiting or deposit < book.pending_capital:
        return False
    if not set(permissions.split("_AND_")) >= OPTIONS_LEVEL:
        d.emit(linked, f"broker-{book.broker_account}")
        message = f"{permissions or 'no options level'} does not cover cash-secured puts and covered calls: not funded"
        raise_alert(d, None, "COMPLIANCE", "HIGH", None, "Options level of the brokerage account", message)
        return True
    d.emit(linked, f"broker-{book.broker_account}")
    d.emit(e.BrokerConnected("linked"), f"broker-{book.broker_account}")
    capital, config = book.pending_capital, d.config()
    amounts = {
        kind: floor_int(percent_of(capital, config.fraction(f"alloc.{kind.lower()}_pct"))) for kind in ("GEN", "REV")
    }
    amounts["COM"] = capital - sum(amounts.values())
    if waiting[0].type == "EXT":
        amounts = {"EXT": capital}
    order = {kind: n for n, kind in enumerate((*ROOT_TYPES, "EXT"))}
    for account in sorted(waiting, key=lambda a: order[a.type]):
        fund(d, account, amounts[account.type], book.system_id)
    for account in sorted(waiting, key=lambda a: order[a.type]):
        activate(d, account)
    plan_next_session(d)
    if book.founding_id:
        _answer_parent(d)
    return True


def waiting_for_deposit(book: Book) -> list[Account]:
    """Accounts of a system that was created and never funded: they are funded together, or not at all."""
    if book.pending_capital <= 0:
        return []
    return [account for account in book.accounts.values() if account.state == "PENDING_FUNDING"]


def fund(d: Decision, account: Account, amount: int, reference: str) -> None:
    """The first money of an account; what it receives is its base capital and its sizing base."""
    buffer = round_half_up(percent_of(amount, d.config(account.account_id).fraction("buffer.pct")))
    d.emit(e.AccountFunded(amount, buffer, amount, amount), f"account-{account.account_id}", account)
    post(d, account, "FUNDING", reference, {CASH: amount, EQUITY_BASE: -amount})


def activate(d: Decision, account: Account) -> None:
    """Money is there, the broker is linked."""
    d.emit(e.AccountActivated("funding posted, broker link verified"), f"account-{account.account_id}", account)


def _answer_parent(d: Decision) -> None:
    """A system that a fork founded stands: the parent's money in transit may be cleared (protocol 10.2)."""
    _answer(d, f"founded|{d.book.system_id}", d.book.parent_book, d.book.founding_id, "")


def founding_aborted(d: Decision, reason: str) -> None:
    """The opening of a system that a fork asked for is aborted: its parent's money is still in transit and is asked
    about there (protocol 10.2)."""
    if d.book.founding_id:
        _answer(d, f"aborted|{d.book.system_id}", d.book.parent_book, d.book.founding_id, reason)


def _answer(d: Decision, command_id: str, parent_book: str, fork_id: str, refused: str) -> None:
    header = CommandHeader(command_id, parent_book, d.now_us, 0, "BOOK", d.book.system_id, "SERVICE", fork_id)
    d.send(CompleteFork(header, fork_id, not refused, refused or "founded"))


def import_book(d: Decision, command: ImportBook) -> Refusal | None:
    """Take over a brokerage account as it stands: balances, lots, open options, tax of the year."""
    refusal = _begin(d, command.config) or _check_import(d.book, command)
    if refusal is not None:
        return refusal
    cash = sum(a.cash + a.cash_unsettled + a.tax_reserve for a in command.accounts)
    accounts = sorted(command.accounts, key=lambda a: a.account_id)
    d.emit(
        e.BookImported(
            command.source,
            command.owner_subject_id,
            command.broker_account,
            accounts,
            cash,
            command.day_trades,
            command.groups,
        ),
        f"system-{d.book.system_id}",
    )
    _configure(d, command.config)
    for asked in command.approvals or []:
        request(
            d, d.book.accounts.get(asked.account_id or ""), asked.kind, asked.subject, dict(asked.proposal),
            required=asked.required, roles=list(asked.roles), expires_us=asked.expires_at_us,
            default=asked.default_action,
        )  # fmt: skip
    positions: dict[str, int] = {}
    for source in accounts:
        _post_opening(d, source)
        for lot in source.lots:
            positions[lot.contract] = positions.get(lot.contract, 0) + lot.quantity
        for held in source.options:
            positions[held.contract] = positions.get(held.contract, 0) - held.quantity
            watch(d, d.book.accounts[source.account_id], held.contract, d.now_us)
        for ticker in sorted({lot.contract for lot in source.lots if parse(lot.contract) is None}):
            follow_package(d, d.book.accounts[source.account_id], ticker)
    d.emit(e.BrokerLinkRequested(command.broker_account, cash, positions), f"broker-{command.broker_account}")
    if d.config().text("env.mode") == "SIM":
        d.emit(e.BrokerAccountLinked(command.broker_account, "CSP_AND_CC", cash), f"broker-{command.broker_account}")
        d.emit(e.BrokerConnected("linked"), f"broker-{command.broker_account}")
    plan_next_session(d)
    return None


def _check_import(book: Book, command: ImportBook) -> Refusal | None:
    """What cannot be taken over: ids that are foreign or stand twice, unknown types, things that are not held."""
    ids: list[str] = []
    lots: list[str] = []
    for account in command.accounts:
        if not account.account_id.startswith(f"{book.system_id}-") or account.account_id in ids:
            return Reason.INVALID_VALUE, f"account {account.account_id} is not of {book.system_id} or stands twice"
        ids.append(account.account_id)
        if account.type not in (*ROOT_TYPES, "EXT"):
            return Reason.INVALID_VALUE, f"account type {account.type}: one of GEN, REV, COM, EXT"
        contracts = [held.contract for held in account.options]
        for held in account.options:
            if parse(held.contract) is None or held.quantity <= 0 or contracts.count(held.contract) > 1:
                return Reason.INVALID_VALUE, f"{held.contract} x {held.quantity}: no short standard option, or twice"
        for lot in account.lots:
            if lot.quantity <= 0 or lot.lot_id in lots:
                return Reason.INVALID_VALUE, f"lot {lot.lot_id} has quantity {lot.quantity} or stands twice"
            lots.append(lot.lot_id)
    return None if ids else (Reason.INVALID_VALUE, "no accounts")


def _post_opening(d: Decision, source: ImportedAccount) -> None:
    account = d.book.accounts[source.account_id]
    premium = sum(option_value(o.credit_e4, o.quantity) for o in source.options)
    paid = sum(o.commission for o in source.options)
    at_cost = sum(lot.basis for lot in source.lots)
    lines = {
        CASH: source.cash,
        CASH_UNSETTLED: source.cash_unsettled,
        TAX_RESERVE: source.tax_reserve,
        POSITIONS_AT_COST: at_cost,
        PREMIUM_LIABILITY: -premium,
        COMMISSIONS: paid,
    }
    lines[EQUITY_BASE] = -sum(lines.values())
    post(d, account, "IMPORT", source.account_id, lines)
