"""Carries out what stands under `do:`; ids that a file cannot know are looked up in the live book."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields as dataclass_fields
from dataclasses import replace
from typing import Any, cast

from alluse.scenarios.actions import BLANK, CAPTURE, HEADER_KEYS, VERBS, is_selection
from alluse.scenarios.books import account_id
from alluse.scenarios.expecting import Expected, matches
from alluse.scenarios.fields import (
    Field,
    FieldError,
    Reading,
    build,
    class_of,
    command_classes,
    fields_of,
    find_field,
    read_scalar,
    report_classes,
    same_text,
)
from alluse.scenarios.hand_broker import HandBroker, HeldOrder
from alluse.scenarios.quantities import Kind, parameter_value
from alluse.scenarios.scenario import Action, Scenario
from alluse.scenarios.stage import Stage
from domain import commands as c
from domain import inputs as i
from domain.contracts import option, parse
from domain.money import COMMISSION_PER_CONTRACT

ANSWER_ALL_THE_SAME = "answer it all the same with GrantApproval: {approval_id: {kind: …}}"


class CannotActError(Exception):
    """What stands under `do:` finds nothing to act upon; the message says what was looked for."""


class Actor:
    """Acts on a stage."""

    def __init__(self, stage: Stage, scenario: Scenario) -> None:
        self.stage = stage
        self.scenario = scenario
        self.default_book = scenario.books[0].book if scenario.books else "S001"
        self._fresh = 0

    # --- names ------------------------------------------------------------------------------------------------

    def reading(self) -> Reading:
        """How short names and times without a date are meant now."""
        return Reading(self.account, self.stage.today)

    def account(self, name: str) -> str:
        """Id of an account by its short name; as it is where no account has it."""
        if name in ("SYSTEM", "OUTSIDE") or name in self.stage.books:
            return name
        known = [a for book in self.stage.books.values() for a in book.accounts]
        if name in known:
            return name
        for book in [self.default_book, *self.stage.books]:
            if account_id(book, name) in known:
                return account_id(book, name)
        ending = [a for a in known if a.endswith(f"-{name}")]
        return ending[0] if len(ending) == 1 else account_id(self.default_book, name)

    def header(self, given: Mapping[str, Any], at_us: int, cls: type) -> c.CommandHeader:
        """A command's header."""
        own = {key: given.get(key) for key in HEADER_KEYS if find_field(cls, key) is None}
        self._fresh += 1
        identity = own.get("id") or f"c{self._fresh}"
        until = own.get("valid_until")
        return c.CommandHeader(
            identity, own.get("book") or self.default_book, at_us,
            read_scalar(Kind.TIME, until, self.reading()) if until else 0,
            "USER", own.get("by") or "owner", own.get("role") or "OWNER", identity,
        )  # fmt: skip

    # --- acting -----------------------------------------------------------------------------------------------

    def act(self, action: Action) -> None:
        """Do it now. Raises CannotActError, FieldError."""
        if action.name == "grant":
            for number in range(int(action.given.get("people", "1"))):
                self._answer(action, number)
        elif action.name == "deny":
            self._answer(action, 0)
        elif action.name in VERBS:
            hand = self.stage.hand
            assert hand is not None
            self._broker(hand, action, self.stage.act_at())
        elif action.name in command_classes():
            self._command(command_classes()[action.name], action.given)
        elif action.name in report_classes():
            self._report(report_classes()[action.name], action.given)
        else:
            raise CannotActError(f"{action.name} is a command of the protocol that this build does not have yet")

    def _command(self, cls: type, given: Mapping[str, Any]) -> None:
        at_us = self.stage.act_at()
        fields = {key: value for key, value in given.items() if key not in HEADER_KEYS or find_field(cls, key)}
        fixed: dict[str, Any] = {"header": self.header(given, at_us, cls)}
        if cls is c.CreateSystem:
            fixed |= {"owner_subject_id": "subject-1", "broker_account": "DU1"}
            over = cast("dict[str, str]", fields.pop("config", None) or {})
            fixed["config"] = {**self.scenario.config, **_parameters(over)}
        if cls is c.ProposeConfigurationChange and isinstance(fields.get("changes"), dict):
            fields["changes"] = _parameters(cast("dict[str, str]", fields["changes"]))
        values: dict[str, Any] = {}
        for key, value in fields.items():
            field = find_field(cls, key)
            if field is not None and is_selection(field, value):
                fixed[field.name] = self._selected(field, value)
            else:
                values[key] = value
                if field is not None:
                    fixed.pop(field.name, None)
        if not given.get("book"):
            fixed["header"] = replace(fixed["header"], book=self._book_about({**values, **fixed}))
        for field in fields_of(cls).values():
            if field.required and field.friendly in BLANK and field.friendly not in values:
                fixed[field.name] = ""
        self.stage.command(build(cls, values, self.reading(), fixed))

    def _answer(self, action: Action, number: int) -> None:
        given = action.given
        wanted = {key: given[key] for key in ("kind", "subject", "account", "book") if key in given}
        book, approval_id, roles = self._approval(wanted)
        by = given.get("by") or "trader-1"
        fields: dict[str, Any] = {
            "approval_id": approval_id,
            "book": book,
            "by": by if number == 0 else f"{by}-{number + 1}",
            "role": given.get("role") or (roles[0] if roles else "OWNER"),
        }
        for key in ("choice", "reason"):
            if given.get(key):
                fields[key] = given[key]
        self._command(c.GrantApproval if action.name == "grant" else c.DenyApproval, fields)

    # --- the scripted broker ----------------------------------------------------------------------------------

    def _broker(self, hand: HandBroker, action: Action, at_us: int) -> None:
        given, book = action.given, action.given.get("book") or self.default_book
        match action.name:
            case "fill":
                self._fill(hand, given, at_us)
            case "assign":
                self._assign(hand, book, given, at_us)
            case "statement":
                self._statement(hand, book, given, at_us)
            case "connect" | "disconnect":
                up = action.name == "connect"
                session = i.BrokerSession(book, hand.next_seq(), at_us, up, given.get("reason") or action.name)
                self.stage.report(session)
            case "link":
                deposit = self._number(Kind.MONEY, given.get("deposit"), hand.holdings(book).cash)
                permissions = given.get("permissions") or "CSP_AND_CC"
                text = str(given.get("combinations", "")).lower()
                combinations = text in ("yes", "true") if text else None
                account = self.stage.books[book].broker_account if book in self.stage.books else "DU1"
                self.stage.report(
                    i.BrokerLinked(book, hand.next_seq(), at_us, account, deposit, permissions, combinations)
                )
            case "cash":
                hand.holdings(book).cash += self._number(Kind.MONEY, given.get("amount"), 0)
            case _:
                order = self._order(given.get("order") or {})
                held = hand.orders.get(order.order_id) or HeldOrder(
                    self._book_of(order), order.order_id, order.contract, order.side, order.version, order.open_quantity
                )
                code, reason = given.get("code") or "", given.get("reason") or ""
                self.stage.report(hand.status(held, at_us, _STATUS[action.name], code, reason))

    def _fill(self, hand: HandBroker, given: Mapping[str, Any], at_us: int) -> None:
        order = self._order(given.get("order") or {})
        again = str(given.get("again", "no")).lower() in ("yes", "true")
        contract = read_scalar(Kind.CONTRACT, given.get("contract") or order.contract, self.reading())
        quantity = self._number(Kind.INTEGER, given.get("quantity"), order.open_quantity)
        price = self._number(Kind.PRICE, given.get("price"), order.limit_e4)
        usual = COMMISSION_PER_CONTRACT * quantity if parse(contract) else 0
        seq = hand.next_seq()
        execution = build(
            i.BrokerExecution, {}, self.reading(),
            {
                "book": self._book_of(order), "source_seq": seq, "time_us": at_us, "order_id": order.order_id,
                "broker_order_id": f"b-{order.order_id[:8]}", "exec_id": given.get("exec_id") or f"x{seq}",
                "contract": contract, "side": given.get("side") or order.side, "quantity": quantity,
                "price_e4": price, "commission": self._number(Kind.MONEY, given.get("commission"), usual),
            },
        )  # fmt: skip
        hand.executed(execution, again=again)
        self.stage.report(execution)

    def _assign(self, hand: HandBroker, book: str, given: Mapping[str, Any], at_us: int) -> None:
        contract = read_scalar(Kind.CONTRACT, given["contract"], self.reading())
        terms, calendar = option(contract), self.stage.calendar
        assert calendar is not None
        today = self.stage.today
        over = calendar.is_session(today) and calendar.close_us(today) <= at_us
        last = today if over else calendar.previous_session(today)
        usual = min(calendar.session_on_or_before(terms.expiry), last)
        held = abs(hand.holdings(book).positions.get(contract, 0))
        notice = build(
            i.BrokerAssignment, {}, self.reading(),
            {
                "book": book, "source_seq": (seq := hand.next_seq()), "time_us": at_us,
                "notice_id": given.get("notice_id") or f"n{seq}", "contract": contract,
                "quantity": self._number(Kind.INTEGER, given.get("quantity"), held or 1),
                "outcome_session": self._number(Kind.DAY, given.get("session"), usual),
            },
        )  # fmt: skip
        hand.assigned(notice)
        self.stage.report(notice)

    def _statement(self, hand: HandBroker, book: str, given: Mapping[str, Any], at_us: int) -> None:
        cash = given.get("cash")
        exact = None if cash is None else self._number(Kind.MONEY, cash, 0)
        made = hand.statement(book, at_us, given.get("occasion") or "INTRADAY", exact)
        if given.get("positions") is not None:
            held = cast("dict[str, str]", given["positions"])
            lines = {
                read_scalar(Kind.CONTRACT, contract, self.reading()): self._number(Kind.INTEGER, quantity, 0)
                for contract, quantity in held.items()
            }
            positions = [i.BrokerPosition(contract, lines[contract]) for contract in sorted(lines)]
            made = i.BrokerStatement(made.book, made.source_seq, at_us, made.occasion, made.cash, positions)
        self.stage.report(made)

    def _report(self, cls: type, given: Mapping[str, Any]) -> None:
        hand = self.stage.hand
        assert hand is not None
        at_us = self.stage.act_at()
        fixed: dict[str, Any] = {
            "book": given.get("book") or self.default_book, "source_seq": hand.next_seq(), "time_us": at_us
        }  # fmt: skip
        values: dict[str, Any] = {}
        for key, value in given.items():
            field = find_field(cls, key)
            if field is None or key in ("book", "time"):
                continue
            if is_selection(field, value):
                fixed[field.name] = self._selected(field, value)
            else:
                values[key] = value
        record = build(cls, values, self.reading(), fixed)
        match record:
            case i.BrokerExecution():
                hand.executed(record, again=False)
            case i.BrokerAssignment():
                hand.assigned(record)
            case i.BrokerCashActivity():
                hand.cash_moved(record)
            case _:
                pass
        self.stage.report(record)

    def _number(self, kind: Kind, text: Any, usual: int) -> int:
        return usual if text is None else read_scalar(kind, text, self.reading())

    # --- what is meant ----------------------------------------------------------------------------------------

    def _selected(self, field: Field, wanted: Mapping[str, Any]) -> Any:
        """The id that a selection means."""
        if "event" in wanted:
            return self._captured(wanted)
        if "approval" in field.name:
            return self._request(wanted)
        if "order" in field.name:
            return self._order(wanted).order_id
        raise FieldError((), f"{field.friendly}: take it from an event: {{{', '.join(f'{k}: …' for k in CAPTURE)}}}")

    def _captured(self, wanted: Mapping[str, Any]) -> Any:
        """A field of the newest event of a kind."""
        where = tuple(cast("dict[str, Any]", wanted.get("where") or {}).items())
        expected = Expected(str(wanted["event"]), where, 0)
        reading = self.reading()
        found = next((h for h in reversed(self.stage.happened) if matches(expected, h, reading)), None)
        if found is None:
            raise CannotActError(f"there has been no {expected}")
        field = find_field(class_of(found.event), str(wanted.get("field", "")))
        if field is None:
            raise CannotActError(f"{expected.name} has no field {wanted.get('field')}")
        return getattr(found.event, field.name)

    def _approval(self, wanted: Mapping[str, Any]) -> tuple[str, str, list[str]]:
        """(book, id, roles) of the newest pending request that fits; of the scenario's first book before others."""
        rest, only = {k: v for k, v in wanted.items() if k != "book"}, wanted.get("book")
        books = sorted(self.stage.books, key=lambda name: name == self.default_book)
        pending = [
            (name, a) for name in books if only in (None, name) for a in self.stage.books[name].approvals.values()
        ]
        found = [(name, a) for name, a in pending if self._fits(a, rest)]
        if not found:
            there = ", ".join(f"{a.kind} {a.subject}" for _, a in pending) or "none"
            over = "" if self._over(wanted) is None else f"; one that fits is over: {ANSWER_ALL_THE_SAME}"
            raise CannotActError(f"no pending request with {_said(wanted)}; pending: {there}{over}")
        name, newest = found[-1]
        return name, newest.approval_id, newest.roles

    def _over(self, wanted: Mapping[str, Any]) -> str | None:
        """The newest request that fits and is no longer pending: the book says why an answer to it is refused."""
        expected, reading = Expected("ApprovalRequested", tuple(wanted.items()), 0), self.reading()
        found = (h.event for h in reversed(self.stage.happened) if matches(expected, h, reading))
        return next((event.approval_id for event in found), None)

    def _request(self, wanted: Mapping[str, Any]) -> str:
        """Id of the newest pending request that fits, else of the newest that is over."""
        try:
            return self._approval(wanted)[1]
        except CannotActError:
            over = self._over(wanted)
            if over is None:
                raise
            return over

    def _order(self, wanted: Mapping[str, Any]) -> Any:
        orders = [o for book in self.stage.books.values() for o in book.orders.values()]
        found = [o for o in orders if self._fits(o, wanted)]
        if not found:
            there = ", ".join(f"{o.ticker} {o.state}" for o in orders) or "none"
            raise CannotActError(f"no order with {_said(wanted)}; there are: {there}")
        return found[-1]

    def _book_about(self, values: Mapping[str, Any]) -> str:
        """The book that has the request or the order that a command is about, else the scenario's first."""
        for name, book in self.stage.books.items():
            if values.get("approval_id") in book.approvals or values.get("order_id") in book.orders:
                return name
        return self.default_book

    def _book_of(self, order: Any) -> str:
        return next(name for name, book in self.stage.books.items() if order.order_id in book.orders)

    def _fits(self, thing: Any, wanted: Mapping[str, Any]) -> bool:
        names = [f.name for f in dataclass_fields(thing)]
        for key, value in wanted.items():
            name = key if key in names else f"{key}_id" if f"{key}_id" in names else None
            if name is None:
                raise FieldError((key,), f"there is no {key} to choose by; there are {', '.join(names)}")
            found = getattr(thing, name)
            text = self.account(str(value)) if name == "account_id" else str(value)
            if not same_text(text, str(found)):
                return False
        return True


_STATUS = {
    "ack": "ACKNOWLEDGED",
    "cancelled": "CANCELLED",
    "expired": "EXPIRED",
    "reject": "REJECTED",
    "refuse_cancel": "CANCEL_REJECTED",
}


def _parameters(given: Mapping[str, Any]) -> dict[str, str]:
    lists = {name: cast("list[str]", value) for name, value in given.items() if isinstance(value, list)}
    return {name: parameter_value(name, lists.get(name, str(value))) for name, value in given.items()}


def _said(wanted: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in wanted.items()) or "no condition"
