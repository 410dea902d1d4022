"""What events change in forks, merges, reinvestment, contributions and withdrawals (protocol 10)."""

from domain import events as e
from domain.calendar import new_york_day
from domain.contracts import parse, ticker_of
from domain.evolve_book import note_flow
from domain.evolving import account_of, on
from domain.state import Account, Book, ForkGroup, Founding, Quarter, Run, TaxYear

# --- earmarks and transfers -----------------------------------------------------------------------------------------


@on(e.CapitalEarmarked)
def _earmarked(book: Book, event: e.CapitalEarmarked, envelope: e.Envelope) -> None:
    account_of(book, envelope).earmarks[event.workflow_id] = event.amount


@on(e.CapitalEarmarkReleased)
def _released(book: Book, event: e.CapitalEarmarkReleased, envelope: e.Envelope) -> None:
    account_of(book, envelope).earmarks.pop(event.workflow_id, None)


@on(e.CapitalTransferInitiated)
def _transfer_begun(book: Book, event: e.CapitalTransferInitiated, envelope: e.Envelope) -> None:
    founding = book.foundings.get(event.transfer_id)
    if founding is None or not founding.state:  # asked again, it is the same money
        _draw(account_of(book, envelope), event.amount)
    if founding is not None:
        founding.state, founding.amount = "SENT", event.amount


@on(e.CapitalTransferFailed)
def _transfer_failed(book: Book, event: e.CapitalTransferFailed, _envelope: e.Envelope) -> None:
    founding = book.foundings.get(event.transfer_id)
    if founding is not None:
        founding.state, founding.attempts = "REFUSED", founding.attempts + 1


@on(e.CapitalTransferred)
def _transferred(book: Book, event: e.CapitalTransferred, envelope: e.Envelope) -> None:
    if event.kind == "MERGE":
        target, whole = book.accounts[event.to_account], event.amount + (event.in_kind or 0)
        note_flow(book.accounts[event.from_account], -whole)
        note_flow(target, whole)
        target.base_capital += whole
        target.uninvested += event.amount
    elif event.kind == "CORRECTION" and event.to_account in book.accounts:
        for key, amount in ((event.from_account, -event.amount), (event.to_account, event.amount)):
            note_flow(book.accounts[key], amount)
            book.accounts[key].base_capital += amount
    elif event.kind in ("FORK", "WITHDRAWAL") and event.transfer_id not in book.foundings:
        _draw(account_of(book, envelope), event.amount)


def _draw(account: Account, amount: int) -> None:
    """Profit leaves: base capital stays."""
    note_flow(account, -amount)
    account.drawn += amount


# --- withdrawals ----------------------------------------------------------------------------------------------------


@on(e.WithdrawalApproved)
def _withdrawal_approved(book: Book, event: e.WithdrawalApproved, envelope: e.Envelope) -> None:
    account_of(book, envelope).withdrawals[event.withdrawal_id] = event.amount


@on(e.WithdrawalRequested)
def _withdrawal_requested(book: Book, event: e.WithdrawalRequested, envelope: e.Envelope) -> None:
    account_of(book, envelope).withdrawal_quarter[event.withdrawal_id] = event.quarter


@on(e.WithdrawalRejected, e.WithdrawalPaid)
def _withdrawal_ended(book: Book, event: e.WithdrawalRejected | e.WithdrawalPaid, envelope: e.Envelope) -> None:
    account = account_of(book, envelope)
    account.withdrawals.pop(event.withdrawal_id, None)
    account.withdrawal_quarter.pop(event.withdrawal_id, None)
    if isinstance(event, e.WithdrawalPaid) and event.quarter:
        quarter = account.quarters.setdefault(event.quarter, Quarter())
        quarter.withdrawn += event.amount


# --- closing --------------------------------------------------------------------------------------------------------


@on(e.AccountClosingStarted)
def _closing(book: Book, _event: e.AccountClosingStarted, envelope: e.Envelope) -> None:
    account_of(book, envelope).state = "CLOSING"


@on(e.AccountClosed)
def _closed(book: Book, _event: e.AccountClosed, envelope: e.Envelope) -> None:
    account = account_of(book, envelope)
    if account.state == "PENDING_FUNDING" and book.pending_capital > 0:
        book.pending_capital = 0  # the opening of the whole system was aborted
    account.state = "CLOSED"


# --- forks ----------------------------------------------------------------------------------------------------------


@on(e.ForkEligibilityDetected)
def _eligible(book: Book, _event: e.ForkEligibilityDetected, envelope: e.Envelope) -> None:
    account_of(book, envelope).fork_eligible = True


@on(e.ForkEligibilityLost)
def _eligibility_lost(book: Book, _event: e.ForkEligibilityLost, envelope: e.Envelope) -> None:
    account = account_of(book, envelope)
    account.fork_eligible = account.fork_approved = False
    account.fork_asked = 0


@on(e.ForkAccountLinked)
def _child_linked(book: Book, event: e.ForkAccountLinked, envelope: e.Envelope) -> None:
    assert envelope.account_id is not None
    made = Founding(event.fork_id, envelope.account_id, event.child, 0)
    founding = book.foundings.setdefault(event.fork_id, made)
    founding.child, founding.broker_account = event.child, event.broker_account


@on(e.ForkInitiated)
def _fork_begun(book: Book, event: e.ForkInitiated, envelope: e.Envelope) -> None:
    account = account_of(book, envelope)
    account.state, account.fork_seq = "FORKING", event.fork_seq
    if event.template != "NEW_SYSTEM":
        book.groups[event.fork_id] = ForkGroup(event.fork_id, list(event.children), account.root_com_account_id)


@on(e.ForkCompleted)
def _fork_done(book: Book, event: e.ForkCompleted, envelope: e.Envelope) -> None:
    account = account_of(book, envelope)
    account.state, account.last_fork = "ACTIVE", new_york_day(envelope.recorded_at_us)
    account.fork_eligible = account.fork_approved = False
    account.fork_asked = 0
    founding = book.foundings.get(event.fork_id)
    if founding is not None:
        founding.state = "DONE"
    for child in event.children:
        if child in book.accounts:
            book.accounts[child].fork_depth = account.fork_depth + 1


@on(e.ForkAborted)
def _fork_aborted(book: Book, event: e.ForkAborted, envelope: e.Envelope) -> None:
    account = account_of(book, envelope)
    if account.state == "FORKING":
        account.state, account.fork_seq = "ACTIVE", account.fork_seq - 1
        book.groups.pop(event.fork_id, None)
        return
    book.foundings.pop(event.fork_id, None)  # given up by a person before it began
    account.fork_approved, account.fork_asked = False, new_york_day(envelope.recorded_at_us)


# --- merges ---------------------------------------------------------------------------------------------------------


@on(e.MergeEligibilityDetected)
def _merge_counted(book: Book, event: e.MergeEligibilityDetected, _envelope: e.Envelope) -> None:
    book.groups[event.fork_group_id].confirmations = event.confirmation_no


@on(e.MergeEligibilityLost)
def _merge_count_lost(book: Book, event: e.MergeEligibilityLost, _envelope: e.Envelope) -> None:
    book.groups[event.fork_group_id].confirmations = 0


@on(e.LotMoved)
def _lot_moved(book: Book, event: e.LotMoved, envelope: e.Envelope) -> None:
    source, target = book.accounts[event.from_account], account_of(book, envelope)
    (lot,) = (lot for lot in source.lots if lot.lot_id == event.lot_id)
    source.lots.remove(lot)
    target.lots.append(lot)


@on(e.MergeInitiated)
def _merge_begun(book: Book, event: e.MergeInitiated, envelope: e.Envelope) -> None:
    group = book.groups[event.fork_group_id]
    group.state, group.merge_id, group.since = "MERGING", event.merge_id, new_york_day(envelope.recorded_at_us)
    group.proceeds = group.costs = group.tax = 0
    group.liquidated = False
    for key in event.members:
        book.accounts[key].state = "MERGING"
        group.tax += book.accounts[key].balance("TAX_RESERVE")


def _group_of(book: Book, merge_id: str) -> ForkGroup:
    return next(group for group in book.groups.values() if group.merge_id == merge_id)


@on(e.LiquidationCompleted)
def _liquidated(book: Book, event: e.LiquidationCompleted, _envelope: e.Envelope) -> None:
    _group_of(book, event.merge_id).liquidated = True


@on(e.MergeCompleted)
def _merged(book: Book, event: e.MergeCompleted, _envelope: e.Envelope) -> None:
    group, target = _group_of(book, event.merge_id), book.accounts[event.target]
    group.state = "MERGED"
    for key in group.members:
        member = book.accounts[key]
        member.state = "MERGED"
        _move_tax(member, target)
        for contract, short in member.expired.items():  # a late notice reverses it where its result is now (7.4)
            target.expired.setdefault(contract, short)
        member.expired = {}
    for known in (*book.wash.losses, *book.wash.acquisitions):
        if known.account_id in group.members:  # a loss that is corrected later is the target's (protocol 4.4)
            known.account_id = target.account_id


def _move_tax(member: Account, target: Account) -> None:
    """Results, carried losses and payments of open years move with the reserve (protocol 4.4)."""
    for year, results in member.tax.items():
        if results.closed:
            continue
        into = target.tax.setdefault(year, TaxYear())
        for name in (
            "short_term", "long_term", "income_ordinary", "income_qualified", "payments", "carried_short",
            "carried_long",
        ):  # fmt: skip
            setattr(into, name, getattr(into, name) + getattr(results, name))
    member.tax = {year: results for year, results in member.tax.items() if results.closed}


@on(e.MergeStalled)
def _merge_stalled(book: Book, event: e.MergeStalled, _envelope: e.Envelope) -> None:
    group = _group_of(book, event.merge_id)
    group.state = "STALLED"
    for key in group.members:
        book.accounts[key].state = "SUSPENDED"


@on(e.MergeResumed)
def _merge_resumed(book: Book, event: e.MergeResumed, envelope: e.Envelope) -> None:
    group = _group_of(book, event.merge_id)
    group.state, group.since = "" if event.released else "MERGING", new_york_day(envelope.recorded_at_us)
    if event.released:
        group.confirmations = 0
    for key in group.members:
        account = book.accounts[key]
        account.state = "ACTIVE" if event.released else "MERGING"
        account.suspensions = [cause for cause in account.suspensions if cause != "MERGE"]


# --- reinvestment ---------------------------------------------------------------------------------------------------


@on(e.ReinvestmentCalculated)
def _calculated(book: Book, event: e.ReinvestmentCalculated, envelope: e.Envelope) -> None:
    account = account_of(book, envelope)
    account.reinvesting = Run(event.key, event.primary, event.leaps, event.available)
    account.uninvested = 0
    _quarter(account, event.key).state = "RUNNING"


def _quarter(account: Account, key: str) -> Quarter:
    return account.quarters.setdefault(key.rpartition("|")[2], Quarter())


@on(e.SizingBaseChanged)
def _sizing_base(book: Book, event: e.SizingBaseChanged, envelope: e.Envelope) -> None:
    account = account_of(book, envelope)
    if account.reinvesting is not None and event.cause == account.reinvesting.key:
        account.reinvesting.spent += event.new - event.old
    account.sizing_base = event.new


@on(e.ReinvestmentPlanned)
def _planned(book: Book, event: e.ReinvestmentPlanned, envelope: e.Envelope) -> None:
    run = account_of(book, envelope).reinvesting
    if run is not None:
        run.planned, run.purchases = True, len(event.purchases)
        run.turn = [ticker_of(one.contract) for one in event.purchases if parse(one.contract) is not None]


@on(e.ReinvestmentCompleted)
def _completed(book: Book, event: e.ReinvestmentCompleted, envelope: e.Envelope) -> None:
    account = account_of(book, envelope)
    account.reinvesting, account.carry = None, event.carry_out
    quarter = _quarter(account, event.key)
    quarter.state, quarter.spent = "DONE", event.spent


@on(e.ReinvestmentSkipped)
def _skipped(book: Book, event: e.ReinvestmentSkipped, envelope: e.Envelope) -> None:
    account = account_of(book, envelope)
    account.carry = event.carry
    _quarter(account, event.key).state = "SKIPPED"


@on(e.ReinvestmentPostponed)
def _postponed(book: Book, event: e.ReinvestmentPostponed, envelope: e.Envelope) -> None:
    quarter = _quarter(account_of(book, envelope), event.key)
    quarter.state, quarter.postponed = "POSTPONED", event.sessions


@on(e.CashActivityTaken)
def _activity_taken(book: Book, event: e.CashActivityTaken, _envelope: e.Envelope) -> None:
    if event.activity_id not in book.notices:
        book.notices.append(event.activity_id)
