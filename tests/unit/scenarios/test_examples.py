"""The worked examples of protocol 20 and the scenarios beside them, played in memory."""

from functools import cache
from pathlib import Path

import pytest

from alluse.scenarios.loading import identities, load
from alluse.scenarios.playing import Result, play
from alluse.scenarios.scenario import Scenario
from infra.settings import CHECKOUT

SCENARIOS = CHECKOUT / "scenarios"
FILES = sorted(SCENARIOS.glob("*.yaml"))


@cache
def loaded(path: Path) -> dict[str, Scenario]:
    """A file's scenarios."""
    return {scenario.identity: scenario for scenario in load(path)}


@cache
def result_of(path: Path, identity: str) -> Result:
    """What came of a scenario."""
    return play(loaded(path)[identity])


@pytest.mark.parametrize(
    ("path", "identity"),
    [pytest.param(path, identity, id=identity) for path in FILES for identity in identities(path)],
)
def test_a_worked_example_holds(path: Path, identity: str) -> None:
    result = result_of(path, identity)
    told = "\n".join(
        f"line {d.line} {d.step} {d.what}: {d.expected} | {d.found} ({d.entry})" for d in result.differences
    )
    assert result.holds, told


def test_every_worked_example_has_a_file() -> None:
    assert [path.stem for path in FILES if path.stem.startswith("EX-")] == [f"EX-{n:02d}" for n in range(1, 32)]


def test_every_file_names_the_schema_for_editors() -> None:
    for path in FILES:
        assert path.read_text("utf-8").startswith("# yaml-language-server: $schema=scenario.schema.json\n"), path


def test_playing_again_gives_the_same_log() -> None:
    # given a scenario with approvals, partial orders and a repeated scan
    (scenario, *_) = load(SCENARIOS / "EX-03.yaml")
    # when it is played twice, then both logs are equal; on another partition ids differ, and so does the log
    assert play(scenario).digest == play(scenario).digest == result_of(SCENARIOS / "EX-03.yaml", "EX-03").digest
