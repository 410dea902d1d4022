"""What events change in a book's configuration, accounts, ledger, tax, approvals and standing with the broker."""

from domain import events as e
from domain.calendar import as_date, new_york_day
from domain.commands import ImportedAccount, ImportedQuarter
from domain.contracts import parse, ticker_of
from domain.evolve_positions import note_acquisition
from domain.evolving import account_of, on
from domain.money import option_value, strike_value
from domain.prediction import ROLLING_WEEKS
from domain.quarters import quarter_id
from domain.state import (
    CASH_UNSETTLED,
    EQUITY_BASE,
    KILLED_ACCOUNT,
    KILLED_BOOK,
    Account,
    Approval,
    Book,
    Family,
    Forecast,
    ForkGroup,
    GrowthEnd,
    Lot,
    ModeScore,
    Quarter,
    ShortOption,
    Slice,
    TaxYear,
    TickerWeek,
    Wheel,
    Window,
)

# --- configuration, system, accounts --------------------------------------------------------------------------------


@on(e.ConfigurationChanged)
def _configuration_changed(book: Book, event: e.ConfigurationChanged, _envelope: e.Envelope) -> None:
    book.config_version = event.version
    book.config.setdefault(event.scope, {}).update(event.new)


@on(e.SystemCreated)
def _system_created(book: Book, event: e.SystemCreated, _envelope: e.Envelope) -> None:
    book.owner_subject_id, book.broker_account = event.owner_subject_id, event.broker_account
    book.pending_capital, book.parent = event.capital, event.parent_account_id or ""
    if event.parent_account_id and _envelope.actor_type == "BOOK":
        book.founding_id, book.parent_book = _envelope.correlation_id, _envelope.actor_id


@on(e.AccountOpened)
def _account_opened(book: Book, event: e.AccountOpened, _envelope: e.Envelope) -> None:
    book.accounts[event.account_id] = Account(
        event.account_id,
        event.type,
        event.role,
        event.parent_account_id,
        event.fork_group_id,
        event.root_com_account_id,
        event.owner_subject_id,
        event.inception,
    )


@on(e.AccountFunded)
def _account_funded(book: Book, event: e.AccountFunded, envelope: e.Envelope) -> None:
    account = account_of(book, envelope)
    account.base_capital, account.sizing_base = event.base_capital, event.sizing_base
    account.week_start_nav = account.week_start_corpus = event.amount
    account.last_nav = account.last_corpus = account.day_corpus = account.high = event.amount
    account.funded = new_york_day(envelope.recorded_at_us)
    if account.type == "COM":
        account.uninvested = event.amount
    book.pending_capital -= event.amount


@on(e.AccountActivated)
def _account_activated(book: Book, _event: e.AccountActivated, envelope: e.Envelope) -> None:
    account_of(book, envelope).state = "ACTIVE"


@on(e.AccountSuspended)
def _account_suspended(book: Book, event: e.AccountSuspended, envelope: e.Envelope) -> None:
    account = account_of(book, envelope)
    if account.state in ("ACTIVE", "SUSPENDED"):
        account.state = "SUSPENDED"
    if event.reason not in account.suspensions:
        account.suspensions.append(event.reason)


@on(e.AccountResumed)
def _account_resumed(book: Book, _event: e.AccountResumed, envelope: e.Envelope) -> None:
    account = account_of(book, envelope)
    account.state, account.suspensions = "ACTIVE", []


@on(e.TradingModeRestricted)
def _restricted(book: Book, event: e.TradingModeRestricted, envelope: e.Envelope) -> None:
    account_of(book, envelope).restrictions[event.reason] = event.mode


@on(e.TradingModeRestrictionLifted)
def _restriction_lifted(book: Book, event: e.TradingModeRestrictionLifted, envelope: e.Envelope) -> None:
    account_of(book, envelope).restrictions.pop(event.reason, None)


@on(e.KillSwitchEngaged)
def _kill_switch_engaged(book: Book, event: e.KillSwitchEngaged, _envelope: e.Envelope) -> None:
    if event.scope == "SYSTEM":
        book.killed = True
    for key, account in book.accounts.items():
        if event.scope in ("SYSTEM", key) and account.state in ("FORKING", "MERGING", "CLOSING"):
            cause = KILLED_BOOK if event.scope == "SYSTEM" else KILLED_ACCOUNT
            account.suspensions = [*(c for c in account.suspensions if c != cause), cause]


@on(e.KillSwitchReleased)
def _kill_switch_released(book: Book, event: e.KillSwitchReleased, _envelope: e.Envelope) -> None:
    if event.scope == "SYSTEM":
        book.killed = False
    for key, account in book.accounts.items():
        cause = KILLED_BOOK if event.scope == "SYSTEM" else KILLED_ACCOUNT if event.scope == key else ""
        if cause in account.suspensions:
            account.suspensions.remove(cause)


@on(e.WeeklyReinvestmentApplied)
def _weekly_base(book: Book, event: e.WeeklyReinvestmentApplied, envelope: e.Envelope) -> None:
    account_of(book, envelope).sizing_base = event.new


@on(e.ContributionAllocated)
def _contribution(book: Book, event: e.ContributionAllocated, envelope: e.Envelope) -> None:
    account = account_of(book, envelope)
    account.base_capital += event.amount
    account.sizing_base += event.amount
    note_flow(account, event.amount)
    if account.type == "COM":
        account.uninvested += event.amount


def note_flow(account: Account, amount: int) -> None:
    """Capital came or went: what returns and drawdowns are measured from moves with it (protocol 9, 14.2)."""
    account.week_flows += amount
    account.day_corpus += amount
    account.high += amount


@on(e.BookImported)
def _book_imported(book: Book, event: e.BookImported, _envelope: e.Envelope) -> None:
    book.owner_subject_id, book.broker_account = event.owner_subject_id, event.broker_account
    roots = {a.type: a.account_id for a in event.accounts if a.role == "ROOT"}
    for source in event.accounts:
        account = Account(
            source.account_id,
            source.type,
            source.role,
            source.parent_account_id,
            source.fork_group_id,
            roots.get("COM", ""),
            event.owner_subject_id,
            source.inception,
            state="ACTIVE",
            base_capital=source.base_capital,
            sizing_base=source.sizing_base,
            fork_depth=source.fork_depth,
            fork_seq=source.fork_seq or 0,
            restrictions=dict(source.restrictions or {}),
            losses_in_row=source.losses_in_row or 0,
            uninvested=source.uninvested or 0,
            carry=source.carry or 0,
            last_leaps=source.last_leaps or "",
            last_fork=source.last_fork or 0,
            funded=source.inception,
            quarters={q.quarter: _quarter(q) for q in source.quarters or []},
        )
        for count in source.week_counts or []:
            made = account.forecasts.setdefault(count.ticker, Forecast())
            made.counts.setdefault(f"{count.last_type}|{count.mode}", {})[count.next_type] = count.count
            made.weeks += count.count
        if source.root_com_account_id:
            account.root_com_account_id = source.root_com_account_id
        for lot in source.lots:
            account.lots.append(Lot(lot.lot_id, lot.contract, lot.quantity, lot.acquired, lot.basis, lot.price_e4))
            note_acquisition(book, account, lot.lot_id, lot.contract, lot.quantity, lot.acquired)
            if parse(lot.contract) is not None:
                continue
            wheel = account.wheels.setdefault(ticker_of(lot.contract), Wheel())
            wheel.chain_net += lot.chain_net
        for ticker, wheel in account.wheels.items():
            if account.shares(ticker) >= 100:
                wheel.phase, wheel.chain_id = "SHARES_HELD", f"import|{source.account_id}|{ticker}"
        for held in source.options:
            terms = parse(held.contract)
            assert terms is not None
            wheel = account.wheels.setdefault(terms.underlying, Wheel())
            wheel.chain_id = wheel.chain_id or f"import|{source.account_id}|{terms.underlying}"
            original = held.credit_e4 if held.original_credit_e4 is None else held.original_credit_e4
            account.shorts[held.contract] = ShortOption(
                f"import|{source.account_id}|{held.contract}",
                held.contract,
                [Slice(held.quantity, held.credit_e4, held.commission)],
                held.p0_e4,
                0,
                held.opened_us,
                wheel.chain_id,
                source.type,
                level=held.level or 0,
                roll_chain_id=f"import|{source.account_id}|{held.contract}",
                original_credit_e4=original,
                carried_e4=0 if held.net_credit_e4 is None else held.net_credit_e4 - held.credit_e4,
                rolls=held.rolls or 0,
            )
            if terms.right == "P" or wheel.phase != "CSP_OPEN":
                wheel.phase = "CSP_OPEN" if terms.right == "P" else "CC_OPEN"
            wheel.chain_net += option_value(held.credit_e4, held.quantity) - held.commission
            week = account.week.setdefault(terms.underlying, TickerWeek())
            week.weight += strike_value(terms.strike_e3, held.quantity) if terms.right == "P" else 0
        for year in source.tax_years:
            account.tax[str(year.year)] = TaxYear(
                year.short_term,
                year.long_term,
                year.income_ordinary,
                year.income_qualified,
                year.payments,
                year.carried_short,
                year.carried_long,
            )
        account.week_start_nav = account.last_nav = _book_value(source)
        commissions = sum(option.commission for option in source.options)
        account.brought = account.last_nav + commissions - account.base_capital
        account.week_start_corpus = account.last_corpus = account.week_start_nav - source.tax_reserve
        account.day_corpus = account.last_corpus if source.day_corpus is None else source.day_corpus
        account.high = account.last_corpus if source.high is None else source.high
        book.accounts[source.account_id] = account
    book.day_trades.extend(event.day_trades or [])
    for source in event.accounts:
        if source.fork_seq is None:
            children = [a for a in event.accounts if a.parent_account_id == source.account_id]
            forks = {a.fork_group_id or a.account_id.rpartition("-")[0] for a in children}
            book.accounts[source.account_id].fork_seq = len(forks)
    counted = {group.fork_group_id: group.confirmations for group in event.groups or []}
    for source in event.accounts:
        if source.fork_group_id is None:
            continue
        target = book.accounts[source.account_id].root_com_account_id
        group = book.groups.setdefault(source.fork_group_id, ForkGroup(source.fork_group_id, [], target))
        group.members.append(source.account_id)
        group.confirmations = counted.get(source.fork_group_id, 0)


def _quarter(source: ImportedQuarter) -> Quarter:
    return Quarter(
        source.short_term,
        source.long_term or 0,
        source.income_ordinary or 0,
        source.income_qualified or 0,
        withdrawn=source.withdrawn or 0,
        spent=source.spent or 0,
        state="DONE" if source.spent else "",
    )


def _book_value(source: ImportedAccount) -> int:
    """Where the first week of an account that is taken over begins, before anything is marked: everything at cost."""
    premium = sum(option_value(o.credit_e4, o.quantity) for o in source.options)
    cash = source.cash + source.cash_unsettled + source.tax_reserve
    return cash + sum(lot.basis for lot in source.lots) - premium


def _note_growth(family: Family, session: int, base: int, worth: int) -> None:
    """A valuation of one account: the day's return is that of all accounts valued in the session together. The first
    valuation is where the measure begins: a book may have been taken over at cost."""
    if session != family.session:
        if family.base > 0:
            family.index_e10 = family.index_e10 * family.worth // family.base
        if family.session and quarter_id(session) != quarter_id(family.session):
            months = _months(quarter_id(family.session)) - as_date(family.since).year * 12 - as_date(family.since).month
            family.ends.append(GrowthEnd(quarter_id(family.session), months, family.index_e10))
            del family.ends[:-2]
            family.ended = session
        family.since = family.since or session
        family.session, family.base, family.worth = session, 0, 0
    family.base += worth if session == family.since else base
    family.worth += worth


def _months(quarter: str) -> int:
    """Months of the calendar up to a quarter's last one."""
    return int(quarter[:4]) * 12 + int(quarter[5]) * 3


@on(e.PositionMarked)
def _position_marked(book: Book, event: e.PositionMarked, envelope: e.Envelope) -> None:
    account = account_of(book, envelope)
    if account.type != "EXT":
        _note_growth(book.family, event.session, account.day_corpus, event.corpus)
    account.last_nav, account.last_corpus, account.day_corpus = event.nav, event.corpus, event.corpus
    account.high = max(account.high, event.corpus)
    levels = [short.level for short in account.shorts.values()] + [wheel.level for wheel in account.wheels.values()]
    account.calm_sessions = 0 if account.worst_level else account.calm_sessions + 1
    account.worst_level = max(levels, default=0)
    account.new_collateral = 0


# --- ledger ---------------------------------------------------------------------------------------------------------


@on(e.LedgerPosted)
def _ledger_posted(book: Book, event: e.LedgerPosted, _envelope: e.Envelope) -> None:
    for line in event.lines:
        account = book.accounts[line.account_id]
        account.ledger[line.ledger_account] = account.ledger.get(line.ledger_account, 0) + line.amount
        if line.ledger_account == EQUITY_BASE and event.cause in ("CORRECTION", "TAX_PAYMENT"):
            account.drawn += line.amount
        if line.ledger_account == CASH_UNSETTLED:
            day = str(event.settles)
            account.unsettled[day] = account.unsettled.get(day, 0) + line.amount
            if not account.unsettled[day]:
                del account.unsettled[day]


# --- predictor, approvals, broker -----------------------------------------------------------------------------------


@on(e.WeekModePredicted)
def _mode_predicted(book: Book, event: e.WeekModePredicted, _envelope: e.Envelope) -> None:
    book.week_modes[event.week_id] = event.mode
    for week in sorted(book.week_modes)[:-WEEK_MODES_KEPT]:
        del book.week_modes[week]


@on(e.PredictionScored)
def _scored(book: Book, event: e.PredictionScored, envelope: e.Envelope) -> None:
    if event.kind == "MODE":
        book.predictor.scores.append(ModeScore(event.week_id, event.predicted, event.actual, event.brier_e10))
        del book.predictor.scores[:-SCORES_KEPT]
    elif event.ticker is not None:
        made = account_of(book, envelope).forecasts.setdefault(event.ticker, Forecast())
        made.hits = [*made.hits, event.hit][-ROLLING_WEEKS:]


SCORES_KEPT = 104
WEEK_MODES_KEPT = 4


@on(e.PredictorQualified, e.PredictorDisqualified)
def _qualified(book: Book, event: e.PredictorQualified | e.PredictorDisqualified, _envelope: e.Envelope) -> None:
    book.predictor.qualified = isinstance(event, e.PredictorQualified)


@on(e.WeekTypePredicted)
def _type_predicted(book: Book, event: e.WeekTypePredicted, envelope: e.Envelope) -> None:
    made = account_of(book, envelope).forecasts.setdefault(event.ticker, Forecast())
    made.week_id, made.predicted = event.week_id, event.predicted
    made.probabilities = dict(event.probabilities_e10)


@on(e.ApprovalRequested)
def _approval_requested(book: Book, event: e.ApprovalRequested, envelope: e.Envelope) -> None:
    book.approvals[event.approval_id] = Approval(
        event.approval_id,
        event.kind,
        event.subject,
        envelope.account_id or "",
        dict(event.proposal),
        event.required,
        list(event.roles),
        event.requester,
        event.expires_at_us,
        event.default_action,
    )
    if event.kind == "PREMIUM_BELOW_GATE":
        window = account_of(book, envelope).windows.setdefault(event.subject, Window("P"))
        window.approval_id, window.asked, window.reserved = event.approval_id, True, int(event.proposal["reserved"])
        window.reason = "PREMIUM_BELOW_MIN"
    elif event.kind == "CC_FLOOR":
        window = account_of(book, envelope).windows.setdefault(event.subject, Window("C"))
        window.approval_id, window.asked, window.reason = event.approval_id, True, "CC_FLOOR_UNMET"


@on(e.ApprovalGranted)
def _approval_granted(book: Book, event: e.ApprovalGranted, _envelope: e.Envelope) -> None:
    approval = book.approvals[event.approval_id]
    approval.granted_by.append(event.by)
    if event.complete:
        if approval.kind == "FORK":
            book.accounts[approval.account_id].fork_approved = True
        _end_approval(book, approval, "GRANTED")


@on(e.ApprovalDenied, e.ApprovalExpired)
def _approval_ended(book: Book, event: e.ApprovalDenied | e.ApprovalExpired, _envelope: e.Envelope) -> None:
    approval = book.approvals[event.approval_id]
    if approval.kind == "FORK" and event_is_final(event):
        book.accounts[approval.account_id].fork_asked = new_york_day(_envelope.recorded_at_us)
    _end_approval(book, approval, "DENIED" if isinstance(event, e.ApprovalDenied) else event.code)


def event_is_final(event: e.ApprovalDenied | e.ApprovalExpired) -> bool:
    """Denied or lapsed; a request that was withdrawn may be asked anew at once."""
    return isinstance(event, e.ApprovalDenied) or event.code == "EXPIRED"


def _end_approval(book: Book, approval: Approval, how: str) -> None:
    del book.approvals[approval.approval_id]
    book.decided[approval.approval_id] = how
    while len(book.decided) > 256:
        del book.decided[next(iter(book.decided))]
    account = book.accounts.get(approval.account_id)
    entry = approval.kind in ("PREMIUM_BELOW_GATE", "CC_FLOOR")
    if account is not None and entry and approval.subject in account.windows:
        window = account.windows[approval.subject]
        window.approval_id, window.reserved = "", 0


@on(e.BrokerAccountLinked)
def _broker_linked(book: Book, event: e.BrokerAccountLinked, _envelope: e.Envelope) -> None:
    book.combinations = event.combinations is not False


@on(e.BrokerConnected)
def _broker_connected(book: Book, _event: e.BrokerConnected, _envelope: e.Envelope) -> None:
    book.broker_up = True


@on(e.BrokerDisconnected)
def _broker_disconnected(book: Book, _event: e.BrokerDisconnected, _envelope: e.Envelope) -> None:
    book.broker_up = False


@on(e.ReconciliationCompleted)
def _reconciled(book: Book, event: e.ReconciliationCompleted, envelope: e.Envelope) -> None:
    book.margin_used, book.margin_total = event.margin_used or 0, event.margin_total or 0
    if not book.breaks:
        book.last_reconciled_us = envelope.recorded_at_us


@on(e.ReconciliationBreakDetected)
def _break_detected(book: Book, event: e.ReconciliationBreakDetected, _envelope: e.Envelope) -> None:
    if event.instrument not in book.breaks:
        book.breaks.append(event.instrument)


@on(e.ReconciliationBreakResolved)
def _break_resolved(book: Book, event: e.ReconciliationBreakResolved, _envelope: e.Envelope) -> None:
    if event.instrument in book.breaks:
        book.breaks.remove(event.instrument)
