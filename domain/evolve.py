"""How state follows from events, and only from events: `evolve(book, event, envelope)`.

Deciding and evolving are kept apart so that a fold of the events alone gives the stored accounts, orders, positions and
ledger again (INV-2). Timers and the memory of commands are not in here: they follow from the journal's inputs.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from domain import events as e
from domain.contracts import parse, ticker_of
from domain.money import option_value, shares_value, strike_value
from domain.state import (
    AT_BROKER,
    CASH_UNSETTLED,
    Account,
    Approval,
    Book,
    Lot,
    Order,
    ShortOption,
    Slice,
    TaxYear,
    TickerWeek,
    WeekOutcome,
    Wheel,
    Window,
)

Handler = Callable[[Book, Any, e.Envelope], None]
_HANDLERS: dict[type, Handler] = {}


def evolve(book: Book, event: e.Event, envelope: e.Envelope) -> None:
    """Change the state as the event says. Events without a handler change nothing."""
    handler = _HANDLERS.get(type(event))
    if handler is not None:
        handler(book, event, envelope)


def _on(*kinds: type) -> Callable[[Handler], Handler]:
    def register(handler: Handler) -> Handler:
        for kind in kinds:
            _HANDLERS[kind] = handler
        return handler

    return register


def _account(book: Book, envelope: e.Envelope) -> Account:
    assert envelope.account_id is not None
    return book.accounts[envelope.account_id]


# --- configuration, system, accounts ----------------------------------------------------------------------------


@_on(e.ConfigurationChanged)
def _configuration_changed(book: Book, event: e.ConfigurationChanged, _envelope: e.Envelope) -> None:
    book.config_version = event.version
    book.config.setdefault(event.scope, {}).update(event.new)


@_on(e.SystemCreated)
def _system_created(book: Book, event: e.SystemCreated, _envelope: e.Envelope) -> None:
    book.owner_subject_id, book.broker_account = event.owner_subject_id, event.broker_account
    book.pending_capital = event.capital


@_on(e.AccountOpened)
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


@_on(e.AccountFunded)
def _account_funded(book: Book, event: e.AccountFunded, envelope: e.Envelope) -> None:
    account = _account(book, envelope)
    account.base_capital, account.sizing_base = event.base_capital, event.sizing_base
    account.week_start_nav = account.week_start_corpus = event.amount
    account.last_nav = account.last_corpus = event.amount
    book.pending_capital -= event.amount


@_on(e.AccountActivated)
def _account_activated(book: Book, _event: e.AccountActivated, envelope: e.Envelope) -> None:
    _account(book, envelope).state = "ACTIVE"


@_on(e.AccountSuspended)
def _account_suspended(book: Book, event: e.AccountSuspended, envelope: e.Envelope) -> None:
    account = _account(book, envelope)
    account.state = "SUSPENDED"
    if event.reason not in account.suspensions:
        account.suspensions.append(event.reason)


@_on(e.AccountResumed)
def _account_resumed(book: Book, _event: e.AccountResumed, envelope: e.Envelope) -> None:
    account = _account(book, envelope)
    account.state, account.suspensions = "ACTIVE", []


@_on(e.TradingModeRestricted)
def _restricted(book: Book, event: e.TradingModeRestricted, envelope: e.Envelope) -> None:
    _account(book, envelope).restrictions[event.reason] = event.mode


@_on(e.TradingModeRestrictionLifted)
def _restriction_lifted(book: Book, event: e.TradingModeRestrictionLifted, envelope: e.Envelope) -> None:
    _account(book, envelope).restrictions.pop(event.reason, None)


@_on(e.KillSwitchEngaged)
def _kill_switch_engaged(book: Book, event: e.KillSwitchEngaged, _envelope: e.Envelope) -> None:
    if event.scope == "SYSTEM":
        book.killed = True


@_on(e.KillSwitchReleased)
def _kill_switch_released(book: Book, event: e.KillSwitchReleased, _envelope: e.Envelope) -> None:
    if event.scope == "SYSTEM":
        book.killed = False


@_on(e.SizingBaseChanged, e.WeeklyReinvestmentApplied)
def _sizing_base(book: Book, event: e.SizingBaseChanged | e.WeeklyReinvestmentApplied, envelope: e.Envelope) -> None:
    _account(book, envelope).sizing_base = event.new


@_on(e.ContributionAllocated)
def _contribution(book: Book, event: e.ContributionAllocated, envelope: e.Envelope) -> None:
    account = _account(book, envelope)
    account.base_capital += event.amount
    account.sizing_base += event.amount
    account.week_flows += event.amount


@_on(e.BookImported)
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
        )
        for lot in source.lots:
            account.lots.append(Lot(lot.lot_id, lot.contract, lot.quantity, lot.acquired, lot.basis, lot.price_e4))
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
            account.shorts[held.contract] = ShortOption(
                f"import|{source.account_id}|{held.contract}",
                held.contract,
                [Slice(held.quantity, held.credit_e4, held.commission)],
                held.p0_e4,
                0,
                held.opened_us,
                wheel.chain_id,
                source.type,
            )
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
        book.accounts[source.account_id] = account


@_on(e.PositionMarked)
def _position_marked(book: Book, event: e.PositionMarked, envelope: e.Envelope) -> None:
    account = _account(book, envelope)
    if not account.week_start_nav:
        account.week_start_nav, account.week_start_corpus = event.nav, event.corpus
    account.last_nav, account.last_corpus = event.nav, event.corpus


# --- ledger and tax ---------------------------------------------------------------------------------------------


@_on(e.LedgerPosted)
def _ledger_posted(book: Book, event: e.LedgerPosted, _envelope: e.Envelope) -> None:
    for line in event.lines:
        account = book.accounts[line.account_id]
        account.ledger[line.ledger_account] = account.ledger.get(line.ledger_account, 0) + line.amount
        if line.ledger_account == CASH_UNSETTLED:
            day = str(event.settles)
            account.unsettled[day] = account.unsettled.get(day, 0) + line.amount
            if not account.unsettled[day]:
                del account.unsettled[day]


@_on(e.TaxLotOpened)
def _lot_opened(book: Book, event: e.TaxLotOpened, envelope: e.Envelope) -> None:
    _account(book, envelope).lots.append(
        Lot(event.lot_id, event.contract, event.quantity, event.acquired, event.basis, event.price_e4)
    )


@_on(e.TaxableEventRecorded)
def _taxable(book: Book, event: e.TaxableEventRecorded, envelope: e.Envelope) -> None:
    year = _account(book, envelope).tax.setdefault(str(event.year), TaxYear())
    if event.tax_class == "LT":
        year.long_term += event.gain
    else:
        year.short_term += event.gain


@_on(e.DividendReceived)
def _dividend(book: Book, event: e.DividendReceived, envelope: e.Envelope) -> None:
    year = _account(book, envelope).tax.setdefault(_calendar_year(envelope.recorded_at_us), TaxYear())
    if event.qualified:
        year.income_qualified += event.amount
    else:
        year.income_ordinary += event.amount


@_on(e.TaxPaymentRecorded)
def _tax_paid(book: Book, event: e.TaxPaymentRecorded, envelope: e.Envelope) -> None:
    _account(book, envelope).tax.setdefault(str(event.year), TaxYear()).payments += event.amount


@_on(e.TaxReserveAdjusted)
def _reserve_adjusted(book: Book, event: e.TaxReserveAdjusted, envelope: e.Envelope) -> None:
    year = _account(book, envelope).tax.setdefault(str(event.year), TaxYear())
    year.target = event.t_ytd


def _calendar_year(time_us: int) -> str:
    from domain.calendar import DAY, HOUR, as_date

    return str(as_date((time_us - 5 * HOUR) // DAY).year)


# --- entry ------------------------------------------------------------------------------------------------------


@_on(e.EntryWindowOpened)
def _window_opened(book: Book, _event: e.EntryWindowOpened, envelope: e.Envelope) -> None:
    account = _account(book, envelope)
    account.windows, account.new_collateral = {}, 0


@_on(e.EntryScanCompleted)
def _scanned(book: Book, event: e.EntryScanCompleted, envelope: e.Envelope) -> None:
    windows = _account(book, envelope).windows
    for rejection in event.rejections:
        window = windows.setdefault(rejection.ticker, Window(rejection.right))
        window.reason, window.detail = rejection.reason, rejection.detail


@_on(e.EntrySkipped)
def _entry_skipped(book: Book, event: e.EntrySkipped, envelope: e.Envelope) -> None:
    window = _account(book, envelope).windows.setdefault(event.ticker, Window(event.right))
    window.skipped, window.reason, window.detail = True, event.reason, event.detail


@_on(e.TradeSignalGenerated)
def _signal(book: Book, event: e.TradeSignalGenerated, envelope: e.Envelope) -> None:
    terms = parse(event.contract)
    window = _account(book, envelope).windows.setdefault(event.ticker, Window(terms.right if terms else ""))
    window.ordered, window.reserved, window.reason = True, 0, ""


@_on(e.WheelPhaseChanged)
def _phase_changed(book: Book, event: e.WheelPhaseChanged, envelope: e.Envelope) -> None:
    wheel = _account(book, envelope).wheels.setdefault(event.ticker, Wheel())
    wheel.phase = event.to_phase
    if event.to_phase == "IDLE":
        wheel.chain_id, wheel.chain_net = "", 0


# --- orders -----------------------------------------------------------------------------------------------------


@_on(e.OrderProposed)
def _order_proposed(book: Book, event: e.OrderProposed, envelope: e.Envelope) -> None:
    book.orders[event.order_id] = Order(
        event.order_id,
        event.signal_id,
        event.account_id,
        event.contract,
        event.ticker,
        event.side,
        event.effect,
        event.quantity,
        event.limit_e4,
        list(event.ladder_e4),
        event.purpose,
        event.origin,
        event.clip,
        event.rest,
        "PROPOSED",
        envelope.recorded_at_us,
    )


@_on(e.OrderValidated)
def _order_validated(book: Book, event: e.OrderValidated, _envelope: e.Envelope) -> None:
    order = book.orders[event.order_id]
    order.state = "VALIDATED"
    terms = parse(order.contract)
    if terms is not None and terms.right == "P" and order.effect == "OPEN":
        book.accounts[order.account_id].new_collateral += strike_value(terms.strike_e3, order.quantity)


@_on(e.OrderSubmitted)
def _order_submitted(book: Book, event: e.OrderSubmitted, _envelope: e.Envelope) -> None:
    book.orders[event.order_id].state = "PENDING_SUBMIT"


@_on(e.OrderAcknowledged)
def _order_acknowledged(book: Book, event: e.OrderAcknowledged, _envelope: e.Envelope) -> None:
    order = book.orders[event.order_id]
    order.broker_order_id = event.broker_order_id
    if order.state in ("PENDING_SUBMIT", "UNKNOWN"):
        order.state, order.unknown_since_us = "PARTIALLY_FILLED" if order.filled else "SUBMITTED", 0


@_on(e.OrderRepriced)
def _order_repriced(book: Book, event: e.OrderRepriced, _envelope: e.Envelope) -> None:
    order = book.orders[event.order_id]
    order.version, order.limit_e4 = event.version, event.limit_e4
    while order.ladder_e4 and order.ladder_e4[0] >= event.limit_e4:
        del order.ladder_e4[0]


@_on(e.OrderCancelRequested)
def _cancel_requested(book: Book, event: e.OrderCancelRequested, _envelope: e.Envelope) -> None:
    order = book.orders[event.order_id]
    order.before_cancel, order.state = order.state, "CANCEL_REQUESTED"


@_on(e.OrderCancelled, e.OrderExpired, e.OrderRejected)
def _order_ended(book: Book, event: e.OrderCancelled | e.OrderExpired | e.OrderRejected, _envelope: e.Envelope) -> None:
    state = {"OrderCancelled": "CANCELLED", "OrderExpired": "EXPIRED", "OrderRejected": "REJECTED"}[
        type(event).__name__
    ]
    order = book.orders[event.order_id]
    order.state = state
    window = book.accounts[order.account_id].windows.get(order.ticker)
    if isinstance(event, e.OrderRejected) and event.checks and order.purpose == "ENTRY" and window is not None:
        window.ordered, window.reason, window.detail = False, event.code, event.reason


@_on(e.OrderStateUnknown)
def _order_unknown(book: Book, event: e.OrderStateUnknown, envelope: e.Envelope) -> None:
    order = book.orders[event.order_id]
    if order.state != "UNKNOWN":
        order.state, order.unknown_since_us = "UNKNOWN", envelope.recorded_at_us


@_on(e.OrderReconciled)
def _order_reconciled(book: Book, event: e.OrderReconciled, _envelope: e.Envelope) -> None:
    order = book.orders[event.order_id]
    order.state, order.unknown_since_us = event.final_state, 0


@_on(e.OrderPartiallyFilled, e.OrderFilled)
def _order_filled(book: Book, event: e.OrderPartiallyFilled | e.OrderFilled, envelope: e.Envelope) -> None:
    order = book.orders[event.order_id]
    order.filled, order.state = event.cum_quantity, event.state
    order.executions.append(event.exec_id)
    account = _account(book, envelope)
    ticker = ticker_of(event.contract)
    if order.purpose in ("ENTRY", "RESIDUAL") and ticker in account.windows:
        account.windows[ticker].filled += event.quantity
    if parse(event.contract) is None:
        return
    amount = option_value(event.price_e4, event.quantity)
    wheel = account.wheels.setdefault(ticker, Wheel())
    wheel.chain_net += amount - event.commission if event.side == "SELL" else -amount - event.commission
    week = account.week.setdefault(ticker, TickerWeek())
    week.trades += 1
    if event.side == "SELL":
        week.premium += amount - event.commission


# --- positions --------------------------------------------------------------------------------------------------


@_on(e.PositionOpened)
def _position_opened(book: Book, event: e.PositionOpened, envelope: e.Envelope) -> None:
    account = _account(book, envelope)
    terms = parse(event.contract)
    if terms is None:
        week = account.week.setdefault(event.contract, TickerWeek())
        week.weight = week.weight or shares_value(event.price_e4, event.quantity)
        return
    account.expired.pop(event.contract, None)
    account.shorts[event.contract] = ShortOption(
        event.position_id,
        event.contract,
        [Slice(-event.quantity, event.price_e4, event.commission)],
        event.p0_e4,
        event.atr_e6,
        envelope.recorded_at_us,
        event.chain_id,
        account.type,
    )
    account.wheels.setdefault(terms.underlying, Wheel()).chain_id = event.chain_id
    if terms.right == "P":
        account.week.setdefault(terms.underlying, TickerWeek()).weight += strike_value(terms.strike_e3, -event.quantity)


@_on(e.PositionIncreased)
def _position_increased(book: Book, event: e.PositionIncreased, envelope: e.Envelope) -> None:
    account = _account(book, envelope)
    account.shorts[event.contract].slices.append(Slice(-event.quantity, event.price_e4, event.commission))
    terms = parse(event.contract)
    if terms is not None and terms.right == "P":
        account.week.setdefault(terms.underlying, TickerWeek()).weight += strike_value(terms.strike_e3, -event.quantity)


def take_slices(slices: list[Slice], quantity: int) -> tuple[list[Slice], list[Slice]]:
    """Split slices first in, first out: (those of `quantity` contracts, the rest). Commissions split by quantity."""
    taken: list[Slice] = []
    rest = [Slice(s.quantity, s.price_e4, s.commission) for s in slices]
    while quantity:
        first = rest[0]
        part = min(first.quantity, quantity)
        commission = first.commission * part // first.quantity
        taken.append(Slice(part, first.price_e4, commission))
        quantity -= part
        if part == first.quantity:
            del rest[0]
        else:
            rest[0] = Slice(first.quantity - part, first.price_e4, first.commission - commission)
    return taken, rest


@_on(e.PositionReduced)
def _position_reduced(book: Book, event: e.PositionReduced, envelope: e.Envelope) -> None:
    account = _account(book, envelope)
    short = account.shorts.get(event.contract)
    if short is not None:
        _, short.slices = take_slices(short.slices, short.quantity + event.quantity)
    account.week.setdefault(ticker_of(event.contract), TickerWeek()).pnl += event.pnl


@_on(e.PositionClosed)
def _position_closed(book: Book, event: e.PositionClosed, envelope: e.Envelope) -> None:
    account = _account(book, envelope)
    account.shorts.pop(event.contract, None)
    terms = parse(event.contract)
    week = account.week.setdefault(ticker_of(event.contract), TickerWeek())
    week.pnl += event.pnl
    if event.cause == "BOUGHT_BACK" and terms is not None:
        if terms.right == "P":
            code = "P-EW" if event.pnl >= 0 else "P-XL"
        else:
            code = "CALL_KEPT" if event.pnl >= 0 else "C-XL"
        week.outcomes.append(WeekOutcome(code, event.pnl))


@_on(e.OptionExpiredWorthless)
def _expired(book: Book, event: e.OptionExpiredWorthless, envelope: e.Envelope) -> None:
    account = _account(book, envelope)
    terms = parse(event.contract)
    assert terms is not None
    account.expired[event.contract] = account.shorts[event.contract]
    if terms.right == "C":
        code = "CALL_KEPT"
    elif event.close_e4 and (terms.strike_e4 - event.close_e4) * 100 >= terms.strike_e4 * 15:
        code = "P-DD"
    else:
        code = "P-EW"
    account.week.setdefault(terms.underlying, TickerWeek()).outcomes.append(WeekOutcome(code, event.premium))


@_on(e.OptionAssigned)
def _assigned(book: Book, event: e.OptionAssigned, envelope: e.Envelope) -> None:
    account = _account(book, envelope)
    book.notices.append(event.notice_id)
    terms = parse(event.contract)
    assert terms is not None
    account.week.setdefault(terms.underlying, TickerWeek()).outcomes.append(
        WeekOutcome(put_assignment_type(terms.strike_e4, event.close_e4))
    )


def put_assignment_type(strike_e4: int, close_e4: int) -> str:
    """P-AWL, P-AOL or P-DD by p = (K - S)/K (protocol 11.1)."""
    p = Fraction(strike_e4 - close_e4, strike_e4) * 100
    return "P-DD" if p >= 15 else "P-AOL" if p > 5 else "P-AWL"


def called_away_type(basis_e4: Fraction, price_e4: int) -> str:
    """C-XL, C-WAP or C-WAP+ by u = (S - B)/B (protocol 11.1)."""
    u = (price_e4 - basis_e4) / basis_e4 * 100
    return "C-XL" if u < 0 else "C-WAP" if u <= 5 else "C-WAP+"


@_on(e.SharesCalledAway)
def _called_away(book: Book, event: e.SharesCalledAway, envelope: e.Envelope) -> None:
    account = _account(book, envelope)
    book.notices.append(event.notice_id)
    terms = parse(event.contract)
    assert terms is not None
    basis = average_price(account, terms.underlying)
    code = called_away_type(basis, event.close_e4 or terms.strike_e4)
    account.week.setdefault(terms.underlying, TickerWeek()).outcomes.append(WeekOutcome(code))
    take_lots(account, terms.underlying, event.shares)


def average_price(account: Account, ticker: str) -> Fraction:
    """Acquisition price per share B in 1e-4 dollars: of several lots the average by quantity (protocol 6.7)."""
    lots = [lot for lot in account.lots if lot.contract == ticker]
    shares = sum(lot.quantity for lot in lots)
    return Fraction(sum(lot.price_e4 * lot.quantity for lot in lots), shares) if shares else Fraction(0)


def split_lots(account: Account, ticker: str, shares: int) -> list[tuple[Lot, int, int]]:
    """The lots that give `shares` first in, first out: (lot, shares taken, cents of basis taken)."""
    parts: list[tuple[Lot, int, int]] = []
    for lot in sorted(
        (lot for lot in account.lots if lot.contract == ticker), key=lambda lot: (lot.acquired, lot.lot_id)
    ):
        part = min(lot.quantity, shares)
        if part:
            parts.append((lot, part, lot.basis * part // lot.quantity))
            shares -= part
    return parts


def take_lots(account: Account, ticker: str, shares: int) -> None:
    """Remove shares first in, first out."""
    for lot, part, basis in split_lots(account, ticker, shares):
        lot.quantity -= part
        lot.basis -= basis
    account.lots = [lot for lot in account.lots if lot.quantity]


@_on(e.PositionAdjusted)
def _position_adjusted(book: Book, event: e.PositionAdjusted, envelope: e.Envelope) -> None:
    account = _account(book, envelope)
    new, old = event.ratio_new, event.ratio_old
    short = account.shorts.pop(event.contract, None)
    if short is None:
        for lot in account.lots:
            if lot.contract == event.contract:
                lot.quantity, lot.price_e4 = lot.quantity * new // old, lot.price_e4 * old // new
        return
    short.contract, short.p0_e4 = event.new_contract, short.p0_e4 * old // new
    short.slices = [Slice(s.quantity * new // old, s.price_e4 * old // new, s.commission) for s in short.slices]
    account.shorts[event.new_contract] = short


@_on(e.ExpiryDecisionMade)
def _expiry_decided(book: Book, event: e.ExpiryDecisionMade, envelope: e.Envelope) -> None:
    short = _account(book, envelope).shorts[event.contract]
    short.expiry_action, short.pending_outcome = event.action, event.action == "AWAIT_NOTICE"


# --- weeks, approvals, broker -----------------------------------------------------------------------------------


@_on(e.WeekClassified)
def _week_classified(book: Book, event: e.WeekClassified, envelope: e.Envelope) -> None:
    account = _account(book, envelope)
    if event.ticker is not None:
        account.week_records[f"{event.week_id}|{event.ticker}"] = event.primary_type
        return
    account.week, account.week_flows = {}, 0
    account.week_start_nav, account.week_start_corpus = account.last_nav, account.last_corpus
    account.expired = {}
    for ticker in sorted({ticker_of(c) for c in account.shorts} | {lot.contract for lot in account.lots}):
        week = account.week[ticker] = TickerWeek()
        for contract, short in account.shorts.items():
            terms = parse(contract)
            if terms is not None and terms.underlying == ticker and terms.right == "P":
                week.weight += strike_value(terms.strike_e3, short.quantity)
        week.weight += shares_value(int(average_price(account, ticker)), account.shares(ticker))
    stale = [key for key in account.week_records if not key.startswith(event.week_id)]
    for key in stale[: max(0, len(account.week_records) - 64)]:
        del account.week_records[key]


@_on(e.WeekReclassified)
def _week_reclassified(book: Book, event: e.WeekReclassified, envelope: e.Envelope) -> None:
    _account(book, envelope).week_records[f"{event.week_id}|{event.ticker}"] = event.primary_type


@_on(e.WeekModePredicted)
def _mode_predicted(book: Book, event: e.WeekModePredicted, _envelope: e.Envelope) -> None:
    book.week_mode, book.week_mode_week = event.mode, event.week_id


@_on(e.ApprovalRequested)
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
        window = _account(book, envelope).windows.setdefault(event.subject, Window("P"))
        window.approval_id, window.asked, window.reserved = event.approval_id, True, int(event.proposal["reserved"])
        window.reason = "PREMIUM_BELOW_MIN"


@_on(e.ApprovalGranted)
def _approval_granted(book: Book, event: e.ApprovalGranted, _envelope: e.Envelope) -> None:
    approval = book.approvals[event.approval_id]
    approval.granted_by.append(event.by)
    if event.complete:
        _end_approval(book, approval, "GRANTED")


@_on(e.ApprovalDenied, e.ApprovalExpired)
def _approval_ended(book: Book, event: e.ApprovalDenied | e.ApprovalExpired, _envelope: e.Envelope) -> None:
    approval = book.approvals[event.approval_id]
    _end_approval(book, approval, "DENIED" if isinstance(event, e.ApprovalDenied) else event.code)


def _end_approval(book: Book, approval: Approval, how: str) -> None:
    del book.approvals[approval.approval_id]
    book.decided[approval.approval_id] = how
    while len(book.decided) > 256:
        del book.decided[next(iter(book.decided))]
    account = book.accounts.get(approval.account_id)
    if account is not None and approval.kind == "PREMIUM_BELOW_GATE" and approval.subject in account.windows:
        window = account.windows[approval.subject]
        window.approval_id, window.reserved = "", 0


@_on(e.BrokerConnected)
def _broker_connected(book: Book, _event: e.BrokerConnected, _envelope: e.Envelope) -> None:
    book.broker_up = True


@_on(e.BrokerDisconnected)
def _broker_disconnected(book: Book, _event: e.BrokerDisconnected, _envelope: e.Envelope) -> None:
    book.broker_up = False


@_on(e.ReconciliationCompleted)
def _reconciled(book: Book, _event: e.ReconciliationCompleted, envelope: e.Envelope) -> None:
    if not book.breaks:
        book.last_reconciled_us = envelope.recorded_at_us


@_on(e.ReconciliationBreakDetected)
def _break_detected(book: Book, event: e.ReconciliationBreakDetected, _envelope: e.Envelope) -> None:
    if event.instrument not in book.breaks:
        book.breaks.append(event.instrument)


@_on(e.ReconciliationBreakResolved)
def _break_resolved(book: Book, event: e.ReconciliationBreakResolved, _envelope: e.Envelope) -> None:
    if event.instrument in book.breaks:
        book.breaks.remove(event.instrument)


__all__ = [
    "AT_BROKER",
    "average_price",
    "called_away_type",
    "evolve",
    "put_assignment_type",
    "split_lots",
    "take_lots",
    "take_slices",
]
