"""An event as the mapping sees it, and how handlers are declared."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from projections.tables.shape import Change, Origin

Fields = Mapping[str, Any]
"""Fields of a record inside an event, as Avro has them."""


class Nested(Protocol):
    """Lists, maps and records among the fields of the events of one batch; converted when they are asked for."""

    def values(self, field: str) -> list[Any]:
        """A field of each event, as Avro's Python value. Raises KeyError."""
        ...

    def texts(self, field: str) -> list[str]:
        """A field of each event as JSON text. Raises KeyError."""
        ...


class LoggedEvent(dict[str, Any]):
    """An event read from the log: its own fields by name, and of the envelope what the read models need.

    A dict, because a handler reads a field about once a column and millions of events pass.
    """

    __slots__ = ("account_id", "book", "index", "name", "nested", "occurred_at", "origin", "stream")

    name: str
    origin: Origin
    book: str
    account_id: str | None
    stream: str
    occurred_at: int
    nested: Nested
    index: int
    """the event's place in its batch, for `nested`"""

    def __missing__(self, field: str) -> Any:
        return self.nested.values(field)[self.index]

    def json(self, field: str) -> str:
        """A field as JSON text, for a jsonb column."""
        return self.nested.texts(field)[self.index]

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
