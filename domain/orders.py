"""Orders from proposal to their end (protocol 6.6, 12.1): construction, clips, the price ladder, cancels, broker answers."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

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


def place(d: Decision, account: Account, intent: Intent, signal_id: str, ladder: Sequence[int] = ()) -> Order | None:
    """Check and propose an order, send it if it passes. Quantities above `order.slice_contracts` go as clips, one after
    another. Returns the order that works, or `None` after `OrderRejected`."""
    clip_size = d.config(account.account_id).integer("order.slice_contracts")
    first = min(intent.total, clip_size)
    intent = replace(intent, quantity=first)
    checks, failure = run_checks(d, account, intent)
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
            account.type,
            intent.clip,
            intent.total - first,
        ),
        f"order-{order_id}",
        account,
    )
    order = d.book.orders[order_id]
    order.approval_id = intent.approval_id
    if failure is not None:
        d.emit(e.OrderRejected(order_id, failure.check, failure.detail, checks), f"order-{order_id}", account)
        return None
    d.emit(e.OrderValidated(order_id, checks), f"order-{order_id}", account)
    _submit(d, account, order)
    if intent.effect == "OPEN":
        follow_phase(d, account, intent.ticker)
    return order


def _submit(d: Decision, account: Account, order: Order) -> None:
    reference = f"{d.book.system_id}/{account.account_id}/{order.order_id}"
    estimate = COMMISSION_PER_CONTRACT * order.quantity if parse(order.contract) else 0
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
        ),
        f"order-{order.order_id}",
        account,
    )
    config = d.config(account.account_id)
    d.set_timer(f"ack|{order.order_id}", d.now_us + config.integer("order.ack_timeout") * SECOND)
    if order.ladder_e4:
        d.set_timer(f"reprice|{order.order_id}", d.now_us + config.integer("order.reprice_interval") * SECOND)


def reprice(d: Decision, order: Order) -> None:
    """The next step of the ladder, every 30 s down to the floor; the ladder does not follow the quote."""
    if order.state not in ("SUBMITTED", "PARTIALLY_FILLED") or not order.ladder_e4:
        if order.state in ("PENDING_SUBMIT", "UNKNOWN") and order.ladder_e4:
            d.set_timer(f"reprice|{order.order_id}", d.now_us + SECOND)
        return
    account = d.book.accounts[order.account_id]
    d.emit(e.OrderRepriced(order.order_id, order.version + 1, order.ladder_e4[0]), f"order-{order.order_id}", account)
    if order.ladder_e4:
        interval = d.config(account.account_id).integer("order.reprice_interval")
        d.set_timer(f"reprice|{order.order_id}", d.now_us + interval * SECOND)


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


def cancel_opening_orders(d: Decision, account: Account, reason: str) -> None:
    """Cancel what would open positions (protocol 3.4 PRESERVATION, 9 kill switch)."""
    for order in list(d.book.orders.values()):
        if order.account_id == account.account_id and order.effect == "OPEN" and order.working:
            request_cancel(d, order, reason)


def acknowledgement_due(d: Decision, order: Order) -> None:
    """No acknowledgement in time: UNKNOWN, asked again every 5 s, alert after 30 s (protocol 12.1)."""
    if order.state not in ("PENDING_SUBMIT", "UNKNOWN"):
        return
    account = d.book.accounts[order.account_id]
    age = d.now_us - (order.unknown_since_us or d.now_us)
    d.emit(e.OrderStateUnknown(order.order_id, age // SECOND), f"order-{order.order_id}", account)
    if UNKNOWN_ALERT_US <= age < UNKNOWN_ALERT_US + UNKNOWN_QUERY_US:
        raise_alert(
            d,
            account,
            "SYSTEM_STATUS",
            "HIGH",
            order.ticker,
            "Order state unknown",
            f"{order.order_id} for {age // SECOND} s",
        )
    d.set_timer(f"ack|{order.order_id}", d.now_us + UNKNOWN_QUERY_US)


def blocked(d: Decision, _account: Account, contract: str) -> bool:
    """UNKNOWN blocks new orders on that contract until the broker answers."""
    return any(o.contract == contract and o.state == "UNKNOWN" for o in d.book.orders.values())


def on_status(d: Decision, report: BrokerOrderStatus) -> bool:
    """Take what the broker says of an order. Returns False when it changes nothing (a repetition)."""
    order = d.book.orders.get(report.order_id)
    if order is None:
        raise_alert(
            d, None, "SYSTEM_STATUS", "HIGH", None, "Report on an unknown order", f"{report.order_id}: {report.status}"
        )
        return True
    if order.state in TERMINAL:
        return False
    account = d.book.accounts[order.account_id]
    stream = f"order-{order.order_id}"
    d.clear_timer(f"ack|{order.order_id}")
    match report.status:
        case "ACKNOWLEDGED" if order.state in ("PENDING_SUBMIT", "UNKNOWN"):
            d.emit(e.OrderAcknowledged(order.order_id, report.broker_order_id, report.version), stream, account)
        case "ACKNOWLEDGED" | "REPLACED":
            return False
        case "CANCELLED":
            close = d.calendar.close_us(d.today) if d.calendar.is_session(d.today) else 0
            if close and report.time_us >= close:
                d.emit(e.OrderExpired(order.order_id, order.filled), stream, account)
            else:
                d.emit(e.OrderCancelled(order.order_id, report.code, report.reason, order.filled), stream, account)
            ended(d, account, order)
        case "CANCEL_REJECTED":
            if order.state != "CANCEL_REQUESTED":
                return False
            back = "PARTIALLY_FILLED" if order.filled else "SUBMITTED"
            d.emit(e.OrderReconciled(order.order_id, back), stream, account)
        case "EXPIRED":
            d.emit(e.OrderExpired(order.order_id, order.filled), stream, account)
            ended(d, account, order)
        case "REJECTED":
            d.emit(e.OrderRejected(order.order_id, report.code, report.reason, []), stream, account)
            ended(d, account, order)
        case _:
            raise_alert(
                d,
                account,
                "SYSTEM_STATUS",
                "HIGH",
                order.ticker,
                "Unknown broker status",
                f"{report.status}: nothing was changed",
            )
    return True


def ended(d: Decision, account: Account, order: Order) -> None:
    """An order reached a terminal state: its timers go, the wheel follows, an unfilled entry is skipped."""
    d.clear_timer(f"reprice|{order.order_id}")
    d.clear_timer(f"ack|{order.order_id}")
    follow_phase(d, account, order.ticker)
    window = account.windows.get(order.ticker)
    if (
        order.purpose == "ENTRY"
        and order.state != "FILLED"
        and window is not None
        and not window.filled
        and not window.skipped
    ):
        reason = Reason.BROKER_REJECTED if order.state == "REJECTED" else Reason.UNFILLED
        stream = f"wheel-{account.account_id}-{order.ticker}"
        d.emit(e.EntrySkipped(order.ticker, reason, order.order_id, window.right), stream, account)


def next_clip(d: Decision, account: Account, order: Order) -> None:
    """A clip is filled: the next one of the same signal goes on where its ladder stood (fixed at decision, protocol 6.6)."""
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
        None,
        Fraction(0),
        Fraction(0),
        Fraction(0),
        Fraction(100),
        0,
        order.approval_id,
        clip=order.clip + 1,
    )
    place(d, account, intent, order.signal_id, [order.limit_e4, *order.ladder_e4])


def prune(d: Decision) -> None:
    """Forget orders that ended more than a week ago; a report on one of them raises an alert then."""
    limit = d.now_us - 8 * 24 * 3600 * SECOND
    for order in [o for o in d.book.orders.values() if o.state in TERMINAL and o.created_us < limit]:
        del d.book.orders[order.order_id]
        d.book.streams.pop(f"order-{order.order_id}", None)
