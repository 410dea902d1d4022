"""`kill -9` between any two steps of a saga ends in the same state (protocol 10): the book's task is lost before and
after every entry that decided something, its successor folds the journal and goes on with the same inputs."""

import os
from collections import Counter
from collections.abc import Iterable
from functools import cache
from typing import Any

import pytest

from alluse.scenarios import playing
from alluse.scenarios.loading import load
from alluse.scenarios.playing import play
from alluse.scenarios.stage import Stage
from domain.state import state_hash
from infra.settings import CHECKOUT
from infra.stream.contract import Message
from processors.book import snapshot
from processors.book.crossing import Origin, origin_of
from processors.book.digest import EVENT_TOPICS
from processors.book.task import BookTask
from processors.runtime.memory import MemoryLog
from schemas.codec import Codec
from tests.unit.processors.book.recorded import INPUTS, Reader

SAGAS = {
    "Gen fork": ("EX-10", "EX-10", "ForkCompleted"),
    "Gen fork with two approvals": ("LC-03", "LC-03-two-owners", "ForkCompleted"),
    "Gen fork undone": ("LC-03", "LC-03-named-twice", "ForkAborted"),
    "Rev fork into a new book": ("EX-12", "EX-12", "ForkCompleted"),
    "Rev forks of two accounts": ("LC-03", "LC-03-rev-of-a-fork", "ForkCompleted"),
    "Rev fork refused and carried through": ("LC-02", "LC-02", "ForkCompleted"),
    "merge": ("EX-13", "EX-13", "MergeCompleted"),
    "merge in kind": ("LC-04", "LC-04", "MergeCompleted"),
    "merge with options": ("LC-06", "LC-06", "MergeCompleted"),
    "merge stalled": ("LC-05", "LC-05", "MergeCompleted"),
    "merge released": ("LC-05", "LC-05-released", "MergeResumed"),
    "reinvestment of REV": ("EX-14", "EX-14", "ReinvestmentCompleted"),
    "reinvestment of COM": ("EX-15", "EX-15", "ReinvestmentCompleted"),
    "reinvestment postponed and skipped": ("LC-11", "LC-11-postponed-too-long", "ReinvestmentSkipped"),
    "capital of COM at once": ("LC-10", "LC-10", "ReinvestmentCompleted"),
    "contribution": ("EX-16", "EX-16", "ContributionAllocated"),
    "contribution by command": ("LC-07", "LC-07", "ContributionAllocated"),
    "correction": ("LC-07", "LC-07-correction", "CapitalTransferred"),
    "withdrawal": ("LC-09", "LC-09", "WithdrawalPaid"),
    "withdrawal refused by a merge": ("LC-09", "LC-09-merging", "WithdrawalRejected"),
}
"""What is cut: file, scenario, and the event that shows that the saga has come to its end."""
ALIKE, ALL = 2, bool(os.environ.get("ALLUSE_CHAOS"))
PROGRESS = Codec.load().header("BookProgress")


def events_of(log: MemoryLog, topic: str) -> list[bytes | None]:
    """What decisions have published; how often progress is told depends on how inputs were read."""
    return [m.value for m in log.records(topic, 0) if (m.value or b"")[:5] != PROGRESS]


def steps(stage: Stage) -> list[int]:
    """Entries that decided something; of those that decided the same again and again the first ones."""
    told: dict[int, list[str]] = {}
    for happened in stage.happened:
        told.setdefault(happened.envelope.sequence, []).append(happened.name)
    seen: Counter[tuple[str, ...]] = Counter()
    found: list[int] = []
    for sequence, names in sorted(told.items()):
        kind = tuple(names)
        seen[kind] += 1
        if ALL or seen[kind] <= ALIKE:
            found.append(sequence)
    return found


class Whole:
    """A run that nobody has disturbed."""

    def __init__(self, stage: Stage) -> None:
        log = stage.log
        self.journal = list(log.records("journal", 0))
        self.events = {topic: events_of(log, topic) for topic in EVENT_TOPICS}
        self.outside = [
            message
            for topic in INPUTS
            for message in log.records(topic, 0)
            if topic != "commands" or not origin_of(message)
        ]
        self.sent = [(origin_of(m), m) for m in log.records("commands", 0)]
        self.decided = steps(stage)
        self.hashes = {name: state_hash(book) for name, book in stage.books.items()}
        self.names = {h.name for h in stage.happened}

    def sent_before(self, sequence: int) -> list[Message]:
        """Commands to other books that the first entries sent."""
        return [m for origin, m in self.sent if isinstance(origin, Origin) and origin.sequence < sequence]


@cache
def whole(file: str, identity: str) -> Whole:
    """A scenario, played once."""
    stages: list[Stage] = []

    class Kept(Stage):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            stages.append(self)

    (scenario,) = (s for s in load(CHECKOUT / "scenarios" / f"{file}.yaml") if s.identity == identity)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(playing, "Stage", Kept)
        assert play(scenario).holds
    return Whole(stages[0])


def cut(run: Whole, sequence: int) -> MemoryLog:
    """The log as it stands when the task is lost with that many entries committed: inputs may be there already."""
    log = MemoryLog(1)
    for message in [*run.outside, *run.sent_before(sequence)]:
        log.append(message.topic, 0, message.key, message.value, message.headers)
    for message in run.journal[:sequence]:
        log.append("journal", 0, message.key, message.value)
    return log


def entries(messages: Iterable[Message]) -> list[tuple[bytes | None, bytes | None]]:
    return [(m.key, m.value) for m in messages]


def hashes(task: BookTask) -> dict[str, str]:
    return {name: state_hash(book) for name, book in task.partition.books.items()}


def successor(log: MemoryLog) -> BookTask:
    task = BookTask(0)
    task.restore(Reader(log, 0))
    return task


def go_on(task: BookTask, log: MemoryLog) -> None:
    """Read everything again from the beginning; what the task sends itself comes back to it."""
    at: dict[str, int] = dict.fromkeys(INPUTS, 0)
    while True:
        batch = [m for topic, offset in at.items() for m in log.records(topic, 0, offset)]
        if not batch and not task.unfinished():
            return
        for message in batch:
            at[message.topic] = max(at[message.topic], message.offset + 1)
        for output in task.handle(batch):
            log.append(*output)


@pytest.mark.parametrize("saga", SAGAS)
def test_a_saga_that_is_cut_anywhere_ends_the_same(saga: str) -> None:
    # given a saga that was played to its end
    file, identity, end = SAGAS[saga]
    run = whole(file, identity)
    assert end in run.names
    boundaries = sorted({s for decided in run.decided for s in (decided, decided + 1)})
    assert len(boundaries) > 5
    for sequence in boundaries:
        # when the task is lost between two entries, and its successor folds the journal and goes on
        log = cut(run, sequence)
        task = successor(log)
        go_on(task, log)
        # then every later entry is the same, what it caused too, and so is the state
        assert [(m.key, m.value) for m in log.records("journal", 0)] == [(m.key, m.value) for m in run.journal], (
            sequence
        )
        for topic, values in run.events.items():
            found = events_of(log, topic)
            assert found == values[len(values) - len(found) :], (sequence, topic)
        assert hashes(task) == run.hashes, sequence


@pytest.mark.parametrize("saga", SAGAS)
def test_a_snapshot_anywhere_in_a_saga_restores_what_the_fold_gives(saga: str) -> None:
    file, identity, _ = SAGAS[saga]
    run = whole(file, identity)
    due = successor(cut(run, len(run.journal))).partition.next_due_us()
    for sequence in run.decided[1:]:
        # given a snapshot taken between two entries
        log = cut(run, sequence)
        folded = successor(log)
        for output in snapshot.take(folded.sequencer):
            log.append(*output)
        # when a task is restored from it and the whole journal behind it
        for message in run.journal[sequence:]:
            log.append("journal", 0, message.key, message.value)
        restored = successor(log)
        # then it stands where the fold of everything stands
        assert hashes(restored) == run.hashes, sequence
        assert restored.partition.next_due_us() == due, sequence
