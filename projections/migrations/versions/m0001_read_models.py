"""Read models, first version: control tables, and generation 1 of each projection.

Revision ID: 0001
Revises:
"""

from alembic import context, op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    base: str = context.config.attributes["schema"]
    _run(CONTROL, base)
    for projection, tables in (("trading", TRADING), ("history", HISTORY)):
        schema = f"{base}_{projection}_g1"
        op.execute(f'CREATE SCHEMA "{schema}"')
        op.execute(
            f'INSERT INTO "{base}".generations (projection, generation, state, schema_name, live_at) '
            f"VALUES ('{projection}', 1, 'LIVE', '{schema}', now())"
        )
        _run(tables, schema)


def downgrade() -> None:
    raise NotImplementedError("read models are made anew from the log, never downgraded")


def _run(ddl: str, schema: str) -> None:
    for statement in ddl.replace("{schema}", f'"{schema}"').split(";\n"):
        if statement.strip():
            op.execute(statement)


CONTROL = """
CREATE TABLE {schema}.dead_records (projection text NOT NULL, generation integer NOT NULL, topic text NOT NULL,
    partition integer NOT NULL, record_offset bigint NOT NULL, error_code text NOT NULL, message text NOT NULL,
    value BYTEA, seen_at timestamptz DEFAULT now() NOT NULL, CONSTRAINT pk_dead_records PRIMARY KEY (projection,
    generation, topic, partition, record_offset) );
COMMENT ON COLUMN {schema}.dead_records.value IS 'the record''s bytes as they were read';
CREATE TABLE {schema}.generations (projection text NOT NULL, generation integer NOT NULL, state text NOT NULL,
    schema_name text NOT NULL, made_at timestamptz DEFAULT now() NOT NULL, live_at timestamptz, CONSTRAINT
    pk_generations PRIMARY KEY (projection, generation) );
CREATE UNIQUE INDEX uq_generations_live ON {schema}.generations (projection) WHERE state = 'LIVE';
COMMENT ON COLUMN {schema}.generations.state IS 'BUILDING, LIVE or OLD';
COMMENT ON COLUMN {schema}.generations.schema_name IS 'the Postgres schema of its tables';
CREATE TABLE {schema}.projection_offsets (projection text NOT NULL, generation integer NOT NULL, topic text NOT
    NULL, partition integer NOT NULL, next_offset bigint NOT NULL, epoch bigint NOT NULL, event_time
    timestamptz, advanced_at timestamptz, owner text NOT NULL, CONSTRAINT pk_projection_offsets PRIMARY KEY
    (projection, generation, topic, partition) );
COMMENT ON COLUMN {schema}.projection_offsets.next_offset IS 'the next record to read';
COMMENT ON COLUMN {schema}.projection_offsets.epoch IS 'counts the owners; only the last one may write';
COMMENT ON COLUMN {schema}.projection_offsets.event_time IS 'latest recorded_at among its events';
COMMENT ON COLUMN {schema}.projection_offsets.advanced_at IS 'when next_offset last moved (wall clock)';
COMMENT ON COLUMN {schema}.projection_offsets.owner IS 'who claimed it: the application_name of its sessions';
"""

TRADING = """
CREATE TABLE {schema}.account_facets (book text NOT NULL, account_id text NOT NULL, type text, role text,
    parent_account_id text, fork_group_id text, root_com_account_id text, owner_subject_id text, inception_day
    DATE, identity_sequence bigint, identity_ordinal integer, state text, state_reason text, state_at
    timestamptz, state_sequence bigint, state_ordinal integer, base_capital_cents bigint, base_sequence bigint,
    base_ordinal integer, sizing_base_cents bigint, sizing_cause text, sizing_sequence bigint, sizing_ordinal
    integer, effective_mode text, mode_sequence bigint, mode_ordinal integer, buffer_breached BOOLEAN,
    buffer_free_cash_cents bigint, buffer_sequence bigint, buffer_ordinal integer, event_id UUID NOT NULL,
    partition integer NOT NULL, sequence bigint NOT NULL, ordinal integer NOT NULL, CONSTRAINT pk_account_facets
    PRIMARY KEY (book, account_id) ) WITH (fillfactor = 75);
CREATE TABLE {schema}.account_restrictions (book text NOT NULL, account_id text NOT NULL, reason text NOT NULL,
    active BOOLEAN, mode text, state_at timestamptz, state_sequence bigint, state_ordinal integer, event_id UUID
    NOT NULL, partition integer NOT NULL, sequence bigint NOT NULL, ordinal integer NOT NULL, CONSTRAINT
    pk_account_restrictions PRIMARY KEY (book, account_id, reason) ) WITH (fillfactor = 75);
CREATE TABLE {schema}.alerts (book text NOT NULL, account_id text, alert_id text, type text NOT NULL, priority
    text NOT NULL, ticker text, title text, message text, raised_at timestamptz NOT NULL, event_id UUID NOT
    NULL, partition integer NOT NULL, sequence bigint NOT NULL, ordinal integer NOT NULL, CONSTRAINT pk_alerts
    PRIMARY KEY (partition, sequence, ordinal) );
CREATE INDEX ix_alerts_book_raised_at ON {schema}.alerts (book, raised_at);
CREATE TABLE {schema}.approval_facets (book text NOT NULL, approval_id text NOT NULL, account_id text, kind
    text, subject text, proposal JSONB, required bigint, roles JSONB, requester text, requested_at timestamptz,
    expires_at timestamptz, default_action text, request_sequence bigint, request_ordinal integer, state text,
    decided_by text, choice text, reason text, state_at timestamptz, state_sequence bigint, state_ordinal
    integer, event_id UUID NOT NULL, partition integer NOT NULL, sequence bigint NOT NULL, ordinal integer NOT
    NULL, CONSTRAINT pk_approval_facets PRIMARY KEY (book, approval_id) ) WITH (fillfactor = 75);
CREATE TABLE {schema}.approval_votes (book text NOT NULL, approval_id text NOT NULL, by text, vote text, choice
    text, voted_at timestamptz NOT NULL, event_id UUID NOT NULL, partition integer NOT NULL, sequence bigint NOT
    NULL, ordinal integer NOT NULL, CONSTRAINT pk_approval_votes PRIMARY KEY (partition, sequence, ordinal) );
CREATE INDEX ix_approval_votes_book_approval_id ON {schema}.approval_votes (book, approval_id);
CREATE TABLE {schema}.books (book text NOT NULL, how text, owner_subject_id text, capital_cents bigint,
    allocation JSONB, parent_account_id text, created_at timestamptz, origin_sequence bigint, origin_ordinal
    integer, broker_account text, permissions text, deposit_cents bigint, linked_at timestamptz, broker_sequence
    bigint, broker_ordinal integer, broker_connected BOOLEAN, session_reason text, session_at timestamptz,
    session_sequence bigint, session_ordinal integer, config_version bigint, configured_at timestamptz,
    config_sequence bigint, config_ordinal integer, parked BOOLEAN, parked_code text, parked_message text,
    parked_topic text, parked_source_seq bigint, parked_at timestamptz, parked_sequence bigint, parked_ordinal
    integer, reconciled_occasion text, broker_cash_cents bigint, book_cash_cents bigint, reconciled_at
    timestamptz, reconciled_sequence bigint, reconciled_ordinal integer, event_id UUID NOT NULL, partition
    integer NOT NULL, sequence bigint NOT NULL, ordinal integer NOT NULL, CONSTRAINT pk_books PRIMARY KEY (book)
    ) WITH (fillfactor = 75);
CREATE TABLE {schema}.configurations (book text NOT NULL, version bigint NOT NULL, scope text, "old" JSONB,
    "new" JSONB, approvals JSONB, changed_at timestamptz, event_id UUID NOT NULL, partition integer NOT NULL,
    sequence bigint NOT NULL, ordinal integer NOT NULL, CONSTRAINT pk_configurations PRIMARY KEY (partition,
    sequence, ordinal) );
CREATE INDEX ix_configurations_book_version ON {schema}.configurations (book, version);
CREATE TABLE {schema}.contributions (book text NOT NULL, account_id text, kind text, amount_cents bigint,
    contributed_at timestamptz, event_id UUID NOT NULL, partition integer NOT NULL, sequence bigint NOT NULL,
    ordinal integer NOT NULL, CONSTRAINT pk_contributions PRIMARY KEY (partition, sequence, ordinal) );
CREATE INDEX ix_contributions_book_account_id ON {schema}.contributions (book, account_id);
CREATE TABLE {schema}.equity (book text NOT NULL, account_id text NOT NULL, session_day DATE NOT NULL, marked_at
    timestamptz, nav_cents bigint, corpus_cents bigint, unrealised_cents bigint, cash_total_cents bigint,
    free_cash_cents bigint, collateral_cents bigint, tax_reserve_cents bigint, buffer_required_cents bigint,
    event_id UUID NOT NULL, partition integer NOT NULL, sequence bigint NOT NULL, ordinal integer NOT NULL,
    CONSTRAINT pk_equity PRIMARY KEY (partition, sequence, ordinal) );
CREATE INDEX ix_equity_book_account_id_sequence ON {schema}.equity (book, account_id, sequence);
CREATE TABLE {schema}.fills (book text NOT NULL, account_id text, kind text NOT NULL, order_id text, exec_id
    text, contract text, ticker text, side text, effect text, quantity bigint, price_e4 bigint, strike_e3
    bigint, shares bigint, commission_cents bigint, amount_cents bigint, underlying_e4 bigint, early BOOLEAN,
    notice_id text, outcome_day DATE, filled_at timestamptz NOT NULL, event_id UUID NOT NULL, partition integer
    NOT NULL, sequence bigint NOT NULL, ordinal integer NOT NULL, CONSTRAINT pk_fills PRIMARY KEY (partition,
    sequence, ordinal) );
CREATE INDEX ix_fills_book_account_id ON {schema}.fills (book, account_id);
CREATE INDEX ix_fills_order_id ON {schema}.fills (order_id);
CREATE TABLE {schema}.kill_switches (book text NOT NULL, scope text NOT NULL, engaged BOOLEAN, reason text, by
    text, switched_at timestamptz, switch_sequence bigint, switch_ordinal integer, event_id UUID NOT NULL,
    partition integer NOT NULL, sequence bigint NOT NULL, ordinal integer NOT NULL, CONSTRAINT pk_kill_switches
    PRIMARY KEY (book, scope) ) WITH (fillfactor = 75);
CREATE TABLE {schema}.ledger_balances (book text NOT NULL, account_id text NOT NULL, ledger_account text NOT
    NULL, amount_cents bigint NOT NULL, event_id UUID NOT NULL, partition integer NOT NULL, sequence bigint NOT
    NULL, ordinal integer NOT NULL, CONSTRAINT pk_ledger_balances PRIMARY KEY (book, account_id, ledger_account)
    ) WITH (fillfactor = 75);
CREATE TABLE {schema}.ledger_entries (book text NOT NULL, account_id text NOT NULL, ledger_account text NOT
    NULL, amount_cents bigint NOT NULL, cause text NOT NULL, reference text, settles_day DATE, posted_at
    timestamptz NOT NULL, event_id UUID NOT NULL, partition integer NOT NULL, sequence bigint NOT NULL, ordinal
    integer NOT NULL, line integer NOT NULL, CONSTRAINT pk_ledger_entries PRIMARY KEY (partition, sequence,
    ordinal, line) );
CREATE INDEX ix_ledger_entries_book_account_id ON {schema}.ledger_entries (book, account_id);
CREATE TABLE {schema}.lot_facets (book text NOT NULL, lot_id text NOT NULL, account_id text, contract text,
    ticker text, quantity bigint, acquired_day DATE, basis_cents bigint, price_e4 bigint, chain_net_cents
    bigint, opened_at timestamptz, opened_sequence bigint, opened_ordinal integer, event_id UUID NOT NULL,
    partition integer NOT NULL, sequence bigint NOT NULL, ordinal integer NOT NULL, CONSTRAINT pk_lot_facets
    PRIMARY KEY (book, lot_id) ) WITH (fillfactor = 75);
CREATE INDEX ix_lot_facets_book_account_id ON {schema}.lot_facets (book, account_id);
CREATE TABLE {schema}.order_facets (book text NOT NULL, order_id text NOT NULL, account_id text, signal_id text,
    contract text, ticker text, side text, effect text, quantity bigint, first_limit_e4 bigint, ladder_e4 JSONB,
    purpose text, origin text, clip bigint, rest bigint, proposed_at timestamptz, terms_sequence bigint,
    terms_ordinal integer, limit_e4 bigint, version bigint, limit_sequence bigint, limit_ordinal integer, checks
    JSONB, checks_sequence bigint, checks_ordinal integer, broker_order_id text, broker_sequence bigint,
    broker_ordinal integer, state text, code text, reason text, state_at timestamptz, state_sequence bigint,
    state_ordinal integer, cum_quantity bigint, filled_sequence bigint, filled_ordinal integer, event_id UUID
    NOT NULL, partition integer NOT NULL, sequence bigint NOT NULL, ordinal integer NOT NULL, CONSTRAINT
    pk_order_facets PRIMARY KEY (book, order_id) ) WITH (fillfactor = 75);
CREATE INDEX ix_order_facets_book_account_id ON {schema}.order_facets (book, account_id);
CREATE TABLE {schema}.position_steps (book text NOT NULL, account_id text, position_id text NOT NULL, step text
    NOT NULL, contract text, ticker text, quantity bigint, price_e4 bigint, p0_e4 bigint, atr_e6 bigint,
    commission_cents bigint, pnl_cents bigint, chain_id text, cause text, adjustment JSONB, stepped_at
    timestamptz NOT NULL, event_id UUID NOT NULL, partition integer NOT NULL, sequence bigint NOT NULL, ordinal
    integer NOT NULL, CONSTRAINT pk_position_steps PRIMARY KEY (partition, sequence, ordinal) );
CREATE INDEX ix_position_steps_book_position_id ON {schema}.position_steps (book, position_id);
CREATE TABLE {schema}.reconciliation_breaks (book text NOT NULL, instrument text NOT NULL, open BOOLEAN, ours
    bigint, broker bigint, occasion text, how text, state_at timestamptz, state_sequence bigint, state_ordinal
    integer, event_id UUID NOT NULL, partition integer NOT NULL, sequence bigint NOT NULL, ordinal integer NOT
    NULL, CONSTRAINT pk_reconciliation_breaks PRIMARY KEY (book, instrument) ) WITH (fillfactor = 75);
CREATE TABLE {schema}.results (book text NOT NULL, account_id text, kind text NOT NULL, contract text, ticker
    text, amount_cents bigint NOT NULL, year bigint, tax_class text, lot_id text, holding_days bigint, qualified
    BOOLEAN, cause text, realised_at timestamptz NOT NULL, event_id UUID NOT NULL, partition integer NOT NULL,
    sequence bigint NOT NULL, ordinal integer NOT NULL, CONSTRAINT pk_results PRIMARY KEY (partition, sequence,
    ordinal) );
CREATE INDEX ix_results_book_account_id ON {schema}.results (book, account_id);
CREATE TABLE {schema}.scans (book text NOT NULL, account_id text, session_day DATE, candidates JSONB, rejections
    JSONB, scanned_at timestamptz NOT NULL, event_id UUID NOT NULL, partition integer NOT NULL, sequence bigint
    NOT NULL, ordinal integer NOT NULL, CONSTRAINT pk_scans PRIMARY KEY (partition, sequence, ordinal) );
CREATE INDEX ix_scans_book_account_id ON {schema}.scans (book, account_id);
CREATE TABLE {schema}.signals (book text NOT NULL, account_id text, kind text NOT NULL, signal_id text, ticker
    text, contract text, side text, quantity bigint, limit_e4 bigint, floor_e4 bigint, ladder_e4 JSONB, delta_e2
    bigint, approval_id text, reason text, decided_at timestamptz NOT NULL, event_id UUID NOT NULL, partition
    integer NOT NULL, sequence bigint NOT NULL, ordinal integer NOT NULL, CONSTRAINT pk_signals PRIMARY KEY
    (partition, sequence, ordinal) );
CREATE INDEX ix_signals_book_account_id ON {schema}.signals (book, account_id);
CREATE TABLE {schema}.skips (book text NOT NULL, account_id text, kind text NOT NULL, ticker text, contract
    text, "right" text, reason text NOT NULL, detail text, session_day DATE, skipped_at timestamptz NOT NULL,
    event_id UUID NOT NULL, partition integer NOT NULL, sequence bigint NOT NULL, ordinal integer NOT NULL, line
    integer NOT NULL, CONSTRAINT pk_skips PRIMARY KEY (partition, sequence, ordinal, line) );
CREATE INDEX ix_skips_book_account_id ON {schema}.skips (book, account_id);
CREATE TABLE {schema}.tax_years (book text NOT NULL, account_id text NOT NULL, year text NOT NULL,
    estimated_tax_cents bigint, last_move_cents bigint, reserve_cents bigint, reserved_at timestamptz,
    reserve_sequence bigint, reserve_ordinal integer, event_id UUID NOT NULL, partition integer NOT NULL,
    sequence bigint NOT NULL, ordinal integer NOT NULL, CONSTRAINT pk_tax_years PRIMARY KEY (book, account_id,
    year) ) WITH (fillfactor = 75);
CREATE TABLE {schema}.weeks (book text NOT NULL, account_id text NOT NULL, week_id text NOT NULL, ticker text
    NOT NULL, primary_type text, put_type text, call_type text, old_type text, reclassified_reason text,
    classified_at timestamptz, types_sequence bigint, types_ordinal integer, weight_cents bigint,
    distribution_cents JSONB, pnl_cents bigint, premium_collected_cents bigint, trades bigint, return_pre_e10
    bigint, return_post_e10 bigint, figures_sequence bigint, figures_ordinal integer, event_id UUID NOT NULL,
    partition integer NOT NULL, sequence bigint NOT NULL, ordinal integer NOT NULL, CONSTRAINT pk_weeks PRIMARY
    KEY (book, account_id, week_id, ticker) ) WITH (fillfactor = 75);
CREATE TABLE {schema}.wheels (book text NOT NULL, account_id text NOT NULL, ticker text NOT NULL, phase text,
    phase_before text, phase_at timestamptz, phase_sequence bigint, phase_ordinal integer, event_id UUID NOT
    NULL, partition integer NOT NULL, sequence bigint NOT NULL, ordinal integer NOT NULL, CONSTRAINT pk_wheels
    PRIMARY KEY (book, account_id, ticker) ) WITH (fillfactor = 75);
"""

HISTORY = """
CREATE TABLE {schema}.events (event_id UUID NOT NULL, partition integer NOT NULL, ordinal integer NOT NULL,
    sequence bigint NOT NULL, version bigint NOT NULL, schema_version integer NOT NULL, config_version bigint
    NOT NULL, occurred_at timestamptz NOT NULL, recorded_at timestamptz NOT NULL, book text NOT NULL, account_id
    text, type text NOT NULL, stream text NOT NULL, actor_type text NOT NULL, actor_id text NOT NULL,
    correlation_id text NOT NULL, causation_id text NOT NULL, idempotency_key text NOT NULL, topic text NOT
    NULL, payload JSONB NOT NULL, CONSTRAINT pk_events PRIMARY KEY (event_id), CONSTRAINT
    uq_events_book_sequence_ordinal UNIQUE (book, sequence, ordinal) );
CREATE INDEX ix_events_book_stream_version ON {schema}.events (book, stream, version);
CREATE INDEX ix_events_recorded_at ON {schema}.events USING brin (recorded_at);
"""
