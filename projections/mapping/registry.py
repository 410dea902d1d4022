"""Every handler by event name, and the events that have none because the event history alone keeps them."""

from projections.mapping import (
    accounts,
    approvals,
    books,
    fills,
    ledger,
    lifecycle,
    orders,
    risk,
    signals,
    starlab,
    weeks,
)
from projections.mapping.event import Handler

HANDLERS: dict[str, Handler] = {
    **accounts.HANDLERS,
    **approvals.HANDLERS,
    **books.HANDLERS,
    **fills.HANDLERS,
    **ledger.HANDLERS,
    **lifecycle.HANDLERS,
    **orders.HANDLERS,
    **risk.HANDLERS,
    **signals.HANDLERS,
    **starlab.HANDLERS,
    **weeks.HANDLERS,
}

BY_COLUMNS = frozenset({"LedgerPosted"})
"""Mapped a batch at a time (`ledger_lines`)."""

HISTORY_ONLY = frozenset(
    {
        # Said to a gateway; what came of it has events of its own.
        "BrokerLinkRequested",
        "CashMovementRequested",
        # Steps of a proposal, which stands in `approvals` and ends in `configurations`.
        "ConfigurationApproved",
        "ConfigurationProposed",
        "ConfigurationRejected",
        # Steps on the way to a signal, an order or a skip, which are rows.
        "EligibleStrikeSelected",
        "EntryWindowOpened",
        "ExpiryDecisionMade",
        "PremiumBelowThresholdDetected",
        "ProfitTargetReached",
        # Held and set free in one journal entry: nobody could ever see it.
        "CapitalEarmarkReleased",
        "CapitalEarmarked",
        # Its money is booked by the events beside it: dividends, fees, interest; the reversing ledger entry.
        "CashActivityTaken",
        "LedgerCorrected",
        # What it frees is told by `WashSaleReleased`.
        "DeepPutEnded",
        # The alert beside it tells people; the figures are for reports.
        "BenchmarkDeviationDetected",
        # Evidence for auditors, who read the history.
        "ComplianceBreachDetected",
        "ControlsTested",
        # Nothing of a book's state.
        "CommandRejected",
        "MarketCalendarUpdated",
    }
)
"""No read model shows these; analysts find them in `events`."""
