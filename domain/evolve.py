"""How state follows from events, and only from events: `evolve(book, event, envelope)`.

Deciding and evolving are kept apart so that a fold of the events alone gives the stored accounts, orders, positions and
ledger again (INV-2). Timers, price watches and the memory of commands are not in here: they follow from the journal's
inputs.
"""

from typing import Any

from domain import (
    evolve_book,
    evolve_lifecycle,
    evolve_positions,
    evolve_risk,
    evolve_starlab,
    evolve_tax,
    evolve_trading,
    evolve_weeks,
)
from domain.events import Envelope, Event
from domain.evolving import HANDLERS
from domain.state import Book

PARTS = (
    evolve_book,
    evolve_trading,
    evolve_positions,
    evolve_risk,
    evolve_tax,
    evolve_lifecycle,
    evolve_starlab,
    evolve_weeks,
)
"""The modules whose handlers are registered."""


def evolve(book: Book, event: Event, envelope: Envelope) -> None:
    """Change the state as the event says. Events without a handler change nothing."""
    kind: type[Any] = event.__class__
    handler = HANDLERS.get(kind)
    if handler is not None:
        handler(book, event, envelope)
