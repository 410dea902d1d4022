"""LEAPS (protocol 7.5): which long call is bought, and when it is reviewed."""

from domain import events as e
from domain.approvals import on_decided, request
from domain.calendar import MINUTE, SECOND
from domain.contracts import option, parse
from domain.decision import Decision
from domain.market import Quote
from domain.money import buy_ladder, ceil_tick, floor_tick, ladder, tick_e4
from domain.orders import place
from domain.pretrade import Intent, is_liquid
from domain.state import Account, Approval, Order

NEVER_US = 0


def select_leaps(d: Decision, account: Account, ticker: str) -> Quote | None:
    """The expiry nearest 450 DTE that has a candidate, in it the strike nearest 75 delta; ties: earlier, lower."""
    config, chain = d.config(account.account_id), d.market.chain(ticker)
    if chain is None:
        return None
    target = config.integer("leaps.dte_target")
    low, high = config.integer("leaps.dte_min"), config.integer("leaps.dte_max")
    expiries = [x for x in chain.expiries() if low <= x - d.today <= high]
    for expiry in sorted(expiries, key=lambda day: (abs(day - d.today - target), day)):
        found = [q for q in chain.quotes(expiry, "C") if _eligible(d, account, q)]
        if found:
            aim = config.fraction("leaps.delta_target") * 100
            return min(found, key=lambda q: (abs(q.delta_e2 - aim), q.strike_e3))
    return None


def _eligible(d: Decision, account: Account, quote: Quote) -> bool:
    config = d.config(account.account_id)
    inside = config.fraction("leaps.delta_min") * 100 <= quote.delta_e2 <= config.fraction("leaps.delta_max") * 100
    fresh = d.now_us - quote.quote_time_us <= config.integer("data.stale_s") * SECOND
    liquid = is_liquid(quote, config.integer("leaps.min_open_interest"), 0, config.fraction("leaps.max_spread_pct"))
    return inside and fresh and liquid and quote.iv_e6 > 0


def buy(d: Decision, account: Account, quote: Quote, quantity: int, reference: str, approval: str = "") -> Order | None:
    """From mid up to 105 % of it, one tick every 30 s, for 30 min (protocol 6.6)."""
    config, ticker = d.config(account.account_id), option(quote.contract).underlying
    highest = floor_tick(config.fraction("order.close_max_pct") * quote.mid_e4 / 100, ticker)
    first = max(floor_tick(quote.mid_e4, ticker), tick_e4(0, ticker))
    limits = buy_ladder(first, max(first, highest), ticker)
    signal = d.next_event_id()
    d.emit(
        e.TradeSignalGenerated(
            signal, ticker, quote.contract, "BUY", quantity, limits[0], 0, limits, quote.mid_e6,
            d.market.last(ticker), quote.delta_e2, approval or None, "LEAPS",
        ),
        f"wheel-{account.account_id}-{ticker}",
        account,
    )  # fmt: skip
    intent = Intent(
        quote.contract, ticker, "BUY", "OPEN", quantity, quantity, limits[0], "LEAPS", quote,
        spot_e4=d.market.last(ticker), approval_id=approval, needs_approval=bool(approval), reference=reference,
    )  # fmt: skip
    order = place(d, account, intent, signal, limits)
    if order is not None:
        d.set_timer(f"close|{order.order_id}", d.now_us + config.integer("order.close_work_min") * MINUTE)
    return order


def sell_long(d: Decision, account: Account, contract: str, purpose: str, reference: str = "") -> Order | None:
    """Sell a long option: from mid down to 95 % of it, one tick every 30 s, for 30 min (protocol 6.6, mirrored)."""
    quote, quantity, ticker = d.market.quote(contract), account.shares(contract), option(contract).underlying
    if quote is None or quantity <= 0 or quote.bid_e4 <= 0:
        return None
    config = d.config(account.account_id)
    lowest = ceil_tick((200 - config.fraction("order.close_max_pct")) * quote.mid_e4 / 100, ticker)
    limits = ladder(ceil_tick(quote.mid_e4, ticker), lowest, ticker)
    signal, stream = d.next_event_id(), f"position-{account.account_id}-{contract}"
    d.emit(e.ExitSignalGenerated(signal, ticker, contract, "SELL", quantity, limits[0], purpose), stream, account)
    intent = Intent(
        contract, ticker, "SELL", "CLOSE", quantity, quantity, limits[0], purpose, quote,
        spot_e4=d.market.last(ticker), reference=reference,
    )  # fmt: skip
    order = place(d, account, intent, signal, limits)
    if order is not None:
        d.set_timer(f"close|{order.order_id}", d.now_us + config.integer("order.close_work_min") * MINUTE)
    return order


def review(d: Decision, account: Account) -> None:
    """At EOD: 90 days or fewer remain, or delta has left 50 to 90: a roll is proposed to people (protocol 7.5)."""
    config = d.config(account.account_id)
    for contract in sorted({lot.contract for lot in account.lots}):
        terms = parse(contract)
        if terms is None or terms.right != "C" or contract in account.hedges:
            continue
        quote, days = d.market.quote(contract), terms.expiry - d.today
        delta = quote.delta_e2 if quote is not None else -1
        low, high = config.fraction("leaps.delta_low") * 100, config.fraction("leaps.delta_high") * 100
        if days > config.integer("leaps.roll_days") and (delta < 0 or low <= delta <= high):
            continue
        if any(a.kind == "LEAPS_ROLL" and a.subject == contract for a in d.book.approvals.values()):
            continue
        key = f"leaps|{account.account_id}|{contract}"
        if d.book.memory.get(key, 0) > d.today - ASK_AGAIN_DAYS:
            continue
        d.book.memory[key] = d.today
        proposed = e.LeapsRollProposed(contract, days, max(0, delta))
        d.emit(proposed, f"position-{account.account_id}-{contract}", account)
        request(
            d, account, "LEAPS_ROLL", contract, {"days_left": str(days), "choices": "ROLL,SELL"},
            required=1, roles=["TRADER", "OWNER"], expires_us=NEVER_US, default="hold",
        )  # fmt: skip


ASK_AGAIN_DAYS = 30


@on_decided("LEAPS_ROLL")
def _roll_decided(d: Decision, approval: Approval, granted: bool, choice: str) -> None:
    """Sold from current quotes; for a roll the same number is bought anew by the selection rule."""
    account, contract = d.book.accounts[approval.account_id], approval.subject
    quantity = account.shares(contract)
    if not granted or not quantity:
        return
    sell_long(d, account, contract, "CLOSE", approval.approval_id)
    found = select_leaps(d, account, option(contract).underlying) if choice in ("", "ROLL") else None
    if found is not None and found.contract != contract:
        buy(d, account, found, quantity, approval.approval_id, approval.approval_id)
