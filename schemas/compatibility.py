"""FULL_TRANSITIVE compatibility: every version can read, and be read by, every other (Avro 1.11, "Schema Resolution").

Stricter than Avro in one thing: a union is only ever optional (null and one other), as the records here use it.
"""

from collections.abc import Iterable
from typing import Any, cast

PROMOTIONS: dict[str, frozenset[str]] = {
    "int": frozenset({"long", "float", "double"}),
    "long": frozenset({"float", "double"}),
    "float": frozenset({"double"}),
    "string": frozenset({"bytes"}),
    "bytes": frozenset({"string"}),
}
"""Writer's type to the reader's types it can become."""

PRIMITIVES = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})


def full_transitive(schema: Any, earlier: Iterable[Any]) -> list[str]:
    """Why `schema` can't follow the `earlier` versions (oldest first); empty when it can."""
    reasons: list[str] = []
    for number, old in enumerate(earlier, start=1):
        reasons += [f"{reason} (new reader, version {number} data)" for reason in unreadable(reader=schema, writer=old)]
        reasons += [f"{reason} (version {number} reader, new data)" for reason in unreadable(reader=old, writer=schema)]
    return reasons


def unreadable(*, reader: Any, writer: Any) -> list[str]:
    """Why data written with `writer` can't be read as `reader`; empty when all of it can."""
    return _Resolution(_definitions(reader), _definitions(writer)).compare(reader, writer, "")


class _Resolution:
    def __init__(self, reader_names: dict[str, Any], writer_names: dict[str, Any]) -> None:
        self.reader_names = reader_names
        self.writer_names = writer_names
        self.open: set[tuple[str, str]] = set()

    def compare(self, reader: Any, writer: Any, path: str) -> list[str]:
        reader, writer = _definition(reader, self.reader_names), _definition(writer, self.writer_names)
        where = path or "the record"
        if isinstance(writer, list):
            return [reason for branch in _branches(writer) for reason in self.compare(reader, branch, path)]
        if isinstance(reader, list):
            options = _branches(reader)
            tried = [self.compare(option, writer, path) for option in options]
            if not all(tried):
                return []
            kinds = [_kind(_definition(option, self.reader_names)) for option in options]
            if _kind(writer) in kinds:
                return tried[kinds.index(_kind(writer))]
            return [f"{where}: {_label(writer)} is none of {', '.join(_label(option) for option in options)}"]
        reader_kind, writer_kind = _kind(reader), _kind(writer)
        if reader_kind != writer_kind:
            if reader_kind in PROMOTIONS.get(writer_kind, ()):
                return []
            return [f"{where}: {_label(writer)} can't be read as {_label(reader)}"]
        match reader_kind:
            case "record":
                return self._records(reader, writer, path)
            case "array":
                return self.compare(reader["items"], writer["items"], f"{path}[]")
            case "map":
                return self.compare(reader["values"], writer["values"], f"{path}{{}}")
            case "enum":
                return self._enums(reader, writer, where)
            case "fixed":
                same = _name(reader) == _name(writer) and reader["size"] == writer["size"]
                return [] if same else [f"{where}: {_label(writer)} can't be read as {_label(reader)}"]
            case _:
                return []

    def _records(self, reader: Any, writer: Any, path: str) -> list[str]:
        names = (_name(reader), _name(writer))
        if names[0] != names[1]:
            return [f"{path or 'the record'}: renamed from {names[1]} to {names[0]}"]
        if names in self.open:
            return []
        self.open.add(names)
        written = {field["name"]: field for field in writer["fields"]}
        reasons: list[str] = []
        for field in reader["fields"]:
            at = f"{path}.{field['name']}".lstrip(".")
            source = written.get(field["name"])
            if source is not None:
                reasons += self.compare(field["type"], source["type"], at)
            elif "default" not in field:
                reasons.append(f"{at}: not in the data and without a default")
        self.open.remove(names)
        return reasons

    def _enums(self, reader: Any, writer: Any, where: str) -> list[str]:
        if _name(reader) != _name(writer):
            return [f"{where}: renamed from {_name(writer)} to {_name(reader)}"]
        missing = [symbol for symbol in writer["symbols"] if symbol not in reader["symbols"]]
        if not missing or "default" in reader:
            return []
        return [f"{where}: enum symbols {', '.join(missing)} unknown to the reader"]


def _definitions(schema: Any, namespace: str = "", found: dict[str, Any] | None = None) -> dict[str, Any]:
    """Every named type of a schema by its full name; the definitions get their full name and namespace."""
    found = {} if found is None else found
    if isinstance(schema, list):
        for branch in _branches(schema):
            _definitions(branch, namespace, found)
    elif isinstance(schema, dict):
        shape = cast(dict[str, Any], schema)
        if shape["type"] in ("record", "enum", "fixed"):
            name = _name(shape, namespace)
            found[name] = shape
            for field in shape.get("fields", ()):
                _definitions(field["type"], name.rpartition(".")[0], found)
        else:
            _definitions(shape.get("items", shape.get("values", shape["type"])), namespace, found)
    return found


def _branches(union: Any) -> list[Any]:
    return cast(list[Any], union)


def _definition(schema: Any, names: dict[str, Any]) -> Any:
    """What a type reference stands for."""
    if isinstance(schema, str) and schema not in PRIMITIVES:
        return names[schema]
    if isinstance(schema, dict):
        shape = cast(dict[str, Any], schema)
        return shape["type"] if shape["type"] in PRIMITIVES else shape
    return schema


def _name(schema: Any, namespace: str = "") -> str:
    name: str = schema["name"]
    space: str = schema.get("namespace", namespace)
    return name if "." in name or not space else f"{space}.{name}"


def _kind(schema: Any) -> str:
    return schema if isinstance(schema, str) else schema["type"]


def _label(schema: Any) -> str:
    if isinstance(schema, list):
        return " or ".join(_label(branch) for branch in _branches(schema))
    if isinstance(schema, str):
        return schema
    return schema["name"] if "name" in schema else schema["type"]
