"""Wash sales over all accounts of a book (protocol 4.4, basic scope): which losses which acquisitions disallow.

The ledger is plain data. The `on_...` functions read it and say what is to be booked, so they also answer "what if";
the `take_...` functions change it, each by one fact that has been booked:

    a sale      take_disposal for every lot part sold, take_loss and on_loss for each that lost
    a purchase  take_acquisition, on_acquisition (assignment of a put that was no deep one likewise)
    a deep put  sold: as a purchase, of kind DEEP_PUT; then on_... and take_deep_put_assigned or _ended
    each `Adjustment` that is booked: take_adjustment

A loss is of one lot part, so that it has one class and one holding period; what it disallows is booked before the next
is asked for. Quantities are shares; a contract counts 100. Not covered: straddles, qualified-covered-call tests, losses
on short options, other books of the owner.
"""

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Final

from domain.calendar import as_date
from domain.contracts import IDENTICAL, ticker_of
from domain.money import round_half_up
from domain.record import Cents, DayNumber

WASH_SALE_DAYS: Final = 30
HELD, DEEP_PUT = "HELD", "DEEP_PUT"
"""Kinds of acquisition: a lot of shares or calls, and a short put that was sold at 80 delta or more."""


@dataclass(slots=True)
class Loss:
    """A lot part of shares or calls that was sold below its basis."""

    loss_id: str
    account_id: str
    ticker: str
    """of the shares, or the underlying of the calls"""
    day: DayNumber
    quantity: int
    amount: Cents
    """what was lost, positive"""
    term: str
    """ST or LT"""
    held_days: int
    sold_lots: list[str]
    """every lot that the sale sold from: none of them replaces it"""
    matched: int = 0

    @property
    def year(self) -> int:
        """The tax year whose result a disallowance corrects: that of the sale."""
        return as_date(self.day).year

    @property
    def open(self) -> int:
        """Shares that no acquisition has replaced."""
        return self.quantity - self.matched

    def disallowed(self, shares: int) -> Cents:
        """What the next `shares` replaced of it disallow: over all of them never more, in the end exactly, the loss."""
        before, after = (Fraction(self.amount * n, self.quantity) for n in (self.matched, self.matched + shares))
        return round_half_up(after) - round_half_up(before)


@dataclass(slots=True)
class Acquisition:
    """A lot of shares or calls, or a deep put sold, that may replace shares sold at a loss."""

    lot_id: str
    """under which the lot was acquired, whatever it is split into later, or of the short put"""
    account_id: str
    ticker: str
    day: DayNumber
    open: int
    """shares that are still held and have replaced none"""
    kind: str = HELD
    used: int = 0
    """shares that are still held and have replaced some that were sold at a loss"""


@dataclass(slots=True)
class Waiting:
    """A disallowed loss that hangs on a deep put: basis when it is assigned, a loss again when it ends."""

    lot_id: str
    """of the put"""
    ticker: str
    loss_id: str
    quantity: int
    amount: Cents
    term: str
    """class of the loss that was disallowed"""
    held_days: int


@dataclass(slots=True)
class WashLedger:
    """What the matching of a book remembers, in the order in which it was taken."""

    losses: list[Loss] = field(default_factory=list[Loss])
    acquisitions: list[Acquisition] = field(default_factory=list[Acquisition])
    waiting: list[Waiting] = field(default_factory=list[Waiting])
    split: str = ""
    """the split that was taken last: each account that holds the shares tells it"""


@dataclass(frozen=True, slots=True)
class Adjustment:
    """Part of a loss that is disallowed."""

    loss_id: str
    lot_id: str
    """the lot whose basis rises by `disallowed`, or the deep put that it waits for"""
    quantity: int
    disallowed: Cents
    year: int
    """whose result of class `term` rises by `disallowed`"""
    term: str
    """ST or LT, the class of the loss"""
    held_days: int
    """by which the acquisition of these shares is dated back"""
    waits: bool
    """on a deep put: nothing has a basis yet"""


def identical(contract: str) -> str:
    """The name under which substantially identical shares, and calls on them, are matched: GOOGL is GOOG."""
    ticker = ticker_of(contract)
    return IDENTICAL.get(ticker, ticker)


# --- what is to be booked ---------------------------------------------------------------------------------------


def on_loss(ledger: WashLedger, loss: Loss, days: int = WASH_SALE_DAYS) -> list[Adjustment]:
    """What earlier acquisitions disallow of a loss: those still held, earliest first, other than the lots sold."""
    found: list[Adjustment] = []
    trial = replace(loss)
    for acquisition in sorted(ledger.acquisitions, key=lambda one: one.day):
        shares = _match(trial, acquisition, acquisition.open, days)
        if shares:
            found.append(_adjustment(trial, acquisition, shares))
            trial.matched += shares
    return found


def on_acquisition(ledger: WashLedger, acquisition: Acquisition, days: int = WASH_SALE_DAYS) -> list[Adjustment]:
    """What an acquisition disallows of losses booked before it, earliest first; also asked for a planned order."""
    found: list[Adjustment] = []
    left = acquisition.open
    for loss in sorted(ledger.losses, key=lambda one: one.day):
        shares = _match(loss, acquisition, left, days)
        if shares:
            found.append(_adjustment(loss, acquisition, shares))
            left -= shares
    return found


def on_deep_put_assigned(
    ledger: WashLedger, put_id: str, lot: Acquisition, days: int = WASH_SALE_DAYS
) -> tuple[list[Waiting], list[Adjustment]]:
    """When a deep put brings shares: (what waited for them and is basis of `lot` now, what the others disallow).

    `lot` is the new lot with `open` as all shares assigned. The put was their acquisition, so what it has matched is
    not matched again; the rest is an acquisition of the assignment's day.
    """
    waited = _waited(ledger, put_id, lot.open)
    rest = replace(lot, open=lot.open - sum(part.quantity for part in waited))
    return waited, on_acquisition(ledger, rest, days)


def on_deep_put_ended(ledger: WashLedger, put_id: str, quantity: int) -> list[Waiting]:
    """When shares' worth of a deep put expires or is bought back: what waited for it and is a loss with it now."""
    return _waited(ledger, put_id, quantity)


def _match(loss: Loss, acquisition: Acquisition, left: int, days: int) -> int:
    """How many shares of an acquisition, of which so many are left, replace shares of a loss."""
    if (
        identical(loss.ticker) != identical(acquisition.ticker)
        or abs(acquisition.day - loss.day) > days
        or acquisition.lot_id in loss.sold_lots
    ):
        return 0
    return max(0, min(loss.open, left))


def _adjustment(loss: Loss, acquisition: Acquisition, shares: int) -> Adjustment:
    return Adjustment(
        loss.loss_id,
        acquisition.lot_id,
        shares,
        loss.disallowed(shares),
        loss.year,
        loss.term,
        loss.held_days,
        waits=acquisition.kind == DEEP_PUT,
    )


def _waited(ledger: WashLedger, put_id: str, quantity: int) -> list[Waiting]:
    """What waits for so many shares of a put, first in, first out: replaced shares go before the others (chosen)."""
    parts: list[Waiting] = []
    for one in ledger.waiting:
        shares = min(one.quantity, quantity) if one.lot_id == put_id else 0
        if shares:
            amount = round_half_up(Fraction(one.amount * shares, one.quantity))
            parts.append(replace(one, quantity=shares, amount=amount))
            quantity -= shares
    return parts


# --- what has been booked ---------------------------------------------------------------------------------------


def take_loss(ledger: WashLedger, loss: Loss) -> None:
    """A loss was booked; the disposal of its shares is a fact of its own."""
    ledger.losses.append(loss)


def take_acquisition(ledger: WashLedger, acquisition: Acquisition) -> None:
    """A lot was acquired or a deep put sold."""
    ledger.acquisitions.append(acquisition)


def take_adjustment(ledger: WashLedger, adjustment: Adjustment) -> None:
    """A disallowance was booked: its shares are matched. Raises ValueError for a loss that the ledger does not hold."""
    loss = next((one for one in ledger.losses if one.loss_id == adjustment.loss_id), None)
    acquisition = next((one for one in ledger.acquisitions if one.lot_id == adjustment.lot_id), None)
    if loss is None or acquisition is None:
        raise ValueError(f"no loss {adjustment.loss_id} or no acquisition {adjustment.lot_id} to match")
    loss.matched += adjustment.quantity
    acquisition.open -= adjustment.quantity
    acquisition.used += adjustment.quantity
    if adjustment.waits:
        ledger.waiting.append(
            Waiting(
                adjustment.lot_id,
                acquisition.ticker,
                adjustment.loss_id,
                adjustment.quantity,
                adjustment.disallowed,
                adjustment.term,
                adjustment.held_days,
            )
        )
    _drop_empty(ledger)


def take_disposal(ledger: WashLedger, lot_id: str, quantity: int) -> None:
    """Shares of a lot were sold, at a gain or a loss: they replace nothing any more.

    Those that have replaced some go first: they are dated back, so they are the older ones.
    """
    for acquisition in ledger.acquisitions:
        if acquisition.lot_id == lot_id:
            used = min(acquisition.used, quantity)
            acquisition.used -= used
            acquisition.open = max(0, acquisition.open - (quantity - used))
    _drop_empty(ledger)


def take_deep_put_assigned(ledger: WashLedger, put_id: str, lot: Acquisition) -> None:
    """A deep put brought shares: `lot` as it was given to `on_deep_put_assigned`."""
    quantity = lot.open
    used = sum(part.quantity for part in _waited(ledger, put_id, quantity))
    take_deep_put_ended(ledger, put_id, quantity)
    take_acquisition(ledger, replace(lot, open=quantity - used, used=lot.used + used))


def take_deep_put_ended(ledger: WashLedger, put_id: str, quantity: int) -> None:
    """Shares' worth of a deep put expired, was bought back or was assigned."""
    for part in _waited(ledger, put_id, quantity):
        for one in ledger.waiting:
            if (one.lot_id, one.loss_id) == (part.lot_id, part.loss_id):
                one.quantity -= part.quantity
                one.amount -= part.amount
    take_disposal(ledger, put_id, quantity)


def take_split(ledger: WashLedger, ticker: str, ratio_new: int, ratio_old: int, identity: str = "") -> None:
    """A split (protocol 2.6): shares follow the ratio, rounded down; what is still to be disallowed stays. The same
    split again changes nothing."""
    if identity and ledger.split == identity:
        return
    ledger.split = identity

    def scaled(shares: int) -> int:
        return shares * ratio_new // ratio_old

    for acquisition in ledger.acquisitions:
        if acquisition.ticker == ticker:
            acquisition.open, acquisition.used = scaled(acquisition.open), scaled(acquisition.used)
    for loss in ledger.losses:
        if loss.ticker == ticker:
            loss.amount = loss.disallowed(loss.open)
            loss.quantity, loss.matched = scaled(loss.open), 0
    for one in ledger.waiting:
        if one.ticker == ticker:
            one.quantity = max(1, scaled(one.quantity))
    _drop_empty(ledger)


def _drop_empty(ledger: WashLedger) -> None:
    ledger.losses = [loss for loss in ledger.losses if loss.open]
    ledger.acquisitions = [one for one in ledger.acquisitions if one.open or one.used]
    ledger.waiting = [one for one in ledger.waiting if one.quantity]


def forget(ledger: WashLedger, before_day: DayNumber) -> None:
    """Drop what no sale or acquisition from a day on can match, `before_day` being `days` before it.

    What waits for a deep put stays until the put is gone.
    """
    ledger.losses = [loss for loss in ledger.losses if loss.day >= before_day]
    ledger.acquisitions = [one for one in ledger.acquisitions if one.day >= before_day]
