"""Protocol levels, action scripts, rolls, exits, hedges, circuit breakers, feeds."""

from projections.mapping.event import Changes, Fields, Handler, LoggedEvent, ticker_of
from projections.tables.risk import BREAKERS, EXITS, FEEDS, HEDGES, LEVEL_CHANGES, ROLLS, SCRIPT_STEPS, SCRIPTS
from projections.tables.shape import Change, Value


def level_changed(e: LoggedEvent) -> Changes:
    yield LEVEL_CHANGES.row(
        book=e.book,
        account_id=e.account,
        position_id=e["position_id"],
        contract=e["contract"],
        ticker=ticker_of(e["contract"]),
        from_level=e["from_level"],
        to_level=e["to_level"],
        m_e10=e["m"],
        price_e4=e["price_e4"],
        reference_e4=e["reference_e4"],
        atr_e6=e["atr_e6"],
        changed_at=e.occurred_at,
    )


# --- scripts ----------------------------------------------------------------------------------------------------


def script_generated(e: LoggedEvent) -> Changes:
    yield SCRIPTS.set(
        "terms",
        (e.book, e["script_id"]),
        account_id=e.account_id,
        position_id=e["position_id"],
        contract=e["contract"],
        ticker=ticker_of(e["contract"]),
        level=e["level"],
        steps=e.json("steps"),
        economics=e.json("economics"),
        expires_at=e["expires_at_us"] or None,
        generated_at=e.occurred_at,
    )


def script_step_executed(e: LoggedEvent) -> Changes:
    yield SCRIPT_STEPS.row(
        book=e.book,
        account_id=e.account_id,
        script_id=e["script_id"],
        seq=e["seq"],
        action=e["action"],
        result=e["result"],
        executed_at=e.occurred_at,
    )


def script_lapsed(e: LoggedEvent) -> Changes:
    yield SCRIPTS.set("lapse", (e.book, e["script_id"]), lapse_reason=e["reason"], lapsed_at=e.occurred_at)


# --- rolls, exits, hedges ---------------------------------------------------------------------------------------


def roll_proposed(e: LoggedEvent) -> Changes:
    yield _roll(
        e,
        "PROPOSED",
        new_contract=e["new_contract"],
        quantity=e["quantity"],
        net_e4=e["net_e4"],
        cap_e4=e["cap_e4"],
        roll_chain_id=e["roll_chain_id"],
    )


def roll_executed(e: LoggedEvent) -> Changes:
    yield _roll(
        e,
        "EXECUTED",
        new_contract=e["new_contract"],
        quantity=e["quantity"],
        net_e4=e["net_e4"],
        roll_chain_id=e["roll_chain_id"],
        chain_credit_e4=e["chain_credit_e4"],
        underlying_e4=e["underlying_e4"],
    )


def leaps_roll_proposed(e: LoggedEvent) -> Changes:
    yield _roll(e, "LEAPS_PROPOSED", days_left=e["days_left"], delta_e2=e["delta_e2"])


def _roll(e: LoggedEvent, step: str, **values: Value) -> Change:
    empty: dict[str, Value] = dict.fromkeys(_OPTIONAL_OF_ROLL)
    return ROLLS.row(
        book=e.book,
        account_id=e.account_id,
        step=step,
        contract=e["contract"],
        ticker=ticker_of(e["contract"]),
        stepped_at=e.occurred_at,
        **(empty | values),
    )


_OPTIONAL_OF_ROLL = (
    "new_contract",
    "quantity",
    "net_e4",
    "cap_e4",
    "roll_chain_id",
    "chain_credit_e4",
    "underlying_e4",
    "days_left",
    "delta_e2",
)


def stop_loss_triggered(e: LoggedEvent) -> Changes:
    yield _exit(
        e,
        "TRIGGERED",
        e["quantity"],
        price_e4=e["first_ask_e4"],
        cap_e4=e["cap_e4"],
        limits_e4=e.json("limits_e4"),
    )


def stop_loss_executed(e: LoggedEvent) -> Changes:
    yield _exit(e, "EXECUTED", e["quantity"], price_e4=e["price_e4"], pnl_cents=e["pnl"])


def stop_loss_failed(e: LoggedEvent) -> Changes:
    """`quantity` is what is still short."""
    yield _exit(e, "FAILED", e["left"], reason=e["reason"])


def _exit(e: LoggedEvent, step: str, quantity: int, **values: Value) -> Change:
    empty: dict[str, Value] = dict.fromkeys(("price_e4", "cap_e4", "limits_e4", "pnl_cents", "reason"))
    return EXITS.row(
        book=e.book,
        account_id=e.account_id,
        step=step,
        position_id=e["position_id"],
        contract=e["contract"],
        ticker=ticker_of(e["contract"]),
        quantity=quantity,
        stepped_at=e.occurred_at,
        **(empty | values),
    )


def hedge_opened(e: LoggedEvent) -> Changes:
    key = (e.book, e.account, e["contract"])
    yield HEDGES.set(
        "bought",
        key,
        ticker=ticker_of(e["contract"]),
        quantity=e["quantity"],
        cost_cents=e["cost"],
        budget_left_cents=e["budget_left"],
        bought_at=e.occurred_at,
    )
    yield HEDGES.set("state", key, hedged=e["hedged"], open=True, reason=None, state_at=e.occurred_at)


def hedge_released(e: LoggedEvent) -> Changes:
    key = (e.book, e.account, e["contract"])
    yield HEDGES.set("state", key, hedged=e["hedged"], open=False, reason=e["reason"], state_at=e.occurred_at)


def hedges_adjusted(e: LoggedEvent) -> Changes:
    """A split renames the long puts, or the short put that they protect. What they were bought for stands in the row
    of the old contract."""
    hedges: list[Fields] = e["hedges"] or []
    for hedge in hedges:
        key = (e.book, e.account, hedge["contract"])
        if hedge["contract"] == e["new_contract"]:
            old = (e.book, e.account, e["contract"])
            yield HEDGES.set(
                "state", old, hedged=hedge["hedged"], open=False, reason="ADJUSTED", state_at=e.occurred_at
            )
            yield HEDGES.set(
                "bought",
                key,
                ticker=ticker_of(hedge["contract"]),
                quantity=hedge["quantity"],
                cost_cents=hedge["cost"],
                budget_left_cents=None,
                bought_at=None,
            )
        yield HEDGES.set("state", key, hedged=hedge["hedged"], open=True, reason=None, state_at=e.occurred_at)


# --- breakers and feeds -----------------------------------------------------------------------------------------


def breaker_tripped(e: LoggedEvent) -> Changes:
    key = (e.book, e["breaker"], e["scope"])
    yield BREAKERS.set("tripped", key, measured=e["value"], threshold=e["limit"], tripped_at=e.occurred_at)
    yield BREAKERS.set("state", key, open=True, by=None, state_at=e.occurred_at)


def breaker_reset(e: LoggedEvent) -> Changes:
    key = (e.book, e["breaker"], e["scope"])
    yield BREAKERS.set("state", key, open=False, by=e["by"], state_at=e.occurred_at)


def feed(stale: bool) -> Handler:
    """Handler of DataFeedStale and DataFeedRestored."""

    def handler(e: LoggedEvent) -> Changes:
        yield FEEDS.set("prices", (e.book, e["feed"]), stale=stale, age_s=e["age_s"], prices_at=e.occurred_at)

    return handler


def atr_fallback_used(e: LoggedEvent) -> Changes:
    yield FEEDS.set("atr", (e.book, e["symbol"]), atr_method=e["method"], atr_e6=e["value_e6"], atr_at=e.occurred_at)


HANDLERS: dict[str, Handler] = {
    "ProtocolLevelChanged": level_changed,
    "ActionScriptGenerated": script_generated,
    "ActionScriptStepExecuted": script_step_executed,
    "ActionScriptLapsed": script_lapsed,
    "RollProposed": roll_proposed,
    "RollExecuted": roll_executed,
    "LeapsRollProposed": leaps_roll_proposed,
    "StopLossTriggered": stop_loss_triggered,
    "StopLossExecuted": stop_loss_executed,
    "StopLossFailed": stop_loss_failed,
    "HedgeOpened": hedge_opened,
    "HedgeReleased": hedge_released,
    "CircuitBreakerTripped": breaker_tripped,
    "CircuitBreakerReset": breaker_reset,
    "DataFeedStale": feed(stale=True),
    "DataFeedRestored": feed(stale=False),
    "AtrFallbackUsed": atr_fallback_used,
}
