"""The program in a home of its own: what people type, run as they run it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.settings import CHECKOUT

ALLUSE = CHECKOUT / ".venv" / "bin" / "alluse"
RANGE = ("--data", "sample", "--from", "2011-04-01", "--to", "2011-04-29")


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Standard output as the one JSON document that it must be."""
        return json.loads(self.out)


class Program:
    """`alluse` on one home; other variables of this session that would change its meaning are taken away."""

    def __init__(self, home: Path) -> None:
        self.home = home
        kept = {
            k: v
            for k, v in os.environ.items()
            if k not in ("KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL", "ALLUSE_NAMESPACE")
        }
        self.environment = {**kept, "ALLUSE_HOME": str(home)}

    def __call__(self, *words: str | Path, **more: str) -> Done:
        """Run a command to its end."""
        done = subprocess.run(
            [ALLUSE, *map(str, words)],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            env={**self.environment, **more},
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def start(self, *words: str | Path) -> subprocess.Popen[str]:
        """Start a command."""
        return subprocess.Popen(
            [ALLUSE, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.environment
        )

    def note(self, name: str) -> dict[str, Any]:
        """A note of the run folder."""
        return json.loads((self.home / "run" / name).read_text())


@pytest.fixture(scope="session")
def configuration() -> Path:
    """The configuration of the demo."""
    return CHECKOUT / "alluse" / "demo.yaml"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """The program on an empty home; whatever it has left running is stopped."""
    made = Program(tmp_path_factory.mktemp("home"))
    yield made
    made("down")


@pytest.fixture(scope="session")
def expected(tmp_path_factory: pytest.TempPathFactory, configuration: Path) -> dict[str, Any]:
    """What a backtest of the range comes to: the oracle."""
    done = Program(tmp_path_factory.mktemp("oracle"))("backtest", *RANGE, "--config", configuration, "--json")
    assert done.code == 0, done.err
    return done.json()
