"""Why a value does not fit a schema, in words; asked only after a writer has refused it."""

from collections.abc import Sequence
from typing import Any, cast

LONG = range(-(1 << 63), 1 << 63)


def misfit(kind: Any, value: Any, path: str) -> str | None:
    """The first thing wrong with `value` as a `kind`, with its place; None when nothing is found."""
    match kind:
        case "long":
            if not isinstance(value, int):
                return f"{path} is {_told(value)}, not a whole number"
            return None if value in LONG else f"{path} is {value}, which does not fit 64 bits"
        case "string":
            if not isinstance(value, str):
                return f"{path} is {_told(value)}, not text"
            surrogate = any("\ud800" <= character <= "\udfff" for character in value)
            return f"{path} holds half a surrogate pair" if surrogate else None
        case "boolean":
            return None if isinstance(value, bool) else f"{path} is {_told(value)}, not true or false"
        case ["null", other]:
            return None if value is None else misfit(other, value, path)
        case {"type": "array", "items": item}:
            if not isinstance(value, list | tuple):
                return f"{path} is {_told(value)}, not a list"
            items = cast(Sequence[Any], value)
            return _first(misfit(item, each, f"{path}[{index}]") for index, each in enumerate(items))
        case {"type": "map", "values": item}:
            if not isinstance(value, dict):
                return f"{path} is {_told(value)}, not a map"
            entries = cast(dict[Any, Any], value)
            wrong = _first(misfit("string", key, f"a key of {path}") for key in entries)
            return wrong or _first(misfit(item, each, f"{path}[{key!r}]") for key, each in entries.items())
        case {"type": "record", "fields": fields}:
            if not isinstance(value, dict):
                return f"{path or 'the value'} is {_told(value)}, not a record"
            record = cast(dict[str, Any], value)
            names = [field["name"] for field in fields]
            if different := sorted(set(names) ^ set(record)):
                return f"{path or 'the value'} has fields missing or unknown: {', '.join(different)}"
            return _first(
                misfit(field["type"], record[field["name"]], f"{path}.{field['name']}".lstrip(".")) for field in fields
            )
        case _:
            return None


def _first(found: Any) -> str | None:
    return next((text for text in found if text), None)


def _told(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"a {type(value).__name__}"
