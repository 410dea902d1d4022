"""The bytes of the journal: entry keys, the hash chain, the digest of an entry's events.

An entry's KEY is an Avro `JournalKey`, its VALUE the input's bytes as they came. The entry's hash is SHA-256 over key
and
value; the next key carries it as `previous` (genesis: 32 zero bytes). Everything in the key is hashed, so nothing in
it may differ between two runs of the same inputs.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from schemas.codec import Codec
from schemas.writers import write_long, write_string

FEW = 32
"""So many records are read faster one by one than as a batch."""
GENESIS = bytes(32).hex()
NO_OUTPUTS = ""


class JournalKey(NamedTuple):
    """What the journal adds to an input."""

    sequence: int
    time_us: int
    source: str
    source_seq: int
    disposition: str
    outputs: str
    previous: str


def read_key(data: bytes) -> JournalKey:
    """The key of a journal entry. Raises SchemaError for anything else."""
    _, plain = Codec.load().decode(data)
    return JournalKey(**plain)


_TEXTS: dict[str, bytes] = {}


def _text(value: str) -> bytes:
    """An Avro string of a small vocabulary (sources, dispositions)."""
    data = _TEXTS.get(value)
    if data is None:
        data = _TEXTS[value] = write_string(value)
    return data


_HEX64 = write_long(64)
_EMPTY = write_long(0)


def read_keys(keys: Sequence[bytes]) -> list[JournalKey]:
    """The keys of many entries at once. Raises SchemaError for anything else."""
    if len(keys) < FEW:
        return [read_key(data) for data in keys]
    batch: Any = Codec.load().decode_batch("JournalKey", keys)
    columns = [batch.column(name).to_pylist() for name in JournalKey._fields]
    return [JournalKey(*row) for row in zip(*columns, strict=True)]


class Chain:
    """The head of a partition's journal: makes keys and moves on."""

    __slots__ = ("_header", "_time", "_time_bytes", "previous", "sequence", "time_us")

    def __init__(self, sequence: int = 0, previous: str = GENESIS, time_us: int = 0) -> None:
        self.sequence = sequence
        """of the next entry"""
        self.previous = previous
        """hash of the last entry"""
        self.time_us = time_us
        """time of the last entry"""
        self._header = Codec.load().header("JournalKey")
        self._time, self._time_bytes = -1, b""

    def append(self, time_us: int, source: str, source_seq: int, disposition: str, outputs: str, value: bytes) -> bytes:
        """The key of the next entry; the chain stands after it. The same bytes as the codec would write."""
        if time_us != self._time:
            self._time, self._time_bytes = time_us, write_long(time_us)
        key = b"".join(
            (
                self._header,
                write_long(self.sequence),
                self._time_bytes,
                _text(source),
                write_long(source_seq),
                _text(disposition),
                _HEX64 + outputs.encode() if outputs else _EMPTY,
                _HEX64,
                self.previous.encode(),
            )
        )
        self.previous = sha256(key + value).hexdigest()
        self.sequence += 1
        self.time_us = time_us
        return key

    def follow(self, key: JournalKey, key_bytes: bytes, value: bytes) -> None:
        """Take an entry that stands in the journal already. Raises ValueError when it does not follow."""
        if key.sequence != self.sequence or key.previous != self.previous or key.time_us < self.time_us:
            raise ValueError(f"journal entry {key.sequence} does not follow entry {self.sequence - 1}")
        self.previous = sha256(key_bytes + value).hexdigest()
        self.sequence += 1
        self.time_us = key.time_us


def outputs_digest(events: Iterable[tuple[str, bytes]]) -> str:
    """SHA-256 of an entry's events, `(topic, bytes)` in their order, each led by topic and length; empty for none."""
    digest, count = sha256(), 0
    for topic, data in events:
        digest.update(f"{topic}:{len(data)}:".encode())
        digest.update(data)
        count += 1
    return digest.hexdigest() if count else NO_OUTPUTS
