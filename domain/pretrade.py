"""Pre-trade checks PT-01 to PT-19 in their order (protocol 12.2); the first failure rejects, every result is stored.

A check whose input does not exist yet passes as NO_INPUT and is counted in the run's result: nobody takes it for done.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from domain.calendar import SECOND
from domain.contracts import parse
from domain.decision import Decision
from domain.events import CheckResult
from domain.market import Quote
from domain.modes import effective_mode, permits
from domain.money import option_value, percent_of, percent_text, price_text, strike_value
from domain.state import AT_BROKER, KILLED_ACCOUNT, KILLED_BOOK, Account
from domain.valuation import buffer_required, corpus, free_cash, put_collateral, shares_market_value

DUPLICATE_US = 5 * SECOND


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
    purpose: str
    quote: Quote | None
    premium: Fraction
    """premium ratio at the limit's floor, 0 for closes"""
    gate: Fraction
    """what the premium must reach, 0 when an approved floor replaces it"""
    delta_low: Fraction
    delta_high: Fraction
    spot_e4: int
    approval_id: str = ""
    needs_approval: bool = False
    clip: int = 0


Outcome = tuple[str, str]
Check = Callable[[Decision, Account, Intent], Outcome]
PASSED, FAILED, SKIPPED, WARNED, NO_INPUT = "PASSED", "FAILED", "SKIPPED", "WARNED", "NO_INPUT"


def _verdict(ok: bool, detail: str) -> Outcome:
    return (PASSED if ok else FAILED), detail


def _pt01(d: Decision, account: Account, intent: Intent) -> Outcome:
    if intent.purpose in ("CHEAP_BUYBACK", "CLOSE"):
        return SKIPPED, "expiry handling and closes by a person stay possible"
    killed = d.book.killed or KILLED_BOOK in account.suspensions or KILLED_ACCOUNT in account.suspensions
    return _verdict(not killed, "kill switch")


def _pt02(_d: Decision, account: Account, intent: Intent) -> Outcome:
    if intent.effect == "CLOSE":
        return _verdict(account.state in ("ACTIVE", "SUSPENDED", "MERGING", "CLOSING"), account.state)
    terms = parse(intent.contract)
    right = terms.right if terms else "S"
    return _verdict(account.state == "ACTIVE" and permits(account, right), f"{account.state} {effective_mode(account)}")


def _pt03(d: Decision, _account: Account, _intent: Intent) -> Outcome:
    mode, broker = d.config().text("env.mode"), d.book.broker_account
    return _verdict((mode == "LIVE") != broker.startswith("DU"), f"{mode} {broker[:2]}..{broker[-4:]}")


def _pt04(d: Decision, account: Account, intent: Intent) -> Outcome:
    standard = parse(intent.contract) is not None or intent.contract == intent.ticker
    if intent.effect == "CLOSE":
        return _verdict(standard, "standard contract")
    listed = intent.ticker in d.config(account.account_id).items(f"{account.type.lower()}.tickers")
    banned = intent.ticker in d.config(account.account_id).items("common.blacklist")
    return _verdict(
        standard and listed and not banned, f"standard {standard}, permitted {listed}, blacklisted {banned}"
    )


def _pt05(d: Decision, account: Account, intent: Intent) -> Outcome:
    if not d.calendar.in_session(d.now_us):
        return FAILED, "outside the session"
    if intent.effect == "CLOSE":
        return PASSED, "in session"
    config = d.config(account.account_id)
    start, end = (d.calendar.et(d.today, config.integer(f"entry.{k}")) for k in ("window_start", "work_until"))
    return _verdict(start <= d.now_us < end, "order window")


def _pt06(d: Decision, _account: Account, intent: Intent) -> Outcome:
    if intent.quote is None:
        return FAILED, "no quote"
    age = d.now_us - intent.quote.quote_time_us
    return _verdict(age <= d.config().integer("data.stale_s") * SECOND, f"quote is {age // SECOND} s old")


def _pt07(d: Decision, account: Account, intent: Intent) -> Outcome:
    if intent.effect == "CLOSE":
        return SKIPPED, "closing"
    quote, config = intent.quote, d.config(account.account_id)
    assert quote is not None
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
        and (quote.ask_e4 - quote.bid_e4) * 100 <= max_spread_pct * quote.mid_e4
    )


def _pt08(_d: Decision, _account: Account, intent: Intent) -> Outcome:
    if intent.effect == "CLOSE":
        return SKIPPED, "closing"
    quote = intent.quote
    assert quote is not None
    inside = intent.delta_low * 100 <= quote.delta_e2 <= intent.delta_high * 100
    return _verdict(
        inside and intent.premium >= intent.gate,
        f"delta {quote.delta_e2}e-2, premium {percent_text(intent.premium)}, gate {percent_text(intent.gate)}",
    )


def _pt09(d: Decision, account: Account, intent: Intent) -> Outcome:
    terms = parse(intent.contract)
    if intent.effect == "CLOSE" or terms is None or terms.right == "C":
        return SKIPPED, "no new collateral"
    left = free_cash(d.book, account) - strike_value(terms.strike_e3, intent.total)
    required = buffer_required(d, account)
    return _verdict(left >= required, f"free after trade {left}, buffer {required} cents")


def _pt10(d: Decision, account: Account, intent: Intent) -> Outcome:
    terms = parse(intent.contract)
    if intent.effect == "CLOSE" or terms is None or terms.right == "P":
        return SKIPPED, "no short call"
    free = uncovered_lots(d, account, intent.ticker)
    return _verdict(intent.total <= free, f"{intent.total} calls, {free} free lots of 100")


def uncovered_lots(d: Decision, account: Account, ticker: str) -> int:
    """Lots of 100 shares that no short or working call uses (INV-5)."""
    used = 0
    for contract, short in account.shorts.items():
        terms = parse(contract)
        if terms is not None and terms.underlying == ticker and terms.right == "C":
            used += short.quantity
    for order in d.book.orders.values():
        terms = parse(order.contract)
        if (
            order.account_id == account.account_id
            and order.ticker == ticker
            and order.working
            and order.effect == "OPEN"
            and terms is not None
            and terms.right == "C"
        ):
            used += order.open_quantity + order.rest
    return account.shares(ticker) // 100 - used


def _pt11(d: Decision, account: Account, intent: Intent) -> Outcome:
    config = d.config(account.account_id)
    terms = parse(intent.contract)
    price = terms.strike_e4 if terms else intent.limit_e4
    notional = option_value(price, intent.total)
    if intent.total > config.integer("order.max_contracts") or notional > config.integer("order.max_notional") * 100:
        return FAILED, f"order cap: {intent.total} contracts, notional {notional} cents"
    if intent.effect == "CLOSE" or terms is None or terms.right == "C":
        return PASSED, f"notional {notional} cents"
    worth = corpus(d.market, account)
    cap = percent_of(worth, config.fraction(f"common.ticker_cap_pct.{account.type.lower()}"))
    held = put_collateral(d.book, account, intent.ticker) + shares_market_value(d.market, account, intent.ticker)
    new = strike_value(terms.strike_e3, intent.total)
    if held + new > cap:
        return FAILED, f"ticker cap: {held} + {new} > {cap} cents"
    day_cap = percent_of(worth, config.fraction("limits.daily_new_pct"))
    return _verdict(
        account.new_collateral + new <= day_cap, f"day cap: {account.new_collateral} + {new} of {day_cap} cents"
    )


def _pt12(d: Decision, _account: Account, intent: Intent) -> Outcome:
    terms = parse(intent.contract)
    if intent.effect == "CLOSE" or terms is None:
        return SKIPPED, "not an opening option order"
    config = d.config()
    limit = percent_of(config.integer("compliance.position_limit"), config.fraction("compliance.limit_use_pct"))
    same = intent.total
    for other in d.book.accounts.values():
        for contract, short in other.shorts.items():
            held = parse(contract)
            if held is not None and held.underlying == terms.underlying and held.right == terms.right:
                same += short.quantity
    return _verdict(same <= limit, f"{same} of {limit} contracts")


def _pt13(_d: Decision, _account: Account, intent: Intent) -> Outcome:
    return (
        (SKIPPED, "closing")
        if intent.effect == "CLOSE"
        else (NO_INPUT, "protocol levels and breakers come with section 8 and 9")
    )


def _pt14(_d: Decision, _account: Account, _intent: Intent) -> Outcome:
    return NO_INPUT, "day-trade regime of the broker is not on the log yet"


def _pt15(d: Decision, _account: Account, intent: Intent) -> Outcome:
    opposite = "BUY" if intent.side == "SELL" else "SELL"
    for order in d.book.orders.values():
        if order.contract == intent.contract and order.side == opposite and order.state in AT_BROKER:
            crossing = order.limit_e4 >= intent.limit_e4 if opposite == "BUY" else order.limit_e4 <= intent.limit_e4
            if crossing:
                return FAILED, f"working order {order.order_id}"
    return PASSED, "no opposite working order crosses"


def _pt16(_d: Decision, _account: Account, _intent: Intent) -> Outcome:
    return NO_INPUT, "the wash-sale scan comes with the tax ledger"


def _pt17(d: Decision, _account: Account, intent: Intent) -> Outcome:
    assert intent.quote is not None
    low, high = collar(d, intent.effect, intent.quote)
    return _verdict(
        low <= intent.limit_e4 <= high,
        f"limit {price_text(intent.limit_e4)}, mid {price_text(int(intent.quote.mid_e4))}",
    )


def collar(d: Decision, effect: str, quote: Quote) -> tuple[Fraction, Fraction]:
    """Lowest and highest limit of PT-17 around mid, never narrower than `order.collar_min` (1e-4 dollars)."""
    config = d.config()
    percent = config.fraction("order.collar_open_pct" if effect == "OPEN" else "order.collar_close_pct")
    width = max(percent * quote.mid_e4 / 100, config.fraction("order.collar_min") * 10_000)
    return quote.mid_e4 - width, quote.mid_e4 + width


def _pt18(d: Decision, account: Account, intent: Intent) -> Outcome:
    if intent.purpose == "RESIDUAL":
        return SKIPPED, "residual pass"
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


def run_checks(d: Decision, account: Account, intent: Intent) -> tuple[list[CheckResult], CheckResult | None]:
    """Run the checks in order up to the first failure: (results, the failure)."""
    results: list[CheckResult] = []
    for name, check in CHECKS.items():
        if intent.clip and name in DECIDED_ONCE:
            verdict, detail = SKIPPED, "a further clip of an order that was checked whole"
        else:
            verdict, detail = check(d, account, intent)
        result = CheckResult(name, verdict, detail)
        results.append(result)
        if verdict == FAILED:
            return results, result
    return results, None
