"""Week classes and the predictor (protocol 11)."""

from typing import Annotated

from domain.record import Cents, RatioE10, record


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
