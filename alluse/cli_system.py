"""Commands that start, stop and look at the system."""

from __future__ import annotations

from typing import Annotated

import typer

from alluse.options import AsJson
from alluse.render import note, one_json, say, show


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(up)
    app.command()(down)
    app.command()(status)
    app.command()(doctor)
    app.command()(version)
    app.command()(parameters)
    app.command()(reasons)


def up(
    detach: Annotated[bool, typer.Option("--detach", help="Return when the system is ready; it runs on.")] = False,
    processors: Annotated[
        int | None, typer.Option("--processors", min=1, max=16, help="Book-processor processes.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Start the system: Kafka and Postgres (unless named by settings) and every process.

    \b
    Example:
      alluse up --detach
    """
    from alluse.homes import Home, Wanted
    from infra.settings import load_settings

    settings = load_settings()
    home = Home(settings)
    if home.supervisor() is not None:
        from alluse.supervisor import already_up

        raise already_up(home)
    wanted = home.wanted(settings)
    home.want(Wanted(wanted.log, processors or wanted.processors))
    if detach:
        from alluse.operating import start_detached

        note("Starting the system")
        start_detached(settings)
        _ready(as_json)
        return
    import logging

    from alluse.processes import on_stop_signals
    from alluse.supervisor import Supervisor
    from infra.logs import configure_logs

    configure_logs(settings.log, level=logging.INFO)
    supervisor = Supervisor(settings, on_ready=lambda: _ready(as_json))
    on_stop_signals(supervisor.stop)
    supervisor.run()


def _ready(as_json: bool) -> None:
    from alluse.homes import Home, shown_log
    from infra.settings import load_settings

    settings = load_settings()
    running = Home(settings).supervisor() or {}
    if as_json:
        one_json(
            {
                "up": True,
                "supervisor_pid": running.get("pid"),
                "log": shown_log(running.get("log") or ""),
                "kafka": running.get("bootstrap"),
                "home": str(settings.home),
            }
        )
    else:
        say(
            f"Up: supervisor pid {running.get('pid')}, Kafka {running.get('bootstrap')}, "
            f"log {shown_log(running.get('log') or '')}. `alluse down` stops it."
        )


def down(as_json: AsJson = False) -> None:
    """Stop every process of this home, cleanly, whoever started it.

    \b
    Example:
      alluse down
    """
    from alluse.operating import stop_system
    from infra.settings import load_settings

    stopped = stop_system(load_settings())
    if as_json:
        one_json({"stopped": stopped})
    else:
        say(f"Stopped: {', '.join(stopped)}." if stopped else "Nothing was running.")


def status(as_json: AsJson = False) -> None:
    """Show every process: alive or not, how far behind, whether it advances.

    \b
    Example:
      alluse status --json
    """
    from alluse.statuses import status as read_status
    from infra.settings import load_settings

    document = read_status(load_settings())
    if as_json:
        one_json(document)
        return
    supervisor = document["supervisor"]
    if supervisor is None:
        say(f"Down ({document['home']}). `alluse up --detach` starts it.")
        left = [name for name in ("kafka", "postgres") if isinstance(document[name], dict) and document[name]["alive"]]
        if left:
            say(f"  left running: {', '.join(left)}; `alluse down` stops them.")
    else:
        say(
            f"{supervisor['state'].capitalize()}: supervisor pid {supervisor['pid']}, "
            f"log {document['log']}, home {document['home']}"
        )
        for name in ("kafka", "postgres"):
            server = document[name]
            local = "" if isinstance(server, str) else f"pid {server['pid']}" if server["alive"] else "not running"
            say(f"  {name}: {local or server}")
    if document["processes"]:
        say()
        show(document["processes"], document["processes"][0], as_json=False)
    if document["stages"]:
        say()
        show(document["stages"], ("stage", "event_time", "lag_event_s", "lag_offsets"), as_json=False)
    if "problem" in document:
        note(document["problem"])


def doctor(as_json: AsJson = False) -> int:
    """Check the surroundings and say how to mend what is wrong; exit code 3 when something needed is not there.

    \b
    Example:
      alluse doctor
    """
    from alluse.doctoring import examine
    from infra.settings import load_settings

    findings = examine(load_settings())
    if as_json:
        one_json({"healthy": all(f.fine for f in findings), "checks": [f.shown() for f in findings]})
    else:
        for finding in findings:
            say(f"{'ok ' if finding.fine else 'BAD'}  {finding.check}: {finding.found}")
            if finding.remedy:
                say(f"     -> {finding.remedy}")
    return 0 if all(f.fine for f in findings) else 3


def version(as_json: AsJson = False) -> None:
    """Show the versions of the program and of what it stands on.

    \b
    Example:
      alluse version --json
    """
    from alluse.doctoring import versions

    found = versions()
    if as_json:
        one_json(found)
    else:
        for name, value in found.items():
            say(f"{name:<16} {value}")


def parameters(
    prefix: Annotated[str, typer.Argument(metavar="[PREFIX]", help="Only names that begin so, such as gen.")] = "",
    as_json: AsJson = False,
) -> None:
    """List the protocol's parameters: what a configuration file may hold, with default, range and unit.

    \b
    Example:
      alluse parameters gen.
    """
    from domain.config import CATALOGUE
    from infra.errors import RequestError

    rows = [
        {
            "name": p.name,
            "kind": p.kind,
            "default": p.default,
            "low": p.low,
            "high": p.high,
            "unit": p.unit,
            "section": p.section,
            "approvals": int(p.change[1:]),
        }
        for p in CATALOGUE.values()
        if p.name.startswith(prefix)
    ]
    if not rows:
        raise RequestError(
            "UNKNOWN_PARAMETER", f"No parameter begins with '{prefix}'.", "List all with `alluse parameters`."
        )
    show(rows, rows[0], as_json=as_json)


def reasons(as_json: AsJson = False) -> None:
    """List the reason codes of refusals, skips and rejections, with the section of the protocol.

    \b
    Example:
      alluse reasons
    """
    from domain.reasons import MEANING

    rows = [{"code": str(code), "section": section, "meaning": text} for code, (section, text) in MEANING.items()]
    show(rows, rows[0], as_json=as_json)
