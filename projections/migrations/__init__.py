"""Alembic migrations of the read models. A migration changes every generation that exists: `tables_of`."""

from sqlalchemy import Connection, text


def tables_of(connection: Connection, base: str, projection: str) -> list[str]:
    """Postgres schemas of a projection's generations."""
    query = text(f'SELECT schema_name FROM "{base}".generations WHERE projection = :p ORDER BY generation')
    return [row[0] for row in connection.execute(query, {"p": projection})]
