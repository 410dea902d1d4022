"""Accounts, their restrictions, wheel phases and daily valuation (protocol 3, 4.1)."""

from projections.tables.shape import FactTable, KeyedTable, day, flag, instant, text, whole

ACCOUNTS = KeyedTable(
    "account_facets",
    ("book", "account_id"),
    {
        "identity": (
            text("type"),
            text("role"),
            text("parent_account_id"),
            text("fork_group_id"),
            text("root_com_account_id"),
            text("owner_subject_id"),
            day("inception_day"),
        ),
        "state": (text("state"), text("state_reason"), instant("state_at")),
        "base": (whole("base_capital_cents"),),
        "sizing": (whole("sizing_base_cents"), text("sizing_cause")),
        "mode": (text("effective_mode"),),
        "buffer": (flag("buffer_breached"), whole("buffer_free_cash_cents")),
        "fork": (flag("fork_eligible"), whole("fork_surplus_cents"), text("fork_deferred"), instant("fork_at")),
    },
)

RESTRICTIONS = KeyedTable(
    "account_restrictions",
    ("book", "account_id", "reason"),
    {"state": (flag("active"), text("mode"), instant("state_at"))},
)

WHEELS = KeyedTable(
    "wheels",
    ("book", "account_id", "ticker"),
    {"phase": (text("phase"), text("phase_before"), instant("phase_at"))},
)

EQUITY = FactTable(
    "equity",
    (
        text("book", null=False),
        text("account_id", null=False),
        day("session_day", null=False),
        instant("marked_at"),
        whole("nav_cents"),
        whole("corpus_cents"),
        whole("unrealised_cents"),
        whole("cash_total_cents"),
        whole("free_cash_cents"),
        whole("collateral_cents"),
        whole("tax_reserve_cents"),
        whole("buffer_required_cents"),
    ),
    indexes=(("book", "account_id", "sequence"),),
)

CONTRIBUTIONS = FactTable(
    "contributions",
    (text("book", null=False), text("account_id"), text("kind"), whole("amount_cents"), instant("contributed_at")),
    indexes=(("book", "account_id"),),
)
