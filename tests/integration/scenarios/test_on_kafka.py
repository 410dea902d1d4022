"""The worked examples on a real Kafka: the same records give the same journal and events, to the byte."""

from alluse.render import note
from alluse.scenarios.loading import files_in, load
from alluse.scenarios.on_kafka import compare
from alluse.scenarios.playing import play
from infra.kafka.cluster import Cluster
from infra.settings import CHECKOUT


def test_the_worked_examples_give_the_same_log_on_kafka(kafka: Cluster, namespace: str) -> None:
    # given every worked example, played in memory (the files by rule, R-*, are played there alone)
    found = [s for path in files_in([CHECKOUT / "scenarios"]) if path.name.startswith("EX-") for s in load(path)]
    results = [play(s) for s in found if s.start_us]
    assert len(results) > 80
    for result in results:
        result.differences.clear()
    # when their records are fed to Kafka
    compare(kafka, namespace, results, note)
    # then every log is the same
    differing = [f"{r.scenario.identity}: {d.expected} in memory, {d.found}" for r in results for d in r.differences]
    assert not differing, "\n".join(differing)
