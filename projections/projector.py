"""A projection at work on one database: claims partitions of the log, writes batches, survives a lost database.

One transaction a batch: check the claims (row locks on `projection_offsets`), COPY into staging, one statement a table,
move the offsets, commit. All statements are safe to repeat, so a batch whose commit got no answer is written again.
"""

import itertools
import logging
import os
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

import psycopg
from psycopg import Connection, errors, sql
from psycopg.rows import TupleRow

from infra.postgres import Database
from projections import generations
from projections.batch import Batch, Coordinates, DeadRecord, LogRecord, decode
from projections.catalogue import HISTORY, Projection
from projections.errors import DatabaseUnavailableError, FencedError, SwappedError
from projections.fold import Rows, history_rows, trading_rows
from projections.generations import Generation
from projections.loading import Loader
from schemas.codec import Codec

_log = logging.getLogger("alluse.projections")

CLAIM_LOCK_TIMEOUT_MS = 5_000
T = TypeVar("T")
_NUMBERS = itertools.count(1)
_RETRIED = (psycopg.OperationalError, psycopg.InterfaceError)


@dataclass(frozen=True)
class Patience:
    """How long a database that is away is waited for: pauses double from `first_s` to `longest_s` until `total_s`."""

    total_s: float = 60.0
    first_s: float = 0.05
    longest_s: float = 2.0


@dataclass(frozen=True)
class Prepared:
    """A batch as rows, ready to be written; made without the database."""

    batch: Batch
    rows: Rows | None
    """None: something in the batch does not fit the tables' format"""
    problem: str = ""


@dataclass(frozen=True)
class Written:
    """What a batch came to."""

    records: int
    rows: int
    dead: int


class Projector:
    """Writes one projection. Not for use by two threads at once, but `prepare` may run beside `write`.

    `generation`: which tables; None = the live ones, looked up at each claim.
    """

    def __init__(
        self,
        database: Database,
        projection: Projection,
        *,
        generation: Generation | None = None,
        codec: Codec | None = None,
        owner: str = "projection",
        patience: Patience | None = None,
        before_commit: Callable[[Connection[TupleRow]], None] | None = None,
    ) -> None:
        self.database = database
        self.projection = projection
        self.owner = f"alluse {owner} {socket.gethostname()[:20]}/{os.getpid()}/{next(_NUMBERS)}"[:63]
        self._fixed = generation
        self._generation = generation
        self._codec = codec or Codec.load()
        self._patience = patience or Patience()
        self._before_commit = before_commit
        self._epochs: dict[Coordinates, int] = {}
        self._pg: Connection[TupleRow] | None = None
        self._loader: Loader | None = None

    # ------------------------------------------------------------------ claims

    def claim(self, partitions: Iterable[Coordinates]) -> dict[Coordinates, int]:
        """Become the only writer of these partitions; returns the offset to read each from.

        Whoever had them is fenced: its next batch raises FencedError and writes nothing. Raises ReadModelsMissingError,
        DatabaseUnavailableError.
        """
        wanted = sorted(set(partitions))
        return self._persistently(lambda pg: self._claim(pg, wanted))

    def release(self, partitions: Iterable[Coordinates]) -> None:
        """Forget partitions that were taken away."""
        for place in partitions:
            self._epochs.pop(place, None)

    @property
    def claimed(self) -> frozenset[Coordinates]:
        """The partitions that this projector may write."""
        return frozenset(self._epochs)

    def _claim(self, pg: Connection[TupleRow], wanted: list[Coordinates]) -> dict[Coordinates, int]:
        base = self.database.schema
        offsets = sql.Identifier(base, "projection_offsets")
        try:
            with pg.transaction():
                pg.execute("SET LOCAL synchronous_commit TO on")
                pg.execute(sql.SQL("SET LOCAL lock_timeout TO {}").format(CLAIM_LOCK_TIMEOUT_MS))
                generation = self._fixed or generations.live(pg, base, self.projection, lock=True)
                starts: dict[Coordinates, int] = {}
                epochs: dict[Coordinates, int] = {}
                for place in wanted:
                    row = pg.execute(
                        sql.SQL(
                            "INSERT INTO {} AS t (projection, generation, topic, partition, next_offset, epoch, owner) "
                            "VALUES (%s, %s, %s, %s, 0, 1, %s) ON CONFLICT (projection, generation, topic, partition) "
                            "DO UPDATE SET epoch = t.epoch + 1, owner = excluded.owner RETURNING next_offset, epoch"
                        ).format(offsets),
                        [generation.projection, generation.number, *place, self.owner],
                    ).fetchone()
                    assert row is not None
                    starts[place], epochs[place] = row
        except errors.LockNotAvailable:
            self._end_stuck_owners(pg, wanted)
            raise
        if generation != self._generation:
            self._generation = generation
            self._epochs.clear()  # claims of another generation are none, even if their numbers are the same
            self.close()  # staging tables are of the session and look like the generation's
        self._epochs.update(epochs)
        return starts

    def _end_stuck_owners(self, pg: Connection[TupleRow], wanted: list[Coordinates]) -> None:
        """A former owner that hangs inside its transaction (a stopped process) loses its session: it is a zombie."""
        for place in wanted:
            pg.execute(
                sql.SQL(
                    "SELECT pg_terminate_backend(a.pid) FROM {} o JOIN pg_stat_activity a ON a.application_name = "
                    "o.owner "
                    "WHERE o.projection = %s AND o.topic = %s AND o.partition = %s AND a.pid <> pg_backend_pid()"
                ).format(sql.Identifier(self.database.schema, "projection_offsets")),
                [self.projection.name, *place],
            )

    # ------------------------------------------------------------------ batches

    def prepare(self, records: Iterable[LogRecord] | Batch) -> Prepared:
        """Decode and map; touches no database, so it may run while another batch is being written."""
        batch = records if isinstance(records, Batch) else decode(self._codec, records)
        try:
            rows = history_rows(batch) if self.projection is HISTORY else trading_rows(batch)
        except ValueError as error:
            return Prepared(batch, None, str(error))
        return Prepared(batch, replace(rows, dead=[*batch.dead, *rows.dead]))

    def apply(self, records: Iterable[LogRecord] | Batch) -> Written:
        """Write records of claimed partitions; all of them or none.

        Raises FencedError (nothing was written: claim again or give up), DatabaseUnavailableError (nothing is lost: the
        same records may be applied again).
        """
        return self.write(self.prepare(records))

    def write(self, prepared: Prepared) -> Written:
        """Write what `prepare` made; see `apply`."""
        batch, rows = prepared.batch, prepared.rows
        if not batch.positions:
            return Written(0, 0, 0)
        if rows is None:
            return self._apart(batch, prepared.problem)
        try:
            return self._persistently(lambda pg: self._write(pg, batch, rows))
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            return self._apart(batch, str(error))

    def _apart(self, batch: Batch, problem: str) -> Written:
        """Postgres (or COPY's format) can't hold something in the batch: halve it until the record stands alone."""
        records = batch.records
        if len(records) > 1:
            half = len(records) // 2
            first, second = self.apply(records[:half]), self.apply(records[half:])
            return Written(first.records + second.records, first.rows + second.rows, first.dead + second.dead)
        dead = DeadRecord(records[0], "PROJECTION_VALUE", problem.splitlines()[0])
        return self.write(Prepared(batch, Rows(dead=[dead])))

    def _write(self, pg: Connection[TupleRow], batch: Batch, rows: Rows) -> Written:
        generation = self._generation
        if generation is None:
            raise _fenced(self.projection.name, next(iter(batch.positions)))
        loader = self._loader = self._loader or Loader(generation.schema)
        try:
            with pg.transaction():
                fresh = self._check_claims(pg, generation, batch)
                for load in rows.loads:
                    loader.load(pg, load, fresh=fresh)
                self._keep_dead(pg, generation, rows.dead)
                self._move_offsets(pg, generation, batch)
                if self._before_commit is not None:
                    self._before_commit(pg)
        except BaseException:
            loader.rolled_back()
            raise
        if pg.closed:
            # psycopg leaves a transaction block on a closed connection without a word.
            raise psycopg.OperationalError("the connection was closed before the commit was answered")
        loader.committed()
        return Written(len(batch.records), sum(load.rows for load in rows.loads), len(rows.dead))

    def _check_claims(self, pg: Connection[TupleRow], generation: Generation, batch: Batch) -> bool:
        """Lock the batch's partitions and see that they are still ours; whether all of it is yet to be written."""
        places = sorted(batch.positions)
        rows = pg.execute(
            sql.SQL(
                "SELECT topic, partition, epoch, next_offset FROM {} WHERE projection = %s AND generation = %s AND "
                "(topic, partition) IN (SELECT * FROM unnest(%s::text[], %s::int[])) ORDER BY topic, partition "
                "FOR UPDATE"
            ).format(sql.Identifier(self.database.schema, "projection_offsets")),
            [generation.projection, generation.number, [p.topic for p in places], [p.partition for p in places]],
        ).fetchall()
        found = {Coordinates(topic, partition): (epoch, offset) for topic, partition, epoch, offset in rows}
        for place in places:
            if place in self._epochs and place not in found:
                raise _swapped(self.projection.name)
            if place not in self._epochs or found[place][0] != self._epochs[place]:
                raise _fenced(self.projection.name, place)
        return all(batch.starts[place] >= found[place][1] for place in places)

    def _keep_dead(self, pg: Connection[TupleRow], generation: Generation, dead: list[DeadRecord]) -> None:
        for item in dead:
            record = item.record
            _log.error("record %s/%d@%d can't be used: %s", record.topic, record.partition, record.offset, item.message)
            pg.execute(
                sql.SQL("INSERT INTO {} VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING").format(
                    sql.Identifier(self.database.schema, "dead_records")
                ),
                [*generation[:2], *record[:3], item.error_code, item.message.replace("\0", "\ufffd"), record.value],
            )

    def _move_offsets(self, pg: Connection[TupleRow], generation: Generation, batch: Batch) -> None:
        places = list(batch.positions)
        pg.execute(
            sql.SQL(
                "UPDATE {} o SET next_offset = greatest(o.next_offset, b.next_offset), "
                "event_time = greatest(o.event_time, timestamptz 'epoch' + b.event_us * interval '1 "
                "microsecond'), advanced_at = clock_timestamp() "
                "FROM unnest(%s::text[], %s::int[], %s::bigint[], %s::bigint[]) AS b (topic, partition, "
                "next_offset, event_us) "
                "WHERE o.projection = %s AND o.generation = %s AND o.topic = b.topic AND o.partition = b.partition"
            ).format(sql.Identifier(self.database.schema, "projection_offsets")),
            [
                [p.topic for p in places],
                [p.partition for p in places],
                [batch.positions[p] for p in places],
                [batch.event_times.get(p) for p in places],
                generation.projection,
                generation.number,
            ],
        )

    # ------------------------------------------------------------------ the connection

    def _persistently(self, work: Callable[[Connection[TupleRow]], T]) -> T:
        """Do `work`; when the database goes away, or two writers block each other, again until patience ends."""
        deadline = time.monotonic() + self._patience.total_s
        pause = self._patience.first_s
        while True:
            try:
                return work(self._connected())
            except _RETRIED as error:
                if not isinstance(
                    error, errors.DeadlockDetected | errors.SerializationFailure | errors.LockNotAvailable
                ):
                    self.close()
                if time.monotonic() + pause > deadline:
                    raise DatabaseUnavailableError(
                        "POSTGRES_UNREACHABLE",
                        f"PostgreSQL took nothing of {self.projection.name} for {self._patience.total_s:.0f} s: "
                        f"{(str(error).strip() or type(error).__name__).splitlines()[0]}.",
                        "Bring the database back and start the projection again: it goes on where it stopped.",
                    ) from error
                _log.warning("PostgreSQL: %s; again in %.2f s", str(error).strip().splitlines()[:1], pause)
                time.sleep(pause)
                pause = min(pause * 2, self._patience.longest_s)

    def _connected(self) -> Connection[TupleRow]:
        if self._pg is None or self._pg.closed:
            self._loader = None
            # What a crash of the server loses by asynchronous commit is lost whole, offsets included: it is read again.
            options = "-c synchronous_commit=off -c temp_buffers=32MB -c idle_in_transaction_session_timeout=30000"
            self._pg = psycopg.connect(
                self.database.conninfo,
                autocommit=True,
                connect_timeout=5,
                application_name=self.owner,
                options=options,
            )
        return self._pg

    def close(self) -> None:
        """Close the connection; a later call opens a new one."""
        if self._pg is not None:
            self._pg.close()
        self._pg = self._loader = None


def _fenced(projection: str, place: Coordinates) -> FencedError:
    return FencedError(
        "PROJECTION_FENCED",
        f"{place.topic}/{place.partition} of projection {projection} belongs to another process.",
        "Nothing was written. A process that still owns the partition claims it again, another one ends.",
    )


def _swapped(projection: str) -> SwappedError:
    return SwappedError(
        "PROJECTION_SWAPPED",
        f"A rebuild of {projection} has made another generation live.",
        "Nothing was written. Claim the partitions again and go on from the offsets of the new generation.",
    )
