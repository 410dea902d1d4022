"""Commands from book to book: exactly once, in the same place of every journal, whoever dies on the way."""

import os
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from domain import book as rules
from domain import commands as c
from domain import inputs as i
from domain.decision import Decision
from domain.identity import partition_of
from domain.schedule import on_timer
from infra.stream.contract import Message, Output
from processors.book import task as task_module
from processors.book.crossing import Crossing, Origin, origin_of
from processors.book.digest import BrokenJournal, digest_of
from processors.book.journal import JournalKey, read_key
from processors.book.task import BookProcessor, BookTask
from processors.runtime.memory import MemoryLog, MemoryRuntime
from schemas.codec import Codec
from schemas.records import from_plain
from tests.integration.runtime.relay import fee, relay
from tests.unit.processors.book.recorded import Reader
from tests.unit.processors.book.relayed import (
    BOOKS,
    DAY_US,
    DELAY_US,
    HOUR_US,
    T0,
    P,
    disturbed,
    feed,
    fees_of,
    undisturbed,
)

CODEC = Codec.load()
EXAMPLES = 200 if os.environ.get("ALLUSE_CHAOS") else 12
PATHS = [
    "S001,S002,S004,S001", "S002,S001,S002", "S004,S003;S001;S005", "S005,S004,S005,S002", "S001,S003,S001",
    "S002,S002", "S003,S002;S002", "S001,S005", "S005,S001;S001,S004;S002", "S004,S004,S004",
]  # fmt: skip
"""Both ways, around, to itself, to its own partition, the same book twice at the same time."""


@pytest.fixture(autouse=True)
def relaying(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(rules.COMMAND_RULES, c.RecordFee, relay)


def hops(paths: list[str]) -> int:
    """How many commands the paths send."""
    return sum(
        len([book for way in path.partition(",")[2].split(";") for book in way.split(",") if book]) for path in paths
    )


def entries(log: MemoryLog, partition: int) -> list[tuple[JournalKey, bytes]]:
    return [(read_key(m.key or b""), m.value or b"") for m in log.records("journal", partition)]


def from_books(log: MemoryLog) -> list[tuple[int, JournalKey, c.RecordFee]]:
    return [
        (p, key, from_plain(c.RecordFee, CODEC.decode(value)[1]))
        for p in range(P)
        for key, value in entries(log, p)
        if key.source.startswith("book-")
    ]


def sent(log: MemoryLog) -> list[tuple[int, Message, Origin]]:
    found = ((p, m, origin_of(m)) for p in range(P) for m in log.records("commands", p))
    return [(p, m, origin) for p, m, origin in found if origin is not None]


def promises(log: MemoryLog, partition: int) -> list[i.BookPromise]:
    header = CODEC.header("BookPromise")
    values = [m.value or b"" for m in log.records("commands", partition)]
    return [from_plain(i.BookPromise, CODEC.decode(v)[1]) for v in values if v[:5] == header]


# --- what is sent and taken ---------------------------------------------------------------------------------------


def test_a_command_is_taken_by_the_other_book_half_a_day_later() -> None:
    """Given S001 in partition 1, when a fee goes on to S002 in partition 3, then it is taken 12 h after, once."""
    at = T0 + 5 * HOUR_US
    log, _ = undisturbed(feed([fee("f", "S001", at, "S002")]))

    ((partition, record, origin),) = sent(log)
    ((taker, key, command),) = from_books(log)

    assert (partition, record.key) == (partition_of("S002", P), b"S002")
    assert (origin.partition, origin.source_seq, origin.time_us) == (partition_of("S001", P), 0, at + DELAY_US)
    assert (taker, key.source, key.source_seq, key.time_us) == (partition, "book-1", 0, at + DELAY_US)
    assert (key.disposition, command.header.time_us) == ("taken", at + DELAY_US)
    cause, _ = entries(log, 1)[origin.sequence]
    assert (cause.time_us, cause.source) == (at, "commands")


def test_books_of_one_partition_send_each_other_commands_by_the_same_way() -> None:
    assert partition_of("S001", P) == partition_of("S003", P) == 1
    log, runtime = undisturbed(feed([fee("f", "S001", T0 + HOUR_US, "S003,S001")]))

    assert [(p, key.source, key.source_seq, key.time_us) for p, key, _ in from_books(log)] == [
        (1, "book-1", 0, T0 + HOUR_US + DELAY_US), (1, "book-1", 1, T0 + HOUR_US + 2 * DELAY_US),
    ]  # fmt: skip
    task: Any = runtime.task("book", 1)
    assert task.partition.books["S001"].accounts["S001-GEN-001"].balance("FEES") == 200


def test_at_the_same_time_the_market_comes_first_and_books_by_their_partition() -> None:
    at = T0 + 3 * HOUR_US
    log, _ = undisturbed(feed([fee(f"f-{book}", book, at, "S004") for book in ("S002", "S001", "S005", "S004")]))

    together = [key.source for key, _ in entries(log, partition_of("S004", P)) if key.time_us == at + DELAY_US]

    assert together == ["market/0", "book-0", "book-1", "book-2", "book-3"]


def test_the_log_may_have_another_delay() -> None:
    inputs = feed([fee("f", "S001", T0 + HOUR_US, "S002")])
    header = CODEC.header("LogOpened")
    opened = from_plain(i.LogOpened, CODEC.decode(inputs[0].value or b"")[1])
    own = replace(opened, book_delay_us=HOUR_US)
    log, _ = undisturbed(
        [r._replace(value=CODEC.encode_record(own)) if (r.value or b"")[:5] == header else r for r in inputs]
    )

    assert [key.time_us for _, key, _ in from_books(log)] == [T0 + 2 * HOUR_US]


def test_a_log_of_one_partition_may_lie_in_any_and_waits_for_no_other() -> None:
    only = [r for r in feed([fee("f", "S001", T0 + HOUR_US, "S003,S002")], books=("S001", "S003")) if r.partition == 1]
    header = CODEC.header("LogOpened")
    opened = from_plain(i.LogOpened, CODEC.decode(only[0].value or b"")[1])
    own = CODEC.encode_record(replace(opened, partitions=1))
    log, runtime = undisturbed([r._replace(value=own) if (r.value or b"")[:5] == header else r for r in only])

    assert [(p, key.source, key.disposition) for p, key, _ in from_books(log)] == [
        (1, "book-1", "taken"), (1, "book-1", "refused"),
    ]  # fmt: skip
    assert not promises(log, 0)
    task: Any = runtime.task("book", 1)
    assert task.horizon_us > T0 + 6 * DAY_US
    digest_of(log.records, P)


def test_a_recorded_log_without_a_delay_is_refused() -> None:
    with pytest.raises(ValueError, match="must be positive"):
        Crossing(0).open(i.LogOpened("x", P, 1, "CRC32", 1, 1, True, 0))


def test_live_a_command_is_taken_as_it_comes_with_the_time_of_its_cause() -> None:
    log = MemoryLog(P)
    runtime = MemoryRuntime(log, [(BookProcessor(), P)])
    header = CODEC.header("LogOpened")
    live = CODEC.encode_record(i.LogOpened("live", P, 1, "CRC32", 1_000_000, 100_000, False))
    for record in feed([], days=1):  # the calendar must be there before a command that comes live
        log.append(*(record._replace(value=live) if (record.value or b"")[:5] == header else record))
        runtime.run()
    at = T0 + 3 * DAY_US  # behind the watermark of the commands, which is an entry of a live log too
    log.append("commands", 1, b"S001", CODEC.encode_record(fee("f", "S001", at, "S002,S001")))
    runtime.run()

    assert not any(promises(log, p) for p in range(P))
    assert [(p, origin.time_us, origin.source_seq) for p, _, origin in sent(log)] == [(1, at, 0), (3, at, 0)]
    assert [key.time_us for key, _ in entries(log, 3) if key.source == "commands"][-1] == at
    task: Any = runtime.task("book", 1)
    assert task.partition.books["S001"].accounts["S001-GEN-001"].balance("FEES") == 200
    digest_of(log.records, P)
    for partition in range(P):
        again = BookTask(partition)
        again.restore(Reader(log, partition))  # the fold sends the same again


# --- what the journal proves --------------------------------------------------------------------------------------


def _altered(message: Message) -> Message | None:
    return message._replace(value=(message.value or b"").replace(b"S002-GEN-001", b"S002-REV-001"))


def _lost(message: Message) -> Message | None:
    return None


def _unsigned(message: Message) -> Message | None:
    return message._replace(headers=None)


@pytest.mark.parametrize("change", [_altered, _lost, _unsigned])
def test_a_command_that_was_tampered_with_is_found(change: Callable[[Message], Message | None]) -> None:
    log, _ = undisturbed(feed([fee("f", "S001", T0 + HOUR_US, "S002")]))
    digest_of(log.records, P)

    def records(topic: str, partition: int) -> list[Message]:
        changed = (change(m) if topic == "commands" and origin_of(m) else m for m in log.records(topic, partition))
        return [m for m in changed if m is not None]

    with pytest.raises(BrokenJournal, match="partition 1"):
        digest_of(records, P)


# --- parked books -------------------------------------------------------------------------------------------------


def letters(log: MemoryLog) -> list[i.DeadLetter]:
    return [
        from_plain(i.DeadLetter, CODEC.decode(m.value or b"")[1])
        for p in range(P)
        for m in log.records("dead-letters", p)
    ]


def _failing_on(command_id: str) -> Callable[[Decision, c.RecordFee], Any]:
    def failing(d: Decision, command: c.RecordFee) -> Any:
        answer = relay(d, command)
        if command.header.command_id == command_id:
            raise ZeroDivisionError("a bug in a rule")
        return answer

    return failing


def test_a_parked_book_keeps_the_command_for_its_release(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given S002 parked by a poison record, when S001 sends it a command, then that is a dead letter; released it
    counts."""
    monkeypatch.setitem(rules.COMMAND_RULES, c.RecordFee, _failing_on("poison"))
    at = T0 + HOUR_US
    log, runtime = undisturbed(feed([fee("f", "S001", at, "S002"), fee("poison", "S002", at)]))

    _, kept = letters(log)
    ((_, key, _),) = from_books(log)
    assert (key.disposition, kept.topic, kept.book) == ("parked", "commands", "S002")
    release = c.CommandHeader("release", "S002", T0, 0, "USER", "ops", "OPERATOR", "release")
    log.append("commands", 3, b"S002", CODEC.encode_record(c.ReleaseBook(release, [kept.value_hex])))
    runtime.run()
    task: Any = runtime.task("book", 3)
    assert task.partition.books["S002"].accounts["S002-GEN-001"].balance("FEES") == 100


def test_a_rule_that_fails_on_the_command_parks_only_its_book(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(rules.COMMAND_RULES, c.RecordFee, _failing_on("f0>0S002"))
    inputs = feed(fees_of(["S001,S002,S001", "S004,S003,S001"]))
    log, runtime = undisturbed(inputs)

    assert {key.disposition for p, key, _ in from_books(log) if p == 3} == {"parked"}
    task: Any = runtime.task("book", 1)
    assert task.partition.books["S001"].accounts["S001-GEN-001"].balance("FEES") == 200, "its own fee, and S003's"
    chance = random.Random(3)
    again = _in_parts(inputs, chance)
    assert digest_of(again.records, P).value() == digest_of(log.records, P).value()


def _in_parts(inputs: Sequence[Output], chance: random.Random) -> MemoryLog:
    """By the memory runtime, which mends what a rule has spoilt."""
    log = MemoryLog(P)
    runtime = MemoryRuntime(log, [(BookProcessor(), P)])
    for record in inputs:
        log.append(*record)
        if chance.random() < 0.1:
            runtime.run()
    runtime.run()
    return log


# --- exactly once, the same everywhere ----------------------------------------------------------------------------


@settings(max_examples=EXAMPLES, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(
    st.integers(0, 10**9),
    st.sampled_from([0.0, 0.05, 0.3]),
    st.sampled_from([40, 100_000]),
    st.sampled_from([1, 5_000]),
)
def test_lost_tasks_and_random_reading_change_nothing(
    seed: int, loss: float, snapshot_every: int, promises_every: int
) -> None:
    """Given books in four partitions that cross, when tasks die at random, then the digest is the oracle's and nobody
    waits for ever."""
    chance = random.Random(seed)
    paths = chance.sample(PATHS, chance.randrange(2, len(PATHS)))
    inputs = feed(fees_of(paths))
    patch = pytest.MonkeyPatch()
    patch.setitem(rules.COMMAND_RULES, c.RecordFee, relay)
    patch.setattr(task_module, "SNAPSHOT_EVERY", snapshot_every)
    patch.setattr(task_module, "PROMISES_EVERY", promises_every)
    try:
        expected, _ = undisturbed(inputs)
        log, members = disturbed(inputs, chance, loss)
    finally:
        patch.undo()

    assert len(sent(expected)) == hops(paths)
    end = T0 + 6 * DAY_US
    assert all(member.task.horizon_us > end for member in members), "nobody waits for a promise"
    assert [entries(log, p) for p in range(P)] == [entries(expected, p) for p in range(P)]
    assert digest_of(log.records, P).value() == digest_of(expected.records, P).value()


@pytest.mark.parametrize("seed", range(4))
def test_a_timer_may_send_while_the_market_is_silent(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a book that sends something at each open, when no price comes for days, then each command is in time."""

    def at_open(d: Decision, key: str) -> None:
        on_timer(d, key)
        if key == "open" and d.book.system_id == "S001":
            d.send(fee(f"open-{d.now_us}", "S002", d.now_us, "", ("BOOK", "S001")))

    monkeypatch.setattr("domain.partition.on_timer", at_open)
    inputs = feed([], books=("S001", "S002"), hours=())
    expected, _ = undisturbed(inputs)
    log, _ = disturbed(inputs, random.Random(seed), 0.05)

    until = T0 + 6 * DAY_US
    in_time = [(p, o.time_us) for p, _, o in sent(log) if o.time_us <= until]
    assert [(p, key.time_us) for p, key, _ in from_books(log)] == in_time
    assert (len(in_time), len(sent(log))) == (5, 6), "the last one is taken after the recording's end"
    assert digest_of(log.records, P).value() == digest_of(expected.records, P).value()


def test_a_promise_read_before_the_log_was_opened_outlives_the_task() -> None:
    """Another partition may have read its LogOpened first; it says only once that it will never send anything."""
    task = BookTask(0)
    task.restore(Reader(MemoryLog(P), 0))
    opened = i.LogOpened("x", P, 1, "CRC32", 1, 1, True)
    log = MemoryLog(P)
    for q in (1, 2, 3):
        log.append("commands", 0, None, CODEC.encode_record(i.BookPromise(q, T0 + DAY_US, 0)))
    log.append("commands", 0, None, CODEC.encode_record(opened))
    for output in task.handle(list(log.records("commands", 0))):
        if output.topic == "snapshots":
            log.append(*output)
    position = task.positions()["commands"]

    again = BookTask(0)
    again.restore(Reader(log, 0))
    again.handle(log.read("commands", 0, position))

    assert position == 3
    assert again.sequencer.crossing.promised[1:] == [T0 + DAY_US] * 3


# --- what it costs ------------------------------------------------------------------------------------------------


def test_promises_are_few() -> None:
    """Given one book, prices every hour of six-hour sessions: its partition promises about once a session, the others
    once."""
    log, _ = undisturbed(feed([], books=("S001",), days=40, hours=range(14, 21)))

    told = [[sum(promise.partition == p for promise in promises(log, q)) for p in range(P)] for q in range(P)]

    assert all(told[q][1] <= 2 * 40 for q in range(P))
    assert all(told[q][p] <= 2 for q in range(P) for p in range(P) if p != 1)


def test_a_long_silence_is_crossed_in_one_step() -> None:
    """Given two books and a fortnight without prices, then each says once that nothing comes before its end."""
    log, _ = undisturbed(feed([], books=("S001", "S002"), days=15, hours=()))

    assert all(len(promises(log, p)) < 20 for p in range(P)), "two weeks are 28 delays"


def test_books_without_prices_of_their_own_hold_up_nobody() -> None:
    assert {partition_of(book, P) for book in BOOKS} == {0, 1, 2, 3}
    log, runtime = undisturbed(feed([], books=("S001",)))

    for partition in range(P):
        task: Any = runtime.task("book", partition)
        assert task.horizon_us > T0 + 6 * DAY_US
    assert not [key for key, _ in entries(log, 0) if key.source.startswith("book-")]
