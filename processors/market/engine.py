"""Folds runs of ticks and the passing of event time into bars, marks and daily bars.

Everything here is defined tick by tick; runs only make it fast. A property test cuts the same input in every way and
compares the bytes. Event time passes with every tick that has a possible price and is in order, whether or not its
price is then refused as a jump: a moment of the grid closes when a tick of a later moment arrives.
"""

import numpy as np

from domain.indicators import split_adjusted
from processors.market import bars as b
from processors.market import marks as m
from processors.market import symbols as s
from processors.market import ticks as t
from processors.market.history import History
from processors.market.progress import Progress
from processors.market.publish import Publisher
from processors.market.sessions import Sessions
from processors.market.symbols import Ints, Mask, SymbolTable
from processors.market.ticks import Refusal, Ticks


class Engine:
    """State of one partition of market.ticks."""

    def __init__(self, progress: Progress, table: SymbolTable, publisher: Publisher) -> None:
        self.progress = progress
        self.table = table
        self.publisher = publisher
        self.sessions = Sessions()
        self.histories: dict[str, History] = {}
        self.changed_histories: set[str] = set()

    # --- ticks

    def fold(self, ticks: Ticks) -> None:
        """Take ticks in the order in which they arrived."""
        while len(ticks):
            cut = self._until_session_ends(ticks)
            self._fold(ticks.take(slice(0, cut)))
            if cut == len(ticks):
                return
            self.advance(self.moment_of(int(ticks.time[cut])) - self.progress.grid_us)
            ticks = ticks.take(slice(cut, None))

    def moment_of(self, time_us: int) -> int:
        """Moment of the grid to which a time belongs: the first at or after it."""
        return -(-time_us // self.progress.grid_us) * self.progress.grid_us

    def _moments(self, times: Ints) -> Ints:
        moments = times + (self.progress.grid_us - 1)
        moments //= self.progress.grid_us
        moments *= self.progress.grid_us
        return moments

    def _until_session_ends(self, ticks: Ticks) -> int:
        """Place of the first tick with which 16:30 ET of the current session has passed."""
        bound = self.sessions.due_us + self.progress.grid_us
        if int(ticks.time.max()) <= bound - self.progress.grid_us:
            return len(ticks)
        nothing, crossed = t.price_faults(ticks)
        possible = (ticks.time >= 0) & (ticks.time < t.END_OF_TIME_US) & ~nothing & ~crossed
        passed = np.flatnonzero(possible & (self._moments(ticks.time) >= bound))
        return int(passed[0]) if len(passed) else len(ticks)

    def _fold(self, ticks: Ticks) -> None:
        refusals: list[Refusal] = []
        ticks = self._without_faults(ticks, refusals)
        moments = self._moments(ticks.time)
        seen = moments if t.is_sorted(ticks.time) else np.maximum.accumulate(moments)
        progress, table = self.progress, self.table
        if seen is not moments or (
            len(ticks) and int(ticks.time[0]) <= max(progress.closed_us, progress.latest_us - 1)
        ):
            late = t.late(ticks, table, seen, progress.grid_us, progress.closed_us)
            if late.any():
                refusals += t.refuse(ticks, late, t.OUT_OF_ORDER)
                ticks, moments, seen = ticks.take(~late), moments[~late], seen[~late]
        if not len(ticks):
            self._publish_bars(b.no_bars(), refusals)
            return
        low, high = int(ticks.time.min()), int(ticks.time.max())
        progress.latest_us = max(progress.latest_us, high)

        order = np.argsort(table.sort_keys(ticks.code), kind="stable")
        by_symbol, their_moments = ticks.take(order), moments[order]
        ends = s.tails(s.heads(by_symbol.code))
        codes = by_symbol.code[ends]
        table.rows[codes, s.TIME] = by_symbol.time[ends]
        table.touch(codes)
        by_symbol, their_moments, trades = self._without_jumps(by_symbol, their_moments, refusals)

        opened = np.flatnonzero(seen > np.concatenate(([progress.moment_us], seen[:-1])))
        closings = seen[opened] - progress.grid_us
        closed_us = max(progress.closed_us, int(seen[-1]) - progress.grid_us)
        complete = self._fold_trades(trades, low, high)
        if len(opened):
            complete += [b.past(table, s.SECOND, 1, closed_us), b.past(table, s.MINUTE, 60, closed_us)]
        bars = b.joined(complete) if complete else b.no_bars()
        if len(bars) and len(opened):
            place = np.searchsorted(closings, bars[:, b.START] + bars[:, b.SECONDS] * b.US)
            bars[:, b.AT] = np.minimum(bars[:, b.AT], np.append(2 * ticks.at[opened], b.NEVER)[place])
        self._publish_bars(b.in_order(bars), refusals)
        self._fold_marks(by_symbol, their_moments, seen[opened])
        progress.closed_us = closed_us

    def _without_faults(self, ticks: Ticks, refusals: list[Refusal]) -> Ticks:
        nothing, crossed = t.price_faults(ticks)
        impossible = (ticks.time < 0) | (ticks.time >= t.END_OF_TIME_US)
        refused: Mask = nothing | crossed | impossible
        if not refused.any():
            return ticks
        refusals += t.refuse(ticks, nothing, t.NON_POSITIVE_PRICE)
        refusals += t.refuse(ticks, crossed & ~nothing, t.BID_ABOVE_ASK)
        refusals += t.refuse(ticks, impossible & ~crossed & ~nothing, t.OUT_OF_ORDER)
        return ticks.take(~refused)

    def _without_jumps(self, ticks: Ticks, moments: Ints, refusals: list[Refusal]) -> tuple[Ticks, Ints, Ticks]:
        """The ticks and their moments without jumps, and the trades among them."""
        traded = ticks.last > 0
        trades = ticks if traded.all() else ticks.take(traded)
        jumped = t.jumps(trades, self.table)
        if not len(jumped):
            return ticks, moments, trades
        refusals += t.refuse(trades, jumped, t.JUMP)
        valid = np.ones(len(ticks), np.bool_)
        valid[traded.nonzero()[0][jumped]] = False
        ticks = ticks.take(valid)
        return ticks, moments[valid], ticks.take(ticks.last > 0)

    def _fold_trades(self, trades: Ticks, low_us: int, high_us: int) -> list[Ints]:
        """Put trades into the open bars; return those that later trades completed."""
        if not len(trades):
            return []
        groups = b.by_second(trades)
        minutes = b.wider(groups, 60)
        opened, closes = self.sessions.hours
        if low_us >= opened and high_us <= closes:
            b.merge(self.table, s.DAY, b.wider(groups, 0))
        else:
            inside = (trades.time >= opened) & (trades.time <= closes)
            if inside.any():
                b.merge(self.table, s.DAY, b.wider(b.by_second(trades.take(inside)), 0))
        return [b.merge(self.table, s.SECOND, groups), b.merge(self.table, s.MINUTE, minutes)]

    def _fold_marks(self, ticks: Ticks, moments: Ints, opened: Ints) -> None:
        """Conflate valid ticks, publish the moments that closed; `opened`: those that these ticks opened, ascending."""
        progress, table = self.progress, self.table
        found = m.entries(ticks, moments, table)
        closing: list[int] = []
        if len(opened):
            closing = [*([progress.moment_us] if progress.moment_us else []), *opened[:-1].tolist()]
        waiting = found[found[:, m.MOMENT] < int(opened[-1])] if len(opened) else found[:0]
        if closing and progress.moment_us:
            held = m.held(table, progress.moment_us)
            updated = found[found[:, m.MOMENT] == progress.moment_us, m.CODE]
            waiting = np.concatenate([held[~np.isin(held[:, m.CODE], updated)], waiting])
        waiting = waiting[np.lexsort((waiting[:, m.CODE], waiting[:, m.MOMENT]))]
        m.keep(table, found)
        starts = np.searchsorted(waiting[:, m.MOMENT], closing).tolist()
        stops = np.searchsorted(waiting[:, m.MOMENT], closing, side="right").tolist()
        for moment, start, stop in zip(closing, starts, stops, strict=True):
            self.publisher.marks(moment, waiting[start:stop])
        if len(opened):
            progress.moment_us = int(opened[-1])

    def _publish_bars(self, bars: Ints, refusals: list[Refusal]) -> None:
        """Bars and refusals in the order of the ticks that caused them; of one tick, the bars first."""
        start = 0
        for refusal in sorted(refusals):
            stop = int(np.searchsorted(bars[:, b.AT], 2 * refusal.at, side="right"))
            self.publisher.bars(bars[start:stop])
            self.publisher.refusal(refusal)
            start = stop
        self.publisher.bars(bars[start:])

    # --- event time

    def advance(self, closed_us: int) -> None:
        """Everything at or before `closed_us` has been seen: publish what that completes."""
        progress = self.progress
        if closed_us <= progress.closed_us:
            return
        if self.sessions.due_us <= closed_us:
            self._close_moment(self.sessions.due_us - 1)
            self._close_session(self.sessions.due_us)
            self.sessions.pass_to(closed_us)
            self.begin_session()
        self._close_moment(closed_us)
        progress.closed_us = closed_us
        past = b.joined([b.past(self.table, s.SECOND, 1, closed_us), b.past(self.table, s.MINUTE, 60, closed_us)])
        self.publisher.bars(b.in_order(past))

    def reach(self, time_us: int) -> None:
        """Something stands at this time on the log: every moment of the grid before it is over."""
        self.advance(self.moment_of(time_us) - self.progress.grid_us)

    def watermark(self, time_us: int) -> None:
        """The gateway has sent everything at or before this time; tell the books, even if nothing changed."""
        self.advance(time_us)
        if time_us > self.progress.marked_us and time_us >= self.progress.sent_us:
            self.publisher.marks(time_us, np.empty((0, 6), np.int64))

    def _close_moment(self, bound_us: int) -> None:
        moment = self.progress.moment_us
        if 0 < moment <= bound_us:
            self.publisher.marks(moment, m.held(self.table, moment))
            self.progress.moment_us = 0

    # --- sessions

    def history(self, symbol: str) -> History:
        """The daily history of a symbol, to be changed."""
        self.changed_histories.add(symbol)
        found = self.histories.get(symbol)
        if found is None:
            found = self.histories[symbol] = History()
        return found

    def _close_session(self, due_us: int) -> None:
        """Daily bars of the current session, of symbols that traded in it (protocol 2.4, 5.1)."""
        session = self.sessions.current
        rows = self.table.rows
        codes = np.flatnonzero(rows[:, s.DAY + s.TRADES] > 0)
        if session is None or not len(codes):
            return
        for code in codes.tolist():
            bar = rows[code, s.DAY : s.DAY + s.BAR_COLUMNS].tolist()
            self.daily_bar(self.table.names[code], session, due_us, bar[s.OPEN : s.TRADES], historical=False)
        rows[codes, s.DAY : s.DAY + s.BAR_COLUMNS] = 0
        self.table.touch(codes)

    def daily_bar(self, symbol: str, session: int, time_us: int, bar: list[int], *, historical: bool) -> None:
        """Fold and publish a completed session; `bar` = open, high, low, close, volume."""
        opened, high, low, close, volume = bar
        history = self.history(symbol)
        if history.official is not None and history.official[0] <= session:
            official_session, official_close, official_volume = history.official
            if official_session == session:
                close, volume = official_close, official_volume or volume
                high, low = max(high, close), min(low, close)
            history.official = None
        history.fold(session, high, low, close)
        self.publisher.to_books(
            "DailyBar",
            time_us,
            {
                "symbol": symbol,
                "session": session,
                "open_e4": opened,
                "high_e4": high,
                "low_e4": low,
                "close_e4": close,
                "volume": volume,
                "atr_e6": history.atr_e6,
                "hv_e10": history.hv_e10(),
                "historical": historical,
            },
        )

    def begin_session(self) -> None:
        """Put splits into effect that begin with the current session (protocol 5.2)."""
        for symbol, history in self.histories.items():
            if history.splits:
                self.apply_splits(symbol, history)

    def apply_splits(self, symbol: str, history: History) -> None:
        """Put a symbol's splits into effect: on its history, and on the trade that jumps are measured by."""
        session = self.sessions.current
        if session is None:
            return
        ratios = history.adjust(session)
        code = self.table.find(symbol)
        if not ratios:
            return
        self.changed_histories.add(symbol)
        if code is None or self.table.rows[code, s.DAY + s.TRADES] > 0:
            return  # never traded, or its ticks of today are in new shares already
        row = self.table.rows[code]
        for new, old in ratios:
            row[s.LAST] = split_adjusted(int(row[s.LAST]), new, old)
        row[s.BID] = row[s.ASK] = row[s.ECHO] = 0
        self.table.touch(np.array([code]))
