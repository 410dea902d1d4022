"""Make a projection anew from the log, beside the live one, and swap (field notes: "rebuild").

Readers see the old generation until the swap and the new one after it, never a mixture. What replays has no producer:
it reads the log through a `LogSource` and writes tables of its own under offsets of its own.
"""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import psycopg
from psycopg import Connection, errors, sql
from psycopg.rows import TupleRow
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from infra.postgres import Database
from projections import generations
from projections.batch import Coordinates, LogRecord
from projections.catalogue import Projection, projection
from projections.errors import DatabaseUnavailableError, RebuildBusyError
from projections.generations import Generation
from projections.pipeline import Pipeline
from projections.projector import Projector

Pg = Connection[TupleRow]
SWAP_ATTEMPTS = 20
SWAP_LOCK_TIMEOUT_MS = 2_000


class LogSource(Protocol):
    """The output topics, to be read without a consumer group."""

    def ends(self) -> Mapping[Coordinates, int]:
        """For each partition of each output topic: the offset after its last committed record."""
        ...

    def read(self, starts: Mapping[Coordinates, int], ends: Mapping[Coordinates, int]) -> Iterator[list[LogRecord]]:
        """Committed records from `starts` to before `ends`, each partition in order, in batches."""
        ...


@dataclass(frozen=True)
class Rebuilt:
    """What a rebuild came to."""

    projection: str
    generation: int
    records: int
    seconds: float
    old_dropped: bool
    """False: readers still hold the old tables; the next rebuild drops them"""


def rebuild(
    database: Database, name: str, source: LogSource, progress: Callable[[int, int], None] | None = None
) -> Rebuilt:
    """Build a new generation of a projection from the whole log and swap it in.

    `progress` is told offsets done and offsets to do. Raises UnknownProjectionError, ReadModelsMissingError,
    RebuildBusyError, DatabaseUnavailableError; after an error the old generation is live as before.
    """
    started = time.monotonic()
    wanted = projection(name)
    try:
        with psycopg.connect(database.conninfo, autocommit=True, application_name="alluse rebuild") as pg:
            _alone(pg, database.schema, name)
            generations.live(pg, database.schema, wanted)
            _drop_dead(pg, database.schema, name)
            new = _new_generation(database, pg, wanted)
            with _Build(database, wanted, new, source, progress) as build:
                build.catch_up(source.ends())
                _swap(pg, database.schema, wanted, new, build)
            dropped = _drop_dead(pg, database.schema, name)
            return Rebuilt(name, new.number, build.records, time.monotonic() - started, dropped)
    except psycopg.OperationalError as error:
        raise DatabaseUnavailableError(
            "POSTGRES_UNREACHABLE",
            f"PostgreSQL went away during the rebuild of {name}: {str(error).strip().splitlines()[0]}.",
            "The old read models are live as before; start the rebuild again.",
        ) from error


class _Build:
    """The new generation while it is filled."""

    def __init__(
        self,
        database: Database,
        wanted: Projection,
        new: Generation,
        source: LogSource,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        self.records = 0
        self._source = source
        self._progress = progress
        projector = Projector(database, wanted, generation=new, owner="rebuild")
        self._pipeline = Pipeline([projector])
        self._positions: dict[Coordinates, int] = dict(projector.claim(source.ends()))

    def catch_up(self, ends: Mapping[Coordinates, int]) -> None:
        """Read and commit everything before `ends`."""
        behind = {place: end for place, end in ends.items() if self._positions.get(place, 0) < end}
        if not behind:
            return
        if new := behind.keys() - self._positions.keys():
            self._positions.update(self._pipeline.projectors[0].claim(new))
        to_do = sum(end for end in ends.values())
        for records in self._source.read({place: self._positions[place] for place in behind}, behind):
            self._pipeline.submit(records)
            self.records += len(records)
            for record in records:
                self._positions[Coordinates(record.topic, record.partition)] = record.offset + 1
            if self._progress is not None:
                self._progress(sum(self._positions.values()), to_do)
        self._pipeline.flush()
        self._positions.update(behind)

    def __enter__(self) -> "_Build":
        return self

    def __exit__(self, *_: object) -> None:
        self._pipeline.close()


def _alone(pg: Pg, base: str, name: str) -> None:
    """Hold a lock for this session that a second rebuild can't get."""
    key = int.from_bytes(hashlib.sha256(f"alluse rebuild {base} {name}".encode()).digest()[:8], "big", signed=True)
    if pg.execute("SELECT pg_try_advisory_lock(%s)", [key]).fetchone() != (True,):
        raise RebuildBusyError(
            "REBUILD_BUSY", f"A rebuild of {name} runs already.", "Wait for it to end, or stop it and start again."
        )


def _new_generation(database: Database, pg: Pg, wanted: Projection) -> Generation:
    query = sql.SQL("SELECT max(generation) FROM {}.generations WHERE projection = %s")
    row = pg.execute(query.format(sql.Identifier(database.schema)), [wanted.name]).fetchone()
    assert row is not None
    with create_engine(database.sqlalchemy_url, poolclass=NullPool).begin() as connection:
        return generations.make(connection, database.schema, wanted, row[0] + 1, "BUILDING")


def _swap(pg: Pg, base: str, wanted: Projection, new: Generation, build: _Build) -> None:
    """Make the new generation live, once it has read at least as far as the old one has."""
    table = sql.Identifier(base, "projection_offsets")
    for attempt in range(SWAP_ATTEMPTS):
        try:
            with pg.transaction():
                pg.execute(sql.SQL("SET LOCAL lock_timeout TO {}").format(SWAP_LOCK_TIMEOUT_MS))
                pg.execute("SET LOCAL synchronous_commit TO on")
                pg.execute(
                    sql.SQL("SELECT FROM {}.generations WHERE projection = %s FOR UPDATE").format(sql.Identifier(base)),
                    [wanted.name],
                )
                rows = pg.execute(
                    sql.SQL(
                        "SELECT topic, partition, next_offset FROM {} WHERE projection = %s AND generation <> %s "
                        "ORDER BY topic, partition FOR UPDATE"
                    ).format(table),
                    [wanted.name, new.number],
                ).fetchall()
                # The live projection stands still now; what it has and we have not is little.
                build.catch_up({Coordinates(topic, partition): offset for topic, partition, offset in rows})
                _make_live(pg, base, wanted, new)
        except errors.LockNotAvailable:
            if attempt == SWAP_ATTEMPTS - 1:
                raise
            time.sleep(0.2)
        else:
            return


def _make_live(pg: Pg, base: str, wanted: Projection, new: Generation) -> None:
    table = sql.Identifier(base, "generations")
    pg.execute(
        sql.SQL("UPDATE {} SET state = 'OLD' WHERE projection = %s AND state = 'LIVE'").format(table), [wanted.name]
    )
    pg.execute(
        sql.SQL("UPDATE {} SET state = 'LIVE', live_at = now() WHERE projection = %s AND generation = %s").format(
            table
        ),
        [wanted.name, new.number],
    )
    # Without its offsets, whoever still writes the old generation is fenced and comes over to the new one.
    for control in ("projection_offsets", "dead_records"):
        pg.execute(
            sql.SQL("DELETE FROM {} WHERE projection = %s AND generation <> %s").format(sql.Identifier(base, control)),
            [wanted.name, new.number],
        )
    generations.point_views(pg, base, wanted, new.schema)


def _drop_dead(pg: Pg, base: str, name: str) -> bool:
    """Drop generations that are not live: old ones, and what a rebuild that died left. False: readers hold one."""
    query = sql.SQL("SELECT generation, schema_name FROM {}.generations WHERE projection = %s AND state <> 'LIVE'")
    for number, schema in pg.execute(query.format(sql.Identifier(base)), [name]).fetchall():
        try:
            with pg.transaction():
                pg.execute(sql.SQL("SET LOCAL lock_timeout TO {}").format(SWAP_LOCK_TIMEOUT_MS))
                pg.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema)))
                for control in ("projection_offsets", "dead_records", "generations"):
                    pg.execute(
                        sql.SQL("DELETE FROM {} WHERE projection = %s AND generation = %s").format(
                            sql.Identifier(base, control)
                        ),
                        [name, number],
                    )
        except errors.LockNotAvailable:
            return False
    return True
