"""Make docs/protocol-coverage.md: for each numbered rule what holds it and which tests would fail without it.

python scripts/make_coverage.py            write the page
python scripts/make_coverage.py --check    write nothing; exit 1 when the page is not what its sources say

Its sources: tests/mutation/rules.txt (rules and functions), `shows` of the scenario files, and what `make mutants` has
found: tests/mutation/result.json, rules.json, survivors.txt.
"""

import argparse
import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from scripts.make_docs import DOCS, table
from tests.mutation.rules import explained, rules

PAGE = DOCS / "protocol-coverage.md"
MUTATION = Path(__file__).parents[1] / "tests/mutation"
SCENARIOS = Path(__file__).parents[1] / "scenarios"
HEAD = re.compile(r"^(id|shows): (.*)$", re.MULTILINE)
NAMED = 3
"""Tests that are named for a rule."""


def results(name: str) -> dict[str, Any]:
    """A file of results, empty where there is none yet."""
    path = MUTATION / name
    return json.loads(path.read_text("utf-8")) if path.exists() else {"mutants": [], "runs": {}}


def shown() -> dict[str, list[str]]:
    """Section to the scenario files that say they show it."""
    found: dict[str, list[str]] = {}
    for path in sorted(SCENARIOS.glob("*.yaml")):
        told = [text for key, text in HEAD.findall(path.read_text("utf-8")) if key == "shows"]
        sections = {section for text in told for section in re.findall(r'"([\d.]+)"', text)}
        for section in sections:
            found.setdefault(section, []).append(path.name)
    return found


def short(nodeid: str) -> str:
    """A test without its folder."""
    file, _, test = nodeid.partition("::")
    test = test.replace("test_a_worked_example_holds", "scenario")
    return f"`{Path(file).stem.removeprefix('test_')}: {test.removeprefix('test_')}`"


def rule_rows() -> list[list[str]]:
    """A row a rule."""
    killed: dict[str, list[str]] = {}
    runs: dict[str, list[str]] = {}
    for name in ("rules.json", "result.json"):
        found = results(name)
        runs |= found["runs"]
        for one in found["mutants"]:
            if one["verdict"] == "killed":
                killed.setdefault(f"{one['module']}.{one['function']}", []).extend(one["tests"])
    sections = shown()
    rows: list[list[str]] = []
    for rule in rules():
        fails = list(dict.fromkeys(t for name in rule.functions for t in killed.get(name, ())))
        other = [t for t in dict.fromkeys(t for name in rule.functions for t in runs.get(name, ())) if t not in fails]
        named = ", ".join(map(short, fails[:NAMED]))
        if len(fails) < NAMED and other:
            named += (" " if named else "") + "(run it: " + ", ".join(map(short, other[: NAMED - len(fails)])) + ")"
        section = re.match(r"[\d.]*\d|", rule.number)
        parts = section[0].split(".") if section else []
        files = sections.get(".".join(parts[:2]), []) or sections.get(parts[0] if parts else "", [])
        held = ", ".join(f"`{name.removeprefix('domain.')}`" for name in rule.functions)
        links = ", ".join(f"[{file.removesuffix('.yaml')}](../scenarios/{file})" for file in files)
        rows.append([rule.number, rule.says, held, named, links])
    return rows


def example_rows() -> list[list[str]]:
    """A row a worked example."""
    sections: dict[str, list[str]] = {}
    for section, files in shown().items():
        for file in files:
            sections.setdefault(file, []).append(section)
    order = sorted(file for file in sections if file.startswith("EX-"))
    return [
        [
            file.removesuffix(".yaml"), f"[{file}](../scenarios/{file})",
            ", ".join(sorted(sections[file], key=lambda s: [int(part) for part in s.split(".")])),
        ]
        for file in order
    ]  # fmt: skip


def mutation() -> str:
    """What the drawn mutants have shown."""
    found = results("result.json")
    if not found["mutants"]:
        return "Not run yet: `make mutants`."
    verdicts = Counter(one["verdict"] for one in found["mutants"])
    total, killed = len(found["mutants"]), verdicts["killed"] + verdicts["timeout"]
    by_module: dict[str, Counter[str]] = {}
    for one in found["mutants"]:
        dead = one["verdict"] in ("killed", "timeout")
        by_module.setdefault(one["module"], Counter())["killed" if dead else "alive"] += 1
    modules = [
        [f"`{name}`", str(sum(count.values())), str(count["killed"])] for name, count in sorted(by_module.items())
    ]
    known = explained()
    alive = [
        [f"`{one['module'].removeprefix('domain.')}:{one['function']}`", *_parts(one["key"]), _why(one, known)]
        for one in found["mutants"] if one["verdict"] in ("survived", "unseen")
    ]  # fmt: skip
    open_yet = found["count"] - total
    stopped = f" {open_yet} more of the drawing have no verdict yet: `python -m tests.mutation --resume`." * (
        open_yet > 0
    )
    return (
        f"{total} of {found['of']} possible mutants were drawn by the seed {found['seed']} on commit "
        f"`{found['commit']}`, each run against those of {found['tests']} tests that run its statement, until one "
        f"fails or {found.get('budget_s', 150):g} s of tests, by the time they usually take, have passed: each family "
        "of tests (a function with its rows, a scenario with its variants) by turns, its fastest first. "
        f"**{killed} were killed, {100 * killed / total:.1f} %** ({verdicts['timeout']} of them by running for "
        f"ever); {verdicts['survived']} survived, {verdicts['unseen']} no test runs.{stopped}\n\n"
        + table(["module", "mutants", "killed"], modules)
        + "\n\n### Survivors\n\n"
        + table(["where", "line", "change", "why"], alive)
    )


def _parts(key: str) -> list[str]:
    _, _, rest = key.partition(" | ")
    line, _, change = rest.rpartition(" | ")
    return [f"`{line}`", f"`{change}`"]


def _why(one: dict[str, Any], known: dict[str, str]) -> str:
    if one["key"] in known:
        return known[one["key"]]
    if one["verdict"] == "unseen":
        return "missing test: none runs it"
    rest = one["covering"] - one["tried"]
    return f"missing test; {rest} of {one['covering']} that run it were not tried" if rest > 0 else "missing test"


def page() -> str:
    """The page."""
    head = ["rule", "says", "held by (`domain.`)", "fails without it", "shown by"]
    return (
        "# What holds each rule, and which tests would fail without it\n\n"
        "For each numbered rule that the book decides: the functions that hold it, tests that failed when a function "
        'was changed (after "run it": tests that run it and little else), and the scenario files that show its '
        "section. Made by `scripts/make_coverage.py`; do not edit. `INV-15`, the hash chain, is held by the journal "
        "(`processors.book.journal`), not by the domain.\n\n"
        "*How it is shown.* `make mutants` draws small changes of `domain/` by a seed: another comparison or bound, "
        "another operator, a number one more or less, a condition turned round or left out, a statement dropped, "
        "another code, another result. Texts for people, annotations and assertions are no rules and stay. A mutant is "
        "killed when a test fails. Tests that compare made files with the code (pages, schemas) do not count.\n\n"
        "## Rules\n\n" + table(head, rule_rows()) + "\n\n## Worked examples\n\nEach is a scenario file, "
        "played in memory and on Kafka; it fails when what it expects does not come.\n\n"
        + table(["example", "file", "shows"], example_rows())
        + "\n\n## Mutants\n\n"
        + mutation()
        + "\n"
    )


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description="Make docs/protocol-coverage.md.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the page would change")
    options = parser.parse_args()
    text = page()
    if not PAGE.exists() or PAGE.read_text("utf-8") != text:
        if options.check:
            print("differs: docs/protocol-coverage.md; run: python scripts/make_coverage.py", file=sys.stderr)
            return 1
        PAGE.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
