"""Decisions to trade, and refusals with their reason."""

from projections.mapping.event import Changes, Handler, LoggedEvent, ticker_of
from projections.tables.shape import Change
from projections.tables.signals import SCANS, SIGNALS, SKIPS


def trade_signal_generated(e: LoggedEvent) -> Changes:
    yield SIGNALS.row(
        book=e.book,
        account_id=e.account_id,
        kind="ENTRY",
        signal_id=e["signal_id"],
        ticker=e["ticker"],
        contract=e["contract"],
        side=e["side"],
        quantity=e["quantity"],
        limit_e4=e["limit_e4"],
        floor_e4=e["floor_e4"] or None,
        ladder_e4=e.json("ladder_e4"),
        delta_e2=e["delta_e2"],
        approval_id=e["approval_id"],
        reason=e["reason"],
        decided_at=e.occurred_at,
    )


def exit_signal_generated(e: LoggedEvent) -> Changes:
    yield SIGNALS.row(
        book=e.book,
        account_id=e.account_id,
        kind="EXIT",
        signal_id=e["signal_id"],
        ticker=e["ticker"],
        contract=e["contract"],
        side=e["side"],
        quantity=e["quantity"],
        limit_e4=e["limit_e4"],
        floor_e4=None,
        ladder_e4=None,
        delta_e2=None,
        approval_id=None,
        reason=e["reason"],
        decided_at=e.occurred_at,
    )


def entry_skipped(e: LoggedEvent) -> Changes:
    yield _skip(e, 0, "ENTRY", e["reason"], ticker=e["ticker"], right=e["right"], detail=e["detail"])


def roll_declined(e: LoggedEvent) -> Changes:
    ticker = ticker_of(e["contract"])
    yield _skip(e, 0, "ROLL", e["reason"], ticker=ticker, contract=e["contract"])


def entry_scan_completed(e: LoggedEvent) -> Changes:
    """The scan as a whole, and one row a rejected ticker."""
    yield SCANS.row(
        book=e.book,
        account_id=e.account_id,
        session_day=e["session"],
        candidates=e.json("candidates"),
        rejections=e.json("rejections"),
        scanned_at=e.occurred_at,
    )
    for number, refused in enumerate(e["rejections"]):
        yield _skip(
            e,
            number,
            "SCAN",
            refused["reason"],
            ticker=refused["ticker"],
            right=refused.get("right"),
            detail=refused["detail"],
            session_day=e["session"],
        )


def _skip(
    e: LoggedEvent,
    line: int,
    kind: str,
    reason: str,
    *,
    ticker: str,
    contract: str | None = None,
    right: str | None = None,
    detail: str | None = None,
    session_day: int | None = None,
) -> Change:
    return SKIPS.row(
        line,
        book=e.book,
        account_id=e.account_id,
        kind=kind,
        ticker=ticker,
        contract=contract,
        right=right,
        reason=reason,
        detail=detail,
        session_day=session_day,
        skipped_at=e.occurred_at,
    )


HANDLERS: dict[str, Handler] = {
    "TradeSignalGenerated": trade_signal_generated,
    "ExitSignalGenerated": exit_signal_generated,
    "EntrySkipped": entry_skipped,
    "RollDeclined": roll_declined,
    "EntryScanCompleted": entry_scan_completed,
}
