"""The delivery port: one message to one role over one channel.

Roles are references; which address stands behind one is the adapter's business, and no address stands in an error, a
log line or a record. What delivering can fail with is one of two errors:

    DeliveryError
    ├── TransientDeliveryError   try again later
    └── DeliveryRefusedError     it will be refused again

The same message may come twice, after a crash: adapters send its `notice_id` along, by which a receiver knows it.
"""

from dataclasses import dataclass
from typing import Protocol

ROLES = ("PRIMARY", "SECONDARY", "OWNER")


@dataclass(frozen=True)
class Message:
    """What is to be said."""

    notice_id: str
    """the same for the same message"""
    kind: str
    """ALERT, ESCALATION, SUMMARY or DIGEST"""
    role: str
    alert_id: str
    """empty for a summary and a digest"""
    book: str
    account_id: str
    """empty: it concerns no single account"""
    type: str
    priority: str
    ticker: str
    """empty: it concerns none"""
    title: str
    message: str
    at_us: int

    @property
    def subject(self) -> str:
        """One line: priority, whom it concerns, title."""
        who = self.account_id or self.book
        words = [f"[{self.priority}]", "Escalated:" if self.kind == "ESCALATION" else "", who, self.ticker, self.title]
        return " ".join(" ".join(words).split())


class DeliveryError(Exception):
    """The root: a stable code and what is wrong, without addresses."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class TransientDeliveryError(DeliveryError):
    """The channel is away or busy: try again later."""


class DeliveryRefusedError(DeliveryError):
    """The channel will not take this message, now or later."""


class DeliveryPort(Protocol):
    """A channel."""

    @property
    def channel(self) -> str:
        """Its name in references: `log`, `email`, `webhook`."""
        ...

    def deliver(self, message: Message) -> None:
        """Give it to the message's role; the channel has taken it when this returns. May be called by several threads.

        A role without an address of its own is the PRIMARY's business. Raises TransientDeliveryError,
        DeliveryRefusedError.
        """
        ...
