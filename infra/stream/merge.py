"""Merging the inputs of a recorded run by (event time, rank of source, source sequence).

Conservative parallel simulation (Chandy, Misra, Bryant): every source is in time order and promises a bound, "nothing
of
mine will come with a time before this". A record may be taken once no other source can still send an earlier one, so
the order taken does not depend on the speed of any process.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")

FOREVER = 1 << 62
"""A bound that never binds."""


class Merge(Generic[T]):
    """Queues of `(time_us, item)` by source; the index of a source is its rank at equal times."""

    def __init__(self, sources: int) -> None:
        self._queues: list[deque[tuple[int, T]]] = [deque() for _ in range(sources)]
        self._bounds = [-FOREVER] * sources

    @property
    def sources(self) -> int:
        """How many sources there are."""
        return len(self._queues)

    def push(self, source: int, time_us: int, item: T) -> None:
        """Append a record of a source. Its time is a promise too: a source never goes back."""
        self._queues[source].append((time_us, item))
        if time_us > self._bounds[source]:
            self._bounds[source] = time_us

    def promise(self, source: int, time_us: int) -> None:
        """The source will send nothing before `time_us` (a lower bound than the one known is no news)."""
        if time_us > self._bounds[source]:
            self._bounds[source] = time_us

    def withdraw(self, source: int, time_us: int) -> None:
        """The source's bound falls to `time_us`: it was asked something and may answer that early."""
        queue = self._queues[source]
        floor = queue[-1][0] if queue else -FOREVER
        self._bounds[source] = min(self._bounds[source], max(floor, time_us))

    def horizon(self) -> tuple[int, int]:
        """(time, rank) up to which records are safe, both included."""
        bound = min(self._bounds)
        return bound, self._bounds.index(bound)

    def bound(self, source: int) -> int:
        """What the source has promised, microseconds."""
        return self._bounds[source]

    def bound_before_head(self, source: int) -> int:
        """What the source has promised to one who has yet to read what waits here of it, microseconds."""
        queue = self._queues[source]
        return queue[0][0] if queue else self._bounds[source]

    def drain(self) -> list[tuple[int, int, T]]:
        """Take every safe record as `(time_us, rank, item)`, in order."""
        time, rank = self.horizon()
        taken: list[tuple[int, int, T]] = []
        single = True
        for source, queue in enumerate(self._queues):
            before = len(taken)
            while queue and (queue[0][0] < time or (queue[0][0] == time and source <= rank)):
                at, item = queue.popleft()
                taken.append((at, source, item))
            single = single and (before == 0 or len(taken) == before)
        if not single:
            taken.sort(key=_time_and_rank)
        return taken

    def put_back(self, records: Sequence[tuple[int, int, T]]) -> None:
        """Return what `drain` gave and was not taken, in the order in which it gave it."""
        for time, source, item in reversed(records):
            self._queues[source].appendleft((time, item))

    def buffered(self, source: int) -> int:
        """Records of a source that wait."""
        return len(self._queues[source])

    def waiting(self, source: int) -> Iterator[tuple[int, T]]:
        """The source's records that wait, with their times, in order."""
        return iter(self._queues[source])

    def head(self, source: int) -> T | None:
        """The source's next record, if one waits."""
        queue = self._queues[source]
        return queue[0][1] if queue else None


def _time_and_rank(record: tuple[int, int, object]) -> tuple[int, int]:
    return record[0], record[1]
