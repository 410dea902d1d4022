"""What every market data source must pass: subclass the suite, give `source`, `request_`.

The promises are those of `gateways/market/port.py`.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterator

import pytest

from domain.inputs import (
    CorporateAction,
    EarningsDate,
    HistoricalBar,
    OfficialClose,
    OptionQuotes,
    SessionCalendar,
    Tick,
)
from gateways.market.calendar import day_number
from gateways.market.port import LISTED, MODELLED, MarketDataRequest, MarketDataSource, MarketRecord, Moment
from infra.errors import AllUseError, RequestError

DAY_US = 86_400_000_000
RECORDS = (SessionCalendar, HistoricalBar, CorporateAction, EarningsDate, Tick, OptionQuotes, OfficialClose)


class MarketDataConformance:
    """The suite. `source` makes the adapter, `request_` is a range it has data for."""

    has_warm_up = True

    @pytest.fixture(scope="class")
    @classmethod
    def source(cls) -> MarketDataSource:
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def request_(cls) -> MarketDataRequest:
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def moments(cls, source: MarketDataSource, request_: MarketDataRequest) -> list[Moment]:
        return list(source.moments(request_))

    def test_moments_are_strictly_increasing_and_hold_only_their_own_time(self, moments: list[Moment]) -> None:
        """A watermark after a moment closes it: no later record may have a time at or before it."""
        before = -1
        for moment in moments:
            assert moment.time_us > before
            assert moment.records, "a moment without records is none"
            for record in moment.records:
                assert before < record.time_us <= moment.time_us, record
                if not isinstance(record, Tick):
                    assert record.time_us == moment.time_us, record
            before = moment.time_us

    def test_records_are_those_of_the_contract(self, moments: list[Moment]) -> None:
        assert all(isinstance(r, RECORDS) for r in _records(moments))

    def test_the_calendar_comes_first_and_once_and_covers_the_run(
        self, moments: list[Moment], request_: MarketDataRequest
    ) -> None:
        (calendar,) = moments[0].records
        assert isinstance(calendar, SessionCalendar)
        assert sum(isinstance(r, SessionCalendar) for r in _records(moments)) == 1
        n = len(calendar.sessions)
        assert calendar.sessions == sorted(set(calendar.sessions))
        assert len(calendar.opens_us) == len(calendar.closes_us) == len(calendar.settlements) == n
        assert calendar.sessions[0] <= day_number(request_.from_day) - 360
        assert calendar.sessions[-1] >= day_number(request_.to_day) + 117
        for day, opens, closes, settles in zip(
            calendar.sessions, calendar.opens_us, calendar.closes_us, calendar.settlements, strict=True
        ):
            assert day * DAY_US < opens < closes < (day + 1) * DAY_US
            assert day < settles <= day + 6
        assert len(calendar.offset_days) == len(calendar.offsets_s)
        assert calendar.offset_days[0] <= calendar.sessions[0]
        assert set(calendar.offsets_s) <= {-14_400, -18_000}

    def test_the_warm_up_is_the_year_before_and_ends_before_the_first_open(self, moments: list[Moment]) -> None:
        calendar = _calendar(moments)
        first = _first_session(moments)
        at_open = calendar.opens_us[calendar.sessions.index(first)]
        bars = [r for r in _records(moments) if isinstance(r, HistoricalBar)]
        if not self.has_warm_up:
            assert not bars
            return
        assert bars
        assert all(b.time_us < at_open and b.session < first for b in bars)
        assert [b.session for b in bars] == sorted(b.session for b in bars)
        assert max(Counter((b.symbol, b.session) for b in bars).values()) == 1
        for symbol in {b.symbol for b in bars}:
            sessions = [b.session for b in bars if b.symbol == symbol]
            expected = [s for s in calendar.sessions if sessions[0] <= s < first]
            assert sessions == expected, "no session missing"
            assert len(sessions) >= 240
        for b in bars:
            assert 0 < b.low_e4 <= min(b.open_e4, b.close_e4) <= max(b.open_e4, b.close_e4) <= b.high_e4
            assert b.volume >= 0

    def test_ticks_and_quotes_lie_in_regular_hours_and_closes_follow(self, moments: list[Moment]) -> None:
        calendar = _calendar(moments)
        hours = dict(zip(calendar.sessions, zip(calendar.opens_us, calendar.closes_us, strict=True), strict=True))
        for r in _records(moments):
            if isinstance(r, (Tick, OptionQuotes)):
                opens, closes = hours[r.time_us // DAY_US]
                assert opens <= r.time_us <= closes, r
            elif isinstance(r, OfficialClose):
                assert r.time_us == hours[r.session][1] + 300_000_000, r

    def test_a_symbols_ticks_do_not_go_back_in_time(self, moments: list[Moment]) -> None:
        last: dict[str, int] = {}
        for r in _records(moments):
            if isinstance(r, Tick):
                assert r.time_us >= last.get(r.symbol, 0), r
                last[r.symbol] = r.time_us

    def test_only_what_was_asked_for(self, moments: list[Moment], request_: MarketDataRequest) -> None:
        first, last = day_number(request_.from_day), day_number(request_.to_day)
        for r in _records(moments):
            if isinstance(r, SessionCalendar):
                continue
            assert (r.underlying if isinstance(r, OptionQuotes) else r.symbol) in request_.symbols
            if isinstance(r, (Tick, OptionQuotes)):
                assert first <= r.time_us // DAY_US <= last

    def test_each_session_with_ticks_has_one_close_a_symbol(self, moments: list[Moment]) -> None:
        played = {(r.symbol, r.time_us // DAY_US) for r in _records(moments) if isinstance(r, Tick)}
        closes = Counter((r.symbol, r.session) for r in _records(moments) if isinstance(r, OfficialClose))
        assert set(closes) == played
        assert set(closes.values()) == {1}
        assert all(r.close_e4 > 0 for r in _records(moments) if isinstance(r, OfficialClose))

    def test_option_quotes_are_parallel_and_in_range(self, moments: list[Moment], source: MarketDataSource) -> None:
        quality = source.describe().option_quality
        assert quality in (MODELLED, LISTED)
        calendar = _calendar(moments)
        sessions = set(calendar.sessions)
        for r in _records(moments):
            if not isinstance(r, OptionQuotes):
                continue
            n = len(r.rights)
            assert n
            lists = (
                r.expiries, r.strikes_e3, r.bids_e4, r.asks_e4, r.bid_sizes, r.ask_sizes, r.quote_times_us, r.volumes,
                r.open_interests, r.adv20s, r.ivs_e6, r.deltas_e2,
            )  # fmt: skip
            assert all(len(c) == n and all(type(v) is int for v in c) for c in lists)
            assert r.quality == quality
            assert r.spot_e4 > 0
            assert set(r.rights) <= {"P", "C"}
            assert set(r.expiries) <= sessions, "an expiry is a session"
            assert min(r.expiries) >= r.time_us // DAY_US
            assert len(set(zip(r.expiries, r.rights, r.strikes_e3, strict=True))) == n, "a contract stands once"
            assert min(r.strikes_e3) > 0
            assert min(*r.bids_e4, *r.asks_e4, *r.bid_sizes, *r.ask_sizes, *r.volumes, *r.open_interests) >= 0
            assert max(r.quote_times_us) <= r.time_us, "no quote from the future"
            assert min(r.quote_times_us) // DAY_US == r.time_us // DAY_US, "a quote of the day"
            assert min(r.adv20s) >= -1
            assert min(r.deltas_e2) >= -1
            assert max(r.deltas_e2) <= 10_000
            assert min(r.ivs_e6) >= 0

    def test_volumes_only_grow_in_a_session(self, moments: list[Moment]) -> None:
        last: dict[tuple[int, str, int, str, int], int] = {}
        for r in _records(moments):
            if isinstance(r, OptionQuotes):
                for e, right, k, v in zip(r.expiries, r.rights, r.strikes_e3, r.volumes, strict=True):
                    contract = (r.time_us // DAY_US, r.underlying, e, right, k)
                    assert v >= last.get(contract, 0)
                    last[contract] = v

    def test_the_same_request_gives_the_same_records(
        self, source: MarketDataSource, request_: MarketDataRequest, moments: list[Moment]
    ) -> None:
        assert list(source.moments(request_)) == moments

    def test_a_day_does_not_depend_on_the_first_day_asked_for(
        self, source: MarketDataSource, request_: MarketDataRequest, moments: list[Moment]
    ) -> None:
        last = max(r.session for r in _records(moments) if isinstance(r, OfficialClose))
        day = dt.date(1970, 1, 1) + dt.timedelta(days=last)
        alone = list(source.moments(MarketDataRequest(request_.symbols, day, day)))
        start = _calendar(alone).opens_us[_calendar(alone).sessions.index(last)]
        assert [m for m in alone if m.time_us >= start] == [m for m in moments if m.time_us >= start]

    def test_an_unknown_symbol_is_refused_before_the_first_moment(
        self, source: MarketDataSource, request_: MarketDataRequest
    ) -> None:
        with pytest.raises(RequestError) as refused:
            source.moments(MarketDataRequest(("NOSUCH",), request_.from_day, request_.to_day))
        assert refused.value.code == "UNKNOWN_SYMBOL"
        assert refused.value.exit_code == 2

    def test_a_range_without_sessions_is_refused(self, source: MarketDataSource, request_: MarketDataRequest) -> None:
        saturday = request_.from_day + dt.timedelta(days=5 - request_.from_day.weekday())
        with pytest.raises(AllUseError) as refused:
            source.moments(MarketDataRequest(request_.symbols, saturday, saturday))
        assert refused.value.code == "DATA_NO_SESSIONS"
        assert refused.value.exit_code == 3


def _records(moments: list[Moment]) -> Iterator[MarketRecord]:
    return (r for m in moments for r in m.records)


def _calendar(moments: list[Moment]) -> SessionCalendar:
    calendar = moments[0].records[0]
    assert isinstance(calendar, SessionCalendar)
    return calendar


def _first_session(moments: list[Moment]) -> int:
    return next(r.time_us // DAY_US for r in _records(moments) if isinstance(r, Tick))
