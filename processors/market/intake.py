"""Splits a batch into ticks, as columns, and everything else.

Nearly every large batch is ticks alone: one call of the batch decoder settles that, header ids and record ends
included. Only when it refuses are the headers looked at one by one. In a recorded run batches are small and mixed: the
batch decoder's fixed cost (100 us) is then more than that of the record decoder.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np
import pyarrow as pa

from processors.market.symbols import Ints, SymbolTable
from processors.market.ticks import Ticks
from schemas.arrow import BatchReader
from schemas.codec import Codec, Plain
from schemas.errors import SchemaError

TICK: Final = "Tick"
FEW: Final = 8
"""So many records cost less one by one than as a batch; the bytes are the same."""
_COLUMNS: Final = ("time_us", "bid_e4", "ask_e4", "last_e4", "size")


@dataclass(slots=True)
class Special:
    """A record that is no tick, or can't be read: then it has no value, and `refusal` says why (code, message)."""

    place: int
    name: str = ""
    value: Plain | None = None
    refusal: tuple[str, str] = ("", "")


class Intake:
    """Decoder of market.ticks."""

    def __init__(self, codec: Codec, table: SymbolTable) -> None:
        self._codec = codec
        self._table = table
        self._header = codec.header(TICK)
        self._reader = BatchReader(TICK, self._header, codec.version(TICK).parsed())

    def split(self, values: list[bytes]) -> tuple[Ticks, list[Special]]:
        """Ticks (`at` = place in the batch) and specials, both by place. A missing value counts as an empty one."""
        if len(values) <= FEW:
            return self._few(values)
        batch = self._reader.read(values)
        if batch is not None:
            return self._ticks([batch], np.arange(len(values), dtype=np.int64)), []
        ticks: dict[int, bytes] = {}
        specials: list[Special] = []
        for place, value in enumerate(values):
            if value and value[:5] == self._header:
                ticks[place] = value
            else:
                self._look_at(place, value or b"", ticks, specials)
        batches, broken = self._readable(list(ticks.values()))
        if broken:
            places = list(ticks)
            for place in [places[i] for i in broken]:
                self._look_at(place, ticks.pop(place), ticks, specials)
            ticks = dict(sorted(ticks.items()))
            batches, _ = self._readable(list(ticks.values()))
            specials.sort(key=_place)
        return self._ticks(batches, np.array(list(ticks), np.int64)), specials

    def _few(self, values: list[bytes]) -> tuple[Ticks, list[Special]]:
        specials: list[Special] = []
        rows: list[tuple[int, ...]] = []
        for place, value in enumerate(values):
            try:
                name, decoded = self._codec.decode(value or b"")
            except SchemaError as error:
                specials.append(Special(place, refusal=(error.code, error.message)))
                continue
            if name == TICK:
                rows.append((self._table.code(decoded["symbol"]), *(decoded[name] for name in _COLUMNS), place))
            else:
                specials.append(Special(place, name, decoded))
        columns = np.array(rows, np.int64).reshape(-1, len(_COLUMNS) + 2).T
        return Ticks(*np.ascontiguousarray(columns)), specials

    def _look_at(self, place: int, value: bytes, ticks: dict[int, bytes], specials: list[Special]) -> None:
        """Decode one record; a tick of another schema version, or written in another way, is written anew as a tick."""
        try:
            name, decoded = self._codec.decode(value)
        except SchemaError as error:
            specials.append(Special(place, refusal=(error.code, error.message)))
            return
        if name == TICK:
            ticks[place] = self._codec.encode(TICK, decoded)
        else:
            specials.append(Special(place, name, decoded))

    def _readable(self, values: list[bytes], start: int = 0) -> tuple[list[pa.RecordBatch], list[int]]:
        """Batches of the values that the batch decoder reads, and the places of the others, by halving."""
        if not values:
            return [], []
        batch = self._reader.read(values)
        if batch is not None:
            return [batch], []
        if len(values) == 1:
            return [], [start]
        middle = len(values) // 2
        left, broken = self._readable(values[:middle], start)
        right, more = self._readable(values[middle:], start + middle)
        return left + right, broken + more

    def _ticks(self, batches: Sequence[pa.RecordBatch], at: Ints) -> Ticks:
        if not batches:
            none = np.empty(0, np.int64)
            return Ticks(none, none, none, none, none, none, at)
        table = batches[0] if len(batches) == 1 else pa.Table.from_batches(batches).combine_chunks().to_batches()[0]
        symbols = cast(Any, table).column("symbol").dictionary_encode()
        names: list[str] = symbols.dictionary.to_pylist()
        code_of = np.array([self._table.code(name) for name in names], np.int64)
        codes: Ints = code_of[symbols.indices.to_numpy(zero_copy_only=False)]
        time, bid, ask, last, size = (cast(Ints, table.column(name).to_numpy()) for name in _COLUMNS)
        return Ticks(codes, time, bid, ask, last, size, at)


def _place(special: Special) -> int:
    return special.place
