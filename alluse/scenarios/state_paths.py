"""State by path: `accounts.GEN.deployable`, `orders[ticker=TSLA].state`, `accounts.GEN.positions[TSLA]`, `digest`.

What a rule works out (collateral, corpus, ...) is worked out by the rule's own function; everything else is looked up
in the state as it is. Ratios and amounts are compared as decimals.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import fields as dataclass_fields
from dataclasses import is_dataclass
from typing import Any, NamedTuple, cast

from alluse.scenarios.acting import Actor
from alluse.scenarios.fields import same_scalar, same_text, shown_scalar
from alluse.scenarios.quantities import Kind, NotThisError, decimal, read_contract
from alluse.scenarios.stage import Stage
from domain.modes import effective_mode
from domain.sizing import budget
from domain.state import CASH, CASH_UNSETTLED, TAX_RESERVE, Account, Book
from domain.valuation import (
    buffer_required,
    cash_total,
    corpus,
    deployable,
    free_cash,
    nav,
    put_collateral,
    unrealised,
)

_STEP = re.compile(r"(?P<name>[^.\[\]]*)(?P<keys>(?:\[[^\]]*\])*)(?:\.|$)")
_KEY = re.compile(r"\[([^\]]*)\]")
_SUFFIXES = {
    "_us": Kind.TIME, "_e2": Kind.DELTA, "_e3": Kind.STRIKE, "_e4": Kind.PRICE, "_e6": Kind.E6, "_e10": Kind.RATIO,
}  # fmt: skip
_DAYS = frozenset({"acquired", "inception", "session", "window_session", "expiry", "last_fork", "outcome_session"})


class NoSuchStateError(Exception):
    """A path that leads nowhere; the message says how far it leads and what is there.

    `absent`: what it leads to could be there, but is not: it counts as none, and as 0.
    """

    def __init__(self, message: str, *, absent: bool = False) -> None:
        super().__init__(message)
        self.absent = absent


class Value(NamedTuple):
    """A value with what it is; None: as the expected text suggests."""

    kind: Kind | None
    value: Any


Derived = dict[str, Callable[[], Value]]


class States:
    """The state of a stage."""

    def __init__(self, stage: Stage, actor: Actor) -> None:
        self.stage, self.actor = stage, actor

    def holds(self, path: str, expected: Any) -> tuple[bool, str]:
        """Whether a path has this value, and the value as people read it. Raises NoSuchStateError."""
        found = self.value(path)
        if isinstance(found.value, list | dict) or is_dataclass(found.value):
            return _same_tree(expected, found.value), _tree_text(found.value)
        return self._same(found, expected), self._text(found, expected)

    def _same(self, found: Value, expected: Any) -> bool:
        kind = found.kind or _suggested(expected, found.value)
        return same_scalar(kind, expected, found.value, self.actor.reading())

    def _text(self, found: Value, expected: Any) -> str:
        return shown_scalar(found.kind or _suggested(expected, found.value), found.value)

    # --- paths ------------------------------------------------------------------------------------------------

    def value(self, path: str) -> Value:
        """What is at a path. Raises NoSuchStateError."""
        root: Any = self._root()
        found = Value(None, root)
        done = ""
        for name, keys in _steps(path):
            for step, by_key in [*([(name, False)] if name else []), *((key, True) for key in keys)]:
                found = self._enter(found.value, step, done, by_key=by_key)
                done = f"{done}[{step}]" if by_key else f"{done}.{step}".lstrip(".")
        return found

    def _root(self) -> Derived:
        stage = self.stage
        book = stage.books.get(self.actor.default_book)
        known: Derived = {
            "digest": lambda: Value(Kind.TEXT, stage.digest()),
            "journal": lambda: Value(None, {"entries": stage.entries, "events": len(stage.happened)}),
            "books": lambda: Value(None, stage.books),
            "market": lambda: Value(None, _Market(stage)),
        }
        if book is not None:
            known |= {f.name: _getter(book, f.name) for f in dataclass_fields(book)}
        return known

    def _enter(self, at: Any, step: str, done: str, *, by_key: bool) -> Value:
        if isinstance(at, Account) and not by_key:
            derived = self._account(at)
            if step in derived:
                return derived[step]()
        if isinstance(at, _Market):
            return at.symbol(step)
        found = self._in_mapping(at, step) if isinstance(at, dict) else self._in_thing(at, step, by_key=by_key)
        if found is None:
            there = _names(at)
            raise NoSuchStateError(
                f"{done or 'the state'} has no {step}; it has {there}",
                absent=bool(done) and isinstance(at, dict | list),
            )
        return found

    def _in_mapping(self, at: Any, step: str) -> Value | None:
        entries: dict[str, Any] = at
        if "=" in step:
            return self._chosen(list(entries.values()), step)
        names = [step, self.actor.account(step), _symbol(step)]
        name = next((n for n in names if n in entries), None)
        if name is None:
            return None
        found: Any = entries[name]
        return cast("Value", found()) if callable(found) else Value(None, found)

    def _in_thing(self, at: Any, step: str, *, by_key: bool) -> Value | None:
        if isinstance(at, list):
            things = cast("list[Any]", at)
            if "=" in step:
                return self._chosen(things, step)
            return Value(None, things[int(step)]) if step.isdigit() and int(step) < len(things) else None
        if by_key or not is_dataclass(at):
            return None
        for f in dataclass_fields(at):
            suffix = next((s for s in _SUFFIXES if f.name.endswith(s)), "")
            if step in (f.name, f.name.removesuffix(suffix)):
                kind = _SUFFIXES.get(suffix) or (Kind.DAY if f.name in _DAYS else None)
                return Value(kind, getattr(at, f.name))
        found = getattr(cast("Any", at), step, None)
        return None if found is None or callable(found) else Value(None, found)

    def _chosen(self, things: list[Any], step: str) -> Value | None:
        """The newest of the things whose fields are as asked: `ticker=TSLA, state=FILLED`."""
        for thing in reversed(things):
            if all(self._is(thing, part) for part in step.split(",")):
                return Value(None, thing)
        return None

    def _is(self, thing: Any, condition: str) -> bool:
        name, _, value = condition.partition("=")
        found = self._in_thing(thing, name.strip(), by_key=False)
        if found is None:
            return False
        text = self.actor.account(value.strip()) if name.strip() == "account_id" else value.strip()
        return same_text(text, str(found.value))

    # --- what rules work out ----------------------------------------------------------------------------------

    def _account(self, account: Account) -> Derived:
        stage = self.stage
        book = self._book_of(account)
        market = stage.task.partition.market
        decision = stage.decision(book)

        def money(amount: Callable[[], int]) -> Callable[[], Value]:
            return lambda: Value(Kind.MONEY, amount())

        return {
            "collateral": money(lambda: put_collateral(book, account)),
            "deployable": money(lambda: deployable(decision, account)),
            "free_cash": money(lambda: free_cash(book, account)),
            "cash_total": money(lambda: cash_total(account)),
            "cash": money(lambda: account.balance(CASH)),
            "cash_unsettled": money(lambda: account.balance(CASH_UNSETTLED)),
            "tax_reserve": money(lambda: account.balance(TAX_RESERVE)),
            "corpus": money(lambda: corpus(market, account)),
            "nav": money(lambda: nav(market, account)),
            "unrealised": money(lambda: unrealised(market, account)),
            "buffer_required": money(lambda: buffer_required(decision, account)),
            "budget": money(lambda: budget(decision, account).total),
            "sizing_base": money(lambda: account.sizing_base),
            "base_capital": money(lambda: account.base_capital),
            "effective_mode": lambda: Value(Kind.TEXT, effective_mode(account)),
            "shares": lambda: Value(None, {t: account.shares(t) for t in _tickers(account)}),
            "positions": lambda: Value(None, _positions(account)),
            "ledger": lambda: Value(None, {name: _money(balance) for name, balance in account.ledger.items()}),
        }

    def _book_of(self, account: Account) -> Book:
        return next(book for book in self.stage.books.values() if account.account_id in book.accounts)


def _money(amount: int) -> Callable[[], Value]:
    return lambda: Value(Kind.MONEY, amount)


def _getter(thing: Any, name: str) -> Callable[[], Value]:
    return lambda: Value(None, getattr(thing, name))


def _tickers(account: Account) -> list[str]:
    return list(dict.fromkeys(lot.contract for lot in account.lots))


def _positions(account: Account) -> dict[str, int]:
    """Contract or ticker to quantity, negative = short."""
    held: dict[str, int] = {}
    for lot in account.lots:
        held[lot.contract] = held.get(lot.contract, 0) + lot.quantity
    for contract, short in account.shorts.items():
        held[contract] = held.get(contract, 0) - short.quantity
    return held


class _Market:
    """What the books see of the market."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def symbol(self, name: str) -> Value:
        """The state of a symbol."""
        market = self._stage.task.partition.market
        bar = market.atr_record(name, self._stage.today)
        days = market.bars.get(name, [])
        known: Derived = {
            "last": lambda: Value(Kind.PRICE, market.last(name)),
            "atr": lambda: Value(Kind.E6, bar.atr_e6 if bar else 0),
            "close": lambda: Value(Kind.PRICE, days[-1].close_e4 if days else 0),
            "halted": lambda: Value(Kind.BOOLEAN, market.halted.get(name, False)),
        }
        return Value(None, known)


def _steps(path: str) -> list[tuple[str, list[str]]]:
    found: list[tuple[str, list[str]]] = []
    at = 0
    while at < len(path):
        step = _STEP.match(path, at)
        if step is None or step.end() == at:
            raise NoSuchStateError(f"{path} is no path: names parted by dots, keys in brackets")
        found.append((step["name"].strip(), [key.strip() for key in _KEY.findall(step["keys"])]))
        at = step.end()
    return found


def _symbol(text: str) -> str:
    try:
        return read_contract(text)
    except NotThisError:
        return text


def _suggested(expected: Any, found: Any) -> Kind:
    """What a number of the state is, by how it was written: with cents it is money, else a count."""
    if isinstance(found, bool):
        return Kind.BOOLEAN
    if isinstance(found, int):
        return Kind.MONEY if re.search(r"\.\d\d$", str(expected)) else Kind.INTEGER
    return Kind.TEXT


def _same_tree(expected: Any, found: Any) -> bool:
    """Lists and mappings of the state: a number is how many there are, else what is written, in the same order."""
    if isinstance(expected, dict):
        wanted = cast("dict[str, Any]", expected)
        there = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
        names = {_symbol(key): value for key, value in wanted.items()}
        return set(names) == set(there) and all(_same_leaf(value, there[key]) for key, value in names.items())
    if not isinstance(found, list | dict):
        return False
    things = list(cast("Iterable[Any]", found))
    if isinstance(expected, list):
        wanted_items = cast("list[Any]", expected)
        return len(wanted_items) == len(things) and all(map(_same_leaf, wanted_items, things))
    if expected is None or str(expected) in ("none", "empty"):
        return not things
    return str(expected) == str(len(things))


def _same_leaf(expected: Any, found: Any) -> bool:
    value: Any = cast("Value", found()).value if callable(found) else found
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            number = decimal(str(expected))
        except ValueError:
            return False
        return number.scaleb(2) == value if "." in str(expected) else number == value
    return same_text(str(expected), str(value))


def _tree_text(found: Any) -> str:
    if isinstance(found, dict):
        entries = cast("dict[str, Any]", found)
        return "{" + ", ".join(f"{shown_scalar(Kind.TEXT, k)}: {_leaf_text(v)}" for k, v in entries.items()) + "}"
    if isinstance(found, list):
        return "[" + ", ".join(_leaf_text(item) for item in cast("list[Any]", found)) + "]"
    return _leaf_text(found)


def _leaf_text(value: Any) -> str:
    if callable(value):
        kind, inner = cast("Callable[[], Value]", value)()
        return shown_scalar(kind, inner) if kind else str(inner)
    return type(value).__name__ if is_dataclass(value) else str(value)


def _names(at: Any) -> str:
    if isinstance(at, dict):
        return ", ".join(cast("dict[str, Any]", at)) or "nothing"
    if isinstance(at, list):
        return f"{len(cast('list[Any]', at))} items"
    return ", ".join(f.name for f in dataclass_fields(at)) if is_dataclass(at) else repr(at)
