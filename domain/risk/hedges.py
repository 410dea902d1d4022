"""Hedges (protocol 8.3): long puts on the same underlying and expiry, within the quarter's budget."""

from dataclasses import dataclass
from fractions import Fraction

from domain import events as e
from domain.calendar import MINUTE, SECOND
from domain.contracts import option
from domain.decision import Decision
from domain.lots import average_price
from domain.market import Quote
from domain.money import (
    COMMISSION_PER_CONTRACT,
    buy_ladder,
    ceil_tick,
    floor_int,
    floor_tick,
    option_value,
    percent_of,
    tick_e4,
)
from domain.orders import on_ended, place
from domain.pretrade import Intent
from domain.quarters import net_result, quarter_id, quarter_of
from domain.risk.measure import atr_in_force
from domain.state import Account, Order, ShortOption
from domain.valuation import corpus


@dataclass(frozen=True, slots=True)
class Candidate:
    """A put that would protect, and how many of it the budget carries."""

    quote: Quote
    quantity: int


def budget_left(d: Decision, account: Account) -> int:
    """What hedges may still cost in this quarter: max(5 % of its net gains, 1 % of corpus), cents."""
    config, quarter = d.config(account.account_id), quarter_of(account, quarter_id(d.today))
    gains = percent_of(max(0, net_result(quarter)), config.fraction("hedge.gains_pct"))
    worth = percent_of(max(0, corpus(d.market, account)), config.fraction("hedge.corpus_pct"))
    return max(0, floor_int(max(gains, worth)) - quarter.hedge_cost)


def candidate(d: Decision, account: Account, short: ShortOption) -> Candidate | None:
    """The listed put of the same expiry nearest `P0 - 3 ATR`, tie: lower; `None` where none can be had."""
    if any(h.hedged == short.contract for h in account.hedges.values()):
        return None
    terms = option(short.contract)
    below = terms.strike_e4
    return _candidate(d, account, terms.underlying, terms.expiry, Fraction(short.p0_e4), short.quantity, below)


def _candidate(
    d: Decision, account: Account, ticker: str, expiry: int, reference_e4: Fraction, wanted: int, below_e4: int
) -> Candidate | None:
    config, chain = d.config(account.account_id), d.market.chain(ticker)
    if not config.flag("hedge.enabled") or chain is None:
        return None
    stale = config.integer("data.stale_s") * SECOND
    aim = reference_e4 - config.fraction("protocol.level3") * atr_in_force(d, ticker, config)[0] / 100
    listed = [
        q
        for q in chain.quotes(expiry, "P")
        if q.two_sided and q.strike_e3 * 10 < below_e4 and d.now_us - q.quote_time_us <= stale
    ]
    if not listed:
        return None
    quote = min(listed, key=lambda q: (abs(q.strike_e3 * 10 - aim), q.strike_e3))
    one = option_value(quote.ask_e4, 1) + COMMISSION_PER_CONTRACT
    quantity = min(wanted, budget_left(d, account) // one)
    return Candidate(quote, quantity) if quantity > 0 else None


def open_hedge(d: Decision, account: Account, short: ShortOption, approval: str) -> None:
    """Buy the protection of a short put, an approved step of its script."""
    found = candidate(d, account, short)
    if found is not None:
        _buy(d, account, found, short.contract, approval)


def open_share_hedge(d: Decision, account: Account, ticker: str, approval: str) -> None:
    """Buy puts for shares at level 3: the next weekly expiry, nearest `B - 3 ATR`."""
    expiry = d.calendar.weekly_expiry(d.today)
    if expiry is None or expiry <= d.today:
        expiry = d.calendar.weekly_expiry(d.today + 7)
    if expiry is None:
        return
    basis, lots = average_price(account, ticker), account.shares(ticker) // 100
    found = _candidate(d, account, ticker, expiry, basis, lots, d.market.last(ticker))
    if found is not None:
        _buy(d, account, found, ticker, approval)


def _buy(d: Decision, account: Account, found: Candidate, hedged: str, approval: str) -> None:
    quote, config = found.quote, d.config(account.account_id)
    ticker = option(quote.contract).underlying
    highest = floor_tick(config.fraction("order.close_max_pct") * quote.mid_e4 / 100, ticker)
    first = max(floor_tick(quote.mid_e4, ticker), tick_e4(0, ticker))
    limits = buy_ladder(first, max(first, highest), ticker)
    signal = d.next_event_id()
    d.emit(
        e.TradeSignalGenerated(
            signal, ticker, quote.contract, "BUY", found.quantity, limits[0], 0, limits, quote.mid_e6,
            d.market.last(ticker), quote.delta_e2, approval, "HEDGE",
        ),
        f"wheel-{account.account_id}-{ticker}",
        account,
    )  # fmt: skip
    intent = Intent(
        quote.contract, ticker, "BUY", "OPEN", found.quantity, found.quantity, limits[0], "HEDGE", quote,
        spot_e4=d.market.last(ticker), approval_id=approval, needs_approval=True, reference=hedged,
    )  # fmt: skip
    order = place(d, account, intent, signal, limits)
    if order is not None:
        d.set_timer(f"close|{order.order_id}", d.now_us + config.integer("order.close_work_min") * MINUTE)


@on_ended("HEDGE")
def _bought(d: Decision, account: Account, order: Order) -> None:
    if order.filled:
        cost = order.cost + COMMISSION_PER_CONTRACT * order.filled
        left = max(0, budget_left(d, account) - cost)
        opened = e.HedgeOpened(order.contract, order.reference, order.filled, cost, left)
        d.emit(opened, f"position-{order.contract}", account)


def release_for(d: Decision, account: Account, hedged: str, reason: str) -> None:
    """What was protected is safe or gone: sell its hedges (protocol 8.3)."""
    for contract in [c for c, h in account.hedges.items() if h.hedged == hedged]:
        _sell(d, account, contract, reason)


def check_profit(d: Decision, account: Account) -> None:
    """A hedge worth three times its cost (200 % over it) is released (protocol 8.3)."""
    if not account.hedges:
        return
    rate = 1 + d.config(account.account_id).fraction("hedge.release_profit_pct") / 100
    for contract, hedge in list(account.hedges.items()):
        quote = d.market.quote(contract)
        if quote is None or not quote.two_sided:
            continue
        if option_value(quote.bid_e4, hedge.quantity) >= rate * hedge.cost:
            _sell(d, account, contract, "PROFIT")


def _sell(d: Decision, account: Account, contract: str, reason: str) -> None:
    quantity = account.shares(contract) - _being_sold(d, account, contract)
    quote, ticker = d.market.quote(contract), option(contract).underlying
    if quantity <= 0 or quote is None or quote.bid_e4 <= 0 or not d.calendar.in_session(d.now_us):
        return
    limit = ceil_tick(Fraction(quote.bid_e4), ticker)
    signal = d.next_event_id()
    stream = f"position-{account.account_id}-{contract}"
    d.emit(e.ExitSignalGenerated(signal, ticker, contract, "SELL", quantity, limit, f"HEDGE_{reason}"), stream, account)
    intent = Intent(
        contract, ticker, "SELL", "CLOSE", quantity, quantity, limit, "HEDGE_RELEASE", quote,
        spot_e4=d.market.last(ticker), reference=reason,
    )  # fmt: skip
    place(d, account, intent, signal)


def _being_sold(d: Decision, account: Account, contract: str) -> int:
    """Contracts in sales that may still be filled: an order of unknown state is one (protocol 12.1)."""
    return sum(
        o.open_quantity + o.rest
        for o in d.book.orders.values()
        if o.account_id == account.account_id and o.contract == contract and o.side == "SELL" and o.working
    )


@on_ended("HEDGE_RELEASE")
def _sold(d: Decision, account: Account, order: Order) -> None:
    hedge = account.hedges.get(order.contract)
    if hedge is not None and not account.shares(order.contract):
        released = e.HedgeReleased(order.contract, hedge.hedged, order.reference)
        d.emit(released, f"position-{order.contract}", account)
