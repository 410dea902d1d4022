"""Invariants over random histories (protocol §19.4): a state machine that plays days with random markets, brokers and
people on one book, and checks after every input what must hold.

INV-1, 2, 3, 4, 5, 6, 12, 14, 15, 18 and the order table of 12.1; `tests.harness.invariants` says how each is checked.
ALLUSE_CHAOS=1 plays 10,000 histories, ALLUSE_HISTORIES=n plays n.
"""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import date
from fractions import Fraction
from random import Random
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

import processors.book.task as book_task
from domain import commands as c
from domain import events as e
from domain.calendar import MINUTE, SECOND
from domain.contracts import occ_symbol, option, parse
from domain.looks import Looks
from domain.money import tick_e4
from domain.state import TERMINAL, Approval, Order, canonical_text, state_hash
from gateways.market.calendar import day_of
from infra.stream.contract import Message
from processors.book.task import BookTask
from processors.runtime.memory import MemoryLog
from tests.harness.book_world import BookWorld, Listed, et
from tests.harness.invariants import Witness, chain_holds

CHAOS = os.environ.get("ALLUSE_CHAOS") == "1"
EXAMPLES = int(os.environ.get("ALLUSE_HISTORIES", "10000" if CHAOS else "200"))
TICKERS = {"GEN": ("TSLA", "NVDA"), "REV": ("AAPL", "MSFT")}
START_PRICES = {"TSLA": 2_500_000, "NVDA": 1_200_000, "AAPL": 2_290_000, "MSFT": 4_400_000}
FIRST, LAST = "2025-06-09", "2025-09-26"
"""With Juneteenth on a Thursday, Independence Day on a Friday after an early close, and Labor Day on a Monday."""
TOTAL: Counter[str] = Counter()
"""What all histories together have seen; a machine that sees nothing proves nothing."""


class Reader:
    """A log reader over records of a memory log, with or without its snapshots."""

    def __init__(self, log: MemoryLog, *, snapshots: bool) -> None:
        self._log, self._snapshots = log, snapshots

    def compacted(self, topic: str) -> dict[bytes, bytes]:
        found: dict[bytes, bytes] = {}
        for message in self._log.records(topic, 0) if self._snapshots else ():
            if message.key is not None and message.value is not None:
                found[message.key] = message.value
        return found

    def records(self, topic: str, from_offset: int = 0) -> Iterator[Message]:
        return iter(list(self._log.records(topic, 0, from_offset)))

    def end(self, topic: str) -> int:
        return self._log.end(topic, 0)


class Histories(RuleBasedStateMachine):
    """One book over some weeks. Each rule draws a seed and plays what it gives."""

    def __init__(self) -> None:
        super().__init__()
        self.world = BookWorld(FIRST, LAST)
        self.witness = Witness(self.world)
        self.world.watcher = self.witness.check
        self.prices = dict(START_PRICES)
        self.premium = 60
        """time value at the money in 1e-4 of the price"""
        self.people = 0
        self.sent: list[Any] = []
        self.executions: list[tuple[str, int, int, str]] = []
        self.days = iter(
            [s.day for s in self.world.sessions.between(date.fromisoformat(FIRST), date.fromisoformat(LAST))]
        )
        self.day: date | None = next(self.days)

    # --- the stage --------------------------------------------------------------------------------------------------

    @initialize(seed=st.integers(0, 2**32 - 1), imported=st.booleans())
    def open_book(self, seed: int, imported: bool) -> None:
        r = Random(seed)
        config = {
            "env.mode": "SIM", "sim.hitl_policy": r.choice(["SCRIPTED", "SCRIPTED", "AUTO_APPROVE", "AUTO_DENY"]),
            "gen.tickers": "TSLA,NVDA", "rev.tickers": "AAPL,MSFT", "entry.rescan_interval": "1500",
            "gen.entry_days": r.choice(["THU", "MON,TUE,WED,THU"]), "gen.tdte_max": r.choice(["1", "4"]),
            "gen.min_premium_pct": r.choice(["0.8", "1.5"]), "rev.min_premium_pct": r.choice(["0.4", "1.0"]),
            "gen.cc_min_premium_pct": "0.3", "rev.cc_min_premium_pct": "0.2",
            "order.slice_contracts": r.choice(["2", "50"]),
            "common.ticker_cap_pct.rev": r.choice(["25", "60"]), "protocol.interval_l0": "3600",
            "gen.ticker_split": r.choice(["EQUAL_ELIGIBLE", "BEST_PREMIUM", "EQUAL_CONFIGURED"]),
        }  # fmt: skip
        for name in ("gen.min_premium_pct", "rev.min_premium_pct", "gen.cc_min_premium_pct", "rev.cc_min_premium_pct"):
            self.witness.gates[name] = [Fraction(config[name])]
        self.world.mark(*((t, p / 10_000) for t, p in self.prices.items()))
        if imported:
            self._take_over(r, config)
        else:
            self.world.ask(c.CreateSystem, r.randrange(20_000_000, 200_000_000), "subject-1", "DU1", config)
        TOTAL["histories"] += 1

    def _take_over(self, r: Random, config: dict[str, str]) -> None:
        world = self.world
        expiry = world.calendar.weekly_expiry(world.calendar.day_of(world.now))
        assert expiry is not None
        lots = [c.ImportedLot("lot-a", "TSLA", 200, 19_800, 48_000_00, 2_430_000, 1_250_00)]
        put = c.ImportedOption(occ_symbol("AAPL", expiry, "P", 225_000), 2, 24_500, 130, world.now, 2_290_000)
        year = c.ImportedTaxYear(2025, r.randrange(-500_000, 500_000), r.randrange(-200_000, 200_000), 0, 0, 0, 0, 0)
        gen = world.sleeve("GEN", "300000", lots=lots, tax_years=[year], tax_reserve=r.choice([0, 1500]))
        rev = world.sleeve("REV", "280000", options=[put])
        world.ask(c.ImportBook, "subject-1", "DU1", "test", [gen, rev, world.sleeve("COM", "100000")], config)

    # --- a day ------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.day is not None)
    @rule(seed=st.integers(0, 2**32 - 1))
    def play_day(self, seed: int) -> None:
        """Pre-open statement, the entry window, the afternoon, the close, and the night."""
        assert self.day is not None
        r, world, today = Random(seed), self.world, self.day.isoformat()
        self.premium = r.choice([30, 60, 110, 200, 300])
        if r.random() < 0.04:
            world.at(f"{today} 08:45")
            self._split(r.choice(list(self.prices)))
        if r.random() < 0.95:
            world.at(f"{today} 09:00")
            self._settle_statement("PRE_OPEN")
        for clock in ("10:00", "10:25", "10:50"):
            self._market(r, f"{today} {clock}")
            self._broker(r)
            self._people(r)
        world.at(f"{today} 11:00")
        self._broker(r)
        world.at(f"{today} 11:30")
        self._broker(r, last_call=r.random() < 0.8)
        close_us = world.calendar.close_us(world.calendar.day_of(world.now))
        for before in (90, 30):
            self._market(r, close_us - before * MINUTE)
            self._people(r)
            self._broker(r)
        self._finish(r, close_us)
        TOTAL["days"] += 1
        following = next(self.days, None)
        if following is not None:
            self._night(r)
        self.day = following

    def _split(self, ticker: str) -> None:
        """Two for one before the open: shares, contracts and prices follow at the broker."""
        world = self.world
        self.prices[ticker] = self.prices[ticker] // 2 // 100 * 100
        world.split(ticker, 2, 1)
        TOTAL["splits"] += 1
        for contract, quantity in list(world.broker.positions.items()):
            if contract == ticker:
                world.broker.positions[contract] = 2 * quantity
            elif len(contract) > 15 and option(contract).underlying == ticker:
                terms = option(contract)
                del world.broker.positions[contract]
                adjusted = occ_symbol(ticker, terms.expiry, terms.right, terms.strike_e3 // 2)
                world.broker.positions[adjusted] = 2 * quantity

    def _market(self, r: Random, when: str | int) -> None:
        """Prices move; fresh quotes ten seconds before a moment, then the moment."""
        world = self.world
        moment = et(when) if isinstance(when, str) else when
        world.at(max(world.now, moment - 10 * SECOND))
        for ticker in self.prices:
            step = r.choice([0, 5, 10, 20, 40, 90]) * r.choice([-1, 1])
            self.prices[ticker] = max(100_000, self.prices[ticker] * (1_000 + step) // 1_000 // 100 * 100)
            if r.random() < 0.06:
                world.mark((ticker, self.prices[ticker] / 10_000))  # no chain: the quotes go stale
                continue
            world.chain(ticker, self.prices[ticker] / 10_000, *self._listed(r, ticker))
        world.at(moment)

    def _listed(self, r: Random, ticker: str) -> list[Listed]:
        calendar, today = self.world.calendar, self.world.calendar.day_of(self.world.now)
        expiries = [x for x in (calendar.weekly_expiry(today), calendar.weekly_expiry(today + 7)) if x and x >= today]
        spot = self.prices[ticker]
        wanted = {
            (x, right, spot // 10 * (1_000 + 25 * i) // 1_000 // 500 * 500, i)
            for x in expiries
            for right in "PC"
            for i in range(-4, 5)
        }
        for account in (
            self.world.book.accounts.values() if self.world.book_id in self.world.task.partition.books else ()
        ):
            for contract in account.shorts:
                terms = option(contract)
                if terms.underlying == ticker and terms.expiry >= today:
                    wanted.add((terms.expiry, terms.right, terms.strike_e3, round((terms.strike_e4 / spot - 1) * 40)))
        listed: dict[tuple[int, str, int], Listed] = {}
        for expiry, right, strike, i in sorted(wanted):
            delta = min(95, max(5, 50 + (9 if right == "P" else -9) * i))
            intrinsic = max(0, strike * 10 - spot if right == "P" else spot - strike * 10)
            mid = intrinsic + spot * self.premium // 10_000 * max(1, 8 - abs(i)) // 8
            tick = tick_e4(mid, ticker)
            mid = max(2 * tick, mid // tick * tick)
            listed[(expiry, right, strike)] = Listed(
                expiry,
                right,
                strike,
                mid - tick,
                mid + tick,
                delta * 100,
                5_000,
                2_000,
                r.choice([5_000, 60, -1]),
                500_000,
                0,
            )
        return list(listed.values())

    def _finish(self, r: Random, close_us: int) -> None:
        """Day orders end, official closes, the broker's statement, the end-of-day job."""
        world = self.world
        world.at(close_us + MINUTE)
        for order in self._working():
            if (
                order.state in ("SUBMITTED", "PARTIALLY_FILLED", "CANCEL_REQUESTED", "PENDING_SUBMIT", "UNKNOWN")
                and r.random() < 0.95
            ):
                world.status(order, r.choice(["EXPIRED", "CANCELLED"]))
        world.at(close_us + 5 * MINUTE)
        today = world.calendar.day_of(world.now)
        for ticker, price in self.prices.items():
            if r.random() < 0.97:
                world.bar(ticker, price / 10_000, day_of(today).isoformat(), atr=5)
        eod = world.calendar.et(today, 16 * 60 + 20)
        world.at(eod)
        self._settle_statement("EOD")
        world.at(eod + 15 * MINUTE)

    def _settle_statement(self, occasion: str) -> None:
        """A statement of the broker's true figures; the book agrees to the cent unless it could not book something."""
        if not self.witness.unbooked:
            self.witness.cash()
            TOTAL["statements"] += 1
        self.world.statement(occasion)
        if not self.witness.unbooked:
            assert not self.world.book.breaks, self.world.book.breaks

    # --- the night --------------------------------------------------------------------------------------------------

    def _night(self, r: Random) -> None:
        """Expired options are exercised or gone; notices come at night or before the next open, some come early."""
        world = self.world
        today = world.calendar.day_of(world.now)
        world.at(world.calendar.et(today, 23 * 60))
        late: list[tuple[str, int]] = []
        for contract, quantity in list(world.broker.positions.items()):
            if len(contract) < 15:
                continue
            terms = option(contract)
            if quantity > 0 and terms.expiry <= today:
                world.lapse(contract)
            if quantity >= 0:
                continue
            spot = self.prices[terms.underlying]
            money = terms.strike_e4 - spot if terms.right == "P" else spot - terms.strike_e4
            if terms.expiry == today:
                exercised = money >= 100 if r.random() < 0.9 else money > -spot // 50
                if not exercised or self._bare_call(contract, -quantity):
                    world.lapse(contract)
                elif r.random() < 0.5:
                    late.append((contract, -quantity))
                else:
                    self._notice(r, contract, -quantity, today)
            elif money > 0 and r.random() < 0.15 and not self._bare_call(contract, -quantity):
                TOTAL["early assignments"] += 1
                self._notice(r, contract, r.randint(1, -quantity), today)
        if late:
            following = world.calendar.next_session(today)
            world.at(world.calendar.et(following, 8 * 60 + 30))
            for contract, quantity in late:
                TOTAL["late notices"] += 1
                self._notice(r, contract, quantity, today)

    def _bare_call(self, contract: str, quantity: int) -> bool:
        terms = option(contract)
        return terms.right == "C" and self.world.broker.positions.get(terms.underlying, 0) < 100 * quantity

    def _notice(self, r: Random, contract: str, quantity: int, session: int) -> None:
        """One notice, or two of parts; sometimes repeated."""
        parts = [quantity] if quantity == 1 or r.random() < 0.7 else [1, quantity - 1]
        for part in parts:
            self.people += 1
            notice = f"notice-{self.people}"
            self.world.assign(contract, part, session, notice_id=notice)
            if r.random() < 0.2:
                before = len(self.world.happened)
                self.world.report(book_task.i.BrokerAssignment, notice, contract, part, session)
                assert len(self.world.happened) == before, "a repeated notice changes nothing"
                TOTAL["repeated notices"] += 1

    # --- the broker -------------------------------------------------------------------------------------------------

    def _working(self) -> list[Order]:
        return [o for o in self.world.book.orders.values() if o.state not in TERMINAL]

    def _broker(self, r: Random, *, last_call: bool = False) -> None:
        today = self.world.calendar.day_of(self.world.now)
        for order in self._working():
            terms = parse(order.contract)
            if terms is not None and terms.expiry < today:  # nobody trades an option after its last day
                self.world.status(order, "EXPIRED")
            elif order.state == "CANCEL_REQUESTED":
                self._answer_cancel(r, order, sure=last_call)
            elif order.state in ("PENDING_SUBMIT", "SUBMITTED", "PARTIALLY_FILLED", "UNKNOWN"):
                self._work(r, order)
        for order in self._working():  # the broker seldom stays silent for long: each 5 s of it is an entry
            if order.state in ("PENDING_SUBMIT", "UNKNOWN") and r.random() < 0.97:
                self.world.ack(order)
            elif order.state == "CANCEL_REQUESTED" and r.random() < 0.97:
                self.world.status(order, "CANCELLED")
        if self.executions and r.random() < 0.2:
            order_id, quantity, price, exec_id = r.choice(self.executions)
            known = self.world.book.orders.get(order_id)
            if known is not None:
                before = len(self.world.happened)
                self.world.fill(known, quantity, price / 10_000, exec_id=exec_id, again=True)
                assert len(self.world.happened) == before, "a repeated execution changes nothing"
                TOTAL["repeated executions"] += 1

    def _work(self, r: Random, order: Order) -> None:
        """Acknowledge, fill, fill in part, reject, cancel, say nothing, or say something that makes no sense."""
        world = self.world
        kind = r.choices(["ack", "fill", "part", "reject", "cancel", "silence", "odd"], [25, 45, 15, 3, 3, 5, 4])[0]
        if kind == "ack":
            world.ack(order)
        elif kind == "fill":
            self._fill(order, order.quantity - order.filled)
        elif kind == "part" and order.quantity - order.filled > 1:
            self._fill(order, r.randint(1, order.quantity - order.filled - 1))
        elif kind == "reject":
            world.status(order, "REJECTED", "MARGIN")
        elif kind == "cancel":
            world.status(order, "CANCELLED", "EXCHANGE")
        elif kind == "odd":
            world.status(order, r.choice(["REPLACED", "CANCEL_REJECTED", "NONSENSE", "ACKNOWLEDGED"]))

    def _fill(self, order: Order, quantity: int) -> None:
        """At the limit that stands."""
        self.people += 1
        exec_id = f"exec-{self.people}"
        self.executions.append((order.order_id, quantity, order.limit_e4, exec_id))
        self.world.fill(order, quantity, order.limit_e4 / 10_000, exec_id=exec_id)

    def _answer_cancel(self, r: Random, order: Order, *, sure: bool) -> None:
        world, left = self.world, order.quantity - order.filled
        kind = r.choices(["cancel", "fill", "part", "refuse", "late", "silence"], [45, 8, 12, 5, 20, 10])[0]
        if kind == "fill":
            self._fill(order, left)
        elif kind == "part" and left > 1:
            self._fill(order, 1)
            world.status(order, "CANCELLED")
        elif kind == "refuse" and not sure:
            world.status(order, "CANCEL_REJECTED")
        elif kind == "late":
            world.status(order, "CANCELLED")
            if option(order.contract).right == "P" and order.effect == "OPEN":
                TOTAL["fills after the end"] += 1
                self._fill(order, 1)
        elif kind != "silence" or sure:
            world.status(order, "CANCELLED")

    # --- people -----------------------------------------------------------------------------------------------------

    def _people(self, r: Random) -> None:
        for approval in list(self.world.book.approvals.values()):
            self._answer(r, approval)
        if r.random() < 0.12:
            self.command(r.randrange(2**32))

    def _answer(self, r: Random, approval: Approval) -> None:
        choices = approval.proposal.get("choices", "").split(",")
        person = r.choice([approval.requester or "trader-9", "trader-1", "risk-2", "owner"])
        kind = r.choices(["grant", "deny", "nothing"], [50, 15, 35])[0]
        role = r.choice([*approval.roles, *approval.roles, "VISITOR"])
        if kind == "grant":
            self.world.grant(approval.approval_id, by=person, role=role, choice=r.choice(["", *choices]))
        elif kind == "deny":
            self.world.deny(approval.approval_id, by=person, role=role)

    @rule(seed=st.integers(0, 2**32 - 1))
    def command(self, seed: int) -> None:
        """A command of an operator."""
        r, world = Random(seed), self.world
        account = f"S001-{r.choice(['GEN', 'REV', 'COM'])}-001"
        header = world.header(by=r.choice(["owner", "trader-1"]))
        orders = list(world.book.orders) or ["none"]
        amount = r.randrange(1, 400_000)
        commands: list[Any] = [
            c.RecordFee(header, account, amount, "data"),
            c.TransferCapital(header, "CONTRIBUTION", account, amount * 10),
            c.RecordDividend(header, account, "AAPL", amount, r.random() < 0.5),
            c.RecordTaxPayment(header, account, 2025, amount // 100 + 1),
            c.EngageKillSwitch(header, r.choice([None, account]), "test"),
            c.ReleaseKillSwitch(header, r.choice([None, account])),
            c.SuspendAccount(header, account, "pause"),
            c.ResumeAccount(header, account),
            c.RestrictTradingMode(header, account, r.choice(["CC_ONLY", "NO_NEW_ENTRIES", "PRESERVATION"]), "look"),
            c.LiftTradingModeRestriction(header, account, "look"),
            c.LiftTradingModeRestriction(header, account, "look"),
            c.CancelOrder(header, r.choice(orders)),
            c.GuessWeekMode(header, f"2025W{r.randint(24, 30)}", r.choice(["GREEN", "RED", "CHOP"])),
            self._configuration(r, header, account),
        ]  # fmt: skip
        chosen = r.choices(commands, [7, 6, 4, 3, 2, 4, 2, 4, 2, 3, 3, 4, 2, 6])[0]
        self._book_at_broker(chosen)
        self.sent.append(chosen)
        TOTAL[f"command {type(chosen).__name__}"] += 1
        if r.random() < 0.3:
            self._repeat(r)

    def _configuration(self, r: Random, header: c.CommandHeader, account: str) -> c.ProposeConfigurationChange:
        changes = r.choice([
            {"gen.min_premium_pct": r.choice(["0.5", "1.2"])}, {"gen.delta_max": "55"}, {"gen.delta_min": "52"},
            {"common.blacklist": "NVDA"}, {"common.blacklist": ""}, {"no.such": "1"},
            {"buffer.pct": r.choice(["5", "8", "1"])},
            {"rev.ticker_split": "BEST_PREMIUM"}, {"tax.rate_st": "35"}, {"week_mode.apply": "ACTIVE"}, {},
        ])  # fmt: skip
        for name, value in changes.items():
            if name in self.witness.gates:
                self.witness.gates[name].append(Fraction(value))
        return c.ProposeConfigurationChange(header, r.choice(["SYSTEM", account]), changes)

    def _book_at_broker(self, command: object) -> None:
        """Fees, dividends and tax payments have moved cash at the broker, if the book takes them."""
        before = len(self.world.happened)
        cash = {a.account_id: a for a in self.world.book.accounts.values()}
        assert cash
        self.world.watcher, held = None, self.world.watcher
        happened = self.world.send(command)
        for event in (h.event for h in happened):
            if isinstance(event, e.FeeCharged):
                self.world.broker.cash -= event.amount
            elif isinstance(event, e.DividendReceived):
                self.world.broker.cash += event.amount
            elif isinstance(event, e.TaxPaymentRecorded):
                self.world.broker.cash -= event.amount
        self.world.watcher = held
        self.witness.check(self.world.happened[before:])

    def _repeat(self, r: Random) -> None:
        """The same command again adds nothing; its id with another body is refused."""
        chosen = r.choice(self.sent)
        before = len(self.world.happened)
        self.world.send(chosen)
        assert len(self.world.happened) == before, "19.1: same command, no new event"
        header = chosen.header
        self.world.send(c.RecordFee(header, "S001-GEN-001", 123_456_789, "another body"))
        assert self.world.happened[-1].event.code == "IDEMPOTENCY_CONFLICT"
        TOTAL["repeated commands"] += 1

    @rule(seed=st.integers(0, 2**32 - 1))
    def broker_session(self, seed: int) -> None:
        """The session drops and comes back; a statement with wrong figures makes a break, the next one resolves it."""
        r, world = Random(seed), self.world
        if r.random() < 0.5:
            world.session(connected=False)
            if r.random() < 0.9:
                world.session(connected=True)
            return
        world.statement("INTRADAY", cash=world.broker.cash - 100 * r.choice([1, 500]))
        if r.random() < 0.9:
            world.statement("INTRADAY")

    # --- the end ----------------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        """The journal folded from scratch, snapshots with the tail, and a fold that leaves no look out give the live
        state; the chain holds."""
        world = self.world
        TOTAL.update(self.witness.counted)
        TOTAL["entries"] += chain_holds(world)
        if world.book_id not in world.task.partition.books:
            return
        live = state_hash(world.book)
        for snapshots, every_look in ((False, False), (True, False), (False, True)):
            task = BookTask(0)
            with patch.object(Looks, "step_us", return_value=0) if every_look else nullcontext():
                task.restore(Reader(world.log, snapshots=snapshots))
            again = task.partition.books[world.book_id]
            assert state_hash(again) == live, f"snapshots {snapshots}, {every_look}: {canonical_text(again)[:300]}"
            assert task.chain.previous == world.task.chain.previous
        TOTAL["snapshots"] += len(list(world.log.records("snapshots", 0)))


PROFILE = settings(
    max_examples=EXAMPLES, stateful_step_count=14, deadline=None, derandomize=not CHAOS, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)  # fmt: skip


@pytest.fixture(autouse=True)
def short_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Snapshots so often that a history of some hundred entries has several."""
    monkeypatch.setattr(book_task, "SNAPSHOT_EVERY", 150)


class TestHistories(Histories.TestCase):
    """What hypothesis runs."""

    settings = PROFILE


EXPLORED = """
OrderFilled, OrderPartiallyFilled, OrderRepriced, OptionAssigned, OptionExpiredWorthless, SharesCalledAway,
ProfitTargetReached, ExpiryDecisionMade, WeekClassified, WeekReclassified, ApprovalGranted, ApprovalDenied,
ApprovalExpired, EntrySkipped PREMIUM_BELOW_MIN, EntrySkipped CC_FLOOR_UNMET, EntrySkipped UNFILLED,
EntrySkipped TRADING_MODE, EntrySkipped INSUFFICIENT_CAPITAL, KillSwitchEngaged, ReconciliationBreakDetected,
ConfigurationChanged, TaxReserveAdjusted, OrderStateUnknown, late notices, early assignments,
fills after the end, repeated executions, repeated notices, repeated commands, splits, snapshots
"""
"""What the histories of the normal profile must have met together."""


def test_the_histories_have_met_what_they_are_for() -> None:
    if TOTAL["histories"] < EXAMPLES:
        pytest.skip("the histories have not been played in full")
    names = [name.strip() for name in EXPLORED.split(",")]
    missed = [name for name in names if not TOTAL[name]]
    assert not missed
