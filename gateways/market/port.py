"""The market data port: what a source of recorded prices is to the rest of the system.

A source answers a request with moments in strictly increasing event time. The feeder publishes the records of a moment
to their symbols' partitions of `market.ticks` and closes the moment with a `Watermark`, so that nothing published later
may have a time at or before it. What a source promises, and `tests/conformance/market_data.py` checks:

1. The first moment holds the `SessionCalendar`; it covers the warm-up and at least 120 days after the request's end.
2. Then, before the first session opens, `HistoricalBar`s of the year before (the warm-up), by session and symbol; a
   `CorporateAction` of that year stands before the bars of its ex-session.
3. A record's time is at most its moment's and later than the moment before. Only a `Tick` may be earlier than its
   moment (a point inside a bar); every other record carries exactly the moment's time.
4. Ticks and option quotes lie in regular hours, both ends included. The `OfficialClose` follows five minutes after.
5. The same request gives the same records, and the records of a day do not depend on the request's first day or on
   which other symbols are asked for. Nothing depends on prices of a later session.

Errors (`infra.errors`): `BAD_SOURCE`, `UNKNOWN_SYMBOL`, `BAD_RANGE` (the request is wrong, exit code 2);
`DATA_NO_SESSIONS`, `DATA_FILE_MISSING`, `DATA_FILE_TRUNCATED`, `DATA_FILE_INVALID` (something is missing, exit code 3).
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from domain.inputs import (
    CorporateAction,
    EarningsDate,
    HistoricalBar,
    OfficialClose,
    OptionQuotes,
    SessionCalendar,
    Tick,
)
from infra.errors import RequestError

MarketRecord = Tick | OptionQuotes | HistoricalBar | OfficialClose | SessionCalendar | CorporateAction | EarningsDate

MODELLED, LISTED = "MODELLED", "LISTED"

WARM_UP = dt.timedelta(days=365)
"""Daily bars of this long before the first day: ATR(14), 20-day volatility and a year of ATR/price percentiles."""

CALENDAR_AFTER = dt.timedelta(days=150)
"""The calendar goes on for this long after the last day (the port promises 120)."""


class Moment(NamedTuple):
    """Records that become visible together."""

    time_us: int
    """microseconds UTC"""
    records: list[MarketRecord]
    """in order of time, then of the request's symbols"""


@dataclass(frozen=True, slots=True)
class MarketDataRequest:
    """What is asked of a source: symbols in the order they shall appear, first and last day (both included)."""

    symbols: tuple[str, ...]
    from_day: dt.date
    to_day: dt.date

    def __post_init__(self) -> None:
        if not self.symbols or len(set(self.symbols)) != len(self.symbols):
            raise RequestError(
                "UNKNOWN_SYMBOL",
                f"Symbols must be given, each once: {','.join(self.symbols) or 'none'}.",
                "Use --symbols A,B.",
            )
        if self.from_day > self.to_day:
            raise RequestError(
                "BAD_RANGE",
                f"The first day {self.from_day} lies after the last day {self.to_day}.",
                "Swap --from and --to.",
            )


@dataclass(frozen=True, slots=True)
class SourceDefaults:
    """What a run takes where the caller says nothing; None where the source has no default."""

    symbols: tuple[str, ...] | None
    from_day: dt.date | None
    to_day: dt.date | None
    capital_usd: int | None


@dataclass(frozen=True, slots=True)
class SourceDescription:
    """What a source is, for people and for `doctor`."""

    name: str
    """as given to `open_source`"""
    text: str
    """where the prices come from, in a sentence"""
    underlying_quality: str
    """MODELLED: the intraday path is a model's; LISTED: recorded"""
    option_quality: str
    """MODELLED or LISTED"""
    symbols: tuple[str, ...]
    """symbols it has anything of"""
    first_day: dt.date | None
    """first day that can be asked for, None when it has none"""
    last_day: dt.date | None


class MarketDataSource(Protocol):
    """The port."""

    def describe(self) -> SourceDescription:
        """What the source is and has."""
        ...

    def defaults(self) -> SourceDefaults:
        """Symbols, days and capital where the caller names none."""
        ...

    def moments(self, request: MarketDataRequest) -> Iterator[Moment]:
        """The moments of a request. Wrong requests and missing or cut-off files raise here, before the first moment."""
        ...
