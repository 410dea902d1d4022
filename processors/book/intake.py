"""From bytes to what the book processor takes: records found by their schema id, marks decoded by the batch."""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from domain import commands, inputs
from domain.contracts import Option
from domain.market import Quote
from processors.book.wide import NotATable, Read, TableReader, wide_reader
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


_LISTED_BY = ("expiries", "strikes_e3", "rights")
_QUOTED = (
    "bids_e4", "asks_e4", "quote_times_us", "volumes", "open_interests", "adv20s", "ivs_e6", "deltas_e2",
)  # fmt: skip


@cache
def _table_reader(codec: Codec) -> TableReader:
    return TableReader(codec.version(CHAIN).parsed(), HEADER_BYTES, _LISTED_BY)


def read_quote(data: bytes, contract: str, terms: Option) -> Quote | None:
    """The quote of one contract in the bytes of an OptionChain, None where it is not listed there.

    Raises LookupError where the chain has to be read whole for it.
    """
    codec = Codec.load()
    if data[:HEADER_BYTES] != codec.header(CHAIN):
        raise LookupError(contract)
    try:
        row = _table_reader(codec).row(data, (terms.expiry, terms.strike_e3, terms.right), _QUOTED)
    except NotATable:
        raise LookupError(contract) from None
    return None if row is None else Quote(contract, terms.expiry, terms.strike_e3, terms.right, *row)


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
    """As `decode_record` of a ClockTick, whose numbers a book does not read: its time is the entry's. Half of the
    entries of a quiet book are such."""
    whole = data[-1] < 0x80 and len(data[HEADER_BYTES:].translate(None, _CONTINUED)) == 2 and len(data) < _LONGEST_TICK
    return _TICK if whole else decode_record(data)


_CONTINUED = bytes(range(0x80, 0x100))
"""Bytes of a number that others follow."""
_TICK, _LONGEST_TICK = inputs.ClockTick(0, 0), HEADER_BYTES + 8 + 5


def _long(data: bytes, at: int) -> tuple[int, int]:
    shift = value = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), at
        shift += 7
