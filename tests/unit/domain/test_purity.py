"""The domain is a pure function of the journal: no clock, time-zone database, randomness, environment, I/O, float
money, and no iteration whose order depends on hashing (architecture.md, "Nothing outside the log decides").

An exception says why in a comment on its line: `# pure: reason`.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

DOMAIN = Path(__file__).parents[3] / "domain"
FILES = sorted(DOMAIN.rglob("*.py"))
STANDARD = frozenset(
    {"bisect", "binascii", "collections", "dataclasses", "datetime", "enum", "fractions", "functools", "hashlib",
     "heapq", "itertools", "json", "operator", "re", "types", "typing"}
)  # fmt: skip
"""Modules of the standard library that hold no clock, no state of the machine and no I/O."""
ALLOWED = STANDARD | {"numpy", "pydantic", "domain"}
FORBIDDEN_CALLS = frozenset({"open", "print", "input", "float", "id", "hash", "eval", "exec", "globals", "vars"})
FORBIDDEN_ATTRIBUTES = frozenset(
    {"now", "today", "utcnow", "fromtimestamp", "uuid1", "uuid4", "random", "environ", "getenv"}
)
ORDER_FREE = frozenset({"sorted", "len", "sum", "min", "max", "any", "all", "set", "frozenset"})
"""What may take a set: its result does not show the order (min and max of equal keys aside)."""


def impurities(source: str) -> Iterator[tuple[int, str]]:
    """(line, what is wrong) of a module's text."""
    tree = ast.parse(source)
    lines = source.splitlines()
    for line, what in (*_imports(tree), *_calls(tree), *_floats(tree), *_sets(tree)):
        if "# pure: " not in lines[line - 1]:
            yield line, what


def _imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        names: list[tuple[int, str]] = []
        if isinstance(node, ast.Import):
            names = [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [(node.lineno, node.module or ".")]
        for line, name in names:
            if name.partition(".")[0] not in ALLOWED:
                yield line, f"imports {name}"
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for inner in ast.walk(node):
                if isinstance(inner, ast.Import | ast.ImportFrom):
                    yield inner.lineno, "imports inside a function"


def _calls(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FORBIDDEN_CALLS:
            yield node.lineno, f"calls {node.func.id}()"
        if isinstance(node, ast.Attribute) and node.attr in FORBIDDEN_ATTRIBUTES and not _is_state(node):
            yield node.lineno, f"uses .{node.attr}"
        if isinstance(node, ast.Global | ast.Nonlocal):
            yield node.lineno, "changes names of an outer scope"


def _is_state(node: ast.Attribute) -> bool:
    """`d.today` is the decision's own: the New York day of the journal entry."""
    return isinstance(node.value, ast.Name) and node.value.id in ("d", "self") and node.attr == "today"


def _floats(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            yield node.lineno, f"float literal {node.value}"


def _sets(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Iteration over sets: in `for`, comprehensions, unpacking, and calls that keep the order."""
    names = _set_names(tree)

    def is_set(node: ast.expr) -> bool:
        match node:
            case ast.Set() | ast.SetComp():
                return True
            case ast.Call(func=ast.Name(id="set" | "frozenset")):
                return True
            case ast.BinOp(left=left, right=right, op=ast.BitOr() | ast.BitAnd() | ast.Sub() | ast.BitXor()):
                return is_set(left) or is_set(right)
            case ast.Name(id=name):
                return name in names
            case _:
                return False

    for node in ast.walk(tree):
        iterated: list[ast.expr] = []
        if isinstance(node, ast.For):
            iterated = [node.iter]
        elif isinstance(node, ast.ListComp | ast.DictComp | ast.GeneratorExp):
            iterated = [generator.iter for generator in node.generators]
        elif isinstance(node, ast.Starred):
            iterated = [node.value]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id not in ORDER_FREE:
            iterated = node.args if node.func.id in ("list", "tuple", "iter", "enumerate", "zip", "next", "map") else []
        elif (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("join", "extend")
        ):
            iterated = node.args
        for expression in iterated:
            if is_set(expression):
                yield expression.lineno, "iterates over a set"


def _set_names(tree: ast.Module) -> frozenset[str]:
    """Names that a module binds to sets or annotates as such."""
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            if ast.unparse(node.annotation).startswith(("set", "frozenset")):
                found.append(node.target.id)
        elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            value = node.value
            made = (
                isinstance(value, ast.Call)
                and isinstance(value.func, ast.Name)
                and value.func.id in ("set", "frozenset")
            )
            if made or isinstance(value, ast.Set | ast.SetComp):
                found.append(node.targets[0].id)
        elif isinstance(node, ast.arg):
            annotation = ast.unparse(node.annotation) if node.annotation else ""
            found.extend([node.arg] if annotation.startswith(("set[", "frozenset[")) else [])
    return frozenset(found)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_a_module_of_the_domain_is_pure(path: Path) -> None:
    found = [f"{path.name}:{line}: {what}" for line, what in impurities(path.read_text("utf-8"))]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("import time", "imports time"),
        ("from zoneinfo import ZoneInfo", "imports zoneinfo"),
        ("import os", "imports os"),
        ("from math import log", "imports math"),
        ("import scipy.stats", "imports scipy.stats"),
        ("from datetime import date\nx = date.today()", "uses .today"),
        ("from datetime import datetime\nx = datetime.now()", "uses .now"),
        ("x = 0.95", "float literal 0.95"),
        ("x = float('1')", "calls float()"),
        ("print('x')", "calls print()"),
        ("x = hash('x')", "calls hash()"),
        ("for x in {1, 2}: pass", "iterates over a set"),
        ("def f(names: set[str]) -> list[str]:\n    return [n for n in names]", "iterates over a set"),
        ("seen = set()\nx = list(seen)", "iterates over a set"),
        ("a = {1}\nx = [*(a | {2})]", "iterates over a set"),
        ("def f():\n    import json\n", "imports inside a function"),
    ],
)
def test_the_scan_finds(source: str, what: str) -> None:
    assert what in [found for _, found in impurities(source)]


@pytest.mark.parametrize(
    "source",
    ["for x in sorted({1, 2}): pass", "x = 1 in {1, 2}", "import time  # pure: names a type only", "n = len({1})"],
)
def test_the_scan_passes(source: str) -> None:
    assert not list(impurities(source))
