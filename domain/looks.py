"""Looks at positions that would find what the last one found, and are therefore left out (architecture.md: books that
wait for nothing cost nothing).

A position is looked at every 30 s to 15 min (protocol 8.1), prices and chains may come less often. A look is a function
of its symbol's mark and chain, of the book's state, of reference data, and of the time in a few places. Where none of
them has changed since a look that decided nothing, the next one decides nothing either, and only its timer is set on.
"""

from typing import NamedTuple

from domain.contracts import option, ticker_of
from domain.decision import Decision
from domain.market import Mark, Market

KINDS = ("monitor|", "package|")
"""Timers that are looks at a position."""


class Look(NamedTuple):
    """What a look that decided nothing has seen."""

    symbol: str
    mark: Mark | None
    chain: bytes | None
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
        if market.marks.get(look.symbol) is not look.mark or market.raw_chain(look.symbol) is not look.chain:
            return 0
        return look.step_us

    def note(self, d: Decision, key: str) -> None:
        """A look has decided nothing but when the next one is due."""
        symbol = ticker_of(key.split("|", 2)[2])
        [(due_us, _)] = d.timers_set
        until_us = _unchanged_until(d, key, symbol)
        if due_us < until_us:
            mark, chain = d.market.marks.get(symbol), d.market.raw_chain(symbol)
            look = Look(symbol, mark, chain, due_us - d.now_us, until_us)
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


def _unchanged_until(d: Decision, key: str, symbol: str) -> int:
    """Before when time alone changes nothing of a look at unchanged prices; 0 where more than its symbol counts."""
    _, account_id, name = key.split("|", 2)
    account, calendar, config = d.book.accounts[account_id], d.calendar, d.config(account_id)
    if account.hedges or not calendar.in_session(d.now_us):  # a hedge is released by its own price (protocol 8.3)
        return 0
    moments = [calendar.close_us(d.today)]
    if name != symbol and option(name).expiry == d.today:  # cheap buy-back, protocol 7.1
        moments.append(calendar.et_expiry(d.today, config.integer("expiry.close_cheap_from")))
    return min(moment for moment in moments if moment > d.now_us)
