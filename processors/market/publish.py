"""Collects what a task publishes in one call, in order, and encodes bars in one batch."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from infra.stream.contract import Message, Output
from processors.market import bars as b
from processors.market import marks as m
from processors.market.intake import FEW
from processors.market.progress import Progress
from processors.market.symbols import Ints, SymbolTable
from processors.market.ticks import Refusal
from schemas.codec import Codec

MARKS, BARS, STATE, DEAD_LETTERS = "market.marks", "market.bars", "market.state", "dead-letters"
TICKS = "market.ticks"
MARKS_KEY = b"marks"
_BAR_FIELDS = (
    ("start_us", b.START),
    ("seconds", b.SECONDS),
    ("open_e4", b.OPEN),
    ("high_e4", b.HIGH),
    ("low_e4", b.LOW),
    ("close_e4", b.CLOSE),
    ("volume", b.VOLUME),
    ("ticks", b.TRADES),
)


class Publisher:
    """Outputs of one task. Records on market.marks are numbered; every book partition gets the same bytes."""

    def __init__(
        self, partition: int, book_partitions: int, codec: Codec, progress: Progress, table: SymbolTable
    ) -> None:
        self._partition = partition
        self._books = range(book_partitions)
        self._codec = codec
        self.progress = progress
        self._table = table
        self._outputs: list[Output] = []
        self._on_bars: list[Ints | Output] = []

    # --- market.marks

    def to_books(self, name: str, time_us: int, fields: Mapping[str, Any]) -> None:
        """A record of market.marks. Its time is raised where it would lie before a record already sent."""
        progress = self.progress
        time_us = max(time_us, progress.floor_us())
        header = {"market_partition": self._partition, "source_seq": progress.source_seq, "time_us": time_us}
        value = self._codec.encode(name, {**header, **fields})
        progress.source_seq += 1
        progress.sent_us = time_us
        self._outputs.extend(Output(MARKS, p, MARKS_KEY, value) for p in self._books)

    def marks(self, moment_us: int, entries: Ints) -> None:
        """One Marks: the entries of a moment, sorted by code. Symbols that have never traded are left out."""
        entries = entries[entries[:, m.LAST] > 0]
        names = self._table.names
        fields: dict[str, Any] = {
            "symbols": [names[code] for code in entries[:, m.CODE].tolist()],
            "lasts_e4": entries[:, m.LAST].tolist(),
            "bids_e4": entries[:, m.BID].tolist(),
            "asks_e4": entries[:, m.ASK].tolist(),
            "tick_times_us": entries[:, m.TIME].tolist(),
        }
        self.to_books("Marks", moment_us, fields)
        self.progress.marked_us = self.progress.sent_us

    # --- market.bars

    def bars(self, complete: Ints) -> None:
        """Complete bars, in the order in which they are to be published."""
        if len(complete):
            self._on_bars.append(complete)

    def refusal(self, refusal: Refusal) -> None:
        """A refused tick."""
        symbol = self._table.names[refusal.code]
        self.issue(symbol, symbol, refusal.time, refusal.rule, refusal.bid, refusal.ask, refusal.last, refusal.size)

    def issue(
        self, key: str, symbol: str, time_us: int, rule: str, bid: int = 0, ask: int = 0, last: int = 0, size: int = 0
    ) -> None:
        """Something refused by protocol 5.2, kept and flagged."""
        value = self._codec.encode(
            "DataQualityIssue",
            {
                "market_partition": self._partition,
                "symbol": symbol,
                "time_us": time_us,
                "rule": rule,
                "bid_e4": bid,
                "ask_e4": ask,
                "last_e4": last,
                "size": size,
            },
        )
        self._on_bars.append(Output(BARS, self._partition, key.encode(), value))

    # --- dead letters

    def dead_letter(self, message: Message, code: str, text: str, time_us: int) -> None:
        """A record that could not be used, whole."""
        value = self._codec.encode(
            "DeadLetter",
            {
                "topic": message.topic,
                "partition": self._partition,
                "offset": message.offset,
                "key_hex": (message.key or b"").hex(),
                "value_hex": (message.value or b"").hex(),
                "headers": {name: (data or b"").hex() for name, data in message.headers or ()},
                "error_code": code,
                "message": text,
                "processor": "market",
                "attempt": 1,
                "book": "",
                "time_us": time_us,
            },
        )
        self._outputs.append(Output(DEAD_LETTERS, self._partition % len(self._books), message.key, value))

    # --- market.state

    def state(self, key: bytes, value: bytes) -> None:
        """A durable piece of the task's state."""
        self._outputs.append(Output(STATE, self._partition, key, value))

    def take(self) -> list[Output]:
        """All outputs since the last call."""
        outputs, self._outputs = self._outputs, []
        pieces, self._on_bars = self._on_bars, []
        if pieces:
            outputs.extend(self._encoded(pieces))
        return outputs

    def _encoded(self, pieces: list[Ints | Output]) -> list[Output]:
        outputs: list[Output] = []
        matrices = [piece for piece in pieces if not isinstance(piece, Output)]
        values = iter(self._bar_values(matrices))
        keys: dict[int, bytes] = {}
        names = self._table.names
        for piece in pieces:
            if isinstance(piece, Output):
                outputs.append(piece)
                continue
            codes: list[int] = piece[:, b.CODE].tolist()
            for code in codes:
                key = keys.get(code)
                if key is None:
                    key = keys[code] = names[code].encode()
                outputs.append(Output(BARS, self._partition, key, next(values)))
        return outputs

    def _bar_values(self, matrices: list[Ints]) -> list[bytes]:
        if not matrices:
            return []
        rows = b.joined(matrices)
        names = self._table.names
        if len(rows) <= FEW:
            return [
                self._codec.encode("Bar", {"symbol": names[row[b.CODE]], **{n: row[c] for n, c in _BAR_FIELDS}})
                for row in rows.tolist()
            ]
        columns: dict[str, Any] = {
            "symbol": pa.array([names[code] for code in rows[:, b.CODE].tolist()], pa.string()),
            **{name: pa.array(rows[:, column]) for name, column in _BAR_FIELDS},
        }
        return self._codec.encode_batch("Bar", columns)
