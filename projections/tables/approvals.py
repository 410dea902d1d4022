"""Approvals and alerts (protocol 15)."""

from projections.tables.shape import FactTable, KeyedTable, instant, json, text, whole

APPROVALS = KeyedTable(
    "approval_facets",
    ("book", "approval_id"),
    {
        "request": (
            text("account_id"),
            text("kind"),
            text("subject"),
            json("proposal"),
            whole("required"),
            json("roles"),
            text("requester"),
            instant("requested_at"),
            instant("expires_at"),
            text("default_action"),
        ),
        "state": (text("state"), text("decided_by"), text("choice"), text("reason"), instant("state_at")),
    },
)

APPROVAL_VOTES = FactTable(
    "approval_votes",
    (
        text("book", null=False),
        text("approval_id", null=False),
        text("by"),
        text("vote"),
        text("choice"),
        instant("voted_at", null=False),
    ),
    indexes=(("book", "approval_id"),),
)

ALERTS = FactTable(
    "alert_lines",
    (
        text("book", null=False),
        text("account_id"),
        text("alert_id"),
        text("type", null=False),
        text("priority", null=False),
        text("ticker"),
        text("title"),
        text("message"),
        instant("raised_at", null=False),
    ),
    indexes=(("book", "raised_at"),),
)

ALERT_STATES = KeyedTable(
    "alert_states",
    ("book", "alert_id"),
    {
        "acknowledged": (text("acknowledged_by"), instant("acknowledged_at")),
        "escalated": (text("escalated_to"), text("escalation_reason"), instant("escalated_at")),
        "resolved": (text("resolved_by"), text("resolution"), instant("resolved_at")),
    },
)
"""What became of an alert, or of an approval request that was escalated."""
