"""Orders on which the broker owes an answer (protocol 12.1): no progress for a minute is told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.calendar import SECOND

ANSWER_US = 60 * SECOND
ANSWERED_KEPT = 100
ASKS = {"OrderSubmitted": "a placement", "OrderRepriced": "a new limit", "OrderCancelRequested": "a cancellation"}
ANSWERS = frozenset({
    "OrderAcknowledged", "OrderFilled", "OrderPartiallyFilled", "OrderCancelled", "OrderExpired", "OrderRejected",
    "OrderReconciled",
})  # fmt: skip
ENDS = frozenset({"OrderFilled", "OrderCancelled", "OrderExpired", "OrderRejected"})


@dataclass
class Asked:
    """The broker was asked something about an order."""

    what: str
    since_us: int
    version: int
    account_id: str


@dataclass
class OrdersState:
    """Open questions by order id, and when orders were last answered."""

    asked: dict[str, Asked] = field(default_factory=dict[str, Asked])
    answered: dict[str, int] = field(default_factory=dict[str, int])
    """the latest ones only"""


@dataclass(frozen=True)
class Stuck:
    """An order without progress."""

    order_id: str
    asked: Asked


def follow_order(state: OrdersState, name: str, event: Mapping[str, Any], account_id: str, at_us: int) -> None:
    """An event of an order. Topics overtake each other: an answer may be read before its question."""
    order_id = event.get("order_id")
    if not isinstance(order_id, str):
        return
    asked = state.asked.get(order_id)
    if name in ASKS:
        answered = state.answered.get(order_id, -1) >= at_us
        if not answered and (asked is None or at_us >= asked.since_us):
            state.asked[order_id] = Asked(ASKS[name], at_us, int(event.get("version", 0)), account_id)
    elif name in ANSWERS:
        older = asked is not None and name == "OrderAcknowledged" and int(event["version"]) < asked.version
        cancel_open = asked is not None and asked.what == ASKS["OrderCancelRequested"] and name not in ENDS
        if older or cancel_open:
            return
        state.answered[order_id] = max(at_us, state.answered.get(order_id, -1))
        if asked is not None and at_us >= asked.since_us:
            del state.asked[order_id]
        while len(state.answered) > ANSWERED_KEPT:
            del state.answered[next(iter(state.answered))]


def stuck_orders(state: OrdersState, now_us: int) -> list[Stuck]:
    """Orders without progress for too long, each question once."""
    late = [order_id for order_id, asked in state.asked.items() if now_us - asked.since_us >= ANSWER_US]
    return [Stuck(order_id, state.asked.pop(order_id)) for order_id in late]
