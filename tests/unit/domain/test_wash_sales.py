"""Wash sales (protocol 4.4, EX-22), beside an oracle that matches share by share."""

from dataclasses import asdict, dataclass, field
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.calendar import day_number
from domain.money import round_half_up
from domain.wash_sales import (
    DEEP_PUT,
    Acquisition,
    Adjustment,
    Loss,
    Waiting,
    WashLedger,
    forget,
    identical,
    on_acquisition,
    on_deep_put_assigned,
    on_deep_put_ended,
    on_loss,
    take_acquisition,
    take_adjustment,
    take_deep_put_assigned,
    take_deep_put_ended,
    take_disposal,
    take_loss,
    take_split,
)

MARCH_6 = day_number(date(2026, 3, 6))
MARCH_20 = day_number(date(2026, 3, 20))


def loss(
    amount: int = 1_500_00,
    quantity: int = 100,
    *,
    day: int = MARCH_6,
    name: str = "L1",
    ticker: str = "TSLA",
    term: str = "ST",
    held: int = 40,
    sold: tuple[str, ...] = ("old",),
) -> Loss:
    return Loss(name, "S001-GEN-001", ticker, day, quantity, amount, term, held, list(sold))


def bought(
    quantity: int = 100, *, day: int = MARCH_20, name: str = "A1", ticker: str = "TSLA", kind: str = "HELD"
) -> Acquisition:
    return Acquisition(name, "S001-REV-001", ticker, day, quantity, kind)


def sell(ledger: WashLedger, one: Loss) -> list[Adjustment]:
    """Book a loss and what it disallows."""
    take_loss(ledger, one)
    return book(ledger, on_loss(ledger, one))


def buy(ledger: WashLedger, one: Acquisition) -> list[Adjustment]:
    """Book an acquisition and what it disallows."""
    take_acquisition(ledger, one)
    return book(ledger, on_acquisition(ledger, one))


def book(ledger: WashLedger, adjustments: list[Adjustment]) -> list[Adjustment]:
    for adjustment in adjustments:
        take_adjustment(ledger, adjustment)
    return adjustments


def disallowed(adjustments: list[Adjustment]) -> int:
    return sum(one.disallowed for one in adjustments)


# --- the rule ---------------------------------------------------------------------------------------------------


def test_ex_22_wash_sale() -> None:
    # given 100 TSLA sold on 6 March at a loss of 1,500.00
    ledger = WashLedger()
    assert sell(ledger, loss()) == []
    # when a put is assigned on 20 March, 100 at 240.00 with a net premium of 3.00
    (found,) = buy(ledger, bought())
    # then the whole loss is disallowed in the year of the sale, and the new lot's basis is 252.00 per share
    assert found == Adjustment("L1", "A1", 100, 1_500_00, 2026, "ST", 40, waits=False)
    assert 23_700_00 + found.disallowed == 25_200_00


def test_ex_22_half_of_the_shares_disallow_half_of_the_loss() -> None:
    ledger = WashLedger()
    sell(ledger, loss(3_000_00, 200))
    assert disallowed(buy(ledger, bought())) == 1_500_00


@pytest.mark.parametrize(("days", "washed"), [(-31, False), (-30, True), (0, True), (30, True), (31, False)])
def test_the_window_is_30_calendar_days_either_way(days: int, washed: bool) -> None:
    ledger = WashLedger()
    replacement = bought(day=MARCH_6 + days)
    found = (
        [*buy(ledger, replacement), *sell(ledger, loss())]
        if days < 0
        else [*sell(ledger, loss()), *buy(ledger, replacement)]
    )
    assert bool(found) is washed


def test_the_window_is_a_parameter() -> None:
    ledger = WashLedger()
    take_loss(ledger, loss())
    assert on_acquisition(ledger, bought(), 13) == []
    assert len(on_acquisition(ledger, bought(), 14)) == 1


def test_an_acquisition_of_the_next_year_corrects_the_year_of_the_sale() -> None:
    ledger = WashLedger()
    sell(ledger, loss(day=day_number(date(2025, 12, 20)), term="LT", held=500))
    (found,) = buy(ledger, bought(day=day_number(date(2026, 1, 10))))
    assert (found.year, found.term, found.held_days) == (2025, "LT", 500)


def test_goog_and_googl_are_identical_and_other_tickers_are_not() -> None:
    assert identical("GOOGL") == identical("GOOG260918C00100000") == "GOOG"
    ledger = WashLedger()
    sell(ledger, loss(ticker="GOOG"))
    assert buy(ledger, bought(ticker="TSLA")) == []
    assert len(buy(ledger, bought(name="A2", ticker="GOOGL"))) == 1


def test_the_lots_sold_do_not_replace_themselves() -> None:
    # given 200 shares bought in one lot, of which 100 are sold at a loss five days later
    ledger = WashLedger()
    buy(ledger, bought(200, day=MARCH_6 - 5))
    take_disposal(ledger, "A1", 100)
    assert sell(ledger, loss(sold=("A1",))) == []
    # then the others do replace shares of another lot
    assert disallowed(sell(ledger, loss(name="L2"))) == 1_500_00


def test_shares_that_were_sold_replace_nothing_any_more() -> None:
    ledger = WashLedger()
    buy(ledger, bought(100, day=MARCH_6 - 5))
    take_disposal(ledger, "A1", 60)
    assert [one.quantity for one in sell(ledger, loss())] == [40]


def test_acquisitions_are_matched_earliest_first_and_each_share_once() -> None:
    ledger = WashLedger()
    # given two purchases, the later of which was booked first
    buy(ledger, bought(60, day=MARCH_6 - 2, name="later"))
    buy(ledger, bought(60, day=MARCH_6 - 9, name="earlier"))
    # when 100 shares are sold at a loss, then 50 more
    assert [(one.lot_id, one.quantity) for one in sell(ledger, loss())] == [("earlier", 60), ("later", 40)]
    assert [(one.lot_id, one.quantity) for one in sell(ledger, loss(name="L2", quantity=50))] == [("later", 20)]
    # then a later purchase meets what is left of the second
    assert [(one.loss_id, one.quantity) for one in buy(ledger, bought(name="last"))] == [("L2", 30)]


def test_an_acquisition_replaces_the_earliest_loss_first() -> None:
    ledger = WashLedger()
    sell(ledger, loss(name="late", day=MARCH_6 + 3))
    sell(ledger, loss(name="early", day=MARCH_6))
    assert [(one.loss_id, one.quantity) for one in buy(ledger, bought(150))] == [("early", 100), ("late", 50)]


def test_a_call_contract_counts_100_shares() -> None:
    ledger = WashLedger()
    sell(ledger, loss(quantity=50))
    sell(ledger, loss(name="L2", quantity=80))
    assert [(one.loss_id, one.quantity) for one in buy(ledger, bought(100, name="leaps"))] == [("L1", 50), ("L2", 50)]


def test_thirds_of_a_cent_add_up_to_the_loss() -> None:
    ledger = WashLedger()
    sell(ledger, loss(100, 3))
    parts = [disallowed(buy(ledger, bought(1, name=f"A{i}"))) for i in range(4)]
    assert parts == [33, 34, 33, 0]


def test_asking_changes_nothing() -> None:
    ledger = WashLedger()
    sell(ledger, loss())
    before = asdict(ledger)
    assert on_acquisition(ledger, bought()) == on_acquisition(ledger, bought())
    assert asdict(ledger) == before


def test_an_adjustment_of_something_unknown_is_refused() -> None:
    with pytest.raises(ValueError, match="L9"):
        take_adjustment(WashLedger(), Adjustment("L9", "A1", 1, 1, 2026, "ST", 0, waits=False))


# --- deep puts --------------------------------------------------------------------------------------------------


def put_sold(ledger: WashLedger, contracts: int = 1, *, day: int = MARCH_20) -> list[Adjustment]:
    return buy(ledger, bought(100 * contracts, day=day, name="put", kind=DEEP_PUT))


def test_on_a_deep_put_the_loss_waits_until_assignment() -> None:
    ledger = WashLedger()
    sell(ledger, loss())
    (found,) = put_sold(ledger)
    assert (found.waits, found.disallowed) == (True, 1_500_00)
    # when the put is assigned
    lot = bought(100, day=MARCH_20 + 3, name="lot")
    waited, further = on_deep_put_assigned(ledger, "put", lot)
    # then the loss is basis of the lot, and its shares are not an acquisition again
    assert [(one.loss_id, one.amount, one.held_days) for one in waited] == [("L1", 1_500_00, 40)]
    assert further == []
    take_deep_put_assigned(ledger, "put", lot)
    assert ledger.waiting == []
    assert sell(ledger, loss(name="L2", day=MARCH_20 + 4)) == []


def test_a_deep_put_that_ends_gives_the_loss_back() -> None:
    ledger = WashLedger()
    sell(ledger, loss())
    put_sold(ledger)
    (ended,) = on_deep_put_ended(ledger, "put", 100)
    assert (ended.loss_id, ended.amount, ended.term) == ("L1", 1_500_00, "ST")
    take_deep_put_ended(ledger, "put", 100)
    assert (ledger.waiting, ledger.acquisitions) == ([], [])


def test_what_a_deep_put_had_not_matched_is_acquired_on_assignment() -> None:
    ledger = WashLedger()
    sell(ledger, loss(1_000_00, 150))
    put_sold(ledger, 2)
    # given 50 of its 200 shares unmatched, and a loss booked after an outer window
    take_loss(ledger, loss(name="L2", day=MARCH_20 + 31, quantity=80))
    lot = bought(200, day=MARCH_20 + 40, name="lot")
    waited, further = on_deep_put_assigned(ledger, "put", lot)
    assert [(one.quantity, one.amount) for one in waited] == [(150, 1_000_00)]
    assert [(one.loss_id, one.lot_id, one.quantity) for one in further] == [("L2", "lot", 50)]


def test_one_of_two_contracts_takes_its_part() -> None:
    ledger = WashLedger()
    sell(ledger, loss(1_000_01, 150))
    put_sold(ledger, 2)
    # when one contract is bought back and the other assigned
    (first,) = on_deep_put_ended(ledger, "put", 100)
    take_deep_put_ended(ledger, "put", 100)
    (second,), _ = on_deep_put_assigned(ledger, "put", bought(100, name="lot"))
    assert (first.quantity, second.quantity) == (100, 50)
    assert first.amount + second.amount == 1_000_01


def test_losses_that_wait_for_one_put_leave_it_in_their_order() -> None:
    ledger = WashLedger()
    sell(ledger, loss(1_00, 60))
    sell(ledger, loss(2_00, 140, name="L2"))
    put_sold(ledger, 2)
    assert [(one.loss_id, one.quantity, one.amount) for one in on_deep_put_ended(ledger, "put", 100)] == [
        ("L1", 60, 1_00),
        ("L2", 40, 57),
    ]
    take_deep_put_ended(ledger, "put", 100)
    assert [(one.loss_id, one.quantity, one.amount) for one in ledger.waiting] == [("L2", 100, 1_43)]


# --- splits and forgetting --------------------------------------------------------------------------------------


def test_after_a_split_the_rest_of_the_loss_is_that_of_the_new_shares() -> None:
    ledger = WashLedger()
    sell(ledger, loss(1_500_00, 100))
    buy(ledger, bought(40))
    take_split(ledger, "TSLA", 3, 1)
    (found,) = buy(ledger, bought(300, name="A2"))
    assert (found.quantity, found.disallowed) == (180, 900_00)


def test_a_reverse_split_does_not_disallow_more_than_the_loss() -> None:
    ledger = WashLedger()
    sell(ledger, loss(300, 3))
    buy(ledger, bought(1))
    take_split(ledger, "TSLA", 1, 2)
    assert disallowed(buy(ledger, bought(name="A2"))) == 200


def test_what_may_still_match_is_not_forgotten() -> None:
    # given a sale and a purchase that lie 30 days back
    ledger = WashLedger()
    sell(ledger, loss())
    forget(ledger, MARCH_6)
    assert len(on_acquisition(ledger, bought(day=MARCH_6 + 30))) == 1
    forget(ledger, MARCH_6 + 1)
    buy(ledger, bought())
    forget(ledger, MARCH_20)
    assert len(on_loss(ledger, loss(day=MARCH_20 + 30))) == 1
    forget(ledger, MARCH_20 + 1)
    assert ledger == WashLedger()


def test_what_waits_survives_forgetting() -> None:
    ledger = WashLedger()
    sell(ledger, loss())
    put_sold(ledger)
    forget(ledger, MARCH_20 + 60)
    assert (ledger.losses, ledger.acquisitions, len(ledger.waiting)) == ([], [], 1)
    assert on_deep_put_ended(ledger, "put", 100)[0].amount == 1_500_00


# --- against an oracle that knows single shares -----------------------------------------------------------------


@dataclass
class Share:
    """A share that was acquired (or that a deep put may bring)."""

    lot: str
    ticker: str
    day: int
    sequence: int
    deep: bool
    gone: bool = False
    replaces: tuple[str, int] | None = None
    """loss id, and the place of the match"""


@dataclass
class Oracle:
    """After each event every loss, in order of its day, takes share by share the earliest that is left."""

    shares: list[Share] = field(default_factory=list[Share])
    losses: list[Loss] = field(default_factory=list[Loss])
    matched: dict[str, int] = field(default_factory=dict[str, int])
    count: int = 0

    def acquire(self, lot: str, ticker: str, day: int, quantity: int, *, deep: bool = False) -> None:
        for _ in range(quantity):
            self.count += 1
            self.shares.append(Share(lot, ticker, day, self.count, deep))

    def match(self) -> None:
        for one in sorted(self.losses, key=lambda one: one.day):
            while self.matched.get(one.loss_id, 0) < one.quantity:
                fit = [
                    share
                    for share in self.shares
                    if not share.gone
                    and share.replaces is None
                    and identical(share.ticker) == identical(one.ticker)
                    and abs(share.day - one.day) <= 30
                    and share.lot not in one.sold_lots
                ]
                if not fit:
                    break
                self.count += 1
                min(fit, key=lambda share: (share.day, share.sequence)).replaces = (one.loss_id, self.count)
                self.matched[one.loss_id] = self.matched.get(one.loss_id, 0) + 1

    def take(self, lot: str, quantity: int) -> list[Share]:
        """Shares of a lot that leave it: those that replace some first, in the order of their matches."""
        here = [share for share in self.shares if share.lot == lot and not share.gone]
        here.sort(key=lambda share: (share.replaces is None, share.replaces[1] if share.replaces else share.sequence))
        for share in here[:quantity]:
            share.gone = True
        return here[:quantity]


@dataclass
class Game:
    """The ledger and the oracle play the same history."""

    ledger: WashLedger = field(default_factory=WashLedger)
    oracle: Oracle = field(default_factory=Oracle)
    day: int = 20_000
    lots: dict[str, tuple[str, int]] = field(default_factory=dict[str, tuple[str, int]])
    """held lots: ticker and shares"""
    puts: dict[str, tuple[str, int]] = field(default_factory=dict[str, tuple[str, int]])
    amounts: dict[str, int] = field(default_factory=dict[str, int])
    """what was lost"""
    adjustments: list[Adjustment] = field(default_factory=list[Adjustment])
    to_basis: int = 0
    given_back: int = 0
    names: int = 0

    def name(self) -> str:
        self.names += 1
        return f"N{self.names}"

    def buy(self, ticker: str, quantity: int, *, deep: bool = False) -> None:
        name = self.name()
        kind = DEEP_PUT if deep else "HELD"
        self.adjustments += buy(self.ledger, bought(quantity, day=self.day, name=name, ticker=ticker, kind=kind))
        self.oracle.acquire(name, ticker, self.day, quantity, deep=deep)
        (self.puts if deep else self.lots)[name] = (ticker, quantity)

    def sell(self, which: int, quantity: int, amount: int) -> None:
        """Sell shares of a held lot, at a loss if `amount` is one."""
        if not self.lots:
            return
        lot = list(self.lots)[which % len(self.lots)]
        ticker, held = self.lots[lot]
        quantity = min(quantity, held)
        take_disposal(self.ledger, lot, quantity)
        self.oracle.take(lot, quantity)
        self._keep(self.lots, lot, quantity)
        if amount > 0:
            one = loss(amount, quantity, day=self.day, name=self.name(), ticker=ticker, sold=(lot,))
            self.oracle.losses.append(one)
            self.amounts[one.loss_id] = amount
            self.adjustments += sell(
                self.ledger, loss(amount, quantity, day=self.day, name=one.loss_id, ticker=ticker, sold=(lot,))
            )

    def end_put(self, which: int, quantity: int, *, assigned: bool) -> None:
        if not self.puts:
            return
        put = list(self.puts)[which % len(self.puts)]
        ticker, held = self.puts[put]
        quantity = min(quantity, held)
        left = self.oracle.take(put, quantity)
        self._keep(self.puts, put, quantity)
        if not assigned:
            self.given_back += total(on_deep_put_ended(self.ledger, put, quantity))
            take_deep_put_ended(self.ledger, put, quantity)
            return
        name = self.name()
        lot = bought(quantity, day=self.day, name=name, ticker=ticker)
        waited, further = on_deep_put_assigned(self.ledger, put, lot)
        self.to_basis += total(waited)
        take_deep_put_assigned(self.ledger, put, lot)
        self.adjustments += book(self.ledger, further)
        self.oracle.acquire(name, ticker, self.day, quantity)
        for share, old in zip(self.oracle.shares[-quantity:], left, strict=True):
            share.replaces = old.replaces
        self.lots[name] = (ticker, quantity)

    @staticmethod
    def _keep(where: dict[str, tuple[str, int]], name: str, quantity: int) -> None:
        ticker, held = where.pop(name)
        if held > quantity:
            where[name] = (ticker, held - quantity)

    def check(self) -> None:
        """Both have matched the same shares, and every cent is somewhere."""
        for one in self.oracle.losses:
            mine = [a for a in self.adjustments if a.loss_id == one.loss_id]
            shares = sum(a.quantity for a in mine)
            assert shares == self.oracle.matched.get(one.loss_id, 0)
            assert disallowed(mine) == round_half_up(Fraction(self.amounts[one.loss_id] * shares, one.quantity))
            assert disallowed(mine) <= self.amounts[one.loss_id]
        on_puts: dict[tuple[str, str], int] = {}
        for share in self.oracle.shares:
            if share.deep and share.replaces and not share.gone:
                key = (share.lot, share.replaces[0])
                on_puts[key] = on_puts.get(key, 0) + 1
        assert {(one.lot_id, one.loss_id): one.quantity for one in self.ledger.waiting} == on_puts
        waits = sum(a.disallowed for a in self.adjustments if a.waits)
        assert waits == self.to_basis + self.given_back + total(self.ledger.waiting)
        state = {one.lot_id: (one.open, one.used) for one in self.ledger.acquisitions}
        for lot in {share.lot: 0 for share in self.oracle.shares}:
            here = [share for share in self.oracle.shares if share.lot == lot and not share.gone]
            free = sum(share.replaces is None for share in here)
            assert state.get(lot, (0, 0)) == (free, len(here) - free)


def total(waiting: list[Waiting]) -> int:
    return sum(one.amount for one in waiting)


small = st.integers(1, 7)
tickers = st.sampled_from(["TSLA", "GOOG", "GOOGL"])
events = st.one_of(
    st.tuples(st.just("buy"), tickers, small),
    st.tuples(st.just("put"), tickers, small),
    st.tuples(st.just("sell"), st.integers(0, 5), small, st.integers(-50, 200)),
    st.tuples(st.just("sell"), st.integers(0, 5), small, st.integers(1, 200)),
    st.tuples(st.just("assigned"), st.integers(0, 5), small),
    st.tuples(st.just("ended"), st.integers(0, 5), small),
    st.tuples(st.just("wait"), st.integers(0, 20)),
)


def play(history: list[tuple[object, ...]], *, forgetting: bool = False) -> Game:
    game = Game()
    for event in history:
        match event:
            case ("buy" | "put" as kind, str(ticker), int(quantity)):
                game.buy(ticker, quantity, deep=kind == "put")
            case ("sell", int(which), int(quantity), int(amount)):
                game.sell(which, quantity, amount)
            case ("assigned" | "ended" as kind, int(which), int(quantity)):
                game.end_put(which, quantity, assigned=kind == "assigned")
            case ("wait", int(days)):
                game.day += days
            case _:
                raise AssertionError(event)
        game.oracle.match()
        if forgetting:
            forget(game.ledger, game.day - 30)
        else:
            game.check()
    return game


histories = st.lists(events, max_size=25)


@given(histories)
def test_the_ledger_matches_what_share_by_share_matching_does(history: list[tuple[object, ...]]) -> None:
    play(history)


@given(histories)
def test_forgetting_changes_nothing_that_is_booked(history: list[tuple[object, ...]]) -> None:
    assert play(history, forgetting=True).adjustments == play(history).adjustments


@given(histories)
def test_no_share_replaces_two(history: list[tuple[object, ...]]) -> None:
    game = play(history)
    by_lot: dict[str, int] = {}
    for one in game.adjustments:
        by_lot[one.lot_id] = by_lot.get(one.lot_id, 0) + one.quantity
    acquired: dict[str, int] = {}
    for share in game.oracle.shares:
        acquired[share.lot] = acquired.get(share.lot, 0) + 1
    assert all(quantity <= acquired[lot] for lot, quantity in by_lot.items())


@given(
    st.lists(st.tuples(st.integers(-30, 30), st.integers(1, 40)), max_size=8),
    st.integers(1, 100),
    st.integers(1, 10_000),
    st.integers(0, 8),
)
def test_one_loss_disallows_the_same_in_every_order(
    purchases: list[tuple[int, int]], quantity: int, amount: int, place: int
) -> None:
    # given purchases inside the window, the loss booked at any place between them
    ledger, found = WashLedger(), list[Adjustment]()
    for i, (days, shares) in enumerate(purchases):
        if i == place:
            found += sell(ledger, loss(amount, quantity))
        found += buy(ledger, bought(shares, day=MARCH_6 + days, name=f"A{i}"))
    if place >= len(purchases):
        found += sell(ledger, loss(amount, quantity))
    replaced = min(quantity, sum(shares for _, shares in purchases))
    assert disallowed(found) == round_half_up(Fraction(amount * replaced, quantity))


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 90), small), max_size=14))
def test_booking_by_day_gives_what_matching_the_finished_year_gives(events: list[tuple[bool, int, int]]) -> None:
    """Offline: every loss by day takes the earliest acquisitions of its whole window, later ones too."""
    ledger, online = WashLedger(), list[Adjustment]()
    ordered = sorted(events, key=lambda event: event[1])
    for i, (lost, day, quantity) in enumerate(ordered):
        online += (
            sell(ledger, loss(100, quantity, day=day, name=f"E{i}"))
            if lost
            else buy(ledger, bought(quantity, day=day, name=f"E{i}"))
        )
    left = {i: quantity for i, (lost, _, quantity) in enumerate(ordered) if not lost}
    offline: dict[tuple[str, str], int] = {}
    for i, (lost, day, quantity) in enumerate(ordered):
        for other in left if lost else ():
            if abs(ordered[other][1] - day) <= 30 and (shares := min(quantity, left[other])):
                offline[f"E{i}", f"E{other}"] = shares
                quantity -= shares
                left[other] -= shares
    assert {(one.loss_id, one.lot_id): one.quantity for one in online} == offline
