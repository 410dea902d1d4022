"""The source `lean:FOLDER` on the recorded data. Nothing of that data is in this repository."""

import datetime as dt
import json
from pathlib import Path

import pytest

from domain.inputs import CorporateAction, HistoricalBar, OfficialClose, OptionQuotes, Tick
from gateways.market.calendar import Sessions, day_number, day_of, new_york_us
from gateways.market.port import MarketDataRequest, MarketDataSource, Moment
from gateways.market.sample import load_bars
from gateways.market.sources import open_source
from infra.errors import AllUseError
from tests.conformance.market_data import MarketDataConformance

D = dt.date
CHRISTMAS_WEEK = MarketDataRequest(("GOOG",), D(2015, 12, 23), D(2015, 12, 31))


@pytest.fixture(scope="module")
def lean(realdata: Path) -> MarketDataSource:
    return open_source(f"lean:{realdata / 'lean'}")


class TestGoogAtChristmas(MarketDataConformance):
    @pytest.fixture(scope="class")
    @classmethod
    def source(cls, lean: MarketDataSource) -> MarketDataSource:
        return lean

    @pytest.fixture(scope="class")
    @classmethod
    def request_(cls) -> MarketDataRequest:
        return CHRISTMAS_WEEK


class TestThreeSymbolsByMinutes(MarketDataConformance):
    @pytest.fixture(scope="class")
    @classmethod
    def source(cls, lean: MarketDataSource) -> MarketDataSource:
        return lean

    @pytest.fixture(scope="class")
    @classmethod
    def request_(cls) -> MarketDataRequest:
        return MarketDataRequest(("SPY", "IBM", "BAC"), D(2013, 10, 3), D(2013, 10, 7))


class TestTwxWithoutWarmUp(MarketDataConformance):
    has_warm_up = False

    @pytest.fixture(scope="class")
    @classmethod
    def source(cls, realdata: Path) -> MarketDataSource:
        return open_source(f"lean:{realdata / 'lean'}?warmup=none")

    @pytest.fixture(scope="class")
    @classmethod
    def request_(cls) -> MarketDataRequest:
        return MarketDataRequest(("TWX",), D(2014, 6, 5), D(2014, 6, 9))


def quotes_of(moments: list[Moment]) -> list[OptionQuotes]:
    return [r for m in moments for r in m.records if isinstance(r, OptionQuotes)]


def contract(q: OptionQuotes, right: str, expiry: D, strike_e3: int) -> int:
    return list(zip(q.rights, q.expiries, q.strikes_e3, strict=True)).index((right, day_number(expiry), strike_e3))


@pytest.fixture(scope="module")
def christmas(lean: MarketDataSource) -> list[Moment]:
    return list(lean.moments(CHRISTMAS_WEEK))


def test_the_750_put_of_christmas_eve_at_ten(christmas: list[Moment]) -> None:
    """Liquid enough for the thin week's gates: open interest 100, volume 5, spread 30 %, premium 0.3 %."""
    q = next(q for q in quotes_of(christmas) if q.time_us == new_york_us(D(2015, 12, 23), 10))
    i = contract(q, "P", D(2015, 12, 24), 750_000)
    mid = (q.bids_e4[i] + q.asks_e4[i]) / 2
    assert abs(q.spot_e4 - 7_498_500) <= 2_000
    assert 0 < q.bids_e4[i] < q.asks_e4[i]
    assert (q.asks_e4[i] - q.bids_e4[i]) / mid <= 0.30
    assert q.volumes[i] >= 5
    assert q.open_interests[i] >= 100
    assert mid / 7_500_000 >= 0.003
    assert q.quote_times_us[i] == q.time_us, "the feed was alive in the minute before"


def test_the_closes_of_the_week(christmas: list[Moment]) -> None:
    closes = {str(day_of(r.session)): r.close_e4 for m in christmas for r in m.records if isinstance(r, OfficialClose)}
    assert closes["2015-12-24"] == 7_484_000
    assert closes["2015-12-31"] == 7_588_800
    assert len(closes) == 6


def test_christmas_eve_ends_at_one(christmas: list[Moment]) -> None:
    day = D(2015, 12, 24)
    assert max(q.time_us for q in quotes_of(christmas) if q.time_us > new_york_us(day)) == new_york_us(day, 13)


def test_sides_carried_forward_make_the_whole_chain(lean: MarketDataSource, monkeypatch: pytest.MonkeyPatch) -> None:
    """129 two-sided contracts of 12-31 at noon; rows taken as they are would give 49 (the data's own README)."""
    monkeypatch.setattr("gateways.market.lean.options.STRIKES_WITHIN", 2.0)
    day = D(2015, 12, 24)
    quotes = quotes_of(list(lean.moments(MarketDataRequest(("GOOG",), day, day))))
    noon = next(q for q in quotes if q.time_us == new_york_us(day, 12))
    of_year_end = [i for i, e in enumerate(noon.expiries) if e == day_number(D(2015, 12, 31))]
    assert sum(noon.bids_e4[i] > 0 and noon.asks_e4[i] > 0 for i in of_year_end) == 129


def test_after_christmas_no_weekly_call_has_a_quote(christmas: list[Moment]) -> None:
    assert not [q for q in quotes_of(christmas) if q.time_us > new_york_us(D(2015, 12, 25))]


def test_minutes_where_there_are_some_and_daily_bars_otherwise(christmas: list[Moment]) -> None:
    ticks = [r for m in christmas for r in m.records if isinstance(r, Tick)]
    by_day = {
        day: sum(1 for t in ticks if t.time_us // 86_400_000_000 == day_number(day))
        for day in (
            D(2015, 12, 23),
            D(2015, 12, 24),
            D(2015, 12, 28),
            D(2015, 12, 29),
            D(2015, 12, 30),
            D(2015, 12, 31),
        )
    }
    assert all(by_day[D(2015, 12, d)] > 500 for d in (23, 24, 28))
    assert [by_day[D(2015, 12, d)] for d in (29, 30, 31)] == [4, 4, 4]


def test_the_class_c_distribution_is_a_two_for_one_split_of_googl(lean: MarketDataSource) -> None:
    moments = list(lean.moments(MarketDataRequest(("GOOGL",), D(2014, 4, 1), D(2014, 4, 4))))
    (split,) = (r for m in moments for r in m.records if isinstance(r, CorporateAction))
    assert (split.kind, day_of(split.ex_session)) == ("SPLIT", D(2014, 4, 3))
    assert (split.ratio_new, split.ratio_old) == (2, 1)
    closes = [r.close_e4 for m in moments for r in m.records if isinstance(r, OfficialClose)]
    assert closes[1] > 11_000_000 > 6_000_000 > closes[2]


def test_ibms_dividends_come_out_as_they_were_paid(lean: MarketDataSource) -> None:
    moments = lean.moments(MarketDataRequest(("IBM",), D(2013, 10, 4), D(2013, 10, 4)))
    paid = [r.dividend_e4 for m in moments for r in m.records if isinstance(r, CorporateAction)]
    assert paid == [8_500, 8_500, 9_500, 9_500]


def test_a_symbol_without_a_daily_file_says_what_is_missing(lean: MarketDataSource) -> None:
    with pytest.raises(AllUseError) as refused:
        lean.moments(MarketDataRequest(("TWX",), D(2014, 6, 5), D(2014, 6, 6)))
    assert refused.value.code == "DATA_FILE_MISSING"
    assert "twx.zip" in refused.value.message


def test_an_index_with_its_weekly_options(realdata: Path) -> None:
    source = open_source(f"lean:{realdata / 'lean'}?warmup=none")
    moments = list(source.moments(MarketDataRequest(("SPX",), D(2021, 1, 4), D(2021, 1, 4))))
    ticks = [r for m in moments for r in m.records if isinstance(r, Tick)]
    assert ticks[0].last_e4 == 37_646_100
    assert ticks[0].time_us == new_york_us(D(2021, 1, 4), 9, 30, 1)
    assert {3_700_000, 3_800_000} <= set(quotes_of(moments)[-1].strikes_e3)


def test_the_folders_market_hours_agree_with_our_calendar(realdata: Path) -> None:
    """Holidays and early closes of US equities, 2004 to 2020."""
    path = realdata / "lean/market-hours/market-hours-database.json"
    hours = json.loads(path.read_text())["entries"]["Equity-usa-[*]"]

    def dates(values: list[str]) -> set[D]:
        found = {D(int(y), int(m), int(d)) for m, d, y in (v.split("/") for v in values)}
        return {d for d in found if 2004 <= d.year <= 2020 and d.weekday() < 5}

    sessions = Sessions(D(2004, 1, 1), D(2020, 12, 31))
    ours = {s.day: s.early_close for s in sessions.between(D(2004, 1, 1), D(2020, 12, 31))}
    weekdays = {D(2004, 1, 1) + dt.timedelta(days=n) for n in range(17 * 365 + 5)}
    closed = {d for d in weekdays if d.weekday() < 5 and d.year <= 2020 and d not in ours}
    assert closed == dates(hours["holidays"])
    assert {d for d, early in ours.items() if early} == dates(list(hours["earlyCloses"])) - closed


@pytest.mark.parametrize("symbol", ["GOOG", "IBM"])
def test_two_independent_sources_of_daily_closes_agree(realdata: Path, symbol: str) -> None:
    """`sample`'s closes of 2012 and 2013 against the folder's: were one adjusted, they would differ by later splits."""
    name = "GOOGL" if symbol == "GOOG" else symbol
    moments = open_source(f"lean:{realdata / 'lean'}").moments(
        MarketDataRequest((name,), D(2013, 2, 28), D(2013, 2, 28))
    )
    bars = load_bars(symbol)
    theirs = {r.session: r.close_e4 for m in moments for r in m.records if isinstance(r, HistoricalBar)}
    ratios = [int(bars.close_e4[bars.sessions.index(s)]) / c for s, c in theirs.items()]
    assert len(ratios) > 240
    assert all(abs(r - 1) < 0.05 for r in ratios)
    assert sum(abs(r - 1) < 0.001 for r in ratios) > 0.8 * len(ratios)
