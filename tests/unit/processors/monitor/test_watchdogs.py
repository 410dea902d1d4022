"""Protocol 17: the watchdogs propose; each says a thing once."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from domain.calendar import DAY, HOUR, MINUTE, SECOND, day_number
from processors.monitor.alerts import PRIMARY, SECONDARY
from processors.monitor.book import BookMonitor, load, save
from processors.monitor.plant import Look, Plant, Stage
from tests.unit.processors.monitor.world import CALENDAR, MONDAY, Book, at

TEN = at(10)


def _submitted(book: Book, at_us: int, version: int = 1) -> None:
    book.event("orders", "OrderSubmitted", at_us, order_id="o1", version=version)


# --- orders -----------------------------------------------------------------------------------------------------


def test_an_order_that_the_broker_does_not_answer_is_told_after_a_minute() -> None:
    book = Book()
    _submitted(book, TEN)
    book.tick(TEN + 59 * SECOND)
    assert book.proposals == []
    book.tick(TEN + 60 * SECOND)
    book.tick(TEN + 10 * MINUTE)
    assert book.proposals == ["Order without progress"]


@pytest.mark.parametrize(
    ("topic", "name", "fields"),
    [
        ("orders", "OrderAcknowledged", {"version": 1}),
        ("orders", "OrderRejected", {}),
        ("fills", "OrderFilled", {}),
        ("fills", "OrderPartiallyFilled", {}),
    ],
)
def test_an_answer_is_progress(topic: str, name: str, fields: dict[str, Any]) -> None:
    book = Book()
    _submitted(book, TEN)
    book.event(topic, name, TEN + SECOND, order_id="o1", **fields)
    book.tick(TEN + HOUR)
    assert book.proposals == []


def test_a_late_answer_to_an_older_version_is_none() -> None:
    book = Book()
    _submitted(book, TEN)
    book.event("orders", "OrderRepriced", TEN + SECOND, order_id="o1", version=2, limit_e4=1)
    book.event("orders", "OrderAcknowledged", TEN + 2 * SECOND, order_id="o1", version=1)
    book.tick(TEN + 2 * MINUTE)
    assert book.proposals == ["Order without progress"]


def test_an_answer_that_is_read_before_its_question_is_one() -> None:
    book = Book()
    book.event("fills", "OrderFilled", TEN + SECOND, order_id="o1")
    _submitted(book, TEN)
    book.tick(TEN + 2 * MINUTE)
    assert book.proposals == []


def test_one_topic_does_not_move_the_time_of_another() -> None:
    book = Book()
    _submitted(book, TEN)
    _raised(book, 1, TEN + HOUR)  # read ahead of the fill
    book.event("fills", "OrderFilled", TEN + SECOND, order_id="o1")
    book.tick(TEN + HOUR)
    assert book.proposals == []


def test_only_an_end_answers_a_cancellation() -> None:
    book = Book()
    book.event("orders", "OrderCancelRequested", TEN, order_id="o1", version=1)
    book.event("orders", "OrderAcknowledged", TEN + SECOND, order_id="o1", version=1)
    book.event("fills", "OrderPartiallyFilled", TEN + SECOND, order_id="o1")
    book.tick(TEN + 2 * MINUTE)
    assert book.proposals == ["Order without progress"]


# --- approvals --------------------------------------------------------------------------------------------------


def _asked(book: Book, expires_us: int) -> None:
    book.event(
        "protocol", "ApprovalRequested", TEN, approval_id="p1", kind="PREMIUM_BELOW_GATE", subject="TSLA",
        expires_at_us=expires_us, default_action="DENY",
    )  # fmt: skip


def test_an_unanswered_approval_is_recalled_at_half_and_nine_tenths_of_its_time() -> None:
    book = Book()
    _asked(book, TEN + 30 * MINUTE)
    book.tick(TEN + 15 * MINUTE - 1)
    assert book.proposals == []
    book.tick(TEN + 15 * MINUTE)
    book.tick(TEN + 20 * MINUTE)
    assert len(book.proposals) == 1
    book.tick(TEN + 27 * MINUTE)
    book.tick(TEN + 31 * MINUTE)
    assert len(book.proposals) == 2


def test_one_without_expiry_is_recalled_once_a_day() -> None:
    book = Book()
    _asked(book, 0)
    for hour in range(72):
        book.tick(TEN + hour * HOUR)
    assert len(book.proposals) == 2


@pytest.mark.parametrize(
    ("name", "fields", "count"),
    [
        ("ApprovalGranted", {"complete": True}, 0),
        ("ApprovalGranted", {"complete": False}, 1),
        ("ApprovalDenied", {}, 0),
        ("ApprovalExpired", {}, 0),
    ],
)
def test_an_answer_ends_the_reminders(name: str, fields: dict[str, Any], count: int) -> None:
    book = Book()
    _asked(book, TEN + 30 * MINUTE)
    book.event("protocol", name, TEN + MINUTE, approval_id="p1", **fields)
    book.tick(TEN + 20 * MINUTE)
    assert len(book.proposals) == count


def test_a_request_that_the_book_passes_on_is_told_to_the_secondary() -> None:
    book = Book()
    _asked(book, TEN + 30 * MINUTE)
    book.event("alerts", "AlertEscalated", TEN + 10 * MINUTE, alert_id="p1", to=SECONDARY, reason="no answer")
    assert [(n.kind, n.role, n.title) for n in book.notices] == [("ESCALATION", SECONDARY, "Approval unanswered")]


def test_a_monitor_that_was_away_past_the_expiry_recalls_nothing() -> None:
    book = Book()
    _asked(book, TEN + 30 * MINUTE)
    book.tick(TEN + 30 * MINUTE)
    assert book.proposals == []


# --- accounts ---------------------------------------------------------------------------------------------------


def _marked(book: Book, day: int, corpus: int) -> None:
    session = day_number(MONDAY) + day
    book.event("accounts", "PositionMarked", TEN + day * DAY, corpus=corpus, session=session)


def _opened(book: Book) -> None:
    book.event("accounts", "AccountOpened", TEN, account_id="S001-GEN-001", type="GEN")


def test_a_drawdown_is_told_at_two_thirds_of_the_breakers_limit_once() -> None:
    book = Book()
    _opened(book)
    for day, corpus in enumerate((100_00, 90_01, 90_00, 88_00, 96_00, 89_00)):
        _marked(book, day, corpus)
    assert book.proposals == ["Drawdown nears its limit", "Drawdown nears its limit"]  # at 90.00, and after 96.00


def test_a_contribution_moves_the_high() -> None:
    book = Book()
    _opened(book)
    _marked(book, 0, 100_00)
    book.event("accounts", "ContributionAllocated", TEN + HOUR, amount=50_00)
    _marked(book, 1, 134_00)
    assert len(book.proposals) == 1


def test_what_was_transferred_moves_the_high_once() -> None:
    book = Book()
    _opened(book)
    _marked(book, 0, 100_00)
    out: dict[str, Any] = {
        "transfer_id": "t1",
        "kind": "FORK",
        "from_account": "S001-GEN-001",
        "amount": 20_00,
        "reserve": 0,
    }
    book.event("accounts", "CapitalTransferInitiated", TEN + HOUR, to_account="S002", **out)
    book.event("accounts", "CapitalTransferred", TEN + HOUR, to_account="S002", **out)
    _marked(book, 1, 79_00)
    assert book.proposals == []
    book.event("accounts", "CapitalTransferred", TEN + DAY + HOUR, to_account="outside", **{**out, "transfer_id": "t2"})
    _marked(book, 2, 53_00)
    assert book.proposals == ["Drawdown nears its limit"]


def test_a_book_that_was_taken_over_keeps_its_high() -> None:
    book = Book()
    account = {"account_id": "S001-GEN-001", "type": "GEN", "base_capital": 80_00, "high": 100_00}
    book.event("accounts", "BookImported", TEN, account=None, accounts=[account])
    _marked(book, 0, 89_00)
    assert book.proposals == ["Drawdown nears its limit"]


def test_a_changed_limit_counts_from_the_next_valuation() -> None:
    book = Book()
    _opened(book)
    _marked(book, 0, 100_00)
    book.event("protocol", "ConfigurationChanged", TEN + HOUR, scope="SYSTEM", new={"breaker.drawdown_gen": "6"})
    _marked(book, 1, 96_00)
    assert len(book.proposals) == 1


def test_three_windows_without_premium_are_told_once() -> None:
    book = Book()
    skip = {"ticker": "NVDA", "reason": "PREMIUM_BELOW_MIN", "right": "P", "detail": ""}
    for day in range(5):
        book.event("signals", "EntrySkipped", TEN + day * DAY, **skip)
    assert book.proposals == ["Premiums stay too low"]


def test_an_entry_ends_the_count() -> None:
    book = Book()
    skip = {"ticker": "NVDA", "reason": "PREMIUM_BELOW_MIN", "right": "P", "detail": ""}
    for day in range(4):
        book.event("signals", "EntrySkipped", TEN + day * DAY, **skip)
        if day == 1:
            book.event("signals", "TradeSignalGenerated", TEN + day * DAY, ticker="NVDA")
    assert book.proposals == []


# --- frequency --------------------------------------------------------------------------------------------------


def _breach(book: Book, week: int, up: bool = True) -> None:
    levels = (0, 1) if up else (1, 0)
    at_us = at(10, day=MONDAY + dt.timedelta(weeks=week))
    book.event("protocol", "ProtocolLevelChanged", at_us, from_level=levels[0], to_level=levels[1])


def test_more_breaches_than_three_times_the_mean_are_told_once_a_week() -> None:
    book = Book()
    for week in range(-26, 0):
        _breach(book, week)
    for _ in range(3):
        _breach(book, 0)
    assert book.proposals == []
    for _ in range(3):
        _breach(book, 0)
    assert book.proposals == ["Unusually many breaches this week"]


def test_the_way_back_is_no_breach_and_young_books_have_no_mean() -> None:
    book = Book()
    for _ in range(20):
        _breach(book, 0)
    for _ in range(20):
        _breach(book, 10, up=False)
    assert book.proposals == []


def _raised(book: Book, number: int, at_us: int, source: str = "book") -> dict[str, Any]:
    return book.event(
        "alerts", "AlertRaised", at_us, alert_id=f"a{number}", type="PROTOCOL_BREACH", priority="LOW", ticker=None,
        title=f"t{number}", message="m", actor=source,
    )  # fmt: skip


def test_more_than_thirty_alerts_an_hour_are_told_once_an_hour() -> None:
    book = Book()
    for number in range(70):
        _raised(book, number, TEN + number * SECOND)
    assert book.proposals == ["Alerts come thick and fast"]


def test_the_monitors_own_alerts_do_not_count() -> None:
    book = Book()
    for number in range(70):
        _raised(book, number, TEN + number * SECOND, "monitor")
    assert book.proposals == []


# --- state ------------------------------------------------------------------------------------------------------


def test_an_event_that_is_read_again_changes_nothing() -> None:
    book = Book()
    event = book.event(
        "alerts", "AlertRaised", TEN, alert_id="a", type="TECHNICAL_ALERT", priority="HIGH", ticker=None, title="t",
        message="m",
    )  # fmt: skip
    before = save(book.monitor.state)
    assert book.monitor.take("alerts", "AlertRaised", event, CALENDAR) is False
    assert save(book.monitor.state) == before
    assert [n.role for n in book.notices] == [PRIMARY]


def test_a_state_that_was_saved_and_loaded_goes_on_as_if_nothing_had_been() -> None:
    book = Book()
    _opened(book)
    _asked(book, TEN + 30 * MINUTE)
    _submitted(book, TEN)
    _raised(book, 1, TEN)
    _breach(book, 0)
    again = BookMonitor("S001", load(save(book.monitor.state)), lambda notice: [f"log:{notice.role}"])
    for minute in (1, 16, 28, 24 * 60):
        book.tick(TEN + minute * MINUTE)
        again.tick(TEN + minute * MINUTE, CALENDAR)
    assert again.state == book.monitor.state


def test_a_proposal_is_the_same_command_whenever_it_is_decided() -> None:
    first, second = Book(), Book()
    for book, late in ((first, 60), (second, 90)):
        _submitted(book, TEN)
        book.tick(TEN + late * SECOND)
    assert first.monitor.state.outbox == second.monitor.state.outbox


# --- plant ------------------------------------------------------------------------------------------------------


def _stage(position: int, end: int, time_us: int = 0) -> dict[str, Stage]:
    return {"book": Stage(position, end, time_us)}


def test_a_feed_that_is_silent_in_a_session_is_stale_after_a_minute_and_lost_after_five() -> None:
    plant = Plant()
    said = {
        s: [(a.title, a.priority) for a in plant.look(Look(TEN + s * SECOND, TEN, {}), CALENDAR)]
        for s in (0, 59, 60, 120, 300, 400)
    }
    assert {s: titles for s, titles in said.items() if titles} == {
        60: [("Price feed stale", "HIGH")],
        300: [("Price feed lost", "CRITICAL")],
    }


def test_a_feed_may_be_silent_at_night_and_until_a_minute_after_the_open() -> None:
    plant = Plant()
    evening = at(16)
    assert plant.look(Look(at(20), evening, {}), CALENDAR) == []
    tuesday = MONDAY + dt.timedelta(days=1)
    assert plant.look(Look(at(9, 30, 59, tuesday), 0, {}), CALENDAR) == []
    assert [a.title for a in plant.look(Look(at(9, 31, 0, tuesday), 0, {}), CALENDAR)] == ["Price feed stale"]


def test_a_stage_that_commits_nothing_while_records_come_is_stalled() -> None:
    plant = Plant()
    assert plant.look(Look(TEN, 0, _stage(5, 5)), CALENDAR) == []
    assert plant.look(Look(TEN + 30 * SECOND, 0, _stage(5, 9)), CALENDAR) == []
    found = plant.look(Look(TEN + 60 * SECOND, 0, _stage(5, 9)), CALENDAR)
    assert [(a.title, a.priority) for a in found] == [("Stage book is stalled", "CRITICAL")]
    assert plant.look(Look(TEN + 90 * SECOND, 0, _stage(5, 12)), CALENDAR) == []
    assert plant.look(Look(TEN + 95 * SECOND, 0, _stage(12, 12)), CALENDAR) == []


def test_what_is_read_again_after_a_restart_is_no_stall() -> None:
    plant = Plant()
    for minute in range(10):
        assert plant.look(Look(TEN + minute * MINUTE, 0, _stage(5, 9)), CALENDAR) == []


def test_a_stage_that_is_late_for_a_minute_is_told_once() -> None:
    plant = Plant()
    late = [
        a.title
        for second in range(0, 300, 10)
        for a in plant.look(
            Look(TEN + second * SECOND, 0, _stage(second, second, TEN + second * SECOND - 2 * MINUTE)), CALENDAR
        )
    ]
    assert late == ["Stage book is late"]


# --- alert parameters of the book (15.1, 18) --------------------------------------------------------------------


def _raise(book: Book, number: int, at_us: int, *, type_: str, title: str = "", priority: str = "HIGH") -> None:
    book.event(
        "alerts", "AlertRaised", at_us, alert_id=f"a{number}", type=type_, priority=priority, ticker="TSLA",
        title=title or f"title {number}", message="in words",
    )  # fmt: skip


def _changed(book: Book, **new: str) -> None:
    named = {name.replace("__", "."): value for name, value in new.items()}
    book.event("protocol", "ConfigurationChanged", TEN, scope="SYSTEM", new=named)


@pytest.mark.parametrize(
    ("type_", "name"),
    [("PROTOCOL_BREACH", "protocol"), ("TRADE_OPPORTUNITY", "trade"), ("SYSTEM_STATUS", "status"),
     ("ACCOUNT_MANAGEMENT", "account"), ("TECHNICAL_ALERT", "technical")],
)  # fmt: skip
def test_the_hourly_limit_is_the_book_s(type_: str, name: str) -> None:
    book = Book()
    _changed(book, **{f"alert__hourly_limit__{name}": "2"})
    for number in range(4):
        _raise(book, number, TEN + number * 1_000_000, type_=type_)
    assert [notice.title for notice in book.notices] == ["title 0", "title 1"]


@pytest.mark.parametrize(("dedupe", "told"), [("10", 1), ("3", 2), ("0", 2)])
def test_how_long_a_repetition_is_counted_instead_of_told_is_the_book_s(dedupe: str, told: int) -> None:
    book = Book()
    _changed(book, alert__dedupe_min=dedupe)
    for number in range(2):
        _raise(book, number, TEN + number * 4 * 60_000_000, type_="COMPLIANCE", title="the same")
    assert len(book.notices) == told


@pytest.mark.parametrize(("digest", "hour"), [("16:45", 16), ("13:45", 13)])
def test_the_digest_comes_at_the_book_s_time(digest: str, hour: int) -> None:
    book = Book()
    _changed(book, alert__digest_time=digest)
    _raise(book, 1, TEN, type_="SYSTEM_STATUS", priority="LOW")
    book.tick(at(hour, 44))
    assert book.notices == []
    book.tick(at(hour, 45))
    assert [notice.kind for notice in book.notices] == ["DIGEST"]
