"""Double-entry lines and their balances, tax lots, results (protocol 4.2 to 4.4)."""

from sqlalchemy import BigInteger, Column, Table, Text

from projections.tables.shape import (
    METADATA,
    FactTable,
    KeyedTable,
    Rollup,
    day,
    flag,
    instant,
    provenance,
    text,
    whole,
)

BALANCES = Table(
    "ledger_balances",
    METADATA,
    Column("book", Text, primary_key=True),
    Column("account_id", Text, primary_key=True),
    Column("ledger_account", Text, primary_key=True),
    Column("amount_cents", BigInteger, nullable=False),
    *provenance(),
    postgresql_with={"fillfactor": 75},
)

LEDGER = FactTable(
    "ledger_entries",
    (
        text("book", null=False),
        text("account_id", null=False),
        text("ledger_account", null=False),
        whole("amount_cents", null=False),
        text("cause", null=False),
        text("reference"),
        day("settles_day"),
        instant("posted_at", null=False),
    ),
    lines=True,
    indexes=(("book", "account_id"),),
    rollup=Rollup(BALANCES, ("book", "account_id", "ledger_account"), "amount_cents"),
)

LOTS = KeyedTable(
    "lot_facets",
    ("book", "lot_id"),
    {
        "opened": (
            text("account_id"),
            text("contract"),
            text("ticker"),
            whole("quantity"),
            day("acquired_day"),
            whole("basis_cents"),
            whole("price_e4"),
            whole("chain_net_cents"),
            instant("opened_at"),
        ),
    },
    indexes=(("book", "account_id"),),
)

RESULTS = FactTable(
    "results",
    (
        text("book", null=False),
        text("account_id"),
        text("kind", null=False),
        text("contract"),
        text("ticker"),
        whole("amount_cents", null=False),
        whole("year"),
        text("tax_class"),
        text("lot_id"),
        whole("holding_days"),
        flag("qualified"),
        text("cause"),
        instant("realised_at", null=False),
    ),
    indexes=(("book", "account_id"),),
)

TAX_YEARS = KeyedTable(
    "tax_years",
    ("book", "account_id", "year"),
    {
        "reserve": (
            whole("estimated_tax_cents"),
            whole("last_move_cents"),
            whole("reserve_cents"),
            instant("reserved_at"),
        )
    },
)
