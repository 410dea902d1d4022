"""Quarterly reinvestment of REV and COM (protocol 10.4)."""

from domain import events as e
from domain.decision import Decision
from domain.leaps import buy, select_leaps
from domain.ledger import check_buffer
from domain.lifecycle.surplus import in_workflow
from domain.lifecycle.transfers import Refusal, pay_pending
from domain.market import Quote
from domain.modes import effective_mode
from domain.money import floor_int
from domain.orders import on_ended, place
from domain.pretrade import Intent
from domain.purchases import LeapsCandidate, buy_leaps, buy_shares, quarterly_amounts
from domain.quarters import is_run_day, net_result, previous_quarter, quarter_id, quarter_of, quarter_tax
from domain.reasons import Reason
from domain.state import Account, Order
from domain.valuation import deployable


def evaluate_reinvestment(d: Decision, account: Account) -> None:
    """After the EOD job of a quarter's first business day, or of a day to which the run was postponed."""
    if account.type not in ("REV", "COM") or account.state in ("CLOSED", "MERGED", "PENDING_FUNDING"):
        return
    quarter = previous_quarter(quarter_id(d.today))
    results = quarter_of(account, quarter)
    if is_run_day(d.calendar, d.today, d.config(account.account_id)) or results.state == "POSTPONED":
        if results.state in ("", "POSTPONED"):
            _run(d, account, quarter)
    elif account.uninvested and d.config(account.account_id).text("reinvest.com_deploy") == "IMMEDIATE":
        _deploy(d, account)


def run_now(d: Decision, account: Account) -> Refusal | None:
    """A person asks for the quarter's run: after the day's EOD job it is looked at again, not before."""
    config, quarter = d.config(account.account_id), previous_quarter(quarter_id(d.today))
    due = is_run_day(d.calendar, d.today, config) and quarter_of(account, quarter).state in ("", "POSTPONED")
    if due and d.now_us < d.calendar.et(d.today, d.config().integer("eod.time")):
        return Reason.TOO_EARLY, "the run is after the end-of-day job"
    evaluate_reinvestment(d, account)
    return None


def key_of(account: Account, quarter: str) -> str:
    """A run's id: account|YYYYQn. Running a quarter again has no effect."""
    return f"{account.account_id}|{quarter}"


def _stream(account: Account, quarter: str) -> str:
    return f"reinvest-{key_of(account, quarter)}"


def _run(d: Decision, account: Account, quarter: str) -> None:
    config, key, results = d.config(account.account_id), key_of(account, quarter), quarter_of(account, quarter)
    stream = _stream(account, quarter)
    held = account.state != "ACTIVE" or in_workflow(d, account)
    too_long = results.postponed >= config.integer("reinvest.max_postpone")
    if not held or too_long:
        pay_pending(d, account, quarter)
    results = quarter_of(account, quarter)
    net = net_result(results)
    tax = quarter_tax(results, config) if config.text("reinvest.basis") == "POST_TAX" else 0
    if not _barred(d, account):
        _start(d, account, quarter, net, tax, results.withdrawn)
    elif too_long:
        carry = max(0, max(0, net - tax) + account.carry - results.withdrawn)
        d.emit(e.ReinvestmentSkipped(key, Reason.POSTPONED_TOO_LONG, carry), stream, account)
    else:
        why = effective_mode(account) if account.state == "ACTIVE" else account.state
        d.emit(e.ReinvestmentPostponed(key, why, results.postponed + 1), stream, account)


def _barred(d: Decision, account: Account) -> bool:
    """PRESERVATION, not ACTIVE or an open merge: no purchase (protocol 10.4)."""
    return account.state != "ACTIVE" or in_workflow(d, account) or effective_mode(account) == "PRESERVATION"


def _deploy(d: Decision, account: Account) -> None:
    """`reinvest.com_deploy = IMMEDIATE`: the same purchase, for capital that waits, on the next session."""
    if not _barred(d, account) and not account.reinvesting:
        _start(d, account, f"D{d.today}", 0, 0, 0)


def _start(d: Decision, account: Account, quarter: str, net: int, tax: int, withdrawn: int) -> None:
    config, key, stream = d.config(account.account_id), key_of(account, quarter), _stream(account, quarter)
    waiting = account.uninvested if account.type == "COM" else 0
    amounts = quarterly_amounts(
        net_realised=net, tax=tax, deployable=deployable(d, account), uninvested=waiting, carry_in=account.carry,
        withdrawals=withdrawn, primary_pct=config.fraction("reinvest.primary_pct"),
    )  # fmt: skip
    if amounts.no_gains:
        d.emit(e.ReinvestmentSkipped(key, Reason.NO_GAINS, account.carry), stream, account)
        return
    d.emit(
        e.ReinvestmentCalculated(
            key, net, tax, amounts.reinvested, amounts.primary, amounts.leaps, waiting, account.carry, amounts.available
        ),
        stream,
        account,
    )
    capacity = config.text(f"reinvest.{account.type.lower()}_primary") == "CONTRACT_CAPACITY"
    if capacity and amounts.primary:
        new = account.sizing_base + amounts.primary
        d.emit(e.SizingBaseChanged(account.sizing_base, new, key), f"account-{account.account_id}", account)
    held = amounts.leaps + (0 if capacity else amounts.primary)
    if not held:
        complete(d, account)
        return
    following = d.calendar.next_session(d.today)
    d.set_timer(f"buy|{account.account_id}|", d.calendar.et(following, config.integer("entry.window_start")))


def purchase(d: Decision, account: Account) -> None:
    """10:00 of the next session: what is held for the run goes out as orders."""
    run = account.reinvesting
    if run is None:
        return
    if _barred(d, account):
        complete(d, account)
        return
    config = d.config(account.account_id)
    capacity = config.text(f"reinvest.{account.type.lower()}_primary") == "CONTRACT_CAPACITY"
    tickers = config.items(f"{account.type.lower()}.tickers")
    left_primary = run.primary if not capacity else 0
    planned: list[e.PlannedPurchase] = []
    share_orders: list[tuple[str, int, int]] = []
    if left_primary:
        asks = [(t, mark.ask_e4 or mark.last_e4) for t in tickers if (mark := d.market.marks.get(t)) is not None]
        if asks:
            basket = buy_shares(left_primary, asks)
            left_primary = basket.left
            share_orders = [(one.ticker, one.shares, one.limit_e4) for one in basket.purchases]
            prices = dict(asks)
            planned += [e.PlannedPurchase(one.ticker, one.shares, prices[one.ticker]) for one in basket.purchases]
    quotes: dict[str, Quote] = {t: q for t in tickers if (q := select_leaps(d, account, t)) is not None}
    candidates = {t: LeapsCandidate(q.contract, q.mid_e4) for t, q in quotes.items()}
    leaps = buy_leaps(run.leaps, tickers, candidates, last_bought=account.last_leaps)
    planned += [
        e.PlannedPurchase(one.contract, one.contracts, floor_int(quotes[one.ticker].mid_e4)) for one in leaps.purchases
    ]
    d.emit(e.ReinvestmentPlanned(run.key, planned, left_primary, leaps.left), f"reinvest-{run.key}", account)
    for ticker, shares, limit in share_orders:
        _buy_shares(d, account, ticker, shares, limit, run.key)
    for one in leaps.purchases:
        buy(d, account, quotes[one.ticker], one.contracts, run.key)
    check_buffer(d, account)
    _complete_if_over(d, account)


def _buy_shares(d: Decision, account: Account, ticker: str, shares: int, limit_e4: int, key: str) -> None:
    mark = d.market.marks[ticker]
    signal = d.next_event_id()
    d.emit(
        e.TradeSignalGenerated(
            signal, ticker, ticker, "BUY", shares, limit_e4, 0, [limit_e4], (mark.bid_e4 + mark.ask_e4) * 50,
            mark.last_e4, 0, None, "REINVESTMENT",
        ),
        f"wheel-{account.account_id}-{ticker}",
        account,
    )  # fmt: skip
    intent = Intent(
        ticker, ticker, "BUY", "OPEN", shares, shares, limit_e4, "SHARES", None, spot_e4=mark.last_e4, reference=key
    )
    place(d, account, intent, signal)


@on_ended("SHARES")
def _shares_ended(d: Decision, account: Account, _order: Order) -> None:
    _complete_if_over(d, account)


@on_ended("LEAPS")
def _leaps_ended(d: Decision, account: Account, _order: Order) -> None:
    _complete_if_over(d, account)


def _complete_if_over(d: Decision, account: Account) -> None:
    """The run is over when none of its orders works any more."""
    run = account.reinvesting
    if run is None or not run.planned:
        return
    orders = [o for o in d.book.orders.values() if o.reference == run.key]
    if len(orders) < run.purchases or any(not order.ended for order in orders):
        return
    complete(d, account)


def complete(d: Decision, account: Account) -> None:
    """What was not spent is carried into the next quarter."""
    run = account.reinvesting
    assert run is not None
    carry = max(0, run.available - run.spent)
    d.emit(e.ReinvestmentCompleted(run.key, run.spent, carry), f"reinvest-{run.key}", account)
