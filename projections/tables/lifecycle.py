"""Forks, merges, transfers, withdrawals, reinvestment (protocol 10)."""

from projections.tables.shape import KeyedTable, flag, instant, json, text, whole

FORKS = KeyedTable(
    "forks",
    ("book", "fork_id"),
    {
        "begun": (
            text("account_id"),
            text("template"),
            whole("fork_seq"),
            whole("amount_cents"),
            json("children"),
            instant("begun_at"),
        ),
        "linked": (text("parent_account_id"), text("child_system"), text("broker_account"), instant("linked_at")),
        "state": (text("state"), text("reason"), instant("state_at")),
        "merging": (whole("group_corpus_cents"), whole("confirmations"), instant("valued_at")),
    },
)

MERGES = KeyedTable(
    "merges",
    ("book", "merge_id"),
    {
        "begun": (text("fork_group_id"), json("members"), text("target_account_id"), instant("begun_at")),
        "sold": (whole("proceeds_cents"), whole("costs_cents"), whole("tax_cents"), instant("sold_at")),
        "moved": (whole("amount_cents"), whole("reserve_cents"), whole("in_kind_cents"), instant("moved_at")),
        "state": (text("state"), text("account_state"), whole("sessions"), instant("state_at")),
    },
)

TRANSFERS = KeyedTable(
    "transfers",
    ("book", "transfer_id"),
    {
        "terms": (
            text("account_id"),
            text("kind"),
            text("from_account"),
            text("to_account"),
            whole("amount_cents"),
        ),
        "state": (
            text("state"),
            whole("reserve_cents"),
            whole("in_kind_cents"),
            text("reason"),
            instant("state_at"),
        ),
    },
)

WITHDRAWALS = KeyedTable(
    "withdrawals",
    ("book", "withdrawal_id"),
    {
        "request": (text("account_id"), whole("amount_cents"), text("quarter"), instant("requested_at")),
        "approved": (json("approvals"), instant("approved_at")),
        "state": (text("state"), text("code"), text("reason"), instant("state_at")),
    },
)

REINVESTMENTS = KeyedTable(
    "reinvestments",
    ("book", "account_id", "quarter"),
    {
        "figures": (
            whole("net_result_cents"),
            whole("tax_cents"),
            whole("amount_cents"),
            whole("primary_cents"),
            whole("leaps_cents"),
            whole("merged_cents"),
            whole("carry_in_cents"),
            whole("available_cents"),
            instant("calculated_at"),
        ),
        "plan": (json("purchases"), whole("left_primary_cents"), whole("left_leaps_cents"), instant("planned_at")),
        "result": (whole("spent_cents"), whole("carry_out_cents")),
        "state": (text("state"), text("reason"), whole("sessions"), flag("ended"), instant("state_at")),
    },
)
