"""What can be wrong with schemas and encoded records, under stable codes.

    SchemaError
    ├── UnknownSchemaIdError     UNKNOWN_SCHEMA_ID     no schema of the lock file has this id
    ├── TruncatedRecordError     TRUNCATED_RECORD      the bytes end inside the record
    ├── WrongMagicError          WRONG_MAGIC           the first byte is not 0: no record of this log
    ├── UnreadableRecordError    UNREADABLE_RECORD     the bytes do not follow the schema, or go on after the record
    ├── NotThisRecordError       NOT_THIS_RECORD       another record than was asked for, or a value that does not fit
    ├── IncompatibleSchemaError  INCOMPATIBLE_SCHEMA   a change that other versions can't read, or can't be read by
    └── RegistryError            REGISTRY_REFUSED      a schema registry can't be reached, or refused a schema

A record that raises one of the first five goes to the dead letters under the error's code.
"""

from typing import ClassVar


class SchemaError(Exception):
    """The root. `code` is stable; `index` is the record's place in a batch, where there is one."""

    code: ClassVar[str] = "SCHEMA_ERROR"

    def __init__(self, message: str, *, index: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.index = index

    def at(self, index: int) -> "SchemaError":
        """The same error, of the record at `index` of a batch."""
        return type(self)(self.message, index=index)

    def __str__(self) -> str:
        where = "" if self.index is None else f" (record {self.index} of the batch)"
        return f"{self.code}: {self.message}{where}"


class UnknownSchemaIdError(SchemaError):
    """No schema of the lock file has this id: written by a newer release, or not by this system."""

    code = "UNKNOWN_SCHEMA_ID"


class TruncatedRecordError(SchemaError):
    """The bytes end inside the record."""

    code = "TRUNCATED_RECORD"


class WrongMagicError(SchemaError):
    """The first byte is not 0: not the Confluent wire format."""

    code = "WRONG_MAGIC"


class UnreadableRecordError(SchemaError):
    """The bytes do not follow the schema that they name, or go on after the record's end."""

    code = "UNREADABLE_RECORD"


class NotThisRecordError(SchemaError):
    """Another record than the one asked for, an unknown record name, or a value that does not fit the schema."""

    code = "NOT_THIS_RECORD"


class IncompatibleSchemaError(SchemaError):
    """A schema change that breaks FULL_TRANSITIVE compatibility, or a class that no schema can be derived from."""

    code = "INCOMPATIBLE_SCHEMA"


class RegistryError(SchemaError):
    """A schema registry can't be reached, or it refused a schema."""

    code = "REGISTRY_REFUSED"
