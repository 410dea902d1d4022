"""Generations of tables: each in a Postgres schema of its own, one of them live behind the views that readers use.

Readers use the views in `<schema>`; the tables stand in `<schema>_<projection>_g<n>`. A swap replaces the views in one
transaction.
"""

from typing import NamedTuple

from psycopg import Connection, sql
from psycopg.rows import TupleRow
from sqlalchemy import Connection as EngineConnection
from sqlalchemy import text

from projections.catalogue import PROJECTIONS, Projection
from projections.errors import ReadModelsMissingError
from projections.tables.shape import METADATA

Pg = Connection[TupleRow]


class Generation(NamedTuple):
    """One set of tables of a projection."""

    projection: str
    number: int
    schema: str


def schema_of(base: str, projection: str, number: int) -> str:
    """Name of a generation's Postgres schema; at most 63 bytes, as Postgres demands."""
    return f"{base}_{projection}_g{number}"


def live(pg: Pg, base: str, projection: Projection, *, lock: bool = False) -> Generation:
    """The generation behind the views; with `lock`, no swap happens before the transaction ends.

    Raises ReadModelsMissingError.
    """
    if pg.execute("SELECT to_regclass(%s)", [f'"{base}".generations']).fetchone() != (None,):
        query = sql.SQL("SELECT generation, schema_name FROM {}.generations WHERE projection = %s AND state = 'LIVE'")
        statement = query.format(sql.Identifier(base)) + sql.SQL(" FOR SHARE" if lock else "")
        # A swap that was waited for leaves nothing to lock; the next look finds the new one.
        for _ in range(2):
            row = pg.execute(statement, [projection.name]).fetchone()
            if row is not None:
                return Generation(projection.name, row[0], row[1])
    raise missing(base)


def missing(base: str) -> ReadModelsMissingError:
    """The error for a schema without read models."""
    return ReadModelsMissingError(
        "READ_MODELS_MISSING",
        f"The database has no read models in schema {base!r}.",
        "Start the system once (`alluse up` or `alluse run`): it makes them.",
    )


def make(connection: EngineConnection, base: str, projection: Projection, number: int, state: str) -> Generation:
    """Make an empty generation as the models have it, with its views; `connection` is in a transaction."""
    schema = schema_of(base, projection.name, number)
    connection.execute(text(f'CREATE SCHEMA "{schema}"'))
    METADATA.create_all(
        connection.execution_options(schema_translate_map={None: schema}), tables=projection.tables, checkfirst=False
    )
    connection.execution_options(schema_translate_map={})
    register(connection, base, Generation(projection.name, number, schema), state)
    make_views(connection, projection, schema)
    return Generation(projection.name, number, schema)


def register(connection: EngineConnection, base: str, generation: Generation, state: str) -> None:
    """Note a generation."""
    connection.execute(
        text(f'INSERT INTO "{base}".generations (projection, generation, state, schema_name) VALUES (:p, :g, :s, :n)'),
        {"p": generation.projection, "g": generation.number, "s": state, "n": generation.schema},
    )


def make_views(connection: EngineConnection, projection: Projection, schema: str) -> None:
    """The generation's own views; they keep pointing at its tables whatever becomes live."""
    connection.execute(text(f'SET LOCAL search_path TO "{schema}"'))
    for name, query in projection.views.items():
        connection.exec_driver_sql(f'CREATE VIEW "{schema}"."{name}" AS {query}')
    connection.execute(text("SET LOCAL search_path TO DEFAULT"))


def drop_views(connection: EngineConnection, base: str) -> None:
    """Drop the readers' views and the generations' own, so that migrations may change the tables under them."""
    rows = connection.execute(text(f'SELECT projection, schema_name FROM "{base}".generations')).all()
    for projection in PROJECTIONS.values():
        for name in projection.relations:
            connection.execute(text(f'DROP VIEW IF EXISTS "{base}"."{name}"'))
    # As they are there, not as this program names them: a view may stand on another, and may have been a table before.
    there = text("SELECT viewname FROM pg_views WHERE schemaname = :s")
    for _, schema in rows:
        for (view,) in connection.execute(there, {"s": schema}).all():
            connection.execute(text(f'DROP VIEW IF EXISTS "{schema}"."{view}" CASCADE'))


def point_views(pg: Pg, base: str, projection: Projection, schema: str) -> None:
    """Let the readers' views show a generation; atomic with the transaction it is called in."""
    for statement in view_statements(base, projection, schema):
        pg.execute(statement.encode())


def view_statements(base: str, projection: Projection, schema: str) -> list[str]:
    """DDL of the readers' views over a generation."""
    columns = {table.name: ", ".join(f'"{c.name}"' for c in table.c) for table in projection.tables}
    return [
        f'CREATE OR REPLACE VIEW "{base}"."{name}" AS SELECT {columns.get(name, "*")} FROM "{schema}"."{name}"'
        for name in projection.relations
    ]


def drop(pg: Pg, base: str) -> None:
    """Remove the read models of a log altogether."""
    if pg.execute("SELECT to_regclass(%s)", [f'"{base}".generations']).fetchone() != (None,):
        query = sql.SQL("SELECT schema_name FROM {}.generations").format(sql.Identifier(base))
        for (schema,) in pg.execute(query).fetchall():
            pg.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema)))
    pg.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(base)))
