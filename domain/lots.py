"""Lots of shares and slices of short options, first in, first out (protocol 4.3)."""

from fractions import Fraction

from domain.money import option_value
from domain.state import Account, Lot, Slice


def take_slices(slices: list[Slice], quantity: int) -> tuple[list[Slice], list[Slice]]:
    """Split slices: (those of `quantity` contracts, the rest). Commissions split by quantity."""
    taken: list[Slice] = []
    rest = [Slice(s.quantity, s.price_e4, s.commission) for s in slices]
    while quantity:
        first = rest[0]
        part = min(first.quantity, quantity)
        commission = first.commission * part // first.quantity
        taken.append(Slice(part, first.price_e4, commission))
        quantity -= part
        if part == first.quantity:
            del rest[0]
        else:
            rest[0] = Slice(first.quantity - part, first.price_e4, first.commission - commission)
    return taken, rest


def premium_of(slices: list[Slice]) -> tuple[int, int]:
    """(premium received, commissions paid) of slices, cents."""
    return sum(option_value(s.price_e4, s.quantity) for s in slices), sum(s.commission for s in slices)


def average_price(account: Account, ticker: str) -> Fraction:
    """Acquisition price per share B in 1e-4 dollars: of several lots the average by quantity (protocol 6.7)."""
    lots = [lot for lot in account.lots if lot.contract == ticker]
    shares = sum(lot.quantity for lot in lots)
    return Fraction(sum(lot.price_e4 * lot.quantity for lot in lots), shares) if shares else Fraction(0)


def split_lots(account: Account, ticker: str, shares: int) -> list[tuple[Lot, int, int]]:
    """The lots that give `shares`: (lot, shares taken, cents of basis taken)."""
    parts: list[tuple[Lot, int, int]] = []
    lots = sorted((lot for lot in account.lots if lot.contract == ticker), key=lambda lot: (lot.acquired, lot.lot_id))
    for lot in lots:
        part = min(lot.quantity, shares)
        if part:
            parts.append((lot, part, lot.basis * part // lot.quantity))
            shares -= part
    return parts


def take_lots(account: Account, ticker: str, shares: int) -> None:
    """Remove shares."""
    for lot, part, basis in split_lots(account, ticker, shares):
        lot.quantity -= part
        lot.basis -= basis
    account.lots = [lot for lot in account.lots if lot.quantity]
