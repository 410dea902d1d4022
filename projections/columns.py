"""Arrow columns to Python values and to JSON text, a column at a time."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from projections.arrow import Array, compute


def values_of(array: Array) -> list[Any]:
    """The column as Avro's Python values: int, bool, str, None, lists, dicts. Much faster than `to_pylist`."""
    kind = array.type
    if pa.types.is_struct(kind):
        return _structs(array)
    if pa.types.is_map(kind):
        keys, items = values_of(array.keys), values_of(array.items)
        return [None if s is None else dict(zip(keys[s], items[s], strict=True)) for s in _slices(array)]
    if pa.types.is_list(kind):
        members = values_of(array.values)
        return [None if s is None else members[s] for s in _slices(array)]
    if array.null_count and not pa.types.is_string(kind):
        return array.to_pylist()  # numpy would make floats of integers with nulls
    return array.to_numpy(zero_copy_only=False).tolist()


def json_of(array: Array) -> Array:
    """The column as JSON texts; null is `null`."""
    kind = array.type
    if pa.types.is_struct(kind):
        texts = json_objects(
            [kind.field(i).name for i in range(kind.num_fields)],
            [array.field(i) for i in range(kind.num_fields)],
            len(array),
        )
        texts = compute.if_else(array.is_valid(), texts, None) if array.null_count else texts
    elif pa.types.is_map(kind):
        pairs = compute.binary_join_element_wise(json_of(array.keys), json_of(array.items), ":")
        texts = _bracketed("{", array, pairs, "}")
    elif pa.types.is_list(kind):
        texts = _bracketed("[", array, json_of(array.values), "]")
    elif pa.types.is_integer(kind):
        texts = compute.cast(array, pa.string())
    elif pa.types.is_boolean(kind):
        texts = compute.if_else(array, "true", "false")
    elif _needs_escapes(array):
        texts = pa.array([json.dumps(v, ensure_ascii=False) for v in values_of(array)], pa.string())
    else:
        texts = compute.binary_join_element_wise('"', array, '"', "")
    return compute.fill_null(texts, "null") if texts.null_count else texts


def json_objects(names: Sequence[str], columns: Sequence[Array], count: int) -> Array:
    """One JSON object a row, of columns under these names."""
    if not names:
        return pa.array(["{}"] * count, pa.string())
    pieces: list[Any] = []
    for number, (name, column) in enumerate(zip(names, columns, strict=True)):
        pieces += [("," if number else "{") + json.dumps(name) + ":", json_of(column)]
    return compute.binary_join_element_wise(*pieces, "}", "")


def _bracketed(left: str, array: Array, members: Array, right: str) -> Array:
    """The members' texts of each list or map, with commas between and brackets around."""
    lists = pa.ListArray.from_arrays(array.offsets, members)
    texts = compute.binary_join_element_wise(left, compute.binary_join(lists, ","), right, "")
    return compute.if_else(array.is_valid(), texts, None) if array.null_count else texts


def _structs(array: Array) -> list[Any]:
    names = [field.name for field in array.type]
    children = [values_of(array.field(i)) for i in range(array.type.num_fields)]
    rows = [dict(zip(names, row, strict=True)) for row in zip(*children, strict=True)]
    if array.null_count:
        return [row if valid else None for row, valid in zip(rows, array.is_valid().to_pylist(), strict=True)]
    return rows


def _slices(array: Array) -> list[slice | None]:
    offsets = array.offsets.to_numpy().tolist()
    valid = array.is_valid().to_pylist() if array.null_count else [True] * len(array)
    return [slice(a, b) if ok else None for a, b, ok in zip(offsets, offsets[1:], valid, strict=False)]


def _needs_escapes(array: Array) -> bool:
    """Whether any text holds a quote, a backslash or a control character."""
    data = array.buffers()[2]
    if data is None:
        return False
    seen = np.frombuffer(data, np.uint8)
    return bool(((seen < 32) | (seen == 34) | (seen == 92)).any())
