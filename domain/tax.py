"""Tax ledger (protocol 4.4): estimates, not advice."""

from collections.abc import Sequence

from domain import events as e
from domain import wash_sales
from domain.calendar import as_date
from domain.contracts import option, parse, ticker_of
from domain.decision import Decision
from domain.ledger import post
from domain.lots import LotPart
from domain.money import CONTRACT_MULTIPLIER
from domain.state import CASH, TAX_RESERVE, Account
from domain.tax_formula import estimated_tax, is_long_term

INDEX_OPTIONS = frozenset({"SPX", "XSP", "NDX", "RUT"})
"""Section 1256: 60 % long-term, 40 % short-term whatever the holding (protocol 4.4)."""


def record_gain(d: Decision, account: Account, contract: str, gain: int, day: int) -> None:
    """Book a realised gain or loss of a short option on `day` (tax date); the reserve follows its target."""
    year = as_date(day).year
    for tax_class, part in _classes(contract, gain, long=False):
        d.emit(e.TaxableEventRecorded(year, tax_class, part, contract, None, 0), _stream(account, year), account)
    adjust_reserve(d, account, year)


def _stream(account: Account, year: int) -> str:
    return f"tax-{account.account_id}-{year}"


def _classes(contract: str, gain: int, *, long: bool) -> list[tuple[str, int]]:
    """(class, cents) of a result."""
    if ticker_of(contract) in INDEX_OPTIONS and parse(contract) is not None:
        sixty = gain * 60 // 100
        return [("LT", sixty), ("ST", gain - sixty)]
    return [("LT" if long else "ST", gain)]


def record_sale(
    d: Decision, account: Account, contract: str, parts: Sequence[LotPart], proceeds: int, day: int
) -> None:
    """Shares or long options given up for `proceeds` net cents: a result lot by lot, wash sales included."""
    year, quantity = as_date(day).year, sum(part.quantity for part in parts)
    sold_lots = [part.lot_id for part in parts]
    replaceable = parse(contract) is None or option(contract).right == "C"
    given = told = 0
    for part in parts:
        told += part.quantity
        due = proceeds * told // quantity
        gain, held = due - given - part.cost - part.disallowed, day - part.held_since
        given = due
        loss_id = ""
        for n, (tax_class, amount) in enumerate(_classes(contract, gain, long=is_long_term(part.held_since, day))):
            counted = part.quantity if n == 0 else None  # of section 1256 the second class gives up nothing more
            loss_id = d.emit(
                e.TaxableEventRecorded(
                    year, tax_class, amount, contract, part.lot_id, held, counted, day,
                    sold_lots if amount < 0 and replaceable and counted else None,
                ),
                _stream(account, year),
                account,
            )  # fmt: skip
        loss = next((one for one in d.book.wash.losses if one.loss_id == loss_id), None)
        if loss is not None:
            days = d.config().integer("tax.wash_sale_days")
            _disallow(d, wash_sales.on_loss(d.book.wash, loss, days))
    adjust_reserve(d, account, year)


def acquired(d: Decision, account: Account, contract: str, lot_id: str, quantity: int, day: int) -> None:
    """Shares or calls were acquired: earlier losses that they replace are corrected (protocol 4.4)."""
    terms = parse(contract)
    if terms is not None and terms.right == "P":
        return
    shares = quantity * (CONTRACT_MULTIPLIER if terms else 1)
    acquisition = wash_sales.Acquisition(lot_id, account.account_id, ticker_of(contract), day, shares)
    _disallow(d, wash_sales.on_acquisition(d.book.wash, acquisition, d.config().integer("tax.wash_sale_days")))


def deep_put_sold(d: Decision, account: Account, contract: str, position_id: str, quantity: int) -> None:
    """A put sold at 80 delta or more counts as an acquisition of its shares (protocol 4.4)."""
    shares = quantity * CONTRACT_MULTIPLIER
    kind, ticker = wash_sales.DEEP_PUT, ticker_of(contract)
    acquisition = wash_sales.Acquisition(position_id, account.account_id, ticker, d.today, shares, kind)
    _disallow(d, wash_sales.on_acquisition(d.book.wash, acquisition, d.config().integer("tax.wash_sale_days")))


def put_assigned(
    d: Decision, account: Account, contract: str, position_id: str, lot_id: str, shares: int, day: int
) -> None:
    """Shares came by assignment: what waited for a deep put is basis now; the rest are an acquisition of the day."""
    if not _is_deep(d, position_id):
        acquired(d, account, ticker_of(contract), lot_id, shares, day)
        return
    waited = wash_sales.on_deep_put_ended(d.book.wash, position_id, shares)
    for part in waited:
        _release(d, account, position_id, part, lot_id)
    used = sum(part.quantity for part in waited)
    _end_deep(d, account, position_id, shares, lot_id, used)
    if shares > used:
        acquired(d, account, ticker_of(contract), lot_id, shares - used, day)


def put_ended(d: Decision, account: Account, position_id: str, quantity: int) -> None:
    """A deep put expired or was bought back: what waited for it is a loss again (protocol 4.4)."""
    if not _is_deep(d, position_id):
        return
    shares = quantity * CONTRACT_MULTIPLIER
    for part in wash_sales.on_deep_put_ended(d.book.wash, position_id, shares):
        _release(d, account, position_id, part, "")
    _end_deep(d, account, position_id, shares, "", 0)


def _is_deep(d: Decision, position_id: str) -> bool:
    return any(one.lot_id == position_id for one in (*d.book.wash.acquisitions, *d.book.wash.waiting))


def _end_deep(d: Decision, account: Account, position_id: str, shares: int, lot_id: str, used: int) -> None:
    ended = e.DeepPutEnded(position_id, shares, lot_id, used)
    d.emit(ended, _stream(account, as_date(d.today).year), account)


def _release(d: Decision, account: Account, put_id: str, part: wash_sales.Waiting, lot_id: str) -> None:
    year = as_date(d.today).year
    d.emit(
        e.WashSaleReleased(put_id, part.loss_id, part.amount, part.quantity, part.term, part.held_days, lot_id, year),
        _stream(account, year),
        account,
    )
    if not lot_id:
        adjust_reserve(d, account, year)


def _disallow(d: Decision, adjustments: Sequence[wash_sales.Adjustment]) -> None:
    """Book what is disallowed: basis of the replacement, result of the loss, both reserves."""
    for one in adjustments:
        loss = next(entry for entry in d.book.wash.losses if entry.loss_id == one.loss_id)
        bought = next(entry for entry in d.book.wash.acquisitions if entry.lot_id == one.lot_id)
        target = d.book.accounts[bought.account_id]
        lot = next((entry for entry in target.lots if entry.lot_id == one.lot_id), None)
        basis = lot.basis + one.disallowed if lot is not None else 0
        losing = d.book.accounts[loss.account_id]
        d.emit(
            e.WashSaleAdjusted(
                one.loss_id, loss.account_id, loss.ticker, loss.amount, one.disallowed, one.quantity, one.year,
                one.term, bought.account_id, one.lot_id, basis, one.held_days, one.waits,
            ),
            _stream(losing, one.year),
            losing,
        )  # fmt: skip
        adjust_reserve(d, losing, one.year)


def close_year(d: Decision, account: Account, year: int) -> None:
    """Close a tax year: nothing is reserved for it any more (protocol 4.4)."""
    final = estimated_tax(account.tax, str(year), d.config(account.account_id))
    d.emit(e.TaxYearClosed(year, final, account.tax[str(year)].payments), _stream(account, year), account)
    adjust_reserve(d, account, year)


def adjust_reserve(d: Decision, account: Account, year: int) -> None:
    """Move cash into or out of TAX_RESERVE so that it equals the target over all open years.

    An EXT account, and one without `tax.segregate_reserve`, is told its estimate and keeps its cash (3.1, 4.4).
    """
    config = d.config(account.account_id)
    t_ytd = estimated_tax(account.tax, str(year), config)
    target = 0
    segregated = account.type != "EXT" and config.flag("tax.segregate_reserve")
    for key, other in account.tax.items():
        if segregated and not other.closed:
            target += max(0, estimated_tax(account.tax, key, config) - other.payments)
    delta = target - account.balance(TAX_RESERVE)
    before = account.tax.get(str(year))
    if not delta and (before.target if before else 0) == t_ytd:
        return
    d.emit(e.TaxReserveAdjusted(year, t_ytd, delta, target), f"tax-{account.account_id}-{year}", account)
    post(d, account, "TAX_RESERVE", str(year), {TAX_RESERVE: delta, CASH: -delta})
