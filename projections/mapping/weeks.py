"""Week records: classification may be corrected later, the figures stay (protocol 11.1, 11.3); predictions."""

from projections.mapping.event import Changes, Handler, LoggedEvent
from projections.tables.shape import Value
from projections.tables.weeks import PARAMETER_PROPOSALS, PREDICTIONS, RULE_CANDIDATES, WEEK_MATRIX, WEEKS


def week_classified(e: LoggedEvent) -> Changes:
    key = (e.book, e.account, e["week_id"], e["ticker"] or "")
    yield WEEKS.set(
        "types",
        key,
        primary_type=e["primary_type"],
        put_type=e["put_type"] or None,
        call_type=e["call_type"] or None,
        old_type=None,
        reclassified_reason=None,
        classified_at=e.occurred_at,
    )
    yield WEEKS.set(
        "figures",
        key,
        weight_cents=e["weight"],
        distribution_cents=e.json("distribution"),
        pnl_cents=e["pnl"],
        premium_collected_cents=e["premium_collected"],
        trades=e["trades"],
        return_pre_e10=e["return_pre"],
        return_post_e10=e["return_post"],
        mode_guess=e["mode_guess"],
        mode_confirmed=e["mode_confirmed"],
        trend_tag=e["trend_tag"],
        type_predicted=e["type_predicted"],
        probabilities_e10=e.json("probabilities_e10") if e["probabilities_e10"] is not None else None,
        predictor_version=e["predictor_version"],
        sub_tags=e.json("sub_tags") if e["sub_tags"] is not None else None,
        pnl_post_cents=e["pnl_post"],
        wins=e["wins"],
        losses=e["losses"],
        max_level=e["max_level"],
        atr_adjustments=e["atr_adjustments"],
        vix_avg_e4=e["vix_avg_e4"],
        realised_vol_e10=e["realised_vol_e10"],
        delta_bucket=e["delta_bucket"] or None,
        benchmark_delta_e10=e["benchmark_delta_e10"],
    )


def week_reclassified(e: LoggedEvent) -> Changes:
    yield WEEKS.set(
        "types",
        (e.book, e.account, e["week_id"], e["ticker"] or ""),
        primary_type=e["primary_type"],
        put_type=e["put_type"] or None,
        call_type=e["call_type"] or None,
        old_type=e["old_type"],
        reclassified_reason=e["reason"],
        classified_at=e.occurred_at,
    )


def week_mode_predicted(e: LoggedEvent) -> Changes:
    """Without inputs it is a person's guess."""
    yield PREDICTIONS.set(
        "guess",
        _of_mode(e),
        predicted=e["mode"],
        inputs=e.json("inputs") if e["inputs"] is not None else None,
        probabilities_e10=None,
        confidence_e10=None,
        basis="GUESS" if e["inputs"] is not None else "PERSON",
        predictor_version=None,
        shown=None,
        predicted_at=e.occurred_at,
    )


def week_mode_confirmed(e: LoggedEvent) -> Changes:
    yield PREDICTIONS.set(
        "outcome",
        _of_mode(e),
        actual=e["mode"],
        tag=e["tag"] or None,
        return_e10=e["return_e10"],
        rho_e10=e["rho_e10"],
        mag6_mode=e["mag6_mode"],
        mag6_return_e10=e["mag6_return_e10"],
        confirmed_at=e.occurred_at,
    )


def week_type_predicted(e: LoggedEvent) -> Changes:
    yield PREDICTIONS.set(
        "guess",
        (e.book, e["week_id"], "TYPE", e.account, e["ticker"]),
        predicted=e["predicted"],
        inputs=None,
        probabilities_e10=e.json("probabilities_e10"),
        confidence_e10=e["confidence_e10"],
        basis=e["basis"],
        predictor_version=e["predictor_version"],
        shown=e["shown"],
        predicted_at=e.occurred_at,
    )


def prediction_scored(e: LoggedEvent) -> Changes:
    """What came of a type is told by its score; of a mode by its confirmation, before that."""
    mode = e["kind"] == "MODE"
    key = _of_mode(e) if mode else (e.book, e["week_id"], e["kind"], e.account, e["ticker"] or "")
    yield PREDICTIONS.set(
        "score",
        key,
        hit=e["hit"],
        brier_e10=e["brier_e10"],
        weeks=e["weeks"],
        hit_rate_e10=e["hit_rate_e10"] if mode else None,
        scored_at=e.occurred_at,
    )
    if not mode:
        nothing: dict[str, Value] = dict.fromkeys(("tag", "return_e10", "rho_e10", "mag6_mode", "mag6_return_e10"))
        yield PREDICTIONS.set("outcome", key, actual=e["actual"], confirmed_at=e.occurred_at, **nothing)


def feedback_cycle_completed(e: LoggedEvent) -> Changes:
    """The cells that have changed; a quarterly cycle has none."""
    for cell in e["cells"]:
        yield WEEK_MATRIX.set(
            "cell",
            (e.book, cell["account_id"], cell["primary_type"], cell["by"], cell["value"]),
            count=cell["count"],
            mean_e10=cell["mean_e10"],
            deviation_e10=cell["deviation_e10"],
            win_rate_e10=cell["win_rate_e10"],
            mean_premium_e10=cell["mean_premium_e10"],
            period=e["period"],
            updated_at=e.occurred_at,
        )


def rule_candidate_generated(e: LoggedEvent) -> Changes:
    yield RULE_CANDIDATES.row(
        book=e.book,
        quarter=e["quarter"],
        sleeve=e["sleeve"],
        condition=e.json("condition"),
        outcome=e["outcome"],
        trades=e["trades"],
        confidence_e10=e["confidence_e10"],
        mean_result_cents=e["mean_result"],
        found_at=e.occurred_at,
    )


def parameter_adjustment_proposed(e: LoggedEvent) -> Changes:
    yield PARAMETER_PROPOSALS.set(
        "proposal",
        (e.book, e["proposal_id"]),
        quarter=e["quarter"],
        review=e["review"],
        scope=e["scope"],
        old_values=e.json("old"),
        new_values=e.json("new"),
        evidence=e.json("evidence"),
        confidence_e10=e["confidence_e10"],
        proposed_at=e.occurred_at,
    )


def parameter_proposal_decided(e: LoggedEvent) -> Changes:
    yield PARAMETER_PROPOSALS.set(
        "decision",
        (e.book, e["proposal_id"]),
        decision=e["decision"],
        decided_by=e["by"] or None,
        next_approvals=e["next_approvals"],
        decided_at=e.occurred_at,
    )


def _of_mode(e: LoggedEvent) -> tuple[str, str, str, str, str]:
    return e.book, e["week_id"], "MODE", "", ""


HANDLERS: dict[str, Handler] = {
    "WeekClassified": week_classified,
    "WeekReclassified": week_reclassified,
    "WeekModePredicted": week_mode_predicted,
    "WeekModeConfirmed": week_mode_confirmed,
    "WeekTypePredicted": week_type_predicted,
    "PredictionScored": prediction_scored,
    "FeedbackCycleCompleted": feedback_cycle_completed,
    "RuleCandidateGenerated": rule_candidate_generated,
    "ParameterAdjustmentProposed": parameter_adjustment_proposed,
    "ParameterProposalDecided": parameter_proposal_decided,
}
