"""Double entry (protocol 4.2): postings, settlement, and the buffer rule that follows each of them."""

from domain import events as e
from domain.decision import Decision
from domain.state import CASH, CASH_UNSETTLED, Account
from domain.valuation import buffer_required, free_cash


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


def emit_lines(d: Decision, account: Account, cause: str, reference: str, lines: dict[str, int], settles: int) -> None:
    """Emit the ledger entry as it is."""
    records = [e.LedgerLine(account.account_id, name, amount) for name, amount in lines.items() if amount]
    if records:
        d.emit(e.LedgerPosted(cause, reference, records, settles), f"account-{account.account_id}", account)


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
        from domain.restrictions import restrict

        d.emit(e.BufferBreached(required, free), stream, account)
        restrict(d, account, "BUFFER", "NO_NEW_ENTRIES")
        from domain.alerts import raise_alert

        raise_alert(d, account, "ACCOUNT_MANAGEMENT", "MEDIUM", None, "Cash buffer breached", f"free cash {free} < required {required} cents")
    elif end_of_day and free >= required and "BUFFER" in account.restrictions:
        from domain.restrictions import lift

        d.emit(e.BufferRestored(required, free), stream, account)
        lift(d, account, "BUFFER")
