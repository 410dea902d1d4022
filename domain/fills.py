"""Executions and what they do to positions, ledger, tax and wheel (protocol 4.2-4.4, 12.1)."""

from domain import events as e
from domain.alerts import raise_alert
from domain.calendar import SECOND
from domain.contracts import option
from domain.decision import Decision
from domain.inputs import BrokerExecution
from domain.ledger import check_buffer, post
from domain.lots import premium_of, take_slices
from domain.money import option_value
from domain.orders import ended, next_clip, request_cancel
from domain.reasons import Reason
from domain.state import (
    CASH,
    CASH_UNSETTLED,
    COMMISSIONS,
    PREMIUM_LIABILITY,
    REALISED_OPTION_PNL,
    TERMINAL,
    Account,
    Order,
    ShortOption,
)
from domain.tax import record_gain
from domain.wheel import follow_phase


def on_execution(d: Decision, report: BrokerExecution) -> bool:
    """Book an execution. Returns False for one already known: it changes nothing (protocol 12.1)."""
    order = d.book.orders.get(report.order_id)
    if order is None:
        raise_alert(
            d,
            None,
            "SYSTEM_STATUS",
            "CRITICAL",
            None,
            "Execution for an unknown order",
            f"{report.order_id} {report.exec_id}",
        )
        return True
    if report.exec_id in order.executions:
        return False
    account = d.book.accounts[order.account_id]
    if report.contract != order.contract or report.side != order.side or report.quantity <= 0:
        message = f"{order.order_id} {order.side} {order.contract}: {report.side} {report.quantity} {report.contract}"
        raise_alert(d, account, "SYSTEM_STATUS", "CRITICAL", order.ticker, "Execution that is not the order's", message)
        return True
    if order.filled + report.quantity > order.quantity:
        raise_alert(
            d,
            account,
            "SYSTEM_STATUS",
            "CRITICAL",
            order.ticker,
            "Execution beyond the order's quantity",
            f"{order.order_id}: {order.filled} + {report.quantity} > {order.quantity}; not booked",
        )
        return True
    stream = f"order-{order.order_id}"
    if order.state == "PENDING_SUBMIT":
        d.emit(e.OrderAcknowledged(order.order_id, report.broker_order_id, order.version), stream, account)
    if order.state != "CANCEL_REQUESTED":
        d.clear_timer(f"ack|{order.order_id}")
    late, cancel_lost = order.ended, order.state == "UNKNOWN" and order.before_cancel != ""
    cumulative = order.filled + report.quantity
    state = _state_after(order, cumulative)
    kind = e.OrderFilled if state == "FILLED" else e.OrderPartiallyFilled
    d.emit(
        kind(
            order.order_id,
            report.exec_id,
            report.contract,
            order.side,
            order.effect,
            report.quantity,
            report.price_e4,
            report.commission,
            cumulative,
            state,
            d.market.last(order.ticker),
        ),
        stream,
        account,
        occurred_us=report.time_us,
    )
    if order.effect == "OPEN":
        _open_short(d, account, order, report)
    else:
        _close_short(d, account, report)
    if late:
        raise_alert(
            d,
            account,
            "SYSTEM_STATUS",
            "HIGH",
            order.ticker,
            "Fill after the order's end",
            f"{order.order_id} {report.exec_id}",
        )
    elif state == "FILLED":
        ended(d, account, order)
        next_clip(d, account, order)
    elif cancel_lost:
        request_cancel(d, order, Reason.CANCEL_LOST)
    follow_phase(d, account, order.ticker)
    check_buffer(d, account)
    return True


def _state_after(order: Order, cumulative: int) -> str:
    if order.state in TERMINAL:
        return order.state
    if cumulative == order.quantity:
        return "FILLED"
    return "CANCEL_REQUESTED" if order.state == "CANCEL_REQUESTED" else "PARTIALLY_FILLED"


def _open_short(d: Decision, account: Account, _order: Order, report: BrokerExecution) -> None:
    contract, quantity = report.contract, report.quantity
    terms = option(contract)
    held = account.shorts.get(contract)
    if held is None:
        position = d.next_event_id()
        wheel = account.wheels[terms.underlying]
        bar = d.market.atr_record(terms.underlying)
        chain = wheel.chain_id or f"{account.account_id}|{terms.underlying}|{position}"
        d.emit(
            e.PositionOpened(
                position,
                contract,
                -quantity,
                report.price_e4,
                d.market.last(terms.underlying),
                bar.atr_e6 if bar else 0,
                report.commission,
                chain,
            ),
            f"position-{position}",
            account,
            occurred_us=report.time_us,
        )
        watch(d, account, contract, d.now_us)
    else:
        d.emit(
            e.PositionIncreased(held.position_id, contract, -quantity, report.price_e4, report.commission),
            f"position-{held.position_id}",
            account,
            occurred_us=report.time_us,
        )
    premium = option_value(report.price_e4, quantity)
    post(
        d,
        account,
        "FILL",
        report.exec_id,
        {
            CASH_UNSETTLED: premium - report.commission,
            COMMISSIONS: report.commission,
            PREMIUM_LIABILITY: -premium,
        },
    )


def watch(d: Decision, account: Account, contract: str, now_us: int) -> None:
    """Next look at a position: one interval of its level from now, in session only (protocol 8.2)."""
    due = now_us + d.config(account.account_id).integer("protocol.interval_l0") * SECOND
    if not d.calendar.in_session(now_us) or not d.calendar.in_session(due):
        due = d.calendar.open_after(now_us)
    if due:
        d.set_timer(f"monitor|{account.account_id}|{contract}", due)


def _close_short(d: Decision, account: Account, report: BrokerExecution) -> None:
    short = account.shorts.get(report.contract)
    if short is None or short.quantity < report.quantity:
        raise_alert(
            d,
            account,
            "SYSTEM_STATUS",
            "CRITICAL",
            None,
            "Close without a position",
            f"{report.contract} {report.exec_id}",
        )
        return
    pnl = end_short(
        d,
        account,
        short,
        report.quantity,
        option_value(report.price_e4, report.quantity),
        report.commission,
        "BOUGHT_BACK",
        report.price_e4,
        report.exec_id,
    )
    record_gain(d, account, report.contract, pnl, d.today)


def end_short(
    d: Decision,
    account: Account,
    short: ShortOption,
    quantity: int,
    cost: int,
    commission: int,
    cause: str,
    price_e4: int,
    reference: str,
) -> int:
    """Close `quantity` contracts for `cost` cents: position event and ledger entry. Returns the net result."""
    taken, _ = take_slices(short.slices, quantity)
    premium, paid = premium_of(taken)
    pnl = premium - paid - cost - commission
    left = short.quantity - quantity
    stream = f"position-{short.position_id}"
    if left:
        d.emit(e.PositionReduced(short.position_id, short.contract, -left, price_e4, pnl), stream, account)
    else:
        bought = cause == "BOUGHT_BACK"
        spot, session = (d.market.last(option(short.contract).underlying), d.today) if bought else (None, None)
        d.emit(
            e.PositionClosed(short.position_id, short.contract, price_e4, pnl, cause, spot, session), stream, account
        )
        d.clear_timer(f"monitor|{account.account_id}|{short.contract}")
    post(
        d,
        account,
        "EXPIRY" if cause == "EXPIRED" else "FILL",
        reference,
        {
            PREMIUM_LIABILITY: premium,
            REALISED_OPTION_PNL: cost - premium,
            COMMISSIONS: commission,
            CASH: -cost - commission,
        },
    )
    return pnl
