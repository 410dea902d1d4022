"""Commands from book to book: what this partition's books have sent, what the other partitions have promised.

Only recorded runs wait for each other (docs/decisions/0009). A command sent by an entry at `t` is taken at `t + delay`,
so a partition whose next own input lies at `e` sends nothing that is taken before `e + delay`. That is its promise, and
it holds unless a further command reaches it. Whoever sends one therefore answers for it: it promises no more than the
command's time + delay until the receiver says that it has read it, and the receiver lowers its own promise in the very
transaction in which it says so. A reader of one partition of `commands` sees the two in that order, so at any moment
the lowest promise that it knows holds for everything it has not read yet.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

from domain.identity import partition_of
from domain.inputs import LogOpened
from infra.stream.contract import Message
from infra.stream.merge import FOREVER

BOOK_DELAY_US = 12 * 3_600_000_000
"""Where the log does not say (`LogOpened.book_delay_us`): longer than a session, shorter than the night after it."""
HEADER = "sent-by"
"""Of a command that a book sent: an Origin as text."""


class Origin(NamedTuple):
    """Where a command of a book comes from."""

    partition: int
    source_seq: int
    """counts the sender's commands to the receiver's partition"""
    time_us: int
    """as in the command's header"""
    sequence: int
    """the journal entry that sent it"""
    ordinal: int
    """behind the entry's events"""

    def header(self) -> tuple[str, bytes]:
        """The record's header."""
        return HEADER, " ".join(map(str, self)).encode()

    @property
    def source(self) -> str:
        """The source that the receiver's journal names."""
        return f"book-{self.partition}"


def origin_of(message: Message) -> Origin | None:
    """Where a record of `commands` comes from, None when no book sent it."""
    for name, value in message.headers or ():
        if name == HEADER:
            try:
                return Origin(*map(int, value.split()))
            except (TypeError, ValueError):
                return None
    return None


class Crossing:
    """One partition's side of it. Times are those of the commands: when they are taken."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.recorded = False
        self.alone = True
        """a log of one partition, whichever it lies in: scenarios share topics so"""
        self.delay_us = 0
        self.sent: list[int] = []
        """by target: commands sent"""
        self.unconfirmed: list[deque[int]] = []
        """by target: times of those that it has not confirmed to have read; the own ones that were not read back"""
        self.read: list[int] = []
        """by sender: commands read"""
        self.promised: list[int] = []
        """by sender: its last promise; nothing is sent before the log begins"""

    def open(self, opened: LogOpened) -> None:
        """The log says how many partitions there are, and how long a command takes."""
        self.recorded = opened.recorded
        if opened.recorded:
            self.delay_us = BOOK_DELAY_US if opened.book_delay_us is None else opened.book_delay_us
            if self.delay_us <= 0:
                raise ValueError("book_delay_us of a recorded log must be positive: books would wait for each other")
        self.alone = opened.partitions == 1
        if not self.sent:
            partitions = max(opened.partitions, self.number + 1)
            self.sent, self.read = [0] * partitions, [0] * partitions
            self.unconfirmed = [deque() for _ in range(partitions)]
            self.promised = [FOREVER if self.alone else self.delay_us] * partitions
            self.promised[self.number] = FOREVER

    @property
    def partitions(self) -> int:
        """Partitions of the log, 0 before it was opened."""
        return len(self.sent)

    def target(self, book: str) -> int:
        """The partition of a book."""
        return self.number if self.alone else partition_of(book, self.partitions)

    def take_promise(self, sender: int, promise_us: int, received: int) -> None:
        """A partition's newest word, lower than the one before where a command has reached it since."""
        self.promised[sender] = promise_us
        self._confirm(sender, received)

    def take_read(self, sender: int, source_seq: int) -> None:
        """A command of a partition has been read."""
        self.read[sender] = source_seq + 1
        if sender == self.number:
            self._confirm(sender, source_seq + 1)

    def _confirm(self, target: int, count: int) -> None:
        times = self.unconfirmed[target]
        while times and self.sent[target] - len(times) < count:
            times.popleft()

    def note_sent(self, target: int, time_us: int) -> None:
        """A command goes out."""
        self.sent[target] += 1
        if self.recorded:
            self.unconfirmed[target].append(time_us)

    def bound(self) -> int:
        """No command that has not been read yet is taken before this time, whichever book sends it."""
        bound = min(self.promised)
        for target, times in enumerate(self.unconfirmed):
            if times:
                bound = min(bound, times[0] if target == self.number else times[0] + self.delay_us)
        return bound

    def promise(self, earliest_us: int) -> int:
        """What may be promised when the next input that this partition knows of lies at `earliest_us`."""
        return max(0, min([earliest_us, *(times[0] for times in self.unconfirmed if times)])) + self.delay_us

    # --- snapshots -----------------------------------------------------------------------------------------------

    def saved(self) -> dict[str, Any]:
        """What follows from the journal alone."""
        return {"sent": self.sent, "unconfirmed": [list(times) for times in self.unconfirmed]}

    def restore(self, saved: dict[str, Any]) -> None:
        """From a snapshot."""
        self.sent = list(saved["sent"])
        self.unconfirmed = [deque(times) for times in saved["unconfirmed"]]

    def heard(self, promised: Sequence[int], received: Sequence[int], read: Sequence[int]) -> None:
        """From a note of the task before this one."""
        self.promised, self.read = list(promised), list(read)
        for target, count in enumerate(received):
            self._confirm(target, count)

    def received(self) -> list[int]:
        """By target: commands that it has confirmed."""
        return [count - len(times) for count, times in zip(self.sent, self.unconfirmed, strict=True)]
