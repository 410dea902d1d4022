"""Which tests can tell that a statement was changed: those that run it, or that use what it defines at import."""

import ast
from collections.abc import Iterator

from tests.mutation.sites import Mutant, modules, source_of, statements
from tests.mutation.workers import Seen


class Choice:
    """Looks tests up by mutant."""

    def __init__(self, seen: Seen) -> None:
        self.seen = seen
        self.nodes: dict[int, ast.stmt] = {}
        self.mentions: dict[str, set[int]] = {}
        self.sets: dict[int, str] = {}
        """statement that runs at import to the name that others know its result by"""
        for module in modules():
            tree = ast.parse(source_of(module).read_text("utf-8"))
            first = seen.number[module]
            number = {id(node): first + n for n, node in enumerate(statements(tree))}
            for name, node in _named(tree):
                self.sets[number[id(node)]] = name
            for node in statements(tree):
                self.nodes[number[id(node)]] = node
                for name in _mentioned(node):
                    self.mentions.setdefault(name, set()).add(number[id(node)])

    def tests(self, mutant: Mutant) -> list[str]:
        """Tests for a mutant, the fastest first."""
        number = self.seen.number[mutant.module] + mutant.statement
        found = set(self.seen.tests.get(number, ()))
        if number in self.seen.at_import:
            found |= self._users(self.sets.get(number, ""))
        return sorted(found, key=lambda nodeid: (self.seen.seconds[nodeid], nodeid))

    def at_import(self, mutant: Mutant) -> bool:
        """Whether the statement has run when all tests are collected, so that its change would come too late."""
        return self.seen.number[mutant.module] + mutant.statement in self.seen.at_import

    def _users(self, name: str) -> set[str]:
        """Tests that run a statement that names it, or names what was made of it at import."""
        found: set[str] = set()
        known, todo = {name}, [name]
        while todo:
            for number in self.mentions.get(todo.pop(), ()):
                found |= self.seen.tests.get(number, frozenset())
                made = self.sets.get(number)
                if number in self.seen.at_import and made and made not in known:
                    known.add(made)
                    todo.append(made)
        return found


def _named(tree: ast.Module) -> Iterator[tuple[str, ast.stmt]]:
    """Each statement with the name by which others know what it makes at import.

    A member of an enumeration by its own name, a field of a record by that of its class, else by that of the function
    or of the name set.
    """
    for top in tree.body:
        match top:
            case ast.FunctionDef(name=name):
                yield from ((name, node) for node in _inner(top))
            case ast.ClassDef(name=name):
                members = any("Enum" in ast.unparse(base) for base in top.bases)
                yield name, top
                for node in top.body:
                    own = node.targets[0].id if members and _assigns(node) else name
                    yield from ((own, one) for one in _inner(node))
            case ast.Assign(targets=[ast.Name(id=name), *_]) | ast.AnnAssign(target=ast.Name(id=name)):
                yield name, top
            case _:
                pass


def _assigns(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)


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
