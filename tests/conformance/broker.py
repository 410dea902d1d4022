"""What every broker behind the port must do (protocol 12, 7.4), the simulated one and those at the end of a wire.

An adapter's test derives from `BrokerConformance` and gives `bench`, a `BrokerBench`: its broker in a world that the
suite can direct. Reports are compared by what they say, never by ids or codes, which are each broker's own.
"""

from collections.abc import Sequence
from typing import Protocol

import pytest

from domain.inputs import (
    BrokerAssignment,
    BrokerExecution,
    BrokerLinked,
    BrokerOrderStatus,
    BrokerStatement,
)
from domain.money import option_value, strike_value
from gateways.broker.port import BrokerAccountPort, BrokerOrderPort, BrokerRejectError, Report

DEPOSIT = 40_000_000
"""400,000.00"""
PUT = "TSLA250613P00247500"
CALL = "TSLA250613C00255000"
LATER_PUT = "TSLA250620P00240000"


class Questions(BrokerAccountPort, BrokerOrderPort, Protocol):
    """The part of the port that the suite asks."""


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

    def place(self, order_id: str, contract: str, side: str, effect: str, quantity: int, limit_e4: int) -> None:
        """Send an order, version 1."""
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

    def test_statements_agree_with_executions_to_the_cent(self, linked: BrokerBench) -> None:
        """Given a week with fills, an assignment and an option that lives on: every statement is the sum of what was
        reported before it (12.5), and every session has one before the open and one after the close."""
        linked.show(PUT, 39_000, 39_500, bid_size=2)
        linked.place("o1", PUT, "SELL", "OPEN", 3, 39_000)
        linked.show(PUT, 39_000, 39_500, bid_size=2)
        linked.show(LATER_PUT, 25_100, 25_300)
        linked.place("o2", LATER_PUT, "SELL", "OPEN", 4, 25_000)
        linked.place("o3", LATER_PUT, "BUY", "CLOSE", 1, 25_300)
        for _ in range(5):
            linked.end_session({"TSLA": 2_450_000})
        cash, positions = DEPOSIT, dict[str, int]()
        occasions: list[str] = []
        for report in linked.reports():
            if isinstance(report, BrokerExecution):
                sign = 1 if report.side == "SELL" else -1
                cash += sign * option_value(report.price_e4, report.quantity) - report.commission
                _add(positions, report.contract, -sign * report.quantity)
            elif isinstance(report, BrokerAssignment):
                cash -= strike_value(247_500, report.quantity)
                _add(positions, report.contract, report.quantity)
                _add(positions, "TSLA", 100 * report.quantity)
            elif isinstance(report, BrokerStatement):
                lines = [(line.contract, line.quantity) for line in report.positions]
                assert (report.cash, lines) == (cash, sorted(positions.items()))
                occasions.append(report.occasion)
        assert occasions == ["CONNECT", *["EOD", "PRE_OPEN"] * 5]
        assert positions == {"TSLA": 300, LATER_PUT: -3}

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
