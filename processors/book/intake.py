"""From bytes to what the book processor takes: records found by their schema id, marks decoded by the batch."""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from domain import commands, inputs
from processors.book.wide import Read, wide_reader
from schemas.codec import HEADER_BYTES, Codec
from schemas.errors import SchemaError
from schemas.records import from_plain

_INPUTS: dict[str, type] = {
    name: cls
    for module in (inputs, commands)
    for name, cls in vars(module).items()
    if isinstance(cls, type) and hasattr(cls, "__dataclass_fields__")
}

MarksRow = tuple[int, int, int, list[str], list[int], list[int], list[int], list[int]]
"""(market partition, source_seq, time_us, symbols, lasts, bids, asks, tick times)"""


class ChainHead(NamedTuple):
    """The leading fields of an OptionChain; the rest is read when a rule asks for it."""

    market_partition: int
    source_seq: int
    time_us: int
    underlying: str


CHAIN = "OptionChain"


@cache
def _chain_reader(codec: Codec) -> Read:
    """Chains are the longest records of a book, and every look at an option reads one."""
    reader = wide_reader(codec.version(CHAIN).parsed(), HEADER_BYTES)
    assert reader is not None
    return reader


def decode_record(data: bytes) -> Any:
    """A record class instance of any input or command. Raises SchemaError."""
    codec = Codec.load()
    plain = _chain_reader(codec)(data) if data[:HEADER_BYTES] == codec.header(CHAIN) else None
    name, plain = (CHAIN, plain) if plain is not None else codec.decode(data)
    cls: Any = _INPUTS.get(name)
    if cls is None:
        raise SchemaError(f"{name} is no input of a book")
    return from_plain(cls, plain)


def decode_marks(values: Sequence[bytes]) -> list[MarksRow]:
    """Rows of Marks records. Small batches are read one by one, which is faster for them. Raises SchemaError."""
    codec = Codec.load()
    if len(values) < 32:
        rows: list[MarksRow] = []
        for value in values:
            _, p = codec.decode(value)
            rows.append(
                (
                    p["market_partition"],
                    p["source_seq"],
                    p["time_us"],
                    p["symbols"],
                    p["lasts_e4"],
                    p["bids_e4"],
                    p["asks_e4"],
                    p["tick_times_us"],
                )
            )
        return rows
    batch: Any = codec.decode_batch("Marks", values)
    return list(zip(*(batch.column(i).to_pylist() for i in range(8)), strict=True))


def chain_head(data: bytes) -> ChainHead:
    """The first four fields of an OptionChain record. Raises IndexError or ValueError when they are not there."""
    partition, at = _long(data, 5)
    sequence, at = _long(data, at)
    time_us, at = _long(data, at)
    length, at = _long(data, at)
    if at + length > len(data):
        raise ValueError("truncated option chain")
    return ChainHead(partition, sequence, time_us, data[at : at + length].decode())


def clock_tick(data: bytes) -> Any:
    """As `decode_record` of a ClockTick: half of the entries of a quiet book are such."""
    try:
        time_us, at = _long(data, 5)
        source_seq, at = _long(data, at)
    except IndexError:
        return decode_record(data)
    return inputs.ClockTick(time_us, source_seq) if at == len(data) else decode_record(data)


def _long(data: bytes, at: int) -> tuple[int, int]:
    shift = value = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), at
        shift += 7
