"""A short recorded run in memory whose inputs a test may cut, mix and repeat."""

import random
from functools import cache

from infra.stream.contract import Message, Output
from processors.book.task import BookTask
from processors.runtime.memory import MemoryLog
from tests.integration.runtime.recorded_run import Recording, in_memory

INPUTS = ("commands", "broker.reports", "market.marks", "clock.ticks")


class Reader:
    """LogReader over one partition of a memory log."""

    def __init__(self, log: MemoryLog, partition: int) -> None:
        self.log, self.partition = log, partition

    def compacted(self, topic: str) -> dict[bytes, bytes]:
        return {m.key: m.value for m in self.records(topic) if m.key is not None and m.value is not None}

    def records(self, topic: str, from_offset: int = 0) -> list[Message]:
        return list(self.log.records(topic, self.partition, from_offset))

    def end(self, topic: str) -> int:
        return self.log.end(topic, self.partition)


@cache
def finished(recording: Recording) -> MemoryLog:
    """The log of a whole run."""
    return in_memory(recording)[1]


def inputs_of(log: MemoryLog, partition: int) -> dict[str, list[Message]]:
    """What the book task of a partition was fed, by topic."""
    return {topic: list(log.records(topic, partition)) for topic in INPUTS}


def beginning() -> dict[str, int]:
    """Nothing read yet, by topic."""
    return dict.fromkeys(INPUTS, 0)


def fed(
    task: BookTask, inputs: dict[str, list[Message]], at: dict[str, int], chance: random.Random, most: int = 400
) -> list[Output]:
    """Feed a random next part of each topic; moves `at`."""
    batch: list[Message] = []
    for topic, messages in inputs.items():
        take = chance.randrange(most)
        batch.extend(messages[at[topic] : at[topic] + take])
        at[topic] = min(len(messages), at[topic] + take)
    return task.handle(batch)
