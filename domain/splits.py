"""Splits (protocol 2.6): lots, prices at which positions were opened and contracts follow the ratio.

Every `PositionAdjusted` says what a position and each of its lots is afterwards, so that a reader need not know how it
was rounded.
"""

from fractions import Fraction

from domain import events as e
from domain.alerts import raise_alert
from domain.contracts import occ_symbol, option, parse
from domain.decision import Decision
from domain.inputs import CorporateAction
from domain.lots import after_split, slices_after_split
from domain.money import round_half_up
from domain.state import Account, ShortOption


def adjust(d: Decision, action: CorporateAction) -> None:
    """Apply a split to everything that a book holds of the symbol.

    An even split of n:1 leaves standard contracts with strike / n and n times the quantity. Any other ratio makes
    adjusted contracts, which are held under human supervision: as many as before, of another deliverable; P0 follows
    all the same, or the level of a put would jump with the price.
    """
    new, old = action.ratio_new, action.ratio_old
    for key in sorted(d.book.accounts):
        account = d.book.accounts[key]
        if account.shares(action.symbol):
            d.emit(
                _of_lots(account, action.symbol, action.symbol, new, old), f"position-{key}-{action.symbol}", account
            )
        held = [
            *account.shorts,
            *dict.fromkeys(lot.contract for lot in account.lots if parse(lot.contract) is not None),
        ]
        for contract in sorted(c for c in held if option(c).underlying == action.symbol):
            _adjust_option(d, account, contract, new, old)


def _adjust_option(d: Decision, account: Account, contract: str, new: int, old: int) -> None:
    terms, key = option(contract), account.account_id
    short = account.shorts.get(contract)
    if old != 1 or terms.strike_e3 % new:
        message = f"{contract} after {new}:{old}"
        if short is not None:
            d.emit(_of_short(account, short, contract, new, old), f"position-{short.position_id}", account)
        raise_alert(d, account, "ACCOUNT_MANAGEMENT", "HIGH", terms.underlying, "Adjusted contract", message)
        return
    adjusted = occ_symbol(terms.underlying, terms.expiry, terms.right, terms.strike_e3 // new)
    if short is not None:
        d.emit(_of_short(account, short, adjusted, new, old), f"position-{short.position_id}", account)
    else:
        d.emit(_of_lots(account, contract, adjusted, new, old), f"position-{key}-{contract}", account)
    due = d.book.timers.pop(f"monitor|{key}|{contract}", None)
    if due is not None:
        d.set_timer(f"monitor|{key}|{adjusted}", due)


def _of_short(account: Account, short: ShortOption, adjusted: str, new: int, old: int) -> e.PositionAdjusted:
    standard = adjusted != short.contract
    slices = slices_after_split(short.slices, new, old) if standard else short.slices
    quantity = sum(s.quantity for s in slices)
    hedges = [
        e.AdjustedHedge(contract, adjusted, hedge.quantity, hedge.cost)
        for contract, hedge in sorted(account.hedges.items())
        if standard and hedge.hedged == short.contract
    ]
    return e.PositionAdjusted(
        short.contract,
        adjusted,
        new,
        old,
        position_id=short.position_id,
        quantity=-quantity,
        price_e4=_average(sum(s.price_e4 * s.quantity for s in slices), quantity),
        p0_e4=short.p0_e4 * old // new,
        atr_e6=short.atr_e6 * old // new,
        hedges=hedges or None,
    )


def _of_lots(account: Account, contract: str, adjusted: str, new: int, old: int) -> e.PositionAdjusted:
    lots = [e.AdjustedLot(lot.lot_id, *after_split(lot, new, old)) for lot in account.lots if lot.contract == contract]
    quantity = sum(lot.quantity for lot in lots)
    hedge = account.hedges.get(contract)
    return e.PositionAdjusted(
        contract,
        adjusted,
        new,
        old,
        quantity=quantity,
        price_e4=_average(sum(lot.price_e4 * lot.quantity for lot in lots), quantity),
        lots=lots,
        hedges=hedge and [e.AdjustedHedge(adjusted, hedge.hedged, hedge.quantity * new // old, hedge.cost)],
    )


def _average(value_e4: int, quantity: int) -> int:
    return round_half_up(Fraction(value_e4, quantity)) if quantity else 0
