"""Ledger, lots and tax (protocol 4.2-4.4)."""

from typing import Annotated

from domain.record import Cents, Contract, DayNumber, PriceE4, record


@record
class LedgerLine:
    """One line of a ledger entry."""

    account_id: str
    ledger_account: Annotated[str, "one of protocol 4.2"]
    amount: Annotated[Cents, "debit positive, credit negative"]


@record
class LedgerPosted:
    """Balanced lines of an economic event (protocol 4.2)."""

    cause: Annotated[str, "FUNDING, FILL, EXPIRY, ASSIGNMENT, CALLED_AWAY, SETTLEMENT, FEE, DIVIDEND, TAX_RESERVE, ..."]
    reference: Annotated[str, "execution, notice or contract it is posted for"]
    lines: list[LedgerLine]
    settles: Annotated[DayNumber, "day on which CASH_UNSETTLED of this entry settles, 0 = nothing unsettled"]


@record
class FeeCharged:
    """The broker has charged a fee."""

    amount: Cents
    symbol: str


@record
class DividendReceived:
    """A dividend has arrived."""

    amount: Cents
    symbol: str
    qualified: bool


@record
class TaxLotOpened:
    """Shares were acquired (protocol 4.3)."""

    lot_id: str
    contract: Contract
    quantity: int
    acquired: DayNumber
    basis: Annotated[Cents, "tax basis of the whole lot"]
    price_e4: Annotated[PriceE4, "acquisition price per share B (protocol 6.7)"]
    chain_net: Annotated[Cents, "net option premiums of the shares' chain so far"]
    funds_settle: Annotated[DayNumber | None, "when the funds that bought it settle; none: they had (CR-05)"] = None


@record
class TaxableEventRecorded:
    """A gain or loss was realised (protocol 4.4)."""

    year: int
    tax_class: Annotated[str, "ST or LT"]
    gain: Cents
    contract: Contract
    lot_id: str | None
    holding_days: int
    quantity: Annotated[int | None, "of the lot part that was given up"] = None
    sold: Annotated[DayNumber | None, "trade date of the disposal"] = None
    sold_lots: Annotated[list[str] | None, "of a loss: every lot that the sale sold from"] = None


@record
class WashSaleAdjusted:
    """Part of a loss is disallowed: it raises the basis of the shares that replace those sold (protocol 4.4)."""

    loss_id: Annotated[str, "the taxable event that booked the loss"]
    account_id: Annotated[str, "the account of the loss"]
    ticker: str
    loss: Annotated[Cents, "the whole loss, positive"]
    disallowed: Annotated[Cents, "of it, by this replacement"]
    quantity: Annotated[int, "shares replaced"]
    year: int
    tax_class: Annotated[str, "ST or LT, the class of the loss"]
    replacement_account: Annotated[str, "the account that acquired"]
    replacement_lot: Annotated[str, "the lot whose basis rises, or the deep put that the loss waits for"]
    new_basis: Annotated[Cents, "tax basis of that lot afterwards, 0 while it waits"]
    held_days: Annotated[int, "by which its holding period is dated back"]
    waits: Annotated[bool, "on a deep put: until its assignment or end"]


@record
class WashSaleReleased:
    """What waited for a deep put is basis of its shares, or with the put's end a loss again (protocol 4.4)."""

    put_id: Annotated[str, "position of the deep put"]
    loss_id: Annotated[str, "the taxable event that booked the loss"]
    amount: Cents
    quantity: Annotated[int, "shares"]
    tax_class: Annotated[str, "ST or LT"]
    held_days: int
    lot_id: Annotated[str, "the lot that it raises the basis of, empty = a loss again"]
    year: int


@record
class DeepPutEnded:
    """A deep put, which counted as an acquisition, expired, was bought back or was assigned (protocol 4.4)."""

    put_id: Annotated[str, "position of the deep put"]
    quantity: Annotated[int, "shares"]
    lot_id: Annotated[str, "the lot that its assignment brought, empty = none"]
    used: Annotated[int, "shares of that lot that have replaced some sold at a loss"]


@record
class TaxYearClosed:
    """A tax year is closed: its reserve is released, later losses do not touch it (protocol 4.4)."""

    year: int
    t_final: Annotated[Cents, "estimated tax of the year"]
    payments: Cents


@record
class InterestAccrued:
    """Interest was credited or charged."""

    amount: Cents
    symbol: str


@record
class TaxReserveAdjusted:
    """Cash moved so that the reserve meets its target (protocol 4.4)."""

    year: int
    t_ytd: Annotated[Cents, "estimated tax of the year so far"]
    delta: Annotated[Cents, "moved into the reserve, negative = out of it"]
    reserve: Annotated[Cents, "after the move"]


@record
class TaxPaymentRecorded:
    """Estimated tax was paid out of the reserve."""

    year: int
    amount: Cents
