"""Long records are read all at once: the same as the general decoder reads, and what is broken is left to it."""

from dataclasses import fields
from io import BytesIO
from typing import Any, get_type_hints

import pytest
from fastavro import parse_schema, schemaless_reader  # pyright: ignore[reportUnknownVariableType]
from hypothesis import given
from hypothesis import strategies as st

from domain.contracts import occ_symbol, option
from domain.inputs import ClockTick, OptionChain
from domain.market import Chain
from processors.book.intake import clock_tick, decode_record, read_quote
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


def made(plain: dict[str, Any], **other: Any) -> OptionChain:
    """A chain of these fields, some of them others."""
    return OptionChain(**{**plain, **other})


def damaged(chain: OptionChain, data: st.DataObject) -> bytes:
    """Its record with bytes changed, cut off or added."""
    whole = CODEC.encode_record(chain)
    at = data.draw(st.integers(HEADER_BYTES, len(whole) - 1))
    other = data.draw(st.binary(min_size=1, max_size=3))
    return data.draw(st.sampled_from([whole[:at], whole + b"\x02", whole[:at] + other + whole[at + 1 :]]))


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
    broken = damaged(chain, data)
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


@st.composite
def listings(draw: st.DrawFn) -> OptionChain:
    """A chain of contracts that there may be, with any numbers."""
    terms = st.tuples(st.integers(11_000, 25_000), st.integers(1, 99_999_999), st.sampled_from(["P", "C"]))
    listed = draw(st.lists(terms, min_size=1, max_size=90))
    plain = to_plain(draw(chains()))
    for name, value in plain.items():
        if isinstance(value, list):
            plain[name] = draw(st.lists(LONG, min_size=len(listed), max_size=len(listed)))
    expiries, strikes, rights = (list(column) for column in zip(*listed, strict=True))
    plain |= {"underlying": draw(st.sampled_from(["AAPL", "T"])), "quality": draw(st.sampled_from(["", "MODELLED"]))}
    return made(plain, expiries=expiries, strikes_e3=strikes, rights=rights)


@given(listings(), st.data())
def test_one_quote_is_that_of_the_whole_chain(chain: OptionChain, data: st.DataObject) -> None:
    # given a chain, and contracts that it lists and one that it does not
    raw, whole = CODEC.encode_record(chain), Chain(chain)
    rows = list(zip(chain.expiries, chain.rights, chain.strikes_e3, strict=True))
    for expiry, right, strike in [data.draw(st.sampled_from(rows)), (10_000, "P", 5)]:
        contract = occ_symbol(chain.underlying, expiry, right, strike)
        # then the quote read alone is the one read with all others
        assert read_quote(raw, contract, option(contract)) == whole.quote(contract)


@given(listings(), st.data())
def test_one_quote_of_a_broken_chain_is_no_other_than_the_chain_gives(chain: OptionChain, data: st.DataObject) -> None:
    # given a chain in which bytes were changed, cut off or added
    broken = damaged(chain, data)
    contract = occ_symbol(chain.underlying, chain.expiries[0], chain.rights[0], chain.strikes_e3[0])
    try:
        quote = read_quote(broken, contract, option(contract))
    except LookupError:
        return  # the whole is read
    # then what is read of it alone is what is read of the whole
    record = decode_record(broken)
    assert quote == Chain(made(to_plain(record), underlying=chain.underlying)).quote(contract)


@pytest.mark.parametrize("count", [1, 63, 64, 90])
def test_a_whole_chain_needs_no_general_decoder_for_a_quote(count: int) -> None:
    kinds = get_type_hints(OptionChain)
    plain: dict[str, Any] = {f.name: [0] * count if kinds[f.name] == list[int] else 1 for f in fields(OptionChain)}
    plain |= {"expiries": [20_000] * count, "strikes_e3": list(range(1, count + 1)), "rights": ["C"] * count}
    raw = CODEC.encode_record(made(plain, bids_e4=list(range(count)), underlying="A", quality="X"))
    for strike in (1, count):
        quote = read_quote(raw, contract := occ_symbol("A", 20_000, "C", strike), option(contract))
        assert quote is not None
        assert (quote.contract, quote.bid_e4, quote.delta_e2) == (contract, strike - 1, 0)


@given(st.integers(-(2**62), 2**62), st.integers(-(2**62), 2**62), st.binary(max_size=3), st.integers(0, 30))
def test_a_tick_is_one_for_the_book_exactly_if_it_can_be_read(time: int, seq: int, more: bytes, cut: int) -> None:
    whole = CODEC.encode_record(ClockTick(time, seq))
    for data in (whole, whole + more, whole[: max(HEADER_BYTES + 1, len(whole) - cut)]):
        try:
            assert type(decode_record(data)) is ClockTick
        except SchemaError:
            with pytest.raises(SchemaError):
                clock_tick(data)
        else:
            assert type(clock_tick(data)) is ClockTick


@pytest.mark.parametrize("name", ["ClockTick", "OrderProposed", "JournalKey"])
def test_other_records_are_not_wide(name: str) -> None:
    assert wide_reader(CODEC.version(name).parsed(), HEADER_BYTES) is None
