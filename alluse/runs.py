"""A recorded run through the running system: feed, follow until everything is done, read the log back."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from alluse.following import Follower, Logged
from alluse.homes import Home, shown_log, with_log
from alluse.logs import choose_log
from alluse.operating import change_log, require_running, start_detached, stop_system
from alluse.outcomes import Outcome
from alluse.plans import PARTITIONS, Plan
from infra.errors import UnavailableError
from infra.kafka.clients import producer
from infra.kafka.cluster import Cluster
from infra.kafka.connect import open_cluster
from infra.postgres import Database, open_database
from infra.settings import Settings
from infra.stream.contract import Message
from processors.book.digest import EVENT_TOPICS, LogDigest, digest_of
from processors.runtime.kafka import KafkaLog
from schemas.codec import Codec

STALLED_S = 180.0
LOOK_S = 1.0
CAUGHT_UP_S = 180.0
OnEvent = Callable[[Logged], None]
OnProgress = Callable[[int, int], None]
"""Called with the event time that everything has reached and the records fed."""


@dataclass(frozen=True)
class Place:
    """The system that a run goes through."""

    settings: Settings
    """with the namespace of the run's log"""
    cluster: Cluster
    database: Database
    setup_s: float

    def since(self, started: float) -> Place:
        """The same with everything since `started` (monotonic) as set-up."""
        return replace(self, setup_s=time.monotonic() - started)


@contextmanager
def system(settings: Settings, processors: int | None, say: Callable[[str], None]) -> Generator[Place]:
    """The running system on a fresh log; one that was not up is started, and stopped afterwards."""
    started = time.monotonic()
    home = Home(settings)
    running = home.supervisor()
    cluster, broker = open_cluster(settings)
    database, postgres = open_database(settings)
    ours = running is None
    try:
        count = processors or (running["processors"] if running else None) or 1
        wanted = choose_log(settings, cluster, database, count)
        home.want(wanted)
        if ours:
            say("Starting the system")
            start_detached(settings, owner=os.getpid())
        else:
            change_log(settings, wanted)
        chosen = with_log(settings, wanted.log)
        say(f"Log {shown_log(wanted.log)}, {count} book processor{'s' if count > 1 else ''}")
        place = Place(
            chosen,
            chosen.cluster(cluster.bootstrap),
            Database(database.url, chosen.postgres_schema),
            time.monotonic() - started,
        )
        yield place
    finally:
        if ours:
            stop_system(settings)
            for server in (broker, postgres):
                if server is not None and server.started_here:
                    server.stop()


def play(plan: Plan, place: Place, on_event: OnEvent, on_progress: OnProgress) -> tuple[dict[str, Any], Outcome]:
    """Feed the plan and follow it to its end; the result of interface.md and what it counts.

    Raises UnavailableError `RUN_STALLED`, `PROJECTIONS_BEHIND`, and what the system ended on.
    """
    started = time.monotonic()
    running = Running(place.settings)
    follower = Follower(place.cluster, PARTITIONS)
    feeder = Feeder(plan, place.cluster)
    feeder.start()
    try:
        _follow(plan, follower, feeder, running, on_event, on_progress)
        run_s = time.monotonic() - started
        _await_projections(place.database, follower, running, on_event)
    finally:
        feeder.stopping.set()
        feeder.join()
        follower.close()
    digest, outcome = read_back(place.cluster, plan.opened.partitions)
    first, last = plan.from_day.isoformat(), plan.to_day.isoformat()
    return outcome.document(first, last, feeder.fed, digest, place.setup_s, run_s), outcome


class Feeder(threading.Thread):
    """Writes the plan's inputs to the log; what is behind is paced by the watermarks among them."""

    def __init__(self, plan: Plan, cluster: Cluster) -> None:
        super().__init__(name="feeder", daemon=True)
        self._plan, self._cluster = plan, cluster
        self.stopping = threading.Event()
        self.failure: BaseException | None = None
        self.fed = 0

    def run(self) -> None:
        try:
            self._feed()
        except BaseException as error:  # noqa: BLE001  # handed to the thread that follows
            self.failure = error

    def _feed(self) -> None:
        out = producer(self._cluster, overrides={"linger.ms": 20})
        names: dict[str, str] = {}
        for _, outputs in self._plan.feed():
            if self.stopping.is_set():
                return
            for topic, partition, key, value, _ in outputs:
                name = names.get(topic) or names.setdefault(topic, self._cluster.topic(topic))
                while True:
                    try:
                        out.produce(name, value, key, partition)
                        break
                    except BufferError:
                        out.poll(0.1)
            self.fed += len(outputs)
            out.poll(0)
            if self._plan.pace is not None:
                out.flush(5)
        while out.flush(5) and not self.stopping.is_set():
            pass


class Running:
    """The system that is followed: whether it is still there is asked once in a while."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._asked_at = time.monotonic()

    def require(self) -> None:
        """Raises what it has ended on."""
        if time.monotonic() - self._asked_at > LOOK_S:
            require_running(self._settings)
            self._asked_at = time.monotonic()


def _follow(
    plan: Plan, follower: Follower, feeder: Feeder, running: Running, on_event: OnEvent, on_progress: OnProgress
) -> None:
    """Until every partition has promised more than the plan's end."""
    moved_at, before = time.monotonic(), (0, 0)
    while not follower.done(plan.until_us):
        for logged in follower.poll():
            on_event(logged)
        running.require()
        if feeder.failure is not None:
            raise feeder.failure
        # A partition without a book promises nothing before the first marks: the slowest one tells.
        now = (min(follower.promised.values()), feeder.fed)
        on_progress(*now)
        if now != before:
            moved_at, before = time.monotonic(), now
        elif time.monotonic() - moved_at > STALLED_S and plan.pace is None:
            raise UnavailableError(
                "RUN_STALLED",
                f"Nothing has advanced for {STALLED_S:.0f} s.",
                "`alluse status` shows which process stands still; its log is under ALLUSE_HOME/run/logs.",
            )
    on_progress(plan.until_us, feeder.fed)


def _await_projections(database: Database, follower: Follower, running: Running, on_event: OnEvent) -> None:
    """Until the read models hold everything that was published."""
    from projections.catalogue import PROJECTIONS
    from projections.queries import ReadModels

    models = ReadModels(database)
    deadline = time.monotonic() + CAUGHT_UP_S
    while True:
        for logged in follower.poll(0.05):
            on_event(logged)
        running.require()
        read = {
            (row["projection"], row["topic"], row["partition"]): int(row["next_offset"]) for row in models.progress()
        }
        behind = [
            place
            for place, offset in follower.next_offsets.items()
            if any(read.get((name, *place), 0) < offset for name in PROJECTIONS)
        ]
        if not behind:
            return
        if time.monotonic() > deadline:
            raise UnavailableError(
                "PROJECTIONS_BEHIND",
                f"The read models have not caught up within {CAUGHT_UP_S:.0f} s: {len(behind)} partitions are behind.",
                "`alluse status` shows whether the projections run; the journal itself is complete.",
            )
        time.sleep(0.1)


def read_back(cluster: Cluster, partitions: int) -> tuple[LogDigest, Outcome]:
    """Read the whole log, check its chain and its events, count it. Raises BrokenJournal."""
    codec = Codec.load()
    progress = codec.header("BookProgress")
    outcome = Outcome()
    log = KafkaLog(cluster)

    def records(topic: str, partition: int) -> Iterable[Message]:
        for message in log.records(topic, partition):
            if topic in EVENT_TOPICS and (message.value or b"")[:5] != progress:
                outcome.event(*codec.decode(message.value or b""))
            yield message

    try:
        return digest_of(records, partitions), outcome
    finally:
        log.close()
