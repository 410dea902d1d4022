"""What events change in a book's weeks, its matrix of their outcomes, and what the feedback learns (protocol 11)."""

from fractions import Fraction

from domain import events as e
from domain import wash_sales
from domain.calendar import new_york_day, week_id
from domain.contracts import option
from domain.evolve_positions import note_delta
from domain.evolving import account_of, on
from domain.money import ratio_e10
from domain.prediction import OutcomeCell, matrix_keys, observe
from domain.state import Account, Book, Forecast, TickerWeek, WeekFigures

WEEK_RECORDS_KEPT = 64
"""Classified account-ticker-weeks that late notices may still correct."""
WASH_DAYS_KEPT = 62
CLOSED_DAYS_KEPT = 366
"""Ended chains are kept for four quarters."""
CLOSED_KEPT = 2_000


def cells_of(ticker: str, figures: WeekFigures, kind: str = "") -> list[str]:
    """Keys of the cells in which a week counts, of another type if `kind` is given."""
    return matrix_keys(kind or figures.kind, mode=figures.mode, ticker=ticker, delta_bucket=figures.bucket)


@on(e.WeekClassified)
def _week_classified(book: Book, event: e.WeekClassified, envelope: e.Envelope) -> None:
    account = account_of(book, envelope)
    if event.ticker is not None:
        key = f"{event.week_id}|{event.ticker}"
        account.week_records[key] = list(event.types or [])
        if account.type != "EXT":
            account.week_figures[key] = figures = _figures(event)
            _count(account, event.ticker, figures, 1)
        made = account.forecasts.setdefault(event.ticker, Forecast())
        if made.last_type:
            observe(
                made.counts,
                made.last_type,
                book.week_modes.get(event.week_id, ""),
                event.primary_type,
            )
        made.last_type, made.weeks = event.primary_type, made.weeks + 1
        account.week.setdefault(event.ticker, TickerWeek()).carried = event.carried or 0
        for contract, code in (event.awaited or {}).items():
            account.shorts[contract].counted = code
        return
    account.week = {t: _next_week(account, t, w) for t, w in account.week.items() if w.carried}
    account.classified_week, account.week_flows = event.week_id, 0
    account.week_start_nav, account.week_start_corpus = account.last_nav, account.last_corpus
    account.expired = {k: s for k, s in account.expired.items() if week_id(option(k).expiry) >= event.week_id}
    for key in list(account.week_records)[:-WEEK_RECORDS_KEPT]:
        del account.week_records[key]
        account.week_figures.pop(key, None)
    _forget_orders(book, account, envelope.recorded_at_us)
    wash_sales.forget(book.wash, new_york_day(envelope.recorded_at_us) - WASH_DAYS_KEPT)


def _figures(event: e.WeekClassified) -> WeekFigures:
    weight = event.weight
    result, premium = (
        ratio_e10(Fraction(amount, weight)) if weight else 0 for amount in (event.pnl, event.premium_collected)
    )
    return WeekFigures(event.primary_type, event.mode_confirmed or "", event.delta_bucket or "", result, premium)


def _next_week(account: Account, ticker: str, ended: TickerWeek) -> TickerWeek:
    """What a week begins with: weight, level and deltas of what is open."""
    wheel = account.wheels.get(ticker)
    week = TickerWeek(weight=ended.carried, max_level=wheel.level if wheel else 0)
    for contract, short in account.shorts.items():
        if option(contract).underlying == ticker:
            week.max_level = max(week.max_level, short.level)
            note_delta(week, short, short.quantity)
    return week


def _forget_orders(book: Book, account: Account, now_us: int) -> None:
    """Orders that ended more than a week ago; a report on one of them raises an alert then."""
    limit = now_us - ORDERS_KEPT_US
    gone = [o for o in book.orders.values() if o.ended and o.account_id == account.account_id and o.created_us < limit]
    for order in gone:
        del book.orders[order.order_id]
        book.streams.pop(f"order-{order.order_id}", None)


ORDERS_KEPT_US = 8 * 24 * 3600 * 1_000_000


@on(e.WeekReclassified)
def _week_reclassified(book: Book, event: e.WeekReclassified, envelope: e.Envelope) -> None:
    account = account_of(book, envelope)
    key = f"{event.week_id}|{event.ticker}"
    account.week_records[key] = list(event.types or [])
    figures = account.week_figures.get(key)
    if figures is not None and event.ticker is not None:
        _count(account, event.ticker, figures, -1)
        figures.kind = event.primary_type
        _count(account, event.ticker, figures, 1)


def _count(account: Account, ticker: str, figures: WeekFigures, sign: int) -> None:
    """Put a week into its cells of the matrix, or take it out."""
    for key in cells_of(ticker, figures):
        cell = account.matrix.get(key, OutcomeCell()).added(figures.result, figures.premium, sign=sign)
        account.matrix[key] = cell
        if not cell.count:
            del account.matrix[key]


@on(e.FeedbackCycleCompleted)
def _cycle_completed(book: Book, event: e.FeedbackCycleCompleted, envelope: e.Envelope) -> None:
    if event.cycle != "QUARTERLY":
        return
    book.reviewed_quarter = event.period
    oldest = new_york_day(envelope.recorded_at_us) - CLOSED_DAYS_KEPT
    for account in book.accounts.values():
        account.closed = [chain for chain in account.closed if chain.session >= oldest][-CLOSED_KEPT:]
