"""Closes that people decided and the market did not fill are decided anew next session (protocol 6.6)."""

from domain.calendar import MINUTE
from domain.contracts import parse
from domain.decision import Decision
from domain.leaps import sell_long
from domain.monitoring import close_by_person
from domain.reasons import Reason
from domain.risk.levels import sell_uncovered
from domain.state import Account, Order

AFTER_OPEN_US = MINUTE
TAKEN_OVER = ("MERGING", "MERGED", "CLOSING", "CLOSED")
"""States of an account in which a workflow sells what is left."""


def plan_again(d: Decision, account: Account, order: Order) -> None:
    """A person's close has had its time, or its day is over, with something left of it. One that a person cancelled, or
    that a check refused, is over."""
    over = order.state == "EXPIRED" or order.cancel_reason == Reason.WORK_END
    if order.purpose == "CLOSE" and not order.reference and over and _left(order):
        _next_session(d, account, order)


def _left(order: Order) -> int:
    return order.open_quantity + order.rest


def _next_session(d: Decision, account: Account, order: Order) -> None:
    following = d.calendar.open_after(d.now_us)
    if following:
        d.set_timer(f"again|{account.account_id}|{order.order_id}", following + AFTER_OPEN_US)


def close_again(d: Decision, account: Account, order: Order) -> None:
    """What was left of it, at the prices of now; without a quote in the session after. Not where the position is gone,
    somebody has asked anew, or a workflow sells it anyway."""
    asked = any(
        o.account_id == account.account_id and o.contract == order.contract and o.effect == "CLOSE" and o.working
        for o in d.book.orders.values()
    )
    short = account.shorts.get(order.contract)
    gone = short is None or short.pending_outcome if order.side == "BUY" else not account.shares(order.contract)
    if asked or gone or account.state in TAKEN_OVER:
        return
    if short is not None:
        again = close_by_person(d, account, short, min(_left(order), short.quantity))
    elif parse(order.contract) is not None:
        again = sell_long(d, account, order.contract, "CLOSE")
    else:
        again = sell_uncovered(d, account, order.contract, order.approval_id, _left(order))
    if again is None:
        _next_session(d, account, order)
