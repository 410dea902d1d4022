"""How a process comes to a changed domain: an import hook that compiles its modules from a tree."""

import ast
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Sequence
from types import CodeType, ModuleType

from tests.mutation.sites import is_docstring, source_of, statements

Tree = Callable[[str], ast.Module | None]
"""The tree of a module, None for its file as it is."""
PROBE = "__probe__"


class Loader(importlib.machinery.SourceFileLoader):
    """Loads a module from a tree; the file is only named."""

    def __init__(self, name: str, path: str, tree: ast.Module, names: dict[str, object]) -> None:
        super().__init__(name, path)
        self.tree, self.names = tree, names

    def get_code(self, fullname: str) -> CodeType:
        """The tree, compiled; nothing is cached."""
        return compile(self.tree, self.path, "exec", dont_inherit=True)

    def exec_module(self, module: ModuleType) -> None:
        """Runs the module with the names it is given."""
        vars(module).update(self.names)
        super().exec_module(module)


class Finder(importlib.abc.MetaPathFinder):
    """Comes before the usual finders and knows the modules of `domain` that are changed."""

    def __init__(self, tree: Tree, names: dict[str, object]) -> None:
        self.tree, self.names = tree, names

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """A spec for a changed module, None for all others."""
        if fullname != "domain" and not fullname.startswith("domain."):
            return None
        tree = self.tree(fullname)
        if tree is None:
            return None
        file = source_of(fullname)
        loader = Loader(fullname, str(file), tree, self.names)
        package = [str(file.parent)] if file.name == "__init__.py" else None
        return importlib.util.spec_from_file_location(fullname, file, loader=loader, submodule_search_locations=package)


def install(tree: Tree, names: dict[str, object] | None = None) -> None:
    """From now on `domain` is imported by `tree`; nothing of it may be imported yet."""
    early = [name for name in sys.modules if name == "domain" or name.startswith("domain.")]
    if early:
        raise RuntimeError(f"imported before the hook: {early[:3]}")
    sys.meta_path.insert(0, Finder(tree, names or {}))


def probed(module: str, first: int) -> tuple[ast.Module, int]:
    """The module's tree in which each statement marks its number in `__probe__`, from `first`; how many there are."""
    tree = ast.parse(source_of(module).read_text("utf-8"))
    found = statements(tree)
    number = {id(node): first + n for n, node in enumerate(found)}
    for parent in list(ast.walk(tree)):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(parent, name, None)
            if isinstance(block, list):
                setattr(parent, name, _with_probes(block, number))  # pyright: ignore[reportUnknownArgumentType]
    return ast.fix_missing_locations(tree), len(found)


def _with_probes(block: list[ast.stmt], number: dict[int, int]) -> list[ast.stmt]:
    out: list[ast.stmt] = []
    for node in block:
        future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        if not is_docstring(node) and not future:
            mark = ast.parse(f"{PROBE}[{number[id(node)]}] = 1").body[0]
            for part in ast.walk(mark):
                if hasattr(part, "lineno"):
                    ast.copy_location(part, node)
            out.append(mark)
        out.append(node)
    return out
