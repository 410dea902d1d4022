"""The state of a book: plain data, changed only by `domain.evolve`, written whole into snapshots and hashed.

Money in cents, prices in 1e-4 dollars, days as day numbers, times in microseconds UTC.
"""

from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from functools import cache
from hashlib import sha256
from json import dumps
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from domain.prediction import OutcomeCell
from domain.wash_sales import WashLedger

CASH, CASH_UNSETTLED, TAX_RESERVE = "CASH", "CASH_UNSETTLED", "TAX_RESERVE"
POSITIONS_AT_COST, PREMIUM_LIABILITY = "POSITIONS_AT_COST", "PREMIUM_LIABILITY"
REALISED_OPTION_PNL, REALISED_SHARE_PNL = "REALISED_OPTION_PNL", "REALISED_SHARE_PNL"
DIVIDEND_INCOME, INTEREST_INCOME, COMMISSIONS, FEES = "DIVIDEND_INCOME", "INTEREST_INCOME", "COMMISSIONS", "FEES"
EQUITY_BASE, TRANSFER_CLEARING = "EQUITY_BASE", "TRANSFER_CLEARING"
LEDGER_ACCOUNTS = (
    CASH,
    CASH_UNSETTLED,
    TAX_RESERVE,
    POSITIONS_AT_COST,
    PREMIUM_LIABILITY,
    REALISED_OPTION_PNL,
    REALISED_SHARE_PNL,
    DIVIDEND_INCOME,
    INTEREST_INCOME,
    COMMISSIONS,
    FEES,
    EQUITY_BASE,
    TRANSFER_CLEARING,
)
"""The ledger's accounts (protocol 4.2)."""

KILLED_BOOK, KILLED_ACCOUNT = "KILL_SWITCH", "KILL_SWITCH_ACCOUNT"
"""Causes of suspension by a kill switch, of the whole book and of one account."""


@dataclass(slots=True)
class Slice:
    """What one fill added to a short option."""

    quantity: int
    price_e4: int
    commission: int


@dataclass(slots=True)
class ShortOption:
    """An open short option of an account; slices first in, first out."""

    position_id: str
    contract: str
    slices: list[Slice]
    p0_e4: int
    atr_e6: int
    opened_us: int
    chain_id: str
    origin: str
    pending_outcome: bool = False
    """after its expiry: waits for the broker's notice (protocol 7.4)"""
    expiry_action: str = ""
    realised: int = 0
    """result of the part closed so far, cents"""
    counted: str = ""
    """the type that its open outcome counted as when its week was classified"""
    level: int = 0
    """protocol level of a put (protocol 8)"""
    roll_chain_id: str = ""
    """the first option of its roll chain (glossary)"""
    original_credit_e4: int = 0
    """what that first option was sold at, per share"""
    carried_e4: int = 0
    """what earlier options of the roll chain left per share: net credit = price of this one + this"""
    rolls: int = 0
    stopping: bool = False
    """its level-3 exit has begun"""
    delta_e2: int = -1
    """absolute delta when it was sold, 1e-2 points; -1 = not known"""
    ratio_new: int = 1
    ratio_old: int = 1
    """of an adjusted contract: so many new shares stand for so many of those that its strike is about (protocol 2.6)"""

    @property
    def quantity(self) -> int:
        """Contracts, positive."""
        return sum(s.quantity for s in self.slices)


@dataclass(slots=True)
class Lot:
    """A tax lot of shares (or long options)."""

    lot_id: str
    contract: str
    quantity: int
    acquired: int
    cost: int
    """what was paid, less the premium of an assigned put: what the double entry carries it at, cents"""
    price_e4: int
    disallowed: int = 0
    """loss of a wash sale added to the tax basis (protocol 4.4), cents"""
    funds_settle: int = 0
    """day on which the funds that bought it settle, 0 = they had settled (protocol 16.3 CR-05)"""
    tax_acquired: int = 0
    """day from which the holding period counts where an old one was tacked on, else 0"""

    @property
    def basis(self) -> int:
        """Tax basis: cost and what wash sales have added to it, cents."""
        return self.cost + self.disallowed

    @property
    def held_since(self) -> int:
        """Day from which the holding period counts."""
        return self.tax_acquired or self.acquired


@dataclass(slots=True)
class ChainEntry:
    """How a chain began: its first option and what the market was like (protocol 11.4)."""

    right: str
    delta_e2: int
    """-1 = not known"""
    dte: int
    mode: str
    """guess of the week's mode, empty without one"""
    worst_level: int = 0
    """highest protocol level of the chain so far"""


@dataclass(slots=True)
class ClosedChain:
    """A chain that has ended, as the quarterly review sees it (protocol 11.4)."""

    ticker: str
    entry: ChainEntry
    session: int
    result: int
    """realised, of its options and shares after costs, without tax, cents"""


@dataclass(slots=True)
class Wheel:
    """Phase of the wheel for an account and ticker (protocol 3.5)."""

    phase: str = "IDLE"
    chain_id: str = ""
    chain_net: int = 0
    """net option premiums since the chain began, cents (sales - buy-backs - commissions)"""
    chain_result: int = 0
    """realised result of the chain's options and shares so far, cents (protocol 9)"""
    began_with_call: bool = False
    """on shares that were bought each call is a chain of its own (glossary)"""
    level: int = 0
    """protocol level of the shares and their calls (protocol 8.1)"""
    entry: "ChainEntry | None" = None
    """how its chain began, where the feedback learns from it (protocol 11.4)"""


@dataclass(slots=True)
class Window:
    """What an account has tried for a ticker in today's entry window (protocol 6.2)."""

    right: str
    reason: str = ""
    detail: str = ""
    approval_id: str = ""
    asked: bool = False
    ordered: bool = False
    filled: int = 0
    reserved: int = 0
    """cents kept for a pending approval"""
    skipped: bool = False


@dataclass(slots=True)
class TaxYear:
    """Estimated tax of a calendar year (protocol 4.4)."""

    short_term: int = 0
    long_term: int = 0
    income_ordinary: int = 0
    income_qualified: int = 0
    payments: int = 0
    carried_short: int = 0
    carried_long: int = 0
    target: int = 0
    """what this year adds to the reserve's target"""
    closed: bool = False


@dataclass(slots=True)
class WeekOutcome:
    """Something that happened to a ticker in a week, already coded (protocol 11.1)."""

    code: str
    pnl: int = 0


@dataclass(slots=True)
class TickerWeek:
    """What the classification of an account-ticker-week needs."""

    outcomes: list[WeekOutcome] = field(default_factory=list[WeekOutcome])
    weight: int = 0
    premium: int = 0
    trades: int = 0
    pnl: int = 0
    carried: int = 0
    """weight with which the next week begins"""
    tags: list[str] = field(default_factory=list[str])
    """of its outcomes: UP or DOWN of a rolled call, EARLY of an early assignment"""
    wins: int = 0
    losses: int = 0
    """chains that ended in it, by their result; exactly 0 is a win"""
    max_level: int = 0
    """highest protocol level in it"""
    level_changes: int = 0
    delta_sum: int = 0
    """delta at the sale times contracts of the options sold in it or open at its start, 1e-2 points"""
    delta_contracts: int = 0


@dataclass(slots=True)
class WeekFigures:
    """What a classified account-ticker-week has put into the matrix: kept for late corrections."""

    kind: str
    """its primary type"""
    mode: str
    bucket: str
    result: int
    """return on capital weight, 1e-10"""
    premium: int
    """premium on capital weight, 1e-10"""


@dataclass(slots=True)
class Hedge:
    """Long puts that protect a short put (protocol 8.3)."""

    hedged: str
    quantity: int
    cost: int


@dataclass(slots=True)
class Quarter:
    """Net realised results of an account in a quarter, after costs (protocol 10.4)."""

    short_term: int = 0
    long_term: int = 0
    income_ordinary: int = 0
    income_qualified: int = 0
    fees: int = 0
    hedge_cost: int = 0
    withdrawn: int = 0
    """withdrawals of this quarter's result, cents"""
    state: str = ""
    """of its reinvestment: empty, POSTPONED, DONE or SKIPPED"""
    postponed: int = 0
    """sessions it was postponed"""
    spent: int = 0
    """what the run reinvested"""


@dataclass(slots=True)
class Forecast:
    """What the type predictor knows of an account's ticker (protocol 11.5)."""

    counts: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])
    """context to how often each type followed"""
    last_type: str = ""
    weeks: int = 0
    week_id: str = ""
    """the week that was predicted last"""
    predicted: str = ""
    probabilities: dict[str, int] = field(default_factory=dict[str, int])
    """by type, 1e-10"""
    hits: list[bool] = field(default_factory=list[bool])
    """of the scored predictions, the last of the rolling window"""


@dataclass(slots=True)
class ModeScore:
    """A scored guess of a week's mode."""

    week_id: str
    predicted: str
    actual: str
    brier_e10: int


@dataclass(slots=True)
class Predictor:
    """Scores of the mode predictor (protocol 11.5)."""

    scores: list[ModeScore] = field(default_factory=list[ModeScore])
    qualified: bool = False


@dataclass(slots=True)
class Run:
    """A reinvestment under way (protocol 10.4)."""

    key: str
    primary: int
    leaps: int
    available: int
    """what there was to reinvest, deployable or not"""
    spent: int = 0
    planned: bool = False
    """its orders go out"""
    purchases: int = 0
    """how many orders"""
    turn: list[str] = field(default_factory=list[str])
    """tickers of its LEAPS in the order of the rotation"""
    bought: dict[str, int] = field(default_factory=dict[str, int])
    """LEAPS of it that were bought so far"""


@dataclass(slots=True)
class Account:
    """A sleeve (protocol 3.2)."""

    account_id: str
    type: str
    role: str
    parent_account_id: str | None
    fork_group_id: str | None
    root_com_account_id: str
    owner_subject_id: str
    inception: int
    state: str = "PENDING_FUNDING"
    base_capital: int = 0
    sizing_base: int = 0
    fork_seq: int = 0
    fork_depth: int = 0
    ledger: dict[str, int] = field(default_factory=dict[str, int])
    unsettled: dict[str, int] = field(default_factory=dict[str, int])
    """settlement day to cents"""
    restrictions: dict[str, str] = field(default_factory=dict[str, str])
    """reason to mode (protocol 3.4)"""
    suspensions: list[str] = field(default_factory=list[str])
    lots: list[Lot] = field(default_factory=list[Lot])
    shorts: dict[str, ShortOption] = field(default_factory=dict[str, ShortOption])
    wheels: dict[str, Wheel] = field(default_factory=dict[str, Wheel])
    windows: dict[str, Window] = field(default_factory=dict[str, Window])
    tax: dict[str, TaxYear] = field(default_factory=dict[str, TaxYear])
    week: dict[str, TickerWeek] = field(default_factory=dict[str, TickerWeek])
    last_nav: int = 0
    last_corpus: int = 0
    """of the last end-of-day valuation"""
    week_start_nav: int = 0
    week_start_corpus: int = 0
    week_flows: int = 0
    week_records: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """week|ticker to the types that applied, kept for reclassification by late notices"""
    week_figures: dict[str, WeekFigures] = field(default_factory=dict[str, WeekFigures])
    """week|ticker to what it has put into the matrix"""
    matrix: dict[str, OutcomeCell] = field(default_factory=dict[str, OutcomeCell])
    """type, or type|mode=, |ticker= or |delta= and its value, to the cell of the type x outcome matrix (protocol 11.4);
    returns and premiums on capital weight, 1e-10"""
    closed: list[ClosedChain] = field(default_factory=list[ClosedChain])
    """chains that have ended in the last four quarters, for the quarterly review"""
    classified_week: str = ""
    """the last week that has been classified"""
    window_session: int = 0
    """day of the last entry window: `windows` belong to it"""
    new_collateral: int = 0
    """of puts sold since the last end of a day, for the day's cap; EXT accounts have no entry window that begins it"""
    expired: dict[str, ShortOption] = field(default_factory=dict[str, ShortOption])
    """options booked as expired at the close: a late notice may still reverse that (protocol 7.4)"""
    hedges: dict[str, Hedge] = field(default_factory=dict[str, Hedge])
    """long put to what it protects"""
    earmarks: dict[str, int] = field(default_factory=dict[str, int])
    """workflow to the cents it holds (protocol 4.1)"""
    losses_in_row: int = 0
    """losing chains since the last one that did not lose (protocol 9)"""
    day_corpus: int = 0
    """corpus of the last EOD valuation, moved by flows since (protocol 9)"""
    high: int = 0
    """highest EOD corpus, moved by every later flow (protocol 9)"""
    worst_level: int = 0
    """highest level of a position since the last end of day (protocol 8.3, leaving PRESERVATION)"""
    calm_sessions: int = 0
    """full sessions with every position at level 0"""
    quarters: dict[str, Quarter] = field(default_factory=dict[str, Quarter])
    """such as 2025Q2"""
    uninvested: int = 0
    """COM: money that has not bought shares or LEAPS yet (protocol 10.4)"""
    reinvesting: Run | None = None
    carry: int = 0
    """left over from the last reinvestment"""
    last_leaps: str = ""
    """ticker of the last LEAPS bought: the rotation goes on after it"""
    last_fork: int = 0
    """day of the last completed fork"""
    fork_eligible: bool = False
    """the surplus has reached the threshold and was not lost since"""
    fork_asked: int = 0
    """day on which a fork was last denied or lapsed"""
    fork_approved: bool = False
    """people have approved the fork; it waits for its window"""
    brought: int = 0
    """profit in it when it was taken over: what it was worth at cost beyond its base capital, cents (protocol 10.1)"""
    drawn: int = 0
    """profit that has left it since it was opened: withdrawals, forks, tax paid, corrections of equity, cents"""
    forecasts: dict[str, Forecast] = field(default_factory=dict[str, Forecast])
    """ticker to what the type predictor knows of it"""
    funded: int = 0
    """day of the first funding, for the wait before withdrawals"""
    withdrawals: dict[str, int] = field(default_factory=dict[str, int])
    """approved, not yet paid: id to cents"""
    withdrawal_quarter: dict[str, str] = field(default_factory=dict[str, str])
    """id of a withdrawal to the quarter it is for"""

    def shares(self, ticker: str) -> int:
        """Shares of a ticker."""
        return sum(lot.quantity for lot in self.lots if lot.contract == ticker)

    def balance(self, ledger_account: str) -> int:
        """Balance of a ledger account, debit positive."""
        return self.ledger.get(ledger_account, 0)


@dataclass(slots=True)
class Order:
    """An order and where it stands (protocol 12.1)."""

    order_id: str
    signal_id: str
    account_id: str
    contract: str
    ticker: str
    side: str
    effect: str
    quantity: int
    limit_e4: int
    ladder_e4: list[int]
    purpose: str
    origin: str
    clip: int
    rest: int
    state: str
    created_us: int
    version: int = 1
    filled: int = 0
    broker_order_id: str = ""
    session: int = 0
    """day of the entry window that stood open last when it was proposed"""
    before_cancel: str = ""
    """the state before a cancel was asked for, empty when none was"""
    executions: list[str] = field(default_factory=list[str])
    unknown_since_us: int = 0
    asked_us: int = 0
    """when the broker was asked last about an unknown order"""
    approval_id: str = ""
    new_contract: str = ""
    """of a roll: the option that is sold in the same combination"""
    leg_filled: int = 0
    """of a roll: contracts bought back; `filled` counts the new ones sold"""
    leg_cost: int = 0
    """of a roll: paid for them without commissions, cents"""
    roll_chain_id: str = ""
    original_credit_e4: int = 0
    chain_credit_e4: int = 0
    """of a roll: net credit per share of the roll chain before it"""
    rolls: int = 0
    cost: int = 0
    """paid (+) or received (-) by its executions without commissions, cents"""
    reference: str = ""
    time_in_force: str = "DAY"
    step_s: int = 0
    """between two limits of its ladder, as configured when it was built (protocol 18); 0 = unknown"""
    cancel_reason: str = ""
    """why a cancel was asked for, empty when none was"""
    roll_to: str = ""
    """of a purchase that begins a roll in two orders: the option that is sold next (protocol 7.3)"""
    roll_of: str = ""
    """of the sale that ends it: the purchase's order"""

    @property
    def rolls_into(self) -> bool:
        """What it opens continues a roll chain."""
        return bool(self.new_contract or self.roll_of)

    @property
    def working(self) -> bool:
        """From VALIDATED to a terminal state, UNKNOWN included (protocol 4.1)."""
        return self.state in WORKING

    @property
    def ended(self) -> bool:
        """In a terminal state."""
        return self.state in TERMINAL

    @property
    def open_quantity(self) -> int:
        """Not filled yet."""
        return self.quantity - self.filled


TERMINAL = frozenset({"FILLED", "CANCELLED", "REJECTED", "EXPIRED"})
WORKING = frozenset(
    {"VALIDATED", "AWAITING_APPROVAL", "PENDING_SUBMIT", "SUBMITTED", "PARTIALLY_FILLED", "CANCEL_REQUESTED", "UNKNOWN"}
)
AT_BROKER = frozenset({"PENDING_SUBMIT", "SUBMITTED", "PARTIALLY_FILLED", "CANCEL_REQUESTED", "UNKNOWN"})


@dataclass(slots=True)
class Approval:
    """A pending request (protocol 15.2)."""

    approval_id: str
    kind: str
    subject: str
    account_id: str
    proposal: dict[str, str]
    required: int
    roles: list[str]
    requester: str
    expires_at_us: int
    default_action: str
    granted_by: list[str] = field(default_factory=list[str])


@dataclass(slots=True)
class Script:
    """An open action script (protocol 8.3)."""

    script_id: str
    account_id: str
    contract: str
    level: int
    steps: dict[str, int] = field(default_factory=dict[str, int])
    """action to its number"""
    done: list[int] = field(default_factory=list[int])


@dataclass(slots=True)
class Breaker:
    """A tripped circuit breaker of the book or an account (protocol 9)."""

    name: str
    scope: str
    session: int
    """session in which it tripped"""
    asked: bool = False
    """people have been asked to clear it"""


@dataclass(slots=True)
class Instruction:
    """An instruction of STAR-LAB (protocol 13.2)."""

    instruction_id: str
    client: str
    account_id: str
    strategy_id: str
    trade_action: str
    contract: str
    quantity: int
    limit_e4: int
    time_in_force: str
    body_hash: str
    since_us: int
    accepted: bool = False
    ended: bool = False
    code: str = ""
    """why it was refused, empty when it was not"""


@dataclass(slots=True)
class StrategyPosition:
    """What a client's strategy holds of a contract."""

    quantity: int
    """negative = short"""
    cost: int
    """paid, negative = received, without commissions, cents"""
    order_id_open: str
    result: int = 0
    """of this round trip so far, commissions included"""


@dataclass(slots=True)
class Strategy:
    """Positions and results of a client's strategy (protocol 13.3)."""

    positions: dict[str, StrategyPosition] = field(default_factory=dict[str, StrategyPosition])
    realised: int = 0
    trades: int = 0
    wins: int = 0
    losses: int = 0
    commissions: int = 0


@dataclass(slots=True)
class ForkGroup:
    """The pair of accounts that one Gen fork made; merges as one (protocol 10.3)."""

    group_id: str
    members: list[str]
    target: str
    confirmations: int = 0
    state: str = ""
    """empty, MERGING, STALLED or MERGED"""
    merge_id: str = ""
    since: int = 0
    """session in which the merge began"""
    proceeds: int = 0
    costs: int = 0
    tax: int = 0
    """the members' reserve when the merge began"""
    liquidated: bool = False


@dataclass(slots=True)
class Founding:
    """A fork that founds another book: money in transit until the child has answered (protocol 10.2)."""

    fork_id: str
    account_id: str
    child: str
    amount: int
    broker_account: str = ""
    state: str = ""
    """empty, SENT, REFUSED or DONE"""
    attempts: int = 0
    """refusals so far"""


@dataclass(slots=True)
class GrowthEnd:
    """A quarter's end of an account family (protocol 14.4)."""

    quarter: str
    months: int
    """from the month of the first valuation"""
    multiple_e10: int
    """1 + time-weighted return since then"""


@dataclass(slots=True)
class Family:
    """Growth of a system's accounts together since their first end of a day here, EXT left out (protocol 14.2)."""

    since: int = 0
    """session of the first valuation"""
    index_e10: int = 10**10
    """worth of 1 at the valuation before the last"""
    session: int = 0
    """of the last valuation"""
    base: int = 0
    """what its accounts were worth at the one before, moved by flows since, cents"""
    worth: int = 0
    ends: list[GrowthEnd] = field(default_factory=list[GrowthEnd])
    """the last two quarter ends"""
    ended: int = 0
    """session after the last quarter end"""


@dataclass(slots=True)
class Book:
    """One ALL-USE system: everything that its decisions rest on."""

    system_id: str
    owner_subject_id: str = ""
    broker_account: str = ""
    pending_capital: int = 0
    config_version: int = 0
    config: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    """scope (SYSTEM or account id) to overlay"""
    accounts: dict[str, Account] = field(default_factory=dict[str, Account])
    orders: dict[str, Order] = field(default_factory=dict[str, Order])
    approvals: dict[str, Approval] = field(default_factory=dict[str, Approval])
    decided: dict[str, str] = field(default_factory=dict[str, str])
    """approval id to how it ended"""
    commands: dict[str, str] = field(default_factory=dict[str, str])
    """command id to the hash of its body"""
    notices: list[str] = field(default_factory=list[str])
    """ids of assignment notices taken"""
    streams: dict[str, int] = field(default_factory=dict[str, int])
    timers: dict[str, int] = field(default_factory=dict[str, int])
    watches: dict[str, list[int | str]] = field(default_factory=dict[str, list[int | str]])
    """key to [symbol, low, high]: the book is woken when a mark reaches either price (1e-4 dollars)"""
    broker_up: bool = False
    combinations: bool = True
    """the broker takes combination orders (protocol 7.3)"""
    last_reconciled_us: int = 0
    margin_used: int = 0
    margin_total: int = 0
    """as the broker states them, cents; total 0 = it states none (protocol 9)"""
    breaks: list[str] = field(default_factory=list[str])
    killed: bool = False
    week_modes: dict[str, str] = field(default_factory=dict[str, str])
    """ISO week to the guess of its mode; the last weeks, next one's may be given before this one is scored (11.2)"""
    scripts: dict[str, Script] = field(default_factory=dict[str, Script])
    breakers: dict[str, Breaker] = field(default_factory=dict[str, Breaker])
    """name|scope to the tripped breaker"""
    groups: dict[str, ForkGroup] = field(default_factory=dict[str, ForkGroup])
    foundings: dict[str, Founding] = field(default_factory=dict[str, Founding])
    day_trades: list[int] = field(default_factory=list[int])
    """sessions of the last day trades (protocol 16.3 CR-04)"""
    good_faith: list[int] = field(default_factory=list[int])
    """days on which shares were given up before the funds that bought them had settled (CR-05)"""
    stale_feeds: dict[str, int] = field(default_factory=dict[str, int])
    """symbols whose prices stopped coming: 1 = alert raised, 2 = entries stopped (protocol 8.4)"""
    fallbacks: dict[str, int] = field(default_factory=dict[str, int])
    """symbol to the session for which an ATR fallback was announced"""
    memory: dict[str, int] = field(default_factory=dict[str, int])
    """what a rule counts between two evaluations without an event, such as calm ones of a level (protocol 8.2)"""
    predictor: Predictor = field(default_factory=Predictor)
    reviewed_quarter: str = ""
    """the last quarter whose feedback cycle has run (protocol 11.4)"""
    instructions: dict[str, Instruction] = field(default_factory=dict[str, Instruction])
    """client|client_order_id to the instruction"""
    strategies: dict[str, Strategy] = field(default_factory=dict[str, Strategy])
    """starlab_strategy_id to positions and results"""
    wash: WashLedger = field(default_factory=WashLedger)
    """what the wash-sale rule remembers (protocol 4.4)"""
    parent: str = ""
    """account of another book that this one was forked from"""
    parent_book: str = ""
    founding_id: str = ""
    """that fork's id"""
    family: Family = field(default_factory=Family)
    parked: bool = False
    parked_inputs: int = 0


T = TypeVar("T")


_PLAIN: dict[type[Any], list[tuple[str, Any]] | None] = {}
"""class to names and defaults of its fields, `None` for what is no state class"""


def _parts(kind: type[Any]) -> list[tuple[str, Any]] | None:
    parts = [(f.name, f.default) for f in fields(kind)] if is_dataclass(kind) else None
    _PLAIN[kind] = parts
    return parts


def dump(value: Any) -> Any:
    """Plain data (dicts, lists, numbers, strings) of a state object; fields at their default are left out."""
    kind: type[Any] = value.__class__
    if kind is dict:
        return {key: dump(item) for key, item in value.items()}
    if kind is list:
        return [dump(item) for item in value]
    parts = _PLAIN[kind] if kind in _PLAIN else _parts(kind)
    if parts is None:
        return value
    plain: dict[str, Any] = {}
    for name, default in parts:
        item = getattr(value, name)
        if item or (item != default and not isinstance(item, dict | list | str)):
            plain[name] = dump(item)
    return plain


Load = Callable[[Any], Any]


def load(cls: type[T], plain: Any) -> T:
    """The object that `dump` made `plain` of."""
    return _loader(cls)(plain)


@cache
def _loader(hint: Any) -> Load:
    """How plain data become what a type hint says: made once a type."""
    origin = get_origin(hint)
    if origin is list:
        item = _loader(get_args(hint)[0])
        return lambda plain: [item(value) for value in plain]
    if origin is dict:
        item = _loader(get_args(hint)[1])
        return lambda plain: {key: item(value) for key, value in plain.items()}
    if origin is Union or origin is UnionType:
        some = _loader(next(a for a in get_args(hint) if a is not NoneType))
        return lambda plain: None if plain is None else some(plain)
    return _fields_loader(hint) if is_dataclass(hint) else _as_it_is


def _as_it_is(plain: Any) -> Any:
    return plain


def _fields_loader(cls: Any) -> Load:
    hints = get_type_hints(cls)
    loaders = {f.name: _loader(hints[f.name]) for f in fields(cls)}
    required = [(f.name, hints[f.name]) for f in fields(cls) if _required(f)]

    def make(plain: dict[str, Any]) -> Any:
        values = {key: loaders[key](value) for key, value in plain.items()}
        for name, hint in required:
            if name not in values:
                values[name] = _blank(hint)
        return cls(**values)

    return make


def _required(f: Any) -> bool:
    return f.default is MISSING and f.default_factory is MISSING


def _blank(hint: Any) -> Any:
    """What `dump` left out: the empty value of a field's type."""
    empty: dict[Any, Any] = {list: [], dict: {}, int: 0, str: "", bool: False}
    return empty.get(get_origin(hint) or hint)


def state_hash(value: Any) -> str:
    """SHA-256 of the canonical text of a state: written with each snapshot, compared on each restore."""
    return sha256(canonical_text(value).encode()).hexdigest()


def canonical_text(value: Any) -> str:
    """JSON with sorted keys and no blanks."""
    return dumps(dump(value), sort_keys=True, separators=(",", ":"))
