"""Commands about books: their state, their read models, operators' commands, approvals, the kill switch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from alluse.options import AsJson, ByWhom, CommandId, InRole, Limit, OfAccount, OfBook, OfLog
from alluse.render import note, one_json, say, show

_book = typer.Typer(help="Books: all of them, or one now or at any moment of its history.", rich_markup_mode=None)
_approvals = typer.Typer(help="Requests that wait for a person.", rich_markup_mode=None)
_kill_switch = typer.Typer(help="Stop trading; cancels always get through.", rich_markup_mode=None)
_SOME_BOOK = Annotated[str | None, typer.Option("--book", metavar="BOOK", help="One book; without it every book.")]
_TIMEOUT = Annotated[float, typer.Option("--timeout", metavar="SECONDS", help="How long to wait for the answer.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(_book, name="book")
    for function in (accounts, positions, lots, orders, fills, skips, ledger, pnl, equity, weeks, alerts):
        app.command()(function)
    app.command(name="command")(command)
    app.add_typer(_approvals, name="approvals")
    app.add_typer(_kill_switch, name="kill-switch")


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
        for reason, mode in account["restrictions"].items():
            say(f"  restricted {mode}: {reason}")
        for short in account["short_options"]:
            say(f"  {short['quantity']:>7} {short['contract']}  sold at {short['credit']} on {short['opened'][:10]}")
        for lot in account["lots"]:
            cost = f"at {lot['price']} on {lot['acquired']}, basis {lot['basis']}"
            say(f"  {lot['quantity']:>7} {lot['contract']}  {cost}")
        phases = ", ".join(f"{ticker} {phase}" for ticker, phase in account["wheels"].items())
        if phases:
            say(f"  wheel: {phases}")
    for title in ("working_orders", "pending_approvals"):
        if state[title]:
            say(f"\n{title.replace('_', ' ')}")
            show(state[title], state[title][0], as_json=False)


# --- read models ------------------------------------------------------------------------------------------------


def _answer(
    name: str, book: str, account: str | None, log: str | None, limit: int | None, as_json: bool, **more: Any
) -> None:
    from alluse.reading import answer

    answer(name, book, account, log, as_json=as_json, limit=limit, **more)


def accounts(
    book: OfBook, account: OfAccount = None, log: OfLog = None, limit: Limit = None, as_json: AsJson = False
) -> None:
    """Accounts: state, cash, reserve, value.

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


# --- commands ---------------------------------------------------------------------------------------------------


def command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Such as RecordFee or record-fee.")],
    book: OfBook,
    values: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="Fields; money in dollars; key=@FILE reads YAML."),
    ] = None,
    by: ByWhom = "owner",
    role: InRole = "OWNER",
    id_: CommandId = None,
    timeout: _TIMEOUT = 30.0,
    log: OfLog = None,
    as_json: AsJson = False,
) -> None:
    """Send a command to a book and wait for what it comes to; exit code 4 when the protocol refuses it.

    \b
    Examples:
      alluse command record-fee --book S001 account_id=S001-GEN-001 amount=12.50 symbol=data
      alluse command propose-configuration-change --book S001 scope=SYSTEM changes.gen.min_premium_pct=1.0
    """
    _send(name, book, _pairs(values or []), by, role, id_, timeout, log, as_json)


def _pairs(texts: list[str]) -> dict[str, Any]:
    """key=value, dictionary.key=value, key=@file."""
    from infra.errors import RequestError

    found: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise RequestError("BAD_VALUE", f"'{text}' is no key=value.", "Write account_id=S001-GEN-001, for example.")
        first, dot, rest = key.partition(".")
        if dot:
            found.setdefault(first, {})[rest] = value
        else:
            found[key] = _file(value[1:]) if value.startswith("@") else value
    return found


def _file(name: str) -> Any:
    import yaml

    from infra.errors import RequestError

    try:
        return yaml.load(Path(name).read_text(), Loader=yaml.BaseLoader)  # makes nothing but str, list and dict
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise RequestError(
            "BAD_FILE", f"{name} can't be read as YAML: {' '.join(str(error).split())}.", "Name a YAML or JSON file."
        ) from error


def _send(
    name: str,
    book: str,
    values: dict[str, Any],
    by: str,
    role: str,
    id_: str | None,
    timeout: float,
    log: str | None,
    as_json: bool,
) -> None:
    from alluse.homes import settings_of_log
    from alluse.records import command_class
    from alluse.sending import Sender, send
    from alluse.surroundings import attach_cluster
    from infra.settings import load_settings

    command_class(name)
    cluster = attach_cluster(settings_of_log(load_settings(), log))
    _print_answer(send(cluster, name, book, values, Sender(by, role, id_, timeout)), as_json)


def _print_answer(answer: dict[str, Any], as_json: bool) -> None:
    if as_json:
        one_json(answer)
        return
    place = f"entry {answer['sequence']} of partition {answer['partition']}, command {answer['command_id']}"
    if answer["disposition"] == "duplicate":
        say(f"{answer['command']} was taken before, nothing has changed ({place}). It came to:")
    else:
        say(f"{answer['command']} {answer['disposition']} ({place})")
    for event in answer["events"]:
        details = ", ".join(f"{k} {v}" for k, v in event["event"].items() if v not in (None, "", [], {}))
        say(f"  {event['type']}: {details}")
        say(f"    event {event['event_id']}")


@_approvals.command("list")
def approvals_list(
    book: _SOME_BOOK = None,
    all_: Annotated[bool, typer.Option("--all", help="Decided ones too.")] = False,
    log: OfLog = None,
    as_json: AsJson = False,
) -> None:
    """List requests for approval that wait; --all shows the decided ones too.

    \b
    Example:
      alluse approvals list --book S001 --all
    """
    from alluse.reading import models

    source = models(log)
    books = [book] if book else [row["book"] for row in source.books()]
    rows = [row for name in books for row in source.approvals(name, pending_only=not all_)]
    columns = (
        "requested_at",
        "approval_id",
        "account_id",
        "kind",
        "subject",
        "state",
        "granted",
        "required",
        "decided_by",
        "default_action",
    )
    show(rows, columns, as_json=as_json, empty="Nothing waits for approval." if not all_ else "There were no requests.")


@_approvals.command("approve")
def approve(
    approval_id: Annotated[str, typer.Argument(metavar="ID")],
    book: _SOME_BOOK = None,
    choice: Annotated[str, typer.Option("--choice", help="The option chosen where several are offered.")] = "",
    by: ByWhom = "owner",
    role: InRole = "OWNER",
    id_: CommandId = None,
    timeout: _TIMEOUT = 30.0,
    log: OfLog = None,
    as_json: AsJson = False,
) -> None:
    """Approve a request. Nobody approves an own request; two approvals need two people (--by).

    \b
    Example:
      alluse approvals approve 6f1c... --by anna
    """
    _decide(
        "GrantApproval",
        {"approval_id": approval_id, "choice": choice},
        approval_id,
        book,
        by,
        role,
        id_,
        timeout,
        log,
        as_json,
    )


@_approvals.command("deny")
def deny(
    approval_id: Annotated[str, typer.Argument(metavar="ID")],
    book: _SOME_BOOK = None,
    reason: Annotated[str, typer.Option("--reason")] = "denied",
    by: ByWhom = "owner",
    role: InRole = "OWNER",
    id_: CommandId = None,
    timeout: _TIMEOUT = 30.0,
    log: OfLog = None,
    as_json: AsJson = False,
) -> None:
    """Deny a request.

    \b
    Example:
      alluse approvals deny 6f1c... --reason "too thin"
    """
    _decide(
        "DenyApproval",
        {"approval_id": approval_id, "reason": reason},
        approval_id,
        book,
        by,
        role,
        id_,
        timeout,
        log,
        as_json,
    )


def _decide(
    name: str,
    values: dict[str, Any],
    approval_id: str,
    book: str | None,
    by: str,
    role: str,
    id_: str | None,
    timeout: float,
    log: str | None,
    as_json: bool,
) -> None:
    if book is None:
        from alluse.reading import approval_book, models

        book = approval_book(models(log), approval_id)
    _send(name, book, values, by, role, id_, timeout, log, as_json)


@_kill_switch.command("on")
def kill_switch_on(
    book: _SOME_BOOK = None,
    account: OfAccount = None,
    reason: Annotated[str, typer.Option("--reason")] = "operator",
    by: ByWhom = "owner",
    role: InRole = "OWNER",
    id_: CommandId = None,
    timeout: _TIMEOUT = 30.0,
    log: OfLog = None,
    as_json: AsJson = False,
) -> None:
    """Stop trading: of an account, a book, or every book. One person is enough; working orders are cancelled.

    \b
    Example:
      alluse kill-switch on --book S001 --reason "broker trouble"
    """
    _switch(
        "EngageKillSwitch",
        {"account_id": account, "reason": reason},
        book,
        account,
        by,
        role,
        id_,
        timeout,
        log,
        as_json,
    )


@_kill_switch.command("off")
def kill_switch_off(
    book: _SOME_BOOK = None,
    account: OfAccount = None,
    by: ByWhom = "owner",
    role: InRole = "OWNER",
    id_: CommandId = None,
    timeout: _TIMEOUT = 30.0,
    log: OfLog = None,
    as_json: AsJson = False,
) -> None:
    """Ask for the release of a kill switch; two people must approve it (`alluse approvals list`).

    \b
    Example:
      alluse kill-switch off --book S001
    """
    _switch("ReleaseKillSwitch", {"account_id": account}, book, account, by, role, id_, timeout, log, as_json)


def _switch(
    name: str,
    values: dict[str, Any],
    book: str | None,
    account: str | None,
    by: str,
    role: str,
    id_: str | None,
    timeout: float,
    log: str | None,
    as_json: bool,
) -> None:
    """An account's id begins with its book's; without either the command goes to every book."""
    if account is not None and book is None:
        book = account.partition("-")[0]
    if book is not None:
        _send(name, book, values, by, role, id_, timeout, log, as_json)
        return
    from alluse.homes import settings_of_log
    from alluse.sending import Sender, send_to_every_book
    from alluse.surroundings import attach_cluster
    from infra.settings import load_settings

    cluster = attach_cluster(settings_of_log(load_settings(), log))
    answers = send_to_every_book(cluster, name, values, Sender(by, role, id_, timeout))
    if as_json:
        one_json(answers)
        return
    for found in answers:
        _print_answer(found, as_json=False)
    if not answers:
        note("This log has no books.")
