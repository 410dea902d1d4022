"""What the processes of a home tell each other, and the commands, through small files under ALLUSE_HOME/run.

run/   current.json            which log is in use, and with how many book processors; the supervisor follows it
       supervisor.json         the supervisor: process, state, log
       supervisor.lock         held by the supervisor for as long as it lives
       children/<name>.json    a child: process, beat, progress
       logs/<name>.log
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from infra.errors import RequestError
from infra.processes import ServerProcess, write_atomically
from infra.settings import Settings

NAMESPACE = re.compile(r"^([a-z][a-z0-9_]{0,39})?$")
MAIN_LOG = "main"
"""How the log without a prefix is called on the command line."""
FREE_BYTES, RESERVE_BYTES = 1 << 30, 256 << 20
"""Disk needed to start; with less than the reserve everything is stopped, while there is room to do it in order."""


@dataclass(frozen=True)
class Wanted:
    """What the supervisor is to run."""

    log: str
    """namespace; empty: topics without prefix"""
    processors: int


class Home:
    """The run folder of one ALLUSE_HOME."""

    def __init__(self, settings: Settings) -> None:
        self.root = settings.home
        self.folder = settings.home / "run"
        self.children = self.folder / "children"
        self.logs = self.folder / "logs"
        self.lock = self.folder / "supervisor.lock"
        self.supervisor_file = self.folder / "supervisor.json"
        self._current = self.folder / "current.json"

    def make(self) -> None:
        """Make the folders."""
        for folder in (self.folder, self.children, self.logs):
            folder.mkdir(parents=True, exist_ok=True)

    def wanted(self, settings: Settings) -> Wanted:
        """The log in use: ALLUSE_NAMESPACE, else the one noted, else the main one."""
        noted = read_note(self._current)
        processors = int(noted.get("processors", 1))
        return Wanted(settings.namespace or str(noted.get("log", "")), processors)

    def want(self, wanted: Wanted) -> None:
        """Note the log in use."""
        self.make()
        write_note(self._current, {"log": wanted.log, "processors": wanted.processors})

    def supervisor(self) -> dict[str, Any] | None:
        """The note of the supervisor if it lives."""
        note = read_note(self.supervisor_file)
        process = ServerProcess.load(self.supervisor_file)
        return note if process is not None and process.alive() else None

    def child_notes(self) -> dict[str, dict[str, Any]]:
        """Notes of the children by name, living or not."""
        return (
            {path.stem: read_note(path) for path in sorted(self.children.glob("*.json"))}
            if self.children.is_dir()
            else {}
        )

    def child_file(self, name: str) -> Path:
        """Where a child keeps its note."""
        return self.children / f"{name}.json"


def settings_of_log(settings: Settings, named: str | None = None) -> Settings:
    """The settings with the namespace of the log in use, or of the one that is named on the command line.

    Raises RequestError `BAD_LOG`.
    """
    if named is None:
        return with_log(settings, Home(settings).wanted(settings).log)
    name = "" if named == MAIN_LOG else named
    if not NAMESPACE.match(name):
        raise RequestError(
            "BAD_LOG", f"'{named}' is no name of a log.", "Use small letters, digits and _, such as run_0001."
        )
    return with_log(settings, name)


def with_log(settings: Settings, log: str) -> Settings:
    """The same settings with another namespace."""
    return settings.model_copy(update={"namespace": log})


def shown_log(log: str) -> str:
    """A namespace as people see it."""
    return log or MAIN_LOG


def read_note(path: Path) -> dict[str, Any]:
    """A small JSON file; empty when it is not there or half written."""
    try:
        content = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return cast(dict[str, Any], content) if isinstance(content, dict) else {}


def write_note(path: Path, note: dict[str, Any]) -> None:
    """Replace a small JSON file in one step."""
    write_atomically(path, json.dumps(note))
