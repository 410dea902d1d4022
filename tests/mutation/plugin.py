"""Pytest plugins of a child process: which statements each test runs, and which test fails first."""

from collections.abc import Callable, Generator

import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings


def repeatable() -> None:
    """Properties draw the same examples each time, and do not shrink what fails."""
    hypothesis_settings.register_profile(
        "mutation", deadline=None, derandomize=True, database=None, print_blob=False,
        phases=(Phase.explicit, Phase.generate), suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    hypothesis_settings.load_profile("mutation")


class Repeatable:
    """Loads the profile after `conftest.py` has loaded its own."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> None:
        """Before the first module of tests is imported."""
        repeatable()


class Coverage:
    """Which probes each test sets off, and how long it takes."""

    def __init__(self, probes: bytearray) -> None:
        self.probes = probes
        self.at_import: set[int] = set()
        self.hit: dict[str, set[int]] = {}
        self.seconds: dict[str, float] = {}
        self.failed: list[str] = []

    def _taken(self) -> set[int]:
        found = {n for n, set_off in enumerate(self.probes) if set_off}
        self.probes[:] = bytes(len(self.probes))
        return found

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """What has run so far belongs to no test."""
        self.at_import = self._taken()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, bool, bool]:
        """Takes what the test has set off."""
        result = yield
        self.hit[item.nodeid] = self._taken()
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keeps the duration, and what fails without any mutant."""
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration
        if report.failed:
            self.failed.append(report.nodeid)


class Verdict:
    """Tells each start and failure of a test."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.tell = tell
        self.failed = False

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A module of tests that cannot be imported any more."""
        if report.failed:
            self.failed = True
            self.tell(f"failed {report.nodeid}")

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """So that the parent knows how long a test has been running."""
        self.tell(f"start {nodeid}")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """What fails kills the mutant; so does an expected failure that passes."""
        if report.failed:
            self.failed = True
            self.tell(f"failed {report.nodeid}")


class Loop:
    """Takes the place of pytest's loop: the collected tests are handed to someone else, who runs what it likes."""

    def __init__(self, serve: Callable[[pytest.Session], None]) -> None:
        self.serve = serve

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """All is collected."""
        self.serve(session)
        return True
