"""Records as people read and write them: money as dollars with a decimal point, times ISO-8601 UTC, days ISO dates.

Which field is what comes from the annotations of `domain.record` and from the units in the fields' names.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal, InvalidOperation
from functools import cache, lru_cache
from types import NoneType, UnionType
from typing import Annotated, Any, NamedTuple, Union, cast, get_args, get_origin, get_type_hints

from alluse.render import iso_us
from domain import commands, events, inputs
from domain.calendar import day_number, iso
from domain.record import Cents, DayNumber, DeltaE2, PriceE4, RatioE10, StrikeE3, TimeUs
from infra.errors import RequestError

_SCALES = {"_e2": 2, "_e3": 3, "_e4": 4, "_e6": 6, "_e10": 10, "_cents": 2}
_TEXTS_KEPT = 1 << 16
_CLASSES: dict[str, type] = {
    name: cls
    for module in (events, commands, inputs)
    for name, cls in vars(module).items()
    if isinstance(cls, type) and is_dataclass(cls)
}


def _meaning(alias: Any) -> str:
    return get_args(alias)[1]


_KINDS: dict[str, str] = {
    _meaning(TimeUs): "time",
    _meaning(DayNumber): "day",
    _meaning(Cents): "_cents",
    _meaning(PriceE4): "_e4",
    _meaning(StrikeE3): "_e3",
    _meaning(DeltaE2): "_e2",
    _meaning(RatioE10): "_e10",
}


def _kind(name: str, hint: Any) -> str:
    """time, day, a scale (`_e4`), or empty for a plain value."""
    if get_origin(hint) is Annotated:
        kind = _KINDS.get(get_args(hint)[1], "")
        if kind:
            return kind
    if name.endswith("_us"):
        return "time"
    return next((suffix for suffix in _SCALES if name.endswith(suffix)), "")


def _bare(hint: Any) -> Any:
    """Without annotations and `| None`."""
    while get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    if get_origin(hint) in (Union, UnionType):
        return _bare(next(a for a in get_args(hint) if a is not NoneType))
    return hint


def _optional(hint: Any) -> bool:
    while get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    return get_origin(hint) in (Union, UnionType) and NoneType in get_args(hint)


@cache
def _hints(cls: type) -> dict[str, Any]:
    hints = get_type_hints(cls, include_extras=True)
    return {f.name: hints[f.name] for f in fields(cls)}


# --- reading ----------------------------------------------------------------------------------------------------


def shown(name: str, plain: Mapping[str, Any]) -> dict[str, Any]:
    """A decoded record for JSON; an event's envelope first, as a document of its own."""
    cls = _CLASSES.get(name)
    document: dict[str, Any] = {}
    if "envelope" in plain:
        document["envelope"] = _shown_fields(events.Envelope, plain["envelope"])
    if cls is not None:
        document.update(_shown_fields(cls, plain))
    return document


class _Field(NamedTuple):
    """How a field is shown, worked out once a class: an export shows a hundred thousand chains of a thousand values."""

    name: str
    shown_as: str
    show: Callable[[Any], Any]


@cache
def _plan(cls: type) -> tuple[_Field, ...]:
    found: list[_Field] = []
    for name, hint in _hints(cls).items():
        kind = _kind(name, hint)
        suffix = "_us" if kind == "time" else kind
        found.append(_Field(name, name.removesuffix(suffix) if suffix else name, _shower(kind, _bare(hint))))
    return tuple(found)


def _shown_fields(cls: type, plain: Mapping[str, Any]) -> dict[str, Any]:
    return {field.shown_as: field.show(plain[field.name]) for field in _plan(cls)}


def _shower(kind: str, hint: Any) -> Callable[[Any], Any]:
    """What makes a value of a field readable; None stays None."""
    if get_origin(hint) is list:
        inner = get_args(hint)[0]
        one = _shower(kind or _kind("", inner), _bare(inner))
        return _same if one is _same else lambda values: None if values is None else [one(value) for value in values]
    if is_dataclass(hint):
        cls = cast(type, hint)
        return lambda value: None if value is None else _shown_fields(cls, value)
    if hint is not int or not kind:
        return _same
    if kind == "time":
        return _time_text
    if kind == "day":
        return _day_text
    digits = _SCALES[kind]
    return lambda value: None if value is None else scaled(value, digits)


def _same(value: Any) -> Any:
    return value


@lru_cache(_TEXTS_KEPT)
def _time_text(value: int | None) -> str | None:
    """Zero and the far ends of time stand for none."""
    return iso_us(value) if value is not None and 0 < value < 1 << 57 else None


@lru_cache(_TEXTS_KEPT)
def _day_text(value: int | None) -> str | None:
    return iso(value) if value else None


@lru_cache(_TEXTS_KEPT)
def scaled(value: int, digits: int) -> str:
    """A scaled integer as decimal text, at least two places."""
    whole, places = divmod(abs(value), 10**digits)
    text = f"{places:0{digits}d}".rstrip("0").ljust(2, "0")
    return f"{'-' if value < 0 else ''}{whole}.{text}"


# --- writing ----------------------------------------------------------------------------------------------------


def command_class(name: str) -> type:
    """A command by its protocol name, or that in small letters with hyphens. Raises RequestError `UNKNOWN_COMMAND`."""
    known = command_names()
    wanted = "".join(part.capitalize() for part in name.split("-")) if name[:1].islower() else name
    if wanted not in known:
        raise RequestError(
            "UNKNOWN_COMMAND", f"There is no command {name}.", f"Known are: {', '.join(kebab(n) for n in known)}."
        )
    return vars(commands)[wanted]


def command_names() -> list[str]:
    """All commands, as the protocol calls them."""
    return [
        n
        for n, cls in vars(commands).items()
        if isinstance(cls, type) and is_dataclass(cls) and "header" in _hints(cls)
    ]


def kebab(name: str) -> str:
    """EngageKillSwitch -> engage-kill-switch."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()


def expected(cls: type) -> str:
    """What a command takes, for an error message."""
    parts = [f"{name}{'?' if _optional(hint) else ''}" for name, hint in _hints(cls).items() if name != "header"]
    return " ".join(parts) or "nothing"


def build(cls: type, given: Mapping[str, Any], header: commands.CommandHeader) -> Any:
    """A command of what was typed. Raises RequestError `BAD_VALUE` naming the field and what it takes."""
    hints = _hints(cls)
    unknown = sorted(set(given) - set(hints) - {"header"})
    if unknown:
        raise RequestError("BAD_VALUE", f"{cls.__name__} has no field {unknown[0]}.", f"It takes: {expected(cls)}.")
    values = _parsed_fields(cls, {name: hint for name, hint in hints.items() if name != "header"}, given, cls.__name__)
    return cls(header, **values)


def _parsed_fields(cls: type, hints: Mapping[str, Any], given: Mapping[str, Any], where: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, hint in hints.items():
        if name in given:
            values[name] = _parsed(f"{where}.{name}", _kind(name, hint), hint, given[name])
        elif _optional(hint):
            values[name] = None
        elif get_origin(_bare(hint)) in (list, dict):
            values[name] = _bare(hint)()
        else:
            raise RequestError("BAD_VALUE", f"{where}: {name} is missing.", f"It takes: {expected(cls)}.")
    return values


def _parsed(where: str, kind: str, hint: Any, value: Any) -> Any:
    bare = _bare(hint)
    if value in (None, "null", "none") and _optional(hint):
        return None
    if is_dataclass(bare) and isinstance(value, dict):
        content = cast(dict[str, Any], value)
        return cast(type, bare)(**_parsed_fields(cast(type, bare), _hints(cast(type, bare)), content, where))
    origin = get_origin(bare)
    if origin is list:
        items = cast(list[Any], value) if isinstance(value, list) else [v for v in str(value).split(",") if v]
        (inner,) = get_args(bare)
        return [_parsed(f"{where}[{i}]", kind or _kind("", inner), inner, item) for i, item in enumerate(items)]
    if origin is dict and isinstance(value, dict):
        entries = cast(dict[str, Any], value)
        return {str(k): ",".join(cast(list[str], v)) if isinstance(v, list) else str(v) for k, v in entries.items()}
    if not isinstance(value, str):
        raise _bad(where, value, "a value")
    return _parsed_text(where, kind, bare, value)


def _parsed_text(where: str, kind: str, bare: Any, text: str) -> Any:
    try:
        if bare is str:
            return text
        if bare is bool:
            return {"true": True, "yes": True, "false": False, "no": False}[text.lower()]
        if kind == "time":
            when = dt.datetime.fromisoformat(text)
            return int(when.replace(tzinfo=when.tzinfo or dt.UTC).timestamp() * 1_000_000)
        if kind == "day":
            return day_number(dt.date.fromisoformat(text))
        if kind:
            scale = Decimal(text.replace(",", "").replace("_", "").removeprefix("$")).scaleb(_SCALES[kind])
            if scale != scale.to_integral_value():
                raise _bad(where, text, f"at most {_SCALES[kind]} decimal places")
            return int(scale)
        return int(text)
    except (ValueError, KeyError, InvalidOperation):
        raise _bad(where, text, _form(kind, bare)) from None


def _form(kind: str, bare: Any) -> str:
    forms = {"time": "a time such as 2012-01-03T15:00:00Z", "day": "a day such as 2012-01-03"}
    return forms.get(kind) or (
        "an amount such as 1250.50" if kind else "true or false" if bare is bool else "a whole number"
    )


def _bad(where: str, value: Any, what: str) -> RequestError:
    return RequestError(
        "BAD_VALUE", f"{where}: expected {what}, found {value!r}.", "Correct it; amounts are in dollars."
    )
