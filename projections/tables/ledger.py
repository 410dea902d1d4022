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
        "moved": (text("moved_to"), instant("moved_at")),
    },
    indexes=(("book", "account_id"),),
)

LOT_ADJUSTMENTS = FactTable(
    "lot_adjustments",
    (
        text("book", null=False),
        text("lot_id", null=False),
        text("account_id", null=False),
        text("contract", null=False),
        text("from_contract", null=False),
        whole("quantity", null=False),
        whole("price_e4", null=False),
        whole("ratio_new", null=False),
        whole("ratio_old", null=False),
        instant("adjusted_at", null=False),
    ),
    lines=True,
    indexes=(("book", "lot_id"),),
)
"""What a split leaves of each lot; `quantity` is what is left of it, in the new shares or contracts."""

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
        whole("quantity"),
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
        ),
        "closed": (flag("closed"), whole("final_tax_cents"), whole("payments_cents"), instant("closed_at")),
    },
)

WASH_SALES = FactTable(
    "wash_sales",
    (
        text("book", null=False),
        text("account_id"),
        text("step", null=False),
        text("ticker"),
        text("loss_id", null=False),
        whole("loss_cents"),
        whole("amount_cents", null=False),
        whole("quantity"),
        whole("year"),
        text("tax_class"),
        text("replacement_account_id"),
        text("lot_id"),
        text("put_id"),
        whole("new_basis_cents"),
        whole("held_days"),
        instant("adjusted_at", null=False),
    ),
    indexes=(("book", "account_id"),),
)
"""Losses disallowed (ADJUSTED), and what waited for a deep put and is settled (RELEASED). `lot_id`: the lot whose basis
rises; none while the loss waits on `put_id`, and none when it counts again as a loss."""
