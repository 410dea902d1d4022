"""What `alluse status` and `alluse ops lag` say: processes, and how far each stage is behind what has been fed."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition

from alluse.homes import Home, settings_of_log, shown_log
from alluse.operating import noted_failure
from alluse.plans import PARTITIONS
from alluse.processes import names
from alluse.render import iso_us
from alluse.surroundings import attach_cluster, attach_database
from alluse.tails import Tails, read_tails
from infra.errors import AllUseError
from infra.kafka.clients import admin
from infra.kafka.cluster import Cluster
from infra.processes import ServerProcess
from infra.settings import Settings
from processors.monitor.book import FOLLOWED

INPUTS: Mapping[str, tuple[str, ...]] = {
    "market": ("market.ticks",),
    "book": ("commands", "broker.reports", "market.marks", "clock.ticks"),
    "paper-broker": ("orders", "market.marks"),
    "monitor": FOLLOWED,
}
TOLD_BY: Mapping[str, str] = {"market": "market.marks", "book": "orders", "paper-broker": "broker.reports"}
"""On which topic a stage shows the event time that it has reached; the monitor is up to date when it misses nothing."""
ADVANCED_S = 5.0


def status(settings: Settings) -> dict[str, Any]:
    """Everything about the system of this home; nothing is started."""
    home = Home(settings)
    supervisor = home.supervisor()
    wanted = home.wanted(settings)
    document: dict[str, Any] = {
        "up": supervisor is not None and supervisor["state"] == "ready",
        "home": str(settings.home),
        "log": shown_log(wanted.log),
        "supervisor": None if supervisor is None else {"pid": supervisor["pid"], "state": supervisor["state"]},
        "kafka": settings.kafka_bootstrap_servers or _local_server(settings, "kafka"),
        "postgres": "DATABASE_URL" if settings.database_url else _local_server(settings, "postgres"),
    }
    stages: list[dict[str, Any]] = []
    problem = None
    if supervisor is not None or settings.kafka_bootstrap_servers:
        try:
            stages = lag(settings_of_log(settings))
        except AllUseError as error:
            problem = str(error)
    document["processes"] = _processes(home, supervisor, {s["stage"]: s for s in stages})
    document["stages"] = stages
    if supervisor is None and (failure := noted_failure(home)) is not None:
        problem = str(failure)
    if problem:
        document["problem"] = problem
    return document


def _local_server(settings: Settings, name: str) -> dict[str, Any]:
    process = ServerProcess.load(settings.home / name / "process.json")
    alive = process is not None and process.alive()
    return {"local": True, "alive": alive, "pid": process.pid if process is not None and alive else None}


def _processes(
    home: Home, supervisor: dict[str, Any] | None, stages: Mapping[str, dict[str, Any]]
) -> list[dict[str, Any]]:
    notes = home.child_notes()
    fleet = (
        names(supervisor["processors"])
        if supervisor and supervisor.get("processors")
        else {n: v.get("kind", "") for n, v in notes.items()}
    )
    restarts: dict[str, int] = supervisor["restarts"] if supervisor else {}
    last_words: dict[str, str] = supervisor["last_words"] if supervisor else {}
    now = time.time()
    rows: list[dict[str, Any]] = []
    for name, kind in fleet.items():
        note = notes.get(name, {})
        process = ServerProcess.load(home.child_file(name))
        alive = process is not None and process.alive()
        stage = stages.get(kind, {})
        recent = alive and now - float(note.get("advanced", 0)) < ADVANCED_S
        rows.append(
            {
                "process": name,
                "pid": process.pid if process is not None and alive else None,
                "alive": alive,
                "beat_age_s": round(now - float(note["beat"]), 1) if "beat" in note else None,
                "restarts": restarts.get(name, 0),
                **({} if alive or not last_words.get(name) else {"last_words": last_words[name]}),
                "partitions": sorted(int(p) for p in note.get("progress", {})),
                "lag_offsets": stage.get("lag_offsets"),
                "lag_event_s": stage.get("lag_event_s"),
                "state": _state(alive, recent or bool(stage.get("advanced_recently")), stage.get("lag_event_s")),
            }
        )
    return rows


def _state(alive: bool, recent: bool, behind_s: float | None) -> str:
    """`stalled`: it lives, is behind, and nothing has moved for a while."""
    if not alive:
        return "dead"
    if recent:
        return "advancing"
    return "stalled" if behind_s else "idle"


def lag(settings: Settings) -> list[dict[str, Any]]:
    """For each stage: offsets and event time behind what has been fed.

    Offsets are those that the living processes have read; for partitions that nobody has read from, those committed,
    which stay behind by what is read again after a restart.
    """
    from processors.book.digest import EVENT_TOPICS

    home = Home(settings)
    cluster = attach_cluster(settings)
    topics_of_all = {*EVENT_TOPICS, *(topic for topics in INPUTS.values() for topic in topics)}
    tails = read_tails(cluster, topics_of_all, telling={"market.ticks", *TOLD_BY.values()})
    fed = max((t for (topic, _), t in tails.times.items() if topic == "market.ticks"), default=None)
    stages = [
        {
            "stage": "feed",
            "event_time": _iso(fed),
            "lag_event_s": 0.0,
            "lag_offsets": 0,
        }
    ]
    for stage, topics in INPUTS.items():
        reached = [tails.times.get((TOLD_BY.get(stage, ""), p)) for p in range(PARTITIONS)]
        known = [t for t in reached if t is not None]
        at = min([*known, fed]) if known and fed is not None else None
        read = _committed(cluster, f"{stage}.positions", topics) | _read(home, stage, settings.namespace)
        behind = sum(tails.behind(place, read.get(place, 0)) for place in tails.ends if place[0] in topics)
        stages.append(_stage(stage, at, fed, behind))
        if stage not in TOLD_BY and not behind:
            stages[-1]["lag_event_s"] = 0.0
    stages += _projections(settings, fed, tails)
    return stages


def _read(home: Home, kind: str, log: str) -> dict[tuple[str, int], int]:
    """Next offsets of the living processes of a kind."""
    found: dict[tuple[str, int], int] = {}
    for name, note in home.child_notes().items():
        process = ServerProcess.load(home.child_file(name))
        if note.get("kind") == kind and note.get("log") == log and process is not None and process.alive():
            for partition, read in note.get("progress", {}).items():
                found.update({(topic, int(partition)): offset for topic, offset in read.items()})
    return found


def _stage(stage: str, at_us: int | None, fed_us: int | None, behind: int) -> dict[str, Any]:
    late = None if at_us is None or fed_us is None else max(0.0, (fed_us - at_us) / 1e6)
    return {"stage": stage, "event_time": _iso(at_us), "lag_event_s": late, "lag_offsets": behind}


def _projections(settings: Settings, fed_us: int | None, tails: Tails) -> list[dict[str, Any]]:
    """The read models speak of event time only where events are: they are up to date when no offset is missing."""
    import datetime as dt

    from projections.queries import ReadModels

    rows = ReadModels(attach_database(settings)).progress()
    stages: list[dict[str, Any]] = []
    now = dt.datetime.now(dt.UTC)
    for name in sorted({row["projection"] for row in rows}) or ["trading"]:
        own = [row for row in rows if row["projection"] == name]
        behind = sum(tails.behind((str(r["topic"]), int(r["partition"])), int(r["next_offset"])) for r in own)
        reached = [dt.datetime.fromisoformat(r["event_time"]) for r in own if r.get("event_time")]
        moved = [dt.datetime.fromisoformat(r["advanced_at"]) for r in own if r.get("advanced_at")]
        at_us = int(max(reached).timestamp() * 1e6) if reached else None
        stage = _stage("projections" if name == "trading" else f"projections/{name}", at_us, fed_us, behind)
        if not behind:
            stage["lag_event_s"] = 0.0
        stage["advanced_recently"] = bool(moved) and (now - max(moved)).total_seconds() < ADVANCED_S
        stages.append(stage)
    return stages


def _committed(cluster: Cluster, group: str, topics: Iterable[str]) -> dict[tuple[str, int], int]:
    """Offsets that a stage would go on from."""
    client = admin(cluster)
    full = {cluster.topic(t): t for t in topics}
    asked = ConsumerGroupTopicPartitions(
        cluster.group(group), [TopicPartition(t, p) for t in full for p in range(PARTITIONS)]
    )
    try:
        answer = client.list_consumer_group_offsets([asked])[cluster.group(group)].result(10)
    except KafkaException as error:
        reason = error.args[0]
        if isinstance(reason, KafkaError) and reason.code() == KafkaError.GROUP_ID_NOT_FOUND:
            return {}
        raise
    return {(full[p.topic], p.partition): p.offset for p in answer.topic_partitions if p.offset >= 0}


def _iso(time_us: int | None) -> str | None:
    return None if time_us is None else iso_us(time_us)
