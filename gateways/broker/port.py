"""The broker port (protocol 12.4): what every broker, simulated or real, offers to this system.

Sans-I/O: a broker is driven by calls that carry their event time and answers with replies and with reports, the records
of `broker.reports` in the order in which they are to be written. Orders are the book's own events; money is in cents,
prices in 1e-4 dollars, times in microseconds UTC. What a call can fail with is one of three errors:

    BrokerError
    ├── TransientBrokerError   TRANSIENT  try again later, with backoff; never for an order whose fate is unknown
    ├── BrokerRejectError      REJECT     this request is refused and will be refused again
    └── FatalBrokerError       FATAL      the session cannot go on: wrong account, wrong environment, credentials

A refused order is no error: it is a `BrokerOrderStatus` REJECTED with a code of `codes.py`.
"""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple, Protocol

from domain.events import (
    BrokerLinkRequested,
    CashMovementRequested,
    OrderCancelRequested,
    OrderRepriced,
    OrderSubmitted,
)
from domain.inputs import (
    BrokerAssignment,
    BrokerCashActivity,
    BrokerExecution,
    BrokerLinked,
    BrokerOrderStatus,
    BrokerPosition,
    BrokerSession,
    BrokerStatement,
    CorporateAction,
)

Report = (
    BrokerLinked
    | BrokerOrderStatus
    | BrokerExecution
    | BrokerAssignment
    | BrokerCashActivity
    | BrokerStatement
    | BrokerSession
)
"""What a broker reports on `broker.reports`."""


class BrokerError(Exception):
    """The root of a broker's errors: a stable code, what is wrong, what to do."""

    kind: ClassVar[str] = "FATAL"

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.kind} {self.code}: {self.message}"


class TransientBrokerError(BrokerError):
    """The broker cannot answer now: retry after 1, 2, 4 ... 60 s (protocol 12.4)."""

    kind = "TRANSIENT"


class BrokerRejectError(BrokerError):
    """The broker refuses this request; sending it again changes nothing."""

    kind = "REJECT"


class FatalBrokerError(BrokerError):
    """The session must not go on; a person has to act."""

    kind = "FATAL"


class AccountSummary(NamedTuple):
    """Money of a brokerage account, cents."""

    broker_account: str
    cash: int
    """all cash, settled or not"""
    collateral: int
    """cash that covers short puts, held and working (protocol 4.1)"""
    available: int
    """cash that neither collateral nor a working order needs"""


class ContractDetails(NamedTuple):
    """What a contract is."""

    contract: str
    underlying: str
    multiplier: int
    expiry: int
    """days since 1970-01-01, 0 for shares"""
    strike_e3: int
    right: str
    """P, C or empty for shares"""


class Quote(NamedTuple):
    """Best bid and ask of a contract. 0 = none; a size of -1 = not limited (shares of the simulated broker)."""

    snapshot: int
    """source_seq of the market record it stands in: what is taken of a snapshot is gone until the next"""
    time_us: int
    bid_e4: int
    ask_e4: int
    bid_size: int
    ask_size: int


class WhatIf(NamedTuple):
    """What an order would do, without placing it."""

    code: str
    """why it would be refused, empty when it would be taken"""
    cash_change: int
    """cents at the limit, commission included"""
    collateral_change: int
    commission: int


class OpenOrder(NamedTuple):
    """An order that works at the broker."""

    order_id: str
    broker_order_id: str
    version: int
    contract: str
    side: str
    effect: str
    quantity: int
    filled: int
    limit_e4: int
    new_contract: str | None = None
    """of a combination: what is sold when `contract` is bought back"""


class Heartbeat(NamedTuple):
    """The session's state."""

    connected: bool
    clock_us: int
    """the broker's time"""


class BrokerSessionPort(Protocol):
    """Coming and going."""

    combinations: bool
    """Whether it takes combination orders; said by `BrokerLinked`. Without them the book rolls in two orders (7.3)."""

    def connect(self, at_us: int, book: str, request: BrokerLinkRequested) -> None:
        """Link the book's account. Reports `BrokerLinked` and a CONNECT statement, or `BrokerSession` down."""
        ...

    def heartbeat(self) -> Heartbeat:
        """Is the session up."""
        ...

    def move_cash(self, at_us: int, book: str, request: CashMovementRequested) -> None:
        """Cash enters or leaves the account outside orders, once a movement id. Nothing is reported: it was ours."""
        ...

    def disconnect(self, at_us: int, reason: str) -> None:
        """End the session. Reports `BrokerSession` down for each book; orders go on working at the broker."""
        ...

    def reports(self) -> list[Report]:
        """What was reported since the last call, in order of time; each is handed over once."""
        ...


class BrokerAccountPort(Protocol):
    """What the brokerage account holds. Each raises `BrokerRejectError` for a book without account."""

    def account_summary(self, book: str) -> AccountSummary:
        """Money of the account."""
        ...

    def positions(self, book: str) -> list[BrokerPosition]:
        """Sorted by contract, none with quantity 0."""
        ...

    def cash_by_currency(self, book: str) -> dict[str, int]:
        """Cents by ISO currency."""
        ...

    def statements(self, book: str, day: int) -> BrokerStatement:
        """The account as it stands on that day; `BrokerRejectError` for a day of which the broker has none."""
        ...

    def option_exercise_notices(self, book: str, since_us: int) -> list[BrokerAssignment]:
        """Notices of assignment from a time on (protocol 7.4)."""
        ...


class BrokerMarketPort(Protocol):
    """Instruments and prices."""

    def contract_details(self, contract: str) -> ContractDetails:
        """Qualify a contract; `BrokerRejectError` for one that does not exist."""
        ...

    def option_chain(self, underlying: str) -> list[str]:
        """Contracts of the last chain of the session, in its order; empty without one."""
        ...

    def quote(self, contract: str) -> Quote | None:
        """The last quote of the session."""
        ...

    def subscribe(self, symbols: Sequence[str]) -> None:
        """Ask for prices of these underlyings."""
        ...

    def corporate_actions(self) -> list[CorporateAction]:
        """Splits and dividends that are announced and not yet in force."""
        ...


class BrokerOrderPort(Protocol):
    """Orders. The client's order id identifies an order for good; the same id never works twice.

    A combination (effect ROLL, side SELL) buys the short option `contract` back and sells `new_contract`, 1:1, for the
    limit or more net a share; a negative limit is the debit allowed. Both sides are executed or neither is.
    """

    def what_if(self, at_us: int, book: str, order: OrderSubmitted) -> WhatIf:
        """What the order would do. Places nothing."""
        ...

    def place(self, at_us: int, book: str, order: OrderSubmitted) -> None:
        """Place an order. Reports ACKNOWLEDGED or REJECTED, then executions; of a combination two a fill, under ids of
        their own: first the purchase, then the sale."""
        ...

    def replace(self, at_us: int, book: str, order: OrderRepriced) -> None:
        """Give a working order another limit. Reports REPLACED; REJECTED when the order is finished."""
        ...

    def cancel(self, at_us: int, book: str, order: OrderCancelRequested) -> None:
        """Reports CANCELLED or CANCEL_REJECTED; an execution that was made before may be reported in between."""
        ...

    def open_orders(self, book: str) -> list[OpenOrder]:
        """Working orders, oldest first."""
        ...

    def executions(self, book: str, since_us: int) -> list[BrokerExecution]:
        """Executions from a time on, as they were reported; reaches back to the last pre-open (protocol 12.5)."""
        ...


class BrokerPort(BrokerSessionPort, BrokerAccountPort, BrokerMarketPort, BrokerOrderPort, Protocol):
    """A broker."""
