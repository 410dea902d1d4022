"""Read models of the whole protocol: levels, scripts, rolls, hedges, exits, breakers, feeds; forks, merges, transfers,
withdrawals, reinvestment; wash sales; predictions; instructions and strategies; what became of alerts.

Revision ID: 0003
Revises: 0002

What was projected before gets its new columns filled by `alluse ops rebuild trading`.
"""

from alembic import context, op

from projections.migrations import tables_of

revision = "0003"
down_revision = "0002"
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
ALTER TABLE {schema}.account_facets ADD COLUMN fork_eligible boolean, ADD COLUMN fork_surplus_cents bigint,
    ADD COLUMN fork_deferred text, ADD COLUMN fork_at timestamptz, ADD COLUMN fork_sequence bigint,
    ADD COLUMN fork_ordinal integer;
ALTER TABLE {schema}.books ADD COLUMN predictor_qualified boolean, ADD COLUMN predictor_weeks bigint,
    ADD COLUMN predictor_hit_rate_e10 bigint, ADD COLUMN predictor_at timestamptz,
    ADD COLUMN predictor_sequence bigint, ADD COLUMN predictor_ordinal integer;
ALTER TABLE {schema}.order_facets ADD COLUMN new_contract text, ADD COLUMN approval_id text,
    ADD COLUMN reference text, ADD COLUMN mid_e6 bigint;
ALTER TABLE {schema}.position_steps ADD COLUMN roll_chain_id text, ADD COLUMN rolls bigint,
    ADD COLUMN delta_e2 bigint;
ALTER TABLE {schema}.results ADD COLUMN quantity bigint;
ALTER TABLE {schema}.tax_years ADD COLUMN closed boolean, ADD COLUMN final_tax_cents bigint,
    ADD COLUMN payments_cents bigint, ADD COLUMN closed_at timestamptz, ADD COLUMN closed_sequence bigint,
    ADD COLUMN closed_ordinal integer;
ALTER TABLE {schema}.alerts RENAME TO alert_lines;
ALTER TABLE {schema}.alert_lines RENAME CONSTRAINT pk_alerts TO pk_alert_lines;
ALTER INDEX {schema}.ix_alerts_book_raised_at RENAME TO ix_alert_lines_book_raised_at;
"""

CREATED = """
CREATE TABLE {schema}.alert_states (book text NOT NULL, alert_id text NOT NULL, acknowledged_by text,
    acknowledged_at timestamptz, acknowledged_sequence bigint, acknowledged_ordinal integer, escalated_to text,
    escalation_reason text, escalated_at timestamptz, escalated_sequence bigint, escalated_ordinal integer,
    resolved_by text, resolution text, resolved_at timestamptz, resolved_sequence bigint, resolved_ordinal integer,
    event_id uuid NOT NULL, partition integer NOT NULL, sequence bigint NOT NULL, ordinal integer NOT NULL,
    CONSTRAINT pk_alert_states PRIMARY KEY (book, alert_id)) WITH (fillfactor = 75);
CREATE TABLE {schema}.breakers (book text NOT NULL, breaker text NOT NULL, scope text NOT NULL, measured text,
    threshold text, tripped_at timestamptz, tripped_sequence bigint, tripped_ordinal integer, open boolean, by
    text, state_at timestamptz, state_sequence bigint, state_ordinal integer, event_id uuid NOT NULL, partition
    integer NOT NULL, sequence bigint NOT NULL, ordinal integer NOT NULL, CONSTRAINT pk_breakers PRIMARY KEY (book,
    breaker, scope)) WITH (fillfactor = 75);
CREATE TABLE {schema}.exits (book text NOT NULL, account_id text, step text NOT NULL, position_id text, contract
    text, ticker text, quantity bigint, price_e4 bigint, cap_e4 bigint, limits_e4 JSONB, pnl_cents bigint, reason
    text, stepped_at timestamptz NOT NULL, event_id uuid NOT NULL, partition integer NOT NULL, sequence bigint NOT
    NULL, ordinal integer NOT NULL, CONSTRAINT pk_exits PRIMARY KEY (partition, sequence, ordinal));
CREATE INDEX ix_exits_book_account_id ON {schema}.exits (book, account_id);
CREATE TABLE {schema}.feeds (book text NOT NULL, symbol text NOT NULL, stale boolean, age_s bigint, prices_at
    timestamptz, prices_sequence bigint, prices_ordinal integer, atr_method text, atr_e6 bigint, atr_at
    timestamptz, atr_sequence bigint, atr_ordinal integer, event_id uuid NOT NULL, partition integer NOT NULL,
    sequence bigint NOT NULL, ordinal integer NOT NULL, CONSTRAINT pk_feeds PRIMARY KEY (book, symbol)) WITH
    (fillfactor = 75);
CREATE TABLE {schema}.forks (book text NOT NULL, fork_id text NOT NULL, account_id text, template text, fork_seq
    bigint, amount_cents bigint, children JSONB, begun_at timestamptz, begun_sequence bigint, begun_ordinal
    integer, parent_account_id text, child_system text, broker_account text, linked_at timestamptz, linked_sequence
    bigint, linked_ordinal integer, state text, reason text, state_at timestamptz, state_sequence bigint,
    state_ordinal integer, group_corpus_cents bigint, confirmations bigint, valued_at timestamptz, merging_sequence
    bigint, merging_ordinal integer, event_id uuid NOT NULL, partition integer NOT NULL, sequence bigint NOT NULL,
    ordinal integer NOT NULL, CONSTRAINT pk_forks PRIMARY KEY (book, fork_id)) WITH (fillfactor = 75);
CREATE TABLE {schema}.hedges (book text NOT NULL, account_id text NOT NULL, contract text NOT NULL, ticker text,
    quantity bigint, cost_cents bigint, budget_left_cents bigint, bought_at timestamptz, bought_sequence bigint,
    bought_ordinal integer, hedged text, open boolean, reason text, state_at timestamptz, state_sequence bigint,
    state_ordinal integer, event_id uuid NOT NULL, partition integer NOT NULL, sequence bigint NOT NULL, ordinal
    integer NOT NULL, CONSTRAINT pk_hedges PRIMARY KEY (book, account_id, contract)) WITH (fillfactor = 75);
CREATE TABLE {schema}.instructions (book text NOT NULL, instruction_id text NOT NULL, account_id text,
    starlab_strategy_id text, scheme_type text, trade_action text, contract text, ticker text, quantity bigint,
    order_type text, limit_e4 bigint, time_in_force text, received_at timestamptz, terms_sequence bigint,
    terms_ordinal integer, client text, client_order_id text, client_sequence bigint, client_ordinal integer, state
    text, code text, http_status bigint, details JSONB, reason text, state_at timestamptz, state_sequence bigint,
    state_ordinal integer, event_id uuid NOT NULL, partition integer NOT NULL, sequence bigint NOT NULL, ordinal
    integer NOT NULL, CONSTRAINT pk_instructions PRIMARY KEY (book, instruction_id)) WITH (fillfactor = 75);
CREATE TABLE {schema}.level_changes (book text NOT NULL, account_id text NOT NULL, position_id text NOT NULL,
    contract text NOT NULL, ticker text, from_level bigint, to_level bigint NOT NULL, m_e10 bigint, price_e4
    bigint, reference_e4 bigint, atr_e6 bigint, changed_at timestamptz NOT NULL, event_id uuid NOT NULL, partition
    integer NOT NULL, sequence bigint NOT NULL, ordinal integer NOT NULL, line integer NOT NULL, CONSTRAINT
    pk_level_changes PRIMARY KEY (partition, sequence, ordinal, line));
CREATE INDEX ix_level_changes_book_account_id_contract ON {schema}.level_changes (book, account_id, contract);
CREATE TABLE {schema}.merges (book text NOT NULL, merge_id text NOT NULL, fork_group_id text, members JSONB,
    target_account_id text, begun_at timestamptz, begun_sequence bigint, begun_ordinal integer, proceeds_cents
    bigint, costs_cents bigint, tax_cents bigint, sold_at timestamptz, sold_sequence bigint, sold_ordinal integer,
    amount_cents bigint, reserve_cents bigint, moved_at timestamptz, moved_sequence bigint, moved_ordinal integer,
    state text, account_state text, sessions bigint, state_at timestamptz, state_sequence bigint, state_ordinal
    integer, event_id uuid NOT NULL, partition integer NOT NULL, sequence bigint NOT NULL, ordinal integer NOT
    NULL, CONSTRAINT pk_merges PRIMARY KEY (book, merge_id)) WITH (fillfactor = 75);
CREATE TABLE {schema}.predictions (book text NOT NULL, week_id text NOT NULL, kind text NOT NULL, account_id text
    NOT NULL, ticker text NOT NULL, predicted text, inputs JSONB, probabilities_e10 JSONB, confidence_e10 bigint,
    basis text, predictor_version text, shown boolean, predicted_at timestamptz, guess_sequence bigint,
    guess_ordinal integer, actual text, tag text, return_e10 bigint, rho_e10 bigint, mag6_mode text,
    mag6_return_e10 bigint, confirmed_at timestamptz, outcome_sequence bigint, outcome_ordinal integer, hit
    boolean, brier_e10 bigint, weeks bigint, hit_rate_e10 bigint, scored_at timestamptz, score_sequence bigint,
    score_ordinal integer, event_id uuid NOT NULL, partition integer NOT NULL, sequence bigint NOT NULL, ordinal
    integer NOT NULL, CONSTRAINT pk_predictions PRIMARY KEY (book, week_id, kind, account_id, ticker)) WITH
    (fillfactor = 75);
CREATE TABLE {schema}.reinvestments (book text NOT NULL, account_id text NOT NULL, quarter text NOT NULL,
    net_result_cents bigint, tax_cents bigint, amount_cents bigint, primary_cents bigint, leaps_cents bigint,
    merged_cents bigint, carry_in_cents bigint, available_cents bigint, calculated_at timestamptz, figures_sequence
    bigint, figures_ordinal integer, purchases JSONB, left_primary_cents bigint, left_leaps_cents bigint,
    planned_at timestamptz, plan_sequence bigint, plan_ordinal integer, spent_cents bigint, carry_out_cents bigint,
    result_sequence bigint, result_ordinal integer, state text, reason text, sessions bigint, ended boolean,
    state_at timestamptz, state_sequence bigint, state_ordinal integer, event_id uuid NOT NULL, partition integer
    NOT NULL, sequence bigint NOT NULL, ordinal integer NOT NULL, CONSTRAINT pk_reinvestments PRIMARY KEY (book,
    account_id, quarter)) WITH (fillfactor = 75);
CREATE TABLE {schema}.rolls (book text NOT NULL, account_id text, step text NOT NULL, contract text, ticker text,
    new_contract text, quantity bigint, net_e4 bigint, cap_e4 bigint, roll_chain_id text, chain_credit_e4 bigint,
    underlying_e4 bigint, days_left bigint, delta_e2 bigint, stepped_at timestamptz NOT NULL, event_id uuid NOT
    NULL, partition integer NOT NULL, sequence bigint NOT NULL, ordinal integer NOT NULL, CONSTRAINT pk_rolls
    PRIMARY KEY (partition, sequence, ordinal));
CREATE INDEX ix_rolls_book_account_id ON {schema}.rolls (book, account_id);
CREATE TABLE {schema}.script_facets (book text NOT NULL, script_id text NOT NULL, account_id text, position_id
    text, contract text, ticker text, level bigint, steps JSONB, economics JSONB, expires_at timestamptz,
    generated_at timestamptz, terms_sequence bigint, terms_ordinal integer, lapse_reason text, lapsed_at
    timestamptz, lapse_sequence bigint, lapse_ordinal integer, event_id uuid NOT NULL, partition integer NOT NULL,
    sequence bigint NOT NULL, ordinal integer NOT NULL, CONSTRAINT pk_script_facets PRIMARY KEY (book, script_id))
    WITH (fillfactor = 75);
CREATE INDEX ix_script_facets_book_account_id ON {schema}.script_facets (book, account_id);
CREATE TABLE {schema}.script_steps (book text NOT NULL, account_id text, script_id text NOT NULL, seq bigint,
    action text, result text, executed_at timestamptz NOT NULL, event_id uuid NOT NULL, partition integer NOT NULL,
    sequence bigint NOT NULL, ordinal integer NOT NULL, CONSTRAINT pk_script_steps PRIMARY KEY (partition,
    sequence, ordinal));
CREATE INDEX ix_script_steps_book_script_id ON {schema}.script_steps (book, script_id);
CREATE TABLE {schema}.strategies (book text NOT NULL, starlab_strategy_id text NOT NULL, title text,
    valid_until_day date, noticed_at timestamptz, notice_sequence bigint, notice_ordinal integer, account_id text,
    client text, scheme_type text, instructed_at timestamptz, use_sequence bigint, use_ordinal integer, event_id
    uuid NOT NULL, partition integer NOT NULL, sequence bigint NOT NULL, ordinal integer NOT NULL, CONSTRAINT
    pk_strategies PRIMARY KEY (book, starlab_strategy_id)) WITH (fillfactor = 75);
CREATE TABLE {schema}.transfers (book text NOT NULL, transfer_id text NOT NULL, account_id text, kind text,
    from_account text, to_account text, amount_cents bigint, terms_sequence bigint, terms_ordinal integer, state
    text, reserve_cents bigint, reason text, state_at timestamptz, state_sequence bigint, state_ordinal integer,
    event_id uuid NOT NULL, partition integer NOT NULL, sequence bigint NOT NULL, ordinal integer NOT NULL,
    CONSTRAINT pk_transfers PRIMARY KEY (book, transfer_id)) WITH (fillfactor = 75);
CREATE TABLE {schema}.wash_sales (book text NOT NULL, account_id text, step text NOT NULL, ticker text, loss_id
    text NOT NULL, loss_cents bigint, amount_cents bigint NOT NULL, quantity bigint, year bigint, tax_class text,
    replacement_account_id text, lot_id text, put_id text, new_basis_cents bigint, held_days bigint, adjusted_at
    timestamptz NOT NULL, event_id uuid NOT NULL, partition integer NOT NULL, sequence bigint NOT NULL, ordinal
    integer NOT NULL, CONSTRAINT pk_wash_sales PRIMARY KEY (partition, sequence, ordinal));
CREATE INDEX ix_wash_sales_book_account_id ON {schema}.wash_sales (book, account_id);
CREATE TABLE {schema}.withdrawals (book text NOT NULL, withdrawal_id text NOT NULL, account_id text, amount_cents
    bigint, quarter text, requested_at timestamptz, request_sequence bigint, request_ordinal integer, approvals
    JSONB, approved_at timestamptz, approved_sequence bigint, approved_ordinal integer, state text, code text,
    reason text, state_at timestamptz, state_sequence bigint, state_ordinal integer, event_id uuid NOT NULL,
    partition integer NOT NULL, sequence bigint NOT NULL, ordinal integer NOT NULL, CONSTRAINT pk_withdrawals
    PRIMARY KEY (book, withdrawal_id)) WITH (fillfactor = 75);
"""
