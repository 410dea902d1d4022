"""Splits (protocol 2.6): lots, prices at which positions were opened and contracts follow the ratio."""

from domain import events as e
from domain.alerts import raise_alert
from domain.contracts import occ_symbol, option
from domain.decision import Decision
from domain.inputs import CorporateAction


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
        for contract in sorted(c for c in account.shorts if option(c).underlying == action.symbol):
            terms = option(contract)
            if old == 1 and terms.strike_e3 % new == 0:
                adjusted = occ_symbol(terms.underlying, terms.expiry, terms.right, terms.strike_e3 // new)
                d.emit(
                    e.PositionAdjusted(contract, adjusted, new, old),
                    f"position-{account.shorts[contract].position_id}",
                    account,
                )
                due = d.book.timers.pop(f"monitor|{key}|{contract}", None)
                if due is not None:
                    d.set_timer(f"monitor|{key}|{adjusted}", due)
            else:
                raise_alert(
                    d,
                    account,
                    "ACCOUNT_MANAGEMENT",
                    "HIGH",
                    action.symbol,
                    "Adjusted contract",
                    f"{contract} after {new}:{old}",
                )
