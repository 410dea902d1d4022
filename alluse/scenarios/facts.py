"""What the market shows at a moment: read from a file, then made into the records of `market.marks`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from alluse.scenarios.model import BarForm, ChainForm, DividendForm, FactsForm, MarkForm, SplitForm
from alluse.scenarios.quantities import Kind, read_day, scaled
from alluse.scenarios.text import Where
from domain import inputs as i
from domain.indicators import split_adjusted
from processors.market.chains import completed
from processors.market.sessions import Sessions as MarketSessions

Complain = Callable[[Where, str], None]
"""Takes note of a problem at a place."""
SECOND = 1_000_000
VOLUME = 1_000_000
"""Shares of a bar that says nothing else."""
_ROW = re.compile(
    r"(?:(?P<expiry>\d{4}-\d{2}-\d{2})\s+)?(?P<right>[PC])\s+(?P<strike>[\d.]+)"
    r"(?:\s+(?P<delta>[\d.]+)[dΔ])?\s+(?P<bid>[\d.]+|-)(?:/(?P<ask>[\d.]+|-))?(?P<rest>(?:\s+[a-z]+\s+\S+)*)"
)
ROW_FORM = (
    "a row such as `2025-06-13 P 247.50 45d 3.85/3.95`, then perhaps oi 1000 vol 500 adv 500 iv 50% size 100 age 5s"
)
_KEYS = frozenset({"oi", "vol", "adv", "iv", "size", "age"})


@dataclass(frozen=True, slots=True)
class Price:
    """A mark."""

    last_e4: int
    bid_e4: int
    ask_e4: int


@dataclass(frozen=True, slots=True)
class Listed:
    """A row of a chain."""

    expiry: int
    right: str
    strike_e3: int
    bid_e4: int
    ask_e4: int
    delta_e2: int
    """-1: worked out as the market processor would"""
    iv_e6: int
    """0: worked out from the mid"""
    open_interest: int
    volume: int
    adv20: int
    size: int
    age_us: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A chain."""

    spot_e4: int
    rows: tuple[Listed, ...]


@dataclass(frozen=True, slots=True)
class BarFact:
    """A completed session; None where the last one known counts on."""

    session: int | None
    open_e4: int
    high_e4: int
    low_e4: int
    close_e4: int
    volume: int
    atr_e6: int | None
    hv_e10: int
    historical: bool


def flat_bar(session: int, price_e4: int, atr_e6: int, historical: bool) -> BarFact:
    """A session at one price."""
    return BarFact(session, price_e4, price_e4, price_e4, price_e4, VOLUME, atr_e6, 0, historical)


@dataclass(frozen=True, slots=True)
class ActionFact:
    """A split or a dividend."""

    kind: str
    ex: int | None
    new: int = 1
    old: int = 1
    dividend_e4: int = 0


@dataclass
class Facts:
    """Everything that a step says of the market."""

    marks: dict[str, Price] = field(default_factory=dict[str, Price])
    chains: dict[str, Snapshot] = field(default_factory=dict[str, Snapshot])
    atr: dict[str, int] = field(default_factory=dict[str, int])
    bars: dict[str, BarFact] = field(default_factory=dict[str, BarFact])
    earnings: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    halts: dict[str, bool] = field(default_factory=dict[str, bool])
    actions: dict[str, ActionFact] = field(default_factory=dict[str, ActionFact])
    history: dict[str, list[BarFact]] = field(default_factory=dict[str, list[BarFact]])
    ticks: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def through_processor(self) -> bool:
        """Whether the market processor has something to do."""
        return bool(self.history or self.ticks)

    def quotes(self) -> Facts:
        """Marks and chains alone, to be sent again."""
        return Facts(marks=self.marks, chains=self.chains)


# --- reading ----------------------------------------------------------------------------------------------------


def read_facts(form: FactsForm, where: Where, spots: dict[str, int], complain: Complain) -> Facts:
    """The facts of a form. `spots` holds the last price of each ticker so far, and is brought up to date."""
    facts = Facts()
    price = _reader(Kind.PRICE, complain)
    for ticker, given in form.marks.items():
        at = (*where, "marks", ticker)
        if isinstance(given, MarkForm):
            last = price((*at, "last"), given.last)
            bid = price((*at, "bid"), given.bid) if given.bid else last
            ask = price((*at, "ask"), given.ask) if given.ask else last
        else:
            last = bid = ask = price(at, given)
        facts.marks[ticker] = Price(last, bid, ask)
        spots[ticker] = last
    for ticker, text in form.ticks.items():
        facts.ticks[ticker] = spots[ticker] = price((*where, "ticks", ticker), text)
    _read_chains(form, where, spots, complain, facts)
    e6 = _reader(Kind.E6, complain)
    for ticker, text in form.atr.items():
        facts.atr[ticker] = e6((*where, "atr", ticker), text)
        if not spots.get(ticker):
            complain((*where, "atr", ticker), f"{ticker} has no price yet: give it a mark first")
    for ticker, bar in form.bars.items():
        form_ = bar if isinstance(bar, BarForm) else BarForm(close=bar)
        facts.bars[ticker] = _bar(form_, (*where, "bars", ticker), complain)
    _read_reference(form, where, complain, facts)
    for ticker, rows in form.history.items():
        at = (*where, "history", ticker)
        facts.history[ticker] = [
            bar
            for number, row in enumerate(_lines(rows))
            if (bar := _history_bar(row, (*at, number), complain)) is not None
        ]
    return facts


def _read_reference(form: FactsForm, where: Where, complain: Complain, facts: Facts) -> None:
    day = _day_reader(complain)
    for ticker, days in form.earnings.items():
        at = (*where, "earnings", ticker)
        facts.earnings[ticker] = [day(at, text) for text in (days if isinstance(days, list) else [days])]
    for ticker, text in form.halts.items():
        facts.halts[ticker] = yes(text, (*where, "halts", ticker), complain)
    for ticker, split in form.splits.items():
        at = (*where, "splits", ticker)
        given = split if isinstance(split, SplitForm) else SplitForm(ratio=split)
        ratio = re.fullmatch(r"([1-9]\d*)\s*:\s*([1-9]\d*)", given.ratio)
        if ratio is None:
            complain(at, f"expected a ratio such as 4:1, found {given.ratio!r}")
            continue
        ex = day((*at, "ex"), given.ex) if given.ex else None
        facts.actions[ticker] = ActionFact("SPLIT", ex, int(ratio[1]), int(ratio[2]))
    price = _reader(Kind.PRICE, complain)
    for ticker, dividend in form.dividends.items():
        at = (*where, "dividends", ticker)
        given = dividend if isinstance(dividend, DividendForm) else DividendForm(amount=dividend)
        ex = day((*at, "ex"), given.ex) if given.ex else None
        facts.actions[ticker] = ActionFact("DIVIDEND", ex, dividend_e4=price(at, given.amount))


def _read_chains(form: FactsForm, where: Where, spots: Mapping[str, int], complain: Complain, facts: Facts) -> None:
    for key, given in form.chains.items():
        at = (*where, "chains", key)
        ticker, _, expiry_text = key.partition(" ")
        chain = given if isinstance(given, ChainForm) else ChainForm(rows=given)
        expiry = _day_reader(complain)(at, expiry_text) if expiry_text else None
        spot = _reader(Kind.PRICE, complain)((*at, "spot"), chain.spot) if chain.spot else spots.get(ticker, 0)
        if not spot:
            complain(at, f"{ticker} has no price yet: give it a mark, or this chain a spot")
        rows = [
            row
            for number, line in enumerate(_lines(chain.rows))
            if (row := _listed(line, expiry, chain, (*at, number), complain)) is not None
        ]
        before = facts.chains.get(ticker)
        facts.chains[ticker] = Snapshot(spot, (*(before.rows if before else ()), *rows))


def _lines(rows: str | list[str]) -> list[str]:
    lines = rows if isinstance(rows, list) else rows.splitlines()
    return [text for line in lines if (text := line.partition("#")[0].strip())]


def _listed(line: str, expiry: int | None, chain: ChainForm, at: Where, complain: Complain) -> Listed | None:
    found = _ROW.fullmatch(line)
    if found is None:
        complain(at, f"expected {ROW_FORM}; found {line!r}")
        return None
    words = (found["rest"] or "").split()
    more = {"oi": chain.oi, "vol": chain.vol, "size": chain.size, "adv": chain.adv or "-1"}
    more |= dict(zip(words[::2], words[1::2], strict=True))
    unknown = sorted(set(more) - _KEYS)
    if unknown:
        complain(at, f"{unknown[0]} is none of {', '.join(sorted(_KEYS))}")
        return None
    try:
        day = read_day(found["expiry"]) if found["expiry"] else expiry
        if day is None:
            complain(at, f"no expiry: write it in the row or in the key, such as TSLA 2025-06-13; found {line!r}")
            return None
        bid, ask = found["bid"], found["ask"] or found["bid"]
        age = re.fullmatch(r"(\d+)s", more.get("age", "0s"))
        iv = more.get("iv", "0.5" if found["delta"] else "0")
        ratio = scaled(Kind.RATIO, iv)
        if age is None or ratio < 0:
            raise ValueError(f"expected {ROW_FORM}; found {line!r}")
        interest, volume, adv20, size = (int(more[name]) for name in ("oi", "vol", "adv", "size"))
        return Listed(
            day,
            found["right"],
            scaled(Kind.STRIKE, found["strike"]),
            0 if bid == "-" else scaled(Kind.PRICE, bid),
            0 if ask == "-" else scaled(Kind.PRICE, ask),
            scaled(Kind.DELTA, found["delta"]) if found["delta"] else -1,
            ratio // 10_000,
            interest,
            volume,
            adv20,
            size,
            int(age[1]) * SECOND,
        )
    except ValueError as error:
        complain(at, str(error))
        return None


def _bar(form: BarForm, at: Where, complain: Complain) -> BarFact:
    price, e6 = _reader(Kind.PRICE, complain), _reader(Kind.E6, complain)
    close = price((*at, "close"), form.close)
    opened, high, low = (
        price((*at, name), text) if (text := getattr(form, name)) else close for name in ("open", "high", "low")
    )
    if not low <= min(opened, close) <= max(opened, close) <= high:
        complain(at, "expected low <= open, close <= high")
    return BarFact(
        _day_reader(complain)((*at, "session"), form.session) if form.session else None,
        opened, high, low, close,
        int(form.volume) if form.volume.isdigit() else _zero(complain, (*at, "volume"), form.volume),
        e6((*at, "atr"), form.atr) if form.atr else None,
        _reader(Kind.RATIO, complain)((*at, "hv"), form.hv) if form.hv else 0,
        yes(form.historical, (*at, "historical"), complain),
    )  # fmt: skip


def _history_bar(row: str, at: Where, complain: Complain) -> BarFact | None:
    words = row.split()
    if len(words) != 4:
        complain(at, f"expected `date high low close`, found {row!r}")
        return None
    form = BarForm(session=words[0], high=words[1], low=words[2], close=words[3], historical="yes")
    return _bar(form, at, complain)


def _zero(complain: Complain, at: Where, text: str) -> int:
    complain(at, f"expected a whole number, found {text!r}")
    return 0


def _reader(kind: Kind, complain: Complain) -> Callable[[Where, str], int]:
    def read(at: Where, text: str) -> int:
        try:
            value = scaled(kind, text)
        except ValueError as error:
            complain(at, str(error))
            return 0
        if value < 0 or (kind is Kind.PRICE and value == 0):
            complain(at, f"expected more than 0, found {text}")
        return value

    return read


def _day_reader(complain: Complain) -> Callable[[Where, str], int]:
    def read(at: Where, text: str) -> int:
        try:
            return read_day(text)
        except ValueError as error:
            complain(at, str(error))
            return 0

    return read


def yes(text: str, at: Where, complain: Complain) -> bool:
    """Whether a text says yes."""
    if text.lower() in ("yes", "true", "on"):
        return True
    if text.lower() not in ("no", "false", "off"):
        complain(at, f"expected yes or no, found {text!r}")
    return False


# --- the records of market.marks --------------------------------------------------------------------------------


class MarketDesk:
    """Numbers the records of one source of `market.marks` and knows each symbol's last session."""

    def __init__(self, source: int, sessions: MarketSessions) -> None:
        self._source = source
        self._sessions = sessions
        self._seq = -1
        self._atr: dict[str, int] = {}
        self._last: dict[str, int] = {}

    def _head(self, time_us: int) -> tuple[int, int, int]:
        self._seq += 1
        return self._source, self._seq, time_us

    def split(self, ticker: str, new: int, old: int) -> None:
        """What was shown last, in the shares of after a split."""
        if ticker in self._atr:
            self._atr[ticker] = split_adjusted(self._atr[ticker], new, old)
        if ticker in self._last:
            self._last[ticker] = split_adjusted(self._last[ticker], new, old)

    def calendar(self, time_us: int, calendar: i.SessionCalendar) -> i.MarketCalendar:
        """The sessions."""
        return i.MarketCalendar(*self._head(time_us), calendar)

    def closed(self, time_us: int) -> i.Marks:
        """Nothing more up to a time."""
        return i.Marks(*self._head(time_us), [], [], [], [], [])

    def records(self, facts: Facts, time_us: int) -> Iterator[Any]:
        """The records of a moment; marks come last, since they close it."""
        calendar = self._sessions.calendar
        assert calendar is not None
        today = calendar.day_of(time_us)
        self._last.update({ticker: price.last_e4 for ticker, price in facts.marks.items()})
        for ticker, days in facts.earnings.items():
            for day in days:
                yield i.MarketEarnings(*self._head(time_us), i.EarningsDate(ticker, day, time_us))
        for ticker, halted in facts.halts.items():
            yield i.MarketHalt(*self._head(time_us), i.TradingHalt(ticker, time_us, halted))
        for ticker, action in facts.actions.items():
            usual = today if action.kind == "SPLIT" else calendar.next_session(today)
            ex = usual if action.ex is None else action.ex
            made = i.CorporateAction(ticker, action.kind, ex, time_us, action.new, action.old, action.dividend_e4)
            yield i.MarketAction(*self._head(time_us), made)
        over = calendar.is_session(today) and calendar.close_us(today) <= time_us
        completed_session = today if over else calendar.previous_session(today)
        for ticker, atr in facts.atr.items():
            yield self._daily(ticker, flat_bar(completed_session, self._last.get(ticker, 0), atr, True), time_us)
        for ticker, bar in facts.bars.items():
            session = completed_session if bar.session is None else bar.session
            yield self._daily(
                ticker,
                BarFact(
                    session, bar.open_e4, bar.high_e4, bar.low_e4, bar.close_e4, bar.volume, bar.atr_e6, bar.hv_e10,
                    bar.historical,
                ),
                time_us,
            )  # fmt: skip
        for ticker, snapshot in facts.chains.items():
            yield self._chain(ticker, snapshot, time_us)
        if facts.marks:
            names, prices = list(facts.marks), list(facts.marks.values())
            yield i.Marks(
                *self._head(time_us), names, [p.last_e4 for p in prices], [p.bid_e4 for p in prices],
                [p.ask_e4 for p in prices], [time_us] * len(prices),
            )  # fmt: skip

    def _daily(self, ticker: str, bar: BarFact, time_us: int) -> i.DailyBar:
        atr = self._atr.get(ticker, 0) if bar.atr_e6 is None else bar.atr_e6
        self._atr[ticker] = atr
        if not bar.historical:
            self._last[ticker] = bar.close_e4
        return i.DailyBar(
            *self._head(time_us), ticker, bar.session or 0, bar.open_e4, bar.high_e4, bar.low_e4, bar.close_e4,
            bar.volume, atr, bar.hv_e10, bar.historical,
        )  # fmt: skip

    def _chain(self, ticker: str, snapshot: Snapshot, time_us: int) -> i.OptionChain:
        rows = snapshot.rows
        given: dict[str, Any] = {
            "underlying": ticker,
            "time_us": time_us,
            "spot_e4": snapshot.spot_e4,
            "rate_e10": 0,
            "expiries": [r.expiry for r in rows],
            "strikes_e3": [r.strike_e3 for r in rows],
            "rights": [r.right for r in rows],
            "bids_e4": [r.bid_e4 for r in rows],
            "asks_e4": [r.ask_e4 for r in rows],
            "bid_sizes": [r.size for r in rows],
            "ask_sizes": [r.size for r in rows],
            "quote_times_us": [time_us - r.age_us for r in rows],
            "volumes": [r.volume for r in rows],
            "open_interests": [r.open_interest for r in rows],
            "adv20s": [r.adv20 for r in rows],
            "ivs_e6": [r.iv_e6 for r in rows],
            "deltas_e2": [r.delta_e2 for r in rows],
            "quality": "LISTED",
        }
        fields = completed(given, self._sessions)[0] if any(r.delta_e2 < 0 for r in rows) else given
        names = [name for name in i.OptionChain.__dataclass_fields__ if name not in _HEAD]
        return i.OptionChain(*self._head(time_us), **{name: fields[name] for name in names})


_HEAD = ("market_partition", "source_seq", "time_us")


def processor_records(facts: Facts, time_us: int) -> Iterator[Any]:
    """What goes to `market.ticks` instead: the market processor makes bars and ATR of it."""
    for ticker, bars in facts.history.items():
        for bar in bars:
            yield i.HistoricalBar(
                ticker, bar.session or 0, time_us, bar.open_e4, bar.high_e4, bar.low_e4, bar.close_e4, bar.volume
            )
    for ticker, price in facts.ticks.items():
        yield i.Tick(ticker, time_us, price, price, price, 100, i.TICK_OK)
