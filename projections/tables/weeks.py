"""Week records (protocol 11.3). The row of an account-week has an empty ticker."""

from projections.tables.shape import KeyedTable, instant, json, text, whole

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
