"""Every evaluation of a position (protocol 7.1) and the expiry-day table (7.2)."""

from collections.abc import Sequence
from fractions import Fraction

from domain import events as e
from domain.alerts import raise_alert
from domain.approvals import expire, on_decided, request
from domain.calendar import MINUTE, SECOND
from domain.contracts import moneyness, option, parse
from domain.decision import Decision
from domain.fills import watch
from domain.leaps import sell_long
from domain.lots import net_credit_e4
from domain.market import Quote
from domain.money import buy_ladder, floor_tick, percent_text, price_text, ratio_e10, tick_e4
from domain.orders import blocked, on_ended, place
from domain.pretrade import Intent, collar
from domain.reasons import Reason
from domain.risk import measure
from domain.risk.ending import release_level2
from domain.risk.hedges import check_profit
from domain.risk.levels import decide_anew, evaluate_level
from domain.risk.stop_loss import exit_short
from domain.rolls import Roll, best_roll, decline, propose, send_roll, tell_executed, work_end, working_roll
from domain.state import Account, Approval, Order, ShortOption

TABLE_STEP_US = 15 * MINUTE


def evaluate(d: Decision, account: Account, contract: str) -> None:
    """One look at an open short option: level of a put, profit-take, cheap buy-back."""
    short = account.shorts.get(contract)
    if short is None or short.pending_outcome:
        return
    holding = measure.put_holding(account, contract)
    if holding is None:
        if account.type != "EXT":
            _warn_of_early_exercise(d, account, short)
        watch(d, account, contract, d.now_us)
    else:
        changed = evaluate_level(d, account, holding)
        check_profit(d, account)
        if changed:
            watch(d, account, contract, d.now_us)
        else:
            measure.watch(d, account, holding)
    if account.type == "EXT" or not d.calendar.in_session(d.now_us) or short.stopping:
        return
    quote = d.market.fresh_quote(contract, d.now_us, d.config().integer("data.stale_s") * SECOND)
    if quote is None or quote.ask_e4 <= 0:
        return
    if any(
        o.contract == contract and o.account_id == account.account_id and o.effect != "OPEN" and o.working
        for o in d.book.orders.values()
    ):
        return
    if blocked(d, contract):
        return
    if not _take_profit(d, account, short, quote):
        _buy_back_cheap(d, account, short, quote)


def evaluate_package(d: Decision, account: Account, ticker: str) -> None:
    """One look at the shares of a ticker: their level (protocol 8.1)."""
    held = measure.package(d, account, ticker)
    if held is None:
        return
    if evaluate_level(d, account, held):
        held = measure.package(d, account, ticker)
    if held is not None:
        measure.watch(d, account, held)


DEEP_CALL_DELTA_E2 = 8000


def _warn_of_early_exercise(d: Decision, account: Account, short: ShortOption) -> None:
    """Call delta from 80 on, or in the money before an ex-dividend day with too little time value (protocol 8.1)."""
    key = f"deep|{account.account_id}|{short.contract}"
    if d.book.memory.get(key) == d.today:
        return
    quote, terms = d.market.quote(short.contract), option(short.contract)
    if quote is None:
        return
    inside = d.market.last(terms.underlying) - terms.strike_e4
    dividend = d.market.dividend_on(terms.underlying, d.calendar.next_session(d.today)) if inside > 0 else 0
    if quote.delta_e2 >= DEEP_CALL_DELTA_E2 or (dividend and quote.mid_e4 - inside < dividend):
        d.book.memory[key] = d.today
        message = f"{short.contract}: delta {quote.delta_e2 // 100}, dividend {price_text(dividend)}"
        raise_alert(d, account, "PROTOCOL_BREACH", "MEDIUM", terms.underlying, "Early exercise is likely", message)


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
    quantity: int = 0,
    reference: str = "",
) -> Order | None:
    """Buy a short option back at a limit: a day order, re-priced only along a ladder (protocol 6.6). 0 = all of it."""
    terms, quantity = option(short.contract), quantity or short.quantity
    signal = d.next_event_id()
    d.emit(
        e.ExitSignalGenerated(signal, terms.underlying, short.contract, "BUY", quantity, limit_e4, purpose),
        f"position-{short.position_id}",
        account,
    )
    intent = Intent(
        short.contract, terms.underlying, "BUY", "CLOSE", quantity, quantity, limit_e4, purpose, quote,
        spot_e4=d.market.last(terms.underlying), reference=reference,
    )  # fmt: skip
    return place(d, account, intent, signal, ladder)


def read_expiry_table(d: Decision, account: Account) -> None:
    """At 14:30 and every 15 min to 15:30 of expiry day, below level 3; the last decision stands (protocol 7.2)."""
    for contract in sorted(account.shorts):
        short = account.shorts.get(contract)
        if short is not None and option(contract).expiry == d.today:
            _read_row(d, account, short)


def _read_row(d: Decision, account: Account, short: ShortOption) -> None:
    """The table for one option; `ExpiryDecisionMade` tells a changed action (protocol 7.2)."""
    contract, terms = short.contract, option(short.contract)
    spot = d.market.last(terms.underlying)
    if account.type == "EXT" or short.stopping or short.level >= 3 or not spot:
        return
    p = moneyness(contract, spot)
    roll: Roll | Reason | None = None
    action = _put_action(d, account, p) if terms.right == "P" else _call_action(d, account, p)
    if action == "ROLL":
        if working_roll(d, account, contract) is not None:
            return
        roll = best_roll(d, account, short)
        action = _unrolled(contract) if isinstance(roll, Reason) else action
    if action != short.expiry_action:
        _withdraw(d, contract)
        if isinstance(roll, Reason):
            decline(d, account, short, roll)
        _decide(d, account, short, p, action)
        if isinstance(roll, Reason):
            _uneconomic(d, account, short)
        if action == "ASK":
            _ask(d, account, short, p)
    if action == "HOLD" and abs(p) * 100 <= d.config(account.account_id).fraction("expiry.pin_risk_pct"):
        message = f"{contract} at {percent_text(p)}"
        raise_alert(d, account, "PROTOCOL_BREACH", "MEDIUM", terms.underlying, "Pin risk", message)
    if isinstance(roll, Roll):
        propose(d, account, short, roll)
        send_roll(d, account, short, roll)


def _unrolled(contract: str) -> str:
    """What becomes of an option that cannot be rolled (protocol 7.2)."""
    return "ACCEPT_ASSIGNMENT" if option(contract).right == "P" else "LET_CALL_AWAY"


def _decide(d: Decision, account: Account, short: ShortOption, p: Fraction, action: str) -> None:
    spot = d.market.last(option(short.contract).underlying)
    decided = e.ExpiryDecisionMade(short.contract, ratio_e10(p), action, spot)
    d.emit(decided, f"position-{short.position_id}", account)


@on_ended("ROLL")
def _roll_ended(d: Decision, account: Account, order: Order) -> None:
    """A combination has ended. Not filled in its time it is decided anew: on expiry day by the table, after its window
    assignment is accepted; of a level-2 script by its level (protocol 7.3)."""
    tell_executed(d, account, order)
    release_level2(d, account)
    short = account.shorts.get(order.contract)
    unfilled = order.state == "CANCELLED" and d.now_us >= work_end(d, account, order)
    if short is None or not unfilled or short.stopping or short.level >= 3:
        return
    config, spot = d.config(account.account_id), d.market.last(order.ticker)
    start, end = (d.calendar.et_expiry(d.today, config.integer(f"expiry.manage_{k}")) for k in ("start", "end"))
    if option(order.contract).expiry != d.today or d.now_us < start:
        if order.reference:
            decide_anew(d, account, order.contract)
    elif d.now_us < end:
        _read_row(d, account, short)
    elif spot:
        _decide(d, account, short, moneyness(order.contract, spot), _unrolled(order.contract))


def sell_expiring_longs(d: Decision, account: Account) -> None:
    """Long options that expire today with value are sold: nobody exercises them (docs/decisions/0005)."""
    for contract in sorted({lot.contract for lot in account.lots}):
        terms = parse(contract)
        if terms is None or terms.expiry != d.today or account.type == "EXT":
            continue
        spot = d.market.last(terms.underlying)
        working = any(o.contract == contract and o.working for o in d.book.orders.values())
        if spot and moneyness(contract, spot) > 0 and not working:
            sell_long(d, account, contract, "HEDGE_RELEASE" if contract in account.hedges else "CLOSE", "EXPIRY")


def _uneconomic(d: Decision, account: Account, short: ShortOption) -> None:
    """No acceptable roll: assignment is accepted, or the exit of level 3 begins (protocol 7.3)."""
    escalate = d.config(account.account_id).text("roll.uneconomic_action") == "ESCALATE_L3"
    if escalate and option(short.contract).right == "P":
        exit_short(d, account, short)


def _put_action(d: Decision, account: Account, p: Fraction) -> str:
    config = d.config(account.account_id)
    if p <= 0:
        return "HOLD"
    if p * 100 <= config.fraction("assign.within_limit_pct"):
        return "ACCEPT_ASSIGNMENT"
    return "ROLL" if p * 100 < config.fraction("assign.deep_pct") else "ASK"


def _call_action(d: Decision, account: Account, p: Fraction) -> str:
    """GEN and REV let shares go; COM rolls up and out where it can (protocol 7.2)."""
    if p <= 0:
        return "HOLD"
    rolls = account.type == "COM" and d.config(account.account_id).text("com.cc_itm_action") == "ROLL_UP_OUT"
    return "ROLL" if rolls else "LET_CALL_AWAY"


def _withdraw(d: Decision, contract: str) -> None:
    """Another row of the table counts now: a question that is still open has become pointless."""
    for approval in [a for a in d.book.approvals.values() if a.kind == "DEEP_EXPIRY" and a.subject == contract]:
        expire(d, approval, Reason.WITHDRAWN)


def _ask(d: Decision, account: Account, short: ShortOption, p: Fraction) -> None:
    """15 % or more in the money: people close, roll or accept; no answer accepts (protocol 7.2)."""
    config, terms = d.config(account.account_id), option(short.contract)
    message = f"{short.contract} at {percent_text(p)}"
    raise_alert(d, account, "PROTOCOL_BREACH", "CRITICAL", terms.underlying, "Deep in the money at expiry", message)
    request(
        d, account, "DEEP_EXPIRY", short.contract, {"p_e10": str(ratio_e10(p)), "choices": "ACCEPT,CLOSE,ROLL"},
        required=1, roles=["TRADER", "OWNER"],
        expires_us=d.calendar.et_expiry(d.today, config.integer("expiry.manage_end")), default="ACCEPT_ASSIGNMENT",
    )  # fmt: skip


@on_decided("DEEP_EXPIRY")
def _deep_expiry_decided(d: Decision, approval: Approval, granted: bool, choice: str) -> None:
    """A person may close or roll; otherwise assignment is accepted, which needs no action."""
    account = d.book.accounts[approval.account_id]
    short = account.shorts.get(approval.subject)
    if short is None:
        return
    if not granted:
        spot = d.market.last(option(short.contract).underlying)
        if approval.expires_at_us <= d.now_us and spot:  # the default acts; what a person has said is told already
            _decide(d, account, short, moneyness(short.contract, spot), "ACCEPT_ASSIGNMENT")
        return
    if choice == "CLOSE":
        close_by_person(d, account, short)
    elif choice == "ROLL":
        roll = best_roll(d, account, short)
        if isinstance(roll, Roll):
            propose(d, account, short, roll)
            send_roll(d, account, short, roll, approval=approval.approval_id)
        else:
            decline(d, account, short, roll)


def close_by_person(
    d: Decision, account: Account, short: ShortOption, quantity: int = 0, reference: str = ""
) -> Order | None:
    """Closes decided by people: from mid up to 105 % of it, one tick every 30 s, 30 min at most (protocol 6.6)."""
    quote = d.market.quote(short.contract)
    if quote is None or quote.ask_e4 <= 0:
        return None
    config, ticker = d.config(account.account_id), option(short.contract).underlying
    highest = floor_tick(config.fraction("order.close_max_pct") * quote.mid_e4 / 100, ticker)
    ladder = buy_ladder(max(floor_tick(quote.mid_e4, ticker), tick_e4(0, ticker)), highest, ticker)
    order = close(d, account, short, quote, ladder[0], "CLOSE", ladder, quantity, reference)
    if order is not None:
        d.set_timer(f"close|{order.order_id}", d.now_us + config.integer("order.close_work_min") * MINUTE)
    return order
