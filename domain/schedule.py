"""What a book does by the clock: the plan of a session, the EOD job, the weekly job (protocol 2.3, 2.4)."""

from collections.abc import Callable

from domain import controls, family, leaps, starlab
from domain import events as e
from domain.approvals import expire
from domain.calendar import SECOND, monday_of, week_id
from domain.closes import close_again
from domain.contracts import parse, ticker_of
from domain.decision import Decision
from domain.entry import SLEEVES, close_window, end_work, open_window, scan, trades_today
from domain.feedback import update_matrix
from domain.forecasts import confirm_week, guess_week, plan_guess, predict_types, score_guess, score_types
from domain.ledger import check_buffer, settle
from domain.lifecycle import closing, founding, merging
from domain.lifecycle.forking import evaluate_fork
from domain.lifecycle.reinvestment import evaluate_reinvestment, purchase
from domain.lifecycle.surplus import cross_check
from domain.monitoring import TABLE_STEP_US, evaluate, evaluate_package, read_expiry_table, sell_expiring_longs
from domain.orders import acknowledgement_due, reprice, request_cancel
from domain.outcomes import book_expiries, lapse_long_options
from domain.reasons import Reason
from domain.review import review_due_quarter
from domain.risk import breakers
from domain.risk.feeds import look_at_feed
from domain.risk.levels import ask_to_leave_preservation, escalate
from domain.risk.measure import announce_fallback
from domain.risk.stop_loss import exit_short
from domain.state import TAX_RESERVE, Account, Order
from domain.valuation import buffer_required, cash_total, free_cash, nav, put_collateral, unrealised
from domain.weeks import classify_account, reinvest_weekly

RANK = {
    "controls": 0,
    "open": 0,
    "guess": 0,
    "stop": 0,
    "feed": 1,
    "monitor": 1,
    "package": 1,
    "expiry": 2,
    "escalate": 3,
    "approval": 3,
    "merge": 4,
    "fork": 4,
    "closing": 4,
    "again": 4,
    "ack": 4,
    "reprice": 5,
    "buy": 6,
    "gtc": 7,
    "scan": 7,
    "window": 8,
    "work": 9,
    "close": 9,
    "eod": 10,
    "weekly": 11,
}
"""Order of timers due at the same moment: level-3 exits, levels, expiry management, closes, then entries (protocol 2.9,
12.3). A pending request lapses before the window that it belongs to is closed."""

SATURDAY = 5


def rank_of(key: str) -> int:
    """Rank of a timer by its kind, the part of its key before the first bar."""
    return RANK[key.partition("|")[0]]


def plan_next_session(d: Decision) -> None:
    """Set the timers of today's session where they are still to come, and of the next open."""
    _plan_open(d)
    if d.calendar.is_session(d.today) and d.now_us >= d.calendar.open_us(d.today):
        _plan_day(d)
        if d.now_us < d.calendar.close_us(d.today):
            controls.check_controls(d)
    _plan_weekly(d)
    breakers.check_vix(d)
    for account in _accounts(d):
        check_buffer(d, account)


def _plan_open(d: Decision) -> None:
    following = d.calendar.open_after(d.now_us)
    if following:
        d.set_timer("open", following)
        d.set_timer("controls", controls.due_us(following))


def take_calendar(d: Decision) -> None:
    """A new calendar has arrived: go on where the old one ended."""
    if d.book.accounts and "open" not in d.book.timers:
        _plan_open(d)


def _plan_weekly(d: Decision) -> None:
    saturday = monday_of(d.today) + SATURDAY
    due = d.calendar.et(saturday, d.config().integer("weekly.time"))
    d.set_timer("weekly", due if due > d.now_us else d.calendar.et(saturday + 7, d.config().integer("weekly.time")))


def _plan_day(d: Decision) -> None:
    calendar, today, config = d.calendar, d.today, d.config()

    def at(key: str, due_us: int) -> None:
        if due_us > d.now_us:
            d.set_timer(key, due_us)

    at("eod", calendar.et(today, config.integer("eod.time")))
    if today == calendar.weekly_expiry(today) or _expiring_today(d):
        start = calendar.et_expiry(today, config.integer("expiry.manage_start"))
        at("expiry", max(start, d.now_us + 1))
    for account in d.book.accounts.values():
        if account.type not in SLEEVES or account.state in breakers.GONE or not any(trades_today(d, account)):
            continue
        own = d.config(account.account_id)
        start, end, work = (
            calendar.et(today, own.integer(f"entry.{k}")) for k in ("window_start", "window_end", "work_until")
        )
        if d.now_us < end:
            at(f"scan|{account.account_id}", start if start > d.now_us else d.now_us + SECOND)
            at(f"window|{account.account_id}", end)
        at(f"work|{account.account_id}", work)


def _expiring_today(d: Decision) -> bool:
    return any(
        terms is not None and terms.expiry == d.today
        for account in d.book.accounts.values()
        for terms in (parse(c) for c in (*account.shorts, *(lot.contract for lot in account.lots)))
    )


def on_timer(d: Decision, key: str) -> None:
    """A timer of this book has fired."""
    kind, _, rest = key.partition("|")
    book = d.book
    match kind:
        case "monitor" | "package" | "stop":
            account_id, _, name = rest.partition("|")
            _POSITION_JOBS[kind](d, book.accounts[account_id], name)
        case "feed":
            look_at_feed(d, rest)
        case "controls" | "open" | "expiry" | "eod" | "weekly" | "guess":
            _BOOK_JOBS[kind](d)
        case "scan" | "window" | "work":
            _ACCOUNT_JOBS[kind](d, book.accounts[rest])
        case "reprice" | "ack" | "close":
            if rest in book.orders:
                _ORDER_JOBS[kind](d, book.orders[rest])
        case "escalate":
            escalate(d, rest)
        case "gtc":
            starlab.at_open(d, book.accounts[rest])
        case "buy" | "merge" | "fork" | "closing" | "again":
            account_id, _, name = rest.partition("|")
            _go_on(d, kind, account_id, name)
        case "approval":
            if rest in book.approvals:
                expire(d, book.approvals[rest], Reason.EXPIRED)
        case _:
            raise ValueError(f"unknown timer {key}")


def _go_on(d: Decision, kind: str, account_id: str, name: str) -> None:
    """The next step of what takes longer than a moment; `name`: group, fork or order."""
    match kind:
        case "buy":
            purchase(d, d.book.accounts[account_id])
        case "merge":
            merging.go_on(d, d.book.groups[name])
        case "fork":
            founding.ask_again(d, name)
        case "closing":
            closing.go_on(d, d.book.accounts[account_id])
        case _:
            if name in d.book.orders:
                close_again(d, d.book.accounts[account_id], d.book.orders[name])


def resume_exit(d: Decision, account: Account, contract: str) -> None:
    """A level-3 exit that waited for the open or a quote."""
    short = account.shorts.get(contract)
    if short is not None and not short.pending_outcome:
        exit_short(d, account, short)


def _stop_closing(d: Decision, order: Order) -> None:
    """A close that a person asked for has worked long enough: decided anew next session (protocol 6.6)."""
    request_cancel(d, order, Reason.WORK_END)


def _open(d: Decision) -> None:
    for account in _accounts(d):
        settle(d, account)
        closing.go_on(d, account)
        starlab.at_open(d, account)
    breakers.at_open(d)
    _announce_fallbacks(d)
    _plan_open(d)
    if d.calendar.is_session(d.today):
        _plan_day(d)


def _announce_fallbacks(d: Decision) -> None:
    """Symbols that the book trades or holds and whose last session has no ATR (protocol 5.3)."""
    for account in _accounts(d):
        config = d.config(account.account_id)
        symbols = {ticker_of(c) for c in account.shorts} | {ticker_of(lot.contract) for lot in account.lots}
        if account.type in SLEEVES:
            symbols |= set(config.items(f"{account.type.lower()}.tickers"))
        for symbol in sorted(symbols):
            if d.atr_record(symbol, account) is not None:
                announce_fallback(d, symbol, config)


def _accounts(d: Decision) -> list[Account]:
    return [d.book.accounts[key] for key in sorted(d.book.accounts)]


def _scan(d: Decision, account: Account) -> None:
    """The first scan of a day opens the window, whenever it comes."""
    config = d.config(account.account_id)
    end = d.calendar.et(d.today, config.integer("entry.window_end"))
    if d.now_us >= end:
        return
    if account.window_session != d.today:
        open_window(d, account)
    else:
        scan(d, account)
    following = d.now_us + config.integer("entry.rescan_interval") * SECOND
    if following < end:
        d.set_timer(f"scan|{account.account_id}", following)


def _expiry(d: Decision) -> None:
    end = d.calendar.et_expiry(d.today, d.config().integer("expiry.manage_end"))
    if d.now_us >= end:
        return
    for account in _accounts(d):
        read_expiry_table(d, account)
        sell_expiring_longs(d, account)
    if d.now_us + TABLE_STEP_US < end:
        d.set_timer("expiry", d.now_us + TABLE_STEP_US)


def end_of_day(d: Decision) -> None:
    """16:30 ET: expiries, marks and corpus, tax, buffer and breakers (protocol 2.4)."""
    for account in _accounts(d):
        book_expiries(d, account)
        lapse_long_options(d, account)
    for account in _accounts(d):
        if account.state not in ("ACTIVE", "SUSPENDED", "FORKING", "MERGING", "CLOSING"):
            continue
        worth = nav(d.market, account)
        d.emit(
            e.PositionMarked(
                worth,
                worth - account.balance(TAX_RESERVE),
                unrealised(d.market, account),
                cash_total(account),
                free_cash(d.book, account),
                put_collateral(d.book, account),
                account.balance(TAX_RESERVE),
                buffer_required(d, account),
                d.today,
            ),
            f"account-{account.account_id}",
            account,
        )
    for account in _accounts(d):
        breakers.check_account_drawdown(d, account)
        check_buffer(d, account, end_of_day=True)
        ask_to_leave_preservation(d, account)
    breakers.at_end_of_day(d)
    family.judge(d)
    _watchdogs(d)


def _watchdogs(d: Decision) -> None:
    """After the EOD job: merge, fork, reinvestment, within each by account (protocol 10)."""
    for account in _accounts(d):
        if account.state in ("ACTIVE", "SUSPENDED", "FORKING"):
            cross_check(d, account)
    for group in sorted(d.book.groups.values(), key=lambda one: min(one.members)):
        merging.evaluate_merge(d, group)
    for account in _accounts(d):
        evaluate_fork(d, account)
    for account in _accounts(d):
        evaluate_reinvestment(d, account)
        leaps.review(d, account)
        closing.go_on(d, account)


def _weekly(d: Decision) -> None:
    """Saturday 10:00 ET: confirm, classify, score, the matrix, GEN's reinvestment, predict (protocol 2.4, 11.4)."""
    friday = d.today - 1
    week, mode = week_id(friday), confirm_week(d, friday)
    states = ("ACTIVE", "SUSPENDED", "MERGING", "CLOSING")
    accounts = [a for a in _accounts(d) if a.state in states and a.type in SLEEVES]
    types = [classify_account(d, account, friday, mode) for account in accounts]
    score_guess(d, friday, mode)
    for account, kinds in zip(accounts, types, strict=True):
        score_types(d, account, week, kinds)
    update_matrix(d, week, accounts)
    for account, kinds in zip(accounts, types, strict=True):
        reinvest_weekly(d, account, friday)
        predict_types(d, account, list(kinds), week_id(friday + 7))
    review_due_quarter(d)
    plan_guess(d)
    _plan_weekly(d)


_BOOK_JOBS: dict[str, Callable[[Decision], None]] = {
    "controls": controls.check_controls,
    "open": _open,
    "expiry": _expiry,
    "eod": end_of_day,
    "weekly": _weekly,
    "guess": guess_week,
}
"""Timers of the whole book."""
_ACCOUNT_JOBS = {"scan": _scan, "window": close_window, "work": end_work}
_ORDER_JOBS = {"reprice": reprice, "ack": acknowledgement_due, "close": _stop_closing}
_POSITION_JOBS = {"monitor": evaluate, "package": evaluate_package, "stop": resume_exit}
