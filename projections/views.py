"""The views that readers see, built on the tables of one generation. Rows whose defining event has not arrived yet
(another topic was faster) are left out, so nobody sees half a row."""

VIEWS: dict[str, str] = {
    # Steps in journal order: OPENED and INCREASED say what was added, REDUCED, CLOSED and ADJUSTED (a split) what is
    # there afterwards. A CLOSED ends a turn; the shares of a ticker, or an expiry that is reversed, open the next one
    # under the same id. `factor`: shares or contracts of today for one of the step's, by the splits since.
    "positions": """
SELECT s.book, s.position_id, s.turn + 1 AS turn,
       (array_agg(s.account_id ORDER BY s.sequence, s.ordinal))[1] AS account_id,
       (array_agg(s.ticker ORDER BY s.sequence DESC, s.ordinal DESC))[1] AS ticker,
       (array_agg(s.contract ORDER BY s.sequence DESC, s.ordinal DESC))[1] AS contract,
       CASE WHEN bool_or(s.step = 'CLOSED') THEN 'CLOSED' ELSE 'OPEN' END AS state,
       (coalesce((array_agg(s.quantity ORDER BY s.sequence DESC, s.ordinal DESC)
                   FILTER (WHERE s.step IN ('REDUCED', 'CLOSED', 'ADJUSTED') AND s.quantity IS NOT NULL))[1], 0)
        + coalesce(sum(s.quantity) FILTER (WHERE s.step IN ('OPENED', 'INCREASED')
                                             AND s.place > coalesce(s.stated, -1)), 0))::bigint AS quantity,
       round(sum(s.quantity * s.factor) FILTER (WHERE s.step IN ('OPENED', 'INCREASED')))::bigint AS quantity_opened,
       round(sum(s.quantity::numeric * s.price_e4) FILTER (WHERE s.step IN ('OPENED', 'INCREASED'))
             / nullif(sum(s.quantity * s.factor) FILTER (WHERE s.step IN ('OPENED', 'INCREASED')), 0))::bigint
         AS average_price_e4,
       coalesce((array_agg(s.p0_e4 ORDER BY s.sequence DESC, s.ordinal DESC)
                  FILTER (WHERE s.step = 'ADJUSTED' AND s.p0_e4 IS NOT NULL))[1],
                (array_agg(round(s.p0_e4 / s.factor) ORDER BY s.sequence, s.ordinal)
                  FILTER (WHERE s.step = 'OPENED'))[1])::bigint AS p0_e4,
       coalesce((array_agg(s.atr_e6 ORDER BY s.sequence DESC, s.ordinal DESC)
                  FILTER (WHERE s.step = 'ADJUSTED' AND s.atr_e6 IS NOT NULL))[1],
                (array_agg(round(s.atr_e6 / s.factor) ORDER BY s.sequence, s.ordinal)
                  FILTER (WHERE s.step = 'OPENED'))[1])::bigint AS atr_e6,
       (array_agg(s.chain_id ORDER BY s.sequence, s.ordinal) FILTER (WHERE s.step = 'OPENED'))[1] AS chain_id,
       (array_agg(s.roll_chain_id ORDER BY s.sequence, s.ordinal) FILTER (WHERE s.step = 'OPENED'))[1] AS roll_chain_id,
       max(s.rolls) AS rolls,
       coalesce(sum(s.commission_cents), 0)::bigint AS opening_commission_cents,
       coalesce(sum(s.pnl_cents), 0)::bigint AS realised_pnl_cents,
       max(s.cause) AS close_cause,
       min(s.stepped_at) FILTER (WHERE s.step = 'OPENED') AS opened_at,
       max(s.stepped_at) FILTER (WHERE s.step = 'CLOSED') AS closed_at,
       (array_agg(s.event_id ORDER BY s.sequence DESC, s.ordinal DESC))[1] AS event_id,
       max(s.partition) AS partition,
       (array_agg(s.sequence ORDER BY s.sequence DESC, s.ordinal DESC))[1] AS sequence,
       (array_agg(s.ordinal ORDER BY s.sequence DESC, s.ordinal DESC))[1] AS ordinal
  FROM (SELECT *, max(place) FILTER (WHERE step IN ('REDUCED', 'CLOSED', 'ADJUSTED') AND quantity IS NOT NULL)
                    OVER (PARTITION BY book, position_id, turn) AS stated,
               coalesce(exp(sum(ln((adjustment ->> 'ratio_new')::numeric / (adjustment ->> 'ratio_old')::numeric))
                              FILTER (WHERE (adjustment ->> 'scale')::boolean)
                              OVER (PARTITION BY book, position_id, turn ORDER BY place
                                    ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)), 1) AS factor
          FROM (SELECT *, sequence * 1048576 + ordinal AS place,
                       count(*) FILTER (WHERE step = 'CLOSED')
                         OVER (PARTITION BY book, position_id ORDER BY sequence, ordinal
                               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS turn
                  FROM position_steps) t) s
 GROUP BY s.book, s.position_id, s.turn
HAVING bool_or(s.step = 'OPENED')
""",
    # Every open short put and package of shares has one level: that of its last change, else 0 since it was opened.
    # What it was measured by is shown in the shares of today.
    "levels": """
SELECT p.book, p.account_id, p.position_id, p.contract, p.ticker, p.quantity,
       coalesce(c.to_level, 0) AS level, c.from_level, c.m_e10, round(c.price_e4 / f.factor)::bigint AS price_e4,
       coalesce(CASE WHEN f.splits > 0 AND p.quantity < 0 THEN p.p0_e4 END, round(c.reference_e4 / f.factor)::bigint,
                CASE WHEN p.quantity < 0 THEN p.p0_e4 END) AS reference_e4,
       coalesce(round(c.atr_e6 / f.factor)::bigint, p.atr_e6) AS atr_e6,
       coalesce(c.changed_at, p.opened_at) AS since,
       coalesce(c.event_id, p.event_id) AS event_id, coalesce(c.partition, p.partition) AS partition,
       coalesce(c.sequence, p.sequence) AS sequence, coalesce(c.ordinal, p.ordinal) AS ordinal
  FROM positions p
  LEFT JOIN LATERAL (
       SELECT * FROM level_changes x
        WHERE x.book = p.book AND x.account_id = p.account_id
          AND (x.position_id = p.position_id OR x.contract = x.ticker AND x.contract = p.contract)
        ORDER BY x.sequence DESC, x.ordinal DESC LIMIT 1) c ON true
  LEFT JOIN LATERAL (
       SELECT count(*) AS splits, coalesce(exp(sum(ln((x.adjustment ->> 'ratio_new')::numeric
                                                      / (x.adjustment ->> 'ratio_old')::numeric))), 1) AS factor
         FROM position_steps x
        WHERE x.book = p.book AND x.position_id = p.position_id AND x.step = 'ADJUSTED'
          AND (x.sequence, x.ordinal) > (c.sequence, c.ordinal)) f ON true
 WHERE p.state = 'OPEN'
   AND (p.contract = p.ticker AND p.quantity >= 100
        OR p.quantity < 0 AND substr(p.contract, length(p.ticker) + 7, 1) = 'P')
""",
    # New capital raises base capital and sizing base beyond what the last event that states them says.
    # Cash by ledger account from the balances, valuation from the last PositionMarked; before the first one the cash.
    "accounts": """
SELECT a.book, a.account_id, a.type, a.role, a.parent_account_id, a.fork_group_id, a.owner_subject_id, a.inception_day,
       CASE WHEN g.later THEN g.account_state ELSE a.state END AS state,
       CASE WHEN g.later THEN 'MERGE ' || g.merge_id ELSE a.state_reason END AS state_reason,
       CASE WHEN g.later THEN g.state_at ELSE a.state_at END AS state_at,
       coalesce(b.cash, 0) AS cash_cents,
       coalesce(b.unsettled, 0) AS cash_unsettled_cents,
       coalesce(b.reserve, 0) AS tax_reserve_cents,
       coalesce(b.cash, 0) + coalesce(b.unsettled, 0) + coalesce(b.reserve, 0) AS cash_total_cents,
       coalesce(m.nav_cents, b.cash + b.unsettled + b.reserve, 0) AS nav_cents,
       coalesce(m.corpus_cents, b.cash + b.unsettled, 0) AS corpus_cents,
       coalesce(m.collateral_cents, 0) AS collateral_cents,
       coalesce(m.unrealised_cents, 0) AS unrealised_cents,
       m.buffer_required_cents, m.free_cash_cents, m.session_day AS marked_day, m.marked_at,
       coalesce(a.base_capital_cents, 0) + coalesce(c.to_base, 0) + coalesce(n.merged, 0) AS base_capital_cents,
       coalesce(a.sizing_base_cents, 0) + coalesce(c.to_sizing, 0) AS sizing_base_cents, a.sizing_cause,
       a.effective_mode,
       coalesce(r.restrictions, '[]'::jsonb) AS restrictions,
       coalesce(k.engaged, false) AS kill_switch,
       coalesce(t.level, 0) AS level,
       coalesce(i.breakers, '[]'::jsonb) AS breakers,
       coalesce(a.fork_eligible, false) AS fork_eligible, a.fork_surplus_cents, a.fork_deferred,
       f.confirmations AS merge_confirmations, f.group_corpus_cents,
       p.event_id, p.partition, p.sequence, p.ordinal
  FROM account_facets a
  LEFT JOIN LATERAL (
       SELECT coalesce(sum(amount_cents) FILTER (WHERE ledger_account = 'CASH'), 0)::bigint AS cash,
              coalesce(sum(amount_cents) FILTER (WHERE ledger_account = 'CASH_UNSETTLED'), 0)::bigint AS unsettled,
              coalesce(sum(amount_cents) FILTER (WHERE ledger_account = 'TAX_RESERVE'), 0)::bigint AS reserve
         FROM ledger_balances l WHERE l.book = a.book AND l.account_id = a.account_id) b ON true
  LEFT JOIN LATERAL (
       SELECT * FROM equity e WHERE e.book = a.book AND e.account_id = a.account_id
        ORDER BY e.sequence DESC, e.ordinal DESC LIMIT 1) m ON true
  LEFT JOIN LATERAL (
       SELECT jsonb_agg(jsonb_build_object('reason', reason, 'mode', mode) ORDER BY reason) AS restrictions
         FROM account_restrictions t WHERE t.book = a.book AND t.account_id = a.account_id AND t.active) r ON true
  LEFT JOIN LATERAL (
       SELECT bool_or(engaged) AS engaged
         FROM kill_switches s WHERE s.book = a.book AND s.scope IN ('SYSTEM', a.account_id)) k ON true
  LEFT JOIN (SELECT book, account_id, max(level) AS level FROM levels GROUP BY book, account_id) t
       ON t.book = a.book AND t.account_id = a.account_id
  LEFT JOIN LATERAL (
       SELECT jsonb_agg(breaker ORDER BY breaker) AS breakers
         FROM breakers x WHERE x.book = a.book AND x.open AND x.scope IN ('SYSTEM', a.account_id)) i ON true
  LEFT JOIN LATERAL (
       SELECT sum(amount_cents) FILTER (WHERE (x.sequence, x.ordinal) > (a.base_sequence, a.base_ordinal))::bigint
                AS to_base,
              sum(amount_cents) FILTER (WHERE (x.sequence, x.ordinal) > (a.sizing_sequence, a.sizing_ordinal))::bigint
                AS to_sizing
         FROM contributions x
        WHERE x.book = a.book AND x.account_id = a.account_id AND x.kind = 'CONTRIBUTION') c ON true
  LEFT JOIN LATERAL (
       SELECT sum((amount_cents + coalesce(in_kind_cents, 0))
                  * CASE WHEN x.to_account = a.account_id THEN 1 ELSE -1 END)::bigint AS merged
         FROM transfers x
        WHERE x.book = a.book AND x.state = 'COMPLETED'
          AND (x.to_account = a.account_id AND x.kind IN ('MERGE', 'CORRECTION')
               OR x.from_account = a.account_id AND x.kind = 'CORRECTION' AND x.to_account <> 'OUTSIDE')) n ON true
  LEFT JOIN forks f ON f.book = a.book AND f.fork_id = a.fork_group_id
  LEFT JOIN LATERAL (
       SELECT x.merge_id, x.account_state, x.state_at, true AS later
         FROM merges x
        WHERE x.book = a.book AND x.members ? a.account_id AND x.account_state IS NOT NULL
          AND (a.state_sequence IS NULL OR (x.state_sequence, x.state_ordinal) > (a.state_sequence, a.state_ordinal))
        ORDER BY x.state_sequence DESC, x.state_ordinal DESC LIMIT 1) g ON true
  LEFT JOIN LATERAL (
       SELECT event_id, partition, sequence, ordinal FROM (
              SELECT a.event_id, a.partition, a.sequence, a.ordinal
              UNION ALL SELECT m.event_id, m.partition, m.sequence, m.ordinal WHERE m.event_id IS NOT NULL
              UNION ALL (SELECT l.event_id, l.partition, l.sequence, l.ordinal FROM ledger_balances l
                          WHERE l.book = a.book AND l.account_id = a.account_id)) every
        ORDER BY sequence DESC, ordinal DESC LIMIT 1) p ON true
 WHERE a.identity_sequence IS NOT NULL
""",
    # A roll counts the new options sold, and its average price is the net of both legs per share, as its limit is.
    "orders": """
SELECT o.book, o.order_id, o.account_id, o.signal_id, o.contract, o.new_contract, o.ticker, o.side, o.effect,
       o.quantity, o.purpose, o.origin, o.reference, o.approval_id, o.clip, o.rest, o.first_limit_e4, o.limit_e4,
       o.version, o.ladder_e4, o.mid_e6,
       CASE WHEN o.state IN ('PENDING_SUBMIT', 'UNKNOWN')
                 AND (o.broker_sequence, o.broker_ordinal) > (o.state_sequence, o.state_ordinal)
            THEN CASE WHEN f.quantity > 0 THEN 'PARTIALLY_FILLED' ELSE 'SUBMITTED' END ELSE o.state END AS state,
       o.code, o.reason, o.state_at,
       greatest(coalesce(o.cum_quantity, 0), coalesce(f.quantity, 0)) AS cum_quantity,
       f.leg_quantity AS leg_cum_quantity,
       round(f.value_e4 / nullif(f.quantity, 0))::bigint AS average_price_e4,
       coalesce(f.commission, 0) AS commission_cents, coalesce(f.executions, 0) AS executions,
       o.broker_order_id, o.checks, o.proposed_at,
       o.event_id, o.partition, o.sequence, o.ordinal
  FROM order_facets o
  LEFT JOIN LATERAL (
       SELECT coalesce(sum(quantity) FILTER (WHERE o.new_contract IS NULL OR x.contract = o.new_contract), 0)::bigint
                AS quantity,
              sum(quantity) FILTER (WHERE o.new_contract IS NOT NULL AND x.contract = o.contract)::bigint
                AS leg_quantity,
              sum(quantity::numeric * price_e4
                  * CASE WHEN o.new_contract IS NOT NULL AND x.contract = o.contract THEN -1 ELSE 1 END) AS value_e4,
              sum(commission_cents)::bigint AS commission, count(*) AS executions
         FROM fills x WHERE x.order_id = o.order_id AND x.book = o.book) f ON true
 WHERE o.terms_sequence IS NOT NULL
""",
    # A part that a wash sale has split off keeps its lot's id before a slash: it counts with its lot. After a split the
    # lot is what the split left of it; `quantity` is what was opened, in the shares or contracts of today.
    "lots": """
SELECT l.book, l.lot_id, coalesce(l.moved_to, l.account_id) AS account_id, coalesce(a.contract, l.contract) AS contract,
       l.ticker, round(l.quantity * coalesce(f.factor, 1))::bigint AS quantity,
       coalesce(a.quantity, l.quantity) - coalesce(r.given, 0) AS quantity_left, l.acquired_day, l.basis_cents,
       coalesce(w.added, 0) AS wash_sale_cents, coalesce(a.price_e4, l.price_e4) AS price_e4,
       l.chain_net_cents, l.opened_at, coalesce(r.disposals, 0) AS disposals,
       coalesce(r.gain, 0) AS realised_gain_cents,
       l.event_id, l.partition, l.sequence, l.ordinal
  FROM lot_facets l
  LEFT JOIN LATERAL (
       SELECT * FROM lot_adjustments x WHERE x.book = l.book AND x.lot_id = l.lot_id
        ORDER BY x.sequence DESC, x.ordinal DESC LIMIT 1) a ON true
  LEFT JOIN LATERAL (
       SELECT exp(sum(ln(ratio_new::numeric / ratio_old))) AS factor
         FROM lot_adjustments x WHERE x.book = l.book AND x.lot_id = l.lot_id) f ON true
  LEFT JOIN LATERAL (
       SELECT count(*) AS disposals, sum(amount_cents)::bigint AS gain,
              sum(quantity) FILTER (WHERE a.sequence IS NULL OR (x.sequence, x.ordinal) > (a.sequence, a.ordinal))
                ::bigint AS given
         FROM results x
        WHERE x.book = l.book AND x.account_id IN (l.account_id, l.moved_to) AND x.kind = 'TAXABLE'
          AND split_part(x.lot_id, '/', 1) = l.lot_id) r ON true
  LEFT JOIN LATERAL (
       SELECT sum(amount_cents)::bigint AS added
         FROM wash_sales x WHERE x.book = l.book AND x.lot_id = l.lot_id) w ON true
 WHERE l.opened_sequence IS NOT NULL
""",
    # By account, contract, New York date and class. TRADE and TAXABLE are two views of the same money.
    "pnl": """
SELECT book, account_id, kind, ticker, contract, tax_class, year,
       (realised_at AT TIME ZONE 'America/New_York')::date AS session_day,
       sum(amount_cents)::bigint AS amount_cents, count(*) AS entries,
       (array_agg(event_id ORDER BY sequence DESC, ordinal DESC))[1] AS event_id,
       max(partition) AS partition,
       (array_agg(sequence ORDER BY sequence DESC, ordinal DESC))[1] AS sequence,
       (array_agg(ordinal ORDER BY sequence DESC, ordinal DESC))[1] AS ordinal
  FROM results
 GROUP BY book, account_id, kind, ticker, contract, tax_class, year, (realised_at AT TIME ZONE 'America/New_York')::date
""",
    "approvals": """
SELECT a.book, a.approval_id, a.account_id, a.kind, a.subject, a.state, a.required,
       coalesce(v.granted, 0) AS granted, coalesce(v.votes, '[]'::jsonb) AS votes,
       a.proposal, a.roles, a.requester, a.requested_at, a.expires_at, a.default_action,
       a.decided_by, a.choice, a.reason, a.state_at,
       a.event_id, a.partition, a.sequence, a.ordinal
  FROM approval_facets a
  LEFT JOIN LATERAL (
       SELECT count(*) FILTER (WHERE vote = 'GRANTED') AS granted,
              jsonb_agg(jsonb_build_object('by', by, 'vote', vote, 'choice', choice)
                        ORDER BY sequence, ordinal) AS votes
         FROM approval_votes x WHERE x.book = a.book AND x.approval_id = a.approval_id) v ON true
 WHERE a.request_sequence IS NOT NULL
""",
    "alerts": """
SELECT a.book, a.account_id, a.alert_id, a.type, a.priority, a.ticker, a.title, a.message, a.raised_at,
       s.acknowledged_by, s.acknowledged_at, s.escalated_to, s.escalated_at, s.resolved_by, s.resolution, s.resolved_at,
       a.event_id, a.partition, a.sequence, a.ordinal
  FROM alert_lines a LEFT JOIN alert_states s ON s.book = a.book AND s.alert_id = a.alert_id
""",
    # DONE: every step has been carried out. The steps done are those of the log, once each.
    "scripts": """
SELECT c.book, c.script_id, c.account_id, c.position_id, c.contract, c.ticker, c.level,
       CASE WHEN c.lapsed_at IS NOT NULL THEN 'LAPSED'
            WHEN d.done >= jsonb_array_length(c.steps) AND d.done > 0 THEN 'DONE' ELSE 'OPEN' END AS state,
       c.lapse_reason, c.steps, coalesce(d.steps_done, '[]'::jsonb) AS steps_done, c.economics, c.expires_at,
       c.generated_at, c.lapsed_at, d.executed_at, c.event_id, c.partition, c.sequence, c.ordinal
  FROM script_facets c
  LEFT JOIN LATERAL (
       SELECT count(DISTINCT x.seq) AS done, max(x.executed_at) AS executed_at,
              jsonb_agg(jsonb_build_object('seq', x.seq, 'action', x.action, 'result', x.result)
                        ORDER BY x.sequence, x.ordinal) AS steps_done
         FROM script_steps x WHERE x.book = c.book AND x.script_id = c.script_id) d ON true
 WHERE c.terms_sequence IS NOT NULL
""",
    # What happens to capital and to accounts themselves, a row a workflow in its latest state (protocol 10).
    "lifecycle": """
SELECT f.book, coalesce(f.account_id, f.parent_account_id) AS account_id, 'FORK' AS kind, f.fork_id AS id,
       f.state, f.reason, f.amount_cents,
       jsonb_strip_nulls(jsonb_build_object('template', f.template, 'children', f.children, 'system', f.child_system,
         'confirmations', f.confirmations)) AS detail,
       coalesce(f.begun_at, f.linked_at) AS begun_at, f.state_at, f.event_id, f.partition, f.sequence, f.ordinal
  FROM forks f WHERE f.state IS NOT NULL
UNION ALL
SELECT m.book, m.target_account_id, 'MERGE', m.merge_id, m.state, NULL, m.amount_cents,
       jsonb_strip_nulls(jsonb_build_object('group', m.fork_group_id, 'members', m.members, 'sessions', m.sessions)),
       m.begun_at, m.state_at, m.event_id, m.partition, m.sequence, m.ordinal
  FROM merges m WHERE m.begun_sequence IS NOT NULL
UNION ALL
SELECT r.book, r.account_id, 'REINVESTMENT', r.account_id || '|' || r.quarter, r.state, r.reason,
       coalesce(r.spent_cents, r.amount_cents),
       jsonb_strip_nulls(jsonb_build_object('quarter', r.quarter, 'purchases', jsonb_array_length(r.purchases),
         'sessions', r.sessions)),
       r.calculated_at, r.state_at, r.event_id, r.partition, r.sequence, r.ordinal
  FROM reinvestments r
UNION ALL
SELECT w.book, w.account_id, 'WITHDRAWAL', w.withdrawal_id, w.state, coalesce(w.code || ': ' || w.reason, w.reason),
       w.amount_cents, jsonb_strip_nulls(jsonb_build_object('quarter', w.quarter, 'approvals', w.approvals)),
       w.requested_at, w.state_at, w.event_id, w.partition, w.sequence, w.ordinal
  FROM withdrawals w WHERE w.request_sequence IS NOT NULL
UNION ALL
SELECT t.book, t.account_id, 'TRANSFER', t.transfer_id, t.state, t.reason, t.amount_cents,
       jsonb_build_object('kind', t.kind, 'from', t.from_account, 'to', t.to_account),
       NULL, t.state_at, t.event_id, t.partition, t.sequence, t.ordinal
  FROM transfers t WHERE t.terms_sequence IS NOT NULL
UNION ALL
SELECT c.book, c.account_id, 'CONTRIBUTION', c.event_id::text, c.kind, NULL, c.amount_cents, '{}'::jsonb,
       c.contributed_at, c.contributed_at, c.event_id, c.partition, c.sequence, c.ordinal
  FROM contributions c
""",
}
"""View name to its query over unqualified table names; made in this order with the generation's schema as search path.
In the schema that readers use, every other table appears under its own name."""
