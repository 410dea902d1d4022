"""Option chains of a LEAN folder: what stood at each moment of a session, from quote, trade and open-interest files.

- A bar is known at its end. A moment sees the bars that end at or before it.
- An empty side of a quote bar means unchanged or not quoted; the files do not tell which. Each side is carried forward
  on its own, within the day.
- A side carried forward stands for as long as the feed of this underlying's options is alive: while any of its
  contracts is quoted in a minute, the quotes of all others are confirmed by silence, as on a live feed.
  `quote_times_us` is therefore the end of the last bar in which any contract had a row, never later than the moment.
- A monthly expiry dated on a Saturday (until 2015) is brought to the session before, as is any day without a session.
"""

import datetime as dt
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from domain.inputs import OptionQuotes
from gateways.market.calendar import DAY_US, MINUTE_US, Session, Sessions, new_york_us
from gateways.market.lean.equities import HOUR_US
from gateways.market.lean.files import Rows, invalid, read_each
from gateways.market.port import LISTED

EXPIRIES_WITHIN = dt.timedelta(days=45)
STRIKES_WITHIN = 0.15
"""Strikes further from the underlying than this share of its price are left out (about 5 to 95 delta, and more)."""


@dataclass(frozen=True, slots=True)
class ContractName:
    """A contract as the entry name of an archive gives it: `..._<right>_<strike x10000>_<expiry>.csv`."""

    expiry: dt.date
    """as written, a Saturday too"""
    right: str
    """C or P"""
    strike_e3: int

    @staticmethod
    def parse(entry: str) -> "ContractName | None":
        """None when the entry is no contract."""
        parts = entry.removesuffix(".csv").split("_")
        if len(parts) < 4 or parts[-3] not in ("call", "put") or not (parts[-2] + parts[-1]).isdigit():
            return None
        day = parts[-1]
        expiry = dt.date(int(day[:4]), int(day[4:6]), int(day[6:8]))
        return ContractName(expiry, "C" if parts[-3] == "call" else "P", int(parts[-2]) // 10)


@dataclass(frozen=True, slots=True)
class OptionFiles:
    """The archives of one underlying and session, at one resolution."""

    resolution: str
    """minute, hour or daily"""
    quote: Path
    trade: Path | None
    open_interest: Path | None


@dataclass(slots=True)
class _Contract:
    """What is known of a contract through a session; `times` are ends of bars."""

    name: ContractName
    expiry: int
    """day number of the session it expires on"""
    times: list[int] = field(default_factory=list[int])
    quotes: list[tuple[int, int, int, int]] = field(default_factory=list[tuple[int, int, int, int]])
    """bid, ask in 1e-4 dollars, bid size, ask size, sides carried forward"""
    trade_times: list[int] = field(default_factory=list[int])
    traded: list[int] = field(default_factory=list[int])
    """contracts traded so far"""
    open_interest: int = 0


class SessionChain:
    """The options of one underlying in one session."""

    def __init__(self, underlying: str, session: Session, sessions: Sessions, spots_near: tuple[int, int]) -> None:
        """`spots_near`: lowest and highest price of the session in 1e-4 dollars; it only limits what is read."""
        self._underlying = underlying
        self._session = session
        self._sessions = sessions
        self._low_e3 = int(spots_near[0] * (1 - STRIKES_WITHIN) / 10)
        self._high_e3 = int(spots_near[1] * (1 + STRIKES_WITHIN) / 10) + 1
        self._contracts: dict[ContractName, _Contract] = {}
        self._alive_us: set[int] = set()

    def read(self, files: OptionFiles) -> None:
        """Take in the archives; may be called again for another root of the same underlying."""
        prefix = "" if files.resolution == "minute" else self._session.day.strftime("%Y%m%d")
        for name, rows in self._wanted(files.quote, prefix):
            self._take_quotes(files.quote, name, rows, files.resolution)
        if files.trade is not None:
            for name, rows in self._wanted(files.trade, prefix):
                self._take_trades(files.trade, name, rows, files.resolution)
        if files.open_interest is not None:
            for name, rows in self._wanted(files.open_interest, prefix):
                self._take_open_interest(files.open_interest, name, rows)

    def quotes_at(
        self, times_us: list[int], spot_e4: Callable[[int], int], adv20: Callable[[ContractName], int]
    ) -> Iterator[OptionQuotes]:
        """The chain at each time that has one; `spot_e4` gives the underlying then (0 = unknown)."""
        alive = sorted(self._alive_us)
        contracts = sorted(self._contracts.values(), key=lambda c: (c.expiry, c.name.right, c.name.strike_e3))
        for time_us in times_us:
            spot = spot_e4(time_us)
            heard = bisect_right(alive, time_us)
            if not spot or not heard:
                continue
            shown = [
                (c, c.quotes[at - 1])
                for c in contracts
                if (at := bisect_right(c.times, time_us)) and abs(c.name.strike_e3 * 10 - spot) <= STRIKES_WITHIN * spot
            ]
            if shown:
                yield self._record(time_us, spot, alive[heard - 1], shown, adv20)

    def bar_ends(self) -> list[int]:
        """Ends of the bars in which any contract was quoted."""
        return sorted(self._alive_us)

    def _record(
        self,
        time_us: int,
        spot_e4: int,
        quoted_us: int,
        shown: list[tuple[_Contract, tuple[int, int, int, int]]],
        adv20: Callable[[ContractName], int],
    ) -> OptionQuotes:
        traded_before = [bisect_right(c.trade_times, time_us) for c, _ in shown]
        return OptionQuotes(
            underlying=self._underlying,
            time_us=time_us,
            spot_e4=spot_e4,
            rate_e10=0,
            expiries=[c.expiry for c, _ in shown],
            strikes_e3=[c.name.strike_e3 for c, _ in shown],
            rights=[c.name.right for c, _ in shown],
            bids_e4=[q[0] for _, q in shown],
            asks_e4=[q[1] for _, q in shown],
            bid_sizes=[q[2] for _, q in shown],
            ask_sizes=[q[3] for _, q in shown],
            quote_times_us=[quoted_us] * len(shown),
            volumes=[c.traded[n - 1] if n else 0 for (c, _), n in zip(shown, traded_before, strict=True)],
            open_interests=[c.open_interest for c, _ in shown],
            adv20s=[adv20(c.name) for c, _ in shown],
            ivs_e6=[0] * len(shown),
            deltas_e2=[-1] * len(shown),
            quality=LISTED,
        )

    def _wanted(self, path: Path, prefix: str) -> Iterator[tuple[ContractName, Rows]]:
        def near(entry: str) -> bool:
            name = ContractName.parse(entry)
            return (
                name is not None
                and self._session.day <= name.expiry <= self._session.day + EXPIRIES_WITHIN
                and self._low_e3 <= name.strike_e3 <= self._high_e3
            )

        for entry, rows in read_each(path, near, prefix):
            name = ContractName.parse(entry)
            if name is not None and rows:
                yield name, rows

    def _contract(self, name: ContractName) -> _Contract | None:
        """None for a contract that expired on the session before its written (Saturday) date, if that is over."""
        if name not in self._contracts:
            expiry = self._sessions.at_or_before(name.expiry)
            if expiry is None or expiry.number < self._session.number:
                return None
            self._contracts[name] = _Contract(name, expiry.number)
        return self._contracts[name]

    def _take_quotes(self, path: Path, name: ContractName, rows: Rows, resolution: str) -> None:
        contract = self._contract(name)
        if contract is None:
            return
        bid = ask = bid_size = ask_size = 0
        for row in rows:
            end = self._end_us(path, name, row, resolution)
            if end is None:
                continue
            try:
                if row[4]:
                    bid, bid_size = int(float(row[4])), int(float(row[5] or 0))
                if row[9]:
                    ask, ask_size = int(float(row[9])), int(float(row[10] or 0))
            except (ValueError, IndexError) as error:
                raise invalid(path, str(name), row, error) from error
            contract.times.append(end)
            contract.quotes.append((bid, ask, bid_size, ask_size))
            self._alive_us.add(end)

    def _take_trades(self, path: Path, name: ContractName, rows: Rows, resolution: str) -> None:
        contract = self._contract(name)
        if contract is None:
            return
        traded = 0
        for row in rows:
            end = self._end_us(path, name, row, resolution)
            if end is None:
                continue
            try:
                traded += int(float(row[5]))
            except (ValueError, IndexError) as error:
                raise invalid(path, str(name), row, error) from error
            contract.trade_times.append(end)
            contract.traded.append(traded)

    def _take_open_interest(self, path: Path, name: ContractName, rows: Rows) -> None:
        contract = self._contract(name)
        if contract is not None:
            try:
                contract.open_interest = int(float(rows[-1][1]))
            except (ValueError, IndexError) as error:
                raise invalid(path, str(name), rows[-1], error) from error

    def _end_us(self, path: Path, name: ContractName, row: list[str], resolution: str) -> int | None:
        """When a bar is known: its end, at the latest the close. None for a bar outside regular hours."""
        midnight = new_york_us(self._session.day)
        try:
            if resolution == "minute":
                start, length = midnight + int(float(row[0])) * 1000, MINUTE_US
            elif resolution == "hour":
                start, length = midnight + int(row[0][9:11]) * HOUR_US, HOUR_US
            else:
                start, length = midnight, DAY_US
        except (ValueError, IndexError) as error:
            raise invalid(path, str(name), row, error) from error
        inside = start < self._session.close_us and start + length > self._session.open_us
        return min(start + length, self._session.close_us) if inside else None


class DailyOptionVolume:
    """Volumes of past sessions from an archive of daily trade bars, for the 20-day average."""

    def __init__(self, path: Path, underlying_day: dt.date, sessions: Sessions) -> None:
        """Looks at the 20 sessions before `underlying_day` that the archive covers with any contract."""
        window = {s.day.strftime("%Y%m%d") for s in sessions.between(dt.date.min, underlying_day)[-21:]}
        window.discard(underlying_day.strftime("%Y%m%d"))
        self._volume: dict[ContractName, int] = {}
        covered: set[str] = set()
        for entry, rows in read_each(path, lambda _: True):
            name = ContractName.parse(entry)
            for row in rows:
                if name is not None and row[0][:8] in window:
                    covered.add(row[0][:8])
                    try:
                        self._volume[name] = self._volume.get(name, 0) + int(float(row[5]))
                    except (ValueError, IndexError) as error:
                        raise invalid(path, entry, row, error) from error
        self._sessions = len(covered)

    def adv20(self, name: ContractName) -> int:
        """Contracts a session, -1 when the archive covers no session before. The listing day is not in the files."""
        return self._volume.get(name, 0) // self._sessions if self._sessions else -1
