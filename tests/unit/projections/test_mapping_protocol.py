"""Events of levels, forks, merges, wash sales, predictions and instructions to row changes."""

from __future__ import annotations

from typing import Any

import pytest

from domain import events as ev
from projections.tables.shape import Change
from tests.unit.projections.factory import START_DAY, START_US
from tests.unit.projections.test_mapping import changes, told

PUT, NEW_PUT = "AAPL250620P00190000", "AAPL250627P00185000"
ACCOUNT = "S001-GEN-001"


def found(*events: ev.Event, account: str | None = ACCOUNT) -> list[tuple[str, str, tuple[Any, ...], dict[str, Any]]]:
    """Table, facet, key and values of each change."""
    return [(c.table.name, c.facet, c.key, told(c)) for c in changes(*events, account=account)]


def states(table: str, *events: ev.Event, account: str | None = ACCOUNT) -> list[str]:
    """The states that a table's rows walk through."""
    return [
        row["state"] for name, facet, _, row in found(*events, account=account) if (name, facet) == (table, "state")
    ]


def test_a_level_change_says_what_it_was_measured_by() -> None:
    ((table, _, _, row),) = found(
        ev.ProtocolLevelChanged("p1", PUT, 0, 1, 10_500_000_000, 1_850_000, 1_900_000, 4_760_000)
    )
    assert table == "level_changes"
    assert (row["from_level"], row["to_level"], row["m_e10"], row["ticker"]) == (0, 1, 10_500_000_000, "AAPL")
    assert (row["price_e4"], row["reference_e4"], row["atr_e6"]) == (1_850_000, 1_900_000, 4_760_000)


def test_a_script_is_generated_executed_and_lapses() -> None:
    steps = [ev.ScriptStep(1, "ROLL", {"new_contract": NEW_PUT}, True)]
    rows = found(
        ev.ActionScriptGenerated("s1", "p1", PUT, 2, 0, steps, {"m": "21000000000"}),
        ev.ActionScriptStepExecuted("s1", 1, "ROLL", "SENT"),
        ev.ActionScriptLapsed("s1", "HIGHER_LEVEL"),
    )
    assert [(table, facet) for table, facet, _, _ in rows] == [
        ("script_facets", "terms"),
        ("script_steps", ""),
        ("script_facets", "lapse"),
    ]
    assert rows[0][3]["expires_at"] is None
    assert (rows[1][3]["seq"], rows[1][3]["result"]) == (1, "SENT")


def test_a_roll_is_one_order_and_two_steps() -> None:
    terms: dict[str, Any] = {"new_contract": NEW_PUT, "reference": "s1", "approval_id": "a1", "mid_e6": 100}
    order = ev.OrderProposed(
        "o1", "sig", ACCOUNT, PUT, "AAPL", "SELL", "ROLL", 3, -1_000, [], "ROLL", "GEN", 0, 0, **terms
    )
    rows = found(
        order,
        ev.RollProposed(PUT, NEW_PUT, 3, -1_000, -2_000, "p1"),
        ev.RollExecuted(PUT, NEW_PUT, 3, -900, "p1", 24_000, 1_850_000),
    )
    proposed = next(row for table, facet, _, row in rows if (table, facet) == ("order_facets", "terms"))
    assert {name: proposed[name] for name in terms} == terms
    rolls = [row for table, _, _, row in rows if table == "rolls"]
    assert [(r["step"], r["net_e4"], r["cap_e4"], r["chain_credit_e4"]) for r in rolls] == [
        ("PROPOSED", -1_000, -2_000, None),
        ("EXECUTED", -900, None, 24_000),
    ]


def test_long_options_and_shares_are_one_position_each_whatever_fill_opened_them() -> None:
    leaps = "AAPL270115C00190000"
    where = f"position-{ACCOUNT}-{leaps}"
    rows = found(
        ev.PositionOpened("fill-1", leaps, 2, 300_000, 1_900_000, 0, 130, ""),
        ev.PositionOpened("fill-2", leaps, 1, 310_000, 1_900_000, 0, 65, ""),
        ev.PositionReduced(where, leaps, 1, 320_000, 3_000),
        ev.PositionClosed(where, leaps, 320_000, 1_000, "SOLD", 1_900_000, START_DAY),
        ev.PositionOpened("short", PUT, -2, 25_000, 1_900_000, 0, 130, "chain"),
    )
    steps = [
        (row["position_id"], row["step"], row["quantity"]) for table, _, _, row in rows if table == "position_steps"
    ]
    assert steps == [
        (where, "OPENED", 2),
        (where, "OPENED", 1),
        (where, "REDUCED", 1),
        (where, "CLOSED", 0),
        ("short", "OPENED", -2),
    ]


def test_a_hedge_and_a_breaker_open_and_end() -> None:
    rows = found(
        ev.HedgeOpened(NEW_PUT, PUT, 2, 40_000, 10_000),
        ev.HedgeReleased(NEW_PUT, PUT, "LEVEL"),
        ev.CircuitBreakerTripped("DAILY_DRAWDOWN", "SYSTEM", "5.1", "5"),
        ev.CircuitBreakerReset("DAILY_DRAWDOWN", "SYSTEM", "next session"),
    )
    flags = [(table, key[-1], row["open"]) for table, facet, key, row in rows if facet == "state"]
    assert flags == [
        ("hedges", NEW_PUT, True),
        ("hedges", NEW_PUT, False),
        ("breakers", "SYSTEM", True),
        ("breakers", "SYSTEM", False),
    ]


def test_an_exit_in_its_steps() -> None:
    rows = found(
        ev.StopLossTriggered("p1", PUT, 3, 50_000, 60_000, [50_000, 55_000]),
        ev.StopLossExecuted("p1", PUT, 3, 52_000, -81_000),
        ev.StopLossFailed("p1", PUT, 2, "NO_QUOTE"),
    )
    assert [(row["step"], row["quantity"], row["pnl_cents"]) for *_, row in rows] == [
        ("TRIGGERED", 3, None),
        ("EXECUTED", 3, -81_000),
        ("FAILED", 2, None),
    ]


def test_a_fork_moves_its_account_through_forking() -> None:
    events = (
        ev.ForkEligibilityDetected(100_000_00, 100_000_00),
        ev.ForkDeferred("COOLDOWN", 101_000_00),
        ev.ForkInitiated("f1", 101_000_00, 1, "GEN", ["a", "b"]),
        ev.ForkCompleted("f1", 101_000_00, ["a", "b"]),
    )
    assert states("account_facets", *events) == ["FORKING", "ACTIVE"]
    assert states("forks", *events) == ["INITIATED", "COMPLETED"]
    eligible = [(r["fork_eligible"], r["fork_deferred"]) for _, facet, _, r in found(*events) if facet == "fork"]
    assert eligible == [(True, None), (True, "COOLDOWN"), (False, None)]
    assert states("forks", ev.ForkAborted("f1", "NO_CASH")) == ["ABORTED"]


def test_the_brokerage_account_of_a_founded_system_is_not_this_book_s() -> None:
    linked = ev.BrokerAccountLinked("DU2", "CSP_AND_CC", 5)
    assert [table for table, *_ in found(linked, account=None)] == ["books"]
    rows = found(linked, ev.ForkAccountLinked("f1", "DU2", "S002"))
    assert [(table, facet) for table, facet, *_ in rows] == [("forks", "linked"), ("forks", "state")]


@pytest.mark.parametrize(
    ("released", "state", "of_members"), [(True, "RELEASED", "ACTIVE"), (False, "MERGING", "MERGING")]
)
def test_a_merge_says_what_its_members_are(released: bool, state: str, of_members: str) -> None:
    rows = found(
        ev.MergeEligibilityDetected("f1", 500_000_00, 3),
        ev.MergeInitiated("m1", "f1", ["a", "b"], "S001-COM-001"),
        ev.MergeStalled("m1", 5),
        ev.MergeResumed("m1", released),
        ev.MergeCompleted("m1", "S001-COM-001", 1, 2),
        ev.MergeEligibilityLost("f1", 499_000_00),
        account=None,
    )
    walked = [(r["state"], r["account_state"]) for table, facet, _, r in rows if (table, facet) == ("merges", "state")]
    assert walked == [("MERGING", "MERGING"), ("STALLED", None), (state, of_members), ("MERGED", "MERGED")]
    assert [r["confirmations"] for *_, r in rows if "confirmations" in r] == [3, 0]


def test_withdrawals_transfers_and_closing_in_their_states() -> None:
    events = (
        ev.WithdrawalRequested("w1", 500_00, "2025Q2"),
        ev.WithdrawalApproved("w1", 500_00, ["anna"]),
        ev.WithdrawalPaid("w1", 500_00, "2025Q2"),
        ev.WithdrawalRequested("w2", 500_00, ""),
        ev.WithdrawalRejected("w2", 500_00, "EXCEEDS_LIMIT", "at most 3.00"),
        ev.CapitalTransferInitiated("t1", "FORK", ACCOUNT, "S002", 5),
        ev.CapitalTransferred("t1", "FORK", ACCOUNT, "S002", 5, 0),
        ev.CapitalTransferFailed("t2", "no account"),
        ev.AccountClosingStarted("anna, bert"),
        ev.AccountClosed(0),
    )
    assert states("withdrawals", *events) == ["REQUESTED", "APPROVED", "PAID", "REQUESTED", "REJECTED"]
    assert states("transfers", *events) == ["INITIATED", "COMPLETED", "FAILED"]
    assert states("account_facets", *events) == ["CLOSING", "CLOSED"]


def test_a_reinvestment_is_a_row_a_quarter() -> None:
    key = f"{ACCOUNT}|2025Q2"
    events = (
        ev.ReinvestmentPostponed(key, "MODE", 1),
        ev.ReinvestmentCalculated(key, 10, 3, 7, 5, 2, 0, 1, 8),
        ev.ReinvestmentPlanned(key, [ev.PlannedPurchase("AAPL", 5, 1_900_000)], 1, 2),
        ev.ReinvestmentCompleted(key, 6, 2),
        ev.ReinvestmentSkipped(f"{ACCOUNT}|2025Q3", "NO_GAINS", 2),
    )
    assert states("reinvestments", *events) == ["POSTPONED", "CALCULATED", "PLANNED", "COMPLETED", "SKIPPED"]
    rows = found(*events)
    assert {k for *_, k, _ in rows} == {("S001", ACCOUNT, "2025Q2"), ("S001", ACCOUNT, "2025Q3")}
    assert [(r["spent_cents"], r["carry_out_cents"]) for _, facet, _, r in rows if facet == "result"] == [
        (6, 2),
        (0, 2),
    ]


@pytest.mark.parametrize(("waits", "lot", "put"), [(False, "lot-9", None), (True, None, "lot-9")])
def test_a_wash_sale_raises_the_taxable_result_of_the_losing_account(waits: bool, lot: str, put: str) -> None:
    event = ev.WashSaleAdjusted(
        "l1", ACCOUNT, "AAPL", 900, 600, 200, 2025, "ST", "S001-REV-001", "lot-9", 7_000, 12, waits
    )
    (_, _, _, row), (table, _, _, line) = found(event, account="S001-REV-001")
    assert (row["lot_id"], row["put_id"], row["amount_cents"], row["account_id"]) == (lot, put, 600, ACCOUNT)
    assert (table, line["kind"], line["amount_cents"], line["account_id"]) == ("results", "WASH_SALE", 600, ACCOUNT)


def test_what_waited_for_a_put_is_basis_or_a_loss_again() -> None:
    basis = found(ev.WashSaleReleased("put", "l1", 600, 200, "ST", 12, "lot-9", 2025))
    loss = found(ev.WashSaleReleased("put", "l1", 600, 200, "ST", 12, "", 2025))
    assert [(t, r["amount_cents"]) for t, _, _, r in basis] == [("wash_sales", 600)]
    assert [(t, r["amount_cents"]) for t, _, _, r in loss] == [("wash_sales", 600), ("results", -600)]


def test_predictions_of_modes_and_types_meet_their_outcomes() -> None:
    mode = found(
        ev.WeekModePredicted("2025W25", "GREEN", {"trend": "UP"}),
        ev.WeekModeConfirmed("2025W25", "ALL_MARKET", "RED", "", -1, 2),
        ev.PredictionScored("2025W25", "MODE", None, "GREEN", "RED", False, 3, 4, 5),
        account=None,
    )
    assert {key for *_, key, _ in mode} == {("S001", "2025W25", "MODE", "", "")}
    assert [facet for _, facet, *_ in mode] == ["guess", "outcome", "score"]
    kind = found(
        ev.WeekTypePredicted("2025W25", "AAPL", "P-EW", {"P-EW": 9}, 9, "PRIORS", "1", True),
        ev.PredictionScored("2025W25", "TYPE", "AAPL", "P-EW", "P-AWL", False, 3, 4, 0),
    )
    assert {key for *_, key, _ in kind} == {("S001", "2025W25", "TYPE", ACCOUNT, "AAPL")}
    assert next(r["actual"] for _, facet, _, r in kind if facet == "outcome") == "P-AWL"


def test_an_instruction_and_a_refusal_that_leaves_its_id_free() -> None:
    received = ev.InstructionReceived(
        "i1", "lab", "c1", "strategy", "WIS", "SELL_TO_OPEN_PUT", PUT, 1, "MARKET", 0, "DAY", "hash"
    )
    events = (
        received,
        ev.InstructionAccepted("i1", "lab", "c1"),
        ev.InstructionEnded("i1", "EXPIRED"),
        ev.InstructionRejected("", "lab", "c2", "VALIDATION_FAILED", 400, {"quantity": "0"}),
    )
    assert states("instructions", *events) == ["RECEIVED", "ACCEPTED", "ENDED", "REJECTED"]
    keys = [key for table, facet, key, _ in found(*events) if (table, facet) == ("instructions", "client")]
    assert keys[0] == ("S001", "i1")
    assert keys[1][1] not in ("", "i1")


def test_an_alert_is_acknowledged_escalated_and_resolved() -> None:
    rows: list[Change] = changes(
        ev.AlertAcknowledged("al", "anna"),
        ev.AlertEscalated("al", "OWNER", "late"),
        ev.AlertResolved("al", "bert", "ok"),
    )
    assert [(c.table.name, c.facet, c.key) for c in rows] == [
        ("alert_states", facet, ("S001", "al")) for facet in ("acknowledged", "escalated", "resolved")
    ]
    assert told(rows[0])["acknowledged_at"] == START_US


def test_a_feedback_cycle_writes_the_cells_that_have_changed() -> None:
    cell = ev.MatrixCell(ACCOUNT, "P-EW", "mode", "GREEN", 3, 150_000_000, 10**10, 160_000_000, 1_000_000)
    rows = found(ev.FeedbackCycleCompleted("WEEKLY", "2025W24", [cell], 0, 0, 0, {}), account=None)
    ((table, facet, key, row),) = rows
    assert (table, facet, key) == ("week_matrix", "cell", ("S001", ACCOUNT, "P-EW", "mode", "GREEN"))
    assert (row["count"], row["mean_e10"], row["deviation_e10"], row["win_rate_e10"], row["period"]) == (
        3, 150_000_000, 1_000_000, 10**10, "2025W24",
    )  # fmt: skip


def test_a_proposal_of_the_review_is_one_row_until_it_is_decided() -> None:
    rows = found(
        ev.RuleCandidateGenerated("2025Q2", "GEN", {"ticker": "TSLA"}, "LOSS", 20, 7 * 10**9, -4_000),
        ev.ParameterAdjustmentProposed("p1", "2025Q2", "MRR", "SYSTEM", {"a": "1"}, {"a": "2"}, {}, 7 * 10**9),
        ev.ParameterProposalDecided("p1", "DENIED", "", 0),
        account=None,
    )
    assert [(table, facet) for table, facet, _, _ in rows] == [
        ("rule_candidates", ""), ("parameter_proposals", "proposal"), ("parameter_proposals", "decision"),
    ]  # fmt: skip
    assert rows[1][2] == rows[2][2] == ("S001", "p1")
    assert (rows[2][3]["decision"], rows[2][3]["decided_by"]) == ("DENIED", None)
