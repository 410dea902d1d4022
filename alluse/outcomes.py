"""What a run came to, counted from its events alone, so that `run` and `backtest` count the same."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from alluse.render import usd
from domain.contracts import parse
from processors.book.digest import LogDigest

CASH, UNSETTLED, RESERVE = "CASH", "CASH_UNSETTLED", "TAX_RESERVE"


@dataclass
class AccountOutcome:
    """An account at the end of the run."""

    account_id: str
    kind: str = ""
    state: str = "PENDING_FUNDING"
    base_capital: int = 0
    balances: Counter[str] = field(default_factory=Counter[str])
    nav: int | None = None
    corpus: int | None = None

    def shown(self) -> dict[str, str]:
        """As in the run's result; before the first valuation nav and corpus are the cash."""
        cash, unsettled, reserve = (self.balances[name] for name in (CASH, UNSETTLED, RESERVE))
        return {
            "account_id": self.account_id,
            "state": self.state,
            "cash": usd(cash),
            "nav": usd(cash + unsettled + reserve if self.nav is None else self.nav),
            "corpus": usd(cash + unsettled if self.corpus is None else self.corpus),
            "tax_reserve": usd(reserve),
        }


class Outcome:
    """Fed with every event, in any order that keeps the order of a partition."""

    def __init__(self) -> None:
        self.accounts: dict[str, AccountOutcome] = {}
        self.books: set[str] = set()
        self.events: Counter[str] = Counter()
        self.passed_through: Counter[str] = Counter()
        self.skips: Counter[str] = Counter()
        self.rejections: Counter[str] = Counter()
        self.unbalanced = 0
        self.premium_sold = 0
        self.premium_bought = 0
        self.last_us = 0

    def event(self, name: str, plain: dict[str, Any]) -> None:
        """Take an event."""
        envelope = plain["envelope"]
        self.events[name] += 1
        self.last_us = max(self.last_us, envelope["recorded_at_us"])
        match name:
            case "LedgerPosted":
                self._posted(plain["lines"])
            case "OrderValidated":
                self.passed_through.update(c["check"] for c in plain["checks"] if c["result"] == "NO_INPUT")
            case "OrderFilled" | "OrderPartiallyFilled":
                self._filled(plain)
            case "EntrySkipped":
                self.skips[plain["reason"]] += 1
            case "OrderRejected" | "CommandRejected":
                self.rejections[plain["code"]] += 1
            case "PositionMarked":
                account = self._account(envelope["account_id"])
                account.nav, account.corpus = plain["nav"], plain["corpus"]
            case "SystemCreated":
                self.books.add(envelope["system_id"])
            case "BookImported":
                self._imported(envelope["system_id"], plain["accounts"])
            case "AccountOpened":
                self._account(plain["account_id"]).kind = plain["type"]
            case "AccountFunded":
                self._account(envelope["account_id"]).base_capital = plain["base_capital"]
            case "AccountActivated" | "AccountResumed":
                self._account(envelope["account_id"]).state = "ACTIVE"
            case "AccountSuspended":
                self._account(envelope["account_id"]).state = "SUSPENDED"
            case _:
                pass

    def _account(self, account_id: str) -> AccountOutcome:
        return self.accounts.setdefault(account_id, AccountOutcome(account_id))

    def _posted(self, lines: list[dict[str, Any]]) -> None:
        if sum(line["amount"] for line in lines) != 0:
            self.unbalanced += 1
        for line in lines:
            self._account(line["account_id"]).balances[line["ledger_account"]] += line["amount"]

    def _filled(self, plain: dict[str, Any]) -> None:
        if parse(plain["contract"]) is None:
            return
        cents = plain["quantity"] * plain["price_e4"]  # 100 shares a contract, 1e-4 dollars: cents
        if plain["side"] == "SELL":
            self.premium_sold += cents
        else:
            self.premium_bought += cents

    def _imported(self, book: str, accounts: list[dict[str, Any]]) -> None:
        self.books.add(book)
        for plain in accounts:
            account = self._account(plain["account_id"])
            account.kind, account.state, account.base_capital = plain["type"], "ACTIVE", plain["base_capital"]

    def document(
        self, first_day: str, last_day: str, inputs: int, digest: LogDigest, setup_s: float, run_s: float
    ) -> dict[str, Any]:
        """The object that `run --json` and `backtest --json` end with."""
        return {
            "books": sorted(self.books),
            "from": first_day,
            "to": last_day,
            "inputs": inputs,
            "journal_entries": digest.entries,
            "events": digest.events,
            "digest": digest.value(),
            "journal_heads": digest.heads(),
            "checks_passed_through": dict(sorted(self.passed_through.items())),
            "orders": {
                "proposed": self.events["OrderProposed"],
                "filled": self.events["OrderFilled"],
                "rejected": self.events["OrderRejected"],
            },
            "assignments": self.events["OptionAssigned"],
            "forks": 0,
            "merges": 0,
            "accounts": [self.accounts[key].shown() for key in sorted(self.accounts)],
            "unbalanced_ledger_entries": self.unbalanced,
            "seconds": {"setup": round(setup_s, 3), "run": round(run_s, 3)},
            "rates": {
                "ticks_per_s": round(inputs / run_s, 1) if run_s else 0.0,
                "journal_entries_per_s": round(digest.entries / run_s, 1) if run_s else 0.0,
            },
        }
