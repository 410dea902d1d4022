"""What the feedback cycles find and propose (protocol 11.4): nothing changes by them alone."""

from typing import Annotated

from domain.record import Cents, RatioE10, record


@record
class MatrixCell:
    """A cell of the type x outcome matrix: how an account's weeks of a type have turned out."""

    account_id: str
    primary_type: str
    by: Annotated[str, "slice of the type's row: mode, ticker or delta; empty = the whole row"]
    value: Annotated[str, "of the slice: GREEN, TSLA, 40-45 ...; empty of the whole row"]
    count: Annotated[int, "weeks"]
    mean_e10: Annotated[RatioE10, "mean return on the capital weight, 1e-10"]
    win_rate_e10: Annotated[RatioE10, "share of weeks with a gain, 1e-10"]
    mean_premium_e10: Annotated[RatioE10, "mean premium on the capital weight, 1e-10"]
    deviation_e10: Annotated[RatioE10 | None, "sample standard deviation of the returns, 1e-10; none of one week"] = (
        None
    )


@record
class FeedbackCycleCompleted:
    """A feedback cycle has run (protocol 11.4)."""

    cycle: Annotated[str, "WEEKLY, QUARTERLY, or CORRECTION after a late notice"]
    period: Annotated[str, "ISO week such as 2025W24, or quarter such as 2025Q2"]
    cells: Annotated[list[MatrixCell], "of the matrix, those that have changed"]
    trades: Annotated[int, "quarterly: closed chains that were looked at"]
    candidates: Annotated[int, "quarterly: rules that were found"]
    proposals: Annotated[int, "quarterly: changes that were proposed"]
    evidence: Annotated[dict[str, str], "quarterly: figures of the reviews"]


@record
class RuleCandidateGenerated:
    """Closed trades show a rule (protocol 11.4): advice, never a trade."""

    quarter: Annotated[str, "such as 2025Q2"]
    sleeve: Annotated[str, "GEN, REV or COM"]
    condition: Annotated[dict[str, str], "what the trades have in common: ticker, delta_bucket, dte or mode"]
    outcome: Annotated[str, "WIN or LOSS"]
    trades: Annotated[int, "closed chains that meet the condition"]
    confidence_e10: Annotated[RatioE10, "share of them with that outcome, 1e-10"]
    mean_result: Annotated[Cents, "of a chain, before tax"]


@record
class ParameterAdjustmentProposed:
    """The quarterly review proposes other parameters; people decide (protocol 11.4, 15.2)."""

    proposal_id: str
    quarter: Annotated[str, "such as 2025Q2"]
    review: Annotated[str, "MRR, THRESHOLDS or DTE_DELTA"]
    scope: Annotated[str, "SYSTEM"]
    old: Annotated[dict[str, str], "values in force"]
    new: Annotated[dict[str, str], "values proposed"]
    evidence: Annotated[dict[str, str], "what it rests on"]
    confidence_e10: Annotated[RatioE10, "of the finding, 1e-10"]


@record
class ParameterProposalDecided:
    """A person has decided on a proposal of the quarterly review, or nobody has in time: then it is denied."""

    proposal_id: str
    decision: Annotated[str, "ACCEPTED or DENIED"]
    by: Annotated[str, "who decided, empty when nobody has answered"]
    next_approvals: Annotated[int, "accepted: further people whom the parameters need before they change"]


@record
class BenchmarkDeviationDetected:
    """The system's accounts together trail the conservative path at two quarter ends in a row (protocol 14.4)."""

    quarter: Annotated[str, "the last one that has ended, such as 2025Q2"]
    months: Annotated[int, "of the path that it is compared with"]
    multiple: Annotated[RatioE10, "1 + time-weighted return so far, 1e-10"]
    path: Annotated[RatioE10, "what the path has made of 1 by then, 1e-10"]
    gap: Annotated[RatioE10, "share of the path that is missing, 1e-10"]
    gap_before: Annotated[RatioE10, "the same at the quarter end before, 1e-10"]
