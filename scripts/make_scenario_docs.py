"""Make what people need beside docs/scenarios.md: the names of events and commands, and the schema for editors.

python scripts/make_scenario_docs.py            write docs/scenario-names.md and scenarios/scenario.schema.json
python scripts/make_scenario_docs.py --check    write nothing; exit 1 when a file is not what the code says
"""

import argparse
import sys
from pathlib import Path

from alluse.scenarios.actions import HEADER_KEYS, VERBS
from alluse.scenarios.expecting import ENVELOPE_KEYS
from alluse.scenarios.fields import Field, command_classes, event_classes, fields_of, report_classes
from alluse.scenarios.protocol_names import PROTOCOL_COMMANDS, PROTOCOL_EVENTS
from alluse.scenarios.schema import text as schema_text
from domain import commands as c

CHECKOUT = Path(__file__).parents[1]
ABOUT = (
    "Every event, command and report with its fields, as a scenario file writes them ([scenarios.md](scenarios.md)). "
    "Made from the record classes by `scripts/make_scenario_docs.py`; do not edit.\n\n"
    "A field marked `?` may be absent. Lists are marked `[]`, mappings `{}`. In expectations any subset of the fields "
    f"may be given, and besides: {', '.join(f'`{key}`' for key in ENVELOPE_KEYS)} (of the envelope, where the event "
    "has no such field of its own). Commands take besides: "
    f"{', '.join(f'`{key}` ({meaning})' for key, meaning in HEADER_KEYS.items())}."
)


def names() -> str:
    """docs/scenario-names.md."""
    commands = {name: cls for name, cls in command_classes().items() if name != "ImportBook"}
    imported = [cls for name, cls in vars(c).items() if isinstance(cls, type) and name.startswith("Imported")]
    return "\n".join(
        [
            "# Names for scenario files",
            "",
            ABOUT,
            "",
            "## Actions of people and of the scripted broker",
            "",
            _table(
                ["action", "does", "keys"],
                [[f"`{verb}`", meaning, _keys(keys)] for verb, (meaning, keys) in VERBS.items()],
            ),
            "",
            "## Commands",
            "",
            _classes(commands),
            "",
            f"Of the protocol but not of this build: {_absent(PROTOCOL_COMMANDS, set(command_classes()))}.",
            "",
            "## What a book is taken over with",
            "",
            _classes({cls.__name__: cls for cls in imported}),
            "",
            "## Events",
            "",
            _classes(dict(sorted(event_classes().items()))),
            "",
            f"Of the protocol but not of this build: {_absent(PROTOCOL_EVENTS, set(event_classes()))}.",
            "",
            "## Reports of a broker",
            "",
            _classes(dict(report_classes())),
            "",
        ]
    )


def _keys(keys: dict[str, str]) -> str:
    return "; ".join(f"`{key}`: {meaning}" for key, meaning in keys.items()) or "none"


def _absent(protocol: frozenset[str], built: set[str]) -> str:
    return ", ".join(sorted(protocol - built)) or "none"


def _classes(classes: dict[str, type]) -> str:
    rows = [
        [f"`{name}`", " ".join((cls.__doc__ or "").split()), "; ".join(_field(f) for f in fields_of(cls).values())]
        for name, cls in classes.items()
    ]
    return _table(["name", "says", "fields"], rows)


def _field(field: Field) -> str:
    mark = "[]" if field.shape == "list" else "{}" if field.shape == "map" else ""
    kind = field.record.__name__ if field.record else field.kind.value
    meaning = f", {field.meaning}" if field.meaning else ""
    return f"`{field.friendly}`{mark}{'?' if field.optional else ''} {kind}{meaning}"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def wanted() -> dict[Path, str]:
    """Text of every file that is made here."""
    return {
        CHECKOUT / "docs/scenario-names.md": names(),
        CHECKOUT / "scenarios/scenario.schema.json": schema_text(),
    }


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description="Make the names and the schema of scenario files.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file would change")
    options = parser.parse_args()
    changed = [file for file, text in wanted().items() if not file.exists() or file.read_text("utf-8") != text]
    if options.check:
        for file in changed:
            print(f"differs: {file.relative_to(CHECKOUT)}; run: python scripts/make_scenario_docs.py", file=sys.stderr)
        return 1 if changed else 0
    for file in changed:
        file.write_text(wanted()[file], "utf-8")
    print(f"{len(changed)} of {len(wanted())} files written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
