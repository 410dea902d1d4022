"""A brokerage account at the simulated broker: cash, positions, working orders, and what it may order.

Cash is all cash, settled or not: settlement is the book's matter (protocol 4.1). Short puts are covered by cash and
short calls by shares; nothing is lent.
"""

from dataclasses import dataclass, field
from json import dumps, loads
from typing import Any

from domain.contracts import Option
from domain.inputs import BrokerAssignment, BrokerExecution, BrokerPosition
from domain.money import CONTRACT_MULTIPLIER, strike_value
from gateways.broker.codes import Refusal
from gateways.broker.order import ROLL, WorkingOrder, option_of
from gateways.broker.port import AccountSummary

PERMISSIONS = "CSP_AND_CC"
"""What paper accounts may do: cash-secured puts, covered calls, purchases (protocol 12.4)."""


@dataclass(slots=True)
class BrokerAccount:
    """One brokerage account."""

    book: str
    broker_account: str
    deposit: int
    """cents that arrived when it was linked"""
    cash: int
    """cents, settled or not"""
    positions: dict[str, int]
    """contract to quantity, negative = short, never 0"""
    next_order: int = 1
    connect_due_us: int = 0
    """when the CONNECT statement is to be taken, 0 = it has been"""
    orders: dict[str, WorkingOrder] = field(default_factory=dict[str, WorkingOrder])
    """working orders by id, oldest first"""
    done: dict[str, str] = field(default_factory=dict[str, str])
    """how orders since the last pre-open ended: FILLED, CANCELLED, EXPIRED or REJECTED"""
    taken: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    """contract to [snapshot, taken of the bid, taken of the ask]"""
    closes: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    """underlying of an expiring option to [session, close in 1e-4 dollars]"""
    executions: list[BrokerExecution] = field(default_factory=list[BrokerExecution])
    """since the last pre-open"""
    notices: list[BrokerAssignment] = field(default_factory=list[BrokerAssignment])
    """of the last five days"""
    booked: dict[str, int] = field(default_factory=dict[str, int])
    """cash outside orders: id of the movement or activity to cents, so that none is booked twice"""

    # --- money -----------------------------------------------------------------------------------------------

    def collateral(self) -> int:
        """Strike value of short puts, held and working to open; of a roll what it needs more (protocol 4.1)."""
        return self._held() + sum(max(0, order.collateral_change()) for order in self.orders.values())

    def available(self) -> int:
        """Cash that is neither collateral nor needed by a working order."""
        return self.cash - self._held() - sum(order.binds() for order in self.orders.values())

    def _held(self) -> int:
        puts = ((option_of(contract), n) for contract, n in self.positions.items() if n < 0)
        return sum(strike_value(put.strike_e3, -n) for put, n in puts if put and put.right == "P")

    def book_cash(self, identity: str, amount: int) -> bool:
        """Cash enters or leaves outside orders; False when this has been booked before."""
        if identity in self.booked:
            return False
        self.booked[identity] = amount
        self.cash += amount
        return True

    def summary(self) -> AccountSummary:
        """As the port shows it."""
        return AccountSummary(self.broker_account, self.cash, self.collateral(), self.available())

    def lines(self) -> list[BrokerPosition]:
        """Positions sorted by contract, none with quantity 0."""
        return [BrokerPosition(contract, self.positions[contract]) for contract in sorted(self.positions)]

    def move(self, contract: str, quantity: int) -> None:
        """Add to a position; one that comes to 0 is gone."""
        total = self.positions.get(contract, 0) + quantity
        if total:
            self.positions[contract] = total
        else:
            self.positions.pop(contract, None)

    # --- what it may order -----------------------------------------------------------------------------------

    def refusal(self, order: WorkingOrder) -> Refusal | None:
        """Why the account may not place this order; `None` when it may."""
        if order.quantity <= 0 or not _well_formed(order):
            return Refusal.BAD_ORDER
        if order.bad_tick(order.limit_e4):
            return Refusal.BAD_TICK
        return self._uncovered(order) or self.unaffordable(order)

    def unaffordable(self, order: WorkingOrder) -> Refusal | None:
        """The cash that nothing needs would not carry the order; a working one's own need does not count against it."""
        if order.side == "SELL" and order.collateral_change() == 0 and not order.combination:
            return None
        working = self.orders.get(order.order_id)
        bound = working.binds() if working else 0
        short = self.available() + bound + order.available_change() < 0
        return Refusal.INSUFFICIENT_BUYING_POWER if short else None

    def _uncovered(self, order: WorkingOrder) -> Refusal | None:
        """The positions do not carry the order."""
        contract, option, quantity = order.contract, order.option, order.quantity
        match order.side, order.effect:
            case "BUY", "OPEN":
                return None
            case "SELL", "OPEN":
                if option is None:
                    return Refusal.NO_POSITION
                naked = option.right == "C" and self._shares_free(option.underlying) < quantity * CONTRACT_MULTIPLIER
            case "SELL", "CLOSE":
                if self.positions.get(contract, 0) < quantity + self._working(contract, "SELL", "CLOSE"):
                    return Refusal.NO_POSITION
                naked = option is None and self._shares_free(contract) < quantity
            case _:
                buying_back = self._working(contract, "BUY", "CLOSE") + self._working(contract, "SELL", ROLL)
                if -self.positions.get(contract, 0) < quantity + buying_back:
                    return Refusal.NO_POSITION
                rolled_call = order.combination and option is not None and option.right == "C"
                naked = rolled_call and self._shares_free(order.symbol) < 0
        return Refusal.NAKED_CALL if naked else None

    def _working(self, contract: str, side: str, effect: str) -> int:
        return sum(o.rest for o in self.orders.values() if (o.contract, o.side, o.effect) == (contract, side, effect))

    def _shares_free(self, ticker: str) -> int:
        """Shares that cover no call and are not for sale."""
        short = sum(-n for c, n in self.positions.items() if n < 0 and (o := option_of(c)) and _call_on(o, ticker))
        writing = sum(
            o.rest for o in self.orders.values()
            if o.side == "SELL" and o.effect == "OPEN" and o.option and _call_on(o.option, ticker)
        )  # fmt: skip
        selling = self._working(ticker, "SELL", "CLOSE")
        return self.positions.get(ticker, 0) - (short + writing) * CONTRACT_MULTIPLIER - selling

    # --- state -----------------------------------------------------------------------------------------------

    def dump(self) -> bytes:
        """Canonical JSON of the account, for the topic `broker.state`."""
        plain: dict[str, Any] = {name: getattr(self, name) for name in _PLAIN}
        plain["orders"] = [[getattr(order, name) for name in _ORDER] for order in self.orders.values()]
        plain["executions"] = [_values(execution) for execution in self.executions]
        plain["notices"] = [_values(notice) for notice in self.notices]
        return dumps(plain, separators=(",", ":")).encode()

    @classmethod
    def load(cls, data: bytes) -> "BrokerAccount":
        """The account that `dump` wrote; what an earlier one did not write was not there."""
        plain = loads(data)
        orders = [_order(row) for row in plain.pop("orders")]
        return cls(
            **{name: plain[name] for name in _PLAIN if name in plain},
            orders={order.order_id: order for order in orders},
            executions=[BrokerExecution(*row) for row in plain["executions"]],
            notices=[BrokerAssignment(*row) for row in plain["notices"]],
        )


_PLAIN = (
    "book", "broker_account", "deposit", "cash", "positions", "next_order", "connect_due_us", "done", "taken", "closes",
    "booked",
)  # fmt: skip
_ORDER = (
    "order_id", "broker_order_id", "version", "contract", "side", "effect", "quantity", "limit_e4", "filled", "fills",
    "new_contract",
)  # fmt: skip


def _order(row: list[Any]) -> WorkingOrder:
    return WorkingOrder(**dict(zip(_ORDER, row, strict=False)))


def _values(record: BrokerExecution | BrokerAssignment) -> list[Any]:
    return [getattr(record, name) for name in record.__dataclass_fields__]


def _well_formed(order: WorkingOrder) -> bool:
    """Side and effect are of the few that there are; a combination is of two options of one underlying and right."""
    if order.effect != ROLL:
        return order.side in {"BUY", "SELL"} and order.effect in {"OPEN", "CLOSE"} and not order.combination
    kinds = {(leg.option.underlying, leg.option.right) if leg.option else None for leg in order.legs}
    return (
        order.side == "SELL"
        and order.combination
        and order.contract != order.new_contract
        and len(kinds) == 1
        and None not in kinds
    )


def _call_on(option: Option, ticker: str) -> bool:
    return option.right == "C" and option.underlying == ticker
