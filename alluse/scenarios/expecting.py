"""Expected events: read from a file, compared with what happened.

Three forms: the bare name, a mapping of fields, or the protocol's own notation `EntrySkipped{NVDA, PREMIUM_BELOW_MIN}`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from alluse.scenarios.fields import (
    Field,
    FieldError,
    Reading,
    check_expected,
    class_of,
    event_classes,
    fields_of,
    find_field,
    same,
    shown,
)
from alluse.scenarios.protocol_names import PROTOCOL_EVENTS
from alluse.scenarios.quantities import as_symbol, time_text
from domain.events import Envelope
from domain.modes import SEVERITY
from domain.reasons import Reason

ENVELOPE_KEYS = {
    "account": "account_id",
    "book": "system_id",
    "at": "recorded_at_us",
    "occurred_at": "occurred_at_us",
    "stream": "stream",
    "actor": "actor_id",
    "config_version": "config_version",
}
"""Keys that speak of the envelope where the event has no field of that name."""
_POSITIONS: dict[str, tuple[str, ...]] = {
    "EntrySkipped": ("ticker", "reason"),
    "TaxableEventRecorded": ("tax_class", "gain"),
    "TradingModeRestricted": ("reason", "mode"),
    "TradingModeRestrictionLifted": ("reason",),
    "TaxReserveAdjusted": ("delta",),
    "ExpiryDecisionMade": ("action",),
    "OrderRejected": ("code",),
    "WithdrawalRejected": ("code",),
    "CommandRejected": ("code",),
    "ApprovalExpired": ("code",),
    "SizingBaseChanged": ("new",),
    "OptionAssigned": ("shares",),
    "WeekClassified": ("ticker", "primary_type"),
}
"""What the values of the protocol's notation stand for; elsewhere the first field that can hold the value."""
_REASONS = frozenset(Reason)
"""Reason codes: in the protocol's notation one of them is the event's reason, wherever it stands."""
_NOTATION = re.compile(r"(?P<name>\w+)\s*\{(?P<values>.*)\}", re.DOTALL)
_ARROW = re.compile(r"\s*(?:→|->)\s*")


class Happened(NamedTuple):
    """An event that a book published."""

    envelope: Envelope
    event: Any

    @property
    def name(self) -> str:
        """The event's name."""
        return type(self.event).__name__

    @property
    def entry(self) -> str:
        """The journal entry that caused it."""
        return f"partition {self.envelope.partition}, entry {self.envelope.sequence}"


@dataclass(frozen=True)
class Expected:
    """An event as a file describes it."""

    name: str
    fields: tuple[tuple[str, Any], ...]
    """what was written: key and value"""
    line: int

    @property
    def built(self) -> bool:
        """Whether this build has such an event at all."""
        return self.name in event_classes()

    def __str__(self) -> str:
        return self.name + (f" {{{', '.join(f'{k}: {_text(v)}' for k, v in self.fields)}}}" if self.fields else "")


def _text(value: Any) -> str:
    match value:
        case None:
            return "none"
        case dict():
            return "{" + ", ".join(f"{k}: {_text(v)}" for k, v in cast("dict[str, Any]", value).items()) + "}"
        case list():
            return "[" + ", ".join(_text(v) for v in cast("list[Any]", value)) + "]"
        case _:
            return str(value)


# --- reading ----------------------------------------------------------------------------------------------------


def read_expected(item: Any, line: int) -> Expected:
    """An expectation of a file. Raises FieldError."""
    if isinstance(item, str):
        notation = _NOTATION.fullmatch(item.strip())
        if notation is None:
            name, written = item.strip(), None
        else:
            name, written = notation["name"], notation["values"].strip()
    elif isinstance(item, dict) and len(cast("dict[str, Any]", item)) == 1:
        ((name, written),) = cast("dict[str, Any]", item).items()
    else:
        raise FieldError((), "expected the name of an event, or one name with its fields")
    cls = event_classes().get(name)
    if cls is None and name not in PROTOCOL_EVENTS:
        raise FieldError((), f"there is no event {name}; docs/scenario-names.md lists all{_similar(name)}")
    if isinstance(written, dict):
        fields = cast("dict[str, Any]", written)
    elif written is None or written == "":
        fields = {}
    else:
        values = cast("list[str]", written) if isinstance(written, list) else re.split(r",\s+", str(written))
        fields = _from_notation(name, cls, values)
    if cls is not None:
        _check(cls, name, fields)
    return Expected(name, tuple(fields.items()), line)


def _similar(name: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, [*event_classes(), *PROTOCOL_EVENTS], 1)
    return f" (do you mean {near[0]}?)" if near else ""


def _check(cls: type, name: str, fields: Mapping[str, Any]) -> None:
    for key, value in fields.items():
        field = _field_of(cls, key)
        if field is None:
            keys = [*fields_of(cls), *(k for k in ENVELOPE_KEYS if k not in fields_of(cls))]
            raise FieldError((name, key), f"{name} has no field {key}; it has {', '.join(keys)}")
        try:
            check_expected(field, value)
        except FieldError as error:
            raise FieldError((name, key, *error.path), str(error)) from None


def _field_of(cls: type, key: str) -> Field | None:
    """The event's field, or the envelope's."""
    own = find_field(cls, key)
    if own is not None or key not in ENVELOPE_KEYS:
        return own
    return next(f for f in fields_of(Envelope).values() if f.name == ENVELOPE_KEYS[key])


def _from_notation(name: str, cls: type | None, values: Sequence[str]) -> dict[str, Any]:
    """Fields of the values in braces: `key value`, `value key`, `old → new`, or a value in its place."""
    if cls is None:
        return {f"value {number}": value for number, value in enumerate(values, 1)}
    found: dict[str, Any] = {}
    for value in values:
        _place(name, cls, str(value).strip(), found)
    return found


def _place(name: str, cls: type, value: str, found: dict[str, Any]) -> None:
    sides = _ARROW.split(value)
    if len(sides) == 2:
        before = next((key for key in ("from", "old") if find_field(cls, key)), None)
        if before is None:
            raise FieldError((), f"{name} has no fields from/to or old/new for {value!r}")
        found[before], found["to" if before == "from" else "new"] = sides
        return
    words = re.split(r"[\s:=]+", value)
    if len(words) == 2:
        for key, rest in (words, reversed(words)):
            if find_field(cls, key):
                found[key] = rest
                return
        for word in words:
            _place(name, cls, word, found)
        return
    found[_next_key(name, cls, value, found)] = value


def _next_key(name: str, cls: type, value: str, found: Mapping[str, Any]) -> str:
    if value in SEVERITY and "mode" in fields_of(cls):
        return "mode"
    if "contract" in fields_of(cls) and "contract" not in found and as_symbol(value) != value:
        return "contract"
    if value in _REASONS:
        for key in ("code", "reason"):
            if key in fields_of(cls) and key not in found:
                return key
    order = _POSITIONS.get(name, tuple(fields_of(cls)))
    for key in order:
        field = find_field(cls, key)
        if field is None or key in found or (name not in _POSITIONS and field.name.endswith(("_id", "_ref"))):
            continue
        try:
            check_expected(field, value)
        except FieldError:
            continue
        return key
    raise FieldError((), f"{name}: no field can hold {value!r}; write it as `field: value`")


# --- comparing --------------------------------------------------------------------------------------------------


def mismatches(expected: Expected, happened: Happened, reading: Reading) -> list[str]:
    """Keys in which an event of the right name is not as expected."""
    cls = class_of(happened.event)
    return [key for key, value in expected.fields if not _holds(cls, key, value, happened, reading)]


def _holds(cls: type, key: str, value: Any, happened: Happened, reading: Reading) -> bool:
    own = find_field(cls, key)
    if own is not None:
        return same(own, value, getattr(happened.event, own.name), reading)
    field = _field_of(cls, key)
    return field is not None and same(field, value, getattr(happened.envelope, field.name), reading)


def matches(expected: Expected, happened: Happened, reading: Reading) -> bool:
    """Whether an event is the expected one."""
    return happened.name == expected.name and not mismatches(expected, happened, reading)


class Missing(NamedTuple):
    """An expected event that did not happen, and the one that comes nearest."""

    expected: Expected
    nearest: Happened | None
    wrong: list[str]
    early: bool
    """the event is there, but before the one expected before it"""


def in_order(expected: Sequence[Expected], happened: Sequence[Happened], reading: Reading) -> list[Missing]:
    """What is missing of events expected in this order; others may stand between them."""
    missing: list[Missing] = []
    place = 0
    for wanted in expected:
        found = next((n for n in range(place, len(happened)) if matches(wanted, happened[n], reading)), None)
        if found is not None:
            place = found + 1
            continue
        early = next((h for h in happened[:place] if matches(wanted, h, reading)), None)
        if early is not None:
            missing.append(Missing(wanted, early, [], early=True))
            continue
        named = [h for h in happened[place:] if h.name == wanted.name] or [h for h in happened if h.name == wanted.name]
        nearest = min(named, key=lambda h: len(mismatches(wanted, h, reading)), default=None)
        wrong = mismatches(wanted, nearest, reading) if nearest else []
        missing.append(Missing(wanted, nearest, wrong, early=False))
    return missing


# --- showing ----------------------------------------------------------------------------------------------------


def event_text(happened: Happened, keys: Sequence[str] | None = None) -> str:
    """An event with its fields (or some of them), readable."""
    cls = class_of(happened.event)
    parts: list[str] = []
    for key in keys if keys is not None else list(fields_of(cls)):
        own = find_field(cls, key)
        field = own or _field_of(cls, key)
        if field is None:
            continue
        value = getattr(happened.event if own else happened.envelope, field.name)
        if keys is not None or (value not in ("", None, [], {}) and not field.name.endswith(("_id", "_ref"))):
            parts.append(f"{key}: {_text(shown(field, value))}")
    return f"{happened.name} {{{', '.join(parts)}}}"


def story_line(happened: Happened) -> str:
    """An event as a line of the story: time, account, what."""
    envelope = happened.envelope
    who = envelope.account_id or envelope.system_id
    return f"{time_text(envelope.recorded_at_us)}  {envelope.sequence:>5}  {who:<14} {event_text(happened)}"
