"""Where the handlers of `domain.evolve` register themselves: one for each kind of event that changes the state."""

from collections.abc import Callable
from typing import Any

from domain.events import Envelope
from domain.state import Account, Book

Handler = Callable[[Book, Any, Envelope], None]
HANDLERS: dict[type[Any], Handler] = {}


def on(*kinds: type[Any]) -> Callable[[Handler], Handler]:
    """Register what these kinds of event change."""

    def register(handler: Handler) -> Handler:
        for kind in kinds:
            HANDLERS[kind] = handler
        return handler

    return register


def account_of(book: Book, envelope: Envelope) -> Account:
    """The account that an event concerns."""
    assert envelope.account_id is not None
    return book.accounts[envelope.account_id]
