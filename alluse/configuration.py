"""The configuration file of a run: YAML, a mapping `parameters` of catalogue names (protocol 18) to values.

parameters:
  gen.tickers: [AAPL, GOOG]
  gen.min_premium_pct: 0.8
  sim.hitl_policy: AUTO_APPROVE
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import yaml

from domain.config import Config, ConfigurationError
from infra.errors import RequestError

_REMEDY = "Correct the file; `alluse parameters` lists every parameter with its range."


def load_configuration(path: Path | None) -> dict[str, str]:
    """The parameters of a file, as they stand on the log, sorted by name; `env.mode` is SIM unless the file says more.

    Raises RequestError `CONFIG_UNREADABLE` or `CONFIG_INVALID`; it names the key and what was expected.
    """
    parameters = {} if path is None else _parameters(path, _read(path))
    parameters.setdefault("env.mode", "SIM")
    try:
        Config(0, parameters).check()
    except ConfigurationError as error:
        raise RequestError("CONFIG_INVALID", f"{path or 'The configuration'}: {error.message}.", _REMEDY) from error
    return dict(sorted(parameters.items()))


def _read(path: Path) -> Any:
    try:
        # Every scalar stays text: 10:00 is a time and 1.50 a percentage, no number of YAML's.
        return yaml.load(path.read_text(), Loader=yaml.BaseLoader)  # makes nothing but str, list and dict
    except OSError as error:
        raise RequestError("CONFIG_UNREADABLE", f"{path}: {error.strerror}.", "Name a file that is there.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        problem = " ".join(str(error).split())
        raise RequestError("CONFIG_UNREADABLE", f"{path} is no YAML: {problem}.", _REMEDY) from error


def _parameters(path: Path, document: Any) -> dict[str, str]:
    if not isinstance(document, dict) or not isinstance(cast(dict[str, Any], document).get("parameters"), dict):
        raise _invalid(path, "expected a mapping `parameters:` of names to values at the top level")
    content = cast(dict[str, Any], document)
    unknown = sorted(set(content) - {"parameters", "title", "description"})
    if unknown:
        raise _invalid(path, f"unknown key {unknown[0]}; expected parameters, title, description")
    named = cast(dict[str, Any], content["parameters"])
    return {name: _text(path, name, value) for name, value in named.items()}


def _text(path: Path, name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in cast(list[Any], value)):
        return ",".join(cast(list[str], value))
    raise _invalid(path, f"{name}: expected a value or a list of values")


def _invalid(path: Path, problem: str) -> RequestError:
    return RequestError("CONFIG_INVALID", f"{path}: {problem}.", _REMEDY)
