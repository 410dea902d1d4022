"""The two shapes of a read-model table, and what both carry.

- A `FactTable` is append-only: one row an event (or a line of it), keyed by the event's place in the log. Writing a row
  twice changes nothing.
- A `KeyedTable` holds the latest known of something. Its columns are cut into facets, each fed by events of one
  meaning and guarded by its own (sequence, ordinal): a facet is overwritten only by a later event. So the row does not
  depend on the order in which the topics, or repetitions of them, arrive.

Every row carries the event it came from: `event_id, partition, sequence, ordinal` (of a keyed row: the latest).
Units by suffix: `_cents` US cents, `_e4` 1e-4 dollars, `_e3` 1e-3 dollars, `_e10` 1e-10, `_at` UTC, `_day` a date.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, Index, Integer, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import JSONB, UUID

METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)
"""Tables of one generation; they have no schema of their own, the generation's is put in when they are made."""

Value = str | int | bool | None
"""A cell as the mapping makes it: text and JSON as `str`, times as microseconds, days as day numbers, UUIDs as text."""

PROVENANCE = ("event_id", "partition", "sequence", "ordinal")


def text(name: str, *, null: bool = True) -> Column[Any]:
    """A text column."""
    return Column(name, Text, nullable=null)


def whole(name: str, *, null: bool = True) -> Column[Any]:
    """A 64-bit integer: a count, a quantity, cents or a scaled price by its suffix."""
    return Column(name, BigInteger, nullable=null)


def flag(name: str, *, null: bool = True) -> Column[Any]:
    """A yes or no."""
    return Column(name, Boolean, nullable=null)


def instant(name: str, *, null: bool = True) -> Column[Any]:
    """A moment, UTC, microseconds."""
    return Column(name, DateTime(timezone=True), nullable=null)


def day(name: str, *, null: bool = True) -> Column[Any]:
    """A calendar day."""
    return Column(name, Date, nullable=null)


def json(name: str, *, null: bool = True) -> Column[Any]:
    """Lists and maps that are only shown."""
    return Column(name, JSONB, nullable=null)


def provenance() -> list[Column[Any]]:
    """The event a row came from."""
    return [
        Column("event_id", UUID(as_uuid=False), nullable=False),
        Column("partition", Integer, nullable=False),
        Column("sequence", BigInteger, nullable=False),
        Column("ordinal", Integer, nullable=False),
    ]


class Origin(NamedTuple):
    """The event a row comes from, in the order of `PROVENANCE`."""

    event_id: str
    partition: int
    sequence: int
    ordinal: int


class Change(NamedTuple):
    """What one event does to one table."""

    table: "FactTable | KeyedTable"
    facet: str
    """of a keyed table; empty for a fact"""
    key: tuple[Value, ...]
    values: tuple[Value, ...]


@dataclass(frozen=True, eq=False)
class Rollup:
    """Sums kept beside a fact table: a row counts exactly when it is inserted, so repetitions do not count again."""

    table: Table
    by: tuple[str, ...]
    amount: str

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the table, in order."""
        return (*self.by, self.amount, *PROVENANCE)


class FactTable:
    """An append-only table keyed by (partition, sequence, ordinal), and by `line` where an event makes several rows."""

    def __init__(
        self,
        name: str,
        columns: Sequence[Column[Any]],
        *,
        lines: bool = False,
        indexes: Sequence[tuple[str, ...]] = (),
        rollup: Rollup | None = None,
    ) -> None:
        origin = provenance()
        for column in origin[1:]:
            column.primary_key = True
        line = [Column("line", Integer, primary_key=True, autoincrement=False)] if lines else []
        self.table = Table(name, METADATA, *columns, *origin, *line)
        for names in indexes:
            Index(None, *(self.table.c[n] for n in names))
        self.lines = lines
        self.rollup = rollup
        self._columns = tuple(column.name for column in columns)
        self.columns: tuple[str, ...] = (*self._columns, *PROVENANCE, *(("line",) if lines else ()))

    @property
    def name(self) -> str:
        """The table's name."""
        return self.table.name

    def row(self, line: int = 0, /, **values: Value) -> Change:
        """One row; every column must be given."""
        if len(values) != len(self._columns):
            raise TypeError(f"{self.name}: {sorted(set(values) ^ set(self._columns))} missing or unknown")
        return Change(self, "", (line,) if self.lines else (), tuple(map(values.__getitem__, self._columns)))


class KeyedTable:
    """A table with one row a key, cut into facets that are guarded each by its own place in the journal."""

    def __init__(
        self,
        name: str,
        key: Sequence[str],
        facets: Mapping[str, Sequence[Column[Any]]],
        *,
        indexes: Sequence[tuple[str, ...]] = (),
    ) -> None:
        guards = {facet: (f"{facet}_sequence", f"{facet}_ordinal") for facet in facets}
        columns: list[Column[Any]] = [Column(k, Text, primary_key=True) for k in key]
        for facet, members in facets.items():
            columns += [*members, Column(guards[facet][0], BigInteger), Column(guards[facet][1], Integer)]
        # A quarter of each page is left free, so that updates stay on their page and touch no index.
        self.table = Table(name, METADATA, *columns, *provenance(), postgresql_with={"fillfactor": 75})
        for names in indexes:
            Index(None, *(self.table.c[n] for n in names))
        self.key = tuple(key)
        self.guards = guards
        self.facets: dict[str, tuple[str, ...]] = {f: tuple(c.name for c in members) for f, members in facets.items()}
        self.columns: tuple[str, ...] = tuple(column.name for column in columns) + PROVENANCE

    @property
    def name(self) -> str:
        """The table's name."""
        return self.table.name

    def set(self, facet: str, key: tuple[Value, ...], /, **values: Value) -> Change:
        """Set a facet of the row at `key`; every column of the facet must be given."""
        members = self.facets[facet]
        if len(values) != len(members):
            raise TypeError(f"{self.name}.{facet}: {sorted(set(values) ^ set(members))} missing or unknown")
        return Change(self, facet, key, tuple(map(values.__getitem__, members)))
