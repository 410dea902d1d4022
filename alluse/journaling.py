"""The journal as people and analysts read it: entries by sequence, the newest ones, an export, and a book as it was."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from alluse.plans import PARTITIONS
from alluse.records import shown
from alluse.render import iso_us, note
from infra.errors import RequestError, UnavailableError
from infra.kafka.cluster import Cluster
from infra.stream.contract import Message
from processors.book.digest import EVENT_TOPICS
from processors.book.journal import JournalKey, read_key
from processors.runtime.kafka import KafkaLog
from schemas.codec import Codec
from schemas.errors import SchemaError

LOOK_S = 0.5
EXPORT_BATCH = 10_000
TELL_EVERY_S = 5.0


class PartitionReader:
    """One partition of the log (`infra.stream.contract.LogReader`)."""

    def __init__(self, log: KafkaLog, partition: int) -> None:
        self.log, self.partition = log, partition

    def compacted(self, topic: str) -> dict[bytes, bytes]:
        """The last value of each key."""
        return self.log.compacted(topic, self.partition)

    def records(self, topic: str, from_offset: int = 0) -> Iterable[Message]:
        """Committed records from an offset on."""
        return self.log.records(topic, self.partition, from_offset)

    def end(self, topic: str) -> int:
        """The offset after the last record."""
        return self.log.end(topic, self.partition)


class JournalEntry(NamedTuple):
    """An entry as it stands on the topic."""

    partition: int
    offset: int
    key: JournalKey
    key_bytes: bytes
    value: bytes

    def shown(self) -> dict[str, Any]:
        """For JSON: what the journal adds, the entry's hash, the input."""
        name, record = readable(self.value)
        return {
            "partition": self.partition,
            "sequence": self.key.sequence,
            "time": iso_us(self.key.time_us),
            "source": self.key.source,
            "source_seq": self.key.source_seq,
            "disposition": self.key.disposition,
            "hash": f"sha256:{sha256(self.key_bytes + self.value).hexdigest()}",
            "previous": f"sha256:{self.key.previous}",
            "outputs": f"sha256:{self.key.outputs}" if self.key.outputs else None,
            "record": name,
            "value": record,
        }


def readable(value: bytes) -> tuple[str, dict[str, Any]]:
    """Name and content of a record; of one that can't be read, its bytes and why."""
    try:
        name, plain = Codec.load().decode(value)
    except SchemaError as error:
        return "UNREADABLE", {"error": f"{error.code}: {error}", "hex": value.hex()}
    return name, shown(name, plain)


class Journal:
    """The journal of one log."""

    def __init__(self, cluster: Cluster) -> None:
        self.log = KafkaLog(cluster)

    def partition(self, number: int) -> PartitionReader:
        """One partition."""
        if not 0 <= number < PARTITIONS:
            raise RequestError("BAD_PARTITION", f"There is no partition {number}.", f"Use 0 to {PARTITIONS - 1}.")
        return PartitionReader(self.log, number)

    def entries(self, partition: int, from_offset: int = 0) -> Iterator[JournalEntry]:
        """Entries from an offset on."""
        for message in self.log.records("journal", partition, from_offset):
            key, value = message.key or b"", message.value or b""
            yield JournalEntry(partition, message.offset, read_key(key), key, value)

    def find(self, partition: int, sequence: int) -> JournalEntry:
        """One entry. Raises RequestError `NO_ENTRY`."""
        for entry in self.entries(partition, self.offset_of(partition, sequence)):
            if entry.key.sequence == sequence:
                return entry
            break
        last = self.last(partition)
        there = f"0 to {last.key.sequence}" if last else "none yet"
        raise RequestError("NO_ENTRY", f"Partition {partition} has no entry {sequence}.", f"It has {there}.")

    def offset_of(self, partition: int, sequence: int) -> int:
        """Offset from which an entry follows; offsets count transaction markers, so it is searched by halves."""
        low, high = sequence, self.log.end("journal", partition)
        while low < high:
            middle = (low + high) // 2
            first = next(self.entries(partition, middle), None)
            if first is None or first.key.sequence >= sequence:
                high = middle
            else:
                low = first.offset + 1
        return low

    def newest(self, partition: int, count: int) -> list[JournalEntry]:
        """The last entries, oldest first."""
        end, span = self.log.end("journal", partition), count + 10
        while True:
            start = max(0, end - span)
            found = list(self.entries(partition, start))
            if len(found) >= count or start == 0:
                return found[-count:] if count else []
            span *= 2

    def last(self, partition: int) -> JournalEntry | None:
        """The last entry."""
        return next(iter(self.newest(partition, 1)), None)

    def caused(self, entry: JournalEntry) -> list[dict[str, Any]]:
        """The events of an entry, by ordinal."""
        if not entry.key.outputs:
            return []
        codec = Codec.load()
        progress = codec.header("BookProgress")
        found: list[tuple[int, str, str, dict[str, Any]]] = []
        for topic in EVENT_TOPICS:
            for message in self.log.records(topic, entry.partition):
                value = message.value or b""
                if value[:5] == progress:
                    continue
                name, plain = codec.decode(value)
                if plain["envelope"]["sequence"] == entry.key.sequence:
                    found.append((plain["envelope"]["ordinal"], topic, name, plain))
        return [event_shown(topic, name, plain) for _, topic, name, plain in sorted(found, key=lambda f: f[0])]

    def follow(self, partitions: Iterable[int]) -> Iterator[JournalEntry]:
        """Entries from now on, until the reader stops asking."""
        ends = {p: self.log.end("journal", p) for p in partitions}
        while True:
            for partition, offset in list(ends.items()):
                for entry in self.entries(partition, offset):
                    ends[partition] = entry.offset + 1
                    yield entry
            time.sleep(LOOK_S)

    def close(self) -> None:
        """Let go of the connection."""
        self.log.close()


def event_shown(topic: str, name: str, plain: dict[str, Any]) -> dict[str, Any]:
    """An event for JSON: type, topic, envelope, its own fields."""
    document = shown(name, plain)
    envelope = document.pop("envelope")
    return {"type": name, "event_id": envelope["event_id"], "topic": topic, "envelope": envelope, "event": document}


def export(entries: Iterable[JournalEntry], form: str, out: Path | None) -> int:
    """Write entries as JSON lines, Parquet or an Arrow file; how many there were.

    Columns: what the journal adds, the record's name, its content as JSON text, its bytes.
    """
    entries = _told(entries)
    if form == "jsonl":
        target = sys.stdout if out is None else out.open("w")
        count = 0
        try:
            for entry in entries:
                count += 1
                target.write(json.dumps(entry.shown(), ensure_ascii=False, separators=(",", ":")) + "\n")
        finally:
            if out is not None:
                target.close()
        return count
    if out is None:
        raise RequestError("OUT_NEEDED", f"{form} is a binary format.", "Name a file with --out.")
    return _export_arrow(entries, form, out)


def _told(entries: Iterable[JournalEntry]) -> Iterator[JournalEntry]:
    """The same entries; now and then a line on standard error says how far they are."""
    told = time.monotonic()
    for count, entry in enumerate(entries, 1):
        yield entry
        if time.monotonic() - told > TELL_EVERY_S:
            told = time.monotonic()
            note(f"{count} entries, {iso_us(entry.key.time_us)} of partition {entry.partition}")


def _export_arrow(entries: Iterable[JournalEntry], form: str, out: Path) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema(
        [
            ("partition", pa.int32()),
            ("sequence", pa.int64()),
            ("time", pa.timestamp("us", "UTC")),
            ("source", pa.string()),
            ("source_seq", pa.int64()),
            ("disposition", pa.string()),
            ("hash", pa.string()),
            ("previous", pa.string()),
            ("outputs", pa.string()),
            ("record", pa.string()),
            ("value", pa.string()),
            ("value_bytes", pa.binary()),
        ]
    )
    count = 0
    with (
        out.open("wb") as file,
        pq.ParquetWriter(file, schema) if form == "parquet" else pa.ipc.new_file(file, schema) as writer,
    ):
        rows: list[dict[str, Any]] = []
        for entry in entries:
            count += 1
            document = entry.shown()
            document["time"] = entry.key.time_us
            document["value"] = json.dumps(document["value"], ensure_ascii=False)
            rows.append({**document, "value_bytes": entry.value})
            if len(rows) == EXPORT_BATCH:
                writer.write_batch(pa.RecordBatch.from_pylist(rows, schema))
                rows = []
        if rows:
            writer.write_batch(pa.RecordBatch.from_pylist(rows, schema))
    return count


def require_entries(journal: Journal) -> None:
    """Raises UnavailableError `LOG_EMPTY` when nothing has been journalled."""
    if all(journal.log.end("journal", p) == 0 for p in range(PARTITIONS)):
        raise UnavailableError(
            "LOG_EMPTY",
            "Nothing stands on this log's journal.",
            "Play something: `alluse run --data sample`, or choose another --log.",
        )
