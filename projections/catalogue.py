"""The projections: which tables belong to which, and which topics feed them."""

from dataclasses import dataclass

from sqlalchemy import Table

from domain.events import TOPIC_OF
from projections.errors import UnknownProjectionError
from projections.tables import (
    accounts,
    approvals,
    books,
    fills,
    history,
    ledger,
    lifecycle,
    orders,
    risk,
    signals,
    starlab,
    weeks,
)
from projections.tables.shape import METADATA, FactTable, KeyedTable
from projections.views import VIEWS

TOPICS: tuple[str, ...] = tuple(dict.fromkeys(TOPIC_OF.values()))
"""Output topics of the book processor; every projection reads all of them."""


@dataclass(frozen=True)
class Projection:
    """A set of tables that is built, rebuilt and swapped as one."""

    name: str
    tables: tuple[Table, ...]
    views: dict[str, str]

    @property
    def relations(self) -> tuple[str, ...]:
        """What readers see: tables and views."""
        return (*(table.name for table in self.tables), *self.views)


SHAPED: tuple[FactTable | KeyedTable, ...] = tuple(
    shaped
    for module in (books, accounts, orders, fills, ledger, signals, weeks, approvals, risk, lifecycle, starlab)
    for shaped in vars(module).values()
    if isinstance(shaped, FactTable | KeyedTable)
)
"""Every table that the handlers of `projections.mapping` fill."""

TRADING = Projection("trading", tuple(t for t in METADATA.sorted_tables if t is not history.EVENTS), VIEWS)
HISTORY = Projection("history", (history.EVENTS,), {})

PROJECTIONS: dict[str, Projection] = {p.name: p for p in (TRADING, HISTORY)}


def projection(name: str) -> Projection:
    """The projection of that name. Raises UnknownProjectionError."""
    try:
        return PROJECTIONS[name]
    except KeyError:
        raise UnknownProjectionError(
            "UNKNOWN_PROJECTION", f"There is no projection {name!r}.", f"Known are: {', '.join(PROJECTIONS)}."
        ) from None
