"""What events change in results, reserves and wash sales (protocol 4.4, 10.4)."""

from domain import events as e
from domain import wash_sales
from domain.calendar import as_date, new_york_day
from domain.contracts import ticker_of
from domain.evolving import account_of, on
from domain.quarters import quarter_id
from domain.state import Account, Book, Lot, Quarter, TaxYear
from domain.wash_sales import Adjustment, Loss


def _year(account: Account, year: int) -> TaxYear:
    return account.tax.setdefault(str(year), TaxYear())


def quarter_now(account: Account, envelope: e.Envelope) -> Quarter:
    """The quarter in which an event was recorded."""
    return account.quarters.setdefault(quarter_id(new_york_day(envelope.recorded_at_us)), Quarter())


def _add(account: Account, envelope: e.Envelope, year: int, tax_class: str, amount: int) -> None:
    results, quarter = _year(account, year), quarter_now(account, envelope)
    if tax_class == "LT":
        results.long_term, quarter.long_term = results.long_term + amount, quarter.long_term + amount
    else:
        results.short_term, quarter.short_term = results.short_term + amount, quarter.short_term + amount


@on(e.TaxableEventRecorded)
def _taxable(book: Book, event: e.TaxableEventRecorded, envelope: e.Envelope) -> None:
    account = account_of(book, envelope)
    _add(account, envelope, event.year, event.tax_class, event.gain)
    if event.lot_id is None or event.quantity is None:
        return
    shares = event.quantity * (1 if ticker_of(event.contract) == event.contract else 100)
    wash_sales.take_disposal(book.wash, root_of(event.lot_id), shares)
    if event.sold_lots:
        roots = [root_of(lot) for lot in event.sold_lots]
        wash_sales.take_loss(
            book.wash,
            Loss(
                envelope.event_id, account.account_id, ticker_of(event.contract), event.sold or 0, shares, -event.gain,
                event.tax_class, event.holding_days, roots,
            ),
        )  # fmt: skip


def root_of(lot_id: str) -> str:
    """A lot that was parted by a wash sale keeps its first id before the slash."""
    return lot_id.partition("/")[0]


@on(e.WashSaleAdjusted)
def _wash_sale(book: Book, event: e.WashSaleAdjusted, envelope: e.Envelope) -> None:
    wash_sales.take_adjustment(
        book.wash,
        Adjustment(
            event.loss_id, event.replacement_lot, event.quantity, event.disallowed, event.year, event.tax_class,
            event.held_days, event.waits,
        ),
    )  # fmt: skip
    _add(book.accounts[event.account_id], envelope, event.year, event.tax_class, event.disallowed)
    if not event.waits:
        target = book.accounts[event.replacement_account]
        _raise_basis(target, event.replacement_lot, event.quantity, event.disallowed, event.held_days, envelope)


def _raise_basis(account: Account, lot_id: str, shares: int, amount: int, held_days: int, envelope: e.Envelope) -> None:
    """Basis and holding period of the shares that replace; a lot of which only a part replaces is parted.

    A contract cannot be parted: what a further loss finds replaced already raises the basis of that part again.
    """
    lots = [lot for lot in account.lots if root_of(lot.lot_id) == lot_id]
    fitting = [lot for lot in lots if not lot.tax_acquired and lot.quantity * _size(lot) >= shares]
    if not fitting:
        lots[-1].disallowed += amount
        return
    lot = fitting[0]
    units = -(-shares // _size(lot))
    if units < lot.quantity:
        cost = lot.cost * units // lot.quantity
        part = Lot(f"{lot_id}/{envelope.event_id}", lot.contract, units, lot.acquired, cost, lot.price_e4)
        part.funds_settle = lot.funds_settle
        lot.quantity, lot.cost = lot.quantity - units, lot.cost - cost
        account.lots.append(part)
        lot = part
    lot.disallowed += amount
    lot.tax_acquired = lot.acquired - held_days


def _size(lot: Lot) -> int:
    return 1 if ticker_of(lot.contract) == lot.contract else 100


@on(e.WashSaleReleased)
def _wash_released(book: Book, event: e.WashSaleReleased, envelope: e.Envelope) -> None:
    account = account_of(book, envelope)
    if event.lot_id:
        _raise_basis(account, event.lot_id, event.quantity, event.amount, event.held_days, envelope)
    else:
        _add(account, envelope, event.year, event.tax_class, -event.amount)


@on(e.DeepPutEnded)
def _deep_put_ended(book: Book, event: e.DeepPutEnded, _envelope: e.Envelope) -> None:
    wash_sales.take_deep_put_ended(book.wash, event.put_id, event.quantity)
    for one in book.wash.acquisitions:
        if event.lot_id and one.lot_id == event.lot_id:
            one.open, one.used = one.open - event.used, one.used + event.used


@on(e.TaxYearClosed)
def _year_closed(book: Book, event: e.TaxYearClosed, envelope: e.Envelope) -> None:
    _year(account_of(book, envelope), event.year).closed = True


@on(e.DividendReceived)
def _dividend(book: Book, event: e.DividendReceived, envelope: e.Envelope) -> None:
    account = account_of(book, envelope)
    year, quarter = _year(account, as_date(new_york_day(envelope.recorded_at_us)).year), quarter_now(account, envelope)
    if event.qualified:
        year.income_qualified += event.amount
        quarter.income_qualified += event.amount
    else:
        year.income_ordinary += event.amount
        quarter.income_ordinary += event.amount


@on(e.InterestAccrued)
def _interest(book: Book, event: e.InterestAccrued, envelope: e.Envelope) -> None:
    account = account_of(book, envelope)
    _year(account, as_date(new_york_day(envelope.recorded_at_us)).year).income_ordinary += event.amount
    quarter_now(account, envelope).income_ordinary += event.amount


@on(e.FeeCharged)
def _fee(book: Book, event: e.FeeCharged, envelope: e.Envelope) -> None:
    quarter_now(account_of(book, envelope), envelope).fees += event.amount


@on(e.TaxPaymentRecorded)
def _tax_paid(book: Book, event: e.TaxPaymentRecorded, envelope: e.Envelope) -> None:
    _year(account_of(book, envelope), event.year).payments += event.amount


@on(e.TaxReserveAdjusted)
def _reserve_adjusted(book: Book, event: e.TaxReserveAdjusted, envelope: e.Envelope) -> None:
    _year(account_of(book, envelope), event.year).target = event.t_ytd
