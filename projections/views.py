"""The views that readers see, built on the tables of one generation. Rows whose defining event has not arrived yet
(another topic was faster) are left out, so nobody sees half a row."""

VIEWS: dict[str, str] = {
    # Cash by ledger account from the balances, valuation from the last PositionMarked; before the first one the cash.
    "accounts": """
SELECT a.book, a.account_id, a.type, a.role, a.parent_account_id, a.fork_group_id, a.owner_subject_id, a.inception_day,
       a.state, a.state_reason, a.state_at,
       coalesce(b.cash, 0) AS cash_cents,
       coalesce(b.unsettled, 0) AS cash_unsettled_cents,
       coalesce(b.reserve, 0) AS tax_reserve_cents,
       coalesce(b.cash, 0) + coalesce(b.unsettled, 0) + coalesce(b.reserve, 0) AS cash_total_cents,
       coalesce(m.nav_cents, b.cash + b.unsettled + b.reserve, 0) AS nav_cents,
       coalesce(m.corpus_cents, b.cash + b.unsettled, 0) AS corpus_cents,
       coalesce(m.collateral_cents, 0) AS collateral_cents,
       coalesce(m.unrealised_cents, 0) AS unrealised_cents,
       m.buffer_required_cents, m.free_cash_cents, m.session_day AS marked_day, m.marked_at,
       a.base_capital_cents, a.sizing_base_cents, a.sizing_cause,
       a.effective_mode,
       coalesce(r.restrictions, '[]'::jsonb) AS restrictions,
       coalesce(k.engaged, false) AS kill_switch,
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
  LEFT JOIN LATERAL (
       SELECT event_id, partition, sequence, ordinal FROM (
              SELECT a.event_id, a.partition, a.sequence, a.ordinal
              UNION ALL SELECT m.event_id, m.partition, m.sequence, m.ordinal WHERE m.event_id IS NOT NULL
              UNION ALL (SELECT l.event_id, l.partition, l.sequence, l.ordinal FROM ledger_balances l
                          WHERE l.book = a.book AND l.account_id = a.account_id)) every
        ORDER BY sequence DESC, ordinal DESC LIMIT 1) p ON true
 WHERE a.identity_sequence IS NOT NULL
""",
    # Steps in journal order: OPENED and INCREASED say what was added, REDUCED and CLOSED what is there afterwards. A
    # CLOSED ends a turn; the shares of a ticker, or an expiry that is reversed, open the next one under the same id.
    "positions": """
SELECT s.book, s.position_id, s.turn + 1 AS turn,
       (array_agg(s.account_id ORDER BY s.sequence, s.ordinal))[1] AS account_id,
       (array_agg(s.ticker ORDER BY s.sequence DESC, s.ordinal DESC))[1] AS ticker,
       (array_agg(s.contract ORDER BY s.sequence DESC, s.ordinal DESC))[1] AS contract,
       CASE WHEN bool_or(s.step = 'CLOSED') THEN 'CLOSED' ELSE 'OPEN' END AS state,
       (coalesce((array_agg(s.quantity ORDER BY s.sequence DESC, s.ordinal DESC)
                   FILTER (WHERE s.step IN ('REDUCED', 'CLOSED')))[1], 0)
        + coalesce(sum(s.quantity) FILTER (WHERE s.step IN ('OPENED', 'INCREASED')
                                             AND s.place > coalesce(s.stated, -1)), 0))::bigint AS quantity,
       sum(s.quantity) FILTER (WHERE s.step IN ('OPENED', 'INCREASED'))::bigint AS quantity_opened,
       round(sum(s.quantity::numeric * s.price_e4) FILTER (WHERE s.step IN ('OPENED', 'INCREASED'))
             / nullif(sum(s.quantity) FILTER (WHERE s.step IN ('OPENED', 'INCREASED')), 0))::bigint AS average_price_e4,
       (array_agg(s.p0_e4 ORDER BY s.sequence, s.ordinal) FILTER (WHERE s.step = 'OPENED'))[1] AS p0_e4,
       (array_agg(s.atr_e6 ORDER BY s.sequence, s.ordinal) FILTER (WHERE s.step = 'OPENED'))[1] AS atr_e6,
       (array_agg(s.chain_id ORDER BY s.sequence, s.ordinal) FILTER (WHERE s.step = 'OPENED'))[1] AS chain_id,
       coalesce(sum(s.commission_cents), 0)::bigint AS opening_commission_cents,
       coalesce(sum(s.pnl_cents), 0)::bigint AS realised_pnl_cents,
       max(s.cause) AS close_cause,
       min(s.stepped_at) FILTER (WHERE s.step = 'OPENED') AS opened_at,
       max(s.stepped_at) FILTER (WHERE s.step = 'CLOSED') AS closed_at,
       (array_agg(s.event_id ORDER BY s.sequence DESC, s.ordinal DESC))[1] AS event_id,
       max(s.partition) AS partition,
       (array_agg(s.sequence ORDER BY s.sequence DESC, s.ordinal DESC))[1] AS sequence,
       (array_agg(s.ordinal ORDER BY s.sequence DESC, s.ordinal DESC))[1] AS ordinal
  FROM (SELECT *, max(place) FILTER (WHERE step IN ('REDUCED', 'CLOSED'))
                    OVER (PARTITION BY book, position_id, turn) AS stated
          FROM (SELECT *, sequence * 1048576 + ordinal AS place,
                       count(*) FILTER (WHERE step = 'CLOSED')
                         OVER (PARTITION BY book, position_id ORDER BY sequence, ordinal
                               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS turn
                  FROM position_steps) t) s
 GROUP BY s.book, s.position_id, s.turn
HAVING bool_or(s.step = 'OPENED')
""",
    "orders": """
SELECT o.book, o.order_id, o.account_id, o.signal_id, o.contract, o.ticker, o.side, o.effect, o.quantity, o.purpose,
       o.origin, o.clip, o.rest, o.first_limit_e4, o.limit_e4, o.version, o.ladder_e4,
       CASE WHEN o.state = 'PENDING_SUBMIT' AND (o.broker_sequence, o.broker_ordinal) > (o.state_sequence,
       o.state_ordinal)
            THEN 'SUBMITTED' ELSE o.state END AS state,
       o.code, o.reason, o.state_at,
       greatest(coalesce(o.cum_quantity, 0), coalesce(f.quantity, 0)) AS cum_quantity,
       round(f.value_e4 / nullif(f.quantity, 0))::bigint AS average_price_e4,
       coalesce(f.commission, 0) AS commission_cents, coalesce(f.executions, 0) AS executions,
       o.broker_order_id, o.checks, o.proposed_at,
       o.event_id, o.partition, o.sequence, o.ordinal
  FROM order_facets o
  LEFT JOIN LATERAL (
       SELECT sum(quantity)::bigint AS quantity, sum(quantity::numeric * price_e4) AS value_e4,
              sum(commission_cents)::bigint AS commission, count(*) AS executions
         FROM fills x WHERE x.order_id = o.order_id AND x.book = o.book) f ON true
 WHERE o.terms_sequence IS NOT NULL
""",
    "lots": """
SELECT l.book, l.lot_id, l.account_id, l.contract, l.ticker, l.quantity, l.acquired_day, l.basis_cents, l.price_e4,
       l.chain_net_cents, l.opened_at, coalesce(r.disposals, 0) AS disposals, coalesce(r.gain, 0) AS
       realised_gain_cents,
       l.event_id, l.partition, l.sequence, l.ordinal
  FROM lot_facets l
  LEFT JOIN LATERAL (
       SELECT count(*) AS disposals, sum(amount_cents)::bigint AS gain
         FROM results x WHERE x.book = l.book AND x.lot_id = l.lot_id AND x.kind = 'TAXABLE') r ON true
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
}
"""View name to its query over unqualified table names; made with the generation's schema as search path. In the schema
that readers use, every other table appears under its own name."""
