"""Forks, merges, transfers, contributions, withdrawals, reinvestment, closing."""

from projections.mapping.accounts import account_state
from projections.mapping.event import Changes, Handler, LoggedEvent
from projections.tables.accounts import ACCOUNTS, CONTRIBUTIONS
from projections.tables.lifecycle import FORKS, MERGES, REINVESTMENTS, TRANSFERS, WITHDRAWALS
from projections.tables.shape import Change

# --- forks ------------------------------------------------------------------------------------------------------


def fork_eligibility_detected(e: LoggedEvent) -> Changes:
    yield _eligibility(e, eligible=True)


def fork_eligibility_lost(e: LoggedEvent) -> Changes:
    yield _eligibility(e, eligible=False)


def fork_deferred(e: LoggedEvent) -> Changes:
    yield _eligibility(e, eligible=True, deferred=e["reason"])


def _eligibility(e: LoggedEvent, *, eligible: bool, deferred: str | None = None) -> Change:
    return ACCOUNTS.set(
        "fork",
        (e.book, e.account),
        fork_eligible=eligible,
        fork_surplus_cents=e["surplus"],
        fork_deferred=deferred,
        fork_at=e.occurred_at,
    )


def fork_account_linked(e: LoggedEvent) -> Changes:
    key = (e.book, e["fork_id"])
    yield FORKS.set(
        "linked",
        key,
        parent_account_id=e.account_id,
        child_system=e["child"],
        broker_account=e["broker_account"],
        linked_at=e.occurred_at,
    )
    yield _fork_state(e, "LINKED")


def fork_initiated(e: LoggedEvent) -> Changes:
    yield FORKS.set(
        "begun",
        (e.book, e["fork_id"]),
        account_id=e.account_id,
        template=e["template"],
        fork_seq=e["fork_seq"],
        amount_cents=e["amount"],
        children=e.json("children"),
        begun_at=e.occurred_at,
    )
    yield _fork_state(e, "INITIATED")
    yield account_state(e, "FORKING", None)


def fork_completed(e: LoggedEvent) -> Changes:
    yield _fork_state(e, "COMPLETED")
    yield account_state(e, "ACTIVE", "FORK_COMPLETED")
    yield ACCOUNTS.set(
        "fork",
        (e.book, e.account),
        fork_eligible=False,
        fork_surplus_cents=None,
        fork_deferred=None,
        fork_at=e.occurred_at,
    )


def fork_aborted(e: LoggedEvent) -> Changes:
    yield _fork_state(e, "ABORTED", e["reason"])
    yield account_state(e, "ACTIVE", "FORK_ABORTED")


def _fork_state(e: LoggedEvent, state: str, reason: str | None = None) -> Change:
    return FORKS.set("state", (e.book, e["fork_id"]), state=state, reason=reason, state_at=e.occurred_at)


# --- merges -----------------------------------------------------------------------------------------------------


def merge_eligibility(e: LoggedEvent) -> Changes:
    """MergeEligibilityDetected, and MergeEligibilityLost, with which the count starts anew."""
    yield group_counted(e, e["fork_group_id"], e["corpus"], e.get("confirmation_no", 0))


def group_counted(e: LoggedEvent, group: str, corpus_cents: int | None, confirmations: int) -> Change:
    """How far a fork group has come towards its merge."""
    return FORKS.set(
        "merging",
        (e.book, group),
        group_corpus_cents=corpus_cents,
        confirmations=confirmations,
        valued_at=e.occurred_at,
    )


def merge_initiated(e: LoggedEvent) -> Changes:
    yield MERGES.set(
        "begun",
        (e.book, e["merge_id"]),
        fork_group_id=e["fork_group_id"],
        members=e.json("members"),
        target_account_id=e["target"],
        begun_at=e.occurred_at,
    )
    yield _merge_state(e, "MERGING", "MERGING")


def liquidation_completed(e: LoggedEvent) -> Changes:
    yield MERGES.set(
        "sold",
        (e.book, e["merge_id"]),
        proceeds_cents=e["proceeds"],
        costs_cents=e["costs"],
        tax_cents=e["tax"],
        sold_at=e.occurred_at,
    )


def merge_completed(e: LoggedEvent) -> Changes:
    yield MERGES.set(
        "moved",
        (e.book, e["merge_id"]),
        amount_cents=e["amount"],
        reserve_cents=e["reserve"],
        in_kind_cents=e.get("in_kind"),
        moved_at=e.occurred_at,
    )
    yield _merge_state(e, "MERGED", "MERGED")


def merge_stalled(e: LoggedEvent) -> Changes:
    """The members are suspended by events of their own."""
    yield _merge_state(e, "STALLED", None, e["sessions"])


def merge_resumed(e: LoggedEvent) -> Changes:
    yield _merge_state(e, "RELEASED", "ACTIVE") if e["released"] else _merge_state(e, "MERGING", "MERGING")


def _merge_state(e: LoggedEvent, state: str, account_state: str | None, sessions: int | None = None) -> Change:
    """State of the merge, and the one that it gives its members (view `accounts`): most of these events name the merge
    alone."""
    return MERGES.set(
        "state",
        (e.book, e["merge_id"]),
        state=state,
        account_state=account_state,
        sessions=sessions,
        state_at=e.occurred_at,
    )


# --- transfers, contributions, withdrawals, closing ---------------------------------------------------------------


def transfer_initiated(e: LoggedEvent) -> Changes:
    yield _transfer_terms(e)
    yield _transfer_state(e, "INITIATED")


def transferred(e: LoggedEvent) -> Changes:
    yield _transfer_terms(e)
    yield _transfer_state(e, "COMPLETED", reserve=e["reserve"], in_kind=e.get("in_kind"))


def transfer_failed(e: LoggedEvent) -> Changes:
    yield _transfer_state(e, "FAILED", reason=e["reason"])


def _transfer_terms(e: LoggedEvent) -> Change:
    return TRANSFERS.set(
        "terms",
        (e.book, e["transfer_id"]),
        account_id=e.account_id,
        kind=e["kind"],
        from_account=e["from_account"],
        to_account=e["to_account"],
        amount_cents=e["amount"],
    )


def _transfer_state(
    e: LoggedEvent, state: str, *, reserve: int | None = None, in_kind: int | None = None, reason: str | None = None
) -> Change:
    return TRANSFERS.set(
        "state",
        (e.book, e["transfer_id"]),
        state=state,
        reserve_cents=reserve,
        in_kind_cents=in_kind,
        reason=reason,
        state_at=e.occurred_at,
    )


def contribution_detected(e: LoggedEvent) -> Changes:
    """Cash that waits for its owner's word: no account has it yet."""
    yield CONTRIBUTIONS.row(
        book=e.book, account_id=None, kind="DETECTED", amount_cents=e["amount"], contributed_at=e.occurred_at
    )


def withdrawal_requested(e: LoggedEvent) -> Changes:
    yield WITHDRAWALS.set(
        "request",
        (e.book, e["withdrawal_id"]),
        account_id=e.account_id,
        amount_cents=e["amount"],
        quarter=e["quarter"] or None,
        requested_at=e.occurred_at,
    )
    yield _withdrawal_state(e, "REQUESTED")


def withdrawal_approved(e: LoggedEvent) -> Changes:
    yield WITHDRAWALS.set(
        "approved", (e.book, e["withdrawal_id"]), approvals=e.json("approvals"), approved_at=e.occurred_at
    )
    yield _withdrawal_state(e, "APPROVED")


def withdrawal_rejected(e: LoggedEvent) -> Changes:
    yield _withdrawal_state(e, "REJECTED", e["code"], e["reason"])


def withdrawal_paid(e: LoggedEvent) -> Changes:
    yield _withdrawal_state(e, "PAID")


def _withdrawal_state(e: LoggedEvent, state: str, code: str | None = None, reason: str | None = None) -> Change:
    return WITHDRAWALS.set(
        "state", (e.book, e["withdrawal_id"]), state=state, code=code, reason=reason, state_at=e.occurred_at
    )


def closing_started(e: LoggedEvent) -> Changes:
    yield account_state(e, "CLOSING", f"approved by {e['by']}")


def closed(e: LoggedEvent) -> Changes:
    yield account_state(e, "CLOSED", None)


# --- reinvestment -------------------------------------------------------------------------------------------------


def reinvestment_calculated(e: LoggedEvent) -> Changes:
    yield REINVESTMENTS.set(
        "figures",
        _run(e),
        net_result_cents=e["net_result"],
        tax_cents=e["tax"],
        amount_cents=e["amount"],
        primary_cents=e["primary"],
        leaps_cents=e["leaps"],
        merged_cents=e["merged"],
        carry_in_cents=e["carry_in"],
        available_cents=e["available"],
        calculated_at=e.occurred_at,
    )
    yield _run_state(e, "CALCULATED")


def reinvestment_planned(e: LoggedEvent) -> Changes:
    yield REINVESTMENTS.set(
        "plan",
        _run(e),
        purchases=e.json("purchases"),
        left_primary_cents=e["left_primary"],
        left_leaps_cents=e["left_leaps"],
        planned_at=e.occurred_at,
    )
    yield _run_state(e, "PLANNED")


def reinvestment_completed(e: LoggedEvent) -> Changes:
    yield REINVESTMENTS.set("result", _run(e), spent_cents=e["spent"], carry_out_cents=e["carry_out"])
    yield _run_state(e, "COMPLETED", ended=True)


def reinvestment_skipped(e: LoggedEvent) -> Changes:
    yield REINVESTMENTS.set("result", _run(e), spent_cents=0, carry_out_cents=e["carry"])
    yield _run_state(e, "SKIPPED", e["reason"], ended=True)


def reinvestment_postponed(e: LoggedEvent) -> Changes:
    yield _run_state(e, "POSTPONED", e["reason"], e["sessions"])


def _run(e: LoggedEvent) -> tuple[str, str, str]:
    """A run's key is `account|quarter`."""
    account, _, quarter = e["key"].rpartition("|")
    return e.book, account, quarter


def _run_state(
    e: LoggedEvent, state: str, reason: str | None = None, sessions: int | None = None, *, ended: bool = False
) -> Change:
    return REINVESTMENTS.set(
        "state", _run(e), state=state, reason=reason, sessions=sessions, ended=ended, state_at=e.occurred_at
    )


HANDLERS: dict[str, Handler] = {
    "ForkEligibilityDetected": fork_eligibility_detected,
    "ForkEligibilityLost": fork_eligibility_lost,
    "ForkDeferred": fork_deferred,
    "ForkAccountLinked": fork_account_linked,
    "ForkInitiated": fork_initiated,
    "ForkCompleted": fork_completed,
    "ForkAborted": fork_aborted,
    "MergeEligibilityDetected": merge_eligibility,
    "MergeEligibilityLost": merge_eligibility,
    "MergeInitiated": merge_initiated,
    "LiquidationCompleted": liquidation_completed,
    "MergeCompleted": merge_completed,
    "MergeStalled": merge_stalled,
    "MergeResumed": merge_resumed,
    "CapitalTransferInitiated": transfer_initiated,
    "CapitalTransferred": transferred,
    "CapitalTransferFailed": transfer_failed,
    "ContributionDetected": contribution_detected,
    "WithdrawalRequested": withdrawal_requested,
    "WithdrawalApproved": withdrawal_approved,
    "WithdrawalRejected": withdrawal_rejected,
    "WithdrawalPaid": withdrawal_paid,
    "AccountClosingStarted": closing_started,
    "AccountClosed": closed,
    "ReinvestmentCalculated": reinvestment_calculated,
    "ReinvestmentPlanned": reinvestment_planned,
    "ReinvestmentCompleted": reinvestment_completed,
    "ReinvestmentSkipped": reinvestment_skipped,
    "ReinvestmentPostponed": reinvestment_postponed,
}
