"""Forks, merges, reinvestment, contributions and withdrawals (protocol 10)."""

from typing import Annotated

from domain.record import Cents, Contract, DayNumber, record


@record
class CapitalEarmarked:
    """Cash is held for a workflow."""

    workflow_id: str
    amount: Cents


@record
class CapitalEarmarkReleased:
    """Cash held for a workflow is free again, or was used by it."""

    workflow_id: str
    amount: Cents


@record
class CapitalTransferInitiated:
    """A transfer across brokerage accounts waits for the other side (protocol 10.5)."""

    transfer_id: str
    kind: str
    from_account: Annotated[str, "an account id, or the outside"]
    to_account: Annotated[str, "an account id, a system id, or the outside"]
    amount: Cents


@record
class CapitalTransferred:
    """Capital has moved: both legs at once (protocol 10.5)."""

    transfer_id: str
    kind: Annotated[str, "INCEPTION, CONTRIBUTION, FORK, MERGE, WITHDRAWAL, TAX_PAYMENT or CORRECTION"]
    from_account: Annotated[str, "an account id, or the outside"]
    to_account: Annotated[str, "an account id, a system id, or the outside"]
    amount: Annotated[Cents, "without the reserve"]
    reserve: Annotated[Cents, "tax reserve that moved with it"]
    in_kind: Annotated[Cents | None, "market value of the positions that moved with it"] = None


@record
class CapitalTransferFailed:
    """A transfer was not carried out."""

    transfer_id: str
    reason: str


@record
class ContributionDetected:
    """The broker holds more cash than the book can explain (protocol 10.5)."""

    amount: Cents


@record
class WithdrawalRequested:
    """Somebody wants capital paid out (protocol 10.5)."""

    withdrawal_id: str
    amount: Cents
    quarter: Annotated[str, "the quarter whose result it is paid from, empty for GEN's surplus"]


@record
class WithdrawalApproved:
    """A withdrawal has the approvals that it needs."""

    withdrawal_id: str
    amount: Cents
    approvals: list[str]


@record
class WithdrawalRejected:
    """A withdrawal is refused."""

    withdrawal_id: str
    amount: Cents
    code: str
    reason: str


@record
class WithdrawalPaid:
    """A withdrawal has left the account."""

    withdrawal_id: str
    amount: Cents
    quarter: Annotated[str, "as it was requested"]


@record
class AccountClosingStarted:
    """An account is being closed (protocol 3.3)."""

    by: str


@record
class AccountClosed:
    """An account is closed: flat, its cash swept."""

    final_cash: Cents
    reason: Annotated[str | None, "of an opening that was aborted"] = None


@record
class ForkEligibilityDetected:
    """An account's post-tax surplus has reached the threshold of a fork (protocol 10.2)."""

    surplus: Cents
    threshold: Cents


@record
class ForkEligibilityLost:
    """The surplus has fallen under the threshold again."""

    surplus: Cents


@record
class ForkAccountLinked:
    """The brokerage account of a system that a fork will found is linked (protocol 10.2)."""

    fork_id: str
    broker_account: str
    child: Annotated[str, "system id of the new system"]


@record
class ForkDeferred:
    """A guard stops a fork today."""

    reason: Annotated[str, "NOT_ACTIVE, MODE, LEVEL, BREAK, COOLDOWN, DEPTH or FREE_CASH"]
    surplus: Cents


@record
class ForkInitiated:
    """A fork begins: from here it is finished, or undone before the first transfer."""

    fork_id: str
    amount: Cents
    fork_seq: int
    template: Annotated[str, "GEN, or the template of a Rev fork"]
    children: Annotated[list[str], "accounts that it opens, or the system that it founds"]


@record
class ForkCompleted:
    """A fork is done."""

    fork_id: str
    amount: Cents
    children: list[str]


@record
class ForkAborted:
    """A fork was undone before anything was transferred."""

    fork_id: str
    reason: str


@record
class MergeEligibilityDetected:
    """A fork group was at or above the threshold at an EOD valuation (protocol 10.3)."""

    fork_group_id: str
    corpus: Cents
    confirmation_no: int


@record
class MergeEligibilityLost:
    """A group that counted towards a merge was under the threshold at an EOD valuation: the count starts anew."""

    fork_group_id: str
    corpus: Cents


@record
class MergeResumed:
    """People have decided about a stalled merge (protocol 3.3)."""

    merge_id: str
    released: Annotated[bool, "true: the members go on as before; false: the liquidation goes on"]


@record
class MergeInitiated:
    """Point of no return: the group is liquidated into the target."""

    merge_id: str
    fork_group_id: str
    members: list[str]
    target: Annotated[str, "the root system's primary Com account"]


@record
class LotMoved:
    """A tax lot goes to another account of the brokerage account as it is: basis, day and holding period (protocol
    10.3, IN_KIND)."""

    transfer_id: str
    from_account: Annotated[str, "the account that had it"]
    lot_id: str
    contract: Contract
    quantity: Annotated[int, "shares or long contracts"]
    basis: Annotated[Cents, "tax basis of the whole lot"]
    acquired: DayNumber


@record
class LiquidationCompleted:
    """The members of a merging group hold no positions any more."""

    merge_id: str
    proceeds: Cents
    costs: Cents
    tax: Annotated[Cents, "reserved on the gains of the liquidation"]


@record
class MergeCompleted:
    """A fork group has been absorbed."""

    merge_id: str
    target: str
    amount: Annotated[Cents, "free cash that moved"]
    reserve: Annotated[Cents, "tax reserve that moved with its ledger"]
    in_kind: Annotated[Cents | None, "market value of the positions that moved as they are"] = None


@record
class MergeStalled:
    """A merge is not finished in its time: people decide (protocol 10.3)."""

    merge_id: str
    sessions: int


@record
class ReinvestmentCalculated:
    """What a quarter's run will do (protocol 10.4)."""

    key: Annotated[str, "account|quarter"]
    net_result: Annotated[Cents, "N"]
    tax: Annotated[Cents, "Tq"]
    amount: Annotated[Cents, "R"]
    primary: Cents
    leaps: Cents
    merged: Annotated[Cents, "M: uninvested capital"]
    carry_in: Cents
    available: Annotated[Cents, "what there was to reinvest before the limit of what is deployable"]


@record
class PlannedPurchase:
    """One purchase that a run decided."""

    contract: Contract
    quantity: int
    price_e4: Annotated[int, "counted at, 1e-4 dollars"]


@record
class ReinvestmentPlanned:
    """The purchases of a run, sized at the quotes of the moment they go out."""

    key: str
    purchases: list[PlannedPurchase]
    left_primary: Cents
    left_leaps: Cents


@record
class ReinvestmentCompleted:
    """A run is over; what was not spent is carried."""

    key: str
    spent: Cents
    carry_out: Cents


@record
class ReinvestmentSkipped:
    """A quarter brings no run."""

    key: str
    reason: str
    carry: Cents


@record
class ReinvestmentPostponed:
    """A run waits for the next session."""

    key: str
    reason: str
    sessions: int


@record
class LeapsRollProposed:
    """A LEAPS is near its end or its delta has left its range (protocol 7.5)."""

    contract: Contract
    days_left: int
    delta_e2: Annotated[int, "absolute delta in 1e-2 points"]


@record
class LedgerCorrected:
    """An approved reversing entry (protocol 4.2)."""

    entry_ids: list[str]
    reason: str
    approvals: list[str]
