"""The rules that the build files state, held by tests."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.settings import CHECKOUT

LOCKS = ("requirements.lock", "requirements-dev.lock")


def _pins(lock: str) -> dict[str, list[str]]:
    """Requirement (name, version and markers) to its hashes."""
    pins: dict[str, list[str]] = {}
    name = ""
    for line in (CHECKOUT / lock).read_text().splitlines():
        if line.startswith("    --hash="):
            pins[name].append(line.strip().rstrip(" \\"))
        elif line and not line.startswith("#"):
            name = line.rstrip(" \\")
            pins[name] = []
    return pins


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_is_pinned_with_hashes_and_without_an_address(lock: str) -> None:
    for pin, hashes in _pins(lock).items():
        assert re.match(r"[a-z0-9-]+==[^ ]+( ; .+)?$", pin), pin
        assert hashes, pin
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", entry) for entry in hashes)
    assert "://" not in (CHECKOUT / lock).read_text()


def test_the_lock_of_the_images_is_part_of_the_lock_of_the_tests() -> None:
    assert _pins("requirements.lock").items() <= _pins("requirements-dev.lock").items()


def test_every_dependency_is_locked_and_says_why_it_is_there() -> None:
    text = (CHECKOUT / "pyproject.toml").read_text()
    project = tomllib.loads(text)
    groups = project["dependency-groups"]
    locked = {pin.partition("==")[0] for pin in _pins("requirements-dev.lock")}
    for requirement in [*project["project"]["dependencies"], *groups["dev"], *groups["bench"]]:
        name = re.split(r"[\[<>=]", requirement)[0].lower().replace("_", "-")
        assert name in locked
        assert re.search(rf'"{re.escape(requirement)}", +# \S+', text), f"{requirement} has no reason"


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module or ""


@pytest.mark.parametrize(
    ("folder", "allowed"),
    [("domain", {"numpy", "pydantic", "domain"}), ("schemas", {"fastavro", "pyruhvro", "pyarrow", "schemas"})],
)
def test_third_parties_of_the_inner_folders(folder: str, allowed: set[str]) -> None:
    wrong: list[str] = []
    for path in sorted((CHECKOUT / folder).rglob("*.py")):
        for module in _imported(ast.parse(path.read_text())):
            top = module.partition(".")[0]
            if top not in allowed and top not in sys.stdlib_module_names:
                wrong.append(f"{path.relative_to(CHECKOUT)}: {module}")
    assert wrong == []


def test_the_import_table_holds() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program, "--no-cache"], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
