"""Instructions of clients, and the strategies they belong to (protocol 13)."""

from projections.tables.shape import KeyedTable, day, instant, json, text, whole

INSTRUCTIONS = KeyedTable(
    "instructions",
    ("book", "instruction_id"),
    {
        "terms": (
            text("account_id"),
            text("starlab_strategy_id"),
            text("scheme_type"),
            text("trade_action"),
            text("contract"),
            text("ticker"),
            whole("quantity"),
            text("order_type"),
            whole("limit_e4"),
            text("time_in_force"),
            instant("received_at"),
        ),
        "client": (text("client"), text("client_order_id")),
        "state": (
            text("state"),
            text("code"),
            whole("http_status"),
            json("details"),
            text("reason"),
            instant("state_at"),
        ),
    },
)

STRATEGIES = KeyedTable(
    "strategies",
    ("book", "starlab_strategy_id"),
    {
        "notice": (text("title"), day("valid_until_day"), instant("noticed_at")),
        "use": (text("account_id"), text("client"), text("scheme_type"), instant("instructed_at")),
    },
)
