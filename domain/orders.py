"""Orders from proposal to their end (protocol 6.6, 12.1): construction, clips, ladder, cancels, broker answers."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from domain import events as e
from domain.alerts import raise_alert
from domain.calendar import SECOND
from domain.contracts import parse
from domain.decision import Decision
from domain.inputs import BrokerOrderStatus
from domain.money import COMMISSION_PER_CONTRACT
from domain.pretrade import Intent, run_checks
from domain.reasons import Reason
from domain.state import AT_BROKER, TERMINAL, Account, Order
from domain.wheel import follow_phase

UNKNOWN_QUERY_US = 5 * SECOND
UNKNOWN_ALERT_US = 30 * SECOND
Ended = Callable[[Decision, Account, Order], None]
_ENDED: dict[str, Ended] = {}
"""what follows the end of an order, by its purpose"""


RollOn = Callable[[Decision, Account, Order, int], None]
_ROLL_ON: list[RollOn] = []
"""what sells the new option once the old one is bought back: before the wheel sees the account without either"""


def on_bought_back(handler: RollOn) -> RollOn:
    """Register what goes on with a roll in two orders: (decision, account, purchase, when its time is over)."""
    _ROLL_ON.append(handler)
    return handler


def on_ended(purpose: str) -> Callable[[Ended], Ended]:
    """Register what follows when an order of a purpose has reached a terminal state, FILLED included."""

    def register(handler: Ended) -> Ended:
        _ENDED[purpose] = handler
        return handler

    return register


def place(d: Decision, account: Account, intent: Intent, signal_id: str, ladder: Sequence[int] = ()) -> Order | None:
    """Check and propose an order, send it if it passes. Quantities above `order.slice_contracts` go as clips, one after
    another. Returns the order that works, or `None` after `OrderRejected`."""
    whole = parse(intent.contract) is None or intent.purpose == "ROLL"
    clip_size = intent.total if whole else d.config(account.account_id).integer("order.slice_contracts")
    first = min(intent.total, clip_size)
    intent = replace(intent, quantity=first)
    waits = intent.time_in_force == "GTC" and not d.calendar.in_session(d.now_us)
    checks, failure = run_checks(d, account, intent, waits=waits)
    order_id = d.next_event_id()
    d.emit(
        e.OrderProposed(
            order_id,
            signal_id,
            account.account_id,
            intent.contract,
            intent.ticker,
            intent.side,
            intent.effect,
            first,
            intent.limit_e4,
            [p for p in ladder if p != intent.limit_e4],
            intent.purpose,
            intent.origin or account.type,
            intent.clip,
            intent.total - first,
            approval_id=intent.approval_id or None,
            new_contract=intent.new_quote.contract if intent.new_quote else None,
            mid_e6=intent.quote.mid_e6 if intent.quote and not intent.new_quote else None,
            reference=intent.reference or None,
            roll_to=intent.roll_to or None,
            roll_of=intent.roll_of or None,
        ),
        f"order-{order_id}",
        account,
    )
    order = d.book.orders[order_id]
    if failure is not None:
        d.emit(e.OrderRejected(order_id, failure.check, failure.detail, checks), f"order-{order_id}", account)
        if order.purpose in _ENDED:
            _ENDED[order.purpose](d, account, order)
        return None
    d.emit(e.OrderValidated(order_id, checks), f"order-{order_id}", account)
    if not waits:
        _submit(d, account, order)
    if intent.effect == "OPEN":
        follow_phase(d, account, intent.ticker)
    return order


def submit_waiting(d: Decision, account: Account, order: Order) -> None:
    """A GTC order that waited VALIDATED for the open goes out (protocol 13.1)."""
    _submit(d, account, order)


def _submit(d: Decision, account: Account, order: Order) -> None:
    reference = f"{d.book.system_id}/{account.account_id}/{order.order_id}"
    legs = 2 if order.new_contract else 1
    estimate = COMMISSION_PER_CONTRACT * order.quantity * legs if parse(order.contract) else 0
    d.emit(
        e.OrderSubmitted(
            order.order_id,
            reference,
            order.version,
            order.contract,
            order.side,
            order.effect,
            order.quantity,
            order.limit_e4,
            "DAY",
            estimate,
            order.new_contract or None,
        ),
        f"order-{order.order_id}",
        account,
    )
    config = d.config(account.account_id)
    d.set_timer(f"ack|{order.order_id}", d.now_us + config.integer("order.ack_timeout") * SECOND)
    if order.ladder_e4:
        _set_reprice(d, order)


def _set_reprice(d: Decision, order: Order) -> None:
    """The next limit is due a step later: the step that was configured when the order was built (protocol 18)."""
    seconds = order.step_s or d.config(order.account_id).integer("order.reprice_interval")
    d.set_timer(f"reprice|{order.order_id}", d.now_us + seconds * SECOND)


def reprice(d: Decision, order: Order) -> None:
    """The next step of the ladder, every 30 s down to the floor; the ladder does not follow the quote."""
    if order.state not in ("SUBMITTED", "PARTIALLY_FILLED") or not order.ladder_e4:
        if order.state in ("PENDING_SUBMIT", "UNKNOWN") and order.ladder_e4:
            d.set_timer(f"reprice|{order.order_id}", d.now_us + SECOND)
        return
    account = d.book.accounts[order.account_id]
    d.emit(e.OrderRepriced(order.order_id, order.version + 1, order.ladder_e4[0]), f"order-{order.order_id}", account)
    if order.ladder_e4:
        _set_reprice(d, order)


def request_cancel(d: Decision, order: Order, reason: str) -> None:
    """Ask the broker to cancel; what was never sent ends here. Cancels always pass."""
    account = d.book.accounts[order.account_id]
    d.clear_timer(f"reprice|{order.order_id}")
    if order.state in TERMINAL or order.state == "CANCEL_REQUESTED":
        return
    if order.state not in AT_BROKER:
        d.emit(e.OrderCancelled(order.order_id, reason, reason, order.filled), f"order-{order.order_id}", account)
        ended(d, account, order)
        return
    d.emit(e.OrderCancelRequested(order.order_id, order.version, reason), f"order-{order.order_id}", account)
    timeout = d.config(account.account_id).integer("order.ack_timeout")
    d.set_timer(f"ack|{order.order_id}", d.now_us + timeout * SECOND)


def cancel_opening_orders(d: Decision, account: Account, reason: str) -> None:
    """Cancel what would open positions (protocol 3.4 PRESERVATION, 9 kill switch)."""
    for order in list(d.book.orders.values()):
        if order.account_id == account.account_id and order.effect == "OPEN" and order.working:
            request_cancel(d, order, reason)


def acknowledgement_due(d: Decision, order: Order) -> None:
    """No answer in time, to the order or to its cancel: UNKNOWN, asked again every 5 s in session, alert after 30 s
    (protocol 12.1)."""
    if order.state not in ("PENDING_SUBMIT", "CANCEL_REQUESTED", "UNKNOWN"):
        return
    account = d.book.accounts[order.account_id]
    since = order.unknown_since_us or d.now_us
    age, before = d.now_us - since, order.asked_us - since if order.unknown_since_us else 0
    d.emit(e.OrderStateUnknown(order.order_id, age // SECOND), f"order-{order.order_id}", account)
    if age >= UNKNOWN_ALERT_US > before:
        message = f"{order.order_id} for {age // SECOND} s"
        raise_alert(d, account, "SYSTEM_STATUS", "HIGH", order.ticker, "Order state unknown", message)
    again = d.now_us + UNKNOWN_QUERY_US
    if not d.calendar.in_session(again):
        again = d.calendar.open_after(d.now_us)
    if again:
        d.set_timer(f"ack|{order.order_id}", again)


def blocked(d: Decision, contract: str) -> bool:
    """UNKNOWN blocks new orders on that contract until the broker answers."""
    return any(o.contract == contract and o.state == "UNKNOWN" for o in d.book.orders.values())


def on_status(d: Decision, report: BrokerOrderStatus) -> bool:
    """Take what the broker says of an order. Returns False when it changes nothing (a repetition)."""
    order = d.book.orders.get(report.order_id)
    if order is None:
        message = f"{report.order_id}: {report.status}"
        raise_alert(d, None, "SYSTEM_STATUS", "HIGH", None, "Report on an unknown order", message)
        return True
    if order.ended:
        return False
    account = d.book.accounts[order.account_id]
    match report.status:
        case "ACKNOWLEDGED":
            return _acknowledged(d, account, order, report)
        case "REPLACED":
            # The replacement stands; nothing follows, unless it is the first word on an order whose state was unknown.
            _acknowledged(d, account, order, report)
        case "CANCEL_REJECTED":
            return _cancel_refused(d, account, order)
        case "CANCELLED" | "EXPIRED" | "REJECTED":
            _end(d, account, order, report)
        case _:
            message = f"{report.status}: nothing was changed"
            raise_alert(d, account, "SYSTEM_STATUS", "HIGH", order.ticker, "Unknown broker status", message)
    return True


def _acknowledged(d: Decision, account: Account, order: Order, report: BrokerOrderStatus) -> bool:
    """The broker has it. A cancel whose answer was lost is asked for again."""
    if order.state not in ("PENDING_SUBMIT", "UNKNOWN"):
        return False
    d.clear_timer(f"ack|{order.order_id}")
    unknown = order.state == "UNKNOWN"
    wanted_gone = unknown and order.before_cancel != ""
    d.emit(
        e.OrderAcknowledged(order.order_id, report.broker_order_id, report.version), f"order-{order.order_id}", account
    )
    resolved(d, account, order, unknown=unknown)
    if wanted_gone:
        request_cancel(d, order, Reason.CANCEL_LOST)
    return True


def resolved(d: Decision, account: Account, order: Order, *, unknown: bool) -> None:
    """The broker's answer has settled an order that was UNKNOWN (protocol 12.1)."""
    if unknown:
        d.emit(e.OrderReconciled(order.order_id, order.state), f"order-{order.order_id}", account)


def _cancel_refused(d: Decision, account: Account, order: Order) -> bool:
    """Back to the state before, also when the refusal came so late that the order was UNKNOWN; the ladder goes on."""
    if order.state != "CANCEL_REQUESTED" and not (order.state == "UNKNOWN" and order.before_cancel):
        return False
    d.clear_timer(f"ack|{order.order_id}")
    back = "PARTIALLY_FILLED" if order.filled else "SUBMITTED"
    d.emit(e.OrderReconciled(order.order_id, back), f"order-{order.order_id}", account)
    if order.ladder_e4:
        _set_reprice(d, order)
    return True


def _end(d: Decision, account: Account, order: Order, report: BrokerOrderStatus) -> None:
    """A terminal state; states passed over are walked through. Cancelled at or after its session's close = expired."""
    stream, unknown = f"order-{order.order_id}", order.state == "UNKNOWN"
    if order.state == "PENDING_SUBMIT" and report.status != "REJECTED":
        d.emit(e.OrderAcknowledged(order.order_id, report.broker_order_id, order.version), stream, account)
    day = d.calendar.day_of(order.created_us)
    working = d.calendar.is_session(day) and order.created_us < d.calendar.close_us(day)
    session = day if working else d.calendar.next_session(day)
    if report.status == "REJECTED":
        d.emit(e.OrderRejected(order.order_id, report.code, report.reason, []), stream, account)
    elif report.status == "EXPIRED" or report.time_us >= d.calendar.close_us(session):
        d.emit(e.OrderExpired(order.order_id, order.filled), stream, account)
    else:
        code, reason = report.code or order.cancel_reason, report.reason or order.cancel_reason
        d.emit(e.OrderCancelled(order.order_id, code, reason, order.filled), stream, account)
    resolved(d, account, order, unknown=unknown)
    ended(d, account, order)


def ended(d: Decision, account: Account, order: Order) -> None:
    """An order reached a terminal state: its timers go, the wheel follows, an unfilled entry is skipped."""
    until = d.book.timers.get(f"close|{order.order_id}", 0)
    for kind in ("reprice", "ack", "close"):
        d.clear_timer(f"{kind}|{order.order_id}")
    if order.roll_to and order.filled:
        _ROLL_ON[0](d, account, order, until)
    follow_phase(d, account, order.ticker)
    if order.purpose in _ENDED:
        _ENDED[order.purpose](d, account, order)
    window = account.windows.get(order.ticker)
    if order.purpose != "ENTRY" or order.state == "FILLED" or order.session != account.window_session or window is None:
        return
    if not window.filled and not window.skipped:
        detail = f"rejected by the broker: {order.order_id}" if order.state == "REJECTED" else order.order_id
        skipped = e.EntrySkipped(order.ticker, Reason.UNFILLED, detail, window.right)
        d.emit(skipped, f"wheel-{account.account_id}-{order.ticker}", account)


def next_clip(d: Decision, account: Account, order: Order) -> None:
    """A clip is filled: the next one of its signal goes on where the ladder stood (fixed at decision, protocol 6.6)."""
    if not order.rest or order.state != "FILLED":
        return
    end = d.calendar.et(d.today, d.config(account.account_id).integer("entry.work_until"))
    if order.effect == "OPEN" and d.now_us >= end:
        return
    intent = Intent(
        order.contract,
        order.ticker,
        order.side,
        order.effect,
        order.rest,
        order.rest,
        order.limit_e4,
        order.purpose,
        approval_id=order.approval_id,
        needs_approval=bool(order.approval_id),
        clip=order.clip + 1,
        reference=order.reference,
    )
    place(d, account, intent, order.signal_id, [order.limit_e4, *order.ladder_e4])
