"""Steps of positions get a line number: the import of a book opens several positions at once.

Revision ID: 0002
Revises: 0001

Imports that were projected before show their lots and positions after `alluse ops rebuild trading`.
"""

from alembic import context, op

from projections.migrations import tables_of

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    base: str = context.config.attributes["schema"]
    for schema in tables_of(op.get_bind(), base, "trading"):
        table = f'"{schema}".position_steps'
        op.execute(f"ALTER TABLE {table} ADD COLUMN line integer NOT NULL DEFAULT 0")
        op.execute(f"ALTER TABLE {table} ALTER COLUMN line DROP DEFAULT")
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT pk_position_steps")
        op.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT pk_position_steps PRIMARY KEY (partition, sequence, ordinal, line)"
        )


def downgrade() -> None:
    raise NotImplementedError("read models are made anew from the log, never downgraded")
