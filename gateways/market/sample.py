"""The source `sample`: real daily bars of AAPL, GOOG, IBM and MSFT, with modelled paths and option chains between them.

The bars come from the package bokeh-sampledata. Its open, high, low and close are raw (its adjusted close, which knows
later splits and dividends, is not used); none of the four split between 2010-03 and 2013-03. Dividends and earnings
dates are not in the package, so the source gives none. docs/market-data.md says how everything else is modelled.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from importlib import import_module

import numpy as np

from domain.inputs import TICK_MODELLED, OfficialClose, OptionQuotes, Tick
from gateways.market.cadence import quote_times, tick_times
from gateways.market.calendar import OFFICIAL_CLOSE_DELAY_US, Session, Sessions, day_number, day_of
from gateways.market.daily_bars import DailyBars, Ints
from gateways.market.intraday_path import path_e4, volumes
from gateways.market.modelled_chain import session_quotes
from gateways.market.opening_moments import opening_moments, warm_up_time
from gateways.market.option_model import surface_before
from gateways.market.port import (
    CALENDAR_AFTER,
    MODELLED,
    WARM_UP,
    MarketDataRequest,
    MarketRecord,
    Moment,
    SourceDefaults,
    SourceDescription,
)
from gateways.market.weekly_listing import WeeklyListing
from infra.errors import RequestError, UnavailableError

SYMBOLS = ("AAPL", "GOOG", "IBM", "MSFT")
FIRST_DAY, LAST_DAY = dt.date(2011, 3, 1), dt.date(2013, 3, 1)
DEFAULT_TO = dt.date(2013, 2, 28)
CAPITAL_USD = 5_000_000

_LISTED_WEEKS_AHEAD = 2
"""This week's and next week's expiry are listed."""

_STOCK_SPREAD = 0.0002
"""Width of a stock's quote as a share of its price, at least one cent."""


def load_bars(symbol: str) -> DailyBars:
    """The daily bars of the package, raw prices."""
    try:
        stocks = import_module("bokeh_sampledata.stocks")
    except ModuleNotFoundError as missing:
        raise UnavailableError(
            "DATA_FILE_MISSING",
            "The package bokeh-sampledata, which holds the prices of 'sample', is missing.",
            "Run make setup.",
        ) from missing
    table: Mapping[str, list[float]] = getattr(stocks, symbol)
    days: list[str] = [str(d) for d in table["date"]]

    def scaled(column: str) -> Ints:
        return np.rint(np.array(table[column], dtype=np.float64) * 1e4).astype(np.int64)

    return DailyBars(
        symbol=symbol,
        sessions=[day_number(dt.date.fromisoformat(d)) for d in days],
        open_e4=scaled("open"),
        high_e4=scaled("high"),
        low_e4=scaled("low"),
        close_e4=scaled("close"),
        volume=np.array(table["volume"], dtype=np.int64),
    )


class SampleSource:
    """The adapter. Tests may give other bars than the package's."""

    def __init__(self, bars: Mapping[str, DailyBars] | None = None) -> None:
        self._given = bars

    def describe(self) -> SourceDescription:
        """What the source is and has."""
        return SourceDescription(
            name="sample",
            text="Daily bars of the PyPI package bokeh-sampledata; intraday paths and option chains are modelled.",
            underlying_quality=MODELLED,
            option_quality=MODELLED,
            symbols=SYMBOLS,
            first_day=FIRST_DAY,
            last_day=LAST_DAY,
        )

    def defaults(self) -> SourceDefaults:
        """All four symbols, two years, 5,000,000 dollars."""
        return SourceDefaults(symbols=SYMBOLS, from_day=FIRST_DAY, to_day=DEFAULT_TO, capital_usd=CAPITAL_USD)

    def moments(self, request: MarketDataRequest) -> Iterator[Moment]:
        """The moments of a request."""
        unknown = [s for s in request.symbols if s not in SYMBOLS]
        if unknown:
            raise RequestError(
                "UNKNOWN_SYMBOL",
                f"The source 'sample' does not have {', '.join(unknown)}.",
                f"It has {', '.join(SYMBOLS)}.",
            )
        if request.from_day < FIRST_DAY or request.to_day > LAST_DAY:
            raise RequestError(
                "BAD_RANGE",
                f"The source 'sample' has {FIRST_DAY} to {LAST_DAY}, not {request.from_day} to {request.to_day}.",
                "Choose days within that range with --from and --to.",
            )
        sessions = Sessions(request.from_day - WARM_UP, request.to_day + CALENDAR_AFTER)
        played = sessions.between(request.from_day, request.to_day)
        if not played:
            raise UnavailableError(
                "DATA_NO_SESSIONS",
                f"The exchange was closed from {request.from_day} to {request.to_day}.",
                "Choose a range with at least one session.",
            )
        bars = {s: self._given[s] if self._given is not None else load_bars(s) for s in request.symbols}
        return self._play(request, sessions, played, bars)

    def _play(
        self, request: MarketDataRequest, sessions: Sessions, played: list[Session], bars: dict[str, DailyBars]
    ) -> Iterator[Moment]:
        warm_up: list[MarketRecord] = []
        before = played[0]
        for symbol in request.symbols:
            warm_up += bars[symbol].historical(
                day_number(request.from_day - WARM_UP), before.number, warm_up_time(before)
            )
        warm_up.sort(key=_session_of)
        yield from opening_moments(sessions, played[0], warm_up)
        players = [_SymbolPlayer(bars[s], sessions) for s in request.symbols]
        for player in players:
            player.catch_up(before)
        for session in played:
            yield from _session_moments(session, players)


def _session_of(record: MarketRecord) -> int:
    return getattr(record, "session", 0)


def _session_moments(session: Session, players: list["_SymbolPlayer"]) -> Iterator[Moment]:
    days = [player.play(session) for player in players]
    ticks = [t for t, _, _ in days]
    quotes = [{q.time_us: q for q in chain} for _, chain, _ in days]
    for i, time_us in enumerate(tick_times(session)):
        records: list[MarketRecord] = [column[i] for column in ticks]
        records += [chain[time_us] for chain in quotes if time_us in chain]
        yield Moment(time_us, records)
    yield Moment(session.close_us + OFFICIAL_CLOSE_DELAY_US, [close for _, _, close in days])


class _SymbolPlayer:
    """Plays the sessions of one symbol in order and keeps its listed expiries."""

    def __init__(self, bars: DailyBars, sessions: Sessions) -> None:
        self._bars = bars
        self._sessions = sessions
        self._listings: dict[int, WeeklyListing] = {}

    def catch_up(self, first: Session) -> None:
        """List what was listed before the first session: an expiry's life begins at most two weeks before it."""
        monday = first.day - dt.timedelta(days=first.day.weekday() + 7)
        for session in self._sessions.between(monday, first.day - dt.timedelta(days=1)):
            self._trade(session, self._position(session))

    def play(self, session: Session) -> tuple[list[Tick], list[OptionQuotes], OfficialClose]:
        """All ticks, all option quotes and the official close of a session."""
        bars, at = self._bars, self._position(session)
        times = tick_times(session)
        bar = (int(bars.open_e4[at]), int(bars.high_e4[at]), int(bars.low_e4[at]), int(bars.close_e4[at]))
        volume = int(bars.volume[at])
        path = path_e4(bars.symbol, session.number, bar, len(times))
        chain = self._quotes(session, at, dict(zip(times, path.tolist(), strict=True)))
        ticks = _ticks(bars.symbol, times, path, volumes(bars.symbol, session.number, volume, len(times)))
        close = OfficialClose(bars.symbol, session.number, session.close_us + OFFICIAL_CLOSE_DELAY_US, bar[3], volume)
        return ticks, chain, close

    def _quotes(self, session: Session, at: int, price_at: dict[int, int]) -> list[OptionQuotes]:
        times = quote_times(session)
        spots = np.array([price_at[t] for t in times], dtype=np.int64)
        surface = surface_before(self._bars, at)
        days = [x.open_session(session, float(self._bars.open_e4[at]) / 1e4, surface) for x in self._listed(session)]
        chain = list(session_quotes(self._bars.symbol, session, times, spots, surface, days))
        for day in days:
            day.complete()
        return chain

    def _trade(self, session: Session, at: int) -> None:
        """A session that is not played, for its effect on the listings."""
        surface = surface_before(self._bars, at)
        for listing in self._listed(session):
            listing.open_session(session, float(self._bars.open_e4[at]) / 1e4, surface).complete()

    def _listed(self, session: Session) -> list[WeeklyListing]:
        expiries = self._sessions.weekly_expiries(session.day, _LISTED_WEEKS_AHEAD)
        self._listings = {
            e.number: self._listings.get(e.number) or WeeklyListing(self._bars.symbol, e) for e in expiries
        }
        return list(self._listings.values())

    def _position(self, session: Session) -> int:
        at = self._bars.position(session.number)
        if at is None:
            raise UnavailableError(
                "DATA_FILE_INVALID",
                f"The package bokeh-sampledata has no bar of {self._bars.symbol} for {day_of(session.number)}.",
                "Install the version in the lock file: make clean setup.",
            )
        return at


def _ticks(symbol: str, times: list[int], path: Ints, shares: Ints) -> list[Tick]:
    """The quote is at least a cent wide, on whole cents, around the last price."""
    half = np.maximum(np.rint(path * (_STOCK_SPREAD / 2 / 100)).astype(np.int64) * 100, 0)
    bid = (path - 1) // 100 * 100 - half
    ask = -(-path // 100) * 100 + half
    return [
        Tick(symbol, t, b, a, p, n, TICK_MODELLED)
        for t, b, a, p, n in zip(times, bid.tolist(), ask.tolist(), path.tolist(), shares.tolist(), strict=True)
    ]
