"""The fields of every event, command and input by the names that people use, worked out from the record classes.

A friendly name is the field's own without the suffix of its scale (`limit_e4` -> `limit`, `expires_at_us` ->
`expires_at`). Nothing here knows a record by name: a new class of `domain` can be written and compared at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import MISSING, dataclass, is_dataclass
from dataclasses import fields as dataclass_fields
from decimal import Decimal
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, cast, get_args, get_origin, get_type_hints

from alluse.scenarios.quantities import (
    EXAMPLES,
    PLACES,
    Kind,
    NotThisError,
    as_symbol,
    contract_text,
    day_text,
    decimal,
    number_text,
    read_contract,
    read_day,
    read_time,
    same_ratio,
    scaled,
    time_text,
)
from domain import commands, events, inputs
from domain.record import Cents, Contract, DayNumber, DeltaE2, PriceE4, RatioE10, StrikeE3, TimeUs

_SUFFIX = re.compile(r"_(us|e2|e3|e4|e6|e10|cents)$")
_BY_SUFFIX = {
    "us": Kind.TIME, "e2": Kind.DELTA, "e3": Kind.STRIKE, "e4": Kind.PRICE, "e6": Kind.E6, "e10": Kind.RATIO,
    "cents": Kind.MONEY,
}  # fmt: skip
_BY_MEANING = {
    get_args(alias)[1]: kind
    for alias, kind in (
        (TimeUs, Kind.TIME), (DayNumber, Kind.DAY), (Cents, Kind.MONEY), (PriceE4, Kind.PRICE),
        (StrikeE3, Kind.STRIKE), (DeltaE2, Kind.DELTA), (RatioE10, Kind.RATIO), (Contract, Kind.CONTRACT),
    )
}  # fmt: skip
ANY = "*"
"""Expected where any value will do."""

Accounts = Callable[[str], str]
"""Short account name to its id."""


def as_it_stands(name: str) -> str:
    """`Accounts` where no book is known."""
    return name


@dataclass(frozen=True)
class Field:
    """One field of a record, as people see it."""

    name: str
    """in the class"""
    friendly: str
    kind: Kind
    shape: str
    """one, list or map"""
    record: type | None
    """class of a nested record"""
    optional: bool
    required: bool
    """has no default in the class and may not be absent"""
    meaning: str


def _notes(hint: Any) -> tuple[Any, list[str]]:
    """The bare type and every annotation text, outermost first."""
    texts: list[str] = []
    while get_origin(hint) is Annotated:
        inner, *notes = get_args(hint)
        texts = [*(str(n) for n in notes), *texts]
        hint = inner
    return hint, texts


def _taken_apart(hint: Any) -> tuple[Any, str, bool, list[str]]:
    """(scalar or record type, shape, optional, annotation texts)."""
    bare, texts = _notes(hint)
    optional, shape = False, "one"
    if get_origin(bare) in (Union, UnionType):
        optional = NoneType in get_args(bare)
        bare, more = _notes(next(a for a in get_args(bare) if a is not NoneType))
        texts += more
    if get_origin(bare) in (list, dict):
        shape = "list" if get_origin(bare) is list else "map"
        bare, more = _notes(get_args(bare)[-1])
        texts += more
    return bare, shape, optional, texts


def _kind(name: str, bare: Any, texts: Iterable[str]) -> Kind:
    for text in texts:
        if text in _BY_MEANING:
            return _BY_MEANING[text]
    if bare is bool:
        return Kind.BOOLEAN
    if bare is str:
        account = name.endswith(("account_id", "_account")) and name not in ("broker_account", "ledger_account")
        return Kind.ACCOUNT if account else Kind.TEXT
    suffix = _SUFFIX.search(name)
    if suffix:
        return _BY_SUFFIX[suffix.group(1)]
    return Kind.MONEY if any("in cents" in text for text in texts) else Kind.INTEGER


@cache
def fields_of(cls: type) -> dict[str, Field]:
    """The fields by friendly name, in the order of the class; an envelope or header is left out."""
    hints = get_type_hints(cls, include_extras=True)
    found: dict[str, Field] = {}
    for f in dataclass_fields(cls):
        bare, shape, optional, texts = _taken_apart(hints[f.name])
        if bare in (events.Envelope, commands.CommandHeader):
            continue
        nested = cast("type", bare) if is_dataclass(bare) else None
        kind = Kind.TEXT if nested else _kind(f.name, bare, texts)
        meaning = next((text for text in texts if text not in _BY_MEANING), "")
        absent = optional or shape != "one" or f.default is not MISSING or f.default_factory is not MISSING
        friendly = _SUFFIX.sub("", f.name)
        found[friendly] = Field(f.name, friendly, kind, shape, nested, optional, not absent, meaning)
    return found


# --- the classes by name ----------------------------------------------------------------------------------------


@cache
def event_classes() -> Mapping[str, type]:
    """Every event that this build has."""
    return {cls.__name__: cls for cls in events.TOPIC_OF}


@cache
def command_classes() -> Mapping[str, type]:
    """Every command that this build has."""
    return {
        name: cls
        for name, cls in vars(commands).items()
        if isinstance(cls, type) and is_dataclass(cls) and "header" in {f.name for f in dataclass_fields(cls)}
    }


@cache
def report_classes() -> Mapping[str, type]:
    """Every report that a broker gateway may write."""
    return {
        name: cls
        for name, cls in vars(inputs).items()
        if isinstance(cls, type) and is_dataclass(cls) and {"book", "source_seq", "time_us"} <= _names(cls)
    }


def _names(cls: Any) -> set[str]:
    return {f.name for f in dataclass_fields(cls)}


# --- from people to the log -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reading:
    """What the meaning of a value may depend on."""

    accounts: Accounts = as_it_stands
    today: int | None = None
    """New York day of a time without a date"""


class FieldError(ValueError):
    """A value that does not fit, with the path inside the record to it."""

    def __init__(self, path: tuple[str | int, ...], message: str) -> None:
        super().__init__(message)
        self.path = path


def read_scalar(kind: Kind, value: Any, reading: Reading) -> Any:
    """The log's value. Raises NotThisError."""
    if not isinstance(value, str):
        raise NotThisError(kind, value)
    match kind:
        case Kind.TIME:
            return read_time(value, reading.today)
        case Kind.DAY:
            return read_day(value)
        case Kind.CONTRACT:
            return read_contract(value)
        case Kind.ACCOUNT:
            return reading.accounts(value)
        case Kind.TEXT:
            return as_symbol(value)
        case Kind.BOOLEAN:
            words = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
            if value.lower() not in words:
                raise NotThisError(kind, value)
            return words[value.lower()]
        case Kind.INTEGER:
            try:
                number = decimal(value)
            except ValueError:
                raise NotThisError(kind, value) from None
            if number != number.to_integral_value():
                raise NotThisError(kind, value)
            return int(number)
        case _:
            return scaled(kind, value)


def read_field(field: Field, value: Any, reading: Reading) -> Any:
    """A field's value for the log. Raises FieldError."""
    if value is None:
        if field.optional:
            return None
        raise FieldError((), f"expected {_expected(field)}, found nothing")
    try:
        if field.shape == "list":
            items = cast("list[Any]", value) if isinstance(value, list) else [value]
            return [_read_item(field, item, reading, number) for number, item in enumerate(items)]
        if field.shape == "map":
            if not isinstance(value, dict):
                raise FieldError((), f"expected a mapping, found {value!r}")
            entries = cast("dict[str, Any]", value)
            return {key: _map_value(field, item, reading) for key, item in entries.items()}
        return _read_one(field, value, reading)
    except NotThisError as error:
        raise FieldError((), str(error)) from None


def _read_item(field: Field, item: Any, reading: Reading, number: int) -> Any:
    try:
        return _read_one(field, item, reading)
    except FieldError as error:
        raise FieldError((number, *error.path), str(error)) from None
    except NotThisError as error:
        raise FieldError((number,), str(error)) from None


def _map_value(field: Field, item: Any, reading: Reading) -> Any:
    if isinstance(item, list):
        return ",".join(str(part) for part in cast("list[Any]", item))
    return read_scalar(field.kind, item, reading)


def _read_one(field: Field, value: Any, reading: Reading) -> Any:
    if field.record is None:
        return read_scalar(field.kind, value, reading)
    if not isinstance(value, dict):
        raise FieldError((), f"expected a mapping with {', '.join(fields_of(field.record))}, found {value!r}")
    return build(field.record, cast("dict[str, Any]", value), reading)


def _expected(field: Field) -> str:
    return "a list" if field.shape == "list" else "a mapping" if field.shape == "map" else field.kind.value


def build(cls: type, given: Mapping[str, Any], reading: Reading, fixed: Mapping[str, Any] | None = None) -> Any:
    """A record of what people wrote; `fixed` gives fields by their own names. Raises FieldError.

    What is not given takes the class's default, else it is absent, empty or nothing where the class allows it.
    """
    known = fields_of(cls)
    values: dict[str, Any] = dict(fixed or {})
    for key, value in given.items():
        field = find_field(cls, key)
        if field is None:
            raise FieldError((key,), f"{cls.__name__} has no field {key}; it has {', '.join(known)}")
        try:
            values[field.name] = read_field(field, value, reading)
        except FieldError as error:
            raise FieldError((key, *error.path), str(error)) from None
    for field in known.values():
        if field.name in values:
            continue
        if _has_default(cls, field.name):
            continue
        if field.required:
            raise FieldError((), f"{cls.__name__} needs {field.friendly}: {_wanted(field)}")
        if field.optional and field.shape == "one":
            values[field.name] = None
        else:
            values[field.name] = None if field.optional else [] if field.shape == "list" else {}
    return cls(**values)


def missing(cls: type, given: Mapping[str, Any], filled: Container[str] = ()) -> str:
    """What a record cannot do without and people did not write, in words; empty where nothing is missing."""
    written = {field.name for key in given if (field := find_field(cls, key)) is not None}
    for field in fields_of(cls).values():
        asked = field.required and not _has_default(cls, field.name)
        if asked and field.name not in written and field.name not in filled:
            return f"{cls.__name__} needs {field.friendly}: {_wanted(field)}"
    return ""


def _wanted(field: Field) -> str:
    return EXAMPLES[field.kind] if field.record is None else "a mapping"


def _has_default(cls: Any, name: str) -> bool:
    f = next(f for f in dataclass_fields(cls) if f.name == name)
    return f.default is not MISSING or f.default_factory is not MISSING


ALIASES = {
    "account": "account_id",
    "qty": "quantity",
    "class": "tax_class",
    "free": "free_cash",
    "premium_pct": "premium",
    "book": "system_id",
    "m": "multiple",
}
"""Words of the protocol's text for fields that are called otherwise in the classes."""


def find_field(cls: type, key: str) -> Field | None:
    """The field that a key means: its friendly name, its own, a word of the protocol's, or the one it begins."""
    known = fields_of(cls)
    if key in known:
        return known[key]
    for field in known.values():
        if field.name == key:
            return field
    lowered = key.lower().replace(" ", "_")
    alias = ALIASES.get(lowered, lowered)
    if alias in known:
        return known[alias]
    begun = [field for name, field in known.items() if name.startswith(f"{lowered}_")]
    return begun[0] if len(begun) == 1 else None


# --- from the log to people -------------------------------------------------------------------------------------


def shown_scalar(kind: Kind, value: Any) -> str:
    """A value of the log as people read it."""
    if value is None:
        return "none"
    match kind:
        case Kind.TIME:
            return time_text(value) if 0 < value < 1 << 57 else "none"
        case Kind.DAY:
            return day_text(value) if value else "none"
        case Kind.CONTRACT | Kind.TEXT:
            return contract_text(str(value))
        case Kind.BOOLEAN:
            return "yes" if value else "no"
        case Kind.ACCOUNT | Kind.INTEGER:
            return str(value)
        case _:
            return number_text(kind, value)


def shown(field: Field, value: Any) -> Any:
    """A field as people read it: text, or lists and mappings of it."""
    if value is None:
        return "none"
    if field.shape == "list":
        return [_shown_one(field, item) for item in value]
    if field.shape == "map":
        return {key: shown_scalar(field.kind, item) for key, item in value.items()}
    return _shown_one(field, value)


def _shown_one(field: Field, value: Any) -> Any:
    return shown_scalar(field.kind, value) if field.record is None else shown_record(value)


def class_of(record: object) -> type:
    """The class of a record."""
    return type(record)


def shown_record(record: Any) -> dict[str, Any]:
    """A record's fields by friendly name."""
    return {name: shown(field, getattr(record, field.name)) for name, field in fields_of(class_of(record)).items()}


# --- comparing --------------------------------------------------------------------------------------------------


MOMENT_US = 1000
"""What is done at a time, with the answers of the broker, happens within this: a step's millisecond."""


def same_scalar(kind: Kind, expected: Any, found: Any, reading: Reading) -> bool:
    """Whether a value of the log is what people expect; numbers compare as decimals, ratios as far as written."""
    if expected == ANY:
        return True
    if expected is None or found is None:
        return expected is None and (found is None or found in ("", 0))
    try:
        if kind is Kind.RATIO:
            return same_ratio(str(expected), found)
        if kind in PLACES:
            return decimal(str(expected).rstrip("dΔ")).scaleb(PLACES[kind]) == found
        if kind is Kind.TEXT:
            return same_text(str(expected), str(found)) or reading.accounts(str(expected)) == found
        if kind is Kind.TIME and "." not in str(expected):
            return bool(0 <= found - read_scalar(kind, expected, reading) < MOMENT_US)
        return bool(read_scalar(kind, expected, reading) == found)
    except ValueError:
        return False


def same_text(expected: str, found: str) -> bool:
    """Equal text, the same option, or the same number written in another way."""
    if expected == found or as_symbol(expected) == found:
        return True
    try:
        return decimal(expected) == Decimal(found)
    except (ValueError, ArithmeticError):
        return False


def same(field: Field, expected: Any, found: Any, reading: Reading) -> bool:
    """Whether a field is as expected. Lists of records: each expected one is among the found, in order; other lists
    are compared whole; of mappings the keys that are named."""
    if expected == ANY:
        return True
    if expected is None or found is None:
        return expected is None and (found is None or found in ("", 0, [], {}))
    if field.shape == "list":
        wanted = cast("list[Any]", expected) if isinstance(expected, list) else [expected]
        if field.record is not None:
            return _among(field, wanted, found, reading)
        return len(wanted) == len(found) and all(
            same_scalar(field.kind, w, f, reading) for w, f in zip(wanted, found, strict=True)
        )
    if field.shape == "map":
        return isinstance(expected, dict) and _same_map(field, cast("dict[str, Any]", expected), found, reading)
    return _same_one(field, expected, found, reading)


def _same_map(field: Field, expected: Mapping[str, Any], found: Mapping[str, Any], reading: Reading) -> bool:
    for key, value in expected.items():
        name = next((n for n in found if n == key or _SUFFIX.sub("", n) == key), None)
        if name is None:
            return False
        kind, there = field.kind, found[name]
        suffix = _SUFFIX.search(name)
        if suffix and kind is Kind.TEXT and name != key:
            kind, there = _BY_SUFFIX[suffix.group(1)], int(there)
        if not same_scalar(kind, value, there, reading):
            return False
    return True


def _among(field: Field, wanted: list[Any], found: list[Any], reading: Reading) -> bool:
    rest = iter(found)
    return all(any(_same_one(field, item, there, reading) for there in rest) for item in wanted)


def _same_one(field: Field, expected: Any, found: Any, reading: Reading) -> bool:
    if field.record is None:
        return same_scalar(field.kind, expected, found, reading)
    if not isinstance(expected, dict):
        return False
    return all(
        (part := find_field(field.record, key)) is not None and same(part, value, getattr(found, part.name), reading)
        for key, value in cast("dict[str, Any]", expected).items()
    )


def check_expected(field: Field, value: Any) -> None:
    """Whether a value could ever be that of the field. Raises FieldError with what was expected."""
    if value is None or value == ANY:
        return
    if field.shape == "list":
        for number, item in enumerate(cast("list[Any]", value) if isinstance(value, list) else [value]):
            try:
                _check_one(field, item)
            except FieldError as error:
                raise FieldError((number, *error.path), str(error)) from None
    elif field.shape == "map":
        if not isinstance(value, dict):
            raise FieldError((), f"expected a mapping, found {value!r}")
    else:
        _check_one(field, value)


def _check_one(field: Field, value: Any) -> None:
    if value is None or value == ANY:
        return
    if field.record is None:
        if field.kind in (Kind.ACCOUNT, Kind.TEXT):
            if not isinstance(value, str):
                raise FieldError((), str(NotThisError(field.kind, value)))
            return
        try:
            if field.kind is Kind.RATIO:
                same_ratio(str(value), 0)
            elif field.kind in PLACES:
                scaled(field.kind, str(value))
            else:
                read_scalar(field.kind, value, Reading(today=0))
        except NotThisError as error:
            raise FieldError((), str(error)) from None
        except ValueError:
            raise FieldError((), str(NotThisError(field.kind, value))) from None
        return
    if not isinstance(value, dict):
        raise FieldError((), f"expected a mapping with {', '.join(fields_of(field.record))}, found {value!r}")
    for key, item in cast("dict[str, Any]", value).items():
        part = find_field(field.record, key)
        if part is None:
            raise FieldError(
                (key,), f"{field.record.__name__} has no field {key}; it has {', '.join(fields_of(field.record))}"
            )
        try:
            check_expected(part, item)
        except FieldError as error:
            raise FieldError((key, *error.path), str(error)) from None
