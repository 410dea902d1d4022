"""1 s and 1 min bars by `reduceat`, merged with the open bars of the table.

A bar is complete as soon as nothing can be added to it: a later trade of its symbol has arrived, or event time has
passed its end. Bars are matrices (bars, 10): the seven columns of a bar, then CODE, AT, SECONDS.
"""

from typing import Final

import numpy as np

from processors.market.symbols import (
    BAR_COLUMNS,
    CLOSE,
    HIGH,
    LOW,
    OPEN,
    START,
    TRADES,
    VOLUME,
    Ints,
    SymbolTable,
    heads,
    tails,
)
from processors.market.ticks import Ticks

CODE: Final = 7
AT: Final = 8
"""In a group: arrival of its first trade. In a complete bar: twice the arrival of the tick that completed it, plus 1
when it did so as the symbol's next trade and not by the passing of event time, which comes first."""
SECONDS: Final = 9
_WIDTH: Final = 10
NEVER: Final = 1 << 62
US: Final = 1_000_000


def no_bars() -> Ints:
    """No bars."""
    return np.empty((0, _WIDTH), np.int64)


def by_second(trades: Ticks) -> Ints:
    """Groups of the trades, which are sorted by symbol, then as they arrived, by symbol and second."""
    second = trades.time // US
    first = heads(trades.code)
    first[1:] |= second[1:] != second[:-1]
    begin = first.nonzero()[0]
    stop = np.append(begin[1:], len(trades))
    groups = np.empty((len(begin), _WIDTH), np.int64)
    groups[:, START] = second[begin] * US
    groups[:, OPEN] = trades.last[begin]
    groups[:, HIGH] = np.maximum.reduceat(trades.last, begin)
    groups[:, LOW] = np.minimum.reduceat(trades.last, begin)
    groups[:, CLOSE] = trades.last[stop - 1]
    groups[:, VOLUME] = np.add.reduceat(trades.size, begin)
    groups[:, TRADES] = stop - begin
    groups[:, CODE] = trades.code[begin]
    groups[:, AT] = trades.at[begin]
    groups[:, SECONDS] = 1
    return groups


def wider(groups: Ints, seconds: int) -> Ints:
    """Groups put together into longer bars; `seconds` 0: one a symbol."""
    start = groups[:, START] // (seconds * US) * (seconds * US) if seconds else np.zeros(len(groups), np.int64)
    first = heads(groups[:, CODE])
    first[1:] |= start[1:] != start[:-1]
    begin = first.nonzero()[0]
    stop = np.append(begin[1:], len(groups))
    joined = groups[begin]
    joined[:, START] = start[begin]
    joined[:, HIGH] = np.maximum.reduceat(groups[:, HIGH], begin)
    joined[:, LOW] = np.minimum.reduceat(groups[:, LOW], begin)
    joined[:, CLOSE] = groups[stop - 1, CLOSE]
    joined[:, VOLUME] = np.add.reduceat(groups[:, VOLUME], begin)
    joined[:, TRADES] = np.add.reduceat(groups[:, TRADES], begin)
    joined[:, SECONDS] = seconds
    return joined


def merge(table: SymbolTable, column: int, groups: Ints) -> Ints:
    """Join groups (changed in place) to the open bars at `column`; return the bars that a later group completed."""
    bars = table.rows[:, column : column + BAR_COLUMNS]
    code = groups[:, CODE]
    first = heads(code)
    last = tails(first)
    begun = first.nonzero()[0]
    held = bars[code[begun]]
    same = (held[:, TRADES] > 0) & (held[:, START] == groups[begun, START])
    over = (held[:, TRADES] > 0) & ~same
    if same.any():
        on, was = begun[same], held[same]
        groups[on, OPEN] = was[:, OPEN]
        groups[on, HIGH] = np.maximum(groups[on, HIGH], was[:, HIGH])
        groups[on, LOW] = np.minimum(groups[on, LOW], was[:, LOW])
        groups[on, VOLUME] += was[:, VOLUME]
        groups[on, TRADES] += was[:, TRADES]
    ended = int(np.count_nonzero(over))
    closed = np.empty((ended + len(groups) - len(begun), _WIDTH), np.int64)
    if len(closed):
        closed[:ended, :BAR_COLUMNS] = held[over]
        closed[:ended, CODE:] = groups[begun[over], CODE:]
        inner = (~last).nonzero()[0]
        closed[ended:] = groups[inner]
        closed[ended:, AT] = groups[inner + 1, AT]
        closed[:, AT] = 2 * closed[:, AT] + 1
    ends = last.nonzero()[0]
    bars[code[ends]] = groups[ends, :BAR_COLUMNS]
    return closed


def past(table: SymbolTable, column: int, seconds: int, closed_us: int) -> Ints:
    """Take out the open bars at `column` that end at or before `closed_us`."""
    bars = table.rows[:, column : column + BAR_COLUMNS]
    codes = ((bars[:, TRADES] > 0) & (bars[:, START] <= closed_us - seconds * US)).nonzero()[0]
    if not len(codes):
        return no_bars()
    out = np.empty((len(codes), _WIDTH), np.int64)
    out[:, :BAR_COLUMNS] = bars[codes]
    out[:, CODE] = codes
    out[:, AT] = NEVER
    out[:, SECONDS] = seconds
    bars[codes, TRADES] = 0
    table.touch(codes)
    return out


def joined(parts: list[Ints]) -> Ints:
    """The bars of all parts, one after the other."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def in_order(bars: Ints) -> Ints:
    """Complete bars in the order in which they are published: by completing tick, symbol, length."""
    if len(bars) <= 1:
        return bars
    return bars[np.lexsort((bars[:, SECONDS], bars[:, CODE], bars[:, AT]))]
