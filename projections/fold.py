"""A decoded batch to rows for COPY: one load a table. Pure; what comes out depends on the set of events alone."""

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
from sqlalchemy import Table

from projections.batch import Batch, DeadRecord, Group
from projections.columns import json_objects, values_of
from projections.copy_binary import RowFormat
from projections.mapping.event import LoggedEvent
from projections.mapping.registry import HANDLERS
from projections.tables.history import EVENTS
from projections.tables.shape import Change, FactTable, KeyedTable, Origin, Place, Value


@dataclass(frozen=True, slots=True)
class Load:
    """Rows for one table: the body of a binary COPY into its staging table."""

    table: Table
    shape: FactTable | KeyedTable | None
    """None: the event history"""
    body: bytes
    rows: int


@dataclass(frozen=True, slots=True)
class Rows:
    """What a batch does to the tables of a projection."""

    loads: list[Load]
    dead: list[DeadRecord]


# --- trading --------------------------------------------------------------------------------------------------


def trading_rows(batch: Batch) -> Rows:
    """Rows of every read model that the handlers fill. An event that its handler can't take is a dead record."""
    folds: dict[FactTable | KeyedTable, _Fold] = {}
    dead: list[DeadRecord] = []
    for group in batch.groups:
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
                    fold = folds[change.table] = _Fold()
                fold.add(change, event.origin)
    return Rows([_load(shape, fold) for shape, fold in folds.items()], dead)


def logged_events(group: Group) -> Iterable[LoggedEvent]:
    """The events of a group as the handlers see them."""
    envelope = group.events.column("envelope")
    names = [name for name in group.events.schema.names if name != "envelope"]
    data = [values_of(group.events.column(name)) for name in names]
    head = [
        values_of(envelope.field(name))
        for name in (
            "event_id", "partition", "sequence", "ordinal", "system_id", "account_id", "stream", "occurred_at_us", "config_version",
        )
    ]  # fmt: skip
    fields = (
        [dict(zip(names, row, strict=True)) for row in zip(*data, strict=True)]
        if names
        else [{} for _ in group.records]
    )
    for event_id, partition, sequence, ordinal, book, account, stream, occurred, config, own in zip(
        *head, fields, strict=True
    ):
        origin = Origin(event_id, partition, sequence, ordinal)
        yield LoggedEvent(group.name, origin, book, account, stream, occurred, config, own)


_Key = tuple[Value, ...]


class _Fold:
    """Changes to one table: for each key and facet the one of the latest event, for facts each row once."""

    __slots__ = ("facets", "facts", "origins")

    def __init__(self) -> None:
        self.facts: dict[_Key, tuple[Value, ...]] = {}
        self.facets: dict[_Key, dict[str, tuple[Place, tuple[Value, ...]]]] = {}
        self.origins: dict[_Key, Origin] = {}

    def add(self, change: Change, origin: Origin) -> None:
        if not change.facet:
            self.facts[*origin[1:], *change.key] = (*change.values, *origin, *change.key)
            return
        place = Place(origin.sequence, origin.ordinal)
        facets = self.facets.setdefault(change.key, {})
        known = facets.get(change.facet)
        if known is None or known[0] <= place:
            facets[change.facet] = (place, change.values)
        latest = self.origins.get(change.key)
        if latest is None or (latest.sequence, latest.ordinal) <= place:
            self.origins[change.key] = origin


def _load(shape: FactTable | KeyedTable, fold: _Fold) -> Load:
    if isinstance(shape, FactTable):
        rows = list(fold.facts.values())
    else:
        # In the order of the key, so that two writers lock rows in the same order.
        rows = [_wide_row(shape, key, fold.facets[key], fold.origins[key]) for key in sorted(fold.facets, key=repr)]
    layout = _layout(shape)
    return Load(shape.table, shape, layout.encode(layout.arrays(rows)), len(rows))


def _wide_row(
    shape: KeyedTable, key: _Key, facets: dict[str, tuple[Place, tuple[Value, ...]]], origin: Origin
) -> list[Value]:
    """All columns of a keyed row; facets that the batch does not touch are null, guards included."""
    row = list(key)
    for facet, columns in shape.facets.items():
        known = facets.get(facet)
        if known is None:
            row += [None] * (len(columns) + 2)
        else:
            row += known[1]
            row += known[0]
    row += origin
    return row


_LAYOUTS: dict[FactTable | KeyedTable, RowFormat] = {}


def _layout(shape: FactTable | KeyedTable) -> RowFormat:
    layout = _LAYOUTS.get(shape)
    if layout is None:
        layout = _LAYOUTS[shape] = RowFormat([shape.table.c[name] for name in shape.columns])
    return layout


# --- history --------------------------------------------------------------------------------------------------

_HISTORY = RowFormat(list(EVENTS.c))
_ENVELOPE_OF = {"book": "system_id", "occurred_at": "occurred_at_us", "recorded_at": "recorded_at_us"}


def history_rows(batch: Batch) -> Rows:
    """A row an event, without a Python object a row."""
    bodies = [_HISTORY.encode(_history_columns(group)) for group in batch.groups]
    rows = sum(len(group.records) for group in batch.groups)
    return Rows([Load(EVENTS, None, b"".join(bodies), rows)] if rows else [], [])


def _history_columns(group: Group) -> list[pa.Array]:
    envelope = group.events.column("envelope")
    own = [name for name in group.events.schema.names if name != "envelope"]
    return [
        pa.repeat(pa.scalar(group.topic), len(group.records))
        if name == "topic"
        else json_objects(group.events, own)
        if name == "payload"
        else envelope.field(_ENVELOPE_OF.get(name, name))
        for name in _HISTORY.names
    ]
