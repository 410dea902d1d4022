"""Market records on the wire, read only as far as needed: the first fields by hand, the rest when somebody asks.

Every record of `market.marks` begins with market_partition, source_seq and time_us, Avro longs (zigzag varints); a
chain goes on with its underlying, a `Marks` record with its symbols. A test compares this with the full decoder.
"""

from typing import NamedTuple

from schemas.errors import TruncatedRecordError, UnreadableRecordError

HEADER_BYTES = 5
"""magic and schema id of the Confluent wire format"""


class Prefix(NamedTuple):
    """The first fields of a record of `market.marks`."""

    market_partition: int
    source_seq: int
    time_us: int
    end: int
    """where the fourth field begins"""


def prefix(data: bytes) -> Prefix:
    """Read the first three fields. Raises TruncatedRecordError when the bytes end inside them, or right behind."""
    try:
        return _prefix(data)
    except IndexError as error:
        raise TruncatedRecordError(f"the {len(data)} bytes end inside the record") from error


def _prefix(data: bytes) -> Prefix:
    at = HEADER_BYTES
    partition = seq = shift = 0
    while (byte := data[at]) & 0x80:
        partition |= (byte & 0x7F) << shift
        shift += 7
        at += 1
    partition |= byte << shift
    at += 1
    shift = 0
    while (byte := data[at]) & 0x80:
        seq |= (byte & 0x7F) << shift
        shift += 7
        at += 1
    seq |= byte << shift
    at += 1
    time = shift = 0
    while (byte := data[at]) & 0x80:
        time |= (byte & 0x7F) << shift
        shift += 7
        at += 1
    time |= byte << shift
    data[at + 1]  # whoever reads on begins there
    return Prefix(partition >> 1 ^ -(partition & 1), seq >> 1 ^ -(seq & 1), time >> 1 ^ -(time & 1), at + 1)


def short_text(data: bytes, at: int) -> str:
    """The string that begins at `at`; of fewer than 64 bytes, as tickers are. Raises UnreadableRecordError."""
    size = data[at] >> 1
    try:
        return data[at + 1 : at + 1 + size].decode()
    except UnicodeDecodeError as error:
        raise UnreadableRecordError("a text in it is not UTF-8") from error


def empty_list(data: bytes, at: int) -> bool:
    """The list that begins at `at` has no items."""
    return data[at] == 0
