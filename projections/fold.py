"""A decoded batch to rows for COPY: one load a table. Pure; what comes out depends on the set of events alone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from sqlalchemy import Table

from projections.arrow import Array, RecordBatch
from projections.batch import Batch, DeadRecord, Group
from projections.columns import json_objects, json_of, values_of
from projections.copy_binary import RowFormat
from projections.mapping.event import LoggedEvent
from projections.mapping.ledger_lines import ledger_lines
from projections.mapping.registry import BY_COLUMNS, HANDLERS
from projections.tables.history import EVENTS
from projections.tables.ledger import LEDGER
from projections.tables.shape import Change, FactTable, KeyedTable, Origin, Value

Row = Sequence[Value]


@dataclass(frozen=True, slots=True)
class Load:
    """Rows for one table: the body of a binary COPY with these columns."""

    table: Table
    columns: tuple[str, ...]
    body: bytes
    rows: int
    shape: FactTable | KeyedTable | None
    """None: the event history"""
    sums: bytes = b""
    """of a table with a rollup: what all rows of the load add up to, as the body of a COPY; `Rollup.columns`"""


@dataclass(frozen=True, slots=True)
class Rows:
    """What a batch does to the tables of a projection."""

    loads: list[Load] = field(default_factory=list[Load])
    dead: list[DeadRecord] = field(default_factory=list[DeadRecord])


# --- trading --------------------------------------------------------------------------------------------------


def trading_rows(batch: Batch) -> Rows:
    """Rows of every read model that the handlers fill. An event that its handler can't take is a dead record."""
    folds: dict[FactTable | KeyedTable, _Facts | _Facets] = {}
    dead: list[DeadRecord] = []
    loads: list[Load] = []
    for group in batch.groups:
        if group.name in BY_COLUMNS:
            loads.append(_ledger(group))
        handler = HANDLERS.get(group.name)
        if handler is None:
            continue
        for record, event in zip(group.records, logged_events(group), strict=True):
            try:
                changes = list(handler(event))
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                dead.append(DeadRecord(record, "PROJECTION_MAPPING", f"{group.name}: {error!r}"))
                continue
            for change in changes:
                fold = folds.get(change.table)
                if fold is None:
                    fold = folds[change.table] = _Facts() if isinstance(change.table, FactTable) else _Facets()
                fold.add(change, event.origin)
    return Rows([*loads, *(fold.load(shape) for shape, fold in folds.items())], dead)


def _ledger(group: Group) -> Load:
    columns = ledger_lines(group.events)
    rollup = LEDGER.rollup
    assert rollup is not None
    body = _layout(LEDGER.table, LEDGER.columns).encode([columns.lines[name] for name in LEDGER.columns])
    sums = _layout(rollup.table, rollup.columns).encode([columns.sums[name] for name in rollup.columns])
    return Load(LEDGER.table, LEDGER.columns, body, len(columns.lines["line"]), LEDGER, sums)


class _Columns:
    """Fields of a group's events, converted when they are first asked for."""

    def __init__(self, events: RecordBatch) -> None:
        self._events = events
        self._values: dict[str, list[Any]] = {}
        self._texts: dict[str, list[str]] = {}

    def values(self, field: str) -> list[Any]:
        known = self._values.get(field)
        if known is None:
            known = self._values[field] = values_of(self._events.column(field))
        return known

    def texts(self, field: str) -> list[str]:
        known = self._texts.get(field)
        if known is None:
            known = self._texts[field] = values_of(json_of(self._events.column(field)))
        return known


def logged_events(group: Group) -> Iterable[LoggedEvent]:
    """The events of a group as the handlers see them."""
    envelope = group.events.column("envelope")
    nested = _Columns(group.events)
    plain = [f.name for f in group.events.schema if not pa.types.is_nested(f.type)]
    rows = zip(*(nested.values(name) for name in plain), strict=True) if plain else [()] * len(group.records)
    origins = map(Origin, *(values_of(envelope.field(n)) for n in ("event_id", "partition", "sequence", "ordinal")))
    rest = (values_of(envelope.field(n)) for n in ("system_id", "account_id", "stream", "occurred_at_us"))
    for index, (row, origin, book, account, stream, occurred) in enumerate(zip(rows, origins, *rest, strict=True)):
        event = LoggedEvent(zip(plain, row, strict=False))
        event.name, event.nested, event.index = group.name, nested, index
        event.origin, event.book, event.account_id = origin, book, account
        event.stream, event.occurred_at = stream, occurred
        yield event


class _Facts:
    """Rows of an append-only table, each once: a batch holds no event twice."""

    __slots__ = ("rows",)

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def add(self, change: Change, origin: Origin) -> None:
        self.rows.append(change.values + origin + change.key)

    def load(self, shape: FactTable | KeyedTable) -> Load:
        assert isinstance(shape, FactTable)
        assert shape.rollup is None, "facts with sums are mapped by columns"
        return Load(shape.table, shape.columns, _encoded(shape, self.rows), len(self.rows), shape)


class _Facets:
    """Rows of a keyed table: for each key and facet the values of the latest event."""

    __slots__ = ("facets", "origins")

    def __init__(self) -> None:
        self.facets: dict[tuple[Value, ...], dict[str, tuple[Origin, tuple[Value, ...]]]] = {}
        self.origins: dict[tuple[Value, ...], Origin] = {}

    def add(self, change: Change, origin: Origin) -> None:
        facets = self.facets.get(change.key)
        if facets is None:
            facets = self.facets[change.key] = {}
            self.origins[change.key] = origin
        elif _later(origin, self.origins[change.key]):
            self.origins[change.key] = origin
        known = facets.get(change.facet)
        if known is None or _later(origin, known[0]):
            facets[change.facet] = (origin, change.values)

    def load(self, shape: FactTable | KeyedTable) -> Load:
        assert isinstance(shape, KeyedTable)
        # In the order of the key, so that two writers lock rows in the same order.
        rows = [_wide_row(shape, key, self.facets[key], self.origins[key]) for key in sorted(self.facets, key=repr)]
        return Load(shape.table, shape.columns, _encoded(shape, rows), len(rows), shape)


def _later(one: Origin, other: Origin) -> bool:
    """Whether `one` stands after `other` in the journal of their partition, or is the same event."""
    return one[2:] >= other[2:]


def _wide_row(
    shape: KeyedTable, key: tuple[Value, ...], facets: Mapping[str, tuple[Origin, tuple[Value, ...]]], origin: Origin
) -> Row:
    """All columns of a keyed row; facets that the batch does not touch are null, guards included."""
    row = list(key)
    for facet, columns in shape.facets.items():
        known = facets.get(facet)
        if known is None:
            row += (None,) * (len(columns) + 2)
        else:
            row += known[1]
            row += known[0][2:]
    row += origin
    return row


_LAYOUTS: dict[str, RowFormat] = {}


def _layout(table: Table, columns: Sequence[str]) -> RowFormat:
    layout = _LAYOUTS.get(table.name)
    if layout is None:
        layout = _LAYOUTS[table.name] = RowFormat([table.c[name] for name in columns])
    return layout


def _encoded(shape: FactTable | KeyedTable, rows: Sequence[Row]) -> bytes:
    layout = _layout(shape.table, shape.columns)
    return layout.encode(layout.arrays(rows))


# --- history --------------------------------------------------------------------------------------------------

_HISTORY = RowFormat(list(EVENTS.c))
_ENVELOPE_OF = {"book": "system_id", "occurred_at": "occurred_at_us", "recorded_at": "recorded_at_us"}


def history_rows(batch: Batch) -> Rows:
    """A row an event, without a Python object a row."""
    if not batch.groups:
        return Rows()
    body = b"".join([_HISTORY.encode(_history_columns(group)) for group in batch.groups])
    return Rows([Load(EVENTS, _HISTORY.names, body, sum(len(group.records) for group in batch.groups), None)])


def _history_columns(group: Group) -> list[Array]:
    envelope = group.events.column("envelope")
    own = [name for name in group.events.schema.names if name != "envelope"]
    count = len(group.records)
    columns: list[Array] = []
    for name in _HISTORY.names:
        if name == "topic":
            columns.append(pa.repeat(pa.scalar(group.topic), count))
        elif name == "payload":
            columns.append(json_objects(own, [group.events.column(n) for n in own], count))
        else:
            columns.append(envelope.field(_ENVELOPE_OF.get(name, name)))
    return columns
