"""What the monitor knows of an alert, what it can decide about one, and the limits it does so by (protocol 15.1)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.calendar import MINUTE
from domain.config import Config
from domain.identity import workflow_id

PRIORITIES = ("LOW", "MEDIUM", "HIGH", "CRITICAL")
PRIMARY, SECONDARY, OWNER = "PRIMARY", "SECONDARY", "OWNER"
MONITOR = "monitor"
"""Source of the alerts that the monitor proposes."""

LIMITED = {
    "PROTOCOL_BREACH": "protocol",
    "TRADE_OPPORTUNITY": "trade",
    "SYSTEM_STATUS": "status",
    "ACCOUNT_MANAGEMENT": "account",
    "TECHNICAL_ALERT": "technical",
}
"""Types with a storm limit, and its name in the catalogue. COMPLIANCE and SECURITY have none."""

LADDERS: Mapping[str, tuple[tuple[int, str], ...]] = {
    "CRITICAL": ((5 * MINUTE, SECONDARY), (15 * MINUTE, OWNER)),
    "HIGH": ((15 * MINUTE, SECONDARY),),
    "MEDIUM": ((0, SECONDARY),),
    "LOW": (),
}
"""Who is told when nobody has acknowledged, and how long after delivery; 0 = one business day."""


def rank(priority: str) -> int:
    """Order of priorities; what is unknown counts as HIGH, so that it is told."""
    return PRIORITIES.index(priority) if priority in PRIORITIES else PRIORITIES.index("HIGH")


@dataclass(frozen=True)
class Alert:
    """An alert as it stands on the log."""

    alert_id: str
    book: str
    account_id: str
    """empty: it concerns no single account"""
    type: str
    priority: str
    ticker: str
    """empty: it concerns none"""
    title: str
    message: str
    source: str
    raised_us: int

    @property
    def subject(self) -> str:
        """What is the same for two alerts that say the same."""
        return "|".join((self.source, self.type, self.account_id, self.ticker, self.title))


@dataclass(frozen=True)
class Notice:
    """Decision: tell a role. `notice_id` is the same whenever the same thing is decided again."""

    notice_id: str
    kind: str
    """ALERT, ESCALATION, SUMMARY or DIGEST"""
    role: str
    alert_id: str
    """empty for a summary and a digest"""
    book: str
    account_id: str
    type: str
    priority: str
    ticker: str
    title: str
    message: str
    at_us: int


@dataclass(frozen=True)
class Suppressed:
    """Decision: an alert is not told by itself."""

    alert_id: str
    book: str
    type: str
    priority: str
    reason: str
    """DUPLICATE or STORM_LIMIT"""
    of_alert_id: str
    """of a duplicate: the alert that was told"""
    count: int
    """duplicates so far, or alerts folded into the coming summary so far"""
    at_us: int


@dataclass(frozen=True)
class Proposal:
    """Decision: propose an alert to the book, by RaiseAlert. All of it is fixed when it is decided, so that it is the
    same command when it is sent again."""

    command_id: str
    book: str
    account_id: str
    type: str
    priority: str
    ticker: str
    title: str
    message: str
    at_us: int


@dataclass(frozen=True)
class Outcome:
    """What came of telling a channel."""

    delivered: bool
    final: bool = True
    """of a failure: it would fail again"""
    code: str = ""
    """of a failure: its class"""


Decision = Notice | Suppressed | Proposal


@dataclass(frozen=True)
class Policy:
    """The parameters of a book that the monitor obeys (protocol 18)."""

    hourly: Mapping[str, int] = field(default_factory=dict[str, int])
    """type of alert to how many are told in an hour"""
    dedupe_us: int = 10 * MINUTE
    digest_minute: int = 16 * 60 + 45
    """minutes after midnight New York time"""
    drawdown_limits_pct: Mapping[str, float] = field(default_factory=dict[str, float])
    """account type to the breaker's limit (protocol 9)"""

    @staticmethod
    def of(values: Mapping[str, str]) -> "Policy":
        """The policy where these parameters differ from the catalogue."""
        config = Config(0, values)
        return Policy(
            {kind: config.integer(f"alert.hourly_limit.{short}") for kind, short in LIMITED.items()},
            config.integer("alert.dedupe_min") * MINUTE,
            config.integer("alert.digest_time"),
            {kind: float(config.fraction(f"breaker.drawdown_{kind.lower()}")) for kind in ("GEN", "REV", "COM")},
        )


def notice_of(alert: Alert, kind: str, role: str, at_us: int, message: str | None = None) -> Notice:
    """A notice about one alert."""
    return Notice(
        workflow_id("notice", alert.book, alert.alert_id, kind, role), kind, role, alert.alert_id, alert.book,
        alert.account_id, alert.type, alert.priority, alert.ticker, alert.title,
        alert.message if message is None else message, at_us,
    )  # fmt: skip
