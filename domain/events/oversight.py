"""Alerts, approvals, the broker's standing, refusals (protocol 12.5, 15, 19.1)."""

from typing import Annotated

from domain.events.orders import CheckResult
from domain.record import Cents, DayNumber, record


@record
class AlertRaised:
    """Somebody should look (protocol 15.1)."""

    alert_id: str
    type: Annotated[str, "protocol 15.1"]
    priority: Annotated[str, "CRITICAL, HIGH, MEDIUM or LOW"]
    ticker: str | None
    title: str
    message: str


@record
class AlertAcknowledged:
    """A person has seen an alert."""

    alert_id: str
    by: str


@record
class AlertEscalated:
    """Nobody has answered in time: the next person is told (protocol 8.3, 15.1)."""

    alert_id: Annotated[str, "the alert or approval request"]
    to: Annotated[str, "SECONDARY or OWNER"]
    reason: str


@record
class AlertResolved:
    """What an alert was about is settled."""

    alert_id: str
    by: str
    reason: str


@record
class ApprovalRequested:
    """Named people are asked (protocol 15.2)."""

    approval_id: str
    kind: Annotated[
        str, "PREMIUM_BELOW_GATE, CC_FLOOR, DEEP_EXPIRY, CONFIGURATION, KILL_SWITCH_RELEASE, RESUME_ACCOUNT, ..."
    ]
    subject: Annotated[str, "what it is about: ticker, contract, proposal"]
    proposal: Annotated[dict[str, str], "frozen snapshot of what is asked"]
    required: Annotated[int, "approvals needed"]
    roles: list[str]
    requester: Annotated[str, "a person who may not approve it; empty = the system"]
    expires_at_us: Annotated[int, "0 = never"]
    default_action: Annotated[str, "what happens when nobody answers"]


@record
class ApprovalGranted:
    """A person approves."""

    approval_id: str
    by: str
    choice: str
    complete: Annotated[bool, "all approvals needed are there"]


@record
class ApprovalDenied:
    """A person denies; one denial is enough."""

    approval_id: str
    by: str
    reason: str


@record
class ApprovalExpired:
    """A request ended without an answer; its default acts in the same step."""

    approval_id: str
    code: Annotated[str, "EXPIRED, WITHDRAWN or RESTRICTED"]
    default_action: str


@record
class BrokerConnected:
    """The broker's session is up."""

    reason: str


@record
class BrokerDisconnected:
    """The broker's session is down: no entries."""

    reason: str


@record
class CashActivityTaken:
    """Cash that the broker moved by itself is booked (protocol 12.5)."""

    activity_id: Annotated[str, "the broker's id"]
    kind: Annotated[str, "DIVIDEND, FEE or INTEREST"]
    amount: Cents


@record
class ReconciliationCompleted:
    """A statement of the broker was compared with the book (protocol 12.5)."""

    occasion: str
    broker_cash: Cents
    book_cash: Cents
    margin_used: Annotated[Cents | None, "as the broker states it"] = None
    margin_total: Annotated[Cents | None, "as the broker states it; none: it states none"] = None


@record
class ReconciliationBreakDetected:
    """A quantity or cash differs from the broker's (protocol 12.5)."""

    instrument: Annotated[str, "contract, ticker or CASH"]
    ours: int
    broker: int
    occasion: str


@record
class ReconciliationBreakResolved:
    """What differed is equal again."""

    instrument: str
    how: str


@record
class ControlsTested:
    """The market-access controls were tested before the open (protocol 16.3 CR-09)."""

    session: DayNumber
    results: Annotated[list[CheckResult], "PT-11, PT-17, PT-18 and PT-01 (kill switch): PASSED or FAILED"]


@record
class ComplianceBreachDetected:
    """A rule of protocol 16.3 does not hold."""

    rule: Annotated[str, "CR-01 ... CR-18"]
    evidence: Annotated[dict[str, str], "what was found"]


@record
class CommandRejected:
    """A command was refused and changed nothing (protocol 19.1)."""

    command: Annotated[str, "the command's name"]
    command_id: str
    code: Annotated[str, "reason code (docs/reason-codes.md)"]
    reason: str


@record
class BookParked:
    """The book met an input that it cannot process and is set aside."""

    error_code: str
    message: str
    topic: str
    source_seq: int


@record
class BookReleased:
    """Ops let a parked book go on."""

    by: str
    parked_records: int
    discarded: bool
