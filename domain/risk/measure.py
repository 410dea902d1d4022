"""The measure of the protocol's levels: adverse move in multiples of ATR (protocol 5.3, 8.1)."""

from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from domain import events as e
from domain.calendar import SECOND, monday_of
from domain.config import Config
from domain.contracts import option, parse
from domain.decision import Decision
from domain.lots import acquisition_cost
from domain.money import floor_int, ratio_e10, round_half_up
from domain.state import Account

LEVELS = (1, 2, 3)
NO_LIMIT = 1 << 62
"""Above every price, 1e-4 dollars."""


class Holding(NamedTuple):
    """What has a level: a short put, or the shares of a ticker together with the calls on them."""

    name: str
    """the put's contract, or the ticker"""
    symbol: str
    position_id: str
    cost_e4: int
    units: int
    """the price that an adverse move is counted from is cost / units, exact"""
    level: int
    is_put: bool

    @property
    def reference_e4(self) -> Fraction:
        """The price that an adverse move is counted from, 1e-4 dollars."""
        return Fraction(self.cost_e4, self.units)

    def key(self, account: Account) -> str:
        """Name of its timer."""
        return f"{'monitor' if self.is_put else 'package'}|{account.account_id}|{self.name}"


def put_holding(account: Account, contract: str) -> Holding | None:
    """The short put of that contract, `None` without one that is alive."""
    short = account.shorts.get(contract)
    terms = option(contract)
    if short is None or terms.right != "P" or short.pending_outcome:
        return None
    return Holding(contract, terms.underlying, short.position_id, short.p0_e4, 1, short.level, True)


def package(d: Decision, account: Account, ticker: str) -> Holding | None:
    """Shares of a ticker with their calls, from 100 shares on (protocol 3.5, 8.1)."""
    cost_e4, units = acquisition_cost(account, ticker)
    if units < 100:
        return None
    if account.type == "COM":
        cost_e4, units = _last_weekly_close(d, ticker), 1
    wheel = account.wheels.get(ticker)
    name = f"{account.account_id}|{ticker}"
    return Holding(ticker, ticker, name, cost_e4, units, wheel.level if wheel else 0, False)


def _last_weekly_close(d: Decision, ticker: str) -> int:
    """COM holds for long: its shares are measured from the close of the week before (protocol 8.1)."""
    monday = monday_of(d.today)
    last = next((day for day in reversed(d.market.bars.get(ticker, [])) if day.session < monday), None)
    return d.market.in_shares_of(d.today, ticker, last).close_e4 if last is not None else 0


def holdings_with_levels(d: Decision, account: Account) -> Iterator[Holding]:
    """Every short put and share package of an account: each has exactly one level (INV-10)."""
    for contract in sorted(account.shorts):
        if option(contract).right == "P" and (found := put_holding(account, contract)) is not None:
            yield found
    for ticker in sorted({lot.contract for lot in account.lots}):
        if parse(ticker) is None and (found := package(d, account, ticker)) is not None:
            yield found


def level_in_ticker(d: Decision, account: Account, ticker: str) -> int:
    """Highest level of the account's positions in a ticker (protocol 6.2 step 2)."""
    return max((h.level for h in holdings_with_levels(d, account) if h.symbol == ticker), default=0)


def worst_level(d: Decision, account: Account) -> int:
    """Highest level of the account's positions."""
    return max((h.level for h in holdings_with_levels(d, account)), default=0)


class LevelTerms:
    """What a set of parameters says of levels, worked out once."""

    __slots__ = ("_prices", "edges", "intervals_us", "thresholds")

    def __init__(self, config: Config) -> None:
        self.thresholds = tuple(config.fraction(f"protocol.level{level}") for level in LEVELS)
        """ATR multiples from which levels 1, 2 and 3 begin"""
        hysteresis = config.fraction("protocol.hysteresis")
        self.edges = tuple(threshold - hysteresis for threshold in self.thresholds)
        """ATR multiples below which they may be left"""
        self.intervals_us = tuple(config.integer(f"protocol.interval_l{level}") * SECOND for level in (0, *LEVELS))
        """time between two evaluations at levels 0 to 3 (protocol 8.1)"""
        self._prices: dict[tuple[int, int, int], tuple[LevelPrices, ...]] = {}

    def prices(self, holding: Holding, atr_e6: int) -> "tuple[LevelPrices, ...]":
        """Where levels 1, 2 and 3 of a holding begin and end, for an ATR in 1e-6 dollars above 0."""
        key = (holding.cost_e4, holding.units, atr_e6)
        found = self._prices.get(key)
        if found is None:
            if len(self._prices) >= PRICES_KEPT:
                self._prices.clear()
            reference = holding.reference_e4
            found = self._prices[key] = tuple(
                LevelPrices(
                    floor_int(reference - threshold * atr_e6 / 100),
                    floor_int(reference - edge * atr_e6 / 100) + 1 if edge > 0 else None,
                )
                for threshold, edge in zip(self.thresholds, self.edges, strict=True)
            )
        return found


class LevelPrices(NamedTuple):
    """Underlying prices, 1e-4 dollars, that stand for a level's multiples of ATR."""

    reached_e4: int
    """the highest price at which `move >= threshold x ATR` (protocol 5.3)"""
    calm_e4: int | None
    """the lowest price at which `move < (threshold - hysteresis) x ATR`, `None` where no price is (protocol 8.2)"""


PRICES_KEPT = 4096
"""Prices kept a set of parameters: one a holding and day."""


def terms(config: Config) -> LevelTerms:
    """What the parameters say of levels."""
    found = config.derived.get("levels")
    if found is None:
        found = config.derived["levels"] = LevelTerms(config)
    return found


def atr_in_force(d: Decision, symbol: str, config: Config) -> tuple[int, str]:
    """(ATR in 1e-6 dollars, method) for today: the last completed session's, else its stand-in (protocol 5.3).

    `method` is empty for a regular value, else LAST_VALID or PERCENT_OF_PRICE; 0 when nothing is known of the symbol.
    """
    bar, price = d.market.atr_record(symbol, d.today, config.integer("atr.period")), d.market.last(symbol)
    calendar = d.calendar
    completed = calendar.previous_session(d.today)
    missing = calendar.sessions_after(bar.session, completed) if bar is not None and bar.session < completed else 0
    if bar is not None and not missing:
        return bar.atr_e6, ""
    if bar is not None and missing <= config.integer("atr.fallback_max_age"):
        return round_half_up(bar.atr_e6 * config.fraction("atr.fallback_mult")), "LAST_VALID"
    return round_half_up(price * config.fraction("atr.last_resort_pct")), "PERCENT_OF_PRICE"


def announce_fallback(d: Decision, symbol: str, config: Config) -> None:
    """A stand-in is announced once a session and symbol (protocol 5.3)."""
    value, method = atr_in_force(d, symbol, config)
    if method and value and d.book.fallbacks.get(symbol) != d.today:
        d.emit(e.AtrFallbackUsed(symbol, method, value), "protocol")


def atr_of(d: Decision, account: Account, holding: Holding) -> int:
    """ATR that a holding is measured in; frozen at entry where `atr.freeze_at_entry` says so (protocol 8.1)."""
    config = d.config(account.account_id)
    short = account.shorts.get(holding.name)
    if config.flag("atr.freeze_at_entry") and short is not None and short.atr_e6:
        return short.atr_e6
    value, method = atr_in_force(d, holding.symbol, config)
    if method:
        announce_fallback(d, holding.symbol, config)
    return value


def steady_between(d: Decision, account: Account, holding: Holding) -> tuple[int, int]:
    """The prices, both exclusive, between which an evaluation neither changes the level today nor counts towards it;
    equal where every price has to be looked at (protocol 8.2)."""
    config = d.config(account.account_id)
    atr, method = atr_in_force(d, holding.symbol, config)
    if not atr or not holding.cost_e4 or method == "PERCENT_OF_PRICE":
        return 0, 0
    prices = terms(config).prices(holding, atr_of(d, account, holding))
    above = prices[holding.level].reached_e4 if holding.level < len(prices) else -1
    calm_e4 = prices[holding.level - 1].calm_e4 if holding.level else None
    return max(above, 0), NO_LIMIT if calm_e4 is None else calm_e4


def adverse_move_e6(holding: Holding, price_e4: int) -> Fraction:
    """How far the price has gone against the holding, 1e-6 dollars; 0 for a favourable move."""
    return max(Fraction(0), (holding.reference_e4 - price_e4) * 100)


def measure_e10(move_e6: Fraction, atr_e6: int) -> int:
    """M for display."""
    return ratio_e10(move_e6 / atr_e6) if atr_e6 else 0


def interval_us(config: Config, level: int) -> int:
    """Time between two evaluations of a position at a level (protocol 8.1)."""
    return terms(config).intervals_us[level]


def watch(d: Decision, account: Account, holding: Holding) -> None:
    """Plan the next evaluation: one interval of the current level after this one, in session only (protocol 8.2).

    At level 3 "every tick" is meant: nothing can change before the price comes back to where the level would be left,
    so the book waits for that price instead of waking every second.
    """
    config, key = d.config(account.account_id), holding.key(account)
    calendar, now_us = d.calendar, d.now_us
    d.unwatch_price(key)
    if holding.level == 3 and not d.book.memory.get(key):
        atr = atr_in_force(d, holding.symbol, config)[0]
        calm_e4 = terms(config).prices(holding, atr)[2].calm_e4
        if calm_e4 is not None:
            d.watch_price(key, holding.symbol, 0, calm_e4)
        following = calendar.open_after(now_us)
    else:
        following = now_us + interval_us(config, holding.level)
    if not calendar.in_session(now_us) or not calendar.in_session(following):
        following = calendar.open_after(now_us)
    if following:
        d.set_timer(key, following)
