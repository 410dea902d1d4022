"""Arrow columns to Python values and JSON: as Avro's own decoder has them."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.batch import LogRecord, decode
from projections.columns import json_objects, json_of, values_of
from projections.queries import scaled
from schemas.codec import Codec
from tests.unit.projections.factory import Log, story

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
LONG = st.integers(-(2**63), 2**63 - 1)
CHECK = st.fixed_dictionaries({"check": TEXT, "value": st.none() | LONG})
KINDS: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    (pa.int64(), LONG),
    (pa.string(), TEXT),
    (pa.bool_(), st.booleans()),
    (pa.list_(pa.int64()), st.lists(LONG, max_size=4)),
    (pa.map_(pa.string(), pa.string()), st.dictionaries(TEXT, TEXT, max_size=3)),
    (pa.map_(pa.string(), pa.int64()), st.dictionaries(TEXT, LONG, max_size=3)),
    (pa.list_(pa.struct([("check", pa.string()), ("value", pa.int64())])), st.lists(CHECK, max_size=3)),
]


@given(data=st.data())
@pytest.mark.parametrize(("kind", "values"), KINDS, ids=[str(kind) for kind, _ in KINDS])
def test_values_and_json_are_what_went_in(
    kind: pa.DataType, values: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    rows = data.draw(st.lists(st.none() | values, max_size=6))
    array = pa.array(rows, kind)
    assert values_of(array) == rows
    assert [json.loads(text) for text in values_of(json_of(array))] == rows


def test_objects_of_no_fields() -> None:
    assert values_of(json_objects([], [], 2)) == ["{}", "{}"]


def test_the_payload_is_what_the_record_decoder_reads() -> None:
    # given a story's records
    log = Log()
    story(log)
    # when they are decoded as batches
    for group in decode(log.codec, log.records).groups:
        names = [name for name in group.events.schema.names if name != "envelope"]
        texts = json_objects(names, [group.events.column(name) for name in names], len(group.records))
        # then the JSON of each is what the decoder for single records says
        for record, text in zip(group.records, values_of(texts), strict=True):
            _, plain = log.codec.decode(record.value or b"")
            del plain["envelope"]
            assert json.loads(text) == plain


def test_records_that_are_no_events_move_the_position_alone() -> None:
    codec = Codec.load()
    progress = codec.encode(
        "BookProgress",
        {"promise_us": 1, "reports_seen": -1, "recorded": True, "lookahead_us": 1, "market_partitions": 1},
    )
    batch = decode(codec, [LogRecord("orders", 2, 7, progress), LogRecord("orders", 2, 9, None)])
    assert (batch.groups, batch.dead) == ([], [])
    assert list(batch.positions.items()) == [(("orders", 2), 10)]


@given(st.integers(-(2**62), 2**62), st.sampled_from([2, 3, 4, 6, 10]))
def test_scaled_integers_as_decimal_text(value: int, digits: int) -> None:
    text = scaled(value, digits)
    whole, places = text.split(".")
    assert len(places) >= 2
    assert int(f"{whole}{places.ljust(digits, '0')}") == value if not text.startswith("-0") else value > -(10**digits)
    assert len(places) == 2 or not places.endswith("0")


@pytest.mark.parametrize(
    ("value", "digits", "text"), [(0, 2, "0.00"), (-5, 2, "-0.05"), (25_000, 4, "2.50"), (23_550, 4, "2.355")]
)
def test_scaled_examples(value: int, digits: int, text: str) -> None:
    assert scaled(value, digits) == text
