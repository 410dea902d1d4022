"""Alembic's environment: runs inside `projections.migrate`, on its connection and in its transaction."""

from alembic import context

schema: str = context.config.attributes["schema"]
context.configure(
    connection=context.config.attributes["connection"],
    version_table_schema=schema,
    transactional_ddl=True,
)
context.run_migrations()
