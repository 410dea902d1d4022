"""Bring the read models' schema up to date: Alembic, configured in code, one transaction, safe for two at once."""

import hashlib
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from infra.postgres import Database
from projections import generations
from projections.catalogue import PROJECTIONS
from projections.errors import DatabaseUnavailableError, ReadModelsMissingError

MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(database: Database) -> str:
    """Make or update the read models of `database.schema`; returns the revision. Changes nothing when up to date.

    Raises DatabaseUnavailableError, and ReadModelsMissingError when the schema is newer than this program.
    """
    engine = create_engine(database.sqlalchemy_url, poolclass=NullPool)
    try:
        with engine.begin() as connection:
            return _migrate(connection, database.schema)
    except OperationalError as error:
        raise DatabaseUnavailableError(
            "POSTGRES_UNREACHABLE",
            f"PostgreSQL does not answer: {str(error.orig).strip().splitlines()[0]}.",
            "Check DATABASE_URL, or unset it to use the embedded server.",
        ) from error


def _migrate(connection: Connection, base: str) -> str:
    key = int.from_bytes(hashlib.sha256(f"alluse migrate {base}".encode()).digest()[:8], "big", signed=True)
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})
    connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{base}"'))
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes.update(connection=connection, schema=base)
    scripts = ScriptDirectory.from_config(config)
    head = scripts.get_current_head()
    assert head is not None
    context = MigrationContext.configure(connection, opts={"version_table_schema": base})
    current = context.get_current_revision()
    mark = _views_mark()
    if (
        current == head
        and connection.execute(
            text("SELECT obj_description(to_regnamespace(:s), 'pg_namespace')"), {"s": f'"{base}"'}
        ).scalar()
        == mark
    ):
        return head
    if current is not None:
        if current not in {script.revision for script in scripts.walk_revisions()}:
            raise ReadModelsMissingError(
                "READ_MODELS_NEWER",
                f"The read models in schema {base!r} are of revision {current}, which this program does not know.",
                "Use the newer program, or another ALLUSE_NAMESPACE.",
            )
        generations.drop_views(connection, base)
    command.upgrade(config, "head")
    _views(connection, base)
    connection.exec_driver_sql(f"COMMENT ON SCHEMA \"{base}\" IS '{mark}'")
    return head


def _views(connection: Connection, base: str) -> None:
    """Views of every generation anew, and the readers' views over the live ones."""
    rows = connection.execute(text(f'SELECT projection, schema_name, state FROM "{base}".generations')).all()
    for name, schema, state in rows:
        projection = PROJECTIONS[name]
        generations.make_views(connection, projection, schema)
        if state == "LIVE":
            for statement in generations.view_statements(base, projection, schema):
                connection.exec_driver_sql(statement)


def _views_mark() -> str:
    """Changes when a view does, so that views need no migration of their own."""
    texts = [repr((p.name, p.relations, p.views)) for p in PROJECTIONS.values()]
    return "views " + hashlib.sha256("".join(texts).encode()).hexdigest()[:16]
