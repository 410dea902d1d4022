"""Conflation: the last valid prices of each symbol at each moment of the grid, from a run of ticks.

Entries are matrices (entries, 6): MOMENT, CODE, LAST, BID, ASK, TIME.
"""

from typing import Final

import numpy as np

from processors.market import symbols as s
from processors.market.symbols import Ints, SymbolTable, heads, tails
from processors.market.ticks import Ticks

MOMENT, CODE, LAST, BID, ASK, TIME = range(6)
_WIDTH: Final = 6


def entries(ticks: Ticks, moment: Ints, table: SymbolTable) -> Ints:
    """One entry a symbol and moment, of valid ticks sorted by symbol, then as they arrived.

    The last trade is carried over ticks that are quotes only, the quote over ticks that are trades only.
    """
    first = heads(ticks.code)
    group = first.copy()
    group[1:] |= moment[1:] != moment[:-1]
    stop = np.flatnonzero(tails(group))
    rows = table.rows
    out = np.empty((len(stop), _WIDTH), np.int64)
    out[:, MOMENT] = moment[stop]
    code = ticks.code[stop]
    out[:, CODE] = code
    out[:, TIME] = ticks.time[stop]
    if (ticks.last > 0).all():
        out[:, LAST] = ticks.last[stop]
    else:
        place, known = _latest(ticks.last > 0, first, stop)
        out[:, LAST] = np.where(known, ticks.last[place], rows[code, s.LAST])
    quoted = (ticks.bid | ticks.ask) > 0
    if quoted.all():
        out[:, BID], out[:, ASK] = ticks.bid[stop], ticks.ask[stop]
    else:
        place, known = _latest(quoted, first, stop)
        out[:, BID] = np.where(known, ticks.bid[place], rows[code, s.BID])
        out[:, ASK] = np.where(known, ticks.ask[place], rows[code, s.ASK])
    return out


def keep(table: SymbolTable, found: Ints) -> None:
    """Remember each symbol's newest entry."""
    newest = found[tails(heads(found[:, CODE]))]
    rows = table.rows
    code = newest[:, CODE]
    rows[code, s.LAST] = newest[:, LAST]
    rows[code, s.BID] = newest[:, BID]
    rows[code, s.ASK] = newest[:, ASK]
    rows[code, s.VALID_TIME] = newest[:, TIME]
    rows[code, s.MOMENT] = newest[:, MOMENT]


def held(table: SymbolTable, moment: int) -> Ints:
    """Entries of the symbols whose last valid tick, up to now, lies in this moment."""
    rows = table.rows
    code = np.flatnonzero(rows[:, s.MOMENT] == moment)
    out = np.empty((len(code), _WIDTH), np.int64)
    out[:, MOMENT] = moment
    out[:, CODE] = code
    out[:, LAST] = rows[code, s.LAST]
    out[:, BID] = rows[code, s.BID]
    out[:, ASK] = rows[code, s.ASK]
    out[:, TIME] = rows[code, s.VALID_TIME]
    return out


def _latest(present: s.Mask, first: s.Mask, stop: Ints) -> tuple[Ints, s.Mask]:
    """For each place in `stop`: the last place up to it where `present`, and whether it is of the same symbol."""
    places = np.arange(len(present))
    place = np.maximum.accumulate(np.where(present, places, -1))[stop]
    begin = np.maximum.accumulate(np.where(first, places, 0))[stop]
    return np.maximum(place, 0), place >= begin
