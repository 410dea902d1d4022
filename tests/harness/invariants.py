"""Invariants of protocol §19.4 over what a book publishes, checked after every input.

`Witness` looks at events as they were decoded from the log and keeps its own account of them: a second book folded by
`domain.evolve` alone, the states of orders, signals and approvals. Nothing of it comes from the live book.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import fields
from fractions import Fraction
from typing import Any

from domain import events as e
from domain.contracts import option, parse
from domain.evolve import evolve
from domain.lifecycle.surplus import TOLERANCE, surplus_by_results, surplus_post
from domain.money import strike_value
from domain.state import TERMINAL, Book, canonical_text, dump
from domain.valuation import buffer_required, free_cash, put_collateral
from processors.book.journal import GENESIS, Chain, read_key
from tests.harness.book_world import BookWorld, Happened

FROM_INPUTS = ("timers", "watches", "memory", "commands", "streams", "parked", "parked_inputs")
"""Parts of a book that follow from the journal's inputs, not from its events."""
NEXT_STATES: dict[str, frozenset[str]] = {
    "PROPOSED": frozenset({"VALIDATED", "REJECTED"}),
    "VALIDATED": frozenset({"PENDING_SUBMIT", "CANCELLED"}),
    # a cancel always gets through, to an order that has not been acknowledged too
    "PENDING_SUBMIT": frozenset({"SUBMITTED", "REJECTED", "UNKNOWN", "CANCEL_REQUESTED"}),
    "SUBMITTED": frozenset(
        {"PARTIALLY_FILLED", "FILLED", "CANCEL_REQUESTED", "CANCELLED", "EXPIRED", "REJECTED", "UNKNOWN"}
    ),
    "PARTIALLY_FILLED": frozenset(
        {"FILLED", "PARTIALLY_FILLED", "CANCEL_REQUESTED", "CANCELLED", "EXPIRED", "UNKNOWN", "REJECTED"}
    ),
    "CANCEL_REQUESTED": frozenset(
        {"CANCELLED", "FILLED", "CANCEL_REQUESTED", "SUBMITTED", "PARTIALLY_FILLED", "EXPIRED", "UNKNOWN", "REJECTED"}
    ),
    "UNKNOWN": frozenset(
        {"SUBMITTED", "PARTIALLY_FILLED", "FILLED", "CANCELLED", "REJECTED", "EXPIRED", "UNKNOWN", "CANCEL_REQUESTED"}
    ),
}  # fmt: skip
"""Legal transitions of an order (protocol 12.1)."""
_STATE_OF: dict[type, str] = {
    e.OrderProposed: "PROPOSED", e.OrderValidated: "VALIDATED", e.OrderSubmitted: "PENDING_SUBMIT",
    e.OrderCancelRequested: "CANCEL_REQUESTED", e.OrderCancelled: "CANCELLED", e.OrderExpired: "EXPIRED",
    e.OrderRejected: "REJECTED", e.OrderStateUnknown: "UNKNOWN",
}  # fmt: skip


FOLD_COMPARED_EVERY = 4


def comparable(book: Book) -> dict[str, Any]:
    """What must follow from the events alone."""
    plain = dump(book)
    return {key: value for key, value in plain.items() if key not in FROM_INPUTS}


def alike(folded: Book, live: Book) -> bool:
    """Whether two books agree in what follows from events. Their plain data are made only where fields differ."""
    names = (f.name for f in fields(Book) if f.name not in FROM_INPUTS)
    return all(getattr(folded, name) == getattr(live, name) for name in names) or comparable(folded) == comparable(live)


class Lifecycle:
    """Invariants of forks, merges, reinvestment, weeks, levels and reserves, from the events alone."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.started: dict[str, int] = {}
        """workflow to the cents it moves"""
        self.moved: Counter[str] = Counter()
        self.runs: set[str] = set()
        self.weeks: set[tuple[str | None, str | None, str]] = set()
        self.levels: dict[tuple[str | None, str], int] = {}
        self.kinds: dict[str, str] = {}

    def check(self, h: Happened) -> None:
        """One event, after it was folded."""
        event, account = h.event, h.envelope.account_id
        match event:
            case e.AccountOpened():
                self.kinds[event.account_id] = event.type
            case e.ForkInitiated():
                assert event.fork_id not in self.started, "INV-13: a fork has one id"
                self.started[event.fork_id] = event.amount
                assert self.kinds.get(account or "", "GEN") != "COM", "10.2: COM never forks"
            case e.ForkCompleted():
                children = sum(self.book.accounts[c].base_capital for c in event.children if c in self.book.accounts)
                assert children in (0, event.amount), "INV-7: the children have what the parent gave"
                assert self.started[event.fork_id] == event.amount, "INV-7"
            case e.MergeInitiated():
                assert event.merge_id not in self.started, "INV-13: a merge has one id"
                self.started[event.merge_id] = 0
            case e.CapitalTransferred() if event.kind == "MERGE":
                self.moved["merge"] += event.amount + event.reserve
            case e.MergeCompleted():
                assert self.moved["merge"] == event.amount + event.reserve, "INV-8: cash and reserve arrive whole"
                self.moved["merge"] = 0
            case e.ReinvestmentCalculated():
                assert event.key not in self.runs, "10.4: a quarter is run once"
                self.runs.add(event.key)
            case e.WeekClassified():
                key = (account, event.ticker, event.week_id)
                assert key not in self.weeks, "INV-11: one primary type an account, ticker and week"
                self.weeks.add(key)
            case e.WithdrawalPaid():
                assert self.book.accounts[account or ""].type in ("GEN", "REV"), "INV-17"
            case e.ProtocolLevelChanged():
                assert abs(event.to_level - event.from_level) == 1, "8.2: one level at a time"
                assert 0 <= event.to_level <= 3, "INV-10"
                known = self.levels.get((account, event.position_id), event.from_level)
                assert known == event.from_level, f"INV-10: {known}, then {event}"
                self.levels[account, event.position_id] = event.to_level
            case e.PositionOpened():
                self.levels.pop((account, event.position_id), None)
            case e.TaxReserveAdjusted():
                assert event.reserve >= 0, "4.4: the reserve is never below zero"
            case _:
                pass

    def state(self) -> None:
        """INV-9 and INV-16."""
        merging = {key for group in self.book.groups.values() if group.state == "MERGING" for key in group.members}
        for key, account in self.book.accounts.items():
            assert (account.state == "MERGING") <= (key in merging), "INV-9: MERGING means a merge"
            assert account.type != "EXT" or all(other.type == "EXT" for other in self.book.accounts.values()), "INV-16"


class Witness:
    """Watches a world; call `check` with what each input published."""

    def __init__(self, world: BookWorld) -> None:
        self.world = world
        self.folded = Book(world.book_id)
        self.lifecycle = Lifecycle(self.folded)
        self.orders: dict[str, str] = {}
        self.proposals: dict[str, e.OrderProposed] = {}
        self.signals: dict[str, e.TradeSignalGenerated | e.ExitSignalGenerated] = {}
        self.requests: dict[str, e.ApprovalRequested] = {}
        self.counted: Counter[str] = Counter()
        self.gates: dict[str, list[Fraction]] = {}
        """premium gates in per cent that were in force at some time"""
        self.unbooked = 0
        """strike value of contracts that the broker holds and the book could not book (reported beyond an order)"""
        self.looks = 0
        self.late_calls = False
        """a call was filled after its order's end: the broker has sold what no check could stop"""

    def check(self, happened: Iterable[Happened]) -> None:
        """Every invariant that the new events touch, then those of the state."""
        happened = list(happened)
        for h in happened:
            self.counted[h.name] += 1
            evolve(self.folded, h.event, h.envelope)
            self.lifecycle.check(h)
            self._event(h)
        if not happened:
            return
        self.lifecycle.state()
        self._state(
            {
                h.envelope.account_id
                for h in happened
                if isinstance(h.event, e.OrderSubmitted) and h.event.effect == "OPEN"
            }
        )

    def _event(self, h: Happened) -> None:
        event = h.event
        match event:
            case e.LedgerPosted():
                assert sum(line.amount for line in event.lines) == 0, f"INV-1: {event}"
            case e.TradeSignalGenerated() | e.ExitSignalGenerated():
                self.signals[event.signal_id] = event
            case e.ApprovalRequested():
                self.requests[event.approval_id] = event
            case e.OrderProposed():
                assert event.signal_id in self.signals, "INV-12: no order without a signal"
                self.proposals[event.order_id] = event
            case e.EntrySkipped():
                self.counted[f"EntrySkipped {event.reason}"] += 1
            case e.OrderRejected():
                self.counted[f"OrderRejected {event.code}"] += 1
            case e.CommandRejected():
                self.counted[f"CommandRejected {event.code}"] += 1
            case e.OrderAcknowledged() | e.OrderReconciled():
                pass
            case e.OrderPartiallyFilled() | e.OrderFilled():
                self._fill(event)
            case _:
                pass
        self._order_state(event)

    def _order_state(self, event: Any) -> None:
        """INV-14 and the table of 12.1."""
        order_id: str | None = getattr(event, "order_id", None)
        if order_id is None:
            return
        before = self.orders.get(order_id)
        if isinstance(event, e.OrderPartiallyFilled | e.OrderFilled):
            after = event.state
        elif isinstance(event, e.OrderReconciled):
            after = event.final_state
        elif isinstance(event, e.OrderAcknowledged):
            after = self.folded.orders[order_id].state
        else:
            kind: type[Any] = event.__class__
            found = _STATE_OF.get(kind)
            if found is None:
                return
            after = found
        self.orders[order_id] = after
        if before in TERMINAL:
            assert after == before, f"INV-14: {before} -> {after} by {event}"
            self.counted["fill after the order's end"] += 1
        elif before is None:
            assert after == "PROPOSED"
        else:
            assert after in NEXT_STATES[before] or after == before, f"12.1: {before} -> {after} by {event}"

    def _fill(self, event: e.OrderPartiallyFilled | e.OrderFilled) -> None:
        proposal = self.proposals.get(event.order_id)
        assert proposal is not None, "INV-12: no fill without an order"
        assert event.cum_quantity <= proposal.quantity, "12.1: never more than ordered"
        terms = parse(event.contract)
        if self.orders[event.order_id] in TERMINAL and terms is not None and terms.right == "C":
            self.late_calls = True
        if proposal.purpose not in ("ENTRY", "RESIDUAL", "RECOVERY_CALL"):
            return
        signal = self.signals[proposal.signal_id]
        assert isinstance(signal, e.TradeSignalGenerated)
        assert event.price_e4 >= signal.floor_e4, "INV-18: under the floor"
        if signal.approval_id:
            approved = int(self.requests[signal.approval_id].proposal["floor_e4"])
            assert event.price_e4 >= approved, "INV-18: under the approved floor"
            return
        gate = self._gate(proposal, event.contract)
        assert Fraction(event.price_e4 * 100, signal.reference_e4) >= gate, "INV-18: under the gate"

    def _gate(self, proposal: e.OrderProposed, contract: str) -> Fraction:
        """Lowest gate that was ever in force in the run: a change acts on later orders only."""
        sleeve, right = proposal.account_id.split("-")[1].lower(), option(contract).right
        name = f"{sleeve}.{'min_premium_pct' if right == 'P' else 'cc_min_premium_pct'}"
        return min(self.gates.get(name, [Fraction("0.1")]))

    # --- state ------------------------------------------------------------------------------------------------------

    def _state(self, opened: set[str | None]) -> None:
        world = self.world
        if world.book_id not in world.task.partition.books:
            return
        book = world.book
        self.looks += 1
        if self.looks % FOLD_COMPARED_EVERY == 0:  # what a fold loses stays lost: no look in between is needed
            assert alike(self.folded, book), f"INV-2: {difference(self.folded, book)}"
        d = world.decision()
        short_puts = 0
        for key, account in book.accounts.items():
            collateral = put_collateral(book, account)
            working = sum(
                strike_value(option(o.contract).strike_e3, o.quantity - o.filled)
                for o in book.orders.values()
                if o.account_id == key
                and o.effect == "OPEN"
                and o.side == "SELL"
                and option(o.contract).right == "P"
                and o.state not in (*TERMINAL, "PROPOSED")
            )
            held = sum(
                strike_value(option(c).strike_e3, s.quantity)
                for c, s in account.shorts.items()
                if option(c).right == "P"
            )
            assert collateral >= working + held, "INV-4"
            short_puts += held
            if account.type in ("GEN", "REV") and account.state not in ("PENDING_FUNDING", "MERGED", "CLOSED"):
                by_worth, by_results = surplus_post(d, account), surplus_by_results(d, account)
                assert abs(by_worth - by_results) <= TOLERANCE, f"10.1: {key} {by_worth} != {by_results}"
            if key in opened:
                assert free_cash(book, account) >= buffer_required(d, account), "INV-6"
            if not self.late_calls:
                self._covered(account)
        self._broker(short_puts)

    def _covered(self, account: Any) -> None:
        calls: Counter[str] = Counter()
        for contract, short in account.shorts.items():
            terms = option(contract)
            if terms.right == "C":
                calls[terms.underlying] += short.quantity
        for ticker, contracts in calls.items():
            assert contracts * 100 <= account.shares(ticker), (
                f"INV-5: {contracts} calls on {account.shares(ticker)} {ticker}"
            )

    def _broker(self, short_puts: int) -> None:
        """INV-4 against the broker's books: what is short there, and has not expired, is held as collateral here."""
        calendar, now = self.world.calendar, self.world.now
        there = 0
        for contract, quantity in self.world.broker.positions.items():
            terms = parse(contract)
            if terms is not None and terms.right == "P" and now < calendar.close_us(terms.expiry):
                there -= strike_value(terms.strike_e3, min(0, quantity))
        assert short_puts >= there - self.unbooked, f"INV-4: {there} short puts at the broker, {short_puts} here"

    def cash(self) -> None:
        """INV-3: cash over the accounts equals the broker's, to the cent."""
        ours = sum(
            a.balance("CASH") + a.balance("CASH_UNSETTLED") + a.balance("TAX_RESERVE")
            for a in self.world.book.accounts.values()
        )
        assert ours == self.world.broker.cash, f"INV-3: book {ours}, broker {self.world.broker.cash}"
        mine: Counter[str] = Counter()
        for account in self.world.book.accounts.values():
            for lot in account.lots:
                mine[lot.contract] += lot.quantity
            for contract, short in account.shorts.items():
                pinned = short.pending_outcome and contract not in self.world.broker.positions
                mine[contract] -= 0 if pinned else short.quantity
        there = self.world.broker.positions
        ours_held = {k: v for k, v in mine.items() if v}
        assert ours_held == there, f"12.5: book {sorted(ours_held.items())}, broker {sorted(there.items())}"


def difference(folded: Book, live: Book) -> str:
    """First part of two books that differs."""
    a, b = comparable(folded), comparable(live)
    for key in sorted({*a, *b}):
        if a.get(key) != b.get(key):
            return f"{key}: folded {str(a.get(key))[:1500]} live {str(b.get(key))[:1500]}"
    return canonical_text(folded)[:200]


def chain_holds(world: BookWorld) -> int:
    """INV-15: every entry carries the hash of the one before it. Returns the number of entries."""
    chain = Chain()
    assert chain.previous == GENESIS
    for message in world.journal():
        key = message.key or b""
        chain.follow(read_key(key), key, message.value or b"")
    assert (chain.sequence, chain.previous) == (world.task.chain.sequence, world.task.chain.previous)
    return chain.sequence
