"""The outputs do not depend on how the input was cut into batches, nor on where the task was restarted.

And they are those of a plain model that takes one tick after the other.
"""

from dataclasses import dataclass, field
from itertools import accumulate, islice
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.processors.market import market_log as log
from tests.unit.processors.market.market_log import CODEC, DAY0, HOUR, T0, Run, S

SYMBOLS = ["IBM", "AAPL", "GOOG"]

steps = st.sampled_from([0, 0, 1, 100_000, 250_000, 999_999, 1_000_000, -300_000, 2_500_000, 61_000_000, 5 * HOUR])
prices = st.one_of(
    st.sampled_from([1_000_000] * 4 + [1_010_000, 990_000, 1_300_000, 1_310_000, 700_000, 0, 0, -5]),
    st.integers(1, 2_000_000),
)
quotes = st.sampled_from([(0, 0), (0, 0), (990_000, 1_010_000), (0, 1_010_000), (1_020_000, 1_010_000)])
ticks = st.tuples(st.just("tick"), st.sampled_from(SYMBOLS), prices, quotes)
rare = st.sampled_from(
    [
        "watermark",
        "late watermark",
        "chain",
        "garbage",
        "null",
        "split",
        "historical",
        "official",
        "calendar",
        "misplaced",
    ]
)
specials = st.tuples(rare, st.sampled_from(SYMBOLS), st.integers(0, 40), st.just((0, 0)))
Step = tuple[int, tuple[str, str, int, tuple[int, int]]]
histories = st.lists(st.tuples(steps, st.one_of(ticks, ticks, ticks, ticks, specials)), min_size=1, max_size=60)


def chain(symbol: str, time_us: int) -> bytes:
    one = [1]
    return CODEC.encode(
        "OptionQuotes",
        {
            "underlying": symbol, "time_us": time_us, "spot_e4": 1_000_000, "rate_e10": 0, "expiries": [DAY0 + 30],
            "strikes_e3": [100_000], "rights": ["P"], "bids_e4": [20_000], "asks_e4": [21_000], "bid_sizes": one,
            "ask_sizes": one, "quote_times_us": [time_us], "volumes": one, "open_interests": one, "adv20s": one,
            "ivs_e6": [0], "deltas_e2": [-1], "quality": "MODELLED",
        },
    )  # fmt: skip


def encoded(history: list[Step]) -> list[bytes | None]:
    """The records of a history; time goes on by its steps."""
    times = accumulate((step for step, _ in history), initial=T0)
    return [record(time, *what) for time, (_, what) in zip(islice(times, 1, None), history, strict=True)]


def record(now: int, kind: str, symbol: str, number: int, quote: tuple[int, int]) -> bytes | None:
    match kind:
        case "tick":
            return log.tick(symbol, now, number, *quote, 3)
        case "watermark":
            return log.watermark(now)
        case "late watermark":
            return log.watermark(now - number * S // 7)
        case "chain":
            return chain(symbol, now)
        case "garbage":
            return log.tick(symbol, now, 1_000_000)[:-3]
        case "split":
            return log.split(symbol, DAY0 + number // 4, 2, 1, now)
        case "historical":
            return log.historical(symbol, DAY0 - 40 + number, 1_020_000, 980_000, 1_000_000 + number, now)
        case "official":
            return log.official(symbol, DAY0 + number // 8, 1_005_000, 99, now)
        case "calendar":
            return log.calendar(now)
        case "misplaced":
            return CODEC.encode("ClockTick", {"time_us": now, "source_seq": 1})
        case _:
            return None


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    histories,
    st.lists(st.tuples(st.integers(0, 60), st.booleans()), max_size=8),
    st.sampled_from([S, 250_000, 7 * S, 60 * S]),
    st.booleans(),
)
def test_cuts_and_restarts_change_no_byte(
    history: list[Step],
    cuts: list[tuple[int, bool]],
    grid_us: int,
    with_calendar: bool,
) -> None:
    # given a history of ticks and other records
    values = ([log.calendar()] if with_calendar else []) + encoded(history)
    # when one task takes it whole, one record by record, one in pieces with restarts in between
    whole = Run(grid_us).feed(*values)
    single = Run(grid_us)
    for value in values:
        single.feed(value)
    pieces = Run(grid_us)
    start = 0
    for stop, restart in [*sorted(cuts), (len(values), False)]:
        stop = min(stop, len(values))
        if stop > start:
            pieces.feed(*values[start:stop])
            start = stop
        if restart:
            pieces.restart()
    # then all three publish the same bytes
    assert single.published() == whole.published()
    assert pieces.published() == whole.published()
    # and every book partition gets the same, numbered without a gap, in time order
    marks = whole.records("market.marks", 0)
    assert whole.published().get(("market.marks", 0)) == whole.published().get(("market.marks", 1))
    assert [value["source_seq"] for _, value in marks] == list(range(len(marks)))
    times = [value["time_us"] for _, value in marks]
    assert times == sorted(times)
    closing = [value["time_us"] for name, value in marks if name == "Marks"]
    assert closing == sorted(set(closing))


# --- the same, tick by tick, in the plainest way


@dataclass
class Model:
    """What protocol 5.2 and the module docstrings say, one tick after the other, for ticks and watermarks."""

    grid: int
    closed: int = -1
    moment: int = 0
    marked: int = -1
    seen: dict[str, int] = field(default_factory=dict[str, int])
    order: list[str] = field(default_factory=list[str])
    last: dict[str, int] = field(default_factory=dict[str, int])
    quote: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    echo: dict[str, int] = field(default_factory=dict[str, int])
    dirty: dict[str, int] = field(default_factory=dict[str, int])
    open: dict[tuple[str, int], list[int]] = field(default_factory=dict[tuple[str, int], list[int]])
    marks: list[tuple[int, list[tuple[str, int, int, int, int]]]] = field(
        default_factory=list[tuple[int, list[tuple[str, int, int, int, int]]]]
    )
    bars: list[tuple[Any, ...]] = field(default_factory=list[tuple[Any, ...]])

    def advance(self, closed: int) -> None:
        if closed <= self.closed:
            return
        if 0 < self.moment <= closed:
            entries = [
                (s, self.last[s], *self.quote.get(s, (0, 0)), self.dirty[s])
                for s in self.order
                if s in self.dirty and s in self.last
            ]
            self.marks.append((self.moment, entries))
            self.marked, self.moment, self.dirty = self.moment, 0, {}
        for symbol, seconds in sorted(self.open, key=lambda k: (self.order.index(k[0]), k[1])):
            if self.open[symbol, seconds][0] + seconds * S <= closed:
                self.complete(symbol, seconds)
        self.closed = closed

    def complete(self, symbol: str, seconds: int) -> None:
        self.bars.append((symbol, seconds, *self.open.pop((symbol, seconds))))

    def watermark(self, time: int) -> None:
        self.advance(time)
        if time > self.marked:
            self.marks.append((time, []))
            self.marked = time

    def tick(self, symbol: str, time: int, last: int, bid: int, ask: int, size: int) -> None:
        if symbol not in self.order:
            self.order.append(symbol)
        if min(last, bid, ask) < 0 or last == bid == ask == 0:
            self.bars.append(("NON_POSITIVE_PRICE", symbol, time))
            return
        if bid > ask > 0:
            self.bars.append(("BID_ABOVE_ASK", symbol, time))
            return
        if time <= self.closed or time < self.seen.get(symbol, 0):
            self.bars.append(("OUT_OF_ORDER", symbol, time))
            return
        moment = -(-time // self.grid) * self.grid
        self.advance(moment - self.grid)
        self.moment = max(self.moment, moment)
        self.seen[symbol] = time
        if last:
            before, echo = self.last.get(symbol, 0), self.echo.get(symbol, 0)
            if before and 5 * abs(last - before) > before and not (echo and 50 * abs(last - echo) <= echo):
                self.echo[symbol] = last
                self.bars.append(("JUMP", symbol, time))
                return
            self.echo[symbol] = 0
            self.last[symbol] = last
            for seconds in (1, 60):
                start = time // (seconds * S) * seconds * S
                bar = self.open.get((symbol, seconds))
                if bar and bar[0] < start:
                    self.complete(symbol, seconds)
                    bar = None
                if bar:
                    bar[2], bar[3] = max(bar[2], last), min(bar[3], last)
                    bar[4], bar[5], bar[6] = last, bar[5] + size, bar[6] + 1
                else:
                    self.open[symbol, seconds] = [start, last, last, last, last, size, 1]
        if bid or ask:
            self.quote[symbol] = (bid, ask)
        self.dirty[symbol] = time


def as_model(run: Run) -> tuple[list[Any], list[Any]]:
    """What a task published, in the model's words."""
    marks = [
        (
            v["time_us"],
            list(zip(v["symbols"], v["lasts_e4"], v["bids_e4"], v["asks_e4"], v["tick_times_us"], strict=True)),
        )
        for _, v in run.records("market.marks")
    ]
    bars: list[Any] = []
    for name, v in run.records("market.bars"):
        if name == "Bar":
            names = ("symbol", "seconds", "start_us", "open_e4", "high_e4", "low_e4", "close_e4", "volume", "ticks")
            bars.append(tuple(v[n] for n in names))
        else:
            bars.append((v["rule"], v["symbol"], v["time_us"]))
    return marks, bars


plain = st.tuples(st.sampled_from(["tick"] * 9 + ["watermark"]), st.sampled_from(SYMBOLS), prices, quotes)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(steps, plain), min_size=1, max_size=80), st.sampled_from([S, 250_000, 7 * S, 60 * S]))
def test_a_batch_is_what_its_ticks_are_one_by_one(history: list[Step], grid_us: int) -> None:
    model = Model(grid_us)
    now = T0
    for step, (kind, symbol, last, (bid, ask)) in history:
        now += step
        if kind == "tick":
            model.tick(symbol, now, last, bid, ask, 3)
        else:
            model.watermark(now)
    assert as_model(Run(grid_us).feed(*encoded(history))) == (model.marks, model.bars)
