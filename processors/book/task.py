"""The book processor's task: the order of inputs, for one partition (architecture.md, "What makes a run repeatable").

Recorded log: inputs are merged by (event time, rank, source sequence) behind the promises of their sources, and clock
ticks are made exactly when a timer is due. Live log: inputs are taken as they arrive, time never goes back.
"""

from collections import deque
from collections.abc import Sequence
from typing import Any

from domain import inputs as i
from domain.partition import Partition
from infra.stream.contract import LogReader, Message, Output, PoisonedInput
from infra.stream.merge import FOREVER, Merge
from processors.book import snapshot
from processors.book.crossing import Origin, origin_of
from processors.book.intake import MarksRow, chain_head, decode_marks, decode_record
from processors.book.journal import Chain
from processors.book.promises import KEY as PROMISES
from processors.book.promises import Promises, Waiting
from processors.book.sequencer import Item, Sequencer
from schemas.errors import SchemaError

COMMANDS, BROKER, FIRST_MARKET = 0, 1, 2
"""Ranks of the sources at equal times. Behind the market come the other books, by partition; the clock comes last: a
timer sees what was journalled before its tick."""
SNAPSHOT_EVERY = 20_000
"""Entries between two snapshots: the tail to fold stays well under 50,000."""
TAKEN_MOST = 10_000
"""Entries that one call makes of a recorded backlog, and so one transaction."""
PROMISES_EVERY = 5_000
"""Records read between two notes of what the sources have promised: so many a successor may have to read again."""
BUFFERED_MOST = 10_000
"""Market records that may wait in the merge before the topic is paused."""


class BookTask:
    """One partition of the book processor."""

    def __init__(self, partition: int) -> None:
        self._number = partition
        self.sequencer = Sequencer(partition)
        codec = self.sequencer.codec
        self._encode = codec.encode_record
        self._marks_header = codec.header("Marks")
        self._chain_header = codec.header("OptionChain")
        self._promise_header = codec.header("BookPromise")
        self._broker_promise = FOREVER  # nobody who was never asked answers
        self._merge: Merge[Item] = Merge(FIRST_MARKET)
        self._first_book = FIRST_MARKET
        self._waiting: list[Message] = []
        self._next: dict[str, int] = {}
        self._anchor: dict[int, int] = {}
        """by rank: offset of the record with a source's last promise, as long as no note of it has been written"""
        self._read_since_note = 0
        self._commands_read: int | None = None
        self._promised = -FOREVER
        self._books_noted = 0
        """records of `commands` before this offset that books wrote are known from the note"""
        self._books_heard = self._books_read = False
        """in this call: a record of another book partition; one that asks for an answer"""
        self._books_told = 0
        self._noted: Promises | None = None
        """a note of a task that had read the log's first record and not journalled it"""
        self._unfinished = False
        self.last_snapshot = 0
        self._out: list[Output] = []

    @property
    def partition(self) -> Partition:
        """State of the books."""
        return self.sequencer.partition

    @property
    def chain(self) -> Chain:
        """Head of the journal."""
        return self.sequencer.chain

    @property
    def horizon_us(self) -> int:
        """Up to where a recorded run may be decided now: nothing will go to the broker before it."""
        return self._merge.horizon()[0]

    # --- contract ---------------------------------------------------------------------------------------------------

    def restore(self, log: LogReader) -> None:
        """Snapshots, then the journal behind them, folded without publishing; hashes and digests are compared."""
        self.last_snapshot, promises = snapshot.restore(self.sequencer, log)
        if self.sequencer.opened is None:
            self._noted = promises
        else:
            if self.sequencer.orders_sent:
                self._broker_promise = -FOREVER  # what it has promised since the last note is read again
            self._open(self.sequencer.opened, promises)
            # Nothing was taken before commands had promised its time.
            self._merge.promise(COMMANDS, max(self.sequencer.commands_promised, self.chain.time_us))

    def mend(self, error: PoisonedInput) -> None:
        """Park the book before the input on which the task before this one failed."""
        self.sequencer.park_before(error)

    def handle(self, messages: Sequence[Message]) -> list[Output]:
        """Take records; answer journal entries, events, snapshots and progress."""
        self._out = []
        if self.sequencer.opened is None:
            messages = self._until_opened(messages)
        opened = self.sequencer.opened
        if opened is None:
            return self._out
        self._read(messages, opened)
        if opened.recorded:
            self._advance()
            self._tell_progress(opened)
            self._tell_books()
            self._read_since_note += len(messages)
            if self._read_since_note >= PROMISES_EVERY or self._books_heard:
                self._note_promises()
        if self.chain.sequence - self.last_snapshot >= SNAPSHOT_EVERY:
            self._out.extend(snapshot.take(self.sequencer))
            self.last_snapshot = self.chain.sequence
        return self._out

    def positions(self) -> dict[str, int]:
        """Where to go on: the first record not taken, or the one with a source's last promise of which there is no
        note."""
        if self.sequencer.opened is None:
            return {m.topic: m.offset for m in reversed(self._waiting)}
        found = dict(self._next)
        for source in range(self._first_book):
            head = self._merge.head(source)
            if head is not None:
                found[head.topic] = min(found[head.topic], head.offset)
        for source, offset in self._anchor.items():
            topic = "market.marks" if source >= FIRST_MARKET else "broker.reports"
            found[topic] = min(found.get(topic, offset), offset)
        return found

    def full(self) -> frozenset[str]:
        """Topics of which enough waits in the merge; never the one that the merge itself waits for.

        Market partitions may be far apart in the topic: while one of them holds up the rest, what waits must grow.
        """
        _, holding = self._merge.horizon()
        if FIRST_MARKET <= holding < self._first_book:
            return frozenset()
        market = sum(self._merge.buffered(source) for source in range(FIRST_MARKET, self._first_book))
        return frozenset({"market.marks"}) if market > BUFFERED_MOST else frozenset()

    def unfinished(self) -> bool:
        """Whether safe inputs wait only because a call has taken enough."""
        return self._unfinished

    # --- reading ----------------------------------------------------------------------------------------------------

    def _until_opened(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Wait for the log's first entry; what came before it waits too.

        Raises SchemaError when it is another record.
        """
        self._waiting.extend(messages)
        # Another partition may have read its first record earlier and promised something already.
        commands = (m for m in self._waiting if m.topic == "commands")
        first = next((m for m in commands if (m.value or b"")[:5] != self._promise_header), None)
        if first is None:
            return ()
        record = decode_record(first.value or b"")
        if not isinstance(record, i.LogOpened):
            raise SchemaError(f"the log does not begin with LogOpened but with {type(record).__name__}")
        self.sequencer.open(record)
        self._open(record, self._noted)
        waiting, self._waiting = self._waiting, []
        return waiting

    def _open(self, opened: i.LogOpened, noted: Promises | None) -> None:
        if noted is not None:
            self._broker_promise = noted.broker_us
            self.sequencer.broker_has_seen(noted.orders_seen)
        self._first_book = FIRST_MARKET + opened.market_partitions
        self._merge = Merge(self._first_book + self.sequencer.crossing.partitions)
        self._bind_broker(opened)
        for source, bound in enumerate(noted.bounds if noted is not None else ()):
            if source != BROKER:
                self._merge.promise(source, bound)
        self._restore_books(noted)
        self._bind_books()

    def _read(self, messages: Sequence[Message], opened: i.LogOpened) -> None:
        """Sort records into their sources; those taken before a restart are passed over."""
        marks = [m for m in messages if m.topic == "market.marks" and (m.value or b"")[:5] == self._marks_header]
        rows: deque[MarksRow] = deque()
        try:
            rows.extend(decode_marks([m.value or b"" for m in marks]))
        except SchemaError:
            marks = []  # one of them is broken: each is read by itself
        batched = {m.offset for m in marks}
        for message in messages:
            self._next[message.topic] = message.offset + 1
            match message.topic:
                case "market.marks":
                    self._read_market(message, rows.popleft() if message.offset in batched else None, opened)
                case "broker.reports":
                    self._read_report(message, opened)
                case "commands":
                    self._read_command(message, opened)
                case _:
                    self._read_clock(message, opened)

    def _read_market(self, message: Message, row: MarksRow | None, opened: i.LogOpened) -> None:
        value = message.value or b""
        record: Any = row
        try:
            if row is not None:
                partition, seq, time_us = row[0], row[1], row[2]
            else:
                record = chain_head(value) if value[:5] == self._chain_header else decode_record(value)
                partition, seq, time_us = record.market_partition, record.source_seq, record.time_us
        except (SchemaError, ValueError, IndexError, AttributeError) as error:
            self._set_aside(message, error, "")
            return
        source = f"market/{partition}"
        empty = row is not None and not row[3]
        if seq > self.sequencer.seen.get(source, -1) and not empty:
            item = Item("market.marks", message.offset, source, seq, message.key, value, record)
            self._submit(FIRST_MARKET + partition, time_us, item, opened)
        else:
            self._merge.promise(FIRST_MARKET + partition, time_us)
        if row is not None and opened.recorded:
            self._anchor[FIRST_MARKET + partition] = message.offset
            self._merge.promise(FIRST_MARKET + partition, time_us + 1)

    def _read_report(self, message: Message, opened: i.LogOpened) -> None:
        value = message.value or b""
        try:
            record = decode_record(value)
        except SchemaError as error:
            # It has no number of its own, so it is set aside without an entry.
            self._set_aside(message, error, (message.key or b"").decode(errors="replace"))
            return
        if isinstance(record, i.BrokerProgress):
            if record.orders_seen < self.sequencer.broker_saw:
                return  # read again after a restart: it has promised something else since
            self.sequencer.broker_has_seen(record.orders_seen)
            self._broker_promise = record.promise_us
            if opened.recorded:
                self._anchor[BROKER] = message.offset
                self._bind_broker(opened)
        elif record.source_seq > self.sequencer.seen.get("broker", -1):
            item = Item("broker.reports", message.offset, "broker", record.source_seq, message.key, value, record)
            self._submit(BROKER, record.time_us, item, opened)

    def _bind_broker(self, opened: i.LogOpened) -> None:
        """The broker's promise holds unless it has been asked something since: then it may answer after the
        lookahead."""
        unanswered = self.sequencer.unanswered
        bound = self._broker_promise
        if unanswered:
            bound = min(bound, unanswered[0] + opened.broker_lookahead_us)
            self._merge.withdraw(BROKER, bound)
        self._merge.promise(BROKER, bound)

    def _read_command(self, message: Message, opened: i.LogOpened) -> None:
        taken = self.sequencer.seen.get("commands", -1)
        if self._commands_read is None:
            # After a restart the first command read is the first not taken, unless the group's offsets were lost.
            self._commands_read = 0 if message.offset == 0 else taken + 1
        value = message.value or b""
        if value[:5] == self._promise_header:
            self._read_promise(message)
            return
        if opened.recorded and message.headers and (origin := origin_of(message)) is not None:
            self._read_sent(message, origin)
            return
        seq = self._commands_read
        self._commands_read += 1
        if seq <= taken:
            return
        record: Any
        try:
            record = decode_record(value)
            time_us = _time_of(record)
        except (SchemaError, AttributeError) as error:
            record, time_us = error, self.chain.time_us
        item = Item("commands", message.offset, "commands", seq, message.key, value, record)
        if opened.recorded and time_us < self._merge.bound(COMMANDS) and seq > 0:
            self._take(max(time_us, self.chain.time_us), item)  # an operator's command in the middle of a recorded run
            return
        self._submit(COMMANDS, time_us, item, opened)
        if isinstance(record, i.Watermark):
            self._merge.promise(COMMANDS, time_us + 1)

    def _read_promise(self, message: Message) -> None:
        if message.offset < self._books_noted:
            return
        record = decode_record(message.value or b"")
        self.sequencer.crossing.take_promise(record.partition, record.promise_us, record.received)
        self._books_heard = True
        self._bind_books()

    def _read_sent(self, message: Message, origin: Origin) -> None:
        """A command of another book. It may come too late only where an operator has meddled with a recorded run."""
        if message.offset < self._books_noted:
            return
        crossing = self.sequencer.crossing
        crossing.take_read(origin.partition, origin.source_seq)
        self._books_heard = True
        self._books_read = self._books_read or origin.partition != crossing.number
        if origin.source_seq <= self.sequencer.seen.get(origin.source, -1):
            self._bind_books()
            return  # taken before a restart
        time_us = max(origin.time_us, self.chain.time_us)
        self._await_turn(Waiting(
            origin.partition, origin.source_seq, time_us, message.offset, message.key.hex() if message.key else None,
            (message.value or b"").hex(),
        ))  # fmt: skip
        self._bind_books()

    def _await_turn(self, waiting: Waiting) -> None:
        value = bytes.fromhex(waiting.value)
        try:
            record: Any = decode_record(value)
        except SchemaError as error:
            record = error
        key = bytes.fromhex(waiting.key) if waiting.key else None
        source = f"book-{waiting.partition}"
        item = Item("commands", waiting.offset, source, waiting.source_seq, key, value, record)
        self._merge.push(self._first_book + waiting.partition, waiting.time_us, item)

    def _bind_books(self) -> None:
        """One bound for all books, since one of them may wake another: at that very time only the first of them is
        safe."""
        crossing = self.sequencer.crossing
        if crossing.recorded:
            bound = crossing.bound()
            for source in range(self._first_book, self._merge.sources):
                self._merge.withdraw(source, bound)
                self._merge.promise(source, bound)

    def _restore_books(self, noted: Promises | None) -> None:
        """What the task before this one has heard of the other partitions, and what of theirs it has not taken."""
        if noted is None or not noted.books_us:
            return
        self._books_noted = noted.commands_read
        self.sequencer.crossing.heard(noted.books_us, noted.confirmed, noted.read)
        for waiting in noted.waiting:
            if waiting.source_seq > self.sequencer.seen.get(f"book-{waiting.partition}", -1):
                self._await_turn(waiting)

    def _read_clock(self, message: Message, opened: i.LogOpened) -> None:
        try:
            record = decode_record(message.value or b"")
        except SchemaError as error:
            self._set_aside(message, error, "")
            return
        if not opened.recorded and record.source_seq > self.sequencer.seen.get("clock", -1):
            item = Item("clock.ticks", message.offset, "clock", record.source_seq, None, message.value or b"", record)
            self._take(max(record.time_us, self.chain.time_us), item)

    def _submit(self, rank: int, time_us: int, item: Item, opened: i.LogOpened) -> None:
        if opened.recorded:
            self._merge.push(rank, time_us, item)
        else:
            self._take(max(time_us, self.chain.time_us), item)

    def _set_aside(self, message: Message, error: Exception, book: str) -> None:
        item = Item(message.topic, message.offset, "", -1, message.key, message.value or b"", error)
        self._out.append(self.sequencer.dead_letter(item, error, book, message))

    # --- the merge --------------------------------------------------------------------------------------------------

    def _take(self, time_us: int, item: Item) -> bool:
        """Into the journal; whether the merge's horizon has moved back because the broker or a book was asked
        something."""
        if not self.sequencer.take(time_us, item, self._out):
            return False
        assert self.sequencer.opened is not None
        self._bind_broker(self.sequencer.opened)
        self._bind_books()
        return True

    def _advance(self) -> None:
        """Take what is safe, up to `TAKEN_MOST` entries, with clock ticks where timers are due."""
        merge = self._merge
        enough = self.chain.sequence + TAKEN_MOST
        self._unfinished = False
        while True:
            taken = merge.drain()
            progressed = bool(taken)
            for index, (time_us, _, item) in enumerate(taken):
                if self.chain.sequence >= enough:
                    merge.put_back(taken[index:])
                    self._unfinished = True
                    return
                if self._fire_before(time_us):
                    merge.put_back(taken[index:])
                    break
                if not self._nobody_sees(time_us, item) and self._take(time_us, item):
                    merge.put_back(taken[index + 1 :])
                    break
            else:
                before = self.chain.sequence
                while self._fire_before(merge.horizon()[0]):
                    pass
                progressed = progressed or self.chain.sequence > before
            if not progressed:
                return

    def _nobody_sees(self, time_us: int, item: Item) -> bool:
        """Prices before the partition's first book influence no decision and are not journalled; reference data are.

        After a restart such prices may be read once more, behind the journal's end: they are passed over again.
        """
        return isinstance(item.record, tuple) and (not self.partition.books or time_us < self.chain.time_us)

    def _fire_before(self, time_us: int) -> bool:
        """Fire every timer due before `time_us` (the clock ranks last, so none at it), up to one that asks somebody
        something; whether there was such a one: the merge's horizon has moved back then."""
        while (due := self.partition.next_due_us()) is not None and due < time_us:
            due = max(due, self.chain.time_us)
            tick = i.ClockTick(due, self.sequencer.seen.get("clock", -1) + 1)
            if self._take(due, Item("clock.ticks", -1, "clock", tick.source_seq, None, self._encode(tick), tick)):
                return True
        return False

    def _note_promises(self) -> None:
        """For a successor. A source of which records wait keeps its anchor: they and its promise are read again."""
        merge, crossing = self._merge, self.sequencer.crossing
        bounds = [0 if source == BROKER else merge.bound_before_head(source) for source in range(self._first_book)]
        broker_us = self._broker_promise
        if merge.buffered(BROKER):
            broker_us = min(broker_us, merge.bound_before_head(BROKER))
        waiting = [
            Waiting(partition, item.source_seq, time_us, item.offset, item.key.hex() if item.key else None,
                    item.value.hex())
            for partition in range(crossing.partitions)
            for time_us, item in merge.waiting(self._first_book + partition)
        ]  # fmt: skip
        promises = Promises(
            bounds, broker_us, self.sequencer.broker_saw, max(self._books_noted, self._next.get("commands", 0)),
            crossing.promised, crossing.received(), crossing.read, waiting,
        )  # fmt: skip
        self._out.append(Output("snapshots", self._number, PROMISES, promises.encoded()))
        self._anchor = {source: offset for source, offset in self._anchor.items() if merge.buffered(source)}
        self._read_since_note = 0
        self._books_heard = False

    def _tell_progress(self, opened: i.LogOpened) -> None:
        """In band on `orders`: nothing will go to the broker before the horizon."""
        bound = self.horizon_us
        if bound > self._promised and not self._unfinished:
            self._promised = bound
            record = i.BookProgress(
                bound, self.sequencer.seen.get("broker", -1), opened.recorded, opened.broker_lookahead_us,
                opened.market_partitions,
            )  # fmt: skip
            self._out.append(Output("orders", self._number, None, self._encode(record)))

    def _tell_books(self) -> None:
        """In band on `commands`: before when this partition's books send nothing to the others, unless something
        further reaches them; and how many of their commands have been read.

        Told when it is worth it, which is soon enough: whoever is the furthest behind has promises of all others that
        lie beyond its next input, because a step is shorter than the delay.
        """
        crossing = self.sequencer.crossing
        if crossing.alone:
            return
        promise = crossing.promise(self._earliest())
        told = max(self._books_told, crossing.delay_us)
        if self._books_read or promise < told or promise >= told + crossing.delay_us * 2 // 3:
            self._books_told, self._books_read = promise, False
            for target in range(crossing.partitions):
                if target != self._number:
                    record = i.BookPromise(self._number, promise, crossing.read[target])
                    self._out.append(Output("commands", target, None, self._encode(record)))

    def _earliest(self) -> int:
        """When the next entry may be that no unread command of another book causes. Without books only a command can
        cause anything."""
        merge = self._merge
        earliest = merge.bound_before_head(COMMANDS)
        if self.partition.books:
            earliest = min(earliest, *(merge.bound_before_head(source) for source in range(BROKER, self._first_book)))
            due = self.partition.next_due_us()
            earliest = earliest if due is None else min(earliest, due)
        for source in range(self._first_book, merge.sources):
            if merge.buffered(source):
                earliest = min(earliest, merge.bound_before_head(source))
        return earliest


def _time_of(record: Any) -> int:
    """When a command is to be taken, microseconds. Raises AttributeError for what is no command."""
    match record:
        case i.LogOpened():
            return 0
        case i.Watermark():
            return record.time_us
        case _:
            return record.header.time_us


class BookProcessor:
    """What the runtimes run (processor contract)."""

    name = "book"
    inputs: tuple[str, ...] = ("commands", "broker.reports", "market.marks", "clock.ticks")

    def task(self, partition: int) -> BookTask:
        """A fresh task."""
        return BookTask(partition)
