"""Lost prices of positions that are watched closely (protocol 8.4)."""

from domain import events as e
from domain.alerts import raise_alert
from domain.calendar import SECOND
from domain.decision import Decision
from domain.reasons import Reason
from domain.restrictions import lift, restrict
from domain.risk.measure import Holding, level_in_ticker
from domain.state import Account

ALERTED, STOPPED = 1, 2
"""Stages of a lost feed: an alert was raised; entries were stopped."""


def check_feed(d: Decision, holding: Holding) -> None:
    """A position at level 1 or above has its prices watched; lost ones may have come again."""
    symbol = holding.symbol
    if symbol in d.book.stale_feeds or (holding.level and f"feed|{symbol}" not in d.book.timers):
        look_at_feed(d, symbol)


def look_at_feed(d: Decision, symbol: str) -> None:
    """Prices lost for more than 60 s with a position at level 1 or above: HIGH; for more than 5 min: CRITICAL and no
    new entries of the accounts concerned, until they come again. In session only; before the open does not count."""
    if not d.calendar.in_session(d.now_us):
        _look_again(d, symbol, 0)
        return
    config, mark = d.config(), d.market.marks.get(symbol)
    tick_us = mark.tick_time_us if mark else 0
    since_us = max(tick_us, d.calendar.open_us(d.today))
    alert_us, critical_us = (config.integer(f"data.lost_{k}_s") * SECOND for k in ("alert", "critical"))
    lost_us = d.now_us - since_us
    if symbol in d.book.stale_feeds and d.now_us - tick_us <= alert_us:
        _restored(d, symbol, (d.now_us - tick_us) // SECOND)
    watching = [account for account in _accounts(d) if level_in_ticker(d, account, symbol)]
    stage = d.book.stale_feeds.get(symbol, 0)
    if watching and not stage and lost_us > alert_us:
        stage = _stale(d, symbol, lost_us // SECOND, watching[0], "HIGH", "; backup source")
    if watching and stage == ALERTED and lost_us > critical_us:
        stage = _stale(d, symbol, lost_us // SECOND, watching[0], "CRITICAL", "")
    if stage == STOPPED:
        for account in watching:
            restrict(d, account, Reason.DATA, "NO_NEW_ENTRIES")
    if watching or stage:
        due_us = since_us + (critical_us if stage == ALERTED else alert_us) + SECOND
        _look_again(d, symbol, due_us if due_us > d.now_us else d.now_us + alert_us)


def _stale(d: Decision, symbol: str, age_s: int, account: Account, priority: str, note: str) -> int:
    d.emit(e.DataFeedStale(symbol, age_s), f"feed-{symbol}")
    raise_alert(d, account, "SYSTEM_STATUS", priority, symbol, "No prices", f"{symbol} for {age_s} s{note}")
    return d.book.stale_feeds[symbol]


def _restored(d: Decision, symbol: str, age_s: int) -> None:
    """Prices come again: accounts whose watched prices are all there may enter again."""
    d.emit(e.DataFeedRestored(symbol, age_s), f"feed-{symbol}")
    lost = [name for name, stage in sorted(d.book.stale_feeds.items()) if stage == STOPPED]
    for account in _accounts(d):
        if Reason.DATA in account.restrictions and not any(level_in_ticker(d, account, name) for name in lost):
            lift(d, account, Reason.DATA)


def _accounts(d: Decision) -> list[Account]:
    return [d.book.accounts[key] for key in sorted(d.book.accounts)]


def _look_again(d: Decision, symbol: str, due_us: int) -> None:
    """At that moment, or at the next open where the market is closed then."""
    if not d.calendar.in_session(due_us):
        due_us = d.calendar.open_after(d.now_us)
    if due_us:
        d.set_timer(f"feed|{symbol}", due_us)
