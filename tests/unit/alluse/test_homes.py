"""Which log a command speaks of."""

from __future__ import annotations

from pathlib import Path

import pytest

from alluse.homes import Home, Wanted, settings_of_log
from infra.errors import RequestError
from infra.settings import Settings, load_settings


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("ALLUSE_HOME", str(tmp_path))
    monkeypatch.delenv("ALLUSE_NAMESPACE", raising=False)
    return load_settings()


def test_a_fresh_home_uses_the_log_without_a_prefix(settings: Settings) -> None:
    found = settings_of_log(settings)
    assert (found.namespace, found.postgres_schema) == ("", "alluse")


def test_the_log_in_use_is_the_one_noted(settings: Settings) -> None:
    Home(settings).want(Wanted("run_0003", 2))
    found = settings_of_log(settings)
    assert (found.namespace, found.postgres_schema) == ("run_0003", "alluse_run_0003")
    assert Home(settings).wanted(settings) == Wanted("run_0003", 2)


def test_the_environment_wins_over_the_note(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    Home(settings).want(Wanted("run_0003", 1))
    monkeypatch.setenv("ALLUSE_NAMESPACE", "other")
    assert settings_of_log(load_settings()).namespace == "other"


def test_another_log_is_named_on_the_command_line(settings: Settings) -> None:
    Home(settings).want(Wanted("run_0003", 1))
    assert settings_of_log(settings, "run_0001").namespace == "run_0001"
    assert settings_of_log(settings, "main").namespace == ""
    with pytest.raises(RequestError, match="BAD_LOG"):
        settings_of_log(settings, "Run 1")


def test_a_half_written_note_is_no_note(settings: Settings) -> None:
    home = Home(settings)
    home.make()
    (home.folder / "current.json").write_text('{"log": "run_')
    assert home.wanted(settings) == Wanted("", 1)
