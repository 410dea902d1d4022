"""Protocol levels and what they lead to: scripts, rolls, hedges, exits, breakers, feeds (protocol 7.3, 8, 9)."""

from projections.tables.shape import FactTable, KeyedTable, flag, instant, json, text, whole

LEVEL_CHANGES = FactTable(
    "level_changes",
    (
        text("book", null=False),
        text("account_id", null=False),
        text("position_id", null=False),
        text("contract", null=False),
        text("ticker"),
        whole("from_level"),
        whole("to_level", null=False),
        whole("m_e10"),
        whole("price_e4"),
        whole("reference_e4"),
        whole("atr_e6"),
        instant("changed_at", null=False),
    ),
    lines=True,
    indexes=(("book", "account_id", "contract"),),
)

SCRIPTS = KeyedTable(
    "script_facets",
    ("book", "script_id"),
    {
        "terms": (
            text("account_id"),
            text("position_id"),
            text("contract"),
            text("ticker"),
            whole("level"),
            json("steps"),
            json("economics"),
            instant("expires_at"),
            instant("generated_at"),
        ),
        "lapse": (text("lapse_reason"), instant("lapsed_at")),
    },
    indexes=(("book", "account_id"),),
)

SCRIPT_STEPS = FactTable(
    "script_steps",
    (
        text("book", null=False),
        text("account_id"),
        text("script_id", null=False),
        whole("seq"),
        text("action"),
        text("result"),
        instant("executed_at", null=False),
    ),
    indexes=(("book", "script_id"),),
)

ROLLS = FactTable(
    "rolls",
    (
        text("book", null=False),
        text("account_id"),
        text("step", null=False),
        text("contract"),
        text("ticker"),
        text("new_contract"),
        whole("quantity"),
        whole("net_e4"),
        whole("cap_e4"),
        text("roll_chain_id"),
        whole("chain_credit_e4"),
        whole("underlying_e4"),
        whole("days_left"),
        whole("delta_e2"),
        instant("stepped_at", null=False),
    ),
    indexes=(("book", "account_id"),),
)

EXITS = FactTable(
    "exits",
    (
        text("book", null=False),
        text("account_id"),
        text("step", null=False),
        text("position_id"),
        text("contract"),
        text("ticker"),
        whole("quantity"),
        whole("price_e4"),
        whole("cap_e4"),
        json("limits_e4"),
        whole("pnl_cents"),
        text("reason"),
        instant("stepped_at", null=False),
    ),
    indexes=(("book", "account_id"),),
)

HEDGES = KeyedTable(
    "hedges",
    ("book", "account_id", "contract"),
    {
        "bought": (
            text("ticker"),
            whole("quantity"),
            whole("cost_cents"),
            whole("budget_left_cents"),
            instant("bought_at"),
        ),
        "state": (text("hedged"), flag("open"), text("reason"), instant("state_at")),
    },
)

BREAKERS = KeyedTable(
    "breakers",
    ("book", "breaker", "scope"),
    {
        "tripped": (text("measured"), text("threshold"), instant("tripped_at")),
        "state": (flag("open"), text("by"), instant("state_at")),
    },
)

FEEDS = KeyedTable(
    "feeds",
    ("book", "symbol"),
    {
        "prices": (flag("stale"), whole("age_s"), instant("prices_at")),
        "atr": (text("atr_method"), whole("atr_e6"), instant("atr_at")),
    },
)
