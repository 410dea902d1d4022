"""Make the tables of the documentation that come from the code.

python scripts/make_docs.py            write docs/reason-codes.md, docs/configuration.md, tables in docs/protocol/
python scripts/make_docs.py --check    write nothing; exit 1 when a file is not what the code says

A page of docs/protocol/ holds its tables between `<!-- generated:KIND ARGUMENTS -->` and `<!-- end -->`; the kinds are
those of `TEMPLATES`.
"""

import argparse
import re
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin, get_type_hints

from domain import commands, events
from domain.config import CATALOGUE, Parameter
from domain.reasons import MEANING, Reason

DOCS = Path(__file__).parents[1] / "docs"
PAGES = DOCS / "protocol"
SECTION = "protocol section"
PEOPLE = ("nobody approves", "one person approves", "two people approve")
MARKED = re.compile(r"(<!-- generated:(\S+) ?(.*?) -->\n).*?(<!-- end -->)", re.DOTALL)
MENTIONED = re.compile(r"\s*\((?:protocol [^()]*|[^()]*, protocol [^()]*)\)")


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def kind_and_range(p: Parameter) -> tuple[str, str]:
    """A parameter's type and what it may be."""
    kind, _, choices = p.kind.partition(":")
    if choices:
        return "choice", choices.replace(",", ", ")
    return kind, f"{p.low} to {p.high}" if p.low else ""


def default(p: Parameter) -> str:
    """A parameter's default, as code."""
    return f"`{p.default}`" if p.default else "none"


# --- whole files ----------------------------------------------------------------------------------------------------


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
        kind, allowed = kind_and_range(p)
        change = f"{'hot' if p.change[0] == 'H' else 'restart'}, {p.change[1:]}"
        rows.append([f"`{p.name}`", kind, default(p), allowed, p.unit, change, p.section])
    return (
        "# Configuration\n\n"
        "The parameters of a book (protocol section 18), changed by the command `ProposeConfigurationChange` for the "
        "whole book (scope `SYSTEM`) or for one account, whose value comes first. A change acts from the next "
        "evaluation; a set that contradicts itself is refused as a whole. Made from `domain/config.py` by "
        "`scripts/make_docs.py`; do not edit.\n\n"
        "*Change* says whether a parameter acts at once (hot) or after a restart, and how many people must approve "
        "it.\n\n" + table(["parameter", "type", "default", "allowed", "unit", "change", SECTION], rows) + "\n"
    )


# --- tables in pages ------------------------------------------------------------------------------------------------


class Entry(NamedTuple):
    """A place in a page where a table is made."""

    page: str
    kind: str
    arguments: list[str]


def entries() -> Iterator[Entry]:
    """Every such place of docs/protocol/."""
    for page in sorted(PAGES.glob("*.md")):
        for _, kind, arguments, _ in MARKED.findall(page.read_text("utf-8")):
            yield Entry(page.name, kind, arguments.split())


def of_section(section: str, wanted: Iterable[str]) -> bool:
    """Whether a section such as 8.1 is one of those wanted, such as 8."""
    return any(section == one or section.startswith(f"{one}.") for one in wanted)


def parameters(sections: list[str]) -> str:
    """Parameters of the sections named."""
    rows: list[list[str]] = []
    for p in CATALOGUE.values():
        if of_section(p.section, sections):
            kind, allowed = kind_and_range(p)
            unit = kind if p.unit in ("", "enum") else p.unit
            when = "at once" if p.change[0] == "H" else "after a restart"
            change = f"{when}; {PEOPLE[int(p.change[1:])]}"
            rows.append([f"`{p.name}`", default(p), allowed, unit, change, p.section])
    return table(["parameter", "default", "allowed", "unit", "a change acts", "section"], rows)


def reasons(sections: list[str]) -> str:
    """Reason codes of the sections named."""
    found = [(reason.value, *MEANING[reason]) for reason in Reason if of_section(MEANING[reason][0], sections)]
    return table(["code", "means", "section"], [[f"`{code}`", text, section] for code, section, text in found])


def records(module: types.ModuleType) -> dict[str, type]:
    """Record classes of `domain.events` or `domain.commands` by name, in the order in which they are written."""
    found = [cls for cls in vars(module).values() if isinstance(cls, type) and is_dataclass(cls)]
    return {cls.__name__: cls for cls in found if cls.__module__.startswith(module.__name__)}


def meaning(cls: type) -> str:
    """First line of a record's docstring, without the sections it names."""
    return MENTIONED.sub("", (cls.__doc__ or "").splitlines()[0])


def described(hint: Any) -> tuple[str, list[str]]:
    """(name of the type where it is worth telling, meanings) of a field's annotation."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        shape, texts = described(arguments[0])
        return shape, [*texts, *(text for text in arguments[1:] if isinstance(text, str))]
    if origin in (Union, types.UnionType):
        shape, texts = described(next(one for one in arguments if one is not type(None)))
        return shape, [*texts, "may be missing"]
    if origin is list:
        shape, texts = described(arguments[0])
        return f"list of {shape}" if shape else "list", texts
    if origin is dict:
        return "by name", []
    if isinstance(hint, type) and is_dataclass(hint):
        return f"`{hint.__name__}`", []
    return "yes or no" if hint is bool else "", []


def field_list(cls: type) -> str:
    """A record's fields with their meanings."""
    hints = get_type_hints(cls, include_extras=True)
    told: list[str] = []
    for field in fields(cls):
        if field.name == "header":
            continue
        shape, texts = described(hints[field.name])
        told.append(f"`{field.name}`" + (f" ({'; '.join([shape] * bool(shape) + texts)})" if shape or texts else ""))
    return ", ".join(told) or "none"


def record_table(module: types.ModuleType, head: str, names: list[str]) -> str:
    """Records of a module, in the order named."""
    known = records(module)
    return table([head, "says", "fields"], [[f"`{n}`", meaning(known[n]), field_list(known[n])] for n in names])


def index(_: list[str]) -> str:
    """Every command and event with the page that describes it."""
    rows: list[list[str]] = []
    for entry in entries():
        module = {"commands": commands, "events": events}.get(entry.kind)
        for name in entry.arguments if module else []:
            cls = records(events if entry.kind == "events" else commands)[name]
            topic = events.TOPIC_OF.get(cls, "")
            what = "command" if hasattr(cls, "header") else f"event on `{topic}`" if topic else "part of others"
            rows.append([f"`{name}`", what, f"[{entry.page.removesuffix('.md')}]({entry.page})"])
    return table(["name", "is a", "page"], sorted(rows))


TEMPLATES: dict[str, Callable[[list[str]], str]] = {
    "parameters": parameters,
    "reasons": reasons,
    "events": lambda names: record_table(events, "event", names),
    "commands": lambda names: record_table(commands, "command", names),
    "index": index,
}


def filled(text: str) -> str:
    """A page with its tables made anew."""
    return MARKED.sub(lambda m: f"{m[1]}\n{TEMPLATES[m[2]](m[3].split())}\n\n{m[4]}", text)


def wanted() -> dict[Path, str]:
    """Text of every file that is made here as a whole."""
    return {DOCS / "reason-codes.md": reason_codes(), DOCS / "configuration.md": configuration()}


def pages() -> dict[Path, str]:
    """Text of every page of docs/protocol/."""
    return {page: filled(page.read_text("utf-8")) for page in sorted(PAGES.glob("*.md"))}


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description="Make the tables of the documentation that come from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file would change")
    options = parser.parse_args()
    texts = wanted() | pages()
    changed = [file for file, text in texts.items() if not file.exists() or file.read_text("utf-8") != text]
    if options.check:
        for file in changed:
            print(f"differs: docs/{file.relative_to(DOCS)}; run: python scripts/make_docs.py", file=sys.stderr)
        return 1 if changed else 0
    for file in changed:
        file.write_text(texts[file], "utf-8")
    print(f"{len(changed)} of {len(texts)} files written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
