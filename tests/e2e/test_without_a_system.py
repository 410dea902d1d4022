"""Runs that bring their own system, and requests that never get as far."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from alluse import supervisor
from alluse.homes import Home, read_note
from infra.errors import UnavailableError
from infra.settings import load_settings
from tests.e2e.conftest import RANGE, Program
from tests.unit.gateways.market.lean_folder import LeanFolder

SHORT = ("--data", "sample", "--from", "2011-04-04", "--to", "2011-04-06")


def test_a_run_starts_what_it_needs_and_stops_it(program: Program, configuration: Path) -> None:
    # when nothing is up
    done = program("run", *SHORT, "--config", configuration, "--json")
    # then the run ends well, and nothing is left running
    assert done.code == 0, done.err
    status = program("status", "--json").json()
    assert status["up"] is False
    assert status["kafka"]["alive"] is False
    assert status["postgres"]["alive"] is False
    # and the backtest agrees
    backtest = program("backtest", *SHORT, "--config", configuration, "--json")
    assert backtest.json()["digest"] == done.json()["digest"]


def test_a_run_that_brought_its_system_goes_through_kills(
    program: Program, configuration: Path, expected: dict[str, Any]
) -> None:
    # given a run whose servers are children of the command itself
    running = program.start("run", *RANGE, "--config", configuration, "--json")
    deadline = time.monotonic() + 240
    note: dict[str, Any] = {}
    while note.get("state") != "ready":
        assert time.monotonic() < deadline, note
        time.sleep(0.05)
        with contextlib.suppress(FileNotFoundError):
            note = program.note("supervisor.json")
    # when Postgres is killed, and then processes of the order path
    os.kill(json.loads((program.home / "postgres" / "process.json").read_text())["pid"], signal.SIGKILL)
    for name in ("book-0", "market", "paper-broker", "projections"):
        os.kill(program.note(f"children/{name}.json")["pid"], signal.SIGKILL)
    out, err = running.communicate(timeout=280)
    # then it ends as if nothing had been
    assert running.returncode == 0, err
    assert json.loads(out)["digest"] == expected["digest"]


def test_the_demo_tells_its_story_without_a_terminal(program: Program) -> None:
    # when a week of the demo is played where an earlier run has been
    done = program("demo", "--from", "2011-04-04", "--to", "2011-04-15")
    assert done.code == 0, done.err
    # then every part of the story names the command that shows more, and those commands work once the system is up
    named = [line.split("-> alluse ")[1].split() for line in done.out.splitlines() if "-> alluse " in line]
    assert len(named) >= 8
    assert program("up", "--detach").code == 0
    for words in named:
        if words[0] != "backtest":
            shown = program(*words)
            assert shown.code == 0, (words, shown.err)
    program("down")


@pytest.mark.parametrize("command", ["run", "backtest"])
@pytest.mark.parametrize(
    ("daily", "code"), [(None, "DATA_FILE_MISSING"), (b"PK\x03\x04 cut off", "DATA_FILE_TRUNCATED")]
)
def test_bad_data_is_found_before_anything_starts(
    program: Program, command: str, daily: bytes | None, code: str, tmp_path: Path
) -> None:
    # given a folder whose file of daily bars is missing, or cut off
    folder = LeanFolder(tmp_path)
    folder.minute("20140605", ["34200000,1000000,1000000,1000000,1000000,100"], ["34200000,1,1,1,1,1,1,1,1,1,1"])
    if daily is not None:
        (tmp_path / "equity/usa/daily").mkdir(parents=True)
        (tmp_path / "equity/usa/daily/xyz.zip").write_bytes(daily)
    range_ = ("--symbols", "XYZ", "--from", "2014-06-05", "--to", "2014-06-05")
    # when it is to be played
    done = program(command, "--data", f"lean:{tmp_path}", *range_, "--json")
    # then the error names the file, and nothing was started
    error = done.json()["error"]
    assert (done.code, error["code"]) == (3, code)
    assert "xyz.zip" in error["message"]
    assert program("status", "--json").json()["up"] is False


def test_a_full_disk_is_said_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLUSE_HOME", str(tmp_path))
    monkeypatch.setattr(supervisor, "FREE_BYTES", 1 << 60)
    settings = load_settings()
    with pytest.raises(UnavailableError) as raised:
        supervisor.Supervisor(settings).run()
    assert raised.value.code == "DISK_FULL"
    assert read_note(Home(settings).supervisor_file)["error"]["code"] == "DISK_FULL"
    assert not (tmp_path / "kafka").exists()
