"""The context of one journal entry: where rules read time and parameters, emit events and set timers."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from domain.calendar import Calendar
from domain.commands import CommandHeader
from domain.config import Config
from domain.events import Envelope, Event
from domain.evolve import evolve
from domain.identity import canonical, entry_id, event_id
from domain.market import DayRecord, Market
from domain.state import Account, Book

SCHEMA_VERSION = 1


class Emitted(NamedTuple):
    """An event with its envelope, in the order of decision."""

    envelope: Envelope
    event: Event


@dataclass(slots=True)
class Entry:
    """One journal entry while it is decided: shared by every book that it wakes."""

    partition: int
    sequence: int
    time_us: int
    emitted: list[Emitted] = field(default_factory=list[Emitted])
    sent: list[Any] = field(default_factory=list[Any])
    """commands to other books, in the order of decision"""
    _id: bytes = b""

    @property
    def entry_id(self) -> bytes:
        """The entry's id, made when the first event asks for it: most entries cause none."""
        if not self._id:
            self._id = entry_id(self.partition, self.sequence)
        return self._id


SYSTEM_ACTOR = ("BOOK", "all-use")


class Decision:
    """What the rules of one book may use while an entry is decided. Emitting an event changes the state at once."""

    __slots__ = (
        "_configs",
        "actor",
        "book",
        "correlation",
        "entry",
        "idempotency",
        "market",
        "timers_set",
        "watches_set",
    )

    def __init__(
        self,
        book: Book,
        market: Market,
        entry: Entry,
        header: CommandHeader | None = None,
        configs: dict[str, Config] | None = None,
    ) -> None:
        self.book = book
        self.market = market
        self.entry = entry
        self.actor = (header.actor_type, header.actor_id) if header else SYSTEM_ACTOR
        self.correlation = header.correlation_id if header else ""
        self.idempotency = header.command_id if header else ""
        self.timers_set: list[tuple[int, str]] = []
        self.watches_set: list[tuple[str, int, int, str]] = []
        self._configs: dict[str, Config] = {} if configs is None else configs

    @property
    def now_us(self) -> int:
        """Time of the journal entry."""
        return self.entry.time_us

    @property
    def calendar(self) -> Calendar:
        """The session calendar; books are created only once it is there."""
        calendar = self.market.calendar
        if calendar is None:
            raise LookupError("no session calendar on the log")
        return calendar

    @property
    def today(self) -> int:
        """New York calendar day of the entry."""
        return self.calendar.day_of(self.entry.time_us)

    def config(self, account_id: str = "") -> Config:
        """Parameters in force: account overlay, system overlay, catalogue."""
        found = self._configs.get(account_id)
        if found is None:
            found = Config.of(self.book.config, account_id, self.book.config_version)
            self._configs[account_id] = found
        return found

    def atr_record(self, symbol: str, account: Account | None = None) -> DayRecord | None:
        """The last completed session with an ATR of the account's `atr.period`, in the shares of today (5.3)."""
        period = self.config(account.account_id if account else "").integer("atr.period")
        return self.market.atr_record(symbol, self.today, period)

    def next_event_id(self) -> str:
        """Id that the next emitted event will have."""
        return event_id(self.entry.entry_id, len(self.entry.emitted))

    def emit(self, event: Event, stream: str, account: Account | None = None, occurred_us: int = 0) -> str:
        """Decide an event: it gets its id and envelope, and the state follows from it. Returns the event's id."""
        book, entry = self.book, self.entry
        ordinal = len(entry.emitted)
        version = book.streams.get(stream, 0) + 1
        book.streams[stream] = version
        identity = event_id(entry.entry_id, ordinal)
        cause = canonical(entry.entry_id)
        envelope = Envelope(
            identity,
            stream,
            version,
            type(event).__name__,
            SCHEMA_VERSION,
            occurred_us or entry.time_us,
            entry.time_us,
            book.system_id,
            account.account_id if account else None,
            self.actor[0],
            self.actor[1],
            self.correlation or cause,
            cause,
            self.idempotency,
            book.config_version,
            entry.partition,
            entry.sequence,
            ordinal,
        )
        entry.emitted.append(Emitted(envelope, event))
        evolve(book, event, envelope)
        if type(event).__name__ == "ConfigurationChanged":
            self._configs.clear()
        return identity

    def send(self, command: Any) -> None:
        """Ask something of another book; its id is deterministic, so asking twice has no second effect."""
        self.entry.sent.append(command)

    def set_timer(self, key: str, due_us: int) -> None:
        """Wake this book at the first clock tick at or after `due_us`. A timer of the same key is replaced."""
        self.book.timers[key] = due_us
        self.timers_set.append((due_us, key))

    def clear_timer(self, key: str) -> None:
        """Forget a timer."""
        self.book.timers.pop(key, None)

    def watch_price(self, key: str, symbol: str, low_e4: int, high_e4: int) -> None:
        """Wake this book when a mark of `symbol` reaches `low_e4` or `high_e4`. Replaces a watch of the key."""
        self.book.watches[key] = [symbol, low_e4, high_e4]
        self.watches_set.append((symbol, low_e4, high_e4, key))

    def unwatch_price(self, key: str) -> None:
        """Forget a price watch."""
        self.book.watches.pop(key, None)
