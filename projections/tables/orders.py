"""Orders (protocol 12.1). Terms, limit, broker id and state come from `orders`; executions also move state and
cumulative quantity, from `fills`: the facets keep them apart."""

from projections.tables.shape import KeyedTable, instant, json, text, whole

ORDERS = KeyedTable(
    "order_facets",
    ("book", "order_id"),
    {
        "terms": (
            text("account_id"),
            text("signal_id"),
            text("contract"),
            text("ticker"),
            text("side"),
            text("effect"),
            whole("quantity"),
            whole("first_limit_e4"),
            json("ladder_e4"),
            text("purpose"),
            text("origin"),
            whole("clip"),
            whole("rest"),
            text("new_contract"),
            text("approval_id"),
            text("reference"),
            whole("mid_e6"),
            instant("proposed_at"),
        ),
        "limit": (whole("limit_e4"), whole("version")),
        "checks": (json("checks"),),
        "broker": (text("broker_order_id"),),
        "state": (text("state"), text("code"), text("reason"), instant("state_at")),
        "filled": (whole("cum_quantity"),),
    },
    indexes=(("book", "account_id"),),
)
