"""What reaches the book processor, the market processor and the paper broker, apart from commands.

Topics: architecture.md, "Topics". A record that carries `source_seq` counts its source's records in one partition
without a gap; the journal keeps it. `MODELLED` in `quality` marks what a model made and no market quoted.
"""

from typing import Annotated

from domain.record import Cents, Contract, DayNumber, PriceE4, RatioE10, TimeUs, record

# --- the log itself ---------------------------------------------------------------------------------------------


@record
class LogOpened:
    """First record of every `commands` partition: what must be known to repeat the log."""

    log_id: Annotated[str, "name of this log, part of every id derived from it"]
    partitions: Annotated[int, "partitions of every book topic, fixed for life"]
    market_partitions: Annotated[int, "partitions of market.ticks, each a source of market.marks"]
    partitioner: Annotated[str, "how a key gets its partition: CRC32 = crc32(utf-8 key) mod partitions"]
    grid_us: Annotated[int, "marks are conflated on this grid of event time, microseconds"]
    broker_lookahead_us: Annotated[
        int, "recorded runs: the broker answers an order at least this much event time later"
    ]
    recorded: Annotated[bool, "true: inputs are merged by event time behind watermarks; false: live, as they arrive"]
    book_delay_us: Annotated[
        int | None, "recorded runs: a command from one book to another is taken this much event time later; null: 12 h"
    ] = None


@record
class Watermark:
    """A source of a recorded run has sent everything up to and including this time."""

    time_us: TimeUs


@record
class ClockTick:
    """Time passes: timers due at or before `time_us` fire (protocol 2.9)."""

    time_us: TimeUs
    source_seq: Annotated[int, "counts the clock's records in a partition"]


@record
class ParkBook:
    """The runtime found that a book cannot process an input: its inputs are set aside until ops release it."""

    book: Annotated[str, "system_id"]
    time_us: TimeUs
    error_code: Annotated[str, "error class"]
    message: Annotated[str, "what went wrong, for ops"]
    topic: Annotated[str, "where the poison record stands"]
    source_seq: Annotated[int, "the poison record's number in its source"]


@record
class DeadLetter:
    """A record that could not be processed, whole, so that nothing is lost."""

    topic: Annotated[str, "where it stood"]
    partition: Annotated[int, "where it stood"]
    offset: Annotated[int, "where it stood"]
    key_hex: Annotated[str, "the original key's bytes, hexadecimal"]
    value_hex: Annotated[str, "the original value's bytes, hexadecimal"]
    headers: Annotated[dict[str, str], "the original headers, values hexadecimal"]
    error_code: Annotated[str, "error class, such as UNKNOWN_SCHEMA_ID"]
    message: Annotated[str, "what went wrong and what to do"]
    processor: Annotated[str, "which processor refused it"]
    attempt: Annotated[int, "1 for the first refusal"]
    book: Annotated[str, "the book it was for, empty when it concerns none"]
    time_us: TimeUs


# --- market.ticks: what market data gateways write --------------------------------------------------------------

TICK_OK, TICK_MODELLED, TICK_FROM_BAR = 0, 1, 2


@record
class Tick:
    """One trade or quote of a share, ETF or index. Keep it small: millions pass."""

    symbol: Annotated[str, "listed ticker"]
    time_us: TimeUs
    bid_e4: Annotated[PriceE4, "0 = no bid known"]
    ask_e4: Annotated[PriceE4, "0 = no ask known"]
    last_e4: Annotated[PriceE4, "last trade, 0 = none in this record"]
    size: Annotated[int, "shares of the trade, 0 = a quote only"]
    flags: Annotated[int, "bit 0: MODELLED; bit 1: point of a bar, its time inside the bar by convention"]


@record
class OptionQuotes:
    """Quotes of the options of one underlying at one moment, as parallel lists."""

    underlying: Annotated[str, "listed ticker"]
    time_us: TimeUs
    spot_e4: Annotated[PriceE4, "underlying at that moment"]
    rate_e10: Annotated[RatioE10, "3-month bill rate used where a delta must be computed, 0 when missing"]
    expiries: Annotated[list[int], "days since 1970-01-01"]
    strikes_e3: Annotated[list[int], "strikes in 1e-3 dollars"]
    rights: Annotated[list[str], "P or C"]
    bids_e4: Annotated[list[int], "bid in 1e-4 dollars, 0 = none"]
    asks_e4: Annotated[list[int], "ask in 1e-4 dollars, 0 = none"]
    bid_sizes: Annotated[list[int], "contracts"]
    ask_sizes: Annotated[list[int], "contracts"]
    quote_times_us: Annotated[list[int], "when each quote was last known to stand, microseconds UTC"]
    volumes: Annotated[list[int], "contracts traded today"]
    open_interests: Annotated[list[int], "contracts, of the day before"]
    adv20s: Annotated[list[int], "average daily volume over 20 sessions since listing, -1 = unknown"]
    ivs_e6: Annotated[list[int], "implied volatility in 1e-6 (0.25 = 250000), 0 = to be computed"]
    deltas_e2: Annotated[list[int], "absolute delta in 1e-2 points (45 = 4500), -1 = to be computed"]
    quality: Annotated[str, "LISTED or MODELLED"]


@record
class HistoricalBar:
    """A completed daily bar of before the run, raw prices: warm-up of ATR and volatility."""

    symbol: Annotated[str, "listed ticker"]
    session: DayNumber
    time_us: TimeUs
    open_e4: PriceE4
    high_e4: PriceE4
    low_e4: PriceE4
    close_e4: PriceE4
    volume: Annotated[int, "shares"]


@record
class OfficialClose:
    """The exchange's closing price and volume, where the source knows them; sent after the close."""

    symbol: Annotated[str, "listed ticker"]
    session: DayNumber
    time_us: TimeUs
    close_e4: PriceE4
    volume: Annotated[int, "shares, 0 = unknown"]


@record
class SessionCalendar:
    """Sessions of XNYS with everything that dates decide (protocol 2.2-2.5, 4.1). One record covers a whole run."""

    time_us: TimeUs
    sessions: Annotated[list[int], "session days, days since 1970-01-01, ascending"]
    opens_us: Annotated[list[int], "09:30 ET of each session, UTC microseconds"]
    closes_us: Annotated[list[int], "16:00 ET, or 13:00 ET on an early close, UTC microseconds"]
    settlements: Annotated[list[int], "day on which a trade of that session settles (T+1, no bank holidays)"]
    offset_days: Annotated[
        list[int], "days on which the New York UTC offset changes, the first entry the calendar's first day"
    ]
    offsets_s: Annotated[list[int], "UTC offset of New York from that day on, seconds (negative)"]


@record
class CorporateAction:
    """A split or a dividend, effective before the open of `ex_session`."""

    symbol: Annotated[str, "listed ticker"]
    kind: Annotated[str, "SPLIT or DIVIDEND"]
    ex_session: DayNumber
    time_us: TimeUs
    ratio_new: Annotated[int, "split: new shares for ratio_old old ones; else 1"]
    ratio_old: Annotated[int, "split: see ratio_new; else 1"]
    dividend_e4: Annotated[PriceE4, "dividend per share, else 0"]


@record
class TradingHalt:
    """Trading in a symbol was halted or resumed by its exchange (protocol 6.2)."""

    symbol: Annotated[str, "listed ticker"]
    time_us: TimeUs
    halted: Annotated[bool, "true: halted; false: trading again"]


@record
class EarningsDate:
    """Announced earnings date of a company (protocol 6.2)."""

    symbol: Annotated[str, "listed ticker"]
    session: DayNumber
    time_us: TimeUs


# --- market.marks: what the market processor writes, to every book partition -----------------------------------


@record
class Marks:
    """Last valid prices at a moment of the grid, of the symbols of one market.ticks partition that changed.

    It closes the moment: nothing later on this source has a time at or before it. Empty lists = only that.
    """

    market_partition: Annotated[int, "which market.ticks partition it comes from"]
    source_seq: Annotated[int, "counts this source's records in a book partition"]
    time_us: TimeUs
    symbols: Annotated[list[str], "listed tickers, in the order of first appearance on the source"]
    lasts_e4: Annotated[list[int], "last trade in 1e-4 dollars"]
    bids_e4: Annotated[list[int], "bid in 1e-4 dollars, 0 = none"]
    asks_e4: Annotated[list[int], "ask in 1e-4 dollars, 0 = none"]
    tick_times_us: Annotated[list[int], "time of the last valid tick, microseconds UTC"]


@record
class OptionChain:
    """Chain snapshot of one underlying, with volatility and delta filled in (protocol 5.5)."""

    market_partition: Annotated[int, "which market.ticks partition it comes from"]
    source_seq: Annotated[int, "counts this source's records in a book partition"]
    time_us: TimeUs
    underlying: Annotated[str, "listed ticker"]
    spot_e4: PriceE4
    expiries: Annotated[list[int], "days since 1970-01-01"]
    strikes_e3: Annotated[list[int], "strikes in 1e-3 dollars"]
    rights: Annotated[list[str], "P or C"]
    bids_e4: Annotated[list[int], "bid in 1e-4 dollars, 0 = none"]
    asks_e4: Annotated[list[int], "ask in 1e-4 dollars, 0 = none"]
    bid_sizes: Annotated[list[int], "contracts"]
    ask_sizes: Annotated[list[int], "contracts"]
    quote_times_us: Annotated[list[int], "microseconds UTC"]
    volumes: Annotated[list[int], "contracts traded today"]
    open_interests: Annotated[list[int], "contracts"]
    adv20s: Annotated[list[int], "contracts a day, -1 = unknown"]
    ivs_e6: Annotated[list[int], "implied volatility in 1e-6, 0 = none: the strike is ineligible"]
    deltas_e2: Annotated[list[int], "absolute delta in 1e-2 points, -1 = none"]
    quality: Annotated[str, "LISTED or MODELLED"]


@record
class DailyBar:
    """A completed session of a symbol with the indicators of protocol 5.3 and 5.4. Prices raw, ATR split-adjusted."""

    market_partition: Annotated[int, "which market.ticks partition it comes from"]
    source_seq: Annotated[int, "counts this source's records in a book partition"]
    time_us: TimeUs
    symbol: Annotated[str, "listed ticker"]
    session: DayNumber
    open_e4: PriceE4
    high_e4: PriceE4
    low_e4: PriceE4
    close_e4: PriceE4
    volume: Annotated[int, "shares"]
    atr_e6: Annotated[int, "ATR(14) in 1e-6 dollars, 0 = not enough history"]
    hv_e10: Annotated[RatioE10, "20-day annualised volatility, 0 = not enough history"]
    historical: Annotated[bool, "true: warm-up of before the run"]


@record
class MarketCalendar:
    """`SessionCalendar` as the books see it."""

    market_partition: Annotated[int, "which market.ticks partition it comes from"]
    source_seq: Annotated[int, "counts this source's records in a book partition"]
    time_us: TimeUs
    calendar: SessionCalendar


@record
class MarketAction:
    """`CorporateAction` as the books see it."""

    market_partition: Annotated[int, "which market.ticks partition it comes from"]
    source_seq: Annotated[int, "counts this source's records in a book partition"]
    time_us: TimeUs
    action: CorporateAction


@record
class MarketEarnings:
    """`EarningsDate` as the books see it."""

    market_partition: Annotated[int, "which market.ticks partition it comes from"]
    source_seq: Annotated[int, "counts this source's records in a book partition"]
    time_us: TimeUs
    earnings: EarningsDate


@record
class MarketHalt:
    """`TradingHalt` as the books see it."""

    market_partition: Annotated[int, "which market.ticks partition it comes from"]
    source_seq: Annotated[int, "counts this source's records in a book partition"]
    time_us: TimeUs
    halt: TradingHalt


@record
class DataQualityIssue:
    """A tick refused by protocol 5.2, kept and flagged. On market.bars; no input of a book."""

    market_partition: Annotated[int, "which market.ticks partition it comes from"]
    symbol: Annotated[str, "listed ticker"]
    time_us: TimeUs
    rule: Annotated[str, "NON_POSITIVE_PRICE, BID_ABOVE_ASK, OUT_OF_ORDER, JUMP, IV_RANGE or DELTA_RANGE"]
    bid_e4: PriceE4
    ask_e4: PriceE4
    last_e4: PriceE4
    size: Annotated[int, "shares"]


@record
class Bar:
    """An OHLC bar of 1 s or 1 min, on market.bars."""

    symbol: Annotated[str, "listed ticker"]
    start_us: TimeUs
    seconds: Annotated[int, "1 or 60"]
    open_e4: PriceE4
    high_e4: PriceE4
    low_e4: PriceE4
    close_e4: PriceE4
    volume: Annotated[int, "shares"]
    ticks: Annotated[int, "trades in it"]


# --- broker.reports: what a broker gateway writes ---------------------------------------------------------------


@record
class BrokerLinked:
    """The brokerage account is linked and the deposit is there."""

    book: Annotated[str, "system_id"]
    source_seq: Annotated[int, "counts the broker's records in a partition"]
    time_us: TimeUs
    broker_account: Annotated[str, "the broker's account id; paper ids begin with DU"]
    deposit: Annotated[Cents, "cash that has arrived"]
    permissions: Annotated[str, "options level, such as CSP_AND_CC"]
    combinations: Annotated[bool | None, "whether it takes combination orders (protocol 7.3); none: it does"] = None


@record
class BrokerOrderStatus:
    """What the broker says of an order."""

    book: Annotated[str, "system_id"]
    source_seq: Annotated[int, "counts the broker's records in a partition"]
    time_us: TimeUs
    order_id: Annotated[str, "ours"]
    broker_order_id: Annotated[str, "the broker's"]
    version: Annotated[int, "version of the order it speaks of"]
    status: Annotated[str, "ACKNOWLEDGED, REPLACED, CANCELLED, CANCEL_REJECTED, REJECTED or EXPIRED"]
    code: Annotated[str, "reason code, empty when there is none"]
    reason: Annotated[str, "in words"]


@record
class BrokerExecution:
    """An execution. `exec_id` is its identity: the same one again changes nothing."""

    book: Annotated[str, "system_id"]
    source_seq: Annotated[int, "counts the broker's records in a partition"]
    time_us: TimeUs
    order_id: Annotated[str, "ours"]
    broker_order_id: Annotated[str, "the broker's"]
    exec_id: Annotated[str, "the broker's id of this execution"]
    contract: Contract
    side: Annotated[str, "BUY or SELL"]
    quantity: Annotated[int, "contracts or shares"]
    price_e4: PriceE4
    commission: Annotated[Cents, "of this execution"]


@record
class BrokerAssignment:
    """Notice of assignment (puts) or exercise (calls called away) of short options (protocol 7.4)."""

    book: Annotated[str, "system_id"]
    source_seq: Annotated[int, "counts the broker's records in a partition"]
    time_us: TimeUs
    notice_id: Annotated[str, "the broker's id of this notice"]
    contract: Contract
    quantity: Annotated[int, "contracts"]
    outcome_session: Annotated[
        DayNumber, "trade and tax date: the expiry, or for an early one the session before the notice"
    ]


@record
class BrokerPosition:
    """One line of a broker's statement."""

    contract: Contract
    quantity: Annotated[int, "contracts or shares, negative = short"]


@record
class BrokerStatement:
    """Positions and cash at the broker, for reconciliation (protocol 12.5)."""

    book: Annotated[str, "system_id"]
    source_seq: Annotated[int, "counts the broker's records in a partition"]
    time_us: TimeUs
    occasion: Annotated[str, "CONNECT, PRE_OPEN, INTRADAY or EOD"]
    cash: Annotated[Cents, "all cash of the brokerage account, settled or not"]
    positions: Annotated[list[BrokerPosition], "sorted by contract, none with quantity 0"]
    margin_used: Annotated[Cents | None, "margin that is in use; none: it has no margin"] = None
    margin_total: Annotated[Cents | None, "margin that the broker grants"] = None


@record
class BrokerCashActivity:
    """Cash that moved at the broker outside orders, of a recognised kind (protocol 12.5)."""

    book: Annotated[str, "system_id"]
    source_seq: Annotated[int, "counts the broker's records in a partition"]
    time_us: TimeUs
    activity_id: Annotated[str, "the broker's id: the same one again changes nothing"]
    kind: Annotated[str, "DIVIDEND, FEE or INTEREST"]
    amount: Annotated[Cents, "positive = received"]
    symbol: Annotated[str, "what for: the ticker of a dividend, else may be empty"]
    qualified: Annotated[bool, "a qualified dividend"]


@record
class BrokerSession:
    """The broker's session came up or went down."""

    book: Annotated[str, "system_id"]
    source_seq: Annotated[int, "counts the broker's records in a partition"]
    time_us: TimeUs
    connected: Annotated[bool, "up or down"]
    reason: Annotated[str, "in words"]


# --- progress of a recorded run, in band, never journalled ------------------------------------------------------


@record
class BookProgress:
    """On `orders`: the book partition will send nothing to the broker with a time before `promise_us`."""

    promise_us: TimeUs
    reports_seen: Annotated[int, "source_seq of the last broker report it has taken, -1 = none"]
    recorded: Annotated[bool, "as in LogOpened"]
    lookahead_us: Annotated[int, "as in LogOpened"]
    market_partitions: Annotated[int, "as in LogOpened"]


@record
class BrokerProgress:
    """On `broker.reports`: without a further order, the broker reports nothing with a time before `promise_us`."""

    promise_us: TimeUs
    orders_seen: Annotated[int, "how many records to the broker of this partition it has taken"]


@record
class BookPromise:
    """On `commands`: unless a further command of another book reaches it, the book partition sends none before
    `promise_us`."""

    partition: Annotated[int, "which book partition promises"]
    promise_us: TimeUs
    received: Annotated[int, "how many commands of the reader's books it has read"]
