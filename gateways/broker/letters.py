"""Records that the simulated broker cannot read: kept whole on `dead-letters`, with the rest going on.

A letter may come twice when the broker is started again and reads the record again; topic, partition and offset in it
say that it is the same.
"""

from collections.abc import Mapping
from typing import Any

from domain.inputs import DeadLetter
from infra.stream.contract import Message, Output
from schemas.codec import Codec
from schemas.errors import SchemaError

DEAD_LETTERS = "dead-letters"
_MARKET_LISTS = (
    "symbols", "lasts_e4", "strikes_e3", "expiries", "rights", "bids_e4", "asks_e4", "bid_sizes", "ask_sizes",
)  # fmt: skip
NO_QUOTES: Mapping[str, Any] = dict.fromkeys(_MARKET_LISTS, ())
"""What stands for market data that cannot be read: nothing is quoted."""


class DeadLetters:
    """Collects them until they are published with the rest of a step."""

    def __init__(self, codec: Codec, partition: int) -> None:
        self._codec = codec
        self._partition = partition
        self._waiting: list[tuple[Message, SchemaError]] = []

    def add(self, message: Message, error: SchemaError) -> None:
        """A record that could not be read."""
        self._waiting.append((message, error))

    def columns(self, message: Message, value: bytes) -> Mapping[str, Any]:
        """The fields of a market record that is decoded late; no quotes where that fails."""
        try:
            return self._codec.decode(value)[1]
        except SchemaError as error:
            self.add(message, error)
            return NO_QUOTES

    def drain(self, time_us: int) -> list[Output]:
        """The letters since the last call, as written at `time_us`."""
        waiting, self._waiting = self._waiting, []
        return [Output(DEAD_LETTERS, self._partition, m.key, self._letter(m, e, time_us)) for m, e in waiting]

    def _letter(self, message: Message, error: SchemaError, time_us: int) -> bytes:
        key = message.key or b""
        letter = DeadLetter(
            message.topic, self._partition, message.offset, key.hex(), (message.value or b"").hex(),
            {name: value.hex() for name, value in message.headers or ()}, error.code, str(error), "paper-broker", 1,
            key.decode(errors="replace") if message.topic == "orders" else "", time_us,
        )  # fmt: skip
        return self._codec.encode_record(letter)
