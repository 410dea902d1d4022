"""However inputs are cut and mixed, and wherever the task is lost and restored: the same journal, the same events."""

import datetime as dt
import os
import random
from dataclasses import replace

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from domain.identity import partition_of
from domain.state import state_hash
from infra.stream.contract import Output
from processors.book import task as task_module
from processors.book.task import BookTask
from processors.runtime.memory import MemoryLog
from tests.integration.runtime.recorded_run import CONFIG, PARTITIONS, Recording
from tests.unit.processors.book.recorded import Reader, beginning, fed, finished, inputs_of

RECORDING = Recording(dt.date(2011, 3, 1), dt.date(2011, 3, 4))
"""Four sessions with a put's whole life, short enough to be folded again many times."""
EXAMPLES = 200 if os.environ.get("ALLUSE_CHAOS") else 8
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
@given(st.integers(0, 10**9), st.sampled_from([150, 700, 100_000]))
def test_a_task_lost_at_any_moment_goes_on_from_snapshot_journal_and_positions(seed: int, snapshot_every: int) -> None:
    log, chance = finished(RECORDING), random.Random(seed)
    inputs, at = inputs_of(log, HOME), beginning()
    published, committed = MemoryLog(PARTITIONS), dict(at)
    before, task_module.SNAPSHOT_EVERY = task_module.SNAPSHOT_EVERY, snapshot_every
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
        task_module.SNAPSHOT_EVERY = before

    assert [(m.key, m.value) for m in published.records("journal", HOME)] == expected(log)


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
    assert state_hash(whole.partition.books["S001"]) == state_hash(tail.partition.books["S001"])
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
