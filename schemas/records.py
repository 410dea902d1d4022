"""Between record classes (frozen data classes) and the plain dictionaries of the decoder.

The converters of a class are generated once, as `dataclasses` generates its methods: a record of seven fields takes
well under a microsecond, where `dataclasses.asdict` takes ten.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from schemas.errors import NotThisRecordError

T = TypeVar("T")


def to_plain(record: object) -> dict[str, Any]:
    """The record's fields by name, nested records too. Lists and maps of plain values are shared, not copied.

    Raises NotThisRecordError when `record` is none, or holds something else where its class says a record.
    """
    try:
        return _plainer(type(record))(record)
    except (AttributeError, TypeError) as error:
        raise NotThisRecordError(f"{type(record).__name__}: {error}") from error


def from_plain(cls: type[T], plain: Mapping[str, Any]) -> T:
    """The record that `plain` describes; keys that `cls` does not have (such as an event's envelope) are not looked at.

    What the decoder has made has the right types already, so plain values are taken as they are.
    Raises NotThisRecordError when a field is missing or a nested record is none.
    """
    try:
        return _maker(cls)(plain)
    except (KeyError, AttributeError, TypeError) as error:
        raise NotThisRecordError(f"{cls.__name__}: {error!r}") from error


@cache
def _plainer(cls: type) -> Callable[[Any], dict[str, Any]]:
    def convert(kind: type, value: str, names: dict[str, Any]) -> str:
        names[f"plain_{kind.__name__}"] = _plainer(kind)
        return f"plain_{kind.__name__}({value})"

    names: dict[str, Any] = {}
    parts = [f"{name!r}: {_conversion(hint, f'r.{name}', names, convert)}" for name, hint in _hints(cls)]
    exec(f"def plain(r):\n    return {{{', '.join(parts)}}}\n", names)
    return names["plain"]


@cache
def _maker(cls: type[T]) -> Callable[[Mapping[str, Any]], T]:
    def convert(kind: type, value: str, names: dict[str, Any]) -> str:
        names[f"make_{kind.__name__}"] = _maker(kind)
        return f"make_{kind.__name__}({value})"

    names: dict[str, Any] = {"cls": cls}
    parts = [_conversion(hint, f"d[{name!r}]", names, convert) for name, hint in _hints(cls)]
    exec(f"def make(d):\n    return cls({', '.join(parts)})\n", names)
    return names["make"]


def _hints(cls: type) -> list[tuple[str, Any]]:
    if not is_dataclass(cls):
        raise TypeError("not a record class")
    hints = get_type_hints(cls)
    return [(field.name, hints[field.name]) for field in fields(cls)]


def _conversion(
    hint: Any, value: str, names: dict[str, Any], convert: Callable[[type, str, dict[str, Any]], str]
) -> str:
    """An expression that converts `value`, itself an expression, as the type `hint` asks."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _conversion(arguments[0], value, names, convert)
    if isinstance(hint, type) and is_dataclass(hint):
        return convert(hint, value, names)
    if origin in (Union, UnionType):
        inner = next(argument for argument in arguments if argument is not NoneType)
        converted = _conversion(inner, value, names, convert)
        return value if converted == value else f"(None if {value} is None else {converted})"
    if origin is list:
        converted = _conversion(arguments[0], "x", names, convert)
        return value if converted == "x" else f"[{converted} for x in {value}]"
    if origin is dict:
        converted = _conversion(arguments[1], "x", names, convert)
        return value if converted == "x" else f"{{k: {converted} for k, x in {value}.items()}}"
    return value
