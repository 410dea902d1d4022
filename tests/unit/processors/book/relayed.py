"""A recorded log with books in every partition that pass fees on to each other; its tasks may die at any moment."""

import random
from collections.abc import Sequence

from domain import commands as c
from domain import inputs as i
from domain.identity import partition_of
from infra.stream.contract import Message, Output
from processors.book.task import BookProcessor, BookTask
from processors.runtime.memory import MemoryLog, MemoryRuntime
from schemas.codec import Codec
from tests.integration.runtime.relay import fee
from tests.unit.processors.book.recorded import INPUTS, Reader, beginning

P = 4
HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
T0 = 18_000 * DAY_US
DELAY_US = 12 * HOUR_US
ENCODE = Codec.load().encode_record
BOOKS = ("S001", "S002", "S003", "S004", "S005")
"""In partitions 1, 3, 1, 2, 0."""


def feed(
    fees: Sequence[c.RecordFee], books: Sequence[str] = BOOKS, days: int = 6, hours: Sequence[int] = tuple(range(24))
) -> list[Output]:
    """Everything that gateways and operators write: prices at some hours of each day, promises of all sources."""
    until = T0 + days * DAY_US
    sessions = list(range(17_995, 18_000 + days + 5))
    opens, closes = [d * DAY_US + 14 * HOUR_US for d in sessions], [d * DAY_US + 20 * HOUR_US for d in sessions]
    calendar = i.SessionCalendar(T0, sessions, opens, closes, [d + 1 for d in sessions], [17_995], [-18_000])
    opened = i.LogOpened("relay", P, 1, "CRC32", 1_000_000, 100_000, True)
    everywhere: list[tuple[str, object]] = [
        ("commands", opened),
        ("market.marks", i.MarketCalendar(0, 0, T0, calendar)),
    ]
    out = [Output(topic, p, None, ENCODE(record)) for topic, record in everywhere for p in range(P)]
    commands: list[c.CreateSystem | c.RecordFee] = []
    for book in books:
        header = c.CommandHeader(f"create-{book}", book, T0 + 1, 0, "USER", "ops", "OWNER", book)
        commands.append(c.CreateSystem(header, 100_000_000, "subject", "DU1", {"env.mode": "SIM"}))
    for command in [*commands, *sorted(fees, key=lambda f: f.header.time_us)]:
        book = command.header.book
        out.append(Output("commands", partition_of(book, P), book.encode(), ENCODE(command)))
    ends: list[tuple[str, object]] = [
        ("commands", i.Watermark(until + DAY_US)),
        ("broker.reports", i.BrokerProgress(until + DAY_US, 1_000)),
    ]
    out += [Output(topic, p, None, ENCODE(record)) for topic, record in ends for p in range(P)]
    times = [T0 + day * DAY_US + hour * HOUR_US for day in range(days) for hour in hours]
    for seq, time_us in enumerate([t for t in times if t > T0] + [until], 1):
        price = 1_000_000 + seq
        marks = ENCODE(i.Marks(0, seq, time_us, ["A"], [price], [price - 1], [price + 1], [time_us]))
        out += [Output("market.marks", p, b"marks", marks) for p in range(P)]
    return out


def fees_of(paths: Sequence[str]) -> list[c.RecordFee]:
    """A fee every five hours, the book first in its path."""
    made: list[c.RecordFee] = []
    for number, path in enumerate(paths):
        book, _, rest = path.partition(",")
        made.append(fee(f"f{number}", book, T0 + 2 * HOUR_US + number // 2 * 5 * HOUR_US, rest))
    return made


def undisturbed(inputs: Sequence[Output]) -> tuple[MemoryLog, MemoryRuntime]:
    """The oracle."""
    log = MemoryLog(P)
    runtime = MemoryRuntime(log, [(BookProcessor(), P)])
    for record in inputs:
        log.append(*record)
    runtime.run()
    return log, runtime


class Member:
    """The task of one partition, as a process that may be killed keeps it."""

    def __init__(self, log: MemoryLog, partition: int) -> None:
        self.log, self.partition = log, partition
        self.committed = beginning()
        self.losses = 0
        self.restart()

    def restart(self) -> None:
        self.task, self.at = BookTask(self.partition), dict(self.committed)
        self.task.restore(Reader(self.log, self.partition))

    def step(self, chance: random.Random, most: int, loss: float) -> bool:
        """Read a random part of what is there; whether anything was read or written."""
        batch: list[Message] = []
        for topic in INPUTS:
            if topic not in self.task.full():
                batch += self.log.read(topic, self.partition, self.at[topic], chance.randrange(most))
        outputs = self.task.handle(batch)
        if chance.random() < loss:  # killed before the commit
            self.losses += 1
            self.restart()
            return True
        for output in outputs:
            self.log.append(*output)
        for message in batch:
            self.at[message.topic] = message.offset + 1
        self.committed |= self.task.positions()
        if chance.random() < loss:  # killed after it
            self.losses += 1
            self.restart()
            return True
        return bool(batch or outputs) or self.task.unfinished()


def disturbed(inputs: Sequence[Output], chance: random.Random, loss: float) -> tuple[MemoryLog, list[Member]]:
    """The same inputs, written and read in random parts by tasks that are lost at random."""
    log, fed = MemoryLog(P), 0
    members = [Member(log, p) for p in range(P)]
    while fed < len(inputs):
        some = chance.randrange(1, 80)
        for record in inputs[fed : fed + some]:
            log.append(*record)
        fed += some
        for _ in range(chance.randrange(4)):
            chance.choice(members).step(chance, chance.choice([2, 10, 60]), loss)
    for _ in range(chance.randrange(60)):
        chance.choice(members).step(chance, 200, loss)
    idle = 0
    while idle < 20 * P:  # a random step may read nothing by chance
        idle = 0 if chance.choice(members).step(chance, 200, 0) else idle + 1
    return log, members
