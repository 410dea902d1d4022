"""Records of the log to decoded batches: one Arrow batch for each (topic, schema), and what could not be read."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from projections.arrow import RecordBatch, compute
from schemas.codec import HEADER_BYTES, Codec
from schemas.errors import SchemaError


class LogRecord(NamedTuple):
    """A committed record of an output topic."""

    topic: str
    """without the namespace's prefix"""
    partition: int
    offset: int
    value: bytes | None


class Coordinates(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class DeadRecord:
    """A record that the projection could not use; its bytes are kept."""

    record: LogRecord
    error_code: str
    message: str


@dataclass(frozen=True, slots=True)
class Group:
    """Events of one type from one topic, as Arrow columns; `records` in the same order."""

    topic: str
    name: str
    events: RecordBatch
    records: list[LogRecord]


@dataclass(frozen=True, slots=True)
class Batch:
    """What was read, decoded once for every projection."""

    records: list[LogRecord]
    groups: list[Group]
    dead: list[DeadRecord]
    starts: dict[Coordinates, int]
    """first offset read"""
    positions: dict[Coordinates, int]
    """next offset to read"""
    event_times: dict[Coordinates, int]
    """latest `recorded_at_us`"""


def decode(codec: Codec, records: Iterable[LogRecord]) -> Batch:
    """Decode records. Records without an envelope (progress of a recorded run) are passed over."""
    records = list(records)
    by_schema: defaultdict[tuple[str, bytes], list[LogRecord]] = defaultdict(list)
    by_partition: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
    for record in records:
        topic, partition, offset, value = record
        by_partition[topic, partition].append(offset)
        if value is not None:
            by_schema[topic, value[:HEADER_BYTES]].append(record)
    starts = {Coordinates(*place): min(offsets) for place, offsets in by_partition.items()}
    positions = {Coordinates(*place): max(offsets) + 1 for place, offsets in by_partition.items()}
    groups: list[Group] = []
    dead: list[DeadRecord] = []
    for (topic, _), members in by_schema.items():
        group = _group(codec, topic, members, dead)
        if group is not None and "envelope" in group.events.schema.names:
            groups.append(_each_once(group))
    return Batch(records, groups, dead, starts, positions, _event_times(groups))


def _group(codec: Codec, topic: str, records: list[LogRecord], dead: list[DeadRecord]) -> Group | None:
    """The records as one batch; those that break it are taken out, one after the other."""
    while records:
        values = [record.value or b"" for record in records]
        try:
            name = codec.name_of(values[0])
        except SchemaError as error:
            # The group is all of one header, so it is all unreadable for the same reason.
            dead += [DeadRecord(record, error.code, str(error)) for record in records]
            return None
        try:
            return Group(topic, name, codec.decode_batch(name, values), records)
        except SchemaError as error:
            if error.index is None:
                raise
            dead.append(DeadRecord(records[error.index], error.code, str(error)))
            records = records[: error.index] + records[error.index + 1 :]
    return None


def _each_once(group: Group) -> Group:
    """The group without repetitions of an event."""
    ids = group.events.column("envelope").field("event_id")
    if compute.count_distinct(ids).as_py() == len(ids):
        return group
    names: list[str] = ids.to_pylist()
    firsts = {name: index for index, name in reversed(list(enumerate(names)))}
    kept = sorted(firsts.values())
    return Group(group.topic, group.name, group.events.take(kept), [group.records[i] for i in kept])


def _event_times(groups: list[Group]) -> dict[Coordinates, int]:
    times: dict[Coordinates, int] = {}
    for group in groups:
        envelope = group.events.column("envelope")
        recorded = envelope.field("recorded_at_us")
        partitions = {record.partition for record in group.records}
        if len(partitions) == 1:
            latest = {partitions.pop(): compute.max(recorded).as_py()}
        else:
            latest: dict[int, int] = {}
            for record, time in zip(group.records, recorded.to_numpy().tolist(), strict=True):
                latest[record.partition] = max(latest.get(record.partition, time), time)
        for partition, time in latest.items():
            place = Coordinates(group.topic, partition)
            times[place] = max(times.get(place, time), time)
    return times
