"""Books (ALL-USE systems), their configuration and what stopped or parked them (protocol 3.1, 9, 18)."""

from projections.tables.shape import FactTable, KeyedTable, flag, instant, json, text, whole

BOOKS = KeyedTable(
    "books",
    ("book",),
    {
        "origin": (
            text("how"),
            text("owner_subject_id"),
            whole("capital_cents"),
            json("allocation"),
            text("parent_account_id"),
            instant("created_at"),
        ),
        "broker": (text("broker_account"), text("permissions"), whole("deposit_cents"), instant("linked_at")),
        "session": (flag("broker_connected"), text("session_reason"), instant("session_at")),
        "config": (whole("config_version"), instant("configured_at")),
        "predictor": (
            flag("predictor_qualified"),
            whole("predictor_weeks"),
            whole("predictor_hit_rate_e10"),
            instant("predictor_at"),
        ),
        "parked": (
            flag("parked"),
            text("parked_code"),
            text("parked_message"),
            text("parked_topic"),
            whole("parked_source_seq"),
            instant("parked_at"),
        ),
        "reconciled": (
            text("reconciled_occasion"),
            whole("broker_cash_cents"),
            whole("book_cash_cents"),
            instant("reconciled_at"),
        ),
    },
)

CONFIGURATIONS = FactTable(
    "configurations",
    (
        text("book", null=False),
        whole("version", null=False),
        text("scope"),
        json("old"),
        json("new"),
        json("approvals"),
        instant("changed_at"),
    ),
    indexes=(("book", "version"),),
)

KILL_SWITCHES = KeyedTable(
    "kill_switches",
    ("book", "scope"),
    {"switch": (flag("engaged"), text("reason"), text("by"), instant("switched_at"))},
)

RECONCILIATION_BREAKS = KeyedTable(
    "reconciliation_breaks",
    ("book", "instrument"),
    {"state": (flag("open"), whole("ours"), whole("broker"), text("occasion"), text("how"), instant("state_at"))},
)
