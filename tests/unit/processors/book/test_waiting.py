"""What a recorded book task holds back, and when it asks for no more."""

import pytest

from domain import inputs as i
from infra.stream.contract import Message
from processors.book import task as task_module
from processors.book.task import BookTask
from processors.runtime.memory import MemoryLog
from schemas.codec import Codec
from tests.unit.processors.book.recorded import Reader

T0 = 18_000 * 86_400_000_000
ENCODE = Codec.load().encode_record


def marks(partition: int, seq: int, time_us: int) -> bytes:
    return ENCODE(i.Marks(partition, seq, time_us, [f"S{partition}"], [10_000], [9_900], [10_100], [time_us]))


def opened(monkeypatch: pytest.MonkeyPatch) -> BookTask:
    monkeypatch.setattr(task_module, "BUFFERED_MOST", 10)
    task = BookTask(0)
    task.restore(Reader(MemoryLog(1), 0))
    log = i.LogOpened("w", 1, 2, "CRC32", 1_000_000, 100_000, True)
    task.handle([Message("commands", 0, None, ENCODE(log))])
    return task


def test_a_market_partition_that_runs_ahead_never_keeps_the_one_waited_for_from_being_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    task = opened(monkeypatch)
    task.handle([Message("commands", 1, None, ENCODE(i.Watermark(T0 + 10**12)))])

    task.handle([Message("market.marks", n, None, marks(0, n, T0 + n)) for n in range(100)])

    assert task.full() == frozenset(), "partition 1 lies further on in the same topic"


def test_prices_wait_outside_while_another_topic_holds_them_up(monkeypatch: pytest.MonkeyPatch) -> None:
    task = opened(monkeypatch)

    task.handle([
        Message("market.marks", 2 * n + p, None, marks(p, n, T0 + n)) for n in range(50) for p in range(2)
    ])  # fmt: skip

    assert task.full() == {"market.marks"}, "commands have promised nothing yet"
    task.handle([Message("commands", 1, None, ENCODE(i.Watermark(T0 + 10**12)))])
    assert task.full() == frozenset()
