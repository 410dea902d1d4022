"""docs/protocol/: tables as the code says, nothing left out, nothing named that does not exist, no broken link."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path

import pytest

from domain import commands, events
from domain.config import CATALOGUE
from domain.reasons import MEANING, Reason
from scripts.make_docs import DOCS, MARKED, PAGES, entries, of_section, pages, records

ROOT = DOCS.parent
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
CODE = re.compile(r"`([^`\n]+)`")
FILES = sorted([*DOCS.rglob("*.md"), ROOT / "README.md"])


def prose(page: Path) -> str:
    """What a person wrote: without the tables that are made."""
    return MARKED.sub("", page.read_text("utf-8"))


def links(file: Path) -> Iterator[str]:
    """Relative links of a file."""
    for target in LINK.findall(FENCED.sub("", file.read_text("utf-8"))):
        if "://" not in target and not target.startswith("mailto:"):
            yield target


def headings(file: Path) -> set[str]:
    """Anchors of a file, as GitHub makes them."""
    lines = [line.lstrip("#").strip().lower() for line in file.read_text("utf-8").splitlines() if line.startswith("#")]
    return {re.sub(r"[^\w\- ]", "", line).replace(" ", "-") for line in lines}


def arguments(kind: str) -> list[str]:
    """What the markers of a kind name, over all pages."""
    return [name for entry in entries() if entry.kind == kind for name in entry.arguments]


@pytest.mark.parametrize(("page", "text"), pages().items(), ids=lambda x: x.name if isinstance(x, Path) else "")
def test_the_tables_are_what_the_code_says(page: Path, text: str) -> None:
    assert page.read_text("utf-8") == text, "run: python scripts/make_docs.py"


@pytest.mark.parametrize(("kind", "module"), [("events", events), ("commands", commands)])
def test_every_record_is_on_one_page(kind: str, module: object) -> None:
    assert module in (events, commands)
    told = Counter(arguments(kind))
    known = records(events if module is events else commands)
    assert all(is_dataclass(cls) for cls in known.values())
    assert not sorted(set(known) - set(told)), f"name them in a `generated:{kind}` marker of the page they belong to"
    assert not sorted(name for name, times in told.items() if times > 1)


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_parameter_is_on_one_page(name: str) -> None:
    assert sum(of_section(CATALOGUE[name].section, [section]) for section in arguments("parameters")) == 1


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_code_is_on_one_page(reason: Reason) -> None:
    assert sum(of_section(MEANING[reason][0], [section]) for section in arguments("reasons")) == 1


@pytest.mark.parametrize("page", sorted(PAGES.glob("*.md")), ids=lambda p: p.name)
def test_what_the_text_names_exists(page: Path) -> None:
    """Parameters (a.b), events and commands (CamelCase) and reason codes in backticks."""
    records_known = {*records(events), *records(commands)}
    stems = {name[: i + 1] for name in CATALOGUE for i, sign in enumerate(name) if sign == "."}
    for code in CODE.findall(prose(page)):
        if re.fullmatch(r"[a-z_0-9]+(\.[a-z_0-9]+)+", code):
            assert code in CATALOGUE, f"{page.name}: no parameter {code}"
        elif re.fullmatch(r"[a-z_0-9.]+\.", code):
            assert code in stems, f"{page.name}: no parameters {code}"
        elif re.fullmatch(r"([A-Z][a-z]+){2,}", code):
            assert code in records_known, f"{page.name}: no event or command {code}"
        elif re.fullmatch(r"PT-\d\d", code):
            assert code in set(Reason), f"{page.name}: no reason code {code}"


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(file: Path) -> None:
    for link in links(file):
        path, _, anchor = link.partition("#")
        target = (file.parent / path).resolve() if path else file
        assert target.exists(), f"{link} leads nowhere"
        assert not anchor or anchor in headings(target), f"{link}: no such heading"
