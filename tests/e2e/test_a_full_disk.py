"""The disk of a home runs full while something is played."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.e2e.conftest import Program
from tests.harness.small_disk import SmallDisk

LONG = ("--data", "sample", "--from", "2011-04-01", "--to", "2011-09-30")
"""Much more than is played before the disk is full, on the fastest machine too."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    made = SmallDisk(tmp_path / "disk")
    yield made
    made.unmount()


@pytest.fixture
def small(disk: SmallDisk) -> Iterator[Program]:
    """The program with its home on that disk."""
    program = Program(disk.path / "home")
    yield program
    disk.free()
    program("down")


def _at_rest(program: Program) -> bool:
    """Nobody has anything left to read, and nothing moves: one look alone may fall between two stages of a record."""
    looks: list[object] = []
    for _ in range(2):
        stages = program("status", "--json").json()["stages"]
        if any(stage["lag_offsets"] for stage in stages):
            return False
        looks.append([(stage["stage"], stage["event_time"]) for stage in stages])
        time.sleep(1)
    return looks[0] == looks[1]


def _until(true: Callable[[], bool], seconds: float = 120.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.2)
    return False


def _pids(status: dict[str, Any]) -> list[int]:
    servers = [status["kafka"]["pid"], status["postgres"]["pid"]]
    return [status["supervisor"]["pid"], *servers, *(p["pid"] for p in status["processes"])]


@pytest.mark.parametrize("free", [100 << 20, 0], ids=["nearly full", "full in an instant"])
def test_everything_is_stopped_while_the_log_is_whole_and_goes_on_later(
    small: Program, disk: SmallDisk, configuration: Path, free: int
) -> None:
    # given a run through a system that is up, which has written something
    assert small("up", "--detach").code == 0
    pids = _pids(small("status", "--json").json())
    running = small.start("run", *LONG, "--config", configuration, "--json")

    def entries() -> int:
        return sum(line.count('"sequence"') for line in small("journal", "tail", "-n", "1", "--json").out.splitlines())

    assert _until(lambda: entries() > 0)
    # when its disk runs full
    disk.leave(free)
    out, err = running.communicate(timeout=120)
    # then the run says so, and so does the system, of which nothing runs any more
    assert running.returncode == 3, err
    assert '"DISK_FULL"' in out
    assert _until(lambda: not any(psutil.pid_exists(pid) for pid in pids))
    assert small("up", "--detach", "--json").json()["error"]["code"] == "DISK_FULL"
    # and with room again it goes on with what has been fed, its journal whole, its read models those of a rebuild
    disk.free()
    done = small("up", "--detach", "--json")
    assert done.code == 0, done.err
    assert _until(lambda: _at_rest(small))
    exported = small("journal", "export")
    assert exported.code == 0, exported.err
    assert len(exported.out.splitlines()) > 100
    before = small("ledger", "--book", "S001", "--json").json()
    assert before
    assert small("ops", "rebuild", "trading", "--json").code == 0
    assert small("ledger", "--book", "S001", "--json").json() == before
