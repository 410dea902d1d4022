"""A brokerage account at the simulated broker: cash, positions, working orders, and what it may order.

Cash is all cash, settled or not: settlement is the book's matter (protocol 4.1). Short puts are covered by cash and
short calls by shares; nothing is lent.
"""

from dataclasses import dataclass, field
from json import dumps, loads
from typing import Any

from domain.contracts import Option, parse
from domain.inputs import BrokerAssignment, BrokerExecution, BrokerPosition
from domain.money import COMMISSION_PER_CONTRACT, CONTRACT_MULTIPLIER, option_value, shares_value, strike_value, tick_e4
from gateways.broker.codes import Refusal
from gateways.broker.port import AccountSummary, OpenOrder

SHARE_TICK_E4 = 100
PERMISSIONS = "CSP_AND_CC"
"""What paper accounts may do: cash-secured puts, covered calls, purchases (protocol 12.4)."""


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
    """executions so far: the n of the next execution's id"""
    option: Option | None = field(init=False)
    """`None` for shares"""

    def __post_init__(self) -> None:
        self.option = option_of(self.contract)

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
            self.quantity, self.filled, self.limit_e4,
        )  # fmt: skip


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

    # --- money -----------------------------------------------------------------------------------------------

    def collateral(self) -> int:
        """Strike value of short puts, held and working to open (protocol 4.1)."""
        held = sum(strike_value(o.strike_e3, -n) for c, n in self.positions.items() if n < 0 and (o := _put(c)))
        working = sum(
            strike_value(o.option.strike_e3, o.rest)
            for o in self.orders.values()
            if o.effect == "OPEN" and o.side == "SELL" and o.option and o.option.right == "P"
        )
        return held + working

    def available(self) -> int:
        """Cash that is neither collateral nor promised to a working purchase."""
        buying = sum(cost(o.contract, o.rest, o.limit_e4) for o in self.orders.values() if _purchase(o.side, o.effect))
        return self.cash - self.collateral() - buying

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

    def refusal(self, contract: str, side: str, effect: str, quantity: int, limit_e4: int) -> Refusal | None:
        """Why the account may not place this order; `None` when it may."""
        if side not in {"BUY", "SELL"} or effect not in {"OPEN", "CLOSE"} or quantity <= 0:
            return Refusal.BAD_ORDER
        if bad_tick(contract, limit_e4):
            return Refusal.BAD_TICK
        if side == "BUY":
            return self._buy_refusal(contract, effect, quantity, limit_e4)
        return self._sell_refusal(contract, effect, quantity)

    def _sell_refusal(self, contract: str, effect: str, quantity: int) -> Refusal | None:
        option = option_of(contract)
        selling = self._working(contract, "SELL", effect)
        if effect == "CLOSE":
            if self.positions.get(contract, 0) < quantity + selling:
                return Refusal.NO_POSITION
            if option is None and self._shares_free(contract) < quantity:
                return Refusal.NAKED_CALL
            return None
        if option is None:
            return Refusal.NO_POSITION
        if option.right == "C":
            free = self._shares_free(option.underlying)
            return Refusal.NAKED_CALL if free < quantity * CONTRACT_MULTIPLIER else None
        short = self.available() < strike_value(option.strike_e3, quantity)
        return Refusal.INSUFFICIENT_BUYING_POWER if short else None

    def _buy_refusal(self, contract: str, effect: str, quantity: int, limit_e4: int) -> Refusal | None:
        freed = 0
        if effect == "CLOSE":
            if -self.positions.get(contract, 0) < quantity + self._working(contract, "BUY", effect):
                return Refusal.NO_POSITION
            put = _put(contract)
            freed = strike_value(put.strike_e3, quantity) if put else 0
        short = self.available() + freed < cost(contract, quantity, limit_e4)
        return Refusal.INSUFFICIENT_BUYING_POWER if short else None

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
        """The account that `dump` wrote."""
        plain = loads(data)
        orders = [_order(row) for row in plain.pop("orders")]
        return cls(
            **{name: plain[name] for name in _PLAIN},
            orders={order.order_id: order for order in orders},
            executions=[BrokerExecution(*row) for row in plain["executions"]],
            notices=[BrokerAssignment(*row) for row in plain["notices"]],
        )


_PLAIN = (
    "book", "broker_account", "deposit", "cash", "positions", "next_order", "connect_due_us", "done", "taken", "closes",
)  # fmt: skip
_ORDER = (
    "order_id", "broker_order_id", "version", "contract", "side", "effect", "quantity", "limit_e4", "filled", "fills",
)  # fmt: skip


def _order(row: list[Any]) -> WorkingOrder:
    return WorkingOrder(**dict(zip(_ORDER, row, strict=True)))


def _values(record: BrokerExecution | BrokerAssignment) -> list[Any]:
    return [getattr(record, name) for name in record.__dataclass_fields__]


def option_of(contract: str) -> Option | None:
    """The option an OCC symbol names; `None` for anything else, a symbol with an impossible date included."""
    try:
        return parse(contract)
    except ValueError:
        return None


def is_ticker(contract: str) -> bool:
    """The form of a listed ticker: capital letters, perhaps a class after a dot, six at most."""
    return contract.replace(".", "", 1).isalpha() and contract.isupper() and contract.isascii() and len(contract) <= 6


def bad_tick(contract: str, limit_e4: int) -> bool:
    """The limit is not positive or not a multiple of the listed tick (protocol 2.7)."""
    option = option_of(contract)
    tick = tick_e4(limit_e4, option.underlying) if option else SHARE_TICK_E4
    return limit_e4 <= 0 or limit_e4 % tick != 0


def commission(contract: str, quantity: int) -> int:
    """Cents: 0.65 $ an option contract, nothing for shares (protocol 4.2, 20)."""
    return COMMISSION_PER_CONTRACT * quantity if option_of(contract) else 0


def value(contract: str, quantity: int, price_e4: int) -> int:
    """Cents of a trade without commission."""
    return option_value(price_e4, quantity) if option_of(contract) else shares_value(price_e4, quantity)


def cost(contract: str, quantity: int, limit_e4: int) -> int:
    """Cents that a purchase at its limit takes, commission included."""
    return value(contract, quantity, limit_e4) + commission(contract, quantity)


def _put(contract: str) -> Option | None:
    option = option_of(contract)
    return option if option and option.right == "P" else None


def _call_on(option: Option, ticker: str) -> bool:
    return option.right == "C" and option.underlying == ticker


def _purchase(side: str, effect: str) -> bool:
    return side == "BUY" and effect == "OPEN"
