"""Circuit breakers (protocol 9): conditions, effects, and the rule by which each closes again."""

from fractions import Fraction

from domain import events as e
from domain import kill_switch
from domain.alerts import raise_alert
from domain.approvals import expire, on_decided, request
from domain.decision import Decision
from domain.money import dollars, floor_int, percent_of, price_text
from domain.reasons import Reason
from domain.restrictions import lift, restrict
from domain.risk.measure import holdings_with_levels
from domain.state import Account, Approval, Breaker
from domain.valuation import corpus

SYSTEM = "SYSTEM"
CONSECUTIVE_LOSSES, DAILY_DRAWDOWN = Reason.CONSECUTIVE_LOSSES, Reason.DAILY_DRAWDOWN
SIMULTANEOUS_BREACHES, ACCOUNT_DRAWDOWN = Reason.SIMULTANEOUS_BREACHES, Reason.ACCOUNT_DRAWDOWN
VIX_HEDGED, VIX_SAFE, VIX_KILL = "VIX_HEDGED", Reason.VIX_SAFE, "VIX_KILL"
MODE: dict[str, str] = {
    CONSECUTIVE_LOSSES: "NO_NEW_ENTRIES",
    DAILY_DRAWDOWN: "NO_NEW_ENTRIES",
    SIMULTANEOUS_BREACHES: "NO_NEW_ENTRIES",
    ACCOUNT_DRAWDOWN: "CC_ONLY",
    VIX_SAFE: "NO_NEW_ENTRIES",
}
"""What a breaker restricts accounts to; VIX_HEDGED and VIX_KILL act otherwise."""
CLEARED_BY_PEOPLE = (CONSECUTIVE_LOSSES, SIMULTANEOUS_BREACHES, VIX_SAFE)
VIX = "VIX"
_EXT_UNTOUCHED = (CONSECUTIVE_LOSSES, ACCOUNT_DRAWDOWN)


def key_of(name: str, scope: str) -> str:
    """How a tripped breaker is found in the book's state."""
    return f"{name}|{scope}"


def tripped(d: Decision, name: str, scope: str = SYSTEM) -> bool:
    """Whether a breaker is open."""
    return key_of(name, scope) in d.book.breakers


def _trip(d: Decision, account: Account | None, name: str, value: str, limit: str) -> None:
    scope = account.account_id if account else SYSTEM
    d.emit(e.CircuitBreakerTripped(name, scope, value, limit), f"breaker-{scope}", account)
    message = f"{scope}: {value} against {limit}"
    raise_alert(d, account, "PROTOCOL_BREACH", "HIGH", None, f"Circuit breaker {name}", message)
    if name in MODE:
        for one in [account] if account else _accounts(d):
            restrict(d, one, name, MODE[name])


def _reset(d: Decision, breaker: Breaker, by: str) -> None:
    account = d.book.accounts.get(breaker.scope)
    d.emit(e.CircuitBreakerReset(breaker.name, breaker.scope, by), f"breaker-{breaker.scope}", account)
    for one in [account] if account else _accounts(d):
        if breaker.name in one.restrictions:
            lift(d, one, breaker.name)


def _accounts(d: Decision) -> list[Account]:
    return [d.book.accounts[key] for key in sorted(d.book.accounts) if d.book.accounts[key].state not in GONE]


GONE = ("MERGED", "CLOSED")


# --- trips ----------------------------------------------------------------------------------------------------------


def check_losses(d: Decision, account: Account) -> None:
    """Three losing chains in a row (protocol 9); a win or 0 resets the count."""
    limit = d.config(account.account_id).integer("breaker.consecutive_losses")
    if account.losses_in_row >= limit and not tripped(d, CONSECUTIVE_LOSSES, account.account_id):
        _trip(d, account, CONSECUTIVE_LOSSES, f"{account.losses_in_row} losing chains", str(limit))


def drawdown_limit(d: Decision, account: Account) -> int:
    """Corpus at which the daily drawdown trips: 95 % of the start of the day, cents; 0 = not known yet."""
    rate = d.config(account.account_id).fraction("breaker.daily_drawdown_pct")
    return floor_int(percent_of(account.day_corpus, 100 - rate)) if account.day_corpus > 0 else 0


def check_daily_drawdown(d: Decision, account: Account) -> None:
    """Corpus at or under 95 % of its start of the day."""
    limit = drawdown_limit(d, account)
    if not limit or account.state not in ("ACTIVE", "SUSPENDED") or tripped(d, DAILY_DRAWDOWN, account.account_id):
        return
    worth = corpus(d.market, account)
    if worth <= limit:
        _trip(d, account, DAILY_DRAWDOWN, f"corpus {dollars(worth)}", dollars(limit))


def check_simultaneous_breaches(d: Decision) -> None:
    """More than two positions of the system at level 2 or above; the reset needs the count to fall and an approval."""
    count = _breaches(d)
    limit = d.config().integer("breaker.max_l2_positions")
    if count <= limit:
        return
    _withdraw(d, key_of(SIMULTANEOUS_BREACHES, SYSTEM))
    if not tripped(d, SIMULTANEOUS_BREACHES):
        _trip(d, None, SIMULTANEOUS_BREACHES, f"{count} positions at level 2 or above", str(limit))


def _breaches(d: Decision) -> int:
    return sum(1 for account in _accounts(d) for holding in holdings_with_levels(d, account) if holding.level >= 2)


def check_account_drawdown(d: Decision, account: Account) -> None:
    """At EOD: too far under the flow-adjusted high trips, 95 % of it resets (protocol 9)."""
    sleeve = account.type.lower()
    if sleeve == "ext" or account.high <= 0:
        return
    config, worth, scope = d.config(account.account_id), account.last_corpus, account.account_id
    limit = account.high - percent_of(account.high, config.fraction(f"breaker.drawdown_{sleeve}"))
    recovered = account.high - percent_of(account.high, config.fraction("breaker.recovery_pct"))
    breaker = d.book.breakers.get(key_of(ACCOUNT_DRAWDOWN, scope))
    if breaker is None and worth <= limit:
        _trip(d, account, ACCOUNT_DRAWDOWN, f"corpus {dollars(worth)}", dollars(floor_int(limit)))
    elif breaker is not None and worth >= recovered:
        _reset(d, breaker, "corpus is back at 95 % of its high")


# --- VIX ------------------------------------------------------------------------------------------------------------


def check_vix(d: Decision) -> None:
    """The last VIX against its three thresholds and the two levels of return; wakes again at the nearest of them."""
    last = d.market.last(VIX)
    if not last:
        d.watch_price("vix||", VIX, 0, 0)  # the first price of it wakes the book
        return
    config = d.config()
    for name, parameter in ((VIX_HEDGED, "vix_hedged"), (VIX_SAFE, "vix_safe"), (VIX_KILL, "vix_kill")):
        limit = config.fraction(f"breaker.{parameter}")
        if last > limit * 10_000 and not tripped(d, name):
            _trip(d, None, name, f"VIX {price_text(last)}", str(limit))
            if name == VIX_KILL and not d.book.killed:
                kill_switch.engage(d, None, f"VIX {price_text(last)}", "breaker")
    edges = [config.fraction(f"breaker.{p}") * 10_000 + 1 for p in ("vix_hedged", "vix_safe", "vix_kill")]
    for name, parameter in ((VIX_HEDGED, "vix_hedged_reset"), (VIX_SAFE, "vix_safe_reset")):
        back = config.fraction(f"breaker.{parameter}") * 10_000
        edges.append(back)
        if tripped(d, name) and last >= back:
            d.book.memory[f"hot|{name}"] = d.today
            _withdraw(d, key_of(name, SYSTEM))
    above = [floor_int(edge) for edge in edges if edge > last]
    below = [floor_int(edge) - 1 for edge in edges if edge <= last]
    d.watch_price("vix||", VIX, max(below, default=0), min(above, default=1 << 40))


# --- resets ---------------------------------------------------------------------------------------------------------


def at_open(d: Decision) -> None:
    """A new session: yesterday's drawdown is over; people are asked about what they must clear."""
    for breaker in list(d.book.breakers.values()):
        if breaker.session >= d.today:
            continue
        if breaker.name == DAILY_DRAWDOWN:
            _reset(d, breaker, "next session")
        elif breaker.name == CONSECUTIVE_LOSSES:
            _ask(d, breaker)
    check_vix(d)


def at_end_of_day(d: Decision) -> None:
    """What closes after a calm session, by itself or with an approval."""
    for breaker in list(d.book.breakers.values()):
        calm = breaker.session < d.today and d.book.memory.get(f"hot|{breaker.name}", 0) < d.today
        if breaker.name == VIX_HEDGED and calm:
            _reset(d, breaker, "VIX below its reset level for a session")
        elif breaker.name == VIX_SAFE and calm:
            d.book.memory[f"calm|{VIX_SAFE}"] = d.today
        if breaker.name in (VIX_SAFE, SIMULTANEOUS_BREACHES) and not _too_early(d, breaker):
            _ask(d, breaker)


def _too_early(d: Decision, breaker: Breaker) -> str:
    """Why a breaker may not be cleared yet, whoever approves; empty when its own condition is met (protocol 9)."""
    memory = d.book.memory
    match breaker.name:
        case Reason.CONSECUTIVE_LOSSES:
            opens = d.calendar.open_after(d.calendar.et(breaker.session + 1, 0))
            return "" if opens and d.now_us >= opens else "not before the next session"
        case Reason.SIMULTANEOUS_BREACHES:
            count, limit = _breaches(d), d.config().integer("breaker.max_l2_positions")
            return f"{count} positions are at level 2 or above, more than {limit}" if count > limit else ""
        case _:
            calm = memory.get(f"calm|{VIX_SAFE}", 0) > max(memory.get(f"hot|{VIX_SAFE}", 0), breaker.session)
            return "" if calm else "VIX was not below its reset level for a session"


def _withdraw(d: Decision, key: str) -> None:
    """The condition for a reset is lost: a request for it has become pointless."""
    for approval in [a for a in d.book.approvals.values() if a.kind == "CLEAR_BREAKER" and a.subject == key]:
        expire(d, approval, Reason.WITHDRAWN)


def _ask(d: Decision, breaker: Breaker, requester: str = "") -> None:
    key = key_of(breaker.name, breaker.scope)
    if any(a.kind == "CLEAR_BREAKER" and a.subject == key for a in d.book.approvals.values()):
        return
    request(
        d, d.book.accounts.get(breaker.scope), "CLEAR_BREAKER", key, {"breaker": breaker.name},
        required=1, roles=["TRADER", "OWNER", "RISK"], expires_us=0, default="stay restricted", requester=requester,
    )  # fmt: skip


@on_decided("CLEAR_BREAKER")
def _clear_decided(d: Decision, approval: Approval, granted: bool, _choice: str) -> None:
    breaker = d.book.breakers.get(approval.subject)
    if granted and breaker is not None and not _too_early(d, breaker):
        _reset(d, breaker, ", ".join(approval.granted_by))


def ask_for_reset(d: Decision, name: str, scope: str, by: str) -> tuple[Reason, str] | None:
    """A person acknowledges losses from the next session on, or begins the approval once the condition is met (9)."""
    breaker = d.book.breakers.get(key_of(name, scope))
    if breaker is None:
        return Reason.NOT_ENGAGED, f"{name} of {scope} is not tripped"
    if name not in CLEARED_BY_PEOPLE:
        return Reason.ILLEGAL_TRANSITION, f"{name} is reset by its own rule"
    if early := _too_early(d, breaker):
        return Reason.TOO_EARLY, early
    if name == CONSECUTIVE_LOSSES:
        _withdraw(d, key_of(name, scope))
        _reset(d, breaker, by)
        return None
    _ask(d, breaker, by)
    return None


def kill_switch_released(d: Decision) -> None:
    """Two people have released what VIX had stopped: the breaker may trip again (protocol 9)."""
    breaker = d.book.breakers.get(key_of(VIX_KILL, SYSTEM))
    if breaker is not None:
        _reset(d, breaker, "kill switch released")


def vix_halves(d: Decision) -> Fraction:
    """Factor on `alloc_pct`: a half while VIX is above 50 (protocol 9)."""
    return Fraction(1, 2) if tripped(d, VIX_HEDGED) else Fraction(1)
