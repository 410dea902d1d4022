"""Orders from proposal to their end (protocol 12.1)."""

from typing import Annotated

from domain.record import Cents, Contract, PriceE4, record


@record
class CheckResult:
    """Result and values of one pre-trade check (protocol 12.2)."""

    check: Annotated[str, "PT-01 ... PT-19"]
    result: Annotated[
        str,
        "PASSED, FAILED, SKIPPED (does not apply), WARNED or NO_INPUT (passed through: its input does not exist yet)",
    ]
    detail: Annotated[str, "the values"]


@record
class OrderProposed:
    """A signal has become an order (protocol 12.1)."""

    order_id: str
    signal_id: str
    account_id: str
    contract: Contract
    ticker: str
    side: Annotated[str, "BUY or SELL"]
    effect: Annotated[str, "OPEN, CLOSE, or ROLL = a combination that buys back `contract` and sells `new_contract`"]
    quantity: int
    limit_e4: Annotated[PriceE4, "of a roll: least net credit per share, negative = a debit"]
    ladder_e4: Annotated[list[int], "limits that follow, in 1e-4 dollars"]
    purpose: Annotated[
        str,
        "ENTRY, RESIDUAL, PROFIT_TAKE, CHEAP_BUYBACK, CLOSE, ROLL, STOP_LOSS, HEDGE, LEAPS, SHARES, LIQUIDATION, "
        "INSTRUCTION",
    ]
    origin: Annotated[str, "GEN, REV, COM or a STAR-LAB strategy id"]
    clip: Annotated[int, "0 for the first or only clip of a sliced order"]
    rest: Annotated[int, "quantity of the clips that follow (protocol 6.6)"]
    approval_id: Annotated[str | None, "the approval it rests on"] = None
    new_contract: Annotated[str | None, "of a roll: the option that replaces `contract`"] = None
    mid_e6: Annotated[int | None, "mid at decision in 1e-6 dollars, for slippage (protocol 12.3)"] = None
    reference: Annotated[str | None, "what it serves: instruction, script, workflow or quarter"] = None
    roll_to: Annotated[str | None, "of a roll in two orders, the purchase: the option that is sold next"] = None
    roll_of: Annotated[str | None, "of a roll in two orders, the sale: the order of the purchase"] = None


@record
class OrderValidated:
    """The pre-trade checks passed."""

    order_id: str
    checks: list[CheckResult]


@record
class OrderSubmitted:
    """To the broker: place this order."""

    order_id: str
    order_ref: Annotated[str, "book/account/order, carried by the broker"]
    version: int
    contract: Contract
    side: str
    effect: str
    quantity: int
    limit_e4: PriceE4
    time_in_force: Annotated[str, "DAY"]
    commission_estimate: Cents
    new_contract: Annotated[
        str | None,
        "of a combination (effect ROLL): `contract` is bought back and this one sold, net at the limit",
    ] = None


@record
class CashMovementRequested:
    """To the broker gateway: cash enters or leaves the brokerage account outside orders; the paper broker books it."""

    movement_id: Annotated[str, "its identity: the same one again moves nothing"]
    kind: Annotated[str, "CONTRIBUTION, WITHDRAWAL, CLOSING, FORK, FEE, DIVIDEND, INTEREST or TAX_PAYMENT"]
    amount: Annotated[Cents, "positive = in, negative = out"]


@record
class OrderAcknowledged:
    """The broker has the order."""

    order_id: str
    broker_order_id: str
    version: int


@record
class OrderRepriced:
    """To the broker: replace the limit. The order keeps its id."""

    order_id: str
    version: int
    limit_e4: PriceE4


@record
class OrderPartiallyFilled:
    """An execution after which the order is not filled, or that came after its end."""

    order_id: str
    exec_id: str
    contract: Contract
    side: str
    effect: str
    quantity: Annotated[int, "of this execution"]
    price_e4: PriceE4
    commission: Cents
    cum_quantity: int
    state: Annotated[str, "the order's state afterwards"]
    underlying_e4: Annotated[PriceE4, "underlying at the fill"]


@record
class OrderFilled:
    """The execution that fills the order."""

    order_id: str
    exec_id: str
    contract: Contract
    side: str
    effect: str
    quantity: Annotated[int, "of this execution"]
    price_e4: PriceE4
    commission: Cents
    cum_quantity: int
    state: Annotated[str, "the order's state afterwards: FILLED"]
    underlying_e4: Annotated[PriceE4, "underlying at the fill"]


@record
class OrderCancelRequested:
    """To the broker: cancel."""

    order_id: str
    version: int
    reason: str


@record
class OrderCancelled:
    """The order ended unfilled in whole or part."""

    order_id: str
    code: str
    reason: str
    cum_quantity: int


@record
class OrderExpired:
    """The day order ended with its session."""

    order_id: str
    cum_quantity: int


@record
class OrderRejected:
    """A pre-trade check or the broker refused the order."""

    order_id: str
    code: Annotated[str, "PT-nn, or the broker's code"]
    reason: str
    checks: list[CheckResult]


@record
class OrderStateUnknown:
    """The broker gives no reliable answer about the order (protocol 12.1)."""

    order_id: str
    age_s: int


@record
class OrderReconciled:
    """The broker's answer has settled the order's state."""

    order_id: str
    final_state: str
