"""Instructions of clients and their strategies."""

from projections.mapping.event import Changes, Handler, LoggedEvent, ticker_of
from projections.tables.shape import Change
from projections.tables.starlab import INSTRUCTIONS, STRATEGIES


def instruction_received(e: LoggedEvent) -> Changes:
    yield INSTRUCTIONS.set(
        "terms",
        (e.book, e["instruction_id"]),
        account_id=e.account_id,
        starlab_strategy_id=e["starlab_strategy_id"],
        scheme_type=e["scheme_type"],
        trade_action=e["trade_action"],
        contract=e["contract"],
        ticker=ticker_of(e["contract"]),
        quantity=e["quantity"],
        order_type=e["order_type"],
        limit_e4=e["limit_e4"] or None,
        time_in_force=e["time_in_force"],
        received_at=e.occurred_at,
    )
    yield _client(e, e["instruction_id"])
    yield _state(e, e["instruction_id"], "RECEIVED")
    yield STRATEGIES.set(
        "use",
        (e.book, e["starlab_strategy_id"]),
        account_id=e.account_id,
        client=e["client"],
        scheme_type=e["scheme_type"],
        instructed_at=e.occurred_at,
    )


def instruction_accepted(e: LoggedEvent) -> Changes:
    yield _state(e, e["instruction_id"], "ACCEPTED")


def instruction_rejected(e: LoggedEvent) -> Changes:
    """A refusal that leaves the client's id free has no instruction: it stands under the event's own id."""
    identity = e["instruction_id"] or e.origin.event_id
    yield _client(e, identity)
    yield _state(e, identity, "REJECTED", code=e["code"], http_status=e["http_status"], details=e.json("details"))


def instruction_ended(e: LoggedEvent) -> Changes:
    yield _state(e, e["instruction_id"], "ENDED", reason=e["reason"])


def research_strategy_notified(e: LoggedEvent) -> Changes:
    yield STRATEGIES.set(
        "notice",
        (e.book, e["starlab_strategy_id"]),
        title=e["title"],
        valid_until_day=e["valid_until"],
        noticed_at=e.occurred_at,
    )


def _client(e: LoggedEvent, identity: str) -> Change:
    return INSTRUCTIONS.set("client", (e.book, identity), client=e["client"], client_order_id=e["client_order_id"])


def _state(
    e: LoggedEvent,
    identity: str,
    state: str,
    *,
    code: str | None = None,
    http_status: int | None = None,
    details: str | None = None,
    reason: str | None = None,
) -> Change:
    return INSTRUCTIONS.set(
        "state",
        (e.book, identity),
        state=state,
        code=code,
        http_status=http_status,
        details=details,
        reason=reason,
        state_at=e.occurred_at,
    )


HANDLERS: dict[str, Handler] = {
    "InstructionReceived": instruction_received,
    "InstructionAccepted": instruction_accepted,
    "InstructionRejected": instruction_rejected,
    "InstructionEnded": instruction_ended,
    "ResearchStrategyNotified": research_strategy_notified,
}
