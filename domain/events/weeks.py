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
    mode_guess: Annotated[str | None, "GREEN, RED or CHOP; none without a guess"] = None
    mode_confirmed: Annotated[str | None, "GREEN, RED or CHOP; none where SPY's closes are missing"] = None
    trend_tag: Annotated[str | None, "TRENDING or CHOPPY"] = None
    type_predicted: Annotated[str | None, "of a ticker: what was predicted"] = None
    probabilities_e10: Annotated[dict[str, int] | None, "of a ticker: by type, 1e-10"] = None
    predictor_version: Annotated[str | None, "which predictor"] = None
    sub_tags: Annotated[list[str] | None, "UP or DOWN of a rolled call, EARLY of an early assignment"] = None
    pnl_post: Annotated[Cents | None, "realised in the week after commissions and estimated tax"] = None
    wins: Annotated[int | None, "chains that ended with a profit"] = None
    losses: Annotated[int | None, "chains that ended at a loss"] = None
    max_level: Annotated[int | None, "highest protocol level in the week"] = None
    atr_adjustments: Annotated[int | None, "how often its ATR multiple moved a position to another level"] = None
    vix_avg_e4: Annotated[int | None, "mean of the week's VIX closes, 1e-4"] = None
    realised_vol_e10: Annotated[RatioE10 | None, "of a ticker: 20-day annualised volatility at the week's end"] = None
    delta_bucket: Annotated[str | None, "five points that hold the mean delta sold, such as 40-45; empty: none"] = None
    benchmark_delta_e10: Annotated[RatioE10 | None, "return less the week's share of bench.scenario, 1e-10"] = None


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
    inputs: Annotated[dict[str, str] | None, "trend, volatility and support; none = a person's guess"] = None


@record
class WeekModeConfirmed:
    """The mode of a week from SPY's closes, Mag-6 equal-weight beside it (protocol 11.2)."""

    week_id: Annotated[str, "ISO week, such as 2025W25"]
    symbol_group: Annotated[str, "ALL_MARKET"]
    mode: Annotated[str, "GREEN, RED or CHOP"]
    tag: Annotated[str, "TRENDING, CHOPPY or empty"]
    return_e10: Annotated[RatioE10, "of the week, 1e-10"]
    rho_e10: Annotated[RatioE10, "correlation of the closes with time, 1e-10"]
    mag6_mode: Annotated[str | None, "of the six, where all are known"] = None
    mag6_return_e10: Annotated[RatioE10 | None, "of the six, 1e-10"] = None


@record
class WeekTypePredicted:
    """The most probable type of a ticker's next week (protocol 11.5): advice, never a trade."""

    week_id: Annotated[str, "ISO week, such as 2025W25"]
    ticker: str
    predicted: Annotated[str, "code of protocol 11.1"]
    probabilities_e10: Annotated[dict[str, int], "by type, 1e-10"]
    confidence_e10: Annotated[RatioE10, "probability of the predicted type, 1e-10"]
    basis: Annotated[str, "CONTEXT, LAST_TYPE or PRIORS"]
    predictor_version: Annotated[str, "which predictor"]
    shown: Annotated[bool, "enough weeks are recorded to show it"]


@record
class PredictionScored:
    """What was predicted for a week against what came (protocol 11.5)."""

    week_id: Annotated[str, "ISO week, such as 2025W25"]
    kind: Annotated[str, "MODE or TYPE"]
    ticker: Annotated[str | None, "of a type"]
    predicted: Annotated[str, "mode or type"]
    actual: Annotated[str, "mode or type"]
    hit: Annotated[bool, "predicted = actual"]
    brier_e10: Annotated[RatioE10, "sum of squared errors of the probabilities, 1e-10"]
    weeks: Annotated[int, "scored or recorded so far"]
    hit_rate_e10: Annotated[RatioE10, "over the rolling window, 1e-10"]


@record
class PredictorQualified:
    """The mode predictor may act, if two people let it (protocol 11.5)."""

    weeks: Annotated[int, "scored so far"]
    hit_rate_e10: Annotated[RatioE10, "over the rolling window, 1e-10"]


@record
class PredictorDisqualified:
    """The mode predictor has missed too often: ACTIVE falls back to SHADOW (protocol 11.5)."""

    weeks: Annotated[int, "scored so far"]
    hit_rate_e10: Annotated[RatioE10, "over the rolling window, 1e-10"]
