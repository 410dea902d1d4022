"""YAML that knows its lines: every scalar stays text, so that 400000.00 is exact and 10:00 is a time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from infra.errors import RequestError

Where = tuple[str | int, ...]
"""Place in a document: keys and list indices from the top."""


class Text(str):
    """A scalar with its line."""

    __slots__ = ("line",)
    line: int

    def __new__(cls, value: str, line: int) -> Text:
        """A text that stands on a line."""
        made = super().__new__(cls, value)
        made.line = line
        return made


class Items(list[Any]):
    """A list with its line."""

    def __init__(self, values: Iterable[Any], line: int) -> None:
        super().__init__(values)
        self.line = line


class Entries(dict[str, Any]):
    """A mapping with its line and those of its keys."""

    def __init__(self, values: Mapping[str, Any], line: int, key_lines: Mapping[str, int]) -> None:
        super().__init__(values)
        self.line = line
        self.key_lines = dict(key_lines)


def line_of(data: Any, where: Where = ()) -> int:
    """The line of a place, or of the nearest one around it."""
    line = getattr(data, "line", 1)
    for step in where:
        if isinstance(data, Entries) and isinstance(step, str) and step in data:
            line, data = data.key_lines.get(step, line), data[step]
        elif isinstance(data, Items) and isinstance(step, int) and 0 <= step < len(data):
            data = data[step]
            line = getattr(data, "line", line)
        else:
            break
    return line


@dataclass(frozen=True, order=True)
class Problem:
    """Something wrong in a file, with the line it stands on."""

    line: int
    where: str
    message: str


class BadScenarioError(RequestError):
    """A scenario file that can't be played: exit code 2, with every problem found."""

    def __init__(self, path: Path, problems: list[Problem]) -> None:
        self.path = path
        self.problems = sorted(set(problems))
        first = self.problems[0]
        more = f" ({len(self.problems) - 1} more)" if len(self.problems) > 1 else ""
        super().__init__(
            "BAD_SCENARIO",
            f"{path}:{first.line}: {f'{first.where}: ' if first.where else ''}{first.message}{more}",
            "docs/scenarios.md says what a scenario file holds.",
        )


def read_documents(path: Path) -> list[Any]:
    """The documents of a file. Raises BadScenarioError."""
    try:
        return documents(path, path.read_text("utf-8"))
    except OSError as error:
        raise RequestError("FILE_UNREADABLE", f"{path}: {error.strerror}.", "Name a file that is there.") from error
    except UnicodeDecodeError as error:
        raise BadScenarioError(path, [Problem(1, "", f"the file is not UTF-8: {error.reason}")]) from error


def documents(path: Path, text: str) -> list[Any]:
    """The documents of a text. Raises BadScenarioError."""
    found: list[Any] = []
    problems: list[Problem] = []
    try:
        nodes = cast("Iterable[yaml.Node]", yaml.compose_all(text, Loader=yaml.SafeLoader))
        found.extend(_plain(n, problems) for n in nodes if not (isinstance(n, yaml.ScalarNode) and n.value == ""))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        problem = str(error.problem or error.context)
        raise BadScenarioError(path, [Problem(line, "", f"no YAML: {problem}{_remedy(problem)}")]) from error
    except yaml.YAMLError as error:
        raise BadScenarioError(path, [Problem(1, "", f"no YAML: {' '.join(str(error).split())}")]) from error
    if problems:
        raise BadScenarioError(path, problems)
    if not found:
        raise BadScenarioError(path, [Problem(1, "", "the file is empty")])
    return found


_REMEDIES = {
    "mapping values are not allowed": "a text with `: ` in it must stand in quotes",
    "could not find expected ':'": "a key needs `: ` after it; lines of a block of text stand deeper than its key",
    "cannot start any token": "tabs are no indentation, and a text that begins with % @ ` must stand in quotes",
    "did not find expected": "a bracket is not closed, or a text with , [ ] { } in it must stand in quotes",
    "expected <block end>": "what belongs together must begin in the same column",
    "expected ',' or": "a bracket is not closed, or a text with , [ ] { } : in it must stand in quotes",
}


def _remedy(problem: str) -> str:
    """What usually mends such a file."""
    return next((f" ({remedy})" for text, remedy in _REMEDIES.items() if text in problem), "")


_NULL = frozenset({"", "~", "null", "Null", "NULL"})


def _plain(node: yaml.Node, problems: list[Problem]) -> Any:
    line = node.start_mark.line + 1
    if isinstance(node, yaml.ScalarNode):
        return None if node.style is None and node.value in _NULL else Text(str(node.value), line)
    if isinstance(node, yaml.SequenceNode):
        return Items((_plain(item, problems) for item in cast("list[yaml.Node]", node.value)), line)
    merged, own = Entries({}, line, {}), Entries({}, line, {})
    for key_node, value_node in cast("list[tuple[yaml.Node, yaml.Node]]", node.value):
        key_line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            problems.append(Problem(key_line, "", "a key must be plain text"))
            continue
        key = str(key_node.value)
        if key == "<<":
            sources = value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
            for source in cast("list[yaml.Node]", sources):
                merged = overlaid(_plain(source, problems), merged)
            continue
        if key in own:
            problems.append(Problem(key_line, key, "the key stands twice"))
        own[key] = _plain(value_node, problems)
        own.key_lines[key] = key_line
    return Entries({**merged, **own}, line, {**merged.key_lines, **own.key_lines})


# --- variables and overlays -------------------------------------------------------------------------------------

_VARIABLE = re.compile(r"\$\{(\w+)\}")


def substituted(data: Any, values: Mapping[str, Any]) -> Any:
    """The data with `${name}` replaced; a text that is one variable becomes its value, whatever that is.

    Raises KeyError for a variable that has no value.
    """
    if isinstance(data, Text):
        whole = _VARIABLE.fullmatch(data)
        if whole:
            return values[whole.group(1)]
        return Text(_VARIABLE.sub(lambda found: str(values[found.group(1)]), data), data.line)
    if isinstance(data, Items):
        return Items((substituted(item, values) for item in data), data.line)
    if isinstance(data, Entries):
        names = {key: str(substituted(Text(key, 0), values)) for key in data}
        return Entries(
            {names[key]: substituted(value, values) for key, value in data.items()},
            data.line,
            {names[key]: line for key, line in data.key_lines.items() if key in names},
        )
    return data


def overlaid(base: Any, over: Any) -> Any:
    """Mappings are joined key by key (null removes a key), everything else is replaced."""
    if not isinstance(base, Entries) or not isinstance(over, Entries):
        return over
    joined = Entries(base, base.line, base.key_lines)
    for key, value in over.items():
        if value is None:
            joined.pop(key, None)
        else:
            joined[key] = overlaid(joined[key], value) if key in joined else value
            joined.key_lines[key] = over.key_lines.get(key, over.line)
    return joined
