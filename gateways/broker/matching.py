"""When and at what price the simulated broker fills (protocol 12.3, 12.4; docs/decisions/0005).

A sell fills against the bid, a buy against the ask. On arrival or replacement a marketable order takes the quote's
price (price improvement); when the market comes to a resting limit it fills at the limit. Never more than the displayed
size, and what was taken of a snapshot is gone until the next one. Shares have no limit of size.
"""

from gateways.broker.account import WorkingOrder
from gateways.broker.port import Quote

UNLIMITED = -1


def crosses(side: str, limit_e4: int, quote: Quote) -> bool:
    """The quote's other side is at the limit or better, and something is displayed there."""
    if side == "SELL":
        return 0 < quote.bid_e4 >= limit_e4 and quote.bid_size != 0
    return 0 < quote.ask_e4 <= limit_e4 and quote.ask_size != 0


def fill(order: WorkingOrder, quote: Quote, taken: list[int] | None, *, arriving: bool) -> tuple[int, int]:
    """`(quantity, price in 1e-4 dollars)` of the execution this quote gives the order; quantity 0 = none.

    `taken` is what this account already took: [snapshot, of the bid, of the ask].
    """
    if not crosses(order.side, order.limit_e4, quote):
        return 0, 0
    selling = order.side == "SELL"
    displayed = quote.bid_size if selling else quote.ask_size
    quantity = order.rest
    if displayed != UNLIMITED:
        gone = taken[1 if selling else 2] if taken is not None and taken[0] == quote.snapshot else 0
        quantity = min(quantity, displayed - gone)
    if quantity <= 0:
        return 0, 0
    if arriving:
        return quantity, quote.bid_e4 if selling else quote.ask_e4
    return quantity, order.limit_e4


def take(taken: dict[str, list[int]], order: WorkingOrder, quote: Quote, quantity: int) -> None:
    """Note what was taken of a snapshot's displayed size."""
    selling = order.side == "SELL"
    if (quote.bid_size if selling else quote.ask_size) == UNLIMITED:
        return
    row = taken.get(order.contract)
    if row is None or row[0] != quote.snapshot:
        row = taken[order.contract] = [quote.snapshot, 0, 0]
    row[1 if selling else 2] += quantity
