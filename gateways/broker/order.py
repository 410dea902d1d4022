"""An order as the simulated broker works it: its legs, what it is worth, and what cash it needs."""

from dataclasses import dataclass, field
from typing import NamedTuple

from domain.contracts import Option, parse
from domain.events import OrderSubmitted
from domain.money import COMMISSION_PER_CONTRACT, option_value, shares_value, strike_value, tick_e4
from gateways.broker.port import OpenOrder

SHARE_TICK_E4 = NET_TICK_E4 = 100
"""0.01 $, of shares and of the net of a combination (protocol 2.7)."""

ROLL = "ROLL"
"""Effect of a combination: `contract` is bought back, `new_contract` sold."""


class Leg(NamedTuple):
    """One side of an order."""

    contract: str
    side: str
    option: Option | None
    """`None` for shares"""


@dataclass(slots=True)
class WorkingOrder:
    """An order between its acknowledgement and its end."""

    order_id: str
    broker_order_id: str
    version: int
    contract: str
    side: str
    effect: str
    quantity: int
    limit_e4: int
    filled: int = 0
    fills: int = 0
    """fills so far: the n of the next execution's id"""
    new_contract: str | None = None
    """of a combination"""
    legs: tuple[Leg, ...] = field(init=False)
    """one; of a combination the purchase, then the sale"""

    def __post_init__(self) -> None:
        if self.new_contract is None:
            self.legs = (Leg(self.contract, self.side, option_of(self.contract)),)
        else:
            sale = Leg(self.new_contract, "SELL", option_of(self.new_contract))
            self.legs = (Leg(self.contract, "BUY", option_of(self.contract)), sale)

    @classmethod
    def of(cls, order: OrderSubmitted, broker_order_id: str = "") -> "WorkingOrder":
        """The order as it comes in."""
        return cls(
            order.order_id, broker_order_id, order.version, order.contract, order.side, order.effect, order.quantity,
            order.limit_e4, new_contract=order.new_contract,
        )  # fmt: skip

    @property
    def combination(self) -> bool:
        """It has two legs."""
        return len(self.legs) == 2

    @property
    def option(self) -> Option | None:
        """Of `contract`; `None` for shares."""
        return self.legs[0].option

    @property
    def rest(self) -> int:
        """Quantity still to be done."""
        return self.quantity - self.filled

    @property
    def symbol(self) -> str:
        """Underlying, or the ticker of shares."""
        return self.option.underlying if self.option else self.contract

    def open_order(self) -> OpenOrder:
        """As the port shows it."""
        return OpenOrder(
            self.order_id, self.broker_order_id, self.version, self.contract, self.side, self.effect,
            self.quantity, self.filled, self.limit_e4, self.new_contract,
        )  # fmt: skip

    def bad_tick(self, limit_e4: int) -> bool:
        """Not a multiple of the tick; not positive, where the limit is no net (protocol 2.7)."""
        if self.combination:
            return limit_e4 % NET_TICK_E4 != 0
        tick = tick_e4(limit_e4, self.option.underlying) if self.option else SHARE_TICK_E4
        return limit_e4 <= 0 or limit_e4 % tick != 0

    # --- what the rest of it does, in cents ------------------------------------------------------------------

    def commission(self) -> int:
        """Of the rest."""
        return sum(commission(leg.contract, self.rest) for leg in self.legs)

    def cash_change(self) -> int:
        """When the rest is filled at the limit, commission included."""
        amount = value(self.contract, self.rest, self.limit_e4)
        return (amount if self.side == "SELL" else -amount) - self.commission()

    def collateral_change(self) -> int:
        """Of the strike value of short puts, when the rest is filled (protocol 4.1)."""
        if not self.combination and (self.side == "SELL") != (self.effect == "OPEN"):
            return 0
        return sum(
            strike_value(leg.option.strike_e3, self.rest) * (1 if leg.side == "SELL" else -1)
            for leg in self.legs
            if leg.option and leg.option.right == "P"
        )

    def available_change(self) -> int:
        """Of the cash that nothing needs: a sale's proceeds do not count before they are there, but a combination's net
        comes with the collateral it takes and frees."""
        counted = self.side == "BUY" or self.combination
        return (self.cash_change() if counted else 0) - self.collateral_change()

    def binds(self) -> int:
        """Cash that must stay for the rest of it; nothing for a purchase that closes (protocol 4.1)."""
        return 0 if self.side == "BUY" and self.effect == "CLOSE" else max(0, -self.available_change())


def option_of(contract: str) -> Option | None:
    """The option an OCC symbol names; `None` for anything else, a symbol with an impossible date included."""
    try:
        return parse(contract)
    except ValueError:
        return None


def is_ticker(contract: str) -> bool:
    """The form of a listed ticker: capital letters, perhaps a class after a dot, six at most."""
    return contract.replace(".", "", 1).isalpha() and contract.isupper() and contract.isascii() and len(contract) <= 6


def commission(contract: str, quantity: int) -> int:
    """Cents: 0.65 $ an option contract, nothing for shares (protocol 4.2, 20)."""
    return COMMISSION_PER_CONTRACT * quantity if option_of(contract) else 0


def value(contract: str, quantity: int, price_e4: int) -> int:
    """Cents of a trade without commission."""
    return option_value(price_e4, quantity) if option_of(contract) else shares_value(price_e4, quantity)
