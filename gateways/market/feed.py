"""What a gateway writes for recorded prices: the log's opening, market records by symbol, a watermark after each
moment."""

from collections.abc import Iterator

from domain.identity import partition_of
from domain.inputs import LogOpened, SessionCalendar, Watermark
from gateways.market.port import Moment
from infra.stream.contract import Output
from schemas.codec import Codec

TICKS, COMMANDS = "market.ticks", "commands"


def opening(log: LogOpened) -> list[Output]:
    """The first record of every `commands` partition."""
    data = Codec.load().encode_record(log)
    return [Output(COMMANDS, p, None, data) for p in range(log.partitions)]


def command(book: str, record: object, partitions: int) -> Output:
    """A command, on its book's partition."""
    return Output(COMMANDS, partition_of(book, partitions), book.encode(), Codec.load().encode_record(record))


def commands_complete(log: LogOpened, until_us: int) -> list[Output]:
    """No recorded command has a time up to `until_us` any more."""
    data = Codec.load().encode_record(Watermark(until_us))
    return [Output(COMMANDS, p, None, data) for p in range(log.partitions)]


def market_records(moments: Iterator[Moment], market_partitions: int) -> Iterator[tuple[int, list[Output]]]:
    """Per moment its time and records: by symbol's partition, the calendar and a watermark to all partitions."""
    codec = Codec.load()
    everywhere = range(market_partitions)
    for moment in moments:
        outputs: list[Output] = []
        for record in moment.records:
            data = codec.encode_record(record)
            if isinstance(record, SessionCalendar):
                outputs.extend(Output(TICKS, p, None, data) for p in everywhere)
                continue
            symbol = _symbol_of(record)
            outputs.append(Output(TICKS, partition_of(symbol, market_partitions), symbol.encode(), data))
        mark = codec.encode_record(Watermark(moment.time_us))
        outputs.extend(Output(TICKS, p, None, mark) for p in everywhere)
        yield moment.time_us, outputs


def _symbol_of(record: object) -> str:
    symbol = getattr(record, "symbol", None) or getattr(record, "underlying", None)
    if not isinstance(symbol, str):
        raise TypeError(f"{type(record).__name__} has no symbol")
    return symbol
