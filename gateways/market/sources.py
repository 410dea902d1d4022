"""The sources there are, by the name that people type."""

from pathlib import Path

from gateways.market.lean.source import LeanOptions, LeanSource
from gateways.market.port import MarketDataSource
from gateways.market.sample import SampleSource
from infra.errors import RequestError


def open_source(spec: str) -> MarketDataSource:
    """A source by its name on the command line: `sample`, or `lean:FOLDER` with options as in a URL.

    `lean:FOLDER?equity=tick` plays tick files where there are some; `lean:FOLDER?warmup=none` runs symbols that have no
    daily file. Raises `RequestError(BAD_SOURCE)` for an unknown one.
    """
    kind, _, rest = spec.partition(":")
    if spec == "sample":
        return SampleSource()
    if kind == "lean" and rest:
        folder, _, query = rest.partition("?")
        return LeanSource(Path(folder).expanduser(), LeanOptions.parse(query))
    raise RequestError("BAD_SOURCE", f"There is no market data source '{spec}'.", "Use sample or lean:FOLDER.")
