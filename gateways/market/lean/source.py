"""The source `lean:FOLDER`: plays recorded prices and quotes of a folder in the QuantConnect LEAN data format."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qsl

from domain.inputs import CorporateAction, OfficialClose, Tick
from gateways.market.cadence import quote_times
from gateways.market.calendar import OFFICIAL_CLOSE_DELAY_US, Session, Sessions, day_number, new_york_us
from gateways.market.daily_bars import DailyBars
from gateways.market.lean import equities
from gateways.market.lean.files import existing
from gateways.market.lean.options import DailyOptionVolume, OptionFiles, SessionChain
from gateways.market.lean.plan import EquityFiles, HourFiles, check, equity_files, option_files, ticker_on
from gateways.market.lean.reference import TickerSpan, corporate_actions, index_time_zone, ticker_spans
from gateways.market.opening_moments import opening_moments, warm_up_time
from gateways.market.port import (
    CALENDAR_AFTER,
    LISTED,
    WARM_UP,
    MarketDataRequest,
    MarketRecord,
    Moment,
    SourceDefaults,
    SourceDescription,
)
from infra.errors import RequestError, UnavailableError

CORPORATE_ACTIONS_AT_HOUR = 6
"""New York hour at which the splits and dividends of a session are given."""


@dataclass(frozen=True, slots=True)
class LeanOptions:
    """Choices behind the `?` of the source's name."""

    equity: str = "minute"
    """minute: minute bars before tick files; tick: tick files before minute bars"""
    warmup: str = "daily"
    """daily: the year before from daily bars, which must be there; none: no warm-up"""

    @staticmethod
    def parse(query: str) -> "LeanOptions":
        """From `equity=tick&warmup=none`."""
        allowed = {"equity": ("minute", "tick"), "warmup": ("daily", "none")}
        chosen = dict(parse_qsl(query, keep_blank_values=True))
        for key, value in chosen.items():
            if value not in allowed.get(key, ()):
                raise RequestError(
                    "BAD_SOURCE",
                    f"A LEAN folder has no option {key}={value}.",
                    "Use equity=minute|tick, warmup=daily|none.",
                )
        return LeanOptions(**chosen)


@dataclass(frozen=True, slots=True)
class _Play:
    """One symbol in one session: what plays it."""

    symbol: str
    ticker: str
    equity: EquityFiles
    options: list[OptionFiles]


class LeanSource:
    """The adapter."""

    def __init__(self, root: Path, options: LeanOptions | None = None) -> None:
        self._root = root
        self._options = options or LeanOptions()
        self._hours = HourFiles()
        if not (root / "equity/usa").is_dir() and not (root / "index/usa").is_dir():
            raise UnavailableError(
                "DATA_FILE_MISSING",
                f"{root} is no LEAN data folder: it has neither equity/usa nor index/usa.",
                "Name the folder that holds equity, option, market-hours … (LEAN's own is called Data).",
            )

    def describe(self) -> SourceDescription:
        """What the source is and has."""
        return SourceDescription(
            name=f"lean:{self._root}",
            text="A folder in the QuantConnect LEAN data format: recorded bars, ticks, option quotes and trades.",
            underlying_quality=LISTED,
            option_quality=LISTED,
            symbols=self._symbols(),
            first_day=None,
            last_day=None,
        )

    def defaults(self) -> SourceDefaults:
        """None: a folder holds many symbols over unlike days."""
        return SourceDefaults(symbols=None, from_day=None, to_day=None, capital_usd=None)

    def moments(self, request: MarketDataRequest) -> Iterator[Moment]:
        """The moments of a request. Every archive it needs is opened here, before the first moment."""
        unknown = [s for s in request.symbols if s not in self._symbols()]
        if unknown:
            raise RequestError(
                "UNKNOWN_SYMBOL",
                f"{self._root} has no prices of {', '.join(unknown)}.",
                f"It has {', '.join(self._symbols()) or 'none'}.",
            )
        sessions = Sessions(request.from_day - WARM_UP, request.to_day + CALENDAR_AFTER)
        played = sessions.between(request.from_day, request.to_day)
        spans = {s: ticker_spans(self._root, s) for s in request.symbols}
        bars = {s: self._daily_bars(s, spans[s], request) for s in request.symbols}
        plays = [(session, self._plan(session, spans, bars)) for session in played]
        while plays and not plays[0][1]:
            plays.pop(0)
        if not plays:
            raise UnavailableError(
                "DATA_NO_SESSIONS",
                f"{self._root} has nothing of {','.join(request.symbols)} from {request.from_day} to {request.to_day}.",
                "Choose days on which the exchange was open and the symbol was listed under this name.",
            )
        actions = [a for s in request.symbols for a in corporate_actions(self._root, s, sessions)]
        return self._play(request, sessions, plays, bars, actions)

    def _play(
        self,
        request: MarketDataRequest,
        sessions: Sessions,
        plays: list[tuple[Session, list[_Play]]],
        bars: dict[str, DailyBars],
        actions: list[CorporateAction],
    ) -> Iterator[Moment]:
        first = plays[0][0]
        at = warm_up_time(first)
        warm_up: list[tuple[int, int, MarketRecord]] = []
        if self._options.warmup != "none":
            start = day_number(request.from_day - WARM_UP)
            warm_up += [(a.ex_session, 0, replace(a, time_us=at)) for a in actions if a.ex_session < first.number]
            warm_up += [(b.session, 1, b) for s in request.symbols for b in bars[s].historical(start, first.number, at)]
        warm_up.sort(key=lambda x: x[:2])
        yield from opening_moments(sessions, first, [record for _, _, record in warm_up])
        for session, symbols in plays:
            time_us = new_york_us(session.day, CORPORATE_ACTIONS_AT_HOUR)
            today: list[MarketRecord] = [replace(a, time_us=time_us) for a in actions if a.ex_session == session.number]
            if today:
                yield Moment(time_us, today)
            yield from self._session(session, symbols, sessions, bars)

    def _session(
        self, session: Session, plays: list[_Play], sessions: Sessions, bars: dict[str, DailyBars]
    ) -> Iterator[Moment]:
        ticks: list[Tick] = []
        times: set[int] = set()
        others: list[MarketRecord] = []
        closes: list[MarketRecord] = []
        for play in plays:
            seen = self._ticks(session, play, bars[play.symbol])
            ticks += seen.ticks
            times.update(seen.visible_us)
            others += self._chain(session, play, sessions, seen.ticks)
            closes += self._close(session, bars[play.symbol], seen.ticks)
        ticks.sort(key=lambda t: t.time_us)
        others.sort(key=lambda r: r.time_us)
        times.update(r.time_us for r in others)
        tick_times = [t.time_us for t in ticks]
        other_times = [r.time_us for r in others]
        before, before_other = 0, 0
        for time_us in sorted(times):
            until, until_other = bisect_right(tick_times, time_us), bisect_right(other_times, time_us)
            if until > before or until_other > before_other:
                yield Moment(time_us, [*ticks[before:until], *others[before_other:until_other]])
            before, before_other = until, until_other
        if closes:
            yield Moment(session.close_us + OFFICIAL_CLOSE_DELAY_US, closes)

    def _ticks(self, session: Session, play: _Play, bars: DailyBars) -> equities.SessionTicks:
        files = play.equity
        if files.trade is None:
            at = bars.position(session.number)
            return equities.SessionTicks([], []) if at is None else equities.daily_ticks(play.symbol, session, bars, at)
        if files.resolution == "minute":
            return equities.minute_ticks(play.symbol, session, files.trade, files.quote)
        if files.resolution == "tick":
            return equities.recorded_ticks(play.symbol, session, files.trade, files.quote)
        if files.resolution == "index":
            zone = index_time_zone(self._root, play.ticker)
            return equities.index_ticks(play.symbol, session, files.trade, zone)
        return equities.hour_ticks(play.symbol, session, files.trade, self._hours.rows(files.trade, session))

    def _chain(self, session: Session, play: _Play, sessions: Sessions, ticks: list[Tick]) -> list[MarketRecord]:
        trades = [t for t in ticks if t.last_e4 > 0]
        if not trades or not play.options:
            return []
        prices = [t.last_e4 for t in trades]
        trade_times = [t.time_us for t in trades]
        chain = SessionChain(play.symbol, session, sessions, (min(prices), max(prices)))
        for files in play.options:
            chain.read(files)
        times = quote_times(session)
        if all(files.resolution != "minute" for files in play.options):
            ends = chain.bar_ends()
            times = [t for t in times if t in ends]

        def spot_e4(time_us: int) -> int:
            before = bisect_right(trade_times, time_us)
            return prices[before - 1] if before else 0

        volume = self._volume(play.ticker, session, sessions)
        return list(chain.quotes_at(times, spot_e4, volume.adv20 if volume else lambda _: -1))

    def _volume(self, ticker: str, session: Session, sessions: Sessions) -> DailyOptionVolume | None:
        name = f"{ticker}_{session.day.year}_trade_american.zip"
        path = existing(self._root / "option/usa/daily" / name)
        return DailyOptionVolume(path, session.day, sessions) if path is not None else None

    def _close(self, session: Session, bars: DailyBars, ticks: list[Tick]) -> list[MarketRecord]:
        """From the daily bar; without one the last trade in regular hours and the volume of all."""
        at = bars.position(session.number)
        time_us = session.close_us + OFFICIAL_CLOSE_DELAY_US
        if at is not None:
            price, volume = int(bars.close_e4[at]), int(bars.volume[at])
            return [OfficialClose(bars.symbol, session.number, time_us, price, volume)]
        trades = [t for t in ticks if t.last_e4 > 0]
        if not trades:
            return []
        volume = sum(t.size for t in trades)
        return [OfficialClose(bars.symbol, session.number, time_us, trades[-1].last_e4, volume)]

    def _plan(self, session: Session, spans: dict[str, list[TickerSpan]], bars: dict[str, DailyBars]) -> list[_Play]:
        plays: list[_Play] = []
        for symbol, of_symbol in spans.items():
            ticker = ticker_on(of_symbol, session)
            if ticker is None:
                continue
            equity = equity_files(
                self._root, ticker, session, prefer_ticks=self._options.equity == "tick", hours=self._hours
            )
            if equity.trade is None and bars[symbol].position(session.number) is None:
                continue
            options = option_files(self._root, ticker, session)
            check(equity, options)
            plays.append(_Play(symbol, ticker, equity, options))
        return plays

    def _daily_bars(self, symbol: str, spans: list[TickerSpan], request: MarketDataRequest) -> DailyBars:
        first = request.from_day - WARM_UP
        if self._options.warmup == "none":
            spans = [s for s in spans if existing(self._root / "equity/usa/daily" / f"{s.ticker}.zip")]
            first = request.from_day
        return equities.daily_bars(self._root, symbol, spans, first, request.to_day)

    def _symbols(self) -> tuple[str, ...]:
        root = self._root
        folders = [root / "equity/usa/minute", root / "equity/usa/tick", root / "index/usa/minute"]
        archives = [root / "equity/usa/daily", root / "equity/usa/hour"]
        names = {p.name for f in folders if f.is_dir() for p in f.iterdir() if p.is_dir()}
        names |= {p.name.split(".")[0] for f in archives if f.is_dir() for p in f.iterdir() if ".zip" in p.name}
        return tuple(sorted(n.upper() for n in names))
