"""Market processor: ticks in; bars, marks on the event-time grid, chains, indicators out (protocol 5)."""

from processors.market.task import MarketProcessor, MarketTask

__all__ = ["MarketProcessor", "MarketTask"]
