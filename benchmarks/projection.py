"""The projection beside a bare binary COPY (`benchmarks.projection_copy`), as one of the suite."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

import psycopg

from benchmarks import projection_copy
from benchmarks.workbench import Bench, Level, Report
from infra.postgres import Database, LocalPostgres, open_database
from infra.settings import load_settings
from projections import generations

EVENTS, BATCH = 100_000, 10_000


def run(bench: Bench, rounds: int, scale: float) -> Report:
    """`projection_copy.run` against a server of its own, or the one that DATABASE_URL names."""
    method = " ".join((projection_copy.__doc__ or "").partition("Bare:")[2].split())
    report = Report("projection", "Projection", f"Bare: {method}")
    settings = load_settings()
    with tempfile.TemporaryDirectory() as folder:
        server = LocalPostgres(Path(folder)) if settings.database_url is None else None
        database = open_database(settings)[0] if server is None else Database(server.start())
        database = Database(database.url, projection_copy.SCHEMA)
        try:
            found = projection_copy.run(database, int(EVENTS * scale), BATCH, rounds)
        finally:
            with psycopg.connect(database.conninfo, autocommit=True) as pg:
                generations.drop(pg, projection_copy.SCHEMA)
            if server is not None:
                server.stop()
    bench.say(f"projection: {[(r['projections'], r['ratio']) for r in found['results']]}")
    report.columns = (
        "projections",
        "events",
        "rows",
        "bare COPY rows/s",
        "projection rows/s",
        "events/s",
        "of the bare COPY",
    )
    for result in found["results"]:
        name = " and ".join(result["projections"])
        report.add({"variant": name, **result})
        low, high = result["ratio_range"]
        report.rows.append(
            (
                name,
                f"{result['events']:,}",
                f"{result['rows']:,}",
                f"{result['bare_rows_per_s']:,}",
                f"{result['projection_rows_per_s']:,}",
                f"{result['projection_events_per_s']:,}",
                f"{result['ratio']} ({low}..{high})",
            )
        )
        report.levels.append(Level(f"of a bare COPY: {name}", ">= 0.5", f"{result['ratio']}", result["ratio"] >= 0.5))
    report.notes.append(f"Median of all: {statistics.median(r['ratio'] for r in found['results'])}.")
    return report
