"""The mutants of a module: one small change of its syntax tree each, of what is a rule.

Not a rule, and left alone: docstrings and texts for people (a string with a blank, an f-string, the meaning of a reason
code, the text of an alert), annotations, assertions, `raise`, imports, decorators, `__repr__`. Everything else may
change: comparisons and their bounds, arithmetic, whole numbers, conditions, codes, statements, results.
"""

import ast
import copy
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

DOMAIN = Path(__file__).parents[2] / "domain"

_COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
}  # fmt: skip
_COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult,
    ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
}  # fmt: skip
_SWAPPED = {
    "min": "max", "max": "min", "any": "all", "all": "any", "floor_tick": "ceil_tick", "ceil_tick": "floor_tick",
    "floor_div": "ceil_div", "ceil_div": "floor_div",
}  # fmt: skip
_SIGNS: dict[type[ast.AST], str] = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=", ast.In: "in",
    ast.NotIn: "not in", ast.Is: "is", ast.IsNot: "is not", ast.Add: "+", ast.Sub: "-", ast.Mult: "*",
    ast.FloorDiv: "//", ast.Div: "/", ast.Mod: "%", ast.Pow: "**", ast.BitOr: "|", ast.BitAnd: "&",
}  # fmt: skip
_TEXTS = frozenset({"MEANING", "__all__", "__slots__"})
"""Names whose value is text for people, or no rule."""
SECTION_COLUMN = 6
"""Of a row of the catalogue: the section that tells of it."""


@dataclass(frozen=True)
class Mutant:
    """One change of one module."""

    module: str
    """domain.lifecycle.forking"""
    function: str
    """qualified name of the function or class it is in, or the name a statement of the module sets"""
    line: int
    source: str
    """the line as it stands"""
    change: str
    statement: int
    """number of the statement it is in, as `statements` counts"""
    apply: Callable[[ast.Module], None] = field(compare=False, repr=False)
    """changes a fresh tree of the module"""

    @property
    def key(self) -> str:
        """What names it as long as its line stays: other lines may come and go."""
        return f"{self.module}:{self.function} | {self.source} | {self.change}"


def source_of(module: str) -> Path:
    """File of a module of the domain."""
    path = DOMAIN.parent.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def modules() -> list[str]:
    """Every module of the domain."""
    found: list[str] = []
    for path in sorted(DOMAIN.rglob("*.py")):
        parts = path.relative_to(DOMAIN.parent).with_suffix("").parts
        found.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return found


def statements(tree: ast.Module) -> list[ast.stmt]:
    """Every statement of a module, in a fixed order; its place in the list is its number."""
    return [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]


def is_docstring(node: ast.stmt) -> bool:
    """A string that stands alone: a docstring, or the description of the name before it."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def chosen(found: list[Mutant], seed: int, count: int) -> list[Mutant]:
    """`count` of the mutants, drawn by seed: a mutant's lot hangs on its key alone, edits elsewhere redraw nothing."""
    return sorted(found, key=lambda m: hashlib.sha256(f"{seed}|{m.key}".encode()).digest())[:count]


def mutants(module: str) -> list[Mutant]:
    """Every mutant of a module, each key once."""
    text = source_of(module).read_text("utf-8")
    tree = ast.parse(text)
    found: dict[str, Mutant] = {}
    for one in _Finder(module, text.splitlines(), tree).mutants():
        found.setdefault(one.key, one)
    return list(found.values())


class _Finder:
    """Walks a module and proposes changes; a node is found again in a fresh tree by its number."""

    def __init__(self, module: str, lines: list[str], tree: ast.Module) -> None:
        self.module, self.lines, self.tree = module, lines, tree
        self.number = {id(node): n for n, node in enumerate(ast.walk(tree))}
        self.statement = {id(node): n for n, node in enumerate(statements(tree))}
        self.codes = frozenset[str]()

    def mutants(self) -> Iterator[Mutant]:
        yield from self.block(self.tree.body, "", None)

    # --- the walk ---------------------------------------------------------------------------------------------------

    def block(self, body: list[ast.stmt], where: str, outer: ast.AST | None) -> Iterator[Mutant]:
        for node in body:
            name = where or _set_name(node)
            match node:
                case ast.FunctionDef() | ast.ClassDef():
                    inner = f"{where}.{node.name}" if where else node.name
                    if node.name != "__repr__":
                        if isinstance(node, ast.FunctionDef):
                            for default in [*node.args.defaults, *(d for d in node.args.kw_defaults if d)]:
                                yield from self.expression(default, inner, node)
                        yield from self.block(node.body, inner, node)
                case ast.Import() | ast.ImportFrom() | ast.Assert() | ast.Raise() | ast.Pass():
                    pass
                case _ if is_docstring(node) or name in _TEXTS:
                    pass
                case _:
                    yield from self.plain(node, name, len(body), outer)

    def plain(self, node: ast.stmt, where: str, _length: int, outer: ast.AST | None) -> Iterator[Mutant]:
        yield from self.dropped(node, where)
        match node:
            case ast.If() | ast.While():
                yield from self.condition(node, "test", node.test, where, node)
                yield from self.expression(node.test, where, node)
            case ast.For():
                yield from self.expression(node.iter, where, node)
            case ast.Match():
                yield from self.expression(node.subject, where, node)
                for case in node.cases:
                    if case.guard is not None:
                        yield from self.expression(case.guard, where, node)
                    yield from self.block(case.body, where, outer)
                return
            case ast.AnnAssign():
                if node.value is not None:
                    yield from self.expression(node.value, where, node)
            case ast.Assign() | ast.AugAssign() | ast.Expr():
                yield from self.expression(node.value, where, node)
            case ast.Return():
                if node.value is not None:
                    yield from self.result(node, node.value, where)
                    yield from self.expression(node.value, where, node)
            case _:
                for child in ast.iter_child_nodes(node):
                    if isinstance(child, ast.expr):
                        yield from self.expression(child, where, node)
        for name in ("body", "orelse", "finalbody"):
            yield from self.block(cast("list[ast.stmt]", getattr(node, name, [])), where, outer)

    def expression(self, node: ast.expr, where: str, statement: ast.stmt) -> Iterator[Mutant]:
        if isinstance(node, ast.JoinedStr):
            return
        yield from self.of_expression(node, where, statement)
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                if not _is_text(node, child):
                    yield from self.expression(child, where, statement)
            elif isinstance(child, ast.keyword):
                if child.arg not in ("title", "message", "text", "detail"):
                    yield from self.expression(child.value, where, statement)
            elif isinstance(child, ast.comprehension):
                yield from self.expression(child.iter, where, statement)
                for n, test in enumerate(child.ifs):
                    yield from self.filter(child, n, where, statement)
                    yield from self.expression(test, where, statement)

    # --- the changes ------------------------------------------------------------------------------------------------

    def made(
        self, node: ast.AST, where: str, statement: ast.stmt, change: str, edit: Callable[[ast.AST], None]
    ) -> Mutant:
        number, line = self.number[id(node)], getattr(node, "lineno", statement.lineno)

        def apply(tree: ast.Module) -> None:
            for n, found in enumerate(ast.walk(tree)):
                if n == number:
                    edit(found)
                    return

        source = self.lines[line - 1].strip()
        return Mutant(self.module, where, line, source, change, self.statement[id(statement)], apply)

    def of_expression(self, node: ast.expr, where: str, statement: ast.stmt) -> Iterator[Mutant]:
        match node:
            case ast.Compare():
                yield from self.compared(node, where, statement)
            case ast.BinOp(op=op) if type(op) in _COMPUTED and not _of_text(node):
                other = _COMPUTED[type(op)]
                yield self.made(node, where, statement, f"{_SIGNS[type(op)]} → {_SIGNS[other]}", _setter("op", other))
            case ast.BoolOp():
                other = ast.Or if isinstance(node.op, ast.And) else ast.And
                change = "and → or" if isinstance(node.op, ast.And) else "or → and"
                yield self.made(node, where, statement, change, _setter("op", other))
                for n, value in enumerate(node.values):
                    yield self.made(node, where, statement, f"without {_short(value)}", _without(n))
            case ast.UnaryOp(op=ast.Not()):
                yield self.made(node, where, statement, "without not", _drop_not)
            case ast.UnaryOp(op=ast.USub()) if not isinstance(node.operand, ast.Constant):
                yield self.made(node, where, statement, "without -", _setter("op", ast.UAdd))
            case ast.IfExp():
                yield self.made(node, where, statement, "branches exchanged", _exchange)
            case ast.Constant():
                yield from self.constant(node, where, statement)
            case ast.Call(func=ast.Name(id=name)) if name in _SWAPPED:
                other = _SWAPPED[name]
                yield self.made(node.func, where, statement, f"{name} → {other}", _setter_value("id", other))
            case ast.Attribute(value=ast.Name(id="Reason")):
                yield self.made(node, where, statement, f"Reason.{node.attr} → another", _other_reason)
            case _:
                pass

    def compared(self, node: ast.Compare, where: str, statement: ast.stmt) -> Iterator[Mutant]:
        for n, op in enumerate(node.ops):
            for other in _COMPARED[type(op)]:

                def edit(found: ast.AST, n: int = n, other: type[ast.cmpop] = other) -> None:
                    assert isinstance(found, ast.Compare)
                    found.ops[n] = other()

                yield self.made(node, where, statement, f"{_SIGNS[type(op)]} → {_SIGNS[other]}", edit)

    def constant(self, node: ast.Constant, where: str, statement: ast.stmt) -> Iterator[Mutant]:
        value = node.value
        if isinstance(value, bool):
            yield self.made(node, where, statement, f"{value} → {not value}", _setter_value("value", not value))
        elif isinstance(value, int):
            for other in (value + 1, value - 1):
                yield self.made(node, where, statement, f"{value} → {other}", _setter_value("value", other))
        elif isinstance(value, str) and "\n" in value and "|" in value:
            yield from self.rows(node, value, where, statement)
        elif isinstance(value, str) and value and not set(" \n") & set(value):
            yield self.made(node, where, statement, f"{value!r} → another", _setter_value("value", value + "?"))

    def rows(self, node: ast.Constant, table: str, where: str, statement: ast.stmt) -> Iterator[Mutant]:
        """A table in a text (the configuration catalogue): another default, range or number of approvals of a row."""
        for row in table.splitlines():
            cells = row.split("|")
            for column, cell in enumerate(cells):
                other = _other_cell(cell)
                if column not in (0, SECTION_COLUMN) and other is not None:
                    changed = "|".join([*cells[:column], other, *cells[column + 1 :]])
                    yield self.made(
                        node, where, statement, f"{cells[0]}: {cell} → {other} in column {column + 1}",
                        _setter_value("value", table.replace(row, changed, 1)),
                    )  # fmt: skip

    def condition(self, node: ast.stmt, name: str, test: ast.expr, where: str, statement: ast.stmt) -> Iterator[Mutant]:
        if isinstance(node, ast.While):
            return

        def edit(found: ast.AST) -> None:
            setattr(found, name, ast.UnaryOp(ast.Not(), getattr(found, name)))

        yield self.made(node, where, statement, f"not ({_short(test)})", edit)

    def filter(self, node: ast.comprehension, n: int, where: str, statement: ast.stmt) -> Iterator[Mutant]:
        def edit(found: ast.AST) -> None:
            assert isinstance(found, ast.comprehension)
            del found.ifs[n]

        yield self.made(node, where, statement, f"without if {_short(node.ifs[n])}", edit)

    def result(self, node: ast.Return, value: ast.expr, where: str) -> Iterator[Mutant]:
        if isinstance(value, ast.Compare | ast.BoolOp) or (
            isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.Not)
        ):
            for other in (True, False):
                yield self.made(node, where, node, f"returns {other}", _setter_expr("value", str(other)))
        elif not (isinstance(value, ast.Constant) and value.value is None):
            yield self.made(node, where, node, "returns None", _setter_expr("value", "None"))

    def dropped(self, node: ast.stmt, where: str) -> Iterator[Mutant]:
        calls = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call | ast.Yield | ast.YieldFrom)
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        writes = isinstance(node, ast.AugAssign | ast.Delete) or isinstance(target, ast.Attribute | ast.Subscript)
        leaves = isinstance(node, ast.Continue | ast.Break) or (isinstance(node, ast.Return) and node.value is None)
        if calls or writes or leaves:
            yield self.made(node, where, node, "without this statement", _drop_statement)


# --- edits ----------------------------------------------------------------------------------------------------------


def _setter(name: str, cls: type[ast.AST]) -> Callable[[ast.AST], None]:
    return lambda node: setattr(node, name, cls())


def _setter_value(name: str, value: object) -> Callable[[ast.AST], None]:
    return lambda node: setattr(node, name, value)


def _setter_expr(name: str, text: str) -> Callable[[ast.AST], None]:
    return lambda node: setattr(node, name, ast.parse(text, mode="eval").body)


def _without(n: int) -> Callable[[ast.AST], None]:
    def edit(node: ast.AST) -> None:
        assert isinstance(node, ast.BoolOp)
        neutral = ast.Constant(isinstance(node.op, ast.And))
        node.values[n] = neutral

    return edit


def _drop_not(node: ast.AST) -> None:
    assert isinstance(node, ast.UnaryOp)
    node.operand = ast.UnaryOp(ast.Not(), node.operand)


def _exchange(node: ast.AST) -> None:
    assert isinstance(node, ast.IfExp)
    node.body, node.orelse = node.orelse, node.body


def _other_reason(node: ast.AST) -> None:
    assert isinstance(node, ast.Attribute)
    node.attr = "UNFILLED" if node.attr != "UNFILLED" else "NO_CHAIN"


def _drop_statement(node: ast.AST) -> None:
    """Makes a statement one without effect, in its place."""
    place = {name: getattr(node, name) for name in ("lineno", "col_offset", "end_lineno", "end_col_offset")}
    node.__class__ = ast.Expr
    node.__dict__ = {"value": ast.copy_location(ast.Constant(None), ast.Expr(**place)), **place}


# --- looking --------------------------------------------------------------------------------------------------------


def _short(node: ast.AST) -> str:
    text = ast.unparse(node)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _set_name(node: ast.stmt) -> str:
    """The name that a statement of the module sets."""
    match node:
        case ast.Assign(targets=[ast.Name(id=name), *_]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name
        case _:
            return ""


def _of_text(node: ast.BinOp) -> bool:
    """Types joined by |, or strings joined or filled in."""
    sides = (node.left, node.right)
    return any(
        isinstance(side, ast.JoinedStr) or (isinstance(side, ast.Constant) and isinstance(side.value, str | None))
        for side in sides
    )


def _is_text(node: ast.AST, child: ast.expr) -> bool:
    """Whether a child is no rule: a type in isinstance or cast, a decorator's argument."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and (
            (node.func.id == "isinstance" and child in node.args[1:])
            or (node.func.id == "cast" and child is node.args[0])
        )
    )


def _other_cell(cell: str) -> str | None:
    """Another number, choice or answer in a cell of a table; None where the cell is no value."""
    if cell in ("true", "false"):
        return "false" if cell == "true" else "true"
    if cell.isdigit():
        return str(int(cell) + 1)
    whole, dot, part = cell.partition(".")
    if dot and whole.lstrip("-").isdigit() and part.isdigit():
        return f"{whole}.{int(part) + 1:0{len(part)}d}"
    if len(cell) == 2 and cell[0] in "HR" and cell[1].isdigit():
        return f"{cell[0]}{(int(cell[1]) + 1) % 3}"
    return None


def mutated(module: str, mutant: Mutant) -> ast.Module:
    """The module's tree with the change made."""
    tree = ast.parse(source_of(module).read_text("utf-8"))
    mutant.apply(tree)
    return ast.fix_missing_locations(copy.copy(tree))
