"""The numbered rules of the protocol that the domain holds (3 to 13, 15, 18, 19.4, 14.2 and 14.4), and where.

A line a rule: its number, what it says in a few words, the functions that hold it, without `domain.`. Parts of a
numbered section that have no number of their own, such as a row of a table, follow it with a letter.
"""

from dataclasses import dataclass

_RULES = """
3.1 | split 40/30/30, the remainder to COM; range and warning; opened, then funded | inception.create_system inception.link_confirmed lifecycle.transfers.contribution_parts
3.2 | fork child's id; lineage is written once | lifecycle.forking._fork_group evolve_book._account_opened
3.3 | states of an account and their guards; everything else ILLEGAL_TRANSITION | governance.suspend governance.resume governance.close_account lifecycle.surplus.in_workflow
3.4 | restrictions add up, the most severe counts; each has its own clearing rule | modes.effective_mode modes.permits restrictions.restrict restrictions.lift
3.5 | phases of the wheel follow from orders, options and shares | wheel.phase_now wheel.follow_phase
4.1a | collateral of short puts, working sales included | valuation.put_collateral
4.1b | free cash: settled, tied to nothing | valuation.free_cash valuation.purchases_working ledger.settle calendar.Calendar.settlement
4.1c | buffer and what is deployable | valuation.buffer_required valuation.deployable
4.1d | buffer breached at once, restored at the end of a day | ledger.check_buffer
4.2 | double entry; corrections reverse | ledger.post governance.correct_ledger
4.3 | lots, first in first out; a roll joins two trades | lots.split_lots lots.take_lots fills.open_long fills.close_long fills.dispose
4.4a | short options are short-term | tax.record_gain fills.end_short
4.4b | an assigned put is no taxable event; its premium reduces the basis | outcomes._assign
4.4c | a call's premium adds to the proceeds | outcomes._call_away
4.4d | long-term after the first anniversary | tax_formula.is_long_term
4.4e | dividends and interest are income; losses do not reduce it | governance.record_dividend governance.record_interest lifecycle.transfers.book_cash
4.4f | T of a year; losses of one class offset the other | tax_formula.net_results tax_formula.estimated_tax
4.4g | the reserve follows its target over the open years | tax.adjust_reserve tax.close_year governance.record_tax_payment
4.4h | in a merge results, carried losses and payments move | evolve_lifecycle._move_tax
4.4i | wash sales: matched earliest first, each share once, 30 days both ways | wash_sales.on_loss wash_sales.on_acquisition wash_sales._match wash_sales.identical
4.4j | a deep put waits for its assignment or its end | wash_sales.on_deep_put_assigned wash_sales.on_deep_put_ended tax.deep_put_sold tax._is_deep
5.1 | entries, rolls and LEAPS read every listed strike | market.Chain.quotes market.Chain.quote
5.2 | a quote that is not two-sided counts for nothing | market.Quote.two_sided
5.3 | ATR(14), Wilder; stored value; fall-backs | indicators.true_range_e6 indicators.seed_atr_e6 indicators.next_atr_e6 indicators.fallback_atr_e6 risk.measure.atr_in_force risk.measure.announce_fallback
5.5 | stale quotes open nothing | selection._age_s pretrade._pt06
6.1a | entry days | entry.trades_today calendar.Calendar.entry_on
6.1b | expiry of a put | selection.put_expiry
6.1c | expiry of a call | selection.call_expiry
6.1d | delta bands, premium minimum and share of capital by sleeve | selection._band sizing.budget
6.2.1 | account gate | entry._account_gate
6.2.2 | ticker gate: lists, phase and day, level, earnings, halt, volatility | entry.wanted_right entry._ticker_gate selection._put_barred market.Market.atr_above_percentile
6.2.3 | expiry within range, else NO_ELIGIBLE_EXPIRY | selection.select
6.2.4 | liquid candidates inside the band | pretrade.is_liquid selection.Band.holds
6.2.5 | nearest the target; ties; ATR_HALF | selection._nearest
6.2.6 | premium gate | selection._put selection._call entry._gate
6.2.7 | size, residual pass, INSUFFICIENT_CAPITAL | entry._size entry._quantify
6.2.8 | checks, then the order | entry._send
6.2.9 | scans every five minutes; one skip a ticker at 11:00 or 11:30 | entry.scan entry.close_window entry.end_work schedule._scan
6.3 | request under the gate: floor, expiry, one a window, looked at again | entry._ask entry._premium_decided entry._trade_approved
6.4 | week-mode shift of put bands | selection.mode_shift selection.Band.shifted
6.5a | B_total, B_avail | sizing.budget
6.5b | ticker split | sizing.ticker_split sizing.share_of
6.5c | caps on contracts | sizing.caps entry._quantify
6.5d | residual pass | entry._residual entry._residual_orders
6.5e | calls on uncovered lots; COM's coverage | entry.calls_to_write pretrade.uncovered_lots
6.5f | COM's cash trigger | entry.cash_trigger
6.6a | first price, floor, ladder | money.ladder entry._send orders.reprice
6.6b | clips of at most 50 | orders.next_clip
6.6c | no answer in 3 s: UNKNOWN | orders.acknowledgement_due
6.6d | closes by people and LEAPS climb to 105 % of mid | money.buy_ladder leaps.buy monitoring.close_by_person
6.6e | share orders 0.1 % beyond ask or bid | purchases.purchase_limit_e4 purchases.sale_limit_e4
6.7 | floor and mode of a covered call | selection.call_floor selection._call selection._override entry._ask_for_call lots.average_price
7.1 | profit-take, cheap buy-back | monitoring._take_profit monitoring._buy_back_cheap lots.net_credit_e4
7.2a | table of an expiring put | monitoring.read_expiry_table monitoring._put_action
7.2b | an expiring call | monitoring._call_action
7.2c | 15 % in the money: people decide until 15:45 | monitoring._ask monitoring._deep_expiry_decided
7.3 | roll rule | rolls.roll_cap_e4 rolls.target_expiry rolls.best_roll rolls.send_roll rolls.decline
7.4a | assignment by notice | outcomes.on_assignment outcomes._assign outcomes._call_away
7.4b | at expiry: under -0.5 %, around the money, in the money | outcomes.book_expiries outcomes.settle_pending outcomes.expire_worthless
7.4c | a later notice reverses an expiry | outcomes._reverse_expiry evolve_positions._reopen weeks.reclassify
7.5 | LEAPS: selection, review | leaps.select_leaps leaps._eligible leaps.review
8.1a | M and the level | risk.measure.adverse_move_e6 risk.measure.reached_level risk.measure.atr_of
8.1b | what is measured: puts, packages, COM's shares | risk.measure.put_holding risk.measure.package
8.1c | intervals by level | risk.measure.interval_us risk.measure.watch
8.1d | early exercise warning | monitoring._warn_of_early_exercise
8.2a | one event a level crossed; only the highest acts | risk.levels.evaluate_level risk.levels._change risk.levels._act
8.2b | hysteresis, one level at a time | risk.levels.evaluate_level
8.3a | scripts are data, steps run once | risk.scripts.store risk.scripts.step_executed
8.3b | recovery script at entry | risk.scripts.store_recovery_script
8.3c | L2 roll | risk.levels._recovery risk.levels._script_decided risk.levels._roll_now
8.3d | L2 without an answer | risk.levels.escalate
8.3e | hedges and their budget | risk.hedges.budget_left risk.hedges._candidate risk.hedges.open_hedge risk.hedges.release_for risk.hedges.check_profit
8.3f | L3 exit: ladder, cap, give-up, open plus 60 s | risk.stop_loss.exit_short risk.stop_loss.exit_ladder risk.stop_loss._exit_ended
8.3g | shares at level 3 | risk.levels._ask_about_shares risk.levels._shares_decided
8.3h | a higher level lapses the lower script | risk.scripts.lapse_scripts risk.ending.end_of_position
8.3i | leaving L2 | risk.ending.release_level2
8.3j | leaving PRESERVATION | risk.levels.ask_to_leave_preservation governance.release_preservation
8.4 | lost feed | risk.feeds.check_feed risk.stop_loss._fresh_quote
9a | consecutive losses | risk.breakers.check_losses
9b | daily drawdown | risk.breakers.drawdown_limit risk.breakers.check_daily_drawdown risk.breakers.at_open
9c | simultaneous breaches | risk.breakers.check_simultaneous_breaches
9d | account drawdown from its high | risk.breakers.check_account_drawdown evolve_book.note_flow
9e | VIX 50: halved, strict rolls | risk.breakers.check_vix risk.breakers.vix_halves
9f | VIX 65: no entries anywhere | risk.breakers.check_vix risk.breakers.at_end_of_day
9g | VIX 80: kill switch | risk.breakers.check_vix risk.breakers.kill_switch_released
9h | kill switch by a person | governance.engage_kill_switch governance.release_kill_switch kill_switch.engage
9i | reconciliation break | reconciliation.on_statement
9j | hard limits of an order | pretrade._pt11
10.1 | post-tax surplus | lifecycle.surplus.surplus_post
10.2a | eligibility told once; threshold; amount | lifecycle.forking.evaluate_fork lifecycle.forking._threshold lifecycle.forking._amount lifecycle.forking._lose_eligibility
10.2b | guards in their order | lifecycle.forking._guard
10.2c | window of execution | lifecycle.forking.in_window
10.2d | fork group of GEN | lifecycle.forking._fork_group lifecycle.forking._transfer
10.2e | new system of REV | lifecycle.forking._found_system lifecycle.forking._approved lifecycle.forking.child_answered
10.2f | a known fork has no effect | lifecycle.forking.initiate
10.3a | three valuations in a row | lifecycle.merging.evaluate_merge
10.3b | steps of a merge | lifecycle.merging._initiate lifecycle.merging.go_on lifecycle.liquidation.liquidate lifecycle.merging._complete
10.3c | stall | lifecycle.merging._stall lifecycle.merging._stall_decided
10.4a | weekly sizing base of GEN | weeks.weekly_job
10.4b | R and its buckets; carry | purchases.quarterly_amounts purchases.carry_out quarters.net_result quarters.quarter_tax
10.4c | shares for equal amounts | purchases.buy_shares
10.4d | LEAPS in rotation | purchases.buy_leaps
10.4e | when it runs, postpones, skips | lifecycle.reinvestment.evaluate_reinvestment lifecycle.reinvestment._run quarters.is_first_session
10.4f | the run's orders and its end | lifecycle.reinvestment.purchase lifecycle.reinvestment._complete_if_over lifecycle.reinvestment.complete
10.5a | contribution | lifecycle.transfers.detect_contribution lifecycle.transfers.contribution_parts lifecycle.transfers.credit
10.5b | withdrawal | lifecycle.transfers.request_withdrawal lifecycle.transfers.withdrawable lifecycle.transfers._quarter_for lifecycle.transfers.pay
10.5c | transfers between accounts | governance.transfer_capital
11.1a | put types | week_types.put_assignment_type week_types.put_closed_type week_types.put_rolled_type
11.1b | call types | week_types.called_away_type week_types.held_shares_type
11.1c | exactly one primary type; severity | week_types.primary week_types.most_severe
11.1d | account week by capital weight | weeks._classify_account evolve_positions._add_weight
11.1e | outcomes belong to a week; late ones reclassify | weeks.settled_types weeks.awaited_types weeks.reclassify evolve_positions._note_outcome
11.2a | mode and tag of a week | prediction.confirm_mode prediction.confirm_equal_weight forecasts.confirm_week
11.2b | guess | prediction.guess_inputs prediction.guess_mode forecasts.guess_week
11.3 | stored record of a week | weeks._classify_ticker
11.4 | type x outcome matrix | prediction.matrix_keys prediction.OutcomeCell.added
11.5a | smoothed Markov frequencies with back-off | prediction.predict_type prediction.observe
11.5b | scores | prediction.brier_score prediction.rolling forecasts.score_types
11.5c | qualifies, disqualifies | prediction.predictor_qualified forecasts._fall_back
12.1a | order states | orders.on_status orders._end orders.ended fills._state_after
12.1b | executions once, late ones booked | fills.on_execution
12.1c | UNKNOWN blocks the contract | orders.blocked
12.1d | a refused cancel | orders._cancel_refused orders.request_cancel
PT-01 | kill switch | pretrade._pt01
PT-02 | account state and mode | pretrade._pt02
PT-03 | environment | pretrade._pt03
PT-04 | instrument permitted | pretrade._pt04
PT-05 | session and window | pretrade._pt05
PT-06 | quote fresh | pretrade._pt06
PT-07 | liquidity | pretrade._pt07
PT-08 | delta and premium of the strategy | pretrade._pt08
PT-09 | collateral and buffer | pretrade._pt09 pretrade._cash_needed
PT-10 | calls covered | pretrade._pt10 pretrade._calls_open
PT-11 | caps | pretrade._pt11
PT-12 | exchange position limit (CR-06) | pretrade._pt12
PT-13 | levels and breakers | pretrade._pt13
PT-14 | day trades (CR-04, CR-05) | pretrade._pt14 pretrade.opened_today pretrade.margin_equity
PT-15 | no self-cross (CR-08) | pretrade._pt15
PT-16 | wash-sale warning (CR-07) | pretrade._pt16
PT-17 | collar | pretrade._pt17 pretrade.collar pretrade._around
PT-18 | duplicate | pretrade._pt18
PT-19 | approval present | pretrade._pt19
12.2 | in order, the first failure rejects, results stored | pretrade.run_checks orders.place
12.3 | priority of timers of one tick | schedule.rank_of
12.5 | quantities exact, cash within tolerance; patterns booked | reconciliation.on_statement reconciliation.holdings lifecycle.transfers.on_cash_activity
13.1 | order of validation, idempotency | starlab.submit starlab._schema
13.2a | scheme, funds, cover, scope | starlab._business starlab._check starlab._account
13.2b | GTC | starlab.at_open starlab._again
13.3a | cancel | starlab.cancel
13.3b | positions and results of a strategy | evolve_starlab.take_fill evolve_starlab.settle_options evolve_starlab.assign_options starlab.strategy_quantity
14.2 | metrics | metrics.time_weighted_return metrics.weekly_returns metrics.max_drawdown metrics.win_rate metrics.premium_yield metrics.volatility_e10 metrics.sharpe_e10 metrics.value_at_risk metrics.exposure
14.4 | growth reference and bands | growth._grow growth._fork growth.reference_path growth.monte_carlo growth.benchmark_deviation
15.1 | alerts raised, acknowledged, resolved | alerts.raise_alert governance.acknowledge_alert governance.resolve_alert
15.2a | two people for two approvals, never the own request | approvals.refusal approvals.grant
15.2b | one denial; default at expiry | approvals.deny approvals.expire
15.2c | answers of a simulation | approvals.answer_by_policy
15.2d | business days of an expiry | approvals.business_days_on
18a | types, ranges, overlays | config.parse config._parse_kind config.Config.check
18b | proposals, approvals, refused as a whole | governance.propose_configuration governance._configuration_decided config.approvals_needed
19.1 | a command's key: same answer, another body refused | book.on_command book.body_hash book.reject
INV-1 | ledger lines of an event sum to zero | ledger.post
INV-2 | replay yields the state | evolve.evolve
INV-3 | cash of the accounts is the broker's | reconciliation.on_statement valuation.cash_total
INV-4 | collateral covers short puts | valuation.put_collateral pretrade._pt09
INV-5 | short calls are covered | pretrade.uncovered_lots pretrade._pt10
INV-6 | buffer kept | valuation.buffer_required pretrade._pt09
INV-7 | a fork conserves corpus | lifecycle.forking._transfer
INV-8 | a merge conserves cash and reserve | lifecycle.merging._complete
INV-9 | one workflow at a time | lifecycle.surplus.in_workflow
INV-10 | one level each | risk.measure.holdings_with_levels
INV-11 | one primary type | week_types.primary
INV-12 | no fill without an order, no order without a reason | orders.place fills.on_execution
INV-13 | workflow ids are unique | identity.workflow_id
INV-14 | terminal states never change | orders._end
INV-16 | internal capital and EXT apart | starlab._account
INV-17 | COM never pays out | lifecycle.transfers.request_withdrawal
INV-18 | a fill meets its minimum | money.ladder entry._send
"""


@dataclass(frozen=True)
class Rule:
    """A numbered rule and where it is."""

    number: str
    says: str
    functions: tuple[str, ...]
    """module:function, as mutants name them"""


def rules() -> list[Rule]:
    """Every rule, in the order of the protocol."""
    found: list[Rule] = []
    for row in _RULES.strip().splitlines():
        number, says, functions = (cell.strip() for cell in row.split("|"))
        found.append(Rule(number, says, tuple(f"domain.{name}" for name in functions.split())))
    return found
