from __future__ import annotations

import io
import json
import logging
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from infra.errors import UnavailableError
from infra.logs import configure_logs
from infra.processes import ServerProcess, file_lock, require_disk


@pytest.fixture
def _logging_as_it_was() -> object:
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    yield
    root.handlers[:] = before[0]
    root.setLevel(before[1])


def test_a_reused_pid_is_not_taken_for_the_server_and_not_killed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as child:
        real = ServerProcess.of(child.pid)
        other = ServerProcess(child.pid, real.created - 3600)
        assert real.alive()
        assert not other.alive()
        other.send(signal.SIGKILL)
        assert child.poll() is None
        real.save(tmp_path / "process.json")
        loaded = ServerProcess.load(tmp_path / "process.json")
        assert loaded == real
        real.send(signal.SIGKILL)
        assert real.wait_gone(5, child=child)


@pytest.mark.parametrize("content", ["", "{", '{"pid": 1}', "[]"])
def test_half_a_note_is_no_process(tmp_path: Path, content: str) -> None:
    (tmp_path / "process.json").write_text(content)
    assert ServerProcess.load(tmp_path / "process.json") is None


def test_a_lock_held_by_another_is_named(tmp_path: Path) -> None:
    with (
        file_lock(tmp_path / "lock", timeout_s=1, doing="testing"),
        pytest.raises(UnavailableError, match="HOME_BUSY"),
        file_lock(tmp_path / "lock", timeout_s=0.1, doing="testing"),
    ):
        pytest.fail("two held the lock")
    with file_lock(tmp_path / "lock", timeout_s=0.1, doing="testing"):
        pass


def test_a_full_disk_is_said_before_the_start(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="DISK_FULL"):
        require_disk(tmp_path, 1 << 60, purpose="The test")


@pytest.mark.usefixtures("_logging_as_it_was")
def test_json_logs_are_one_object_a_line() -> None:
    stream = io.StringIO()
    configure_logs("json", stream=stream)
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logging.getLogger("alluse.test").exception("it broke", extra={"partition": 3, "path": Path("/x")})
    line = json.loads(stream.getvalue())
    assert stream.getvalue().count("\n") == 1
    assert line["level"] == "ERROR"
    assert line["partition"] == 3
    assert line["path"] == "/x"
    assert "ValueError: two" in line["exception"]
    assert line["time"].endswith("Z")


@pytest.mark.usefixtures("_logging_as_it_was")
def test_text_logs_show_the_extras_and_libraries_only_warn() -> None:
    stream = io.StringIO()
    configure_logs("text", stream=stream)
    logging.getLogger("alluse.test").info("taken", extra={"offset": 7})
    logging.getLogger("somebody").info("chatter")
    assert "INFO    alluse.test: taken offset=7" in stream.getvalue()
    assert "chatter" not in stream.getvalue()
