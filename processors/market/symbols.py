"""What the task remembers of each symbol between batches, as one row of 64-bit integers.

One matrix: a batch gathers and scatters whole groups of columns at once, and a row's bytes are its durable form.
Rows are numbered in the order in which the symbols first appeared on the partition; Marks list symbols in that order.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

# columns of a row
FORMAT, CODE = 0, 1
TIME: Final = 2
"""Time of the last tick in order, whatever became of its price; 0 = none."""
LAST: Final = 3
"""Last valid trade, 1e-4 dollars; 0 = none yet."""
BID, ASK = 4, 5
"""Quote of the last valid tick that had one."""
VALID_TIME: Final = 6
"""Time of the last valid tick."""
MOMENT: Final = 7
"""Moment of the grid to which that tick belongs."""
ECHO: Final = 8
"""Price that was refused as a jump and waits for its confirmation; 0 = none."""
SECOND: Final = 9
"""First column of the open 1 s bar; of a bar: START, OPEN, HIGH, LOW, CLOSE, VOLUME, TRADES."""
MINUTE: Final = 16
"""First column of the open 1 min bar."""
DAY: Final = 23
"""First column of the session's bar; its START is not used."""
COLUMNS: Final = 30

# columns of a bar, counted from its first column; a bar without trades does not exist
START, OPEN, HIGH, LOW, CLOSE, VOLUME, TRADES = range(7)
BAR_COLUMNS: Final = 7

ROW_FORMAT: Final = 1
"""Version of this layout, in every durable row."""
_RADIX_SORTED: Final = 1 << 16
"""numpy sorts 16-bit integers by radix, thirty times as fast as wider ones."""


class SymbolTable:
    """The rows, by symbol."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._codes: dict[str, int] = {}
        self._matrix: Ints = np.zeros((64, COLUMNS), np.int64)
        self._touched: Mask = np.zeros(64, np.bool_)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def rows(self) -> Ints:
        """(symbols, COLUMNS); written in place."""
        return self._matrix[: len(self.names)]

    def code(self, symbol: str) -> int:
        """Row of a symbol, a new one for a symbol never seen."""
        code = self._codes.get(symbol)
        if code is not None:
            return code
        code = len(self.names)
        if code == len(self._matrix):
            self._matrix = np.concatenate([self._matrix, np.zeros_like(self._matrix)])
            self._touched = np.concatenate([self._touched, np.zeros_like(self._touched)])
        self._matrix[code, FORMAT], self._matrix[code, CODE] = ROW_FORMAT, code
        self.names.append(symbol)
        self._codes[symbol] = code
        self._touched[code] = True
        return code

    def find(self, symbol: str) -> int | None:
        """Row of a symbol, if it has one."""
        return self._codes.get(symbol)

    def sort_keys(self, codes: Ints) -> npt.NDArray[np.integer]:
        """Codes in the type that sorts fastest."""
        return codes.astype(np.uint16) if len(self.names) <= _RADIX_SORTED else codes

    def touch(self, codes: Ints) -> None:
        """These rows changed."""
        self._touched[codes] = True

    def take_touched(self) -> list[tuple[str, bytes]]:
        """(symbol, durable row) of every row changed since the last call."""
        codes = np.flatnonzero(self._touched)
        if not len(codes):
            return []
        self._touched[codes] = False
        data = self._matrix[codes].astype("<i8", copy=False).tobytes()
        size = COLUMNS * 8
        return [(self.names[code], data[i * size : (i + 1) * size]) for i, code in enumerate(codes.tolist())]

    def restore(self, durable: dict[str, bytes]) -> None:
        """Take the rows that `take_touched` gave, the last one of each symbol. Raises ValueError for another layout."""
        matrix = np.zeros((len(durable), COLUMNS), np.int64)
        for i, (symbol, data) in enumerate(durable.items()):
            if len(data) != COLUMNS * 8 or int.from_bytes(data[:8], "little") != ROW_FORMAT:
                raise ValueError(f"the row of {symbol} has another layout than {ROW_FORMAT}")
            matrix[i] = np.frombuffer(data, "<i8")
        order = np.argsort(matrix[:, CODE])
        if matrix[order, CODE].tolist() != list(range(len(durable))):
            raise ValueError("rows of some symbols are missing")
        symbols = list(durable)
        for i in order:
            self.code(symbols[int(i)])
        self.rows[:] = matrix[order]
        self._touched[:] = False


def heads(keys: Ints) -> Mask:
    """True where a run of equal keys begins."""
    first = np.empty(len(keys), np.bool_)
    first[:1] = True
    np.not_equal(keys[1:], keys[:-1], out=first[1:])
    return first


def tails(first: Mask) -> Mask:
    """True where a run ends, given where runs begin."""
    last = np.empty(len(first), np.bool_)
    last[-1:] = True
    last[:-1] = first[1:]
    return last
