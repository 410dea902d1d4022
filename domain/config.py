"""Protocol parameters (protocol 18): one typed catalogue, overlays by scope, values as text on the log.

A value is looked up account first, then system, then the catalogue. Percentages and ratios are exact fractions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

from domain.calendar import WEEKDAYS, business_day_rule
from domain.reasons import Reason

Value = Fraction | int | str | bool | list[str]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One row of the catalogue."""

    name: str
    kind: str
    """fraction, integer, time (minutes after midnight ET), days, tickers, weights, boolean, text, business-day,
    fork-pattern or one-of:A,B"""
    default: str
    low: str
    high: str
    unit: str
    section: str
    change: str
    """H hot, R restart; the digit = approvals needed"""


def _p(row: str) -> Parameter:
    return Parameter(*(cell.strip() for cell in row.split("|")))


_ROWS = """
env.mode|one-of:SIM,PAPER,LIVE|PAPER|||enum|12.2|R2
system.initial_capital|integer|500000|10000|10000000|$|3.1|R1
system.min_recommended_capital|integer|100000|10000|500000|$|3.1|H1
system.start_jitter_max|integer|120|0|600|s|17|H1
alloc.gen_pct|fraction|40|0|100|%|3.1|H2
alloc.rev_pct|fraction|30|0|100|%|3.1|H2
alloc.com_pct|fraction|30|0|100|%|3.1|H2
alloc.contribution_policy|one-of:PRO_RATA,TOP_UP_TO_TARGET|PRO_RATA|||enum|10.5|H1
contribution.min_detect|fraction|100|1|10000|$|10.5|H1
buffer.pct|fraction|5|0|25|% of corpus|4.1|H2
id.fork_pattern|fork-pattern|{parent_id}-F{seq:02d}-{TYPE}|||unique result|3.2|R1
broker.mapping|one-of:SYSTEM,SUBACCOUNT|SYSTEM|||enum|17|R2
entry.window_start|time|10:00|09:30|16:00|ET|6.1|H1
entry.window_end|time|11:00|09:30|16:00|ET|6.1|H1
entry.work_until|time|11:30|09:30|16:00|ET|6.1|H1
entry.rescan_interval|integer|300|30|1800|s|6.2|H1
expiry.manage_start|time|14:30|09:30|16:00|ET|7.2|H1
expiry.manage_end|time|15:45|09:30|16:00|ET|7.2|H1
expiry.close_cheap_price|fraction|0.05|0|0.20|$|7.1|H1
expiry.close_cheap_from|time|15:30|09:30|16:00|ET|7.1|H1
expiry.pin_risk_pct|fraction|0.5|0|2|%|7.2|H1
eod.time|time|16:30|16:00|23:59|ET|2.4|H1
weekly.time|time|10:00|00:00|23:59|ET, Saturday|2.4|H1
gen.tickers|tickers|TSLA,NVDA|||list|6.1|H1
gen.entry_days|days|THU|||days|6.1|H1
gen.cc_entry_days|days|MON,TUE,THU|||days|6.1|H1
gen.tdte_min|integer|0|0|5|sessions|6.1|H2
gen.tdte_max|integer|1|0|5|sessions|6.1|H2
gen.zero_dte_enabled|boolean|false||||6.1|H1
gen.delta_min|fraction|40|5|60|delta|6.1|H2
gen.delta_target|fraction|45|5|60|delta|6.1|H2
gen.delta_max|fraction|50|5|60|delta|6.1|H2
gen.delta_widen|fraction|0|0|5|delta points|6.2|H1
gen.min_premium_pct|fraction|1.5|0|10|%|6.1|H2
gen.target_premium_pct|fraction|2.0|0|10|%|6.1|H2
gen.alloc_pct|fraction|95|0|95|% of sizing base|6.5|H2
gen.ticker_split|one-of:EQUAL_ELIGIBLE,EQUAL_CONFIGURED,BEST_PREMIUM,WEIGHTS|EQUAL_ELIGIBLE|||enum|6.5|H1
gen.ticker_weights|weights||||% list, sum 100|6.5|H1
gen.cc_delta_min|fraction|40|5|60|delta|6.1|H2
gen.cc_delta_target|fraction|45|5|60|delta|6.1|H2
gen.cc_delta_max|fraction|50|5|60|delta|6.1|H2
gen.cc_min_premium_pct|fraction|0.75|0|10|%|6.1|H1
gen.profit_take_pct|fraction|80|30|100|% of credit|7.1|H1
rev.tickers|tickers|AAPL,MSFT,AMZN,GOOG|||list|6.1|H1
rev.entry_days|days|MON,TUE,WED|||days|6.1|H1
rev.cc_entry_days|days|MON,TUE,WED|||days|6.1|H1
rev.thursday_pilot|boolean|false||||6.1|H1
rev.dte_min|integer|2|0|45|days|6.1|H2
rev.dte_max|integer|9|0|45|days|6.1|H2
rev.delta_min|fraction|30|5|60|delta|6.1|H2
rev.delta_target|fraction|35|5|60|delta|6.1|H2
rev.delta_max|fraction|40|5|60|delta|6.1|H2
rev.delta_widen|fraction|0|0|5|delta points|6.2|H1
rev.min_premium_pct|fraction|1.0|0|10|%|6.1|H2
rev.target_premium_pct|fraction|1.5|0|10|%|6.1|H2
rev.alloc_pct|fraction|95|0|95|% of sizing base|6.5|H2
rev.ticker_split|one-of:EQUAL_ELIGIBLE,EQUAL_CONFIGURED,BEST_PREMIUM,WEIGHTS|EQUAL_CONFIGURED|||enum|6.5|H2
rev.ticker_weights|weights||||% list, sum 100|6.5|H1
rev.cc_delta_min|fraction|30|5|60|delta|6.1|H2
rev.cc_delta_target|fraction|35|5|60|delta|6.1|H2
rev.cc_delta_max|fraction|40|5|60|delta|6.1|H2
rev.cc_min_premium_pct|fraction|0.50|0|10|%|6.1|H1
rev.profit_take_pct|fraction|65|30|100|% of credit|7.1|H1
com.tickers|tickers|AAPL,MSFT,GOOG,AMZN,NVDA,TSLA|||list|6.1|H1
com.entry_days|days|MON|||days|6.1|H1
com.cc_entry_days|days|MON|||days|6.1|H1
com.dte_min|integer|1|0|60|days|6.1|H1
com.dte_max|integer|7|0|60|days|6.1|H1
com.delta_min|fraction|20|5|40|delta|6.1|H2
com.delta_target|fraction|22.5|5|40|delta|6.1|H2
com.delta_max|fraction|25|5|40|delta|6.1|H2
com.delta_widen|fraction|0|0|5|delta points|6.2|H1
com.cc_delta_min|fraction|20|5|40|delta|6.1|H2
com.cc_delta_target|fraction|22.5|5|40|delta|6.1|H2
com.cc_delta_max|fraction|25|5|40|delta|6.1|H2
com.min_premium_pct|fraction|0.50|0|5|%|6.1|H1
com.cc_min_premium_pct|fraction|0.25|0|5|%|6.1|H1
com.cc_coverage_pct|fraction|100|0|100|% of lots|6.5|H1
com.cc_earnings_coverage_pct|fraction|50|0|100|% of lots|6.5|H1
com.csp_enabled|boolean|true||||6.5|H1
com.csp_cash_trigger_pct|fraction|20|0|100|% corpus|6.5|H1
com.cc_itm_action|one-of:ROLL_UP_OUT,CALL_AWAY|ROLL_UP_OUT|||enum|7.2|H1
com.profit_take_pct|fraction|65|30|100|% of credit|7.1|H1
common.strike_method|one-of:DELTA,ATR_HALF|DELTA|||enum|6.2|H1
common.ticker_cap_pct.gen|fraction|100|1|100|% corpus|6.5|H2
common.ticker_cap_pct.rev|fraction|25|1|100|% corpus|6.5|H2
common.ticker_cap_pct.com|fraction|25|1|100|% corpus|6.5|H2
common.ticker_cap_pct.ext|fraction|100|1|100|% corpus|6.5|H2
common.blacklist|tickers||||list|6.2|H1
common.earnings_filter|boolean|true||||6.2|H1
common.residual_pass|boolean|true||||6.5|H1
common.double_down_enabled|boolean|false||||6.5|H2
liquidity.min_open_interest|integer|500|0|10000|contracts|6.2|H1
liquidity.min_volume|integer|100|0|10000|contracts|6.2|H1
liquidity.max_spread_pct|fraction|5|0|50|% of mid|6.2|H1
liquidity.max_order_pct_adv|fraction|10|0|50|% of average volume|6.5|H1
order.reprice_interval|integer|30|1|300|s|6.6|H1
order.ack_timeout|integer|3|1|300|s|6.6|H1
order.max_slippage_pct|fraction|5|0|20|%|6.6|H1
order.slice_contracts|integer|50|1|500|contracts|6.6|H1
order.max_contracts|integer|1000|1|1000000|contracts|9|H2
order.max_notional|integer|5000000|1|1000000000|$|9|H2
order.collar_open_pct|fraction|5|1|100|% of mid|12.2|H2
order.collar_close_pct|fraction|10|1|100|% of mid|12.2|H2
order.collar_starlab_pct|fraction|25|1|100|% of mid|12.2|H2
order.collar_min|fraction|0.05|0|1|$|12.2|H2
order.close_work_min|integer|30|1|390|min|6.6|H1
order.close_max_pct|fraction|105|100|200|% of mid|6.6|H1
order.roll_work_s|integer|300|1|23400|s|7.3|H1
limits.position_pct|fraction|100|1|100|% of account|9|H2
limits.daily_new_pct|fraction|100|1|100|% of corpus|9|H2
limits.margin_use_pct|fraction|60|0|100|%|9|H2
cc.allowance_normal|fraction|0|0|30|%|6.7|H2
cc.allowance_roll_down|fraction|5|0|30|%|6.7|H2
cc.allowance_recovery|fraction|10|0|30|%|6.7|H2
cc.band_roll_down|fraction|5|1|50|%|6.7|H2
cc.band_recovery|fraction|10|1|50|%|6.7|H2
cc.band_deep|fraction|15|1|50|%|6.7|H2
cc.recovery_delta_min|fraction|20|5|50|delta|6.7|H1
cc.recovery_delta_max|fraction|30|5|50|delta|6.7|H1
cc.floor_min_delta|fraction|20|5|50|delta|6.7|H1
roll.max_debit_pct|fraction|50|0|200|% of original credit|7.3|H2
roll.max_per_chain|integer|2|0|10|rolls|7.3|H2
roll.dte_min|integer|3|1|60|days|7.3|H1
roll.dte_max|integer|14|1|60|days|7.3|H1
roll.uneconomic_action|one-of:ACCEPT_ASSIGNMENT,ESCALATE_L3|ACCEPT_ASSIGNMENT|||enum|7.3|H2
assign.within_limit_pct|fraction|5|1|50|%|7.2|H2
assign.deep_pct|fraction|15|1|50|%|7.2|H2
leaps.dte_min|integer|365|180|1100|days|7.5|H1
leaps.dte_target|integer|450|180|1100|days|7.5|H1
leaps.dte_max|integer|730|180|1100|days|7.5|H1
leaps.delta_min|fraction|70|20|95|delta|7.5|H1
leaps.delta_target|fraction|75|20|95|delta|7.5|H1
leaps.delta_max|fraction|80|20|95|delta|7.5|H1
leaps.min_open_interest|integer|100|0|10000|contracts|7.5|H1
leaps.max_spread_pct|fraction|10|0|50|% of mid|7.5|H1
leaps.roll_days|integer|90|0|730|days|7.5|H1
leaps.delta_low|fraction|50|1|99|delta|7.5|H1
leaps.delta_high|fraction|90|1|99|delta|7.5|H1
week_mode.apply|one-of:OFF,SHADOW,ACTIVE|SHADOW|||enum|6.4|H2
week_mode.shift_red|fraction|-5|-30|0|delta points|6.4|H2
week_mode.shift_chop|fraction|-10|-30|0|delta points|6.4|H2
atr.period|integer|14|5|50|sessions|5.3|H2
atr.method|one-of:WILDER|WILDER|||enum|5.3|H2
atr.freeze_at_entry|boolean|false||||8.1|H2
atr.fallback_mult|fraction|1.1|1|3||5.3|H2
atr.fallback_max_age|integer|5|0|50|sessions|5.3|H2
atr.last_resort_pct|fraction|2|0|20|%|5.3|H2
atr.entry_filter_pctile|fraction|95|50|100|%|6.2|H1
atr.entry_filter_lookback|integer|252|20|1000|sessions|6.2|H1
protocol.level1|fraction|1.0|0.1|10|x ATR|8.1|H2
protocol.level2|fraction|2.0|0.1|10|x ATR|8.1|H2
protocol.level3|fraction|3.0|0.1|10|x ATR|8.1|H2
protocol.interval_l0|integer|900|1|3600|s|8.1|H1
protocol.interval_l1|integer|60|1|3600|s|8.1|H1
protocol.interval_l2|integer|30|1|3600|s|8.1|H1
protocol.interval_l3|integer|1|1|3600|s|8.1|H1
protocol.hysteresis|fraction|0.25|0|1|x ATR|8.2|H1
protocol.hysteresis_checks|integer|2|1|10|evaluations|8.2|H1
protocol.l2.automation|one-of:HITL,AUTO|HITL|||enum|8.1|H2
protocol.l3.automation|one-of:HITL,AUTO|AUTO|||enum|8.1|H2
protocol.l2.escalate_min|integer|15|1|240|min|8.3|H1
protocol.l2.lapse_min|integer|30|1|240|min|8.3|H1
protocol.l3.limit_factor|fraction|1.10|1|3|x first ask|8.3|H2
protocol.l3.step_pct|fraction|2|0|50|% of first ask|8.3|H2
protocol.l3.step_s|integer|10|1|300|s|8.3|H2
protocol.l3.give_up_s|integer|300|10|23400|s|8.3|H2
protocol.release_sessions|integer|1|0|10|sessions|8.3|H2
hedge.enabled|boolean|true||||8.3|H2
hedge.gains_pct|fraction|5|0|100|% of quarter's net gains|8.3|H2
hedge.corpus_pct|fraction|1|0|100|% of corpus|8.3|H2
hedge.release_profit_pct|fraction|200|0|1000|% over cost|8.3|H2
breaker.consecutive_losses|integer|3|1|100|chains|9|H2
breaker.daily_drawdown_pct|fraction|5|1|100|% of corpus|9|H2
breaker.max_l2_positions|integer|2|0|1000|positions|9|H2
breaker.drawdown_gen|fraction|15|1|100|% from high|9|H2
breaker.drawdown_rev|fraction|10|1|100|% from high|9|H2
breaker.drawdown_com|fraction|7|1|100|% from high|9|H2
breaker.recovery_pct|fraction|5|1|100|% from high|9|H2
breaker.vix_hedged|fraction|50|1|200|index|9|H2
breaker.vix_safe|fraction|65|1|200|index|9|H2
breaker.vix_kill|fraction|80|1|200|index|9|H2
breaker.vix_hedged_reset|fraction|45|1|200|index|9|H2
breaker.vix_safe_reset|fraction|60|1|200|index|9|H2
fork.gen.threshold|fraction|50000|1|100000000|$ post-tax|10.2|H2
fork.rev.threshold|fraction|500000|1|100000000|$ post-tax|10.2|H2
fork.gen.split_gen_pct|fraction|50|0|100|%|10.2|H2
fork.gen.split_com_pct|fraction|50|0|100|%|10.2|H2
fork.rev.template|one-of:NEW_SYSTEM,GEN50_COM50,REV50_COM50|NEW_SYSTEM|||enum|10.2|H2
fork.amount_rule|one-of:WHOLE_SURPLUS,THRESHOLD_ONLY|WHOLE_SURPLUS|||enum|10.2|H2
fork.cooldown_days|integer|30|0|365|days|10.2|H1
fork.max_depth|integer|5|1|20|forks|10.2|H1
fork.gen.approval|integer|0|0|2|people|10.2|H2
fork.rev.approval|integer|1|0|2|people|10.2|H2
fork.rev.ask_again_days|integer|30|1|365|days|10.2|H2
merge.threshold|fraction|500000|1|100000000|$|10.3|H2
merge.confirmations|integer|3|1|10|EODs|10.3|H2
merge.position_policy|one-of:LIQUIDATE,IN_KIND|LIQUIDATE|||enum|10.3|H2
merge.stall_sessions|integer|10|1|60|sessions|10.3|H2
reinvest.basis|one-of:PRE_TAX,POST_TAX|POST_TAX|||enum|10.4|H2
reinvest.day|business-day|first business day of January, April, July, October|||business day|10.4|H1
reinvest.primary_pct|fraction|75|0|100|%|10.4|H2
reinvest.leaps_pct|fraction|25|0|100|%|10.4|H2
reinvest.rev_primary|one-of:CONTRACT_CAPACITY,SHARES|CONTRACT_CAPACITY|||enum|10.4|H2
reinvest.com_primary|one-of:CONTRACT_CAPACITY,SHARES|SHARES|||enum|10.4|H2
reinvest.com_deploy|one-of:NEXT_QUARTER,IMMEDIATE|NEXT_QUARTER|||enum|10.4|H2
reinvest.max_postpone|integer|10|1|60|sessions|10.4|H1
withdraw.rev_after_years|integer|3|0|50|years|10.5|H2
tax.rate_st|fraction|30|0|60|%|4.4|H2
tax.rate_lt|fraction|15|0|60|%|4.4|H2
tax.rate_qdiv|fraction|15|0|60|%|4.4|H2
tax.lt_months|integer|12|12|12|months|4.4|R2
tax.lot_method|one-of:FIFO|FIFO|||enum|4.3|R2
tax.segregate_reserve|boolean|true||||4.4|R2
tax.wash_sale_days|integer|30|0|61|days|4.4|R2
tax.deep_put_delta|fraction|80|50|100|delta|4.4|R2
weekmode.green_pct|fraction|1.5|-20|20|%|11.2|H1
weekmode.red_pct|fraction|-1.5|-20|20|%|11.2|H1
weekmode.trend_corr|fraction|0.7|0|1|correlation|11.2|H1
weekmode.chop_corr|fraction|0.3|0|1|correlation|11.2|H1
weektype.within_pct|fraction|5|1|50|%|11.1|H2
weektype.recovery_pct|fraction|10|1|50|%|11.1|H2
weektype.deep_pct|fraction|15|1|50|%|11.1|H2
weektype.strong_pct|fraction|5|1|50|%|11.1|H2
predict.min_weeks|integer|26|1|520|weeks|11.5|H1
predict.qualify_hit|fraction|60|0|100|%|11.5|H1
predict.disqualify_hit|fraction|50|0|100|%|11.5|H1
predict.show_types_after|integer|50|0|520|weeks|11.5|H1
mrr.min_trades|integer|20|1|10000|trades|11.4|H1
mrr.min_confidence|fraction|0.7|0|1|ratio|11.4|H1
starlab.enabled|boolean|false||||13|H2
starlab.allowed_symbols|tickers|AAPL,MSFT,GOOGL,AMZN,NVDA,TSLA,SPY,QQQ|||list|13.2|H2
starlab.account_tags|text||||list|13.1|H2
starlab.dte_max_dis|integer|2|0|365|days|13.2|H1
starlab.dte_max_wis|integer|9|0|365|days|13.2|H1
starlab.dte_max_mis|integer|45|0|365|days|13.2|H1
starlab.rate_per_min|integer|60|1|100000|requests|13.1|H1
starlab.submit_per_min|integer|10|1|100000|submissions|13.1|H1
starlab.body_kb|integer|64|1|10000|KB|13.1|H1
starlab.token_ttl|integer|900|60|86400|s|13.1|H1
starlab.gtc_days|integer|30|1|365|days|13.2|H1
starlab.webhook_retries|text|1m,5m,30m,2h,12h|||list|13.4|H1
alert.hourly_limit.protocol|integer|5|1|1000|alerts|15.1|H1
alert.hourly_limit.trade|integer|10|1|1000|alerts|15.1|H1
alert.hourly_limit.status|integer|3|1|1000|alerts|15.1|H1
alert.hourly_limit.account|integer|5|1|1000|alerts|15.1|H1
alert.hourly_limit.technical|integer|10|1|1000|alerts|15.1|H1
alert.dedupe_min|integer|10|0|1440|min|15.1|H1
alert.digest_time|time|16:45|00:00|23:59|ET|15.1|H1
alert.recipients|text|per role|||references|15.1|H1
alert.channels|text|per priority|||references|15.1|H1
reinvest.gen_weekly|boolean|true||||10.4|H2
recon.cash_tolerance|fraction|1.00|0|1000|$|12.5|H2
recon.interval_min|integer|15|1|390|min|12.5|H2
recon.max_age_hours|integer|24|1|240|h|6.2|H2
data.stale_s|integer|30|1|3600|s|5.5|H1
data.lost_alert_s|integer|60|1|86400|s|8.4|H1
data.lost_critical_s|integer|300|1|86400|s|8.4|H1
data.watchlist|tickers|SPY,QQQ,DIA,IWM,AAPL,MSFT,GOOGL,AMZN,NVDA,TSLA|||list|5.1|H1
data.premium_symbols|tickers|SPY,QQQ,AAPL,MSFT,GOOGL,AMZN,NVDA,TSLA|||list|5.1|H1
data.premium_interval|integer|30|1|390|min|5.1|H1
data.chain_days|integer|30|1|800|days|5.1|H1
data.chain_strikes|integer|6|1|200|strikes|5.1|H1
data.bad_tick_jump_pct|fraction|20|1|100|%|5.2|H1
data.history_daily_years|integer|5|1|50|years|5.1|H1
data.history_minute_years|integer|1|0|50|years|5.1|H1
broker.host|text|paper gateway|||reference|12.4|R2
broker.port|integer|4002|1|65535|port|12.4|R2
broker.client_id|integer|1|0|999|id|12.4|R2
broker.timeout_s|integer|10|1|300|s|12.4|R2
broker.msg_per_s|integer|50|1|50|messages|12.4|R1
broker.hist_per_10min|integer|60|1|60|requests|12.4|R1
broker.backoff_max_s|integer|60|1|600|s|12.4|R1
compliance.retention_years|integer|7|6|100|years|16.2|R2
compliance.online_years|integer|2|2|100|years|16.2|R2
compliance.clock_max_ms|integer|50|1|50|ms|16.3|H2
compliance.clock_target_ms|integer|10|1|50|ms|16.3|H2
compliance.daytrade_regime|one-of:LEGACY_PDT,INTRADAY_MARGIN,CASH|LEGACY_PDT|||enum|16.3|H2
compliance.daytrade_limit|integer|3|0|100|day trades|16.3|H2
compliance.min_equity|integer|25000|0|10000000|$|16.3|H2
compliance.position_limit|integer|25000|1|1000000|contracts|16.3|H2
compliance.limit_use_pct|fraction|80|1|100|%|16.3|H2
privacy.gdpr_days|integer|30|1|90|days|16.5|H2
privacy.ccpa_days|integer|45|1|90|days|16.5|H2
privacy.ack_business_days|integer|10|1|30|days|16.5|H2
security.mfa|boolean|true||||17|R2
security.password_min|integer|14|8|128|characters|17|R2
security.secret_rotation_days|integer|90|1|365|days|17|R2
bench.scenario|one-of:MODERATE,CONSERVATIVE,OPTIMISTIC|MODERATE|||enum|14.4|H1
bench.deviation_pct|fraction|10|0|100|%|14.4|H1
approval.config_days|integer|5|1|60|business days|15.2|H2
sim.hitl_policy|one-of:AUTO_DENY,AUTO_APPROVE,SCRIPTED|AUTO_DENY|||enum|15.2|H1
sim.seed|integer|1|0|1000000000|seed|15.2|H1
"""

CATALOGUE: dict[str, Parameter] = {p.name: p for p in (_p(row) for row in _ROWS.strip().splitlines())}


class ConfigurationError(Exception):
    """A value or a set of values that the catalogue refuses. `code` is a reason code."""

    def __init__(self, code: Reason, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@lru_cache(maxsize=4096)
def parse(name: str, text: str) -> Value:
    """The typed value of a parameter; lists are shared, not to be changed. Raises ConfigurationError naming what was
    expected."""
    parameter = CATALOGUE.get(name)
    if parameter is None:
        raise ConfigurationError(Reason.UNKNOWN_PARAMETER, f"there is no parameter {name}; see docs/configuration.md")
    try:
        value = _parse_kind(parameter.kind, text.strip())
    except (ValueError, ZeroDivisionError):
        raise ConfigurationError(
            Reason.INVALID_VALUE, f"{name}: expected {parameter.kind}, found {text!r} (default {parameter.default!r})"
        ) from None
    if parameter.low and isinstance(value, int | Fraction) and not isinstance(value, bool):
        low, high = _parse_kind(parameter.kind, parameter.low), _parse_kind(parameter.kind, parameter.high)
        assert isinstance(low, int | Fraction)
        assert isinstance(high, int | Fraction)
        if not low <= value <= high:
            raise ConfigurationError(
                Reason.INVALID_VALUE, f"{name}: {text} is outside {parameter.low} to {parameter.high} {parameter.unit}"
            )
    return value


def _parse_kind(kind: str, text: str) -> Value:
    match kind:
        case "fraction":
            return Fraction(text)
        case "integer":
            return int(text)
        case "time":
            hour, minute = text.split(":")
            return int(hour) * 60 + int(minute)
        case "boolean":
            return {"true": True, "false": False}[text.lower()] if text.lower() in ("true", "false") else int("bad")
        case "days" | "tickers" | "weights":
            items = [item.strip().upper() for item in text.split(",") if item.strip()]
            if kind == "days" and (not items or any(item not in WEEKDAYS[:5] for item in items)):
                raise ValueError(text)
            if len(set(items)) != len(items) and kind != "weights":
                raise ValueError(text)
            return [str(Fraction(item)) for item in items] if kind == "weights" else items
        case "text":
            return text
        case "business-day":
            business_day_rule(text)
            return text
        case "fork-pattern":
            return _fork_pattern(text)
        case _:
            if text not in kind.removeprefix("one-of:").split(","):
                raise ValueError(text)
            return text


def _fork_pattern(text: str) -> str:
    """A pattern of account ids that gives every child its own. Raises ValueError."""
    try:
        made = {text.format(parent_id=p, seq=n, TYPE=t) for p in ("A", "B") for n in (1, 2) for t in ("GEN", "COM")}
    except (KeyError, IndexError) as error:
        raise ValueError(text) from error
    if len(made) < 8 or "|" in text or " " in text:
        raise ValueError(text)
    return text


_DEFAULTS: dict[str, Value] = {name: parse(name, p.default) for name, p in CATALOGUE.items()}


class Config:
    """The parameters in force for one scope: overlays, most specific first."""

    def __init__(self, version: int, *overlays: Mapping[str, str]) -> None:
        self.version = version
        self.derived: dict[str, Any] = {}
        """what rules have worked out of these parameters, by rule: made once, not at every evaluation"""
        self._values: dict[str, Value] = {}
        for overlay in reversed(overlays):
            for name, text in overlay.items():
                self._values[name] = parse(name, text)

    @classmethod
    def of(cls, overlays: Mapping[str, Mapping[str, str]], account_id: str = "", version: int = 0) -> "Config":
        """What is in force for an account, or for the system, where these overlays by scope are."""
        return cls(version, *(overlays[scope] for scope in (account_id, "SYSTEM") if scope in overlays))

    def _get(self, name: str) -> Value:
        value = self._values.get(name)
        return _DEFAULTS[name] if value is None else value

    def fraction(self, name: str) -> Fraction:
        """A percentage, ratio or amount, exact."""
        value = self._get(name)
        assert isinstance(value, Fraction)
        return value

    def integer(self, name: str) -> int:
        """A count, a number of seconds, or a time as minutes after midnight ET."""
        value = self._get(name)
        assert isinstance(value, int)
        return value

    def text(self, name: str) -> str:
        """A choice."""
        value = self._get(name)
        assert isinstance(value, str)
        return value

    def flag(self, name: str) -> bool:
        """A switch."""
        value = self._get(name)
        assert isinstance(value, bool)
        return value

    def items(self, name: str) -> list[str]:
        """A list in its configured order."""
        value = self._get(name)
        assert isinstance(value, list)
        return value

    def check(self) -> None:
        """Refuse a set that contradicts itself (protocol 18). Raises ConfigurationError."""
        total = sum((self.fraction(f"alloc.{sleeve}_pct") for sleeve in ("gen", "rev", "com")), Fraction(0))
        problems: list[str] = []
        if total != 100:
            problems.append(f"alloc.gen_pct + rev_pct + com_pct = {total}, must be exactly 100")
        for one, other in (
            ("fork.gen.split_gen_pct", "fork.gen.split_com_pct"),
            ("reinvest.primary_pct", "reinvest.leaps_pct"),
        ):
            if self.fraction(one) + self.fraction(other) != 100:
                problems.append(f"{one} + {other} = {self.fraction(one) + self.fraction(other)}, must be exactly 100")
        stems = [f"{sleeve}.{kind}" for sleeve in ("gen", "rev", "com") for kind in ("delta", "cc_delta")]
        for stem in (*stems, "leaps.delta"):
            low, target, high = (self.fraction(f"{stem}_{part}") for part in ("min", "target", "max"))
            if not low <= target <= high:
                problems.append(f"{stem}_min <= target <= max does not hold: {low}, {target}, {high}")
        for low, high in (
            ("gen.tdte_min", "gen.tdte_max"),
            ("rev.dte_min", "rev.dte_max"),
            ("com.dte_min", "com.dte_max"),
            ("roll.dte_min", "roll.dte_max"),
            ("leaps.dte_min", "leaps.dte_target"),
            ("leaps.dte_target", "leaps.dte_max"),
            ("data.lost_alert_s", "data.lost_critical_s"),
            ("protocol.l2.escalate_min", "protocol.l2.lapse_min"),
            ("entry.window_start", "entry.window_end"),
            ("entry.window_end", "entry.work_until"),
            ("expiry.manage_start", "expiry.manage_end"),
        ):
            if self.integer(low) > self.integer(high):
                problems.append(f"{low} is above {high}")
        for low, high in (
            ("cc.band_roll_down", "cc.band_recovery"),
            ("cc.band_recovery", "cc.band_deep"),
            ("assign.within_limit_pct", "assign.deep_pct"),
            ("cc.recovery_delta_min", "cc.recovery_delta_max"),
            ("protocol.level1", "protocol.level2"),
            ("protocol.level2", "protocol.level3"),
            ("breaker.vix_hedged", "breaker.vix_safe"),
            ("breaker.vix_safe", "breaker.vix_kill"),
            ("breaker.vix_hedged_reset", "breaker.vix_hedged"),
            ("breaker.vix_safe_reset", "breaker.vix_safe"),
            ("weektype.within_pct", "weektype.recovery_pct"),
            ("weektype.recovery_pct", "weektype.deep_pct"),
            ("weekmode.red_pct", "weekmode.green_pct"),
        ):
            if self.fraction(low) >= self.fraction(high):
                problems.append(f"{low} must be below {high}")
        if self.flag("common.double_down_enabled"):
            problems.append("common.double_down_enabled: adding to a losing chain is disabled (protocol 6.5)")
        for sleeve in ("gen", "rev"):
            weights = self.items(f"{sleeve}.ticker_weights")
            if self.text(f"{sleeve}.ticker_split") == "WEIGHTS" and (
                len(weights) != len(self.items(f"{sleeve}.tickers")) or sum(map(Fraction, weights)) != 100
            ):
                problems.append(f"{sleeve}.ticker_weights must give one weight a ticker, sum 100")
        if problems:
            raise ConfigurationError(Reason.INVALID_CONFIGURATION, "; ".join(problems))


def approvals_needed(names: Mapping[str, str]) -> int:
    """How many people a change of these parameters needs (the digit of the catalogue)."""
    return max((int(CATALOGUE[name].change[1:]) for name in names), default=0)
