"""Whole batches of one record to and from Arrow columns, by pyruhvro.

The five header bytes are read and written as two leading fields, a boolean (the zero byte) and a float (the id's four
raw bytes), so that nothing is cut off in Python and the ids of a batch are checked as one uint32 column.
"""

import json
from collections.abc import Mapping
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute
import pyruhvro as _pyruhvro

from schemas.columns import encoded_bytes, holds_null, named_records
from schemas.errors import NotThisRecordError
from schemas.misfit import misfit

pc: Any = pyarrow.compute
pyruhvro: Any = _pyruhvro
"""Both without types: pyruhvro has none, those of `pyarrow.compute` don't know columns of unknown type."""

Columns = pa.RecordBatch | Mapping[str, Any]
"""Rows to encode: a record batch, or a column (Arrow array, numpy array or Python values) by field name.

Arrow arrays and Python lists of plain values are fast; lists of lists or records are looked at value by value."""

SIMPLE = ("long", "string", "boolean", ["null", "long"], ["null", "string"], ["null", "boolean"])
"""Types whose Arrow type can be told from the values."""

HEADER_FIELDS = [{"name": "_magic", "type": "boolean"}, {"name": "_id", "type": "float"}]


def warm_up() -> None:
    """Make pyarrow import what its first value imports (a third of a second), before anybody waits for it."""
    pa.scalar(0)


class BatchReader:
    """Decodes batches of one version of one record."""

    def __init__(self, name: str, header: bytes, schema: dict[str, Any]) -> None:
        self.name = name
        self._schema_json = json.dumps(schema | {"fields": HEADER_FIELDS + schema["fields"]})
        self._id = int.from_bytes(header[1:], "little")
        self._kind = schema
        self._named = dict(named_records(schema))
        self.schema: pa.Schema = pyruhvro.avro_to_arrow_schema(json.dumps(schema))

    def read(self, values: list[bytes]) -> pa.RecordBatch | None:
        """The batch, or None when the values are not all whole records of this version in the plainest form."""
        if not values:
            return _empty(self.schema)
        try:
            batch: pa.RecordBatch = pyruhvro.deserialize_array(values, self._schema_json)
            batch.validate(full=True)  # pyruhvro does not look whether a string is UTF-8
        except (ValueError, TypeError, pa.ArrowException):
            return None
        except BaseException as error:
            if not _is_panic(error):
                raise
            return None
        ids = pc.min_max(batch.column(1).view(pa.uint32())).as_py()
        if pc.any(batch.column(0)).as_py() or ids["min"] != self._id or ids["max"] != self._id:
            return None
        records = pa.RecordBatch.from_arrays(batch.columns[2:], schema=self.schema)
        # pyruhvro does not look at what follows a record's end.
        written = sum(map(len, values)) - 5 * len(values)
        columns = cast(list[Any], records.columns)
        for field, column in zip(self._kind["fields"], columns, strict=True):
            written -= encoded_bytes(field["type"], column, self._named)
        return records if written == 0 else None

    def read_own(self, values: list[bytes]) -> pa.RecordBatch:
        """The batch of values that were written by this release."""
        batch = self.read(values)
        if batch is None:
            raise NotThisRecordError(f"{self.name}: the batch decoder disagrees with the record decoder")
        return batch


class BatchWriter:
    """Encodes batches of one record."""

    def __init__(self, name: str, header: bytes, schema: dict[str, Any]) -> None:
        self.name = name
        self._header = header
        self._schema_json = json.dumps(schema | {"fields": HEADER_FIELDS + schema["fields"]})
        self._schema: pa.Schema = pyruhvro.avro_to_arrow_schema(self._schema_json)
        self._kinds = {field["name"]: field["type"] for field in schema["fields"]}
        self._named = dict(named_records(schema))

    def write(self, columns: Columns) -> list[bytes]:
        """Bytes of each row."""
        fields = _fields(self._schema)[2:]
        given: Any = columns
        names: list[str] = columns.schema.names if isinstance(columns, pa.RecordBatch) else list(columns)
        if different := {field.name for field in fields} ^ set(names):
            raise NotThisRecordError(f"{self.name}: columns missing or unknown: {', '.join(sorted(different))}")
        arrays = [self._column(field, given[field.name]) for field in fields]
        rows = len(arrays[0])
        if rows == 0:
            return []
        magic = pa.Array.from_buffers(pa.bool_(), rows, [None, pa.py_buffer(bytes((rows + 7) // 8))])
        ids = pa.Array.from_buffers(pa.float32(), rows, [None, pa.py_buffer(self._header[1:] * rows)])
        try:
            batch = pa.RecordBatch.from_arrays([magic, ids, *arrays], schema=self._schema)
            batch.validate(full=True)
            chunks: list[Any] = pyruhvro.serialize_record_batch(batch, self._schema_json, 1)
        except (ValueError, TypeError, pa.ArrowException) as error:
            raise NotThisRecordError(f"these columns are no {self.name}: {error}") from error
        except BaseException as error:
            if not _is_panic(error):
                raise
            raise NotThisRecordError(f"these columns are no {self.name}: {error}") from error
        return [value for chunk in chunks for value in chunk.to_pylist()]

    def _column(self, field: Any, values: Any) -> Any:
        """The values as an Arrow array of the field's type; nothing is rounded, cut or left out on the way."""
        kind = self._kinds[field.name]
        where = f"{self.name}.{field.name}"
        try:
            if hasattr(values, "cast"):
                array: Any = values
            elif kind in SIMPLE:
                array = _array(values)
            else:  # told the type, pyarrow makes 1 of 1.5; so what has no simple type is looked at before
                for row, value in enumerate(values):
                    if wrong := misfit(kind, value, field.name):
                        raise NotThisRecordError(f"{self.name}: {wrong}", index=row)
                array = _array(values, field.type)
            if pa.types.is_floating(array.type):
                raise NotThisRecordError(f"{where} holds floats")
            array = array.cast(field.type)
        except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
            raise NotThisRecordError(f"{where}: {error}") from error
        if holds_null(kind, array, self._named):
            raise NotThisRecordError(f"{where}: null where none may be")
        return array


_array: Any = pa.array


def _empty(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([_array([], field.type) for field in _fields(schema)], schema=schema)


def _fields(schema: pa.Schema) -> list[Any]:
    return cast(list[Any], list(schema))


def _is_panic(error: BaseException) -> bool:
    """A Rust panic: no `Exception`, and its class can't be imported."""
    return type(error).__name__ == "PanicException"
