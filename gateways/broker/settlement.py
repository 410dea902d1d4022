"""What happens to positions without an order: expiry by the clearing house's habits, assignment, splits, dividends.

Protocol 7.4 and 2.6. Holders exercise what is in the money by 0.01 $ or more at the official close, so short options
are assigned exactly then; `decisions` says otherwise where a test needs it. The rest is gone the same night, long
options in any case: the account exercises nothing (docs/decisions/0005).
"""

from collections.abc import Mapping
from typing import NamedTuple

from domain.contracts import Option, occ_symbol
from domain.inputs import CorporateAction
from domain.money import CONTRACT_MULTIPLIER, shares_value, strike_value
from gateways.broker.account import BrokerAccount
from gateways.broker.order import option_of

EXERCISE_BY_E4 = 100
"""In the money by 0.01 $: exercised (protocol 7.4)."""


class Outcome(NamedTuple):
    """What became of an expired position."""

    contract: str
    assigned: int
    """contracts of a short position that were exercised against it"""
    expiry: int


def in_the_money(option: Option, close_e4: int) -> bool:
    """In the money by 0.01 $ or more at the official close."""
    intrinsic = close_e4 - option.strike_e4 if option.right == "C" else option.strike_e4 - close_e4
    return intrinsic >= EXERCISE_BY_E4


def assign(account: BrokerAccount, contract: str, option: Option, quantity: int) -> None:
    """`quantity` short contracts are exercised: strike cash against shares. Nothing is reported here."""
    amount = strike_value(option.strike_e3, quantity)
    shares = quantity * CONTRACT_MULTIPLIER
    account.move(contract, quantity)
    if option.right == "P":
        account.cash -= amount
        account.move(option.underlying, shares)
    else:
        account.cash += amount
        account.move(option.underlying, -shares)


def settle(account: BrokerAccount, expired: list[str], decisions: Mapping[str, int]) -> list[Outcome]:
    """Bring expired options to their end, in the order of their symbols. A short one without any known close stays.

    `decisions` gives, by contract, how many contracts the holders exercise, whatever the close says.
    """
    outcomes: list[Outcome] = []
    for contract in sorted(expired):
        option = option_of(contract)
        short = -account.positions.get(contract, 0)
        if option is None:
            continue
        if short > 0:
            close = account.closes.get(option.underlying)
            if close is None and contract not in decisions:
                continue
            exercised = close is not None and in_the_money(option, close[1])
            assigned = min(short, decisions.get(contract, short if exercised else 0))
            assign(account, contract, option, assigned)
            outcomes.append(Outcome(contract, assigned, option.expiry))
        account.positions.pop(contract, None)
    return outcomes


def dividend(account: BrokerAccount, symbol: str, dividend_e4: int) -> int:
    """Cents that the account's long shares receive; half a cent rounds up."""
    return shares_value(dividend_e4, max(0, account.positions.get(symbol, 0)))


def split(account: BrokerAccount, action: CorporateAction) -> bool:
    """Adjust positions to a split; True when the account held any."""
    before = dict(account.positions)
    account.positions = after_split(before, action)
    return any(contract == action.symbol or _on(contract, action.symbol) for contract in before)


def after_split(positions: Mapping[str, int], action: CorporateAction) -> dict[str, int]:
    """Positions as a split leaves them.

    Shares: by the ratio, fractions dropped. Options: only where new shares for ONE old share and the strike divides;
    others stay as they are (an adjusted contract is not standard, protocol 2.6).
    """
    new, old = action.ratio_new, action.ratio_old
    after: dict[str, int] = {}
    for contract, quantity in positions.items():
        option = option_of(contract)
        if contract == action.symbol:
            quantity = quantity * new // old
        elif option is not None and option.underlying == action.symbol and old == 1 and option.strike_e3 % new == 0:
            contract = occ_symbol(option.underlying, option.expiry, option.right, option.strike_e3 // new)
            quantity *= new
        after[contract] = after.get(contract, 0) + quantity
    return {contract: quantity for contract, quantity in after.items() if quantity}


def _on(contract: str, symbol: str) -> bool:
    option = option_of(contract)
    return option is not None and option.underlying == symbol
