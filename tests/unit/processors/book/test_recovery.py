"""However inputs are cut and mixed, and wherever the task is lost and restored: the same journal, the same events."""

import datetime as dt
import json
import os
import random
from dataclasses import replace

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from alluse.configuration import load_configuration
from domain import inputs as i
from domain.commands import CommandHeader, RecordFee
from domain.identity import partition_of
from domain.state import dump, state_hash
from infra.settings import CHECKOUT
from infra.stream.contract import Message, Output
from processors.book import task as task_module
from processors.book.snapshot import SHARED
from processors.book.task import BookTask
from processors.runtime.memory import MemoryLog
from schemas.codec import Codec
from tests.integration.runtime.recorded_run import CONFIG, PARTITIONS, Recording
from tests.unit.processors.book.recorded import Reader, beginning, fed, finished, inputs_of

RECORDING = Recording(dt.date(2011, 3, 1), dt.date(2011, 3, 4))
"""Four sessions with a put's whole life, short enough to be folded again many times."""
EXAMPLES = 200 if os.environ.get("ALLUSE_CHAOS") else 8
T0 = 18_000 * 86_400_000_000
HOME = partition_of("S001", PARTITIONS)


def expected(log: MemoryLog) -> list[tuple[bytes | None, bytes | None]]:
    return [(m.key, m.value) for m in log.records("journal", HOME)]


def written(outputs: list[Output]) -> list[tuple[bytes | None, bytes | None]]:
    return [(o.key, o.value) for o in outputs if o.topic == "journal"]


@settings(max_examples=EXAMPLES, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.integers(0, 10**9), st.sampled_from([1, 40, 10_000]))
def test_cuts_and_mixing_of_topics_change_nothing(seed: int, taken_most: int) -> None:
    log, chance = finished(RECORDING), random.Random(seed)
    inputs, at = inputs_of(log, HOME), beginning()
    task = BookTask(HOME)
    task.restore(Reader(MemoryLog(PARTITIONS), HOME))

    outputs: list[Output] = []
    before, task_module.TAKEN_MOST = task_module.TAKEN_MOST, taken_most
    while any(at[topic] < len(messages) for topic, messages in inputs.items()):
        outputs += fed(task, inputs, at, chance)
    while task.unfinished():
        outputs += task.handle([])
    task_module.TAKEN_MOST = before

    assert written(outputs) == expected(log)


@settings(max_examples=EXAMPLES, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.integers(0, 10**9), st.sampled_from([150, 700, 100_000]), st.sampled_from([1, 300, 3_000]))
def test_a_task_lost_at_any_moment_goes_on_from_snapshot_journal_and_positions(
    seed: int, snapshot_every: int, promises_every: int
) -> None:
    log, chance = finished(RECORDING), random.Random(seed)
    inputs, at = inputs_of(log, HOME), beginning()
    published, committed = MemoryLog(PARTITIONS), dict(at)
    patch = pytest.MonkeyPatch()
    patch.setattr(task_module, "SNAPSHOT_EVERY", snapshot_every)
    patch.setattr(task_module, "PROMISES_EVERY", promises_every)
    try:
        task = BookTask(HOME)
        task.restore(Reader(published, HOME))
        while any(at[topic] < len(messages) for topic, messages in inputs.items()):
            outputs = fed(task, inputs, at, chance)
            if chance.random() < 0.2:  # killed before the commit: nothing of this batch was published
                task, at = BookTask(HOME), dict(committed)
                task.restore(Reader(published, HOME))
                continue
            for output in outputs:
                published.append(*output)
            committed |= task.positions()
            if chance.random() < 0.1:  # killed after the commit
                task, at = BookTask(HOME), dict(committed)
                task.restore(Reader(published, HOME))
    finally:
        patch.undo()

    assert [(m.key, m.value) for m in published.records("journal", HOME)] == expected(log)


@pytest.mark.parametrize("promises_every", [1, 30, 3_000])
@pytest.mark.parametrize("most", [3, 10, 100])
def test_a_successor_that_has_read_again_stands_where_its_predecessor_stood(
    promises_every: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, chance = finished(RECORDING), random.Random(os.environ.get("ALLUSE_SEED", "7"))
    inputs, at = inputs_of(log, HOME), beginning()
    published, committed = MemoryLog(PARTITIONS), dict(at)
    task = BookTask(HOME)
    task.restore(Reader(published, HOME))
    monkeypatch.setattr(task_module, "PROMISES_EVERY", promises_every)
    longest, checked = max(map(len, inputs.values())), 0
    while any(at[topic] < len(messages) for topic, messages in inputs.items()):
        batch: list[Message] = []
        for topic, messages in inputs.items():  # about evenly, so that all topics end together
            count = int(most * len(messages) / longest + chance.random() * 2)
            batch += messages[at[topic] : at[topic] + count]
            at[topic] = min(len(messages), at[topic] + count)
        for output in task.handle(batch):
            published.append(*output)
        committed |= task.positions()
        if chance.random() < most / 400 or at["market.marks"] == len(inputs["market.marks"]):
            successor = BookTask(HOME)
            successor.restore(Reader(published, HOME))
            for topic in reversed(inputs):
                for message in inputs[topic][committed[topic] : at[topic]]:
                    assert not written(successor.handle([message]))
                    assert successor.horizon_us <= task.horizon_us
            assert successor.horizon_us == task.horizon_us
            checked += 1
    assert checked


def test_after_a_loss_few_records_are_read_again_however_long_a_source_has_been_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Market partition 1 says at the beginning all that it ever has to say; partition 0 goes on."""
    monkeypatch.setattr(task_module, "PROMISES_EVERY", 100)
    encode, log, parts = Codec.load().encode_record, MemoryLog(1), MemoryLog(1)
    for record in (i.LogOpened("w", 1, 2, "CRC32", 1_000_000, 100_000, True), i.Watermark(T0 + 10**12)):
        log.append("commands", 0, None, encode(record))
    log.append("market.marks", 0, None, encode(i.Marks(1, 0, T0 + 10**12, [], [], [], [], [])))
    for n in range(2_000):
        earnings = i.MarketEarnings(0, n, T0 + n, i.EarningsDate("A", 18_000 + n, T0 + n))
        log.append("market.marks", 0, None, encode(earnings))
    whole = BookTask(0)
    whole.restore(Reader(MemoryLog(1), 0))
    expected = written(whole.handle([*log.records("commands", 0), *log.records("market.marks", 0)]))

    at, read_again = {"commands": 0, "market.marks": 0}, 0
    for _ in range(2_001 // 20):  # three times 60 read, at most 160 of them again
        task, read = BookTask(0), dict(at)
        task.restore(Reader(parts, 0))
        for _ in range(3):
            for output in task.handle([m for topic in read for m in log.read(topic, 0, read[topic], 60)]):
                parts.append(*output)
            read = {topic: min(log.end(topic, 0), offset + 60) for topic, offset in read.items()}
        at |= task.positions()
        read_again = max(read_again, read["market.marks"] - at["market.marks"])

    assert [(m.key, m.value) for m in parts.records("journal", 0)] == expected
    assert len(expected) == 2_001, "the log's opening and every record of partition 0"
    assert read_again <= 100 + 60


def test_a_command_that_comes_late_after_a_loss_is_journalled_at_the_time_reached() -> None:
    encode, log = Codec.load().encode_record, MemoryLog(1)
    late = CommandHeader("late", "S1", T0 + 5, 0, "USER", "owner", "OWNER", "late")
    in_time = CommandHeader("in-time", "S1", T0 + 1_000, 0, "USER", "owner", "OWNER", "in-time")
    opened = i.LogOpened("w", 1, 1, "CRC32", 1_000_000, 100_000, True)
    for record in (opened, i.Watermark(T0), RecordFee(in_time, "S1-GEN-001", 1, "")):
        log.append("commands", 0, None, encode(record))
    log.append("market.marks", 0, None, encode(i.Marks(0, 0, T0 + 2_000, [], [], [], [], [])))
    task = BookTask(0)
    task.restore(Reader(log, 0))
    for output in task.handle([*log.records("commands", 0), *log.records("market.marks", 0)]):
        log.append(*output)
    assert task.chain.time_us == T0 + 1_000
    again = BookTask(0)
    again.restore(Reader(log, 0))

    again.handle([Message("commands", 3, None, encode(RecordFee(late, "S1-GEN-001", 1, "")))])

    assert again.chain.sequence == 4
    assert again.chain.time_us == T0 + 1_000


def test_snapshot_and_tail_give_the_state_that_the_whole_journal_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_module, "SNAPSHOT_EVERY", 500)
    log = finished(replace(RECORDING, config={**CONFIG, "rev.profit_take_pct": "60"}))
    whole, tail = BookTask(HOME), BookTask(HOME)
    assert list(log.records("snapshots", HOME)), "the run took snapshots"
    bare = MemoryLog(PARTITIONS)
    for message in log.records("journal", HOME):
        bare.append("journal", HOME, message.key, message.value)

    whole.restore(Reader(bare, HOME))
    tail.restore(Reader(log, HOME))

    assert whole.chain.previous == tail.chain.previous
    book, restored = whole.partition.books["S001"], tail.partition.books["S001"]
    assert state_hash(book) == state_hash(restored)
    assert json.dumps(dump(book)) == json.dumps(dump(restored)), "with everything in its order, for rules go by it"
    assert whole.partition.market.marks == tail.partition.market.marks
    assert whole.partition.market.bars == tail.partition.market.bars
    assert whole.partition.next_due_us() == tail.partition.next_due_us()
    assert (whole.sequencer.seen, whole.sequencer.orders_sent) == (tail.sequencer.seen, tail.sequencer.orders_sent)


def test_a_snapshot_that_was_changed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_module, "SNAPSHOT_EVERY", 500)
    log = finished(replace(RECORDING, config={**CONFIG, "rev.profit_take_pct": "61"}))
    forged = MemoryLog(PARTITIONS)
    for topic in ("journal", "snapshots"):
        for message in log.records(topic, HOME):
            value = message.value or b""
            forged.append(
                topic,
                HOME,
                message.key,
                value.replace(b'"sizing_base": 2', b'"sizing_base": 3') if topic == "snapshots" else value,
            )

    with pytest.raises(ValueError, match="snapshot of S001"):
        BookTask(HOME).restore(Reader(forged, HOME))


def test_a_rule_that_decides_otherwise_now_is_found_by_the_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    log = finished(RECORDING)
    bare = MemoryLog(PARTITIONS)
    for message in log.records("journal", HOME):
        bare.append("journal", HOME, message.key, message.value)
    monkeypatch.setattr("domain.money.COMMISSION_PER_CONTRACT", 66)
    monkeypatch.setattr("domain.orders.COMMISSION_PER_CONTRACT", 66)

    with pytest.raises(ValueError, match="decides otherwise now"):
        BookTask(HOME).restore(Reader(bare, HOME))


def test_from_every_snapshot_the_rest_of_the_journal_decides_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    # given five weeks of the demo, over the end of a quarter, in which nearly every rule has its turn
    monkeypatch.setattr(task_module, "SNAPSHOT_EVERY", 2_000)
    config = load_configuration(CHECKOUT / "alluse" / "demo.yaml")
    log = finished(Recording(dt.date(2011, 3, 1), dt.date(2011, 4, 4), config=config))
    snapshots = list(log.records("snapshots", HOME))
    ends = [n for n, message in enumerate(snapshots, 1) if message.key == SHARED]
    assert len(ends) > 8
    # when a task begins from the snapshots as they stood at each of these moments
    for end in ends:
        then = MemoryLog(PARTITIONS)
        for message in log.records("journal", HOME):
            then.append("journal", HOME, message.key, message.value)
        for message in snapshots[:end]:
            then.append("snapshots", HOME, message.key, message.value)
        task = BookTask(HOME)
        task.restore(Reader(then, HOME))
        # then it comes to the journal's end, whose entries are compared on the way
        assert task.chain.sequence == log.end("journal", HOME)
