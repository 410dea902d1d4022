"""Sending commands to books, and waiting for what they come to."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, TopicPartition

from alluse.errors import Refused
from alluse.journaling import Journal, event_shown, require_entries
from alluse.plans import PARTITIONS
from alluse.records import build, command_class
from domain.commands import CommandHeader, ReleaseBook
from domain.identity import partition_of
from domain.inputs import LogOpened
from domain.partition import EVERY_BOOK
from domain.reasons import MEANING, Reason
from infra.errors import UnavailableError
from infra.kafka.clients import producer, reader
from infra.kafka.cluster import Cluster
from processors.book.digest import EVENT_TOPICS
from processors.book.journal import JournalKey, read_key
from schemas.codec import Codec
from schemas.records import from_plain

TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Sender:
    """Who asks."""

    person: str = "owner"
    role: str = "OWNER"
    command_id: str | None = None
    timeout_s: float = TIMEOUT_S


def send(cluster: Cluster, name: str, book: str, values: Mapping[str, Any], sender: Sender) -> dict[str, Any]:
    """Build a command of what was typed, send it, wait; what it came to. Raises Refused with the reason code."""
    cls = command_class(name)
    journal = Journal(cluster)
    try:
        opened = log_opened(journal)
        partition = partition_of(book, PARTITIONS)
        command_id = sender.command_id or str(uuid.uuid4())
        at_us = event_time(journal, opened, partition)
        header = CommandHeader(command_id, book, at_us, 0, "USER", sender.person, sender.role, command_id)
        return send_record(cluster, journal, build(cls, values, header), partition, sender.timeout_s)
    finally:
        journal.close()


def send_to_every_book(cluster: Cluster, name: str, values: Mapping[str, Any], sender: Sender) -> list[dict[str, Any]]:
    """The same command to all partitions, for every book on them; partitions without books are left out."""
    journal = Journal(cluster)
    try:
        opened = log_opened(journal)
        command_id = sender.command_id or str(uuid.uuid4())
        answers: list[dict[str, Any]] = []
        for partition in range(PARTITIONS):
            at_us = event_time(journal, opened, partition)
            header = CommandHeader(command_id, EVERY_BOOK, at_us, 0, "USER", sender.person, sender.role, command_id)
            record = build(command_class(name), values, header)
            answer = send_record(cluster, journal, record, partition, sender.timeout_s)
            if answer["events"] or answer["disposition"] != "refused":
                answers.append(answer)
        return answers
    finally:
        journal.close()


def release(cluster: Cluster, book: str, records: Sequence[bytes], sender: Sender) -> dict[str, Any]:
    """Let a parked book go on with these records (none: what waited is discarded)."""
    journal = Journal(cluster)
    try:
        opened = log_opened(journal)
        partition = partition_of(book, PARTITIONS)
        command_id = sender.command_id or str(uuid.uuid4())
        at_us = event_time(journal, opened, partition)
        header = CommandHeader(command_id, book, at_us, 0, "USER", sender.person, sender.role, command_id)
        record = ReleaseBook(header, [data.hex() for data in records])
        return send_record(cluster, journal, record, partition, sender.timeout_s)
    finally:
        journal.close()


def log_opened(journal: Journal) -> LogOpened:
    """The log's first record. Raises UnavailableError `LOG_EMPTY`."""
    for message in journal.log.records("commands", 0):
        name, plain = Codec.load().decode(message.value or b"")
        if name == "LogOpened":
            return from_plain(LogOpened, plain)
        if name != "BookPromise":  # of a partition that was opened a moment earlier
            break
    require_entries(journal)
    raise UnavailableError("LOG_EMPTY", "This log has not been opened.", "Play something: `alluse run --data sample`.")


def event_time(journal: Journal, opened: LogOpened, partition: int) -> int:
    """The time a command bears: now, or in a recorded log the time that its partition has reached."""
    if not opened.recorded:
        return time.time_ns() // 1000
    last = journal.last(partition)
    return last.key.time_us if last else 0


def send_record(cluster: Cluster, journal: Journal, record: Any, partition: int, timeout_s: float) -> dict[str, Any]:
    """Put a command on its partition and wait for its journal entry and events."""
    header: CommandHeader = record.header
    value = Codec.load().encode_record(record)
    answers = _Answers(cluster, journal, partition)
    try:
        out = producer(cluster, overrides={"linger.ms": 0})
        out.produce(cluster.topic("commands"), value, header.book.encode(), partition)
        if out.flush(timeout_s):
            raise UnavailableError(
                "KAFKA_UNREACHABLE",
                f"Kafka did not take the command within {timeout_s:.0f} s.",
                "Check the cluster; the command was not sent.",
            )
        key = answers.entry_of(value, timeout_s)
        if key is None:
            raise UnavailableError(
                "COMMAND_UNANSWERED",
                f"Command {header.command_id} is on the log; no book processor took it within {timeout_s:.0f} s.",
                f"See `alluse status`; repeat it with --id {header.command_id}: nothing happens twice.",
            )
        events = answers.events_of(key.sequence)
    finally:
        answers.close()
    return _answer(journal, record, partition, key, events)


def _answer(
    journal: Journal, record: Any, partition: int, key: JournalKey, events: Sequence[tuple[str, str, dict[str, Any]]]
) -> dict[str, Any]:
    header: CommandHeader = record.header
    if key.disposition == "duplicate":
        events = _earlier(journal, partition, header.command_id)  # answered from state (protocol 19.1)
    for _, name, plain in events:
        if name == "CommandRejected" and plain["command_id"] == header.command_id and header.book != EVERY_BOOK:
            raise refused(plain)
    if key.disposition == "parked":
        raise Refused(
            "BOOK_PARKED",
            f"Book {header.book} is parked behind a poison record; the command waits among the dead letters.",
            f"`alluse ops dead-letters list`, then `alluse ops dead-letters release --book {header.book}`.",
        )
    return {
        "command": type(record).__name__,
        "command_id": header.command_id,
        "book": header.book,
        "partition": partition,
        "sequence": key.sequence,
        "disposition": key.disposition,
        "events": [event_shown(topic, name, plain) for topic, name, plain in events],
    }


def refused(plain: Mapping[str, Any]) -> Refused:
    """The error for a CommandRejected."""
    code = plain["code"]
    meaning = MEANING[Reason(code)][1] if code in {r.value for r in Reason} else "see the reason"
    detail = plain["reason"] or "no details"
    return Refused(code, f"{plain['command']} was refused: {meaning} ({detail})", "`alluse reasons` lists every code.")


def _earlier(journal: Journal, partition: int, command_id: str) -> list[tuple[str, str, dict[str, Any]]]:
    """What a command that is repeated came to the first time."""
    codec = Codec.load()
    progress = codec.header("BookProgress")
    found: list[tuple[str, str, dict[str, Any]]] = []
    for topic in EVENT_TOPICS:
        for message in journal.log.records(topic, partition):
            value = message.value or b""
            if value[:5] != progress:
                name, plain = codec.decode(value)
                if plain["envelope"]["idempotency_key"] == command_id:
                    found.append((topic, name, plain))
    first = min((plain["envelope"]["sequence"] for _, _, plain in found), default=0)
    own = [event for event in found if event[2]["envelope"]["sequence"] == first]
    return sorted(own, key=lambda event: event[2]["envelope"]["ordinal"])


class _Answers:
    """The journal and the events of a partition from now on."""

    def __init__(self, cluster: Cluster, journal: Journal, partition: int) -> None:
        topics = ("journal", *EVENT_TOPICS)
        self._short = {cluster.topic(topic): topic for topic in topics}
        self._codec = Codec.load()
        self._progress = self._codec.header("BookProgress")
        self._consumer = reader(cluster, overrides={"fetch.wait.max.ms": 10})
        self._events: list[tuple[str, str, dict[str, Any]]] = []
        self._consumer.assign(
            [TopicPartition(full, partition, journal.log.end(topic, partition)) for full, topic in self._short.items()]
        )

    def entry_of(self, value: bytes, timeout_s: float) -> JournalKey | None:
        """The key of the entry that holds these bytes."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            found = self._poll(value)
            if found is not None:
                return found
        return None

    def events_of(self, sequence: int) -> list[tuple[str, str, dict[str, Any]]]:
        """The events of an entry: they were committed with it, so that all partitions' ends now hold them."""
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < 0.3:
            before = len(self._events)
            self._poll(None)
            if len(self._events) > before:
                quiet_since = time.monotonic()
        own = [e for e in self._events if e[2]["envelope"]["sequence"] == sequence]
        return sorted(own, key=lambda e: e[2]["envelope"]["ordinal"])

    def _poll(self, value: bytes | None) -> JournalKey | None:
        found: JournalKey | None = None
        for message in self._consumer.consume(1000, 0.05):
            error = message.error()
            if error is not None:
                if error.code() != KafkaError._PARTITION_EOF and not error.retriable():
                    raise UnavailableError(
                        "KAFKA_UNREACHABLE", error.str(), "Check the cluster, then look at the book."
                    )
                continue
            topic, data = self._short[message.topic() or ""], message.value()
            assert isinstance(data, bytes)
            if topic == "journal":
                if data == value:
                    key = message.key()
                    assert isinstance(key, bytes)
                    found = read_key(key)
            elif data[:5] != self._progress:
                self._events.append((topic, *self._codec.decode(data)))
        return found

    def close(self) -> None:
        self._consumer.close()
