"""Lost prices of positions that are watched closely (protocol 8.4)."""

from domain import events as e
from domain.alerts import raise_alert
from domain.calendar import SECOND
from domain.decision import Decision
from domain.reasons import Reason
from domain.restrictions import lift, restrict
from domain.risk.measure import Holding
from domain.state import Account


def check_feed(d: Decision, account: Account, holding: Holding) -> None:
    """Prices lost for 60 s at level 1 or above: HIGH; for 5 min: CRITICAL and no new entries, until they come again."""
    symbol, mark = holding.symbol, d.market.marks.get(holding.symbol)
    since = max(mark.tick_time_us if mark else 0, d.calendar.open_us(d.today))
    age = (d.now_us - since) // SECOND
    config, stage = d.config(account.account_id), d.book.stale_feeds.get(symbol, 0)
    if stage and age < config.integer("data.lost_alert_s"):
        d.emit(e.DataFeedRestored(symbol, age), f"feed-{symbol}")
        if "DATA" in account.restrictions and not d.book.stale_feeds:
            for key in sorted(d.book.accounts):
                if "DATA" in d.book.accounts[key].restrictions:
                    lift(d, d.book.accounts[key], Reason.DATA)
        return
    if not holding.level:
        return
    if stage < 1 and age > config.integer("data.lost_alert_s"):
        d.emit(e.DataFeedStale(symbol, age), f"feed-{symbol}")
        raise_alert(d, account, "SYSTEM_STATUS", "HIGH", symbol, "No prices", f"{symbol} for {age} s; backup source")
    if d.book.stale_feeds.get(symbol, 0) == 1 and age > config.integer("data.lost_critical_s"):
        d.emit(e.DataFeedStale(symbol, age), f"feed-{symbol}")
        raise_alert(d, account, "SYSTEM_STATUS", "CRITICAL", symbol, "No prices", f"{symbol} for {age} s")
        restrict(d, account, Reason.DATA, "NO_NEW_ENTRIES")
