"""The catalogue of parameters as protocol 18 states it, row by row: a default, a range or a number of approvals that
moves must be moved here too, by someone who has read the section.

Name, default, range or choices (empty where the protocol states none), H for at once or R for after a restart with the
number of people who approve. Values that stand in other sections: resets of the VIX breakers (9), age of a
reconciliation (6.2), loss of a feed (8.4), postponed reinvestment (10.4), answers to a change (15.2), bands of 6.1.
"""

import pytest

from domain.config import CATALOGUE, Config, ConfigurationError, approvals_needed, parse
from domain.reasons import Reason

PROTOCOL = """
env.mode | PAPER | SIM,PAPER,LIVE | R2
system.initial_capital | 500000 | 10000 to 10000000 | R1
system.min_recommended_capital | 100000 | 10000 to 500000 | H1
system.start_jitter_max | 120 | 0 to 600 | H1
alloc.gen_pct | 40 | 0 to 100 | H2
alloc.rev_pct | 30 | 0 to 100 | H2
alloc.com_pct | 30 | 0 to 100 | H2
alloc.contribution_policy | PRO_RATA | PRO_RATA,TOP_UP_TO_TARGET | H1
contribution.min_detect | 100 | 1 to 10000 | H1
buffer.pct | 5 | 0 to 25 | H2
id.fork_pattern | {parent_id}-F{seq:02d}-{TYPE} |  | R1
broker.mapping | SYSTEM | SYSTEM,SUBACCOUNT | R2
entry.window_start | 10:00 | 09:30 to 16:00 | H1
entry.window_end | 11:00 | 09:30 to 16:00 | H1
entry.work_until | 11:30 | 09:30 to 16:00 | H1
entry.rescan_interval | 300 | 30 to 1800 | H1
expiry.manage_start | 14:30 | 09:30 to 16:00 | H1
expiry.manage_end | 15:45 | 09:30 to 16:00 | H1
expiry.close_cheap_price | 0.05 | 0 to 0.20 | H1
expiry.close_cheap_from | 15:30 |  | H1
expiry.pin_risk_pct | 0.5 | 0 to 2 | H1
eod.time | 16:30 |  | H1
weekly.time | 10:00 |  | H1
gen.tickers | TSLA,NVDA |  | H1
gen.entry_days | THU |  | H1
gen.cc_entry_days | MON,TUE,THU |  | H1
gen.tdte_min | 0 | 0 to 5 | H2
gen.tdte_max | 1 | 0 to 5 | H2
gen.zero_dte_enabled | false |  | H1
gen.delta_min | 40 | 5 to 60 | H2
gen.delta_target | 45 | 5 to 60 | H2
gen.delta_max | 50 | 5 to 60 | H2
gen.delta_widen | 0 | 0 to 5 | H1
gen.min_premium_pct | 1.5 | 0 to 10 | H2
gen.target_premium_pct | 2.0 | 0 to 10 | H2
gen.alloc_pct | 95 | 0 to 95 | H2
gen.ticker_split | EQUAL_ELIGIBLE | EQUAL_ELIGIBLE,EQUAL_CONFIGURED,BEST_PREMIUM,WEIGHTS | H1
gen.ticker_weights |  |  | H1
gen.cc_delta_min | 40 | 5 to 60 | H2
gen.cc_delta_target | 45 | 5 to 60 | H2
gen.cc_delta_max | 50 | 5 to 60 | H2
gen.cc_min_premium_pct | 0.75 | 0 to 10 | H1
gen.profit_take_pct | 80 | 30 to 100 | H1
rev.tickers | AAPL,MSFT,AMZN,GOOG |  | H1
rev.entry_days | MON,TUE,WED |  | H1
rev.cc_entry_days | MON,TUE,WED |  | H1
rev.thursday_pilot | false |  | H1
rev.dte_min | 2 | 0 to 45 | H2
rev.dte_max | 9 | 0 to 45 | H2
rev.delta_min | 30 | 5 to 60 | H2
rev.delta_target | 35 | 5 to 60 | H2
rev.delta_max | 40 | 5 to 60 | H2
rev.delta_widen | 0 |  | H1
rev.min_premium_pct | 1.0 | 0 to 10 | H2
rev.target_premium_pct | 1.5 | 0 to 10 | H2
rev.alloc_pct | 95 | 0 to 95 | H2
rev.ticker_split | EQUAL_CONFIGURED | EQUAL_ELIGIBLE,EQUAL_CONFIGURED,BEST_PREMIUM,WEIGHTS | H2
rev.ticker_weights |  |  | H1
rev.cc_delta_min | 30 |  | H2
rev.cc_delta_target | 35 |  | H2
rev.cc_delta_max | 40 |  | H2
rev.cc_min_premium_pct | 0.50 | 0 to 10 | H1
rev.profit_take_pct | 65 | 30 to 100 | H1
com.tickers | AAPL,MSFT,GOOG,AMZN,NVDA,TSLA |  | H1
com.entry_days | MON |  | H1
com.cc_entry_days | MON |  | H1
com.dte_min | 1 | 0 to 60 | H1
com.dte_max | 7 | 0 to 60 | H1
com.delta_min | 20 | 5 to 40 | H2
com.delta_target | 22.5 | 5 to 40 | H2
com.delta_max | 25 | 5 to 40 | H2
com.delta_widen | 0 |  | H1
com.cc_delta_min | 20 |  | H2
com.cc_delta_target | 22.5 |  | H2
com.cc_delta_max | 25 |  | H2
com.min_premium_pct | 0.50 | 0 to 5 | H1
com.cc_min_premium_pct | 0.25 | 0 to 5 | H1
com.cc_coverage_pct | 100 | 0 to 100 | H1
com.cc_earnings_coverage_pct | 50 | 0 to 100 | H1
com.csp_enabled | true |  | H1
com.csp_cash_trigger_pct | 20 | 0 to 100 | H1
com.cc_itm_action | ROLL_UP_OUT | ROLL_UP_OUT,CALL_AWAY | H1
com.profit_take_pct | 65 | 30 to 100 | H1
common.strike_method | DELTA | DELTA,ATR_HALF | H1
common.ticker_cap_pct.gen | 100 | 1 to 100 | H2
common.ticker_cap_pct.rev | 25 | 1 to 100 | H2
common.ticker_cap_pct.com | 25 | 1 to 100 | H2
common.ticker_cap_pct.ext | 100 | 1 to 100 | H2
common.blacklist |  |  | H1
common.earnings_filter | true |  | H1
common.residual_pass | true |  | H1
common.double_down_enabled | false |  | H2
liquidity.min_open_interest | 500 | 0 to 10000 | H1
liquidity.min_volume | 100 | 0 to 10000 | H1
liquidity.max_spread_pct | 5 | 0 to 50 | H1
liquidity.max_order_pct_adv | 10 | 0 to 50 | H1
order.reprice_interval | 30 | 1 to 300 | H1
order.ack_timeout | 3 | 1 to 300 | H1
order.max_slippage_pct | 5 | 0 to 20 | H1
order.slice_contracts | 50 | 1 to 500 | H1
order.max_contracts | 1000 |  | H2
order.max_notional | 5000000 |  | H2
order.collar_open_pct | 5 | 1 to 100 | H2
order.collar_close_pct | 10 | 1 to 100 | H2
order.collar_starlab_pct | 25 | 1 to 100 | H2
order.collar_min | 0.05 | 0 to 1 | H2
order.close_work_min | 30 |  | H1
order.close_max_pct | 105 |  | H1
order.roll_work_s | 300 |  | H1
limits.position_pct | 100 | 1 to 100 | H2
limits.daily_new_pct | 100 | 1 to 100 | H2
limits.margin_use_pct | 60 | 0 to 100 | H2
cc.allowance_normal | 0 | 0 to 30 | H2
cc.allowance_roll_down | 5 | 0 to 30 | H2
cc.allowance_recovery | 10 | 0 to 30 | H2
cc.band_roll_down | 5 | 1 to 50 | H2
cc.band_recovery | 10 | 1 to 50 | H2
cc.band_deep | 15 | 1 to 50 | H2
cc.recovery_delta_min | 20 | 5 to 50 | H1
cc.recovery_delta_max | 30 | 5 to 50 | H1
cc.floor_min_delta | 20 | 5 to 50 | H1
roll.max_debit_pct | 50 | 0 to 200 | H2
roll.max_per_chain | 2 | 0 to 10 | H2
roll.dte_min | 3 | 1 to 60 | H1
roll.dte_max | 14 | 1 to 60 | H1
roll.uneconomic_action | ACCEPT_ASSIGNMENT | ACCEPT_ASSIGNMENT,ESCALATE_L3 | H2
assign.within_limit_pct | 5 | 1 to 50 | H2
assign.deep_pct | 15 | 1 to 50 | H2
leaps.dte_min | 365 | 180 to 1100 | H1
leaps.dte_target | 450 | 180 to 1100 | H1
leaps.dte_max | 730 | 180 to 1100 | H1
leaps.delta_min | 70 | 20 to 95 | H1
leaps.delta_target | 75 | 20 to 95 | H1
leaps.delta_max | 80 | 20 to 95 | H1
leaps.min_open_interest | 100 |  | H1
leaps.max_spread_pct | 10 |  | H1
leaps.roll_days | 90 |  | H1
leaps.delta_low | 50 |  | H1
leaps.delta_high | 90 |  | H1
week_mode.apply | SHADOW | OFF,SHADOW,ACTIVE | H2
week_mode.shift_red | -5 | -30 to 0 | H2
week_mode.shift_chop | -10 | -30 to 0 | H2
atr.period | 14 | 5 to 50 | H2
atr.method | WILDER |  | H2
atr.freeze_at_entry | false |  | H2
atr.fallback_mult | 1.1 |  | H2
atr.fallback_max_age | 5 |  | H2
atr.last_resort_pct | 2 |  | H2
atr.entry_filter_pctile | 95 | 50 to 100 | H1
atr.entry_filter_lookback | 252 |  | H1
protocol.level1 | 1.0 | 0.1 to 10 | H2
protocol.level2 | 2.0 | 0.1 to 10 | H2
protocol.level3 | 3.0 | 0.1 to 10 | H2
protocol.interval_l0 | 900 | 1 to 3600 | H1
protocol.interval_l1 | 60 | 1 to 3600 | H1
protocol.interval_l2 | 30 | 1 to 3600 | H1
protocol.interval_l3 | 1 | 1 to 3600 | H1
protocol.hysteresis | 0.25 | 0 to 1 | H1
protocol.hysteresis_checks | 2 | 1 to 10 | H1
protocol.l2.automation | HITL | HITL,AUTO | H2
protocol.l3.automation | AUTO | HITL,AUTO | H2
protocol.l2.escalate_min | 15 | 1 to 240 | H1
protocol.l2.lapse_min | 30 | 1 to 240 | H1
protocol.l3.limit_factor | 1.10 |  | H2
protocol.l3.step_pct | 2 |  | H2
protocol.l3.step_s | 10 |  | H2
protocol.l3.give_up_s | 300 |  | H2
protocol.release_sessions | 1 | 0 to 10 | H2
hedge.enabled | true |  | H2
hedge.gains_pct | 5 |  | H2
hedge.corpus_pct | 1 |  | H2
hedge.release_profit_pct | 200 |  | H2
breaker.consecutive_losses | 3 |  | H2
breaker.daily_drawdown_pct | 5 |  | H2
breaker.max_l2_positions | 2 |  | H2
breaker.drawdown_gen | 15 | 1 to 100 | H2
breaker.drawdown_rev | 10 | 1 to 100 | H2
breaker.drawdown_com | 7 | 1 to 100 | H2
breaker.recovery_pct | 5 | 1 to 100 | H2
breaker.vix_hedged | 50 |  | H2
breaker.vix_safe | 65 |  | H2
breaker.vix_kill | 80 |  | H2
breaker.vix_hedged_reset | 45 |  | H2
breaker.vix_safe_reset | 60 |  | H2
fork.gen.threshold | 50000 |  | H2
fork.rev.threshold | 500000 |  | H2
fork.gen.split_gen_pct | 50 | 0 to 100 | H2
fork.gen.split_com_pct | 50 | 0 to 100 | H2
fork.rev.template | NEW_SYSTEM | NEW_SYSTEM,GEN50_COM50,REV50_COM50 | H2
fork.amount_rule | WHOLE_SURPLUS | WHOLE_SURPLUS,THRESHOLD_ONLY | H2
fork.cooldown_days | 30 | 0 to 365 | H1
fork.max_depth | 5 | 1 to 20 | H1
fork.gen.approval | 0 | 0 to 2 | H2
fork.rev.approval | 1 | 0 to 2 | H2
fork.rev.ask_again_days | 30 | 1 to 365 | H2
merge.threshold | 500000 |  | H2
merge.confirmations | 3 | 1 to 10 | H2
merge.position_policy | LIQUIDATE | LIQUIDATE,IN_KIND | H2
merge.stall_sessions | 10 |  | H2
reinvest.basis | POST_TAX | PRE_TAX,POST_TAX | H2
reinvest.day | first business day of January, April, July, October |  | H1
reinvest.primary_pct | 75 |  | H2
reinvest.leaps_pct | 25 |  | H2
reinvest.rev_primary | CONTRACT_CAPACITY | CONTRACT_CAPACITY,SHARES | H2
reinvest.com_primary | SHARES | CONTRACT_CAPACITY,SHARES | H2
reinvest.com_deploy | NEXT_QUARTER | NEXT_QUARTER,IMMEDIATE | H2
reinvest.max_postpone | 10 |  | H1
withdraw.rev_after_years | 3 | 0 to 50 | H2
tax.rate_st | 30 | 0 to 60 | H2
tax.rate_lt | 15 | 0 to 60 | H2
tax.rate_qdiv | 15 | 0 to 60 | H2
tax.lt_months | 12 |  | R2
tax.lot_method | FIFO |  | R2
tax.segregate_reserve | true |  | R2
tax.wash_sale_days | 30 |  | R2
tax.deep_put_delta | 80 |  | R2
weekmode.green_pct | 1.5 |  | H1
weekmode.red_pct | -1.5 |  | H1
weekmode.trend_corr | 0.7 |  | H1
weekmode.chop_corr | 0.3 |  | H1
weektype.within_pct | 5 |  | H2
weektype.recovery_pct | 10 |  | H2
weektype.deep_pct | 15 |  | H2
weektype.strong_pct | 5 |  | H2
predict.min_weeks | 26 |  | H1
predict.qualify_hit | 60 |  | H1
predict.disqualify_hit | 50 |  | H1
predict.show_types_after | 50 |  | H1
mrr.min_trades | 20 |  | H1
mrr.min_confidence | 0.7 |  | H1
starlab.enabled | false |  | H2
starlab.allowed_symbols | AAPL,MSFT,GOOGL,AMZN,NVDA,TSLA,SPY,QQQ |  | H2
starlab.account_tags |  |  | H2
starlab.dte_max_dis | 2 | 0 to 365 | H1
starlab.dte_max_wis | 9 | 0 to 365 | H1
starlab.dte_max_mis | 45 | 0 to 365 | H1
starlab.rate_per_min | 60 |  | H1
starlab.submit_per_min | 10 |  | H1
starlab.body_kb | 64 |  | H1
starlab.token_ttl | 900 |  | H1
starlab.gtc_days | 30 |  | H1
starlab.webhook_retries | 1m,5m,30m,2h,12h |  | H1
alert.hourly_limit.protocol | 5 | 1 to 1000 | H1
alert.hourly_limit.trade | 10 | 1 to 1000 | H1
alert.hourly_limit.status | 3 | 1 to 1000 | H1
alert.hourly_limit.account | 5 | 1 to 1000 | H1
alert.hourly_limit.technical | 10 | 1 to 1000 | H1
alert.dedupe_min | 10 |  | H1
alert.digest_time | 16:45 |  | H1
alert.recipients | per role |  | H1
alert.channels | per priority |  | H1
reinvest.gen_weekly | true |  | H2
recon.cash_tolerance | 1.00 |  | H2
recon.interval_min | 15 |  | H2
recon.max_age_hours | 24 |  | H2
data.stale_s | 30 |  | H1
data.lost_alert_s | 60 |  | H1
data.lost_critical_s | 300 |  | H1
data.watchlist | SPY,QQQ,DIA,IWM,AAPL,MSFT,GOOGL,AMZN,NVDA,TSLA |  | H1
data.premium_symbols | SPY,QQQ,AAPL,MSFT,GOOGL,AMZN,NVDA,TSLA |  | H1
data.premium_interval | 30 |  | H1
data.chain_days | 30 |  | H1
data.chain_strikes | 6 |  | H1
data.bad_tick_jump_pct | 20 |  | H1
data.history_daily_years | 5 |  | H1
data.history_minute_years | 1 |  | H1
broker.host | paper gateway |  | R2
broker.port | 4002 |  | R2
broker.client_id | 1 |  | R2
broker.timeout_s | 10 |  | R2
broker.msg_per_s | 50 |  | R1
broker.hist_per_10min | 60 |  | R1
broker.backoff_max_s | 60 |  | R1
compliance.retention_years | 7 |  | R2
compliance.online_years | 2 |  | R2
compliance.clock_max_ms | 50 | 1 to 50 | H2
compliance.clock_target_ms | 10 | 1 to 50 | H2
compliance.daytrade_regime | LEGACY_PDT | LEGACY_PDT,INTRADAY_MARGIN,CASH | H2
compliance.daytrade_limit | 3 |  | H2
compliance.min_equity | 25000 |  | H2
compliance.position_limit | 25000 |  | H2
compliance.limit_use_pct | 80 |  | H2
privacy.gdpr_days | 30 |  | H2
privacy.ccpa_days | 45 |  | H2
privacy.ack_business_days | 10 |  | H2
security.mfa | true |  | R2
security.password_min | 14 |  | R2
security.secret_rotation_days | 90 |  | R2
bench.scenario | MODERATE |  | H1
bench.deviation_pct | 10 |  | H1
approval.config_days | 5 |  | H2
sim.hitl_policy | AUTO_DENY |  | H1
sim.seed | 1 |  | H1
"""
ROWS = [tuple(cell.strip() for cell in row.split(" |")) for row in PROTOCOL.strip().splitlines()]


def test_the_catalogue_is_the_protocols() -> None:
    assert [row[0] for row in ROWS] == list(CATALOGUE)
    for name, default, allowed, change in ROWS:
        parameter = CATALOGUE[name]
        assert (parameter.default, parameter.change) == (default, change), name
        if " to " in allowed:
            assert f"{parameter.low} to {parameter.high}" == allowed, name
        elif allowed:
            assert parameter.kind == f"one-of:{allowed}", name


NUMBERS = [(name, *allowed.split(" to "), CATALOGUE[name].kind) for name, _, allowed, _ in ROWS if " to " in allowed]


@pytest.mark.parametrize(("name", "low", "high", "kind"), NUMBERS, ids=[row[0] for row in NUMBERS])
def test_a_range_includes_both_ends_and_nothing_beyond(name: str, low: str, high: str, kind: str) -> None:
    """Protocol 2.8."""
    parse(name, low)
    parse(name, high)
    if kind == "time":
        return
    step = 1 if kind == "integer" else 0.01
    for beyond in (f"{float(low) - step:.10g}", f"{float(high) + step:.10g}"):
        with pytest.raises(ConfigurationError) as refused:
            parse(name, beyond)
        assert refused.value.code == Reason.INVALID_VALUE


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("gen.delta_min", "much"), ("gen.tdte_max", "1.5"), ("gen.zero_dte_enabled", "yes"), ("gen.entry_days", "SAT"),
        ("gen.entry_days", ""), ("gen.entry_days", "MON,MON"), ("gen.tickers", "TSLA,TSLA"), ("env.mode", "TEST"),
        ("entry.window_start", "10"), ("entry.window_start", "09:29"), ("gen.min_premium_pct", "1/0"),
        ("reinvest.day", "January"), ("reinvest.day", "first business day of"),
        ("reinvest.day", "first business day of Brumaire"),
        ("reinvest.day", "thirteenth business day of January"), ("reinvest.day", "first day of January"),
        ("reinvest.day", "first business day of January, Brumaire"),
    ],
)  # fmt: skip
def test_a_value_of_the_wrong_kind_is_refused(name: str, text: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse(name, text)
    assert refused.value.code == Reason.INVALID_VALUE
    assert name in refused.value.message


def test_values_are_read_as_their_kind() -> None:
    assert parse("entry.window_start", "10:05") == 605
    assert parse("gen.tickers", " nvda, TSLA ") == ["NVDA", "TSLA"]
    assert parse("gen.ticker_weights", "50,50") == ["50", "50"], "equal weights are no duplicates"
    assert parse("gen.zero_dte_enabled", "TRUE") is True
    assert parse("gen.zero_dte_enabled", "false") is False
    assert parse("common.blacklist", "") == []


def test_an_unknown_parameter_is_refused() -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse("gen.tickerz", "A")
    assert refused.value.code == Reason.UNKNOWN_PARAMETER


def test_account_comes_before_system_and_system_before_the_catalogue() -> None:
    account, system = {"gen.alloc_pct": "90"}, {"gen.alloc_pct": "92", "rev.alloc_pct": "93"}
    config = Config(1, account, system)
    found = [config.integer("order.ack_timeout"), *(config.fraction(f"{s}.alloc_pct") for s in ("gen", "rev"))]
    assert found == [3, 90, 93]


IN_ORDER = [
    ("gen.delta_min", "gen.delta_target"), ("gen.delta_target", "gen.delta_max"), ("rev.delta_min", "rev.delta_target"),
    ("rev.delta_target", "rev.delta_max"), ("com.delta_min", "com.delta_target"), ("com.delta_target", "com.delta_max"),
    ("gen.cc_delta_min", "gen.cc_delta_target"), ("rev.cc_delta_target", "rev.cc_delta_max"),
    ("com.cc_delta_min", "com.cc_delta_target"), ("leaps.delta_min", "leaps.delta_target"),
    ("leaps.delta_target", "leaps.delta_max"), ("gen.tdte_min", "gen.tdte_max"), ("rev.dte_min", "rev.dte_max"),
    ("com.dte_min", "com.dte_max"), ("roll.dte_min", "roll.dte_max"), ("leaps.dte_min", "leaps.dte_target"),
    ("leaps.dte_target", "leaps.dte_max"), ("protocol.l2.escalate_min", "protocol.l2.lapse_min"),
]  # fmt: skip
"""Pairs of which the first is at most the second."""
RISING = [
    ("cc.band_roll_down", "cc.band_recovery"), ("cc.band_recovery", "cc.band_deep"),
    ("assign.within_limit_pct", "assign.deep_pct"), ("protocol.level1", "protocol.level2"),
    ("protocol.level2", "protocol.level3"), ("breaker.vix_hedged", "breaker.vix_safe"),
    ("breaker.vix_safe", "breaker.vix_kill"), ("weektype.within_pct", "weektype.recovery_pct"),
    ("weektype.recovery_pct", "weektype.deep_pct"),
]  # fmt: skip
"""Pairs of which the first is below the second."""


def refused(values: dict[str, str]) -> str:
    """What the check of a set says, empty when it is taken."""
    try:
        Config(1, values).check()
    except ConfigurationError as problem:
        return f"{problem.code}: {problem.message}"
    return ""


def test_the_defaults_are_no_contradiction() -> None:
    assert not refused({})


@pytest.mark.parametrize(("low", "high"), IN_ORDER)
def test_min_may_reach_max_but_not_pass_it(low: str, high: str) -> None:
    """Protocol 18: a set with min > max is refused as a whole."""
    highest = CATALOGUE[high].default
    assert not refused({low: highest})
    assert refused({low: f"{float(highest) + (1 if CATALOGUE[low].kind == 'integer' else 0.5):g}"})


@pytest.mark.parametrize(("low", "high"), RISING)
def test_levels_and_bands_rise(low: str, high: str) -> None:
    told = refused({low: CATALOGUE[high].default})
    assert told.startswith(Reason.INVALID_CONFIGURATION)
    assert low in told


@pytest.mark.parametrize(
    ("values", "taken"),
    [
        ({"alloc.gen_pct": "50", "alloc.rev_pct": "30", "alloc.com_pct": "20"}, True),
        ({"alloc.gen_pct": "40.01"}, False),
        ({"alloc.com_pct": "29.99"}, False),
        ({"fork.gen.split_gen_pct": "60", "fork.gen.split_com_pct": "40"}, True),
        ({"fork.gen.split_gen_pct": "60"}, False),
        ({"reinvest.primary_pct": "80", "reinvest.leaps_pct": "20"}, True),
        ({"reinvest.leaps_pct": "26"}, False),
        ({"gen.ticker_split": "WEIGHTS", "gen.ticker_weights": "70,30"}, True),
        ({"gen.ticker_split": "WEIGHTS", "gen.ticker_weights": "70,20"}, False),
        ({"gen.ticker_split": "WEIGHTS", "gen.ticker_weights": "100"}, False),
        ({"gen.ticker_split": "WEIGHTS"}, False),
        ({"gen.ticker_weights": "70,20"}, True),
    ],
)
def test_percentages_total_exactly_one_hundred(values: dict[str, str], taken: bool) -> None:
    assert bool(refused(values)) is not taken


def test_a_change_needs_the_most_people_that_one_of_its_parameters_needs() -> None:
    assert approvals_needed({"gen.tickers": "TSLA"}) == 1
    assert approvals_needed({"gen.tickers": "TSLA", "gen.alloc_pct": "90"}) == 2
    assert approvals_needed({}) == 0
