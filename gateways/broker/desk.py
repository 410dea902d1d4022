"""The order desk of the simulated broker: orders in; acknowledgements, fills and cancellations out (protocol 12)."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from domain.contracts import occ_symbol
from domain.events import CashMovementRequested, OrderCancelRequested, OrderRepriced, OrderSubmitted
from domain.inputs import BrokerExecution, BrokerOrderStatus, BrokerPosition
from domain.money import CONTRACT_MULTIPLIER
from gateways.broker import matching
from gateways.broker.account import BrokerAccount
from gateways.broker.codes import MEANING, Refusal
from gateways.broker.index import Working
from gateways.broker.order import Leg, WorkingOrder, commission, is_ticker, option_of, value
from gateways.broker.port import (
    AccountSummary,
    BrokerRejectError,
    ContractDetails,
    OpenOrder,
    Quote,
    Report,
    TransientBrokerError,
    WhatIf,
)
from gateways.broker.quotes import ChainView, MarksView, QuoteBoard
from gateways.broker.schedule import Schedule


class Desk(ABC):
    """Accounts and their orders, filled from the board."""

    def __init__(self, lookahead_us: int, schedule: Schedule) -> None:
        self.lookahead_us = lookahead_us
        self.schedule = schedule
        self.board = QuoteBoard()
        self.accounts: dict[str, BrokerAccount] = {}
        self.clock_us = -(1 << 62)
        """event time up to which everything has happened"""
        self.next_seq = 0
        """`source_seq` of the next report"""
        self.connected = True
        self.halted: set[str] = set()
        """underlyings whose trading is halted: orders on them work and are not executed"""
        self.changed: set[str] = set()
        """books whose account changed since the state was last written"""
        self.options = Working()
        """working option orders by underlying"""
        self.shares = Working()
        """working orders for shares by ticker"""
        self._reports: list[Report] = []

    # --- reports ---------------------------------------------------------------------------------------------

    def emit(self, make: Callable[[int, int], Report], at_us: int) -> None:
        """Report something that the broker did at a time; `make` gets source_seq and the report's time."""
        self.last_report = make(self.next_seq, at_us + self.lookahead_us)
        self.next_seq += 1
        self._reports.append(self.last_report)

    def reports(self) -> list[Report]:
        """What was reported since the last call."""
        taken, self._reports = self._reports, []
        return taken

    def status(self, at_us: int, book: str, order: WorkingOrder, status: str, code: Refusal | None = None) -> None:
        """Report the state of an order."""
        self._status(at_us, book, order.order_id, order.broker_order_id, order.version, status, code)

    def _status(
        self, at_us: int, book: str, order_id: str, broker_id: str, version: int, status: str, code: Refusal | None
    ) -> None:
        text, reason = ("", "") if code is None else (code.value, MEANING[code])
        self.emit(
            lambda seq, t: BrokerOrderStatus(book, seq, t, order_id, broker_id, version, status, text, reason), at_us
        )

    # --- questions -------------------------------------------------------------------------------------------

    def account(self, book: str) -> BrokerAccount:
        """The book's account; `BrokerRejectError` without one."""
        found = self.accounts.get(book)
        if found is None:
            raise BrokerRejectError(Refusal.ACCOUNT_NOT_LINKED, f"{book}: {MEANING[Refusal.ACCOUNT_NOT_LINKED]}")
        return found

    def account_summary(self, book: str) -> AccountSummary:
        """Money of the account."""
        return self.account(book).summary()

    def positions(self, book: str) -> list[BrokerPosition]:
        """Sorted by contract."""
        return self.account(book).lines()

    def cash_by_currency(self, book: str) -> dict[str, int]:
        """Dollars only."""
        return {"USD": self.account(book).cash}

    def contract_details(self, contract: str) -> ContractDetails:
        """Read from the symbol."""
        option = option_of(contract)
        if option is not None:
            return ContractDetails(
                contract, option.underlying, CONTRACT_MULTIPLIER, option.expiry, option.strike_e3, option.right
            )
        if is_ticker(contract):
            return ContractDetails(contract, contract, 1, 0, 0, "")
        raise BrokerRejectError(Refusal.UNKNOWN_CONTRACT, f"{contract}: {MEANING[Refusal.UNKNOWN_CONTRACT]}")

    def option_chain(self, underlying: str) -> list[str]:
        """Contracts of the last snapshot."""
        view = self.board.chain(underlying)
        if view is None:
            return []
        rows = zip(view.columns["expiries"], view.columns["rights"], view.columns["strikes_e3"], strict=True)
        return [occ_symbol(underlying, expiry, right, strike) for expiry, right, strike in rows]

    def quote(self, contract: str) -> Quote | None:
        """The last quote of today."""
        return self.board.quote(contract, 0)

    def subscribe(self, symbols: Sequence[str]) -> None:
        """The simulated broker sees all prices; it only refuses what is no ticker."""
        for symbol in symbols:
            self.contract_details(symbol)

    def open_orders(self, book: str) -> list[OpenOrder]:
        """Oldest first."""
        return [order.open_order() for order in self.account(book).orders.values()]

    def executions(self, book: str, since_us: int) -> list[BrokerExecution]:
        """Since the last pre-open at most."""
        return [execution for execution in self.account(book).executions if execution.time_us >= since_us]

    def what_if(self, at_us: int, book: str, order: OrderSubmitted) -> WhatIf:
        """What the order would do at its limit."""
        terms = WorkingOrder.of(order)
        code = self._refusal(at_us, book, order.time_in_force, terms)
        return WhatIf(code or "", terms.cash_change(), terms.collateral_change(), terms.commission())

    # --- orders ----------------------------------------------------------------------------------------------

    @abstractmethod
    def advance(self, to_us: int) -> None:
        """Let everything due up to and including a time happen."""

    def _begin(self, at_us: int) -> None:
        if not self.connected:
            raise TransientBrokerError(Refusal.SESSION_DOWN, MEANING[Refusal.SESSION_DOWN])
        self.advance(at_us)

    def place(self, at_us: int, book: str, order: OrderSubmitted) -> None:
        """Acknowledge and fill what the last quote gives, or reject. A working order's id is acknowledged again."""
        self._begin(at_us)
        account = self.accounts.get(book)
        known = account.orders.get(order.order_id) if account else None
        if known is not None:
            self.status(at_us, book, known, "ACKNOWLEDGED")
            return
        working = WorkingOrder.of(order)
        code = self._refusal(at_us, book, order.time_in_force, working)
        if account is None or code is not None:
            self._status(at_us, book, order.order_id, "", order.version, "REJECTED", code)
            if account is not None and code is not Refusal.DUPLICATE_ORDER:
                account.done[order.order_id] = "REJECTED"
                self.changed.add(book)
            return
        working.broker_order_id = f"PB-{book}-{account.next_order}"
        account.next_order += 1
        account.orders[order.order_id] = working
        self.count(account, working, 1)
        self.changed.add(book)
        self.status(at_us, book, working, "ACKNOWLEDGED")
        self._arrive(at_us, account, working)

    def replace(self, at_us: int, book: str, order: OrderRepriced) -> None:
        """Give a working order another limit. One that the broker cannot take ends the order: nothing works unseen."""
        self._begin(at_us)
        account = self.accounts.get(book)
        working = account.orders.get(order.order_id) if account else None
        if account is None or working is None:
            code = self._ended(account, order.order_id)
            self._status(at_us, book, order.order_id, "", order.version, "REJECTED", code)
            return
        before = working.limit_e4
        working.version, working.limit_e4 = order.version, order.limit_e4
        code = Refusal.BAD_TICK if working.bad_tick(order.limit_e4) else None
        if code is None and (working.combination or (working.side, working.effect) == ("BUY", "OPEN")):
            code = account.unaffordable(working)
        if code is not None:
            working.limit_e4 = before
            self.finish(account, working, "CANCELLED")
            self.status(at_us, book, working, "CANCELLED", code)
            return
        self.touch(account, working)
        self.status(at_us, book, working, "REPLACED")
        self._arrive(at_us, account, working)

    def cancel(self, at_us: int, book: str, order: OrderCancelRequested) -> None:
        """Cancel a working order; what was executed before stands."""
        self._begin(at_us)
        account = self.accounts.get(book)
        working = account.orders.get(order.order_id) if account else None
        if account is None or working is None:
            code = self._ended(account, order.order_id)
            self._status(at_us, book, order.order_id, "", order.version, "CANCEL_REJECTED", code)
            return
        working.version = order.version
        self.finish(account, working, "CANCELLED")
        self.status(at_us, book, working, "CANCELLED")

    def _ended(self, account: BrokerAccount | None, order_id: str) -> Refusal:
        if account is None:
            return Refusal.ACCOUNT_NOT_LINKED
        ended = account.done.get(order_id)
        if ended is None:
            return Refusal.UNKNOWN_ORDER
        return Refusal.ORDER_FILLED if ended == "FILLED" else Refusal.ORDER_CLOSED

    def _refusal(self, at_us: int, book: str, time_in_force: str, order: WorkingOrder) -> Refusal | None:
        account = self.accounts.get(book)
        if account is None:
            return Refusal.ACCOUNT_NOT_LINKED
        if order.order_id in account.done:
            return Refusal.DUPLICATE_ORDER
        if any(leg.option is None and not is_ticker(leg.contract) for leg in order.legs):
            return Refusal.UNKNOWN_CONTRACT
        if time_in_force != "DAY":
            return Refusal.BAD_ORDER
        if self.schedule.session_open_us(at_us) is None:
            return Refusal.AFTER_HOURS
        calendar = self.schedule.calendar
        today = 0 if calendar is None else calendar.day_of(at_us)
        if any(leg.option and leg.option.expiry < today for leg in order.legs):
            return Refusal.EXPIRED_CONTRACT
        return account.refusal(order)

    # --- cash outside orders ---------------------------------------------------------------------------------

    def move_cash(self, at_us: int, book: str, request: CashMovementRequested) -> None:
        """Book the amount once a movement id; whether it may leave is the book's decision (protocol 10.5)."""
        self._begin(at_us)
        account = self.accounts.get(book)
        if account is not None and account.book_cash(request.movement_id, request.amount):
            self.changed.add(book)

    # --- fills -----------------------------------------------------------------------------------------------

    def on_chain(self, view: ChainView, at_us: int) -> None:
        """A chain snapshot: resting orders on its underlying may fill."""
        self.advance(at_us)
        self.board.put_chain(view)
        if view.underlying in self.options:
            for account, order in self._resting(self.options, view.underlying):
                self._fill(at_us, account, order, _quotes(view, order), arriving=False)

    def on_marks(self, view: MarksView, at_us: int) -> None:
        """Marks: resting orders for shares may fill."""
        self.advance(at_us)
        self.board.put_marks(view)
        for symbol in self.shares.symbols():
            quote = view.quote(symbol)
            if quote is not None:
                for account, order in self._resting(self.shares, symbol):
                    self._fill(at_us, account, order, [quote], arriving=False)

    def would_fill(self, view: ChainView | MarksView) -> bool:
        """Might this record, when it is reached, fill an order that works now? Never False where it would."""
        if isinstance(view, ChainView):
            orders = self._resting(self.options, view.underlying)
            return any(matching.crosses(order, _quotes(view, order)) for _, order in orders)
        return any(
            matching.crosses(order, [quote])
            for symbol in self.shares.symbols()
            if (quote := view.quote(symbol)) is not None
            for _, order in self._resting(self.shares, symbol)
        )

    def _resting(self, index: Working, symbol: str) -> list[tuple[BrokerAccount, WorkingOrder]]:
        options = index is self.options
        return [
            (self.accounts[book], order)
            for book in index.books(symbol)
            for order in self.accounts[book].orders.values()
            if order.symbol == symbol and (order.option is not None) == options
        ]

    def _arrive(self, at_us: int, account: BrokerAccount, order: WorkingOrder) -> None:
        """Fill against the last quote of the session."""
        since = self.schedule.session_open_us(at_us)
        found = [] if since is None else [self.board.quote(leg.contract, since) for leg in order.legs]
        self._fill(at_us, account, order, [quote for quote in found if quote is not None], arriving=True)

    def _fill(
        self, at_us: int, account: BrokerAccount, order: WorkingOrder, quotes: Sequence[Quote], *, arriving: bool
    ) -> None:
        if order.symbol in self.halted:
            return
        quantity, prices = matching.fill(order, quotes, account.taken, arriving=arriving)
        if not quantity:
            return
        order.filled += quantity
        order.fills += 1
        for number, (leg, quote, price) in enumerate(zip(order.legs, quotes, prices, strict=True), start=1):
            matching.take(account.taken, leg, quote, quantity)
            exec_id = f"{account.book}/{order.order_id}/{order.fills}"
            exec_id = f"{exec_id}/{number}" if order.combination else exec_id
            self._execute(at_us, account, order, leg, quantity, price, exec_id)
        if order.rest:
            self.touch(account, order)
        else:
            self.finish(account, order, "FILLED")

    def _execute(
        self, at_us: int, account: BrokerAccount, order: WorkingOrder, leg: Leg, quantity: int, price: int, exec_id: str
    ) -> None:
        sign = 1 if leg.side == "SELL" else -1
        fee = commission(leg.contract, quantity)
        account.cash += sign * value(leg.contract, quantity, price) - fee
        account.move(leg.contract, -sign * quantity)

        def execution(seq: int, time_us: int) -> BrokerExecution:
            return BrokerExecution(
                account.book, seq, time_us, order.order_id, order.broker_order_id, exec_id, leg.contract, leg.side,
                quantity, price, fee,
            )  # fmt: skip

        self.emit(execution, at_us)
        account.executions.append(execution(self.next_seq - 1, at_us + self.lookahead_us))

    def finish(self, account: BrokerAccount, order: WorkingOrder, how: str) -> None:
        """The order works no more."""
        del account.orders[order.order_id]
        account.done[order.order_id] = how
        self.count(account, order, -1)
        self.changed.add(account.book)

    def touch(self, account: BrokerAccount, order: WorkingOrder) -> None:
        """The order changed and goes on working."""
        self._index(order).touch(order.symbol)
        self.changed.add(account.book)

    def count(self, account: BrokerAccount, order: WorkingOrder, by: int) -> None:
        """The order begins (+1) or ceases (-1) to work."""
        self._index(order).count(order.symbol, account.book, by)

    def _index(self, order: WorkingOrder) -> Working:
        return self.options if order.option else self.shares


def _quotes(view: ChainView, order: WorkingOrder) -> list[Quote]:
    """Of the order's legs, in their order; too few where the snapshot does not list one."""
    return [quote for leg in order.legs if leg.option and (quote := view.quote(leg.option)) is not None]
