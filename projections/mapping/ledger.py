"""Tax lots, taxable results, wash sales, fees, dividends, interest, the tax reserve.

Ledger lines are in `ledger_lines`.
"""

from projections.mapping.event import Changes, Fields, Handler, LoggedEvent, ticker_of
from projections.tables.ledger import LOT_ADJUSTMENTS, LOTS, RESULTS, TAX_YEARS, WASH_SALES
from projections.tables.shape import Change


def fee_charged(e: LoggedEvent) -> Changes:
    """A fee lowers the result."""
    yield result(e, "FEE", -e["amount"], contract=e["symbol"] or None)


def dividend_received(e: LoggedEvent) -> Changes:
    yield result(e, "DIVIDEND", e["amount"], contract=e["symbol"], qualified=e["qualified"])


def tax_lot_opened(e: LoggedEvent) -> Changes:
    yield lot_opened(e, e.account, e)


def lot_opened(e: LoggedEvent, account_id: str, lot: Fields) -> Change:
    """A lot, as `TaxLotOpened` and the lots of an import say it."""
    return LOTS.set(
        "opened",
        (e.book, lot["lot_id"]),
        account_id=account_id,
        contract=lot["contract"],
        ticker=ticker_of(lot["contract"]),
        quantity=lot["quantity"],
        acquired_day=lot["acquired"],
        basis_cents=lot["basis"],
        price_e4=lot["price_e4"],
        chain_net_cents=lot["chain_net"],
        opened_at=e.occurred_at,
    )


def lot_moved(e: LoggedEvent) -> Changes:
    """To another account as it is; a part that a wash sale has split off goes with its lot."""
    yield LOTS.set("moved", (e.book, e["lot_id"].partition("/")[0]), moved_to=e.account, moved_at=e.occurred_at)


def lots_adjusted(e: LoggedEvent) -> Changes:
    """What a split leaves of each lot; a part that a wash sale has split off counts with its lot."""
    parts: list[Fields] = e["lots"] or []
    left: dict[str, tuple[int, int]] = {}
    for part in parts:
        lot_id = part["lot_id"].partition("/")[0]
        quantity, _ = left.get(lot_id, (0, 0))
        left[lot_id] = quantity + part["quantity"], part["price_e4"]
    for line, (lot_id, (quantity, price_e4)) in enumerate(left.items()):
        yield LOT_ADJUSTMENTS.row(
            line,
            book=e.book,
            lot_id=lot_id,
            account_id=e.account,
            contract=e["new_contract"],
            from_contract=e["contract"],
            quantity=quantity,
            price_e4=price_e4,
            ratio_new=e["ratio_new"],
            ratio_old=e["ratio_old"],
            adjusted_at=e.occurred_at,
        )


def taxable_event_recorded(e: LoggedEvent) -> Changes:
    yield result(
        e,
        "TAXABLE",
        e["gain"],
        contract=e["contract"],
        year=e["year"],
        tax_class=e["tax_class"],
        lot_id=e["lot_id"],
        holding_days=e["holding_days"],
        quantity=e["quantity"],
    )


def wash_sale_adjusted(e: LoggedEvent) -> Changes:
    """The losing account's taxable result rises by what is disallowed; it stands in the basis of the replacement."""
    yield WASH_SALES.row(
        book=e.book,
        account_id=e["account_id"],
        step="ADJUSTED",
        ticker=e["ticker"],
        loss_id=e["loss_id"],
        loss_cents=e["loss"],
        amount_cents=e["disallowed"],
        quantity=e["quantity"],
        year=e["year"],
        tax_class=e["tax_class"],
        replacement_account_id=e["replacement_account"],
        lot_id=None if e["waits"] else e["replacement_lot"],
        put_id=e["replacement_lot"] if e["waits"] else None,
        new_basis_cents=None if e["waits"] else e["new_basis"],
        held_days=e["held_days"],
        adjusted_at=e.occurred_at,
    )
    yield result(
        e,
        "WASH_SALE",
        e["disallowed"],
        contract=e["ticker"],
        year=e["year"],
        tax_class=e["tax_class"],
        quantity=e["quantity"],
        cause="ADJUSTED",
        account_id=e["account_id"],
    )


def wash_sale_released(e: LoggedEvent) -> Changes:
    """What waited for a deep put is basis of its shares; without a lot it is a loss again."""
    yield WASH_SALES.row(
        book=e.book,
        account_id=e.account_id,
        step="RELEASED",
        ticker=None,
        loss_id=e["loss_id"],
        loss_cents=None,
        amount_cents=e["amount"],
        quantity=e["quantity"],
        year=e["year"],
        tax_class=e["tax_class"],
        replacement_account_id=e.account_id if e["lot_id"] else None,
        lot_id=e["lot_id"] or None,
        put_id=e["put_id"],
        new_basis_cents=None,
        held_days=e["held_days"],
        adjusted_at=e.occurred_at,
    )
    if not e["lot_id"]:
        yield result(
            e,
            "WASH_SALE",
            -e["amount"],
            year=e["year"],
            tax_class=e["tax_class"],
            quantity=e["quantity"],
            cause="RELEASED",
        )


def interest_accrued(e: LoggedEvent) -> Changes:
    yield result(e, "INTEREST", e["amount"], contract=e["symbol"] or None)


def tax_year_closed(e: LoggedEvent) -> Changes:
    yield TAX_YEARS.set(
        "closed",
        (e.book, e.account, str(e["year"])),
        closed=True,
        final_tax_cents=e["t_final"],
        payments_cents=e["payments"],
        closed_at=e.occurred_at,
    )


def tax_reserve_adjusted(e: LoggedEvent) -> Changes:
    yield TAX_YEARS.set(
        "reserve",
        (e.book, e.account, str(e["year"])),
        estimated_tax_cents=e["t_ytd"],
        last_move_cents=e["delta"],
        reserve_cents=e["reserve"],
        reserved_at=e.occurred_at,
    )


def tax_payment_recorded(e: LoggedEvent) -> Changes:
    yield result(e, "TAX_PAYMENT", -e["amount"], year=e["year"])


def result(
    e: LoggedEvent,
    kind: str,
    amount_cents: int,
    *,
    contract: str | None = None,
    year: int | None = None,
    tax_class: str | None = None,
    lot_id: str | None = None,
    holding_days: int | None = None,
    quantity: int | None = None,
    qualified: bool | None = None,
    cause: str | None = None,
    account_id: str | None = None,
) -> Change:
    """A line of the results. TRADE is what steps of positions realised after commissions; TAXABLE is the same money
    seen by the tax ledger, with WASH_SALE what it counts at another time: sum one or the other, never both."""
    return RESULTS.row(
        book=e.book,
        account_id=account_id or e.account_id,
        kind=kind,
        contract=contract,
        ticker=ticker_of(contract) if contract else None,
        amount_cents=amount_cents,
        year=year,
        tax_class=tax_class,
        lot_id=lot_id,
        holding_days=holding_days,
        quantity=quantity,
        qualified=qualified,
        cause=cause,
        realised_at=e.occurred_at,
    )


HANDLERS: dict[str, Handler] = {
    "FeeCharged": fee_charged,
    "DividendReceived": dividend_received,
    "TaxLotOpened": tax_lot_opened,
    "LotMoved": lot_moved,
    "TaxableEventRecorded": taxable_event_recorded,
    "TaxReserveAdjusted": tax_reserve_adjusted,
    "TaxPaymentRecorded": tax_payment_recorded,
    "WashSaleAdjusted": wash_sale_adjusted,
    "WashSaleReleased": wash_sale_released,
    "InterestAccrued": interest_accrued,
    "TaxYearClosed": tax_year_closed,
}
