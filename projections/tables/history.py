"""Every event, for analysts: the envelope in columns, the event's own fields as JSON (protocol 19.1)."""

from sqlalchemy import BigInteger, Column, DateTime, Index, Integer, Table, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB, UUID

from projections.tables.shape import METADATA

EVENTS = Table(
    "events",
    METADATA,
    Column("event_id", UUID(as_uuid=False), primary_key=True),
    Column("partition", Integer, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("schema_version", Integer, nullable=False),
    Column("config_version", BigInteger, nullable=False),
    Column("occurred_at", DateTime(timezone=True), nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Column("book", Text, nullable=False),
    Column("account_id", Text),
    Column("type", Text, nullable=False),
    Column("stream", Text, nullable=False),
    Column("actor_type", Text, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("correlation_id", Text, nullable=False),
    Column("causation_id", Text, nullable=False),
    Column("idempotency_key", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("payload", JSONB, nullable=False),
    UniqueConstraint("book", "sequence", "ordinal"),
)
"""A book lies in one partition, so (book, sequence, ordinal) is the order of its history. What is the same in every
environment goes in: no Kafka offsets, no wall time."""

Index(None, EVENTS.c.book, EVENTS.c.stream, EVENTS.c.version)
Index("ix_events_recorded_at", EVENTS.c.recorded_at, postgresql_using="brin")
