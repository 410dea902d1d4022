"""An event as the mapping sees it, and how handlers are declared."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from projections.tables.shape import Change, Origin

Fields = Mapping[str, Any]
"""Fields of an event or of a record in it, as Avro has them."""


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """An event read from the log: what of the envelope the read models need, and its own fields."""

    name: str
    origin: Origin
    book: str
    account_id: str | None
    stream: str
    occurred_at: int
    config_version: int
    data: Fields

    def __getitem__(self, field: str) -> Any:
        return self.data[field]

    @property
    def account(self) -> str:
        """The account; empty for what concerns the whole book."""
        return self.account_id or ""


Changes = Iterable[Change]
Handler = Callable[[LoggedEvent], Changes]

_OCC = re.compile(r"^(.+)\d{6}[PC]\d{8}$")


def ticker_of(contract: str) -> str:
    """The underlying of an OCC symbol; a share position has the plain ticker."""
    found = _OCC.match(contract)
    return found.group(1) if found else contract


def as_json(value: Any) -> str:
    """JSON text of Avro values, for a jsonb column."""
    return json.dumps(value, separators=(",", ":"))
