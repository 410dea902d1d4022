"""Long records are read all at once: the same as the general decoder reads, and what is broken is left to it."""

from dataclasses import fields
from io import BytesIO
from typing import Any, get_type_hints

import pytest
from fastavro import parse_schema, schemaless_reader  # pyright: ignore[reportUnknownVariableType]
from hypothesis import given
from hypothesis import strategies as st

from domain.inputs import OptionChain
from processors.book.intake import decode_record
from processors.book.wide import ENOUGH_BYTES, wide_reader
from schemas.codec import HEADER_BYTES, Codec
from schemas.errors import SchemaError
from schemas.records import to_plain

CODEC = Codec.load()
SCHEMA = CODEC.version("OptionChain").parsed()
READ = wide_reader(SCHEMA, HEADER_BYTES)
LONG = st.integers(-(2**61), 2**61 - 1)


def generally(data: bytes) -> Any:
    """What fastavro reads."""
    return schemaless_reader(BytesIO(data[HEADER_BYTES:]), parse_schema(SCHEMA), None)


@st.composite
def chains(draw: st.DrawFn) -> OptionChain:
    """A chain of any length, with any numbers and names."""
    count = draw(st.integers(0, 90))

    kinds, values = get_type_hints(OptionChain), dict[str, Any]()
    for field in fields(OptionChain):
        kind = kinds[field.name]
        if kind == list[str]:
            values[field.name] = draw(st.lists(st.sampled_from(["P", "C"]), min_size=count, max_size=count))
        elif kind == list[int]:
            values[field.name] = draw(st.lists(LONG, min_size=count, max_size=count))
        else:
            values[field.name] = draw(LONG if kind is int else st.sampled_from(["AAPL", "MODELLED", "", "é"]))
    return OptionChain(**values)


@given(chains())
def test_it_reads_what_the_general_decoder_reads(chain: OptionChain) -> None:
    data = CODEC.encode_record(chain)
    assert READ is not None
    found = READ(data)
    if len(data) >= ENOUGH_BYTES and chain.underlying.isascii() and chain.quality.isascii():
        assert found is not None, "it takes such records"
    assert found is None or found == generally(data) == to_plain(chain)


@given(chains(), st.data())
def test_a_broken_record_is_read_as_before(chain: OptionChain, data: st.DataObject) -> None:
    # given a record in which bytes were changed, cut off or added
    whole = CODEC.encode_record(chain)
    at = data.draw(st.integers(HEADER_BYTES, len(whole) - 1))
    other = data.draw(st.binary(min_size=1, max_size=3))
    broken = data.draw(st.sampled_from([whole[:at], whole + b"\x02", whole[:at] + other + whole[at + 1 :]]))
    # then the codec says of it what the general decoder says
    assert READ is not None
    found = READ(broken)
    if found is not None:
        assert found == generally(broken)
        assert CODEC.decode(broken) == ("OptionChain", found)
        assert decode_record(broken) == OptionChain(**found)
        return
    try:
        _, plain = CODEC.decode(broken)
    except SchemaError as error:
        with pytest.raises(type(error)):
            decode_record(broken)
    else:
        assert decode_record(broken) == OptionChain(**plain)


@pytest.mark.parametrize("name", ["ClockTick", "OrderProposed", "JournalKey"])
def test_other_records_are_not_wide(name: str) -> None:
    assert wide_reader(CODEC.version(name).parsed(), HEADER_BYTES) is None
