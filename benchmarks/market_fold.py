"""The market processor's own work, in memory: no Kafka. `python -m benchmarks.market_fold [ticks]`.

Ticks as in the peers' job: 4 partitions, 200 symbols, about 75 ticks a symbol and second, batches of 10,000. Measured
is `handle_values`: decode, validation, bars of 1 s and 1 min, marks to 4 book partitions, durable state, all encoded.
Left out: reading from and writing to the broker.
"""

import json
import sys
import time
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from infra.stream.contract import Message
from processors.market import MarketProcessor
from schemas.codec import Codec

PARTITIONS, SYMBOLS, BATCH = 4, 200, 10_000
START_US, STEP_US = 1_760_000_000_000_000, 67


def ticks(count: int, seed: int = 7) -> Iterator[tuple[int, list[bytes]]]:
    """(partition, encoded ticks in order) of `count` ticks over all partitions."""
    rng = np.random.default_rng(seed)
    symbol = rng.integers(0, SYMBOLS, count)
    moment = START_US + np.arange(count, dtype=np.int64) * STEP_US
    price = rng.integers(200_000, 4_000_000, SYMBOLS)[symbol] + np.cumsum(rng.integers(-3, 4, count))
    size = rng.integers(1, 900, count)
    codec = Codec.load()
    for partition in range(PARTITIONS):
        own: npt.NDArray[np.intp] = np.flatnonzero(symbol % PARTITIONS == partition)
        columns = {
            "symbol": [f"SYM{s:03d}" for s in symbol[own].tolist()],
            "time_us": moment[own].tolist(),
            "bid_e4": (price[own] - 50).tolist(),
            "ask_e4": (price[own] + 50).tolist(),
            "last_e4": price[own].tolist(),
            "size": size[own].tolist(),
            "flags": [0] * len(own),
        }
        yield partition, codec.encode_batch("Tick", columns)


def measure(count: int) -> dict[str, float]:
    """Rates in ticks a second and what came out."""
    processor = MarketProcessor(PARTITIONS, PARTITIONS)
    outputs = taken = state_bytes = state_records = 0
    seconds = decode = 0.0
    for partition, values in ticks(count):
        task = processor.task(partition)
        for start in range(0, len(values), BATCH):
            batch = values[start : start + BATCH]
            began = time.perf_counter()
            Codec.load().decode_batch("Tick", batch)
            decode += time.perf_counter() - began
            began = time.perf_counter()
            published = task.handle_values(batch, start + len(batch), _no_message)
            seconds += time.perf_counter() - began
            taken += len(batch)
            outputs += len(published)
            state = [len(output.value or b"") for output in published if output.topic == "market.state"]
            state_records += len(state)
            state_bytes += sum(state)
    return {
        "ticks": taken,
        "ticks_per_s": round(taken / seconds),
        "us_per_tick": round(seconds / taken * 1e6, 3),
        "of_that_decode_us": round(decode / taken * 1e6, 3),
        "outputs": outputs,
        "state_records": state_records,
        "state_bytes_per_tick": round(state_bytes / taken, 2),
    }


def _no_message(place: int) -> Message:
    raise AssertionError(f"record {place} of the benchmark can't be read")


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)))
