"""A book as it is or as it was: its history folded from the journal, in memory."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

from alluse.journaling import Journal
from alluse.plans import PARTITIONS
from alluse.records import scaled
from alluse.render import iso_us, note, usd
from domain.calendar import iso
from domain.contracts import parse
from domain.identity import partition_of
from domain.state import Account, Book, Order, state_hash
from infra.errors import RequestError
from infra.stream.contract import Message
from processors.book import snapshot
from processors.book.sequencer import Sequencer

TELL_EVERY_S = 2.0


def book_state(journal: Journal, name: str, at: str | None, sequence: int | None) -> dict[str, Any]:
    """The book after the last entry, or after the last one at or before a time, or after an entry."""
    partition = partition_of(name, PARTITIONS)
    core = _folded(journal, partition, None if at is None else _time(at), sequence)
    book = core.partition.books.get(name)
    if book is None:
        there = sorted(core.partition.books)
        raise RequestError(
            "UNKNOWN_BOOK",
            f"Partition {partition} has no book {name} at entry {core.chain.sequence - 1}.",
            f"It has {', '.join(there)}." if there else "`alluse book list` shows all books.",
        )
    return {
        "book": name,
        "partition": partition,
        "sequence": core.chain.sequence - 1,
        "time": iso_us(core.chain.time_us),
        "state_hash": f"sha256:{state_hash(book)}",
        **_shown(book),
    }


def _folded(journal: Journal, partition: int, at_us: int | None, sequence: int | None) -> Sequencer:
    core = Sequencer(partition)
    if at_us is None and sequence is None:
        snapshot.restore(core, journal.partition(partition))
        return core
    told = time.monotonic()
    for entry in journal.entries(partition):
        if (sequence is not None and entry.key.sequence > sequence) or (
            at_us is not None and entry.key.time_us > at_us
        ):
            break
        core.fold(Message("journal", entry.offset, entry.key_bytes, entry.value))
        if time.monotonic() - told > TELL_EVERY_S:
            told = time.monotonic()
            note(f"Folding the journal: entry {entry.key.sequence}, {iso_us(entry.key.time_us)}")
    if sequence is not None and core.chain.sequence <= sequence:
        raise RequestError(
            "NO_ENTRY", f"Partition {partition} has no entry {sequence}.", f"Its last one is {core.chain.sequence - 1}."
        )
    return core


def _time(text: str) -> int:
    try:
        when = dt.datetime.fromisoformat(text)
    except ValueError:
        raise RequestError("BAD_TIME", f"--at: '{text}' is no time.", "Its form is 2012-01-03T15:00:00Z.") from None
    return int(when.replace(tzinfo=when.tzinfo or dt.UTC).timestamp() * 1_000_000)


def _shown(book: Book) -> dict[str, Any]:
    return {
        "owner": book.owner_subject_id,
        "broker_account": book.broker_account,
        "broker_up": book.broker_up,
        "kill_switch": book.killed,
        "parked": book.parked,
        "config_version": book.config_version,
        "config": book.config,
        "accounts": [_account(book.accounts[key]) for key in sorted(book.accounts)],
        "working_orders": [_order(o) for o in book.orders.values() if o.working],
        "pending_approvals": [
            {
                "approval_id": a.approval_id,
                "kind": a.kind,
                "subject": a.subject,
                "account_id": a.account_id,
                "granted_by": a.granted_by,
            }
            for a in book.approvals.values()
        ],
        "open_breaks": book.breaks,
        "breakers": [
            {"breaker": b.name, "scope": b.scope, "session": iso(b.session)} for _, b in sorted(book.breakers.items())
        ],
        "fork_groups": [
            {
                "fork_group_id": group.group_id,
                "members": group.members,
                "state": group.state or "ACTIVE",
                "confirmations": group.confirmations,
            }
            for _, group in sorted(book.groups.items())
        ],
        "timers": {key: iso_us(due) for key, due in sorted(book.timers.items(), key=lambda t: (t[1], t[0]))},
    }


def _account(account: Account) -> dict[str, Any]:
    return {
        "account_id": account.account_id,
        "type": account.type,
        "role": account.role,
        "parent_account_id": account.parent_account_id,
        "fork_group_id": account.fork_group_id,
        "forks": account.fork_seq,
        "state": account.state,
        "restrictions": account.restrictions,
        "suspensions": account.suspensions,
        "base_capital": usd(account.base_capital),
        "sizing_base": usd(account.sizing_base),
        "ledger": {name: usd(cents) for name, cents in sorted(account.ledger.items())},
        "unsettled": {iso(int(day)): usd(cents) for day, cents in sorted(account.unsettled.items())},
        "last_nav": usd(account.last_nav),
        "last_corpus": usd(account.last_corpus),
        "short_options": [
            {
                "contract": short.contract,
                "quantity": -short.quantity,
                "credit": scaled(sum(s.quantity * s.price_e4 for s in short.slices) // max(1, short.quantity), 4),
                "opened": iso_us(short.opened_us),
                "level": short.level,
                "rolls": short.rolls,
            }
            for _, short in sorted(account.shorts.items())
        ],
        "lots": [
            {
                "lot_id": lot.lot_id,
                "contract": lot.contract,
                "quantity": lot.quantity,
                "acquired": iso(lot.acquired),
                "basis": usd(lot.basis),
                "price": scaled(lot.price_e4, 4),
                "kind": "shares" if parse(lot.contract) is None else "option",
            }
            for lot in account.lots
        ],
        "share_levels": {t: wheel.level for t, wheel in sorted(account.wheels.items()) if account.shares(t) >= 100},
        "hedges": {contract: hedge.hedged for contract, hedge in sorted(account.hedges.items())},
        "wheels": {ticker: wheel.phase for ticker, wheel in sorted(account.wheels.items())},
    }


def _order(order: Order) -> dict[str, Any]:
    return {
        "order_id": order.order_id,
        "account_id": order.account_id,
        "contract": order.contract,
        "side": order.side,
        "quantity": order.quantity,
        "filled": order.filled,
        "limit": scaled(order.limit_e4, 4),
        "state": order.state,
        "purpose": order.purpose,
    }
