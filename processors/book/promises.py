"""What the sources of a recorded run have promised, kept for the task's successor.

Without it a successor would have to read again every record that carried a source's last promise, and a source that
has long been silent gave its last one at the beginning of the log.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

KEY = b"*promises"
"""On `snapshots`, beside the books and what they share."""


class Waiting(NamedTuple):
    """A command of another book, read and not taken."""

    partition: int
    source_seq: int
    time_us: int
    offset: int
    key: str | None
    """hexadecimal, as the value"""
    value: str


class Promises(NamedTuple):
    """Holds for whoever reads each source from its first record that was not taken."""

    bounds: list[int]
    """by rank of the source: it sends nothing before this time, microseconds; 0 of the broker, which is below"""
    broker_us: int
    """the broker reports nothing before this time, unless it is asked more than `orders_seen`"""
    orders_seen: int
    """broker-directed records that the broker had worked by then"""
    commands_read: int = 0
    """of the records of `commands` before this offset, those that books wrote are in the fields below"""
    books_us: Sequence[int] = ()
    """by partition: what its books promised last"""
    confirmed: Sequence[int] = ()
    """by partition: how many of our commands it has read"""
    read: Sequence[int] = ()
    """by partition: how many commands of its books were read"""
    waiting: Sequence[Waiting] = ()
    """those of them whose time has not come"""

    def encoded(self) -> bytes:
        """The record's value."""
        return json.dumps(self._asdict(), separators=(",", ":")).encode()

    @classmethod
    def decoded(cls, data: bytes) -> Promises:
        """Out of a record's value."""
        plain: dict[str, Any] = json.loads(data)
        plain["waiting"] = [Waiting(*waiting) for waiting in plain.get("waiting", ())]
        return cls(**plain)
