"""What an account is worth and earns: drawdown before its breaker trips (protocol 9), premiums that stay too low (6.3).

The book trips the breaker at its limit; people are told at two thirds of it, once until the account has recovered to a
third. A ticker whose entries are skipped for their premium three windows in a row is told once until one is made.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

WARN_AT, REARM_AT = 2 / 3, 1 / 3
SKIPS_IN_A_ROW = 3
TOO_LOW = "PREMIUM_BELOW_MIN"


@dataclass
class Worth:
    """An account's flow-adjusted high, in cents."""

    type: str = ""
    high: int = 0
    warned: bool = False
    skips: dict[str, int] = field(default_factory=dict[str, int])
    """ticker and right to windows skipped in a row"""


@dataclass
class WorthState:
    """Accounts of a book by id."""

    accounts: dict[str, Worth] = field(default_factory=dict[str, Worth])
    sent: list[str] = field(default_factory=list[str])
    """transfers to another book that have left and are not settled"""

    def flow(self, account_id: str, amount: int) -> None:
        """Capital came or went: the high moves with it."""
        account = self.accounts.get(account_id)
        if account is not None and account.high:
            account.high += amount


@dataclass(frozen=True)
class Drawdown:
    """An account nears its breaker."""

    account_id: str
    percent: float
    limit_percent: float
    session: int


@dataclass(frozen=True)
class LowPremium:
    """A ticker's premiums stay below the gate."""

    account_id: str
    ticker: str
    right: str
    windows: int


def follow_worth(
    state: WorthState, name: str, event: Mapping[str, Any], account_id: str, limits_pct: Mapping[str, float]
) -> Drawdown | LowPremium | None:
    """An event of an account; flows as the book counts them."""
    account = state.accounts.setdefault(account_id, Worth()) if account_id else Worth()
    match name:
        case "AccountOpened":
            state.accounts.setdefault(event["account_id"], Worth()).type = event["type"]
        case "BookImported":
            for source in event["accounts"]:
                high = source.get("high") or source["base_capital"]
                state.accounts[source["account_id"]] = Worth(source["type"], high)
        case "AccountFunded":
            account.high = event["amount"]
        case "ContributionAllocated":
            state.flow(account_id, event["amount"])
        case "CapitalTransferInitiated":
            state.flow(account_id, -event["amount"])
            state.sent.append(event["transfer_id"])
        case "CapitalTransferred" | "CapitalTransferFailed":
            _transferred(state, name, event, account_id)
        case "PositionMarked":
            return _marked(account, account_id, event["corpus"], event["session"], limits_pct)
        case "EntrySkipped":
            return _skipped(account, account_id, event)
        case "TradeSignalGenerated":
            for right in ("P", "C"):
                account.skips.pop(f"{event['ticker']} {right}", None)
        case _:
            pass
    return None


def _transferred(state: WorthState, name: str, event: Mapping[str, Any], account_id: str) -> None:
    if event["transfer_id"] in state.sent:  # it left when it was initiated
        state.sent.remove(event["transfer_id"])
    elif name == "CapitalTransferred" and event["kind"] == "MERGE":
        state.flow(event["from_account"], -event["amount"])
        state.flow(event["to_account"], event["amount"])
    elif name == "CapitalTransferred" and event["kind"] in ("FORK", "WITHDRAWAL"):
        state.flow(account_id, -event["amount"])


def _marked(
    account: Worth, account_id: str, corpus: int, session: int, limits_pct: Mapping[str, float]
) -> Drawdown | None:
    account.high = max(account.high, corpus)
    limit = limits_pct.get(account.type)
    if limit is None or account.high <= 0:
        return None
    fallen = 100 * (account.high - corpus) / account.high
    if fallen <= limit * REARM_AT:
        account.warned = False
    if fallen < limit * WARN_AT or account.warned:
        return None
    account.warned = True
    return Drawdown(account_id, fallen, limit, session)


def _skipped(account: Worth, account_id: str, event: Mapping[str, Any]) -> LowPremium | None:
    key = f"{event['ticker']} {event['right']}"
    if event["reason"] != TOO_LOW:
        return None
    account.skips[key] = account.skips.get(key, 0) + 1
    if account.skips[key] != SKIPS_IN_A_ROW:
        return None
    return LowPremium(account_id, event["ticker"], event["right"], SKIPS_IN_A_ROW)
