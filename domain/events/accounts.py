"""Systems, accounts, trading modes and their configuration (protocol 3, 4.1, 9, 10.4, 18)."""

from typing import Annotated

from domain.commands import ImportedAccount, ImportedGroup
from domain.record import Cents, DayNumber, record


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
    day_trades: Annotated[list[DayNumber] | None, "sessions of day trades of the last five sessions"] = None
    groups: Annotated[list[ImportedGroup] | None, "fork groups that count towards a merge"] = None


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
    combinations: Annotated[bool | None, "whether it takes combination orders; none: it does"] = None


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
