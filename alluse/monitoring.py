"""The monitor as a process: it waits until the log is opened, then follows it and tells people."""

from __future__ import annotations

import datetime as dt
import logging
import os
import threading
from collections.abc import Callable
from dataclasses import asdict
from functools import lru_cache
from typing import Any, NoReturn

from confluent_kafka import Consumer, TopicPartition

from alluse.plans import PARTITIONS
from domain.calendar import Calendar
from domain.inputs import LogOpened
from gateways.delivery.channels import Channels, open_channels
from gateways.delivery.port import DeliveryRefusedError, Message, TransientDeliveryError
from gateways.market.calendar import Sessions
from infra.kafka.clients import reader
from infra.kafka.cluster import Cluster
from infra.settings import Settings
from processors.monitor.alerts import Notice, Outcome
from processors.monitor.app import Monitor
from schemas.codec import Codec
from schemas.records import from_plain

_log = logging.getLogger("alluse.monitor")

LOOK_S = 1.0
"""how long a look for the log's first record waits"""


def run_monitor(
    cluster: Cluster, settings: Settings, stop: threading.Event, beat: Callable[[Callable[[], dict[str, Any]]], None]
) -> None:
    """Follow the log until `stop` is set. Raises RequestError `SETTINGS_INVALID` for channels that cannot be."""
    open_channels(settings)  # a wrong setting is said at once
    reads: dict[int, dict[str, int]] = {}
    beat(lambda: {str(partition): dict(offsets) for partition, offsets in sorted(reads.items())})
    recorded = _await_log(cluster, stop)
    if recorded is None:
        return
    if recorded:
        os.nice(10)  # nobody waits for alerts of the past
    channels = open_channels(settings, only_log=recorded and settings.alert_recorded == "log")
    Monitor(
        cluster,
        partitions=PARTITIONS,
        recorded=recorded,
        calendar_at=calendar_at,
        targets=lambda notice: channels.targets(notice.role),
        tell=teller(channels),
        fail=_die,
        read=reads,
    ).run(stop)


def _die(error: BaseException) -> NoReturn:
    _log.error("the monitor ends, to begin again where it was", exc_info=error)
    logging.shutdown()
    os._exit(1)


def _await_log(cluster: Cluster, stop: threading.Event) -> bool | None:
    """Whether the log is recorded, once it is opened; None when `stop` comes first."""
    consumer = reader(cluster)
    try:
        consumer.assign([TopicPartition(cluster.topic("commands"), 0, 0)])
        while not stop.is_set():
            opened = _opened(consumer)
            if opened is not None:
                return opened.recorded
    finally:
        consumer.close()
    return None


def _opened(consumer: Consumer) -> LogOpened | None:
    for message in consumer.consume(1, LOOK_S):
        value = message.value()
        if message.error() is None and isinstance(value, bytes):
            name, plain = Codec.load().decode(value)
            if name == "LogOpened":
                return from_plain(LogOpened, plain)
    return None


def teller(channels: Channels) -> Callable[[str, Notice], Outcome]:
    """Tells what the monitor decides over these channels."""

    def tell(target: str, notice: Notice) -> Outcome:
        try:
            channels.deliver(target, Message(**asdict(notice)))
        except TransientDeliveryError as error:
            return Outcome(delivered=False, final=False, code=error.code)
        except DeliveryRefusedError as error:
            return Outcome(delivered=False, code=error.code)
        return Outcome(delivered=True)

    return tell


def calendar_at(time_us: int) -> Calendar:
    """The sessions around a moment: two months before, three after at least."""
    return _calendar_of(dt.datetime.fromtimestamp(time_us / 1e6, dt.UTC).year)


@lru_cache(maxsize=4)
def _calendar_of(year: int) -> Calendar:
    return Calendar(Sessions(dt.date(year - 1, 11, 1), dt.date(year + 1, 3, 31)).record(0))
