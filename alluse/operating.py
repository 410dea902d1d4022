"""Starting and stopping the system of a home from a command: what `up --detach`, `down` and `run` do."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import Any

from alluse.homes import RESERVE_BYTES, Home, Wanted, read_note
from infra.errors import AllUseError, RequestError, UnavailableError
from infra.processes import ServerProcess, require_disk, tail
from infra.settings import CHECKOUT, Settings

START_S = 180.0
STOP_S = 90.0


def start_detached(settings: Settings, *, owner: int | None = None) -> dict[str, Any]:
    """Start a supervisor on its own and wait until it is ready; its note. Raises what it failed on."""
    home = Home(settings)
    home.make()
    if home.supervisor() is not None:
        from alluse.supervisor import already_up

        raise already_up(home)
    log_file = home.logs / "supervisor.log"
    with log_file.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "alluse.supervisor", *(["--owner", str(owner)] if owner else [])],
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        note = read_note(home.supervisor_file)
        if note.get("pid") == process.pid and note.get("state") == "ready":
            return note
        if process.poll() is not None:
            raise _failure(home, process.pid, log_file.name)
        time.sleep(0.05)
    raise UnavailableError(
        "START_TIMEOUT", f"The system was not ready within {START_S:.0f} s.", f"Read {log_file}, then `alluse down`."
    )


def _failure(home: Home, pid: int, log_name: str) -> AllUseError:
    error = noted_failure(home)
    if error is not None and read_note(home.supervisor_file).get("pid") == pid:
        return error
    if home.supervisor() is not None:  # another one was faster
        from alluse.supervisor import already_up

        return already_up(home)
    last = tail(home.logs / log_name, 1)
    return UnavailableError("START_FAILED", f"The system did not start: {last}.", f"Read {home.logs / log_name}.")


def noted_failure(home: Home) -> AllUseError | None:
    """What the last supervisor of a home failed on; None when it did not, or has been told to stop since."""
    error: dict[str, Any] | None = read_note(home.supervisor_file).get("error")
    if error is None:
        return None
    kind = RequestError if error["exit"] == RequestError.exit_code else UnavailableError
    return kind(error["code"], error["message"], error["remedy"])


def require_running(settings: Settings) -> None:
    """Raises what the system of this home failed on, UnavailableError `SYSTEM_DOWN` when it is not there any more."""
    home = Home(settings)
    if home.supervisor() is None:
        failure = noted_failure(home)
        if failure is None:  # a full disk may have had no room for the note
            require_disk(home.root, RESERVE_BYTES, purpose="ALL-USE")
        raise failure or UnavailableError(
            "SYSTEM_DOWN", "The system has ended.", f"Read {home.logs}/supervisor.log; `alluse up` starts it again."
        )


def change_log(settings: Settings, wanted: Wanted) -> None:
    """Tell a running supervisor to run another log, and wait until it does."""
    home = Home(settings)
    home.want(wanted)
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        require_running(settings)
        note = read_note(home.supervisor_file)
        if note["state"] == "ready" and (note["log"], note["processors"]) == (wanted.log, wanted.processors):
            return
        time.sleep(0.05)
    raise UnavailableError(
        "START_TIMEOUT",
        f"The system did not change to its log within {START_S:.0f} s.",
        f"Read {home.logs}/supervisor.log.",
    )


def stop_system(settings: Settings) -> list[str]:
    """Stop everything that runs on this home; the names of what was stopped."""
    home = Home(settings)
    stopped: list[str] = []
    process = ServerProcess.load(home.supervisor_file)
    if process is not None and process.alive():
        process.send(signal.SIGTERM)
        if not process.wait_gone(STOP_S):
            process.send(signal.SIGKILL)
            process.wait_gone(5.0)
        stopped.append("supervisor")
    home.supervisor_file.unlink(missing_ok=True)
    for name in home.child_notes():
        path = home.child_file(name)
        child = ServerProcess.load(path)
        if child is not None and child.alive():
            child.send(signal.SIGTERM)
            if not child.wait_gone(25.0):
                child.send(signal.SIGKILL)
            stopped.append(name)
        path.unlink(missing_ok=True)
    return stopped + _stop_servers(settings)


def _stop_servers(settings: Settings) -> list[str]:
    from infra.kafka.broker import LocalBroker
    from infra.postgres import LocalPostgres

    stopped: list[str] = []
    postgres = LocalPostgres(settings.home)
    if postgres.alive():
        postgres.stop()
        stopped.append("postgres")
    broker = LocalBroker(settings.home, settings.cache)
    if broker.alive():
        broker.stop()
        stopped.append("kafka")
    return stopped
