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
    parent_account_id: Annotated[str | None, "of a system that a fork founds: the account it comes from"] = None
    external: Annotated[bool | None, "true: one EXT account of an external client instead of the three sleeves"] = None


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
    level: Annotated[int | None, "protocol level it stands at"] = None
    original_credit_e4: Annotated[PriceE4 | None, "of the first option of its roll chain, where it was rolled"] = None
    net_credit_e4: Annotated[PriceE4 | None, "of its roll chain so far, where it was rolled"] = None
    rolls: Annotated[int | None, "how often its roll chain was rolled"] = None


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
class ImportedQuarter:
    """Net realised results of a quarter before the take-over (protocol 10.4)."""

    quarter: Annotated[str, "such as 2025Q1"]
    short_term: Annotated[Cents, "net"]
    long_term: Annotated[Cents | None, "net"] = None
    income_ordinary: Annotated[Cents | None, "interest and dividends taxed at the short-term rate"] = None
    income_qualified: Annotated[Cents | None, "qualified dividends"] = None
    withdrawn: Annotated[Cents | None, "already withdrawn of it"] = None
    spent: Annotated[Cents | None, "already reinvested of it"] = None


@record
class ImportedWeekCount:
    """How often a week type followed on another under a guess, for the type predictor (protocol 11.5)."""

    ticker: Annotated[str, "listed ticker"]
    last_type: Annotated[str, "primary type of the week before"]
    mode: Annotated[str, "guess of the mode, empty without one"]
    next_type: Annotated[str, "primary type that followed"]
    count: Annotated[int, "how often"]


@record
class ImportedApproval:
    """A request that was pending at the take-over (protocol 15.2)."""

    kind: Annotated[str, "as in ApprovalRequested"]
    subject: Annotated[str, "what it is about"]
    account_id: Annotated[str | None, "the account that it concerns"]
    proposal: Annotated[dict[str, str], "what is asked"]
    required: Annotated[int, "approvals needed"]
    roles: Annotated[list[str], "roles that may approve"]
    expires_at_us: Annotated[int, "microseconds UTC, 0 = never"]
    default_action: Annotated[str, "what happens when nobody answers"]


@record
class ImportedGroup:
    """A fork group and how far its merge has come (protocol 10.3)."""

    fork_group_id: Annotated[str, "of its two accounts"]
    confirmations: Annotated[int, "EOD valuations at or above the threshold in a row"]


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
    quarters: Annotated[list[ImportedQuarter] | None, "realised results by quarter"] = None
    restrictions: Annotated[dict[str, str] | None, "restrictions in force: reason to mode (protocol 3.4)"] = None
    high: Annotated[Cents | None, "highest corpus at an end of day, moved by flows (protocol 9)"] = None
    day_corpus: Annotated[Cents | None, "corpus at the start of the day (protocol 9)"] = None
    losses_in_row: Annotated[int | None, "losing chains in a row (protocol 9)"] = None
    uninvested: Annotated[Cents | None, "COM: money that has bought nothing yet (protocol 10.4)"] = None
    carry: Annotated[Cents | None, "carried from the last reinvestment (protocol 10.4)"] = None
    last_leaps: Annotated[str | None, "ticker of the last LEAPS bought"] = None
    last_fork: Annotated[DayNumber | None, "day of its last completed fork"] = None
    fork_seq: Annotated[int | None, "completed forks"] = None
    week_counts: Annotated[list[ImportedWeekCount] | None, "what the type predictor has seen"] = None
    root_com_account_id: Annotated[str | None, "target of its merge, if not this book's own Com account"] = None


@record
class ImportBook:
    """Take over a brokerage account with history (protocol 19.2); also how a scenario sets its stage."""

    header: CommandHeader
    owner_subject_id: Annotated[str, "owner and taxpayer, pseudonymous"]
    broker_account: Annotated[str, "the linked brokerage account"]
    source: Annotated[str, "where the figures come from"]
    accounts: list[ImportedAccount]
    config: Annotated[dict[str, str], "the system's parameters that differ from the catalogue"]
    day_trades: Annotated[list[DayNumber] | None, "sessions of day trades of the last five sessions (CR-04)"] = None
    approvals: Annotated[list[ImportedApproval] | None, "requests that are pending"] = None
    groups: Annotated[list[ImportedGroup] | None, "fork groups that count towards a merge"] = None


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
    """Ask for capital to be moved (protocol 10.5): new capital for one account, one approval; or a correction between
    two accounts of the book, two approvals. Forks, merges, withdrawals and tax have their own ways."""

    header: CommandHeader
    kind: Annotated[str, "CONTRIBUTION or CORRECTION"]
    account_id: Annotated[str, "the account credited"]
    amount: Cents
    from_account: Annotated[str | None, "of a CORRECTION: the account that gives"] = None


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


@record
class GenerateExitSignal:
    """A person closes a position (protocol 6.6, 19.2)."""

    header: CommandHeader
    account_id: str
    contract: Annotated[str, "the short option, the long one, or the ticker of shares"]
    quantity: Annotated[int | None, "contracts or shares; none = all"] = None


@record
class ReleasePreservation:
    """Ask to leave PRESERVATION once every position was calm for a full session (protocol 8.3)."""

    header: CommandHeader
    account_id: str


@record
class ResetCircuitBreaker:
    """Acknowledge or ask for the reset of a tripped breaker (protocol 9)."""

    header: CommandHeader
    breaker: str
    account_id: Annotated[str | None, "none = the breaker of the whole system"]


@record
class RequestWithdrawal:
    """Ask for capital to be paid out (protocol 10.5)."""

    header: CommandHeader
    account_id: str
    amount: Cents
    quarter: Annotated[
        str | None,
        "of REV, such as 2025Q2: the last closed one, or in its last month the current one; none = the last closed one "
        "while it waits for its run, else the current one",
    ] = None


@record
class LinkBrokerAccount:
    """The brokerage account of a system that an approved Rev fork founds is linked and funded (protocol 10.2)."""

    header: CommandHeader
    broker_account: str
    system_id: Annotated[str | None, "of the new system; none = the next one"] = None
    amount: Annotated[Cents | None, "cash that stands on it before the fork"] = None


@record
class CompleteFork:
    """The answer of a founded system to the book that it was forked from (protocol 10.2)."""

    header: CommandHeader
    fork_id: str
    founded: Annotated[bool, "false: it was refused"]
    reason: str


@record
class CloseTaxYear:
    """Close a tax year of every account (protocol 4.4)."""

    header: CommandHeader
    year: int


@record
class CloseAccount:
    """Close an account for good: two approvals (protocol 3.3)."""

    header: CommandHeader
    account_id: str


@record
class CorrectLedger:
    """A reversing or adjusting entry with two approvals (protocol 4.2, 12.5)."""

    header: CommandHeader
    account_id: str
    lines: Annotated[dict[str, int], "ledger account to cents, debit positive, sum zero"]
    reason: str


@record
class RecordInterest:
    """Interest that was credited or charged."""

    header: CommandHeader
    account_id: str
    amount: Cents


@record
class RaiseAlert:
    """A watchdog raises an alert (protocol 15.1)."""

    header: CommandHeader
    account_id: Annotated[str | None, "the account that it concerns"]
    type: Annotated[str, "protocol 15.1"]
    priority: Annotated[str, "CRITICAL, HIGH, MEDIUM or LOW"]
    ticker: Annotated[str | None, "listed ticker"]
    title: str
    message: str
    source: Annotated[str, "which watchdog"]


@record
class AcknowledgeAlert:
    """A person has seen an alert."""

    header: CommandHeader
    alert_id: str


@record
class ResolveAlert:
    """What an alert was about is settled."""

    header: CommandHeader
    alert_id: str
    reason: str


@record
class SubmitTradeInstruction:
    """STAR-LAB instructs a trade in its client's EXT account (protocol 13.2)."""

    header: CommandHeader
    client: Annotated[str, "who instructs; ids are unique per client"]
    starlab_strategy_id: Annotated[str, "groups positions and performance, 1 to 64 characters"]
    scheme_type: Annotated[str, "DIS, WIS or MIS"]
    symbol: str
    trade_action: Annotated[str, "{BUY,SELL}_TO_{OPEN,CLOSE}_{CALL,PUT}, BUY_STOCK or SELL_STOCK"]
    quantity: Annotated[int, "1 to 1000 contracts, or shares for stock"]
    order_type: Annotated[str, "LIMIT or MARKET; MARKET may not open options"]
    limit_price_e4: Annotated[PriceE4 | None, "per share, required for LIMIT"]
    expiration_date: Annotated[DayNumber | None, "required for options"]
    strike_price_e3: Annotated[int | None, "required for options, 1e-3 dollars"]
    time_in_force: Annotated[str, "DAY or GTC"]
    client_order_id: Annotated[str, "the client's idempotency key, 1 to 64 characters"]
    account_tag: Annotated[str | None, "which EXT account; none = the client's first"]


@record
class CancelInstruction:
    """STAR-LAB cancels one of its instructions (protocol 13.3)."""

    header: CommandHeader
    client: Annotated[str, "who instructed it"]
    all_use_order_id: Annotated[str, "the id that InstructionReceived gave"]


@record
class InitiateFork:
    """Look at an account's fork now instead of at the end of the day; a known fork has no further effect (10.2)."""

    header: CommandHeader
    account_id: str
    fork_id: Annotated[str | None, "none = the account's next fork"] = None


@record
class EvaluateFork:
    """Look at an account's fork without starting it: eligibility, the first guard that fails, the request (10.2)."""

    header: CommandHeader
    account_id: str


@record
class AbortFork:
    """Give up a fork that has moved nothing yet; asked again as after a denial (protocol 10.2)."""

    header: CommandHeader
    fork_id: Annotated[str, "of the account's next fork, as ForkAccountLinked or ForkInitiated says"]
    reason: str


@record
class EvaluateMerge:
    """Judge the valuations that a fork group has counted, now; it counts none of its own (protocol 10.3)."""

    header: CommandHeader
    fork_group_id: str


@record
class InitiateMerge:
    """Start the merge of a fork group that is due; a known merge has no further effect (protocol 10.3)."""

    header: CommandHeader
    fork_group_id: str


@record
class CompleteMerge:
    """Finish a merge whose members hold no position and no unsettled cash, now (protocol 3.3, 10.3)."""

    header: CommandHeader
    merge_id: str


@record
class AllocateContribution:
    """An owner approves the split of a detected contribution, as by its approval (protocol 10.5)."""

    header: CommandHeader
    approval_id: Annotated[str | None, "none = the one that is pending"] = None


@record
class OpenAccount:
    """Open a root account that the system does not have; it waits for its money (protocol 3.1, 3.3)."""

    header: CommandHeader
    type: Annotated[str, "GEN, REV or COM"]


@record
class FundAccount:
    """New capital for an account that waits for it: one owner approves, then it is active (protocol 3.3, 15.2)."""

    header: CommandHeader
    account_id: str
    amount: Cents


@record
class AbortAccountOpening:
    """Close an account that waits for its money; a system that was never funded as a whole (protocol 3.3)."""

    header: CommandHeader
    account_id: str
    reason: str


@record
class RunQuarterlyFeedback:
    """Run the feedback cycle of the last quarter now; one that has run has no further effect (protocol 11.4)."""

    header: CommandHeader


@record
class DecideParameterProposal:
    """An owner accepts or denies a proposal of the quarterly review, as by its approval (protocol 11.4, 15.2)."""

    header: CommandHeader
    proposal_id: str
    accept: Annotated[bool, "false: denied"]
    reason: Annotated[str, "in words, may be empty"]


@record
class RunQuarterlyReinvestment:
    """Run an account's quarterly reinvestment; a quarter that was run has no further effect (protocol 10.4)."""

    header: CommandHeader
    account_id: str
