"""Which files of a LEAN folder play a symbol in a session: minute where present, else ticks, hours or the daily bar."""

from dataclasses import dataclass
from pathlib import Path

from gateways.market.calendar import Session
from gateways.market.lean.files import Rows, entries, existing, missing, single
from gateways.market.lean.options import OptionFiles
from gateways.market.lean.reference import TickerSpan


@dataclass(frozen=True, slots=True)
class EquityFiles:
    """What plays the underlying. `daily` needs no path of its own: the daily bars are read for all days at once."""

    resolution: str
    """minute, tick, hour, daily, index"""
    trade: Path | None
    quote: Path | None


class HourFiles:
    """The hourly bars of a run; each archive, which holds all days, is read once."""

    def __init__(self) -> None:
        self._days: dict[Path, dict[str, Rows]] = {}

    def rows(self, path: Path, session: Session) -> Rows:
        """The rows of a session's day."""
        if path not in self._days:
            days: dict[str, Rows] = {}
            for row in single(path):
                days.setdefault(row[0][:8], []).append(row)
            self._days[path] = days
        return self._days[path].get(session.day.strftime("%Y%m%d"), [])


def ticker_on(spans: list[TickerSpan], session: Session) -> str | None:
    """The ticker of a session's day, None when the share was not listed."""
    return next((s.ticker for s in spans if s.first <= session.day <= s.last), None)


def equity_files(root: Path, ticker: str, session: Session, *, prefer_ticks: bool, hours: "HourFiles") -> EquityFiles:
    """The best there is for one session; never two resolutions at once.

    A trade file without its quote file (or the other way) where other days of the folder have both is an error: the
    session would silently be played with less than was recorded.
    """
    day = session.day.strftime("%Y%m%d")
    index = existing(root / "index/usa/minute" / ticker / f"{day}_trade.zip")
    if index is not None:
        return EquityFiles("index", index, None)
    for resolution in ("tick", "minute") if prefer_ticks else ("minute", "tick"):
        folder = root / "equity/usa" / resolution / ticker
        trade, quote = _pair(folder, day, "trade")
        if trade is not None:
            return EquityFiles(resolution, trade, quote)
    hour = existing(root / "equity/usa/hour" / f"{ticker}.zip")
    if hour is not None and hours.rows(hour, session):
        return EquityFiles("hour", hour, None)
    return EquityFiles("daily", None, None)


def option_files(root: Path, ticker: str, session: Session) -> list[OptionFiles]:
    """The archives with quotes for one session: minute, else hour, else daily. A universe alone has no quotes."""
    return [
        files
        for kind, roots in (("option", (ticker,)), ("indexoption", (f"{ticker}w", ticker)))
        for option_root in roots
        if (files := _option_root(root / kind / "usa", option_root, session)) is not None
    ]


def check(equity: EquityFiles, options: list[OptionFiles]) -> None:
    """Open every archive once: a missing or cut-off file shows before the first moment."""
    for path in (equity.trade, equity.quote):
        if path is not None:
            entries(path)
    for files in options:
        for path in (files.quote, files.trade, files.open_interest):
            if path is not None:
                entries(path)


def _option_root(folder: Path, option_root: str, session: Session) -> OptionFiles | None:
    day = session.day.strftime("%Y%m%d")
    for style in ("american", "european"):
        trade, quote = _pair(folder / "minute" / option_root, day, "quote", f"_{style}")
        if quote is not None:
            interest = existing(folder / "minute" / option_root / f"{day}_openinterest_{style}.zip")
            return OptionFiles("minute", quote, trade, interest)
        for resolution in ("hour", "daily"):
            stem = folder / resolution / f"{option_root}_{session.day.year}"
            quote = existing(stem.with_name(f"{stem.name}_quote_{style}.zip"))
            if quote is not None:
                trade = existing(stem.with_name(f"{stem.name}_trade_{style}.zip"))
                interest = existing(stem.with_name(f"{stem.name}_openinterest_{style}.zip"))
                return OptionFiles(resolution, quote, trade, interest)
    return None


def _pair(folder: Path, day: str, always: str, style: str = "") -> tuple[Path | None, Path | None]:
    """(trade, quote) of a day. Half a pair is an error when the missing half is the one that is `always` recorded.

    So it is when the folder has the missing half for another day: shares recorded without quotes, or options without
    trades, have no such file at all.
    """
    trade = existing(folder / f"{day}_trade{style}.zip")
    quote = existing(folder / f"{day}_quote{style}.zip")
    for there, other, kind in ((trade, quote, "quote"), (quote, trade, "trade")):
        if there is not None and other is None and (kind == always or any(folder.glob(f"*_{kind}{style}.zip*"))):
            raise missing(
                folder / f"{day}_{kind}{style}.zip", f"{there.name} beside it is there, and the two belong together"
            )
    return trade, quote
