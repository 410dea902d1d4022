"""Read models of the feedback: the whole week record, the matrix of outcomes, rule candidates, parameter proposals.

Revision ID: 0004
Revises: 0003

Weeks that were projected before get their new columns filled by `alluse ops rebuild trading`.
"""

from alembic import context, op

from projections.migrations import tables_of

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    base: str = context.config.attributes["schema"]
    for schema in tables_of(op.get_bind(), base, "trading"):
        for statement in (ALTERED + CREATED).replace("{schema}", f'"{schema}"').split(";\n"):
            if statement.strip():
                op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("read models are made anew from the log, never downgraded")


ALTERED = """
ALTER TABLE {schema}.weeks ADD COLUMN mode_guess text, ADD COLUMN mode_confirmed text, ADD COLUMN trend_tag text,
    ADD COLUMN type_predicted text, ADD COLUMN probabilities_e10 jsonb, ADD COLUMN predictor_version text,
    ADD COLUMN sub_tags jsonb, ADD COLUMN pnl_post_cents bigint, ADD COLUMN wins bigint, ADD COLUMN losses bigint,
    ADD COLUMN max_level bigint, ADD COLUMN atr_adjustments bigint, ADD COLUMN vix_avg_e4 bigint,
    ADD COLUMN realised_vol_e10 bigint, ADD COLUMN delta_bucket text, ADD COLUMN benchmark_delta_e10 bigint;
"""

CREATED = """
CREATE TABLE {schema}.parameter_proposals (book text NOT NULL, proposal_id text NOT NULL, quarter text, review text,
    scope text, old_values jsonb, new_values jsonb, evidence jsonb, confidence_e10 bigint, proposed_at timestamptz,
    proposal_sequence bigint, proposal_ordinal integer, decision text, decided_by text, next_approvals bigint,
    decided_at timestamptz, decision_sequence bigint, decision_ordinal integer, event_id uuid NOT NULL, partition
    integer NOT NULL, sequence bigint NOT NULL, ordinal integer NOT NULL, CONSTRAINT pk_parameter_proposals PRIMARY
    KEY (book, proposal_id)) WITH (fillfactor = 75);
CREATE TABLE {schema}.rule_candidates (book text NOT NULL, quarter text NOT NULL, sleeve text NOT NULL, condition
    jsonb, outcome text NOT NULL, trades bigint NOT NULL, confidence_e10 bigint NOT NULL, mean_result_cents bigint
    NOT NULL, found_at timestamptz NOT NULL, event_id uuid NOT NULL, partition integer NOT NULL, sequence bigint NOT
    NULL, ordinal integer NOT NULL, CONSTRAINT pk_rule_candidates PRIMARY KEY (partition, sequence, ordinal));
CREATE INDEX ix_rule_candidates_book_quarter ON {schema}.rule_candidates (book, quarter);
CREATE TABLE {schema}.week_matrix (book text NOT NULL, account_id text NOT NULL, primary_type text NOT NULL, slice
    text NOT NULL, value text NOT NULL, count bigint, mean_e10 bigint, deviation_e10 bigint, win_rate_e10 bigint,
    mean_premium_e10 bigint, period text, updated_at timestamptz, cell_sequence bigint, cell_ordinal integer,
    event_id uuid NOT NULL, partition integer NOT NULL, sequence bigint NOT NULL, ordinal integer NOT NULL,
    CONSTRAINT pk_week_matrix PRIMARY KEY (book, account_id, primary_type, slice, value)) WITH (fillfactor = 75);
"""
