"""Which Kafka, under which names: what every client, topic and processor is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from infra.errors import RequestError, UnavailableError


@dataclass(frozen=True)
class Cluster:
    """A Kafka cluster and the namespace of the log in use on it.

    `properties` are librdkafka client properties that pass through (SASL, TLS); they may hold secrets and are not
    printed. `group_protocol`: `consumer` (KIP-848, sessions set on the broker) or `classic` for clusters without it.
    """

    bootstrap: str
    properties: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    namespace: str = ""
    group_protocol: Literal["consumer", "classic"] = "consumer"

    def topic(self, name: str) -> str:
        """The full name of a topic of the topic table."""
        return self.named(name)

    def group(self, name: str) -> str:
        """The full name of a consumer group."""
        return self.named(name)

    def transactional_id(self, name: str) -> str:
        """The full transactional id of a logical producer (`book-3`: the book processor's of partition 3)."""
        return self.named(name)

    def named(self, name: str) -> str:
        return f"{self.namespace}.{name}" if self.namespace else name

    def client_properties(self) -> dict[str, object]:
        """What every client needs to reach the cluster, and to come back to it soon after it was away."""
        return {
            "bootstrap.servers": self.bootstrap,
            "client.id": "alluse",
            "reconnect.backoff.ms": 20,
            "reconnect.backoff.max.ms": 500,
            "socket.keepalive.enable": True,
            "topic.metadata.refresh.sparse": True,
            **self.properties,
        }

    def require_reachable(self, timeout_s: float = 5.0) -> None:
        """Raises UnavailableError `KAFKA_UNREACHABLE` when no broker answers a metadata request in time,
        RequestError `SETTINGS_INVALID` when librdkafka refuses a client property."""
        try:
            AdminClient({**self.client_properties(), "log_level": 0}).list_topics(timeout=timeout_s)
        except KafkaException as error:
            reason = reason_of(error)
            if reason.name() in ("_INVALID_ARG", "_NOT_IMPLEMENTED"):
                raise invalid_property(error) from error
            raise UnavailableError(
                "KAFKA_UNREACHABLE",
                f"No Kafka broker answered at {self.bootstrap} within {timeout_s:.0f} s ({reason.name()}).",
                "Check KAFKA_BOOTSTRAP_SERVERS and the KAFKA_* client properties, or unset it to use a local broker.",
            ) from error


def reason_of(error: KafkaException) -> KafkaError:
    """What Kafka or librdkafka says is wrong: its code, and whether to retry, abort or give up."""
    reason: object = error.args[0]
    assert isinstance(reason, KafkaError)
    return reason


def invalid_property(error: KafkaException) -> RequestError:
    """The error for a client property that librdkafka does not take; says which, never its value."""
    return RequestError(
        "SETTINGS_INVALID",
        f"A Kafka client property was refused: {reason_of(error).str()}.",
        "KAFKA_SOME_NAME becomes the librdkafka property some.name: check its name and value.",
    )
