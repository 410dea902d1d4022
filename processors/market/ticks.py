"""A run of ticks as columns, and the checks of protocol 5.2, vectorised.

The order of the checks is: price, order, jump; a tick is refused by the first that it fails.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from processors.market.symbols import ECHO, LAST, TIME, Ints, Mask, SymbolTable, heads

NON_POSITIVE_PRICE: Final = "NON_POSITIVE_PRICE"
BID_ABOVE_ASK: Final = "BID_ABOVE_ASK"
OUT_OF_ORDER: Final = "OUT_OF_ORDER"
JUMP: Final = "JUMP"
JUMP_DIVISOR: Final = 5
"""More than 1/5 = 20 % off the previous valid trade is a jump."""
ECHO_DIVISOR: Final = 50
"""Within 1/50 = 2 % of a refused jump, the next trade confirms it."""
END_OF_TIME_US: Final = 4_102_444_800_000_000
"""2100-01-01: a time outside 1970 to 2099 is a broken record and must not close every moment before it."""


@dataclass(slots=True)
class Ticks:
    """Columns of equal length. `at` numbers the ticks as they arrived."""

    code: Ints
    time: Ints
    bid: Ints
    ask: Ints
    last: Ints
    size: Ints
    at: Ints

    def __len__(self) -> int:
        return len(self.code)

    def take(self, which: Ints | Mask | slice) -> "Ticks":
        """The ticks at these places."""
        return Ticks(
            self.code[which],
            self.time[which],
            self.bid[which],
            self.ask[which],
            self.last[which],
            self.size[which],
            self.at[which],
        )


class Refusal(NamedTuple):
    """A tick that is kept and flagged instead of folded."""

    at: int
    rule: str
    code: int
    time: int
    bid: int
    ask: int
    last: int
    size: int


def refuse(ticks: Ticks, which: Mask | Ints, rule: str) -> list[Refusal]:
    """Refusals of the ticks at these places."""
    r = ticks.take(which)
    columns = (r.code, r.time, r.bid, r.ask, r.last, r.size)
    return [
        Refusal(at, rule, *values) for at, *values in zip(r.at.tolist(), *(c.tolist() for c in columns), strict=True)
    ]


def price_faults(ticks: Ticks) -> tuple[Mask, Mask]:
    """(no price or a negative one, bid above ask). Zero means "none known", so one price must stand."""
    prices = ticks.bid | ticks.ask
    prices |= ticks.last
    nothing = (prices <= 0) | (ticks.size < 0)
    crossed = (ticks.bid > ticks.ask) & (ticks.ask > 0)
    return nothing, crossed


def is_sorted(times: Ints) -> bool:
    """Whether no tick is earlier than the one before it."""
    return bool((times[1:] >= times[:-1]).all())


def late(ticks: Ticks, table: SymbolTable, seen: Ints, grid_us: int, closed_us: int) -> Mask:
    """Ticks before the last one of their symbol, in a moment already closed, or with an impossible time.

    `seen` is the latest moment of the grid up to and including each tick.
    """
    closed = np.empty_like(seen)
    closed[:1] = closed_us
    np.subtract(seen[:-1], grid_us, out=closed[1:])
    np.maximum(closed, closed_us, out=closed)
    refused = ticks.time <= closed
    order = np.argsort(table.sort_keys(ticks.code), kind="stable")
    code, time = ticks.code[order], ticks.time[order]
    starts = np.flatnonzero(heads(code)).tolist()
    before = np.empty_like(time)
    for start, stop in zip(starts, [*starts[1:], len(code)], strict=True):
        before[start] = table.rows[code[start], TIME]
        np.maximum.accumulate(time[start : stop - 1], out=before[start + 1 : stop])
        np.maximum(before[start:stop], before[start], out=before[start:stop])
    refused[order] |= time < before
    return refused


def jumps(trades: Ticks, table: SymbolTable) -> Ints:
    """Places of the trades to refuse as jumps; keeps what waits for confirmation in the table.

    `trades` are sorted by symbol, then as they arrived. A trade more than 20 % off the symbol's previous valid trade is
    refused, unless the trade refused just before it lies within 2 %: then two points say the same and it is taken. The
    first of the two stays refused. Quotes in between change nothing.
    """
    rows = table.rows
    first = heads(trades.code)
    previous = np.empty_like(trades.last)
    previous[1:] = trades.last[:-1]
    previous[first] = rows[trades.code[first], LAST]
    suspects = np.flatnonzero((np.abs(trades.last - previous) > previous // JUMP_DIVISOR) & (previous > 0))
    codes = trades.code[first]
    echoes = rows[codes, ECHO]
    rows[codes, ECHO] = 0
    if not len(suspects):
        return suspects
    waiting = dict(zip(codes.tolist(), echoes.tolist(), strict=True))
    stops = np.append(first.nonzero()[0], len(first))
    refused: list[int] = []
    resume = 0
    for suspect in suspects.tolist():
        if suspect < resume:
            continue
        code, valid = int(trades.code[suspect]), int(previous[suspect])
        stop = int(stops[np.searchsorted(stops, suspect, side="right")])
        echo = waiting[code] if first[suspect] else 0
        resume = suspect
        while resume < stop:
            price = int(trades.last[resume])
            confirmed = echo > 0 and abs(price - echo) <= echo // ECHO_DIVISOR
            if confirmed or abs(price - valid) <= valid // JUMP_DIVISOR:
                resume += 1
                break
            refused.append(resume)
            echo = price
            resume += 1
        else:
            rows[code, ECHO] = echo
    return np.array(refused, np.int64)
