"""The processor contract: what a processor is to the runtimes (architecture.md, "The processor contract").

A processor makes one `Task` a partition. A task owns the partition's state, is fed the records of its input topics in
offset order per topic (batches of any size, topics interleaved in any way) and answers with records to publish. It
knows
neither Kafka nor time. Its outputs must not depend on how its inputs were cut into batches or interleaved, apart from
topics declared in `Processor.plumbing` (progress records; they carry no decision).

The Kafka runtime publishes what `handle` returned and `positions()` in ONE transaction. When that transaction is
aborted it throws the task away, makes a new one and calls `restore`: state is never undone by hand.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol, runtime_checkable


class Message(NamedTuple):
    """A record as it was read."""

    topic: str
    """topic name without the namespace's prefix"""
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] | None = None


class Output(NamedTuple):
    """A record to publish."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] | None = None


class LogReader(Protocol):
    """What a task may read of the log when it is restored: its own partition, committed records only."""

    def compacted(self, topic: str) -> dict[bytes, bytes]:
        """The last value of each key of a compacted topic; deleted keys are left out."""
        ...

    def records(self, topic: str, from_offset: int = 0) -> Iterable[Message]:
        """All committed records of a topic from an offset to its end now."""
        ...

    def end(self, topic: str) -> int:
        """The offset after the last record of a topic, transaction markers included."""
        ...


class PoisonedInput(Exception):  # noqa: N818  # not every exception is an error
    """`Task.handle` met an input that a part of the state cannot take. What it holds for the next task is in `args`."""


class Task(Protocol):
    """One partition of a processor."""

    def restore(self, log: LogReader) -> None:
        """Rebuild the state from the log; called once, before any `handle`, on an empty log too."""
        ...

    def handle(self, messages: Sequence[Message]) -> list[Output]:
        """Take records and return what to publish. An exception means: throw this task away."""
        ...

    def positions(self) -> dict[str, int]:
        """For each input topic from which something was taken: the offset to go on from after a restart."""
        ...

    def full(self) -> frozenset[str]:
        """Input topics of which enough is buffered: the runtime reads no more of them for now."""
        ...


@runtime_checkable
class MendableTask(Task, Protocol):
    """A task that raises PoisonedInput and knows what to do about it."""

    def mend(self, error: PoisonedInput) -> None:
        """Told to a restored task before it is fed again: the task before it failed on this input."""
        ...


@runtime_checkable
class UnfinishedTask(Task, Protocol):
    """A task that takes a large backlog in parts, so that no transaction grows without bound."""

    def unfinished(self) -> bool:
        """Whether `handle` would go on with what it holds already, without further records."""
        ...


@runtime_checkable
class ValueTask(Task, Protocol):
    """A task of one input topic that takes values without an object a record (millions pass)."""

    def handle_values(
        self, values: list[bytes], next_offset: int, message_at: Callable[[int], Message]
    ) -> list[Output]:
        """`handle` of records whose values are `values`; `message_at(i)` gives the whole i-th record where it is
        needed."""
        ...


class Processor(Protocol):
    """What the runtimes run."""

    name: str
    """names the consumer group and, with the partition, the transactional id"""
    inputs: tuple[str, ...]
    """co-partitioned input topics"""

    def task(self, partition: int) -> Task:
        """A fresh task for a partition."""
        ...
