"""Protocol levels (protocol 8): evaluation, transitions, what each level does, and how it is left."""

from domain import events as e
from domain.alerts import raise_alert
from domain.approvals import on_decided, request
from domain.calendar import MINUTE
from domain.contracts import option
from domain.decision import Decision
from domain.modes import SEVERITY
from domain.money import price_text
from domain.orders import cancel_opening_orders, place, request_cancel
from domain.pretrade import Intent, uncovered_shares
from domain.purchases import sale_limit_e4
from domain.reasons import Reason
from domain.restrictions import lift, restrict
from domain.risk import hedges, measure
from domain.risk.breakers import check_simultaneous_breaches
from domain.risk.ending import L2, L3, release_level2, withdraw_release, withdraw_requests
from domain.risk.feeds import check_feed
from domain.risk.measure import Holding
from domain.risk.scripts import lapse_scripts, step_executed, store
from domain.risk.stop_loss import ask_to_exit, exit_short
from domain.rolls import Roll, best_roll, decline, propose, send_roll, working_roll
from domain.state import Account, Approval, Order
from domain.valuation import corpus

ALERT_OF = {1: "MEDIUM", 2: "HIGH", 3: "CRITICAL"}
LEVEL_NAMES = ("Normal", "Enhanced", "Recovery", "Preservation")


def evaluate_level(d: Decision, account: Account, holding: Holding) -> bool:
    """One evaluation: levels crossed upwards at once, downwards one at a time after calm evaluations (protocol 8.2).

    Returns whether the level has changed.
    """
    if not d.calendar.in_session(d.now_us):
        return False
    check_feed(d, holding)
    config, price = d.config(account.account_id), d.market.last(holding.symbol)
    atr = measure.atr_of(d, account, holding)
    if not price or not atr or not holding.cost_e4:
        return False
    key, prices = holding.key(account), measure.terms(config).prices(holding, atr)
    reached = sum(price <= level.reached_e4 for level in prices)
    if reached > holding.level:
        d.book.memory.pop(key, None)
        for level in range(holding.level, reached):
            _change(d, account, holding, level, level + 1, price, atr)
        _act(d, account, holding, reached, price, atr)
        return True
    calm_e4 = prices[holding.level - 1].calm_e4
    if not holding.level or calm_e4 is None or price < calm_e4:
        d.book.memory.pop(key, None)
        return False
    calm = d.book.memory.get(key, 0) + 1
    if calm < config.integer("protocol.hysteresis_checks"):
        d.book.memory[key] = calm
        return False
    d.book.memory.pop(key, None)
    _change(d, account, holding, holding.level, holding.level - 1, price, atr)
    _calmed(d, account, holding, holding.level - 1)
    return True


def _change(d: Decision, account: Account, holding: Holding, before: int, after: int, price: int, atr: int) -> None:
    m = measure.measure_e10(measure.adverse_move_e6(holding, price), atr)
    reference = int(holding.reference_e4)
    d.emit(
        e.ProtocolLevelChanged(holding.position_id, holding.name, before, after, m, price, reference, atr),
        f"position-{holding.position_id}",
        account,
    )


def _act(d: Decision, account: Account, holding: Holding, level: int, price: int, atr: int) -> None:
    """Alert, restriction, script and orders of the highest level only (protocol 8.1, 8.2)."""
    m = measure.measure_e10(measure.adverse_move_e6(holding, price), atr)
    message = f"{holding.name} at {price_text(price)}, M {_m_text(m)}"
    title = f"Protocol level {level}: {LEVEL_NAMES[level]}"
    raise_alert(d, account, "PROTOCOL_BREACH", ALERT_OF[level], holding.symbol, title, message)
    lapse_scripts(d, account, holding.name, level, Reason.HIGHER_LEVEL)
    withdraw_requests(d, account, holding.name)
    withdraw_release(d, account)
    if level >= 2 and (roll := working_roll(d, account, holding.name)) is not None and level == 3:
        request_cancel(d, roll, Reason.STOP_LOSS)
    {1: _enhanced, 2: _recovery, 3: _preservation}[level](d, account, holding, m)
    if level >= 2:
        check_simultaneous_breaches(d)


def _m_text(m_e10: int) -> str:
    return f"{m_e10 // 10**10}.{m_e10 % 10**10 // 10**8:02d}"


def _enhanced(d: Decision, account: Account, holding: Holding, m: int) -> None:
    """Level 1: people are informed; roll candidates and a recovery script are prepared."""
    economics = {"m": str(m), "sizing_base": str(account.sizing_base), "corpus": str(corpus(d.market, account))}
    roll = _candidate(d, account, holding)
    steps: list[tuple[str, dict[str, str], bool]] = [("MONITOR", {"interval": "protocol.interval_l1"}, False)]
    if isinstance(roll, Roll):
        steps.append(("PREPARE_ROLL", _roll_terms(roll), False))
    steps.append(("NOTIFY", {"priority": "MEDIUM"}, False))
    store(d, account, holding.position_id, holding.name, 1, steps, economics)


def _candidate(d: Decision, account: Account, holding: Holding) -> Roll | Reason | None:
    short = account.shorts.get(holding.name)
    return best_roll(d, account, short) if holding.is_put and short is not None else None


def _roll_terms(roll: Roll) -> dict[str, str]:
    return {"new_contract": roll.new.contract, "net_e4": str(roll.net_e4), "cap_e4": str(int(roll.cap_e4))}


def _recovery(d: Decision, account: Account, holding: Holding, m: int) -> None:
    """Level 2: no new entries (shares: calls only); roll and optional hedge by script (protocol 8.3)."""
    _restrict_at_least(d, account, L2, "NO_NEW_ENTRIES" if holding.is_put else "CC_ONLY")
    short = account.shorts.get(holding.name)
    if not holding.is_put or short is None or account.type == "EXT":
        store(
            d, account, holding.position_id, holding.name, 2, [("NOTIFY", {"priority": "HIGH"}, False)], {"m": str(m)}
        )
        return
    config = d.config(account.account_id)
    automatic = config.text("protocol.l2.automation") == "AUTO"
    roll = best_roll(d, account, short)
    hedge = hedges.candidate(d, account, short)
    steps: list[tuple[str, dict[str, str], bool]] = []
    choices: list[str] = []
    if isinstance(roll, Roll):
        steps.append(("ROLL", _roll_terms(roll), not automatic))
        choices.append("ROLL")
    if hedge is not None:
        steps.append(("HEDGE", {"contract": hedge.quote.contract, "quantity": str(hedge.quantity)}, True))
        choices.append("HEDGE")
    steps.append(("NOTIFY", {"priority": "HIGH"}, False))
    lapse_us = config.integer("protocol.l2.lapse_min") * MINUTE
    expires = d.now_us + lapse_us
    script = store(d, account, holding.position_id, holding.name, 2, steps, {"m": str(m)}, expires)
    if isinstance(roll, Roll):
        propose(d, account, short, roll)
    else:
        decline(d, account, short, roll)
        if config.text("roll.uneconomic_action") == "ESCALATE_L3":
            _preserve_and_exit(d, account, holding)
            return
    if automatic and isinstance(roll, Roll):
        _roll_now(d, account, holding.name, script, "")
        return
    if not choices:
        return
    if len(choices) == 2:
        choices.append("BOTH")
    proposal = {"script_id": script, "choices": ",".join(choices)}
    if isinstance(roll, Roll):
        proposal |= _roll_terms(roll)
    approval = request(
        d, account, "LEVEL2_SCRIPT", holding.name, proposal,
        required=1, roles=["TRADER", "OWNER"], expires_us=expires, default="no action",
    )  # fmt: skip
    d.set_timer(f"escalate|{approval}", d.now_us + config.integer("protocol.l2.escalate_min") * MINUTE)


def decide_anew(d: Decision, account: Account, contract: str) -> None:
    """The roll of a level-2 script was not filled in its time: what level 2 does, from current quotes (7.3)."""
    holding, price = measure.put_holding(account, contract), d.market.last(option(contract).underlying)
    if holding is None or holding.level != 2 or not d.calendar.in_session(d.now_us) or not price:
        return
    atr = measure.atr_of(d, account, holding)
    lapse_scripts(d, account, contract, 3, Reason.UNFILLED)
    withdraw_requests(d, account, contract)
    if atr:
        _recovery(d, account, holding, measure.measure_e10(measure.adverse_move_e6(holding, price), atr))


def escalate(d: Decision, approval_id: str) -> None:
    """Nobody has answered a level-2 script: the secondary approver is told (protocol 8.3)."""
    approval = d.book.approvals.get(approval_id)
    if approval is None:
        return
    account = d.book.accounts[approval.account_id]
    d.emit(
        e.AlertEscalated(approval_id, "SECONDARY", f"no answer on {approval.subject}"),
        f"approval-{approval_id}",
        account,
    )


@on_decided("LEVEL2_SCRIPT")
def _script_decided(d: Decision, approval: Approval, granted: bool, choice: str) -> None:
    """Approved, the roll is computed again from current quotes under the same rule; no answer: no action."""
    account, script = d.book.accounts[approval.account_id], approval.proposal["script_id"]
    if not granted:
        lapse_scripts(d, account, approval.subject, 3, Reason.NOT_APPROVED)
        return
    chosen = choice or approval.proposal["choices"].split(",")[0]
    if chosen in ("ROLL", "BOTH"):
        _roll_now(d, account, approval.subject, script, approval.approval_id)
    short = account.shorts.get(approval.subject)
    if chosen in ("HEDGE", "BOTH") and short is not None and step_executed(d, account, script, "HEDGE", "ordered"):
        hedges.open_hedge(d, account, short, approval.approval_id)


def _roll_now(d: Decision, account: Account, contract: str, script: str, approval: str) -> None:
    short = account.shorts.get(contract)
    if short is None or working_roll(d, account, contract) is not None:
        return
    if not step_executed(d, account, script, "ROLL", "ordered"):
        return
    roll = best_roll(d, account, short)
    if isinstance(roll, Roll):
        send_roll(d, account, short, roll, reference=script, approval=approval)
    else:
        decline(d, account, short, roll)


def _preservation(d: Decision, account: Account, holding: Holding, m: int) -> None:
    """Level 3: preservation; a short put is bought back, shares are never sold by themselves (protocol 8.1, 8.3)."""
    cancel_opening_orders(d, account, Reason.PRESERVATION)
    _restrict_at_least(d, account, L3, "PRESERVATION")
    steps: list[tuple[str, dict[str, str], bool]] = [
        ("CANCEL_ORDERS", {"effect": "OPEN"}, False),
        ("FREEZE", {}, False),
    ]
    short = account.shorts.get(holding.name)
    automatic = d.config(account.account_id).text("protocol.l3.automation") == "AUTO"
    if holding.is_put and short is not None and account.type != "EXT":
        steps.append(("CLOSE", {"contract": holding.name}, not automatic))
    steps.append(("NOTIFY", {"priority": "CRITICAL"}, False))
    store(d, account, holding.position_id, holding.name, 3, steps, {"m": str(m)})
    if account.type == "EXT":
        return
    if not holding.is_put:
        _ask_about_shares(d, account, holding)
    elif short is not None and automatic:
        exit_short(d, account, short)
    elif short is not None:
        ask_to_exit(d, account, short)


def _preserve_and_exit(d: Decision, account: Account, holding: Holding) -> None:
    """`roll.uneconomic_action = ESCALATE_L3`: what level 3 does, at level 2."""
    short = account.shorts.get(holding.name)
    cancel_opening_orders(d, account, Reason.PRESERVATION)
    _restrict_at_least(d, account, L3, "PRESERVATION")
    if short is not None:
        exit_short(d, account, short)


def _restrict_at_least(d: Decision, account: Account, reason: str, mode: str) -> None:
    """Restrict, or make a restriction of the same name more severe; never less."""
    before = account.restrictions.get(reason)
    if before is None or SEVERITY.index(before) < SEVERITY.index(mode):
        restrict(d, account, reason, mode)


def _ask_about_shares(d: Decision, account: Account, holding: Holding) -> None:
    """Shares at level 3: hold with recovery calls, hedge or sell; COM sells only on two approvals."""
    end = d.calendar.et(d.today, d.config(account.account_id).integer("entry.window_end"))
    if end <= d.now_us:
        following = d.calendar.next_session(d.today)
        end = d.calendar.et(following, d.config(account.account_id).integer("entry.window_end"))
    request(
        d, account, "SHARES_LEVEL3", holding.name, {"choices": "HOLD,HEDGE,SELL"},
        required=2 if account.type == "COM" else 1, roles=["TRADER", "OWNER"], expires_us=end, default="hold",
    )  # fmt: skip


@on_decided("SHARES_LEVEL3")
def _shares_decided(d: Decision, approval: Approval, granted: bool, choice: str) -> None:
    account, ticker = d.book.accounts[approval.account_id], approval.subject
    if granted and choice == "SELL":
        sell_uncovered(d, account, ticker, approval.approval_id)
    elif granted and choice == "HEDGE":
        hedges.open_share_hedge(d, account, ticker, approval.approval_id)


def sell_uncovered(d: Decision, account: Account, ticker: str, approval: str, wanted: int = 0) -> Order | None:
    """Sell the shares that cover no call and are in no other sale: limit bid - 0.1 % (protocol 6.6)."""
    mark = d.market.marks.get(ticker)
    free = uncovered_shares(d, account, ticker)
    quantity = min(free, wanted or free)
    if mark is None or quantity <= 0:
        return None
    limit = sale_limit_e4(mark.bid_e4 or mark.last_e4)
    signal = d.next_event_id()
    d.emit(
        e.ExitSignalGenerated(signal, ticker, ticker, "SELL", quantity, limit, "PERSON"),
        f"position-{account.account_id}-{ticker}",
        account,
    )
    intent = Intent(
        ticker, ticker, "SELL", "CLOSE", quantity, quantity, limit, "CLOSE", None, spot_e4=mark.last_e4,
        approval_id=approval, needs_approval=bool(approval),
    )  # fmt: skip
    return place(d, account, intent, signal)


def _calmed(d: Decision, account: Account, holding: Holding, level: int) -> None:
    """A level was left downwards: its script lapses; what level 2 restricted ends with the last such position."""
    lapse_scripts(d, account, holding.name, 4, Reason.LEVEL_LEFT)
    withdraw_requests(d, account, holding.name)
    release_level2(d, account)
    if level == 0 and holding.is_put:
        hedges.release_for(d, account, holding.name, "LEVEL_0")


def ask_to_leave_preservation(d: Decision, account: Account, by: str = "") -> None:
    """At the end of a day: every position at level 0 for a full session, then one approval (protocol 8.3)."""
    if L3 not in account.restrictions or account.calm_sessions < d.config().integer("protocol.release_sessions"):
        return
    if account.worst_level or any(
        a.kind == "LEAVE_PRESERVATION" and a.account_id == account.account_id for a in d.book.approvals.values()
    ):
        return
    request(
        d, account, "LEAVE_PRESERVATION", account.account_id, {"calm_sessions": str(account.calm_sessions)},
        required=1, roles=["TRADER", "OWNER"], expires_us=0, default="stay restricted", requester=by,
    )  # fmt: skip


@on_decided("LEAVE_PRESERVATION")
def _leave_decided(d: Decision, approval: Approval, granted: bool, _choice: str) -> None:
    account = d.book.accounts[approval.account_id]
    if granted and L3 in account.restrictions and not measure.worst_level(d, account):
        lift(d, account, L3)
