"""The entry procedure (protocol 6.2, 6.3, 6.5, 6.6): scans, premium gate, sizing, residual pass, orders, skips."""

from dataclasses import dataclass
from fractions import Fraction

from domain import events as e
from domain.alerts import raise_alert
from domain.approvals import expire, on_decided, request
from domain.calendar import HOUR, SECOND
from domain.config import Config
from domain.contracts import Option, option
from domain.decision import Decision
from domain.market import Quote
from domain.modes import effective_mode, mode_permits, most_severe
from domain.money import (
    ceil_tick,
    floor_int,
    ladder,
    percent_of,
    percent_text,
    price_text,
    ratio_e10,
    strike_value,
)
from domain.orders import blocked, place, request_cancel
from domain.pretrade import Intent, uncovered_lots
from domain.reasons import Reason
from domain.risk.breakers import MODE
from domain.risk.ending import L2, L3
from domain.risk.hedges import open_share_hedge
from domain.risk.levels import sell_uncovered
from domain.risk.measure import level_in_ticker
from domain.selection import Band, Pick, Rejected, halt_of, select
from domain.sizing import Budget, budget, caps, share_of, ticker_split
from domain.state import Account, Approval, Wheel, Window
from domain.valuation import corpus, deployable

SLEEVES = ("GEN", "REV", "COM")
"""Account types that enter trades by themselves."""


def trades_today(d: Decision, account: Account) -> tuple[bool, bool]:
    """(puts may be sold today, calls may be written today) by the configured entry days."""
    config, sleeve = d.config(account.account_id), account.type.lower()
    calendar, today = d.calendar, d.today
    put_days = config.items(f"{sleeve}.entry_days")
    if account.type == "REV" and config.flag("rev.thursday_pilot"):
        put_days = ["THU"]
    zero_dte = account.type == "GEN" and config.flag("gen.zero_dte_enabled") and today == calendar.weekly_expiry(today)
    return calendar.entry_on(put_days, today) or zero_dte, calendar.entry_on(
        config.items(f"{sleeve}.cc_entry_days"), today
    )


def open_window(d: Decision, account: Account) -> None:
    """10:00 ET on an entry day: the window opens and the first scan runs."""
    tickers = [t for t in _tickers(d, account) if wanted_right(d, account, t)]
    d.emit(e.EntryWindowOpened(tickers, d.today), f"account-{account.account_id}", account)
    scan(d, account)


def _tickers(d: Decision, account: Account) -> list[str]:
    return d.config(account.account_id).items(f"{account.type.lower()}.tickers")


def wanted_right(d: Decision, account: Account, ticker: str) -> str:
    """P or C where wheel phase and day ask for an entry, else empty (protocol 6.2 step 2)."""
    puts, calls = trades_today(d, account)
    phase = account.wheels.get(ticker, _IDLE).phase
    if phase == "IDLE" and puts and account.type == "COM" and not cash_trigger(d, account):
        return ""
    return "P" if phase == "IDLE" and puts else "C" if phase == "SHARES_HELD" and calls else ""


def cash_trigger(d: Decision, account: Account) -> bool:
    """COM sells puts only while deployable cash is above 20 % of corpus (protocol 6.5)."""
    config = d.config(account.account_id)
    least = percent_of(corpus(d.market, account), config.fraction("com.csp_cash_trigger_pct"))
    return config.flag("com.csp_enabled") and deployable(d, account) > least


_IDLE = Wheel()


@dataclass(slots=True)
class _Candidate:
    ticker: str
    right: str
    pick: Pick
    quantity: int = 0
    reserved: int = 0
    """cents kept for it while its approval is pending"""
    detail: str = ""


def scan(d: Decision, account: Account) -> None:
    """One scan over the account's tickers, in list order (protocol 6.2)."""
    passed: list[_Candidate] = []
    asking: list[_Candidate] = []
    rejections: list[e.TickerRejection] = []
    overrides: list[tuple[str, Rejected]] = []
    for ticker in _tickers(d, account):
        right = wanted_right(d, account, ticker)
        window = account.windows.get(ticker)
        if not right or (window is not None and (window.ordered or window.skipped)):
            continue
        found = (
            _account_gate(d, account, right, ticker)
            or _ticker_gate(d, account, ticker, right)
            or _unblocked(d, select(d, account, ticker, right))
        )
        if isinstance(found, Rejected):
            if found.override is not None and not (window and window.asked):
                overrides.append((ticker, found))
            if not (window and window.approval_id):
                rejections.append(e.TickerRejection(ticker, right, found.reason, found.detail))
            continue
        gate = _gate(d, account, right)
        if found.premium_pct < gate:
            detail = f"premium {percent_text(found.premium)} below {gate}%"
            if right == "P" and not (window and window.asked):
                asking.append(_Candidate(ticker, right, found, detail=detail))
            elif not (window and window.approval_id):
                rejections.append(e.TickerRejection(ticker, right, Reason.PREMIUM_BELOW_MIN, detail))
            continue
        if window and window.approval_id:
            expire(d, d.book.approvals[window.approval_id], Reason.WITHDRAWN)
        passed.append(_Candidate(ticker, right, found))
    for candidate in (*passed, *asking):
        _strike_selected(d, account, candidate)
    _size(d, account, passed, asking)
    traded = [c for c in passed if c.quantity]
    rejections.extend(
        e.TickerRejection(c.ticker, c.right, Reason.INSUFFICIENT_CAPITAL, c.detail)
        for c in (*passed, *asking)
        if not c.quantity
    )
    d.emit(
        e.EntryScanCompleted(d.today, [c.ticker for c in traded], rejections), f"account-{account.account_id}", account
    )
    for candidate in asking:
        if candidate.quantity:
            _ask(d, account, candidate)
    for ticker, refused in overrides:
        _ask_for_call(d, account, ticker, refused)
    for candidate in traded:
        _send(d, account, candidate.ticker, candidate.pick, candidate.quantity, "ENTRY", floor_e4=None)


def _account_gate(d: Decision, account: Account, right: str, ticker: str) -> Rejected | None:
    book = d.book
    if account.state != "ACTIVE":
        return Rejected(Reason.ACCOUNT_STATE, account.state)
    excused = right == "C" and _people_may_decide(account, ticker)
    if not excused and not _mode_permits(account, right, breakers=False):
        return Rejected(Reason.TRADING_MODE, f"{effective_mode(account)}: {', '.join(sorted(account.restrictions))}")
    age = d.now_us - book.last_reconciled_us
    if book.breaks:
        return Rejected(Reason.RECONCILIATION, f"breaks {book.breaks}")
    if not book.last_reconciled_us:
        return Rejected(Reason.RECONCILIATION, "no clean one yet")
    if age >= d.config().integer("recon.max_age_hours") * HOUR:
        return Rejected(Reason.RECONCILIATION, f"last clean one {age // HOUR} h ago")
    if not book.broker_up:
        return Rejected(Reason.BROKER_DOWN, "no broker session")
    if book.killed or (not excused and not _mode_permits(account, right, breakers=True)):
        return Rejected(Reason.BREAKER, ", ".join(sorted(account.restrictions)) or "kill switch")
    return None


def _mode_permits(account: Account, right: str, *, breakers: bool) -> bool:
    """Whether the restrictions permit an entry: with `breakers` all of them, else those that are no breaker's and no
    reconciliation break's, which the later steps of the gate name."""
    told_later = (*MODE, Reason.RECON)
    modes = [mode for reason, mode in account.restrictions.items() if breakers or reason not in told_later]
    return mode_permits(most_severe(modes), right)


def _people_may_decide(account: Account, ticker: str) -> bool:
    """Calls on shares at level 3 need an approval where a protocol level alone keeps them back (protocol 8.1)."""
    wheel = account.wheels.get(ticker)
    if wheel is None or wheel.level < 3:
        return False
    others = most_severe(mode for reason, mode in account.restrictions.items() if reason not in (L2, L3))
    return L3 in account.restrictions and others in ("NORMAL", "CC_ONLY")


def _ticker_gate(d: Decision, account: Account, ticker: str, right: str) -> Rejected | None:
    """Permitted, and no position at a level (puts); earnings, halt and volatility follow with the expiry."""
    if ticker in d.config(account.account_id).items("common.blacklist"):
        return Rejected(Reason.NOT_PERMITTED, "on the blacklist")
    level = level_in_ticker(d, account, ticker) if right == "P" else 0
    if level:
        return Rejected(Reason.LEVEL, f"a position in {ticker} is at level {level}")
    return None


def _unblocked(d: Decision, found: Pick | Rejected) -> Pick | Rejected:
    """An order of unknown fate blocks its contract (protocol 12.1)."""
    if isinstance(found, Pick) and blocked(d, found.quote.contract):
        return Rejected(Reason.ORDER_UNKNOWN, found.quote.contract)
    return found


def _gate(d: Decision, account: Account, right: str) -> Fraction:
    config, sleeve = d.config(account.account_id), account.type.lower()
    return config.fraction(f"{sleeve}.min_premium_pct" if right == "P" else f"{sleeve}.cc_min_premium_pct")


def _strike_selected(d: Decision, account: Account, candidate: _Candidate) -> None:
    pick = candidate.pick
    stream = f"wheel-{account.account_id}-{candidate.ticker}"
    d.emit(
        e.EligibleStrikeSelected(
            candidate.ticker,
            pick.quote.contract,
            pick.quote.delta_e2,
            pick.quote.bid_e4,
            pick.quote.ask_e4,
            ratio_e10(pick.premium),
            pick.shadow,
        ),
        stream,
        account,
    )


def _size(d: Decision, account: Account, passed: list[_Candidate], asking: list[_Candidate]) -> None:
    """Quantities of the candidates, residual pass and the reserve for requests included (protocol 6.5)."""
    if not passed and not asking:
        return
    money = budget(d, account)
    pending = sum(1 for w in account.windows.values() if w.approval_id)
    puts = [c for c in passed if c.right == "P"]
    sharing = len(puts) + len(asking) + pending
    split = ticker_split(d, account)
    if split == "BEST_PREMIUM" and puts:
        best = max(puts, key=lambda c: c.pick.premium)
        for candidate in puts:
            candidate.detail = "BEST_PREMIUM gives all to the ticker with the highest premium"
        puts = [best]
    for candidate in asking:
        candidate.reserved = _quantify(d, account, money, candidate, sharing)
        if candidate.quantity:
            money.reserved += candidate.reserved
    for candidate in puts:
        _quantify(d, account, money, candidate, sharing)
        money.taken += candidate.quantity * strike_value(candidate.pick.quote.strike_e3, 1)
    if account.type == "GEN" and d.config(account.account_id).flag("common.residual_pass"):
        _residual(d, account, money, puts)
    for candidate in passed:
        if candidate.right == "C":
            candidate.quantity = calls_to_write(d, account, candidate.ticker, option(candidate.pick.quote.contract))
            candidate.detail = "no uncovered lot of 100 shares"


def calls_to_write(d: Decision, account: Account, ticker: str, terms: Option) -> int:
    """GEN and REV: all uncovered lots; COM: its coverage of them, less in an earnings week (protocol 6.2, 6.5)."""
    lots = uncovered_lots(d, account, ticker)
    if account.type != "COM":
        return lots
    config = d.config(account.account_id)
    earnings = config.flag("common.earnings_filter") and d.market.earnings_between(ticker, d.today, terms.expiry)
    coverage = config.fraction("com.cc_earnings_coverage_pct" if earnings else "com.cc_coverage_pct")
    spare = Fraction(account.shares(ticker), 100) * coverage / 100
    return max(0, floor_int(spare) - (account.shares(ticker) // 100 - lots))


def _quantify(d: Decision, account: Account, money: Budget, candidate: _Candidate, sharing: int) -> int:
    """Contracts that a ticker's share of the budget and the caps carry. Returns the share."""
    share = min(share_of(d, account, money, candidate.ticker, sharing), money.left)
    one = strike_value(candidate.pick.quote.strike_e3, 1)
    most, cap = caps(d, account, candidate.pick, candidate.ticker, 0, money.worth)
    candidate.quantity = min(share // one, most)
    if not candidate.quantity:
        candidate.detail = f"share {share}, one contract {one} cents; {cap} allows {most}"
    return share


def _residual(d: Decision, account: Account, money: Budget, puts: list[_Candidate]) -> None:
    """While the residual covers one more contract, it goes to the highest premium; tie: list order (protocol 6.5)."""
    while True:
        fitting = [
            c
            for c in puts
            if strike_value(c.pick.quote.strike_e3, 1) <= money.left
            and caps(d, account, c.pick, c.ticker, c.quantity, money.worth)[0] > 0
        ]
        if not fitting:
            return
        best = max(fitting, key=lambda c: c.pick.premium)
        best.quantity += 1
        money.taken += strike_value(best.pick.quote.strike_e3, 1)


def _ask(d: Decision, account: Account, candidate: _Candidate) -> None:
    """Premium below the gate: detection, alert and approval request until the end of the window (protocol 6.3)."""
    pick, ticker = candidate.pick, candidate.ticker
    config = d.config(account.account_id)
    gate = _gate(d, account, "P")
    stream = f"wheel-{account.account_id}-{ticker}"
    d.emit(
        e.PremiumBelowThresholdDetected(ticker, pick.quote.contract, ratio_e10(pick.premium), ratio_e10(gate / 100)),
        stream,
        account,
    )
    floor = ceil_tick(_slippage(config) * pick.quote.mid_e4, ticker)
    raise_alert(
        d,
        account,
        "TRADE_OPPORTUNITY",
        "HIGH",
        ticker,
        "Premium below the gate",
        f"{pick.quote.contract} {candidate.detail}",
    )
    request(
        d,
        account,
        "PREMIUM_BELOW_GATE",
        ticker,
        {
            "contract": pick.quote.contract,
            "strike_e3": str(pick.quote.strike_e3),
            "delta_e2": str(pick.quote.delta_e2),
            "premium_e10": str(ratio_e10(pick.premium)),
            "gate_pct": str(gate),
            "quantity": str(candidate.quantity),
            "floor_e4": str(floor),
            "mid_e6": str(pick.quote.mid_e6),
            "reserved": str(candidate.reserved),
        },
        required=1,
        roles=["TRADER", "OWNER"],
        expires_us=d.calendar.et(d.today, config.integer("entry.window_end")),
        default="deny",
    )


def _ask_for_call(d: Decision, account: Account, ticker: str, refused: Rejected) -> None:
    """No call meets the floor, or the shares are 15 % down: people decide until the window ends (protocol 6.7)."""
    pick = refused.override
    assert pick is not None
    config = d.config(account.account_id)
    proposal = {
        "contract": pick.quote.contract,
        "delta_e2": str(pick.quote.delta_e2),
        "premium_e10": str(ratio_e10(pick.premium)),
        "floor_e4": str(ceil_tick(_slippage(config) * pick.quote.mid_e4, ticker)),
        "choices": "CALL,HOLD,SELL,HEDGE",
    }
    request(
        d, account, "CC_FLOOR", ticker, proposal, required=1, roles=["TRADER", "OWNER"],
        expires_us=d.calendar.et(d.today, config.integer("entry.window_end")), default="skip",
    )  # fmt: skip


@on_decided("CC_FLOOR")
def _call_decided(d: Decision, approval: Approval, granted: bool, choice: str) -> None:
    """Approved: the proposed call is sold from current quotes, whatever the floor; or the shares are sold or hedged."""
    account, ticker = d.book.accounts[approval.account_id], approval.subject
    if not granted:
        return
    if choice == "SELL":
        sell_uncovered(d, account, ticker, approval.approval_id)
    elif choice == "HEDGE":
        open_share_hedge(d, account, ticker, approval.approval_id)
    elif choice in ("", "CALL"):
        pick = _current_pick(d, approval.proposal["contract"])
        if pick is None or blocked(d, pick.quote.contract):
            return
        quantity = calls_to_write(d, account, ticker, option(pick.quote.contract))
        if quantity:
            floor = int(approval.proposal["floor_e4"])
            _send(d, account, ticker, pick, quantity, "RECOVERY_CALL", floor, approval.approval_id)


def _slippage(config: Config) -> Fraction:
    return 1 - config.fraction("order.max_slippage_pct") / 100


def _send(
    d: Decision,
    account: Account,
    ticker: str,
    pick: Pick,
    quantity: int,
    purpose: str,
    floor_e4: int | None,
    approval: str = "",
) -> None:
    """Signal and order: ladder from mid down to the floor, fixed now (protocol 6.6)."""
    config, quote = d.config(account.account_id), pick.quote
    right = quote.right
    gate = _gate(d, account, right)
    if floor_e4 is None:
        floor_e4 = ceil_tick(max(_slippage(config) * quote.mid_e4, gate * pick.reference_e4 / 100), ticker)
    prices = ladder(ceil_tick(quote.mid_e4, ticker), floor_e4, ticker)
    signal = d.next_event_id()
    d.emit(
        e.TradeSignalGenerated(
            signal,
            ticker,
            quote.contract,
            "SELL",
            quantity,
            prices[0],
            floor_e4,
            prices,
            quote.mid_e6,
            pick.reference_e4,
            quote.delta_e2,
            approval or None,
            purpose,
        ),
        f"wheel-{account.account_id}-{ticker}",
        account,
    )
    intent = Intent(
        quote.contract,
        ticker,
        "SELL",
        "OPEN",
        quantity,
        quantity,
        prices[0],
        purpose,
        quote,
        pick.premium,
        Fraction(0) if approval else gate / 100,
        pick.band.low,
        pick.band.high,
        pick.spot_e4,
        approval,
        bool(approval),
    )
    place(d, account, intent, signal, prices)


@on_decided("PREMIUM_BELOW_GATE")
def _premium_decided(d: Decision, approval: Approval, granted: bool, _choice: str) -> None:
    """Approved: size and order of the same contract at once from current quotes. Denied: the ticker is skipped (6.3).
    Then the residual pass, once more. A request that lapsed with the window frees its share for no one."""
    account, ticker = d.book.accounts[approval.account_id], approval.subject
    config = d.config(account.account_id)
    if d.now_us >= d.calendar.et(d.today, config.integer("entry.window_end")):
        return
    refused = _trade_approved(d, account, approval) if granted else Rejected(Reason.PREMIUM_BELOW_MIN, "denied")
    if refused is not None:
        skipped = e.EntrySkipped(ticker, refused.reason, refused.detail, "P")
        d.emit(skipped, f"wheel-{account.account_id}-{ticker}", account)
    if account.type == "GEN" and config.flag("common.residual_pass") and _account_gate(d, account, "P", ticker) is None:
        _residual_orders(d, account)


def _trade_approved(d: Decision, account: Account, approval: Approval) -> Rejected | None:
    """Order of an approved request, at most the proposed quantity, never under the approved floor; or why not."""
    contract, floor = approval.proposal["contract"], int(approval.proposal["floor_e4"])
    barred = _account_gate(d, account, "P", approval.subject) or _ticker_gate(d, account, approval.subject, "P")
    barred = barred or halt_of(d, approval.subject)
    if barred is not None:
        return barred
    if blocked(d, contract):
        return Rejected(Reason.ORDER_UNKNOWN, contract)
    pick = _current_pick(d, contract)
    if pick is None:
        return Rejected(Reason.STALE_QUOTE, "no fresh quote")
    if pick.quote.mid_e4 < floor:
        mid = price_text(int(pick.quote.mid_e4))
        return Rejected(Reason.PREMIUM_BELOW_MIN, f"mid {mid} below the approved floor {price_text(floor)}")
    money = budget(d, account)
    share = min(int(approval.proposal["reserved"]), money.left)
    most, cap = caps(d, account, pick, approval.subject, 0, money.worth)
    one = strike_value(pick.quote.strike_e3, 1)
    quantity = min(share // one, int(approval.proposal["quantity"]), most)
    if not quantity:
        return Rejected(Reason.INSUFFICIENT_CAPITAL, f"share {share}, one contract {one} cents; {cap} allows {most}")
    _send(d, account, approval.subject, pick, quantity, "ENTRY", floor, approval.approval_id)
    return None


def _current_pick(d: Decision, contract: str) -> Pick | None:
    """The contract at current quotes, `None` without a fresh two-sided quote."""
    terms = option(contract)
    quote, chain = d.market.quote(contract), d.market.chain(terms.underlying)
    if quote is None or chain is None or not quote.two_sided or not _fresh(d, quote):
        return None
    reference = terms.strike_e4 if terms.right == "P" else chain.spot_e4
    return Pick(
        quote, Band(Fraction(0), Fraction(0), Fraction(100)), chain.spot_e4, reference, quote.mid_e4 / reference, ""
    )


def _fresh(d: Decision, quote: Quote) -> bool:
    return d.now_us - quote.quote_time_us <= d.config().integer("data.stale_s") * SECOND


def _residual_orders(d: Decision, account: Account) -> None:
    """After a decision inside the window: further orders of tickers traded in it, at the current mid (protocol 6.5)."""
    options: list[tuple[_Candidate, int | None, str]] = []
    for ticker in _tickers(d, account):
        window = account.windows.get(ticker)
        first = next(
            (
                o
                for o in d.book.orders.values()
                if o.account_id == account.account_id
                and o.ticker == ticker
                and o.purpose == "ENTRY"
                and o.state != "REJECTED"
                and d.calendar.day_of(o.created_us) == d.today
            ),
            None,
        )
        if window is None or not window.ordered or window.right != "P" or first is None:
            continue
        barred = _ticker_gate(d, account, ticker, "P") or halt_of(d, ticker)
        if barred is not None or blocked(d, first.contract):
            continue
        pick = _current_pick(d, first.contract)
        if pick is None:
            continue
        floor = (
            first.ladder_e4[-1]
            if first.approval_id and first.ladder_e4
            else first.limit_e4
            if first.approval_id
            else None
        )
        meets = pick.quote.mid_e4 >= floor if floor is not None else pick.premium_pct >= _gate(d, account, "P")
        if meets:
            options.append((_Candidate(ticker, "P", pick), floor, first.approval_id))
    money = budget(d, account)
    _residual(d, account, money, [c for c, _, _ in options])
    for candidate, floor, approval in options:
        if candidate.quantity:
            _send(d, account, candidate.ticker, candidate.pick, candidate.quantity, "RESIDUAL", floor, approval)


def close_window(d: Decision, account: Account) -> None:
    """11:00 ET: each ticker without an order gets exactly one `EntrySkipped` with the reason of its last scan."""
    for ticker in _tickers(d, account):
        window = account.windows.get(ticker)
        if window is None or window.ordered or window.skipped:
            continue
        reason = window.reason or Reason.NO_ELIGIBLE_STRIKE
        d.emit(
            e.EntrySkipped(ticker, reason, window.detail, window.right), f"wheel-{account.account_id}-{ticker}", account
        )


def end_work(d: Decision, account: Account) -> None:
    """11:30 ET: what is not filled is cancelled; a partial fill stands."""
    for order in list(d.book.orders.values()):
        entry = order.purpose in ("ENTRY", "RESIDUAL", "RECOVERY_CALL")
        if order.account_id == account.account_id and entry and order.working:
            request_cancel(d, order, Reason.WORK_END)


__all__ = ["SLEEVES", "Window", "close_window", "end_work", "open_window", "scan", "trades_today", "wanted_right"]
