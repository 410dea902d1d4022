"""Lots of shares and slices of short options, first in, first out (protocol 4.3)."""

from dataclasses import dataclass
from fractions import Fraction

from domain.money import option_value
from domain.state import Account, Lot, ShortOption, Slice


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
    cost_e4, shares = acquisition_cost(account, ticker)
    return Fraction(cost_e4, shares) if shares else Fraction(0)


def acquisition_cost(account: Account, ticker: str) -> tuple[int, int]:
    """(sum of acquisition price x quantity in 1e-4 dollars, shares) of a ticker's lots."""
    cost_e4 = shares = 0
    for lot in account.lots:
        if lot.contract == ticker:
            cost_e4 += lot.price_e4 * lot.quantity
            shares += lot.quantity
    return cost_e4, shares


@dataclass(frozen=True, slots=True)
class LotPart:
    """What a disposal takes of one lot."""

    lot_id: str
    held_since: int
    quantity: int
    cost: int
    """cents of the lot's cost"""
    disallowed: int
    """cents of wash-sale losses in its tax basis"""


def in_order(account: Account, contract: str) -> list[Lot]:
    """Lots of a contract, first in first out; of one day those that were dated back go first."""
    lots = (lot for lot in account.lots if lot.contract == contract)
    return sorted(lots, key=lambda lot: (lot.acquired, not lot.tax_acquired, lot.lot_id))


def split_lots(account: Account, contract: str, quantity: int) -> list[LotPart]:
    """The lots that give `quantity` shares or contracts."""
    parts: list[LotPart] = []
    for lot in in_order(account, contract):
        part = min(lot.quantity, quantity)
        if part:
            cost, disallowed = lot.cost * part // lot.quantity, lot.disallowed * part // lot.quantity
            parts.append(LotPart(lot.lot_id, lot.held_since, part, cost, disallowed))
            quantity -= part
    return parts


def after_split(lot: Lot, new: int, old: int) -> tuple[int, int]:
    """(quantity, acquisition price) of a lot after a split of `new` for `old`; its cost stays (protocol 2.6)."""
    return lot.quantity * new // old, lot.price_e4 * old // new


def slices_after_split(slices: list[Slice], new: int, old: int) -> list[Slice]:
    """Slices of a short option whose contracts a split has multiplied."""
    return [Slice(s.quantity * new // old, s.price_e4 * old // new, s.commission) for s in slices]


def take_lots(account: Account, ticker: str, shares: int) -> None:
    """Remove shares."""
    lots = {lot.lot_id: lot for lot in account.lots if lot.contract == ticker}
    for part in split_lots(account, ticker, shares):
        lot = lots[part.lot_id]
        lot.quantity -= part.quantity
        lot.cost -= part.cost
        lot.disallowed -= part.disallowed
    account.lots = [lot for lot in account.lots if lot.quantity]


def net_credit_e4(short: ShortOption) -> Fraction:
    """Net credit of the roll chain per share in 1e-4 dollars; without rolls the average price sold at (glossary)."""
    return Fraction(sum(s.price_e4 * s.quantity for s in short.slices), short.quantity) + short.carried_e4
