"""Executions and what they do to positions, ledger, tax and wheel (protocol 4.2-4.4, 12.1)."""

from domain import events as e
from domain.alerts import raise_alert
from domain.contracts import option, parse, ticker_of
from domain.decision import Decision
from domain.inputs import BrokerExecution
from domain.ledger import check_buffer, funds_settle, post
from domain.lots import premium_of, split_lots, take_slices
from domain.money import option_value, shares_value
from domain.orders import ended, next_clip, request_cancel, resolved
from domain.pretrade import intraday_excess, margin_equity, opened_today
from domain.reasons import Reason
from domain.restrictions import follow_breaks
from domain.risk import measure
from domain.risk.ending import end_of_position
from domain.risk.scripts import store_recovery_script
from domain.state import (
    CASH,
    CASH_UNSETTLED,
    COMMISSIONS,
    POSITIONS_AT_COST,
    PREMIUM_LIABILITY,
    REALISED_OPTION_PNL,
    REALISED_SHARE_PNL,
    TERMINAL,
    Account,
    Order,
    ShortOption,
)
from domain.tax import acquired, deep_put_sold, put_ended, record_gain, record_sale
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
    if not _belongs(order, report):
        message = f"{order.order_id} {order.side} {order.contract}: {report.side} {report.quantity} {report.contract}"
        raise_alert(d, account, "SYSTEM_STATUS", "CRITICAL", order.ticker, "Execution that is not the order's", message)
        return True
    closes_leg = bool(order.new_contract) and report.contract == order.contract
    done = order.leg_filled if closes_leg else order.filled
    if done + report.quantity > order.quantity:
        raise_alert(
            d,
            account,
            "SYSTEM_STATUS",
            "CRITICAL",
            order.ticker,
            "Execution beyond the order's quantity",
            f"{order.order_id}: {done} + {report.quantity} > {order.quantity}; not booked",
        )
        return True
    stream = f"order-{order.order_id}"
    if order.state == "PENDING_SUBMIT":
        d.emit(e.OrderAcknowledged(order.order_id, report.broker_order_id, order.version), stream, account)
    if order.state != "CANCEL_REQUESTED":
        d.clear_timer(f"ack|{order.order_id}")
    late, unknown = order.ended, order.state == "UNKNOWN"
    cancel_lost = unknown and order.before_cancel != ""
    cumulative = order.filled + (0 if closes_leg else report.quantity)
    complete = cumulative == order.quantity
    if order.new_contract:
        complete = complete and order.leg_filled == order.quantity
        complete = complete or (closes_leg and order.filled == order.quantity == done + report.quantity)
    state = _state_after(order, complete=complete)
    effect = order.effect if not order.new_contract else "CLOSE" if closes_leg else "OPEN"
    kind = e.OrderFilled if state == "FILLED" else e.OrderPartiallyFilled
    d.emit(
        kind(
            order.order_id,
            report.exec_id,
            report.contract,
            report.side,
            effect,
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
    resolved(d, account, order, unknown=unknown)
    if effect == "OPEN":
        (_open_short if report.side == "SELL" else open_long)(d, account, order, report)
    else:
        (_close_short if report.side == "BUY" else close_long)(d, account, order, report)
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


def _belongs(order: Order, report: BrokerExecution) -> bool:
    """The execution is the order's: of a roll the old option is bought and the new one sold."""
    if report.quantity <= 0:
        return False
    if order.new_contract:
        return (report.contract, report.side) in ((order.contract, "BUY"), (order.new_contract, "SELL"))
    return report.contract == order.contract and report.side == order.side


def _state_after(order: Order, *, complete: bool) -> str:
    if order.state in TERMINAL:
        return order.state
    if complete:
        return "FILLED"
    return "CANCEL_REQUESTED" if order.state == "CANCEL_REQUESTED" else "PARTIALLY_FILLED"


def _open_short(d: Decision, account: Account, order: Order, report: BrokerExecution) -> None:
    contract, quantity = report.contract, report.quantity
    terms = option(contract)
    held = account.shorts.get(contract)
    if held is None:
        position = d.next_event_id()
        wheel = account.wheels[terms.underlying]
        bar = d.atr_record(terms.underlying, account)
        chain = wheel.chain_id or f"{account.account_id}|{terms.underlying}|{position}"
        quote = d.market.quote(contract)
        delta = quote.delta_e2 if quote is not None else -1
        carried = order.chain_credit_e4 - order.leg_cost // max(1, order.leg_filled) if order.rolls_into else None
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
                order.roll_chain_id or position,
                order.original_credit_e4 if order.rolls_into else report.price_e4,
                carried,
                order.rolls + 1 if order.rolls_into else None,
                delta if delta >= 0 else None,
            ),
            f"position-{position}",
            account,
            occurred_us=report.time_us,
        )
        watch(d, account, contract, d.now_us)
        store_recovery_script(d, account, contract)
        if terms.right == "P" and delta >= d.config().fraction("tax.deep_put_delta") * 100:
            deep_put_sold(d, account, contract, position, quantity)
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
    """Next look at an option: one interval of the level from now, in session only (protocol 8.2).

    A call has no level of its own: it is looked at with its shares, every 30 s at most.
    """
    holding = measure.put_holding(account, contract)
    if holding is not None and d.now_us == now_us:
        measure.watch(d, account, holding)
        return
    terms = option(contract)
    level = min(2, measure.level_in_ticker(d, account, terms.underlying)) if terms.right == "C" else 0
    due = now_us + measure.interval_us(d.config(account.account_id), level)
    if not d.calendar.in_session(now_us) or not d.calendar.in_session(due):
        due = d.calendar.open_after(now_us)
    if due:
        d.set_timer(f"monitor|{account.account_id}|{contract}", due)


def _close_short(d: Decision, account: Account, order: Order, report: BrokerExecution) -> None:
    short = account.shorts.get(report.contract)
    held = short.quantity if short is not None else 0
    if short is None or held < report.quantity:
        _unmatched(d, account, order, report, -held, report.quantity - held)
        return
    purpose = "BUY_BACK" if order.roll_to else order.purpose
    cause = {"ROLL": "ROLLED", "STOP_LOSS": "STOPPED"}.get(purpose, "BOUGHT_BACK")
    whole, before = short.quantity == report.quantity, short.realised
    day_trade = opened_today(d, account, report.contract)
    pnl = end_short(
        d,
        account,
        short,
        report.quantity,
        option_value(report.price_e4, report.quantity),
        report.commission,
        cause,
        report.price_e4,
        report.exec_id,
    )
    record_gain(d, account, report.contract, pnl, d.today)
    put_ended(d, account, short.position_id, report.quantity)
    if day_trade:
        _flag_day_trade(d, account, order)
    if whole and cause == "STOPPED":
        d.book.memory[f"stopped|{account.account_id}|{report.contract}"] = before + pnl
    elif whole:
        end_of_position(d, account, report.contract, rolled=cause == "ROLLED")


def _flag_day_trade(d: Decision, account: Account, order: Order) -> None:
    """A level-3 exit passes the day-trade rule and is flagged where the rule would have stopped it (CR-04)."""
    config = d.config()
    regime = config.text("compliance.daytrade_regime")
    if order.purpose != "STOP_LOSS" or regime == "CASH":
        return
    small = margin_equity(d) < config.integer("compliance.min_equity") * 100
    if small if regime == "LEGACY_PDT" else intraday_excess(d) < 0:
        message = f"{order.contract}: a level-3 exit that is a day trade"
        raise_alert(d, account, "COMPLIANCE", "HIGH", order.ticker, "Day trade", message)


def open_long(d: Decision, account: Account, _order: Order, report: BrokerExecution) -> None:
    """Shares, LEAPS or hedges bought: a tax lot with the commission in its basis (protocol 4.3, 4.4)."""
    contract = report.contract
    terms = parse(contract)
    cost = (option_value if terms else shares_value)(report.price_e4, report.quantity)
    basis, lot = cost + report.commission, d.next_event_id()
    d.emit(
        e.TaxLotOpened(
            lot, contract, report.quantity, d.today, basis, report.price_e4, 0, funds_settle=funds_settle(d, basis)
        ),
        f"account-{account.account_id}",
        account,
        occurred_us=report.time_us,
    )
    post(d, account, "FILL", report.exec_id, {POSITIONS_AT_COST: basis, CASH: -basis})
    bar = d.atr_record(ticker_of(contract), account)
    d.emit(
        e.PositionOpened(
            d.next_event_id(), contract, report.quantity, report.price_e4, d.market.last(ticker_of(contract)),
            bar.atr_e6 if bar else 0, report.commission, "",
        ),
        f"position-{account.account_id}-{contract}",
        account,
    )  # fmt: skip
    acquired(d, account, contract, lot, report.quantity, d.today)
    follow_package(d, account, ticker_of(contract))


def close_long(d: Decision, account: Account, order: Order, report: BrokerExecution) -> None:
    """Shares or long options sold, first in first out: a gain or loss lot by lot (protocol 4.3, 4.4)."""
    contract, quantity = report.contract, report.quantity
    held = account.shares(contract)
    if held < quantity:
        _unmatched(d, account, order, report, held, held - quantity)
        return
    gross = (option_value if parse(contract) else shares_value)(report.price_e4, quantity)
    dispose(d, account, contract, quantity, gross - report.commission, report.price_e4, d.today, report.exec_id)


def _unmatched(d: Decision, account: Account, order: Order, report: BrokerExecution, ours: int, theirs: int) -> None:
    """A close of what is not held (any more) is a break as soon as it is told: the broker is the truth for quantities
    and cash, and nothing is entered until people have looked (protocol 12.5)."""
    if report.contract not in d.book.breaks:
        stream = f"broker-{d.book.broker_account}"
        d.emit(e.ReconciliationBreakDetected(report.contract, ours, theirs, "FILL"), stream)
    message = f"{report.exec_id}: {report.side} {report.quantity} {report.contract}, held {ours}"
    raise_alert(d, account, "SYSTEM_STATUS", "CRITICAL", order.ticker, "Close without a position", message)
    follow_breaks(d)


def dispose(
    d: Decision, account: Account, contract: str, quantity: int, proceeds: int, price_e4: int, day: int, reference: str
) -> int:
    """Give up `quantity` of shares or long options for `proceeds` net cents. Returns the gain before tax."""
    parts = split_lots(account, contract, quantity)
    basis = sum(part.cost for part in parts)
    left, gain = account.shares(contract) - quantity, proceeds - basis
    stream = f"position-{account.account_id}-{contract}"
    post(
        d,
        account,
        "FILL",
        reference,
        {CASH_UNSETTLED: proceeds, POSITIONS_AT_COST: -basis, REALISED_SHARE_PNL: -gain},
    )
    if left:
        d.emit(e.PositionReduced(stream, contract, left, price_e4, gain), stream, account)
    else:
        d.emit(e.PositionClosed(stream, contract, price_e4, gain, "SOLD", price_e4, day), stream, account)
    record_sale(d, account, contract, parts, proceeds, day)
    follow_package(d, account, ticker_of(contract))
    return gain


def follow_package(d: Decision, account: Account, ticker: str) -> None:
    """Shares came or went: from 100 on they are looked at by their level (protocol 8.1)."""
    key = f"package|{account.account_id}|{ticker}"
    held = measure.package(d, account, ticker)
    if held is None:
        d.clear_timer(key)
        d.unwatch_price(key)
    elif key not in d.book.timers:
        measure.watch(d, account, held)


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
        bought = cause in ("BOUGHT_BACK", "ROLLED", "STOPPED")
        spot, session = (d.market.last(option(short.contract).underlying), d.today) if bought else (None, None)
        d.emit(
            e.PositionClosed(short.position_id, short.contract, price_e4, pnl, cause, spot, session), stream, account
        )
        stop_watching(d, account, short.contract)
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


def stop_watching(d: Decision, account: Account, contract: str) -> None:
    """An option is gone: nobody looks at it any more."""
    key = f"monitor|{account.account_id}|{contract}"
    d.clear_timer(key)
    d.unwatch_price(key)
    d.clear_timer(f"stop|{account.account_id}|{contract}")
    d.unwatch_price(f"stop|{account.account_id}|{contract}")
    d.book.memory.pop(key, None)
