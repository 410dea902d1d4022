"""Batches into Postgres: the same rows whatever the order, the cuts, the repetitions and the faults."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection

from domain import events as ev
from infra.postgres import Database, LocalPostgres
from projections import generations, projector
from projections.batch import Coordinates, LogRecord
from projections.catalogue import HISTORY, PROJECTIONS, TRADING
from projections.errors import DatabaseUnavailableError, FencedError
from projections.migrate import migrate
from projections.pipeline import Pipeline
from projections.projector import Patience, Projector
from projections.queries import ReadModels
from tests.integration.projections.conftest import Dump, dump, offsets, places, project
from tests.unit.projections.factory import START_US, Log, found_book, sell_put, story

QUICK = Patience(total_s=10, first_s=0.01, longest_s=0.2)


@pytest.fixture(scope="module")
def told() -> list[LogRecord]:
    """Two books in one partition and one in another, three weeks each."""
    log = Log()
    for number, partition in (("S001", 0), ("S002", 0), ("S003", 1)):
        story(log, number, weeks=3, partition=partition)
    return log.records


@pytest.fixture(scope="module")
def expected(postgres: Database, told: list[LogRecord]) -> Dump:
    """What the story comes to, in one batch without faults."""
    database = Database(postgres.url, "alluse_expected")
    migrate(database)
    project(database, told)
    found = dump(database)
    with psycopg.connect(database.conninfo, autocommit=True) as pg:
        generations.drop(pg, database.schema)
    return found


def test_a_story_becomes_read_models(models: Database) -> None:
    # given a book with two weeks of sold puts that expired
    log = Log()
    account = story(log, "S001", weeks=2)
    # when it is projected
    project(models, log.records)
    # then accounts, orders, positions, weeks and results say so
    read = ReadModels(models)
    (row,) = read.accounts("S001")
    assert (row["account_id"], row["state"], row["effective_mode"]) == (account, "ACTIVE", "NORMAL")
    assert (row["nav"], row["tax_reserve"], row["restrictions"]) == ("5002500.01", "1461.00", [])
    lines = [r for r in read.ledger("S001") if r["ledger_account"] == "CASH"]
    assert float(row["cash"]) == sum(float(r["amount"]) for r in lines)
    assert {(o["state"], o["cum_quantity"], o["average_price"]) for o in read.orders("S001")} == {
        ("FILLED", 10, "2.50")
    }
    assert {(p["state"], p["quantity"], p["quantity_opened"]) for p in read.positions("S001")} == {("CLOSED", 0, -10)}
    assert read.positions("S001", open_only=True) == []
    assert [w["pnl"] for w in read.weeks("S001") if w["ticker"] == ""] == ["2435.00", "2435.00"]
    assert {p["amount"] for p in read.pnl("S001") if p["kind"] == "TRADE"} == {"2435.00"}
    assert [e["nav"] for e in read.equity("S001")] == ["5002500.00", "5002500.01"]
    assert len(read.events("S001", limit=10_000)) == len(log.records)
    life = [e["type"] for e in read.events("S001", stream=f"order-{read.orders('S001')[0]['order_id']}")]
    assert life[:4] == ["OrderProposed", "OrderValidated", "OrderSubmitted", "OrderAcknowledged"]
    assert life[-1] == "OrderFilled"
    # and every row names an event that is in the history
    known = {e["event_id"] for e in read.events("S001", limit=10_000)}
    for question in (
        read.accounts,
        read.orders,
        read.positions,
        read.fills,
        read.ledger,
        read.pnl,
        read.weeks,
        read.equity,
    ):
        assert {r["event_id"] for r in question("S001")} <= known


def test_the_same_events_again_change_nothing(models: Database, told: list[LogRecord], expected: Dump) -> None:
    # given a projected log
    project(models, told)
    # when all of it is projected again, in other cuts
    project(models, told, batch=17)
    # then nothing changed
    assert dump(models) == expected


def test_an_event_that_stands_in_the_log_twice_counts_once(
    models: Database, told: list[LogRecord], expected: Dump
) -> None:
    # given a log that repeats its records behind its end, and once inside a batch
    again: list[LogRecord] = []
    for record in told:
        last = max(r.offset for r in told if (r.topic, r.partition) == (record.topic, record.partition))
        again.append(record._replace(offset=last + 1 + record.offset))
    # when it is projected
    project(models, [*told, *again], batch=len(told) + 50)
    # then sums and rows are as without the repetition
    assert dump(models) == expected


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_topics_in_any_order_and_any_cuts_give_the_same_rows(
    models: Database, told: list[LogRecord], expected: Dump, data: st.DataObject
) -> None:
    # given empty read models, and the partitions' records interleaved in any way, each in order
    _empty(models)
    queues = {place: [r for r in told if Coordinates(r.topic, r.partition) == place] for place in places(told)}
    order = data.draw(st.permutations(sorted(queues)))
    sizes = data.draw(st.lists(st.integers(1, 60), min_size=1, max_size=8))
    mixed: list[LogRecord] = []
    step = 0
    while any(queues.values()):
        place = order[step % len(order)]
        size = sizes[step % len(sizes)]
        mixed += queues[place][:size]
        queues[place] = queues[place][size:]
        step += 1
    # when they are projected
    project(models, mixed, batch=data.draw(st.integers(7, 400)))
    # then the rows are the same
    assert dump(models) == expected


def test_a_fill_before_its_order_shows_no_half_row(models: Database) -> None:
    # given an order whose fills arrive first
    log = Log()
    account = found_book(log, "S001")
    sell_put(log, "S001", account, "one", fills=(4, 6))
    fills = [r for r in log.records if r.topic == "fills"]
    trading = Projector(models, TRADING)
    trading.claim(places(log.records))
    # when only these are projected
    trading.apply(fills)
    # then no order is shown yet, but the fills are
    read = ReadModels(models)
    assert read.orders("S001") == []
    assert [f["quantity"] for f in read.fills("S001")] == [4, 6]
    # and when the order arrives, it is FILLED
    trading.apply([r for r in log.records if r.topic != "fills"])
    (order,) = read.orders("S001")
    assert (order["state"], order["cum_quantity"], order["executions"]) == ("FILLED", 10, 2)


def test_a_late_acknowledgement_of_a_replacement_leaves_the_state(models: Database) -> None:
    # given a partly filled order that is repriced and acknowledged again
    log = Log()
    account = found_book(log, "S001")
    order = sell_put(log, "S001", account, "one", fills=(4,))
    log.entry("S001", ev.OrderRepriced(order, 2, 24_000), account=account, at_us=START_US + 9_000_000)
    log.entry("S001", ev.OrderAcknowledged(order, "b-one", 2), account=account, at_us=START_US + 9_500_000)
    # when it is projected
    project(models, log.records)
    # then it is PARTIALLY_FILLED at the new limit
    (row,) = ReadModels(models).orders("S001")
    assert (row["state"], row["limit"], row["cum_quantity"]) == ("PARTIALLY_FILLED", "2.40", 4)


def test_the_shares_of_a_ticker_are_one_position_in_turns(models: Database) -> None:
    # given shares that are assigned twice, called away in part and whole, and assigned again
    log = Log()
    account = found_book(log, "S001")
    where = f"position-{account}-AAPL"
    for event in (
        ev.PositionOpened("lot-1", "AAPL", 1000, 1_900_000, 1_900_000, 1, 0, "chain-1"),
        ev.PositionOpened("lot-2", "AAPL", 500, 1_960_000, 1_960_000, 1, 0, "chain-1"),
        ev.PositionReduced(where, "AAPL", 700, 2_000_000, 80_000),
        ev.PositionClosed(where, "AAPL", 2_000_000, 70_000, "CALLED_AWAY"),
        ev.PositionOpened("lot-3", "AAPL", 300, 1_800_000, 1_800_000, 1, 0, "chain-2"),
    ):
        log.entry("S001", event, account=account)
    # when they are projected
    project(models, log.records)
    # then there are two turns, of which one is open
    first, second = sorted(ReadModels(models).positions("S001"), key=lambda p: p["turn"])
    assert (first["state"], first["quantity"], first["quantity_opened"]) == ("CLOSED", 0, 1500)
    assert (first["average_price"], first["realised_pnl"], first["close_cause"]) == ("192.00", "1500.00", "CALLED_AWAY")
    assert (second["state"], second["quantity"], second["chain_id"]) == ("OPEN", 300, "chain-2")


def test_a_position_is_increased_after_it_was_reduced(models: Database) -> None:
    # given a short put that grows, shrinks and grows again
    log = Log()
    account = found_book(log, "S001")
    put = "AAPL250620P00190000"
    for event in (
        ev.PositionOpened("one", put, -4, 25_000, 1_950_000, 1, 260, "chain"),
        ev.PositionIncreased("one", put, -6, 30_000, 390),
        ev.PositionReduced("one", put, -3, 10_000, 5_000),
        ev.PositionIncreased("one", put, -2, 20_000, 130),
    ):
        log.entry("S001", event, account=account)
    # when it is projected
    project(models, log.records)
    # then it holds what was left and what was added since
    (row,) = ReadModels(models).positions("S001", open_only=True)
    assert (row["quantity"], row["quantity_opened"], row["realised_pnl"]) == (-5, -12, "50.00")
    assert row["average_price"] == "2.6667"


# --- faults -----------------------------------------------------------------------------------------------------


class Once:
    """Does something at the first call and nothing after."""

    def __init__(self, what: Any) -> None:
        self.what, self.calls = what, 0

    def __call__(self, pg: Connection[Any]) -> None:
        self.calls += 1
        if self.calls == 1:
            self.what(pg)


@pytest.mark.parametrize("how", ["closed here", "ended by the server"])
def test_a_connection_lost_between_staging_and_commit(
    models: Database, told: list[LogRecord], expected: Dump, how: str
) -> None:
    # given a connection that is lost when everything is written and nothing committed
    def lose(pg: Connection[Any]) -> None:
        if how == "closed here":
            pg.close()
        else:
            with psycopg.connect(models.conninfo, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s)", [pg.info.backend_pid])
            pg.execute("SELECT 1")

    # when the log is projected
    for projection in PROJECTIONS.values():
        lost = Once(lose)
        worker = Projector(models, projection, patience=QUICK, before_commit=lost)
        worker.claim(places(told))
        worker.apply(told)
        assert lost.calls == 2
    # then the batch was written once
    assert dump(models) == expected


def test_a_commit_without_an_answer_is_not_written_twice(
    models: Database, told: list[LogRecord], expected: Dump, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given commits that succeed, and whose answer is lost the first time
    write = Projector._write  # pyright: ignore[reportPrivateUsage]
    lost: list[Projector] = []

    def write_and_lose(self: Projector, *args: Any) -> Any:
        written = write(self, *args)
        if self not in lost:
            lost.append(self)
            raise psycopg.OperationalError("server closed the connection unexpectedly")
        return written

    monkeypatch.setattr(Projector, "_write", write_and_lose)
    # when the log is projected
    project(models, told, patience=QUICK)
    # then nothing is doubled
    assert len(lost) == len(PROJECTIONS)
    assert dump(models) == expected


def test_rows_and_offsets_are_one(models: Database, told: list[LogRecord]) -> None:
    # given half a log, and a process that dies before the second half is committed
    half = len(told) // 2
    project(models, told[:half])
    rows, places_before = dump(models), offsets(models)

    class DiedError(Exception):
        pass

    def die(_: Connection[Any]) -> None:
        raise DiedError

    for projection in PROJECTIONS.values():
        worker = Projector(models, projection, before_commit=die)
        worker.claim(places(told))
        with pytest.raises(DiedError):
            worker.apply(told[half:])
    # then neither rows nor offsets moved
    assert dump(models) == rows
    after = offsets(models)
    assert {place: after[place] for place in places_before} == places_before
    # and the successor is told to begin there
    starts = Projector(models, HISTORY).claim(places(told))
    for record in told[half:]:
        assert starts[Coordinates(record.topic, record.partition)] <= record.offset


def test_a_zombie_is_fenced(models: Database, told: list[LogRecord]) -> None:
    # given a process whose partitions another one has claimed
    zombie, owner = Projector(models, TRADING), Projector(models, TRADING)
    zombie.claim(places(told))
    owner.claim(places(told))
    # when it writes
    with pytest.raises(FencedError, match="PROJECTION_FENCED"):
        zombie.apply(told)
    # then nothing was written, and the owner goes on
    assert dump(models, TRADING)["ledger_entries"] == []
    assert owner.apply(told).records == len(told)


def test_a_zombie_that_hangs_in_its_transaction_is_ended(
    models: Database, told: list[LogRecord], expected: Dump, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a process that stopped with its rows written, its locks held, and nothing committed
    monkeypatch.setattr(projector, "CLAIM_LOCK_TIMEOUT_MS", 200)
    inside, go_on = threading.Event(), threading.Event()

    def hang(_: Connection[Any]) -> None:
        inside.set()
        go_on.wait(20)

    zombie = Projector(models, TRADING, patience=QUICK, before_commit=Once(hang))
    zombie.claim(places(told))
    failures: list[BaseException] = []

    def work() -> None:
        try:
            zombie.apply(told)
        except FencedError as error:
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert inside.wait(10)
    # when another one claims its partitions
    owner = Projector(models, TRADING, patience=QUICK)
    owner.claim(places(told))
    owner.apply(told)
    go_on.set()
    thread.join(20)
    # then it got them, the rows are there once, and the zombie was fenced
    assert len(failures) == 1
    assert dump(models, TRADING) == {name: expected[name] for name in TRADING.relations}


def test_postgres_restarts_in_mid_batch(tmp_path: Path, told: list[LogRecord], expected: Dump) -> None:
    # given a server of its own that is killed while a batch is being written, and comes back
    server = LocalPostgres(tmp_path / "home")
    database = Database(server.start())
    try:
        migrate(database)

        def restart(_: Connection[Any]) -> None:
            server.kill()
            threading.Thread(target=server.start).start()

        # when the log is projected
        for projection in PROJECTIONS.values():
            worker = Projector(
                database, projection, patience=Patience(total_s=60, first_s=0.05), before_commit=Once(restart)
            )
            worker.claim(places(told))
            for start in range(0, len(told), 100):
                worker.apply(told[start : start + 100])
            worker.close()
        # then nothing was skipped and nothing doubled
        assert dump(database) == expected
    finally:
        server.stop()


def test_postgres_stays_away(tmp_path: Path, told: list[LogRecord], expected: Dump) -> None:
    # given a server that goes away and does not come back in time
    server = LocalPostgres(tmp_path / "home")
    database = Database(server.start())
    try:
        migrate(database)
        workers = [Projector(database, p, patience=Patience(total_s=0.3)) for p in PROJECTIONS.values()]
        for worker in workers:
            worker.claim(places(told))
        server.stop()
        # when a batch is applied, then the error says what to do
        for worker in workers:
            with pytest.raises(DatabaseUnavailableError) as caught:
                worker.apply(told)
            assert caught.value.code == "POSTGRES_UNREACHABLE"
            assert "start the projection again" in caught.value.remedy
        # and when the server is back, the same batch goes through
        server.start()
        for worker in workers:
            worker.apply(told)
            worker.close()
        assert dump(database) == expected
    finally:
        server.stop()


def test_unusable_records_are_kept_and_the_rest_goes_on(models: Database) -> None:
    # given records with a wrong first byte, an unknown schema, a cut end, a text that Postgres can't hold, no event
    # at all
    log = Log()
    account = found_book(log, "S001")
    good = len(log.records)
    log.append("orders", 0, b"\x01nonsense")
    log.append("orders", 0, b"\0\0\xff\xff\xff")
    log.append("accounts", 0, (log.records[0].value or b"")[:-3])
    log.append("orders", 0, None)
    log.entry("S001", ev.AccountSuspended("NUL \0 in a text", "trader-1"), account=account)
    log.entry("S001", ev.AccountResumed("trader-1"), account=account)
    # when they are projected
    project(models, log.records)
    # then everything else is there, and the dead are kept with coordinates and reason
    read = ReadModels(models)
    assert read.accounts("S001")[0]["state"] == "ACTIVE"
    assert len(read.events("S001")) == good + 1
    dead = [(d["topic"], d["error_code"]) for d in read.dead_records() if d["projection"] == "history"]
    assert sorted(dead) == [
        ("accounts", "PROJECTION_VALUE"),
        ("accounts", "TRUNCATED_RECORD"),
        ("orders", "UNKNOWN_SCHEMA_ID"),
        ("orders", "WRONG_MAGIC"),
    ]
    assert {d["projection"] for d in read.dead_records()} == {"history", "trading"}


def test_a_pipeline_writes_what_single_projectors_write(
    models: Database, told: list[LogRecord], expected: Dump
) -> None:
    # given both projections behind one pipeline
    with Pipeline([Projector(models, p) for p in PROJECTIONS.values()]) as pipeline:
        for worker in pipeline.projectors:
            worker.claim(places(told))
        # when batches are submitted
        for start in range(0, len(told), 50):
            pipeline.submit(told[start : start + 50])
        pipeline.flush()
    # then
    assert dump(models) == expected


def _empty(database: Database) -> None:
    with psycopg.connect(database.conninfo, autocommit=True) as pg:
        for projection in PROJECTIONS.values():
            schema = generations.live(pg, database.schema, projection).schema
            for table in projection.tables:
                pg.execute(f'TRUNCATE "{schema}"."{table.name}"'.encode())
        pg.execute(f'TRUNCATE "{database.schema}".projection_offsets'.encode())
