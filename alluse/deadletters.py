"""The dead letters: what could not be processed, kept whole; and the books that are parked behind one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from alluse.journaling import Journal, readable
from alluse.plans import PARTITIONS
from alluse.render import iso_us
from domain.identity import partition_of
from infra.errors import RequestError
from schemas.codec import Codec


def letters(journal: Journal, book: str | None = None) -> list[dict[str, Any]]:
    """All dead letters of a log, oldest first in each partition; `state` says whether a book waits for them."""
    parked = parked_books(journal)
    rows: list[dict[str, Any]] = []
    for identity, plain in _all(journal):
        if book is None or plain["book"] == book:
            rows.append(
                {
                    "id": identity,
                    "book": plain["book"] or None,
                    "error_code": plain["error_code"],
                    "topic": plain["topic"],
                    "partition": plain["partition"],
                    "offset": plain["offset"] if plain["offset"] >= 0 else None,
                    "processor": plain["processor"],
                    "attempt": plain["attempt"],
                    "time": iso_us(plain["time_us"]),
                    "state": "BOOK_PARKED" if plain["book"] in parked else "KEPT",
                    "message": plain["message"],
                }
            )
    return rows


def letter(journal: Journal, identity: str) -> dict[str, Any]:
    """One dead letter with its bytes, and its record where it can be read. Raises RequestError `NO_DEAD_LETTER`."""
    for found, plain in _all(journal):
        if found == identity:
            name, record = readable(bytes.fromhex(plain["value_hex"]))
            summary = next(row for row in letters(journal) if row["id"] == identity)
            return {
                **summary,
                "key": bytes.fromhex(plain["key_hex"]).decode(errors="replace"),
                "headers": plain["headers"],
                "value_hex": plain["value_hex"],
                "record": name,
                "value": record,
            }
    raise RequestError(
        "NO_DEAD_LETTER", f"There is no dead letter {identity}.", "`alluse ops dead-letters list` shows all."
    )


def parked_books(journal: Journal) -> dict[str, dict[str, Any]]:
    """Books that are parked now: the BookParked event of each."""
    codec = Codec.load()
    parked: dict[str, dict[str, Any]] = {}
    for partition in range(PARTITIONS):
        for message in journal.log.records("alerts", partition):
            name, plain = codec.decode(message.value or b"")
            if name == "BookParked":
                parked[plain["envelope"]["system_id"]] = plain
            elif name == "BookReleased":
                parked.pop(plain["envelope"]["system_id"], None)
    return parked


def waiting(journal: Journal, book: str) -> list[bytes]:
    """The records that a parked book has set aside behind the poison one, in their order.

    Taken from the journal, which holds the same bytes as the dead letters and their order for certain. The first one
    parked is the poison record itself; it stays a dead letter.
    """
    event = parked_books(journal).get(book)
    if event is None:
        return []
    partition = partition_of(book, PARTITIONS)
    start = journal.offset_of(partition, event["envelope"]["sequence"])
    codec = Codec.load()
    found: list[bytes] = []
    poison_seen = event["error_code"] in _UNREADABLE
    for entry in journal.entries(partition, start):
        if entry.key.disposition != "parked" or _book_of(codec, entry.value) != book:
            continue
        if poison_seen:
            found.append(entry.value)
        poison_seen = True
    return found


_UNREADABLE = frozenset({"WRONG_MAGIC", "UNKNOWN_SCHEMA_ID", "TRUNCATED_RECORD", "UNREADABLE_RECORD", "SCHEMA_ERROR"})
"""Codes of records that can't be read: such a one names no book, so that the search below passes it over."""


def _book_of(codec: Codec, value: bytes) -> str | None:
    from schemas.errors import SchemaError

    try:
        _, plain = codec.decode(value)
    except SchemaError:
        return None
    header: dict[str, Any] | None = plain.get("header")
    return plain.get("book") if header is None else header["book"]


def _all(journal: Journal) -> Iterator[tuple[str, dict[str, Any]]]:
    codec = Codec.load()
    for partition in range(PARTITIONS):
        for message in journal.log.records("dead-letters", partition):
            _, plain = codec.decode(message.value or b"")
            yield f"{partition}-{message.offset}", plain
