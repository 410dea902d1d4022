"""Executions, expiries, assignments, called-away shares, and the steps of positions (protocol 4.3, 7.4)."""

from projections.tables.shape import FactTable, day, flag, instant, json, text, whole

FILLS = FactTable(
    "fills",
    (
        text("book", null=False),
        text("account_id"),
        text("kind", null=False),
        text("order_id"),
        text("exec_id"),
        text("contract"),
        text("ticker"),
        text("side"),
        text("effect"),
        whole("quantity"),
        whole("price_e4"),
        whole("strike_e3"),
        whole("shares"),
        whole("commission_cents"),
        whole("amount_cents"),
        whole("underlying_e4"),
        flag("early"),
        text("notice_id"),
        day("outcome_day"),
        instant("filled_at", null=False),
    ),
    indexes=(("book", "account_id"), ("order_id",)),
)

POSITION_STEPS = FactTable(
    "position_steps",
    (
        text("book", null=False),
        text("account_id"),
        text("position_id", null=False),
        text("step", null=False),
        text("contract"),
        text("ticker"),
        whole("quantity"),
        whole("price_e4"),
        whole("p0_e4"),
        whole("atr_e6"),
        whole("commission_cents"),
        whole("pnl_cents"),
        text("chain_id"),
        text("roll_chain_id"),
        whole("rolls"),
        whole("delta_e2"),
        text("cause"),
        json("adjustment"),
        instant("stepped_at", null=False),
    ),
    lines=True,
    indexes=(("book", "position_id"),),
)
