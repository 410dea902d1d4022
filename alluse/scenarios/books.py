"""ImportBook of what a file says of a book: everything that is not given is worked out or nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields as dataclass_fields
from dataclasses import replace
from typing import Any, cast

from alluse.scenarios.fields import Field, FieldError, Reading, build, fields_of, find_field, read_field
from alluse.scenarios.quantities import Kind
from domain import commands as c
from domain.contracts import parse
from domain.money import COMMISSION_PER_CONTRACT, shares_value

_FORK = re.compile(r"(?P<group>(?P<parent>.+)-F\d{2})-(?P<type>[A-Z]{3})")
_ROOT = re.compile(r".+-(?P<type>[A-Z]{3})-\d{3}")
OWN_CONFIG = "config"
"""Key of an account's own parameters, which are no part of ImportBook."""


def account_id(book: str, name: str) -> str:
    """Id of an account by its short name: GEN -> S001-GEN-001, GEN-001-F01-COM -> S001-GEN-001-F01-COM."""
    if name.startswith(f"{book}-"):
        return name
    return f"{book}-{name}-001" if "-" not in name else f"{book}-{name}"


def imported_account(book: str, name: str, given: Mapping[str, Any], start_us: int, today: int) -> c.ImportedAccount:
    """An account as a file describes it. Raises FieldError."""
    identity = account_id(book, name)
    fork, root = _FORK.fullmatch(identity), _ROOT.fullmatch(identity)
    kind = fork["type"] if fork else root["type"] if root else ""
    fixed: dict[str, Any] = {
        "account_id": identity,
        "type": kind,
        "role": "FORK_CHILD" if fork else "ROOT",
        "parent_account_id": fork["parent"] if fork else None,
        "fork_group_id": fork["group"] if fork else None,
        "fork_depth": len(re.findall(r"-F\d{2}-", identity)),
        "inception": today,
    }
    reading = Reading(accounts=lambda short: account_id(book, short), today=today)
    rest = {key: value for key, value in given.items() if key != OWN_CONFIG}
    lots = _listed(rest, "lots", lambda item, n: _lot(item, f"{identity}-lot-{n}", reading, today))
    options = _listed(rest, "options", lambda item, _: _option(item, reading, start_us))
    years = _listed(rest, "tax_years", lambda item, _: _zeros(c.ImportedTaxYear, item, reading))
    account = _zeros(c.ImportedAccount, rest, reading, {**fixed, "lots": lots, "options": options, "tax_years": years})
    invested = account.cash + account.cash_unsettled + sum(lot.basis for lot in lots)
    base = account.base_capital if "base_capital" in rest else invested
    return replace(account, base_capital=base, sizing_base=account.sizing_base if "sizing_base" in rest else base)


def _listed(rest: dict[str, Any], key: str, make: Callable[[dict[str, Any], int], Any]) -> list[Any]:
    given: Any = rest.pop(key, None)
    if given is None:
        return []
    if not isinstance(given, list):
        raise FieldError((key,), f"expected a list, found {str(given)!r}")
    made: list[Any] = []
    for number, item in enumerate(cast("list[Any]", given)):
        if not isinstance(item, dict):
            raise FieldError((key, number), f"expected a mapping, found {item!r}")
        try:
            made.append(make(dict(cast("dict[str, Any]", item)), number + 1))
        except FieldError as error:
            raise FieldError((key, number, *error.path), str(error)) from None
    return made


def _zeros(cls: type, given: Mapping[str, Any], reading: Reading, fixed: Mapping[str, Any] | None = None) -> Any:
    """A record in which numbers and texts that are not given are 0 and empty."""
    chosen = {field.name for key in given if (field := find_field(cls, key)) is not None}
    values = {name: value for name, value in (fixed or {}).items() if name not in chosen}
    for field in fields_of(cls).values():
        if field.required and field.name not in chosen and field.name not in values:
            values[field.name] = _nothing(field)
    return build(cls, given, reading, values)


def _nothing(field: Field) -> Any:
    return "" if field.kind in (Kind.TEXT, Kind.ACCOUNT, Kind.CONTRACT) else False if field.kind is Kind.BOOLEAN else 0


def _needs(cls: type, given: Mapping[str, Any], *names: str) -> None:
    have = {field.friendly for key in given if (field := find_field(cls, key)) is not None}
    for name in names:
        if name not in have:
            raise FieldError((), f"{name} is missing; {cls.__name__} has {', '.join(fields_of(cls))}")


def _lot(given: dict[str, Any], identity: str, reading: Reading, today: int) -> c.ImportedLot:
    if "ticker" in given:
        given["contract"] = given.pop("ticker")
    _needs(c.ImportedLot, given, "contract", "quantity")
    lot: c.ImportedLot = _zeros(c.ImportedLot, given, reading, {"lot_id": identity, "acquired": today})
    if "basis" not in given and "price" not in given:
        raise FieldError((), "basis or price is missing: the tax basis of the whole lot, or the price a share")
    multiplier = 1 if parse(lot.contract) is None else 100
    shares = lot.quantity * multiplier
    if "basis" not in given:
        return replace(lot, basis=shares_value(lot.price_e4, shares))
    if "price" not in given:
        return replace(lot, price_e4=lot.basis * 100 // shares if shares else 0)
    return lot


def _option(given: dict[str, Any], reading: Reading, start_us: int) -> c.ImportedOption:
    _needs(c.ImportedOption, given, "contract", "quantity", "credit", "p0")
    option: c.ImportedOption = _zeros(c.ImportedOption, given, reading, {"opened_us": start_us})
    if "commission" in given:
        return option
    return replace(option, commission=COMMISSION_PER_CONTRACT * option.quantity)


def further_fields(book: str, given: Mapping[str, Any], accounts: list[Any], today: int) -> dict[str, Any]:
    """Fields of ImportBook beyond those that every book has. Fork groups of its accounts count from nothing.

    Raises FieldError.
    """
    reading = Reading(accounts=lambda short: account_id(book, short), today=today)
    known = {name: field for name, field in fields_of(c.ImportBook).items() if not field.required}
    values: dict[str, Any] = {}
    for key, value in given.items():
        field = known.get(key)
        if field is None:
            raise FieldError(
                (key,),
                f"unknown key {key}; a book has id, owner, broker_account, source, config, accounts"
                f"{''.join(f', {name}' for name in known)}",
            )
        try:
            values[field.name] = read_field(field, value, reading)
        except FieldError as error:
            raise FieldError((key, *error.path), str(error)) from None
    groups = list(dict.fromkeys(a.fork_group_id for a in accounts if a.fork_group_id))
    given_groups = [_group(book, group, groups) for group in cast("list[c.ImportedGroup]", values.get("groups") or [])]
    named = {group.fork_group_id for group in given_groups}
    if groups:
        values["groups"] = given_groups + [c.ImportedGroup(group, 0) for group in groups if group not in named]
    return values


def _group(book: str, group: c.ImportedGroup, known: list[str]) -> c.ImportedGroup:
    """A group under its accounts' name for it: GEN-001-F01 is S001-GEN-001-F01."""
    whole = f"{book}-{group.fork_group_id}"
    return replace(group, fork_group_id=whole) if whole in known else group


def import_book(header: c.CommandHeader, **values: Any) -> c.ImportBook:
    """The command; fields that it has gained since take their defaults."""
    known = {f.name for f in dataclass_fields(c.ImportBook)}
    return c.ImportBook(header=header, **{name: value for name, value in values.items() if name in known})
