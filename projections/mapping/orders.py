"""Orders: terms, limit, checks, broker id, state (protocol 12.1)."""

from projections.mapping.event import Changes, Handler, LoggedEvent
from projections.tables.orders import ORDERS
from projections.tables.shape import Change

ENDED = frozenset({"FILLED", "CANCELLED", "REJECTED", "EXPIRED"})


def order_state(e: LoggedEvent, state: str, code: str | None = None, reason: str | None = None) -> Change:
    """The order is in `state` from this event on."""
    return ORDERS.set("state", _key(e), state=state, code=code, reason=reason, state_at=e.occurred_at)


def order_filled_to(e: LoggedEvent) -> Change:
    """Quantity filled so far."""
    return ORDERS.set("filled", _key(e), cum_quantity=e["cum_quantity"])


def order_proposed(e: LoggedEvent) -> Changes:
    yield ORDERS.set(
        "terms",
        _key(e),
        account_id=e["account_id"],
        signal_id=e["signal_id"],
        contract=e["contract"],
        ticker=e["ticker"],
        side=e["side"],
        effect=e["effect"],
        quantity=e["quantity"],
        first_limit_e4=e["limit_e4"],
        ladder_e4=e.json("ladder_e4"),
        purpose=e["purpose"],
        origin=e["origin"],
        clip=e["clip"],
        rest=e["rest"],
        new_contract=e["new_contract"] or None,
        approval_id=e["approval_id"] or None,
        reference=e["reference"] or None,
        mid_e6=e["mid_e6"],
        proposed_at=e.occurred_at,
    )
    yield ORDERS.set("limit", _key(e), limit_e4=e["limit_e4"], version=0)
    yield order_state(e, "PROPOSED")


def order_validated(e: LoggedEvent) -> Changes:
    yield ORDERS.set("checks", _key(e), checks=e.json("checks"))
    yield order_state(e, "VALIDATED")


def order_submitted(e: LoggedEvent) -> Changes:
    yield ORDERS.set("limit", _key(e), limit_e4=e["limit_e4"], version=e["version"])
    yield order_state(e, "PENDING_SUBMIT")


def order_acknowledged(e: LoggedEvent) -> Changes:
    """Moves PENDING_SUBMIT to SUBMITTED and no other state (an acknowledged replacement may be partly filled): the view
    `orders` compares the places of this facet and of the state."""
    yield ORDERS.set("broker", _key(e), broker_order_id=e["broker_order_id"])


def order_repriced(e: LoggedEvent) -> Changes:
    yield ORDERS.set("limit", _key(e), limit_e4=e["limit_e4"], version=e["version"])


def order_cancel_requested(e: LoggedEvent) -> Changes:
    yield order_state(e, "CANCEL_REQUESTED", reason=e["reason"])


def order_cancelled(e: LoggedEvent) -> Changes:
    yield order_state(e, "CANCELLED", e["code"], e["reason"])
    yield order_filled_to(e)


def order_expired(e: LoggedEvent) -> Changes:
    yield order_state(e, "EXPIRED")
    yield order_filled_to(e)


def order_rejected(e: LoggedEvent) -> Changes:
    if e["checks"]:
        yield ORDERS.set("checks", _key(e), checks=e.json("checks"))
    yield order_state(e, "REJECTED", e["code"], e["reason"])


def order_state_unknown(e: LoggedEvent) -> Changes:
    yield order_state(e, "UNKNOWN", reason=f"no answer from the broker for {e['age_s']} s")


def order_reconciled(e: LoggedEvent) -> Changes:
    if e["final_state"] not in ENDED:  # else the event before it says how the order ended, and why
        yield order_state(e, e["final_state"], reason="RECONCILED")


def _key(e: LoggedEvent) -> tuple[str, str]:
    return e.book, e["order_id"]


HANDLERS: dict[str, Handler] = {
    "OrderProposed": order_proposed,
    "OrderValidated": order_validated,
    "OrderSubmitted": order_submitted,
    "OrderAcknowledged": order_acknowledged,
    "OrderRepriced": order_repriced,
    "OrderCancelRequested": order_cancel_requested,
    "OrderCancelled": order_cancelled,
    "OrderExpired": order_expired,
    "OrderRejected": order_rejected,
    "OrderStateUnknown": order_state_unknown,
    "OrderReconciled": order_reconciled,
}
