"""What events change in instructions and in the results of clients' strategies (protocol 13.2, 13.3)."""

from domain import events as e
from domain.contracts import option, parse
from domain.evolving import on
from domain.money import option_value, shares_value
from domain.state import Book, Instruction, Strategy, StrategyPosition

KEPT = 4096
"""Instructions remembered; older ones are answered from the log."""


@on(e.InstructionReceived)
def _received(book: Book, event: e.InstructionReceived, envelope: e.Envelope) -> None:
    assert envelope.account_id is not None
    book.instructions[f"{event.client}|{event.client_order_id}"] = Instruction(
        event.instruction_id, event.client, envelope.account_id, event.starlab_strategy_id, event.trade_action,
        event.contract, event.quantity, event.limit_e4, event.time_in_force, event.body_hash, envelope.recorded_at_us,
    )  # fmt: skip
    while len(book.instructions) > KEPT:
        del book.instructions[next(iter(book.instructions))]


def _found(book: Book, client: str, client_order_id: str) -> Instruction | None:
    return book.instructions.get(f"{client}|{client_order_id}")


@on(e.InstructionAccepted)
def _accepted(book: Book, event: e.InstructionAccepted, _envelope: e.Envelope) -> None:
    found = _found(book, event.client, event.client_order_id)
    if found is not None:
        found.accepted = True


@on(e.InstructionRejected)
def _rejected(book: Book, event: e.InstructionRejected, _envelope: e.Envelope) -> None:
    found = _found(book, event.client, event.client_order_id)
    if found is not None and event.instruction_id:
        found.code, found.ended = event.code, True


@on(e.InstructionEnded)
def _ended(book: Book, event: e.InstructionEnded, _envelope: e.Envelope) -> None:
    for found in book.instructions.values():
        if found.instruction_id == event.instruction_id:
            found.ended = True


def take_fill(
    book: Book, strategy_id: str, contract: str, order_id: str, quantity: int, price_e4: int, commission: int
) -> None:
    """An execution of a strategy: `quantity` positive = bought. A round trip ends when its position is flat."""
    strategy = book.strategies.setdefault(strategy_id, Strategy())
    value = (option_value if parse(contract) else shares_value)(price_e4, abs(quantity))
    strategy.commissions += commission
    held = strategy.positions.get(contract)
    if held is None:
        cost = value if quantity > 0 else -value
        strategy.positions[contract] = StrategyPosition(quantity, cost, order_id, -commission)
        return
    if (held.quantity > 0) == (quantity > 0):
        held.quantity += quantity
        held.cost += value if quantity > 0 else -value
        held.result -= commission
        return
    part = min(abs(quantity), abs(held.quantity))
    basis = held.cost * part // abs(held.quantity)
    proceeds = value if quantity < 0 else -value
    held.result += proceeds - basis - commission
    held.cost -= basis
    held.quantity += part if quantity > 0 else -part
    if not held.quantity:
        strategy.realised += held.result
        strategy.trades += 1
        strategy.wins += 1 if held.result > 0 else 0
        strategy.losses += 1 if held.result < 0 else 0
        del strategy.positions[contract]


def settle_options(book: Book, contract: str, quantity: int) -> None:
    """Options of clients that expired worthless: strategies in the order of their ids (protocol 13.3)."""
    left = quantity
    for strategy_id in sorted(book.strategies):
        held = book.strategies[strategy_id].positions.get(contract)
        if held is not None and left:
            part = min(left, abs(held.quantity))
            left -= part
            take_fill(book, strategy_id, contract, "", part if held.quantity < 0 else -part, 0, 0)


def assign_options(book: Book, contract: str, quantity: int) -> None:
    """Options that were exercised: shares come or go at the strike; the option's result is the premium."""
    left, terms = quantity, option(contract)
    for strategy_id in sorted(book.strategies):
        held = book.strategies[strategy_id].positions.get(contract)
        if held is None or not left:
            continue
        part = min(left, abs(held.quantity))
        left -= part
        take_fill(book, strategy_id, contract, "", part if held.quantity < 0 else -part, 0, 0)
        shares = part * 100 * (1 if terms.right == "P" else -1)
        take_fill(book, strategy_id, terms.underlying, "", shares, terms.strike_e4, 0)
