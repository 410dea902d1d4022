"""`python -m benchmarks [names...]`: run benchmarks, show tables, write benchmarks/results/DATE.md and .jsonl."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import book, fold, latency, market, projection, replay, takeover, wake
from benchmarks.document import surroundings, write
from benchmarks.workbench import Bench, Report
from infra.errors import AllUseError
from infra.kafka.broker import LocalBroker
from infra.settings import load_settings

BENCHMARKS = {
    m.__name__.rpartition(".")[2]: m.run for m in (market, book, wake, fold, latency, replay, projection, takeover)
}
FOLDER = Path(__file__).with_name("results")


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"all when none is given: {', '.join(BENCHMARKS)}")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds (3)")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the records and seconds, 0.1 for a look (1)")
    parser.add_argument("--profile", action="store_true", help="one more run of each processor under cProfile")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the document")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(BENCHMARKS):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    return options


def show(console: Console, report: Report) -> None:
    """The figures as a table, the levels below it."""
    table = Table(*report.columns, title=report.title)
    for row in report.rows:
        table.add_row(*row)
    console.print(table)
    for level in report.levels:
        mark = "[green]reached[/]" if level.reached else "[red]not reached[/]"
        console.print(f"  {level.what}: {level.measured}, level {level.wanted}: {mark}")
    for note in report.notes:
        console.print(f"  {note}", highlight=False)
    for name, profile in report.profiles.items():
        console.print(f"  profile of {name}:\n{profile}", highlight=False, markup=False)


def main(arguments: list[str]) -> int:
    """Run; returns the exit code."""
    options = parse(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ended in order: the broker does not stay behind
    console = Console(soft_wrap=not sys.stdout.isatty())
    logging.basicConfig(level=logging.ERROR)
    reports: list[Report] = []
    with tempfile.TemporaryDirectory(prefix="alluse-bench-") as home:
        os.environ["ALLUSE_HOME"] = home
        broker = LocalBroker(Path(home), load_settings().cache, heap_mb=1024, jit="full")
        try:
            broker.start()
            bench = Bench(broker, Path(home), console.log, profile=options.profile)
            try:
                for name in options.names or BENCHMARKS:
                    began = time.monotonic()
                    report = BENCHMARKS[name](bench, options.rounds, options.scale)
                    report.notes.append(f"{options.rounds} rounds, {time.monotonic() - began:.0f} s in all.")
                    reports.append(report)
                    show(console, report)
                    write(options.out, surroundings(arguments), reports)
            finally:
                bench.close()
        except AllUseError as error:
            sys.stderr.write(f"error: {error}\n")
            return error.exit_code
        finally:
            broker.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
