"""Double entry (protocol 4.2): postings, settlement, and the buffer rule that follows each of them."""

from fractions import Fraction

from domain import events as e
from domain.alerts import raise_alert
from domain.contracts import option, parse, ticker_of
from domain.decision import Decision
from domain.money import CONTRACT_MULTIPLIER, dollars, floor_int
from domain.reasons import Reason
from domain.restrictions import lift, restrict
from domain.risk.breakers import check_daily_drawdown, check_losses, drawdown_limit
from domain.state import CASH, CASH_UNSETTLED, TAX_RESERVE, Account
from domain.valuation import buffer_required, corpus, free_cash


def post(
    d: Decision, account: Account, cause: str, reference: str, lines: dict[str, int], outcome_session: int | None = None
) -> None:
    """Post one economic event. `lines`: ledger account to cents, debit positive, sum zero; zero lines are left out.

    Unsettled receipts settle with the session of `outcome_session` (default: the last session up to now).
    """
    if sum(lines.values()):
        raise ValueError(f"unbalanced ledger entry {cause} {reference}: {lines}")
    settles = 0
    if lines.get(CASH_UNSETTLED) and cause != "SETTLEMENT":
        calendar = d.calendar
        session = calendar.session_on_or_before(d.today) if outcome_session is None else outcome_session
        settles = calendar.settlement(session)
    emit_lines(d, account, cause, reference, lines, settles)
    if settles and (settles < d.today or (settles == d.today and d.now_us >= d.calendar.et(d.today, _OPEN_MINUTE))):
        settle(d, account)


_OPEN_MINUTE = 9 * 60 + 30


def emit_lines(d: Decision, account: Account, cause: str, reference: str, lines: dict[str, int], settles: int) -> None:
    """Emit the ledger entry as it is."""
    records = [e.LedgerLine(account.account_id, name, amount) for name, amount in lines.items() if amount]
    if records:
        d.emit(e.LedgerPosted(cause, reference, records, settles), f"account-{account.account_id}", account)


def funds_settle(d: Decision, cost: int) -> int | None:
    """When what pays `cost` settles; none where settled cash of the brokerage account covers it (16.3 CR-05)."""
    accounts = list(d.book.accounts.values())
    settled = sum(account.balance(CASH) + account.balance(TAX_RESERVE) for account in accounts)
    days = [int(day) for account in accounts for day in account.unsettled]
    return max(days) if settled < cost and days else None


def settle(d: Decision, account: Account) -> None:
    """At 09:30 ET: receipts whose settlement day has come become settled cash (protocol 4.1)."""
    due = sorted(int(day) for day in account.unsettled if int(day) <= d.today)
    for day in due:
        amount = account.unsettled[str(day)]
        emit_lines(d, account, "SETTLEMENT", str(day), {CASH: amount, CASH_UNSETTLED: -amount}, day)


def check_buffer(d: Decision, account: Account, *, end_of_day: bool = False) -> None:
    """Buffer rule (protocol 4.1): breach at once, restoration at the first EOD with enough free cash."""
    if account.state not in ("ACTIVE", "SUSPENDED"):
        return
    required, free = buffer_required(d, account), free_cash(d.book, account)
    stream = f"account-{account.account_id}"
    if free < required and "BUFFER" not in account.restrictions:
        d.emit(e.BufferBreached(required, free), stream, account)
        restrict(d, account, Reason.BUFFER, "NO_NEW_ENTRIES")
        raise_alert(
            d,
            account,
            "ACCOUNT_MANAGEMENT",
            "MEDIUM",
            None,
            "Cash buffer breached",
            f"free cash {dollars(free)}, required {dollars(required)}",
        )
    elif end_of_day and free >= required and "BUFFER" in account.restrictions:
        d.emit(e.BufferRestored(required, free), stream, account)
        lift(d, account, Reason.BUFFER)
    check_losses(d, account)
    check_daily_drawdown(d, account)
    _watch_slack(d, account, free - required)


def _watch_slack(d: Decision, account: Account, slack: int) -> None:
    """Wake the book before marks alone can push free cash under the buffer, or corpus down to the daily drawdown.

    The buffer grows with corpus. Spread evenly over the tickers held, no move smaller than slack / buffer rate / units
    can breach it, since a share moves corpus by at most its own move and a short option by at most that of 100 shares.
    """
    rate = d.config(account.account_id).fraction("buffer.pct") / 100
    limit = drawdown_limit(d, account)
    fall = corpus(d.market, account) - limit if limit else 0
    units: dict[str, int] = {}
    for lot in account.lots:
        ticker, size = ticker_of(lot.contract), CONTRACT_MULTIPLIER if parse(lot.contract) else 1
        units[ticker] = units.get(ticker, 0) + lot.quantity * size
    for contract, short in account.shorts.items():
        ticker = option(contract).underlying
        units[ticker] = units.get(ticker, 0) + short.quantity * CONTRACT_MULTIPLIER
    room = [Fraction(slack) / rate] if slack >= 0 and rate else []
    room += [Fraction(fall)] if fall > 0 else []
    prefix = f"buffer|{account.account_id}|"
    for key in [k for k in d.book.watches if k.startswith(prefix)]:
        if not room or key[len(prefix) :] not in units:
            d.unwatch_price(key)
    if not room:
        return
    for ticker, count in units.items():
        last = d.market.last(ticker)
        if not last:
            d.watch_price(prefix + ticker, ticker, 0, 0)  # its first price wakes the book
        else:
            move = max(1, floor_int(min(room) * 100 / len(units) / count))
            d.watch_price(prefix + ticker, ticker, last - move, last + move)
