"""Children that are forked before anything of `domain` is imported: one for the coverage, one for each mutant."""

import ast
import gc
import importlib
import inspect
import json
import math
import os
import pickle
import select
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType
from typing import NoReturn, cast

import pytest

from tests.mutation.hook import PROBE, install, probed
from tests.mutation.plugin import Coverage, Loop, Repeatable, Verdict
from tests.mutation.sites import Mutant, modules, mutated, source_of

ROOT = Path(__file__).parents[2]
HEAVY = (
    "numpy", "pandas", "scipy.stats", "pyarrow", "fastavro", "pyruhvro", "confluent_kafka", "exchange_calendars",
    "yaml", "pydantic", "pydantic_settings", "rich.console", "rich.table", "rich.live", "typer", "psycopg",
    "sqlalchemy", "hypothesis", "hypothesis.stateful", "jsonschema", "psutil",
)  # fmt: skip
"""What the children need and nothing of ours: imported once, before the first fork."""
OPTIONS = ["-q", "-s", "-p", "no:cacheprovider", "--no-header", "--tb=no", "-W", "ignore"]
PATIENCE_S = 30.0
"""A test that takes this much longer than ten times its usual time seems to run for ever; it is asked once more."""
SURE_S = 120.0
"""The same when it is asked alone: then it does run for ever."""


def prepare() -> None:
    """Imports what every child would import."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    for name in HEAVY:
        try:
            importlib.import_module(name)
        except ImportError:
            continue


@dataclass(frozen=True)
class Seen:
    """What the tests run of the domain."""

    number: dict[str, int]
    """module to the number of its first statement"""
    tests: dict[int, frozenset[str]]
    """statement to the tests that run it"""
    at_import: frozenset[int]
    seconds: dict[str, float]
    failed: list[str]


def seen_by(tests: Sequence[str]) -> Seen:
    """Runs the tests once, with probes."""
    number: dict[str, int] = {}
    trees: dict[str, ast.Module] = {}
    count = 0
    for name in modules():
        number[name] = count
        trees[name], more = probed(name, count)
        count += more
    probes = bytearray(count)
    out, back = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(out)
        coverage = Coverage(probes)
        install(trees.get, {PROBE: probes})
        pytest.main([*OPTIONS, *tests], plugins=[Repeatable(), coverage])
        with os.fdopen(back, "wb") as pipe:
            pickle.dump((coverage.hit, coverage.at_import, coverage.seconds, coverage.failed), pipe)
        _leave()
    os.close(back)
    with os.fdopen(out, "rb") as pipe:
        hit, at_import, seconds, failed = pickle.load(pipe)
    os.waitpid(child, 0)
    by_statement: dict[int, set[str]] = {}
    for nodeid, numbers in hit.items():
        for one in numbers:
            by_statement.setdefault(one, set()).add(nodeid)
    return Seen(number, {n: frozenset(t) for n, t in by_statement.items()}, frozenset(at_import), seconds, failed)


@dataclass(frozen=True)
class Outcome:
    """What came of a mutant."""

    verdict: str
    """killed, survived, timeout (a test ran for ever: killed too), unseen (no test runs it)"""
    tests: list[str]
    """those that failed"""
    tried: int
    seconds: float


class ExchangeError(Exception):
    """The changed function could not be put in place of the one that is imported."""


class Server:
    """A child that has imported the domain and collected every test; each mutant it is asked for runs in a fork of it.

    The child gets the mutant's code put in place of what it has imported. Where that cannot do, because the changed
    statement runs at import, `fresh` says so: then the child imports everything anew, the changed module among it.
    """

    def __init__(self, tests: Sequence[str], mutants: list[Mutant], *, fresh: bool) -> None:
        self.mutants = mutants
        (self._requests, self._ask), (self._answers, self._tell) = os.pipe(), os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._ask)
            os.close(self._answers)
            _silent()
            if fresh:
                self._serve(None)
            else:
                pytest.main([*OPTIONS, *tests], plugins=[Repeatable(), Loop(self._serve)])
            _leave()
        os.close(self._requests)
        os.close(self._tell)
        self._pending = b""

    def close(self) -> None:
        """Ends the child."""
        os.close(self._ask)
        os.close(self._answers)
        os.waitpid(self.pid, 0)

    # --- in the child -----------------------------------------------------------------------------------------------

    def _say(self, line: str) -> None:
        os.write(self._tell, f"{line}\n".encode())

    def _serve(self, session: pytest.Session | None) -> None:
        """Forks once for each request until there are no more."""
        gc.freeze()
        with os.fdopen(self._requests, "rb") as requests:
            for line in requests:
                index, tests, failures = cast("tuple[int, list[str], int]", tuple(json.loads(line)))
                child = os.fork()
                if child == 0:
                    code = 1
                    try:
                        os.setpgid(0, 0)
                        self._say(f"pid {os.getpid()}")
                        code = self._play(session, self.mutants[index], tests, failures)
                    finally:
                        _leave(code)
                _, status = os.waitpid(child, 0)
                self._say(f"done {status}")

    def _play(self, session: pytest.Session | None, mutant: Mutant, tests: list[str], failures: int) -> int:
        tree = mutated(mutant.module, mutant)
        verdict = Verdict(self._say)
        if session is None:
            install(lambda name: tree if name == mutant.module else None)
            files = sorted({nodeid.partition("::")[0] for nodeid in tests})
            loop = Loop(lambda collected: self._run(collected, verdict, tests, failures))
            result = pytest.main([*OPTIONS, *files], plugins=[Repeatable(), verdict, loop])
            return 0 if result in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED) else 1
        try:
            exchange(mutant.module, tree)
        except (LookupError, ValueError) as problem:
            self._say(f"broken {type(problem).__name__} {problem}")
            return 0
        session.config.pluginmanager.register(verdict)
        self._run(session, verdict, tests, failures)
        return 0

    def _run(self, session: pytest.Session, verdict: Verdict, tests: list[str], failures: int) -> None:
        """The tests named, in their order, until enough have failed."""
        known = {item.nodeid: item for item in session.items}
        items = [known[nodeid] for nodeid in tests if nodeid in known]
        self._say(f"found {len(items)}")
        failed = 0
        for item, following in zip(items, [*items[1:], None], strict=True):
            verdict.failed = False
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            failed += verdict.failed
            if failed >= failures:
                return

    # --- in the parent ----------------------------------------------------------------------------------------------

    def judge(
        self, mutant: Mutant, tests: list[str], seconds: dict[str, float], limit_s: float, failures: int,
        patience_s: float = PATIENCE_S,
    ) -> Outcome:  # fmt: skip
        """Runs the tests against the mutant until `failures` of them fail, or time is up. What takes long before the
        first test runs is the machine, not the mutant: it is waited for."""
        _write(self._ask, json.dumps([self.mutants.index(mutant), tests, failures]).encode() + b"\n")
        started = since = time.monotonic()
        failed: list[str] = []
        tried, running, found, pid = 0, "", -1, 0
        late = over = False
        broken = ""
        while True:
            for line in self._lines():
                word, _, name = line.partition(" ")
                if word == "start":
                    tried, running, since = tried + 1, name, time.monotonic()
                elif word == "failed" and name not in failed:
                    failed.append(name)
                elif word == "found":
                    found, since = int(name), time.monotonic()
                elif word == "pid":
                    pid = int(name)
                elif word == "broken":
                    broken = name
                elif word == "done":
                    if broken:
                        raise ExchangeError(f"{mutant.key}: {broken}")
                    took = round(time.monotonic() - started, 1)
                    if failed:
                        return Outcome("killed", failed, tried, took)
                    if late:
                        return Outcome("timeout", [running], tried, took)
                    if not over and int(name):
                        return Outcome("killed", [running or "import"], tried, took)
                    if found == 0:
                        raise RuntimeError(f"none of these tests was collected: {tests[:3]}")
                    return Outcome("survived", [], tried, took)
            now = time.monotonic()
            slow = patience_s + 10 * seconds[running] if running else math.inf
            if pid and not (late or over) and (now - since > slow or now - started > limit_s):
                late, over = now - since > slow, now - started > limit_s
                os.killpg(pid, signal.SIGKILL)

    def _lines(self) -> list[str]:
        """What the child has said within a second."""
        if not select.select([self._answers], [], [], 1.0)[0]:
            return []
        chunk = os.read(self._answers, 65536)
        if not chunk:
            raise RuntimeError("the server of mutants has ended")
        *lines, self._pending = (self._pending + chunk).split(b"\n")
        return [line.decode() for line in lines]


def exchange(module: str, tree: ast.Module) -> None:
    """Puts the functions of the tree in place of those that are imported.

    Raises LookupError or ValueError where that cannot be done: one is not there, or has other free variables now.
    """
    file = str(source_of(module))
    gc.unfreeze()
    live: dict[str, list[FunctionType]] = {}
    for one in gc.get_objects():
        if isinstance(one, FunctionType) and one.__code__.co_filename == file:
            live.setdefault(_name(one.__code__), []).append(one)
    old = dict(functions(compile(ast.parse(source_of(module).read_text("utf-8")), file, "exec", dont_inherit=True)))
    changed = {
        name: code for name, code in functions(compile(tree, file, "exec", dont_inherit=True)) if old[name] != code
    }
    if not changed:
        raise LookupError(f"no function of {module} differs")
    for name, code in changed.items():
        for function in live[name]:
            function.__code__ = code


def functions(code: CodeType) -> Iterator[tuple[str, CodeType]]:
    """Functions of a module and of its classes, not those inside functions; by name and line."""
    for const in code.co_consts:
        if isinstance(const, CodeType):
            if const.co_flags & inspect.CO_OPTIMIZED:
                yield _name(const), const
            else:
                yield from functions(const)


def _name(code: CodeType) -> str:
    return f"{code.co_qualname}:{code.co_firstlineno}"


def _write(pipe: int, data: bytes) -> None:
    while data:
        data = data[os.write(pipe, data) :]


def _silent() -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)


def _leave(code: int = 0) -> NoReturn:
    """Ends a child at once: what the parent has registered to run at its end is not the child's."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
