"""What each process of the system runs: `python -m alluse.processes KIND NAME`, started and watched by the supervisor.

A process notes its pid once a second, with how far it has come, under ALLUSE_HOME/run/children; it ends by itself when
its supervisor is gone, so that no orphan goes on.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

from alluse.homes import Home, write_note
from alluse.plans import GRID_US, MARKET_PARTITIONS, PARTITIONS
from infra.errors import AllUseError
from infra.logs import configure_logs
from infra.processes import ServerProcess
from infra.settings import Settings, load_settings
from infra.stream.contract import Message, Output, Processor, Task, ValueTask

_log = logging.getLogger("alluse.processes")

KINDS = ("market", "book", "paper-broker", "projections", "monitor")
BEAT_S = 1.0
Progress = Callable[[], dict[str, Any]]


def names(processors: int) -> dict[str, str]:
    """The processes of a system: name to kind."""
    books = {f"book-{n}": "book" for n in range(processors)}
    rest = ("paper-broker", "projections", "monitor")
    return {"market": "market", **books, **{kind: kind for kind in rest}}


class Beat(threading.Thread):
    """Keeps the process's note fresh, and watches that its parent lives."""

    def __init__(self, home: Home, kind: str, name: str, log: str, progress: Progress, stop: threading.Event) -> None:
        super().__init__(name="beat", daemon=True)
        self._file = home.child_file(name)
        self._process = ServerProcess.of(os.getpid())
        self._fixed: dict[str, Any] = {"kind": kind, "log": log, "since": time.time()}
        self._progress = progress
        self._stop_event = stop
        self._parent = os.getppid()

    def run(self) -> None:
        advanced_at, last = time.time(), None
        while True:
            progress = self._progress()
            if progress != last:
                advanced_at, last = time.time(), progress
            with contextlib.suppress(OSError):  # a full disk: the next beat may have room
                write_note(
                    self._file,
                    {
                        "pid": self._process.pid,
                        "created": self._process.created,
                        **self._fixed,
                        "beat": time.time(),
                        "advanced": advanced_at,
                        "progress": progress,
                    },
                )
            if self._stop_event.wait(BEAT_S):
                return
            if os.getppid() != self._parent:
                _log.warning("the supervisor is gone, ending")
                self._stop_event.set()


def run_kind(kind: str, name: str, settings: Settings, stop: threading.Event) -> None:
    """Run one process of the system until `stop` is set."""
    assert settings.kafka_bootstrap_servers is not None
    cluster = settings.cluster(settings.kafka_bootstrap_servers)
    home = Home(settings)

    def beat(progress: Progress) -> None:
        Beat(home, kind, name, settings.namespace, progress, stop).start()

    if kind == "projections":
        from infra.postgres import open_database
        from projections.kafka import LiveReader

        database, _ = open_database(settings)
        beat(dict[str, Any])
        LiveReader(cluster, database, instance=name).run(stop)
        return

    if kind == "monitor":
        from alluse.monitoring import run_monitor

        run_monitor(cluster, settings, stop, beat)
        return

    from processors.runtime.kafka import ProcessorRunner

    watched = Watched(_processor(kind))
    runner = ProcessorRunner(cluster, watched, instance=name)

    def progress() -> dict[str, Any]:
        owned = sorted(runner.advanced())
        return {str(partition): dict(watched.read.get(partition, {})) for partition in owned}

    beat(progress)
    runner.run(stop)


class Watched:
    """A processor whose tasks note how far they have read: offsets committed stay behind that, for what must be read
    again after a restart."""

    def __init__(self, processor: Processor) -> None:
        self._processor = processor
        self.name = processor.name
        self.inputs = processor.inputs
        self.read: dict[int, dict[str, int]] = {}
        """partition to input topic to the next offset"""

    def task(self, partition: int) -> Task:
        """The processor's task, its two ways in noted."""
        task = self._processor.task(partition)
        read = self.read[partition] = {}
        handle = task.handle

        def noted(messages: Sequence[Message]) -> list[Output]:
            outputs = handle(messages)
            for message in messages:
                read[message.topic] = message.offset + 1
            return outputs

        task.handle = noted
        if isinstance(task, ValueTask):
            handle_values = task.handle_values

            def noted_values(
                values: list[bytes], next_offset: int, message_at: Callable[[int], Message]
            ) -> list[Output]:
                outputs = handle_values(values, next_offset, message_at)
                read[self.inputs[0]] = next_offset
                return outputs

            task.handle_values = noted_values
        return task


def _processor(kind: str) -> Processor:
    match kind:
        case "market":
            from processors.market.task import MarketProcessor

            return MarketProcessor(MARKET_PARTITIONS, PARTITIONS, GRID_US)
        case "book":
            from processors.book.task import BookProcessor

            return BookProcessor()
        case "paper-broker":
            from gateways.broker.paper import PaperBroker

            return PaperBroker()
        case _:
            raise ValueError(f"no kind of process: {kind}")


def on_stop_signals(stop: Callable[[], None]) -> None:
    """Call `stop` when the process is asked to end."""

    def handler(_number: int, _frame: FrameType | None) -> None:
        stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handler)


def main(arguments: list[str]) -> int:
    """The process; returns its exit code."""
    kind, name = arguments
    settings = load_settings()
    configure_logs(settings.log)
    stop = threading.Event()
    on_stop_signals(stop.set)
    try:
        run_kind(kind, name, settings, stop)
    except AllUseError as error:
        _log.error("%s", error)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
