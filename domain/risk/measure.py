"""The measure of the protocol's levels: adverse move in multiples of ATR (protocol 5.3, 8.1)."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from domain import events as e
from domain.calendar import SECOND, monday_of
from domain.config import Config
from domain.contracts import option, parse
from domain.decision import Decision
from domain.lots import average_price
from domain.money import floor_int, ratio_e10, round_half_up
from domain.state import Account

LEVELS = (1, 2, 3)


@dataclass(frozen=True, slots=True)
class Holding:
    """What has a level: a short put, or the shares of a ticker together with the calls on them."""

    name: str
    """the put's contract, or the ticker"""
    symbol: str
    position_id: str
    reference_e4: Fraction
    """the price that an adverse move is counted from"""
    level: int
    is_put: bool

    def key(self, account: Account) -> str:
        """Name of its timer."""
        return f"{'monitor' if self.is_put else 'package'}|{account.account_id}|{self.name}"


def put_holding(account: Account, contract: str) -> Holding | None:
    """The short put of that contract, `None` without one that is alive."""
    short = account.shorts.get(contract)
    terms = option(contract)
    if short is None or terms.right != "P" or short.pending_outcome:
        return None
    return Holding(contract, terms.underlying, short.position_id, Fraction(short.p0_e4), short.level, True)


def package(d: Decision, account: Account, ticker: str) -> Holding | None:
    """Shares of a ticker with their calls, from 100 shares on (protocol 3.5, 8.1)."""
    if account.shares(ticker) < 100:
        return None
    reference = _last_weekly_close(d, ticker) if account.type == "COM" else average_price(account, ticker)
    wheel = account.wheels.get(ticker)
    name = f"{account.account_id}|{ticker}"
    return Holding(ticker, ticker, name, Fraction(reference), wheel.level if wheel else 0, False)


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


def thresholds(config: Config) -> tuple[Fraction, ...]:
    """ATR multiples from which levels 1, 2 and 3 begin."""
    return tuple(config.fraction(f"protocol.level{level}") for level in LEVELS)


def atr_in_force(d: Decision, symbol: str, config: Config) -> tuple[int, str]:
    """(ATR in 1e-6 dollars, method) for today: the last completed session's, else its stand-in (protocol 5.3).

    `method` is empty for a regular value, else LAST_VALID or PERCENT_OF_PRICE; 0 when nothing is known of the symbol.
    """
    bar, price = d.market.atr_record(symbol, d.today), d.market.last(symbol)
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
    announce_fallback(d, holding.symbol, config)
    return atr_in_force(d, holding.symbol, config)[0]


def adverse_move_e6(holding: Holding, price_e4: int) -> Fraction:
    """How far the price has gone against the holding, 1e-6 dollars; 0 for a favourable move."""
    return max(Fraction(0), (holding.reference_e4 - price_e4) * 100)


def reached_level(config: Config, move_e6: Fraction, atr_e6: int) -> int:
    """The level of a move: `move >= threshold x ATR`, without a division (protocol 5.3)."""
    return sum(1 for threshold in thresholds(config) if move_e6 >= threshold * atr_e6)


def measure_e10(move_e6: Fraction, atr_e6: int) -> int:
    """M for display."""
    return ratio_e10(move_e6 / atr_e6) if atr_e6 else 0


def interval_us(config: Config, level: int) -> int:
    """Time between two evaluations of a position at a level (protocol 8.1)."""
    return config.integer(f"protocol.interval_l{level}") * SECOND


def watch(d: Decision, account: Account, holding: Holding) -> None:
    """Plan the next evaluation: one interval of the current level after this one, in session only (protocol 8.2).

    At level 3 "every tick" is meant: nothing can change before the price comes back to where the level would be left,
    so the book waits for that price instead of waking every second.
    """
    config, key = d.config(account.account_id), holding.key(account)
    d.unwatch_price(key)
    if holding.level == 3 and not d.book.memory.get(key):
        atr = atr_in_force(d, holding.symbol, config)[0]
        edge = holding.reference_e4 - (thresholds(config)[2] - config.fraction("protocol.hysteresis")) * atr / 100
        d.watch_price(key, holding.symbol, 0, floor_int(edge) + 1)
        following = d.calendar.open_after(d.now_us)
    else:
        following = d.now_us + interval_us(config, holding.level)
    if not d.calendar.in_session(d.now_us) or not d.calendar.in_session(following):
        following = d.calendar.open_after(d.now_us)
    if following:
        d.set_timer(key, following)
