"""The source `sample`: the conformance suite, and what it makes of the daily bars."""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from domain.inputs import TICK_MODELLED, HistoricalBar, OfficialClose, OptionQuotes, Tick
from gateways.market.calendar import day_number, day_of, new_york_us
from gateways.market.daily_bars import DailyBars
from gateways.market.port import MODELLED, MarketDataRequest, Moment
from gateways.market.sample import SYMBOLS, SampleSource, load_bars
from gateways.market.sources import open_source
from infra.errors import RequestError
from tests.conformance.market_data import MarketDataConformance

D = dt.date
THANKSGIVING_WEEK = MarketDataRequest(("AAPL", "MSFT"), D(2011, 11, 21), D(2011, 11, 28))
"""Thursday is a holiday, Friday closes at 13:00."""


class TestConformance(MarketDataConformance):
    @pytest.fixture(scope="class")
    @classmethod
    def source(cls) -> SampleSource:
        return SampleSource()

    @pytest.fixture(scope="class")
    @classmethod
    def request_(cls) -> MarketDataRequest:
        return THANKSGIVING_WEEK


def of(moments: list[Moment], symbol: str, day: D) -> tuple[list[Tick], list[OptionQuotes], list[OfficialClose]]:
    records = [r for m in moments for r in m.records if m.time_us // 86_400_000_000 == day_number(day)]
    return (
        [r for r in records if isinstance(r, Tick) and r.symbol == symbol],
        [r for r in records if isinstance(r, OptionQuotes) and r.underlying == symbol],
        [r for r in records if isinstance(r, OfficialClose) and r.symbol == symbol],
    )


@pytest.fixture(scope="module")
def week() -> list[Moment]:
    return list(SampleSource().moments(THANKSGIVING_WEEK))


def test_the_defaults_are_two_years_of_four_symbols() -> None:
    defaults = open_source("sample").defaults()
    assert defaults.symbols == ("AAPL", "GOOG", "IBM", "MSFT")
    assert (defaults.from_day, defaults.to_day) == (D(2011, 3, 1), D(2013, 2, 28))
    assert defaults.capital_usd == 5_000_000


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_the_packages_prices_are_raw(symbol: str) -> None:
    """Raw closes as they were quoted then: no later split, no dividend in them."""
    bars = load_bars(symbol)
    known = {"AAPL": 4_304_700, "GOOG": 8_061_900, "IBM": 2_029_100, "MSFT": 279_500}
    at = bars.position(day_number(D(2013, 3, 1)))
    assert at is not None
    assert bars.close_e4[at] == known[symbol]


@pytest.mark.parametrize("day", [D(2011, 11, 22), D(2011, 11, 25)])
@pytest.mark.parametrize("symbol", ["AAPL", "MSFT"])
def test_a_days_ticks_honour_its_bar(week: list[Moment], symbol: str, day: D) -> None:
    bars = load_bars(symbol)
    at = bars.position(day_number(day))
    assert at is not None
    ticks, _, closes = of(week, symbol, day)
    prices = [t.last_e4 for t in ticks]
    assert prices[0] == bars.open_e4[at]
    assert prices[-1] == bars.close_e4[at]
    assert (max(prices), min(prices)) == (bars.high_e4[at], bars.low_e4[at])
    assert sum(t.size for t in ticks) == bars.volume[at]
    assert all(t.flags & TICK_MODELLED and 0 < t.bid_e4 < t.ask_e4 for t in ticks)
    assert all(t.bid_e4 < t.last_e4 + 1 and t.last_e4 <= t.ask_e4 for t in ticks)
    assert [(c.close_e4, c.volume) for c in closes] == [(bars.close_e4[at], bars.volume[at])]


def test_ticks_come_every_five_minutes_from_open_to_close(week: list[Moment]) -> None:
    full, _, _ = of(week, "AAPL", D(2011, 11, 22))
    early, _, _ = of(week, "AAPL", D(2011, 11, 25))
    for ticks, day, hour, count in ((full, D(2011, 11, 22), 16, 79), (early, D(2011, 11, 25), 13, 43)):
        assert len(ticks) == count
        assert ticks[0].time_us == new_york_us(day, 9, 30)
        assert ticks[-1].time_us == new_york_us(day, hour)


def test_chains_are_there_for_every_scan_and_every_expiry_time(week: list[Moment]) -> None:
    _, full, _ = of(week, "AAPL", D(2011, 11, 22))
    _, early, _ = of(week, "AAPL", D(2011, 11, 25))
    for quotes, day, times in (
        (full, D(2011, 11, 22), [(10, 0), (10, 5), (10, 55), (11, 30), (9, 30), (14, 30), (15, 45), (16, 0)]),
        (early, D(2011, 11, 25), [(10, 0), (10, 55), (11, 30), (12, 30), (12, 45), (13, 0)]),
    ):
        at = {q.time_us for q in quotes}
        assert {new_york_us(day, h, m) for h, m in times} <= at


def test_this_weeks_and_next_weeks_expiry_are_listed(week: list[Moment]) -> None:
    _, quotes, _ = of(week, "AAPL", D(2011, 11, 22))
    assert sorted({day_of(e) for e in quotes[0].expiries}) == [D(2011, 11, 25), D(2011, 12, 2)]


def test_good_friday_week_expires_on_thursday() -> None:
    moments = list(SampleSource().moments(MarketDataRequest(("IBM",), D(2012, 4, 5), D(2012, 4, 5))))
    _, quotes, _ = of(moments, "IBM", D(2012, 4, 5))
    assert sorted({day_of(e) for e in quotes[0].expiries}) == [D(2012, 4, 5), D(2012, 4, 13)]


def test_every_listed_strike_within_5_to_95_delta_is_there(week: list[Moment]) -> None:
    """Within that band, strikes stand a step apart: no gap (protocol 5.1)."""
    _, quotes, _ = of(week, "AAPL", D(2011, 11, 22))
    for record in quotes:
        for expiry in set(record.expiries):
            deltas = {
                k: d
                for e, right, k, d in zip(
                    record.expiries, record.rights, record.strikes_e3, record.deltas_e2, strict=True
                )
                if e == expiry and right == "C"
            }
            strikes = sorted(deltas)
            inside = [k for k in strikes if 500 <= deltas[k] <= 9_500]
            assert {b - a for a, b in pairwise(inside)} == {5_000}
            assert deltas[strikes[0]] > 9_500
            assert deltas[strikes[-1]] < 500


def test_a_listed_strike_stays_listed_until_it_expires() -> None:
    moments = list(SampleSource().moments(MarketDataRequest(("AAPL",), D(2012, 4, 16), D(2012, 4, 27))))
    listed: dict[int, set[int]] = {}
    for r in (r for m in moments for r in m.records):
        if isinstance(r, OptionQuotes):
            for expiry in set(r.expiries):
                strikes = {k for e, k in zip(r.expiries, r.strikes_e3, strict=True) if e == expiry}
                assert strikes >= listed.get(expiry, set())
                listed[expiry] = strikes


def test_quotes_say_that_they_are_modelled_and_are_complete(week: list[Moment]) -> None:
    _, quotes, _ = of(week, "MSFT", D(2011, 11, 22))
    for q in quotes:
        assert q.quality == MODELLED
        assert min(q.ivs_e6) > 0
        assert min(q.deltas_e2) >= 0
        assert set(q.quote_times_us) == {q.time_us}


def test_near_the_money_most_contracts_pass_the_liquidity_gates(week: list[Moment]) -> None:
    """AAPL at 10:55: open interest 500 and volume 100 for most strikes of 30 to 60 delta, little in the wings."""
    _, quotes, _ = of(week, "AAPL", D(2011, 11, 22))
    at = next(q for q in quotes if q.time_us == new_york_us(D(2011, 11, 22), 10, 55))
    rows = [
        (oi, volume, delta)
        for e, oi, volume, delta in zip(at.expiries, at.open_interests, at.volumes, at.deltas_e2, strict=True)
        if e == min(at.expiries)
    ]
    near = [(oi, v) for oi, v, d in rows if 3_000 <= d <= 6_000]
    wings = [oi for oi, _, d in rows if d < 300]
    assert sum(oi >= 500 and v >= 100 for oi, v in near) >= 0.8 * len(near)
    assert np.mean(wings) < 0.3 * np.mean([oi for oi, _ in near])


def test_a_new_listing_has_no_average_volume() -> None:
    """Monday: next week's expiry was listed today, this week's a week ago."""
    monday = D(2012, 4, 16)
    moments = list(SampleSource().moments(MarketDataRequest(("AAPL",), monday, monday)))
    _, quotes, _ = of(moments, "AAPL", monday)
    new, old = max(quotes[0].expiries), min(quotes[0].expiries)
    averages = list(zip(quotes[0].expiries, quotes[0].adv20s, strict=True))
    assert {a for e, a in averages if e == new} == {-1}
    assert sum(a >= 0 for e, a in averages if e == old) > 0.5 * sum(e == old for e, _ in averages)


def _changed(bars: DailyBars, change: Callable[[int], float], from_session: int) -> DailyBars:
    factor = np.array([change(s) if s >= from_session else 1.0 for s in bars.sessions])

    def scaled(column: np.ndarray) -> np.ndarray:
        return np.rint(column * factor).astype(np.int64)

    return replace(
        bars,
        open_e4=scaled(bars.open_e4),
        high_e4=scaled(bars.high_e4),
        low_e4=scaled(bars.low_e4),
        close_e4=scaled(bars.close_e4),
    )


def test_nothing_depends_on_a_later_day() -> None:
    """With every price from a day on changed, everything before that day is as it was."""
    bars = load_bars("IBM")
    first, changed_from, last = D(2012, 6, 4), D(2012, 6, 8), D(2012, 6, 11)
    request = MarketDataRequest(("IBM",), first, last)
    cut = new_york_us(changed_from)
    as_it_was = list(SampleSource({"IBM": bars}).moments(request))
    other = list(SampleSource({"IBM": _changed(bars, lambda _: 1.2, day_number(changed_from))}).moments(request))
    assert [m for m in as_it_was if m.time_us < cut] == [m for m in other if m.time_us < cut]
    assert [m for m in as_it_was if m.time_us >= cut] != [m for m in other if m.time_us >= cut]


def test_an_open_chain_does_not_know_the_days_close() -> None:
    """The chain at 09:30 depends on the open and on the days before, not on high, low and close of the day."""
    bars = load_bars("IBM")
    day = D(2012, 6, 6)
    at = bars.position(day_number(day))
    assert at is not None
    close = bars.close_e4.copy()
    close[at] = bars.low_e4[at]
    request = MarketDataRequest(("IBM",), day, day)
    one = of(list(SampleSource({"IBM": bars}).moments(request)), "IBM", day)[1]
    two = of(list(SampleSource({"IBM": replace(bars, close_e4=close)}).moments(request)), "IBM", day)[1]
    assert one[0] == two[0]
    assert one[-1] != two[-1]


def test_symbols_do_not_influence_each_other() -> None:
    day = D(2012, 6, 6)
    alone = list(SampleSource().moments(MarketDataRequest(("IBM",), day, day)))
    both = list(SampleSource().moments(MarketDataRequest(("AAPL", "IBM"), day, day)))
    assert of(alone, "IBM", day) == of(both, "IBM", day)


def test_the_warm_up_is_the_year_before_of_every_symbol() -> None:
    moments = SampleSource().moments(MarketDataRequest(SYMBOLS, D(2011, 3, 1), D(2011, 3, 1)))
    bars = list(_historical(moments))
    assert {day_of(b.session) for b in bars} == {day_of(b.session) for b in bars if b.symbol == "GOOG"}
    assert day_of(bars[0].session) == D(2010, 3, 1)
    assert day_of(bars[-1].session) == D(2011, 2, 28)
    assert [b.symbol for b in bars[:4]] == list(SYMBOLS)


def _historical(moments: Iterator[Moment]) -> Iterator[HistoricalBar]:
    return (r for m in moments for r in m.records if isinstance(r, HistoricalBar))


@pytest.mark.parametrize(("first", "last"), [(D(2011, 2, 28), D(2011, 3, 4)), (D(2013, 2, 28), D(2013, 3, 4))])
def test_days_outside_the_data_are_refused(first: D, last: D) -> None:
    with pytest.raises(RequestError) as refused:
        SampleSource().moments(MarketDataRequest(("AAPL",), first, last))
    assert refused.value.code == "BAD_RANGE"


@pytest.mark.parametrize("spec", ["", "samples", "lean", "lean:", "csv:/x"])
def test_an_unknown_source_is_refused(spec: str) -> None:
    with pytest.raises(RequestError) as refused:
        open_source(spec)
    assert refused.value.code == "BAD_SOURCE"
