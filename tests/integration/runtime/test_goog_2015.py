"""Real quotes: GOOG from 2015-12-23 to 12-31, on Kafka and in memory the same (the figures are the data's own)."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from domain.calendar import day_number
from infra.kafka.cluster import Cluster
from processors.book.digest import EVENT_TOPICS
from processors.runtime.kafka import KafkaLog
from schemas.codec import Codec
from tests.integration.runtime.recorded_run import PARTITIONS, Recording, RunOnKafka, in_memory

CONFIG = {
    "env.mode": "SIM", "gen.tickers": "GOOG", "gen.delta_max": "58", "gen.delta_target": "52",
    "gen.min_premium_pct": "0.3",
    "liquidity.min_open_interest": "100", "liquidity.min_volume": "5", "liquidity.max_spread_pct": "30",
}  # fmt: skip
PUT = "GOOG151224P00750000"
CHRISTMAS_EVE = day_number(dt.date(2015, 12, 24))


@pytest.fixture
def recording(realdata: Path) -> Recording:
    first, last = dt.date(2015, 12, 23), dt.date(2015, 12, 31)
    return Recording(first, last, ("S001",), CONFIG, f"lean:{realdata / 'lean'}", ("GOOG",), 100_000_000)


def test_the_750_put_is_sold_assigned_and_no_call_is_written(
    recording: Recording, cluster: Cluster, tmp_path: Path
) -> None:
    digest, memory, _ = in_memory(recording)
    with RunOnKafka(cluster, recording, tmp_path) as run:
        log = KafkaLog(cluster)
        run.feed()
        run.finish(log)
        assert run.digest(log) == digest

    codec, events = Codec.load(), list[tuple[str, dict[str, Any]]]()
    for topic in EVENT_TOPICS:
        for partition in range(PARTITIONS):
            events += [codec.decode(m.value or b"") for m in memory.records(topic, partition) if m.key is not None]
    gen = [(name, e) for name, e in events if e["envelope"]["account_id"] == "S001-GEN-001"]

    (signal,) = [e for name, e in gen if name == "TradeSignalGenerated"]
    assert (signal["contract"], signal["delta_e2"], signal["mid_e6"]) == (PUT, 5100, 3_400_000)
    assert at(signal) == dt.datetime(2015, 12, 23, 15, 0, tzinfo=dt.UTC), "the first scan, 10:00 in New York"
    (assigned,) = [e for name, e in gen if name == "OptionAssigned"]
    assert (assigned["contract"], assigned["close_e4"], assigned["shares"]) == (PUT, 7_484_000, 200)
    assert (assigned["outcome_session"], assigned["early"]) == (CHRISTMAS_EVE, False)
    monday = [e for name, e in gen if name == "EntrySkipped" and at(e).date() == dt.date(2015, 12, 28)]
    assert [(e["ticker"], e["right"], e["reason"]) for e in monday] == [("GOOG", "C", "NO_CHAIN")]
    assert "no call of 2015-12-31 has a quote" in monday[0]["detail"]
    assert not [e for name, e in gen if name == "SharesCalledAway"]
    phases = [(e["from_phase"], e["to_phase"]) for name, e in gen if name == "WheelPhaseChanged"]
    assert phases == [("IDLE", "CSP_WORKING"), ("CSP_WORKING", "CSP_OPEN"), ("CSP_OPEN", "SHARES_HELD")]
    kinds = [e["primary_type"] for name, e in gen if name == "WeekClassified" and e["ticker"] == "GOOG"]
    assert kinds == ["P-AWL", "W-CAR"]


def at(event: dict[str, Any]) -> dt.datetime:
    """When the event was recorded."""
    return dt.datetime.fromtimestamp(event["envelope"]["recorded_at_us"] / 1e6, dt.UTC)
