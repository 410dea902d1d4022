"""What events change in entry windows, wheels and orders (protocol 3.5, 6.2, 12.1)."""

from domain import events as e
from domain.calendar import new_york_day
from domain.config import Config
from domain.contracts import parse, ticker_of
from domain.evolve_starlab import take_fill
from domain.evolving import account_of, on
from domain.lots import net_credit_e4
from domain.money import floor_int, option_value, shares_value, strike_value
from domain.state import Account, Book, ClosedChain, Order, TickerWeek, Wheel, Window

# --- entry ----------------------------------------------------------------------------------------------------------


@on(e.EntryWindowOpened)
def _window_opened(book: Book, event: e.EntryWindowOpened, envelope: e.Envelope) -> None:
    account = account_of(book, envelope)
    account.windows, account.new_collateral, account.window_session = {}, 0, event.session


@on(e.EntryScanCompleted)
def _scanned(book: Book, event: e.EntryScanCompleted, envelope: e.Envelope) -> None:
    windows = account_of(book, envelope).windows
    for rejection in event.rejections:
        window = windows.setdefault(rejection.ticker, Window(rejection.right))
        window.reason, window.detail = rejection.reason, rejection.detail


@on(e.EntrySkipped)
def _entry_skipped(book: Book, event: e.EntrySkipped, envelope: e.Envelope) -> None:
    window = account_of(book, envelope).windows.setdefault(event.ticker, Window(event.right))
    window.skipped, window.reason, window.detail = True, event.reason, event.detail


@on(e.TradeSignalGenerated)
def _signal(book: Book, event: e.TradeSignalGenerated, envelope: e.Envelope) -> None:
    terms = parse(event.contract)
    window = account_of(book, envelope).windows.setdefault(event.ticker, Window(terms.right if terms else ""))
    window.ordered, window.reserved, window.reason = True, 0, ""


@on(e.WheelPhaseChanged)
def _phase_changed(book: Book, event: e.WheelPhaseChanged, envelope: e.Envelope) -> None:
    wheel = account_of(book, envelope).wheels.setdefault(event.ticker, Wheel())
    wheel.phase = event.to_phase
    if event.chain_result is not None:
        account = account_of(book, envelope)
        account.losses_in_row = account.losses_in_row + 1 if event.chain_result < 0 else 0
        _note_chain_end(account, event.ticker, wheel, event.chain_result, new_york_day(envelope.recorded_at_us))
    if event.to_phase == "IDLE" or event.chain_id is not None:
        wheel.chain_id, wheel.chain_net, wheel.chain_result, wheel.began_with_call = "", 0, 0, False
        wheel.entry = None


DAY_TRADES_KEPT = 32


def _note_day_trade(book: Book, order: Order, event: e.OrderPartiallyFilled | e.OrderFilled, day: int) -> None:
    """A position opened and closed in one session, counted once an order however it is filled (protocol 16.3 CR-04)."""
    done = order.leg_filled if order.new_contract else order.filled
    if event.effect != "CLOSE" or done or order.clip:
        return
    account = book.accounts[order.account_id]
    short = account.shorts.get(event.contract)
    lots = [lot for lot in account.lots if lot.contract == event.contract]
    today = new_york_day(short.opened_us) == day if short else any(lot.acquired == day for lot in lots)
    if today:
        book.day_trades.append(day)
        del book.day_trades[:-DAY_TRADES_KEPT]


def _note_chain_end(account: Account, ticker: str, wheel: Wheel, result: int, day: int) -> None:
    """A chain has ended: the week counts it, the quarterly review learns from it (protocol 11.3, 11.4)."""
    week = account.week.setdefault(ticker, TickerWeek())
    week.wins, week.losses = week.wins + (result >= 0), week.losses + (result < 0)
    if wheel.entry is not None and account.type != "EXT":
        account.closed.append(ClosedChain(ticker, wheel.entry, day, result))


def _note_liquidation(book: Book, order: Order, amount: int, commission: int) -> None:
    for group in book.groups.values():
        if group.state == "MERGING" and group.merge_id == order.reference:
            group.proceeds += (amount if order.side == "SELL" else -amount) - commission
            group.costs += commission


def note_purchase(account: Account, contract: str, reference: str, spent: int, quantity: int) -> None:
    """A fill of a reinvestment's order: what it cost, and whose turn comes next in the rotation (protocol 10.4)."""
    run = account.reinvesting
    if run is None or run.key != reference:
        return
    run.spent += spent
    if parse(contract) is not None:
        ticker = ticker_of(contract)
        run.bought[ticker] = run.bought.get(ticker, 0) + quantity
        rounds = max(run.bought.values())
        account.last_leaps = [t for t in run.turn if run.bought.get(t) == rounds][-1] if run.turn else ticker


# --- orders ---------------------------------------------------------------------------------------------------------


@on(e.OrderProposed)
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
        approval_id=event.approval_id or "",
        session=book.accounts[event.account_id].window_session,
        new_contract=event.new_contract or "",
        reference=event.reference or "",
        roll_to=event.roll_to or "",
        roll_of=event.roll_of or "",
        step_s=_step_s(book, event),
    )
    short = book.accounts[event.account_id].shorts.get(event.contract)
    order = book.orders[event.order_id]
    if (event.new_contract or event.roll_to) and short is not None:
        order.roll_chain_id, order.original_credit_e4 = short.roll_chain_id, short.original_credit_e4
        order.chain_credit_e4, order.rolls = floor_int(net_credit_e4(short)), short.rolls
    bought = book.orders.get(order.roll_of)
    if bought is not None:
        order.roll_chain_id, order.original_credit_e4 = bought.roll_chain_id, bought.original_credit_e4
        order.chain_credit_e4, order.rolls = bought.chain_credit_e4, bought.rolls
        order.leg_filled, order.leg_cost = bought.filled, bought.cost


def _step_s(book: Book, event: e.OrderProposed) -> int:
    """Seconds between two limits: 30, of a level-3 exit 10 (protocol 6.6, 8.3)."""
    layers = [book.config[scope] for scope in (event.account_id, "SYSTEM") if scope in book.config]
    name = "protocol.l3.step_s" if event.purpose == "STOP_LOSS" else "order.reprice_interval"
    return Config(book.config_version, *layers).integer(name)


@on(e.OrderValidated)
def _order_validated(book: Book, event: e.OrderValidated, _envelope: e.Envelope) -> None:
    order = book.orders[event.order_id]
    order.state = "VALIDATED"
    terms = parse(order.contract)
    if terms is not None and terms.right == "P" and order.effect == "OPEN" and order.side == "SELL":
        book.accounts[order.account_id].new_collateral += strike_value(terms.strike_e3, order.quantity)


@on(e.OrderSubmitted)
def _order_submitted(book: Book, event: e.OrderSubmitted, _envelope: e.Envelope) -> None:
    book.orders[event.order_id].state = "PENDING_SUBMIT"


@on(e.OrderAcknowledged)
def _order_acknowledged(book: Book, event: e.OrderAcknowledged, _envelope: e.Envelope) -> None:
    order = book.orders[event.order_id]
    order.broker_order_id = event.broker_order_id
    if order.state in ("PENDING_SUBMIT", "UNKNOWN"):
        order.state, order.unknown_since_us = "PARTIALLY_FILLED" if order.filled else "SUBMITTED", 0
        order.before_cancel = ""


@on(e.OrderRepriced)
def _order_repriced(book: Book, event: e.OrderRepriced, _envelope: e.Envelope) -> None:
    order = book.orders[event.order_id]
    order.version, order.limit_e4 = event.version, event.limit_e4
    if event.limit_e4 in order.ladder_e4:
        del order.ladder_e4[: order.ladder_e4.index(event.limit_e4) + 1]


@on(e.OrderCancelRequested)
def _cancel_requested(book: Book, event: e.OrderCancelRequested, _envelope: e.Envelope) -> None:
    order = book.orders[event.order_id]
    order.before_cancel, order.state = order.state, "CANCEL_REQUESTED"
    order.cancel_reason = event.reason


@on(e.OrderCancelled, e.OrderExpired, e.OrderRejected)
def _order_ended(book: Book, event: e.OrderCancelled | e.OrderExpired | e.OrderRejected, _envelope: e.Envelope) -> None:
    state = {"OrderCancelled": "CANCELLED", "OrderExpired": "EXPIRED", "OrderRejected": "REJECTED"}[
        type(event).__name__
    ]
    order = book.orders[event.order_id]
    order.state = state
    window = book.accounts[order.account_id].windows.get(order.ticker)
    if not isinstance(event, e.OrderRejected) or not event.checks or order.purpose != "ENTRY":
        return
    if window is not None and not window.filled:
        window.ordered, window.reason, window.detail = False, event.code, event.reason


@on(e.OrderStateUnknown)
def _order_unknown(book: Book, event: e.OrderStateUnknown, envelope: e.Envelope) -> None:
    order = book.orders[event.order_id]
    order.asked_us = envelope.recorded_at_us
    if order.state != "UNKNOWN":
        order.state, order.unknown_since_us = "UNKNOWN", envelope.recorded_at_us


@on(e.OrderReconciled)
def _order_reconciled(book: Book, event: e.OrderReconciled, _envelope: e.Envelope) -> None:
    order = book.orders[event.order_id]
    order.state, order.unknown_since_us, order.before_cancel = event.final_state, 0, ""
    order.cancel_reason = ""


@on(e.OrderPartiallyFilled, e.OrderFilled)
def _order_filled(book: Book, event: e.OrderPartiallyFilled | e.OrderFilled, envelope: e.Envelope) -> None:
    order = book.orders[event.order_id]
    _note_day_trade(book, order, event, new_york_day(envelope.recorded_at_us))
    order.filled, order.state, order.unknown_since_us = event.cum_quantity, event.state, 0
    order.executions.append(event.exec_id)
    option_trade = parse(event.contract) is not None
    paid = (option_value if option_trade else shares_value)(event.price_e4, event.quantity)
    order.cost += paid if event.side == "BUY" else -paid
    if order.new_contract and event.contract == order.contract:
        order.leg_filled, order.leg_cost = order.leg_filled + event.quantity, order.leg_cost + paid
    account = account_of(book, envelope)
    ticker = ticker_of(event.contract)
    if account.type == "EXT" and order.origin != "EXT":
        signed = event.quantity if event.side == "BUY" else -event.quantity
        take_fill(
            book, order.origin, event.contract, order.reference or order.order_id, signed, event.price_e4,
            event.commission,
        )  # fmt: skip
    if order.reference:
        note_purchase(account, event.contract, order.reference, paid + event.commission, event.quantity)
        _note_liquidation(book, order, paid, event.commission)
    of_this_window = order.purpose in ("ENTRY", "RESIDUAL") and order.session == account.window_session
    if of_this_window and ticker in account.windows:
        account.windows[ticker].filled += event.quantity
    terms = parse(event.contract)
    if terms is None or (event.side == "BUY") == (event.effect == "OPEN"):
        return  # shares and long options are no premium of the wheel
    amount = option_value(event.price_e4, event.quantity)
    wheel = account.wheels.setdefault(ticker, Wheel())
    wheel.chain_net += amount - event.commission if event.side == "SELL" else -amount - event.commission
    week = account.week.setdefault(ticker, TickerWeek())
    week.trades += 1
    if event.side == "SELL":
        week.premium += amount - event.commission
