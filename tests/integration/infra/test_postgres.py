from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import sqlalchemy

from infra.errors import RequestError, UnavailableError
from infra.postgres import Database, LocalPostgres, open_database, parse_url
from infra.settings import CHECKOUT, Settings


@pytest.fixture
def own(tmp_path: Path) -> Iterator[LocalPostgres]:
    server = LocalPostgres(tmp_path)
    yield server
    server.kill()


def _rows(server: LocalPostgres) -> list[tuple[int]]:
    with psycopg.connect(Database(server.url()).conninfo) as connection:
        return connection.execute("SELECT n FROM kept ORDER BY n").fetchall()


def _insert(server: LocalPostgres, number: int) -> None:
    with psycopg.connect(Database(server.url()).conninfo) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (n bigint PRIMARY KEY)")
        connection.execute("INSERT INTO kept VALUES (%s)", [number])


def test_start_stop_kill_and_start_again_keeps_what_was_committed(own: LocalPostgres) -> None:
    url = own.start()
    _insert(own, 1)
    own.stop()
    assert not own.alive()
    assert own.start() == url
    _insert(own, 2)
    own.kill()
    assert not own.alive()
    own.start()
    assert _rows(own) == [(1,), (2,)]


def test_it_listens_on_a_socket_only_and_in_utc(own: LocalPostgres) -> None:
    own.start()
    with sqlalchemy.create_engine(own.url()).connect() as connection:
        shown = {
            name: connection.exec_driver_sql(f"SHOW {name}").scalar_one()
            for name in ("listen_addresses", "timezone", "fsync", "server_encoding", "lc_collate")
            if name != "lc_collate"
        }
    assert shown == {"listen_addresses": "", "timezone": "UTC", "fsync": "on", "server_encoding": "UTF8"}
    assert own.data.stat().st_mode & 0o077 == 0


def test_a_long_path_puts_the_socket_elsewhere(tmp_path: Path) -> None:
    server = LocalPostgres(tmp_path / ("x" * 100))
    with server:
        _insert(server, 7)
        assert _rows(server) == [(7,)]


def test_two_starts_at_once_give_one_server(tmp_path: Path) -> None:
    program = textwrap.dedent(
        """
        import sys, pathlib
        from infra.postgres import LocalPostgres
        server = LocalPostgres(pathlib.Path(sys.argv[1]))
        server.start()
        print(server.pid, server.started_here)
        """
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    starts = [subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = [start.communicate(timeout=60)[0].split() for start in starts]
    server = LocalPostgres(tmp_path)
    try:
        assert [start.returncode for start in starts] == [0, 0, 0]
        assert len({pid for pid, _ in said}) == 1
        assert sorted(here for _, here in said) == ["False", "False", "True"]
        server.start()
        assert not server.started_here
    finally:
        server.stop()
    assert not server.alive()


def test_a_start_that_died_half_way_does_not_stand_in_the_way(own: LocalPostgres) -> None:
    (own.folder / "data.draft").mkdir(parents=True)
    (own.folder / "data.draft/PG_VERSION").write_text("18")
    own.start()
    assert own.alive()


def test_damaged_data_says_where_the_log_is(own: LocalPostgres) -> None:
    own.start()
    own.stop()
    (own.data / "global/pg_control").unlink()
    with pytest.raises(UnavailableError, match="POSTGRES_START_FAILED") as caught:
        own.start()
    assert str(own.log_file) in caught.value.message
    assert not own.alive()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs it under another account")
def test_as_root_it_runs_under_another_account(own: LocalPostgres) -> None:
    own.start()
    assert own.data.stat().st_uid != 0


def test_a_database_that_does_not_answer_is_unreachable_and_its_password_is_not_told(tmp_path: Path) -> None:
    url = f"postgres://me:hunter2@/alluse?host={tmp_path}"
    settings = Settings.model_validate({"DATABASE_URL": url})
    with pytest.raises(UnavailableError, match="POSTGRES_UNREACHABLE") as caught:
        open_database(settings)
    assert caught.value.exit_code == 3
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("text", ["mysql://a@b/c", "nonsense", ""])
def test_a_url_of_something_else_is_a_bad_setting(text: str) -> None:
    with pytest.raises(RequestError, match="SETTINGS_INVALID"):
        parse_url(text)


def test_a_killed_server_that_nobody_waited_for_does_not_stand_in_the_way(own: LocalPostgres) -> None:
    # given a server whose parent, another process, lives and does not see that it was killed
    code = "import sys, time, pathlib; from infra.postgres import LocalPostgres as L\n"
    code += "L(pathlib.Path(sys.argv[1])).start(); print('up', flush=True); time.sleep(600)"
    parent = subprocess.Popen(
        [sys.executable, "-c", code, own.folder.parent], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "up\n"
        pid = own.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
        # when it is started again, then it starts
        own.start()
        assert own.pid not in (None, pid)
        assert psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    finally:
        own.stop()
        parent.kill()
        parent.wait()
