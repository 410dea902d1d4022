"""Shares and indices of a LEAN folder: daily bars, and the ticks of one session at the best resolution there is.

A bar is stamped with its start and known at its end. It becomes up to four ticks: open, low and high (low first when it
closes at or above its open), close. Trade times inside a minute are a convention (one second, a third, two thirds, one
second before the end), so the ticks carry TICK_FROM_BAR. Only regular hours are played.
"""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from domain.inputs import TICK_FROM_BAR, TICK_OK, Tick
from gateways.market.calendar import EPOCH_UTC, MINUTE_US, NEW_YORK, SECOND_US, Session, day_number
from gateways.market.daily_bars import DailyBars
from gateways.market.lean.files import Rows, existing, invalid, missing, single
from gateways.market.lean.reference import TickerSpan

HOUR_US = 60 * MINUTE_US
TICKS_SEEN_EVERY_US = SECOND_US
"""Recorded ticks are given in moments of one second."""


@dataclass(frozen=True, slots=True)
class SessionTicks:
    """The ticks of a symbol in one session and the times at which the bars behind them are complete."""

    ticks: list[Tick]
    visible_us: list[int]
    """ascending; a tick belongs to the first of these that is not before it"""


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar with its time span, microseconds UTC."""

    start_us: int
    end_us: int
    values: tuple[int, int, int, int, int]
    """open, high, low, close in 1e-4 dollars, volume"""


def daily_bars(root: Path, symbol: str, spans: list[TickerSpan], first: dt.date, last: dt.date) -> DailyBars:
    """The daily bars of a symbol from `first` to `last`, put together from the tickers it had."""
    columns: list[tuple[int, ...]] = []
    for span in spans:
        start, end = max(span.first, first), min(span.last, last)
        if start > end:
            continue
        path = existing(root / "equity/usa/daily" / f"{span.ticker}.zip")
        if path is None:
            raise missing(
                root / "equity/usa/daily" / f"{span.ticker}.zip",
                f"it holds the warm-up and the closes of {symbol} (lean:FOLDER?warmup=none does without)",
            )
        for row in single(path):
            try:
                day = dt.date(int(row[0][:4]), int(row[0][4:6]), int(row[0][6:8]))
                if start <= day <= end:
                    columns.append((day_number(day), *(int(float(v)) for v in row[1:6])))
            except (ValueError, IndexError) as error:
                raise invalid(path, f"{span.ticker}.csv", row, error) from error
    columns.sort()
    table = np.array(columns, dtype=np.int64).reshape(-1, 6)
    return DailyBars(symbol, table[:, 0].tolist(), *(table[:, i].copy() for i in range(1, 6)))


def bar_ticks(symbol: str, bar: Bar, bid_ask: list[tuple[int, int]], inset_us: int) -> list[Tick]:
    """The points of a bar; `bid_ask` belongs to its open, high, low and close. Equal neighbours are one tick."""
    opening, high, low, closing, volume = bar.values
    span = bar.end_us - bar.start_us
    extremes = [(low, bid_ask[2]), (high, bid_ask[1])]
    if closing < opening:
        extremes.reverse()
    points = [(bar.start_us + inset_us, opening, bid_ask[0])]
    for third, (price, sides) in enumerate(extremes, 1):
        if price != points[-1][1]:
            points.append((bar.start_us + span * third // 3, price, sides))
    if points[-1][1] == closing and (len(points) > 1 or high == low):
        points.pop()
    points.append((bar.end_us - inset_us, closing, bid_ask[3]))
    share = volume // len(points)
    sizes = [share] * (len(points) - 1) + [volume - share * (len(points) - 1)]
    return [
        Tick(symbol, time_us, bid, ask, price, size, TICK_FROM_BAR)
        for (time_us, price, (bid, ask)), size in zip(points, sizes, strict=True)
    ]


def minute_ticks(symbol: str, session: Session, trade: Path, quote: Path | None) -> SessionTicks:
    """From minute bars: trades, and bid and ask of the quote bars, each side carried forward on its own in the day."""
    trades = {b.start_us: b for b in _minute_bars(trade, session, NEW_YORK, 1.0)}
    quotes = {int(float(r[0])): r for r in single(quote)} if quote else {}
    midnight = _midnight_us(session.day, NEW_YORK)
    ticks: list[Tick] = []
    bid = ask = 0
    for start in range(session.open_us, session.close_us, MINUTE_US):
        row = quotes.get((start - midnight) // 1000)
        if row is not None and quote is not None:
            bids, asks = _sides(quote, row, bid, ask)
        else:
            bids, asks = [bid] * 4, [ask] * 4
        bar = trades.get(start)
        if bar is not None:
            ticks += bar_ticks(symbol, bar, list(zip(bids, asks, strict=True)), SECOND_US)
        elif row is not None and (bids[3], asks[3]) != (bid, ask):
            ticks.append(Tick(symbol, start + MINUTE_US - SECOND_US, bids[3], asks[3], 0, 0, TICK_FROM_BAR))
        bid, ask = bids[3], asks[3]
    return SessionTicks(ticks, list(range(session.open_us + MINUTE_US, session.close_us + 1, MINUTE_US)))


def index_ticks(symbol: str, session: Session, trade: Path, zone: ZoneInfo) -> SessionTicks:
    """From an index's minute bars: dollars, not scaled, in the time zone of the index."""
    ticks: list[Tick] = []
    for bar in _minute_bars(trade, session, zone, 10_000.0):
        ticks += bar_ticks(symbol, bar, [(0, 0)] * 4, SECOND_US)
    return SessionTicks(ticks, list(range(session.open_us + MINUTE_US, session.close_us + 1, MINUTE_US)))


def hour_ticks(symbol: str, session: Session, path: Path, rows: Rows) -> SessionTicks:
    """From the hourly bars of the day; the first one covers 09:30 to 10:00."""
    ticks: list[Tick] = []
    visible: list[int] = []
    for row in rows:
        try:
            start = _midnight_us(session.day, NEW_YORK) + int(row[0][9:11]) * HOUR_US
        except ValueError as error:
            raise invalid(path, path.name, row, error) from error
        begin, end = max(start, session.open_us), min(start + HOUR_US, session.close_us)
        if begin < end:
            ticks += bar_ticks(symbol, Bar(begin, end, _values(path, row, 1.0)), [(0, 0)] * 4, SECOND_US)
            visible.append(end)
    return SessionTicks(ticks, visible)


def daily_ticks(symbol: str, session: Session, bars: DailyBars, at: int) -> SessionTicks:
    """From a daily bar: open and close at the session's ends, low and high at one and two thirds of it."""
    values = tuple(int(c[at]) for c in (bars.open_e4, bars.high_e4, bars.low_e4, bars.close_e4, bars.volume))
    opening, high, low, closing, volume = values
    ticks = bar_ticks(
        symbol, Bar(session.open_us, session.close_us, (opening, high, low, closing, volume)), [(0, 0)] * 4, 0
    )
    return SessionTicks(ticks, [t.time_us for t in ticks])


def recorded_ticks(symbol: str, session: Session, trade: Path, quote: Path | None) -> SessionTicks:
    """From tick files: trades as they were, and bid and ask whenever one changes.

    A quote row gives one side and replaces it, whatever its exchange: the rows are the national best quotes (held apart
    by exchange they would cross 99 % of the time, taken so 0.1 %). What the vendor marks as suspicious is left out.
    """
    midnight = _midnight_us(session.day, NEW_YORK)
    events: list[tuple[int, int, list[str]]] = []
    for rank, path in ((0, quote), (1, trade)):
        if path is not None:
            try:
                events += [(midnight + round(float(r[0]) * 1000), rank, r) for r in single(path) if r[-1] != "1"]
            except ValueError as error:
                raise invalid(path, path.name, "?", error) from error
    events.sort(key=lambda e: e[:2])
    best = (0, 0)
    ticks: list[Tick] = []
    for time_us, rank, row in events:
        if time_us > session.close_us:
            break
        if rank == 0:
            now = (int(float(row[1])) if row[2] != "0" else best[0], int(float(row[3])) if row[4] != "0" else best[1])
            if now != best and time_us >= session.open_us:
                ticks.append(Tick(symbol, time_us, *now, 0, 0, TICK_OK))
            best = now
        elif time_us >= session.open_us:
            ticks.append(Tick(symbol, time_us, *best, int(float(row[1])), int(float(row[2])), TICK_OK))
    seen = sorted({-(-t.time_us // TICKS_SEEN_EVERY_US) * TICKS_SEEN_EVERY_US for t in ticks})
    return SessionTicks(ticks, seen)


def _minute_bars(path: Path, session: Session, zone: ZoneInfo, scale: float) -> list[Bar]:
    midnight = _midnight_us(session.day, zone)
    bars: list[Bar] = []
    for row in single(path):
        try:
            start = midnight + int(float(row[0])) * 1000
        except ValueError as error:
            raise invalid(path, path.name, row, error) from error
        if session.open_us <= start < session.close_us:
            bars.append(Bar(start, start + MINUTE_US, _values(path, row, scale)))
    return bars


def _values(path: Path, row: list[str], scale: float) -> tuple[int, int, int, int, int]:
    try:
        o, h, low, c = (round(float(v) * scale) for v in row[1:5])
        return o, h, low, c, int(float(row[5]))
    except (ValueError, IndexError) as error:
        raise invalid(path, path.name, row, error) from error


def _sides(path: Path, row: list[str], bid: int, ask: int) -> tuple[list[int], list[int]]:
    """Open, high, low, close of bid and ask; an empty side stays as it was."""
    try:
        bids = [int(float(v)) if v else bid for v in row[1:5]]
        asks = [int(float(v)) if v else ask for v in row[6:10]]
    except ValueError as error:
        raise invalid(path, path.name, row, error) from error
    if len(asks) != 4:
        raise invalid(path, path.name, row, "11 columns are needed")
    return bids, asks


def _midnight_us(day: dt.date, zone: ZoneInfo) -> int:
    return (dt.datetime(day.year, day.month, day.day, tzinfo=zone) - EPOCH_UTC) // dt.timedelta(microseconds=1)
