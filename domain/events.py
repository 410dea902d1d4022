"""Events (protocol 19.3): what a book has decided or learnt. Past tense, immutable, additive in schema.

On the log each is one Avro record: an `Envelope` and the fields below. `TOPIC_OF` says where it goes.
"""

from typing import Annotated, Any

from domain.commands import ImportedAccount
from domain.record import Cents, Contract, DayNumber, DeltaE2, PriceE4, RatioE10, record


@record
class Envelope:
    """Protocol 19.1. `event_id` = UUIDv5(journal entry id, ordinal)."""

    event_id: Annotated[str, "UUIDv5 of the journal entry's id and the ordinal"]
    stream: Annotated[str, "such as account-S001-GEN-001 or order-<id>"]
    version: Annotated[int, "counts the events of the stream from 1"]
    type: Annotated[str, "the event's name"]
    schema_version: Annotated[int, "version of its schema"]
    occurred_at_us: Annotated[int, "when it happened, microseconds UTC"]
    recorded_at_us: Annotated[int, "time of the journal entry that caused it, microseconds UTC"]
    system_id: Annotated[str, "the book"]
    account_id: Annotated[str | None, "the account, where it concerns one"]
    actor_type: Annotated[str, "USER, SERVICE or BOOK"]
    actor_id: Annotated[str, "who caused it"]
    correlation_id: Annotated[str, "what belongs together"]
    causation_id: Annotated[str, "id of the journal entry or event that caused it"]
    idempotency_key: Annotated[str, "of the command that caused it, else empty"]
    config_version: Annotated[int, "version of the book's configuration it was decided under"]
    partition: Annotated[int, "of the journal"]
    sequence: Annotated[int, "of the journal entry"]
    ordinal: Annotated[int, "place among the events of that entry, from 0"]


# --- configuration ----------------------------------------------------------------------------------------------


@record
class ConfigurationProposed:
    """Somebody has asked for a change of parameters."""

    proposal_id: str
    scope: Annotated[str, "SYSTEM or an account id"]
    changes: dict[str, str]
    approvals_needed: int
    by: str


@record
class ConfigurationApproved:
    """A proposed change has the approvals that it needs."""

    proposal_id: str
    by: str


@record
class ConfigurationRejected:
    """A proposed change was denied, lapsed, or contradicts what is in force by now."""

    proposal_id: str
    code: str
    reason: str


@record
class ConfigurationChanged:
    """A change of parameters takes effect."""

    version: Annotated[int, "of the book's configuration from now on"]
    scope: Annotated[str, "SYSTEM or an account id"]
    old: Annotated[dict[str, str], "values that were in force"]
    new: dict[str, str]
    approvals: list[str]


# --- system and accounts ----------------------------------------------------------------------------------------


@record
class SystemCreated:
    """A new ALL-USE system (protocol 3.1)."""

    capital: Cents
    allocation: Annotated[dict[str, str], "share in percent by account type"]
    owner_subject_id: str
    broker_account: str
    parent_account_id: str | None = None


@record
class BookImported:
    """A brokerage account with history is taken over (protocol 19.3)."""

    source: str
    owner_subject_id: str
    broker_account: str
    accounts: Annotated[list[ImportedAccount], "as they were taken over"]
    total_cash: Cents


@record
class BrokerLinkRequested:
    """To the broker gateway: link this brokerage account; the paper broker opens it with these holdings."""

    broker_account: str
    deposit: Cents
    positions: Annotated[dict[str, int], "contract to quantity (negative = short) of a book that is taken over"]


@record
class BrokerAccountLinked:
    """The link to the brokerage account is verified."""

    broker_account: str
    permissions: str
    deposit: Cents


@record
class AccountOpened:
    """An account record exists (protocol 3.2)."""

    account_id: str
    type: Annotated[str, "GEN, REV, COM or EXT"]
    role: Annotated[str, "ROOT or FORK_CHILD"]
    parent_account_id: str | None
    fork_group_id: str | None
    root_com_account_id: str
    owner_subject_id: str
    inception: DayNumber


@record
class AccountFunded:
    """An account's funding is posted."""

    amount: Cents
    buffer: Annotated[Cents, "earmarked at once (protocol 3.1)"]
    base_capital: Cents
    sizing_base: Cents


@record
class AccountActivated:
    """An account may trade from now on."""

    reason: str


@record
class AccountSuspended:
    """An account opens nothing more for this cause (protocol 3.3)."""

    reason: str
    by: str


@record
class AccountResumed:
    """Every cause of an account's suspension is gone."""

    by: str


@record
class TradingModeRestricted:
    """A restriction was added (protocol 3.4)."""

    reason: str
    mode: str
    effective_mode: str


@record
class TradingModeRestrictionLifted:
    """A restriction was removed by its own rule (protocol 3.4)."""

    reason: str
    effective_mode: str


@record
class KillSwitchEngaged:
    """Trading is stopped (protocol 9)."""

    scope: Annotated[str, "an account id, or SYSTEM"]
    reason: str
    by: str


@record
class KillSwitchReleased:
    """Two people have released the kill switch."""

    scope: Annotated[str, "an account id, or SYSTEM"]
    approvals: list[str]


@record
class BufferBreached:
    """Free cash has fallen below the buffer (protocol 4.1)."""

    required: Cents
    free_cash: Cents


@record
class BufferRestored:
    """At the end of a day free cash covers the buffer again (protocol 4.1)."""

    required: Cents
    free_cash: Cents


@record
class ContributionAllocated:
    """New capital is credited to an account; base capital and sizing base rise by it (protocol 10.5)."""

    amount: Cents


@record
class SizingBaseChanged:
    """The capital figure that sizes trades has changed (protocol 6.5)."""

    old: Cents
    new: Cents
    cause: str


@record
class WeeklyReinvestmentApplied:
    """GEN's sizing base follows its corpus (protocol 10.4)."""

    old: Cents
    new: Cents
    week_id: Annotated[str, "ISO week, such as 2025W25"]


# --- ledger and tax ---------------------------------------------------------------------------------------------


@record
class LedgerLine:
    """One line of a ledger entry."""

    account_id: str
    ledger_account: Annotated[str, "one of protocol 4.2"]
    amount: Annotated[Cents, "debit positive, credit negative"]


@record
class LedgerPosted:
    """Balanced lines of an economic event (protocol 4.2)."""

    cause: Annotated[str, "FUNDING, FILL, EXPIRY, ASSIGNMENT, CALLED_AWAY, SETTLEMENT, FEE, DIVIDEND, TAX_RESERVE, ..."]
    reference: Annotated[str, "execution, notice or contract it is posted for"]
    lines: list[LedgerLine]
    settles: Annotated[DayNumber, "day on which CASH_UNSETTLED of this entry settles, 0 = nothing unsettled"]


@record
class FeeCharged:
    """The broker has charged a fee."""

    amount: Cents
    symbol: str


@record
class DividendReceived:
    """A dividend has arrived."""

    amount: Cents
    symbol: str
    qualified: bool


@record
class TaxLotOpened:
    """Shares were acquired (protocol 4.3)."""

    lot_id: str
    contract: Contract
    quantity: int
    acquired: DayNumber
    basis: Annotated[Cents, "tax basis of the whole lot"]
    price_e4: Annotated[PriceE4, "acquisition price per share B (protocol 6.7)"]
    chain_net: Annotated[Cents, "net option premiums of the shares' chain so far"]


@record
class TaxableEventRecorded:
    """A gain or loss was realised (protocol 4.4)."""

    year: int
    tax_class: Annotated[str, "ST or LT"]
    gain: Cents
    contract: Contract
    lot_id: str | None
    holding_days: int


@record
class TaxReserveAdjusted:
    """Cash moved so that the reserve meets its target (protocol 4.4)."""

    year: int
    t_ytd: Annotated[Cents, "estimated tax of the year so far"]
    delta: Annotated[Cents, "moved into the reserve, negative = out of it"]
    reserve: Annotated[Cents, "after the move"]


@record
class TaxPaymentRecorded:
    """Estimated tax was paid out of the reserve."""

    year: int
    amount: Cents


# --- entry ------------------------------------------------------------------------------------------------------


@record
class MarketCalendarUpdated:
    """The session calendar was replaced."""

    first_session: DayNumber
    last_session: DayNumber


@record
class EntryWindowOpened:
    """The entry window of a day has opened (protocol 6.2)."""

    tickers: list[str]
    session: DayNumber


@record
class TickerRejection:
    """Why a ticker was not traded in a scan."""

    ticker: str
    right: Annotated[str, "P or C: the entry that was looked for"]
    reason: Annotated[str, "reason code (docs/reason-codes.md)"]
    detail: Annotated[str, "the values that decided"]


@record
class EntryScanCompleted:
    """A scan has looked at every ticker that asks for an entry (protocol 6.2)."""

    session: DayNumber
    candidates: Annotated[list[str], "tickers that passed every gate"]
    rejections: list[TickerRejection]


@record
class EligibleStrikeSelected:
    """The strike that an entry would trade (protocol 6.2 step 5)."""

    ticker: str
    contract: Contract
    delta_e2: DeltaE2
    bid_e4: PriceE4
    ask_e4: PriceE4
    premium: Annotated[RatioE10, "premium ratio, 1e-10: 1.5 % = 150000000"]
    shadow_contract: Annotated[str, "what the week mode would have chosen (protocol 6.4 SHADOW), else empty"]


@record
class PremiumBelowThresholdDetected:
    """The selected put pays less than the gate (protocol 6.3)."""

    ticker: str
    contract: Contract
    premium: RatioE10
    gate: RatioE10


@record
class EntrySkipped:
    """A ticker ends its window without a trade (protocol 6.2)."""

    ticker: str
    reason: Annotated[str, "reason code (docs/reason-codes.md)"]
    detail: Annotated[str, "the values that decided"]
    right: Annotated[str, "P or C: the entry that was not made"]


@record
class TradeSignalGenerated:
    """An entry is decided, with everything that it rests on."""

    signal_id: str
    ticker: str
    contract: Contract
    side: Annotated[str, "BUY or SELL"]
    quantity: int
    limit_e4: PriceE4
    floor_e4: Annotated[PriceE4, "never below this (protocol 6.6), 0 = none"]
    ladder_e4: Annotated[list[int], "limits in 1e-4 dollars, in the order they are tried"]
    mid_e6: Annotated[int, "mid at decision in 1e-6 dollars"]
    reference_e4: Annotated[PriceE4, "what the premium is a share of: strike (put), underlying (call)"]
    delta_e2: DeltaE2
    approval_id: str | None
    reason: str


@record
class ExitSignalGenerated:
    """The close of a position is decided."""

    signal_id: str
    ticker: str
    contract: Contract
    side: Annotated[str, "BUY or SELL"]
    quantity: int
    limit_e4: PriceE4
    reason: str


@record
class WheelPhaseChanged:
    """The wheel of an account and ticker has moved on (protocol 3.5)."""

    ticker: str
    from_phase: str
    to_phase: str


# --- orders -----------------------------------------------------------------------------------------------------


@record
class CheckResult:
    """Result and values of one pre-trade check (protocol 12.2)."""

    check: Annotated[str, "PT-01 ... PT-19"]
    result: Annotated[
        str,
        "PASSED, FAILED, SKIPPED (does not apply), WARNED or NO_INPUT (passed through: its input does not exist yet)",
    ]
    detail: Annotated[str, "the values"]


@record
class OrderProposed:
    """A signal has become an order (protocol 12.1)."""

    order_id: str
    signal_id: str
    account_id: str
    contract: Contract
    ticker: str
    side: Annotated[str, "BUY or SELL"]
    effect: Annotated[str, "OPEN or CLOSE"]
    quantity: int
    limit_e4: PriceE4
    ladder_e4: Annotated[list[int], "limits that follow, in 1e-4 dollars"]
    purpose: Annotated[str, "ENTRY, RESIDUAL, PROFIT_TAKE, CHEAP_BUYBACK or CLOSE"]
    origin: Annotated[str, "GEN, REV, COM or a STAR-LAB strategy id"]
    clip: Annotated[int, "0 for the first or only clip of a sliced order"]
    rest: Annotated[int, "quantity of the clips that follow (protocol 6.6)"]
    approval_id: Annotated[str | None, "the approval it rests on"] = None


@record
class OrderValidated:
    """The pre-trade checks passed."""

    order_id: str
    checks: list[CheckResult]


@record
class OrderSubmitted:
    """To the broker: place this order."""

    order_id: str
    order_ref: Annotated[str, "book/account/order, carried by the broker"]
    version: int
    contract: Contract
    side: str
    effect: str
    quantity: int
    limit_e4: PriceE4
    time_in_force: Annotated[str, "DAY"]
    commission_estimate: Cents


@record
class OrderAcknowledged:
    """The broker has the order."""

    order_id: str
    broker_order_id: str
    version: int


@record
class OrderRepriced:
    """To the broker: replace the limit. The order keeps its id."""

    order_id: str
    version: int
    limit_e4: PriceE4


@record
class OrderPartiallyFilled:
    """An execution after which the order is not filled, or that came after its end."""

    order_id: str
    exec_id: str
    contract: Contract
    side: str
    effect: str
    quantity: Annotated[int, "of this execution"]
    price_e4: PriceE4
    commission: Cents
    cum_quantity: int
    state: Annotated[str, "the order's state afterwards"]
    underlying_e4: Annotated[PriceE4, "underlying at the fill"]


@record
class OrderFilled:
    """The execution that fills the order."""

    order_id: str
    exec_id: str
    contract: Contract
    side: str
    effect: str
    quantity: Annotated[int, "of this execution"]
    price_e4: PriceE4
    commission: Cents
    cum_quantity: int
    state: Annotated[str, "the order's state afterwards: FILLED"]
    underlying_e4: Annotated[PriceE4, "underlying at the fill"]


@record
class OrderCancelRequested:
    """To the broker: cancel."""

    order_id: str
    version: int
    reason: str


@record
class OrderCancelled:
    """The order ended unfilled in whole or part."""

    order_id: str
    code: str
    reason: str
    cum_quantity: int


@record
class OrderExpired:
    """The day order ended with its session."""

    order_id: str
    cum_quantity: int


@record
class OrderRejected:
    """A pre-trade check or the broker refused the order."""

    order_id: str
    code: Annotated[str, "PT-nn, or the broker's code"]
    reason: str
    checks: list[CheckResult]


@record
class OrderStateUnknown:
    """The broker gives no reliable answer about the order (protocol 12.1)."""

    order_id: str
    age_s: int


@record
class OrderReconciled:
    """The broker's answer has settled the order's state."""

    order_id: str
    final_state: str


# --- positions --------------------------------------------------------------------------------------------------


@record
class PositionOpened:
    """A first fill or an assignment made a position; an option booked as expired is there again."""

    position_id: str
    contract: Contract
    quantity: Annotated[int, "negative = short"]
    price_e4: PriceE4
    p0_e4: Annotated[PriceE4, "underlying at the first fill (protocol 7.3), assignment strike for shares"]
    atr_e6: int
    commission: Cents
    chain_id: Annotated[str, "the wheel turn it belongs to"]


@record
class PositionIncreased:
    """A further fill added to a position."""

    position_id: str
    contract: Contract
    quantity: Annotated[int, "added; negative = short"]
    price_e4: PriceE4
    commission: Cents


@record
class PositionReduced:
    """A part of a position is gone."""

    position_id: str
    contract: Contract
    quantity: Annotated[int, "left; negative = short"]
    price_e4: PriceE4
    pnl: Annotated[Cents, "realised by this step after commissions, without tax"]


@record
class PositionClosed:
    """A position is gone."""

    position_id: str
    contract: Contract
    price_e4: PriceE4
    pnl: Annotated[Cents, "realised by the last step after commissions, without tax"]
    cause: Annotated[str, "BOUGHT_BACK, EXPIRED, ASSIGNED, CALLED_AWAY or SOLD"]
    underlying_e4: Annotated[PriceE4 | None, "underlying at a buy-back"] = None
    session: Annotated[DayNumber | None, "trade date of a buy-back"] = None


@record
class OptionExpiredWorthless:
    """A short option has expired and its premium is kept (protocol 7.4)."""

    contract: Contract
    quantity: int
    premium: Annotated[Cents, "kept, before commissions"]
    close_e4: Annotated[PriceE4, "official close of the underlying"]


@record
class OptionAssigned:
    """A short put was assigned (protocol 7.4)."""

    contract: Contract
    quantity: Annotated[int, "contracts"]
    shares: int
    strike_e3: int
    basis: Annotated[Cents, "tax basis of the lot"]
    close_e4: Annotated[PriceE4, "underlying's close of the outcome's session"]
    early: bool
    notice_id: str
    outcome_session: DayNumber


@record
class SharesCalledAway:
    """A covered call was exercised (protocol 7.4)."""

    contract: Contract
    quantity: Annotated[int, "contracts"]
    shares: int
    strike_e3: int
    proceeds: Annotated[Cents, "strike value plus net premium"]
    close_e4: Annotated[PriceE4, "underlying's close of the outcome's session"]
    early: bool
    notice_id: str
    outcome_session: DayNumber


@record
class PositionAdjusted:
    """A split changed a position's quantity and terms (protocol 2.6)."""

    contract: Contract
    new_contract: Contract
    ratio_new: int
    ratio_old: int


@record
class PositionMarked:
    """An account's worth at the end of a day."""

    nav: Cents
    corpus: Cents
    unrealised: Cents
    cash_total: Cents
    free_cash: Cents
    collateral: Cents
    tax_reserve: Cents
    buffer_required: Cents
    session: DayNumber


@record
class ProfitTargetReached:
    """A short option has lost enough of its credit to be bought back (protocol 7.1)."""

    contract: Contract
    decay: Annotated[RatioE10, "1 - ask/credit"]
    target: RatioE10
    ask_e4: PriceE4


@record
class ExpiryDecisionMade:
    """What is to become of an option on its expiry day (protocol 7.2)."""

    contract: Contract
    moneyness: Annotated[RatioE10, "p = (K - S)/K of a put, (S - K)/K of a call, 1e-10"]
    action: Annotated[str, "HOLD, ACCEPT_ASSIGNMENT, LET_CALL_AWAY, ASK, ROLL, or after the close AWAIT_NOTICE"]
    spot_e4: PriceE4


@record
class RollDeclined:
    """A short option is not rolled (protocol 7.3)."""

    contract: Contract
    reason: str


# --- weeks ------------------------------------------------------------------------------------------------------


@record
class WeekClassified:
    """The type of a week, of a ticker or of the whole account (protocol 11.1)."""

    week_id: Annotated[str, "ISO week, such as 2025W25"]
    ticker: Annotated[str | None, "none: the account-week"]
    primary_type: Annotated[str, "code of protocol 11.1"]
    put_type: Annotated[str, "highest put type, empty when none"]
    call_type: Annotated[str, "highest call type, empty when none"]
    weight: Annotated[Cents, "capital weight: collateral or share value"]
    distribution: Annotated[dict[str, int], "account-week: capital weight in cents by type"]
    pnl: Annotated[Cents, "realised in the week after commissions"]
    premium_collected: Cents
    trades: int
    return_pre: Annotated[RatioE10, "account-week: return before tax, 1e-10"]
    return_post: Annotated[RatioE10, "account-week: return after tax, 1e-10"]
    types: Annotated[list[str] | None, "of a ticker: every type that applied"] = None
    carried: Annotated[Cents | None, "of a ticker: its capital weight as the next week begins"] = None
    awaited: Annotated[dict[str, str] | None, "of a ticker: options still without notice, and what each counted as"] = (
        None
    )


@record
class WeekReclassified:
    """A late notice corrects a week; the old record stays (protocol 11.1)."""

    week_id: str
    ticker: str | None
    old_type: str
    primary_type: str
    put_type: str
    call_type: str
    reason: str
    types: Annotated[list[str] | None, "every type that applies now"] = None


@record
class WeekModePredicted:
    """The guess of a week's mode (protocol 11.2)."""

    week_id: Annotated[str, "ISO week, such as 2025W25"]
    mode: Annotated[str, "GREEN, RED or CHOP"]


# --- alerts and approvals ---------------------------------------------------------------------------------------


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


# --- broker and reconciliation ----------------------------------------------------------------------------------


@record
class BrokerConnected:
    """The broker's session is up."""

    reason: str


@record
class BrokerDisconnected:
    """The broker's session is down: no entries."""

    reason: str


@record
class ReconciliationCompleted:
    """A statement of the broker was compared with the book (protocol 12.5)."""

    occasion: str
    broker_cash: Cents
    book_cash: Cents


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


# --- refusals ---------------------------------------------------------------------------------------------------


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


Event = Any
"""Any record of this module but `Envelope`, `LedgerLine`, `TickerRejection` and `CheckResult`."""

_TOPICS: dict[str, tuple[type, ...]] = {
    "signals": (
        EntryWindowOpened,
        EntryScanCompleted,
        EligibleStrikeSelected,
        PremiumBelowThresholdDetected,
        EntrySkipped,
        TradeSignalGenerated,
        ExitSignalGenerated,
        ProfitTargetReached,
        ExpiryDecisionMade,
        RollDeclined,
    ),
    "orders": (
        BrokerLinkRequested,
        OrderProposed,
        OrderValidated,
        OrderSubmitted,
        OrderAcknowledged,
        OrderRepriced,
        OrderCancelRequested,
        OrderCancelled,
        OrderExpired,
        OrderRejected,
        OrderStateUnknown,
        OrderReconciled,
    ),
    "fills": (
        OrderPartiallyFilled,
        OrderFilled,
        OptionExpiredWorthless,
        OptionAssigned,
        SharesCalledAway,
        PositionOpened,
        PositionIncreased,
        PositionReduced,
        PositionClosed,
        PositionAdjusted,
    ),
    "accounts": (
        SystemCreated,
        BookImported,
        BrokerAccountLinked,
        AccountOpened,
        AccountFunded,
        AccountActivated,
        AccountSuspended,
        AccountResumed,
        TradingModeRestricted,
        TradingModeRestrictionLifted,
        KillSwitchEngaged,
        KillSwitchReleased,
        BufferBreached,
        BufferRestored,
        ContributionAllocated,
        SizingBaseChanged,
        WeeklyReinvestmentApplied,
        PositionMarked,
    ),
    "ledger": (
        LedgerPosted,
        FeeCharged,
        DividendReceived,
        TaxLotOpened,
        TaxableEventRecorded,
        TaxReserveAdjusted,
        TaxPaymentRecorded,
    ),
    "protocol": (
        ConfigurationProposed,
        ConfigurationApproved,
        ConfigurationRejected,
        ConfigurationChanged,
        WheelPhaseChanged,
        WeekClassified,
        WeekReclassified,
        WeekModePredicted,
        ApprovalRequested,
        ApprovalGranted,
        ApprovalDenied,
        ApprovalExpired,
        BrokerConnected,
        BrokerDisconnected,
        ReconciliationCompleted,
        ReconciliationBreakDetected,
        ReconciliationBreakResolved,
        CommandRejected,
        MarketCalendarUpdated,
    ),
    "alerts": (AlertRaised, BookParked, BookReleased),
}

TOPIC_OF: dict[type, str] = {event: topic for topic, events in _TOPICS.items() for event in events}
"""Which topic an event is written to (architecture.md, "Topics")."""

TO_BROKER: frozenset[type] = frozenset({BrokerLinkRequested, OrderSubmitted, OrderRepriced, OrderCancelRequested})
"""Events that a broker gateway acts upon; `BrokerProgress.orders_seen` counts them."""
