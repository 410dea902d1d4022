"""Every record of domain and monitor: data class -> bytes -> data class; encoders and decoders agree."""

from dataclasses import fields, is_dataclass
from io import BytesIO
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain import commands, events, inputs
from domain.events import TOPIC_OF, Envelope
from processors.monitor import records as monitor
from schemas import lock
from schemas.codec import Codec
from schemas.records import from_plain, to_plain

CODEC = Codec.load()
TEXTS = st.text(max_size=20)
LONGS = st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(-200, 200)


def values(hint: Any) -> st.SearchStrategy[Any]:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is str:
        return TEXTS
    if hint is int:
        return LONGS
    if hint is bool:
        return st.booleans()
    if origin is list:
        return st.lists(values(arguments[0]), max_size=3)
    if origin is dict:
        return st.dictionaries(TEXTS, values(arguments[1]), max_size=3)
    if NoneType in arguments:
        return st.none() | values(next(argument for argument in arguments if argument is not NoneType))
    return records(hint)


def records(cls: type) -> st.SearchStrategy[Any]:
    hints = get_type_hints(cls)
    return st.builds(cls, **{field.name: values(hints[field.name]) for field in fields(cls)})


def record_classes() -> list[type]:
    known = {versions[-1].name for versions in lock.released().values()}
    found = [
        value
        for module in (inputs, commands, events, monitor)
        for value in vars(module).values()
        if isinstance(value, type) and is_dataclass(value) and value.__name__ in known
    ]
    return list(dict.fromkeys(found))


CLASSES = record_classes()


def test_every_schema_has_its_class() -> None:
    assert {cls.__name__ for cls in CLASSES} | {"JournalKey"} == set(CODEC.names())


def by_fastavro(name: str, plain: dict[str, Any]) -> bytes:
    out = BytesIO()
    out.write(CODEC.header(name))
    fastavro.schemaless_writer(out, fastavro.parse_schema(CODEC.version(name).parsed()), plain, strict=True)
    return out.getvalue()


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
@settings(max_examples=6)
@given(data=st.data())
def test_round_trip(cls: type, data: st.DataObject) -> None:
    name, record = cls.__name__, data.draw(records(cls))
    plain = to_plain(record)
    if cls in TOPIC_OF:
        envelope = data.draw(records(Envelope))
        plain = {"envelope": to_plain(envelope), **plain}
        written = CODEC.encode_event(envelope, record)
        assert from_plain(Envelope, CODEC.decode(written)[1]["envelope"]) == envelope
    else:
        written = CODEC.encode_record(record)
    assert written == by_fastavro(name, plain) == CODEC.encode(name, plain)
    assert CODEC.decode(written) == (name, plain)
    assert from_plain(cls, CODEC.decode(written)[1]) == record


def unmapped(kind: Any, value: Any) -> Any:
    """Arrow gives maps as lists of pairs; back to what Avro gives."""
    match kind:
        case ["null", other]:
            return None if value is None else unmapped(other, value)
        case {"type": "map"}:
            return dict(value)
        case {"type": "array", "items": item}:
            return [unmapped(item, each) for each in value]
        case {"type": "record", "fields": parts}:
            return {part["name"]: unmapped(part["type"], value[part["name"]]) for part in parts}
        case _:
            return value


@pytest.mark.parametrize("name", CODEC.names())
@settings(max_examples=4)
@given(data=st.data())
def test_batches_agree_with_single_records(name: str, data: st.DataObject) -> None:
    """pyruhvro gives what fastavro gives, both ways, for every record."""
    schema = CODEC.version(name).parsed()
    rows = data.draw(st.lists(plains(schema, {}), min_size=1, max_size=4))
    written = [CODEC.encode(name, row) for row in rows]
    batch = CODEC.decode_batch(name, written)
    assert batch.schema == CODEC.arrow_schema(name)
    assert [unmapped(schema, row) for row in batch.to_pylist()] == rows
    assert CODEC.encode_batch(name, batch) == written


def plains(kind: Any, named: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    match kind:
        case "string":
            return TEXTS
        case "long":
            return LONGS
        case "boolean":
            return st.booleans()
        case ["null", other]:
            return st.none() | plains(other, named)
        case {"type": "array", "items": item}:
            return st.lists(plains(item, named), max_size=3)
        case {"type": "map", "values": item}:
            return st.dictionaries(TEXTS, plains(item, named), max_size=3)
        case {"type": "record", "name": name, "fields": parts}:
            made = st.fixed_dictionaries({part["name"]: plains(part["type"], named) for part in parts})
            named[f"alluse.{name}"] = made
            return made
        case _:
            return named[kind]


@pytest.mark.parametrize("name", ["Tick", "Marks", "OptionQuotes", "OptionChain", "JournalKey"])
def test_the_hot_records_take_the_fast_path(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The batch decoder alone reads them: no record is looked at by itself."""
    schema = CODEC.version(name).parsed()

    def row(i: int) -> dict[str, Any]:
        plain = {"string": f"s{i}", "long": (-7) ** i}
        lists = {name: [value] * (i % 3) for name, value in plain.items()}
        kinds = {part["name"]: part["type"] for part in schema["fields"]}
        return {name: lists[kind["items"]] if isinstance(kind, dict) else plain[kind] for name, kind in kinds.items()}

    rows = [row(i) for i in range(22)]
    written = [CODEC.encode(name, each) for each in rows]
    monkeypatch.setattr(Codec, "decode", None)
    assert CODEC.decode_batch(name, written).to_pylist() == rows
