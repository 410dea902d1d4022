"""Fills of all kinds, and the steps of positions with the results they realise."""

import json

from projections.mapping.event import Changes, Handler, LoggedEvent, ticker_of
from projections.mapping.ledger import lots_adjusted, result
from projections.mapping.orders import order_filled_to, order_state
from projections.mapping.risk import hedges_adjusted
from projections.tables.fills import FILLS, POSITION_STEPS
from projections.tables.shape import Change, Value


def execution(e: LoggedEvent) -> Changes:
    """OrderPartiallyFilled, OrderFilled."""
    yield _fill(
        e,
        "EXECUTION",
        order_id=e["order_id"],
        exec_id=e["exec_id"],
        side=e["side"],
        effect=e["effect"],
        quantity=e["quantity"],
        price_e4=e["price_e4"],
        commission_cents=e["commission"],
        underlying_e4=e["underlying_e4"],
    )
    yield order_state(e, e["state"])
    yield order_filled_to(e)


def option_expired_worthless(e: LoggedEvent) -> Changes:
    yield _fill(e, "EXPIRED", quantity=e["quantity"], amount_cents=e["premium"], underlying_e4=e["close_e4"])


def option_assigned(e: LoggedEvent) -> Changes:
    yield _notice(e, "ASSIGNED", e["basis"])


def shares_called_away(e: LoggedEvent) -> Changes:
    yield _notice(e, "CALLED_AWAY", e["proceeds"])


def position_opened(e: LoggedEvent) -> Changes:
    yield _step(
        e,
        "OPENED",
        quantity=e["quantity"],
        price_e4=e["price_e4"],
        p0_e4=e["p0_e4"],
        atr_e6=e["atr_e6"],
        commission_cents=e["commission"],
        chain_id=e["chain_id"] or None,
        roll_chain_id=e["roll_chain_id"] or None,
        rolls=e["rolls"],
        delta_e2=e["delta_e2"],
    )


def position_increased(e: LoggedEvent) -> Changes:
    """`quantity` is what was added."""
    yield _step(e, "INCREASED", quantity=e["quantity"], price_e4=e["price_e4"], commission_cents=e["commission"])


def position_reduced(e: LoggedEvent) -> Changes:
    """`quantity` is what is left."""
    yield _step(e, "REDUCED", quantity=e["quantity"], price_e4=e["price_e4"], pnl_cents=e["pnl"])
    yield result(e, "TRADE", e["pnl"], contract=e["contract"], cause="REDUCED")


def position_closed(e: LoggedEvent) -> Changes:
    yield _step(e, "CLOSED", quantity=0, price_e4=e["price_e4"], pnl_cents=e["pnl"], cause=e["cause"])
    yield result(e, "TRADE", e["pnl"], contract=e["contract"], cause=e["cause"])


def position_adjusted(e: LoggedEvent) -> Changes:
    """A split renames and multiplies a contract; the event says what the position, its lots and hedges are now.

    What is bought has a position a contract, so a long option goes on under another position.
    """
    yield from lots_adjusted(e)
    yield from hedges_adjusted(e)
    contract = e["contract"]
    shares = ticker_of(contract) == contract
    if not shares and not e["position_id"]:
        yield _step(e, "CLOSED", position_id=f"position-{e.account}-{contract}", quantity=0, cause="ADJUSTED")
        opened = {"contract": e["new_contract"], "quantity": e["quantity"], "price_e4": e["price_e4"]}
        yield _step(e, "OPENED", 1, position_id="", **opened)
        return
    scale = shares or contract != e["new_contract"]
    change = {"from": contract, "ratio_new": e["ratio_new"], "ratio_old": e["ratio_old"], "scale": scale}
    yield _step(
        e,
        "ADJUSTED",
        contract=e["new_contract"],
        position_id=e["position_id"] or "",
        quantity=e["quantity"],
        price_e4=e["price_e4"],
        p0_e4=e["p0_e4"],
        atr_e6=e["atr_e6"],
        adjustment=json.dumps(change),
    )


def _fill(e: LoggedEvent, kind: str, **values: Value) -> Change:
    empty: dict[str, Value] = dict.fromkeys(_OPTIONAL_OF_FILL)
    return FILLS.row(
        book=e.book,
        account_id=e.account_id,
        kind=kind,
        contract=e["contract"],
        ticker=ticker_of(e["contract"]),
        filled_at=e.occurred_at,
        **(empty | values),
    )


_OPTIONAL_OF_FILL = (
    "order_id",
    "exec_id",
    "side",
    "effect",
    "quantity",
    "price_e4",
    "strike_e3",
    "shares",
    "commission_cents",
    "amount_cents",
    "underlying_e4",
    "early",
    "notice_id",
    "outcome_day",
)


def _notice(e: LoggedEvent, kind: str, amount_cents: int) -> Change:
    return _fill(
        e,
        kind,
        quantity=e["quantity"],
        strike_e3=e["strike_e3"],
        price_e4=e["strike_e3"] * 10,
        shares=e["shares"],
        amount_cents=amount_cents,
        underlying_e4=e["close_e4"],
        early=e["early"],
        notice_id=e["notice_id"],
        outcome_day=e["outcome_session"],
    )


def position_step(
    e: LoggedEvent,
    step: str,
    line: int = 0,
    /,
    *,
    account_id: str,
    contract: str,
    position_id: str,
    stepped_at: int,
    **values: Value,
) -> Change:
    """A step of a position. The shares of a ticker in an account, and the long options of a contract, are one position
    each, whatever lots they came by; only what is sold short has a position a sale."""
    empty: dict[str, Value] = dict.fromkeys(_OPTIONAL_OF_STEP)
    ticker = ticker_of(contract)
    bought = step == "OPENED" and int(values["quantity"] or 0) > 0
    return POSITION_STEPS.row(
        line,
        book=e.book,
        account_id=account_id,
        position_id=f"position-{account_id}-{contract}" if ticker == contract or bought else position_id,
        step=step,
        contract=contract,
        ticker=ticker,
        stepped_at=stepped_at,
        **(empty | values),
    )


def _step(
    e: LoggedEvent,
    step: str,
    line: int = 0,
    /,
    *,
    contract: str | None = None,
    position_id: str | None = None,
    **values: Value,
) -> Change:
    return position_step(
        e,
        step,
        line,
        account_id=e.account,
        contract=contract or e["contract"],
        position_id=e["position_id"] if position_id is None else position_id,
        stepped_at=e.occurred_at,
        **values,
    )


_OPTIONAL_OF_STEP = (
    "quantity",
    "price_e4",
    "p0_e4",
    "atr_e6",
    "commission_cents",
    "pnl_cents",
    "chain_id",
    "roll_chain_id",
    "rolls",
    "delta_e2",
    "cause",
    "adjustment",
)

HANDLERS: dict[str, Handler] = {
    "OrderPartiallyFilled": execution,
    "OrderFilled": execution,
    "OptionExpiredWorthless": option_expired_worthless,
    "OptionAssigned": option_assigned,
    "SharesCalledAway": shares_called_away,
    "PositionOpened": position_opened,
    "PositionIncreased": position_increased,
    "PositionReduced": position_reduced,
    "PositionClosed": position_closed,
    "PositionAdjusted": position_adjusted,
}
