"""A log in memory for the market processor's tests: records in, decoded outputs by topic out."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from infra.stream.contract import LogReader, Message, Output
from processors.market import MarketProcessor, MarketTask
from schemas.codec import Codec

CODEC = Codec.load()
T0 = 1_306_936_800_000_000
"""2011-06-01 10:00 ET"""
DAY0 = 15126
OPEN0 = T0 - 1_800_000_000
S = 1_000_000
HOUR = 3600 * S
Records = list[tuple[str, dict[str, Any]]]


def tick(symbol: str, time_us: int, last: int = 0, bid: int = 0, ask: int = 0, size: int = 1) -> bytes:
    return CODEC.encode(
        "Tick",
        {"symbol": symbol, "time_us": time_us, "bid_e4": bid, "ask_e4": ask, "last_e4": last, "size": size, "flags": 0},
    )


def watermark(time_us: int) -> bytes:
    return CODEC.encode("Watermark", {"time_us": time_us})


def calendar(time_us: int = OPEN0 - HOUR, sessions: int = 60, early: Iterable[int] = ()) -> bytes:
    """A session every day, from DAY0 on; those in `early` end at 13:00."""
    opens = [OPEN0 + i * 24 * HOUR for i in range(sessions)]
    hours = [3.5 if i in set(early) else 6.5 for i in range(sessions)]
    return CODEC.encode(
        "SessionCalendar",
        {
            "time_us": time_us,
            "sessions": [DAY0 + i for i in range(sessions)],
            "opens_us": opens,
            "closes_us": [o + int(h * HOUR) for o, h in zip(opens, hours, strict=True)],
            "settlements": [DAY0 + i + 1 for i in range(sessions)],
            "offset_days": [DAY0 - 1],
            "offsets_s": [-4 * 3600],
        },
    )


def historical(symbol: str, session: int, high: int, low: int, close: int, time_us: int = OPEN0 - HOUR) -> bytes:
    return CODEC.encode(
        "HistoricalBar",
        {
            "symbol": symbol, "session": session, "time_us": time_us, "open_e4": low, "high_e4": high, "low_e4": low,
            "close_e4": close, "volume": 1000,
        },
    )  # fmt: skip


def official(symbol: str, session: int, close: int, volume: int, time_us: int) -> bytes:
    return CODEC.encode(
        "OfficialClose", {"symbol": symbol, "session": session, "time_us": time_us, "close_e4": close, "volume": volume}
    )


def split(symbol: str, ex_session: int, new: int, old: int, time_us: int = OPEN0 - HOUR) -> bytes:
    return CODEC.encode(
        "CorporateAction",
        {
            "symbol": symbol, "kind": "SPLIT", "ex_session": ex_session, "time_us": time_us, "ratio_new": new,
            "ratio_old": old, "dividend_e4": 0,
        },
    )  # fmt: skip


class State(LogReader):
    """market.state, compacted."""

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}

    def take(self, outputs: Sequence[Output]) -> None:
        for output in outputs:
            if output.topic == "market.state":
                assert output.key is not None
                assert output.value is not None
                self.values[output.key] = output.value

    def compacted(self, topic: str) -> dict[bytes, bytes]:
        assert topic == "market.state"
        return dict(self.values)

    def records(self, topic: str, from_offset: int = 0) -> Iterable[Message]:
        raise AssertionError(f"the state alone restores the task, not {topic} from {from_offset}")

    def end(self, topic: str) -> int:
        raise AssertionError(f"the state alone restores the task, not the end of {topic}")


def messages(values: Sequence[bytes | None], first_offset: int = 0) -> list[Message]:
    return [Message("market.ticks", first_offset + i, b"key", value) for i, value in enumerate(values)]


class Run:
    """A task and all that it has published."""

    def __init__(
        self, grid_us: int = S, partition: int = 0, market_partitions: int = 2, book_partitions: int = 2
    ) -> None:
        self.processor = MarketProcessor(market_partitions, book_partitions, grid_us)
        self.partition = partition
        self.state = State()
        self.outputs: list[Output] = []
        self.taken = 0
        self.task: MarketTask = self._restored()

    def _restored(self) -> MarketTask:
        task = self.processor.task(self.partition)
        task.restore(self.state)
        return task

    def restart(self) -> None:
        self.task = self._restored()
        assert self.task.positions() == ({"market.ticks": self.taken} if self.taken else {})

    def feed(self, *values: bytes | None) -> "Run":
        outputs = self.task.handle(messages(values, self.taken))
        self.taken += len(values)
        self.state.take(outputs)
        self.outputs += outputs
        return self

    def published(self) -> dict[tuple[str, int], list[tuple[bytes | None, bytes | None]]]:
        """Keys and values by topic and partition, without the state."""
        by_topic: dict[tuple[str, int], list[tuple[bytes | None, bytes | None]]] = defaultdict(list)
        for output in self.outputs:
            if output.topic != "market.state":
                by_topic[output.topic, output.partition].append((output.key, output.value))
        return dict(by_topic)

    def records(self, topic: str, partition: int | None = None) -> Records:
        """Decoded records of a topic, of one partition of it."""
        wanted = self.partition if partition is None else partition
        values = [o.value for o in self.outputs if o.topic == topic and o.partition == wanted]
        return [CODEC.decode(value) for value in values if value is not None]

    def of(self, name: str) -> list[dict[str, Any]]:
        """Decoded records of one name, from wherever they were published."""
        topic = {"Bar": "market.bars", "DataQualityIssue": "market.bars", "DeadLetter": "dead-letters"}.get(
            name, "market.marks"
        )
        return [value for found, value in self.records(topic, 0 if topic != "market.bars" else None) if found == name]
