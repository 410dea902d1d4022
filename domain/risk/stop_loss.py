"""The level-3 exit of a short option (protocol 8.3): a limit ladder with a cap, then people decide."""

from fractions import Fraction

from domain import events as e
from domain.alerts import raise_alert
from domain.approvals import on_decided, request
from domain.calendar import SECOND
from domain.contracts import option
from domain.decision import Decision
from domain.market import Quote
from domain.money import ceil_tick, floor_tick
from domain.orders import blocked, on_ended, place, request_cancel
from domain.pretrade import Intent
from domain.reasons import Reason
from domain.risk.ending import end_of_position
from domain.risk.scripts import open_script_of, step_executed
from domain.state import Account, Approval, Order, ShortOption

LOOK_AGAIN_US = 60 * SECOND
AFTER_OPEN_US = 60 * SECOND
"""An exit decided while the market is closed is sent this long after the open."""


def exit_short(d: Decision, account: Account, short: ShortOption) -> None:
    """Start the exit; without a fresh quote it waits for one, closed markets for the open plus 60 s."""
    key = f"stop|{account.account_id}|{short.contract}"
    if not d.calendar.in_session(d.now_us):
        following = d.calendar.open_after(d.now_us)
        if following:
            d.set_timer(key, following + AFTER_OPEN_US)
        return
    if _working(d, account, short.contract) is not None:
        return
    for order in list(d.book.orders.values()):
        if order.account_id == account.account_id and order.contract == short.contract and order.working:
            request_cancel(d, order, Reason.STOP_LOSS)
    quote, symbol = _fresh_quote(d, short), option(short.contract).underlying
    if quote is None:
        last = d.market.last(symbol)
        d.watch_price(key, symbol, last, last)  # the next mark, whatever it is: its chain has come before it
        d.set_timer(key, d.now_us + LOOK_AGAIN_US)
        return
    d.unwatch_price(key)
    if blocked(d, short.contract) or _closing(d, account, short.contract):
        d.set_timer(key, d.now_us + SECOND)
        return
    limits, cap = exit_ladder(d, account, short, quote)
    d.emit(
        e.StopLossTriggered(short.position_id, short.contract, short.quantity, quote.ask_e4, cap, limits),
        f"position-{short.position_id}",
        account,
    )
    terms, signal = option(short.contract), d.next_event_id()
    d.emit(
        e.ExitSignalGenerated(signal, terms.underlying, short.contract, "BUY", short.quantity, limits[0], "STOP_LOSS"),
        f"position-{short.position_id}",
        account,
    )
    script = open_script_of(d, account, short.contract, 3)
    intent = Intent(
        short.contract, terms.underlying, "BUY", "CLOSE", short.quantity, short.quantity, limits[0], "STOP_LOSS",
        quote, spot_e4=d.market.last(terms.underlying), reference=script.script_id if script else "",
    )  # fmt: skip
    order = place(d, account, intent, signal, limits)
    if order is not None:
        give_up = d.config(account.account_id).integer("protocol.l3.give_up_s")
        d.set_timer(f"close|{order.order_id}", d.now_us + give_up * SECOND)


def exit_ladder(d: Decision, account: Account, short: ShortOption, quote: Quote) -> tuple[list[int], int]:
    """(limits, cap): step k at `floor_tick(min(first ask x (1 + 0.02 k), cap))`, cap = min(1.10 x first ask, K)."""
    config, terms = d.config(account.account_id), option(short.contract)
    first, ticker = Fraction(quote.ask_e4), terms.underlying
    cap = min(first * config.fraction("protocol.l3.limit_factor"), Fraction(terms.strike_e4))
    top = floor_tick(cap, ticker)
    step = config.fraction("protocol.l3.step_pct") / 100
    limits: list[int] = []
    k = 0
    while not limits or (limits[-1] < top and step):
        limits.append(floor_tick(min(first * (1 + step * k), cap), ticker))
        k += 1
    return list(dict.fromkeys(limits)), top if top else ceil_tick(cap, ticker)


def _fresh_quote(d: Decision, short: ShortOption) -> Quote | None:
    """A quote with an ask, and a price of the underlying, neither older than 30 s (protocol 8.4); none in a halt."""
    quote, stale = d.market.quote(short.contract), d.config().integer("data.stale_s") * SECOND
    mark = d.market.marks.get(option(short.contract).underlying)
    if option(short.contract).underlying in d.market.halted:
        return None
    if quote is None or quote.ask_e4 <= 0 or d.now_us - quote.quote_time_us > stale:
        return None
    if mark is None or d.now_us - mark.tick_time_us > stale:
        return None
    return quote


def _working(d: Decision, account: Account, contract: str) -> Order | None:
    return next(
        (
            o
            for o in d.book.orders.values()
            if o.purpose == "STOP_LOSS" and o.working and o.contract == contract and o.account_id == account.account_id
        ),
        None,
    )


def _closing(d: Decision, account: Account, contract: str) -> bool:
    """Another order on the option still works at the broker: its cancel is awaited first."""
    return any(
        o.working and o.contract == contract and o.account_id == account.account_id for o in d.book.orders.values()
    )


@on_ended("STOP_LOSS")
def _exit_ended(d: Decision, account: Account, order: Order) -> None:
    """Filled: told with its result. Otherwise people decide (protocol 8.3)."""
    short = account.shorts.get(order.contract)
    stream = f"position-{order.contract}"
    if order.state == "FILLED" and short is None:
        result = d.book.memory.pop(f"stopped|{account.account_id}|{order.contract}", 0)
        clips = [o for o in d.book.orders.values() if o.signal_id == order.signal_id]
        quantity = sum(clip.filled for clip in clips)
        average = sum(clip.cost for clip in clips) // quantity
        executed = e.StopLossExecuted(order.order_id, order.contract, quantity, average, result)
        d.emit(executed, stream, account)
        step_executed(d, account, order.reference, "CLOSE", order.order_id)
        end_of_position(d, account, order.contract)
        return
    if order.rest and order.state == "FILLED":
        return
    if short is None:
        return
    reason = order.state
    d.emit(e.StopLossFailed(short.position_id, order.contract, short.quantity, reason), stream, account)
    message = f"{short.quantity} {order.contract} still short: {reason}"
    raise_alert(d, account, "PROTOCOL_BREACH", "CRITICAL", order.ticker, "Stop-loss failed", message)
    ask_to_exit(d, account, short)


def ask_to_exit(d: Decision, account: Account, short: ShortOption) -> None:
    """People decide about an exit that failed or is not automatic: try again, or hold."""
    if any(a.kind == "LEVEL3_EXIT" and a.subject == short.contract for a in d.book.approvals.values()):
        return
    request(
        d, account, "LEVEL3_EXIT", short.contract, {"quantity": str(short.quantity)},
        required=1, roles=["TRADER", "OWNER"], expires_us=0, default="hold",
    )  # fmt: skip


@on_decided("LEVEL3_EXIT")
def _exit_decided(d: Decision, approval: Approval, granted: bool, _choice: str) -> None:
    account = d.book.accounts[approval.account_id]
    short = account.shorts.get(approval.subject)
    if granted and short is not None:
        exit_short(d, account, short)
