"""The projection beside a bare binary COPY of the same rows into tables with the same keys and indexes, in one run.

    python -m benchmarks.projection_copy [--events 200000] [--batch 10000] [--rounds 3] [--json]

Bare: `psycopg`, one connection, `COPY ... (FORMAT binary)` with `write_row` and `set_types`, rows ready as Python
objects
before the clock, `--batch` rows a transaction. The projection starts from the records' bytes: decoding, mapping, COPY
into
staging, the guarded statement a table, offsets, all on the clock. Same server, same session settings
(synchronous_commit off), tables empty before each round, rounds interleaved. Level: ratio at least 0.5.
"""

from __future__ import annotations

import argparse
import cProfile
import datetime as dt
import json
import os
import platform
import pstats
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection, sql
from psycopg.adapt import Dumper
from psycopg.pq import Format
from psycopg.rows import TupleRow
from sqlalchemy import Table

from infra.collector import collect_rarely
from infra.postgres import Database, LocalPostgres, open_database
from infra.settings import load_settings
from projections import generations
from projections.batch import Coordinates, LogRecord
from projections.catalogue import HISTORY, TRADING, Projection
from projections.migrate import migrate
from projections.pipeline import Pipeline
from projections.projector import Projector
from tests.unit.projections.factory import Log, story

SCHEMA = "alluse_bench_copy"
KINDS = ((HISTORY,), (TRADING,), (HISTORY, TRADING))
Pg = Connection[TupleRow]


class _Json(Dumper):
    """jsonb from ready text: cheaper than dumping an object, in favour of the bare COPY."""

    format = Format.BINARY
    oid = psycopg.adapters.types["jsonb"].oid

    def dump(self, obj: str) -> bytes:
        return b"\x01" + obj.encode()


class _JsonText(str):
    __slots__ = ()


def records(events: int) -> list[LogRecord]:
    """Stories of 50 books, their weeks interleaved as one partition's log."""
    log = Log()
    per_week = 26
    for number in range(50):
        story(log, f"S{number:03d}", weeks=max(1, events // 50 // per_week))
    return log.records[:events]


def batches(items: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [items[i : i + size] for i in range(0, len(items), size)]


class Bare:
    """COPY of rows that are ready, straight into tables with the same keys."""

    def __init__(self, pg: Pg, tables: Sequence[tuple[str, Table]]) -> None:
        self.pg = pg
        self.rows: dict[str, list[tuple[Any, ...]]] = {}
        self.types: dict[str, list[str]] = {}
        self.columns: dict[str, list[str]] = {}
        pg.adapters.register_dumper(_JsonText, _Json)
        for source, table in tables:
            columns = sql.SQL(", ").join(
                sql.SQL("{}::text").format(sql.Identifier(c.name)) if str(c.type) == "JSONB" else sql.Identifier(c.name)
                for c in table.c
            )
            query = sql.SQL("SELECT {} FROM {} ORDER BY sequence, ordinal").format(
                columns, sql.Identifier(source, table.name)
            )
            found = pg.execute(query).fetchall()
            if found:
                self.rows[table.name] = found
                self.columns[table.name] = [c.name for c in table.c]
                kinds = {
                    "UUID": "uuid",
                    "TEXT": "text",
                    "BIGINT": "int8",
                    "INTEGER": "int4",
                    "JSONB": "jsonb",
                    "BOOLEAN": "bool",
                    "DATE": "date",
                }
                self.types[table.name] = [kinds.get(str(c.type), "timestamptz") for c in table.c]
        pg.execute("CREATE SCHEMA bench_bare")
        for source, table in tables:
            like = sql.Identifier(source, table.name)
            pg.execute(
                sql.SQL("CREATE TABLE bench_bare.{} (LIKE {} INCLUDING ALL)").format(sql.Identifier(table.name), like)
            )

    @property
    def count(self) -> int:
        return sum(map(len, self.rows.values()))

    def empty(self) -> None:
        for name in self.rows:
            self.pg.execute(sql.SQL("TRUNCATE bench_bare.{}").format(sql.Identifier(name)))
        self.pg.execute("CHECKPOINT")

    def run(self, parts: int) -> float:
        """Seconds. Each table's rows in as many transactions as the projection has batches."""
        start = time.perf_counter()
        for part in range(parts):
            with self.pg.transaction(), self.pg.cursor() as cursor:
                for name, rows in self.rows.items():
                    size = -(-len(rows) // parts)
                    with cursor.copy(
                        sql.SQL("COPY bench_bare.{} ({}) FROM STDIN (FORMAT binary)").format(
                            sql.Identifier(name), sql.SQL(", ").join(map(sql.Identifier, self.columns[name]))
                        )
                    ) as copy:
                        copy.set_types(self.types[name])
                        for row in rows[part * size : (part + 1) * size]:
                            copy.write_row(row)
        return time.perf_counter() - start


def projected(
    database: Database, projections: Sequence[Projection], log: Sequence[Sequence[LogRecord]], profile: bool = False
) -> tuple[float, str]:
    """Seconds for a whole log, from bytes to committed rows; the tables are emptied first."""
    with psycopg.connect(database.conninfo, autocommit=True) as pg:
        for projection in projections:
            schema = generations.live(pg, SCHEMA, projection).schema
            for table in projection.tables:
                pg.execute(sql.SQL("TRUNCATE {}").format(sql.Identifier(schema, table.name)))
        pg.execute(sql.SQL("DELETE FROM {}.projection_offsets").format(sql.Identifier(SCHEMA)))
        pg.execute("CHECKPOINT")
    projectors = [Projector(database, projection) for projection in projections]
    for projector in projectors:
        projector.claim({Coordinates(r.topic, r.partition) for batch in log for r in batch})
    profiler = cProfile.Profile()
    with Pipeline(projectors) as pipeline:
        start = time.perf_counter()
        if profile:
            profiler.enable()
        for batch in log:
            pipeline.submit(batch)
        pipeline.flush()
        profiler.disable()
        seconds = time.perf_counter() - start
    if not profile:
        return seconds, ""
    with tempfile.TemporaryFile("w+") as out:
        pstats.Stats(profiler, stream=out).sort_stats("tottime").print_stats(14)
        out.seek(0)
        return seconds, out.read()


def measure(
    database: Database, projections: Sequence[Projection], log: Sequence[Sequence[LogRecord]], rounds: int
) -> dict[str, Any]:
    """Interleaved rounds of both."""
    events = sum(map(len, log))
    projected(database, projections, log)
    with psycopg.connect(database.conninfo, autocommit=True) as pg:
        pg.execute("SET synchronous_commit TO off")
        pg.execute("DROP SCHEMA IF EXISTS bench_bare CASCADE")
        bare = Bare(pg, [(generations.live(pg, SCHEMA, p).schema, table) for p in projections for table in p.tables])
        times: dict[str, list[float]] = {"bare": [], "projection": []}
        for _ in range(rounds):
            bare.empty()
            times["bare"].append(bare.run(len(log)))
            times["projection"].append(projected(database, projections, log)[0])
        rows = bare.count
        pg.execute("DROP SCHEMA bench_bare CASCADE")
    ratios = [b / p for b, p in zip(times["bare"], times["projection"], strict=True)]
    return {
        "projections": [p.name for p in projections],
        "events": events,
        "rows": rows,
        "bare_rows_per_s": round(rows / statistics.median(times["bare"])),
        "projection_rows_per_s": round(rows / statistics.median(times["projection"])),
        "projection_events_per_s": round(events / statistics.median(times["projection"])),
        "ratio": round(statistics.median(ratios), 2),
        "ratio_range": [round(min(ratios), 2), round(max(ratios), 2)],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--batch", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--profile", action="store_true", help="one more run of each under cProfile")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings()
        server = LocalPostgres(Path(folder)) if settings.database_url is None else None
        database = open_database(settings)[0] if server is None else Database(server.start())
        database = Database(database.url, SCHEMA)
        try:
            results = run(database, options.events, options.batch, options.rounds, profile=options.profile)
        finally:
            with psycopg.connect(database.conninfo, autocommit=True) as pg:
                generations.drop(pg, SCHEMA)
            if server is not None:
                server.stop()
    if options.json:
        print(json.dumps(results))
        return
    print(f"{results['date']}  {results['machine']}")
    for result in results["results"]:
        print(json.dumps(result))


def run(database: Database, events: int, batch: int, rounds: int, *, profile: bool = False) -> dict[str, Any]:
    """Both projections, apart and together; the same log."""
    collect_rarely()
    migrate(database)
    log = batches(records(events), batch)
    results = [measure(database, projections, log, rounds) for projections in KINDS]
    if profile:
        for projections in KINDS:
            print([p.name for p in projections], projected(database, projections, log, profile=True)[1])
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    return {"date": dt.datetime.now(dt.UTC).date().isoformat(), "machine": machine, "batch": batch, "results": results}


if __name__ == "__main__":
    main()
