"""Rows in PostgreSQL's binary COPY format, built a column at a time from Arrow arrays.

A row is the count of its fields (int16) and for each field its length (int32, -1 = null) and bytes, all big endian
(PostgreSQL documentation, COPY, "Binary Format"). `psycopg`'s `write_row` is the same a row at a time, at several times
the client's CPU (docs/decisions/0006-projections.md).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, Integer
from sqlalchemy.dialects.postgresql import JSONB, UUID

from projections.arrow import Array, compute

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"

_UNIX_TO_POSTGRES_US = 946_684_800_000_000
_UNIX_TO_POSTGRES_DAYS = 10_957
_NULL = b"\xff\xff\xff\xff"
_NIBBLE = np.full(256, 255, np.uint8)
_NIBBLE[np.frombuffer(b"0123456789abcdef", np.uint8)] = np.arange(16)
_NIBBLE[np.frombuffer(b"ABCDEF", np.uint8)] = np.arange(10, 16)
_HEX_PLACES = np.array([i for i in range(36) if i not in (8, 13, 18, 23)])

ColumnBytes = tuple[np.dtype[Any], np.ndarray[Any, Any]]


class RowFormat:
    """How rows of a table are written: its columns, in order."""

    def __init__(self, columns: Sequence[Column[Any]]) -> None:
        self.names = tuple(column.name for column in columns)
        self._kinds = [_kind(column) for column in columns]

    def arrays(self, rows: Sequence[Sequence[Any]]) -> list[Array]:
        """Columns of rows that are Python values: text and JSON `str`, times microseconds, days day numbers."""
        return [pa.array(c, _ARROW[k]) for c, k in zip(zip(*rows, strict=True), self._kinds, strict=True)]

    def encode(self, arrays: Sequence[Array]) -> bytes:
        """The body of a COPY: rows without header and trailer. Raises ValueError for text that is no UUID."""
        count = len(arrays[0])
        if count == 0:
            return b""
        run = _Run(count)
        run.add(np.dtype(">i2"), np.full(count, len(arrays), ">i2"))
        for kind, array in zip(self._kinds, arrays, strict=True):
            if kind in ("text", "jsonb"):
                _add_text(run, array, jsonb=kind == "jsonb")
            else:
                _add_fixed(run, array, kind)
        pieces = run.pieces()
        joined = (
            pieces[0] if len(pieces) == 1 else compute.binary_join_element_wise(*pieces, pa.scalar(b"", pa.binary()))
        )
        offsets = np.frombuffer(joined.buffers()[1], np.int32)[joined.offset : joined.offset + count + 1]
        return joined.buffers()[2][int(offsets[0]) : int(offsets[-1])].to_pybytes()


class _Run:
    """Collects fixed-width columns that stand side by side into one piece, between pieces of text."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._pieces: list[Array] = []
        self._fields: list[ColumnBytes] = []

    def add(self, dtype: np.dtype[Any], values: np.ndarray[Any, Any]) -> None:
        self._fields.append((dtype, values))

    def add_piece(self, piece: Array) -> None:
        self._flush()
        self._pieces.append(piece)

    def pieces(self) -> list[Array]:
        self._flush()
        return self._pieces

    def _flush(self) -> None:
        if not self._fields:
            return
        packed = np.empty(self.count, np.dtype([(f"f{i}", dtype) for i, (dtype, _) in enumerate(self._fields)]))
        for i, (_, values) in enumerate(self._fields):
            packed[f"f{i}"] = values
        self._pieces.append(_binary(packed))
        self._fields = []


def _binary(packed: np.ndarray[Any, Any]) -> Array:
    """Each element's bytes as one binary value."""
    width, count = packed.dtype.itemsize, len(packed)
    offsets = np.arange(count + 1, dtype=np.int32) * np.int32(width)
    return pa.Array.from_buffers(
        pa.binary(), count, [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(packed.tobytes())]
    )


def _add_text(run: _Run, array: Array, *, jsonb: bool) -> None:
    """Text as it is; jsonb with its version byte in front. Null: length -1 and nothing."""
    lengths = compute.binary_length(array)
    if array.null_count == 0:
        run.add(np.dtype(">i4"), lengths.to_numpy() + int(jsonb))
        if jsonb:
            run.add(np.dtype("u1"), np.ones(run.count, "u1"))
        run.add_piece(array.cast(pa.binary()))
        return
    numbers = compute.fill_null(lengths, -1 - int(jsonb)).to_numpy() + int(jsonb)
    run.add(np.dtype(">i4"), numbers)
    body = compute.binary_join_element_wise(b"\x01", array.cast(pa.binary()), b"") if jsonb else array.cast(pa.binary())
    run.add_piece(compute.fill_null(body, b""))


def _add_fixed(run: _Run, array: Array, kind: str) -> None:
    dtype, values = _fixed(array, kind)
    if array.null_count == 0:
        run.add(np.dtype(">i4"), np.full(run.count, dtype.itemsize, ">i4"))
        run.add(dtype, values)
        return
    packed = np.empty(run.count, np.dtype([("l", ">i4"), ("v", dtype)]))
    packed["l"], packed["v"] = dtype.itemsize, values
    run.add_piece(compute.if_else(array.is_valid(), _binary(packed), pa.scalar(_NULL, pa.binary())))


def _fixed(array: Array, kind: str) -> ColumnBytes:
    if kind == "uuid":
        return np.dtype("V16"), _uuids(array)
    numbers = (compute.fill_null(array, False if kind == "bool" else 0) if array.null_count else array).to_numpy(
        zero_copy_only=False
    )
    match kind:
        case "bool":
            return np.dtype("u1"), numbers.astype("u1")
        case "int4":
            return np.dtype(">i4"), numbers
        case "int8":
            return np.dtype(">i8"), numbers
        case "timestamptz":
            return np.dtype(">i8"), numbers - _UNIX_TO_POSTGRES_US
        case _:
            return np.dtype(">i4"), numbers - _UNIX_TO_POSTGRES_DAYS


def _uuids(array: Array) -> np.ndarray[Any, Any]:
    """Texts 8-4-4-4-12 to 16 bytes each."""
    if array.null_count or not compute.all(compute.equal(compute.binary_length(array), 36)).as_py():
        raise ValueError("an id is not a UUID in its 36 characters")
    start = array.offset
    offsets = np.frombuffer(array.buffers()[1], np.int32)[start : start + len(array) + 1]
    characters = np.frombuffer(array.buffers()[2], np.uint8)[offsets[0] : offsets[-1]].reshape(-1, 36)
    nibbles = _NIBBLE[characters[:, _HEX_PLACES]]
    if (nibbles == 255).any():
        raise ValueError("an id is not a UUID in its 36 characters")
    return np.ascontiguousarray(nibbles[:, 0::2] << 4 | nibbles[:, 1::2]).view("V16").reshape(-1)


_ARROW: dict[str, pa.DataType] = {
    "bool": pa.bool_(),
    "date": pa.int64(),
    "int4": pa.int64(),
    "int8": pa.int64(),
    "jsonb": pa.string(),
    "text": pa.string(),
    "timestamptz": pa.int64(),
    "uuid": pa.string(),
}


def _kind(column: Column[Any]) -> str:
    match column.type:
        case BigInteger():
            return "int8"
        case Integer():
            return "int4"
        case Boolean():
            return "bool"
        case DateTime():
            return "timestamptz"
        case Date():
            return "date"
        case UUID():
            return "uuid"
        case JSONB():
            return "jsonb"
        case _:
            return "text"
