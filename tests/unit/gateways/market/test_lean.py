"""The source `lean:FOLDER` on made-up folders: the format with its traps, and files that are missing or cut off."""

import datetime as dt
from pathlib import Path
from typing import TypeVar

import pytest

from domain.inputs import TICK_FROM_BAR, CorporateAction, HistoricalBar, OfficialClose, OptionQuotes, Tick
from gateways.market.calendar import Sessions, day_number, day_of, new_york_us
from gateways.market.lean.source import LeanSource
from gateways.market.port import LISTED, MarketDataRequest, Moment
from gateways.market.sources import open_source
from infra.errors import AllUseError
from tests.conformance.market_data import MarketDataConformance
from tests.unit.gateways.market.lean_folder import OPEN_MS, LeanFolder, ms

D = dt.date
R = TypeVar("R")
THURSDAY, FRIDAY, MONDAY = D(2014, 6, 5), D(2014, 6, 6), D(2014, 6, 9)
WEEK = MarketDataRequest(("XYZ",), THURSDAY, MONDAY)


def daily_rows(until: D, close: int = 1_000_000) -> list[str]:
    """A bar for each session of the year and a bit before a day: 100.00, high 101.00, low 99.00."""
    sessions = Sessions(until - dt.timedelta(days=400), until).between(until - dt.timedelta(days=400), until)
    return [f"{s.day:%Y%m%d} 00:00,{close},{close + 10_000},{close - 10_000},{close},50000" for s in sessions]


def made_up(root: Path) -> LeanFolder:
    """Thursday and Friday by minutes, Monday by its daily bar; options on Thursday."""
    folder = LeanFolder(root)
    folder.daily(daily_rows(MONDAY))
    trades = [
        f"{ms(8, 0)},900000,900000,900000,900000,10",  # before the open
        f"{OPEN_MS},1000000,1005000,995000,1002000,400",
        f"{ms(9, 59)},1003000,1003000,1003000,1003000,7",
        f"{ms(15, 59)},1004000,1006000,1001000,1001000,90",
        f"{ms(16, 0)},1100000,1100000,1100000,1100000,10",  # after the close
    ]
    quotes = [
        f"{OPEN_MS},999000,999500,994000,999900,2,1001000,1006000,1000500,1002500,3",
        f"{ms(9, 31)},1000100,1000100,1000100,1000100,1,,,,,0",  # no ask in this bar
        f"{ms(9, 32)},,,,,0,1002700,1002700,1002700,1002700,4",  # no bid in this bar
    ]
    for day in ("20140605", "20140606"):
        folder.minute(day, trades, quotes)
    folder.options(
        "20140605",
        "quote",
        {
            "put_1000000_20140606": [
                f"{OPEN_MS},20000,20000,19000,19000,5,,,,,0",
                f"{ms(9, 45)},,,,,0,23000,23000,22000,22000,8",
            ],
            "call_1000000_20140606": [f"{ms(10, 3)},15000,15000,15000,15000,1,17000,17000,17000,17000,2"],
            "put_1000000_20140621": [f"{OPEN_MS},30000,30000,30000,30000,5,32000,32000,32000,32000,5"],
            "put_1000000_20150116": [f"{OPEN_MS},50000,50000,50000,50000,5,52000,52000,52000,52000,5"],
            "put_500000_20140606": [f"{OPEN_MS},100,100,100,100,5,200,200,200,200,5"],
        },
    )
    folder.options(
        "20140605",
        "trade",
        {"put_1000000_20140606": [f"{ms(9, 40)},20000,20000,20000,20000,3", f"{ms(9, 59)},21000,21000,21000,21000,4"]},
    )
    folder.options("20140605", "openinterest", {"put_1000000_20140606": [f"{ms(6, 30)},321"]})
    return folder


@pytest.fixture
def lean(tmp_path: Path) -> LeanFolder:
    return made_up(tmp_path)


@pytest.fixture
def source(lean: LeanFolder) -> LeanSource:
    return LeanSource(lean.root)


class TestConformance(MarketDataConformance):
    @pytest.fixture(scope="class")
    @classmethod
    def source(cls, tmp_path_factory: pytest.TempPathFactory) -> LeanSource:
        return LeanSource(made_up(tmp_path_factory.mktemp("lean")).root)

    @pytest.fixture(scope="class")
    @classmethod
    def request_(cls) -> MarketDataRequest:
        return WEEK


def records(moments: list[Moment], kind: type[R]) -> list[R]:
    return [r for m in moments for r in m.records if isinstance(r, kind)]


def play(source: LeanSource, first: D = THURSDAY, last: D | None = None) -> list[Moment]:
    return list(source.moments(MarketDataRequest(("XYZ",), first, last or first)))


def chain_at(moments: list[Moment], hour: int, minute: int) -> OptionQuotes:
    at = new_york_us(THURSDAY, hour, minute)
    return next(q for q in records(moments, OptionQuotes) if q.time_us == at)


def row(q: OptionQuotes, right: str, expiry: D, strike_e3: int = 100_000) -> dict[str, int]:
    i = list(zip(q.rights, q.expiries, q.strikes_e3, strict=True)).index((right, day_number(expiry), strike_e3))
    return {
        "bid": q.bids_e4[i], "ask": q.asks_e4[i], "bid_size": q.bid_sizes[i], "ask_size": q.ask_sizes[i],
        "volume": q.volumes[i], "open_interest": q.open_interests[i], "time": q.quote_times_us[i],
    }  # fmt: skip


# --- the underlying ---------------------------------------------------------------------------------------------


def test_a_minute_bar_is_up_to_four_ticks_and_known_at_its_end(source: LeanSource) -> None:
    """Closes above its open: low before high. Nothing of it in a moment before 09:31."""
    first = next(m for m in play(source) if any(isinstance(r, Tick) for r in m.records))
    ticks = [r for r in first.records if isinstance(r, Tick)]
    assert first.time_us == new_york_us(THURSDAY, 9, 31)
    assert [t.last_e4 for t in ticks] == [1_000_000, 995_000, 1_005_000, 1_002_000]
    assert [t.time_us - new_york_us(THURSDAY, 9, 30) for t in ticks] == [1_000_000, 20_000_000, 40_000_000, 59_000_000]
    assert [(t.bid_e4, t.ask_e4) for t in ticks] == [
        (999_000, 1_001_000), (994_000, 1_000_500), (999_500, 1_006_000), (999_900, 1_002_500),
    ]  # fmt: skip
    assert sum(t.size for t in ticks) == 400
    assert {t.flags for t in ticks} == {TICK_FROM_BAR}


def test_a_falling_bar_has_its_high_first_and_a_single_price_is_one_tick(source: LeanSource) -> None:
    ticks = records(play(source), Tick)
    last = [t for t in ticks if t.time_us > new_york_us(THURSDAY, 15, 59)]
    assert [t.last_e4 for t in last] == [1_004_000, 1_006_000, 1_001_000]  # closes on its low: no tick of its own
    single = [t for t in ticks if new_york_us(THURSDAY, 9, 59) < t.time_us <= new_york_us(THURSDAY, 10, 0)]
    assert [(t.last_e4, t.size) for t in single] == [(1_003_000, 7)]


def test_an_empty_side_of_a_quote_keeps_the_other_one(source: LeanSource) -> None:
    quotes = [t for t in records(play(source), Tick) if t.last_e4 == 0]
    assert [(t.bid_e4, t.ask_e4, t.size) for t in quotes] == [(1_000_100, 1_002_500, 0), (1_000_100, 1_002_700, 0)]


def test_prices_of_before_the_open_and_after_the_close_are_left_out(source: LeanSource) -> None:
    prices = {t.last_e4 for t in records(play(source), Tick)}
    assert not prices & {900_000, 1_100_000}


def test_a_day_without_minutes_is_played_from_its_daily_bar(source: LeanSource) -> None:
    ticks = records(play(source, MONDAY), Tick)
    assert [t.last_e4 for t in ticks] == [1_000_000, 990_000, 1_010_000, 1_000_000]
    assert ticks[0].time_us == new_york_us(MONDAY, 9, 30)
    assert ticks[-1].time_us == new_york_us(MONDAY, 16)
    assert {t.flags for t in ticks} == {TICK_FROM_BAR}


def test_minutes_and_the_daily_bar_are_never_both_played(source: LeanSource) -> None:
    ticks = records(play(source), Tick)
    assert 990_000 not in {t.last_e4 for t in ticks}, "the daily bar's low"
    assert [c.close_e4 for c in records(play(source), OfficialClose)] == [1_000_000], "but the daily bar's close"


def test_an_early_close_ends_the_day(lean: LeanFolder) -> None:
    day = D(2015, 12, 24)
    lean.daily(daily_rows(day))
    bars = [f"{ms(12, 59)},1000000,1000000,1000000,1000000,1", f"{ms(13, 0)},1200000,1200000,1200000,1200000,1"]
    lean.minute("20151224", bars, [f"{OPEN_MS},1,1,1,1,1,2,2,2,2,1"])
    moments = play(LeanSource(lean.root), day)
    ticks = [t for t in records(moments, Tick) if t.last_e4]
    assert [t.last_e4 for t in ticks] == [1_000_000]
    (close,) = records(moments, OfficialClose)
    assert close.time_us == new_york_us(day, 13, 5)


def test_hourly_bars_stand_in_for_minutes_and_the_first_is_half_an_hour(lean: LeanFolder) -> None:
    rows = ["20140609 09:00,1000000,1000000,1000000,1000000,5", "20140609 10:00,1010000,1010000,1010000,1010000,6"]
    lean.zip("equity/usa/hour/xyz.zip", {"xyz.csv": rows})
    moments = [m for m in play(LeanSource(lean.root), MONDAY) if any(isinstance(r, Tick) for r in m.records)]
    assert [m.time_us for m in moments] == [new_york_us(MONDAY, 10), new_york_us(MONDAY, 11)]


def test_tick_files_are_played_when_asked_for(lean: LeanFolder) -> None:
    """One side a quote row; what the vendor marks suspicious is left out; sale before the open too."""
    trade = [f"{ms(9, 29)},1000000,100,P,0,0", f"{OPEN_MS}.5,1001000,100,P,0,0", f"{ms(9, 31)},5000000,100,P,0,1"]
    quote = [f"{ms(9, 29)},999000,100,0,0,P,1,0", f"{OPEN_MS},0,0,1002000,200,Q,1,0"]
    lean.zip("equity/usa/tick/xyz/20140605_trade.zip", {"t.csv": trade})
    lean.zip("equity/usa/tick/xyz/20140605_quote.zip", {"q.csv": quote})
    source = open_source(f"lean:{lean.root}?equity=tick")
    ticks = records(list(source.moments(MarketDataRequest(("XYZ",), THURSDAY, THURSDAY))), Tick)
    opens = new_york_us(THURSDAY, 9, 30)
    assert [(t.time_us - opens, t.bid_e4, t.ask_e4, t.last_e4, t.flags) for t in ticks] == [
        (0, 999_000, 1_002_000, 0, 0),
        (500, 999_000, 1_002_000, 1_001_000, 0),
    ]


def test_an_index_is_not_scaled_and_in_its_own_time_zone(lean: LeanFolder) -> None:
    lean.text(
        "market-hours/market-hours-database.json",
        '{"entries": {"Index-usa-IDX": {"dataTimeZone": "America/Chicago"}}}',
    )
    lean.zip("index/usa/minute/idx/20140605_trade.zip", {"i.csv": [f"{ms(8, 30)},1900.25,1900.25,1900.25,1900.25,0"]})
    source = open_source(f"lean:{lean.root}?warmup=none")
    (tick,) = records(list(source.moments(MarketDataRequest(("IDX",), THURSDAY, THURSDAY))), Tick)
    assert tick.last_e4 == 19_002_500
    assert tick.time_us == new_york_us(THURSDAY, 9, 30, 59)


# --- options ----------------------------------------------------------------------------------------------------


def test_each_side_of_an_option_quote_is_carried_forward_on_its_own(source: LeanSource) -> None:
    moments = play(source)
    assert row(chain_at(moments, 9, 45), "P", FRIDAY) | {"time": 0} == {
        "bid": 19_000, "ask": 0, "bid_size": 5, "ask_size": 0, "volume": 3, "open_interest": 321, "time": 0,
    }  # fmt: skip
    at_ten = row(chain_at(moments, 10, 0), "P", FRIDAY)
    assert (at_ten["bid"], at_ten["ask"], at_ten["bid_size"], at_ten["ask_size"]) == (19_000, 22_000, 5, 8)


def test_a_bar_is_not_seen_before_its_end(source: LeanSource) -> None:
    """The ask of the 09:45 bar is known at 09:46, the trades of the 09:59 bar at 10:00, the call of 10:03 at 10:05."""
    moments = play(source)
    assert row(chain_at(moments, 9, 45), "P", FRIDAY)["ask"] == 0
    assert row(chain_at(moments, 10, 0), "P", FRIDAY)["volume"] == 7
    assert "C" not in chain_at(moments, 10, 0).rights
    assert "C" in chain_at(moments, 10, 5).rights


def test_quotes_stand_while_the_feed_is_alive_and_grow_old_when_it_is_not(source: LeanSource) -> None:
    """The call's bar of 10:03 confirms the put's quote of 09:45; after it, nothing is heard any more."""
    moments = play(source)
    heard = {q.time_us: set(q.quote_times_us) for q in records(moments, OptionQuotes)}
    for asked, answered in (((9, 45), (9, 31)), ((10, 0), (9, 46)), ((10, 5), (10, 4)), ((16, 0), (10, 4))):
        assert heard[new_york_us(THURSDAY, *asked)] == {new_york_us(THURSDAY, *answered)}


def test_a_monthly_expiry_dated_on_saturday_is_fridays(source: LeanSource) -> None:
    q = chain_at(play(source), 10, 0)
    assert D(2014, 6, 20) in {day_of(e) for e in q.expiries}
    assert row(q, "P", D(2014, 6, 20))["bid"] == 30_000


def test_expiries_beyond_45_days_and_strikes_beyond_15_percent_are_left_out(source: LeanSource) -> None:
    q = chain_at(play(source), 10, 5)
    assert {day_of(e) for e in q.expiries} == {FRIDAY, D(2014, 6, 20)}
    assert set(q.strikes_e3) == {100_000}
    assert q.quality == LISTED
    assert set(q.ivs_e6) == {0}
    assert set(q.deltas_e2) == {-1}
    assert set(q.adv20s) == {-1}


def test_the_spot_of_a_chain_is_the_last_trade_known_then(source: LeanSource) -> None:
    moments = play(source)
    assert chain_at(moments, 9, 45).spot_e4 == 1_002_000
    assert chain_at(moments, 10, 0).spot_e4 == 1_003_000


def test_the_average_volume_comes_from_daily_trades_of_days_before(lean: LeanFolder) -> None:
    rows = ["20140603 00:00,1,1,1,1,40", "20140604 00:00,1,1,1,1,20", "20140605 00:00,1,1,1,1,9000"]
    name = "xyz_trade_american_put_1000000_20140606.csv"
    lean.zip("option/usa/daily/xyz_2014_trade_american.zip", {name: rows})
    q = chain_at(play(LeanSource(lean.root)), 10, 0)
    averages = dict(zip(q.expiries, q.adv20s, strict=True))
    assert averages == {day_number(FRIDAY): 30, day_number(D(2014, 6, 20)): 0}


def test_a_day_with_only_an_end_of_day_universe_has_no_option_quotes(lean: LeanFolder) -> None:
    lean.text("option/usa/universes/xyz/20140606.csv", "#expiry,strike", "20140606,100,P,1,1,1,1,1,1")
    assert not records(play(LeanSource(lean.root), FRIDAY), OptionQuotes)


def test_hourly_option_quotes_are_given_when_an_hour_ends(lean: LeanFolder) -> None:
    quote = ["20140606 09:00,1,1,1,18000,5,2,2,2,21000,6", "20140605 09:00,1,1,1,1,1,2,2,2,2,2"]
    lean.zip("option/usa/hour/xyz_2014_quote_american.zip", {"xyz_quote_american_put_1000000_20140606.csv": quote})
    (q,) = records(play(LeanSource(lean.root), FRIDAY), OptionQuotes)
    assert q.time_us == new_york_us(FRIDAY, 10)
    assert (q.bids_e4, q.asks_e4) == ([18_000], [21_000])


def test_crossed_quotes_are_passed_on(lean: LeanFolder) -> None:
    """Validation is the market processor's (protocol 5.2)."""
    lean.options("20140605", "quote", {"put_1000000_20140606": [f"{OPEN_MS},9,9,9,90000,1,5,5,5,50000,1"]})
    q = chain_at(play(LeanSource(lean.root)), 10, 0)
    assert (q.bids_e4, q.asks_e4) == ([90_000], [50_000])


# --- reference data ---------------------------------------------------------------------------------------------


def test_splits_and_dividends_come_from_the_factor_file(lean: LeanFolder) -> None:
    """2:1 in the warm-up, before the bars of its day; a dividend of 100.00 × (1 − 0.99) = 1.00 on Monday."""
    lean.text(
        "equity/usa/factor_files/xyz.csv", "20000103,0.99,0.5,1", "20140320,0.99,0.5,100", "20140606,0.99,1,100",
        "20501231,1,1,0",
    )  # fmt: skip
    moments = play(LeanSource(lean.root), THURSDAY, MONDAY)
    split, dividend = records(moments, CorporateAction)
    assert (split.kind, day_of(split.ex_session), split.ratio_new, split.ratio_old) == ("SPLIT", D(2014, 3, 21), 2, 1)
    assert (dividend.kind, day_of(dividend.ex_session), dividend.dividend_e4) == ("DIVIDEND", MONDAY, 10_000)
    assert dividend.time_us == new_york_us(MONDAY, 6)
    warm_up = moments[1].records
    after = warm_up[warm_up.index(split) + 1]
    assert isinstance(after, HistoricalBar)
    assert after.session == split.ex_session


def test_a_renamed_ticker_is_played_from_the_files_of_its_time(lean: LeanFolder) -> None:
    """XYZ traded as OLD up to Thursday; what is called xyz before that is another company's."""
    lean.text("equity/usa/map_files/xyz.csv", "20000103,old,Q", "20140605,old,Q", "20501231,xyz,Q")
    lean.daily(daily_rows(MONDAY, close=2_000_000), ticker="old")
    moments = play(LeanSource(lean.root), THURSDAY, FRIDAY)
    bars = records(moments, HistoricalBar)
    assert {b.close_e4 for b in bars} == {2_000_000}
    assert {b.symbol for b in bars} == {"XYZ"}
    assert [c.close_e4 for c in records(moments, OfficialClose)] == [2_000_000, 1_000_000]


def test_a_symbol_is_not_played_before_it_was_listed(lean: LeanFolder) -> None:
    lean.text("equity/usa/map_files/xyz.csv", "20140606,xyz,Q", "20501231,xyz,Q")
    with pytest.raises(AllUseError) as refused:
        LeanSource(lean.root).moments(MarketDataRequest(("XYZ",), THURSDAY, THURSDAY))
    assert refused.value.code == "DATA_NO_SESSIONS"


# --- what can be wrong with a folder ----------------------------------------------------------------------------

QUOTES = "option/usa/minute/xyz/20140605_quote_american.zip"


def test_a_doubled_zip_ending_is_found(lean: LeanFolder) -> None:
    path = lean.root / QUOTES
    path.rename(path.with_name(path.name + ".zip"))
    assert records(play(LeanSource(lean.root)), OptionQuotes)


@pytest.mark.parametrize(
    "path",
    [
        "equity/usa/daily/xyz.zip",
        "equity/usa/minute/xyz/20140605_trade.zip",
        "equity/usa/minute/xyz/20140605_quote.zip",
        QUOTES,
    ],
)
@pytest.mark.parametrize("keep", [0, 60, -30])
def test_a_cut_off_archive_is_named_before_the_first_moment(lean: LeanFolder, path: str, keep: int) -> None:
    target = lean.root / path
    target.write_bytes(target.read_bytes()[:keep])
    with pytest.raises(AllUseError) as refused:
        LeanSource(lean.root).moments(WEEK)
    assert refused.value.code == "DATA_FILE_TRUNCATED"
    assert refused.value.exit_code == 3
    assert str(target) in refused.value.message


def test_damage_inside_an_archive_is_named(lean: LeanFolder) -> None:
    target = lean.root / QUOTES
    data = bytearray(target.read_bytes())
    at = data.index(b"csv") + 10
    data[at : at + 20] = bytes(20)
    target.write_bytes(bytes(data))
    with pytest.raises(AllUseError) as refused:
        list(LeanSource(lean.root).moments(WEEK))
    assert refused.value.code == "DATA_FILE_TRUNCATED"
    assert str(target) in refused.value.message


@pytest.mark.parametrize(
    ("gone", "named"),
    [
        ("equity/usa/daily/xyz.zip", "equity/usa/daily/xyz.zip"),
        ("equity/usa/minute/xyz/20140605_trade.zip", "equity/usa/minute/xyz/20140605_trade.zip"),
        ("equity/usa/minute/xyz/20140605_quote.zip", "equity/usa/minute/xyz/20140605_quote.zip"),
    ],
)
def test_a_missing_file_is_named_before_the_first_moment(lean: LeanFolder, gone: str, named: str) -> None:
    (lean.root / gone).unlink()
    with pytest.raises(AllUseError) as refused:
        LeanSource(lean.root).moments(WEEK)
    assert refused.value.code == "DATA_FILE_MISSING"
    assert refused.value.exit_code == 3
    assert named in refused.value.message


def test_option_trades_without_their_quotes_are_an_error(lean: LeanFolder) -> None:
    (lean.root / QUOTES).unlink()
    with pytest.raises(AllUseError) as refused:
        LeanSource(lean.root).moments(WEEK)
    assert refused.value.code == "DATA_FILE_MISSING"
    assert "20140605_quote_american.zip" in refused.value.message


@pytest.mark.parametrize("row", ["34200000,abc,1,1,1,1", "34200000,1,1", "x,1,1,1,1,1"])
def test_a_row_that_is_not_as_the_format_says_is_named(lean: LeanFolder, row: str) -> None:
    lean.zip("equity/usa/minute/xyz/20140605_trade.zip", {"t.csv": [row]})
    with pytest.raises(AllUseError) as refused:
        list(LeanSource(lean.root).moments(WEEK))
    assert refused.value.code == "DATA_FILE_INVALID"
    assert "20140605_trade.zip" in refused.value.message


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AllUseError) as refused:
        open_source(f"lean:{tmp_path}/nowhere")
    assert refused.value.code == "DATA_FILE_MISSING"


def test_without_a_daily_file_a_run_is_possible_when_asked_for(lean: LeanFolder) -> None:
    (lean.root / "equity/usa/daily/xyz.zip").unlink()
    source = open_source(f"lean:{lean.root}?warmup=none")
    moments = list(source.moments(MarketDataRequest(("XYZ",), THURSDAY, FRIDAY)))
    assert not records(moments, HistoricalBar)
    assert [c.close_e4 for c in records(moments, OfficialClose)] == [1_001_000] * 2, "the last trade in regular hours"


@pytest.mark.parametrize("query", ["equity=second", "warmup=", "colour=red"])
def test_an_unknown_option_is_refused(lean: LeanFolder, query: str) -> None:
    with pytest.raises(AllUseError) as refused:
        open_source(f"lean:{lean.root}?{query}")
    assert refused.value.code == "BAD_SOURCE"
