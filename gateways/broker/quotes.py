"""Market data as the simulated broker keeps it: undecoded until an order needs it.

Kept are the records of the current UTC day (a New York session never crosses midnight UTC), so that the board can be
rebuilt after a restart by reading that day's records again (docs/decisions/0005).
"""

from collections.abc import Callable, Mapping
from typing import Any

from domain.contracts import Option, parse
from domain.inputs import Marks, OptionChain
from gateways.broker.port import Quote

Columns = Mapping[str, Any]
"""A decoded record: field name to value."""

DAY_US = 86_400_000_000


class ChainView:
    """One chain snapshot; its columns are read when first asked for."""

    __slots__ = ("_columns", "_load", "seq", "time_us", "underlying")

    def __init__(self, time_us: int, seq: int, underlying: str, load: Callable[[], Columns]) -> None:
        self.time_us = time_us
        self.seq = seq
        self.underlying = underlying
        self._load = load
        self._columns: Columns | None = None

    @classmethod
    def of(cls, chain: OptionChain) -> "ChainView":
        """The view of a record in hand."""
        return cls(chain.time_us, chain.source_seq, chain.underlying, lambda: _columns(chain))

    @property
    def columns(self) -> Columns:
        """The record's lists."""
        if self._columns is None:
            self._columns = self._load()
        return self._columns

    def quote(self, option: Option) -> Quote | None:
        """Bid and ask of an option, `None` when the snapshot does not list it."""
        columns = self.columns
        strikes: list[int] = columns["strikes_e3"]
        expiries: list[int] = columns["expiries"]
        rights: list[str] = columns["rights"]
        at = -1
        while True:
            try:
                at = strikes.index(option.strike_e3, at + 1)
            except ValueError:
                return None
            if expiries[at] == option.expiry and rights[at] == option.right:
                return Quote(
                    self.seq, self.time_us, columns["bids_e4"][at], columns["asks_e4"][at],
                    columns["bid_sizes"][at], columns["ask_sizes"][at],
                )  # fmt: skip


class MarksView:
    """One `Marks` record; `raw` lets a symbol be ruled out without decoding."""

    __slots__ = ("_columns", "_load", "raw", "seq", "time_us")

    def __init__(self, time_us: int, seq: int, raw: bytes, load: Callable[[], Columns]) -> None:
        self.time_us = time_us
        self.seq = seq
        self.raw = raw
        self._load = load
        self._columns: Columns | None = None

    @classmethod
    def of(cls, marks: Marks) -> "MarksView":
        """The view of a record in hand."""
        return cls(marks.time_us, marks.source_seq, b"", lambda: _columns(marks))

    @property
    def columns(self) -> Columns:
        """The record's lists."""
        if self._columns is None:
            self._columns = self._load()
        return self._columns

    def _row(self, symbol: str) -> int:
        if self.raw and symbol.encode() not in self.raw:
            return -1
        symbols: list[str] = self.columns["symbols"]
        return symbols.index(symbol) if symbol in symbols else -1

    def quote(self, symbol: str) -> Quote | None:
        """Bid and ask of a share, the last trade for a side that nobody quotes; without limit of size."""
        row = self._row(symbol)
        if row < 0:
            return None
        last: int = self.columns["lasts_e4"][row]
        return Quote(
            self.seq, self.time_us, self.columns["bids_e4"][row] or last, self.columns["asks_e4"][row] or last, -1, -1
        )

    def last(self, symbol: str) -> int | None:
        """Last trade of a symbol in 1e-4 dollars, `None` when the record does not speak of it."""
        row = self._row(symbol)
        return None if row < 0 else self.columns["lasts_e4"][row]


def _columns(record: Marks | OptionChain) -> Columns:
    return {name: getattr(record, name) for name in record.__dataclass_fields__}


class QuoteBoard:
    """The last chain of each underlying and the marks of the current UTC day, as far as the broker has got."""

    def __init__(self) -> None:
        self._day = -1
        self._chains: dict[str, ChainView] = {}
        self._marks: list[MarksView] = []

    def _turn(self, time_us: int) -> None:
        day = time_us // DAY_US
        if day != self._day:
            self._day = day
            self._chains.clear()
            self._marks.clear()

    def put_chain(self, view: ChainView) -> None:
        """A chain snapshot replaces the one before."""
        self._turn(view.time_us)
        self._chains[view.underlying] = view

    def put_marks(self, view: MarksView) -> None:
        """Marks of the symbols that changed."""
        self._turn(view.time_us)
        self._marks.append(view)

    def chain(self, underlying: str) -> ChainView | None:
        """The last snapshot of an underlying."""
        return self._chains.get(underlying)

    def quote(self, contract: str, since_us: int) -> Quote | None:
        """The last quote of a contract that is not older than `since_us`."""
        option = parse(contract)
        if option is None:
            found = next((q for view in reversed(self._marks) if (q := view.quote(contract)) is not None), None)
        else:
            view = self._chains.get(option.underlying)
            found = None if view is None else view.quote(option)
        return found if found is not None and found.time_us >= since_us else None

    def last(self, symbol: str, since_us: int) -> int | None:
        """The last trade of a symbol in the marks since a time, 1e-4 dollars."""
        for view in reversed(self._marks):
            if view.time_us < since_us:
                break
            last = view.last(symbol)
            if last is not None:
                return last
        return None
