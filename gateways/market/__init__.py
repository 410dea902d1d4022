"""Market data in: the port (`port`), its adapters `sample` and `lean`, the exchange calendar (docs/market-data.md)."""
