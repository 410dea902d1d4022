"""One catalogue of reason codes: each has a meaning and is used, nothing else is emitted, the docs are made from it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.pretrade import CHECKS
from domain.reasons import MEANING, Reason
from scripts.make_docs import wanted

DOMAIN = Path(__file__).parents[3] / "domain"
FILES = [path for path in sorted(DOMAIN.rglob("*.py")) if path.name != "reasons.py"]
CODE_AT = {
    "request_cancel": 2, "cancel_opening_orders": 2, "expire": 2, "restrict": 2, "lift": 2, "reject": 3, "Rejected": 0,
    "EntrySkipped": 1, "TickerRejection": 2, "RollDeclined": 1, "OrderCancelRequested": 2, "OrderCancelled": 1,
    "OrderRejected": 1, "ApprovalExpired": 1, "CommandRejected": 2, "ConfigurationRejected": 1, "ConfigurationError": 0,
    "TradingModeRestricted": 0,
}  # fmt: skip
"""Function or event to the place of its reason code among the arguments."""


def literal_codes(path: Path) -> Iterator[tuple[int, str]]:
    """(line, text) of codes that are written as plain strings."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        place = CODE_AT.get(name)
        if place is None or place >= len(node.args):
            continue
        code = node.args[place]
        if isinstance(code, ast.Constant | ast.JoinedStr):
            yield node.lineno, ast.unparse(code)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_no_code_is_written_as_a_plain_string(path: Path) -> None:
    assert not list(literal_codes(path))


def test_every_code_has_a_meaning() -> None:
    assert list(MEANING) == list(Reason), "in the order of the catalogue"
    assert all(section and text for section, text in MEANING.values())


def test_every_code_is_used() -> None:
    text = "\n".join(path.read_text("utf-8") for path in FILES)
    unused = [r.name for r in Reason if f"Reason.{r.name}" not in text and r.value not in CHECKS]
    assert not unused


@pytest.mark.parametrize(("path", "text"), wanted().items(), ids=lambda x: x.name if isinstance(x, Path) else "")
def test_the_documentation_is_what_the_code_says(path: Path, text: str) -> None:
    assert path.read_text("utf-8") == text, "run: python scripts/make_docs.py"
