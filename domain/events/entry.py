"""The entry procedure (protocol 6)."""

from typing import Annotated

from domain.record import Cents, Contract, DayNumber, DeltaE2, PriceE4, RatioE10, record


@record
class MarketCalendarUpdated:
    """The session calendar was replaced."""

    first_session: DayNumber
    last_session: DayNumber


@record
class EntryWindowOpened:
    """The entry window of a day has opened (protocol 6.2)."""

    tickers: list[str]
    session: DayNumber


@record
class TickerRejection:
    """Why a ticker was not traded in a scan."""

    ticker: str
    right: Annotated[str, "P or C: the entry that was looked for"]
    reason: Annotated[str, "reason code (docs/reason-codes.md)"]
    detail: Annotated[str, "the values that decided"]


@record
class EntryScanCompleted:
    """A scan has looked at every ticker that asks for an entry (protocol 6.2)."""

    session: DayNumber
    candidates: Annotated[list[str], "tickers that passed every gate"]
    rejections: list[TickerRejection]


@record
class EligibleStrikeSelected:
    """The strike that an entry would trade (protocol 6.2 step 5)."""

    ticker: str
    contract: Contract
    delta_e2: DeltaE2
    bid_e4: PriceE4
    ask_e4: PriceE4
    premium: Annotated[RatioE10, "premium ratio, 1e-10: 1.5 % = 150000000"]
    shadow_contract: Annotated[str, "what the week mode would have chosen (protocol 6.4 SHADOW), else empty"]


@record
class PremiumBelowThresholdDetected:
    """The selected put pays less than the gate (protocol 6.3)."""

    ticker: str
    contract: Contract
    premium: RatioE10
    gate: RatioE10


@record
class EntrySkipped:
    """A ticker ends its window without a trade (protocol 6.2)."""

    ticker: str
    reason: Annotated[str, "reason code (docs/reason-codes.md)"]
    detail: Annotated[str, "the values that decided"]
    right: Annotated[str, "P or C: the entry that was not made"]


@record
class TradeSignalGenerated:
    """An entry is decided, with everything that it rests on."""

    signal_id: str
    ticker: str
    contract: Contract
    side: Annotated[str, "BUY or SELL"]
    quantity: int
    limit_e4: PriceE4
    floor_e4: Annotated[PriceE4, "never below this (protocol 6.6), 0 = none"]
    ladder_e4: Annotated[list[int], "limits in 1e-4 dollars, in the order they are tried"]
    mid_e6: Annotated[int, "mid at decision in 1e-6 dollars"]
    reference_e4: Annotated[PriceE4, "what the premium is a share of: strike (put), underlying (call)"]
    delta_e2: DeltaE2
    approval_id: str | None
    reason: str


@record
class ExitSignalGenerated:
    """The close of a position is decided."""

    signal_id: str
    ticker: str
    contract: Contract
    side: Annotated[str, "BUY or SELL"]
    quantity: int
    limit_e4: PriceE4
    reason: str


@record
class WheelPhaseChanged:
    """The wheel of an account and ticker has moved on (protocol 3.5)."""

    ticker: str
    from_phase: str
    to_phase: str
    chain_id: Annotated[str | None, "of a turn of the wheel that has ended"] = None
    chain_result: Annotated[Cents | None, "its realised result after costs, without tax (protocol 9)"] = None
