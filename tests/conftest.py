"""Shared fixtures: one local Kafka and one PostgreSQL for the whole session, names that keep tests apart, real data.

kafka       Cluster without namespace; the session's own broker, or KAFKA_BOOTSTRAP_SERVERS if that is set
cluster     the same with a namespace of this test alone
broker      the session's LocalBroker (skips on a named cluster): to look at, not to stop; make your own to kill
postgres    Database of the session's own server, or DATABASE_URL
database    the same with a schema of this test alone (not made yet)
cache       the folder with the broker's jars
realdata    folder of the recorded market data; skips when absent, fails with ALLUSE_REQUIRE_REALDATA
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings as hypothesis_settings
from psycopg import sql

from infra.kafka.broker import LocalBroker
from infra.kafka.cluster import Cluster
from infra.postgres import Database, LocalPostgres, open_database
from infra.settings import CHECKOUT, Settings, load_settings

hypothesis_settings.register_profile("alluse", deadline=None, print_blob=True)
hypothesis_settings.load_profile("alluse")

_TEMPORARY = pytest.StashKey[Path]()
_LEVELS = ("unit", "integration", "e2e")
_numbers = itertools.count(1)


def pytest_configure(config: pytest.Config) -> None:
    """Temporary folders of this session alone. Every session closes the common one to other accounts, and PostgreSQL,
    which does not run as root, then loses its data under a session that is running."""
    if "PYTEST_DEBUG_TEMPROOT" not in os.environ:
        folder = tempfile.mkdtemp(prefix="alluse-tests-")
        os.environ["PYTEST_DEBUG_TEMPROOT"] = folder
        config.stash[_TEMPORARY] = Path(folder)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Kept for a look when a test failed."""
    folder = session.config.stash.get(_TEMPORARY, None)
    if folder is not None and exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test's level is its folder; what uses the real data is marked so."""
    for item in items:
        for level in _LEVELS:
            if Path(__file__).parent / level in item.path.parents:
                item.add_marker(level)
        if isinstance(item, pytest.Function) and "realdata" in item.fixturenames:
            item.add_marker("realdata")


@pytest.fixture(scope="session")
def surroundings() -> Settings:
    """The settings the session was started with."""
    return load_settings()


@pytest.fixture(scope="session")
def cache(surroundings: Settings) -> Path:
    return surroundings.cache


@pytest.fixture(scope="session")
def session_home(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Path]:
    """Local state of the session's servers; kept for a look when a test failed."""
    home = tmp_path_factory.mktemp("home")
    yield home
    if not request.session.testsfailed:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def _session_broker(surroundings: Settings, session_home: Path) -> Iterator[LocalBroker | None]:
    if surroundings.kafka_bootstrap_servers:
        yield None
        return
    with LocalBroker(session_home, surroundings.cache) as local:
        yield local


@pytest.fixture(scope="session")
def kafka(surroundings: Settings, _session_broker: LocalBroker | None) -> Cluster:
    bootstrap = _session_broker.bootstrap if _session_broker else surroundings.kafka_bootstrap_servers
    assert bootstrap is not None
    return surroundings.cluster(bootstrap)


@pytest.fixture(scope="session")
def broker(_session_broker: LocalBroker | None) -> LocalBroker:
    if _session_broker is None:
        pytest.skip("runs on the cluster that KAFKA_BOOTSTRAP_SERVERS names, not on a local broker")
    return _session_broker


@pytest.fixture
def namespace() -> str:
    """A topic prefix that no other test has."""
    return f"t{os.getpid()}_{next(_numbers)}"


@pytest.fixture
def cluster(kafka: Cluster, namespace: str) -> Cluster:
    return dataclasses.replace(kafka, namespace=namespace)


@pytest.fixture(scope="session")
def postgres(surroundings: Settings, session_home: Path) -> Iterator[Database]:
    if surroundings.database_url is not None:
        yield open_database(surroundings)[0]
        return
    with LocalPostgres(session_home) as server:
        yield Database(server.url())


@pytest.fixture
def database(postgres: Database, namespace: str) -> Iterator[Database]:
    mine = dataclasses.replace(postgres, schema=f"alluse_{namespace}")
    yield mine
    with psycopg.connect(mine.conninfo, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(mine.schema)))


@pytest.fixture(scope="session")
def realdata() -> Path:
    named = os.environ.get("ALLUSE_REALDATA")
    places = [Path(named)] if named else [CHECKOUT.parent / "shared/data", CHECKOUT.parents[1] / "shared/data"]
    for place in places:
        if place.is_dir():
            return place
    reason = f"no recorded market data at {' or '.join(map(str, places))} (ALLUSE_REALDATA names another folder)"
    if os.environ.get("ALLUSE_REQUIRE_REALDATA"):
        pytest.fail(reason)
    pytest.skip(reason)
