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


@record
class TaxableEventRecorded:
    """A gain or loss was realised (protocol 4.4)."""

    year: int
    tax_class: Annotated[str, "ST or LT"]
    gain: Cents
    contract: Contract
    lot_id: str | None
    holding_days: int


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
