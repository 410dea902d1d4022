"""Protocol parameters (protocol 18): one typed catalogue, overlays by scope, values as text on the log.

A value is looked up account first, then system, then the catalogue. Percentages and ratios are exact fractions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from domain.calendar import WEEKDAYS
from domain.reasons import Reason

Value = Fraction | int | str | bool | list[str]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One row of the catalogue."""

    name: str
    kind: str
    """fraction, integer, time (minutes after midnight ET), days, tickers, weights, boolean, text or one-of:A,B"""
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
alloc.gen_pct|fraction|40|0|100|%|3.1|H2
alloc.rev_pct|fraction|30|0|100|%|3.1|H2
alloc.com_pct|fraction|30|0|100|%|3.1|H2
buffer.pct|fraction|5|0|25|% of corpus|4.1|H2
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
common.strike_method|one-of:DELTA,ATR_HALF|DELTA|||enum|6.2|H1
common.ticker_cap_pct.gen|fraction|100|1|100|% corpus|6.5|H2
common.ticker_cap_pct.rev|fraction|25|1|100|% corpus|6.5|H2
common.ticker_cap_pct.com|fraction|25|1|100|% corpus|6.5|H2
common.ticker_cap_pct.ext|fraction|100|1|100|% corpus|6.5|H2
common.blacklist|tickers||||list|6.2|H1
common.earnings_filter|boolean|true||||6.2|H1
common.residual_pass|boolean|true||||6.5|H1
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
order.collar_min|fraction|0.05|0|1|$|12.2|H2
order.close_work_min|integer|30|1|390|min|6.6|H1
order.close_max_pct|fraction|105|100|200|% of mid|6.6|H1
limits.daily_new_pct|fraction|100|1|100|% of corpus|9|H2
cc.allowance_normal|fraction|0|0|30|%|6.7|H2
cc.allowance_roll_down|fraction|5|0|30|%|6.7|H2
cc.allowance_recovery|fraction|10|0|30|%|6.7|H2
cc.band_roll_down|fraction|5|1|50|%|6.7|H2
cc.band_recovery|fraction|10|1|50|%|6.7|H2
cc.band_deep|fraction|15|1|50|%|6.7|H2
cc.recovery_delta_min|fraction|20|5|50|delta|6.7|H1
cc.recovery_delta_max|fraction|30|5|50|delta|6.7|H1
cc.floor_min_delta|fraction|20|5|50|delta|6.7|H1
assign.within_limit_pct|fraction|5|1|50|%|7.2|H2
assign.deep_pct|fraction|15|1|50|%|7.2|H2
week_mode.apply|one-of:OFF,SHADOW,ACTIVE|SHADOW|||enum|6.4|H2
week_mode.shift_red|fraction|-5|-30|0|delta points|6.4|H2
week_mode.shift_chop|fraction|-10|-30|0|delta points|6.4|H2
atr.fallback_mult|fraction|1.1|1|3||5.3|H2
atr.fallback_max_age|integer|5|0|50|sessions|5.3|H2
atr.last_resort_pct|fraction|2|0|20|%|5.3|H2
atr.entry_filter_pctile|fraction|95|50|100|%|6.2|H1
atr.entry_filter_lookback|integer|252|20|1000|sessions|6.2|H1
protocol.interval_l0|integer|900|1|3600|s|8.1|H1
tax.rate_st|fraction|30|0|60|%|4.4|H2
tax.rate_lt|fraction|15|0|60|%|4.4|H2
tax.rate_qdiv|fraction|15|0|60|%|4.4|H2
reinvest.gen_weekly|boolean|true||||10.4|H2
recon.cash_tolerance|fraction|1.00|0|1000|$|12.5|H2
recon.max_age_hours|integer|24|1|240|h|6.2|H2
data.stale_s|integer|30|1|3600|s|5.5|H1
compliance.position_limit|integer|25000|1|1000000|contracts|16.3|H2
compliance.limit_use_pct|fraction|80|1|100|%|16.3|H2
approval.config_days|integer|5|1|60|business days|15.2|H2
sim.hitl_policy|one-of:AUTO_DENY,AUTO_APPROVE,SCRIPTED|AUTO_DENY|||enum|15.2|H1
"""

CATALOGUE: dict[str, Parameter] = {p.name: p for p in (_p(row) for row in _ROWS.strip().splitlines())}


class ConfigurationError(Exception):
    """A value or a set of values that the catalogue refuses. `code` is a reason code."""

    def __init__(self, code: Reason, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def parse(name: str, text: str) -> Value:
    """The typed value of a parameter. Raises ConfigurationError naming what was expected."""
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
        case _:
            if text not in kind.removeprefix("one-of:").split(","):
                raise ValueError(text)
            return text


_DEFAULTS: dict[str, Value] = {name: parse(name, p.default) for name, p in CATALOGUE.items()}


class Config:
    """The parameters in force for one scope: overlays, most specific first."""

    def __init__(self, version: int, *overlays: Mapping[str, str]) -> None:
        self.version = version
        self._values: dict[str, Value] = {}
        for overlay in reversed(overlays):
            for name, text in overlay.items():
                self._values[name] = parse(name, text)

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
        for stem in ("gen.delta", "gen.cc_delta", "rev.delta", "rev.cc_delta"):
            low, target, high = (self.fraction(f"{stem}_{part}") for part in ("min", "target", "max"))
            if not low <= target <= high:
                problems.append(f"{stem}_min <= target <= max does not hold: {low}, {target}, {high}")
        for low, high in (
            ("gen.tdte_min", "gen.tdte_max"),
            ("rev.dte_min", "rev.dte_max"),
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
        ):
            if self.fraction(low) >= self.fraction(high):
                problems.append(f"{low} must be below {high}")
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
