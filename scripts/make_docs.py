"""Make the tables of the documentation that come from the code.

python scripts/make_docs.py            write docs/reason-codes.md and docs/configuration.md
python scripts/make_docs.py --check    write nothing; exit 1 when a file is not what the code says
"""

import argparse
import sys
from pathlib import Path

from domain.config import CATALOGUE
from domain.reasons import MEANING, Reason

DOCS = Path(__file__).parents[1] / "docs"
SECTION = "protocol section"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def reason_codes() -> str:
    """docs/reason-codes.md."""
    rows = [[f"`{reason.value}`", MEANING[reason][1], MEANING[reason][0]] for reason in Reason]
    return (
        "# Reason codes\n\n"
        "Every refusal, skip, rejection and cancel carries one of these codes. Made from `domain/reasons.py` by "
        "`scripts/make_docs.py`; do not edit.\n\n"
        "An order that the broker refuses carries the broker's own code; a restriction set by a person is `MANUAL:` "
        "and the name the person gave it.\n\n" + table(["code", "meaning", SECTION], rows) + "\n"
    )


def configuration() -> str:
    """docs/configuration.md."""
    rows: list[list[str]] = []
    for p in CATALOGUE.values():
        kind, _, choices = p.kind.partition(":")
        allowed = choices.replace(",", ", ") if choices else f"{p.low} to {p.high}" if p.low else ""
        change = f"{'hot' if p.change[0] == 'H' else 'restart'}, {p.change[1:]}"
        default = f"`{p.default}`" if p.default else "none"
        rows.append([f"`{p.name}`", "choice" if choices else kind, default, allowed, p.unit, change, p.section])
    return (
        "# Configuration\n\n"
        "The parameters of a book (protocol section 18), changed by the command `ProposeConfigurationChange` for the "
        "whole book (scope `SYSTEM`) or for one account, whose value comes first. A change acts from the next "
        "evaluation; a set that contradicts itself is refused as a whole. Made from `domain/config.py` by "
        "`scripts/make_docs.py`; do not edit.\n\n"
        "*Change* says whether a parameter acts at once (hot) or after a restart, and how many people must approve "
        "it.\n\n" + table(["parameter", "type", "default", "allowed", "unit", "change", SECTION], rows) + "\n"
    )


def wanted() -> dict[Path, str]:
    """Text of every file that is made here."""
    return {DOCS / "reason-codes.md": reason_codes(), DOCS / "configuration.md": configuration()}


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description="Make the tables of the documentation that come from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file would change")
    options = parser.parse_args()
    changed = [file for file, text in wanted().items() if not file.exists() or file.read_text("utf-8") != text]
    if options.check:
        for file in changed:
            print(f"differs: docs/{file.name}; run: python scripts/make_docs.py", file=sys.stderr)
        return 1 if changed else 0
    for file in changed:
        file.write_text(wanted()[file], "utf-8")
    print(f"{len(changed)} of {len(wanted())} files written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
