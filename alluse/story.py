"""What happens in a run as its owner would tell it: fed with events, shown live and at the end."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import Any

from alluse.outcomes import Outcome
from alluse.records import scaled
from alluse.render import dollars, iso_us
from domain.contracts import parse

LATEST = 8


@dataclass
class ShownOrder:
    """A row of the live table."""

    day: str
    account_id: str
    contract: str
    what: str
    quantity: int
    limit: str
    state: str
    filled: int = 0


class Story:
    """Counts and remembers the last orders; `outcome` has the accounts."""

    def __init__(self) -> None:
        self.outcome = Outcome()
        self.latest: deque[ShownOrder] = deque(maxlen=LATEST)
        self.sold: Counter[str] = Counter()
        """orders that sold something, by right: P or C"""
        self.contracts: Counter[str] = Counter()
        self.steps: Counter[int] = Counter()
        """filled opening orders by how many steps of the ladder they took"""
        self.closes: Counter[str] = Counter()
        """positions by what closed them"""
        self.approvals: Counter[str] = Counter()
        self.shares_in = self.shares_out = 0
        self.breaks = 0
        self.headline = ""
        self._orders: dict[str, ShownOrder] = {}
        self._repriced: Counter[str] = Counter()
        self._opening: set[str] = set()

    def event(self, name: str, plain: dict[str, Any]) -> str:
        """Take an event; a line about it if an owner would want to hear of it."""
        self.outcome.event(name, plain)
        day = iso_us(plain["envelope"]["recorded_at_us"])[:10]
        account = plain["envelope"]["account_id"] or plain["envelope"]["system_id"]
        line = self._line(name, plain, account)
        if line:
            self.headline = f"{day}  {account}  {line}"
        return self.headline if line else ""

    def _line(self, name: str, plain: dict[str, Any], account: str) -> str:
        match name:
            case "OrderProposed":
                self._proposed(plain, account)
            case "OrderRepriced":
                self._repriced[plain["order_id"]] += 1
                self._move(plain["order_id"], "REPRICED", limit=scaled(plain["limit_e4"], 4))
            case "OrderPartiallyFilled" | "OrderFilled":
                return self._filled(name, plain)
            case "OrderCancelled" | "OrderRejected" | "OrderExpired":
                self._move(plain["order_id"], name.removeprefix("Order").upper())
                if name == "OrderRejected":
                    return f"order refused: {plain['code']} {plain['reason']}"
            case "PositionClosed":
                self.closes[plain["cause"]] += 1
            case "OptionAssigned":
                self.shares_in += plain["shares"]
                return (
                    f"assigned: {plain['shares']} shares by {plain['contract']}, close {scaled(plain['close_e4'], 4)}"
                )
            case "SharesCalledAway":
                self.shares_out += plain["shares"]
                return f"called away: {plain['shares']} shares by {plain['contract']} for {dollars(plain['proceeds'])}"
            case "OptionExpiredWorthless":
                return f"expired worthless: {plain['quantity']} {plain['contract']}, {dollars(plain['premium'])} kept"
            case "ApprovalRequested" | "ApprovalGranted" | "ApprovalDenied" | "ApprovalExpired":
                self.approvals[name.removeprefix("Approval")] += 1
            case "ReconciliationBreakDetected":
                self.breaks += 1
                return f"broker and book differ: {plain['instrument']}"
            case _:
                pass
        return ""

    def _proposed(self, plain: dict[str, Any], account: str) -> None:
        order = ShownOrder(
            iso_us(plain["envelope"]["recorded_at_us"])[:10],
            account,
            plain["contract"],
            f"{plain['side']} {plain['purpose']}",
            plain["quantity"],
            scaled(plain["limit_e4"], 4),
            "PROPOSED",
        )
        self._orders[plain["order_id"]] = order
        self.latest.append(order)
        if plain["effect"] == "OPEN":
            self._opening.add(plain["order_id"])

    def _filled(self, name: str, plain: dict[str, Any]) -> str:
        order_id = plain["order_id"]
        self._move(order_id, plain["state"], filled=plain["cum_quantity"])
        option = parse(plain["contract"])
        if option is None or order_id not in self._opening:
            return ""
        self.contracts[option.right] += plain["quantity"]
        if name == "OrderFilled":
            self.sold[option.right] += 1
            self.steps[self._repriced[order_id]] += 1
            what = "put" if option.right == "P" else "covered call"
            return f"sold {plain['cum_quantity']} {what}s {plain['contract']} at {scaled(plain['price_e4'], 4)}"
        return ""

    def _move(self, order_id: str, state: str, *, limit: str | None = None, filled: int | None = None) -> None:
        order = self._orders.get(order_id)
        if order is not None:
            order.state = state
            order.limit = limit or order.limit
            order.filled = order.filled if filled is None else filled
