"""The Faust shell of the monitor: reads, keeps the books' states in a table, runs errands, looks at the plant.

At-least-once. A book's state, decisions included, is one record of the compacted topic `monitor.state`; it is on the
log before the event that changed it counts as read. An errand leaves the state when it is done: a kill in between
repeats it. An event that is read again is known by its place and passed over.

On a recorded log time is the log's own, no command is sent (the journal must not depend on when somebody looked), and
the plant is not looked at.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, NoReturn, cast

from domain.calendar import DAY, Calendar
from domain.commands import CommandHeader, RaiseAlert
from domain.identity import partition_of
from infra.kafka.cluster import Cluster
from processors.monitor.alerts import Alert, Notice, Outcome, Proposal
from processors.monitor.book import FOLLOWED, BookMonitor, BookState, Errand, Targets, load, save
from processors.monitor.client import make_app
from processors.monitor.plant import PLANT, Plant
from processors.monitor.probe import Probe
from processors.monitor.records import AlertDelivered, AlertDeliveryFailed, AlertSuppressed, PlantAlertRaised
from schemas.codec import Codec
from schemas.errors import SchemaError

_log = logging.getLogger("alluse.monitor")

NAME = "monitor"
STATE, DELIVERIES, COMMANDS = "monitor.state", "alert-deliveries", "commands"
TICK_S, ERRANDS_S, LOOK_EVERY_S = 1.0, 0.1, 10.0
AT_ONCE = 16
LONGEST_PAUSE_S = 300.0
OLD_US, QUIET_S = 10_000_000, 3.0
"""Read up to now: for a while nothing was read that is older than this, on a recorded log nothing at all."""
FOREVER = 1 << 62
PLANT_PARTITION = 0

Tell = Callable[[str, Notice], Outcome]
"""Give a notice to a place (channel:ROLE); blocks, is called from threads."""
Fail = Callable[[BaseException], NoReturn]
"""End the process at once, as if killed: what Faust does on its way out may mark as read what was not done."""
CalendarAt = Callable[[int], Calendar]
"""The sessions around a moment."""


class Monitor:
    """One process of the monitor; several share the partitions."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        partitions: int,
        recorded: bool,
        calendar_at: CalendarAt,
        targets: Targets,
        tell: Tell,
        fail: Fail,
        read: dict[int, dict[str, int]] | None = None,
    ) -> None:
        self._cluster = cluster
        self._partitions = partitions
        self._recorded = recorded
        self._calendar_at = calendar_at
        self._targets = targets
        self._tell = tell
        self._fail = fail
        self._codec = Codec.load()
        self._progress = self._codec.header("BookProgress")
        self._short = {cluster.topic(topic): topic for topic in FOLLOWED}
        self._books: dict[str, BookMonitor] = {}
        self._event_us: dict[int, int] = {}
        self._behind_until: dict[int, float] = {}
        """partition to the moment from which it counts as read up to now"""
        self._pauses: dict[str, tuple[int, float]] = {}
        self._running: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self._plant = Plant()
        self.read: dict[int, dict[str, int]] = {} if read is None else read
        """partition to topic to the next offset"""

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set; what fails goes to `fail`."""
        asyncio.run(self._run(stop))

    async def _run(self, stop: threading.Event) -> None:
        app = self._app = make_app(self._cluster, f"{NAME}.positions")
        raw: dict[str, Any] = {
            "key_type": bytes, "value_type": bytes, "key_serializer": "raw", "value_serializer": "raw",
        }  # fmt: skip
        self._table = app.Table(
            STATE,
            partitions=self._partitions,
            key_type=bytes,
            value_type=bytes,
            changelog_topic=app.topic(
                self._cluster.topic(STATE),
                partitions=self._partitions,
                compacting=True,
                deleting=False,
                acks=False,
                allow_empty=True,
                **raw,
            ),
        )
        self._out = {name: app.topic(self._cluster.topic(name), **raw) for name in (DELIVERIES, COMMANDS)}
        app.agent(app.topic(*self._short, **raw), name="follow")(self._follow)
        app.on_partitions_assigned.connect(self._forget)
        app.timer(TICK_S)(self._guarded(self._tick))
        app.timer(ERRANDS_S)(self._guarded(self._run_errands))
        if not self._recorded:
            self._probe = Probe(self._cluster, self._partitions)
            app.timer(LOOK_EVERY_S)(self._guarded(self._look))
        app.finalize()
        await app.maybe_start()
        while not stop.is_set() and self._failure is None and not app.crashed:
            await asyncio.sleep(0.1)
        if failure := self._failure or app.crash_reason:
            self._fail(failure)
        await app.stop()

    # ------------------------------------------------------------------ reading

    async def _follow(self, stream: Any) -> None:
        async for event in stream.events():
            message = event.message
            topic, partition = self._short[message.topic], message.partition
            try:
                await self._take(topic, partition, message.value)
            except Exception as error:  # noqa: BLE001  # never read past what failed: the process ends, and begins there
                self._failure = error
                await asyncio.Event().wait()
            self.read.setdefault(partition, {})[topic] = message.offset + 1

    async def _take(self, topic: str, partition: int, value: bytes | None) -> None:
        if not value:
            return
        try:
            name, plain = self._codec.decode(value)
        except SchemaError as error:
            _log.warning("a record that cannot be read is passed over: %s", error, extra={"topic": topic})
            return
        if value[:5] == self._progress:
            self._reached(partition, plain["promise_us"])
        elif "envelope" in plain:
            envelope = plain["envelope"]
            self._reached(partition, envelope["recorded_at_us"])
            if self._recorded or envelope["recorded_at_us"] < time.time_ns() // 1000 - OLD_US:
                self._behind_until[partition] = time.monotonic() + QUIET_S
            book = self._book(envelope["system_id"])
            if book.take(topic, name, plain, self._calendar_at(envelope["recorded_at_us"])):
                await self._save(book)

    def _reached(self, partition: int, time_us: int) -> None:
        if time_us < FOREVER:
            self._event_us[partition] = max(time_us, self._event_us.get(partition, 0))

    # ------------------------------------------------------------------ state

    def _book(self, name: str) -> BookMonitor:
        found = self._books.get(name)
        if found is None:
            found = self._books[name] = BookMonitor(name, self._stored(name), self._targets)
        return found

    def _stored(self, name: str) -> BookState:
        data = self._states().get(name.encode())
        if not data:
            return BookState()
        try:
            return load(data)
        except ValueError as error:
            _log.error("the state of %s cannot be read and begins anew: %s", name, error)
            return BookState()

    async def _save(self, book: BookMonitor) -> None:
        key, value = book.book.encode(), save(book.state)
        self._states()[key] = value
        await self._table.send_changelog(self._partition(book.book), key, value)

    async def _forget(self, *_: Any, **__: Any) -> None:
        """Other partitions: states come from the table, and there may be much to read."""
        self._behind_until = dict.fromkeys(range(self._partitions), time.monotonic() + QUIET_S)
        self._books.clear()
        self._pauses.clear()

    def _partition(self, book: str) -> int:
        return PLANT_PARTITION if book == PLANT else partition_of(book, self._partitions)

    def _own(self) -> list[BookMonitor]:
        owned = self._owned()
        names = {key.decode() for key in self._states()} | set(self._books)
        return [self._book(name) for name in sorted(names) if self._partition(name) in owned]

    def _owned(self) -> set[int]:
        alerts = self._cluster.topic("alerts")
        return {tp.partition for tp in self._app.consumer.assignment() if tp.topic == alerts}

    def _states(self) -> MutableMapping[bytes, bytes]:
        """The table's own storage: what is set in it is told to the log by `_save`, which waits for it."""
        return cast(MutableMapping[bytes, bytes], self._table.data)

    def _now_us(self, partition: int) -> int:
        return self._event_us.get(partition, 0) if self._recorded else time.time_ns() // 1000

    # ------------------------------------------------------------------ timers

    def _guarded(self, work: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        async def guarded() -> None:
            if self._failure is not None or self._app.rebalancing:
                return
            try:
                await work()
            except Exception as error:  # noqa: BLE001  # ends the process, which begins where it was
                self._failure = error

        return guarded

    async def _tick(self) -> None:
        for book in self._own():
            partition = self._partition(book.book)
            now_us = self._now_us(partition)
            if time.monotonic() < self._behind_until.get(partition, 0.0):
                continue  # an answer may stand on a topic that is read later
            if now_us and book.tick(now_us, self._calendar_at(now_us)):
                await self._save(book)

    async def _look(self) -> None:
        if PLANT_PARTITION not in self._owned():
            return
        try:
            seen = await asyncio.to_thread(self._probe.look)
        except Exception as error:  # noqa: BLE001  # the next look is in ten seconds
            _log.warning("the plant could not be looked at: %s", error)
            return
        plant = self._book(PLANT)
        for alert in self._plant.look(seen, self._calendar_at(seen.at_us)):
            plant.raised(alert, self._calendar_at(seen.at_us))
            await self._save(plant)

    # ------------------------------------------------------------------ errands

    async def _run_errands(self) -> None:
        """Start what is due, the most urgent first; a slow channel holds up few others."""
        now = time.monotonic()
        due = [
            (book, errand)
            for book in self._own()
            for errand in book.state.outbox
            if errand.errand_id not in self._running and self._pauses.get(errand.errand_id, (0, 0.0))[1] <= now
        ]
        due.sort(key=lambda pair: pair[1].urgency)
        for book, errand in due[: AT_ONCE - len(self._tasks)]:
            self._running.add(errand.errand_id)
            task = asyncio.create_task(self._run_errand(book, errand))
            self._tasks.add(task)
            task.add_done_callback(self._errand_ended)

    def _errand_ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failure = error

    async def _run_errand(self, book: BookMonitor, errand: Errand) -> None:
        try:
            if errand.notice is not None:
                if not await self._deliver(errand, errand.notice):
                    return
            elif errand.suppressed is not None:
                suppressed = errand.suppressed
                record = AlertSuppressed(
                    suppressed.alert_id, suppressed.book, suppressed.type, suppressed.priority, suppressed.reason,
                    suppressed.of_alert_id, suppressed.count, suppressed.at_us,
                )  # fmt: skip
                await self._write(DELIVERIES, suppressed.book, record, suppressed.at_us)
            elif errand.proposal is not None:
                await self._propose(errand.proposal)
            elif errand.plant is not None:
                await self._record_plant(errand.plant)
            self._pauses.pop(errand.errand_id, None)
            if self._partition(book.book) not in self._owned():
                return  # another process has it by now, and does it again
            book = self._book(book.book)
            book.done(errand.errand_id)
            await self._save(book)
        finally:
            self._running.discard(errand.errand_id)

    async def _deliver(self, errand: Errand, notice: Notice) -> bool:
        """Whether the errand is over."""
        attempts = self._pauses.get(errand.errand_id, (0, 0.0))[0] + 1
        outcome = await asyncio.to_thread(self._tell, errand.target, notice)
        now_us = self._now_us(self._partition(notice.book))
        channel, _, role = errand.target.partition(":")
        if outcome.delivered:
            record = AlertDelivered(
                notice.notice_id, notice.kind, notice.alert_id, notice.book, notice.type, notice.priority, channel,
                role, attempts, now_us,
            )  # fmt: skip
            await self._write(DELIVERIES, notice.book, record, now_us)
            return True
        if not outcome.final and now_us < notice.at_us + DAY:
            pause = min(2.0**attempts, LONGEST_PAUSE_S)
            self._pauses[errand.errand_id] = (attempts, time.monotonic() + pause)
            _log.warning("%s did not take a notice (%s), again in %.0f s", errand.target, outcome.code, pause)
            return False
        _log.error("%s does not take a notice (%s): given up", errand.target, outcome.code)
        failed = AlertDeliveryFailed(
            notice.notice_id, notice.alert_id, notice.book, channel, role, attempts, outcome.code, now_us
        )
        await self._write(DELIVERIES, notice.book, failed, now_us)
        return True

    async def _propose(self, proposal: Proposal) -> None:
        if self._recorded:
            _log.info("would propose (recorded log): %s: %s", proposal.title, proposal.message)
            return
        header = CommandHeader(
            proposal.command_id, proposal.book, proposal.at_us, 0, "SERVICE", NAME, "SERVICE", proposal.command_id
        )
        command = RaiseAlert(
            header, proposal.account_id or None, proposal.type, proposal.priority, proposal.ticker or None,
            proposal.title, proposal.message, NAME,
        )  # fmt: skip
        value = self._codec.encode_record(command)
        await self._send(COMMANDS, proposal.book, value, proposal.at_us)

    async def _record_plant(self, alert: Alert) -> None:
        record = PlantAlertRaised(
            alert.alert_id, alert.type, alert.priority, alert.title, alert.message, alert.raised_us
        )
        await self._write(DELIVERIES, PLANT, record, alert.raised_us)

    async def _write(self, topic: str, book: str, record: object, at_us: int) -> None:
        await self._send(topic, book, self._codec.encode_record(record), at_us)

    async def _send(self, topic: str, book: str, value: bytes, at_us: int) -> None:
        partition = self._partition(book)
        sent = await self._out[topic].send(key=book.encode(), value=value, partition=partition, timestamp=at_us / 1e6)
        await sent
