"""Pre-trade checks PT-01 to PT-19 in their order (protocol 12.2); the first failure rejects, every result is stored.

A check whose input does not exist yet passes as NO_INPUT and is counted in the run's result: nobody takes it for done.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from domain import wash_sales
from domain.calendar import SECOND
from domain.contracts import parse
from domain.decision import Decision
from domain.events import CheckResult
from domain.lots import in_order
from domain.market import Quote
from domain.modes import effective_mode, permits
from domain.money import (
    COMMISSION_PER_CONTRACT,
    CONTRACT_MULTIPLIER,
    option_value,
    percent_of,
    percent_text,
    price_text,
    shares_value,
    strike_value,
)
from domain.risk.measure import level_in_ticker
from domain.state import AT_BROKER, KILLED_ACCOUNT, KILLED_BOOK, Account
from domain.valuation import (
    buffer_required,
    cash_total,
    contract_collateral,
    corpus,
    free_cash,
    nav,
    purchases_working,
    put_collateral,
    shares_market_value,
)

DUPLICATE_US = 5 * SECOND
DAY_TRADE_SESSIONS = 5
GOOD_FAITH_DAYS = 365
MAX_ACTIVE_ORDERS = 20
"""Active orders per contract and side (protocol 9)."""


@dataclass(frozen=True, slots=True)
class Intent:
    """An order about to be proposed."""

    contract: str
    ticker: str
    side: str
    effect: str
    quantity: int
    """contracts of this clip"""
    total: int
    """contracts with the clips that follow"""
    limit_e4: int
    """of a roll: least net credit per share, negative = a debit"""
    purpose: str
    quote: Quote | None = None
    premium: Fraction = Fraction(0)
    """premium ratio at the limit's floor, 0 for closes"""
    gate: Fraction = Fraction(0)
    """what the premium must reach, 0 when an approved floor replaces it"""
    delta_low: Fraction = Fraction(0)
    delta_high: Fraction = Fraction(100)
    spot_e4: int = 0
    approval_id: str = ""
    needs_approval: bool = False
    clip: int = 0
    new_quote: Quote | None = None
    """of a roll: the option that is sold"""
    reference: str = ""
    """what the order serves: instruction, script, workflow or quarter"""
    roll_to: str = ""
    """of a roll in two orders, the purchase: the option that is sold next"""
    roll_of: str = ""
    """of the sale: the order of the purchase"""
    origin: str = ""
    """a STAR-LAB strategy id, else empty"""
    time_in_force: str = "DAY"

    @property
    def risk_reducing(self) -> bool:
        """Closes, and rolls that move the strike away from the price with unchanged quantity (protocol 3.4)."""
        return self.effect in ("CLOSE", "ROLL") or bool(self.roll_of)

    @property
    def is_entry(self) -> bool:
        """Opens by the entry procedure, whose window, liquidity and premium rules it must meet."""
        return self.effect == "OPEN" and self.purpose in ("ENTRY", "RESIDUAL")


Outcome = tuple[str, str]
Check = Callable[[Decision, Account, Intent], Outcome]
PASSED, FAILED, SKIPPED, WARNED, NO_INPUT = "PASSED", "FAILED", "SKIPPED", "WARNED", "NO_INPUT"


def _verdict(ok: bool, detail: str) -> Outcome:
    return (PASSED if ok else FAILED), detail


def _pt01(d: Decision, account: Account, intent: Intent) -> Outcome:
    terms = parse(intent.contract)
    expiring = terms is not None and terms.expiry == d.today
    if intent.purpose in ("CHEAP_BUYBACK", "CLOSE", "STOP_LOSS") or (intent.purpose == "ROLL" and expiring):
        return SKIPPED, "level-3 exits, expiry handling and closes by a person stay possible"
    killed = d.book.killed or KILLED_BOOK in account.suspensions or KILLED_ACCOUNT in account.suspensions
    return _verdict(not killed, "kill switch")


def _pt02(_d: Decision, account: Account, intent: Intent) -> Outcome:
    if intent.risk_reducing:
        return _verdict(account.state in ("ACTIVE", "SUSPENDED", "MERGING", "CLOSING"), account.state)
    if intent.purpose in ("HEDGE", "RECOVERY_CALL"):
        return _verdict(account.state == "ACTIVE", f"{account.state}; approved by a person")
    terms = parse(intent.contract)
    right = "S" if terms is None or intent.side == "BUY" else terms.right
    return _verdict(account.state == "ACTIVE" and permits(account, right), f"{account.state} {effective_mode(account)}")


def _pt03(d: Decision, _account: Account, _intent: Intent) -> Outcome:
    mode, broker = d.config().text("env.mode"), d.book.broker_account
    return _verdict((mode == "LIVE") != broker.startswith("DU"), f"{mode} {broker[:2]}..{broker[-4:]}")


def _pt04(d: Decision, account: Account, intent: Intent) -> Outcome:
    standard = parse(intent.contract) is not None or intent.contract == intent.ticker
    halted = intent.ticker in d.market.halted
    if intent.risk_reducing:
        return _verdict(standard and not halted, f"standard {standard}, halted {halted}")
    config = d.config(account.account_id)
    permitted = config.items("starlab.allowed_symbols" if account.type == "EXT" else f"{account.type.lower()}.tickers")
    listed = intent.ticker in permitted or intent.purpose == "HEDGE"
    banned = intent.ticker in config.items("common.blacklist")
    return _verdict(
        standard and listed and not banned and not halted,
        f"standard {standard}, permitted {listed}, blacklisted {banned}, halted {halted}",
    )


def _pt05(d: Decision, account: Account, intent: Intent) -> Outcome:
    if not d.calendar.in_session(d.now_us):
        return FAILED, "outside the session"
    if not intent.is_entry:
        return PASSED, "in session"
    config = d.config(account.account_id)
    start, end = (d.calendar.et(d.today, config.integer(f"entry.{k}")) for k in ("window_start", "work_until"))
    return _verdict(start <= d.now_us < end, "order window")


def _pt06(d: Decision, _account: Account, intent: Intent) -> Outcome:
    if parse(intent.contract) is None:
        mark = d.market.marks.get(intent.contract)
        since = mark.tick_time_us if mark else 0
    elif intent.quote is None:
        return FAILED, "no quote"
    else:
        since = min(q.quote_time_us for q in (intent.quote, intent.new_quote) if q is not None)
    age = d.now_us - since
    return _verdict(age <= d.config().integer("data.stale_s") * SECOND, f"quote is {age // SECOND} s old")


def _pt07(d: Decision, account: Account, intent: Intent) -> Outcome:
    if intent.risk_reducing or intent.purpose == "HEDGE" or parse(intent.contract) is None:
        return SKIPPED, "closing, a hedge or shares"
    quote, config = intent.quote, d.config(account.account_id)
    assert quote is not None
    if intent.purpose == "LEAPS":
        return SKIPPED, "LEAPS have their own liquidity rule (protocol 7.5)"
    return _verdict(
        is_liquid(
            quote,
            config.integer("liquidity.min_open_interest"),
            config.integer("liquidity.min_volume"),
            config.fraction("liquidity.max_spread_pct"),
        ),
        f"open interest {quote.open_interest}, volume {quote.volume}, "
        f"{price_text(quote.bid_e4)}/{price_text(quote.ask_e4)}",
    )


def is_liquid(quote: Quote, min_open_interest: int, min_volume: int, max_spread_pct: Fraction) -> bool:
    """Open interest, day volume and spread as a share of mid (protocol 6.2 step 4)."""
    return (
        quote.two_sided
        and quote.open_interest >= min_open_interest
        and quote.volume >= min_volume
        and (quote.ask_e4 - quote.bid_e4) * 200 * max_spread_pct.denominator
        <= max_spread_pct.numerator * (quote.bid_e4 + quote.ask_e4)  # spread x 100 <= per cent x mid
    )


def _pt08(_d: Decision, _account: Account, intent: Intent) -> Outcome:
    if not intent.is_entry:
        return SKIPPED, "no entry of the strategy"
    quote = intent.quote
    assert quote is not None
    inside = intent.delta_low * 100 <= quote.delta_e2 <= intent.delta_high * 100
    return _verdict(
        inside and intent.premium >= intent.gate,
        f"delta {quote.delta_e2}e-2, premium {percent_text(intent.premium)}, gate {percent_text(intent.gate)}",
    )


def _pt09(d: Decision, account: Account, intent: Intent) -> Outcome:
    needed, required = _cash_needed(intent), buffer_required(d, account)
    if not needed:
        return SKIPPED, "no new collateral and no purchase"
    left = free_cash(d.book, account) - needed
    if intent.purpose == "HEDGE" or intent.roll_of:
        return _verdict(left >= 0, f"free after trade {left} cents; a hedge or a roll may use the buffer")
    return _verdict(left >= required, f"free after trade {left}, buffer {required} cents")


def _cash_needed(intent: Intent) -> int:
    """New collateral, or what a purchase costs at its limit with commission, cents."""
    terms = parse(intent.contract)
    if intent.effect == "ROLL":
        new = parse(intent.new_quote.contract) if intent.new_quote else None
        if terms is None or new is None or new.right == "C":
            return 0
        return max(0, strike_value(new.strike_e3 - terms.strike_e3, intent.total))
    if intent.effect == "CLOSE":
        return 0
    if intent.side == "BUY":
        if terms is None:
            return shares_value(intent.limit_e4, intent.total)
        return option_value(intent.limit_e4, intent.total) + COMMISSION_PER_CONTRACT * intent.total
    return strike_value(terms.strike_e3, intent.total) if terms is not None and terms.right == "P" else 0


def _pt10(d: Decision, account: Account, intent: Intent) -> Outcome:
    terms = parse(intent.contract)
    if intent.effect == "CLOSE" and intent.side == "SELL" and terms is None:
        spare = uncovered_shares(d, account, intent.ticker)
        return _verdict(
            intent.total <= spare, f"{intent.total} shares for sale, {spare} cover no call and are not in a sale"
        )
    if intent.effect != "OPEN" or intent.side != "SELL" or terms is None or terms.right == "P":
        return SKIPPED, "no short call"
    free = uncovered_lots(d, account, intent.ticker)
    return _verdict(intent.total <= free, f"{intent.total} calls, {free} free lots of 100")


def uncovered_lots(d: Decision, account: Account, ticker: str) -> int:
    """Lots of 100 shares that a call may still be written on (INV-5)."""
    return uncovered_shares(d, account, ticker) // 100


def uncovered_shares(d: Decision, account: Account, ticker: str) -> int:
    """Shares that no short or working call uses and that are not in a working sale (INV-5)."""
    free = account.shares(ticker)
    for contract, short in account.shorts.items():
        terms = parse(contract)
        if terms is not None and terms.underlying == ticker and terms.right == "C":
            free -= 100 * short.quantity
    for order in d.book.orders.values():
        if (
            order.account_id != account.account_id
            or order.ticker != ticker
            or not order.working
            or order.side != "SELL"
        ):
            continue
        terms = parse(order.contract)
        if terms is None:
            free -= order.open_quantity + order.rest
        elif terms.right == "C" and order.effect == "OPEN":
            free -= 100 * (order.open_quantity + order.rest)
    return free


def _pt11(d: Decision, account: Account, intent: Intent) -> Outcome:
    config = d.config(account.account_id)
    terms = parse(intent.contract)
    if terms is None:
        notional, contracts = shares_value(intent.limit_e4, intent.total), 0
    else:
        notional, contracts = option_value(terms.strike_e4, intent.total), intent.total
    if intent.risk_reducing:
        return PASSED, f"notional {notional} cents, closing"
    if contracts > config.integer("order.max_contracts") or notional > config.integer("order.max_notional") * 100:
        return FAILED, f"order cap: {intent.total} contracts, notional {notional} cents"
    active = sum(
        1 for o in d.book.orders.values() if o.working and o.contract == intent.contract and o.side == intent.side
    )
    if active >= MAX_ACTIVE_ORDERS:
        return FAILED, f"{active} active orders for the contract and side"
    used, margin = d.book.margin_used, d.book.margin_total
    if margin and used * 100 > config.fraction("limits.margin_use_pct") * margin:
        return FAILED, f"margin use: {used} of {margin} cents"
    if terms is None or terms.right == "C" or intent.side == "BUY":
        return PASSED, f"notional {notional} cents"
    worth = corpus(d.market, account)
    cap = percent_of(worth, config.fraction(f"common.ticker_cap_pct.{account.type.lower()}"))
    held = put_collateral(d.book, account, intent.ticker) + shares_market_value(d.market, account, intent.ticker)
    new = strike_value(terms.strike_e3, intent.total)
    if held + new > cap:
        return FAILED, f"ticker cap: {held} + {new} > {cap} cents"
    position, most = contract_collateral(d.book, account, intent.contract), config.fraction("limits.position_pct")
    if position + new > percent_of(worth, most):
        return FAILED, f"position cap: {position} + {new} > {most} % of {worth} cents"
    day_cap = percent_of(worth, config.fraction("limits.daily_new_pct"))
    return _verdict(
        account.new_collateral + new <= day_cap, f"day cap: {account.new_collateral} + {new} of {day_cap} cents"
    )


def _pt12(d: Decision, _account: Account, intent: Intent) -> Outcome:
    terms = parse(intent.contract)
    if intent.effect != "OPEN" or terms is None:
        return SKIPPED, "not an opening option order"
    config = d.config()
    limit = percent_of(config.integer("compliance.position_limit"), config.fraction("compliance.limit_use_pct"))
    bullish = _bullish(terms.right, long=intent.side == "BUY")
    same = intent.total + _same_side(d, terms.underlying, bullish)
    return _verdict(same <= limit, f"{same} of {limit} contracts on the {'bullish' if bullish else 'bearish'} side")


def _bullish(right: str, *, long: bool) -> bool:
    """Long calls and short puts are one side of the market, long puts and short calls the other (FINRA 2360)."""
    return (right == "C") == long


def _same_side(d: Decision, underlying: str, bullish: bool) -> int:
    """Contracts on one side of an underlying, held and on order, over all accounts of the brokerage account (CR-06)."""
    held: list[tuple[str, int, bool]] = []
    for account in d.book.accounts.values():
        held += [(contract, short.quantity, False) for contract, short in account.shorts.items()]
        held += [(lot.contract, lot.quantity, True) for lot in account.lots]
    for order in d.book.orders.values():
        if order.working and order.effect == "OPEN":
            held.append((order.contract, order.open_quantity + order.rest, order.side == "BUY"))
    total = 0
    for contract, quantity, long in held:
        terms = parse(contract)
        if terms is not None and terms.underlying == underlying and _bullish(terms.right, long=long) == bullish:
            total += quantity
    return total


def _pt13(d: Decision, account: Account, intent: Intent) -> Outcome:
    if intent.risk_reducing or intent.purpose in ("HEDGE", "RECOVERY_CALL"):
        return SKIPPED, "reduces risk"
    terms = parse(intent.contract)
    put = terms is not None and terms.right == "P" and intent.side == "SELL"
    level = level_in_ticker(d, account, intent.ticker) if put else 0
    stops = [name for name in account.restrictions if name not in ("BUFFER", "RECON")] if put else []
    return _verdict(not level and not stops, f"level {level} in {intent.ticker}, restrictions {stops}")


def _pt14(d: Decision, account: Account, intent: Intent) -> Outcome:
    config = d.config()
    regime = config.text("compliance.daytrade_regime")
    if regime == "CASH":
        return _good_faith(d, account, intent)
    if intent.purpose == "STOP_LOSS":
        return SKIPPED, "level-3 exits are exempt and flagged"
    if regime == "INTRADAY_MARGIN":
        excess, change = intraday_excess(d), _excess_change(account, intent)
        return _verdict(change >= 0 or excess + change >= 0, f"intraday excess {excess} cents, changed by {change}")
    if intent.effect == "OPEN":
        return PASSED, "opens no day trade"
    if not opened_today(d, account, intent.contract):
        return PASSED, "not opened today"
    equity = margin_equity(d)
    first = d.calendar.sessions_back(d.today, DAY_TRADE_SESSIONS - 1)
    count = sum(1 for session in d.book.day_trades if session >= first)
    allowed = (
        count < config.integer("compliance.daytrade_limit") or equity >= config.integer("compliance.min_equity") * 100
    )
    return _verdict(allowed, f"{count} day trades in {DAY_TRADE_SESSIONS} sessions, equity {equity} cents")


def _good_faith(d: Decision, account: Account, intent: Intent) -> Outcome:
    """Of a cash account: what was bought with unsettled funds is not sold before they have settled (CR-05)."""
    if intent.effect != "CLOSE" or intent.side != "SELL":
        return SKIPPED, "cash account: no day-trade rule"
    sold, left = 0, intent.total
    for lot in in_order(account, intent.contract):
        part = min(left, lot.quantity)
        left -= part
        sold += part if lot.funds_settle > d.today else 0
    counted = sum(1 for day in d.book.good_faith if day > d.today - GOOD_FAITH_DAYS)
    detail = f"{sold} bought with funds that have not settled; {counted} such sales in 12 months"
    return _verdict(not sold, detail)


def intraday_excess(d: Decision) -> int:
    """What the brokerage account holds beyond what its short puts and working purchases need, cents (CR-04)."""
    return sum(
        cash_total(account) - put_collateral(d.book, account) - purchases_working(d.book, account)
        for account in d.book.accounts.values()
    )


def _excess_change(account: Account, intent: Intent) -> int:
    """How an order at its limit changes the intraday excess, cents."""
    terms = parse(intent.contract)
    if intent.effect == "OPEN":
        return -_cash_needed(intent)
    if intent.effect == "ROLL":
        return -_cash_needed(intent) + min(0, option_value(intent.limit_e4, intent.total))
    paid = (option_value if terms else shares_value)(intent.limit_e4, intent.total)
    if intent.side == "SELL":
        return paid
    short = account.shorts.get(intent.contract)
    freed = strike_value(terms.strike_e3, intent.total) if terms and terms.right == "P" and short else 0
    return freed - paid


def opened_today(d: Decision, account: Account, contract: str) -> bool:
    """A position whose close today would be a day trade (protocol 16.3 CR-04)."""
    short = account.shorts.get(contract)
    if short is not None:
        return d.calendar.day_of(short.opened_us) == d.today
    return any(lot.contract == contract and lot.acquired == d.today for lot in account.lots)


def margin_equity(d: Decision) -> int:
    """Equity of the brokerage account, cents."""
    return sum(nav(d.market, account) for account in d.book.accounts.values())


def _pt15(d: Decision, _account: Account, intent: Intent) -> Outcome:
    opposite = "BUY" if intent.side == "SELL" else "SELL"
    for order in d.book.orders.values():
        if order.contract == intent.contract and order.side == opposite and order.state in AT_BROKER:
            crossing = order.limit_e4 >= intent.limit_e4 if opposite == "BUY" else order.limit_e4 <= intent.limit_e4
            if crossing:
                return FAILED, f"working order {order.order_id}"
    return PASSED, "no opposite working order crosses"


def _pt16(d: Decision, account: Account, intent: Intent) -> Outcome:
    """Warns where a purchase, or the put's assignment, would follow a loss within the wash-sale window."""
    if intent.effect != "OPEN":
        return SKIPPED, "no acquisition"
    terms = parse(intent.contract)
    shares = intent.total * (CONTRACT_MULTIPLIER if terms else 1)
    planned = wash_sales.Acquisition("", account.account_id, intent.ticker, d.today, shares)
    days = d.config().integer("tax.wash_sale_days")
    loss = sum(one.disallowed for one in wash_sales.on_acquisition(d.book.wash, planned, days))
    calls_sold = terms is not None and terms.right == "C" and intent.side == "SELL"
    if loss and not calls_sold:
        return WARNED, f"would disallow {loss} cents of recent losses on {intent.ticker}"
    return PASSED, "no recent loss would be disallowed"


def _pt17(d: Decision, account: Account, intent: Intent) -> Outcome:
    if intent.purpose == "STOP_LOSS":
        return SKIPPED, "a level-3 exit has its own cap (protocol 8.3)"
    kind = "starlab" if account.type == "EXT" else "open" if intent.effect == "OPEN" else "close"
    if intent.effect == "ROLL":
        assert intent.quote is not None
        assert intent.new_quote is not None
        mid = intent.new_quote.mid_e4 - intent.quote.mid_e4
        low, high = _around(d, kind, mid, max(intent.quote.mid_e4, intent.new_quote.mid_e4))
    else:
        mid = _mid_of(d, intent)
        low, high = _around(d, kind, mid, mid)
    return _verdict(low <= intent.limit_e4 <= high, f"limit {price_text(intent.limit_e4)}, mid {price_text(int(mid))}")


def _mid_of(d: Decision, intent: Intent) -> Fraction:
    if intent.quote is not None:
        return intent.quote.mid_e4
    mark = d.market.marks[intent.contract]
    return Fraction(mark.bid_e4 + mark.ask_e4, 2) if 0 < mark.bid_e4 <= mark.ask_e4 else Fraction(mark.last_e4)


def _around(d: Decision, kind: str, mid: Fraction, worth: Fraction) -> tuple[Fraction, Fraction]:
    """Collar of a share of `worth` around mid, never narrower than `order.collar_min` (1e-4 dollars)."""
    config = d.config()
    width = max(config.fraction(f"order.collar_{kind}_pct") * worth / 100, config.fraction("order.collar_min") * 10_000)
    return mid - width, mid + width


def collar(d: Decision, effect: str, quote: Quote) -> tuple[Fraction, Fraction]:
    """Lowest and highest limit of PT-17 around mid (1e-4 dollars)."""
    return _around(d, "open" if effect == "OPEN" else "close", quote.mid_e4, quote.mid_e4)


def _pt18(d: Decision, account: Account, intent: Intent) -> Outcome:
    if intent.purpose == "RESIDUAL":
        return SKIPPED, "residual pass"
    if intent.purpose == "STOP_LOSS":
        return SKIPPED, "a level-3 exit that goes on"
    for order in d.book.orders.values():
        if (
            order.account_id == account.account_id
            and order.contract == intent.contract
            and order.side == intent.side
            and d.now_us - order.created_us < DUPLICATE_US
            and order.state != "REJECTED"
        ):
            return FAILED, f"duplicate of {order.order_id}"
    return PASSED, "no order for the same contract and side within 5 s"


def _pt19(_d: Decision, _account: Account, intent: Intent) -> Outcome:
    if not intent.needs_approval:
        return SKIPPED, "none required"
    return _verdict(bool(intent.approval_id), intent.approval_id or "missing")


CHECKS: dict[str, Check] = {
    "PT-01": _pt01,
    "PT-02": _pt02,
    "PT-03": _pt03,
    "PT-04": _pt04,
    "PT-05": _pt05,
    "PT-06": _pt06,
    "PT-07": _pt07,
    "PT-08": _pt08,
    "PT-09": _pt09,
    "PT-10": _pt10,
    "PT-11": _pt11,
    "PT-12": _pt12,
    "PT-13": _pt13,
    "PT-14": _pt14,
    "PT-15": _pt15,
    "PT-16": _pt16,
    "PT-17": _pt17,
    "PT-18": _pt18,
    "PT-19": _pt19,
}


DECIDED_ONCE = frozenset({"PT-06", "PT-07", "PT-08", "PT-17", "PT-18"})
"""Checks of the decision itself: a further clip of the same order does not repeat them (protocol 6.6, 12.2)."""


AT_THE_OPEN = frozenset({"PT-05", "PT-06", "PT-07", "PT-17"})
"""Checks that need a session: a GTC order that waits for the open meets them then (protocol 13.1)."""


def run_checks(
    d: Decision, account: Account, intent: Intent, *, waits: bool = False
) -> tuple[list[CheckResult], CheckResult | None]:
    """Run the checks in order up to the first failure: (results, the failure)."""
    results: list[CheckResult] = []
    for name, check in CHECKS.items():
        if intent.clip and name in DECIDED_ONCE:
            verdict, detail = SKIPPED, "a further clip of an order that was checked whole"
        elif waits and name in AT_THE_OPEN:
            verdict, detail = SKIPPED, "waits for the next open"
        else:
            verdict, detail = check(d, account, intent)
        result = CheckResult(name, verdict, detail)
        results.append(result)
        if verdict == FAILED:
            return results, result
    return results, None


def check_at_open(d: Decision, account: Account, intent: Intent) -> CheckResult | None:
    """The first failure among the checks that an order taken outside the session has not met yet (protocol 13.1)."""
    for name in sorted(AT_THE_OPEN):
        verdict, detail = CHECKS[name](d, account, intent)
        if verdict == FAILED:
            return CheckResult(name, verdict, detail)
    return None
