"""Events (protocol 19.3): what a book has decided or learnt. Past tense, immutable, additive in schema.

On the log each is one Avro record: an `Envelope` and the fields of its class. `TOPIC_OF` says where it goes.
"""

from typing import Any

from domain.events.accounts import *
from domain.events.entry import *
from domain.events.envelope import *
from domain.events.feedback import *
from domain.events.ledger import *
from domain.events.lifecycle import *
from domain.events.orders import *
from domain.events.oversight import *
from domain.events.positions import *
from domain.events.risk import *
from domain.events.starlab import *
from domain.events.weeks import *

Event = Any
"""Any record of this module but `Envelope` and those that are parts of others: `LedgerLine`, `TickerRejection`,
`CheckResult`, `MatrixCell`, `AdjustedLot`, `AdjustedHedge`."""

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
        RollProposed,
        RollExecuted,
        RollDeclined,
    ),
    "orders": (
        BrokerLinkRequested,
        CashMovementRequested,
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
        CapitalEarmarked,
        CapitalEarmarkReleased,
        CapitalTransferInitiated,
        CapitalTransferred,
        CapitalTransferFailed,
        ContributionDetected,
        WithdrawalRequested,
        WithdrawalApproved,
        WithdrawalRejected,
        WithdrawalPaid,
        AccountClosingStarted,
        AccountClosed,
        ForkEligibilityDetected,
        ForkEligibilityLost,
        ForkDeferred,
        ForkInitiated,
        ForkAccountLinked,
        ForkCompleted,
        ForkAborted,
        MergeEligibilityDetected,
        MergeEligibilityLost,
        MergeResumed,
        MergeInitiated,
        LiquidationCompleted,
        MergeCompleted,
        MergeStalled,
        ReinvestmentCalculated,
        ReinvestmentPlanned,
        ReinvestmentCompleted,
        ReinvestmentSkipped,
        ReinvestmentPostponed,
        LeapsRollProposed,
    ),
    "ledger": (
        LedgerPosted,
        FeeCharged,
        DividendReceived,
        TaxLotOpened,
        LotMoved,
        TaxableEventRecorded,
        TaxReserveAdjusted,
        TaxPaymentRecorded,
        WashSaleAdjusted,
        WashSaleReleased,
        DeepPutEnded,
        TaxYearClosed,
        InterestAccrued,
        LedgerCorrected,
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
        WeekModeConfirmed,
        WeekTypePredicted,
        PredictionScored,
        PredictorQualified,
        PredictorDisqualified,
        FeedbackCycleCompleted,
        RuleCandidateGenerated,
        ParameterAdjustmentProposed,
        ParameterProposalDecided,
        BenchmarkDeviationDetected,
        ApprovalRequested,
        ApprovalGranted,
        ApprovalDenied,
        ApprovalExpired,
        BrokerConnected,
        BrokerDisconnected,
        CashActivityTaken,
        ReconciliationCompleted,
        ReconciliationBreakDetected,
        ReconciliationBreakResolved,
        CommandRejected,
        ControlsTested,
        ComplianceBreachDetected,
        MarketCalendarUpdated,
        InstructionReceived,
        InstructionAccepted,
        InstructionRejected,
        InstructionEnded,
        ResearchStrategyNotified,
        ProtocolLevelChanged,
        ActionScriptGenerated,
        ActionScriptStepExecuted,
        ActionScriptLapsed,
        HedgeOpened,
        HedgeReleased,
        StopLossTriggered,
        StopLossExecuted,
        StopLossFailed,
        CircuitBreakerTripped,
        CircuitBreakerReset,
        AtrFallbackUsed,
        DataFeedStale,
        DataFeedRestored,
    ),
    "alerts": (AlertRaised, AlertAcknowledged, AlertEscalated, AlertResolved, BookParked, BookReleased),
}

TOPIC_OF: dict[type, str] = {event: topic for topic, events in _TOPICS.items() for event in events}
"""Which topic an event is written to (architecture.md, "Topics")."""

TO_BROKER: frozenset[type] = frozenset(
    {BrokerLinkRequested, CashMovementRequested, OrderSubmitted, OrderRepriced, OrderCancelRequested}
)
"""Events that a broker gateway acts upon; `BrokerProgress.orders_seen` counts them."""
