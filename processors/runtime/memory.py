"""The memory runtime: the same processors on the same bytes without Kafka, for backtests, what-if and tests, and the
oracle
that the Kafka runtime is compared with."""

from collections.abc import Iterable, Sequence
from itertools import islice

from infra.stream.contract import MendableTask, Message, Output, PoisonedInput, Processor, Task, UnfinishedTask

BATCH = 5_000
Headers = Sequence[tuple[str, bytes]] | None


class MemoryLog:
    """Topics as lists. Records of topics that are not retained are forgotten once every task has read them."""

    def __init__(self, partitions: int, retained: frozenset[str] | None = None) -> None:
        self.partitions = partitions
        self._retained = retained
        self._records: dict[tuple[str, int], list[Message]] = {}
        self._dropped: dict[tuple[str, int], int] = {}
        self.written = 0
        """records appended in all"""

    def append(
        self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Headers = None
    ) -> None:
        """Add a record at the end of a topic's partition."""
        records = self._records.setdefault((topic, partition), [])
        offset = self._dropped.get((topic, partition), 0) + len(records)
        records.append(Message(topic, offset, key, value, headers))
        self.written += 1

    def read(self, topic: str, partition: int, offset: int, most: int = BATCH) -> list[Message]:
        """Up to `most` records from an offset."""
        records = self._records.get((topic, partition), [])
        start = offset - self._dropped.get((topic, partition), 0)
        return records[start : start + most]

    def records(self, topic: str, partition: int, from_offset: int = 0) -> Iterable[Message]:
        """Everything from an offset on that is still held."""
        return islice(
            self._records.get((topic, partition), []),
            max(0, from_offset - self._dropped.get((topic, partition), 0)),
            None,
        )

    def end(self, topic: str, partition: int) -> int:
        """The offset after the last record."""
        return self._dropped.get((topic, partition), 0) + len(self._records.get((topic, partition), []))

    def forget(self, topic: str, partition: int, before: int) -> None:
        """Drop records before an offset, unless the topic is retained."""
        if self._retained is None or topic in self._retained:
            return
        records = self._records.get((topic, partition))
        gone = before - self._dropped.get((topic, partition), 0)
        if records and gone > 0:
            del records[:gone]
            self._dropped[(topic, partition)] = before


class _Reader:
    """A task's view of the log (LogReader)."""

    def __init__(self, log: MemoryLog, partition: int) -> None:
        self._log, self._partition = log, partition

    def compacted(self, topic: str) -> dict[bytes, bytes]:
        last: dict[bytes, bytes] = {}
        for message in self._log.records(topic, self._partition):
            if message.key is not None:
                if message.value is None:
                    last.pop(message.key, None)
                else:
                    last[message.key] = message.value
        return last

    def records(self, topic: str, from_offset: int = 0) -> Iterable[Message]:
        return self._log.records(topic, self._partition, from_offset)

    def end(self, topic: str) -> int:
        return self._log.end(topic, self._partition)


class _Run:
    """One task and where it reads."""

    def __init__(self, processor: Processor, partition: int, log: MemoryLog) -> None:
        self.processor, self.partition, self.log = processor, partition, log
        self.offsets: dict[str, int] = dict.fromkeys(processor.inputs, 0)
        self.task = self._fresh()

    def _fresh(self) -> Task:
        task = self.processor.task(self.partition)
        task.restore(_Reader(self.log, self.partition))
        self._unfinished = task.unfinished if isinstance(task, UnfinishedTask) else None
        return task

    def step(self) -> bool:
        """Read what is there, handle it, publish; whether anything was read."""
        batch: list[Message] = []
        full = self.task.full()
        for topic, offset in self.offsets.items():
            if topic not in full:
                batch.extend(self.log.read(topic, self.partition, offset))
        if not batch and not (self._unfinished is not None and self._unfinished()):
            return False
        for output in self._handle(batch):
            self.log.append(*output)
        for message in batch:
            self.offsets[message.topic] = message.offset + 1
        return True

    def _handle(self, batch: Sequence[Message]) -> list[Output]:
        committed = self.task.positions()
        failed: set[object] = set()
        while True:
            try:
                return self.task.handle(batch)
            except PoisonedInput as error:
                if error.args in failed:
                    raise
                failed.add(error.args)
                # As after an aborted transaction on Kafka: a new task, folded again, fed from what was committed.
                self.task = self._fresh()
                if not isinstance(self.task, MendableTask):
                    raise
                self.task.mend(error)
                batch = [
                    m
                    for topic in self.processor.inputs
                    for m in self.log.records(topic, self.partition, committed.get(topic, 0))
                    if m.offset < max(self.offsets[topic], *(b.offset + 1 for b in batch if b.topic == topic), 0)
                ]


class MemoryRuntime:
    """Runs processors over a memory log until nothing is left to do."""

    def __init__(self, log: MemoryLog, processors: Sequence[tuple[Processor, int]]) -> None:
        self.log = log
        self._runs = [_Run(processor, p, log) for processor, partitions in processors for p in range(partitions)]

    def run(self) -> None:
        """Until every task has read everything."""
        while sum(run.step() for run in self._runs):  # every task takes its turn
            pass

    def forget_read(self) -> None:
        """Let go of what every task has read."""
        lowest: dict[tuple[str, int], int] = {}
        for run in self._runs:
            for topic, offset in run.task.positions().items():
                key = (topic, run.partition)
                lowest[key] = min(lowest.get(key, offset), offset)
        for (topic, partition), offset in lowest.items():
            self.log.forget(topic, partition, offset)

    def task(self, name: str, partition: int) -> Task:
        """The task of a processor, for tests and queries of its state."""
        return next(r.task for r in self._runs if r.processor.name == name and r.partition == partition)
