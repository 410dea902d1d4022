"""Every handler by event name, and the events that have none because the event history alone keeps them."""

from projections.mapping import accounts, approvals, books, fills, ledger, orders, signals, weeks
from projections.mapping.event import Handler

HANDLERS: dict[str, Handler] = {
    **accounts.HANDLERS,
    **approvals.HANDLERS,
    **books.HANDLERS,
    **fills.HANDLERS,
    **ledger.HANDLERS,
    **orders.HANDLERS,
    **signals.HANDLERS,
    **weeks.HANDLERS,
}

BY_COLUMNS = frozenset({"LedgerPosted"})
"""Mapped a batch at a time (`ledger_lines`)."""

HISTORY_ONLY = frozenset(
    {
        "BrokerLinkRequested",
        "CommandRejected",
        "ConfigurationApproved",
        "ConfigurationProposed",
        "ConfigurationRejected",
        "EligibleStrikeSelected",
        "EntryWindowOpened",
        "ExpiryDecisionMade",
        "MarketCalendarUpdated",
        "PremiumBelowThresholdDetected",
        "ProfitTargetReached",
        "WeekModePredicted",
    }
)
"""No read model shows these; analysts find them in `events`."""
