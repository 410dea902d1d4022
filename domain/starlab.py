"""Instructions of STAR-LAB as far as the book decides (protocol 13.2, 13.3).

They run in the client's EXT account, by the same checks as every order; positions are kept by strategy id. Each
refusal has the code that the REST interface answers with.
"""

from dataclasses import fields
from fractions import Fraction
from hashlib import sha256

from domain import events as e
from domain.calendar import DAY, SECOND
from domain.commands import CancelInstruction, SubmitTradeInstruction
from domain.contracts import occ_symbol, parse
from domain.decision import Decision
from domain.modes import effective_mode
from domain.money import floor_tick, price_text, tick_e4
from domain.orders import blocked, on_ended, place, request_cancel, submit_waiting
from domain.pretrade import CHECKS, FAILED, Intent, check_at_open, run_checks, uncovered_lots
from domain.reasons import Reason
from domain.state import Account, Instruction, Order
from domain.valuation import buffer_required, free_cash

ACTIONS: dict[str, tuple[str, str, str]] = {
    "BUY_TO_OPEN_CALL": ("BUY", "OPEN", "C"),
    "BUY_TO_OPEN_PUT": ("BUY", "OPEN", "P"),
    "SELL_TO_OPEN_CALL": ("SELL", "OPEN", "C"),
    "SELL_TO_OPEN_PUT": ("SELL", "OPEN", "P"),
    "BUY_TO_CLOSE_CALL": ("BUY", "CLOSE", "C"),
    "BUY_TO_CLOSE_PUT": ("BUY", "CLOSE", "P"),
    "SELL_TO_CLOSE_CALL": ("SELL", "CLOSE", "C"),
    "SELL_TO_CLOSE_PUT": ("SELL", "CLOSE", "P"),
    "BUY_STOCK": ("BUY", "OPEN", ""),
    "SELL_STOCK": ("SELL", "CLOSE", ""),
}
"""trade_action to (side, effect, right; empty = shares)."""
MOST = 1000
PURPOSE = "INSTRUCTION"
Refusal = tuple[Reason, str]
DUPLICATE = "DUPLICATE"


def submit(d: Decision, command: SubmitTradeInstruction) -> Refusal | str | None:
    """An instruction, in the order of protocol 13.1; a repetition has no effect (`DUPLICATE`)."""
    if not enabled(d):
        return _reject(d, command, Reason.FORBIDDEN, 403, {"starlab.enabled": "instructions are not taken"})
    wrong = _schema(d, command)
    if wrong:
        return _reject(d, command, Reason.VALIDATION_FAILED, 400, wrong)
    key, body = f"{command.client}|{command.client_order_id}", _hash(command)
    known = d.book.instructions.get(key)
    if known is not None:
        if known.body_hash == body:
            return DUPLICATE
        wrong = {"client_order_id": "used with another body"}
        return _reject(d, command, Reason.IDEMPOTENCY_CONFLICT, 409, wrong)
    account = _account(d, command)
    if account is None:
        return _reject(d, command, Reason.FORBIDDEN, 403, {"account_tag": "no EXT account that this client may use"})
    side, effect, right = ACTIONS[command.trade_action]
    contract = _contract(command, right)
    identity = d.next_event_id()
    d.emit(
        e.InstructionReceived(
            identity, command.client, command.client_order_id, command.starlab_strategy_id, command.scheme_type,
            command.trade_action, contract, command.quantity, command.order_type, command.limit_price_e4 or 0,
            command.time_in_force, body,
        ),
        f"instruction-{identity}",
        account,
    )  # fmt: skip
    refused = _business(d, account, command, contract, effect, right)
    if refused is None:
        intent = _intent(d, command, contract, side, effect)
        refused = _check(d, account, intent)
        if refused is None:
            accepted = e.InstructionAccepted(identity, command.client, command.client_order_id)
            d.emit(accepted, f"instruction-{identity}", account)
            _order(d, account, intent, identity)
            return None
    code, status, details = refused
    d.emit(
        e.InstructionRejected(identity, command.client, command.client_order_id, code, status, details),
        f"instruction-{identity}",
        account,
    )
    return None


def enabled(d: Decision) -> bool:
    """Instructions are taken at all: off by default (protocol 18)."""
    return d.config().flag("starlab.enabled")


def _reject(
    d: Decision, command: SubmitTradeInstruction, code: Reason, status: int, details: dict[str, str]
) -> Refusal | None:
    """A refusal that leaves the client's id free."""
    rejected = e.InstructionRejected("", command.client, command.client_order_id, code, status, details)
    d.emit(rejected, f"instruction-{command.client}")
    return code, ", ".join(f"{field}: {issue}" for field, issue in details.items())


def _hash(command: SubmitTradeInstruction) -> str:
    asked = [f"{f.name}={getattr(command, f.name)!r}" for f in fields(command) if f.name != "header"]
    return sha256("|".join(asked).encode()).hexdigest()


def _schema(d: Decision, command: SubmitTradeInstruction) -> dict[str, str]:
    """What the body alone shows (400): required fields, tick, put limit at most strike, past date, MARKET to open."""
    wrong: dict[str, str] = {}
    for name in ("client", "client_order_id", "starlab_strategy_id", "symbol"):
        if not 1 <= len(getattr(command, name)) <= 64:
            wrong[name] = "1 to 64 characters"
    if command.scheme_type not in ("DIS", "WIS", "MIS"):
        wrong["scheme_type"] = "DIS, WIS or MIS"
    if command.time_in_force not in ("DAY", "GTC"):
        wrong["time_in_force"] = "DAY or GTC"
    if not 1 <= command.quantity <= MOST:
        wrong["quantity"] = f"1 to {MOST}"
    terms = ACTIONS.get(command.trade_action)
    if terms is None:
        wrong["trade_action"] = f"one of {', '.join(ACTIONS)}"
        return wrong
    _, effect, right = terms
    if right:
        if command.expiration_date is None:
            wrong["expiration_date"] = "required for options"
        elif command.expiration_date < d.today:
            wrong["expiration_date"] = "in the past"
        if not command.strike_price_e3 or command.strike_price_e3 <= 0:
            wrong["strike_price"] = "required for options"
    spot = d.market.last(command.symbol)
    if right == "C" and spot and (command.limit_price_e4 or 0) > spot:
        wrong["limit_price"] = f"above the underlying at {price_text(spot)}"
    return wrong | _price_schema(command, effect, right)


def _price_schema(command: SubmitTradeInstruction, effect: str, right: str) -> dict[str, str]:
    limit = command.limit_price_e4 or 0
    if command.order_type == "MARKET":
        return {"order_type": "MARKET may not open options"} if right and effect == "OPEN" else {}
    if command.order_type != "LIMIT":
        return {"order_type": "LIMIT or MARKET"}
    if limit <= 0:
        return {"limit_price": "required for LIMIT"}
    tick = tick_e4(limit, command.symbol) if right else 100
    if limit % tick:
        return {"limit_price": f"not a multiple of {price_text(tick)}"}
    if right == "P" and command.strike_price_e3 and limit > command.strike_price_e3 * 10:
        return {"limit_price": "above the strike of a put"}
    return {}


def _account(d: Decision, command: SubmitTradeInstruction) -> Account | None:
    """The client's EXT account: by its tag (account id or listed tag), by default the first."""
    accounts = [d.book.accounts[key] for key in sorted(d.book.accounts) if d.book.accounts[key].type == "EXT"]
    if not command.account_tag:
        return accounts[0] if accounts else None
    tags = [tag.strip() for tag in d.config().text("starlab.account_tags").split(",") if tag.strip()]
    for number, account in enumerate(accounts):
        tag = tags[number] if number < len(tags) else ""
        if command.account_tag in (account.account_id, tag):
            return account
    return None


def _contract(command: SubmitTradeInstruction, right: str) -> str:
    if not right:
        return command.symbol
    assert command.expiration_date is not None
    assert command.strike_price_e3 is not None
    return occ_symbol(command.symbol, command.expiration_date, right, command.strike_price_e3)


Answer = tuple[Reason, int, dict[str, str]]


def _business(
    d: Decision, account: Account, command: SubmitTradeInstruction, contract: str, effect: str, right: str
) -> Answer | None:
    """Scheme (422), halted (423, opening only), cover, then funds (422)."""
    config = d.config(account.account_id)
    if effect == "OPEN" and right:
        assert command.expiration_date is not None
        days = command.expiration_date - d.today
        most = config.integer(f"starlab.dte_max_{command.scheme_type.lower()}")
        if days > most:
            detail = {"expiration_date": f"{days} days, {command.scheme_type} takes at most {most}"}
            return Reason.SCHEME_MISMATCH, 422, detail
    killed = d.book.killed or account.state != "ACTIVE"
    if effect == "OPEN" and (killed or effective_mode(account) != "NORMAL"):
        return Reason.TRADING_HALTED, 423, {"account": f"{account.state} {effective_mode(account)}"}
    if effect == "CLOSE":
        signed = strategy_quantity(d, command.starlab_strategy_id, contract)
        held = max(0, -signed if ACTIONS[command.trade_action][0] == "BUY" else signed)
        if command.quantity > held:
            return Reason.NOT_COVERED, 422, {"quantity": f"{command.quantity} of {held} open in this strategy"}
    if command.trade_action == "SELL_TO_OPEN_CALL" and uncovered_lots(d, account, command.symbol) < command.quantity:
        return Reason.NOT_COVERED, 422, {"PT-10": "not covered by shares"}
    return None


def _intent(d: Decision, command: SubmitTradeInstruction, contract: str, side: str, effect: str) -> Intent:
    quote = d.market.quote(contract) if parse(contract) else None
    limit = command.limit_price_e4 or _market_limit(d, contract, side)
    return Intent(
        contract, command.symbol, side, effect, command.quantity, command.quantity, limit, PURPOSE, quote,
        spot_e4=d.market.last(command.symbol), origin=command.starlab_strategy_id,
        time_in_force=command.time_in_force,
    )  # fmt: skip


def _market_limit(d: Decision, contract: str, side: str) -> int:
    """A market order is a limit at the far side of the collar, so that it can never fill outside of it."""
    terms, width = parse(contract), d.config().fraction("order.collar_starlab_pct") / 100
    if terms is not None:
        quote = d.market.quote(contract)
        mid = quote.mid_e4 if quote is not None else Fraction(0)
    else:
        mid = Fraction(d.market.last(contract))
    ticker = terms.underlying if terms else contract
    edge = mid * (1 + width if side == "BUY" else 1 - width)
    return max(floor_tick(edge, ticker), tick_e4(0, ticker)) if terms else int(edge) // 100 * 100


def _check(d: Decision, account: Account, intent: Intent) -> Answer | None:
    """Funds, then the checks of 12.2 in their order; a GTC order outside the session waits for the open."""
    if CHECKS["PT-09"](d, account, intent)[0] == FAILED:
        free = f"free {free_cash(d.book, account)}, buffer {buffer_required(d, account)} cents"
        return Reason.INSUFFICIENT_FUNDS, 422, {"PT-09": free}
    if blocked(d, intent.contract):
        return Reason.RISK_REJECTED, 422, {Reason.ORDER_UNKNOWN: "until the broker answers"}
    waits = intent.time_in_force == "GTC" and not d.calendar.in_session(d.now_us)
    results, failure = run_checks(d, account, intent, waits=waits)
    if failure is None:
        return None
    assert results[-1].result == FAILED
    if failure.check == "PT-10":
        return Reason.NOT_COVERED, 422, {failure.check: failure.detail}
    if failure.check in ("PT-01", "PT-02", "PT-13") and intent.effect == "OPEN":
        return Reason.TRADING_HALTED, 423, {failure.check: failure.detail}
    return Reason.RISK_REJECTED, 422, {failure.check: failure.detail}


def _order(d: Decision, account: Account, intent: Intent, identity: str) -> None:
    intent = Intent(
        intent.contract, intent.ticker, intent.side, intent.effect, intent.quantity, intent.total, intent.limit_e4,
        intent.purpose, intent.quote, spot_e4=intent.spot_e4, origin=intent.origin, reference=identity,
        time_in_force=intent.time_in_force,
    )  # fmt: skip
    place(d, account, intent, identity)


@on_ended(PURPOSE)
def _order_ended(d: Decision, account: Account, order: Order) -> None:
    """A GTC instruction goes on with the next session; a day's is over with its order."""
    found = by_id(d, order.reference)
    if found is not None and order.state not in ("EXPIRED",) and found.time_in_force == "GTC" and order.rest == 0:
        d.emit(e.InstructionEnded(found.instruction_id, order.state), f"instruction-{order.reference}", account)


def by_id(d: Decision, instruction_id: str) -> Instruction | None:
    """The instruction of an all_use_order_id, or of an order that it has caused."""
    found = next((i for i in d.book.instructions.values() if i.instruction_id == instruction_id), None)
    order = d.book.orders.get(instruction_id)
    return by_id(d, order.reference) if found is None and order is not None and order.reference else found


def cancel(d: Decision, command: CancelInstruction) -> Refusal | None:
    """Cancel a client's own instruction (protocol 13.3)."""
    found = by_id(d, command.all_use_order_id)
    if found is None or found.client != command.client:
        return Reason.NOT_FOUND, command.all_use_order_id
    order = next((o for o in reversed(list(d.book.orders.values())) if o.reference == found.instruction_id), None)
    waiting = found.time_in_force == "GTC" and not found.ended and (order is None or order.state == "EXPIRED")
    if waiting:
        _end(d, found, Reason.USER)
        return None
    if order is None or order.ended:
        return Reason.NOT_CANCELLABLE, order.state if order else "no order"
    request_cancel(d, order, Reason.USER)
    return None


def at_open(d: Decision, account: Account) -> None:
    """GTC instructions: validated again each session, cancelled after 30 days (protocol 13.2).

    One whose quote is stale at that moment waits for a fresh one: the day's first quote comes after the open.
    """
    if account.type != "EXT" or not d.calendar.in_session(d.now_us):
        return
    waits = False
    for found in [i for i in d.book.instructions.values() if i.account_id == account.account_id]:
        if found.time_in_force != "GTC" or found.ended or not found.accepted:
            continue
        orders = [o for o in d.book.orders.values() if o.reference == found.instruction_id]
        rest = found.quantity - sum(o.filled for o in orders)
        if rest <= 0:
            continue
        over = d.now_us - found.since_us >= d.config().integer("starlab.gtc_days") * DAY
        if over or not enabled(d):
            for order in [o for o in orders if o.working]:
                request_cancel(d, order, Reason.WORK_END if over else Reason.FORBIDDEN)
            if not found.ended:
                _end(d, found, Reason.EXPIRED if over else Reason.FORBIDDEN)
            continue
        waiting = next((o for o in orders if o.state == "VALIDATED"), None)
        if waiting is not None or not any(o.working for o in orders):
            waits |= _work(d, account, found, rest, waiting)
    if waits:
        d.set_timer(f"gtc|{account.account_id}", d.now_us + d.config().integer("data.stale_s") * SECOND)


def _work(d: Decision, account: Account, found: Instruction, rest: int, waiting: Order | None) -> bool:
    """Send the order that has waited, or a new one. True where the quote is stale, so that both wait."""
    side, effect, _ = ACTIONS[found.trade_action]
    terms = parse(found.contract)
    if terms is not None and terms.expiry < d.today:
        _end(d, found, Reason.EXPIRED)
        return False
    intent = Intent(
        found.contract, terms.underlying if terms else found.contract, side, effect, rest, rest, found.limit_e4,
        PURPOSE, d.market.quote(found.contract) if terms else None, origin=found.strategy_id,
        reference=found.instruction_id, time_in_force="GTC",
    )  # fmt: skip
    failure = check_at_open(d, account, intent)
    if blocked(d, found.contract) or (failure is not None and failure.check == Reason.PT_06):
        return True
    if waiting is None:
        place(d, account, intent, found.instruction_id)
    elif failure is None:
        submit_waiting(d, account, waiting)
    else:
        request_cancel(d, waiting, Reason(failure.check))
    return False


def _end(d: Decision, found: Instruction, reason: Reason) -> None:
    d.emit(e.InstructionEnded(found.instruction_id, reason), f"instruction-{found.instruction_id}")


def strategy_quantity(d: Decision, strategy_id: str, contract: str) -> int:
    """What a strategy holds of a contract, negative = short."""
    strategy = d.book.strategies.get(strategy_id)
    held = strategy.positions.get(contract) if strategy else None
    return held.quantity if held else 0
