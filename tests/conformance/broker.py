"""What every broker behind the port must do (protocol 12, 7.4), the simulated one and those at the end of a wire.

An adapter's test derives from `BrokerConformance` and gives `bench`, a `BrokerBench`: its broker in a world that the
suite can direct. Reports are compared by what they say, never by ids or codes, which are each broker's own.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import pytest

from domain.contracts import parse
from domain.inputs import (
    BrokerAssignment,
    BrokerCashActivity,
    BrokerExecution,
    BrokerLinked,
    BrokerOrderStatus,
    BrokerStatement,
)
from domain.money import option_value, shares_value, strike_value
from gateways.broker.port import BrokerAccountPort, BrokerOrderPort, BrokerRejectError, Report

DEPOSIT = 40_000_000
"""400,000.00"""
PUT = "TSLA250613P00247500"
CALL = "TSLA250613C00255000"
LATER_PUT = "TSLA250620P00240000"
ROLLED_PUT = "TSLA250620P00245000"
"""The put of EX-08's roll."""
LATER_CALL = "TSLA250620C00260000"
LEAPS = "TSLA260821C00200000"
HEDGE = "TSLA250613P00220000"

Shown = Mapping[str, tuple[int, int] | tuple[int, int, int, int]]
"""Contract to (bid, ask) with 50 displayed on either side, or to (bid, ask, bid size, ask size)."""


class Questions(BrokerAccountPort, BrokerOrderPort, Protocol):
    """The part of the port that the suite asks."""

    combinations: bool


class BrokerBench(Protocol):
    """A broker, its market, and the book `S1` that trades there. The bench begins on Monday 2025-06-09 at 10:00 ET.

    Calls are moments in order; what each one causes has been reported when it returns, unless it says otherwise.
    """

    @property
    def now_us(self) -> int:
        """The moment of the last call."""
        ...

    @property
    def port(self) -> Questions:
        """The broker, for questions."""
        ...

    def link(self, deposit: int, positions: dict[str, int]) -> None:
        """Link the brokerage account; it holds this."""
        ...

    def show(self, contract: str, bid_e4: int, ask_e4: int, bid_size: int = 50, ask_size: int = 50) -> None:
        """The market quotes an option: a new snapshot, in which only this contract is listed."""
        ...

    def show_chain(self, quotes: Shown) -> None:
        """The market quotes options of one underlying: a new snapshot, in which only these are listed."""
        ...

    def show_shares(self, ticker: str, bid_e4: int, ask_e4: int, last_e4: int) -> None:
        """The market quotes shares; 0 for a side = nobody does."""
        ...

    def halt(self, ticker: str, *, halted: bool) -> None:
        """The exchange halts trading in a ticker, or lets it go on."""
        ...

    def announce_dividend(self, ticker: str, dividend_e4: int) -> None:
        """The shares go ex with the next session."""
        ...

    def place(self, order_id: str, contract: str, side: str, effect: str, quantity: int, limit_e4: int) -> None:
        """Send an order, version 1."""
        ...

    def roll(self, order_id: str, contract: str, new_contract: str, quantity: int, net_e4: int) -> None:
        """Send a combination: buy `contract` back, sell `new_contract`, for this net credit a share or more."""
        ...

    def move_cash(self, movement_id: str, kind: str, amount: int) -> None:
        """Cash enters (positive) or leaves the account."""
        ...

    def replace(self, order_id: str, version: int, limit_e4: int) -> None:
        """Send another limit."""
        ...

    def cancel(self, order_id: str, version: int) -> None:
        """Ask to cancel."""
        ...

    def fill_and_cancel(self, order_id: str, version: int, bid_e4: int, size: int) -> int:
        """The market fills `size` of a sell order while the request to cancel is on its way; the request's time."""
        ...

    def end_session(self, closes_e4: dict[str, int]) -> None:
        """On to 10:00 ET of the next session; today's official closes are these."""
        ...

    def restart(self) -> None:
        """Kill the gateway and start it again on what it has stored."""
        ...

    def reports(self) -> Sequence[Report]:
        """Everything reported so far, as it stands on `broker.reports`."""
        ...


def statuses(bench: BrokerBench, order_id: str) -> list[str]:
    """The statuses reported of an order."""
    return [r.status for r in bench.reports() if isinstance(r, BrokerOrderStatus) and r.order_id == order_id]


def fills(bench: BrokerBench, order_id: str) -> list[tuple[int, int]]:
    """(quantity, price) of an order's executions."""
    return [(r.quantity, r.price_e4) for r in executions(bench) if r.order_id == order_id]


def executions(bench: BrokerBench) -> list[BrokerExecution]:
    """All executions reported."""
    return [r for r in bench.reports() if isinstance(r, BrokerExecution)]


def cash(bench: BrokerBench) -> int:
    """All cash of the account, cents."""
    return bench.port.account_summary("S1").cash


def dividends(bench: BrokerBench) -> list[BrokerCashActivity]:
    """All cash outside orders that was reported."""
    return [r for r in bench.reports() if isinstance(r, BrokerCashActivity)]


def sides(bench: BrokerBench, order_id: str) -> list[tuple[str, str, int, int, int]]:
    """(side, contract, quantity, price, commission) of an order's executions."""
    found = [r for r in executions(bench) if r.order_id == order_id]
    return [(r.side, r.contract, r.quantity, r.price_e4, r.commission) for r in found]


def held(bench: BrokerBench) -> dict[str, int]:
    """Positions by contract."""
    return {line.contract: line.quantity for line in bench.port.positions("S1")}


class BrokerConformance:
    """The suite. `bench` is a fixture of the deriving class."""

    @pytest.fixture
    def linked(self, bench: BrokerBench) -> BrokerBench:
        """A bench whose book has its account and its cash."""
        bench.link(DEPOSIT, {})
        return bench

    # --- session -------------------------------------------------------------------------------------------------

    def test_linking_reports_the_deposit_and_then_a_statement(self, linked: BrokerBench) -> None:
        """Given a link request, then BrokerLinked with the cash, then the statement to reconcile with (12.5)."""
        first, second = linked.reports()[:2]
        assert isinstance(first, BrokerLinked)
        assert first.deposit == DEPOSIT
        assert isinstance(second, BrokerStatement)
        assert (second.occasion, second.cash, second.positions) == ("CONNECT", DEPOSIT, [])
        assert first.combinations == linked.port.combinations, "how rolls go comes by the log"

    def test_a_book_without_account_is_refused(self, bench: BrokerBench) -> None:
        """Given no link, then questions are a REJECT and an order is REJECTED."""
        with pytest.raises(BrokerRejectError) as caught:
            bench.port.account_summary("S1")
        assert caught.value.kind == "REJECT"
        bench.place("o1", PUT, "SELL", "OPEN", 1, 39_000)
        assert statuses(bench, "o1") == ["REJECTED"]

    # --- life of an order ----------------------------------------------------------------------------------------

    def test_a_marketable_order_fills_at_the_quote(self, linked: BrokerBench) -> None:
        """Given bid 3.90, when 7 are offered at 3.85, then acknowledged and filled at 3.90, 0.65 a contract."""
        linked.show(PUT, 39_000, 39_500)
        linked.place("o1", PUT, "SELL", "OPEN", 7, 38_500)
        assert statuses(linked, "o1") == ["ACKNOWLEDGED"]
        assert fills(linked, "o1") == [(7, 39_000)]
        assert executions(linked)[0].commission == 455
        assert held(linked) == {PUT: -7}
        assert linked.port.account_summary("S1").cash == DEPOSIT + 273_000 - 455
        assert linked.port.account_summary("S1").collateral == 17_325_000

    def test_a_resting_order_fills_at_its_limit_when_the_market_comes(self, linked: BrokerBench) -> None:
        """Given a bid below the limit, when the bid rises to it and beyond, then filled at the limit."""
        linked.show(PUT, 38_000, 39_500)
        linked.place("o1", PUT, "SELL", "OPEN", 2, 38_500)
        assert fills(linked, "o1") == []
        assert [order.order_id for order in linked.port.open_orders("S1")] == ["o1"]
        linked.show(PUT, 39_000, 39_500)
        assert fills(linked, "o1") == [(2, 38_500)]
        assert linked.port.open_orders("S1") == []

    def test_a_halted_symbol_does_not_fill(self, linked: BrokerBench) -> None:
        # given a resting order, and then a halt
        linked.show(PUT, 38_000, 39_000)
        linked.place("o1", PUT, "SELL", "OPEN", 7, 38_500)
        linked.halt("TSLA", halted=True)
        # when the market comes to it and another one arrives marketable
        linked.show(PUT, 38_500, 39_000)
        linked.place("o2", PUT, "SELL", "OPEN", 1, 38_000)
        # then both work, a cancel passes, and nothing is executed, also after a restart
        linked.restart()
        linked.show(PUT, 39_000, 39_500)
        assert fills(linked, "o1") == fills(linked, "o2") == []
        linked.cancel("o2", 1)
        assert statuses(linked, "o2") == ["ACKNOWLEDGED", "CANCELLED"]
        # and after the halt the next quote fills what rests
        linked.halt("TSLA", halted=False)
        assert fills(linked, "o1") == []
        linked.show(PUT, 38_500, 39_000)
        assert fills(linked, "o1") == [(7, 38_500)]

    def test_a_buy_fills_against_the_ask(self, linked: BrokerBench) -> None:
        """Given a short put, when the ask falls to the profit-take limit, then bought back."""
        linked.show(PUT, 39_000, 39_500)
        linked.place("o1", PUT, "SELL", "OPEN", 1, 39_000)
        linked.place("o2", PUT, "BUY", "CLOSE", 1, 13_600)
        linked.show(PUT, 13_500, 13_700)
        assert fills(linked, "o2") == []
        linked.show(PUT, 13_000, 13_600)
        assert fills(linked, "o2") == [(1, 13_600)]
        assert held(linked) == {}

    def test_partial_fills_take_what_is_displayed_once(self, linked: BrokerBench) -> None:
        """Given 4 displayed, when 7 are offered, then 4; nothing more of that snapshot; the rest of the next one."""
        linked.show(PUT, 39_000, 39_500, bid_size=4)
        linked.place("o1", PUT, "SELL", "OPEN", 7, 39_000)
        linked.replace("o1", 2, 38_500)
        assert fills(linked, "o1") == [(4, 39_000)]
        linked.show(PUT, 38_500, 39_500, bid_size=2)
        assert fills(linked, "o1") == [(4, 39_000), (2, 38_500)]
        linked.show(PUT, 38_500, 39_500, bid_size=9)
        assert sum(quantity for quantity, _ in fills(linked, "o1")) == 7

    def test_a_ladder_is_replaced_down_to_the_bid(self, linked: BrokerBench) -> None:
        """EX-04's steps: given bid 3.80, the limits 3.90, 3.85, 3.80 under one order id, then filled at the third."""
        linked.show(PUT, 38_000, 40_000)
        linked.place("o1", PUT, "SELL", "OPEN", 7, 39_000)
        linked.replace("o1", 2, 38_500)
        assert fills(linked, "o1") == []
        linked.replace("o1", 3, 38_000)
        assert statuses(linked, "o1") == ["ACKNOWLEDGED", "REPLACED", "REPLACED"]
        assert fills(linked, "o1") == [(7, 38_000)]
        versions = [r.version for r in linked.reports() if isinstance(r, BrokerOrderStatus)]
        assert versions == [1, 2, 3]

    def test_a_cancelled_order_never_fills(self, linked: BrokerBench) -> None:
        """Given a cancelled order, when the market comes, then nothing."""
        linked.show(PUT, 38_000, 39_500)
        linked.place("o1", PUT, "SELL", "OPEN", 2, 39_000)
        linked.cancel("o1", 2)
        linked.show(PUT, 39_500, 40_000)
        assert statuses(linked, "o1") == ["ACKNOWLEDGED", "CANCELLED"]
        assert fills(linked, "o1") == []

    def test_ex_31_a_fill_arrives_after_the_cancel_was_requested(self, linked: BrokerBench) -> None:
        """EX-31: 7 ordered, 4 filled, cancel sent, 1 more fill arrives, then cancelled: 5 in all, 123,750.00 held."""
        linked.show(PUT, 39_000, 39_500, bid_size=4)
        linked.place("o1", PUT, "SELL", "OPEN", 7, 39_000)
        requested = linked.fill_and_cancel("o1", 2, 39_000, 1)
        assert [quantity for quantity, _ in fills(linked, "o1")] == [4, 1]
        assert executions(linked)[-1].time_us > requested
        assert isinstance(linked.reports()[-1], BrokerOrderStatus)
        assert statuses(linked, "o1") == ["ACKNOWLEDGED", "CANCELLED"]
        assert linked.port.account_summary("S1").collateral == 12_375_000
        linked.show(PUT, 39_000, 39_500)
        assert held(linked) == {PUT: -5}

    def test_what_is_finished_cannot_be_changed(self, linked: BrokerBench) -> None:
        """Given a filled order, then cancel is CANCEL_REJECTED and a replacement REJECTED, with a code."""
        linked.show(PUT, 39_000, 39_500)
        linked.place("o1", PUT, "SELL", "OPEN", 1, 39_000)
        linked.cancel("o1", 2)
        linked.replace("o1", 3, 38_500)
        linked.cancel("nobody", 1)
        assert statuses(linked, "o1") == ["ACKNOWLEDGED", "CANCEL_REJECTED", "REJECTED"]
        assert statuses(linked, "nobody") == ["CANCEL_REJECTED"]
        assert all(r.code for r in linked.reports()[-3:] if isinstance(r, BrokerOrderStatus))
        assert held(linked) == {PUT: -1}

    def test_an_order_id_works_once(self, linked: BrokerBench) -> None:
        """Given an order sent again, working or finished, then there is one order and its executions once (12.4)."""
        linked.show(PUT, 38_000, 39_500)
        linked.place("o1", PUT, "SELL", "OPEN", 1, 39_000)
        linked.place("o1", PUT, "SELL", "OPEN", 1, 39_000)
        assert len(linked.port.open_orders("S1")) == 1
        linked.show(PUT, 39_000, 39_500)
        linked.place("o1", PUT, "SELL", "OPEN", 1, 39_000)
        assert fills(linked, "o1") == [(1, 39_000)]
        assert held(linked) == {PUT: -1}

    def test_day_orders_expire_at_the_close(self, linked: BrokerBench) -> None:
        """Given a partly filled order, when the session ends, then EXPIRED once and no fill the next day."""
        linked.show(PUT, 39_000, 39_500, bid_size=1)
        linked.place("o1", PUT, "SELL", "OPEN", 2, 39_000)
        linked.end_session({"TSLA": 2_500_000})
        linked.show(PUT, 39_500, 40_000)
        assert statuses(linked, "o1") == ["ACKNOWLEDGED", "EXPIRED"]
        assert held(linked) == {PUT: -1}

    # --- refusals ------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize(
        ("contract", "side", "effect", "quantity", "limit_e4"),
        [
            pytest.param("TSLA25X613P1", "SELL", "OPEN", 1, 39_000, id="no contract"),
            pytest.param("TSLA250602P00247500", "SELL", "OPEN", 1, 39_000, id="expired last week"),
            pytest.param(PUT, "SELL", "OPEN", 17, 39_000, id="420,750.00 of collateral for 400,000.00 of cash"),
            pytest.param(CALL, "SELL", "OPEN", 1, 10_000, id="naked call"),
            pytest.param(PUT, "SELL", "OPEN", 1, 39_010, id="not a tick"),
            pytest.param(PUT, "SELL", "OPEN", 0, 39_000, id="nothing"),
            pytest.param(PUT, "BUY", "CLOSE", 1, 39_000, id="closes what is not held"),
            pytest.param("TSLA", "SELL", "CLOSE", 100, 2_500_000, id="sells shares it has not"),
            pytest.param("TSLA", "BUY", "OPEN", 1_700, 2_500_000, id="more shares than cash"),
        ],
    )
    def test_refusals_change_nothing(
        self, linked: BrokerBench, contract: str, side: str, effect: str, quantity: int, limit_e4: int
    ) -> None:
        """Given an order the account may not place, then REJECTED with a code; cash and positions as before."""
        linked.show(PUT, 39_000, 39_000)
        linked.place("o1", contract, side, effect, quantity, limit_e4)
        assert statuses(linked, "o1") == ["REJECTED"]
        last = linked.reports()[-1]
        assert isinstance(last, BrokerOrderStatus)
        assert last.code
        assert last.reason
        assert (held(linked), linked.port.account_summary("S1").cash) == ({}, DEPOSIT)
        assert linked.port.open_orders("S1") == []

    def test_working_orders_bind_cash(self, linked: BrokerBench) -> None:
        """Given 10 puts that work unfilled, then 7 more are more than 400,000.00 carries; 6 more are not."""
        linked.show(PUT, 38_000, 39_500)
        linked.place("o1", PUT, "SELL", "OPEN", 10, 39_000)
        linked.place("o2", PUT, "SELL", "OPEN", 7, 39_000)
        linked.place("o3", PUT, "SELL", "OPEN", 6, 39_000)
        assert [statuses(linked, order) for order in ("o2", "o3")] == [["REJECTED"], ["ACKNOWLEDGED"]]

    # --- combinations (7.3) --------------------------------------------------------------------------------------

    @pytest.fixture
    def short_puts(self, bench: BrokerBench) -> BrokerBench:
        """EX-08: 7 puts of 247.50 held short; 400,000.00 of cash."""
        bench.link(DEPOSIT, {PUT: -7})
        return bench

    def test_ex_08_a_roll_is_one_order_with_two_executions(self, short_puts: BrokerBench) -> None:
        """EX-08: given 247.50 at 19.10 and 245 at 18.70, then net -0.40: cash -280.00 - 9.10, collateral 171,500.00."""
        short_puts.show_chain({PUT: (190_500, 191_000), ROLLED_PUT: (187_000, 187_500)})
        short_puts.roll("r1", PUT, ROLLED_PUT, 7, -4_000)
        assert statuses(short_puts, "r1") == ["ACKNOWLEDGED"]
        assert sides(short_puts, "r1") == [
            ("BUY", PUT, 7, 191_000, 455),
            ("SELL", ROLLED_PUT, 7, 187_000, 455),
        ]
        assert len({execution.exec_id for execution in executions(short_puts)}) == 2
        assert held(short_puts) == {ROLLED_PUT: -7}
        assert cash(short_puts) == DEPOSIT - 28_000 - 910
        assert short_puts.port.account_summary("S1").collateral == 17_150_000
        assert short_puts.port.open_orders("S1") == []

    def test_a_resting_roll_fills_when_the_net_comes(self, short_puts: BrokerBench) -> None:
        """Given a net below the limit, when either side brings it, then both sides at the snapshot's prices."""
        short_puts.show_chain({PUT: (190_500, 191_000), ROLLED_PUT: (186_900, 187_500)})
        short_puts.roll("r1", PUT, ROLLED_PUT, 2, -4_000)
        assert sides(short_puts, "r1") == []
        (order,) = short_puts.port.open_orders("S1")
        assert (order.contract, order.new_contract, order.effect, order.limit_e4) == (PUT, ROLLED_PUT, "ROLL", -4_000)
        short_puts.show(PUT, 189_000, 190_000)
        short_puts.show(ROLLED_PUT, 188_000, 190_000)
        assert sides(short_puts, "r1") == []
        short_puts.show_chain({PUT: (189_000, 190_000), ROLLED_PUT: (187_500, 188_500)})
        assert [(side, price) for side, _, _, price, _ in sides(short_puts, "r1")] == [
            ("BUY", 190_000),
            ("SELL", 187_500),
        ]
        assert held(short_puts) == {PUT: -5, ROLLED_PUT: -2}

    def test_a_roll_takes_what_both_sides_display_once(self, short_puts: BrokerBench) -> None:
        """Given 5 offered and 3 bid, then 3; what is left of that snapshot is 2 offered; the rest of the next."""
        short_puts.show_chain({PUT: (20_000, 20_500, 9, 5), ROLLED_PUT: (25_000, 25_500, 3, 9)})
        short_puts.roll("r1", PUT, ROLLED_PUT, 4, 4_500)
        short_puts.replace("r1", 2, 4_000)
        assert [(contract, n) for _, contract, n, _, _ in sides(short_puts, "r1")] == [(PUT, 3), (ROLLED_PUT, 3)]
        short_puts.place("c1", PUT, "BUY", "CLOSE", 3, 20_500)
        assert fills(short_puts, "c1") == [(2, 20_500)]
        short_puts.show_chain({PUT: (20_000, 20_500, 9, 0), ROLLED_PUT: (25_000, 25_500, 9, 9)})
        assert len(sides(short_puts, "r1")) == 2
        short_puts.show_chain({PUT: (20_000, 20_500, 9, 9), ROLLED_PUT: (25_000, 25_500, 9, 9)})
        assert sum(n for side, _, n, _, _ in sides(short_puts, "r1") if side == "SELL") == 4
        assert held(short_puts) == {ROLLED_PUT: -4}

    def test_a_roll_cannot_fill_against_a_side_that_nobody_quotes(self, short_puts: BrokerBench) -> None:
        """Given no offer of the old option, however low the limit, then it rests."""
        short_puts.show_chain({PUT: (20_000, 0), ROLLED_PUT: (25_000, 25_500)})
        short_puts.roll("r1", PUT, ROLLED_PUT, 1, -50_000)
        short_puts.show_chain({PUT: (20_000, 20_500), ROLLED_PUT: (0, 25_500)})
        assert sides(short_puts, "r1") == []

    def test_a_cancelled_roll_keeps_what_it_did(self, short_puts: BrokerBench) -> None:
        """Given 2 of 7 rolled, when cancelled, then 2 stand and nothing follows."""
        short_puts.show_chain({PUT: (20_000, 20_500), ROLLED_PUT: (25_000, 25_500, 2, 9)})
        short_puts.roll("r1", PUT, ROLLED_PUT, 7, 4_500)
        short_puts.cancel("r1", 2)
        short_puts.show_chain({PUT: (20_000, 20_500), ROLLED_PUT: (25_000, 25_500)})
        assert statuses(short_puts, "r1") == ["ACKNOWLEDGED", "CANCELLED"]
        assert held(short_puts) == {PUT: -5, ROLLED_PUT: -2}

    def test_a_roll_expires_with_the_day_and_its_id_works_once(self, short_puts: BrokerBench) -> None:
        """Given a resting roll, sent twice, when the session ends, then EXPIRED once, nothing filled."""
        short_puts.show_chain({PUT: (20_000, 20_500), ROLLED_PUT: (20_000, 25_500)})
        short_puts.roll("r1", PUT, ROLLED_PUT, 7, 4_500)
        short_puts.roll("r1", PUT, ROLLED_PUT, 7, 4_500)
        assert len(short_puts.port.open_orders("S1")) == 1
        short_puts.end_session({"TSLA": 2_500_000})
        short_puts.show_chain({PUT: (20_000, 20_500), ROLLED_PUT: (25_000, 25_500)})
        assert statuses(short_puts, "r1")[-1] == "EXPIRED"
        assert sides(short_puts, "r1") == []

    def test_a_restart_neither_loses_nor_doubles_a_roll(self, short_puts: BrokerBench) -> None:
        """Given a roll half done, when the gateway is killed before and after, then 7 in all, each execution once."""
        quotes: Shown = {PUT: (20_000, 20_500), ROLLED_PUT: (25_000, 25_500, 4, 9)}
        short_puts.show_chain(quotes)
        short_puts.roll("r1", PUT, ROLLED_PUT, 7, 4_500)
        short_puts.restart()
        (order,) = short_puts.port.open_orders("S1")
        assert (order.new_contract, order.filled) == (ROLLED_PUT, 4)
        short_puts.show_chain(quotes)
        short_puts.restart()
        assert [n for _, _, n, _, _ in sides(short_puts, "r1")] == [4, 4, 3, 3]
        assert short_puts.port.executions("S1", 0) == executions(short_puts)
        assert len({execution.exec_id for execution in executions(short_puts)}) == 4

    def test_a_call_is_rolled_up_under_the_same_shares(self, bench: BrokerBench) -> None:
        """Given 100 shares and a call, then the call is rolled; another call is still not covered."""
        bench.link(DEPOSIT, {"TSLA": 100, CALL: -1})
        bench.show_chain({CALL: (10_000, 10_500), LATER_CALL: (12_000, 12_500)})
        bench.roll("r1", CALL, LATER_CALL, 1, 1_500)
        bench.place("o1", LATER_CALL, "SELL", "OPEN", 1, 12_000)
        assert held(bench) == {"TSLA": 100, LATER_CALL: -1}
        assert cash(bench) == DEPOSIT + 1_500 - 130
        assert statuses(bench, "o1") == ["REJECTED"]

    @pytest.mark.parametrize(
        ("contract", "new_contract", "quantity", "net_e4"),
        [
            pytest.param(PUT, ROLLED_PUT, 8, -4_000, id="more than held"),
            pytest.param(LATER_PUT, ROLLED_PUT, 1, -4_000, id="not held"),
            pytest.param(PUT, ROLLED_PUT, 0, -4_000, id="nothing"),
            pytest.param(PUT, ROLLED_PUT, 1, -4_010, id="not a cent"),
            pytest.param(PUT, PUT, 1, -100, id="for itself"),
            pytest.param(PUT, LATER_CALL, 1, -4_000, id="a call for a put"),
            pytest.param(PUT, "MSFT250620P00245000", 1, -4_000, id="of another underlying"),
            pytest.param(PUT, "TSLA", 1, -4_000, id="shares for a put"),
            pytest.param(PUT, "TSLA25X620P1", 1, -4_000, id="no contract"),
            pytest.param(PUT, "TSLA250602P00247500", 1, -4_000, id="expired last week"),
            pytest.param(PUT, "TSLA250620P00600000", 7, -4_000, id="420,000.00 of collateral for 400,000.00 of cash"),
        ],
    )
    def test_rolls_that_are_refused_change_nothing(
        self, short_puts: BrokerBench, contract: str, new_contract: str, quantity: int, net_e4: int
    ) -> None:
        """Given a combination the account may not place, then REJECTED; cash and positions as before."""
        short_puts.show_chain({PUT: (20_000, 20_500), ROLLED_PUT: (25_000, 25_500)})
        short_puts.roll("r1", contract, new_contract, quantity, net_e4)
        assert statuses(short_puts, "r1") == ["REJECTED"]
        last = short_puts.reports()[-1]
        assert isinstance(last, BrokerOrderStatus)
        assert last.code
        assert (held(short_puts), cash(short_puts)) == ({PUT: -7}, DEPOSIT)
        assert short_puts.port.open_orders("S1") == []

    def test_the_old_puts_collateral_carries_the_new_one(self, bench: BrokerBench) -> None:
        """Given cash for one put of 247.50 and 5.00 beside it, then a debit that its release pays is taken, and a
        higher strike only for a net that brings the difference (4.1)."""
        bench.link(24_750_00 + 5_00, {PUT: -1})
        bench.show_chain({PUT: (20_000, 20_500), ROLLED_PUT: (17_000, 18_000), "TSLA250620P00250000": (22_900, 25_500)})
        bench.roll("up", PUT, "TSLA250620P00250000", 1, 24_600)
        assert statuses(bench, "up") == ["REJECTED"]
        bench.roll("covered", PUT, "TSLA250620P00250000", 1, 24_700)
        assert statuses(bench, "covered") == ["ACKNOWLEDGED"]
        bench.cancel("covered", 2)
        bench.roll("down", PUT, ROLLED_PUT, 1, -3_500)
        assert cash(bench) == 24_750_00 + 5_00 - 3_500 - 130
        assert held(bench) == {ROLLED_PUT: -1}

    def test_what_a_roll_buys_back_is_not_bought_back_twice(self, short_puts: BrokerBench) -> None:
        """Given a roll of 5 of 7 that works, then 3 more cannot be closed or rolled; 2 can."""
        short_puts.show_chain({PUT: (20_000, 20_500), ROLLED_PUT: (20_000, 25_500)})
        short_puts.roll("r1", PUT, ROLLED_PUT, 5, 4_500)
        short_puts.place("c3", PUT, "BUY", "CLOSE", 3, 10_000)
        short_puts.roll("r3", PUT, ROLLED_PUT, 3, 4_500)
        short_puts.place("c2", PUT, "BUY", "CLOSE", 2, 10_000)
        assert [statuses(short_puts, order) for order in ("c3", "r3", "c2")] == [
            ["REJECTED"],
            ["REJECTED"],
            ["ACKNOWLEDGED"],
        ]

    # --- shares and long options (6.6, 7.5) ----------------------------------------------------------------------

    def test_shares_are_bought_at_the_ask_and_sold_at_the_bid(self, linked: BrokerBench) -> None:
        """Given limits of ask + 0.1 % and bid - 0.1 %, then filled at ask and bid, whole and without commission."""
        linked.show_shares("TSLA", 2_499_000, 2_500_000, 2_499_500)
        linked.place("b1", "TSLA", "BUY", "OPEN", 129, 2_502_500)
        linked.place("s1", "TSLA", "SELL", "CLOSE", 29, 2_496_500)
        assert sides(linked, "b1") == [("BUY", "TSLA", 129, 2_500_000, 0)]
        assert sides(linked, "s1") == [("SELL", "TSLA", 29, 2_499_000, 0)]
        assert held(linked) == {"TSLA": 100}
        assert cash(linked) == DEPOSIT - 129 * 25_000 + 29 * 24_990

    def test_the_last_trade_stands_for_a_side_that_nobody_quotes(self, linked: BrokerBench) -> None:
        """Given a last trade alone, then purchase and sale fill at it."""
        linked.show_shares("TSLA", 0, 0, 2_500_000)
        linked.place("b1", "TSLA", "BUY", "OPEN", 10, 2_502_500)
        linked.place("s1", "TSLA", "SELL", "CLOSE", 10, 2_497_500)
        assert (fills(linked, "b1"), fills(linked, "s1")) == ([(10, 2_500_000)], [(10, 2_500_000)])
        assert (held(linked), cash(linked)) == ({}, DEPOSIT)

    def test_a_resting_share_order_waits_for_its_price(self, linked: BrokerBench) -> None:
        """Given an ask above the limit, when it comes down, then filled at the limit."""
        linked.show_shares("TSLA", 2_499_000, 2_500_000, 2_499_500)
        linked.place("b1", "TSLA", "BUY", "OPEN", 10, 2_480_000)
        assert fills(linked, "b1") == []
        linked.show_shares("TSLA", 2_470_000, 2_475_000, 2_475_000)
        assert fills(linked, "b1") == [(10, 2_480_000)]

    def test_leaps_are_bought_and_sold(self, linked: BrokerBench) -> None:
        """EX-14's purchase: 1 contract at 38.50 is 3,850.65; sold again it is closed; more than held is not sold."""
        linked.show(LEAPS, 38_0000, 38_5000)
        linked.place("b1", LEAPS, "BUY", "OPEN", 1, 38_5000)
        assert cash(linked) == DEPOSIT - 385_065
        assert held(linked) == {LEAPS: 1}
        assert linked.port.account_summary("S1").collateral == 0
        linked.place("s2", LEAPS, "SELL", "CLOSE", 2, 38_0000)
        assert statuses(linked, "s2") == ["REJECTED"]
        linked.place("s1", LEAPS, "SELL", "CLOSE", 1, 38_0000)
        assert sides(linked, "s1") == [("SELL", LEAPS, 1, 380_000, 65)]
        assert (held(linked), cash(linked)) == ({}, DEPOSIT - 5_000 - 130)

    def test_a_long_call_covers_no_short_one(self, bench: BrokerBench) -> None:
        """Given LEAPS and no shares, then a call written against them is naked (PT-10)."""
        bench.link(DEPOSIT, {LEAPS: 1})
        bench.show(CALL, 10_000, 10_500)
        bench.place("o1", CALL, "SELL", "OPEN", 1, 10_000)
        assert statuses(bench, "o1") == ["REJECTED"]

    def test_working_purchases_bind_cash(self, linked: BrokerBench) -> None:
        """Given a purchase of 250,000.00 that works, then what is left buys and carries the rest only; cancelled, its
        cash is free again (4.1)."""
        linked.show_shares("TSLA", 2_510_000, 2_515_000, 2_512_000)
        linked.place("b1", "TSLA", "BUY", "OPEN", 1_000, 2_500_000)
        linked.place("b2", "TSLA", "BUY", "OPEN", 601, 2_500_000)
        linked.place("b3", LEAPS, "BUY", "OPEN", 40, 38_5000)
        linked.place("p7", PUT, "SELL", "OPEN", 7, 39_000)
        assert [statuses(linked, order) for order in ("b2", "b3", "p7")] == [["REJECTED"]] * 3
        assert linked.port.account_summary("S1").available == DEPOSIT - 25_000_000
        linked.place("b4", LEAPS, "BUY", "OPEN", 38, 38_5000)
        assert linked.port.account_summary("S1").available == DEPOSIT - 25_000_000 - 38 * 385_065
        linked.cancel("b1", 2)
        assert linked.port.account_summary("S1").available == DEPOSIT - 38 * 385_065

    def test_long_options_lapse_at_expiry(self, bench: BrokerBench) -> None:
        """Given a long call deep in the money that nobody sold, then it is gone before the next open, without cash,
        shares or report."""
        bench.link(DEPOSIT, {CALL: 1, HEDGE: 2, LEAPS: 1})
        for _ in range(5):
            bench.end_session({"TSLA": 3_000_000})
        assert (held(bench), cash(bench)) == ({LEAPS: 1}, DEPOSIT)
        assert {type(report) for report in bench.reports()} == {BrokerLinked, BrokerStatement}

    # --- a book that is taken over -------------------------------------------------------------------------------

    def test_a_book_is_linked_with_what_it_holds(self, bench: BrokerBench) -> None:
        """Given shares, a long and short options, then the CONNECT statement shows them, and each may be closed."""
        holdings = {"TSLA": 250, CALL: -2, PUT: -3, LEAPS: 1, HEDGE: 3, "MSFT": 7}
        bench.link(DEPOSIT, holdings)
        statement = bench.reports()[1]
        assert isinstance(statement, BrokerStatement)
        assert [(line.contract, line.quantity) for line in statement.positions] == sorted(holdings.items())
        assert bench.port.account_summary("S1").collateral == 3 * 2_475_000
        bench.show_chain(dict.fromkeys((CALL, PUT, LEAPS, HEDGE, LATER_PUT), (20000, 20500)))
        bench.show_shares("TSLA", 2_500_000, 2_500_100, 2_500_000)
        bench.place("too many", "TSLA", "SELL", "CLOSE", 51, 2_500_000)
        assert statuses(bench, "too many") == ["REJECTED"]
        bench.place("shares", "TSLA", "SELL", "CLOSE", 50, 2_500_000)
        bench.place("call", CALL, "BUY", "CLOSE", 2, 20_500)
        bench.place("leaps", LEAPS, "SELL", "CLOSE", 1, 20_000)
        bench.place("hedge", HEDGE, "SELL", "CLOSE", 3, 20_000)
        bench.roll("put", PUT, LATER_PUT, 3, -500)
        assert held(bench) == {"TSLA": 200, LATER_PUT: -3, "MSFT": 7}

    # --- cash outside orders (10.5) ------------------------------------------------------------------------------

    def test_cash_moves_once_a_movement(self, linked: BrokerBench) -> None:
        """Given a contribution sent three times, once after a restart, then it is there once; no report is made."""
        before = len(linked.reports())
        linked.move_cash("m1", "CONTRIBUTION", 5_000_000)
        linked.move_cash("m1", "CONTRIBUTION", 5_000_000)
        linked.restart()
        linked.move_cash("m1", "CONTRIBUTION", 5_000_000)
        assert cash(linked) == DEPOSIT + 5_000_000
        linked.move_cash("m2", "WITHDRAWAL", -1_000_000)
        assert cash(linked) == DEPOSIT + 4_000_000
        assert len(linked.reports()) == before

    def test_cash_that_left_carries_nothing(self, linked: BrokerBench) -> None:
        """Given a withdrawal that leaves less than the puts need, then it is paid all the same, and the account opens
        nothing: what may leave is the book's decision."""
        linked.show(PUT, 39_000, 39_500)
        linked.place("o1", PUT, "SELL", "OPEN", 15, 39_000)
        linked.move_cash("m1", "WITHDRAWAL", -10_000_000)
        assert linked.port.account_summary("S1").available < 0
        linked.place("o2", PUT, "SELL", "OPEN", 1, 39_000)
        assert statuses(linked, "o2") == ["REJECTED"]

    def test_dividends_are_paid_on_the_shares_of_the_ex_session_s_open(self, bench: BrokerBench) -> None:
        """Given 150 shares and 2 calls, when they go ex 0.2225, then 33.38 once; who buys that session gets none."""
        bench.link(DEPOSIT, {"TSLA": 150, CALL: -1})
        bench.announce_dividend("TSLA", 2_225)
        bench.announce_dividend("MSFT", 7_500)
        assert dividends(bench) == []
        bench.end_session({"TSLA": 2_500_000})
        bench.show_shares("TSLA", 2_500_000, 2_500_000, 2_500_000)
        bench.place("b1", "TSLA", "BUY", "OPEN", 10, 2_500_000)
        bench.restart()
        bench.end_session({"TSLA": 2_500_000})
        (paid,) = dividends(bench)
        assert (paid.kind, paid.symbol, paid.amount, paid.qualified) == ("DIVIDEND", "TSLA", 3_338, True)
        assert paid.activity_id
        assert cash(bench) == DEPOSIT + 3_338 - 10 * 25_000

    # --- restart -------------------------------------------------------------------------------------------------

    def test_a_restart_neither_loses_nor_doubles_an_order(self, linked: BrokerBench) -> None:
        """Given a working order, half filled, when the gateway is killed before and after the fill, then 7 in all."""
        linked.show(PUT, 39_000, 39_500, bid_size=4)
        linked.place("o1", PUT, "SELL", "OPEN", 7, 39_000)
        linked.restart()
        assert [order.filled for order in linked.port.open_orders("S1")] == [4]
        linked.show(PUT, 39_000, 39_500, bid_size=4)
        linked.restart()
        linked.restart()
        linked.show(PUT, 39_000, 39_500, bid_size=4)
        assert fills(linked, "o1") == [(4, 39_000), (3, 39_000)]
        assert statuses(linked, "o1") == ["ACKNOWLEDGED"]
        assert held(linked) == {PUT: -7}

    def test_an_order_after_a_restart_meets_the_quote_of_before(self, linked: BrokerBench) -> None:
        """Given a snapshot partly taken, when the gateway is killed, then its other contracts are there, once."""
        linked.show(PUT, 39_000, 39_500, bid_size=3)
        linked.place("o1", PUT, "SELL", "OPEN", 2, 39_000)
        linked.restart()
        linked.place("o2", PUT, "SELL", "OPEN", 2, 38_500)
        assert fills(linked, "o2") == [(1, 39_000)]

    def test_executions_can_be_asked_for_again(self, linked: BrokerBench) -> None:
        """Given fills, when asked after a restart, then the same executions under the same ids, each id once (12.1)."""
        linked.show(PUT, 39_000, 39_500, bid_size=1)
        linked.place("o1", PUT, "SELL", "OPEN", 2, 39_000)
        linked.show(PUT, 39_000, 39_500, bid_size=1)
        linked.restart()
        again = linked.port.executions("S1", 0)
        assert again == executions(linked)
        assert len({execution.exec_id for execution in again}) == 2
        assert linked.port.executions("S1", again[-1].time_us) == again[-1:]

    # --- expiry (7.4) --------------------------------------------------------------------------------------------

    def _short_put_at_expiry(self, bench: BrokerBench, close_e4: int) -> None:
        bench.show(PUT, 39_000, 39_500)
        bench.place("o1", PUT, "SELL", "OPEN", 3, 39_000)
        for _ in range(4):
            bench.end_session({"TSLA": 2_500_000})
        bench.end_session({"TSLA": close_e4})

    @pytest.mark.parametrize("close_e4", [2_475_000, 2_474_901, 2_600_000])
    def test_an_option_out_of_the_money_is_gone(self, linked: BrokerBench, close_e4: int) -> None:
        """Given a close less than 0.01 in the money, then no notice, and the option is gone before the next open."""
        self._short_put_at_expiry(linked, close_e4)
        assert not [r for r in linked.reports() if isinstance(r, BrokerAssignment)]
        assert held(linked) == {}
        assert linked.port.account_summary("S1").collateral == 0

    @pytest.mark.parametrize("close_e4", [2_474_900, 2_100_000])
    def test_an_option_in_the_money_is_assigned_the_night_after(self, linked: BrokerBench, close_e4: int) -> None:
        """Given a close 0.01 in the money or more, then one notice, outcome the expiry; strike against shares."""
        self._short_put_at_expiry(linked, close_e4)
        cash = linked.port.account_summary("S1").cash
        (notice,) = [r for r in linked.reports() if isinstance(r, BrokerAssignment)]
        assert (notice.contract, notice.quantity, notice.outcome_session) == (PUT, 3, 20252)
        assert held(linked) == {"TSLA": 300}
        assert cash == DEPOSIT + 117_000 - 195 - 7_425_000
        assert linked.port.option_exercise_notices("S1", 0) == [notice]

    def test_a_restart_does_not_assign_twice(self, linked: BrokerBench) -> None:
        """Given an assignment, when the gateway is killed, then there is still one notice and 300 shares."""
        self._short_put_at_expiry(linked, 2_400_000)
        linked.restart()
        linked.end_session({"TSLA": 2_400_000})
        assert len([r for r in linked.reports() if isinstance(r, BrokerAssignment)]) == 1
        assert held(linked) == {"TSLA": 300}

    def test_covered_calls_are_called_away(self, bench: BrokerBench) -> None:
        """EX-06's end: given 300 shares and 3 calls sold, close above the strike, then shares against the strike."""
        bench.link(DEPOSIT, {"TSLA": 300})
        bench.show(CALL, 13_500, 14_000)
        bench.place("o1", CALL, "SELL", "OPEN", 3, 13_500)
        bench.place("o2", CALL, "SELL", "OPEN", 1, 13_500)
        assert statuses(bench, "o2") == ["REJECTED"]
        for _ in range(5):
            bench.end_session({"TSLA": 2_573_000})
        (notice,) = [r for r in bench.reports() if isinstance(r, BrokerAssignment)]
        assert (notice.contract, notice.quantity) == (CALL, 3)
        assert held(bench) == {}
        assert bench.port.account_summary("S1").cash == DEPOSIT + 40_500 - 195 + 7_650_000

    # --- statements ----------------------------------------------------------------------------------------------

    def test_statements_agree_with_reports_to_the_cent(self, linked: BrokerBench) -> None:
        """Given a week with fills, a roll, shares, a dividend, a contribution, an assignment and an option that lives
        on: every statement is the sum of what was reported and moved before it (12.5), and every session has one before
        the open and one after the close."""
        linked.show(PUT, 39_000, 39_500, bid_size=2)
        linked.place("o1", PUT, "SELL", "OPEN", 3, 39_000)
        linked.show(PUT, 39_000, 39_500, bid_size=2)
        linked.show_chain({LATER_PUT: (25_100, 25_300), "TSLA250627P00235000": (27_000, 27_500)})
        linked.place("o2", LATER_PUT, "SELL", "OPEN", 4, 25_000)
        linked.place("o3", LATER_PUT, "BUY", "CLOSE", 1, 25_300)
        linked.roll("o4", LATER_PUT, "TSLA250627P00235000", 2, 1_000)
        linked.show_shares("TSLA", 2_500_000, 2_500_100, 2_500_000)
        linked.place("o5", "TSLA", "BUY", "OPEN", 33, 2_502_600)
        linked.announce_dividend("TSLA", 2_225)
        linked.move_cash("m1", "CONTRIBUTION", 123_456)
        for _ in range(5):
            linked.end_session({"TSLA": 2_450_000})
        money, positions = DEPOSIT, dict[str, int]()
        occasions: list[str] = []
        for report in linked.reports():
            if isinstance(report, BrokerExecution):
                sign = 1 if report.side == "SELL" else -1
                worth = option_value if parse(report.contract) else shares_value
                money += sign * worth(report.price_e4, report.quantity) - report.commission
                _add(positions, report.contract, -sign * report.quantity)
            elif isinstance(report, BrokerAssignment):
                money -= strike_value(247_500, report.quantity)
                _add(positions, report.contract, report.quantity)
                _add(positions, "TSLA", 100 * report.quantity)
            elif isinstance(report, BrokerCashActivity):
                money += report.amount
            elif isinstance(report, BrokerStatement):
                lines = [(line.contract, line.quantity) for line in report.positions]
                moved = 0 if report.occasion == "CONNECT" else 123_456
                assert (report.cash, lines) == (money + moved, sorted(positions.items()))
                occasions.append(report.occasion)
        assert occasions == ["CONNECT", *["EOD", "PRE_OPEN"] * 5]
        assert positions == {"TSLA": 333, LATER_PUT: -1, "TSLA250627P00235000": -2}
        assert [paid.amount for paid in dividends(linked)] == [734]

    def test_reports_count_on_without_a_gap_in_order_of_time(self, linked: BrokerBench) -> None:
        """Given reports before and after a restart, then source_seq has no gap and time never goes back."""
        linked.show(PUT, 39_000, 39_500)
        linked.place("o1", PUT, "SELL", "OPEN", 3, 39_000)
        linked.restart()
        linked.end_session({"TSLA": 2_500_000})
        reports = linked.reports()
        assert [r.source_seq for r in reports] == list(range(len(reports)))
        assert [r.time_us for r in reports] == sorted(r.time_us for r in reports)


def _add(positions: dict[str, int], contract: str, quantity: int) -> None:
    positions[contract] = positions.get(contract, 0) + quantity
    if not positions[contract]:
        del positions[contract]
