"""Positions, their outcomes and rolls (protocol 4.3, 7)."""

from typing import Annotated

from domain.record import Cents, Contract, DayNumber, PriceE4, RatioE10, record


@record
class PositionOpened:
    """A first fill or an assignment made a position; an option booked as expired is there again."""

    position_id: str
    contract: Contract
    quantity: Annotated[int, "negative = short"]
    price_e4: PriceE4
    p0_e4: Annotated[PriceE4, "underlying at the first fill (protocol 7.3), assignment strike for shares"]
    atr_e6: int
    commission: Cents
    chain_id: Annotated[str, "the wheel turn it belongs to"]
    roll_chain_id: Annotated[str | None, "of an option that came by a roll: the chain of its rolls"] = None
    original_credit_e4: Annotated[int | None, "of that chain's first option, 1e-4 dollars"] = None
    carried_e4: Annotated[int | None, "what that chain's earlier options left per share, 1e-4 dollars"] = None
    rolls: Annotated[int | None, "how often that chain was rolled"] = None
    delta_e2: Annotated[int | None, "absolute delta of an option at the trade, 1e-2 points"] = None


@record
class PositionIncreased:
    """A further fill added to a position."""

    position_id: str
    contract: Contract
    quantity: Annotated[int, "added; negative = short"]
    price_e4: PriceE4
    commission: Cents


@record
class PositionReduced:
    """A part of a position is gone."""

    position_id: str
    contract: Contract
    quantity: Annotated[int, "left; negative = short"]
    price_e4: PriceE4
    pnl: Annotated[Cents, "realised by this step after commissions, without tax"]


@record
class PositionClosed:
    """A position is gone."""

    position_id: str
    contract: Contract
    price_e4: PriceE4
    pnl: Annotated[Cents, "realised by the last step after commissions, without tax"]
    cause: Annotated[str, "BOUGHT_BACK, ROLLED, STOPPED, EXPIRED, ASSIGNED, CALLED_AWAY or SOLD"]
    underlying_e4: Annotated[PriceE4 | None, "underlying at a buy-back"] = None
    session: Annotated[DayNumber | None, "trade date of a buy-back"] = None


@record
class OptionExpiredWorthless:
    """A short option has expired and its premium is kept (protocol 7.4)."""

    contract: Contract
    quantity: int
    premium: Annotated[Cents, "kept, before commissions"]
    close_e4: Annotated[PriceE4, "official close of the underlying"]


@record
class OptionAssigned:
    """A short put was assigned (protocol 7.4)."""

    contract: Contract
    quantity: Annotated[int, "contracts"]
    shares: int
    strike_e3: int
    basis: Annotated[Cents, "tax basis of the lot"]
    close_e4: Annotated[PriceE4, "underlying's close of the outcome's session"]
    early: bool
    notice_id: str
    outcome_session: DayNumber


@record
class SharesCalledAway:
    """A covered call was exercised (protocol 7.4)."""

    contract: Contract
    quantity: Annotated[int, "contracts"]
    shares: int
    strike_e3: int
    proceeds: Annotated[Cents, "strike value plus net premium"]
    close_e4: Annotated[PriceE4, "underlying's close of the outcome's session"]
    early: bool
    notice_id: str
    outcome_session: DayNumber


@record
class AdjustedLot:
    """A tax lot after a split; its cost and tax basis stay (protocol 2.6)."""

    lot_id: str
    quantity: Annotated[int, "left, in the new shares or contracts"]
    price_e4: Annotated[PriceE4, "acquisition price B"]


@record
class AdjustedHedge:
    """Long puts that protect a short put, after a split of either."""

    contract: Annotated[Contract, "of the long puts"]
    hedged: Annotated[Contract, "the short put that is protected"]
    quantity: Annotated[int, "contracts"]
    cost: Cents


@record
class PositionAdjusted:
    """A split changed a position's quantity and terms (protocol 2.6)."""

    contract: Contract
    new_contract: Annotated[Contract, "the same for shares and for an option whose terms are no longer standard"]
    ratio_new: int
    ratio_old: int
    position_id: Annotated[str | None, "of a short option"] = None
    quantity: Annotated[int | None, "of the position after the split; negative = short"] = None
    price_e4: Annotated[PriceE4 | None, "after the split: average price sold at, or average B of the lots"] = None
    p0_e4: Annotated[PriceE4 | None, "of a short option, after the split"] = None
    atr_e6: Annotated[int | None, "of a short option at its entry, after the split"] = None
    lots: Annotated[list[AdjustedLot] | None, "every lot of the contract, after the split"] = None
    hedges: Annotated[list[AdjustedHedge] | None, "hedges that it changes, after the split"] = None


@record
class PositionMarked:
    """An account's worth at the end of a day."""

    nav: Cents
    corpus: Cents
    unrealised: Cents
    cash_total: Cents
    free_cash: Cents
    collateral: Cents
    tax_reserve: Cents
    buffer_required: Cents
    session: DayNumber


@record
class ProfitTargetReached:
    """A short option has lost enough of its credit to be bought back (protocol 7.1)."""

    contract: Contract
    decay: Annotated[RatioE10, "1 - ask/credit"]
    target: RatioE10
    ask_e4: PriceE4


@record
class ExpiryDecisionMade:
    """What is to become of an option on its expiry day (protocol 7.2)."""

    contract: Contract
    moneyness: Annotated[RatioE10, "p = (K - S)/K of a put, (S - K)/K of a call, 1e-10"]
    action: Annotated[str, "HOLD, ACCEPT_ASSIGNMENT, LET_CALL_AWAY, ASK, ROLL, or after the close AWAIT_NOTICE"]
    spot_e4: PriceE4


@record
class RollDeclined:
    """A short option is not rolled (protocol 7.3)."""

    contract: Contract
    reason: str
