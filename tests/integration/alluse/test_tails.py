from __future__ import annotations

from confluent_kafka import Producer

from alluse.tails import LAST_OFFSETS, read_tails
from domain.inputs import BookPromise
from infra.kafka.clients import admin, producer, transactional_producer
from infra.kafka.cluster import Cluster
from infra.kafka.topics import ensure_topics
from schemas.codec import Codec

PLACE = ("commands", 0)
PROMISE = Codec.load().encode_record(BookPromise(1, 1_300_000_000_000_000, 0))


def _begun(cluster: Cluster, name: str) -> Producer:
    """A processor in a transaction with one record in it, which is with the broker."""
    writer = transactional_producer(cluster, name)
    writer.init_transactions(30)
    writer.begin_transaction()
    writer.produce(cluster.topic("commands"), PROMISE, partition=0)
    assert writer.flush(30) == 0
    return writer


def test_markers_of_transactions_are_nothing_that_anybody_misses(cluster: Cluster) -> None:
    # given a command, then records of three processors, of which one gives up: records at 0 to 3, markers at 4 to 6
    ensure_topics(admin(cluster), cluster, partitions=4, only=["commands"])
    feed = producer(cluster)
    feed.produce(cluster.topic("commands"), b"a command", partition=0)
    assert feed.flush(30) == 0
    first, second, third = (_begun(cluster, name) for name in ("book-1", "book-2", "book-3"))
    first.commit_transaction(30)
    second.abort_transaction(30)
    third.commit_transaction(30)
    # when its tail is read
    tails = read_tails(cluster, ["commands"], telling=["commands"])
    # then who has read the last record misses nothing, and who has not misses records only
    assert tails.ends[PLACE] == 7
    assert [tails.behind(PLACE, read) for read in (0, 1, 2, 3, 4, 7)] == [3, 2, 1, 1, 0, 0]
    assert tails.times == {PLACE: 1_300_000_000_000_000}
    # and a record behind the markers is missed
    feed.produce(cluster.topic("commands"), b"another", partition=0)
    assert feed.flush(30) == 0
    assert read_tails(cluster, ["commands"], telling=()).behind(PLACE, 4) == 1


def test_far_from_the_end_offsets_are_counted(cluster: Cluster) -> None:
    ensure_topics(admin(cluster), cluster, partitions=4, only=["commands"])
    feed = producer(cluster)
    for _ in range(2 * LAST_OFFSETS):
        feed.produce(cluster.topic("commands"), b"a command", partition=0)
    assert feed.flush(30) == 0
    tails = read_tails(cluster, ["commands", "orders"], telling=())
    assert tails.behind(PLACE, 0) == 2 * LAST_OFFSETS
    assert tails.behind(PLACE, LAST_OFFSETS + 1) == LAST_OFFSETS - 1
    assert tails.behind(("orders", 0), 0) == 0  # a topic that is not there
