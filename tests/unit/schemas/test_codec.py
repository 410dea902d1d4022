"""The Confluent wire format: what is written, and what is refused when read."""

import struct
from dataclasses import fields as fields_of
from dataclasses import make_dataclass
from io import BytesIO
from typing import Any

import fastavro
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.events import Envelope, OrderRepriced
from domain.inputs import BrokerStatement, LogOpened, Tick
from schemas import arrow, lock
from schemas.codec import Codec
from schemas.errors import (
    NotThisRecordError,
    SchemaError,
    TruncatedRecordError,
    UnknownSchemaIdError,
    UnreadableRecordError,
    WrongMagicError,
)
from schemas.records import from_plain, to_plain
from schemas.writers import write_long

CODEC = Codec.load()
TICK: dict[str, Any] = {
    "symbol": "TSLA",
    "time_us": 1_750_000_000_000_000,
    "bid_e4": 2_475_000,
    "ask_e4": 2_476_000,
    "last_e4": 0,
    "size": 100,
    "flags": 0,
}
TICK_BYTES = CODEC.encode("Tick", TICK)
CLOCK_BYTES = CODEC.encode("ClockTick", {"time_us": 1, "source_seq": 2})
LONGS = st.integers(-(1 << 63), (1 << 63) - 1)


def test_wire_format() -> None:
    header = b"\0" + struct.pack(">I", CODEC.id_of("Tick"))
    body = BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(CODEC.version("Tick").parsed()), TICK)
    assert header + body.getvalue() == TICK_BYTES
    assert CODEC.header("Tick") == header
    assert CODEC.name_of(TICK_BYTES) == "Tick"
    assert CODEC.decode(TICK_BYTES) == ("Tick", TICK)


def test_load_is_made_once() -> None:
    assert Codec.load() is CODEC


@given(LONGS)
def test_longs_as_avro_writes_them(number: int) -> None:
    out = BytesIO()
    fastavro.schemaless_writer(out, {"type": "long"}, number)
    assert write_long(number) == out.getvalue()


@pytest.mark.parametrize("bits", range(64))
def test_longs_at_every_edge(bits: int) -> None:
    edge = 1 << bits
    for number in (edge - 1, edge, -edge, -edge - 1):
        if -(1 << 63) <= number < 1 << 63:
            out = BytesIO()
            fastavro.schemaless_writer(out, {"type": "long"}, number)
            assert write_long(number) == out.getvalue()
        else:
            with pytest.raises(OverflowError):
                write_long(number)


def test_numbers_of_numpy_do_not_wrap_around() -> None:
    assert write_long(np.uint8(200)) == write_long(200)  # pyright: ignore[reportArgumentType]
    assert write_long(np.int32(1 << 30)) == write_long(1 << 30)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"size": 1.0}, "size is 1.0, not a whole number"),
        ({"size": None}, "size is None"),
        ({"size": "1"}, "size is '1'"),
        ({"size": 1 << 63}, "does not fit 64 bits"),
        ({"symbol": 5}, "symbol is 5, not text"),
        ({"symbol": b"TSLA"}, "symbol is b'TSLA', not text"),
        ({"symbol": "\ud800"}, "half a surrogate pair"),
        ({"venue": "X"}, "fields missing or unknown: venue"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(change: dict[str, Any], told: str) -> None:
    with pytest.raises(NotThisRecordError, match="NOT_THIS_RECORD: this value is no Tick") as refused:
        CODEC.encode("Tick", TICK | change)
    assert told in refused.value.message


def test_a_missing_field_is_refused() -> None:
    with pytest.raises(NotThisRecordError, match="fields missing or unknown: size"):
        CODEC.encode("Tick", {name: value for name, value in TICK.items() if name != "size"})


@pytest.mark.parametrize("symbols", ["TSLA", {"TSLA"}, ["TSLA", 5], None])
def test_a_list_is_a_list(symbols: Any) -> None:
    marks = to_plain(example_marks()) | {"symbols": symbols}
    with pytest.raises(NotThisRecordError, match="symbols"):
        CODEC.encode("Marks", marks)


def test_a_boolean_is_a_boolean() -> None:
    opened = to_plain(LogOpened("log", 4, 1, "CRC32", 1, 0, recorded=True))
    assert CODEC.decode(CODEC.encode("LogOpened", opened)) == ("LogOpened", opened)
    with pytest.raises(NotThisRecordError, match="recorded is 'yes', not true or false"):
        CODEC.encode("LogOpened", opened | {"recorded": "yes"})


def test_unknown_names() -> None:
    for call in (CODEC.id_of, CODEC.header, CODEC.arrow_schema):
        with pytest.raises(NotThisRecordError, match="no record is called 'Tock'"):
            call("Tock")


def test_a_class_with_other_fields_than_its_schema_is_refused() -> None:
    for fields in ("symbol time_us", "symbol time_us bid_e4 ask_e4 last_e4 size flags venue"):
        other = make_dataclass("Tick", [(name, int) for name in fields.split()])
        with pytest.raises(NotThisRecordError, match="make_schemas"):
            CODEC.encode_record(other(*range(len(fields.split()))))
    with pytest.raises(NotThisRecordError):
        CODEC.encode_record(type("Tick", (), {})())
    nested = make_dataclass("BrokerPosition", [("contract", str), ("quantity", int), ("added", int)])
    hints = {field.name: field.type for field in fields_of(BrokerStatement)} | {"positions": list[nested]}
    statement = make_dataclass("BrokerStatement", list(hints.items()))
    with pytest.raises(NotThisRecordError, match="make_schemas"):
        CODEC.encode_record(statement("b", 1, 2, "EOD", 3, [nested("TSLA", 1, 2)], None, None))
    envelope = example_envelope()
    with pytest.raises(NotThisRecordError, match="Tick is no event"):
        CODEC.encode_event(envelope, Tick(**TICK))


# --- reading what is broken ---------------------------------------------------------------------------------------

BROKEN: list[tuple[bytes, type[SchemaError], str]] = [
    (b"", TruncatedRecordError, "TRUNCATED_RECORD"),
    (b"\0\0\0", TruncatedRecordError, "TRUNCATED_RECORD"),
    (b"\1" + TICK_BYTES[1:], WrongMagicError, "WRONG_MAGIC"),
    (b"{}", WrongMagicError, "WRONG_MAGIC"),
    (b"\0\xff\xff\xff\xff" + TICK_BYTES[5:], UnknownSchemaIdError, "UNKNOWN_SCHEMA_ID"),
    (TICK_BYTES[:5], TruncatedRecordError, "TRUNCATED_RECORD"),
    (TICK_BYTES + b"\0", UnreadableRecordError, "UNREADABLE_RECORD"),
    (TICK_BYTES + TICK_BYTES, UnreadableRecordError, "UNREADABLE_RECORD"),
    (TICK_BYTES.replace(b"TSLA", b"\xff\xfe\xfd\xfc"), UnreadableRecordError, "UNREADABLE_RECORD"),
]


@pytest.mark.parametrize(("data", "error", "code"), BROKEN)
def test_broken_bytes_are_refused_alone_and_in_a_batch(data: bytes, error: type[SchemaError], code: str) -> None:
    with pytest.raises(error, match=code):
        CODEC.decode(data)
    with pytest.raises(error, match=code) as refused:
        CODEC.decode_batch("Tick", [TICK_BYTES, TICK_BYTES, data, TICK_BYTES])
    assert refused.value.index == 2
    assert "record 2 of the batch" in str(refused.value)


@pytest.mark.parametrize("size", range(len(TICK_BYTES)))
def test_every_truncation_is_seen(size: int) -> None:
    with pytest.raises(TruncatedRecordError):
        CODEC.decode(TICK_BYTES[:size])
    with pytest.raises(TruncatedRecordError):
        CODEC.decode_batch("Tick", [TICK_BYTES, TICK_BYTES[:size]])


@given(st.data())
def test_damage_is_refused_or_read_alike(data: st.DataObject) -> None:
    """Whatever the bytes, both decoders agree: the same record, or the same error; nothing else is ever raised."""
    damaged = bytearray(data.draw(st.sampled_from([TICK_BYTES, CODEC.encode_record(example_marks())])))
    name = CODEC.name_of(bytes(damaged))
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    broken = bytes(damaged[: data.draw(st.integers(0, len(damaged)))])
    try:
        found, value = CODEC.decode(broken)
    except SchemaError as error:
        with pytest.raises(type(error)):
            CODEC.decode_batch(name, [broken])
        return
    if found == name:
        assert CODEC.decode_batch(name, [broken]).to_pylist() == [value]


def test_another_record_in_a_batch_is_refused() -> None:
    with pytest.raises(NotThisRecordError, match="ClockTick where Tick was asked for") as refused:
        CODEC.decode_batch("Tick", [TICK_BYTES, CLOCK_BYTES])
    assert refused.value.index == 1
    with pytest.raises(NotThisRecordError):
        CODEC.decode_batch("Tick", [CLOCK_BYTES, CLOCK_BYTES])


def test_a_record_with_overlong_numbers_is_read() -> None:
    """Other writers may write a number in more bytes, or a list in more blocks, than are needed."""
    overlong = TICK_BYTES[:-1] + b"\x80\x00"
    assert CODEC.decode(overlong) == ("Tick", TICK)
    assert CODEC.decode_batch("Tick", [TICK_BYTES, overlong]).to_pylist() == [TICK, TICK]


class _Panic(BaseException):
    pass


_Panic.__name__ = "PanicException"


@pytest.mark.parametrize("raised", [_Panic("not implemented"), KeyboardInterrupt(), SystemExit(3)], ids=repr)
def test_a_panic_of_the_batch_decoder_is_an_error_and_an_interrupt_stays_one(
    raised: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Panicking:
        @staticmethod
        def deserialize_array(*_: object) -> object:
            raise raised

        @staticmethod
        def serialize_record_batch(*_: object) -> object:
            raise raised

    batch = CODEC.decode_batch("Tick", [TICK_BYTES])
    CODEC.encode_batch("Tick", batch)
    monkeypatch.setattr(arrow, "pyruhvro", Panicking)
    expected = NotThisRecordError if isinstance(raised, _Panic) else type(raised)
    with pytest.raises(expected):
        CODEC.decode_batch("Tick", [TICK_BYTES])
    with pytest.raises(expected):
        CODEC.encode_batch("Tick", batch)


# --- batches ------------------------------------------------------------------------------------------------------


def test_batch_of_nothing() -> None:
    batch = CODEC.decode_batch("Tick", [])
    assert batch.num_rows == 0
    assert batch.schema == CODEC.arrow_schema("Tick")
    assert CODEC.encode_batch("Tick", batch) == []


def test_encode_batch_takes_columns_of_any_kind() -> None:
    rows = [TICK | {"time_us": TICK["time_us"] + i} for i in range(3)]
    columns: dict[str, Any] = {name: [row[name] for row in rows] for name in TICK}
    columns["time_us"] = np.array(columns["time_us"], np.int64)
    columns["symbol"] = pa.array(columns["symbol"]).dictionary_encode()
    columns["size"] = pa.array(columns["size"], pa.int32())
    assert CODEC.encode_batch("Tick", columns) == [CODEC.encode("Tick", row) for row in rows]


@pytest.mark.parametrize(
    "change",
    [
        {"size": [1.5]},
        {"size": [None]},
        {"size": ["x"]},
        {"size": [1, 2]},
        {"venue": ["X"]},
        {"size": [1 << 63]},
    ],
    ids=repr,
)
def test_columns_that_do_not_fit_are_refused(change: dict[str, list[Any]]) -> None:
    with pytest.raises(NotThisRecordError):
        CODEC.encode_batch("Tick", {name: [value] for name, value in TICK.items()} | change)


def test_nulls_inside_lists_are_refused() -> None:
    columns = {name: [value] for name, value in to_plain(example_marks()).items()}
    with pytest.raises(NotThisRecordError):
        CODEC.encode_batch("Marks", columns | {"lasts_e4": [[1, None]]})
    with pytest.raises(NotThisRecordError, match="null where none may be"):
        CODEC.encode_batch("Marks", columns | {"lasts_e4": pa.array([[1, None]])})
    with pytest.raises(NotThisRecordError, match=r"lasts_e4\[1\] is 1\.5"):
        CODEC.encode_batch("Marks", columns | {"lasts_e4": [[1, 1.5]]})


# --- versions -----------------------------------------------------------------------------------------------------


def order(*names: str) -> dict[str, Any]:
    fields = {
        "order_id": {"name": "order_id", "type": "string"},
        "quantity": {"name": "quantity", "type": "long"},
        "note": {"name": "note", "type": ["null", "string"], "default": None},
        "venue": {"name": "venue", "type": "string", "default": "SMART"},
    }
    return {"type": "record", "name": "Order", "namespace": "alluse", "fields": [fields[name] for name in names]}


def test_old_versions_are_read_as_the_newest() -> None:
    first = lock.advance({}, {"alluse.Order": order("order_id", "quantity", "note")})
    second = lock.advance(first, {"alluse.Order": order("order_id", "quantity", "venue")})
    old, new = Codec(first), Codec(second)
    written = old.encode("Order", {"order_id": "o1", "quantity": 5, "note": "x"})
    read = {"order_id": "o1", "quantity": 5, "venue": "SMART"}
    assert (old.id_of("Order"), new.id_of("Order")) == (1, 2)
    assert new.decode(written) == ("Order", read)
    assert new.name_of(written) == "Order"
    current = new.encode("Order", read | {"venue": "CBOE"})
    assert new.decode_batch("Order", [written, current]).to_pylist() == [read, read | {"venue": "CBOE"}]
    assert new.decode_batch("Order", [written]).to_pylist() == [read]
    with pytest.raises(UnknownSchemaIdError, match="newer release"):
        old.decode(current)


# --- records ------------------------------------------------------------------------------------------------------


def example_marks() -> Any:
    from domain.inputs import Marks

    return Marks(0, 7, 1_750_000_000_000_000, ["TSLA", "F"], [1, 2], [0, 1], [3, 4], [5, 6])


def example_envelope() -> Envelope:
    return Envelope(
        "e1", "order-o1", 3, "OrderRepriced", 1, 5, 6, "S001", None, "BOOK", "S001", "c", "j", "", 1, 0, 9, 1
    )


def test_records_and_events_are_written_as_their_plain_form() -> None:
    tick, envelope, event = Tick(**TICK), example_envelope(), OrderRepriced("o1", 2, 12500)
    assert CODEC.encode_record(tick) == TICK_BYTES
    plain = {"envelope": to_plain(envelope), **to_plain(event)}
    data = CODEC.encode_event(envelope, event)
    assert data == CODEC.encode("OrderRepriced", plain)
    assert CODEC.decode(data) == ("OrderRepriced", plain)
    assert from_plain(OrderRepriced, plain) == event
    assert from_plain(Envelope, plain["envelope"]) == envelope


def test_a_record_holding_a_float_is_refused() -> None:
    with pytest.raises(NotThisRecordError, match=r"limit_e4 is 12500\.5"):
        CODEC.encode_event(example_envelope(), OrderRepriced("o1", 2, 12500.5))  # pyright: ignore[reportArgumentType]
    with pytest.raises(NotThisRecordError, match=r"size is 1\.5"):
        CODEC.encode_record(from_plain(Tick, TICK | {"size": 1.5}))


def test_from_plain_refuses_what_is_no_record() -> None:
    with pytest.raises(NotThisRecordError, match="size"):
        from_plain(Tick, {name: value for name, value in TICK.items() if name != "size"})
    with pytest.raises(NotThisRecordError):
        from_plain(int, {})
    with pytest.raises(NotThisRecordError):
        to_plain(5)
