"""Making an account flat, for a merge or a closing (protocol 10.3, 3.3)."""

from domain import events as e
from domain.contracts import option, parse
from domain.decision import Decision
from domain.leaps import sell_long
from domain.monitoring import close_by_person
from domain.orders import place
from domain.pretrade import Intent, uncovered_lots
from domain.purchases import sale_limit_e4
from domain.state import Account

RUN_TO_EXPIRY_TDTE = 2
"""Short options with that few sessions left run to their expiry."""
LIQUIDATION = "LIQUIDATION"


def is_flat(d: Decision, account: Account) -> bool:
    """No positions and no order that works."""
    working = any(o.account_id == account.account_id and o.working for o in d.book.orders.values())
    return not account.shorts and not account.lots and not working


def liquidate(d: Decision, account: Account, reference: str) -> None:
    """Buy back what does not run to expiry, sell what covers nothing; once more whenever an order has ended."""
    if not d.calendar.in_session(d.now_us):
        return
    for contract in sorted(account.shorts):
        short, terms = account.shorts[contract], option(contract)
        if d.calendar.sessions_after(d.today, terms.expiry) > RUN_TO_EXPIRY_TDTE and not _working(d, account, contract):
            close_by_person(d, account, short)
    for contract in sorted({lot.contract for lot in account.lots}):
        if _working(d, account, contract):
            continue
        if parse(contract) is not None:
            sell_long(d, account, contract, LIQUIDATION, reference)
        else:
            _sell_shares(d, account, contract, reference)


def _working(d: Decision, account: Account, contract: str) -> bool:
    return any(
        o.account_id == account.account_id and o.contract == contract and o.working for o in d.book.orders.values()
    )


def _sell_shares(d: Decision, account: Account, ticker: str, reference: str) -> None:
    """Shares that cover no call: limit bid - 0.1 % (protocol 6.6)."""
    mark = d.market.marks.get(ticker)
    covered = (account.shares(ticker) // 100 - uncovered_lots(d, account, ticker)) * 100
    quantity = account.shares(ticker) - covered
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
