"""Commands to books: operators' commands, approvals, the kill switch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from alluse.options import AsJson, ByWhom, CommandId, InRole, OfAccount, OfBook, OfLog
from alluse.render import note, one_json, say, show

_approvals = typer.Typer(help="Requests that wait for a person.", rich_markup_mode=None)
_kill_switch = typer.Typer(help="Stop trading; cancels always get through.", rich_markup_mode=None)
_SOME_BOOK = Annotated[str | None, typer.Option("--book", metavar="BOOK", help="One book; without it every book.")]
_TIMEOUT = Annotated[float, typer.Option("--timeout", metavar="SECONDS", help="How long to wait for the answer.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(name="command")(command)
    app.add_typer(_approvals, name="approvals")
    app.add_typer(_kill_switch, name="kill-switch")


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
