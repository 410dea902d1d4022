"""Rebuild from the log: a new generation beside the live one, swapped in whole."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import sql

from infra.postgres import Database
from projections.catalogue import HISTORY, PROJECTIONS, TRADING
from projections.errors import FencedError, RebuildBusyError, SwappedError, UnknownProjectionError
from projections.projector import Projector
from projections.rebuild import rebuild
from tests.integration.projections.conftest import MemoryLog, dump, offsets, places, project
from tests.unit.projections.factory import Log, story


@pytest.fixture
def log() -> Log:
    log = Log()
    story(log, "S001", weeks=2)
    story(log, "S002", weeks=2, partition=1)
    return log


def _generations(database: Database) -> list[tuple[str, int, str]]:
    with psycopg.connect(database.conninfo) as pg:
        query = sql.SQL("SELECT projection, generation, state FROM {}.generations ORDER BY 1, 2")
        return [(p, g, s) for p, g, s in pg.execute(query.format(sql.Identifier(database.schema))).fetchall()]


@pytest.mark.parametrize("name", list(PROJECTIONS))
def test_a_rebuild_equals_what_was_projected_bit_by_bit(models: Database, log: Log, name: str) -> None:
    # given read models that grew batch by batch
    project(models, log.records, batch=13)
    before, at = dump(models), offsets(models)
    # when one projection is rebuilt from the log
    heard: list[tuple[int, int]] = []
    built = rebuild(models, name, MemoryLog(log.records), lambda done, to_do: heard.append((done, to_do)))
    # then the rows are the same, the offsets too, and only the new generation is left
    assert (built.generation, built.records, built.old_dropped) == (2, len(log.records), True)
    assert dump(models) == before
    assert offsets(models) == at
    assert [g for g in _generations(models) if g[0] == name] == [(name, 2, "LIVE")]
    assert heard[-1][0] <= heard[-1][1]


def test_a_rebuild_mends_what_went_wrong(models: Database, log: Log) -> None:
    # given read models that somebody spoiled
    project(models, log.records)
    good = dump(models)
    with psycopg.connect(models.conninfo) as pg:
        pg.execute(f'DELETE FROM "{models.schema}_trading_g1".ledger_entries WHERE line = 0'.encode())
    assert dump(models) != good
    # when they are rebuilt
    rebuild(models, "trading", MemoryLog(log.records))
    # then they are whole again
    assert dump(models) == good


def test_readers_see_the_old_rows_until_the_swap(models: Database, log: Log) -> None:
    # given a live generation, and readers that look while the new one is filled
    project(models, log.records)
    before = dump(models)
    seen: list[bool] = []
    # when it is rebuilt
    rebuild(models, "history", MemoryLog(log.records, growing=lambda: seen.append(dump(models) == before)))
    # then they never saw a half-built one
    assert len(seen) > 2
    assert all(seen)


def test_the_live_projection_comes_over_to_the_new_generation(models: Database, log: Log) -> None:
    # given a live projector, and a log that grows while the rebuild reads it
    live = Projector(models, TRADING)
    live.claim(places(log.records))
    live.apply(log.records)
    known = len(log.records)

    def grow() -> None:
        if len(log.records) == known:
            story(log, "S003", weeks=1)
            live.claim(places(log.records))
            live.apply(log.records[known:])

    # when it is rebuilt
    rebuild(models, "trading", MemoryLog(log.records, growing=grow))
    # then what the live one wrote meanwhile is there
    project(models, log.records)
    with psycopg.connect(models.conninfo) as pg:
        books = pg.execute(f'SELECT book FROM "{models.schema}".accounts ORDER BY 1'.encode()).fetchall()
    assert books == [("S001",), ("S002",), ("S003",)]
    # and the live one is told, claims again and goes on
    more = len(log.records)
    story(log, "S004", weeks=1)
    with pytest.raises(SwappedError):
        live.apply(log.records[more:])
    starts = live.claim(places(log.records))
    assert all(starts[p] <= r.offset for r in log.records[more:] for p in places([r]))
    live.apply(log.records[more:])
    assert len(dump(models, TRADING)["books"]) == 4


def test_a_rebuild_that_died_leaves_no_trace_in_the_next(models: Database, log: Log) -> None:
    # given a rebuild whose log fails half way
    project(models, log.records)
    before = dump(models)

    def fail() -> None:
        raise ConnectionError("the log went away")

    with pytest.raises(ConnectionError):
        rebuild(models, "history", MemoryLog(log.records, growing=fail))
    assert dump(models) == before
    assert ("history", 2, "BUILDING") in _generations(models)
    # when it is started again
    built = rebuild(models, "history", MemoryLog(log.records))
    # then its leavings are gone
    assert built.generation == 2
    assert [g for g in _generations(models) if g[0] == HISTORY.name] == [("history", 2, "LIVE")]
    assert dump(models) == before


def test_one_rebuild_at_a_time(models: Database, log: Log) -> None:
    # given a rebuild that runs
    project(models, log.records)
    refused: list[RebuildBusyError] = []

    def second() -> None:
        with pytest.raises(RebuildBusyError) as caught:
            rebuild(models, "history", MemoryLog(log.records))
        refused.append(caught.value)

    # when a second one is started, then it is refused
    rebuild(models, "history", MemoryLog(log.records, growing=second))
    assert {error.code for error in refused} == {"REBUILD_BUSY"}
    # and an unknown name too
    with pytest.raises(UnknownProjectionError, match="history"):
        rebuild(models, "nonsense", MemoryLog([]))


def test_a_claim_of_the_old_generation_is_none_in_the_new_one(models: Database, log: Log) -> None:
    # given a live projector whose claims are as many epochs old as the rebuild's own
    live = Projector(models, TRADING)
    live.claim(places(log.records))
    live.apply(log.records)
    rebuild(models, "trading", MemoryLog(log.records))
    # when it claims one more partition, and with it comes over to the new generation
    live.claim(places(log.records[:1]))
    # then it may not write the others without claiming them
    more = [record._replace(offset=record.offset + 100) for record in log.records]
    with pytest.raises(FencedError):
        live.apply(more)
    assert max(offsets(models).values()) < 100
