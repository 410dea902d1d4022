"""The read models as commands show them: which question, which columns on a terminal (JSON has all)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alluse.errors import Refused
from alluse.homes import settings_of_log
from alluse.render import note, one_json, print_table, say
from alluse.surroundings import attach_database
from infra.errors import RequestError
from infra.settings import load_settings

if TYPE_CHECKING:
    from projections.queries import ReadModels


TABLE_ROWS = 40


_COLUMNS = """
accounts   account_id state effective_mode restrictions level breakers fork_group_id cash cash_unsettled tax_reserve nav
levels     account_id contract quantity level m price reference atr since sequence event_id
level_changes changed_at account_id contract from_level to_level m price reference atr sequence event_id
lifecycle  state_at account_id kind state amount reason detail sequence event_id
positions  account_id contract state quantity quantity_opened average_price realised_pnl close_cause opened_at closed_at
orders     proposed_at account_id contract side effect quantity limit state cum_quantity average_price purpose code
fills      filled_at account_id kind contract side quantity price commission underlying shares sequence event_id
ledger     posted_at account_id cause ledger_account amount reference sequence event_id
pnl        session_day account_id kind contract tax_class amount entries sequence event_id
weeks      week_id account_id ticker primary_type put_type call_type pnl premium_collected trades return_pre return_post
lots       acquired_day account_id contract quantity quantity_left price basis wash_sale realised_gain sequence event_id
skips      skipped_at account_id ticker right reason detail sequence event_id
equity     session_day account_id nav corpus unrealised cash_total free_cash collateral tax_reserve sequence
alerts     raised_at account_id priority ticker title message acknowledged_by resolved_by sequence event_id
"""
QUESTIONS: dict[str, list[str]] = {str(row.split()[0]): [*row.split()[1:]] for row in _COLUMNS.strip().splitlines()}
"""By command, which is also the method of ReadModels: the columns of its table."""


def models(log: str | None) -> ReadModels:
    """The read models of a log."""
    from projections.queries import ReadModels

    return ReadModels(attach_database(settings_of_log(load_settings(), log)))


def answer(
    name: str, book: str, account: str | None, log: str | None, *, as_json: bool, limit: int | None, **more: Any
) -> None:
    """Print the rows of a question; the newest `limit` of them (0 = all)."""
    source = models(log)
    rows = getattr(source, name)(book, account, **more)
    if not rows:
        _require_book(source, book)
    most = limit if limit is not None else 0 if as_json else TABLE_ROWS
    shown = rows[-most:] if most else rows
    if as_json:
        one_json(shown)
        return
    if not shown:
        say("None.")
        return
    known = [c for c in QUESTIONS[name] if c in shown[0]]
    print_table(shown, known)
    if len(shown) < len(rows):
        note(f"The newest {len(shown)} of {len(rows)}; --limit 0 shows all, --json every column.")


def _require_book(source: ReadModels, book: str) -> None:
    books = [row["book"] for row in source.books()]
    if book not in books:
        raise RequestError(
            "UNKNOWN_BOOK",
            f"This log has no book {book}.",
            f"It has: {', '.join(books) or 'none'}; --log NAME chooses another log.",
        )


def approval_book(source: ReadModels, approval_id: str) -> str:
    """The book that an approval belongs to. Raises Refused `UNKNOWN_APPROVAL`."""
    for row in source.books():
        if any(a["approval_id"] == approval_id for a in source.approvals(row["book"])):
            return row["book"]
    raise Refused(
        "UNKNOWN_APPROVAL", f"No book has an approval request {approval_id}.", "`alluse approvals list` shows all."
    )
