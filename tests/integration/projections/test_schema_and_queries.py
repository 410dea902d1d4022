"""Migrations make what the models say; questions are answered in words for people, or with a clear error."""

from __future__ import annotations

import dataclasses
import threading
from functools import partial

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import MetaData, Table, create_engine

from infra.postgres import Database, parse_url
from projections.catalogue import PROJECTIONS
from projections.errors import DatabaseUnavailableError, ReadModelsMissingError
from projections.migrate import migrate
from projections.queries import ReadModels
from projections.tables.control import CONTROL
from tests.integration.projections.conftest import dump, project
from tests.unit.projections.factory import Log, story


def _is_of(schema: str, name: str | None, kind: str, _: object) -> bool:
    return kind != "schema" or name == schema


def _is_ours(_: object, name: str | None, kind: str, *__: object) -> bool:
    return kind != "table" or name != "alembic_version"


def test_migrations_make_what_the_models_say(models: Database) -> None:
    engine = create_engine(models.sqlalchemy_url)
    made: list[tuple[str, list[Table]]] = [(models.schema, list(CONTROL.sorted_tables))]
    made += [(f"{models.schema}_{p.name}_g1", list(p.tables)) for p in PROJECTIONS.values()]
    for schema, tables in made:
        said = MetaData(naming_convention=tables[0].metadata.naming_convention)
        for table in tables:
            table.to_metadata(said, schema=schema)
        with engine.connect() as connection:
            context = MigrationContext.configure(
                connection,
                opts={
                    "include_schemas": True,
                    "include_name": partial(_is_of, schema),
                    "include_object": _is_ours,
                },
            )
            assert compare_metadata(context, said) == []
    engine.dispose()


def test_migrating_twice_and_at_once_changes_nothing(models: Database) -> None:
    # given read models with rows
    log = Log()
    story(log)
    project(models, log.records)
    before = dump(models)
    # when several processes start and migrate
    heads: list[str] = []
    threads = [threading.Thread(target=lambda: heads.append(migrate(models))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # then nothing changed
    assert len(set(heads)) == 1
    assert len(heads) == 4
    assert dump(models) == before


def test_changed_views_are_made_anew(models: Database) -> None:
    # given a schema whose views are of another program
    with psycopg.connect(models.conninfo) as pg:
        pg.execute(f"COMMENT ON SCHEMA \"{models.schema}\" IS 'views of another program'".encode())
        pg.execute(f'DROP VIEW "{models.schema}".orders'.encode())
    # when it is migrated, then they are there again
    migrate(models)
    assert ReadModels(models).orders("S001") == []


def test_newer_read_models_are_refused(models: Database) -> None:
    with psycopg.connect(models.conninfo) as pg:
        pg.execute(f"UPDATE \"{models.schema}\".alembic_version SET version_num = '9999'".encode())
    with pytest.raises(ReadModelsMissingError, match="READ_MODELS_NEWER"):
        migrate(models)


def test_without_read_models_the_error_says_what_to_do(database: Database) -> None:
    with pytest.raises(ReadModelsMissingError) as caught:
        ReadModels(database).accounts("S001")
    assert caught.value.code == "READ_MODELS_MISSING"
    assert "alluse up" in caught.value.remedy


def test_without_postgres_the_error_says_what_to_do() -> None:
    nowhere = Database(parse_url("postgresql://nobody@127.0.0.1:1/nothing"))
    for ask in (lambda: ReadModels(nowhere).accounts("S001"), lambda: migrate(nowhere)):
        with pytest.raises(DatabaseUnavailableError) as caught:
            ask()
        assert (caught.value.code, caught.value.exit_code) == ("POSTGRES_UNREACHABLE", 3)


def test_questions_are_narrowed_by_book_and_account(models: Database) -> None:
    # given two books
    log = Log()
    first, second = story(log, "S001"), story(log, "S002")
    project(models, log.records)
    read = ReadModels(models)
    # when one account of one book is asked for, then only it is shown
    for question in (
        read.accounts,
        read.positions,
        read.orders,
        read.fills,
        read.ledger,
        read.pnl,
        read.weeks,
        read.equity,
        read.approvals,
        read.skips,
    ):
        rows = question("S001", first)
        assert rows, question.__name__
        assert {row["account_id"] for row in rows} == {first}
        assert question("S001", second) == []
        assert {"event_id", "partition", "sequence", "ordinal"} <= rows[0].keys()
        assert not [name for name in rows[0] if name.endswith(("_cents", "_e4", "_e10", "_sequence"))]
    assert [row["book"] for row in read.books()] == ["S001", "S002"]


def test_words_in_questions_are_no_sql(models: Database) -> None:
    assert ReadModels(models).orders("S001'; DROP SCHEMA public; --", "' OR true --") == []


def test_progress_names_offsets_and_event_time(models: Database) -> None:
    log = Log()
    story(log)
    project(models, log.records)
    rows = ReadModels(dataclasses.replace(models)).progress()
    assert {row["projection"] for row in rows} == {"trading", "history"}
    for row in rows:
        last = [r for r in log.records if r.topic == row["topic"]][-1]
        assert row["next_offset"] == last.offset + 1
        assert row["event_time"].endswith("Z")
