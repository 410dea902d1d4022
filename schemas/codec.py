"""Records to and from bytes, in the Confluent wire format: a zero byte, the schema's id (4 bytes, big endian), Avro.

Names are record names without the namespace ("Tick"). Bytes are written with a schema's newest version; they are read
with the version that wrote them and resolved to the newest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from functools import cache
from io import BytesIO
from typing import Any, cast

import pyarrow as pa
from fastavro import parse_schema, schemaless_reader  # pyright: ignore[reportUnknownVariableType]

from schemas import lock
from schemas.arrow import BatchReader, BatchWriter, Columns
from schemas.derive import NAMESPACE, Deriver
from schemas.errors import (
    NotThisRecordError,
    SchemaError,
    TruncatedRecordError,
    UnknownSchemaIdError,
    UnreadableRecordError,
    WrongMagicError,
)
from schemas.lock import Lock, Schema, Version
from schemas.misfit import misfit
from schemas.records import to_plain
from schemas.writers import Write, event_writer, mapping_writer, record_writer

MAGIC = b"\0"
HEADER_BYTES = 5

WRITE_ERRORS = (TypeError, ValueError, KeyError, AttributeError, OverflowError)
"""What a generated writer raises for a value that does not fit."""

Plain = dict[str, Any]
"""A record as Avro sees it: names to str, int, bool, None, lists, dicts."""


class Codec:
    """Encoder and decoder of every record in a lock file.

    Schemas are parsed, and writers generated, once and on first use. Safe to share by threads.
    """

    def __init__(self, released: Lock) -> None:
        self._newest = {versions[-1].name: versions[-1] for versions in released.values()}
        self._versions = {_header(v.id): v for versions in released.values() for v in versions}
        self._writers: dict[str, Write] = {}
        self._record_writers: dict[type, Write] = {}
        self._event_writers: dict[type, Write] = {}
        self._readers: dict[bytes, tuple[str, Schema, Schema | None]] = {}
        self._batch_readers: dict[str, BatchReader] = {}
        self._batch_writers: dict[str, BatchWriter] = {}

    @staticmethod
    @cache
    def load() -> "Codec":
        """The codec of this checkout's lock file, made once."""
        return Codec(lock.released())

    # --- names and ids

    def names(self) -> list[str]:
        """All record names."""
        return list(self._newest)

    def version(self, name: str) -> Version:
        """The newest version of a record's schema. Raises NotThisRecordError for an unknown name."""
        try:
            return self._newest[name]
        except KeyError:
            raise NotThisRecordError(f"no record is called {name!r}; names have no {NAMESPACE!r} in front") from None

    def id_of(self, name: str) -> int:
        """Id of the schema that `name` is written with."""
        return self.version(name).id

    def header(self, name: str) -> bytes:
        """The five bytes in front of every record `name` that is written now."""
        return _header(self.version(name).id)

    def name_of(self, data: bytes) -> str:
        """The record's name, from its header alone."""
        version = self._versions.get(data[:HEADER_BYTES])
        if version is None:
            raise self._refusal(data)
        return version.name

    # --- one record

    def encode(self, name: str, value: Mapping[str, Any]) -> bytes:
        """Bytes of one record. Raises NotThisRecordError when a field is missing, unknown or of the wrong type."""
        try:
            return (self._writers.get(name) or self._writer(name))(value)
        except WRITE_ERRORS as error:
            raise self._misfit(name, value, error) from error

    def encode_record(self, record: object) -> bytes:
        """Bytes of a record of one of the classes that the schemas were derived from, found by the class's name."""
        cls = type(record)
        try:
            return (self._record_writers.get(cls) or self._record_writer(cls))(record)
        except WRITE_ERRORS as error:
            raise self._misfit(cls.__name__, to_plain(record), error) from error

    def encode_event(self, envelope: object, event: object) -> bytes:
        """Bytes of an event: its envelope (protocol 19.1), then its own fields."""
        cls = type(event)
        try:
            return (self._event_writers.get(cls) or self._event_writer(cls, type(envelope)))(envelope, event)
        except WRITE_ERRORS as error:
            value = {"envelope": to_plain(envelope), **to_plain(event)}
            raise self._misfit(cls.__name__, value, error) from error

    def decode(self, data: bytes) -> tuple[str, Plain]:
        """Name and value of one record.

        Raises WrongMagicError, UnknownSchemaIdError, TruncatedRecordError and UnreadableRecordError.
        """
        name, writer, reader = self._readers.get(data[:HEADER_BYTES]) or self._reader(data)
        source = BytesIO(data)
        source.seek(HEADER_BYTES)
        try:
            value = cast(Plain, schemaless_reader(source, writer, reader))
        except (EOFError, IndexError) as error:
            raise TruncatedRecordError(f"{name}: the {len(data)} bytes end inside the record") from error
        except (ValueError, TypeError, OverflowError, KeyError) as error:
            raise UnreadableRecordError(f"{name}: {error}") from error
        if source.tell() != len(data):
            raise UnreadableRecordError(f"{name}: {len(data) - source.tell()} bytes follow the record's end")
        return name, value

    # --- batches

    def decode_batch(self, name: str, values: Sequence[bytes]) -> pa.RecordBatch:
        """The records as Arrow columns, typed as `arrow_schema(name)`.

        Every record must be a `name`, of whatever version. Raises what `decode` raises, and NotThisRecordError for
        another record, each with the record's `index`.
        """
        reader = self._batch_readers.get(name) or self._batch_reader(name)
        if not isinstance(values, list):
            values = list(values)
        batch = reader.read(values)
        if batch is not None:
            return batch
        # Some record is broken, of another version, or written in another way: look at each.
        return reader.read_own([self._rewritten(name, data, index) for index, data in enumerate(values)])

    def encode_batch(self, name: str, columns: Columns) -> list[bytes]:
        """Bytes of each row. Raises NotThisRecordError for missing columns, wrong types and nulls where none may be."""
        writer = self._batch_writers.get(name)
        if writer is None:
            version = self.version(name)
            writer = self._batch_writers[name] = BatchWriter(name, _header(version.id), version.parsed())
        return writer.write(columns)

    def arrow_schema(self, name: str) -> pa.Schema:
        """Columns that `decode_batch` gives."""
        return (self._batch_readers.get(name) or self._batch_reader(name)).schema

    # --- parts

    def _writer(self, name: str) -> Write:
        version = self.version(name)
        made = self._writers[name] = mapping_writer(version.parsed(), _header(version.id))
        return made

    def _record_writer(self, cls: type) -> Write:
        version = self.version(cls.__name__)
        schema = _matched(version, cls)
        made = self._record_writers[cls] = record_writer(schema, _header(version.id))
        return made

    def _event_writer(self, cls: type, envelope: type) -> Write:
        version = self.version(cls.__name__)
        schema = _matched(version, cls, envelope)
        made = self._event_writers[cls] = event_writer(schema, _header(version.id))
        return made

    def _misfit(self, name: str, value: Any, error: Exception) -> NotThisRecordError:
        """What is wrong with a value that could not be written, with the field's name where it can be found."""
        found = misfit(self.version(name).parsed(), value, "")
        return NotThisRecordError(f"this value is no {name}: {found or repr(error)}")

    def _reader(self, data: bytes) -> tuple[str, Schema, Schema | None]:
        header = data[:HEADER_BYTES]
        version = self._versions.get(header)
        if version is None:
            raise self._refusal(data)
        newest = self._newest[version.name]
        schema = cast(Schema, parse_schema(version.parsed()))
        resolved = None if newest is version else cast(Schema, parse_schema(newest.parsed()))
        made = self._readers[header] = (version.name, schema, resolved)
        return made

    def _batch_reader(self, name: str) -> BatchReader:
        version = self.version(name)
        made = self._batch_readers[name] = BatchReader(name, _header(version.id), version.parsed())
        return made

    def _rewritten(self, name: str, data: bytes, index: int) -> bytes:
        """The record in the newest version and the plainest form, for the batch decoder."""
        try:
            found, value = self.decode(data)
        except SchemaError as error:
            raise error.at(index) from error
        if found != name:
            raise NotThisRecordError(f"{found} where {name} was asked for", index=index)
        return self.encode(name, value)

    def _refusal(self, data: bytes) -> SchemaError:
        if data[:1] not in (b"", MAGIC):
            return WrongMagicError(f"the first byte is {data[0]}, not 0: not written by this system")
        if len(data) < HEADER_BYTES:
            return TruncatedRecordError(f"{len(data)} bytes are too few for the {HEADER_BYTES} of the header")
        number = int.from_bytes(data[1:HEADER_BYTES], "big")
        return UnknownSchemaIdError(f"no schema has the id {number}: written by a newer release, or by another system")


def _header(schema_id: int) -> bytes:
    return MAGIC + schema_id.to_bytes(4, "big")


def _matched(version: Version, cls: type, envelope: type | None = None) -> Schema:
    """The schema, if `cls` (behind `envelope`, for an event) is what it was derived from, nested records included."""
    schema = version.parsed()
    first = [("envelope", envelope, "")] if envelope else []
    if envelope and schema["fields"][0]["name"] != "envelope":
        raise NotThisRecordError(f"{cls.__name__} is no event: it has no envelope")
    if not is_dataclass(cls) or lock.meaning(Deriver().schema(cls, first)) != lock.meaning(schema):
        raise NotThisRecordError(f"the class {cls.__name__} differs from its schema: run scripts/make_schemas.py")
    return schema
