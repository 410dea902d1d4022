"""Commands (protocol 19.2): what operators, approvers, gateways and other books ask of a book.

Each carries a `CommandHeader`. The same `command_id` with the same body gets the stored answer, with another body it is
refused as IDEMPOTENCY_CONFLICT (protocol 19.1).
"""

from typing import Annotated

from domain.record import Cents, Contract, DayNumber, PriceE4, TimeUs, record


@record
class CommandHeader:
    """Who asks what of which book, and until when it may be done."""

    command_id: Annotated[str, "made by the client; the idempotency key"]
    book: Annotated[str, "system_id; * = every book (platform)"]
    time_us: TimeUs
    valid_until_us: Annotated[int, "refused as EXPIRED_COMMAND at or after this event time; 0 = no limit"]
    actor_type: Annotated[str, "USER, SERVICE or BOOK"]
    actor_id: Annotated[str, "who asks, a pseudonymous id"]
    role: Annotated[str, "OWNER, TRADER, RISK, OPERATOR or SERVICE"]
    correlation_id: Annotated[str, "what belongs together; the command_id where nothing else is known"]


@record
class CreateSystem:
    """Open a system with its three root accounts (protocol 3.1)."""

    header: CommandHeader
    capital: Cents
    owner_subject_id: Annotated[str, "owner and taxpayer, pseudonymous"]
    broker_account: Annotated[str, "the brokerage account to link"]
    config: Annotated[dict[str, str], "the system's parameters that differ from the catalogue (protocol 18)"]


@record
class ImportedLot:
    """A tax lot of an account that is taken over."""

    lot_id: Annotated[str, "unique in the book"]
    contract: Contract
    quantity: Annotated[int, "shares or long contracts"]
    acquired: DayNumber
    basis: Annotated[Cents, "tax basis of the whole lot"]
    price_e4: Annotated[PriceE4, "acquisition price per share B (protocol 6.7)"]
    chain_net: Annotated[Cents, "net option premiums since the shares' chain began, the assigned put's included"]


@record
class ImportedOption:
    """An open short option of an account that is taken over."""

    contract: Contract
    quantity: Annotated[int, "contracts, positive"]
    credit_e4: Annotated[PriceE4, "price per share it was sold at"]
    commission: Annotated[Cents, "paid on the sale"]
    opened_us: TimeUs
    p0_e4: Annotated[PriceE4, "underlying at the first fill"]


@record
class ImportedTaxYear:
    """Realised results of a tax year before the take-over (protocol 4.4)."""

    year: int
    short_term: Annotated[Cents, "net"]
    long_term: Annotated[Cents, "net"]
    income_ordinary: Annotated[Cents, "interest and dividends taxed at the short-term rate"]
    income_qualified: Annotated[Cents, "qualified dividends"]
    payments: Annotated[Cents, "estimated tax paid for that year"]
    carried_short: Annotated[Cents, "loss carried in, not positive"]
    carried_long: Annotated[Cents, "loss carried in, not positive"]


@record
class ImportedAccount:
    """A sleeve of the book that is taken over, as it stands."""

    account_id: Annotated[str, "such as S001-GEN-001"]
    type: Annotated[str, "GEN, REV, COM or EXT"]
    role: Annotated[str, "ROOT or FORK_CHILD"]
    parent_account_id: Annotated[str | None, "of a fork child"]
    fork_group_id: Annotated[str | None, "of a fork child"]
    fork_depth: Annotated[int, "0 for a root"]
    inception: DayNumber
    cash: Annotated[Cents, "settled cash without the reserve"]
    cash_unsettled: Annotated[Cents, "receipts that settle next session"]
    tax_reserve: Cents
    base_capital: Cents
    sizing_base: Cents
    lots: list[ImportedLot]
    options: list[ImportedOption]
    tax_years: list[ImportedTaxYear]


@record
class ImportBook:
    """Take over a brokerage account with history (protocol 19.2); also how a scenario sets its stage."""

    header: CommandHeader
    owner_subject_id: Annotated[str, "owner and taxpayer, pseudonymous"]
    broker_account: Annotated[str, "the linked brokerage account"]
    source: Annotated[str, "where the figures come from"]
    accounts: list[ImportedAccount]
    config: Annotated[dict[str, str], "the system's parameters that differ from the catalogue"]


@record
class ProposeConfigurationChange:
    """Change parameters of a scope; takes effect when the approvals its keys need are there (protocol 18)."""

    header: CommandHeader
    scope: Annotated[str, "SYSTEM, or an account id"]
    changes: Annotated[dict[str, str], "parameter name to new value"]


@record
class GrantApproval:
    """A named person approves a pending request (protocol 15.2)."""

    header: CommandHeader
    approval_id: str
    choice: Annotated[str, "the option chosen where the request offers several, else empty"]


@record
class DenyApproval:
    """A named person denies a pending request."""

    header: CommandHeader
    approval_id: str
    reason: str


@record
class EngageKillSwitch:
    """Stop trading (protocol 9): cancels always get through."""

    header: CommandHeader
    account_id: Annotated[str | None, "one account; none = the whole book, or every book with header.book *"]
    reason: str


@record
class ReleaseKillSwitch:
    """Ask for the release of a kill switch; two approvals."""

    header: CommandHeader
    account_id: Annotated[str | None, "as it was engaged"]


@record
class SuspendAccount:
    """Pause an account (protocol 3.3)."""

    header: CommandHeader
    account_id: str
    reason: str


@record
class ResumeAccount:
    """Ask for an account's resumption; one approval."""

    header: CommandHeader
    account_id: str


@record
class RestrictTradingMode:
    """Add a restriction by hand (protocol 3.4)."""

    header: CommandHeader
    account_id: str
    mode: Annotated[str, "CC_ONLY, NO_NEW_ENTRIES or PRESERVATION"]
    reason: Annotated[str, "names the restriction"]


@record
class LiftTradingModeRestriction:
    """Remove a restriction that a person added."""

    header: CommandHeader
    account_id: str
    reason: str


@record
class CancelOrder:
    """Cancel a working order."""

    header: CommandHeader
    order_id: str


@record
class RecordFee:
    """A fee that the broker has charged."""

    header: CommandHeader
    account_id: str
    amount: Cents
    symbol: Annotated[str, "what for, may be empty"]


@record
class RecordDividend:
    """A dividend that has arrived."""

    header: CommandHeader
    account_id: str
    symbol: str
    amount: Cents
    qualified: Annotated[bool, "as the broker flags it"]


@record
class RecordTaxPayment:
    """Estimated tax that has been paid out of an account's reserve."""

    header: CommandHeader
    account_id: str
    year: int
    amount: Cents


@record
class TransferCapital:
    """Move capital (protocol 10.5). Now: CONTRIBUTION, credited to one account; other kinds come with the lifecycle."""

    header: CommandHeader
    kind: Annotated[str, "CONTRIBUTION"]
    account_id: Annotated[str, "the account credited"]
    amount: Cents


@record
class GuessWeekMode:
    """The predictor's guess for a week (protocol 11.2); acts as `week_mode.apply` says (6.4)."""

    header: CommandHeader
    week_id: Annotated[str, "ISO week, such as 2025W25"]
    mode: Annotated[str, "GREEN, RED or CHOP"]


@record
class ReleaseBook:
    """Ops let a parked book go on: its poison record stays a dead letter, later records are processed (or not)."""

    header: CommandHeader
    records: Annotated[
        list[str],
        "the records parked behind the poison one, hexadecimal, in their order: processed now; empty = discarded",
    ]
