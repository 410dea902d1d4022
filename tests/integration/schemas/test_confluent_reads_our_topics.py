"""Confluent's own consumer and Avro deserializer read what our codec wrote to a real Kafka."""

from typing import Any

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

from domain.events import Envelope, OrderRepriced
from domain.inputs import Marks, Tick
from infra.kafka.cluster import Cluster
from schemas.codec import Codec
from schemas.records import to_plain
from schemas.registry import endpoint

CODEC = Codec.load()


def test_keys_and_values(cluster: Cluster) -> None:
    tick = Tick("TSLA", 1_750_000_000_000_000, 2_475_000, 2_476_000, 0, 100, 0)
    marks = Marks(0, 7, 1_750_000_000_000_000, ["TSLA", "F"], [1, 2], [0, 1], [3, 4], [5, 6])
    envelope = Envelope(
        "e1", "order-o1", 3, "OrderRepriced", 1, 5, 6, "S001", None, "BOOK", "S001", "c", "j", "", 1, 0, 9, 1
    )
    event = OrderRepriced("o1", 2, 12500)
    key = {
        "sequence": 9,
        "time_us": 6,
        "source": "commands",
        "source_seq": 4,
        "disposition": "TAKEN",
        "outputs": "",
        "previous": "0" * 64,
    }
    expected = [
        (key, to_plain(tick)),
        (key, to_plain(marks)),
        (key, {"envelope": to_plain(envelope), **to_plain(event)}),
    ]
    topic = cluster.topic("codec")
    admin = AdminClient(cluster.client_properties())
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(30)
    producer = Producer(cluster.client_properties())
    for value in (CODEC.encode_record(tick), CODEC.encode_record(marks), CODEC.encode_event(envelope, event)):
        producer.produce(topic, value, CODEC.encode("JournalKey", key), partition=0)
    assert producer.flush(30) == 0

    with endpoint() as url:
        read = AvroDeserializer(SchemaRegistryClient({"url": url}))
        consumer = Consumer(
            cluster.client_properties() | {"group.id": cluster.group("codec"), "auto.offset.reset": "earliest"}
        )
        consumer.subscribe([topic])
        key_context, value_context = (
            SerializationContext(topic, part) for part in (MessageField.KEY, MessageField.VALUE)
        )
        found: list[Any] = []
        for _ in range(60):
            message = consumer.poll(1)
            if message is None:
                continue
            assert message.error() is None
            found.append((read(message.key() or b"", key_context), read(message.value() or b"", value_context)))
            if len(found) == len(expected):
                break
        consumer.close()
    assert found == expected
