"""Protocol levels, action scripts, hedges, stop-loss exits and circuit breakers (protocol 7.3, 8, 9)."""

from typing import Annotated

from domain.record import Cents, Contract, PriceE4, RatioE10, record


@record
class ProtocolLevelChanged:
    """A position crossed a threshold of its ATR measure M, up or down (protocol 8.1, 8.2)."""

    position_id: Annotated[str, "of a short put; of shares with their calls: account|ticker"]
    contract: Annotated[str, "the short put, or the ticker of the shares"]
    from_level: Annotated[int, "0 to 3"]
    to_level: Annotated[int, "0 to 3"]
    m: Annotated[RatioE10, "M = adverse move / ATR, 1e-10, shown; the test itself is exact"]
    price_e4: Annotated[PriceE4, "the underlying"]
    reference_e4: Annotated[PriceE4, "P0 of a put, acquisition price of shares, the last weekly close of COM's"]
    atr_e6: Annotated[int, "ATR in force in 1e-6 dollars"]


@record
class ScriptStep:
    """One step of an action script."""

    seq: Annotated[int, "from 1"]
    action: Annotated[str, "MONITOR, PREPARE_ROLL, ROLL, HEDGE, CLOSE, FREEZE, CANCEL_ORDERS or NOTIFY"]
    params: Annotated[dict[str, str], "what it is done with"]
    requires_approval: Annotated[bool, "a person must say yes first"]


@record
class ActionScriptGenerated:
    """What is to be done about a position, as data (protocol 8.3)."""

    script_id: Annotated[str, "the script's id"]
    position_id: Annotated[str, "the position's id"]
    contract: Annotated[str, "the short put, or the ticker of the shares"]
    level: Annotated[int, "the level it is for; 0 = the recovery script stored at entry"]
    expires_at_us: Annotated[int, "microseconds UTC, 0 = never"]
    steps: Annotated[list[ScriptStep], "in their order"]
    economics: Annotated[dict[str, str], "the figures it rests on"]


@record
class ActionScriptStepExecuted:
    """A step was carried out; a second time it has no effect."""

    script_id: str
    seq: int
    action: str
    result: Annotated[str, "what came of it"]


@record
class ActionScriptLapsed:
    """A script ended without being carried out."""

    script_id: str
    reason: str


@record
class RollProposed:
    """The best candidate of the roll rule (protocol 7.3)."""

    contract: Contract
    new_contract: Annotated[str, "the option that would replace it"]
    quantity: int
    net_e4: Annotated[PriceE4, "new bid - old ask per share; negative = a debit"]
    cap_e4: Annotated[PriceE4, "least net that is taken: -50 % of the original credit"]
    roll_chain_id: Annotated[str, "the short option and its successive rolls"]


@record
class RollExecuted:
    """A short option was replaced by another (protocol 7.3)."""

    contract: Contract
    new_contract: Annotated[str, "the option that replaces it"]
    quantity: int
    net_e4: Annotated[PriceE4, "net per share of this roll"]
    roll_chain_id: Annotated[str, "the short option and its successive rolls"]
    chain_credit_e4: Annotated[PriceE4, "net credit of the whole roll chain per share"]
    underlying_e4: Annotated[PriceE4, "underlying at the roll"]


@record
class HedgeOpened:
    """Long puts protect a short put (protocol 8.3)."""

    contract: Contract
    hedged: Annotated[Contract, "the short put that is protected"]
    quantity: int
    cost: Cents
    budget_left: Annotated[Cents, "of the quarter"]


@record
class HedgeReleased:
    """A hedge was sold or has ended (protocol 8.3)."""

    contract: Contract
    hedged: Annotated[Contract, "the short put that was protected"]
    reason: str


@record
class StopLossTriggered:
    """Level 3: the short option is bought back (protocol 8.3)."""

    position_id: str
    contract: Contract
    quantity: int
    first_ask_e4: PriceE4
    cap_e4: Annotated[PriceE4, "never more than this"]
    limits_e4: Annotated[list[int], "limits in 1e-4 dollars, one step every protocol.l3.step_s"]


@record
class StopLossExecuted:
    """The level-3 exit is done."""

    position_id: str
    contract: Contract
    quantity: int
    price_e4: Annotated[PriceE4, "average paid"]
    pnl: Annotated[Cents, "of the position, after commissions, without tax"]


@record
class StopLossFailed:
    """The level-3 exit gave up; people decide."""

    position_id: str
    contract: Contract
    left: Annotated[int, "contracts still short"]
    reason: str


@record
class CircuitBreakerTripped:
    """A limit of protocol 9 was hit."""

    breaker: Annotated[
        str,
        "CONSECUTIVE_LOSSES, DAILY_DRAWDOWN, SIMULTANEOUS_BREACHES, ACCOUNT_DRAWDOWN, VIX_HEDGED, VIX_SAFE or VIX_KILL",
    ]
    scope: Annotated[str, "an account id, or SYSTEM"]
    value: Annotated[str, "what was measured"]
    limit: Annotated[str, "what it was measured against"]


@record
class CircuitBreakerReset:
    """A breaker is closed again by its own rule (protocol 9)."""

    breaker: str
    scope: Annotated[str, "an account id, or SYSTEM"]
    by: Annotated[str, "who, or the rule"]


@record
class AtrFallbackUsed:
    """No ATR of the last completed session: the stand-in of protocol 5.3 is used."""

    symbol: str
    method: Annotated[str, "LAST_VALID or PERCENT_OF_PRICE"]
    value_e6: Annotated[int, "ATR used, 1e-6 dollars"]


@record
class DataFeedStale:
    """Prices of a position at level 1 or above have stopped coming (protocol 8.4)."""

    feed: Annotated[str, "the symbol"]
    age_s: int


@record
class DataFeedRestored:
    """Prices come again."""

    feed: Annotated[str, "the symbol"]
    age_s: Annotated[int, "seconds without a price"]
