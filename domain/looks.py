"""Looks at positions that would find what the last one found, and are therefore left out (architecture.md: books that
wait for nothing cost nothing).

A position is looked at every 30 s to 15 min (protocol 8.1). A look is a function of its symbol's price, of its chain
where an option is looked at, of the book's state, of reference data, and of the time in a few places. Where the price
is still between those at which its level would change, and nothing else has changed since a look that decided nothing,
the next one decides nothing either, and only its timer is set on.
"""

from typing import NamedTuple

from domain.contracts import option, ticker_of
from domain.decision import Decision
from domain.market import Mark, Market
from domain.risk import measure
from domain.state import Account

KINDS = ("monitor|", "package|")
"""Timers that are looks at a position."""
NO_CHAIN = b""
ANY_PRICE, THIS_PRICE = (-1, measure.NO_LIMIT), (0, 0)


class Look(NamedTuple):
    """What a look that decided nothing has seen."""

    symbol: str
    mark: Mark | None
    above_e4: int
    below_e4: int
    """prices between which another mark changes nothing; none where they are equal"""
    chain: bytes | None
    """what it has read of the chain; empty where it reads none"""
    step_us: int
    """from one look to the next"""
    until_us: int
    """from then on the time may change what is found"""


class Looks:
    """The last looks at the positions of a partition's books, as far as they decided nothing. No part of the state:
    without it the same is decided, more slowly."""

    def __init__(self) -> None:
        self._books: dict[str, dict[str, Look]] = {}

    def step_us(self, book: str, key: str, market: Market, now_us: int) -> int:
        """Microseconds to the next look where this one can be left out, else 0."""
        looks = self._books.get(book)
        look = looks.get(key) if looks else None
        if look is None or now_us + look.step_us >= look.until_us:
            return 0
        mark = market.marks.get(look.symbol)
        if mark is not look.mark and (mark is None or not look.above_e4 < mark.last_e4 < look.below_e4):
            return 0
        if look.chain != NO_CHAIN and market.raw_chain(look.symbol) is not look.chain:
            return 0
        return look.step_us

    def note(self, d: Decision, key: str) -> None:
        """A look has decided nothing but when the next one is due."""
        _, account_id, name = key.split("|", 2)
        account, symbol = d.book.accounts[account_id], ticker_of(name)
        [(due_us, _)] = d.timers_set
        until_us = _unchanged_until(d, account, name, symbol)
        if due_us < until_us:
            above, below = _steady_between(d, account, name, symbol)
            mark, chain = d.market.marks.get(symbol), NO_CHAIN if name == symbol else d.market.raw_chain(symbol)
            look = Look(symbol, mark, above, below, chain, due_us - d.now_us, until_us)
            self._books.setdefault(d.book.system_id, {})[key] = look

    def forget(self, book: str, key: str = "") -> None:
        """The book has changed, or (with a key) one look has found something."""
        if not key:
            self._books.pop(book, None)
        elif book in self._books:
            self._books[book].pop(key, None)

    def forget_all(self) -> None:
        """Reference data have changed."""
        self._books.clear()


def _unchanged_until(d: Decision, account: Account, name: str, symbol: str) -> int:
    """Before when time alone changes nothing of a look at unchanged prices; 0 where more than its symbol counts."""
    calendar = d.calendar
    if account.hedges or not calendar.in_session(d.now_us):  # a hedge is released by its own price (protocol 8.3)
        return 0
    close_us = calendar.close_us(d.today)
    if name != symbol and option(name).expiry == d.today:  # cheap buy-back, protocol 7.1
        cheap_us = calendar.et_expiry(d.today, d.config(account.account_id).integer("expiry.close_cheap_from"))
        return cheap_us if d.now_us < cheap_us < close_us else close_us
    return close_us


def _steady_between(d: Decision, account: Account, name: str, symbol: str) -> tuple[int, int]:
    """The prices of the underlying between which a look finds the same, today and with the same chain."""
    if name == symbol:
        holding = measure.package(d, account, name)
    elif (holding := measure.put_holding(account, name)) is None:  # a call: its shares have the level
        # before a day without dividend its price alone is no ground for an early exercise (protocol 8.1)
        return ANY_PRICE if not d.market.dividend_on(symbol, d.calendar.next_session(d.today)) else THIS_PRICE
    return measure.steady_between(d, account, holding) if holding is not None else THIS_PRICE
