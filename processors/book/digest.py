"""The digest of a log: one hash over the hashed part of every journal entry and every output event, in order of
partition
and sequence. Equal logs have equal digests, whatever process wrote them and however often it was killed."""

from collections.abc import Callable, Iterable
from hashlib import sha256

from domain.events import TOPIC_OF
from infra.stream.contract import Message
from processors.book.crossing import origin_of
from processors.book.journal import GENESIS, outputs_digest, read_key
from schemas.codec import Codec

EVENT_TOPICS = tuple(sorted(set(TOPIC_OF.values())))
Records = Callable[[str, int], Iterable[Message]]
"""(topic, partition) -> its committed records in order"""


class LogDigest:
    """Takes entries and events in the order in which they are published."""

    def __init__(self, partitions: int) -> None:
        self._hashes = [sha256() for _ in range(partitions)]
        self._heads = [GENESIS] * partitions
        self.entries = 0
        self.events = 0

    def entry(self, partition: int, key: bytes, value: bytes) -> None:
        """A journal entry."""
        digest = sha256(key + value)
        self._hashes[partition].update(digest.digest())
        self._heads[partition] = digest.hexdigest()
        self.entries += 1

    def event(self, partition: int, value: bytes) -> None:
        """An event, behind the entry that caused it, by ordinal."""
        self._hashes[partition].update(value)
        self.events += 1

    def heads(self) -> dict[str, str]:
        """Hash of the last entry of each partition that has one."""
        return {str(p): f"sha256:{head}" for p, head in enumerate(self._heads) if head != GENESIS}

    def value(self) -> str:
        """The digest of the whole log."""
        lines = "\n".join(f"{p}:{h.hexdigest()}" for p, h in enumerate(self._hashes))
        return f"sha256:{sha256(lines.encode()).hexdigest()}"


class BrokenJournal(Exception):  # noqa: N818  # not every exception is an error
    """The journal and the events beside it do not belong together. Says where."""


def digest_of(records: Records, partitions: int) -> LogDigest:
    """Read a whole log, check the chain and what each entry caused (events, commands to other books), and give its
    digest. Raises BrokenJournal."""
    codec = Codec.load()
    progress = codec.header("BookProgress")
    digest = LogDigest(partitions)
    sent: list[dict[int, list[tuple[int, str, bytes]]]] = [{} for _ in range(partitions)]
    for partition in range(partitions):
        for message in records("commands", partition):
            origin = origin_of(message)
            if origin is not None:
                command = (origin.ordinal, "commands", message.value or b"")
                sent[origin.partition].setdefault(origin.sequence, []).append(command)
    for partition in range(partitions):
        events = sent[partition]
        for topic in EVENT_TOPICS:
            for message in records(topic, partition):
                value = message.value or b""
                if value[:5] == progress:
                    continue
                _, plain = codec.decode(value)
                envelope = plain["envelope"]
                events.setdefault(envelope["sequence"], []).append((envelope["ordinal"], topic, value))
        previous, expected = GENESIS, 0
        for message in records("journal", partition):
            key_bytes, value = message.key or b"", message.value or b""
            key = read_key(key_bytes)
            if key.sequence != expected or key.previous != previous:
                at = f"partition {partition}: entry {key.sequence} at offset {message.offset}"
                raise BrokenJournal(f"{at} does not follow entry {expected - 1}")
            caused = sorted(events.pop(key.sequence, []))
            if [ordinal for ordinal, _, _ in caused] != list(range(len(caused))):
                raise BrokenJournal(
                    f"partition {partition}: entry {key.sequence} has events {[o for o, _, _ in caused]}"
                )
            if outputs_digest([(topic, data) for _, topic, data in caused]) != key.outputs:
                raise BrokenJournal(
                    f"partition {partition}: the events of entry {key.sequence} are not those it was journalled with"
                )
            digest.entry(partition, key_bytes, value)
            for _, topic, data in caused:
                if topic != "commands":  # the other partition's journal holds it as an input
                    digest.event(partition, data)
            previous, expected = sha256(key_bytes + value).hexdigest(), expected + 1
        if events:
            raise BrokenJournal(
                f"partition {partition}: events of entries that the journal does not have: {sorted(events)[:5]}"
            )
    return digest
