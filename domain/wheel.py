"""Wheel phase per account and ticker (protocol 3.5): it follows from orders, options and shares."""

from domain import events as e
from domain.contracts import option, parse
from domain.decision import Decision
from domain.state import Account, Wheel


def phase_now(d: Decision, account: Account, ticker: str) -> str:
    """The phase that the state implies."""
    rights = {option(c).right for c in account.shorts if option(c).underlying == ticker}
    if "P" in rights:
        return "CSP_OPEN"
    if "C" in rights:
        return "CC_OPEN"
    for order in d.book.orders.values():
        if (
            order.account_id == account.account_id
            and order.ticker == ticker
            and order.effect == "OPEN"
            and order.working
        ):
            terms = parse(order.contract)
            if terms is not None and order.side == "SELL":
                return "CSP_WORKING" if terms.right == "P" else "CC_WORKING"
    return "SHARES_HELD" if account.shares(ticker) >= 100 else "IDLE"


def follow_phase(d: Decision, account: Account, ticker: str) -> None:
    """Emit `WheelPhaseChanged` where the state implies another phase than the stored one."""
    before = account.wheels.get(ticker, _IDLE).phase
    after = phase_now(d, account, ticker)
    if after == before:
        return
    wheel = account.wheels.get(ticker, _IDLE)
    ended = bool(wheel.chain_id) and (after == "IDLE" or (wheel.began_with_call and after == "SHARES_HELD"))
    chain, result = (wheel.chain_id, wheel.chain_result) if ended else (None, None)
    d.emit(e.WheelPhaseChanged(ticker, before, after, chain, result), f"wheel-{account.account_id}-{ticker}", account)


_IDLE = Wheel()
