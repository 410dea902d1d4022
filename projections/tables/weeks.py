"""Week records (protocol 11.3). The row of an account-week has an empty ticker."""

from projections.tables.shape import KeyedTable, flag, instant, json, text, whole

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
        ),
    },
)

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
