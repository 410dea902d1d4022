"""Snapshots of a book partition: one record a changed book, one for what the partition shares, all in one transaction.

Restoring = the shared record (journal sequence N), every book's last record, then the journal from N on. Each record
carries the hash of its state; a restored state is hashed again and compared.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import asdict
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from domain import inputs as i
from domain.calendar import Calendar
from domain.market import DayRecord, Mark
from domain.state import Book, canonical_text, load, state_hash
from infra.stream.contract import LogReader, Output
from processors.book.journal import Chain, read_key

if TYPE_CHECKING:
    from processors.book.task import BookTask

SHARED = b"*"


def take(task: BookTask) -> list[Output]:
    """Records of the books that changed since the last snapshot, and of the shared state."""
    partition = task.partition
    outputs: list[Output] = []
    for name in sorted(partition.changed):
        book = partition.books[name]
        text = json.dumps({"sequence": task.chain.sequence, "hash": state_hash(book), "state": json.loads(canonical_text(book))})
        outputs.append(Output("snapshots", partition.number, name.encode(), text.encode()))
    partition.changed.clear()
    shared = _shared(task)
    text = json.dumps(shared, sort_keys=True, separators=(",", ":"))
    record = {"sequence": task.chain.sequence, "hash": sha256(text.encode()).hexdigest(), "state": shared}
    outputs.append(Output("snapshots", partition.number, SHARED, json.dumps(record).encode()))
    return outputs


def _shared(task: BookTask) -> dict[str, Any]:
    market, opened = task.partition.market, task.opened
    assert opened is not None
    return {
        "opened": asdict(opened),
        "chain": [task.chain.sequence, task.chain.previous, task.chain.time_us],
        "seen": task.seen, "orders_sent": task.orders_sent, "unanswered": list(task.unanswered),
        "commands_promised": task.commands_promised,
        "calendar": asdict(market.calendar.source) if market.calendar else None,
        "marks": {s: [m.last_e4, m.bid_e4, m.ask_e4, m.tick_time_us] for s, m in market.marks.items()},
        "bars": {s: [[d.session, d.close_e4, d.atr_e6] for d in days] for s, days in market.bars.items()},
        "earnings": market.earnings, "actions": [asdict(a) for a in market.actions],
        "chains": {s: data.hex() for s, data in market.raw_chains().items()},
    }


def restore(task: BookTask, log: LogReader) -> None:
    """Bring a fresh task to where the journal ends. Raises ValueError when a snapshot or the journal contradicts itself."""
    saved = log.compacted("snapshots")
    shared = saved.pop(SHARED, None)
    start = 0
    if shared is not None:
        record = json.loads(shared)
        _check(record["hash"], sha256(json.dumps(record["state"], sort_keys=True, separators=(",", ":")).encode()).hexdigest(), "shared state")
        _restore_shared(task, record["state"])
        for name, data in sorted(saved.items()):
            kept = json.loads(data)
            book = load(Book, kept["state"])
            _check(kept["hash"], state_hash(book), name.decode())
            task.partition.adopt(book)
        start = _offset_of(log, task.chain.sequence)
    for message in log.records("journal", start):
        task.read_entry(message)


def _check(stored: str, now: str, what: str) -> None:
    if stored != now:
        raise ValueError(f"snapshot of {what}: stored hash {stored[:12]}, restored state hashes to {now[:12]}")


def _restore_shared(task: BookTask, state: dict[str, Any]) -> None:
    task.open(i.LogOpened(**state["opened"]))
    task.chain = Chain(*state["chain"])
    task.mark_snapshot(task.chain.sequence)
    task.seen.update(state["seen"])
    task.orders_sent, task.unanswered = state["orders_sent"], deque(state["unanswered"])
    task.commands_promised = state["commands_promised"]
    market = task.partition.market
    if state["calendar"]:
        market.calendar = Calendar(i.SessionCalendar(**state["calendar"]))
    market.marks = {s: Mark(*values) for s, values in state["marks"].items()}
    market.bars = {s: [DayRecord(*day) for day in days] for s, days in state["bars"].items()}
    market.earnings = state["earnings"]
    market.actions = [i.CorporateAction(**a) for a in state["actions"]]
    for symbol, data in state["chains"].items():
        market.take_raw_chain(symbol, bytes.fromhex(data))


def _offset_of(log: LogReader, sequence: int) -> int:
    """Offset from which entry `sequence` follows: offsets count transaction markers too, so it is searched by halves."""
    low, high = sequence, log.end("journal")
    while low < high:
        middle = (low + high) // 2
        first = next(iter(log.records("journal", middle)), None)
        if first is None or read_key(first.key or b"").sequence >= sequence:
            high = middle
        else:
            low = first.offset + 1
    return low
