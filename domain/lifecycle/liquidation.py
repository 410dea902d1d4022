"""Making an account flat, for a merge or a closing (protocol 10.3, 3.3)."""

from collections.abc import Callable

from domain import events as e
from domain.calendar import MINUTE, SECOND
from domain.closes import plan_again
from domain.contracts import option, parse
from domain.decision import Decision
from domain.leaps import sell_long
from domain.monitoring import close_by_person
from domain.orders import on_ended, place
from domain.pretrade import Intent, uncovered_shares
from domain.purchases import sale_limit_e4
from domain.state import KILLED_ACCOUNT, KILLED_BOOK, Account, Order

RUN_TO_EXPIRY_TDTE = 2
"""Short options with that few sessions left run to their expiry."""
LIQUIDATION = "LIQUIDATION"
AFTER_OPEN_US = 60 * SECOND
GOES_ON: dict[str, Callable[[Decision, Account], None]] = {}
"""by state of an account: the workflow's next step once something is sold or bought back"""


def for_sale(account: Account, *, in_kind: bool = False) -> list[str]:
    """What has to be sold; in kind shares and long calls move as they are (protocol 10.3)."""
    held = sorted({lot.contract for lot in account.lots})
    return [contract for contract in held if not in_kind or _only_sold(contract)]


def _only_sold(contract: str) -> bool:
    terms = parse(contract)
    return terms is not None and terms.right == "P"


def is_flat(d: Decision, account: Account, *, in_kind: bool = False) -> bool:
    """No positions but those that move as they are, and no order that works."""
    working = any(o.account_id == account.account_id and o.working for o in d.book.orders.values())
    return not account.shorts and not for_sale(account, in_kind=in_kind) and not working


def liquidate(d: Decision, account: Account, reference: str, since: int, *, in_kind: bool = False) -> None:
    """Buy back what does not run to expiry, counted from the day `since` on which it was decided; sell what covers
    nothing. Under a kill switch this waits."""
    killed = d.book.killed or {KILLED_BOOK, KILLED_ACCOUNT} & set(account.suspensions)
    if killed or not d.calendar.in_session(d.now_us):
        return
    for contract in sorted(account.shorts):
        short, terms = account.shorts[contract], option(contract)
        if d.calendar.sessions_after(since, terms.expiry) > RUN_TO_EXPIRY_TDTE and not _working(d, account, contract):
            close_by_person(d, account, short, reference=reference)
    for contract in for_sale(account, in_kind=in_kind):
        if _working(d, account, contract):
            continue
        if parse(contract) is not None:
            sell_long(d, account, contract, LIQUIDATION, reference)
        else:
            _sell_shares(d, account, contract, reference)


def next_try_us(d: Decision) -> int:
    """A minute after the open, then whenever what went out has had its time; 0 behind the calendar's end."""
    if d.calendar.in_session(d.now_us):
        first = d.calendar.open_us(d.today) + AFTER_OPEN_US
        again = d.now_us + d.config().integer("order.close_work_min") * MINUTE + AFTER_OPEN_US
        if d.now_us < first:
            return first
        if d.calendar.in_session(again):
            return again
    following = d.calendar.open_after(d.now_us)
    return following + AFTER_OPEN_US if following else 0


@on_ended("CLOSE")
@on_ended(LIQUIDATION)
def _ended(d: Decision, account: Account, order: Order) -> None:
    """What is gone may have freed what comes next: shares under a call, the account's last position."""
    plan_again(d, account, order)
    if order.state == "FILLED" and account.state in GOES_ON:
        GOES_ON[account.state](d, account)


def _working(d: Decision, account: Account, contract: str) -> bool:
    return any(
        o.account_id == account.account_id and o.contract == contract and o.working for o in d.book.orders.values()
    )


def _sell_shares(d: Decision, account: Account, ticker: str, reference: str) -> None:
    """Shares that cover no call: limit bid - 0.1 % (protocol 6.6)."""
    mark = d.market.marks.get(ticker)
    quantity = uncovered_shares(d, account, ticker)
    if mark is None or quantity <= 0:
        return
    limit = sale_limit_e4(mark.bid_e4 or mark.last_e4)
    signal, stream = d.next_event_id(), f"position-{account.account_id}-{ticker}"
    d.emit(e.ExitSignalGenerated(signal, ticker, ticker, "SELL", quantity, limit, LIQUIDATION), stream, account)
    intent = Intent(
        ticker, ticker, "SELL", "CLOSE", quantity, quantity, limit, LIQUIDATION, None, spot_e4=mark.last_e4,
        reference=reference,
    )  # fmt: skip
    place(d, account, intent, signal)
