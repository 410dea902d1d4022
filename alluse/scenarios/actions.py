"""What may stand under `do:`: commands by their protocol name, what people and the broker do, reports as on the log."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, cast

from alluse.scenarios.fields import (
    Field,
    FieldError,
    check_expected,
    command_classes,
    fields_of,
    find_field,
    missing,
    report_classes,
)
from alluse.scenarios.protocol_names import PROTOCOL_COMMANDS
from alluse.scenarios.quantities import Kind
from alluse.scenarios.scenario import Action
from alluse.scenarios.text import line_of

BLANK = frozenset({"reason", "choice", "symbol"})
"""Texts of a command that may be left out."""
FILLED = BLANK | {"owner_subject_id", "broker_account", "config"}
"""Fields of commands that are filled in where they are not given."""

HEADER_KEYS = {
    "by": "who asks (default owner)",
    "role": "OWNER (default), TRADER, RISK, OPERATOR or SERVICE",
    "id": "the command's id: the same one again is a repetition (default: a fresh one)",
    "book": "the book, * = every book (default: the scenario's first)",
    "valid_until": "a time after which the command is refused",
}
"""Keys of a command's header."""
CAPTURE = ("event", "field", "where")
"""Keys of a value that is taken from the newest event of a kind."""

VERBS: dict[str, tuple[str, dict[str, str]]] = {
    "grant": (
        "a person approves a pending request: GrantApproval",
        {
            "kind": "of the request, such as PREMIUM_BELOW_GATE",
            "subject": "of the request, such as NVDA",
            "account": "of the request",
            "book": "of the request (default: the first book that has one)",
            "by": "who (default trader-1)",
            "role": "default: the first that the request names",
            "people": "how many different people grant it, one after another (default 1)",
            "choice": "the option chosen where the request offers several",
        },
    ),
    "deny": (
        "a person denies a pending request: DenyApproval",
        {
            "kind": "of the request",
            "subject": "of the request",
            "account": "of the request",
            "book": "of the request (default: the first book that has one)",
            "by": "who (default trader-1)",
            "role": "default: the first that the request names",
            "reason": "in words",
        },
    ),
    "fill": (
        "scripted broker: an execution",
        {
            "order": "which order, by any of its fields: {ticker: TSLA}; the newest that matches",
            "quantity": "contracts or shares (default: all that is open)",
            "price": "a share (default: the order's limit)",
            "commission": "dollars (default 0.65 a contract, 0 for shares)",
            "exec_id": "the execution's id (default: a fresh one)",
            "contract": "where it is not the order's: a leg of a combination",
            "side": "where it is not the order's",
            "again": "yes: an execution that was reported before, so the broker holds it already",
        },
    ),
    "ack": ("scripted broker: the order, or its new limit, is acknowledged", {"order": "which order"}),
    "cancelled": (
        "scripted broker: the order is cancelled",
        {"order": "which order", "code": "reason code", "reason": "in words"},
    ),
    "expired": ("scripted broker: the day order has expired", {"order": "which order"}),
    "reject": (
        "scripted broker: the order is refused",
        {"order": "which order", "code": "reason code", "reason": "in words"},
    ),
    "refuse_cancel": ("scripted broker: the cancel is refused", {"order": "which order", "code": "reason code"}),
    "assign": (
        "scripted broker: notice of assignment (put) or exercise (call) of short options",
        {
            "contract": "the option",
            "quantity": "contracts (default: all that the broker holds)",
            "session": "trade date (default: the expiry, or the session before an early notice)",
            "notice_id": "default: a fresh one",
        },
    ),
    "statement": (
        "scripted broker: positions and cash, as the broker holds them",
        {
            "occasion": "CONNECT, PRE_OPEN, INTRADAY (default) or EOD",
            "cash": "where it is not what the broker holds",
            "positions": "contract to quantity, where they are not what the broker holds",
        },
    ),
    "connect": ("scripted broker: the session comes up", {"reason": "in words"}),
    "disconnect": ("scripted broker: the session goes down", {"reason": "in words"}),
    "link": (
        "scripted broker: link and deposit are confirmed",
        {
            "deposit": "dollars (default: what was asked for)",
            "permissions": "default CSP_AND_CC",
            "combinations": "no: rolls are two orders",
        },
    ),
    "cash": (
        "scripted broker: cash moves at the broker outside orders; the next statement shows it",
        {"amount": "dollars, negative = out"},
    ),
}
"""Short words for what people and the scripted broker do, with their keys."""
SCRIPTED = frozenset(VERBS) - {"grant", "deny"}
"""Verbs that only a scripted broker knows."""


def read_action(item: Any, *, scripted: bool) -> Action:
    """An entry of `do:`. Raises FieldError."""
    if isinstance(item, str):
        name, given = str(item), Any
        given = {}
    elif isinstance(item, dict) and len(cast("dict[str, Any]", item)) == 1:
        ((name, value),) = cast("dict[str, Any]", item).items()
        if name == "statement" and value == "clean":
            value = None
        if value is not None and not isinstance(value, dict):
            raise FieldError((name,), f"expected a mapping of {name}'s fields, found {value!r}")
        given = cast("dict[str, Any]", value or {})
    else:
        raise FieldError((), "expected a command or action with its fields, such as `GrantApproval: {…}`")
    if name in VERBS:
        if name in SCRIPTED and not scripted:
            raise FieldError((name,), f"{name} needs `broker: scripted`; the simulated broker answers by itself")
        _check_verb(name, given)
    elif name in command_classes():
        _check_command(name, command_classes()[name], given)
    elif name in report_classes():
        if not scripted:
            raise FieldError((name,), f"{name} needs `broker: scripted`")
        _check_fields(name, report_classes()[name], given, {"book", "time"})
    elif name not in PROTOCOL_COMMANDS:
        near = get_close_matches(name, [*VERBS, *command_classes(), *PROTOCOL_COMMANDS], 1)
        hint = f" (do you mean {near[0]}?)" if near else ""
        raise FieldError((name,), f"there is no command or action {name}; docs/scenario-names.md lists all{hint}")
    return Action(name, dict(given), line_of(item))


def _check_verb(name: str, given: Mapping[str, Any]) -> None:
    known = VERBS[name][1]
    for key in given:
        if key not in known:
            raise FieldError((name, key), f"{name} has no {key}; it has {', '.join(known)}")
    checked = {
        "quantity": Kind.INTEGER, "people": Kind.INTEGER, "price": Kind.PRICE, "commission": Kind.MONEY,
        "deposit": Kind.MONEY, "amount": Kind.MONEY, "session": Kind.DAY, "contract": Kind.CONTRACT,
    }  # fmt: skip
    for key, kind in checked.items():
        if given.get(key) is not None:
            _check_value(Field(key, key, kind, "one", None, False, False, ""), given[key], (name, key))
    if name == "assign" and "contract" not in given:
        raise FieldError((name,), "assign needs contract")
    if name == "cash" and "amount" not in given:
        raise FieldError((name,), "cash needs amount")


def _check_command(name: str, cls: type, given: Mapping[str, Any]) -> None:
    own = {key for key in HEADER_KEYS if find_field(cls, key) is None}
    _check_fields(name, cls, given, own)
    if lacks := missing(cls, given, FILLED):
        raise FieldError((name,), lacks)


def _check_fields(name: str, cls: type, given: Mapping[str, Any], also: set[str]) -> None:
    for key, value in given.items():
        if key in also:
            continue
        field = find_field(cls, key)
        if field is None:
            keys = ", ".join([*fields_of(cls), *sorted(also)])
            raise FieldError((name, key), f"{name} has no field {key}; it has {keys}")
        if not is_selection(field, value):
            _check_value(field, value, (name, key))


def _check_value(field: Field, value: Any, path: tuple[str | int, ...]) -> None:
    if value is None:
        return
    try:
        check_expected(field, value)
    except FieldError as error:
        raise FieldError((*path, *error.path), str(error)) from None


def is_selection(field: Field, value: Any) -> bool:
    """Whether a value describes an order, a request or an event whose id is meant."""
    return isinstance(value, dict) and field.record is None and field.shape == "one"
