"""Commands that play recorded market data: run, backtest, demo."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alluse.options import AsJson
from alluse.render import note, one_json

if TYPE_CHECKING:
    from alluse.plans import Plan

Data = Annotated[str, typer.Option("--data", metavar="SOURCE", help="sample, or lean:FOLDER.")]
Symbols = Annotated[str | None, typer.Option("--symbols", metavar="A,B", help="Tickers; the source may have defaults.")]
FromDay = Annotated[str | None, typer.Option("--from", metavar="DAY", help="First day, YYYY-MM-DD.")]
ToDay = Annotated[str | None, typer.Option("--to", metavar="DAY", help="Last day, YYYY-MM-DD.")]
Book = Annotated[str, typer.Option("--book", metavar="BOOK", help="Id of the book that is founded.")]
Capital = Annotated[str | None, typer.Option("--capital", metavar="DOLLARS", help="Capital that it is founded with.")]
Config = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="YAML file with protocol parameters.")]
Pace = Annotated[str, typer.Option("--pace", metavar="PACE", help="asap, 1x, 60x: event seconds a second.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(run)
    app.command()(backtest)
    app.command()(demo)


def run(
    data: Data,
    symbols: Symbols = None,
    from_: FromDay = None,
    to: ToDay = None,
    book: Book = "S001",
    capital: Capital = None,
    config: Config = None,
    pace: Pace = "asap",
    processors: Annotated[
        int | None, typer.Option("--processors", min=1, max=16, help="Book-processor processes.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Play recorded market data through the running system on Kafka, with the paper broker.

    Each run takes a log that nothing stands on yet. A system that is not up is started for the run, then stopped.

    \b
    Example:
      alluse run --data sample --from 2011-04-01 --to 2011-04-29 --config alluse/demo.yaml --json
    """
    started = time.monotonic()
    plan = _prepare(data, symbols, from_, to, book, capital, config, pace)
    from alluse.progress import RunProgress
    from alluse.runs import play, system
    from infra.settings import load_settings

    with system(load_settings(), processors, note) as place, RunProgress(plan) as progress:
        place = place.since(started)
        document, _ = play(plan, place, progress.event, progress.reached)
    _end(document, as_json)


def backtest(
    data: Data,
    symbols: Symbols = None,
    from_: FromDay = None,
    to: ToDay = None,
    book: Book = "S001",
    capital: Capital = None,
    config: Config = None,
    pace: Pace = "asap",
    as_json: AsJson = False,
) -> None:
    """Play recorded market data in memory, without Kafka. Same data and configuration: same digest as `run`.

    \b
    Example:
      alluse backtest --data sample --from 2011-04-01 --to 2011-04-29 --config alluse/demo.yaml --json
    """
    started = time.monotonic()
    plan = _prepare(data, symbols, from_, to, book, capital, config, pace)
    from alluse.backtests import backtest as play_in_memory
    from alluse.progress import RunProgress

    with RunProgress(plan) as progress:
        document, _ = play_in_memory(plan, time.monotonic() - started, progress.counted)
    _end(document, as_json)


def demo(
    from_: FromDay = None,
    to: ToDay = None,
    as_json: AsJson = False,
) -> None:
    """Play two years of real daily prices on a real Kafka and Postgres, show it, say what happened.

    \b
    Example:
      alluse demo
      alluse demo --from 2011-03-01 --to 2011-05-31
    """
    from alluse.demo import play_demo

    play_demo(from_, to, as_json=as_json)


def _prepare(
    data: str,
    symbols: str | None,
    from_: str | None,
    to: str | None,
    book: str,
    capital: str | None,
    config: Path | None,
    pace: str,
) -> Plan:
    from alluse.plans import RunRequest, configured_tickers, prepare

    plan = prepare(RunRequest(data, symbols, from_, to, book, capital, config, pace))
    missing = configured_tickers(plan)
    if missing:
        note(f"Note: this run has no prices of {', '.join(missing)}, which gen.tickers and rev.tickers name.")
    return plan


def _end(document: dict[str, Any], as_json: bool) -> None:
    if as_json:
        one_json(document)
        return
    from alluse.summaries import print_result

    print_result(document)
