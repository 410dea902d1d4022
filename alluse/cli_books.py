"""Commands that read books: their state now or earlier, and their read models."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from alluse.options import AsJson, Limit, OfAccount, OfBook, OfLog
from alluse.render import one_json, say, show

_book = typer.Typer(help="Books: all of them, or one now or at any moment of its history.", rich_markup_mode=None)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(_book, name="book")
    shown = (accounts, positions, levels, lots, orders, fills, skips, ledger, pnl, equity, weeks, lifecycle, alerts)
    for function in shown:
        app.command()(function)


# --- state ------------------------------------------------------------------------------------------------------


@_book.command("list")
def book_list(log: OfLog = None, as_json: AsJson = False) -> None:
    """List the books of the log.

    \b
    Example:
      alluse book list
    """
    from alluse.reading import models

    columns = (
        "book",
        "how",
        "owner_subject_id",
        "capital",
        "broker_account",
        "broker_connected",
        "config_version",
        "parked",
        "created_at",
    )
    show(models(log).books(), columns, as_json=as_json, empty="No books.")


@_book.command("show")
def book_show(
    book: Annotated[str, typer.Argument(metavar="BOOK", help="The book, such as S001.")],
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help="As it was at this time, 2012-01-03T15:00:00Z.")
    ] = None,
    seq: Annotated[
        int | None, typer.Option("--seq", min=0, metavar="N", help="As it was after this journal entry.")
    ] = None,
    log: OfLog = None,
    as_json: AsJson = False,
) -> None:
    """Show a book as the core holds it, now or earlier: its history is folded from the journal.

    \b
    Example:
      alluse book show S001 --at 2011-07-15T20:00:00Z
    """
    from alluse.books import book_state
    from alluse.homes import settings_of_log
    from alluse.journaling import Journal
    from alluse.surroundings import attach_cluster
    from infra.errors import RequestError
    from infra.settings import load_settings

    if at is not None and seq is not None:
        raise RequestError("BAD_TIME", "--at and --seq exclude each other.", "Give one of them.")
    journal = Journal(attach_cluster(settings_of_log(load_settings(), log)))
    try:
        state = book_state(journal, book, at, seq)
    finally:
        journal.close()
    if as_json:
        one_json(state)
        return
    _print_book(state)


def _print_book(state: dict[str, Any]) -> None:
    say(f"{state['book']} after entry {state['sequence']} of partition {state['partition']}, {state['time']}")
    say(f"state {state['state_hash']}")
    flags = "".join(f"; {name}" for name in ("kill_switch", "parked") if state[name])
    broker = f"broker {state['broker_account']} {'up' if state['broker_up'] else 'down'}"
    say(f"{broker}; configuration version {state['config_version']}{flags}")
    for account in state["accounts"]:
        figures = {
            "cash": account["ledger"].get("CASH", "0.00"),
            "nav": account["last_nav"],
            "corpus": account["last_corpus"],
            "sizing base": account["sizing_base"],
        }
        shown = "  ".join(f"{name} {value}" for name, value in figures.items())
        say(f"\n{account['account_id']}  {account['state']}  {shown}")
        _print_lineage(account)
        for reason, mode in account["restrictions"].items():
            say(f"  restricted {mode}: {reason}")
        for cause in account["suspensions"]:
            say(f"  suspended: {cause}")
        for short in account["short_options"]:
            level = f", level {short['level']}" if short["level"] else ""
            rolled = f", rolled {short['rolls']} times" if short["rolls"] else ""
            sold = f"sold at {short['credit']} on {short['opened'][:10]}{rolled}{level}"
            say(f"  {short['quantity']:>7} {short['contract']}  {sold}")
        for lot in account["lots"]:
            level = account["share_levels"].get(lot["contract"])
            cost = f"at {lot['price']} on {lot['acquired']}, basis {lot['basis']}"
            say(f"  {lot['quantity']:>7} {lot['contract']}  {cost}{f', level {level}' if level else ''}")
        for contract, hedged in account["hedges"].items():
            say(f"  hedge: {contract} protects {hedged}")
        phases = ", ".join(f"{ticker} {phase}" for ticker, phase in account["wheels"].items())
        if phases:
            say(f"  wheel: {phases}")
    for group in state["fork_groups"]:
        counted = f", {group['confirmations']} confirmations of a merge" if group["confirmations"] else ""
        say(f"\nfork group {group['fork_group_id']} {group['state']}{counted}: {', '.join(group['members'])}")
    for breaker in state["breakers"]:
        say(f"\ncircuit breaker {breaker['breaker']} of {breaker['scope']} open since {breaker['session']}")
    for title in ("working_orders", "pending_approvals"):
        if state[title]:
            say(f"\n{title.replace('_', ' ')}")
            show(state[title], state[title][0], as_json=False)


def _print_lineage(account: dict[str, Any]) -> None:
    """Where an account comes from and what it has founded, as far as there is anything to say."""
    if account["parent_account_id"]:
        say(f"  fork of {account['parent_account_id']}, group {account['fork_group_id']}")
    if account["forks"]:
        say(f"  forks so far: {account['forks']}")


# --- read models ------------------------------------------------------------------------------------------------


def _answer(
    name: str, book: str, account: str | None, log: str | None, limit: int | None, as_json: bool, **more: Any
) -> None:
    from alluse.reading import answer

    answer(name, book, account, log, as_json=as_json, limit=limit, **more)


def accounts(
    book: OfBook, account: OfAccount = None, log: OfLog = None, limit: Limit = None, as_json: AsJson = False
) -> None:
    """Accounts: state, restrictions, highest level, open breakers, fork group, cash, reserve, value.

    \b
    Example:
      alluse accounts --book S001
    """
    _answer("accounts", book, account, log, limit, as_json)


def positions(
    book: OfBook,
    account: OfAccount = None,
    open_: Annotated[bool, typer.Option("--open", help="Only what is open.")] = False,
    log: OfLog = None,
    limit: Limit = None,
    as_json: AsJson = False,
) -> None:
    """Positions, open and closed, with the result of each.

    \b
    Example:
      alluse positions --book S001 --open
    """
    _answer("positions", book, account, log, limit, as_json, open_only=open_)


def levels(
    book: OfBook,
    account: OfAccount = None,
    history: Annotated[bool, typer.Option("--history", help="Every change instead, oldest first.")] = False,
    log: OfLog = None,
    limit: Limit = None,
    as_json: AsJson = False,
) -> None:
    """Protocol level of each short put and package of shares: M = adverse move / ATR, and what it was measured by.

    \b
    Examples:
      alluse levels --book S001
      alluse levels --book S001 --history --limit 0
    """
    _answer("level_changes" if history else "levels", book, account, log, limit, as_json)


def lifecycle(
    book: OfBook,
    account: OfAccount = None,
    kind: Annotated[
        str | None, typer.Option("--kind", help="FORK, MERGE, REINVESTMENT, WITHDRAWAL, CONTRIBUTION or TRANSFER.")
    ] = None,
    log: OfLog = None,
    limit: Limit = None,
    as_json: AsJson = False,
) -> None:
    """Forks, merges, reinvestments, withdrawals, contributions and transfers, each in its latest state.

    \b
    Examples:
      alluse lifecycle --book S001
      alluse lifecycle --book S001 --kind FORK --json
    """
    from infra.errors import RequestError

    if kind is not None and kind not in LIFECYCLE_KINDS:
        known = ", ".join(LIFECYCLE_KINDS)
        raise RequestError("UNKNOWN_KIND", f"--kind: '{kind}' is no kind.", f"Known are: {known}.")
    _answer("lifecycle", book, account, log, limit, as_json, kind=kind)


LIFECYCLE_KINDS = ("FORK", "MERGE", "REINVESTMENT", "WITHDRAWAL", "CONTRIBUTION", "TRANSFER")


def orders(
    book: OfBook,
    account: OfAccount = None,
    state: Annotated[str | None, typer.Option("--state", help="Such as FILLED, REJECTED, CANCELLED.")] = None,
    log: OfLog = None,
    limit: Limit = None,
    as_json: AsJson = False,
) -> None:
    """Orders with their state, limits and fills.

    \b
    Example:
      alluse orders --book S001 --state FILLED --limit 20
    """
    _answer("orders", book, account, log, limit, as_json, state=state)


def fills(
    book: OfBook, account: OfAccount = None, log: OfLog = None, limit: Limit = None, as_json: AsJson = False
) -> None:
    """Executions, expiries, assignments, called-away shares.

    \b
    Example:
      alluse fills --book S001 --account S001-GEN-001
    """
    _answer("fills", book, account, log, limit, as_json)


def ledger(
    book: OfBook, account: OfAccount = None, log: OfLog = None, limit: Limit = None, as_json: AsJson = False
) -> None:
    """The double-entry ledger, line by line.

    \b
    Example:
      alluse ledger --book S001 --account S001-REV-001 --json
    """
    _answer("ledger", book, account, log, limit, as_json)


def pnl(
    book: OfBook, account: OfAccount = None, log: OfLog = None, limit: Limit = None, as_json: AsJson = False
) -> None:
    """Results by session, account and contract; TRADE and TAXABLE are two views of the same money.

    \b
    Example:
      alluse pnl --book S001
    """
    _answer("pnl", book, account, log, limit, as_json)


def weeks(
    book: OfBook, account: OfAccount = None, log: OfLog = None, limit: Limit = None, as_json: AsJson = False
) -> None:
    """The weeks and their types; the account's own week has an empty ticker.

    \b
    Example:
      alluse weeks --book S001 --account S001-GEN-001
    """
    _answer("weeks", book, account, log, limit, as_json)


def lots(
    book: OfBook, account: OfAccount = None, log: OfLog = None, limit: Limit = None, as_json: AsJson = False
) -> None:
    """Tax lots with what was realised on them.

    \b
    Example:
      alluse lots --book S001
    """
    _answer("lots", book, account, log, limit, as_json)


def skips(
    book: OfBook, account: OfAccount = None, log: OfLog = None, limit: Limit = None, as_json: AsJson = False
) -> None:
    """Entries and rolls that were not made, with the reason code.

    \b
    Example:
      alluse skips --book S001 --limit 20
    """
    _answer("skips", book, account, log, limit, as_json)


def equity(
    book: OfBook, account: OfAccount = None, log: OfLog = None, limit: Limit = None, as_json: AsJson = False
) -> None:
    """The equity curve: an account's value at each session's end.

    \b
    Example:
      alluse equity --book S001 --account S001-GEN-001
    """
    _answer("equity", book, account, log, limit, as_json)


def alerts(
    book: OfBook, account: OfAccount = None, log: OfLog = None, limit: Limit = None, as_json: AsJson = False
) -> None:
    """Alerts, oldest first.

    \b
    Example:
      alluse alerts --book S001
    """
    _answer("alerts", book, account, log, limit, as_json)
