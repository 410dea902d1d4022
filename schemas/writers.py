"""One record to Avro bytes, by a function that is generated for its schema.

About twice as fast as a general writer, and stricter: fastavro writes 1.5 into a long as 1 without a word. Numbers come
out of two tables of 14 bits each, so that a time of 8 bytes takes four lookups.

Avro 1.11, "Binary Encoding": numbers zig-zag, 7 bits a byte, lowest first; lists as one block and a zero.
"""

from collections.abc import Callable, Sequence
from operator import index
from typing import Any

Write = Callable[..., bytes]
"""A generated function: `write(mapping)`, `write(record)` or `write(envelope, event)`."""


def _varint(number: int, more: bool) -> bytes:
    """14 bits in the fewest bytes; with `more`, in two bytes that say that others follow."""
    if more:
        return bytes((number & 127 | 128, number >> 7 | 128))
    return bytes((number,)) if number < 128 else bytes((number & 127 | 128, number >> 7))


LAST = tuple(_varint(number, more=False) for number in range(1 << 14))
MORE = tuple(_varint(number, more=True) for number in range(1 << 14))


def write_long(number: int) -> bytes:
    """A whole number of 64 bits. Raises TypeError for a float and OverflowError for a number too large."""
    if type(number) is not int:
        number = index(number)  # shifts of numpy's numbers wrap around
    z = number << 1 ^ number >> 63
    if z < 0x4000:
        return LAST[z]
    if z < 0x1000_0000:
        return MORE[z & 0x3FFF] + LAST[z >> 14]
    if z < 0x400_0000_0000:
        return MORE[z & 0x3FFF] + MORE[z >> 14 & 0x3FFF] + LAST[z >> 28]
    if z < 0x100_0000_0000_0000:
        return MORE[z & 0x3FFF] + MORE[z >> 14 & 0x3FFF] + MORE[z >> 28 & 0x3FFF] + LAST[z >> 42]
    if z < 0x1_0000_0000_0000_0000:
        low = MORE[z & 0x3FFF] + MORE[z >> 14 & 0x3FFF] + MORE[z >> 28 & 0x3FFF] + MORE[z >> 42 & 0x3FFF]
        return low + LAST[z >> 56]
    raise OverflowError(f"{number} does not fit 64 bits")


def write_string(text: str) -> bytes:
    """UTF-8 behind its length."""
    encoded = text.encode()
    size = len(encoded)
    return LAST[size << 1] + encoded if size < 0x2000 else write_long(size) + encoded


def write_items(values: Sequence[Any], items: list[bytes]) -> bytes:
    """`items`, the bytes of `values`, as an array. Raises TypeError when `values` is not a list."""
    if type(values) is not list and type(values) is not tuple:
        raise TypeError(f"a {type(values).__name__} where a list must be")
    return write_long(len(items)) + b"".join(items) + b"\0" if items else b"\0"


class _Known(dict[Any, bytes]):
    """Bytes of values that were written before: prices, strikes, times and symbols come again and again."""

    def __init__(self, write: Callable[[Any], bytes]) -> None:
        super().__init__()
        self._write = write

    def __missing__(self, value: Any) -> bytes:
        if len(self) >= 1 << 16:
            self.clear()
        data = self[value] = self._write(value)
        return data


_LONGS, _STRINGS = _Known(write_long), _Known(write_string)
_ONLY_INT, _ONLY_STR = {int}, {str}


def write_longs(values: Any) -> bytes:
    """A list of whole numbers. Raises TypeError when it is no list or holds a float."""
    if values.__class__ is list and set(map(type, values)) == _ONLY_INT:
        return write_long(len(values)) + b"".join(map(_LONGS.__getitem__, values)) + b"\0"
    return write_items(values, [write_long(value) for value in values])


def write_strings(values: Any) -> bytes:
    """A list of strings."""
    if values.__class__ is list and set(map(type, values)) == _ONLY_STR:
        return write_long(len(values)) + b"".join(map(_STRINGS.__getitem__, values)) + b"\0"
    return write_items(values, [write_string(value) for value in values])


def write_entries(entries: list[bytes]) -> bytes:
    """The entries of a map."""
    return write_long(len(entries)) + b"".join(entries) + b"\0" if entries else b"\0"


BOOLEAN = {False: b"\0", True: b"\1"}
"""Bytes of a boolean."""


def mapping_writer(schema: dict[str, Any], header: bytes) -> Write:
    """`write(mapping)`: every field must be there and no other."""
    generator = _Generator(lambda value, field: f"{value}[{field!r}]")
    return generator.compile("value", [(schema, "value", schema["fields"])], header)


def record_writer(schema: dict[str, Any], header: bytes) -> Write:
    """`write(record)`: reads the fields as attributes."""
    generator = _Generator(lambda value, field: f"{value}.{field}")
    return generator.compile("value", [(schema, "value", schema["fields"])], header)


def event_writer(schema: dict[str, Any], header: bytes) -> Write:
    """`write(envelope, event)` of a schema whose first field is the envelope."""
    first, *rest = schema["fields"]
    generator = _Generator(lambda value, field: f"{value}.{field}")
    parts = [(first["type"], "envelope", first["type"]["fields"]), (schema, "event", rest)]
    return generator.compile("envelope, event", parts, header)


class _Generator:
    """Writes the source of one function for a schema, and one for each record nested in it."""

    def __init__(self, access: Callable[[str, str], str]) -> None:
        self._access = access
        self._by_key = access("v", "f") != "v.f"
        self._functions: dict[str, str] = {}
        self._depth = 0

    def compile(self, arguments: str, parts: Sequence[tuple[dict[str, Any], str, list[Any]]], header: bytes) -> Write:
        """The function; `parts` are (record, variable that holds it, fields of it to write)."""
        items = [f"{header!r}"]
        counts: list[str] = []
        for record, variable, fields in parts:
            self._functions.setdefault(record["name"], "")
            items += [self._expression(field["type"], self._access(variable, field["name"])) for field in fields]
            counts.append(self._count(variable, len(fields)))
        body = f"def write({arguments}):\n{''.join(counts)}    return join(({', '.join(items)},))\n"
        names: dict[str, Any] = {
            "join": b"".join,
            "long": write_long,
            "string": write_string,
            "items": write_items,
            "longs": write_longs,
            "strings": write_strings,
            "entries": write_entries,
            "boolean": BOOLEAN,
        }
        exec("".join(self._functions.values()) + body, names)
        return names["write"]

    def _count(self, variable: str, fields: int) -> str:
        """A mapping with more fields than the schema is an error; an attribute that is not asked for is not seen."""
        if not self._by_key:
            return ""
        return f'    if len({variable}) != {fields}:\n        raise ValueError("fields missing or unknown")\n'

    def _expression(self, kind: Any, value: str) -> str:
        """An expression for the bytes of `value`, itself an expression."""
        match kind:
            case "long" | "string":
                return f"{kind}({value})"
            case "boolean":
                return f"boolean[{value}]"
            case ["null", other]:
                name = self._variable()
                return f'(b"\\0" if ({name} := {value}) is None else b"\\2" + {self._expression(other, name)})'
            case {"type": "array", "items": "long" | "string" as item}:
                return f"{item}s({value})"
            case {"type": "array", "items": item}:
                name, each = self._variable(), self._variable()
                return f"items({name} := {value}, [{self._expression(item, each)} for {each} in {name}])"
            case {"type": "map", "values": item}:
                key, each = self._variable(), self._variable()
                entry = f"string({key}) + {self._expression(item, each)}"
                return f"entries([{entry} for {key}, {each} in {value}.items()])"
            case {"type": "record", "name": str(name)}:
                self._record(kind)
                return f"write_{name}({value})"
            case str():
                return f"write_{kind.rpartition('.')[2]}({value})"
            case _:
                raise TypeError(f"no record of the log has a field of type {kind}")

    def _record(self, record: dict[str, Any]) -> None:
        items = [self._expression(field["type"], self._access("value", field["name"])) for field in record["fields"]]
        count = self._count("value", len(items))
        source = f"def write_{record['name']}(value):\n{count}    return join(({', '.join(items)},))\n"
        self._functions[record["name"]] = source

    def _variable(self) -> str:
        self._depth += 1
        return f"v{self._depth}"
