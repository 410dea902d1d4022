"""Holdings of a book that is taken over: its lots and open options stand in `BookImported` itself, its money in the
`LedgerPosted` that follows."""

from typing import Any

from domain.modes import most_severe
from projections.mapping.event import Changes, LoggedEvent, ticker_of
from projections.mapping.fills import position_step
from projections.mapping.ledger import lot_opened
from projections.tables.accounts import ACCOUNTS, RESTRICTIONS
from projections.tables.lifecycle import REINVESTMENTS
from projections.tables.risk import LEVEL_CHANGES


def imported_holdings(e: LoggedEvent) -> Changes:
    """Lots and positions of all accounts, numbered through the event."""
    line = 0
    for account in e["accounts"]:
        yield from _restrictions(e, account)
        yield from _reinvested(e, account)
        for lot in account["lots"]:
            yield lot_opened(e, account["account_id"], lot)
            yield position_step(
                e,
                "OPENED",
                line,
                account_id=account["account_id"],
                contract=lot["contract"],
                position_id=lot["lot_id"],
                quantity=lot["quantity"],
                price_e4=lot["price_e4"],
                stepped_at=e.occurred_at,
            )
            line += 1
        for option in account["options"]:
            yield position_step(
                e,
                "OPENED",
                line,
                account_id=account["account_id"],
                contract=option["contract"],
                position_id=f"import|{account['account_id']}|{option['contract']}",
                quantity=-option["quantity"],
                price_e4=option["credit_e4"],
                p0_e4=option["p0_e4"],
                commission_cents=option["commission"],
                rolls=option.get("rolls"),
                stepped_at=option["opened_us"],
            )
            if option.get("level"):
                yield LEVEL_CHANGES.row(
                    line,
                    book=e.book,
                    account_id=account["account_id"],
                    position_id=f"import|{account['account_id']}|{option['contract']}",
                    contract=option["contract"],
                    ticker=ticker_of(option["contract"]),
                    from_level=None,
                    to_level=option["level"],
                    m_e10=None,
                    price_e4=None,
                    reference_e4=option["p0_e4"],
                    atr_e6=None,
                    changed_at=e.occurred_at,
                )
            line += 1


def _reinvested(e: LoggedEvent, account: Any) -> Changes:
    """Quarters whose results were reinvested before the take-over (protocol 10.4)."""
    for quarter in account.get("quarters") or ():
        if quarter.get("spent"):
            key = (e.book, account["account_id"], quarter["quarter"])
            yield REINVESTMENTS.set("result", key, spent_cents=quarter["spent"], carry_out_cents=None)
            yield REINVESTMENTS.set(
                "state", key, state="COMPLETED", reason="IMPORTED", sessions=None, ended=True, state_at=e.occurred_at
            )


def _restrictions(e: LoggedEvent, account: Any) -> Changes:
    in_force: dict[str, str] = account.get("restrictions") or {}
    for reason, mode in sorted(in_force.items()):
        key = (e.book, account["account_id"], reason)
        yield RESTRICTIONS.set("state", key, active=True, mode=mode, state_at=e.occurred_at)
    if in_force:
        mode = most_severe(in_force.values())
        yield ACCOUNTS.set("mode", (e.book, account["account_id"]), effective_mode=mode)
