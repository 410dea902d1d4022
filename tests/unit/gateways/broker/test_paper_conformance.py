"""The simulated broker in the suite that every broker must pass, recorded and live."""

from collections.abc import Sequence

import pytest

from domain.events import BrokerLinkRequested, CashMovementRequested, OrderCancelRequested, OrderRepriced
from domain.inputs import CorporateAction, TradingHalt
from gateways.broker.port import Report
from schemas.codec import Codec
from tests.conformance.broker import BrokerConformance, Questions, Shown
from tests.unit.gateways.broker.rig import DAY, LOOKAHEAD, MONDAY, SECOND, Runtime, Wire, calendar, et, roll, submit

pytestmark = pytest.mark.unit

Request = BrokerLinkRequested | OrderRepriced | OrderCancelRequested


class PaperBench:
    """The processor on a wire; each call is a second later than the one before."""

    def __init__(self, recorded: bool) -> None:
        self._wire = Wire(Codec.load())
        self._recorded = recorded
        self._wire.progress(0, recorded)
        self._wire.opening(calendar())
        self._now = et(MONDAY, 10)
        self._session = MONDAY
        self._runtime = Runtime(self._wire)
        self._pass()

    @property
    def now_us(self) -> int:
        """The moment of the last call."""
        return self._now

    @property
    def port(self) -> Questions:
        """The model behind the processor."""
        return self._runtime.task.broker

    def _pass(self, time_us: int = SECOND) -> None:
        """Time passes, and everything up to then is worked."""
        self._now += time_us
        self._wire.marks_at(self._now, {})
        self._wire.progress(self._now, self._recorded)
        self._runtime.drain()

    def link(self, deposit: int, positions: dict[str, int]) -> None:
        """Link the book."""
        self._wire.order("S1", self._now, BrokerLinkRequested("DU1", deposit, positions))
        self._pass()

    def show(self, contract: str, bid_e4: int, ask_e4: int, bid_size: int = 50, ask_size: int = 50) -> None:
        """A chain snapshot."""
        self.show_chain({contract: (bid_e4, ask_e4, bid_size, ask_size)})

    def show_chain(self, quotes: Shown) -> None:
        """A chain snapshot of some contracts."""
        self._now += 1
        self._wire.chain(self._now, {c: row if len(row) == 4 else (*row, 50, 50) for c, row in quotes.items()})
        self._pass()

    def show_shares(self, ticker: str, bid_e4: int, ask_e4: int, last_e4: int) -> None:
        """Marks."""
        self._now += 1
        self._wire.marks_at(self._now, {ticker: (last_e4, bid_e4, ask_e4)})
        self._pass()

    def halt(self, ticker: str, *, halted: bool) -> None:
        """A halt, or its end."""
        self._now += 1
        self._wire.halt(TradingHalt(ticker, self._now, halted))
        self._pass()

    def announce_dividend(self, ticker: str, dividend_e4: int) -> None:
        """A corporate action."""
        self._now += 1
        ex_session = self._next_session()
        self._wire.action(CorporateAction(ticker, "DIVIDEND", ex_session, self._now, 1, 1, dividend_e4))
        self._pass()

    def _next_session(self) -> int:
        return self._session + (3 if self._session % 7 == (MONDAY + 4) % 7 else 1)

    def place(self, order_id: str, contract: str, side: str, effect: str, quantity: int, limit_e4: int) -> None:
        """An order of the book S1."""
        self._wire.order("S1", self._now, submit(order_id, contract, side, effect, quantity, limit_e4))
        self._pass()

    def roll(self, order_id: str, contract: str, new_contract: str, quantity: int, net_e4: int) -> None:
        """A combination of the book S1."""
        self._wire.order("S1", self._now, roll(order_id, contract, new_contract, quantity, net_e4))
        self._pass()

    def move_cash(self, movement_id: str, kind: str, amount: int) -> None:
        """Cash outside orders."""
        self._wire.order("S1", self._now, CashMovementRequested(movement_id, kind, amount))
        self._pass()

    def replace(self, order_id: str, version: int, limit_e4: int) -> None:
        """Another limit."""
        self._wire.order("S1", self._now, OrderRepriced(order_id, version, limit_e4))
        self._pass()

    def cancel(self, order_id: str, version: int) -> None:
        """Cancel."""
        self._wire.order("S1", self._now, OrderCancelRequested(order_id, version, "TEST"))
        self._pass()

    def fill_and_cancel(self, order_id: str, version: int, bid_e4: int, size: int) -> int:
        """The snapshot stands half a lookahead before the request; its fill is reported after it."""
        self._now += 1
        self._wire.chain(self._now, {"TSLA250613P00247500": (bid_e4, bid_e4 + 500, size, size)})
        if not self._recorded:
            self._pass(0)
        self._now += LOOKAHEAD // 2
        requested = self._now
        self.cancel(order_id, version)
        return requested if self._recorded else requested - LOOKAHEAD // 2 - 1

    def end_session(self, closes_e4: dict[str, int]) -> None:
        """To 10:00 of the next session."""
        for at in (et(self._session, 16, 10), et(self._session, 16, 30)):
            self._pass(at - self._now)
        for symbol, close in closes_e4.items():
            self._wire.bar(symbol, self._session, close)
        self._session = self._next_session()
        while self._now + DAY < et(self._session, 10):
            self._pass(DAY // 2)
        self._pass(et(self._session, 10) - self._now)

    def restart(self) -> None:
        """Kill the task, start another on the stored state, and let it read what it asks for."""
        self._runtime.kill()
        self._runtime.drain()

    def reports(self) -> Sequence[Report]:
        """What stands on broker.reports."""
        return self._runtime.reports()


class TestRecordedPaperBroker(BrokerConformance):
    """Merged by event time, with lookahead."""

    @pytest.fixture
    def bench(self) -> PaperBench:
        """The world."""
        return PaperBench(recorded=True)


class TestLivePaperBroker(BrokerConformance):
    """As things come; answers bear the time of what they answer."""

    @pytest.fixture
    def bench(self) -> PaperBench:
        """The world."""
        return PaperBench(recorded=False)
