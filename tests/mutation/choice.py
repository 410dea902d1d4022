"""Which tests can tell that a statement was changed: those that run it, or that use what it defines at import."""

import ast
import re
from collections import Counter
from collections.abc import Iterator

from tests.mutation.sites import Mutant, modules, source_of, statements
from tests.mutation.workers import ROOT, Seen


class Choice:
    """Looks tests up by mutant."""

    def __init__(self, seen: Seen, longest_s: float, budget_s: float, killers: dict[str, list[str]]) -> None:
        self.seen, self.longest_s, self.budget_s, self.killers = seen, longest_s, budget_s, killers
        self.nodes: dict[int, ast.stmt] = {}
        self.mentions: dict[str, set[int]] = {}
        self.sets: dict[int, tuple[str, ...]] = {}
        """statement that runs at import to the names that others know its result by"""
        self.texts = {name: (ROOT / name).read_text("utf-8") for name in {t.partition("::")[0] for t in seen.seconds}}
        for module in modules():
            tree = ast.parse(source_of(module).read_text("utf-8"))
            first = seen.number[module]
            number = {id(node): first + n for n, node in enumerate(statements(tree))}
            for names, node in _named(tree):
                self.sets[number[id(node)]] = names
            for node in statements(tree):
                self.nodes[number[id(node)]] = node
                for name in _mentioned(node):
                    self.mentions.setdefault(name, set()).add(number[id(node)])

    def tests(self, mutant: Mutant) -> list[str]:
        """Tests for a mutant: what has killed it before, what names it, then by turns each family's fastest."""
        number = self.seen.number[mutant.module] + mutant.statement
        found, named = set(self.seen.tests.get(number, ())), set[str]()
        if number in self.seen.at_import:
            users, named = self._users(self.sets.get(number, ()))
            found |= users | named
        short = [nodeid for nodeid in found if self.seen.seconds[nodeid] <= self.longest_s]
        before = self.killers.get(mutant.key, [])
        turns, turn = Counter[str](), dict[str, int]()
        for nodeid in sorted(short, key=lambda nodeid: (self.seen.seconds[nodeid], nodeid)):
            turns[family(nodeid)] += 1
            turn[nodeid] = turns[family(nodeid)]
        first = {nodeid: (nodeid not in before, nodeid not in named) for nodeid in short}
        return sorted(short, key=lambda nodeid: (*first[nodeid], turn[nodeid], self.seen.seconds[nodeid], nodeid))

    def affordable(self, tests: list[str]) -> list[str]:
        """The first of them that take no longer than the bound all together, by the time that they usually take."""
        left, found = self.budget_s, list[str]()
        for nodeid in tests:
            left -= self.seen.seconds[nodeid]
            if found and left < 0:
                break
            found.append(nodeid)
        return found

    def specific(self, functions: set[str], most: int = 3) -> dict[str, list[str]]:
        """For each function the tests that run it and run least besides."""
        size: dict[str, int] = {}
        for tests in self.seen.tests.values():
            for nodeid in tests:
                size[nodeid] = size.get(nodeid, 0) + 1
        found: dict[str, list[str]] = {}
        for module in modules():
            tree = ast.parse(source_of(module).read_text("utf-8"))
            number = {id(node): self.seen.number[module] + n for n, node in enumerate(statements(tree))}
            for name, node in _functions(tree):
                if f"{module}.{name}" in functions:
                    inside = [number[id(one)] for part in node.body for one in _inner(part)]
                    tests = {t for n in inside for t in self.seen.tests.get(n, ())}
                    found[f"{module}.{name}"] = sorted(tests, key=lambda t: (size[t], t))[:most]
        return found

    def at_import(self, mutant: Mutant) -> bool:
        """Whether the statement has run when all tests are collected, so that its change would come too late."""
        return self.seen.number[mutant.module] + mutant.statement in self.seen.at_import

    def _users(self, names: tuple[str, ...]) -> tuple[set[str], set[str]]:
        """Tests that run a statement that names one, or names what was made of it at import; and those of files that
        name it, or what was made of it, themselves."""
        found: set[str] = set()
        known, todo = set(names), list(names)
        while todo:
            for number in self.mentions.get(todo.pop(), ()):
                found |= self.seen.tests.get(number, frozenset())
                for made in self.sets.get(number, ()) if number in self.seen.at_import else ():
                    if made not in known:
                        known.add(made)
                        todo.append(made)
        files = {file for file, text in self.texts.items() if any(re.search(rf"\b{name}\b", text) for name in known)}
        return found, {nodeid for nodeid in self.seen.seconds if nodeid.partition("::")[0] in files}


def family(nodeid: str) -> str:
    """Tests that are alike: a function of tests with all its rows, a scenario with its variants."""
    name, _, row = nodeid.rstrip("]").partition("[")
    return f"{name}[{'-'.join(row.split('-')[:3])}" if row and "test_a_worked_example_holds" in name else name


def _named(tree: ast.Module) -> Iterator[tuple[tuple[str, ...], ast.stmt]]:
    """Each statement with the names by which others know what it makes at import.

    A member of an enumeration by its own name, a field of a record by that of its class, else by that of the function
    or of the name set.
    """
    for top in tree.body:
        match top:
            case ast.FunctionDef(name=name):
                yield from (((name,), node) for node in _inner(top))
            case ast.ClassDef(name=name):
                members = any("Enum" in ast.unparse(base) for base in top.bases)
                yield (name,), top
                for node in top.body:
                    own = _set_by(node) if members else ()
                    yield from ((own or (name,), one) for one in _inner(node))
            case _:
                yield _set_by(top), top


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Functions of a module and of its classes."""
    for top in tree.body:
        if isinstance(top, ast.FunctionDef):
            yield top.name, top
        elif isinstance(top, ast.ClassDef):
            yield from ((f"{top.name}.{node.name}", node) for node in top.body if isinstance(node, ast.FunctionDef))


def _set_by(node: ast.stmt) -> tuple[str, ...]:
    """Names that an assignment sets."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return tuple(one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name))


def _inner(node: ast.stmt) -> Iterator[ast.stmt]:
    return (one for one in ast.walk(node) if isinstance(one, ast.stmt))


def _mentioned(node: ast.stmt) -> set[str]:
    """Names in a statement itself, not in the statements inside it."""
    found: set[str] = set()
    todo: list[ast.AST] = [child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.stmt)]
    while todo:
        one = todo.pop()
        if isinstance(one, ast.Name):
            found.add(one.id)
        elif isinstance(one, ast.Attribute):
            found.add(one.attr)
        todo.extend(child for child in ast.iter_child_nodes(one) if not isinstance(child, ast.stmt))
    return found
