"""The state of a book: plain data, changed only by `domain.evolve`, written whole into snapshots and hashed.

Money in cents, prices in 1e-4 dollars, days as day numbers, times in microseconds UTC.
"""

from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from hashlib import sha256
from json import dumps
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

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
    last_checked_us: int = 0

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
    basis: int
    price_e4: int


@dataclass(slots=True)
class Wheel:
    """Phase of the wheel for an account and ticker (protocol 3.5)."""

    phase: str = "IDLE"
    chain_id: str = ""
    chain_net: int = 0
    """net option premiums since the chain began, cents (sales - buy-backs - commissions)"""


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
    classified_week: str = ""
    """the last week that has been classified"""
    window_session: int = 0
    """day of the last entry window: `windows` and `new_collateral` belong to it"""
    new_collateral: int = 0
    """opened today, for the day's cap"""
    expired: dict[str, ShortOption] = field(default_factory=dict[str, ShortOption])
    """options booked as expired at the close: a late notice may still reverse that (protocol 7.4)"""

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
    last_reconciled_us: int = 0
    breaks: list[str] = field(default_factory=list[str])
    killed: bool = False
    week_mode: str = ""
    week_mode_week: str = ""
    alerts: dict[str, int] = field(default_factory=dict[str, int])
    parked: bool = False
    parked_inputs: int = 0


T = TypeVar("T")


def dump(value: Any) -> Any:
    """Plain data (dicts, lists, numbers, strings) of a state object; fields at their default are left out."""
    kind: type[Any] = value.__class__
    if kind is dict:
        return {key: dump(item) for key, item in value.items()}
    if kind is list:
        return [dump(item) for item in value]
    if not is_dataclass(kind):
        return value
    plain: dict[str, Any] = {}
    for f in fields(kind):
        item = getattr(value, f.name)
        if item or (item != f.default and not isinstance(item, dict | list | str)):
            plain[f.name] = dump(item)
    return plain


_hints: dict[type, dict[str, Any]] = {}


def load(cls: type[T], plain: Any) -> T:
    """The object that `dump` made `plain` of."""
    return _load(cls, plain)


def _load(cls: Any, plain: Any) -> Any:
    origin = get_origin(cls)
    if origin is list:
        (item,) = get_args(cls)
        return [_load(item, value) for value in plain]
    if origin is dict:
        _, item = get_args(cls)
        return {key: _load(item, value) for key, value in plain.items()}
    if origin is Union or origin is UnionType:
        return None if plain is None else _load(next(a for a in get_args(cls) if a is not type(None)), plain)
    return _load_fields(cls, plain) if is_dataclass(cls) else plain


def _load_fields(cls: Any, plain: dict[str, Any]) -> Any:
    hints = _hints.get(cls)
    if hints is None:
        hints = _hints[cls] = get_type_hints(cls)
    blanks = {f.name: _blank(hints[f.name]) for f in fields(cls) if f.name not in plain and _required(f)}
    return cls(**{key: _load(hints[key], value) for key, value in plain.items()}, **blanks)


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
