"""Reading a record of long lists: all its numbers at once, instead of one after the other.

An option chain holds nearly a thousand numbers. In Avro's binary form (1.11, "Binary Encoding") numbers, lengths and
ASCII characters all end at a byte below 128, so numpy finds and decodes every one of them in a dozen steps over the
whole record; what is left is to cut the row of numbers into fields. About three times as fast as a general decoder.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from schemas.lock import Schema

ENOUGH_LISTS, ENOUGH_BYTES = 4, 400
"""From so many lists and bytes on it pays."""
_LONGEST = 9
"""Bytes of 63 bits; what is longer is left to the general decoder."""

Read = Callable[[bytes], dict[str, Any] | None]
"""The record's fields, None where the general decoder has to look: another form, or broken."""


def wide_reader(schema: Schema, header_bytes: int) -> Read | None:
    """A reader of records behind a header, None for a schema with other fields than longs, strings and their lists."""
    fields = [(field["name"], _kind(field["type"])) for field in schema["fields"]]
    kinds = [kind for _, kind in fields]
    if "" in kinds or sum(kind in ("longs", "strings") for kind in kinds) < ENOUGH_LISTS:
        return None

    def read(data: bytes) -> dict[str, Any] | None:
        return _read(data, header_bytes, fields) if len(data) >= ENOUGH_BYTES else None

    return read


def _kind(avro: Any) -> str:
    match avro:
        case "long" | {"type": "long"}:
            return "long"
        case "string" | {"type": "string"}:
            return "string"
        case {"type": "array", "items": "long" | {"type": "long"}}:
            return "longs"
        case {"type": "array", "items": "string" | {"type": "string"}}:
            return "strings"
        case _:
            return ""


def _read(data: bytes, first: int, fields: list[tuple[str, str]]) -> dict[str, Any] | None:
    body = np.frombuffer(data, np.uint8, offset=first)
    ends = np.flatnonzero(body < 128)
    if not len(ends) or ends[-1] != len(body) - 1:
        return None
    starts = np.empty_like(ends)
    starts[0], starts[1:] = 0, ends[:-1] + 1
    sizes = ends - starts + 1
    if sizes.max() > _LONGEST:
        return None
    shifts = (np.arange(len(body)) - starts.repeat(sizes)) * 7
    zigzag = np.add.reduceat((body & 127).astype(np.int64) << shifts, starts)
    numbers: list[int] = ((zigzag >> 1) ^ -(zigzag & 1)).tolist()
    return _cut(data, first + starts, numbers, fields)


def _cut(data: bytes, starts: Any, numbers: list[int], fields: list[tuple[str, str]]) -> dict[str, Any] | None:
    """The row of numbers as fields; `starts` has the byte that each begins at."""
    found: dict[str, Any] = {}
    at, count = 0, len(numbers)
    for name, kind in fields:
        if at >= count:
            return None
        number = numbers[at]
        at += 1
        if kind == "long":
            found[name] = number
            continue
        if number < 0:
            return None
        size = number if kind != "strings" else 2 * number
        if at + size > count:
            return None
        if kind == "longs":
            found[name] = numbers[at : at + size]
        elif size:
            begin = int(starts[at])
            text = data[begin : begin + size]
            if int(starts[at + size - 1]) != begin + size - 1 or not text.isascii():
                return None
            if kind == "string":
                found[name] = text.decode("ascii")
            elif text[::2] == b"\x02" * number:  # one character each
                found[name] = list(text[1::2].decode("ascii"))
            else:
                return None
        else:
            found[name] = "" if kind == "string" else []
        at += size
        if kind != "string" and number:  # one block, then none
            if at >= count or numbers[at]:
                return None
            at += 1
    return found if at == count else None


class NotATable(Exception):  # noqa: N818 - a condition, not a mistake of the caller
    """The record has another form, or is broken: the general decoder has to look."""


class _Layout(NamedTuple):
    """Where in the row of numbers a table of so many rows has what."""

    first: dict[str, int]
    """list to the number that its first item is"""
    counts: Any
    """the numbers that say how long a list is"""
    ends: Any
    """the zeros that end the lists"""
    tail: int
    """the number with the length of the last field, a string"""


class TableReader:
    """Reads single rows of a wide record whose lists are columns of one length: a few numbers instead of a thousand.

    The record begins with longs, a string and longs, and ends with a string, as an option chain does. `key` names
    three lists in a row, of longs, longs and letters, that say which row is which.
    """

    def __init__(self, schema: Schema, header_bytes: int, key: tuple[str, str, str]) -> None:
        self._fields = [(field["name"], _kind(field["type"])) for field in schema["fields"]]
        self._header, self._key = header_bytes, key
        kinds = [kind for _, kind in self._fields]
        self._name_at = kinds.index("string")
        self._layouts: dict[tuple[int, int], _Layout] = {}
        self._rows: dict[bytes, dict[tuple[int, int, str], int]] = {}
        """the bytes of the key's lists to the row of each key; the same contracts are listed again and again"""

    def row(self, data: bytes, key: tuple[int, int, str], wanted: Sequence[str]) -> list[int] | None:
        """The wanted lists' numbers in the row of a key, None where there is no such row. Raises NotATable."""
        numbers = _Numbers(data, self._header)
        name_length = numbers.at(self._name_at)
        count_at = self._name_at + 1 + name_length + self._longs_after_name()
        if name_length < 0 or count_at >= numbers.count:
            raise NotATable
        layout = self._layout(name_length, numbers.at(count_at))
        self._check(numbers, layout, name_length)
        i = self._index(numbers, layout).get(key)
        return None if i is None else [numbers.at(layout.first[name] + i) for name in wanted]

    def _longs_after_name(self) -> int:
        kinds = [kind for _, kind in self._fields]
        return kinds.index("longs") - self._name_at - 1

    def _layout(self, name_length: int, rows: int) -> _Layout:
        found = self._layouts.get((name_length, rows))
        if found is None:
            if not 0 < rows < MOST_ROWS:
                raise NotATable
            found = self._layouts[name_length, rows] = self._laid_out(name_length, rows)
        return found

    def _laid_out(self, name_length: int, rows: int) -> _Layout:
        first: dict[str, int] = {}
        counts, ends, at = list[int](), list[int](), 0
        for name, kind in self._fields[:-1]:
            if kind in ("longs", "strings"):
                counts.append(at)
                first[name] = at + 1
                at += 1 + rows * (2 if kind == "strings" else 1)
                ends.append(at)
            elif kind == "string":
                at += name_length
            at += 1
        return _Layout(first, np.array(counts), np.array(ends), at)

    def _check(self, numbers: "_Numbers", layout: _Layout, name_length: int) -> None:
        """The record is what the layout says, to its last byte."""
        if layout.tail >= numbers.count:
            raise NotATable
        tail_length = numbers.at(layout.tail)
        texts = (self._name_at, name_length), (layout.tail, tail_length)
        if layout.tail + 1 + tail_length != numbers.count or any(
            numbers.end(at + length) - numbers.end(at) != length for at, length in texts
        ):
            raise NotATable
        if not (numbers.same(layout.counts) and numbers.same(layout.ends) and numbers.at(int(layout.ends[0])) == 0):
            raise NotATable

    def _index(self, numbers: "_Numbers", layout: _Layout) -> dict[tuple[int, int, str], int]:
        one, two, letters = (layout.first[name] for name in self._key)
        rows = two - one - 2
        block = numbers.bytes(one, letters + 2 * rows)
        found = self._rows.get(block)
        if found is None:
            text = numbers.bytes(letters, letters + 2 * rows)
            if len(text) != 2 * rows or text[::2] != b"\x02" * rows:
                raise NotATable
            columns = ([numbers.at(first + i) for i in range(rows)] for first in (one, two))
            if len(self._rows) >= INDEXES_KEPT:
                self._rows.clear()
            keys = zip(*columns, text[1::2].decode("ascii"), strict=True)
            found = self._rows[block] = {key: i for i, key in enumerate(keys)}
        return found


MOST_ROWS, INDEXES_KEPT = 4096, 1024


class _Numbers:
    """The numbers of a record, each found without reading those before it."""

    def __init__(self, data: bytes, header_bytes: int) -> None:
        self._data, self._header = data, header_bytes
        self._body = np.frombuffer(data, np.uint8, offset=header_bytes)
        self._ends = np.flatnonzero(self._body < 128)
        self.count = len(self._ends)
        if not self.count or self._ends[-1] != len(self._body) - 1:
            raise NotATable
        if self.count > 1 and np.diff(self._ends).max() > _LONGEST:
            raise NotATable

    def end(self, number: int) -> int:
        """Where a number ends."""
        return int(self._ends[number])

    def bytes(self, first: int, end: int) -> bytes:
        """The bytes of numbers in a row."""
        start = self.end(first - 1) + 1
        return self._data[self._header + start : self._header + self.end(end - 1) + 1]

    def at(self, number: int) -> int:
        """A number."""
        start = self.end(number - 1) + 1 if number else 0
        value = shift = 0
        for byte in self._data[self._header + start : self._header + self.end(number) + 1]:
            value |= (byte & 127) << shift
            shift += 7
        return (value >> 1) ^ -(value & 1)

    def same(self, places: Any) -> bool:
        """Whether the numbers at some places, none of them the first, are one and the same."""
        ends = self._ends[places]
        sizes = ends - self._ends[places - 1]
        size = int(sizes[0])
        return bool((sizes == size).all()) and all(
            bool((self._body[ends - back] == self._body[ends[0] - back]).all()) for back in range(size)
        )
