"""Read models of this test alone, a look at all of them at once, and a log in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import psycopg
import pytest
from psycopg import sql

from infra.postgres import Database
from projections import generations
from projections.batch import Coordinates, LogRecord
from projections.catalogue import PROJECTIONS, Projection
from projections.migrate import migrate
from projections.projector import Projector

Dump = dict[str, list[str]]


@pytest.fixture
def models(database: Database) -> Iterator[Database]:
    """A database with the read models of this test."""
    migrate(database)
    yield database
    with psycopg.connect(database.conninfo, autocommit=True) as pg:
        generations.drop(pg, database.schema)


def dump(database: Database, *projections: Projection) -> Dump:
    """Every row that readers see, by relation, in an order of its own."""
    found: Dump = {}
    with psycopg.connect(database.conninfo) as pg:
        for projection in projections or PROJECTIONS.values():
            for name in projection.relations:
                query = sql.SQL("SELECT to_jsonb(t) FROM {} t").format(sql.Identifier(database.schema, name))
                found[name] = sorted(json.dumps(row[0], sort_keys=True) for row in pg.execute(query).fetchall())
    return found


def offsets(database: Database) -> dict[tuple[str, str, int], int]:
    """Next offset by projection, topic and partition."""
    with psycopg.connect(database.conninfo) as pg:
        query = sql.SQL("SELECT projection, topic, partition, next_offset FROM {}")
        rows = pg.execute(query.format(sql.Identifier(database.schema, "projection_offsets"))).fetchall()
    return {(projection, topic, partition): offset for projection, topic, partition, offset in rows}


def places(records: list[LogRecord]) -> set[Coordinates]:
    """Partitions in which the records stand."""
    return {Coordinates(record.topic, record.partition) for record in records}


def project(database: Database, records: list[LogRecord], *, batch: int = 10_000, **options: Any) -> None:
    """Both projections over the records, in batches."""
    for projection in PROJECTIONS.values():
        projector = Projector(database, projection, **options)
        projector.claim(places(records))
        for start in range(0, len(records), batch):
            projector.apply(records[start : start + batch])
        projector.close()


class MemoryLog:
    """A `LogSource` over records in memory; `growing` may append while it is read."""

    def __init__(self, records: list[LogRecord], *, batch: int = 40, growing: Callable[[], None] | None = None) -> None:
        self.records = records
        self._batch = batch
        self._growing = growing

    def ends(self) -> dict[Coordinates, int]:
        ends: dict[Coordinates, int] = {}
        for record in self.records:
            ends[Coordinates(record.topic, record.partition)] = record.offset + 1
        return ends

    def read(self, starts: Mapping[Coordinates, int], ends: Mapping[Coordinates, int]) -> Iterator[list[LogRecord]]:
        wanted = [
            record
            for record in self.records
            if starts.get(where := Coordinates(record.topic, record.partition), 1 << 62) <= record.offset < ends[where]
        ]
        for start in range(0, len(wanted), self._batch):
            yield wanted[start : start + self._batch]
            if self._growing is not None:
                self._growing()
