"""Server processes that outlive the program that started them, and the locks that keep two starts apart."""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

import psutil

from infra.errors import UnavailableError

_log = logging.getLogger("alluse.servers")

STOP_TIMEOUT_S = 20.0


@contextlib.contextmanager
def file_lock(path: Path, *, timeout_s: float, doing: str) -> Generator[None]:
    """Hold an exclusive lock on `path` between processes (and threads); the system frees it when the holder dies.

    Raises UnavailableError `HOME_BUSY` when another holds it for longer than `timeout_s`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise UnavailableError(
                        "HOME_BUSY",
                        f"Another process has been {doing} for more than {timeout_s:.0f} s (lock {path}).",
                        "Wait for it or end it, then try again.",
                    ) from None
                time.sleep(0.02)
        yield
    finally:
        os.close(descriptor)


@dataclass(frozen=True)
class ServerProcess:
    """A process known by pid and start time, so that a reused pid is never taken for it (or killed).

    `created` is in seconds of this machine's own count; it means nothing on another.
    """

    pid: int
    created: float

    @staticmethod
    def of(pid: int) -> ServerProcess:
        return ServerProcess(pid, _started(pid))

    @staticmethod
    def load(path: Path) -> ServerProcess | None:
        """The process noted in `path`; None when there is no (whole) note."""
        try:
            note = json.loads(path.read_text())
            return ServerProcess(int(note["pid"]), float(note["created"]))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def save(self, path: Path) -> None:
        write_atomically(path, json.dumps({"pid": self.pid, "created": self.created}))

    def _process(self) -> psutil.Process | None:
        try:
            process = psutil.Process(self.pid)
            same = abs(_started(self.pid) - self.created) < 0.5
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
            return None

    def alive(self) -> bool:
        return self._process() is not None

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if it still lives."""
        process = self._process()
        if process is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def wait_gone(self, timeout_s: float, *, child: subprocess.Popen[bytes] | None = None) -> bool:
        """Wait until it has ended. `child`: its Popen where this process is the parent, to reap it."""
        deadline = time.monotonic() + timeout_s
        while True:
            if child is not None:
                child.poll()
            if not self.alive():
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)


class LocalServer(ABC):
    """One server for one folder; any number of objects, in any number of processes, may stand for it.

    Its process is noted in the folder, and the folder's lock keeps two starts apart.
    """

    title: ClassVar[str]
    """in messages"""
    stop_signal: ClassVar[signal.Signals]
    """asks it to stop at once but cleanly"""
    start_timeout_s: ClassVar[float]

    def __init__(self, folder: Path, log_name: str) -> None:
        self.folder = folder.absolute()
        self.log_file = self.folder / log_name
        self._note = self.folder / "process.json"
        self._child: subprocess.Popen[bytes] | None = None
        self._started_here = False

    @abstractmethod
    def start(self) -> object:
        """Start the server, or attach to the one that runs in this folder; return when it answers."""

    @property
    def process(self) -> ServerProcess | None:
        """The server's process as last noted, alive or not."""
        return ServerProcess.load(self._note)

    @property
    def pid(self) -> int | None:
        """The pid of the server if it lives."""
        process = self.process
        return process.pid if process is not None and self.alive() else None

    @property
    def started_here(self) -> bool:
        """Whether this object started the running server (else it is another's, who will stop it)."""
        return self._started_here and self.alive()

    def alive(self) -> bool:
        """Whether the process lives; it may not answer yet."""
        if self._child is not None:
            self._child.poll()
        process = self.process
        return process is not None and process.alive()

    def stop(self) -> None:
        """Stop cleanly, whoever started it; killed if it has not ended after 20 s. Without effect when not running."""
        if self.folder.is_dir():
            with self._locked():
                self._end(self.stop_signal)

    def kill(self) -> None:
        """End it with SIGKILL, as a crash would; the data stay as they are."""
        self._end(signal.SIGKILL)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.started_here:
            self.stop()

    def _locked(self) -> contextlib.AbstractContextManager[None]:
        doing = f"starting or stopping the {self.title}"
        return file_lock(self.folder / "lock", timeout_s=self.start_timeout_s * 2, doing=doing)

    def _launched(self, child: subprocess.Popen[bytes]) -> None:
        """Take note of the process that was started."""
        self._child = child
        ServerProcess.of(child.pid).save(self._note)

    def _end(self, number: signal.Signals) -> None:
        process = self.process
        if process is None:
            return
        process.send(number)
        if not process.wait_gone(STOP_TIMEOUT_S, child=self._child):
            _log.warning("the %s did not end, killing it", self.title, extra={"pid": process.pid})
            process.send(signal.SIGKILL)
            process.wait_gone(STOP_TIMEOUT_S, child=self._child)
        self._note.unlink(missing_ok=True)
        self._child = None
        self._started_here = False


def _started(pid: int) -> float:
    """When a process started, in seconds: since boot on Linux, so that a corrected wall clock changes nothing."""
    if sys.platform == "linux":
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return psutil.Process(pid).create_time()


def write_atomically(path: Path, text: str) -> None:
    """Replace a small file in one step, so that no reader and no crash sees half of it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text)
    draft.replace(path)


def require_disk(folder: Path, free_bytes: int, *, purpose: str) -> None:
    """Raises UnavailableError `DISK_FULL` when less than `free_bytes` are free where `folder` is."""
    free = shutil.disk_usage(folder).free
    if free < free_bytes:
        raise UnavailableError(
            "DISK_FULL",
            f"{purpose} needs {free_bytes >> 20} MiB free at {folder}, there are {free >> 20} MiB.",
            "Free space, or set ALLUSE_HOME to a folder on a larger disk.",
        )


def tail(path: Path, lines: int = 12) -> str:
    """The last lines of a log file, for an error message."""
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return "(no log)"
