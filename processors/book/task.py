"""The book processor's task: sequence, decide, journal, publish, for one partition (architecture.md, "What makes a run
repeatable").

Recorded log: inputs are merged by (event time, rank, source sequence) behind the promises of their sources, and clock ticks
are made exactly when a timer is due. Live log: inputs are taken as they arrive, time never goes back.
"""

from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

from domain import inputs as i
from domain.book import PARKED, REFUSED, TAKEN
from domain.decision import Entry
from domain.events import TO_BROKER, TOPIC_OF
from domain.identity import entry_id
from domain.partition import Partition, PoisonedBook
from infra.stream.contract import LogReader, Message, Output, PoisonedInput
from infra.stream.merge import FOREVER, Merge
from processors.book import snapshot
from processors.book.intake import MarksRow, chain_head, decode_marks, decode_record
from processors.book.journal import Chain, JournalKey, outputs_digest, read_key
from schemas.codec import Codec
from schemas.errors import SchemaError

COMMANDS, BROKER, FIRST_MARKET = 0, 1, 2
"""Ranks of the sources at equal times; the clock comes last, so that a timer sees what was journalled before its tick."""
SNAPSHOT_EVERY = 20_000
"""Entries between two snapshots: the tail to fold stays well under 50,000."""
BUFFERED_MOST = 50_000


class Item(NamedTuple):
    """An input on its way into the journal."""

    topic: str
    offset: int
    source: str
    source_seq: int
    key: bytes | None
    value: bytes
    record: Any
    """a record class instance, a MarksRow, a ChainHead, or the SchemaError that reading gave"""


class BookTask:
    """One partition of the book processor."""

    def __init__(self, partition: int) -> None:
        self._number = partition
        self._codec = Codec.load()
        self._progress_header = self._codec.header("BookProgress")
        self._marks_header = self._codec.header("Marks")
        self._chain_header = self._codec.header("OptionChain")
        self.partition = Partition(partition, decode_record)
        self.chain = Chain()
        self.opened: i.LogOpened | None = None
        self.seen: dict[str, int] = {}
        """source to the number of its last record taken"""
        self.orders_sent = 0
        self.unanswered: deque[int] = deque()
        """times of the broker-directed records the broker has not confirmed to have seen"""
        self._broker_seen = 0
        self._broker_promise = FOREVER  # nobody who was never asked answers
        self.commands_promised = -FOREVER
        self._merge: Merge[Item] | None = None
        self._waiting: list[Message] = []
        self._next: dict[str, int] = {}
        self._resume: dict[str, int] = {}
        self._anchor: dict[str, int] = {}
        self._commands_read: int | None = None
        self._promised = -FOREVER
        self._last_snapshot = 0
        self._poison: tuple[str, int, i.ParkBook] | None = None
        self._out: list[Output] = []
        self._emitted_to_broker = False

    # --- contract -----------------------------------------------------------------------------------------------

    def restore(self, log: LogReader) -> None:
        """Snapshots, then the journal behind them, folded with publication off; digests are compared on the way."""
        snapshot.restore(self, log)
        if self._merge is not None:
            if self.orders_sent:
                self._broker_promise = -FOREVER  # the broker's last promise is read again: `positions` has kept it
            self._merge.withdraw(BROKER, -FOREVER)
            self._bind_broker()
            self._merge.promise(COMMANDS, self.commands_promised)

    def mend(self, error: PoisonedInput) -> None:
        """Park the book before the input on which the task before this one failed."""
        source, source_seq, park = error.args
        self._poison = (source, source_seq, park)

    def handle(self, messages: Sequence[Message]) -> list[Output]:
        """Take records; answer journal entries, events, snapshots and progress."""
        self._out = []
        if self.opened is None:
            messages = self._open_log(messages)
            if self.opened is None:
                return self._out
        self._read(messages)
        if self.opened.recorded:
            self._advance()
            self._tell_progress()
        if self.chain.sequence - self._last_snapshot >= SNAPSHOT_EVERY:
            self._take_snapshot()
        return self._out

    def positions(self) -> dict[str, int]:
        """Where to go on: the first record not taken, or the one that carries a source's last promise."""
        if self._merge is None:
            return {m.topic: m.offset for m in reversed(self._waiting)}
        found = dict(self._next)
        for source in range(2 + self._market_partitions()):
            head = self._merge.head(source)
            if head is not None:
                found[head.topic] = min(found[head.topic], head.offset)
        for name, offset in self._anchor.items():
            topic = "market.marks" if name.startswith("market/") else "broker.reports"
            found[topic] = min(found.get(topic, offset), offset)
        return found

    def full(self) -> frozenset[str]:
        """Topics of which enough waits in the merge."""
        merge = self._merge
        if merge is None:
            return frozenset()
        market = sum(merge.buffered(FIRST_MARKET + k) for k in range(self._market_partitions()))
        return frozenset({"market.marks"}) if market > BUFFERED_MOST else frozenset()

    # --- reading ------------------------------------------------------------------------------------------------

    def _market_partitions(self) -> int:
        assert self.opened is not None
        return self.opened.market_partitions

    def _open_log(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Wait for the log's first entry; what came before it waits too."""
        self._waiting.extend(messages)
        first = next((m for m in self._waiting if m.topic == "commands"), None)
        if first is None:
            return ()
        record = decode_record(first.value or b"")
        if not isinstance(record, i.LogOpened):
            raise SchemaError(f"the log does not begin with LogOpened but with {type(record).__name__}")
        self.open(record)
        waiting, self._waiting = self._waiting, []
        return waiting

    def open(self, record: i.LogOpened) -> None:
        """The log's parameters are known."""
        self.opened = record
        self._merge = Merge(2 + record.market_partitions)
        self._bind_broker()

    def _read(self, messages: Sequence[Message]) -> None:
        """Sort records into their sources; those taken before a restart are passed over."""
        marks = [m for m in messages if m.topic == "market.marks" and m.value is not None and m.value[:5] == self._marks_header]
        rows: deque[MarksRow] = deque()
        try:
            rows.extend(decode_marks([m.value for m in marks if m.value is not None]))
        except SchemaError:
            marks, rows = [], deque()
        batched = {m.offset for m in marks}
        for message in messages:
            self._next[message.topic] = message.offset + 1
            if message.topic == "market.marks":
                self._read_market(message, rows.popleft() if message.offset in batched else None)
            elif message.topic == "broker.reports":
                self._read_report(message)
            elif message.topic == "commands":
                self._read_command(message)
            elif message.topic == "clock.ticks":
                self._read_clock(message)

    def _read_market(self, message: Message, row: MarksRow | None) -> None:
        value = message.value or b""
        record: Any = row
        try:
            if row is not None:
                partition, seq, time_us = row[0], row[1], row[2]
            elif value[:5] == self._chain_header:
                record = chain_head(value)
                partition, seq, time_us = record.market_partition, record.source_seq, record.time_us
            else:
                record = decode_record(value)
                partition, seq, time_us = record.market_partition, record.source_seq, record.time_us
        except (SchemaError, ValueError, IndexError, AttributeError) as error:
            self._dead_letter(message, error, "")
            return
        source = f"market/{partition}"
        rank = FIRST_MARKET + partition
        if row is not None:
            self._anchor[source] = message.offset
        if seq > self.seen.get(source, -1) and not (row is not None and not row[3]):
            item = Item("market.marks", message.offset, source, seq, message.key, value, record)
            self._submit(rank, time_us, item)
        if row is not None:
            self._promise(rank, time_us + 1)

    def _read_report(self, message: Message) -> None:
        value = message.value or b""
        try:
            record = decode_record(value)
        except SchemaError as error:
            self._undecodable(message, error)
            return
        if isinstance(record, i.BrokerProgress):
            self._anchor["broker"] = message.offset
            self._broker_seen = max(self._broker_seen, record.orders_seen)
            while self.unanswered and self.orders_sent - len(self.unanswered) < record.orders_seen:
                self.unanswered.popleft()
            self._broker_promise = record.promise_us
            self._bind_broker()
        elif record.source_seq > self.seen.get("broker", -1):
            item = Item("broker.reports", message.offset, "broker", record.source_seq, message.key, value, record)
            self._submit(BROKER, record.time_us, item)

    def _bind_broker(self) -> None:
        """The broker's promise holds unless it has been asked something since: then it may answer after the lookahead."""
        assert self._merge is not None and self.opened is not None
        if self.unanswered:
            bound = min(self._broker_promise, self.unanswered[0] + self.opened.broker_lookahead_us)
            self._merge.promise(BROKER, bound)
            self._merge.withdraw(BROKER, bound)
        else:
            self._merge.promise(BROKER, self._broker_promise)

    def _read_command(self, message: Message) -> None:
        if self._commands_read is None:
            # After a restart the first command read is the first not taken, unless the group's offsets were lost.
            self._commands_read = 0 if message.offset == 0 else self.seen.get("commands", -1) + 1
        seq = self._commands_read
        self._commands_read += 1
        if seq <= self.seen.get("commands", -1):
            return
        value = message.value or b""
        record: Any
        try:
            record = decode_record(value)
            time_us = record.time_us if isinstance(record, i.Watermark) else 0 if isinstance(record, i.LogOpened) else record.header.time_us
        except (SchemaError, AttributeError) as error:
            record, time_us = error, self.chain.time_us
        item = Item("commands", message.offset, "commands", seq, message.key, value, record)
        merge = self._merge
        assert merge is not None and self.opened is not None
        if self.opened.recorded and time_us < merge.bound(COMMANDS) and not isinstance(record, i.LogOpened):
            self._take(max(time_us, self.chain.time_us), item)  # an operator's command in the middle of a recorded run
            return
        self._submit(COMMANDS, time_us, item)
        if isinstance(record, i.Watermark):
            self._promise(COMMANDS, time_us + 1)

    def _read_clock(self, message: Message) -> None:
        try:
            record = decode_record(message.value or b"")
        except SchemaError as error:
            self._dead_letter(message, error, "")
            return
        if record.source_seq > self.seen.get("clock", -1) and self.opened is not None and not self.opened.recorded:
            item = Item("clock.ticks", message.offset, "clock", record.source_seq, message.key, message.value or b"", record)
            self._take(max(record.time_us, self.chain.time_us), item)

    def _submit(self, rank: int, time_us: int, item: Item) -> None:
        assert self._merge is not None and self.opened is not None
        if self.opened.recorded:
            self._merge.push(rank, time_us, item)
        else:
            self._take(max(time_us, self.chain.time_us), item)

    def _promise(self, rank: int, time_us: int) -> None:
        assert self._merge is not None
        self._merge.promise(rank, time_us)

    def _undecodable(self, message: Message, error: SchemaError) -> None:
        """A report that cannot be read: it has no number of its own, so it is set aside without an entry."""
        self._dead_letter(message, error, (message.key or b"").decode(errors="replace"))

    # --- the merge ----------------------------------------------------------------------------------------------

    def _advance(self) -> None:
        """Take everything that is safe, with clock ticks where timers are due."""
        merge = self._merge
        assert merge is not None
        while True:
            taken = merge.drain()
            progressed = bool(taken)
            for index, (time_us, _, item) in enumerate(taken):
                if self._fire_before(time_us):
                    merge.put_back(taken[index:])
                    break
                if self._nobody_sees(time_us, item):
                    continue
                self._take(time_us, item)
                if self._asked_broker():
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
        """Fire every timer due before `time_us` (the clock ranks last, so none at it), up to one that asks the broker
        something; whether there was such a one: the merge's horizon has moved back then."""
        while (due := self.partition.next_due_us()) is not None and due < time_us:
            due = max(due, self.chain.time_us)
            tick = i.ClockTick(due, self.seen.get("clock", -1) + 1)
            value = self._codec.encode_record(tick)
            self._take(due, Item("clock.ticks", -1, "clock", tick.source_seq, None, value, tick))
            if self._asked_broker():
                return True
        return False

    def _asked_broker(self) -> bool:
        asked, self._emitted_to_broker = self._emitted_to_broker, False
        if asked:
            self._bind_broker()
        return asked

    def _tell_progress(self) -> None:
        """In band on `orders`: nothing will go to the broker before the horizon."""
        assert self._merge is not None and self.opened is not None
        bound, _ = self._merge.horizon()
        if bound > self._promised:
            self._promised = bound
            record = i.BookProgress(bound, self.seen.get("broker", -1), True, self.opened.broker_lookahead_us, self._market_partitions())
            self._out.append(Output("orders", self._number, None, self._codec.encode_record(record)))

    # --- entries ------------------------------------------------------------------------------------------------

    def _take(self, time_us: int, item: Item) -> None:
        """Give an input its place in the journal, let it be decided, publish."""
        park = self._park_first(time_us, item)
        if park is not None:
            seq = self.seen.get("runtime", -1) + 1
            self._take(time_us, Item("", -1, "runtime", seq, park.book.encode(), self._codec.encode_record(park), park))
        entry = Entry(self._number, self.chain.sequence, time_us, entry_id(self._number, self.chain.sequence))
        disposition = self.decide(entry, item)
        events = [(TOPIC_OF[type(event)], self._codec.encode_event(envelope, event), envelope.system_id) for envelope, event in entry.emitted]
        digest = outputs_digest([(topic, data) for topic, data, _ in events]) if events else ""
        key = self.chain.append(time_us, item.source, item.source_seq, disposition, digest, item.value)
        self.note(item.source, item.source_seq, entry)
        out = self._out
        out.append(Output("journal", self._number, key, item.value))
        for topic, data, book in events:
            out.append(Output(topic, self._number, book.encode(), data))
        if disposition == PARKED:
            cause = item.record if isinstance(item.record, Exception) else SchemaError("the book is parked behind a poison record")
            self._letter(item, cause, _addressed(item))
        elif isinstance(item.record, Exception):
            self._letter(item, item.record, "")

    def _park_first(self, time_us: int, item: Item) -> i.ParkBook | None:
        """What must be journalled before a poison input: that its book is set aside (architecture.md, dead letters)."""
        if self._poison is not None and self._poison[:2] == (item.source, item.source_seq):
            park, self._poison = self._poison[2], None
            return park
        book = self.partition.books.get(_addressed(item)) if isinstance(item.record, Exception) else None
        if book is None or book.parked:
            return None
        return i.ParkBook(book.system_id, time_us, _code(item.record), str(item.record), item.topic, item.source_seq)

    def note(self, source: str, source_seq: int, entry: Entry) -> None:
        """Remember what an entry means for the sources: used by live work and by the fold alike."""
        self.seen[source] = source_seq
        for _, event in entry.emitted:
            if type(event) in TO_BROKER:
                self.orders_sent += 1
                if self.orders_sent > self._broker_seen:
                    self.unanswered.append(entry.time_us)
                    self._emitted_to_broker = True

    def decide(self, entry: Entry, item: Item) -> str:
        """Let the books decide. Raises PoisonedInput when one of them fails."""
        record, partition = item.record, self.partition
        try:
            if type(record) is tuple:
                return partition.take_marks(entry, record[3], record[4], record[5], record[6], record[7])
            if item.source.startswith("market/"):
                if item.value[:5] == self._chain_header:
                    partition.market.take_raw_chain(chain_head(item.value).underlying, item.value)
                    return TAKEN
                return partition.take_market(entry, record)
            match record:
                case i.ClockTick():
                    return partition.take_clock(entry)
                case i.Watermark():
                    self.commands_promised = record.time_us + 1
                    return TAKEN
                case i.LogOpened():
                    return TAKEN
                case i.ParkBook():
                    return partition.park(entry, record)
                case Exception():
                    return PARKED if _addressed(item) in partition.books else REFUSED
                case _:
                    return partition.take_report(entry, record) if item.source == "broker" else partition.take_command(entry, record)
        except PoisonedBook as error:
            raise PoisonedInput(
                item.source, item.source_seq,
                i.ParkBook(error.book, entry.time_us, type(error.__cause__).__name__, str(error.__cause__)[:500], item.topic, item.source_seq),
            ) from error

    # --- dead letters and snapshots -----------------------------------------------------------------------------

    def _dead_letter(self, message: Message, error: Exception, book: str) -> None:
        item = Item(message.topic, message.offset, "", -1, message.key, message.value or b"", error)
        self._letter(item, error, book, message)

    def _letter(self, item: Item, error: Exception, book: str, message: Message | None = None) -> None:
        headers = {name: value.hex() for name, value in (message.headers if message and message.headers else ())}
        letter = i.DeadLetter(item.topic, self._number, item.offset, (item.key or b"").hex(), item.value.hex(), headers, _code(error),
                              str(error), "book", 1, book, self.chain.time_us)
        self._out.append(Output("dead-letters", self._number, item.key, self._codec.encode_record(letter)))

    def _take_snapshot(self) -> None:
        self._out.extend(snapshot.take(self))
        self._last_snapshot = self.chain.sequence

    def mark_snapshot(self, sequence: int) -> None:
        """The newest snapshot covers the entries before `sequence`."""
        self._last_snapshot = sequence

    # --- folding ------------------------------------------------------------------------------------------------

    def fold(self, key: JournalKey, key_bytes: bytes, value: bytes) -> None:
        """Decide a journalled entry again, with publication off. Raises ValueError where the journal contradicts itself."""
        record: Any
        try:
            if value[:5] == self._marks_header:
                (record,) = decode_marks([value])
            elif value[:5] == self._chain_header:
                record = chain_head(value)
            else:
                record = decode_record(value)
        except SchemaError as error:
            record = error
        item = Item(_topic_of(key.source), -1, key.source, key.source_seq, None, value, record)
        entry = Entry(self._number, key.sequence, key.time_us, entry_id(self._number, key.sequence))
        if isinstance(record, i.LogOpened) and self.opened is None:
            self.open(record)
        # An input that cannot be read changed nothing; whom it was addressed to stands in the ParkBook before it.
        disposition = key.disposition if isinstance(record, SchemaError) else self.decide(entry, item)
        digest = outputs_digest([(TOPIC_OF[type(ev)], self._codec.encode_event(env, ev)) for env, ev in entry.emitted]) if entry.emitted else ""
        if disposition != key.disposition or digest != key.outputs:
            raise ValueError(f"entry {key.sequence} decides otherwise now: {disposition} {digest[:12]} against {key.disposition} {key.outputs[:12]}")
        self.chain.follow(key, key_bytes, value)
        self.note(key.source, key.source_seq, entry)
        self._emitted_to_broker = False

    def read_entry(self, message: Message) -> None:
        """Fold an entry as it stands on the journal topic."""
        key_bytes, value = message.key or b"", message.value or b""
        self.fold(read_key(key_bytes), key_bytes, value)


def _addressed(item: Item) -> str:
    """The book that a record is addressed to by its key."""
    return (item.key or b"").decode(errors="replace")


def _code(error: Exception) -> str:
    return error.code if isinstance(error, SchemaError) else type(error).__name__


def _topic_of(source: str) -> str:
    return {"commands": "commands", "broker": "broker.reports", "clock": "clock.ticks", "runtime": ""}.get(source, "market.marks")


class BookProcessor:
    """What the runtimes run (processor contract)."""

    name = "book"
    inputs = ("commands", "broker.reports", "market.marks", "clock.ticks")

    def task(self, partition: int) -> BookTask:
        """A fresh task."""
        return BookTask(partition)
