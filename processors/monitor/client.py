"""Faust over our cluster: its settings from ours, and readers that see only what was committed.

Faust's own Kafka client (aiokafka) is not librdkafka: of the client properties it knows TLS and SASL by user and
password. At-least-once Faust reads uncommitted; an alert of a transaction that was aborted was never raised.
"""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import faust
from faust.transport.drivers import aiokafka as driver

from infra.errors import RequestError
from infra.kafka.cluster import Cluster

_KNOWN = frozenset({
    "security.protocol", "sasl.mechanism", "sasl.mechanisms", "sasl.username", "sasl.password", "ssl.ca.location",
    "ssl.certificate.location", "ssl.key.location", "ssl.key.password",
})  # fmt: skip
_NEEDED = ("security.", "sasl.", "ssl.")


class _CommittedThread(driver.AIOKafkaConsumerThread):
    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        # Read when the consumer starts; Faust has no setting for it.
        consumer._isolation_level = "read_committed"  # pyright: ignore[reportPrivateUsage]
        return consumer


class _CommittedConsumer(driver.Consumer):
    def _new_consumer_thread(self) -> Any:
        return _CommittedThread(self, loop=self.loop, beacon=self.beacon)


class _CommittedTransport(driver.Transport):
    Consumer = _CommittedConsumer


class App(faust.App):
    """A Faust app whose streams are read_committed."""

    def _new_transport(self) -> Any:
        return _CommittedTransport(self.conf.broker_consumer, self)


def make_app(cluster: Cluster, name: str) -> App:
    """A Faust app of this cluster; `name` without namespace is its consumer group.

    Raises RequestError `SETTINGS_INVALID` for a way of signing in that Faust's client does not have.
    """
    return App(
        cluster.group(name),
        broker=[f"kafka://{server.strip()}" for server in cluster.bootstrap.split(",")],
        broker_credentials=_credentials(cluster.properties),
        broker_client_id="alluse-monitor",
        broker_session_timeout=6.0,
        broker_heartbeat_interval=1.5,
        broker_commit_interval=1.0,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=8 << 20,
        producer_compression_type="lz4",
        processing_guarantee="at_least_once",
        store="memory://",
        datadir=str(Path(tempfile.gettempdir(), cluster.group(name))),  # made at its start, whatever the store
        topic_allow_declare=False,  # topics are made from the topic table
        topic_disable_leader=True,
        web_enabled=False,
        loghandlers=[],
    )


def _credentials(properties: Mapping[str, str]) -> Any:
    unknown = sorted(p for p in properties if p.startswith(_NEEDED) and p not in _KNOWN)
    protocol = properties.get("security.protocol", "PLAINTEXT").upper()
    mechanism = properties.get("sasl.mechanism") or properties.get("sasl.mechanisms") or "PLAIN"
    if unknown or (protocol.startswith("SASL") and mechanism not in ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")):
        raise RequestError(
            "SETTINGS_INVALID",
            f"The monitor cannot sign in with {', '.join(unknown) or f'sasl.mechanism {mechanism}'}.",
            "It knows TLS and SASL PLAIN or SCRAM; give it a listener with one of them.",
        )
    if protocol == "PLAINTEXT":
        return None
    context = _tls(properties) if protocol.endswith("SSL") else None
    if protocol == "SSL":
        return faust.SSLCredentials(context=context)
    return faust.SASLCredentials(
        username=properties.get("sasl.username"),
        password=properties.get("sasl.password"),
        mechanism=mechanism,
        ssl_context=context,
    )


def _tls(properties: Mapping[str, str]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=properties.get("ssl.ca.location"))
    if certificate := properties.get("ssl.certificate.location"):
        context.load_cert_chain(certificate, properties.get("ssl.key.location"), properties.get("ssl.key.password"))
    return context
