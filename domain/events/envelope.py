"""The envelope that every event carries (protocol 19.1)."""

from typing import Annotated

from domain.record import record


@record
class Envelope:
    """Protocol 19.1. `event_id` = UUIDv5(journal entry id, ordinal)."""

    event_id: Annotated[str, "UUIDv5 of the journal entry's id and the ordinal"]
    stream: Annotated[str, "such as account-S001-GEN-001 or order-<id>"]
    version: Annotated[int, "counts the events of the stream from 1"]
    type: Annotated[str, "the event's name"]
    schema_version: Annotated[int, "version of its schema"]
    occurred_at_us: Annotated[int, "when it happened, microseconds UTC"]
    recorded_at_us: Annotated[int, "time of the journal entry that caused it, microseconds UTC"]
    system_id: Annotated[str, "the book"]
    account_id: Annotated[str | None, "the account, where it concerns one"]
    actor_type: Annotated[str, "USER, SERVICE or BOOK"]
    actor_id: Annotated[str, "who caused it"]
    correlation_id: Annotated[str, "what belongs together"]
    causation_id: Annotated[str, "id of the journal entry or event that caused it"]
    idempotency_key: Annotated[str, "of the command that caused it, else empty"]
    config_version: Annotated[int, "version of the book's configuration it was decided under"]
    partition: Annotated[int, "of the journal"]
    sequence: Annotated[int, "of the journal entry"]
    ordinal: Annotated[int, "place among the events of that entry, from 0"]
