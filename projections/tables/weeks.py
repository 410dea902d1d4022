"""Week records (protocol 11.3). The row of an account-week has an empty ticker."""

from projections.tables.shape import FactTable, KeyedTable, flag, instant, json, text, whole

WEEKS = KeyedTable(
    "weeks",
    ("book", "account_id", "week_id", "ticker"),
    {
        "types": (
            text("primary_type"),
            text("put_type"),
            text("call_type"),
            text("old_type"),
            text("reclassified_reason"),
            instant("classified_at"),
        ),
        "figures": (
            whole("weight_cents"),
            json("distribution_cents"),
            whole("pnl_cents"),
            whole("premium_collected_cents"),
            whole("trades"),
            whole("return_pre_e10"),
            whole("return_post_e10"),
            text("mode_guess"),
            text("mode_confirmed"),
            text("trend_tag"),
            text("type_predicted"),
            json("probabilities_e10"),
            text("predictor_version"),
            json("sub_tags"),
            whole("pnl_post_cents"),
            whole("wins"),
            whole("losses"),
            whole("max_level"),
            whole("atr_adjustments"),
            whole("vix_avg_e4"),
            whole("realised_vol_e10"),
            text("delta_bucket"),
            whole("benchmark_delta_e10"),
        ),
    },
)

WEEK_MATRIX = KeyedTable(
    "week_matrix",
    ("book", "account_id", "primary_type", "slice", "value"),
    {
        "cell": (
            whole("count"),
            whole("mean_e10"),
            whole("deviation_e10"),
            whole("win_rate_e10"),
            whole("mean_premium_e10"),
            text("period"),
            instant("updated_at"),
        ),
    },
)
"""How the weeks of a type have turned out (protocol 11.4): the row of a type, and its slices by mode, ticker, delta."""

RULE_CANDIDATES = FactTable(
    "rule_candidates",
    (
        text("book", null=False),
        text("quarter", null=False),
        text("sleeve", null=False),
        json("condition"),
        text("outcome", null=False),
        whole("trades", null=False),
        whole("confidence_e10", null=False),
        whole("mean_result_cents", null=False),
        instant("found_at", null=False),
    ),
    indexes=(("book", "quarter"),),
)

PARAMETER_PROPOSALS = KeyedTable(
    "parameter_proposals",
    ("book", "proposal_id"),
    {
        "proposal": (
            text("quarter"),
            text("review"),
            text("scope"),
            json("old_values"),
            json("new_values"),
            json("evidence"),
            whole("confidence_e10"),
            instant("proposed_at"),
        ),
        "decision": (text("decision"), text("decided_by"), whole("next_approvals"), instant("decided_at")),
    },
)
"""What the quarterly review proposed, and what people made of it (protocol 11.4)."""

PREDICTIONS = KeyedTable(
    "predictions",
    ("book", "week_id", "kind", "account_id", "ticker"),
    {
        "guess": (
            text("predicted"),
            json("inputs"),
            json("probabilities_e10"),
            whole("confidence_e10"),
            text("basis"),
            text("predictor_version"),
            flag("shown"),
            instant("predicted_at"),
        ),
        "outcome": (
            text("actual"),
            text("tag"),
            whole("return_e10"),
            whole("rho_e10"),
            text("mag6_mode"),
            whole("mag6_return_e10"),
            instant("confirmed_at"),
        ),
        "score": (flag("hit"), whole("brier_e10"), whole("weeks"), whole("hit_rate_e10"), instant("scored_at")),
    },
)
"""What was predicted for a week, what came, and the score. Kind MODE: the whole market, account and ticker empty;
TYPE: a ticker of an account."""
