"""Draw mutants of `domain/` by seed, run each against the tests that can tell it, write what came of each.

python -m tests.mutation                       400 mutants by the seed of the page; some 40 minutes on one core
python -m tests.mutation --count 20            the first 20 of them
python -m tests.mutation --resume              those that have no verdict in the file of results yet
python -m tests.mutation --survivors           those again that survived and are not explained, after new tests
python -m tests.mutation --rules               one mutant more of each function that holds a numbered rule and of which
                                               the file of results has killed none
"""

import argparse
import json
import os
import pickle
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.mutation.choice import Choice
from tests.mutation.rules import explained, rules
from tests.mutation.sites import Mutant, chosen, modules, mutants
from tests.mutation.workers import PATIENCE_S, ROOT, SURE_S, ExchangeError, Outcome, Seen, Server, prepare, seen_by

SEED = 20261128
COUNT = 400
HISTORIES = "15"
RESULT = Path(__file__).with_name("result.json")
RULES_RESULT = Path(__file__).with_name("rules.json")
TESTS = (
    "tests/unit/domain", "tests/unit/scenarios/test_examples.py", "tests/unit/book",
    "tests/unit/processors/book/test_parking.py", "tests/unit/processors/book/test_recovery.py",
    "tests/unit/alluse/test_configuration.py",
)  # fmt: skip
"""Tests of behaviour. What compares files that are made from the code with the code (pages, schemas) shows no rule."""
LIMIT_S = 300.0
LONGEST_S = 20.0
BUDGET_S = 30.0
ALIVE = ("survived", "unseen")


def main(arguments: Sequence[str]) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--rules", action="store_true", help="one mutant of each function that holds a numbered rule")
    parser.add_argument("--survivors", action="store_true", help="those again that survived and are not explained")
    parser.add_argument("--out", type=Path, help="file of results")
    parser.add_argument(
        "--resume", action="store_true", help="keep the verdicts of the file of results, judge the others"
    )
    parser.add_argument("--limit", type=float, default=LIMIT_S, help="most seconds for a mutant")
    parser.add_argument(
        "--budget", type=float, default=BUDGET_S, help="tests for a mutant, in seconds they usually take"
    )
    parser.add_argument("--longest", type=float, default=LONGEST_S, help="leave tests out that take longer, seconds")
    parser.add_argument("--coverage", type=Path, help="keep what the tests run in this file; use it if it is there")
    options = parser.parse_args(arguments)
    options.out = options.out or (RULES_RESULT if options.rules else RESULT)
    os.nice(5)
    os.chdir(ROOT)
    os.environ["ALLUSE_HISTORIES"] = HISTORIES
    prepare()
    every = [one for module in modules() for one in mutants(module)]
    drawn = _of_rules(every, options.seed) if options.rules else chosen(every, options.seed, options.count)
    before = _found_in(options.out)
    kept: dict[str, dict[str, Any]] = {}
    if options.survivors or options.resume:
        known = explained() if options.survivors else {}
        kept = {
            one["key"]: one for one in before if options.resume or one["verdict"] not in ALIVE or one["key"] in known
        }
    found = {one.key: kept[one.key] for one in drawn if one.key in kept}
    alive = {one["key"] for one in before if one["verdict"] in ALIVE}
    drawn = [one for one in drawn if one.key not in kept and (one.key in alive or not options.survivors)]
    print(f"{len(drawn)} of {len(every)} mutants; running the tests once to see what they run", flush=True)
    seen = _seen(options.coverage)
    if seen.failed:
        print(f"these tests fail without any mutant: {', '.join(seen.failed)}", file=sys.stderr)
        return 1
    killers: dict[str, list[str]] = {one["key"]: one["tests"] for one in before}
    judges = Judges(Choice(seen, options.longest, options.budget, killers), drawn, options.limit)
    named = {name for rule in rules() for name in rule.functions}
    head: dict[str, Any] = {
        "seed": options.seed, "count": len(drawn) if options.rules else options.count, "of": len(every),
        "commit": _commit(), "tests": len(seen.seconds), "budget_s": options.budget,
        "runs": judges.choice.specific(named),
    }  # fmt: skip
    bars = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*bars) as progress:
        task = progress.add_task("mutants", total=len(drawn))
        for mutant in drawn:
            found[mutant.key] = judges.told(mutant)
            options.out.write_text(_text(head, list(found.values())), "utf-8")
            progress.advance(task)
    verdicts = Counter(one["verdict"] for one in found.values())
    killed = verdicts["killed"] + verdicts["timeout"]
    print(f"{killed} of {len(found)} killed ({100 * killed / len(found):.1f} %): {dict(verdicts)}")
    return 0


def _found_in(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text("utf-8"))["mutants"] if path.exists() else []


def _of_rules(every: list[Mutant], seed: int) -> list[Mutant]:
    """Of each function that a numbered rule names and of which the drawing has killed no mutant: the first by seed
    that is not in the drawing."""
    found = _found_in(RESULT)
    shown = {f"{one['module']}.{one['function']}" for one in found if one["verdict"] not in ALIVE}
    wanted = {name for rule in rules() for name in rule.functions} - shown
    known = {one["key"] for one in found}
    first: dict[str, Mutant] = {}
    for one in chosen(every, seed, len(every)):
        name = f"{one.module}.{one.function}"
        if name in wanted and one.key not in known:
            first.setdefault(name, one)
    return [first[name] for name in sorted(first)]


def _seen(kept: Path | None) -> Seen:
    """What the tests run; from a file of the same code and tests if there is one."""
    if kept is not None and kept.exists():
        return pickle.loads(kept.read_bytes())
    seen = seen_by(TESTS)
    if kept is not None:
        kept.write_bytes(pickle.dumps(seen))
    return seen


class Judges:
    """Chooses tests and server for each mutant."""

    def __init__(self, choice: Choice, drawn: list[Mutant], limit_s: float) -> None:
        self.choice, self.limit_s = choice, limit_s
        self.fresh = Server(TESTS, drawn, fresh=True)
        self.quick = Server(TESTS, drawn, fresh=False)

    def told(self, mutant: Mutant, failures: int = 1) -> dict[str, Any]:
        """What came of a mutant, as the file of results says it."""
        tests = self.choice.tests(mutant)
        run = self.choice.affordable(tests)
        outcome = self._judged(mutant, run, failures) if run else Outcome("unseen", [], 0, 0.0)
        return {
            "key": mutant.key, "module": mutant.module, "function": mutant.function, "line": mutant.line,
            "verdict": outcome.verdict, "tests": outcome.tests, "covering": len(tests), "tried": outcome.tried,
            "seconds": outcome.seconds,
        }  # fmt: skip

    def _judged(self, mutant: Mutant, tests: list[str], failures: int) -> Outcome:
        outcome = self._asked(mutant, tests, failures, PATIENCE_S)
        if outcome.verdict != "timeout":
            return outcome
        again = self._asked(mutant, outcome.tests, failures, SURE_S)
        rest = [nodeid for nodeid in tests if nodeid not in outcome.tests]
        return again if again.verdict != "survived" or not rest else self._asked(mutant, rest, failures, SURE_S)

    def _asked(self, mutant: Mutant, tests: list[str], failures: int, patience_s: float) -> Outcome:
        arguments = (mutant, tests, self.choice.seen.seconds, self.limit_s, failures, patience_s)
        if self.choice.at_import(mutant):
            return self.fresh.judge(*arguments)
        try:
            return self.quick.judge(*arguments)
        except ExchangeError:
            return self.fresh.judge(*arguments)


def _text(head: dict[str, Any], found: list[dict[str, Any]]) -> str:
    """The file of results: a line a mutant, so that a change of one is a change of one line."""
    lines = ",\n".join(f"  {json.dumps(one, ensure_ascii=False)}" for one in sorted(found, key=lambda m: m["key"]))
    return json.dumps(head, ensure_ascii=False)[:-1] + f', "mutants": [\n{lines}\n]}}\n'


def _commit() -> str:
    """What was checked out, and whether something was changed since."""
    git = ["git", "-C", str(ROOT)]
    name = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True).stdout
    changed = subprocess.run(
        [*git, "status", "--porcelain", "domain"], capture_output=True, text=True, check=True
    ).stdout
    return name.strip() + ("+" if changed else "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
