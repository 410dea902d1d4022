"""Expiry and strike of an entry (protocol 6.1, 6.2 steps 3-6, 6.4, 6.7)."""

from dataclasses import dataclass
from fractions import Fraction

from domain.calendar import SECOND, Calendar, iso, monday_of, week_id
from domain.config import Config
from domain.decision import Decision
from domain.lots import average_price
from domain.market import Chain, Quote
from domain.pretrade import is_liquid
from domain.reasons import Reason
from domain.state import Account


@dataclass(frozen=True, slots=True)
class Rejected:
    """Why a ticker is not traded in this scan."""

    reason: Reason
    detail: str
    override: "Pick | None" = None
    """of a covered call: what would be sold if people overrode the floor (protocol 6.7)"""


@dataclass(frozen=True, slots=True)
class Band:
    """Delta band in points, target included."""

    low: Fraction
    target: Fraction
    high: Fraction

    def shifted(self, points: Fraction) -> "Band":
        """Both ends and the target moved (protocol 6.4)."""
        return Band(self.low + points, self.target + points, self.high + points)

    def holds(self, quote: Quote) -> bool:
        """Bands include both ends; a strike without delta or volatility is ineligible (protocol 5.5)."""
        delta = quote.delta_e2
        if delta < 0 or quote.iv_e6 <= 0:
            return False
        low, high = self.low, self.high
        return (
            low.numerator * 100 <= delta * low.denominator and delta * high.denominator <= high.numerator * 100
        )  # as fractions, without making any


@dataclass(frozen=True, slots=True)
class Pick:
    """The strike an entry would trade."""

    quote: Quote
    band: Band
    spot_e4: int
    reference_e4: int
    """what the premium is a share of: strike of a put, underlying of a call"""
    premium: Fraction
    """mid / reference"""
    shadow: str

    @property
    def premium_pct(self) -> Fraction:
        """Premium in per cent, exact."""
        return self.premium * 100


def put_expiry(account_type: str, config: Config, calendar: Calendar, today: int) -> int | None:
    """Expiry of a cash-secured put by the account's rule."""
    if account_type == "GEN":
        expiry = calendar.weekly_expiry(today)
        if expiry is None or expiry < today:
            return None
        tdte = calendar.sessions_after(today, expiry)
        low = (
            config.integer("gen.tdte_min")
            if config.flag("gen.zero_dte_enabled")
            else max(1, config.integer("gen.tdte_min"))
        )
        return expiry if low <= tdte <= config.integer("gen.tdte_max") else None
    sleeve = account_type.lower()
    low, high = config.integer(f"{sleeve}.dte_min"), config.integer(f"{sleeve}.dte_max")
    for monday in range(monday_of(today), today + high + 1, 7):
        expiry = calendar.weekly_expiry(monday)
        if expiry is not None and low <= expiry - today <= high:
            return expiry
    return None


def call_expiry(account_type: str, config: Config, calendar: Calendar, today: int) -> int | None:
    """Expiry of a covered call: GEN the weekly of the same week with TDTE >= 1, REV as its puts."""
    if account_type == "GEN":
        expiry = calendar.weekly_expiry(today)
        return expiry if expiry is not None and expiry > today else None
    return put_expiry(account_type, config, calendar, today)


def select(d: Decision, account: Account, ticker: str, right: str) -> Pick | Rejected:
    """Steps 3 to 5 of the entry procedure, and for calls the strike floor."""
    config, calendar, today = d.config(account.account_id), d.calendar, d.today
    expiry = (put_expiry if right == "P" else call_expiry)(account.type, config, calendar, today)
    barred = _put_barred(d, config, ticker, expiry) if right == "P" else halt_of(d, ticker)
    if barred is not None:
        return barred
    if expiry is None:
        return Rejected(Reason.NO_ELIGIBLE_EXPIRY, f"no weekly expiry in range from {iso(today)}")
    chain = d.market.chain(ticker)
    if chain is not None and chain.time_us < calendar.open_us(today):
        chain = None  # a chain of another session says nothing of today
    side = "put" if right == "P" else "call"
    listed = chain.quotes(expiry, right) if chain else []
    quoted = [q for q in listed if q.two_sided]
    if chain is None or not quoted:
        return Rejected(
            Reason.NO_CHAIN, f"no {side} of {iso(expiry)} has a quote ({len(listed)} listed in today's last snapshot)"
        )
    stale = config.integer("data.stale_s") * SECOND
    fresh = [q for q in quoted if d.now_us - q.quote_time_us <= stale]
    if not fresh:
        return Rejected(
            Reason.STALE_QUOTE,
            f"newest {side} quote of {iso(expiry)} is {_age_s(d, quoted)} s old",
        )
    liquid = [
        q
        for q in fresh
        if is_liquid(
            q,
            config.integer("liquidity.min_open_interest"),
            config.integer("liquidity.min_volume"),
            config.fraction("liquidity.max_spread_pct"),
        )
    ]
    return _put(d, account, config, chain, liquid) if right == "P" else _call(d, account, config, chain, liquid, ticker)


def _age_s(d: Decision, quotes: list[Quote]) -> int:
    return (d.now_us - max(q.quote_time_us for q in quotes)) // SECOND


def halt_of(d: Decision, ticker: str) -> Rejected | None:
    """A trading halt keeps every entry out (protocol 6.2 step 2)."""
    return Rejected(Reason.HALTED, "trading is halted") if ticker in d.market.halted else None


def _put_barred(d: Decision, config: Config, ticker: str, expiry: int | None) -> Rejected | None:
    """Earnings before the expiry, a halt, the volatility filter keep puts out, in this order (protocol 6.2 step 2)."""
    if expiry is not None and config.flag("common.earnings_filter"):
        earnings = d.market.earnings_between(ticker, d.today, expiry)
        if earnings is not None:
            return Rejected(Reason.EARNINGS, f"earnings on {iso(earnings)}, expiry {iso(expiry)}")
    halted = halt_of(d, ticker)
    if halted is not None:
        return halted
    skip, ratio, limit = d.market.atr_above_percentile(
        ticker,
        config.fraction("atr.entry_filter_pctile"),
        config.integer("atr.entry_filter_lookback"),
        config.integer("atr.period"),
    )
    return Rejected(Reason.VOLATILITY, f"ATR/price {float_free(ratio)} above {float_free(limit)}") if skip else None


def float_free(ratio: Fraction) -> str:
    """A ratio with 6 decimals, for messages."""
    millionths = round(ratio * 10**6)
    return f"{millionths // 10**6}.{millionths % 10**6:06d}"


def _band(config: Config, account: Account, right: str) -> Band:
    stem = f"{account.type.lower()}.{'delta' if right == 'P' else 'cc_delta'}"
    band = Band(*(config.fraction(f"{stem}_{part}") for part in ("min", "target", "max")))
    widen = config.fraction(f"{account.type.lower()}.delta_widen") if right == "P" else Fraction(0)
    return Band(band.low - widen, band.target, band.high + widen)


def _nearest(
    d: Decision, config: Config, quotes: list[Quote], band: Band, spot_e4: int, ticker: str, right: str
) -> Quote:
    """Nearest the target; tie: lower strike for puts, higher for calls (protocol 6.2 step 5)."""
    sign = 1 if right == "P" else -1
    bar = d.market.atr_record(ticker, d.today, config.integer("atr.period"))
    if config.text("common.strike_method") == "ATR_HALF" and bar is not None:
        aim = spot_e4 - sign * Fraction(bar.atr_e6, 200)
        return min(quotes, key=lambda q: (abs(q.strike_e3 * 10 - aim), sign * q.strike_e3))
    return min(quotes, key=lambda q: (abs(q.delta_e2 - band.target * 100), sign * q.strike_e3))


def _pick(quote: Quote, band: Band, chain: Chain, right: str, shadow: str) -> Pick:
    reference = quote.strike_e3 * 10 if right == "P" else chain.spot_e4
    return Pick(quote, band, chain.spot_e4, reference, quote.mid_e4 / reference, shadow)


def mode_shift(d: Decision, config: Config) -> Fraction:
    """Delta points by which the week mode shifts put bands: GREEN 0, RED and CHOP as configured (protocol 6.4)."""
    shifts = {"RED": config.fraction("week_mode.shift_red"), "CHOP": config.fraction("week_mode.shift_chop")}
    return shifts.get(d.book.week_modes.get(week_id(d.today), ""), Fraction(0))


def _put(d: Decision, account: Account, config: Config, chain: Chain, liquid: list[Quote]) -> Pick | Rejected:
    plain = _band(config, account, "P")
    shift, apply = mode_shift(d, config), config.text("week_mode.apply")
    band = plain.shifted(shift) if apply == "ACTIVE" else plain
    candidates = [q for q in liquid if band.holds(q)]
    shadow = ""
    if apply == "SHADOW" and shift:
        other = [q for q in liquid if plain.shifted(shift).holds(q)]
        shadow = (
            _nearest(d, config, other, plain.shifted(shift), chain.spot_e4, chain.underlying, "P").contract
            if other
            else "NONE"
        )
    if not candidates:
        return Rejected(
            Reason.NO_ELIGIBLE_STRIKE, f"{len(liquid)} liquid puts, none within {band.low} to {band.high} delta"
        )
    return _pick(_nearest(d, config, candidates, band, chain.spot_e4, chain.underlying, "P"), band, chain, "P", shadow)


def call_floor(account: Account, ticker: str, spot_e4: int, config: Config) -> tuple[str, Fraction]:
    """Mode and lowest allowed strike of a covered call (protocol 6.7), the floor in 1e-4 dollars."""
    basis = average_price(account, ticker)
    wheel = account.wheels.get(ticker)
    net_per_share = Fraction((wheel.chain_net if wheel else 0) * 100, account.shares(ticker))
    adjusted = basis - net_per_share
    down = (1 - Fraction(spot_e4) / basis) * 100
    if down >= config.fraction("cc.band_deep"):
        return "DEEP", adjusted
    for mode, band in (("RECOVERY", "cc.band_recovery"), ("ROLL_DOWN", "cc.band_roll_down")):
        if down >= config.fraction(band):
            return mode, adjusted * (100 - config.fraction(f"cc.allowance_{mode.lower()}")) / 100
    return "NORMAL", adjusted * (100 - config.fraction("cc.allowance_normal")) / 100


def _call(
    d: Decision, account: Account, config: Config, chain: Chain, liquid: list[Quote], ticker: str
) -> Pick | Rejected:
    mode, floor = call_floor(account, ticker, chain.spot_e4, config)
    band = _band(config, account, "C")
    if mode == "RECOVERY":
        low, high = config.fraction("cc.recovery_delta_min"), config.fraction("cc.recovery_delta_max")
        band = Band(low, min(max(band.target, low), high), high)
    extended = Band(min(band.low, config.fraction("cc.floor_min_delta")), band.target, band.high)
    wheel = account.wheels.get(ticker)
    if mode == "DEEP" or (wheel is not None and wheel.level >= 3):
        why = "15 % or more under their acquisition price" if mode == "DEEP" else "at protocol level 3"
        override = _override(d, config, liquid, extended, chain, ticker)
        return Rejected(Reason.CC_FLOOR_UNMET, f"shares are {why}: a person decides", override)
    for reach in (band, extended):
        candidates = [q for q in liquid if reach.holds(q) and q.strike_e3 * 10 >= floor]
        if candidates:
            return _pick(_nearest(d, config, candidates, band, chain.spot_e4, ticker, "C"), reach, chain, "C", "")
    if not any(extended.holds(q) for q in liquid):
        return Rejected(
            Reason.NO_ELIGIBLE_STRIKE,
            f"{len(liquid)} liquid calls, none within {extended.low} to {extended.high} delta",
        )
    override = _override(d, config, liquid, extended, chain, ticker)
    detail = f"{mode}: no call from {float_free(floor / 10_000)} up within the band"
    return Rejected(Reason.CC_FLOOR_UNMET, detail, override)


def _override(d: Decision, config: Config, liquid: list[Quote], band: Band, chain: Chain, ticker: str) -> Pick | None:
    """The call nearest the target whatever the floor: what people are asked about (protocol 6.7)."""
    candidates = [q for q in liquid if band.holds(q)]
    if not candidates:
        return None
    return _pick(_nearest(d, config, candidates, band, chain.spot_e4, ticker, "C"), band, chain, "C", "")
