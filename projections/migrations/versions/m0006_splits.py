"""Lots and positions follow splits.

Revision ID: 0006
Revises: 0005

What a split did before is shown after `alluse ops rebuild trading`.
"""

from alembic import context, op

from projections.migrations import tables_of

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    base: str = context.config.attributes["schema"]
    for schema in tables_of(op.get_bind(), base, "trading"):
        for statement in CREATED.replace("{schema}", f'"{schema}"').split(";\n"):
            if statement.strip():
                op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("read models are made anew from the log, never downgraded")


CREATED = """
CREATE TABLE {schema}.lot_adjustments (book text NOT NULL, lot_id text NOT NULL, account_id text NOT NULL, contract text
    NOT NULL, from_contract text NOT NULL, quantity bigint NOT NULL, price_e4 bigint NOT NULL, ratio_new bigint NOT
    NULL, ratio_old bigint NOT NULL, adjusted_at timestamptz NOT NULL, event_id uuid NOT NULL, partition integer NOT
    NULL, sequence bigint NOT NULL, ordinal integer NOT NULL, line integer NOT NULL, CONSTRAINT pk_lot_adjustments
    PRIMARY KEY (partition, sequence, ordinal, line));
CREATE INDEX ix_lot_adjustments_book_lot_id ON {schema}.lot_adjustments (book, lot_id);
"""
