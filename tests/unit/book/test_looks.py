"""Looks that are left out change nothing: with and without them the same is decided, byte for byte."""

from pathlib import Path
from typing import Any

import pytest

from alluse.scenarios.loading import load
from alluse.scenarios.playing import play
from domain.looks import Looks
from infra.settings import CHECKOUT

FILES = sorted((CHECKOUT / "scenarios").glob("*.yaml"))


def never(*_: Any) -> int:
    """No look is left out."""
    return 0


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_scenario_decides_the_same_without(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scenarios = [scenario for scenario in load(path) if not scenario.waits_for]
    with_them = [play(scenario).digest for scenario in scenarios]
    monkeypatch.setattr(Looks, "step_us", never)
    assert [play(scenario).digest for scenario in scenarios] == with_them
