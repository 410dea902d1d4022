"""What a recorded run feeds, and in which order: the same for the system on Kafka and for the backtest in memory."""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import chain
from pathlib import Path

from alluse.configuration import load_configuration
from domain.calendar import Calendar, day_number
from domain.commands import CommandHeader, CreateSystem
from domain.inputs import LogOpened, SessionCalendar, Watermark
from gateways.market.feed import TICKS, command, commands_complete, market_records, opening
from gateways.market.port import MarketDataRequest, Moment
from gateways.market.sources import open_source
from infra.errors import RequestError
from infra.stream.contract import Output
from processors.book.crossing import BOOK_DELAY_US
from schemas.codec import Codec

PARTITIONS, MARKET_PARTITIONS = 4, 4
GRID_US, LOOKAHEAD_US = 1_000_000, 100_000
_HOUR_US, _DAY_US = 3_600_000_000, 86_400_000_000
_CREATED_AT_US = (
    8 * _HOUR_US
)  # of the first session's day, UTC: after the calendar (midnight New York), before the open
RECORDED = {"data.lost_alert_s": "86400", "data.lost_critical_s": "86400"}
"""Recorded prices come every few minutes or once a day: the pause between two of them is no lost feed (protocol 8.4).
What a configuration file says takes precedence."""
_LONGEST_WAIT_US = 10 * 60_000_000


@dataclass(frozen=True)
class RunRequest:
    """What was asked on the command line; None where the source's default is taken."""

    data: str
    symbols: str | None = None
    from_day: str | None = None
    to_day: str | None = None
    book: str = "S001"
    capital: str | None = None
    config: Path | None = None
    pace: str = "asap"


@dataclass(frozen=True)
class Plan:
    """A run that can be fed."""

    opened: LogOpened
    create: CreateSystem
    symbols: tuple[str, ...]
    from_day: dt.date
    to_day: dt.date
    until_us: int
    pace: float | None
    """event seconds a second, None = as fast as the system goes"""
    moments: Iterator[Moment]

    @property
    def book(self) -> str:
        """The book that is founded."""
        return self.create.header.book

    def feed(self) -> Iterator[tuple[int, Sequence[Output]]]:
        """Everything that is fed, a moment at a time with its event time. Can be gone through once."""
        create_us = self.create.header.time_us
        yield (
            0,
            [
                *opening(self.opened),
                command(self.book, self.create, self.opened.partitions),
                *commands_complete(self.opened, self.until_us),
            ],
        )
        pause = pacer(self.pace)
        for time_us, outputs in market_records(self.moments, self.opened.market_partitions):
            if time_us > create_us:
                pause(time_us)
            yield time_us, outputs
        end = Codec.load().encode_record(Watermark(self.until_us))
        yield self.until_us, [Output(TICKS, p, None, end) for p in range(self.opened.market_partitions)]


def pacer(pace: float | None) -> Callable[[int], None]:
    """Waits before a moment so that event time passes at `pace`; nights and weekends are passed over."""
    last: list[tuple[int, float]] = []

    def wait(time_us: int) -> None:
        if pace is None:
            return
        if last:
            before_us, before_s = last[-1]
            due = before_s + min(time_us - before_us, _LONGEST_WAIT_US) / 1e6 / pace
            time.sleep(max(0.0, due - time.monotonic()))
            last[:] = [(time_us, max(due, time.monotonic() - 1.0))]
        else:
            last[:] = [(time_us, time.monotonic())]

    return wait


def prepare(request: RunRequest) -> Plan:
    """Check everything that can be checked before anything starts.

    Raises RequestError (exit code 2) for a wrong request, UnavailableError (3) where data is missing or cut off.
    """
    config = {**RECORDED, **load_configuration(request.config)}
    pace = _pace(request.pace)
    book = _book(request.book)
    source = open_source(request.data)
    defaults = source.defaults()
    symbols = (
        tuple(s.strip().upper() for s in request.symbols.split(",") if s.strip())
        if request.symbols
        else defaults.symbols
    )
    if symbols is None:
        raise RequestError(
            "SYMBOLS_NEEDED", f"The source '{request.data}' has no default symbols.", "Use --symbols A,B."
        )
    first = _day("--from", request.from_day, defaults.from_day)
    last = _day("--to", request.to_day, defaults.to_day)
    moments = source.moments(MarketDataRequest(symbols, first, last))
    opening_moment = next(moments)
    calendar = opening_moment.records[0]
    assert isinstance(calendar, SessionCalendar)
    log = LogOpened(
        request.data.partition(":")[0], PARTITIONS, MARKET_PARTITIONS, "CRC32", GRID_US, LOOKAHEAD_US, True,
        BOOK_DELAY_US,
    )  # fmt: skip
    created_us = opening_moment.time_us // _DAY_US * _DAY_US + _CREATED_AT_US
    command_id = f"create-{book}"
    header = CommandHeader(command_id, book, created_us, 0, "USER", "owner", "OWNER", command_id)
    capital = _capital(request.capital, defaults.capital_usd or 500_000)
    create = CreateSystem(header, capital, "owner", "DU0000001", config)
    return Plan(log, create, symbols, first, last, until(calendar, last), pace, chain([opening_moment], moments))


def until(calendar: SessionCalendar, last: dt.date) -> int:
    """When a run ends: a minute before the session after its last day opens.

    By then the night's assignments have been told; what comes after needs prices that the run does not have. A run that
    ends on a Friday holds Saturday's weekly job.
    """
    following = next((day for day in calendar.sessions if day > day_number(last)), None)
    if following is None:
        raise RequestError(
            "BAD_RANGE", f"The calendar of the source has no session after {last}.", "Choose an earlier --to."
        )
    return Calendar(calendar).open_us(following) - 60_000_000


def configured_tickers(plan: Plan) -> list[str]:
    """Tickers that the configuration trades and the run has no prices of."""
    from domain.config import Config

    config = Config(0, plan.create.config)
    named = dict.fromkeys([*config.items("gen.tickers"), *config.items("rev.tickers")])
    return [ticker for ticker in named if ticker not in plan.symbols]


def _day(option: str, given: str | None, default: dt.date | None) -> dt.date:
    if given is None:
        if default is None:
            raise RequestError("DAYS_NEEDED", f"This source has no default for {option}.", f"Use {option} YYYY-MM-DD.")
        return default
    try:
        return dt.date.fromisoformat(given)
    except ValueError:
        raise RequestError("BAD_RANGE", f"{option}: '{given}' is no day.", "Its form is YYYY-MM-DD.") from None


def _capital(given: str | None, default: int) -> int:
    try:
        cents = Decimal(given.replace("_", "").replace(",", "") if given else default) * 100
    except InvalidOperation:
        raise RequestError(
            "BAD_CAPITAL", f"--capital: '{given}' is no amount.", "Use dollars, such as 500000."
        ) from None
    if cents != cents.to_integral_value() or not 10_000_00 <= cents <= 10_000_000_00:
        raise RequestError(
            "BAD_CAPITAL", f"--capital: {given} is not from 10000 to 10000000 dollars.", "Use whole cents."
        )
    return int(cents)


def _book(given: str) -> str:
    if not re.fullmatch(r"[A-Z][A-Z0-9]{0,15}", given):
        raise RequestError("BAD_BOOK", f"--book: '{given}' is no book id.", "Use capitals and digits, such as S001.")
    return given


def _pace(given: str) -> float | None:
    if given == "asap":
        return None
    found = re.fullmatch(r"([1-9]\d{0,4})x", given)
    if not found:
        raise RequestError("BAD_PACE", f"--pace: '{given}' is no pace.", "Use asap, 1x or 60x.")
    return float(found[1])
