"""What the books of a partition see of the market: last marks, chains, daily bars, calendar, reference data."""

from bisect import bisect_left, insort
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

from domain.calendar import Calendar
from domain.contracts import Option, occ_symbol, parse
from domain.indicators import ATR_PERIODS, next_atr_e6, seed_atr_e6, split_adjusted, true_range_e6
from domain.inputs import CorporateAction, DailyBar, OptionChain

BARS_KEPT = 260
"""Daily bars kept a symbol: the volatility filter looks back 252 sessions (protocol 6.2)."""


class Quote(NamedTuple):
    """One option of a chain snapshot."""

    contract: str
    expiry: int
    strike_e3: int
    right: str
    bid_e4: int
    ask_e4: int
    quote_time_us: int
    volume: int
    open_interest: int
    adv20: int
    iv_e6: int
    delta_e2: int

    @property
    def two_sided(self) -> bool:
        """Bid and ask are there and do not cross."""
        return 0 < self.bid_e4 <= self.ask_e4

    @property
    def mid_e6(self) -> int:
        """Mid in 1e-6 dollars, exact."""
        return (self.bid_e4 + self.ask_e4) * 50

    @property
    def mid_e4(self) -> Fraction:
        """Mid in the scale of prices."""
        return Fraction(self.bid_e4 + self.ask_e4, 2)


class Chain:
    """A chain snapshot; quotes are made when somebody asks."""

    __slots__ = ("_by_terms", "_quotes", "record", "spot_e4", "time_us", "underlying")

    def __init__(self, record: OptionChain) -> None:
        self.record = record
        self.time_us, self.underlying, self.spot_e4 = record.time_us, record.underlying, record.spot_e4
        self._by_terms: dict[tuple[int, str, int], int] | None = None
        self._quotes: dict[int, Quote] = {}

    def _quote(self, i: int) -> Quote:
        found = self._quotes.get(i)
        if found is None:
            found = self._quotes[i] = self._read(i)
        return found

    def _read(self, i: int) -> Quote:
        r = self.record
        contract = occ_symbol(r.underlying, r.expiries[i], r.rights[i], r.strikes_e3[i])
        return Quote(
            contract,
            r.expiries[i],
            r.strikes_e3[i],
            r.rights[i],
            r.bids_e4[i],
            r.asks_e4[i],
            r.quote_times_us[i],
            r.volumes[i],
            r.open_interests[i],
            r.adv20s[i],
            r.ivs_e6[i],
            r.deltas_e2[i],
        )

    def expiries(self) -> list[int]:
        """Expiries with at least one contract, ascending."""
        return sorted(dict.fromkeys(self.record.expiries))

    def quotes(self, expiry: int, right: str) -> list[Quote]:
        """Every listed contract of an expiry and right, in the order of the snapshot."""
        r = self.record
        return [self._quote(i) for i, day in enumerate(r.expiries) if day == expiry and r.rights[i] == right]

    def quote(self, contract: str) -> Quote | None:
        """The quote of a contract, if the snapshot has it."""
        if self._by_terms is None:
            r = self.record
            terms = zip(r.expiries, r.rights, r.strikes_e3, strict=True)
            self._by_terms = dict(zip(terms, range(len(r.expiries)), strict=True))
        found = parse(contract)
        if found is None or found.underlying != self.underlying:
            return None
        i = self._by_terms.get((found.expiry, found.right, found.strike_e3))
        return None if i is None else self._quote(i)


@dataclass(slots=True)
class Mark:
    """Last valid price of a symbol."""

    last_e4: int
    bid_e4: int
    ask_e4: int
    tick_time_us: int


@dataclass(slots=True)
class DayRecord:
    """A completed session as the rules need it."""

    session: int
    close_e4: int
    atr_e6: int
    hv_e10: int = 0
    """20-day annualised volatility (protocol 5.4), 0 = not enough history"""
    range_e6: int = 0
    """true range in the shares of its own day"""


@dataclass(slots=True)
class Market:
    """Shared by the books of one partition, fed by the same journal."""

    calendar: Calendar | None = None
    marks: dict[str, Mark] = field(default_factory=dict[str, Mark])
    bars: dict[str, list[DayRecord]] = field(default_factory=dict[str, list[DayRecord]])
    earnings: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    actions: list[CorporateAction] = field(default_factory=list[CorporateAction])
    halted: dict[str, bool] = field(default_factory=dict[str, bool])
    """symbols whose trading is halted"""
    _splits: dict[str, list[CorporateAction]] = field(default_factory=dict[str, list[CorporateAction]])
    _indexed: int = 0
    """how many of the actions are in `_splits`"""
    _raw_chains: dict[str, bytes] = field(default_factory=dict[str, bytes])
    _chain_times: dict[str, int] = field(default_factory=dict[str, int])
    _chains: dict[str, Chain] = field(default_factory=dict[str, Chain])
    _filters: dict[tuple[str, int, int, int, int], tuple[bool, Fraction, Fraction]] = field(
        default_factory=dict[tuple[str, int, int, int, int], tuple[bool, Fraction, Fraction]]
    )
    """volatility filters that were worked out since the last bar"""
    _smoothed: dict[tuple[str, int], list[DayRecord]] = field(default_factory=dict[tuple[str, int], list[DayRecord]])
    """(symbol, period) to days with the ATR of another period than 14, worked out since the symbol's last bar"""
    decode_chain: Callable[[bytes], OptionChain] | None = None
    """how the bytes of a chain are read; given by the processor, since the domain knows no wire format"""
    read_quote: Callable[[bytes, str, Option], Quote | None] | None = None
    """how one quote of a chain is read without the others; raises LookupError where the whole must be read"""
    _quotes: dict[str, dict[str, Quote | None]] = field(default_factory=dict[str, dict[str, "Quote | None"]])
    """quotes read of the last snapshots"""

    def take_raw_chain(self, underlying: str, data: bytes, time_us: int) -> None:
        """Keep a snapshot's bytes and its time; it is read when a rule first asks for it."""
        self._raw_chains[underlying] = data
        self._chain_times[underlying] = time_us
        self._chains.pop(underlying, None)
        self._quotes.pop(underlying, None)

    def chain(self, underlying: str) -> Chain | None:
        """The last snapshot of an underlying."""
        chain = self._chains.get(underlying)
        if chain is None and (raw := self._raw_chains.get(underlying)) is not None and self.decode_chain is not None:
            chain = self._chains[underlying] = Chain(self.decode_chain(raw))
        return chain

    def raw_chain(self, underlying: str) -> bytes | None:
        """The bytes of the last snapshot of an underlying."""
        return self._raw_chains.get(underlying)

    def raw_chains(self) -> dict[str, bytes]:
        """The bytes of the last snapshots, for a snapshot of the market."""
        return self._raw_chains

    def quote(self, contract: str) -> Quote | None:
        """The last quote of an option."""
        terms = parse(contract)
        if terms is None:
            return None
        underlying = terms.underlying
        raw = self._raw_chains.get(underlying) if underlying not in self._chains else None
        if raw is not None and self.read_quote is not None:
            read = self._quotes.setdefault(underlying, {})
            if contract in read:
                return read[contract]
            try:
                read[contract] = quote = self.read_quote(raw, contract, terms)
            except LookupError:
                pass
            else:
                return quote
        chain = self.chain(underlying)
        return chain.quote(contract) if chain else None

    def fresh_quote(self, contract: str, now_us: int, stale_us: int) -> Quote | None:
        """The last quote of an option where it is no older than `stale_us` (protocol 5.5).

        No quote is newer than its snapshot, so an old snapshot is not read for it.
        """
        terms = parse(contract)
        if terms is None or now_us - self._chain_times.get(terms.underlying, 0) > stale_us:
            return None
        quote = self.quote(contract)
        return quote if quote is not None and now_us - quote.quote_time_us <= stale_us else None

    def last(self, symbol: str) -> int:
        """Last valid trade in 1e-4 dollars, 0 when nothing is known."""
        mark = self.marks.get(symbol)
        return mark.last_e4 if mark else 0

    def take_bar(self, bar: DailyBar) -> None:
        """A completed session: reference value of the next day (protocol 5.3); its official close is the last price."""
        self._filters.clear()
        self._smoothed.clear()
        mark = self.marks.get(bar.symbol)
        if not bar.historical and mark is not None and mark.tick_time_us <= bar.time_us:
            mark.last_e4 = bar.close_e4
        days = self.bars.setdefault(bar.symbol, [])
        before = next((day for day in reversed(days) if day.session < bar.session), None)
        close = None if before is None else self._adjusted(bar.symbol, before, before.close_e4 * 100, bar.session)
        range_e6 = true_range_e6(bar.high_e4 * 100, bar.low_e4 * 100, close)
        record = DayRecord(bar.session, bar.close_e4, bar.atr_e6, bar.hv_e10, range_e6)
        if days and days[-1].session >= bar.session:
            days[:] = [day for day in days if day.session != bar.session]
            insort(days, record, key=lambda day: day.session)
        else:
            days.append(record)
        del days[:-BARS_KEPT]

    def take_split(self, action: CorporateAction) -> None:
        """The last price of before a split, in today's shares, until the first trade."""
        mark, new, old = self.marks.get(action.symbol), action.ratio_new, action.ratio_old
        if mark is not None:
            mark.last_e4 = mark.last_e4 * old // new
            mark.bid_e4, mark.ask_e4 = mark.bid_e4 * old // new, mark.ask_e4 * old // new

    def _splits_of(self, symbol: str) -> list[CorporateAction]:
        for action in self.actions[self._indexed :]:
            if action.kind == "SPLIT":
                self._splits.setdefault(action.symbol, []).append(action)
        self._indexed = len(self.actions)
        return self._splits.get(symbol, [])

    def in_shares_of(self, today: int, symbol: str, day: DayRecord) -> DayRecord:
        """A completed session's figures after the splits since, in the shares of a day (protocol 2.6, 5.3)."""
        close, atr = day.close_e4, day.atr_e6
        for action in self._splits_of(symbol):
            if day.session < action.ex_session <= today:
                close = split_adjusted(close, action.ratio_new, action.ratio_old)
                atr = split_adjusted(atr, action.ratio_new, action.ratio_old)
        return DayRecord(day.session, close, atr, day.hv_e10) if close != day.close_e4 or atr != day.atr_e6 else day

    def close_of(self, symbol: str, session: int) -> int:
        """Official close of a session, 0 when there is no bar of it."""
        days = self.bars.get(symbol, [])
        i = bisect_left(days, session, key=lambda day: day.session)
        return days[i].close_e4 if i < len(days) and days[i].session == session else 0

    def _days(self, symbol: str, period: int) -> list[DayRecord]:
        """Completed sessions with the ATR of a period. The bars bring that of 14; another is worked out from the true
        ranges of the sessions that are kept, whose first ones are its seed."""
        days = self.bars.get(symbol, [])
        if period == ATR_PERIODS:
            return days
        found = self._smoothed.get((symbol, period))
        if found is None:
            found = self._smoothed[symbol, period] = self._smooth(symbol, days, period)
        return found

    def _smooth(self, symbol: str, days: list[DayRecord], period: int) -> list[DayRecord]:
        ranges: list[int] = []
        before = DayRecord(0, 0, 0)
        smoothed: list[DayRecord] = []
        for day in days:
            atr = self._adjusted(symbol, before, before.atr_e6, day.session)
            if atr:
                atr = next_atr_e6(atr, day.range_e6, period)
            else:
                earlier = days[: len(smoothed)]
                ranges = [*(self._adjusted(symbol, d, d.range_e6, day.session) for d in earlier), day.range_e6]
                atr = seed_atr_e6(ranges, period) if len(ranges) == period else 0
            before = DayRecord(day.session, day.close_e4, atr, day.hv_e10, day.range_e6)
            smoothed.append(before)
        return smoothed

    def _adjusted(self, symbol: str, day: DayRecord, value_e6: int, today: int) -> int:
        """A figure of a session in the shares of a later day."""
        return self.in_shares_of(today, symbol, DayRecord(day.session, 0, value_e6)).atr_e6

    def atr_record(self, symbol: str, today: int, period: int = ATR_PERIODS) -> DayRecord | None:
        """The last completed session with an ATR, in the shares of today."""
        for day in reversed(self._days(symbol, period)):
            if day.atr_e6:
                return self.in_shares_of(today, symbol, day)
        return None

    def atr_above_percentile(
        self, symbol: str, percentile: Fraction, lookback: int, period: int = ATR_PERIODS
    ) -> tuple[bool, Fraction, Fraction]:
        """Volatility filter of protocol 6.2: (skip, ATR/price of the last session, its percentile over the lookback).

        Nearest-rank percentile over the sessions there are, at least 20; fewer: nothing is filtered.
        """
        key = (symbol, percentile.numerator, percentile.denominator, lookback, period)
        found = self._filters.get(key)
        if found is None:
            found = self._filters[key] = self._percentile(self._days(symbol, period)[-lookback:], percentile)
        return found

    @staticmethod
    def _percentile(days: list[DayRecord], percentile: Fraction) -> tuple[bool, Fraction, Fraction]:
        days = [day for day in days if day.atr_e6 and day.close_e4]
        if len(days) < 20:
            return False, Fraction(0), Fraction(0)
        rank = -(-percentile * len(days) // 100)
        limit = sorted(days, key=_atr_ratio)[max(0, int(rank) - 1)]
        today = days[-1]
        ratios = [Fraction(day.atr_e6, day.close_e4 * 100) for day in (today, limit)]
        return ratios[0] > ratios[1], ratios[0], ratios[1]

    def dividend_on(self, symbol: str, session: int) -> int:
        """Dividend per share that goes ex on a session, 1e-4 dollars."""
        found = [a for a in self.actions if a.kind == "DIVIDEND" and a.symbol == symbol and a.ex_session == session]
        return sum(action.dividend_e4 for action in found)

    def earnings_between(self, symbol: str, first: int, last: int) -> int | None:
        """An announced earnings day between two days, both included."""
        return next((day for day in self.earnings.get(symbol, []) if first <= day <= last), None)


def _atr_ratio(day: DayRecord) -> int:
    """ATR/price to 24 places: different ratios of such integers differ by more than 1e-20, so the order is exact."""
    return day.atr_e6 * 10**24 // day.close_e4
