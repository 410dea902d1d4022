"""What the sources of a recorded run have promised, kept for the task's successor.

Without it a successor would have to read again every record that carried a source's last promise, and a source that
has long been silent gave its last one at the beginning of the log.
"""

from __future__ import annotations

import json
from typing import NamedTuple

KEY = b"*promises"
"""On `snapshots`, beside the books and what they share."""


class Promises(NamedTuple):
    """Holds for whoever reads each source from its first record that was not taken."""

    bounds: list[int]
    """by rank of the source: it sends nothing before this time, microseconds; 0 of the broker, which is below"""
    broker_us: int
    """the broker reports nothing before this time, unless it is asked more than `orders_seen`"""
    orders_seen: int
    """broker-directed records that the broker had worked by then"""

    def encoded(self) -> bytes:
        """The record's value."""
        return json.dumps(self._asdict(), separators=(",", ":")).encode()

    @classmethod
    def decoded(cls, data: bytes) -> Promises:
        """Out of a record's value."""
        return cls(**json.loads(data))
