"""Sessions, weekly expiries, settlement days and UTC offsets against dates known from the exchange's notices."""

import datetime as dt

import pytest

from gateways.market.cadence import quote_times
from gateways.market.calendar import Sessions, day_number, day_of, is_bank_holiday_with_session, new_york_us

D = dt.date
MINUTE_US = 60_000_000


@pytest.fixture(scope="module")
def sessions() -> Sessions:
    return Sessions(D(2011, 1, 1), D(2016, 3, 31))


@pytest.mark.parametrize(
    ("day", "minutes"),
    [
        (D(2011, 11, 25), 210),
        (D(2012, 7, 3), 210),
        (D(2015, 12, 24), 210),
        (D(2012, 7, 5), 390),
        (D(2012, 12, 31), 390),
    ],
)
def test_sessions_open_at_0930_and_close_at_1600_or_1300(sessions: Sessions, day: D, minutes: int) -> None:
    session = sessions.on(day)
    assert session is not None
    assert session.open_us == new_york_us(day, 9, 30)
    assert session.close_us - session.open_us == minutes * MINUTE_US
    assert session.early_close == (minutes == 210)


@pytest.mark.parametrize("day", [D(2012, 10, 29), D(2012, 10, 30), D(2012, 4, 6), D(2012, 12, 25), D(2012, 6, 9)])
def test_hurricane_good_friday_christmas_and_saturdays_have_none(sessions: Sessions, day: D) -> None:
    assert sessions.on(day) is None


@pytest.mark.parametrize(
    ("day", "expiry"),
    [
        (D(2012, 4, 2), D(2012, 4, 5)),  # Good Friday
        (D(2012, 4, 6), D(2012, 4, 5)),
        (D(2012, 6, 4), D(2012, 6, 8)),
        (D(2015, 12, 21), D(2015, 12, 24)),  # Christmas on a Friday
        (D(2016, 1, 1), D(2015, 12, 31)),
    ],
)
def test_the_weekly_expiry_is_friday_or_the_session_before(sessions: Sessions, day: D, expiry: D) -> None:
    found = sessions.weekly_expiry(day)
    assert found is not None
    assert found.day == expiry


def test_the_nearest_expiries_include_today(sessions: Sessions) -> None:
    assert [e.day for e in sessions.weekly_expiries(D(2015, 12, 24), 2)] == [D(2015, 12, 24), D(2015, 12, 31)]
    assert [e.day for e in sessions.weekly_expiries(D(2015, 12, 25), 2)] == [D(2015, 12, 31), D(2016, 1, 8)]


@pytest.mark.parametrize(
    ("trade", "settles"),
    [
        (D(2012, 6, 7), D(2012, 6, 8)),
        (D(2012, 6, 8), D(2012, 6, 11)),
        (D(2012, 10, 5), D(2012, 10, 9)),  # Monday is Columbus Day: a session, no settlement
        (D(2012, 11, 9), D(2012, 11, 13)),  # Veterans Day is a Sunday, its holiday Monday
        (D(2015, 11, 10), D(2015, 11, 12)),
        (D(2012, 11, 21), D(2012, 11, 23)),
    ],
)
def test_trades_settle_on_the_next_session_with_open_banks(sessions: Sessions, trade: D, settles: D) -> None:
    assert sessions.settlement_day(trade) == settles


def test_veterans_day_on_a_saturday_moves_nothing() -> None:
    assert not is_bank_holiday_with_session(D(2017, 11, 10))
    assert not is_bank_holiday_with_session(D(2017, 11, 13))


def test_the_record_knows_when_the_clocks_change(sessions: Sessions) -> None:
    record = sessions.record(7)
    changes = list(zip([day_of(d) for d in record.offset_days], record.offsets_s, strict=True))
    assert changes[:3] == [(D(2011, 1, 1), -18_000), (D(2011, 3, 13), -14_400), (D(2011, 11, 6), -18_000)]
    assert record.time_us == 7
    assert record.sessions[0] == day_number(D(2011, 1, 3))
    assert record.sessions[-1] == day_number(D(2016, 3, 31))


def test_the_calendar_does_not_depend_on_the_wall_clock() -> None:
    """Years far back and far ahead are complete, though the library's own default window follows today."""
    assert Sessions(D(1998, 1, 1), D(1998, 12, 31)).on(D(1998, 1, 2)) is not None
    assert Sessions(D(2029, 1, 1), D(2029, 12, 31)).on(D(2029, 12, 24)) is not None


def test_quote_times_are_the_scans_and_the_quarter_hours(sessions: Sessions) -> None:
    full, early = sessions.on(D(2012, 6, 6)), sessions.on(D(2015, 12, 24))
    assert full is not None
    assert early is not None
    assert [(t - full.open_us) // MINUTE_US for t in quote_times(full)][:6] == [0, 15, 30, 35, 40, 45]
    assert len(quote_times(full)) == 39
    assert quote_times(early)[-1] == early.close_us
