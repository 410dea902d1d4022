"""The roll rule (protocol 7.3): which option replaces a short one, the combination order, and what came of it."""

from dataclasses import dataclass
from fractions import Fraction

from domain import events as e
from domain.alerts import raise_alert
from domain.calendar import SECOND, monday_of
from domain.config import Config
from domain.contracts import option
from domain.decision import Decision
from domain.lots import net_credit_e4
from domain.market import Quote
from domain.money import ceil_tick, floor_int
from domain.orders import blocked, on_bought_back, place
from domain.pretrade import Intent, is_liquid
from domain.reasons import Reason
from domain.state import Account, Order, ShortOption

VIX_HEDGED = "VIX_HEDGED|SYSTEM"


@dataclass(frozen=True, slots=True)
class Roll:
    """A candidate: the new option and the net per share, new bid less old ask."""

    old: Quote
    new: Quote
    net_e4: int
    cap_e4: Fraction
    """least net that is taken"""


def roll_cap_e4(config: Config, short: ShortOption) -> Fraction:
    """The debit cap as a net: -50 % of the original credit of the roll chain (protocol 7.3)."""
    return -config.fraction("roll.max_debit_pct") * short.original_credit_e4 / 100


def target_expiry(d: Decision, config: Config, old_expiry: int) -> int | None:
    """First weekly expiry after the old one with 3 <= DTE <= 14."""
    low, high = config.integer("roll.dte_min"), config.integer("roll.dte_max")
    for monday in range(monday_of(d.today), d.today + high + 1, 7):
        expiry = d.calendar.weekly_expiry(monday)
        if expiry is not None and expiry > old_expiry and low <= expiry - d.today <= high:
            return expiry
    return None


def best_roll(d: Decision, account: Account, short: ShortOption) -> Roll | Reason:
    """The candidate of the roll rule, or why there is none.

    Puts: the lowest strike not above the old one whose net is within the debit cap; calls: the highest one not below.
    """
    config, terms = d.config(account.account_id), option(short.contract)
    if short.rolls >= config.integer("roll.max_per_chain"):
        return Reason.MAX_ROLLS
    stale = config.integer("data.stale_s") * SECOND
    old, chain = d.market.quote(short.contract), d.market.chain(terms.underlying)
    if old is None or chain is None or old.ask_e4 <= 0 or d.now_us - old.quote_time_us > stale:
        return Reason.STALE_QUOTE
    expiry = target_expiry(d, config, terms.expiry)
    if expiry is None:
        return Reason.NO_ELIGIBLE_EXPIRY
    cap, sign = roll_cap_e4(config, short), -1 if terms.right == "P" else 1
    strictly = VIX_HEDGED in d.book.breakers
    found: list[Roll] = []
    for quote in chain.quotes(expiry, terms.right):
        away = sign * (quote.strike_e3 - terms.strike_e3)
        if away < 0 or (strictly and away == 0) or d.now_us - quote.quote_time_us > stale:
            continue
        if not is_liquid(
            quote,
            config.integer("liquidity.min_open_interest"),
            config.integer("liquidity.min_volume"),
            config.fraction("liquidity.max_spread_pct"),
        ):
            continue
        net = quote.bid_e4 - old.ask_e4
        if net >= cap:
            found.append(Roll(old, quote, net, cap))
    if not found:
        return Reason.UNECONOMIC
    return max(found, key=lambda roll: sign * roll.new.strike_e3)


def working_roll(d: Decision, account: Account, contract: str) -> Order | None:
    """The order that works on a short option to roll it."""
    for order in d.book.orders.values():
        mine = order.account_id == account.account_id and order.contract == contract
        if mine and order.purpose == "ROLL" and order.working:
            return order
    return None


def propose(d: Decision, account: Account, short: ShortOption, roll: Roll) -> None:
    """Tell the candidate."""
    proposed = e.RollProposed(
        short.contract, roll.new.contract, short.quantity, roll.net_e4, floor_int(roll.cap_e4), short.roll_chain_id
    )
    d.emit(proposed, f"position-{short.position_id}", account)


def decline(d: Decision, account: Account, short: ShortOption, reason: Reason) -> None:
    """There is no acceptable roll."""
    d.emit(e.RollDeclined(short.contract, reason), f"position-{short.position_id}", account)


def send_roll(
    d: Decision, account: Account, short: ShortOption, roll: Roll, *, reference: str = "", approval: str = ""
) -> Order | None:
    """One combination order with the computed net as limit; it works for `order.roll_work_s` (protocol 7.3)."""
    if blocked(d, short.contract) or blocked(d, roll.new.contract):
        return None
    terms = option(short.contract)
    signal = d.next_event_id()
    d.emit(
        e.ExitSignalGenerated(signal, terms.underlying, short.contract, "BUY", short.quantity, roll.old.ask_e4, "ROLL"),
        f"position-{short.position_id}",
        account,
    )
    spot, needs = d.market.last(terms.underlying), bool(approval)
    if d.book.combinations:
        intent = Intent(
            short.contract, terms.underlying, "SELL", "ROLL", short.quantity, short.quantity, roll.net_e4, "ROLL",
            roll.old, new_quote=roll.new, spot_e4=spot, approval_id=approval, needs_approval=needs,
            reference=reference,
        )  # fmt: skip
    else:
        intent = Intent(
            short.contract, terms.underlying, "BUY", "CLOSE", short.quantity, short.quantity, roll.old.ask_e4, "ROLL",
            roll.old, spot_e4=spot, approval_id=approval, needs_approval=needs, reference=reference,
            roll_to=roll.new.contract,
        )  # fmt: skip
    order = place(d, account, intent, signal)
    if order is not None:
        d.set_timer(f"close|{order.order_id}", work_end(d, account, order))
    return order


def work_end(d: Decision, account: Account, order: Order) -> int:
    """When a combination that is not filled is cancelled: after 5 min, or at the end of the expiry window."""
    config, today = d.config(account.account_id), d.calendar.day_of(order.created_us)
    end = order.created_us + config.integer("order.roll_work_s") * SECOND
    if option(order.contract).expiry == today:
        last = d.calendar.et_expiry(today, config.integer("expiry.manage_end"))
        end = min(end, last) if last > order.created_us else end
    return end


@on_bought_back
def _sell_new(d: Decision, account: Account, bought: Order, until_us: int) -> None:
    """The old option is bought back at a broker without combinations: sell the new one, at the bid or what keeps the
    debit cap, for what is left of the roll's time (protocol 7.3)."""
    terms, quote = option(bought.contract), d.market.quote(bought.roll_to)
    paid = Fraction(bought.cost, bought.filled)
    least = paid - d.config(account.account_id).fraction("roll.max_debit_pct") * bought.original_credit_e4 / 100
    limit = ceil_tick(max(Fraction(quote.bid_e4) if quote else Fraction(0), least, Fraction(1)), terms.underlying)
    signal = d.next_event_id()
    d.emit(
        e.ExitSignalGenerated(signal, terms.underlying, bought.roll_to, "SELL", bought.filled, limit, "ROLL"),
        f"wheel-{account.account_id}-{terms.underlying}",
        account,
    )
    intent = Intent(
        bought.roll_to, terms.underlying, "SELL", "OPEN", bought.filled, bought.filled, limit, "ROLL", quote,
        spot_e4=d.market.last(terms.underlying), approval_id=bought.approval_id,
        needs_approval=bool(bought.approval_id), reference=bought.reference, roll_of=bought.order_id,
    )  # fmt: skip
    order = place(d, account, intent, signal)
    if order is not None:
        d.set_timer(f"close|{order.order_id}", max(until_us, d.now_us + SECOND))


def tell_executed(d: Decision, account: Account, order: Order) -> None:
    """The combination, or the sale after the purchase, is filled or has ended: what was done of it is told."""
    if order.roll_of and order.open_quantity:
        message = f"{order.open_quantity} of {order.quantity} {order.contract} were not sold again after the purchase"
        raise_alert(d, account, "PROTOCOL_BREACH", "HIGH", order.ticker, "Roll half done", message)
    if not order.filled or order.roll_to:
        return
    contract = order.new_contract or order.contract
    new, net = account.shorts.get(contract), -order.cost // order.filled
    bought = d.book.orders.get(order.roll_of)
    if bought is not None:
        net -= bought.cost // bought.filled
    d.emit(
        e.RollExecuted(
            bought.contract if bought else order.contract,
            contract,
            order.filled,
            net,
            new.roll_chain_id if new else "",
            floor_int(net_credit_e4(new)) if new else 0,
            d.market.last(order.ticker),
        ),
        f"position-{new.position_id if new else order.order_id}",
        account,
    )
