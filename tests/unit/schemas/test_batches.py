"""A mixed stream comes out as large batches of one kind each, nothing lost, each kind in its order."""

from collections import defaultdict

import pytest

from domain.inputs import ClockTick, Watermark
from schemas.batches import in_batches
from schemas.codec import Codec
from schemas.errors import SchemaError

CODEC = Codec.load()


def mixed(count: int) -> list[bytes]:
    """Every third record a clock tick, the others watermarks, numbered by their time."""
    records = (ClockTick(n, n) if n % 3 == 0 else Watermark(n) for n in range(count))
    return [CODEC.encode_record(record) for record in records]


@pytest.mark.parametrize("records", [1, 7, 10_000])
@pytest.mark.parametrize("part", [1, 10, 1_000])
def test_kinds_come_apart_and_stay_in_order(records: int, part: int) -> None:
    values = mixed(300)
    times: defaultdict[str, list[int | None]] = defaultdict(list)

    for name, batch in in_batches(CODEC, (values[k : k + part] for k in range(0, 300, part)), records):
        times[name] += batch.column("time_us").to_pylist()

    assert times == {"ClockTick": list(range(0, 300, 3)), "Watermark": [n for n in range(300) if n % 3]}


def test_batches_are_large_though_the_parts_are_small() -> None:
    values = mixed(300)

    sizes = [len(batch) for _, batch in in_batches(CODEC, ([value] for value in values), 50)]

    assert sizes == [50] * 6


def test_a_broken_record_is_told() -> None:
    values = mixed(30)
    values[4] = values[4][:-1]

    with pytest.raises(SchemaError) as raised:
        list(in_batches(CODEC, [values]))

    assert raised.value.index == 2, "the third watermark"


def test_nothing_gives_nothing() -> None:
    assert list(in_batches(CODEC, [])) == []
