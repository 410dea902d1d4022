"""Several projections fed from one stream: a batch is decoded once, and the next one is prepared while it is written.

Preparing is Python and Arrow, writing is waiting for Postgres: they overlap. Each projection has a session and
a transaction of its own, and they are written side by side.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Self

from projections.batch import LogRecord, decode
from projections.projector import Projector, Written
from schemas.codec import Codec


class Pipeline:
    """Applies batches to projectors, in order. Errors come up at the next call; nothing after them is written."""

    def __init__(self, projectors: Sequence[Projector], codec: Codec | None = None) -> None:
        self.projectors = projectors
        self._codec = codec or Codec.load()
        self._writers = ThreadPoolExecutor(len(projectors), "projection-writer")
        self._writing: list[Future[Written]] = []

    def submit(self, records: Iterable[LogRecord]) -> None:
        """Prepare a batch, wait for the one before it to be committed, start to write this one."""
        batch = decode(self._codec, records)
        prepared = [projector.prepare(batch) for projector in self.projectors]
        self.flush()
        self._writing = [
            self._writers.submit(projector.write, rows)
            for projector, rows in zip(self.projectors, prepared, strict=True)
        ]

    def flush(self) -> list[Written]:
        """Wait until everything submitted is committed, or has failed. Raises what the writing raised."""
        writing, self._writing = self._writing, []
        wait(writing)
        return [future.result() for future in writing]

    def busy(self) -> bool:
        """Whether a batch is being written."""
        return not all(future.done() for future in self._writing)

    def close(self) -> None:
        """Let what is being written end, and close the connections."""
        self._writers.shutdown()
        for projector in self.projectors:
            projector.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
