"""Gives each input its place in the journal, lets the books decide it, and makes what is published of it.

The same code decides live inputs and folds journalled ones; a fold compares disposition and digest of the events with
those that the journal holds, so that it proves the journal as it goes.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from domain import inputs as i
from domain.book import PARKED, REFUSED, TAKEN
from domain.decision import Entry
from domain.events import TO_BROKER, TOPIC_OF
from domain.partition import EVERY_BOOK, Partition, PoisonedBook
from infra.stream.contract import Message, Output, PoisonedInput
from infra.stream.merge import FOREVER
from processors.book.crossing import Crossing, Origin
from processors.book.intake import MarksRow, chain_head, clock_tick, decode_marks, decode_record, read_quote
from processors.book.journal import NO_OUTPUTS, Chain, JournalKey, outputs_digest, read_keys
from schemas.codec import Codec
from schemas.errors import SchemaError

_TOPIC_OF_SOURCE = {"commands": "commands", "broker": "broker.reports", "clock": "clock.ticks", "runtime": ""}


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


class Sequencer:
    """A book partition's journal and state."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.codec = Codec.load()
        self._marks_header = self.codec.header("Marks")
        self._chain_header = self.codec.header("OptionChain")
        self._clock_header = self.codec.header("ClockTick")
        self.partition = Partition(number, decode_record, read_quote)
        self.chain = Chain()
        self.opened: i.LogOpened | None = None
        self.seen: dict[str, int] = {}
        """source to the number of its last record taken"""
        self.orders_sent = 0
        """broker-directed records in all"""
        self.broker_saw = 0
        """how many of them the broker has confirmed"""
        self.unanswered: deque[int] = deque()
        """times of those that it has not"""
        self.commands_promised = -FOREVER
        """the command source's last journalled watermark"""
        self.crossing = Crossing(number)
        self._poison: tuple[str, int, i.ParkBook] | None = None

    def open(self, opened: i.LogOpened) -> None:
        """The log's first record is known."""
        self.opened = opened
        self.crossing.open(opened)

    def park_before(self, error: PoisonedInput) -> None:
        """Park a book right before the input that it failed on."""
        source, source_seq, park = error.args
        self._poison = (source, source_seq, park)

    def take(self, time_us: int, item: Item, out: list[Output]) -> bool:
        """Journal and decide an input, append what is published to `out`; whether anybody was asked something, so that
        an answer may come earlier than was promised.

        Raises PoisonedInput when a book's rule fails: the state is then half changed and must be folded again.
        """
        asked = False
        park = self._park_first(time_us, item)
        if park is not None:
            seq = self.seen.get("runtime", -1) + 1
            key = park.book.encode()
            asked = self.take(time_us, Item("", -1, "runtime", seq, key, self.codec.encode_record(park), park), out)
        entry = Entry(self.number, self.chain.sequence, time_us)
        disposition = self._decide(entry, item)
        events = [
            (TOPIC_OF[type(event)], self.codec.encode_event(envelope, event)) for envelope, event in entry.emitted
        ]
        sent = self._sent(entry) if entry.sent else ()
        digest = self._digest(events, sent)
        key = self.chain.append(time_us, item.source, item.source_seq, disposition, digest, item.value)
        out.append(Output("journal", self.number, key, item.value))
        for (topic, data), (envelope, _) in zip(events, entry.emitted, strict=True):
            out.append(Output(topic, self.number, envelope.system_id.encode(), data))
        out.extend(sent)
        if disposition == PARKED:
            cause = item.record if isinstance(item.record, Exception) else SchemaError("behind a poison record")
            out.append(self.dead_letter(item, cause, _addressed(item)))
        elif isinstance(item.record, Exception):
            out.append(self.dead_letter(item, item.record, ""))
        return self._note(item.source, item.source_seq, entry, sent) or asked

    def fold(self, message: Message) -> None:
        """Decide a journalled entry again, in silence. Raises ValueError where the journal contradicts itself."""
        self.fold_all([message])

    def fold_all(self, messages: Sequence[Message]) -> None:
        """`fold` of entries in a row, decoded together."""
        keys = read_keys([message.key or b"" for message in messages])
        values = [message.value or b"" for message in messages]
        marks = [value for value in values if value[:5] == self._marks_header]
        try:
            rows = deque(decode_marks(marks))
        except SchemaError:
            rows = deque[MarksRow]()  # one of them is broken: each is read by itself
        together = bool(rows)
        for message, key, value in zip(messages, keys, values, strict=True):
            is_mark = together and value[:5] == self._marks_header
            self._fold(key, message.key or b"", value, rows.popleft() if is_mark else self._read(value))

    def _fold(self, key: JournalKey, key_bytes: bytes, value: bytes, record: Any) -> None:
        topic = "commands" if key.source.startswith("book-") else _TOPIC_OF_SOURCE.get(key.source, "market.marks")
        item = Item(topic, -1, key.source, key.source_seq, None, value, record)
        entry = Entry(self.number, key.sequence, key.time_us)
        # An input that cannot be read changed nothing; whom it was addressed to stands in the ParkBook before it.
        disposition = key.disposition if isinstance(record, SchemaError) else self._decide(entry, item)
        sent, digest = (), NO_OUTPUTS
        if entry.emitted or entry.sent:
            events = [
                (TOPIC_OF[type(event)], self.codec.encode_event(envelope, event)) for envelope, event in entry.emitted
            ]
            sent = self._sent(entry) if entry.sent else ()
            digest = self._digest(events, sent)
        if disposition != key.disposition or digest != key.outputs:
            now, then = f"{disposition} {digest[:12]}", f"{key.disposition} {key.outputs[:12]}"
            raise ValueError(f"entry {key.sequence} decides otherwise now: {now} against {then}")
        self.chain.follow(key, key_bytes, value)
        self._note(key.source, key.source_seq, entry, sent)

    def _read(self, value: bytes) -> Any:
        try:
            if value[:5] == self._marks_header:
                return decode_marks([value])[0]
            if value[:5] == self._chain_header:
                return chain_head(value)
            return clock_tick(value) if value[:5] == self._clock_header else decode_record(value)
        except SchemaError as error:
            return error

    def _decide(self, entry: Entry, item: Item) -> str:
        record: Any = item.record
        partition = self.partition
        try:
            if type(record) is tuple:  # a MarksRow
                row: MarksRow = item.record
                return partition.take_marks(entry, *row[3:])
            if item.source.startswith("market/"):
                if item.value[:5] == self._chain_header:
                    partition.market.take_raw_chain(record.underlying, item.value, record.time_us)
                    return TAKEN
                return partition.take_market(entry, record)
            match record:
                case i.ClockTick():
                    return partition.take_clock(entry)
                case i.Watermark():
                    self.commands_promised = record.time_us + 1
                    return TAKEN
                case i.LogOpened():
                    self.open(record)
                    return TAKEN
                case i.ParkBook():
                    return partition.park(entry, record)
                case Exception():
                    return PARKED if _addressed(item) in partition.books else REFUSED
                case _ if item.source == "broker":
                    return partition.take_report(entry, record)
                case _:
                    return partition.take_command(entry, record)
        except PoisonedBook as error:
            cause = error.__cause__
            park = i.ParkBook(
                error.book, entry.time_us, type(cause).__name__, str(cause)[:500], item.topic, item.source_seq
            )
            raise PoisonedInput(item.source, item.source_seq, park) from error

    def _sent(self, entry: Entry) -> list[Output]:
        """The records of an entry's commands to other books. They bear the time at which they are taken.

        Raises ValueError when a rule sends what no partition could take.
        """
        crossing, outputs = self.crossing, list[Output]()
        time_us, numbers = entry.time_us + crossing.delay_us, list(crossing.sent)
        for ordinal, command in enumerate(entry.sent, len(entry.emitted)):
            book = command.header.book
            if not book or book == EVERY_BOOK:
                raise ValueError(f"{type(command).__name__} of entry {entry.sequence} is sent to no single book")
            target = crossing.target(book)
            data = self.codec.encode_record(replace(command, header=replace(command.header, time_us=time_us)))
            origin = Origin(self.number, numbers[target], time_us, entry.sequence, ordinal)
            numbers[target] += 1
            outputs.append(Output("commands", target, book.encode(), data, (origin.header(),)))
        return outputs

    @staticmethod
    def _digest(events: Sequence[tuple[str, bytes]], sent: Sequence[Output]) -> str:
        if not sent:
            return outputs_digest(events) if events else NO_OUTPUTS
        return outputs_digest([*events, *((output.topic, output.value or b"") for output in sent)])

    def _note(self, source: str, source_seq: int, entry: Entry, sent: Sequence[Output]) -> bool:
        """Remember what an entry means for the sources; whether the broker or another book has been asked something."""
        self.seen[source] = source_seq
        asked = bool(sent)
        for output in sent:
            self.crossing.note_sent(output.partition, entry.time_us + self.crossing.delay_us)
        for _, event in entry.emitted:
            if type(event) in TO_BROKER:
                self.orders_sent += 1
                if self.orders_sent > self.broker_saw:
                    self.unanswered.append(entry.time_us)
                    asked = True
        return asked

    def broker_has_seen(self, orders: int) -> None:
        """The broker's word on how many broker-directed records it has worked."""
        self.broker_saw = max(self.broker_saw, orders)
        while self.unanswered and self.orders_sent - len(self.unanswered) < orders:
            self.unanswered.popleft()

    def _park_first(self, time_us: int, item: Item) -> i.ParkBook | None:
        """What must be journalled before a poison input: that its book is set aside (architecture.md, dead letters)."""
        if self._poison is not None and self._poison[:2] == (item.source, item.source_seq):
            park, self._poison = self._poison[2], None
            return park
        book = self.partition.books.get(_addressed(item)) if isinstance(item.record, Exception) else None
        if book is None or book.parked:
            return None
        return i.ParkBook(book.system_id, time_us, _code(item.record), str(item.record), item.topic, item.source_seq)

    def dead_letter(self, item: Item, error: Exception, book: str, message: Message | None = None) -> Output:
        """An input that was set aside, whole."""
        headers = {name: value.hex() for name, value in (message.headers if message and message.headers else ())}
        letter = i.DeadLetter(
            item.topic, self.number, item.offset, (item.key or b"").hex(), item.value.hex(), headers, _code(error),
            str(error), "book", 1, book, self.chain.time_us,
        )  # fmt: skip
        return Output("dead-letters", self.number, item.key, self.codec.encode_record(letter))


def _addressed(item: Item) -> str:
    """The book that a record is addressed to by its key."""
    return (item.key or b"").decode(errors="replace")


def _code(error: Exception) -> str:
    return error.code if isinstance(error, SchemaError) else type(error).__name__
