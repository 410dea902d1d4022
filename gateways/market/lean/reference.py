"""Reference files of a LEAN folder: ticker history, splits and dividends, time zones."""

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

from domain.inputs import CorporateAction
from gateways.market.calendar import NEW_YORK, Sessions
from gateways.market.lean.files import Rows, invalid


@dataclass(frozen=True, slots=True)
class TickerSpan:
    """A company's share was listed as `ticker` (lower case) from `first` to `last`, both included."""

    ticker: str
    first: dt.date
    last: dt.date


def ticker_spans(root: Path, symbol: str) -> list[TickerSpan]:
    """Under which tickers the share that is `symbol` today has traded, by its map file.

    GOOGL: `goog` up to 2014-04-02, then `googl`; GOOG: `goocv` from 2014-03-27, then `goog`. Without a map file the
    ticker has always been the symbol's.
    """
    path = root / "equity/usa/map_files" / f"{symbol.lower()}.csv"
    rows = _plain_rows(path)
    if not rows:
        return [TickerSpan(symbol.lower(), dt.date.min, dt.date.max)]
    spans: list[TickerSpan] = []
    first = _day(path, rows[0])
    for row in rows:
        last = _day(path, row)
        if spans or last > first:
            spans.append(TickerSpan(row[1].lower(), first, last))
            first = last + dt.timedelta(days=1)
    return spans


def corporate_actions(root: Path, symbol: str, sessions: Sessions) -> Iterator[CorporateAction]:
    """Splits and dividends of a symbol within the calendar, in order of session, `time_us` 0.

    A factor row covers the bars up to its date; where the next row's split factor differs, a split took effect with the
    next session, where its price factor differs, a dividend of reference close × (1 − factor / next factor) went off.
    """
    path = root / "equity/usa/factor_files" / f"{symbol.lower()}.csv"
    rows = sorted(r for r in _plain_rows(path) if r[0].isdigit())
    for row, after in pairwise(rows):
        last_before = _day(path, row)
        if not sessions.first_day <= last_before < sessions.last_day:
            continue
        ex_session = sessions.after(last_before).number
        try:
            price, price_after = Fraction(row[1]), Fraction(after[1])
            split, split_after = Fraction(row[2]), Fraction(after[2])
            reference = Fraction(row[3]) if len(row) > 3 and row[3] else Fraction(0)
            dividend_e4 = round(reference * (1 - price / price_after) * 10_000)
            ratio = split_after / split
        except (IndexError, ValueError, ZeroDivisionError) as error:
            raise invalid(path, path.name, row, error) from error
        if ratio != 1:
            yield CorporateAction(symbol, "SPLIT", ex_session, 0, ratio.numerator, ratio.denominator, 0)
        if dividend_e4 > 0:
            yield CorporateAction(symbol, "DIVIDEND", ex_session, 0, 1, 1, dividend_e4)


def index_time_zone(root: Path, ticker: str) -> ZoneInfo:
    """The time zone of an index's files, by the market-hours file; New York where it says nothing."""
    path = root / "market-hours/market-hours-database.json"
    try:
        hours: dict[str, dict[str, str]] = json.loads(path.read_text())["entries"]
    except FileNotFoundError:
        return NEW_YORK
    except (ValueError, KeyError) as error:
        raise invalid(path, path.name, "1", error) from error
    entry = hours.get(f"Index-usa-{ticker.upper()}") or hours.get("Index-usa-[*]") or {}
    return ZoneInfo(entry.get("dataTimeZone", NEW_YORK.key))


def _plain_rows(path: Path) -> Rows:
    try:
        lines = path.read_text().splitlines()
    except FileNotFoundError:
        return []
    return [line.split(",") for line in lines if line.strip()]


def _day(path: Path, row: list[str]) -> dt.date:
    try:
        return dt.date(int(row[0][:4]), int(row[0][4:6]), int(row[0][6:8]))
    except (ValueError, IndexError) as error:
        raise invalid(path, path.name, row, error) from error
