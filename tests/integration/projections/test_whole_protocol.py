"""Scenarios of the whole protocol: what the read models say is what the book holds, however they came about."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from alluse import backtests
from alluse.backtests import DigestedLog
from alluse.plans import PARTITIONS, RunRequest, prepare
from alluse.scenarios import playing
from alluse.scenarios.loading import load
from alluse.scenarios.stage import Stage
from domain.identity import partition_of
from domain.modes import effective_mode
from domain.state import TERMINAL, Account, Book
from infra.postgres import Database
from infra.settings import CHECKOUT
from processors.book.digest import EVENT_TOPICS
from processors.book.task import BookTask
from processors.runtime.memory import Headers, MemoryRuntime
from projections import generations
from projections.batch import LogRecord
from projections.catalogue import TRADING
from projections.generations import live
from projections.migrate import migrate
from projections.projector import Projector
from projections.queries import ReadModels, scaled
from projections.rebuild import rebuild
from tests.integration.projections.conftest import MemoryLog, dump, places, project

STRESS = CHECKOUT / "alluse" / "demo_stress.yaml"
EXAMPLES = sorted((CHECKOUT / "scenarios").glob("*-*.yaml"))


def _played(path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Stage]:
    """The stages on which the scenarios of a file were played in memory."""
    stages: list[Stage] = []

    class Kept(Stage):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            stages.append(self)

    monkeypatch.setattr(playing, "Stage", Kept)
    for scenario in load(path):
        playing.play(scenario)
    return stages


def _records(stage: Stage) -> list[LogRecord]:
    return [
        LogRecord(topic, partition, message.offset, message.value)
        for topic in EVENT_TOPICS
        for partition in range(stage.place.partitions)
        for message in stage.log.records(topic, partition)
    ]


def _empty(database: Database) -> None:
    with psycopg.connect(database.conninfo) as pg:
        schema = live(pg, database.schema, TRADING).schema
        for table in TRADING.tables:
            pg.execute(f'DELETE FROM "{schema}"."{table.name}"'.encode())
        pg.execute(f'DELETE FROM "{database.schema}".projection_offsets'.encode())


def _project(database: Database, records: list[LogRecord]) -> None:
    projector = Projector(database, TRADING)
    projector.claim(places(records))
    for start in range(0, len(records), 97):
        projector.apply(records[start : start + 97])
    projector.close()


def _differences(database: Database, books: Iterable[Book]) -> dict[str, Any]:
    """Where the read models say something else than the books hold: name to (held, shown)."""
    read = ReadModels(database)
    found: dict[str, Any] = {}
    for book in books:
        for name, (held, shown) in WORDS.items():
            want, have = held(book), shown(read, book.system_id)
            if name == "orders":  # a book forgets its orders a week after their end
                assert {state for key, (state, *_) in have.items() if key not in want} <= TERMINAL
                have = {key: value for key, value in have.items() if key in want}
            if want != have:
                found[f"{book.system_id} {name}"] = (want, have)
    assert read.dead_records() == []
    return found


def _usd(cents: int) -> str:
    return scaled(cents, 2)


# --- what the book holds, and what the read models say, in the same words -----------------------------------------


def _all(book: Book) -> list[Account]:
    return [book.accounts[key] for key in sorted(book.accounts)]


def _account_state(account: Account, book: Book) -> dict[str, Any]:
    scopes = ("SYSTEM", account.account_id)
    return {
        "state": account.state,
        "mode": effective_mode(account),
        "restrictions": account.restrictions,
        "parent": account.parent_account_id,
        "group": account.fork_group_id,
        "eligible": account.fork_eligible,
        "base_capital": _usd(account.base_capital),
        "sizing_base": _usd(account.sizing_base),
        "cash": _usd(account.balance("CASH")),
        "reserve": _usd(account.balance("TAX_RESERVE")),
        "level": max((level for key, level in _levels(book).items() if key[0] == account.account_id), default=0),
        "breakers": sorted(b.name for b in book.breakers.values() if b.scope in scopes),
    }


def _accounts(book: Book) -> dict[str, Any]:
    return {account.account_id: _account_state(account, book) for account in _all(book)}


def _accounts_shown(read: ReadModels, book: str) -> dict[str, Any]:
    return {
        row["account_id"]: {
            "state": row["state"],
            "mode": row["effective_mode"],
            "restrictions": {r["reason"]: r["mode"] for r in row["restrictions"]},
            "parent": row["parent_account_id"],
            "group": row["fork_group_id"],
            "eligible": row["fork_eligible"],
            "base_capital": row["base_capital"],
            "sizing_base": row["sizing_base"],
            "cash": row["cash"],
            "reserve": row["tax_reserve"],
            "level": row["level"],
            "breakers": row["breakers"],
        }
        for row in read.accounts(book)
    }


def _positions(book: Book) -> dict[tuple[str, str, bool], int]:
    held: defaultdict[tuple[str, str, bool], int] = defaultdict(int)
    for account in _all(book):
        for short in account.shorts.values():
            held[account.account_id, short.contract, True] -= short.quantity
        for lot in account.lots:
            held[account.account_id, lot.contract, False] += lot.quantity
    return dict(held)


def _positions_shown(read: ReadModels, book: str) -> dict[tuple[str, str, bool], int]:
    rows = read.positions(book, open_only=True)
    return {(row["account_id"], row["contract"], row["quantity"] < 0): row["quantity"] for row in rows}


def _lots(book: Book) -> dict[str, tuple[str, str, int, str]]:
    held: dict[str, tuple[str, str, int, str]] = {}
    for account in _all(book):
        for lot in account.lots:
            root = lot.lot_id.partition("/")[0]
            before = held[root][2] if root in held else 0
            held[root] = (account.account_id, lot.contract, before + lot.quantity, scaled(lot.price_e4, 4))
    return held


def _lots_shown(read: ReadModels, book: str) -> dict[str, tuple[str, str, int, str]]:
    rows = [row for row in read.lots(book) if row["quantity_left"]]
    return {r["lot_id"]: (r["account_id"], r["contract"], r["quantity_left"], r["price"]) for r in rows}


def _references(book: Book) -> dict[tuple[str, str], str]:
    return {(a.account_id, s.contract): scaled(s.p0_e4, 4) for a in _all(book) for s in a.shorts.values()}


def _references_shown(read: ReadModels, book: str) -> dict[tuple[str, str], str]:
    rows = [row for row in read.positions(book, open_only=True) if row["quantity"] < 0]
    return {(row["account_id"], row["contract"]): row["p0"] for row in rows}


def _orders(book: Book) -> dict[str, Any]:
    return {
        o.order_id: (o.state, o.filled, scaled(o.limit_e4, 4), o.new_contract or None, o.reference or None)
        for o in book.orders.values()
    }


def _orders_shown(read: ReadModels, book: str) -> dict[str, Any]:
    rows = {row["order_id"]: row for row in read.orders(book)}
    return {
        key: (r["state"], r["cum_quantity"], r["limit"], r["new_contract"], r["reference"]) for key, r in rows.items()
    }


def _levels(book: Book) -> dict[tuple[str, str], int]:
    held: dict[tuple[str, str], int] = {}
    for account in _all(book):
        for short in account.shorts.values():
            if short.contract[-9] == "P":
                held[account.account_id, short.contract] = short.level
        for ticker in {lot.contract for lot in account.lots if len(lot.contract) < 15}:
            if account.shares(ticker) >= 100:
                wheel = account.wheels.get(ticker)
                held[account.account_id, ticker] = wheel.level if wheel else 0
    return held


def _levels_shown(read: ReadModels, book: str) -> dict[tuple[str, str], int]:
    return {(row["account_id"], row["contract"]): row["level"] for row in read.levels(book)}


def _scripts(book: Book) -> dict[str, list[int]]:
    return {script.script_id: sorted(script.done) for script in book.scripts.values()}


def _scripts_shown(read: ReadModels, book: str) -> dict[str, list[int]]:
    rows = [row for row in read.scripts(book) if row["state"] != "LAPSED"]
    return {row["script_id"]: sorted(step["seq"] for step in row["steps_done"]) for row in rows}


def _hedges(book: Book) -> dict[tuple[str, str], str | None]:
    return {(a.account_id, contract): hedge.hedged for a in _all(book) for contract, hedge in a.hedges.items()}


def _hedges_shown(read: ReadModels, book: str) -> dict[tuple[str, str], str]:
    return {(row["account_id"], row["contract"]): row["hedged"] for row in read.hedges(book) if row["open"]}


def _breakers(book: Book) -> set[tuple[str, str]]:
    return {(breaker.name, breaker.scope) for breaker in book.breakers.values()}


def _breakers_shown(read: ReadModels, book: str) -> set[tuple[str, str]]:
    return {(row["breaker"], row["scope"]) for row in read.breakers(book) if row["open"]}


def _groups(book: Book) -> dict[str, int]:
    return {key: group.confirmations for key, group in book.groups.items() if group.confirmations}


def _groups_shown(read: ReadModels, book: str) -> dict[str, int]:
    resumed = {row["fork_group_id"] for row in read.merges(book) if row["state"] == "RELEASED"}
    rows = [row for row in read.forks(book) if row["confirmations"] and row["fork_id"] not in resumed]
    return {row["fork_id"]: row["confirmations"] for row in rows}


RUNS: dict[str, str] = {"CALCULATED": "RUNNING", "PLANNED": "RUNNING", "COMPLETED": "DONE"}


def _reinvestments(book: Book) -> dict[tuple[str, str], str]:
    runs = [(a.account_id, quarter, q.state) for a in _all(book) for quarter, q in a.quarters.items()]
    return {(account, quarter): state for account, quarter, state in runs if state}


def _reinvestments_shown(read: ReadModels, book: str) -> dict[tuple[str, str], str]:
    return {(r["account_id"], r["quarter"]): RUNS.get(r["state"]) or r["state"] for r in read.reinvestments(book)}


def _withdrawals(book: Book) -> dict[str, str]:
    return {identity: _usd(cents) for a in _all(book) for identity, cents in a.withdrawals.items()}


def _withdrawals_shown(read: ReadModels, book: str) -> dict[str, str]:
    return {r["withdrawal_id"]: r["amount"] for r in read.withdrawals(book) if r["state"] == "APPROVED"}


def _instructions(book: Book) -> dict[str, tuple[str, bool]]:
    return {i.instruction_id: (i.code, i.ended) for i in book.instructions.values()}


def _instructions_shown(read: ReadModels, book: str) -> dict[str, tuple[str, bool]]:
    rows = [row for row in read.instructions(book) if row["account_id"]]
    return {r["instruction_id"]: (r["code"] or "", r["state"] in ("REJECTED", "ENDED")) for r in rows}


WORDS: dict[str, tuple[Any, Any]] = {
    "accounts": (_accounts, _accounts_shown),
    "positions": (_positions, _positions_shown),
    "lots": (_lots, _lots_shown),
    "references": (_references, _references_shown),
    "orders": (_orders, _orders_shown),
    "levels": (_levels, _levels_shown),
    "scripts": (_scripts, _scripts_shown),
    "hedges": (_hedges, _hedges_shown),
    "breakers": (_breakers, _breakers_shown),
    "groups": (_groups, _groups_shown),
    "reinvestments": (_reinvestments, _reinvestments_shown),
    "withdrawals": (_withdrawals, _withdrawals_shown),
    "instructions": (_instructions, _instructions_shown),
}


# --- tests --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole(postgres: Database) -> Iterator[Database]:
    """Read models that the scenarios of this module share, each in emptied tables."""
    database = dataclasses.replace(postgres, schema="alluse_whole_protocol")
    migrate(database)
    yield database
    with psycopg.connect(database.conninfo, autocommit=True) as pg:
        generations.drop(pg, database.schema)


@pytest.mark.parametrize("path", [STRESS, *EXAMPLES], ids=lambda path: path.stem)
def test_what_a_scenario_comes_to(whole: Database, monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    # given a file's scenarios, played in memory
    for stage in _played(path, monkeypatch):
        # when the log is projected
        _empty(whole)
        _project(whole, _records(stage))
        # then the read models say what the books hold
        assert _differences(whole, stage.books.values()) == {}


def test_what_a_backtest_comes_to(whole: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    # given the demo's configuration in the weeks of August 2011, when prices fell
    plan = prepare(
        RunRequest("sample", from_day="2011-07-25", to_day="2011-08-12", config=CHECKOUT / "alluse" / "demo.yaml")
    )
    records: list[LogRecord] = []
    runtimes: list[MemoryRuntime] = []

    class KeptLog(DigestedLog):
        def append(
            self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Headers = None
        ) -> None:
            if topic in EVENT_TOPICS:
                records.append(LogRecord(topic, partition, len(records), value))
            super().append(topic, partition, key, value, headers)

    class KeptRuntime(MemoryRuntime):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            runtimes.append(self)

    monkeypatch.setattr(backtests, "DigestedLog", KeptLog)
    monkeypatch.setattr(backtests, "MemoryRuntime", KeptRuntime)
    document, _ = backtests.backtest(plan, 0.0)
    # when its log is projected
    _empty(whole)
    _project(whole, records)
    # then the read models say what the book holds, and there was something to say
    task = runtimes[0].task("book", partition_of(plan.book, PARTITIONS))
    assert isinstance(task, BookTask)
    book = task.partition.books[plan.book]
    assert _differences(whole, [book]) == {}
    read = ReadModels(whole)
    assert len(read.orders(plan.book)) == document["orders"]["proposed"] > 0
    assert {change["to_level"] for change in read.level_changes(plan.book)} >= {1, 2}


def test_a_rebuild_equals_what_was_projected_bit_by_bit(models: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    # given the stress path (fork, merge, roll, exit, breaker, reinvestment), projected batch by batch
    (stage,) = _played(STRESS, monkeypatch)
    records = _records(stage)
    project(models, records, batch=13)
    before = dump(models)
    # when it is rebuilt from the log
    rebuild(models, "trading", MemoryLog(records))
    # then the rows are the same, and none of these tables is empty
    assert dump(models) == before
    filled = {name for name, rows in before.items() if rows}
    assert filled >= {
        "levels", "level_changes", "scripts", "script_steps", "rolls", "exits", "breakers", "forks", "merges",
        "transfers", "reinvestments", "lifecycle",
    }  # fmt: skip


def test_a_rebuild_follows_splits_as_the_projection_did(models: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    # given shares of which some were called away before a split and some after it, projected twice over
    stage = _played(CHECKOUT / "scenarios" / "R-2.6.yaml", monkeypatch)[-1]
    records = _records(stage)
    project(models, records, batch=5)
    project(models, records, batch=7)
    read = ReadModels(models)
    (lot,) = read.lots("S001")
    assert (lot["quantity"], lot["quantity_left"], lot["price"], lot["disposals"]) == (800, 0, "30.00", 2)
    by_contract = {row["contract"]: row for row in read.positions("S001")}
    shares, call = by_contract["NVDA"], by_contract["NVDA250620C00030000"]
    assert (shares["quantity_opened"], shares["average_price"], shares["state"]) == (800, "30.00", "CLOSED")
    assert (call["quantity_opened"], call["average_price"], call["p0"]) == (-4, "0.50", "30.00")
    # when it is rebuilt from the log, then every row is the same
    before = dump(models)
    rebuild(models, "trading", MemoryLog(records))
    assert dump(models) == before
    assert before["lot_adjustments"]


def test_a_roll_is_one_order_with_two_legs(whole: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    # given the stress path's approved roll
    _empty(whole)
    (stage,) = _played(STRESS, monkeypatch)
    _project(whole, _records(stage))
    read = ReadModels(whole)
    # when its order is looked up
    (order,) = [row for row in read.orders("S001") if row["effect"] == "ROLL"]
    legs = [row for row in read.fills("S001") if row["order_id"] == order["order_id"]]
    (roll,) = [row for row in read.rolls("S001") if row["step"] == "EXECUTED"]
    # then it counts the new options, and its average is the net of both legs per share
    assert (order["state"], order["quantity"], order["cum_quantity"], order["leg_cum_quantity"]) == ("FILLED", 3, 3, 3)
    assert {(leg["contract"], leg["side"], leg["effect"]) for leg in legs} == {
        (order["contract"], "BUY", "CLOSE"),
        (order["new_contract"], "SELL", "OPEN"),
    }
    assert order["average_price"] == roll["net"]
    # and the old position is ROLLED, the new one of the same chain
    by_contract = {row["contract"]: row for row in read.positions("S001")}
    assert by_contract[order["contract"]]["close_cause"] == "ROLLED"
    assert (by_contract[order["new_contract"]]["roll_chain_id"], by_contract[order["new_contract"]]["rolls"]) == (
        roll["roll_chain_id"],
        1,
    )
