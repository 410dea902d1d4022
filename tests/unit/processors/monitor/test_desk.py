"""Protocol 15.1: who is told of what, and when."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.calendar import HOUR, MINUTE, SECOND
from processors.monitor.alerts import LIMITED, OWNER, PRIMARY, SECONDARY, Decision, Notice, Suppressed
from processors.monitor.desk import Desk, DeskState
from tests.unit.processors.monitor.world import CALENDAR, POLICY, alert, at, minutes

FRIDAY = dt.date(2025, 6, 6)
TEN = at(10)


def desk() -> Desk:
    return Desk("S001", DeskState())


def take(desk: Desk, *args: object, **kwargs: object) -> list[Decision]:
    raised = alert(*args, **kwargs)  # type: ignore[arg-type]
    return desk.take(raised, raised.raised_us, POLICY, CALENDAR)


def tick(desk: Desk, now_us: int) -> list[Notice]:
    return [d for d in desk.tick(now_us, POLICY, CALENDAR) if isinstance(d, Notice)]


def told(decisions: list[Decision]) -> list[tuple[str, str]]:
    return [(d.kind, d.role) for d in decisions if isinstance(d, Notice)]


@pytest.mark.parametrize("priority", ["CRITICAL", "HIGH", "MEDIUM"])
def test_in_a_session_an_alert_is_told_at_once(priority: str) -> None:
    assert told(take(desk(), "a", TEN, priority=priority)) == [("ALERT", PRIMARY)]


@pytest.mark.parametrize("priority", ["CRITICAL", "HIGH"])
def test_what_is_urgent_is_told_at_night_too(priority: str) -> None:
    assert told(take(desk(), "a", at(3), priority=priority)) == [("ALERT", PRIMARY)]


def test_medium_waits_for_the_next_open() -> None:
    sits = desk()
    assert take(sits, "a", at(17, day=FRIDAY), priority="MEDIUM") == []
    assert tick(sits, at(9, 29, 59)) == []
    assert told(list(tick(sits, at(9, 30)))) == [("ALERT", PRIMARY)]


def test_medium_that_is_acknowledged_while_it_waits_is_not_told() -> None:
    sits = desk()
    take(sits, "a", at(17, day=FRIDAY), priority="MEDIUM")
    sits.acknowledged("a")
    assert tick(sits, at(10)) == []


def test_critical_goes_to_the_secondary_after_5_min_and_to_the_owner_after_15() -> None:
    sits = desk()
    take(sits, "a", TEN, priority="CRITICAL")
    assert tick(sits, TEN + 5 * MINUTE - 1) == []
    assert [n.role for n in tick(sits, TEN + 5 * MINUTE)] == [SECONDARY]
    assert [n.role for n in tick(sits, TEN + 15 * MINUTE)] == [OWNER]
    assert tick(sits, TEN + 10 * HOUR) == []


def test_high_goes_to_the_secondary_after_15_min() -> None:
    sits = desk()
    take(sits, "a", TEN, priority="HIGH")
    assert tick(sits, TEN + 15 * MINUTE - 1) == []
    assert [(n.kind, n.role) for n in tick(sits, TEN + 15 * MINUTE)] == [("ESCALATION", SECONDARY)]


def test_medium_goes_on_after_a_business_day() -> None:
    sits = desk()
    take(sits, "a", at(15, day=FRIDAY), priority="MEDIUM")
    assert tick(sits, at(14, 59)) == []
    assert [n.role for n in tick(sits, at(15))] == [SECONDARY]


def test_a_monitor_that_was_away_tells_every_step_it_has_missed() -> None:
    sits = desk()
    take(sits, "a", TEN, priority="CRITICAL")
    assert [n.role for n in tick(sits, TEN + HOUR)] == [SECONDARY, OWNER]


def test_what_is_acknowledged_goes_to_nobody_else() -> None:
    sits = desk()
    take(sits, "a", TEN, priority="CRITICAL")
    tick(sits, TEN + 5 * MINUTE)
    sits.acknowledged("a")
    assert tick(sits, TEN + HOUR) == []


def test_an_escalation_of_the_book_is_told_once() -> None:
    sits = desk()
    take(sits, "a", TEN, priority="CRITICAL")
    assert told(sits.escalated("a", SECONDARY, TEN + 4 * MINUTE)) == [("ESCALATION", SECONDARY)]
    assert sits.escalated("a", SECONDARY, TEN + 4 * MINUTE) == []
    assert [n.role for n in tick(sits, TEN + 14 * MINUTE)] == []
    assert [n.role for n in tick(sits, TEN + 15 * MINUTE)] == [OWNER]


def test_a_duplicate_within_10_min_is_counted_and_not_told() -> None:
    sits = desk()
    take(sits, "a", TEN, title="same")
    (first,) = take(sits, "b", TEN + 9 * MINUTE, title="same")
    (second,) = take(sits, "c", TEN + 9 * MINUTE + SECOND, title="same")
    assert isinstance(first, Suppressed)
    assert isinstance(second, Suppressed)
    assert (first.reason, first.of_alert_id, first.count) == ("DUPLICATE", "a", 1)
    assert second.count == 2
    assert told(take(sits, "d", TEN + 10 * MINUTE, title="same")) == [("ALERT", PRIMARY)]


def test_an_escalation_says_how_often_it_came() -> None:
    sits = desk()
    take(sits, "a", TEN, title="same")
    take(sits, "b", TEN + MINUTE, title="same")
    (escalation,) = tick(sits, TEN + 15 * MINUTE)
    assert "1 more times" in escalation.message


@pytest.mark.parametrize("change", [{"source": "monitor"}, {"type_": "TECHNICAL_ALERT"}, {"ticker": "NVDA"}])
def test_another_source_type_or_subject_is_no_duplicate(change: dict[str, str]) -> None:
    sits = desk()
    take(sits, "a", TEN, title="same")
    assert told(take(sits, "b", TEN + SECOND, title="same", **change)) == [("ALERT", PRIMARY)]


def test_a_duplicate_that_is_more_urgent_is_told() -> None:
    sits = desk()
    take(sits, "a", TEN, title="same", priority="MEDIUM")
    assert told(take(sits, "b", TEN + SECOND, title="same", priority="HIGH")) == [("ALERT", PRIMARY)]
    assert not told(take(sits, "c", TEN + SECOND, title="same", priority="HIGH"))


@pytest.mark.parametrize("type_", list(LIMITED))
def test_beyond_the_hourly_limit_alerts_are_folded_into_one_summary(type_: str) -> None:
    sits, limit = desk(), POLICY.hourly[type_]
    for number in range(limit):
        assert told(take(sits, f"a{number}", TEN + number, type_=type_))
    for number in range(3):
        (held,) = take(sits, f"b{number}", TEN + MINUTE + number, type_=type_, title=f"held {number % 2}")
        assert isinstance(held, Suppressed)
    summaries = [n for n in tick(sits, TEN + 2 * HOUR) if n.kind == "SUMMARY"]
    (summary,) = summaries
    assert summary.type == type_
    assert summary.message.splitlines()[0] in ("1 x TSLA held 0", "2 x TSLA held 0")


def test_a_type_without_a_limit_is_never_folded() -> None:
    sits = desk()
    assert all(told(take(sits, f"a{n}", TEN + n, type_="SECURITY")) for n in range(200))


def test_low_stands_in_the_digest_of_the_day() -> None:
    sits = desk()
    assert take(sits, "a", at(11), priority="LOW") == []
    assert take(sits, "b", at(12), priority="LOW") == []
    assert tick(sits, at(16, 44)) == []
    (digest,) = tick(sits, at(16, 45))
    assert (digest.kind, digest.priority, digest.title) == ("DIGEST", "LOW", "Digest: 2 notices")
    assert tick(sits, at(16, 46)) == []


def test_low_of_a_saturday_waits_for_mondays_digest() -> None:
    sits = desk()
    take(sits, "a", at(10, 5, day=dt.date(2025, 6, 7)), priority="LOW")
    assert tick(sits, at(16, 44)) == []
    assert [n.kind for n in tick(sits, at(16, 45))] == ["DIGEST"]


# --- properties -------------------------------------------------------------------------------------------------

ALERTS = st.lists(
    st.tuples(
        st.integers(0, minutes(20)),
        st.sampled_from(["CRITICAL", "HIGH", "MEDIUM", "LOW"]),
        st.sampled_from([*LIMITED, "COMPLIANCE"]),
        st.integers(0, 5),
        st.booleans(),
    ),
    max_size=80,
)


@given(ALERTS)
def test_no_alert_is_lost_none_is_told_twice_critical_never_waits(
    history: list[tuple[int, str, str, int, bool]],
) -> None:
    sits, now, decisions, raised = desk(), at(8), list[Decision](), dict[str, str]()
    for number, (pause, priority, type_, title, acknowledged) in enumerate(history):
        now += pause
        decisions += sits.tick(now, POLICY, CALENDAR)
        before = len(decisions)
        identity = f"a{number}"
        raised[identity] = priority
        decisions += take(sits, identity, now, priority=priority, type_=type_, title=f"t{title}")
        if priority == "CRITICAL":
            assert told(decisions[before:]) == [("ALERT", PRIMARY)]
        if acknowledged and (priority in ("CRITICAL", "HIGH")):
            sits.acknowledged(identity)
    for _ in range(12):
        now += 12 * HOUR
        decisions += sits.tick(now, POLICY, CALENDAR)
    assert sits.state.waiting == {}
    assert sits.state.folded == {}
    assert sits.state.digest == []
    alone = [d.alert_id for d in decisions if isinstance(d, Notice) and d.kind == "ALERT"]
    held = [d.alert_id for d in decisions if isinstance(d, Suppressed)]
    assert len(set(alone)) == len(alone)
    assert sorted([*alone, *held]) == sorted(i for i, priority in raised.items() if _not_low(priority, i, held))
    ids = [d.notice_id for d in decisions if isinstance(d, Notice)]
    assert len(set(ids)) == len(ids)


def _not_low(priority: str, identity: str, held: list[str]) -> bool:
    """A LOW alert stands in a digest, unless it was a duplicate."""
    return priority != "LOW" or identity in held


@given(ALERTS)
def test_in_no_hour_more_of_a_type_are_told_than_its_limit(history: list[tuple[int, str, str, int, bool]]) -> None:
    sits, now, decisions = desk(), at(8), list[Decision]()
    for number, (pause, priority, type_, _, _) in enumerate(history):
        now += pause
        decisions += sits.tick(now, POLICY, CALENDAR)
        decisions += take(sits, f"a{number}", now, priority=priority, type_=type_)
    for type_, limit in POLICY.hourly.items():
        times = [
            d.at_us
            for d in decisions
            if isinstance(d, Notice) and d.kind == "ALERT" and d.type == type_ and d.priority != "CRITICAL"
        ]
        summaries = [d.at_us for d in decisions if isinstance(d, Notice) and d.kind == "SUMMARY" and d.type == type_]
        for start in times:
            assert sum(start <= t < start + HOUR for t in times) <= limit
        assert all(b - a >= HOUR for a, b in pairwise(summaries))
