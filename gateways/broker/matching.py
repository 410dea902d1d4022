"""When and at what price the simulated broker fills (protocol 12.3, 12.4; docs/decisions/0005).

A sell fills against the bid, a buy against the ask. On arrival or replacement a marketable order takes the quote's
price (price improvement); when the market comes to a resting limit it fills at the limit. A combination fills when what
the bid of one side brings and the ask of the other costs is the limit or better, at that bid and ask. Never more than
the displayed size, of a combination on either side, and what was taken of a snapshot is gone until the next one. Shares
have no limit of size.
"""

from collections.abc import Mapping, Sequence

from gateways.broker.order import Leg, WorkingOrder
from gateways.broker.port import Quote

UNLIMITED = -1

Taken = Mapping[str, Sequence[int]]
"""What an account already took: contract to [snapshot, of the bid, of the ask]."""


def _side(leg: Leg, quote: Quote) -> tuple[int, int]:
    """`(price, displayed size)` that a leg meets; price 0 = nobody quotes it."""
    return (quote.bid_e4, quote.bid_size) if leg.side == "SELL" else (quote.ask_e4, quote.ask_size)


def crosses(order: WorkingOrder, quotes: Sequence[Quote]) -> bool:
    """The quotes of its legs, in their order, are at the limit or better, and something is displayed there.

    False when there is not a quote of each.
    """
    if len(quotes) < len(order.legs):
        return False
    if order.combination:
        bought, sold = quotes
        displayed = bought.ask_e4 > 0 and bought.ask_size != 0 and sold.bid_e4 > 0 and sold.bid_size != 0
        return displayed and sold.bid_e4 - bought.ask_e4 >= order.limit_e4
    quote = quotes[0]
    if order.side == "SELL":
        return 0 < quote.bid_e4 >= order.limit_e4 and quote.bid_size != 0
    return 0 < quote.ask_e4 <= order.limit_e4 and quote.ask_size != 0


def fill(order: WorkingOrder, quotes: Sequence[Quote], taken: Taken, *, arriving: bool) -> tuple[int, list[int]]:
    """`(quantity, prices of the legs in 1e-4 dollars)` of the execution these quotes give; quantity 0 = none."""
    if not crosses(order, quotes):
        return 0, []
    pairs = list(zip(order.legs, quotes, strict=True))
    quantity = min(order.rest, *(_left(leg, quote, order.rest, taken.get(leg.contract)) for leg, quote in pairs))
    if quantity <= 0:
        return 0, []
    if arriving or order.combination:
        return quantity, [_side(leg, quote)[0] for leg, quote in pairs]
    return quantity, [order.limit_e4]


def _left(leg: Leg, quote: Quote, wanted: int, taken: Sequence[int] | None) -> int:
    displayed = _side(leg, quote)[1]
    if displayed == UNLIMITED:
        return wanted
    gone = taken[1 if leg.side == "SELL" else 2] if taken is not None and taken[0] == quote.snapshot else 0
    return displayed - gone


def take(taken: dict[str, list[int]], leg: Leg, quote: Quote, quantity: int) -> None:
    """Note what was taken of a snapshot's displayed size."""
    if _side(leg, quote)[1] == UNLIMITED:
        return
    row = taken.get(leg.contract)
    if row is None or row[0] != quote.snapshot:
        row = taken[leg.contract] = [quote.snapshot, 0, 0]
    row[1 if leg.side == "SELL" else 2] += quantity
