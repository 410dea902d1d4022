"""The second part of `alluse demo`: a stress path played in memory and on Kafka, told with where to look it up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from alluse.render import note, say
from alluse.scenarios.expecting import Happened
from alluse.scenarios.loading import load
from alluse.scenarios.on_kafka import compare
from alluse.scenarios.playing import Result, play
from infra.kafka.cluster import Cluster

SCENARIO = Path(__file__).with_name("demo_stress.yaml")
SHOWN: tuple[tuple[str, str], ...] = (
    ("ForkCompleted", "a fork"),
    ("RollExecuted", "a level 2 with an approved roll"),
    ("StopLossExecuted", "a level-3 exit"),
    ("CircuitBreakerTripped", "a tripped breaker"),
    ("MergeCompleted", "a merge"),
    ("ReinvestmentCompleted", "a quarterly reinvestment"),
)
"""What the part must show, by the event that proves it."""


def play_stress(cluster: Cluster) -> Result:
    """Play the stress path on both runtimes; a difference between them, or to what it expects, stands in the result."""
    note("Second part: a stress path, in memory and on Kafka.")
    (scenario,) = load(SCENARIO)
    result = play(scenario)
    compare(cluster, f"{cluster.namespace}_stress", [result], note)
    return result


def tell_stress(result: Result, shown_path: Callable[[Path], str]) -> None:
    """What it showed, each with its journal entry."""
    path = shown_path(SCENARIO)
    say()
    say("Under stress (invented prices, the same processors, in memory and on Kafka)")
    for name, what in SHOWN:
        found = [h for h in result.happened if h.name == name]
        say(f"  {what:<34} {_where(found)}")
    verdict = "as expected" if result.holds else f"{len(result.differences)} differences"
    say(f"  {result.entries} journal entries, {verdict}, digest {result.digest}")
    say(f"  -> alluse scenario {path} --show")


def _where(found: list[Happened]) -> str:
    if not found:
        return "did not occur"
    first = found[0]
    return f"{first.name}, {first.envelope.account_id or first.envelope.system_id}, {first.entry}"
