"""The configuration file of a run: YAML, a mapping `parameters` of catalogue names (protocol 18) to values.

parameters:
  gen.tickers: [AAPL, GOOG]
  gen.min_premium_pct: 0.8
  sim.hitl_policy: AUTO_APPROVE
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

import yaml

from domain.config import Config, ConfigurationError, parse
from infra.errors import RequestError

_REMEDY = "Correct the file; `alluse parameters` lists every parameter with its range."


def load_configuration(path: Path | None) -> dict[str, str]:
    """The parameters of a file, as they stand on the log, sorted by name; `env.mode` is SIM unless the file says more.

    Raises RequestError `CONFIG_UNREADABLE` or `CONFIG_INVALID`; every problem is named with its line, the key and what
    was expected.
    """
    parameters = {} if path is None else _parameters(path, _read(path))
    parameters.setdefault("env.mode", "SIM")
    try:
        Config(0, parameters).check()
    except ConfigurationError as error:
        raise RequestError("CONFIG_INVALID", f"{path or 'The configuration'}: {error.message}.", _REMEDY) from error
    return dict(sorted(parameters.items()))


def _read(path: Path) -> yaml.Node | None:
    """The document's nodes: they know their lines, and every scalar is the text that stands there."""
    try:
        return yaml.compose(path.read_text("utf-8"), Loader=yaml.BaseLoader)
    except OSError as error:
        raise RequestError("CONFIG_UNREADABLE", f"{path}: {error.strerror}.", "Name a file that is there.") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problem = f"{path}:{line}: this is no YAML: {error.problem}."
        raise RequestError("CONFIG_UNREADABLE", problem, _REMEDY) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        problem = " ".join(str(error).split())
        raise RequestError("CONFIG_UNREADABLE", f"{path} is no YAML: {problem}.", _REMEDY) from error


def _parameters(path: Path, document: yaml.Node | None) -> dict[str, str]:
    problems: list[tuple[int, str]] = []
    content = _mapping(document, problems)
    for name, node in content.items():
        if name not in ("parameters", "title", "description"):
            problems.append((_line(node), f"unknown key {name}; expected parameters, title, description"))
    named = content.get("parameters")
    if not isinstance(named, yaml.MappingNode):
        at = _line(named or document)
        problems.append((at, "expected a mapping `parameters:` of names to values at the top level"))
    found = {name: _value(name, node, problems) for name, node in _mapping(named, problems).items()}
    if problems:
        told = "; ".join(f"line {line}: {problem}" for line, problem in sorted(problems))
        raise RequestError("CONFIG_INVALID", f"{path}: {told}.", _REMEDY)
    return found


def _mapping(node: yaml.Node | None, problems: list[tuple[int, str]]) -> dict[str, yaml.Node]:
    """The entries of a mapping; a key that stands twice is a problem. Nothing of another kind of node."""
    found: dict[str, yaml.Node] = {}
    pairs = cast("list[tuple[yaml.Node, yaml.Node]]", node.value) if isinstance(node, yaml.MappingNode) else []
    for key, value in pairs:
        name = str(key.value)
        if name in found:
            problems.append((_line(key), f"{name}: the key stands twice"))
        found[name] = value
    return found


def _value(name: str, node: yaml.Node, problems: list[tuple[int, str]]) -> str:
    """The text of a value or a list of values, checked against the catalogue."""
    items = cast("list[yaml.Node]", node.value) if isinstance(node, yaml.SequenceNode) else [node]
    if not all(isinstance(item, yaml.ScalarNode) for item in items):
        problems.append((_line(node), f"{name}: expected a value or a list of values"))
        return ""
    text = ",".join(str(item.value) for item in items)
    try:
        parse(name, text)
    except ConfigurationError as error:
        problems.append((_line(node), error.message))
    return text


def _line(node: yaml.Node | None) -> int:
    return node.start_mark.line + 1 if node is not None else 1
