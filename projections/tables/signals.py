"""What the book decided to do, and why it did not (protocol 6.2 to 6.6, 7)."""

from projections.tables.shape import FactTable, day, instant, json, text, whole

SIGNALS = FactTable(
    "signals",
    (
        text("book", null=False),
        text("account_id"),
        text("kind", null=False),
        text("signal_id"),
        text("ticker"),
        text("contract"),
        text("side"),
        whole("quantity"),
        whole("limit_e4"),
        whole("floor_e4"),
        json("ladder_e4"),
        whole("delta_e2"),
        text("approval_id"),
        text("reason"),
        instant("decided_at", null=False),
    ),
    indexes=(("book", "account_id"),),
)

SKIPS = FactTable(
    "skips",
    (
        text("book", null=False),
        text("account_id"),
        text("kind", null=False),
        text("ticker"),
        text("contract"),
        text("right"),
        text("reason", null=False),
        text("detail"),
        day("session_day"),
        instant("skipped_at", null=False),
    ),
    lines=True,
    indexes=(("book", "account_id"),),
)

SCANS = FactTable(
    "scans",
    (
        text("book", null=False),
        text("account_id"),
        day("session_day"),
        json("candidates"),
        json("rejections"),
        instant("scanned_at", null=False),
    ),
    indexes=(("book", "account_id"),),
)
