"""Instructions of STAR-LAB and the clients' accounts (protocol 13)."""

from typing import Annotated

from domain.record import Contract, PriceE4, record


@record
class InstructionReceived:
    """An instruction is well-formed, new and for an account that the client may use."""

    instruction_id: Annotated[str, "all_use_order_id"]
    client: str
    client_order_id: Annotated[str, "the client's idempotency key"]
    starlab_strategy_id: Annotated[str, "groups positions and performance"]
    scheme_type: Annotated[str, "DIS, WIS or MIS"]
    trade_action: Annotated[str, "such as SELL_TO_OPEN_PUT or BUY_STOCK"]
    contract: Contract
    quantity: int
    order_type: Annotated[str, "LIMIT or MARKET"]
    limit_e4: Annotated[PriceE4, "0 for a market order"]
    time_in_force: Annotated[str, "DAY or GTC"]
    body_hash: Annotated[str, "SHA-256 of what was asked, to know a repetition"]


@record
class InstructionAccepted:
    """An instruction has passed every rule; its order follows."""

    instruction_id: Annotated[str, "all_use_order_id"]
    client: str
    client_order_id: str


@record
class InstructionRejected:
    """An instruction is refused; no order exists for it (protocol 13.1)."""

    instruction_id: Annotated[str, "all_use_order_id, empty where the refusal leaves the client's id free"]
    client: str
    client_order_id: str
    code: Annotated[str, "reason code (docs/reason-codes.md)"]
    http_status: Annotated[int, "as the REST interface answers it"]
    details: Annotated[dict[str, str], "field or check to what is wrong with it"]


@record
class InstructionEnded:
    """A good-till-cancelled instruction works no more."""

    instruction_id: Annotated[str, "all_use_order_id"]
    reason: str


@record
class ResearchStrategyNotified:
    """STAR-LAB has described a strategy: information, never a trade (protocol 13.4)."""

    starlab_strategy_id: Annotated[str, "the strategy"]
    title: str
    valid_until: Annotated[int, "days since 1970-01-01"]
