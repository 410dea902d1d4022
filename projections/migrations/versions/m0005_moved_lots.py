"""Tax lots may move to another account as they are (a merge in kind).

Revision ID: 0005
Revises: 0004
"""

from alembic import context, op

from projections.migrations import tables_of

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    base: str = context.config.attributes["schema"]
    for schema in tables_of(op.get_bind(), base, "trading"):
        op.execute(
            f'ALTER TABLE "{schema}".lot_facets ADD COLUMN moved_to text, ADD COLUMN moved_at timestamptz, '
            "ADD COLUMN moved_sequence bigint, ADD COLUMN moved_ordinal integer"
        )
        for table in ("transfers", "merges"):
            op.execute(f'ALTER TABLE "{schema}".{table} ADD COLUMN in_kind_cents bigint')


def downgrade() -> None:
    raise NotImplementedError("read models are made anew from the log, never downgraded")
