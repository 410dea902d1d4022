"""A stream of records of any kinds to Arrow, in batches of one kind each."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pyarrow as pa

from schemas.codec import HEADER_BYTES, Codec

RECORDS = 16_384
"""of one kind that make a batch: in batches of a few hundred, decoding costs five times as much a record"""
DECODING_MOST = 8
"""Batches that may wait for the decoder before no more is read."""


def in_batches(
    codec: Codec, parts: Iterable[Sequence[bytes]], records: int = RECORDS
) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Name and batch of the records in `parts`, each kind in the order in which it was read.

    Rare kinds wait until `records` of them are there, or until the end. Decoding runs in a thread of its own, without
    the interpreter's lock, while the next part is read. Raises what `Codec.decode_batch` raises; the error's `index`
    counts within the batch.
    """
    gathered: dict[bytes, list[bytes]] = {}
    decoding: deque[tuple[str, Future[pa.RecordBatch]]] = deque()
    with ThreadPoolExecutor(1, "decoder") as decoder:

        def decode(values: list[bytes]) -> None:
            name = codec.name_of(values[0])
            decoding.append((name, decoder.submit(codec.decode_batch, name, values)))

        for part in parts:
            for value in part:
                header = value[:HEADER_BYTES]
                try:
                    gathered[header].append(value)
                except KeyError:
                    gathered[header] = [value]
            for header in [header for header, values in gathered.items() if len(values) >= records]:
                decode(gathered.pop(header))
            while decoding and (decoding[0][1].done() or len(decoding) > DECODING_MOST):
                name, batch = decoding.popleft()
                yield name, batch.result()
        for values in gathered.values():
            decode(values)
        for name, batch in decoding:
            yield name, batch.result()
