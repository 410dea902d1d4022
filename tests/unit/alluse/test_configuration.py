"""Configuration files: what is taken, what is refused before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from alluse.configuration import load_configuration
from infra.errors import RequestError


def _file(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text)
    return path


def test_values_lists_and_times_stand_on_the_log_as_text(tmp_path: Path) -> None:
    # given a file with a list, a time that YAML would take for a number, a percentage and a switch
    lines = (
        "gen.tickers: [AAPL, GOOG]",
        "entry.window_start: 10:05",
        "gen.min_premium_pct: 0.50",
        "common.earnings_filter: false",
    )
    text = "parameters:\n" + "".join(f"  {line}\n" for line in lines)
    # when it is read
    found = load_configuration(_file(tmp_path, text))
    # then each value is as it was written, sorted by name, and the environment is simulated
    assert found == {
        "common.earnings_filter": "false",
        "entry.window_start": "10:05",
        "env.mode": "SIM",
        "gen.min_premium_pct": "0.50",
        "gen.tickers": "AAPL,GOOG",
    }


def test_no_file_is_the_catalogue_in_simulation() -> None:
    assert load_configuration(None) == {"env.mode": "SIM"}


def test_the_file_may_name_another_environment(tmp_path: Path) -> None:
    assert load_configuration(_file(tmp_path, "parameters: {env.mode: PAPER}"))["env.mode"] == "PAPER"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("parameters:\n  gen.min_premium_pct: 99\n", "gen.min_premium_pct: 99 is outside 0 to 10"),
        ("parameters:\n  gen.delta_min: much\n", "gen.delta_min: expected fraction, found 'much'"),
        ("parameters:\n  gen.tickerz: [A]\n", "gen.tickerz"),
        ("parameters:\n  gen.tickers: {a: b}\n", "gen.tickers: expected a value or a list of values"),
        ("parameters:\n  gen.delta_min: 49\n", "gen.delta_min <= target <= max"),
        ("params: {}\n", "expected a mapping `parameters:`"),
        ("parameters: {}\nmode: x\n", "unknown key mode"),
    ],
)
def test_bad_content_names_the_key_and_what_was_expected(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(RequestError) as raised:
        load_configuration(_file(tmp_path, text))
    assert raised.value.code == "CONFIG_INVALID"
    assert says in raised.value.message


def test_every_problem_is_told_with_its_line(tmp_path: Path) -> None:
    text = "parameters:\n  gen.alloc_pct: 200\n  gen.nope: 1\n  gen.tickers: [A]\n  gen.tickers: [B]\nmore: 1\n"
    with pytest.raises(RequestError) as raised:
        load_configuration(_file(tmp_path, text))
    _, _, told = raised.value.message.partition("config.yaml: ")
    assert told.split("; ") == [
        "line 2: gen.alloc_pct: 200 is outside 0 to 95 % of sizing base",
        "line 3: there is no parameter gen.nope",
        "see docs/configuration.md",
        "line 5: gen.tickers: the key stands twice",
        "line 6: unknown key more",
        "expected parameters, title, description.",
    ]


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError) as raised:
        load_configuration(_file(tmp_path, ""))
    assert "line 1: expected a mapping `parameters:`" in raised.value.message


def test_what_is_no_yaml_names_its_line(tmp_path: Path) -> None:
    with pytest.raises(RequestError) as raised:
        load_configuration(_file(tmp_path, "parameters:\n  gen.tickers: [A\n"))
    assert "config.yaml:3: this is no YAML" in raised.value.message


@pytest.mark.parametrize("text", ["parameters: [", "\tparameters: x"])
def test_what_is_no_yaml_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(RequestError) as raised:
        load_configuration(_file(tmp_path, text))
    assert raised.value.code == "CONFIG_UNREADABLE"
    assert "\n" not in raised.value.message


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(RequestError) as raised:
        load_configuration(tmp_path / "none.yaml")
    assert raised.value.code == "CONFIG_UNREADABLE"


def test_the_demo_has_a_valid_configuration() -> None:
    from alluse.demo import CONFIGURATION

    assert load_configuration(CONFIGURATION)["sim.hitl_policy"] == "AUTO_APPROVE"
