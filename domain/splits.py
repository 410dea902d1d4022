"""Splits (protocol 2.6): lots, prices at which positions were opened and contracts follow the ratio."""

from domain import events as e
from domain.alerts import raise_alert
from domain.contracts import occ_symbol, option, parse
from domain.decision import Decision
from domain.inputs import CorporateAction
from domain.state import Account


def adjust(d: Decision, action: CorporateAction) -> None:
    """Apply a split to everything that a book holds of the symbol.

    An even split of n:1 leaves standard contracts with strike / n and n times the quantity. Any other ratio makes
    adjusted contracts, which are held under human supervision.
    """
    new, old = action.ratio_new, action.ratio_old
    for key in sorted(d.book.accounts):
        account = d.book.accounts[key]
        if account.shares(action.symbol):
            d.emit(
                e.PositionAdjusted(action.symbol, action.symbol, new, old), f"position-{key}-{action.symbol}", account
            )
        held = [
            *account.shorts,
            *dict.fromkeys(lot.contract for lot in account.lots if parse(lot.contract) is not None),
        ]
        for contract in sorted(c for c in held if option(c).underlying == action.symbol):
            _adjust_option(d, account, contract, new, old)


def _adjust_option(d: Decision, account: Account, contract: str, new: int, old: int) -> None:
    terms, key = option(contract), account.account_id
    if old != 1 or terms.strike_e3 % new:
        message = f"{contract} after {new}:{old}"
        raise_alert(d, account, "ACCOUNT_MANAGEMENT", "HIGH", terms.underlying, "Adjusted contract", message)
        return
    adjusted = occ_symbol(terms.underlying, terms.expiry, terms.right, terms.strike_e3 // new)
    short = account.shorts.get(contract)
    stream = f"position-{short.position_id}" if short is not None else f"position-{key}-{contract}"
    d.emit(e.PositionAdjusted(contract, adjusted, new, old), stream, account)
    due = d.book.timers.pop(f"monitor|{key}|{contract}", None)
    if due is not None:
        d.set_timer(f"monitor|{key}|{adjusted}", due)
