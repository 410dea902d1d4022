"""Keeps the processes of one home running: local servers, then the children, each started again when it ends.

`python -m alluse.supervisor [--owner PID]`, or inside `alluse up`. It runs the log, with the number of book processors,
that the home notes as wanted (`alluse.homes`) and changes over when that changes. With `--owner` it ends when
that process does.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

from alluse.homes import FREE_BYTES, RESERVE_BYTES, Home, Wanted, read_note, shown_log, with_log, write_note
from alluse.leaders import await_leaders
from alluse.plans import PARTITIONS
from alluse.processes import names, on_stop_signals
from infra.errors import AllUseError, RequestError, UnavailableError
from infra.kafka.broker import LocalBroker
from infra.kafka.clients import admin
from infra.kafka.connect import open_cluster
from infra.kafka.topics import ensure_topics
from infra.logs import configure_logs
from infra.postgres import LocalPostgres, open_database
from infra.processes import ServerProcess, file_lock, require_disk, tail
from infra.settings import CHECKOUT, Settings, load_settings

_log = logging.getLogger("alluse.supervisor")

LOOK_S = 0.2
STOP_S = 25.0
STEADY_S = 10.0
FIRST_TRIES = 4
LONGEST_PAUSE_S = 5.0
SERVER_PAUSE_S = 2.0
LOG_BYTES = 32 << 20


@dataclass
class Child:
    """A process of the system as the supervisor knows it."""

    name: str
    kind: str
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    restarts: int = 0
    pause_s: float = 0.1
    start_at: float = 0.0
    last_words: str = ""


class Supervisor:
    """Runs until told to stop. One a home: `run` holds the home's lock."""

    def __init__(
        self, settings: Settings, *, owner: int | None = None, on_ready: Callable[[], None] | None = None
    ) -> None:
        self._settings = settings
        self._home = Home(settings)
        self._owner = ServerProcess.of(owner) if owner is not None else None
        self._on_ready = on_ready
        self._stop = threading.Event()
        self._children: dict[str, Child] = {}
        self._running: Wanted | None = None
        self._broker: LocalBroker | None = None
        self._postgres: LocalPostgres | None = None
        self._environment: dict[str, str] = {}
        self._state = "starting"
        self._was_ready = False
        self._server_restarts = {"kafka": 0, "postgres": 0}
        self._server_start_at = {"kafka": 0.0, "postgres": 0.0}

    def stop(self) -> None:
        """Ask `run` to end."""
        self._stop.set()

    def run(self) -> None:
        """Hold the home, start everything, keep it running, stop everything.

        Raises RequestError `ALREADY_UP`, UnavailableError for what can't be started, `DISK_FULL` also later.
        """
        self._home.make()
        with self._hold():
            failure: AllUseError | None = None
            try:
                require_disk(self._home.folder, FREE_BYTES, purpose="ALL-USE")
                self._note()
                self._end_leftovers()
                self._start_servers()
                while not self._stop.is_set() and self._owned():
                    self._look()
                    self._stop.wait(LOOK_S)
            except AllUseError as error:
                failure = error
                raise
            finally:
                self._end(failure)

    # ------------------------------------------------------------------ one of us

    @contextlib.contextmanager
    def _hold(self) -> Any:
        try:
            with contextlib.ExitStack() as stack:
                stack.enter_context(file_lock(self._home.lock, timeout_s=0.0, doing="running the system"))
                yield
        except UnavailableError as error:
            if error.code == "HOME_BUSY" and (error.message.find(str(self._home.lock)) >= 0):
                raise already_up(self._home) from error
            raise

    def _owned(self) -> bool:
        if self._owner is not None and not self._owner.alive():
            _log.warning("the program that started the system is gone, stopping")
            return False
        return True

    def _end_leftovers(self) -> None:
        """Children of a supervisor that was killed end by themselves; what has not yet is ended here."""
        for name in self._home.child_notes():
            path = self._home.child_file(name)
            process = ServerProcess.load(path)
            if process is not None and process.alive():
                process.send(signal.SIGTERM)
                if not process.wait_gone(STOP_S):
                    process.send(signal.SIGKILL)
            path.unlink(missing_ok=True)

    # ------------------------------------------------------------------ servers

    def _start_servers(self) -> None:
        cluster, self._broker = open_cluster(self._settings)
        database, self._postgres = open_database(self._settings)
        self._environment = {
            **os.environ,
            "ALLUSE_HOME": str(self._settings.home),
            "KAFKA_BOOTSTRAP_SERVERS": cluster.bootstrap,
            "DATABASE_URL": database.conninfo,
            "PYTHONUNBUFFERED": "1",
        }

    def _look_at_disk(self) -> None:
        free = shutil.disk_usage(self._home.root).free
        if free < RESERVE_BYTES:
            raise UnavailableError(
                "DISK_FULL",
                f"Everything was stopped because only {free >> 20} MiB are free at {self._home.root}. Nothing is lost: "
                "what was acknowledged is on the log.",
                f"Free space ({FREE_BYTES >> 20} MiB are needed), then `alluse up --detach`: it goes on where it was.",
            )

    def _look_at_servers(self) -> None:
        """Start again what has ended. What does not start is tried again later: the order path needs no Postgres."""
        servers: dict[str, LocalBroker | LocalPostgres | None] = {"kafka": self._broker, "postgres": self._postgres}
        for name, server in servers.items():
            if server is None or server.alive() or time.monotonic() < self._server_start_at[name]:
                continue
            _log.error("the %s has ended, starting it again", server.title)
            self._server_restarts[name] += 1
            try:
                server.start()
            except UnavailableError as error:
                if self._state == "starting" or error.code == "DISK_FULL":
                    raise
                _log.error("%s", error)
                self._server_start_at[name] = time.monotonic() + SERVER_PAUSE_S

    # ------------------------------------------------------------------ children

    def _look(self) -> None:
        """One round: disk, servers, the wanted log, children."""
        self._look_at_disk()
        self._look_at_servers()
        if self._broker is not None and not self._broker.alive():
            return
        wanted = self._home.wanted(self._settings)
        if wanted != self._running:
            if self._postgres is not None and not self._postgres.alive():
                return  # a log begins with its tables
            self._change_to(wanted)
        for child in self._children.values():
            self._look_at(child)
        if self._state != "ready" and all(self._reports(child) for child in self._children.values()):
            self._state, self._was_ready = "ready", True
            _log.info("ready", extra={"log": shown_log(wanted.log), "processors": wanted.processors})
            self._note()
            if self._on_ready is not None:
                self._on_ready()

    def _change_to(self, wanted: Wanted) -> None:
        before, fleet = self._running, names(wanted.processors)
        self._state = "starting"
        if before is None or before.log != wanted.log:
            self._stop_children(list(self._children))
            settings = with_log(self._settings, wanted.log)
            cluster = settings.cluster(self._environment["KAFKA_BOOTSTRAP_SERVERS"])
            client = admin(cluster)
            ensure_topics(client, cluster, partitions=PARTITIONS)
            await_leaders(cluster)
            from projections.migrate import migrate

            migrate(open_database(settings)[0])
        self._stop_children([name for name in self._children if name not in fleet])
        self._running = wanted
        for name, kind in fleet.items():
            if name not in self._children:
                self._children[name] = Child(name, kind)
        self._note()

    def _look_at(self, child: Child) -> None:
        now = time.monotonic()
        if child.process is not None:
            code = child.process.poll()
            if code is None:
                return
            child.process = None
            child.restarts += 1
            child.pause_s = 0.1 if now - child.started > STEADY_S else min(child.pause_s * 2, LONGEST_PAUSE_S)
            child.start_at = now + child.pause_s
            child.last_words = tail(self._home.logs / f"{child.name}.log", 1)
            if not self._was_ready and child.restarts >= FIRST_TRIES:
                raise UnavailableError(
                    "PROCESS_FAILS",
                    f"{child.name} ends again and again: {child.last_words}.",
                    f"Read {self._home.logs / child.name}.log.",
                )
            _log.error("%s has ended (%d), starting it again in %.1f s", child.name, code, child.pause_s)
            self._note()
        if now >= child.start_at:
            self._start(child)

    def _start(self, child: Child) -> None:
        assert self._running is not None
        with self._log_file(child.name) as output:
            child.process = subprocess.Popen(
                [sys.executable, "-m", "alluse.processes", child.kind, child.name],
                cwd=CHECKOUT,
                env={**self._environment, "ALLUSE_NAMESPACE": self._running.log},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for the supervisor, which stops them in order
            )
        child.started = time.monotonic()

    def _log_file(self, name: str) -> IO[bytes]:
        path = self._home.logs / f"{name}.log"
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_size > LOG_BYTES:
                path.replace(path.with_suffix(".log.1"))
        return path.open("ab")

    def _reports(self, child: Child) -> bool:
        """Whether the child that was started has written its note."""
        return (
            child.process is not None and read_note(self._home.child_file(child.name)).get("pid") == child.process.pid
        )

    def _stop_children(self, named: list[str]) -> None:
        leaving = [self._children.pop(name) for name in named]
        living = [(c, c.process) for c in leaving if c.process is not None]
        for _, process in living:
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_S
        for child, process in living:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _log.warning("%s did not end, killing it", child.name)
                process.kill()
                process.wait()
        for child in leaving:
            self._home.child_file(child.name).unlink(missing_ok=True)

    # ------------------------------------------------------------------ end and note

    def _end(self, failure: AllUseError | None) -> None:
        self._state = "stopping"
        self._note()
        self._stop_children(list(self._children))
        if self._postgres is not None:
            self._postgres.stop()
        if self._broker is not None:
            self._broker.stop()
        if failure is None:
            self._home.supervisor_file.unlink(missing_ok=True)
        else:
            self._state = "failed"
            error = {
                "code": failure.code,
                "message": failure.message,
                "remedy": failure.remedy,
                "exit": failure.exit_code,
            }
            self._note(error=error)

    def _note(self, **more: Any) -> None:
        process = ServerProcess.of(os.getpid())
        wanted = self._running
        note = {
            "pid": process.pid,
            "created": process.created,
            "state": self._state,
            "log": wanted.log if wanted else None,
            "processors": wanted.processors if wanted else None,
            "bootstrap": self._environment.get("KAFKA_BOOTSTRAP_SERVERS"),
            "restarts": {**self._server_restarts, **{c.name: c.restarts for c in self._children.values()}},
            "last_words": {c.name: c.last_words for c in self._children.values() if c.last_words},
            **more,
        }
        try:
            write_note(self._home.supervisor_file, note)
        except OSError as error:  # a full disk must not keep it from stopping everything
            _log.error("the supervisor's note could not be written: %s", error)


def already_up(home: Home) -> RequestError:
    """The error for a second start on one home."""
    pid = read_note(home.supervisor_file).get("pid", "unknown")
    return RequestError(
        "ALREADY_UP",
        f"The system of {home.root} is up already (supervisor pid {pid}).",
        "`alluse status` shows it, `alluse down` stops it; another ALLUSE_HOME gives another system.",
    )


def main(arguments: list[str]) -> int:
    """The detached supervisor; its failure stands in its note and its log."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--owner", type=int)
    options = parser.parse_args(arguments)
    settings = load_settings()
    configure_logs(settings.log)
    supervisor = Supervisor(settings, owner=options.owner)
    on_stop_signals(supervisor.stop)
    try:
        supervisor.run()
    except AllUseError as error:
        _log.error("%s", error)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
