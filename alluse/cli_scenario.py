"""The command that plays scenario files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alluse.options import AsJson
from alluse.render import note, one_json, say

if TYPE_CHECKING:
    from alluse.scenarios.playing import Result
    from alluse.scenarios.scenario import Scenario


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(scenario)


def scenario(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Scenario files, or folders of them.")],
    only: Annotated[
        str | None, typer.Option("--only", metavar="ID", help="Only scenarios whose id begins with this.")
    ] = None,
    story: Annotated[bool, typer.Option("--show", help="Print every event that happened.")] = False,
    kafka: Annotated[
        bool, typer.Option("--kafka", help="Play them on Kafka too, and compare the digests of the logs.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Play scenario files (given, when, then) and say which expectations differ; docs/scenarios.md.

    \b
    Example:
      alluse scenario scenarios/EX-03.yaml --show
    """
    from alluse.scenarios.loading import files_in, load
    from alluse.scenarios.playing import play
    from alluse.scenarios.text import BadScenarioError
    from infra.errors import RequestError

    chosen: list[Scenario] = []
    bad: list[BadScenarioError] = []
    paths = files_in(files)
    for path in paths:
        try:
            chosen.extend(s for s in load(path) if only is None or s.identity.startswith(only))
        except BadScenarioError as error:
            bad.append(error)
    if bad:
        _bad(bad, as_json=as_json)
        raise typer.Exit(2)
    if not chosen:
        raise RequestError(
            "NO_SCENARIO", f"There is no scenario{f' {only}' if only else ''} in {', '.join(map(str, files))}.",
            "Name files or folders with *.yaml.",
        )  # fmt: skip
    results = [play(one) for one in chosen]
    if kafka:
        _on_kafka(results)
    document = [_document(result, story=story) for result in results]
    holds = all(result.holds for result in results)
    if as_json:
        one_json({"holds": holds, "scenarios": document})
    else:
        for result in results:
            _print(result, story=story)
        differing = sum(not result.holds for result in results)
        waiting = sum(result.waits for result in results)
        counted = f"{len(results) - differing - waiting} hold, {differing} differ, {waiting} wait"
        say(f"{len(results)} scenarios: {counted}.")
    if not holds:
        raise typer.Exit(1)


def _bad(bad: list[Any], *, as_json: bool) -> None:
    for error in bad:
        for problem in error.problems:
            place = f"{problem.where}: " if problem.where else ""
            note(f"{error.path}:{problem.line}: {place}{problem.message}")
    if as_json:
        problems = [
            {"file": str(error.path), "line": p.line, "where": p.where, "message": p.message}
            for error in bad
            for p in error.problems
        ]
        first = bad[0]
        one_json(
            {
                "error": {
                    "code": first.code, "message": first.message, "remedy": first.remedy, "exit_code": 2,
                    "problems": problems,
                }
            }
        )  # fmt: skip


def _on_kafka(results: list[Result]) -> None:
    """Play again on a fresh set of topics, and compare the logs."""
    import os

    from alluse.scenarios.on_kafka import compare
    from infra.kafka.connect import open_cluster
    from infra.settings import load_settings

    cluster, broker = open_cluster(load_settings())
    try:
        compare(cluster, f"scenario_{os.getpid()}", results, note)
    finally:
        if broker is not None and broker.started_here:
            broker.stop()


def _document(result: Result, *, story: bool) -> dict[str, Any]:
    from alluse.records import shown
    from schemas.records import to_plain

    scenario_ = result.scenario
    document: dict[str, Any] = {
        "id": scenario_.identity,
        "title": scenario_.title,
        "file": str(scenario_.path),
        "line": scenario_.line,
        "shows": scenario_.shows,
        "outcome": "waits" if result.waits else "holds" if result.holds else "differs",
        "waits_for": scenario_.waits_for or None,
        "differences": [
            {
                "line": d.line, "step": d.step, "what": d.what, "expected": d.expected, "found": d.found,
                "journal": d.entry or None,
            }
            for d in result.differences
        ],
        "refused_commands": [{"code": h.event.code, "command": h.event.command} for h in result.refusals],
        "journal_entries": result.entries,
        "events": len(result.happened),
        "digest": result.digest or None,
    }  # fmt: skip
    if story:
        document["story"] = [
            {"type": h.name, **shown(h.name, {"envelope": to_plain(h.envelope), **to_plain(h.event)})}
            for h in result.happened
        ]
    return document


def _print(result: Result, *, story: bool) -> None:
    from alluse.scenarios.expecting import story_line

    scenario_ = result.scenario
    outcome = f"waits for {scenario_.waits_for}" if result.waits else "holds" if result.holds else "DIFFERS"
    say(f"{scenario_.identity}  {scenario_.title}: {outcome}")
    if story:
        for happened in result.happened:
            say(f"  {story_line(happened)}")
    for refused in result.refusals if not result.holds else ():
        say(f"  refused: {refused.event.command} {refused.event.code}: {refused.event.reason}")
    if result.differences:
        _print_differences(result)


def _print_differences(result: Result) -> None:
    import sys

    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in ("line", "step", "", "expected", "found", "journal"):
        table.add_column(name, overflow="fold", justify="right" if name == "line" else "left")
    for d in result.differences:
        table.add_row(str(d.line), d.step, d.what, d.expected, d.found, d.entry)
    console = (
        Console(highlight=False, markup=False)
        if sys.stdout.isatty()
        else Console(highlight=False, markup=False, width=200)
    )
    console.print(table)
