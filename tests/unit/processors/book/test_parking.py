"""A poison input parks its book, visibly; the other books go on; ops release it and nothing is lost."""

from dataclasses import replace
from typing import Any

import pytest

from domain import commands as c
from domain import inputs as i
from domain.identity import partition_of
from domain.state import state_hash
from processors.book.task import BookProcessor, BookTask
from processors.runtime.memory import MemoryLog, MemoryRuntime
from schemas.codec import Codec
from schemas.records import from_plain
from tests.unit.processors.book.recorded import Reader

P = 1
DAY_US = 86_400_000_000
T0 = 18_000 * DAY_US
CODEC = Codec.load()


class World:
    """One live partition with two books, fed by hand."""

    def __init__(self) -> None:
        self.log = MemoryLog(P)
        self.runtime = MemoryRuntime(self.log, [(BookProcessor(), P)])
        self.put("commands", i.LogOpened("t", P, 1, "CRC32", 1_000_000, 100_000, False))
        days = list(range(17_995, 18_040))
        calendar = i.SessionCalendar(
            T0,
            days,
            [d * DAY_US + 50_000_000_000 for d in days],
            [d * DAY_US + 73_000_000_000 for d in days],
            [d + 1 for d in days],
            [17_995],
            [-18_000],
        )
        self.put("market.marks", i.MarketCalendar(0, 0, T0, calendar))
        for book in ("S001", "S002"):
            self.put(
                "commands",
                c.CreateSystem(self.header(f"create-{book}", book), 100_000_000, "subject", "DU1", {"env.mode": "SIM"}),
                book,
            )

    def header(self, command_id: str, book: str) -> c.CommandHeader:
        return c.CommandHeader(command_id, book, T0 + self.log.written, 0, "USER", "ops", "OPERATOR", command_id)

    def put(self, topic: str, record: Any, book: str | None = None) -> None:
        self.log.append(
            topic,
            0,
            book.encode() if book else None,
            record if isinstance(record, bytes) else CODEC.encode_record(record),
        )
        self.runtime.run()

    def fee(self, command_id: str, book: str, account: str | None = None) -> c.RecordFee:
        return c.RecordFee(self.header(command_id, book), account or f"{book}-GEN-001", 100, "")

    @property
    def task(self) -> BookTask:
        task = self.runtime.task("book", 0)
        assert isinstance(task, BookTask)
        return task

    def dispositions(self) -> list[str]:
        from processors.book.journal import read_key

        return [read_key(m.key or b"").disposition for m in self.log.records("journal", 0)]

    def letters(self) -> list[i.DeadLetter]:
        return [from_plain(i.DeadLetter, CODEC.decode(m.value or b"")[1]) for m in self.log.records("dead-letters", 0)]

    def fees(self, book: str) -> int:
        return self.task.partition.books[book].accounts[f"{book}-GEN-001"].balance("FEES")


def assert_journal_folds(world: World) -> None:
    again = BookTask(0)
    again.restore(Reader(world.log, 0))
    for name, book in world.task.partition.books.items():
        assert state_hash(again.partition.books[name]) == state_hash(book)


def _truncated(data: bytes) -> bytes:
    return data[:-1]


def _unknown_schema(data: bytes) -> bytes:
    return b"\0" + (999_999).to_bytes(4, "big") + data[5:]


def _other_magic(data: bytes) -> bytes:
    return b"\7" + data[1:]


@pytest.mark.parametrize(
    ("damage", "code"),
    [(_truncated, "TRUNCATED_RECORD"), (_unknown_schema, "UNKNOWN_SCHEMA_ID"), (_other_magic, "WRONG_MAGIC")],
)
def test_a_command_that_cannot_be_read_parks_its_book_and_is_kept_whole(damage: Any, code: str) -> None:
    world = World()
    bad = damage(CODEC.encode_record(world.fee("f1", "S001")))

    world.put("commands", bad, "S001")
    world.put("commands", world.fee("f2", "S001"), "S001")
    world.put("commands", world.fee("f3", "S002"), "S002")

    assert world.dispositions()[-3:] == ["parked", "parked", "taken"]
    assert world.task.partition.books["S001"].parked
    assert (world.fees("S001"), world.fees("S002")) == (0, 100)
    first, second = world.letters()
    assert (first.error_code, bytes.fromhex(first.value_hex), first.topic, first.book) == (
        code,
        bad,
        "commands",
        "S001",
    )
    assert CODEC.decode(bytes.fromhex(second.value_hex))[1]["header"]["command_id"] == "f2"
    told = [CODEC.decode(m.value or b"") for m in world.log.records("alerts", 0)][-1]
    assert (told[0], told[1]["error_code"], told[1]["topic"]) == ("BookParked", code, "commands"), "people are told"
    assert_journal_folds(world)


def test_a_rule_that_fails_is_undone_and_parks_only_its_book(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    from domain import book as rules

    plain = rules.COMMAND_RULES[c.RecordFee]

    def failing(d: Any, command: c.RecordFee) -> Any:
        answer = plain(d, command)
        if command.header.command_id == "poison":
            raise ZeroDivisionError("a bug in a rule")
        return answer

    monkeypatch.setitem(rules.COMMAND_RULES, c.RecordFee, failing)

    world.put("commands", world.fee("poison", "S001"), "S001")
    world.put("commands", world.fee("f2", "S002"), "S002")

    assert world.dispositions()[-3:] == ["taken", "parked", "taken"], "ParkBook, the poison command, the other book's"
    assert (world.fees("S001"), world.fees("S002")) == (0, 100), "what the failed rule had begun is undone"
    assert [letter.book for letter in world.letters()] == ["S001"]
    assert_journal_folds(world)


def test_release_processes_what_was_parked_in_its_order() -> None:
    world = World()
    world.put("commands", b"garbage", "S001")
    world.put("commands", world.fee("f2", "S001"), "S001")
    world.put("commands", world.fee("f3", "S001"), "S001")
    parked = [letter.value_hex for letter in world.letters()][1:]

    world.put("commands", c.ReleaseBook(world.header("release", "S001"), parked), "S001")
    world.put("commands", world.fee("f4", "S001"), "S001")

    assert world.fees("S001") == 300
    assert not world.task.partition.books["S001"].parked
    assert_journal_folds(world)


def test_release_may_discard() -> None:
    world = World()
    world.put("commands", b"garbage", "S001")
    world.put("commands", world.fee("f2", "S001"), "S001")

    world.put("commands", c.ReleaseBook(world.header("release", "S001"), []), "S001")

    assert world.fees("S001") == 0
    assert not world.task.partition.books["S001"].parked


def test_the_same_command_again_is_answered_from_state_and_another_body_is_refused() -> None:
    world = World()
    fee = world.fee("f1", "S001")

    world.put("commands", fee, "S001")
    world.put("commands", replace(fee, header=replace(fee.header, time_us=fee.header.time_us + 5)), "S001")
    world.put("commands", replace(fee, amount=999), "S001")

    assert world.dispositions()[-3:] == ["taken", "duplicate", "refused"]
    assert world.fees("S001") == 100
    rejected = [CODEC.decode(m.value or b"") for m in world.log.records("protocol", 0)][-1]
    assert (rejected[0], rejected[1]["code"]) == ("CommandRejected", "IDEMPOTENCY_CONFLICT")


def test_a_command_for_an_unknown_book_is_refused_and_journalled() -> None:
    world = World()

    world.put("commands", world.fee("f1", "S999"), "S999")

    assert world.dispositions()[-1] == "refused"
    rejected = [CODEC.decode(m.value or b"") for m in world.log.records("protocol", 0)][-1]
    assert (rejected[1]["code"], rejected[1]["envelope"]["system_id"]) == ("UNKNOWN_BOOK", "S999")
    assert partition_of("S999", 1) == 0


def test_a_broken_market_record_is_a_dead_letter_and_stops_nobody() -> None:
    world = World()

    world.log.append("market.marks", 0, None, b"\0\0\0\0")
    world.put("commands", world.fee("f1", "S001"), "S001")

    assert world.fees("S001") == 100
    assert [letter.topic for letter in world.letters()] == ["market.marks"]
