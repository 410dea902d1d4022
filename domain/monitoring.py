"""Every evaluation of a position (protocol 7.1) and the expiry-day table (7.2)."""

from collections.abc import Sequence
from fractions import Fraction

from domain import events as e
from domain.alerts import raise_alert
from domain.approvals import expire, on_decided, request
from domain.calendar import MINUTE, SECOND
from domain.contracts import moneyness, option
from domain.decision import Decision
from domain.fills import watch
from domain.market import Quote
from domain.money import buy_ladder, floor_tick, percent_text, ratio_e10, tick_e4
from domain.orders import blocked, place
from domain.pretrade import Intent, collar
from domain.reasons import Reason
from domain.state import Account, Approval, Order, ShortOption

TABLE_STEP_US = 15 * MINUTE


def evaluate(d: Decision, account: Account, contract: str) -> None:
    """One look at an open short option: profit-take, cheap buy-back."""
    short = account.shorts.get(contract)
    if short is None or short.pending_outcome:
        return
    watch(d, account, contract, d.now_us)
    if account.type == "EXT" or not d.calendar.in_session(d.now_us):
        return
    if any(
        o.contract == contract and o.account_id == account.account_id and o.effect == "CLOSE" and o.working
        for o in d.book.orders.values()
    ):
        return
    if blocked(d, contract):
        return
    quote = d.market.quote(contract)
    stale_us = d.config().integer("data.stale_s") * SECOND
    if quote is None or quote.ask_e4 <= 0 or d.now_us - quote.quote_time_us > stale_us:
        return
    if not _take_profit(d, account, short, quote):
        _buy_back_cheap(d, account, short, quote)


def net_credit_e4(short: ShortOption) -> Fraction:
    """Net credit of the roll chain per share in 1e-4 dollars; without rolls the average price sold at."""
    return Fraction(sum(s.price_e4 * s.quantity for s in short.slices), short.quantity)


def _take_profit(d: Decision, account: Account, short: ShortOption, quote: Quote) -> bool:
    terms = option(short.contract)
    credit = net_credit_e4(short)
    if credit <= 0 or d.calendar.sessions_after(d.today, terms.expiry) < 1:
        return False
    target = d.config(account.account_id).fraction(f"{account.type.lower()}.profit_take_pct") / 100
    decay = 1 - quote.ask_e4 / credit
    if decay < target:
        return False
    d.emit(
        e.ProfitTargetReached(short.contract, ratio_e10(decay), ratio_e10(target), quote.ask_e4),
        f"position-{short.position_id}",
        account,
    )
    limit = floor_tick((1 - target) * credit, terms.underlying)
    highest = floor_tick(collar(d, "CLOSE", quote)[1], terms.underlying)
    close(d, account, short, quote, min(limit, highest), "PROFIT_TAKE")
    return True


def _buy_back_cheap(d: Decision, account: Account, short: ShortOption, quote: Quote) -> None:
    terms = option(short.contract)
    config = d.config(account.account_id)
    if terms.expiry != d.today or d.now_us < d.calendar.et_expiry(d.today, config.integer("expiry.close_cheap_from")):
        return
    cheap = config.fraction("expiry.close_cheap_price") * 10_000
    if quote.ask_e4 > cheap:
        return
    close(d, account, short, quote, int(cheap), "CHEAP_BUYBACK")


def close(
    d: Decision,
    account: Account,
    short: ShortOption,
    quote: Quote,
    limit_e4: int,
    purpose: str,
    ladder: Sequence[int] = (),
) -> Order | None:
    """Buy a short option back at a limit: a day order, re-priced only along a ladder (protocol 6.6)."""
    terms = option(short.contract)
    signal = d.next_event_id()
    d.emit(
        e.ExitSignalGenerated(signal, terms.underlying, short.contract, "BUY", short.quantity, limit_e4, purpose),
        f"position-{short.position_id}",
        account,
    )
    intent = Intent(
        short.contract,
        terms.underlying,
        "BUY",
        "CLOSE",
        short.quantity,
        short.quantity,
        limit_e4,
        purpose,
        quote,
        Fraction(0),
        Fraction(0),
        Fraction(0),
        Fraction(100),
        d.market.last(terms.underlying),
    )
    return place(d, account, intent, signal, ladder)


def read_expiry_table(d: Decision, account: Account) -> None:
    """At 14:30 and every 15 min to 15:30 of expiry day; the last decision stands (protocol 7.2)."""
    for contract in sorted(account.shorts):
        short = account.shorts.get(contract)
        terms = option(contract)
        if short is None or terms.expiry != d.today or account.type == "EXT":
            continue
        spot = d.market.last(terms.underlying)
        if not spot:
            continue
        p = moneyness(contract, spot)
        action = _put_action(d, account, p) if terms.right == "P" else _call_action(p)
        if action == "HOLD" and abs(p) * 100 <= d.config(account.account_id).fraction("expiry.pin_risk_pct"):
            message = f"{contract} at {percent_text(p)}"
            raise_alert(d, account, "PROTOCOL_BREACH", "MEDIUM", terms.underlying, "Pin risk", message)
        if action == short.expiry_action:
            continue
        _withdraw(d, contract)
        d.emit(e.ExpiryDecisionMade(contract, ratio_e10(p), action, spot), f"position-{short.position_id}", account)
        _act(d, account, short, p, action)


def _put_action(d: Decision, account: Account, p: Fraction) -> str:
    config = d.config(account.account_id)
    if p <= 0:
        return "HOLD"
    if p * 100 <= config.fraction("assign.within_limit_pct"):
        return "ACCEPT_ASSIGNMENT"
    return "ROLL" if p * 100 < config.fraction("assign.deep_pct") else "ASK"


def _call_action(p: Fraction) -> str:
    return "HOLD" if p <= 0 else "LET_CALL_AWAY"


def _withdraw(d: Decision, contract: str) -> None:
    """Another row of the table counts now: a question that is still open has become pointless."""
    for approval in [a for a in d.book.approvals.values() if a.kind == "DEEP_EXPIRY" and a.subject == contract]:
        expire(d, approval, Reason.WITHDRAWN)


def _act(d: Decision, account: Account, short: ShortOption, p: Fraction, action: str) -> None:
    config = d.config(account.account_id)
    terms = option(short.contract)
    if action == "ROLL":
        d.emit(e.RollDeclined(short.contract, Reason.ROLLS_NOT_BUILT), f"position-{short.position_id}", account)
    elif action == "ASK":
        raise_alert(
            d,
            account,
            "PROTOCOL_BREACH",
            "CRITICAL",
            terms.underlying,
            "Deep in the money at expiry",
            f"{short.contract} at {percent_text(p)}",
        )
        request(
            d,
            account,
            "DEEP_EXPIRY",
            short.contract,
            {"p_e10": str(ratio_e10(p)), "choices": "ACCEPT,CLOSE"},
            required=1,
            roles=["TRADER", "OWNER"],
            expires_us=d.calendar.et_expiry(d.today, config.integer("expiry.manage_end")),
            default="ACCEPT_ASSIGNMENT",
        )


@on_decided("DEEP_EXPIRY")
def _deep_expiry_decided(d: Decision, approval: Approval, granted: bool, choice: str) -> None:
    """A person may close; otherwise assignment is accepted, which needs no action."""
    account = d.book.accounts[approval.account_id]
    short, quote = account.shorts.get(approval.subject), d.market.quote(approval.subject)
    if granted and choice == "CLOSE" and short is not None and quote is not None and quote.ask_e4 > 0:
        config, ticker = d.config(account.account_id), option(approval.subject).underlying
        highest = floor_tick(config.fraction("order.close_max_pct") * quote.mid_e4 / 100, ticker)
        ladder = buy_ladder(max(floor_tick(quote.mid_e4, ticker), tick_e4(0, ticker)), highest, ticker)
        order = close(d, account, short, quote, ladder[0], "CLOSE", ladder)
        if order is not None:
            d.set_timer(f"close|{order.order_id}", d.now_us + config.integer("order.close_work_min") * MINUTE)
