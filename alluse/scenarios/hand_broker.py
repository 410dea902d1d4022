"""The scripted broker: what it would hold after the reports of a scenario, and what it answers without being told.

Cash and positions are kept from the reports alone, never from the book, so that a statement of them is a comparison.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from alluse.scenarios.scenario import BrokerPlan
from domain import events as e
from domain import inputs as i
from domain.contracts import occ_symbol, option, parse
from domain.money import option_value, shares_value, strike_value


@dataclass
class HeldOrder:
    """An order that the broker has."""

    book: str
    order_id: str
    contract: str
    side: str
    version: int
    rest: int


@dataclass
class Holdings:
    """One brokerage account."""

    cash: int = 0
    positions: dict[str, int] = field(default_factory=dict[str, int])

    def move(self, contract: str, quantity: int, cash: int) -> None:
        """Change a position and cash."""
        self.cash += cash
        left = self.positions.pop(contract, 0) + quantity
        if left:
            self.positions[contract] = left

    def split(self, symbol: str, new: int, old: int) -> None:
        """Positions follow a split: shares by the ratio, options only where an even ratio leaves standard contracts."""
        for contract, quantity in list(self.positions.items()):
            terms = parse(contract)
            if contract == symbol:
                self.positions[contract] = quantity * new // old
            elif terms is not None and terms.underlying == symbol and old == 1 and terms.strike_e3 % new == 0:
                del self.positions[contract]
                adjusted = occ_symbol(symbol, terms.expiry, terms.right, terms.strike_e3 // new)
                self.positions[adjusted] = quantity * new

    def lines(self) -> list[i.BrokerPosition]:
        """The positions of a statement."""
        return [i.BrokerPosition(contract, self.positions[contract]) for contract in sorted(self.positions)]


class HandBroker:
    """All brokerage accounts of a scenario."""

    def __init__(self, plan: BrokerPlan) -> None:
        self.plan = plan
        self.accounts: dict[str, Holdings] = {}
        self.orders: dict[str, HeldOrder] = {}
        self._seq = -1
        self._reported: dict[str, None] = {}

    def _is_new(self, identity: str) -> bool:
        """The same id again moves nothing at the broker either."""
        if identity in self._reported:
            return False
        self._reported[identity] = None
        return True

    def next_seq(self) -> int:
        """Number of the next report."""
        self._seq += 1
        return self._seq

    def holdings(self, book: str) -> Holdings:
        """A book's account."""
        return self.accounts.setdefault(book, Holdings())

    def answers(self, book: str, event: Any, time_us: int) -> list[Any]:
        """What the broker reports of itself when it is asked something."""
        match event:
            case e.BrokerLinkRequested():
                return self._linked(book, event, time_us)
            case e.CashMovementRequested():
                self.holdings(book).cash += event.amount
            case e.OrderSubmitted():
                order = HeldOrder(book, event.order_id, event.contract, event.side, event.version, event.quantity)
                self.orders[event.order_id] = order
                return [self.status(order, time_us, "ACKNOWLEDGED")] if self.plan.acknowledges else []
            case e.OrderRepriced():
                order = self.orders[event.order_id]
                order.version = event.version
                return [self.status(order, time_us, "REPLACED")] if self.plan.acknowledges else []
            case e.OrderCancelRequested() if self.plan.confirms_cancels and event.order_id in self.orders:
                return [self.status(self.orders[event.order_id], time_us, "CANCELLED")]
            case _:
                pass
        return []

    def _linked(self, book: str, event: e.BrokerLinkRequested, time_us: int) -> list[Any]:
        held = self.holdings(book)
        held.cash += event.deposit
        held.positions.update(event.positions)
        if not self.plan.links:
            return []
        linked = i.BrokerLinked(book, self.next_seq(), time_us, event.broker_account, event.deposit, "CSP_AND_CC")
        return [linked, *([self.statement(book, time_us, "CONNECT")] if self.plan.statements else [])]

    # --- reports ----------------------------------------------------------------------------------------------

    def status(self, order: HeldOrder, time_us: int, status: str, code: str = "", reason: str = "") -> Any:
        """What the broker says of an order."""
        if status in ("CANCELLED", "EXPIRED", "REJECTED"):
            self.orders.pop(order.order_id, None)
        return i.BrokerOrderStatus(
            order.book, self.next_seq(), time_us, order.order_id, f"b-{order.order_id[:8]}", order.version, status,
            code, reason,
        )  # fmt: skip

    def statement(self, book: str, time_us: int, occasion: str, cash: int | None = None) -> i.BrokerStatement:
        """Positions and cash as the broker holds them."""
        held = self.holdings(book)
        return i.BrokerStatement(
            book, self.next_seq(), time_us, occasion, held.cash if cash is None else cash, held.lines()
        )

    def executed(self, execution: i.BrokerExecution, *, again: bool) -> None:
        """Book an execution, unless it was reported before."""
        if not self._is_new(f"execution|{execution.exec_id}") or again:
            return
        sign = -1 if execution.side == "SELL" else 1
        quantity = execution.quantity
        of = option_value if parse(execution.contract) else shares_value
        cash = -sign * of(execution.price_e4, quantity) - execution.commission
        self.holdings(execution.book).move(execution.contract, sign * quantity, cash)
        order = self.orders.get(execution.order_id)
        if order is not None:
            order.rest -= quantity
            if order.rest <= 0:
                del self.orders[execution.order_id]

    def assigned(self, notice: i.BrokerAssignment) -> None:
        """Book a notice: the option is gone, strike cash against shares."""
        if not self._is_new(f"notice|{notice.notice_id}"):
            return
        terms = option(notice.contract)
        sign = 1 if terms.right == "P" else -1
        held = self.holdings(notice.book)
        if notice.contract in held.positions:
            held.move(notice.contract, notice.quantity, 0)
        held.move(
            terms.underlying, sign * 100 * notice.quantity, -sign * strike_value(terms.strike_e3, notice.quantity)
        )

    def split(self, symbol: str, new: int, old: int) -> None:
        """A split takes effect in every account."""
        for held in self.accounts.values():
            held.split(symbol, new, old)

    def cash_moved(self, activity: i.BrokerCashActivity) -> None:
        """Cash that the broker moved by itself."""
        if self._is_new(f"cash|{activity.activity_id}"):
            self.holdings(activity.book).cash += activity.amount

    def close(self, time_us: int) -> list[Any]:
        """The session ends: day orders expire."""
        return [self.status(order, time_us, "EXPIRED") for order in list(self.orders.values())]

    def morning(self, time_us: int, today: int) -> list[Any]:
        """Options that have expired are gone; a clean statement of every account."""
        for held in self.accounts.values():
            for contract in [c for c in held.positions if (o := parse(c)) is not None and o.expiry < today]:
                del held.positions[contract]
        return [self.statement(book, time_us, "PRE_OPEN") for book in sorted(self.accounts)]
