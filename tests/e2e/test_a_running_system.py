"""One system, from its start to its end, as its owner and its operators meet it. The tests build on each other."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from infra.kafka.clients import producer
from infra.kafka.cluster import Cluster
from tests.e2e.conftest import RANGE, Program

BOOK = ("--book", "S001")
SAME = ("digest", "journal_heads", "journal_entries", "events", "inputs", "accounts", "orders", "checks_passed_through")


@pytest.fixture(scope="module")
def system(program: Program) -> Program:
    """The program with its system up."""
    done = program("up", "--detach", "--json")
    assert done.code == 0, done.err
    assert done.json()["up"] is True
    return program


@pytest.fixture(scope="module")
def played(system: Program, configuration: Path) -> dict[str, Any]:
    """A month that has been run."""
    done = system("run", *RANGE, "--config", configuration, "--json")
    assert done.code == 0, done.err
    return done.json()


def _until(true: Callable[[], bool], seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.2)
    return False


def _process(system: Program, name: str) -> dict[str, Any]:
    return next(p for p in system("status", "--json").json()["processes"] if p["process"] == name)


def _log_in_use(system: Program) -> str:
    return system.note("current.json")["log"]


# --- the run ----------------------------------------------------------------------------------------------------


def test_a_run_gives_what_the_backtest_gives(played: dict[str, Any], expected: dict[str, Any]) -> None:
    assert {key: played[key] for key in SAME} == {key: expected[key] for key in SAME}
    assert played["unbalanced_ledger_entries"] == 0
    assert played["orders"]["filled"] > 0


def test_a_second_up_is_refused_and_says_who_runs(system: Program) -> None:
    done = system("up", "--detach", "--json")
    assert done.code == 2
    error = done.json()["error"]
    assert error["code"] == "ALREADY_UP"
    assert str(system.note("supervisor.json")["pid"]) in error["message"]


def test_status_tells_lag_in_offsets_and_event_time(system: Program, played: dict[str, Any]) -> None:
    def nobody_is_behind() -> bool:
        return all(stage["lag_offsets"] == 0 for stage in system("status", "--json").json()["stages"])

    # A run does not wait for the monitor, and how far a process is it notes once a second.
    assert _until(nobody_is_behind), system("status", "--json").out
    document = system("status", "--json").json()
    assert document["up"] is True
    assert {p["process"] for p in document["processes"]} == {
        "market", "book-0", "paper-broker", "projections", "monitor",
    }  # fmt: skip
    assert all(p["alive"] and p["pid"] for p in document["processes"])
    stages = {s["stage"]: s for s in document["stages"]}
    assert {"feed", "market", "book", "paper-broker", "projections", "monitor"} <= set(stages)
    assert all(s["lag_event_s"] == 0 and s["lag_offsets"] == 0 for s in stages.values()), stages


# --- reading ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "question",
    ["accounts", "positions", "lots", "orders", "fills", "skips", "ledger", "pnl", "equity", "weeks", "alerts"],
)
def test_read_models_answer_with_the_event_each_row_comes_from(
    system: Program, played: dict[str, Any], question: str
) -> None:
    rows = system(question, *BOOK, "--json").json()
    assert rows
    assert all(row["event_id"] for row in rows)
    assert system(question, *BOOK).out.strip()


def test_read_models_agree_with_the_run_s_result(system: Program, played: dict[str, Any]) -> None:
    rows = {row["account_id"]: row for row in system("accounts", *BOOK, "--json").json()}
    for account in played["accounts"]:
        assert {key: rows[account["account_id"]][key] for key in account} == account
    orders = system("orders", *BOOK, "--state", "FILLED", "--json").json()
    assert len(orders) == played["orders"]["filled"]


def test_a_book_now_and_then(system: Program, played: dict[str, Any]) -> None:
    # when the book is asked for now, before it existed, at a moment and after the entry of that moment
    now = system("book", "show", "S001", "--json").json()
    nobody = system("book", "show", "S001", "--seq", "0", "--json")
    then = system("book", "show", "S001", "--at", "2011-04-12T20:00:00Z", "--json").json()
    same = system("book", "show", "S001", "--seq", str(then["sequence"]), "--json").json()
    # then it is the run's result, nobody, and twice the same
    cash = {a["account_id"]: a["ledger"]["CASH"] for a in now["accounts"]}
    assert cash == {a["account_id"]: a["cash"] for a in played["accounts"]}
    assert (nobody.code, nobody.json()["error"]["code"]) == (2, "UNKNOWN_BOOK")
    assert then["time"] <= "2011-04-12T20:00:00Z"
    assert then["state_hash"] == same["state_hash"] != now["state_hash"]


def test_the_journal_is_read_and_exported(system: Program, played: dict[str, Any], tmp_path: Path) -> None:
    tail = system("journal", "tail", "-n", "1", "--json").out.splitlines()
    assert len(tail) == len(played["journal_heads"])
    row = system("orders", *BOOK, "--json").json()[0]
    entry = system("journal", "show", str(row["sequence"]), "--partition", str(row["partition"]), "--json").json()
    assert row["event_id"] in {event["event_id"] for event in entry["events"]}
    out = tmp_path / "journal.parquet"
    written = system("journal", "export", "--format", "parquet", "--out", out, "--json").json()
    table = pq.read_table(out)
    assert written["entries"] == table.num_rows == played["journal_entries"]
    heads = {str(p): h for p, h in zip(table["partition"].to_pylist(), table["hash"].to_pylist(), strict=True)}
    assert heads == played["journal_heads"]
    lines = system("journal", "export", "--partition", "1", "--from-seq", "10", "--to-seq", "19").out.splitlines()
    assert len(lines) == 10


def test_a_projection_is_rebuilt_to_the_same_rows(system: Program, played: dict[str, Any]) -> None:
    before = system("positions", *BOOK, "--json").json()
    assert system("ops", "rebuild", "trading", "--json").json()["generation"] >= 2
    assert system("positions", *BOOK, "--json").json() == before


# --- commands ---------------------------------------------------------------------------------------------------


def test_a_command_is_answered_by_its_events_once(system: Program, played: dict[str, Any]) -> None:
    words = ("command", "record-fee", *BOOK, "account_id=S001-GEN-001", "amount=12.50", "symbol=data", "--id", "fee-1")
    first = system(*words, "--json").json()
    again = system(*words, "--json").json()
    assert (first["disposition"], again["disposition"]) == ("taken", "duplicate")
    assert [e["type"] for e in first["events"]] == ["FeeCharged", "LedgerPosted", "CashMovementRequested"]
    assert again["events"] == first["events"]
    other = system(
        "command", "record-fee", *BOOK, "account_id=S001-GEN-001", "amount=13", "symbol=data", "--id", "fee-1"
    )
    assert other.code == 4
    assert other.err.startswith("IDEMPOTENCY_CONFLICT: ")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--book", "S777", "account_id=S777-GEN-001"), "UNKNOWN_BOOK"),
        (("--book", "S001", "account_id=S001-GEN-009"), "UNKNOWN_ACCOUNT"),
    ],
)
def test_a_refused_command_ends_with_4_and_its_reason_code(
    system: Program, played: dict[str, Any], words: tuple[str, ...], code: str
) -> None:
    done = system("command", "RecordFee", *words, "amount=1", "symbol=x", "--json")
    assert done.code == 4
    assert done.json()["error"]["code"] == code


def test_a_change_of_configuration_waits_for_two_people(system: Program, played: dict[str, Any]) -> None:
    asked = system(
        "command", "propose-configuration-change", *BOOK, "scope=SYSTEM", "changes.gen.min_premium_pct=1.0", "--json"
    )
    assert asked.code == 0, asked.err
    pending = [a for a in system("approvals", "list", "--json").json() if a["kind"] == "CONFIGURATION"]
    assert len(pending) == 1
    identity = pending[0]["approval_id"]
    own = system("approvals", "approve", identity, "--by", "owner", "--json")
    assert (own.code, own.json()["error"]["code"]) == (4, "SELF_APPROVAL")
    assert system("approvals", "approve", identity, "--by", "anna").code == 0
    assert system("approvals", "approve", identity, "--by", "ben").code == 0
    state = system("book", "show", "S001", "--json").json()
    assert state["config"]["SYSTEM"]["gen.min_premium_pct"] == "1.0"
    assert system("approvals", "approve", "no-such-request", "--json").code == 4


def test_the_kill_switch_stops_and_is_released(system: Program, played: dict[str, Any]) -> None:
    def states() -> set[str]:
        return {a["state"] for a in system("book", "show", "S001", "--json").json()["accounts"]}

    assert system("kill-switch", "on", *BOOK, "--reason", "test").code == 0
    assert states() == {"SUSPENDED"}
    asked = system("kill-switch", "off", *BOOK, "--json").json()
    requests = [e["event"]["approval_id"] for e in asked["events"] if e["type"] == "ApprovalRequested"]
    assert len(requests) == 1
    assert states() == {"SUSPENDED"}
    for person in ("anna", "ben"):
        assert system("approvals", "approve", requests[0], "--by", person).code == 0
    assert states() == {"ACTIVE"}
    again = system("kill-switch", "off", *BOOK, "--json")
    assert (again.code, again.json()["error"]["code"]) == (4, "NOT_ENGAGED")


def test_a_broken_record_parks_its_book_until_ops_release_it(system: Program, played: dict[str, Any]) -> None:
    # given a command that is no Avro record
    log = _log_in_use(system)
    cluster = Cluster(system.note("supervisor.json")["bootstrap"], namespace=log)
    out = producer(cluster)
    out.produce(cluster.topic("commands"), b"\x00\x00\x00\xff\xffbroken", b"S001", 1)
    assert out.flush(10) == 0
    assert _until(lambda: any(r["book"] == "S001" for r in system("ops", "dead-letters", "list", "--json").json()))
    # when a command follows it
    fee = (
        "command",
        "record-fee",
        *BOOK,
        "account_id=S001-GEN-001",
        "amount=1.00",
        "symbol=late",
        "--id",
        "late",
        "--json",
    )
    parked = system(*fee)
    # then it waits, visibly
    assert (parked.code, parked.json()["error"]["code"]) == (4, "BOOK_PARKED")
    letters = system("ops", "dead-letters", "list", *BOOK, "--json").json()
    assert [r["state"] for r in letters] == ["BOOK_PARKED", "BOOK_PARKED"]
    assert (
        system("ops", "dead-letters", "show", letters[0]["id"], "--json").json()["value_hex"]
        == "000000ffff62726f6b656e"
    )
    # and when ops release the book, it is done
    released = system("ops", "dead-letters", "release", *BOOK, "--json").json()
    assert released["records"] == 1
    assert {"BookReleased", "FeeCharged"} <= {e["type"] for e in released["events"]}
    assert system(*fee).json()["disposition"] == "duplicate"
    assert system("ops", "dead-letters", "discard", *BOOK, "--json").json()["error"]["code"] == "NOT_PARKED"


# --- faults -----------------------------------------------------------------------------------------------------


def test_a_run_through_kills_gives_the_same(system: Program, configuration: Path, expected: dict[str, Any]) -> None:
    # given a run with two book processors on a new log
    before = _log_in_use(system)
    running = system.start("run", *RANGE, "--config", configuration, "--processors", "2", "--json")

    def changed() -> bool:
        note = system.note("supervisor.json")
        return note["log"] not in (None, before) and note["state"] == "ready"

    assert _until(changed)
    # when a process of each kind, and both servers, are killed on the way
    for name in ("book-0", "market", "paper-broker", "projections", "monitor", "book-1"):
        time.sleep(0.7)
        os.kill(system.note(f"children/{name}.json")["pid"], signal.SIGKILL)
    document = system("status", "--json").json()
    os.kill(document["kafka"]["pid"], signal.SIGKILL)
    os.kill(document["postgres"]["pid"], signal.SIGKILL)
    out, err = running.communicate(timeout=240)
    # then the run ends as if nothing had been
    assert running.returncode == 0, err
    found = json.loads(out)
    assert {key: found[key] for key in SAME} == {key: expected[key] for key in SAME}
    assert _until(lambda: all(p["alive"] for p in system("status", "--json").json()["processes"]))
    assert system("status", "--json").json()["log"] != before
    # and its read models are those of a rebuild
    questions = ("accounts", "positions", "lots", "orders", "fills", "ledger", "weeks")
    grown = {question: system(question, *BOOK, "--json").json() for question in questions}
    assert system("ops", "rebuild", "trading", "--json").code == 0
    assert {question: system(question, *BOOK, "--json").json() for question in questions} == grown


def test_earlier_logs_stay_readable_by_name(system: Program, played: dict[str, Any]) -> None:
    rows = system("accounts", *BOOK, "--log", "main", "--json").json()
    assert len(rows) == len(played["accounts"])


def test_a_named_log_is_not_run_over(system: Program, configuration: Path) -> None:
    done = system("run", *RANGE, "--config", configuration, "--json", ALLUSE_NAMESPACE="run_0001")
    assert done.code == 2
    assert done.json()["error"]["code"] == "LOG_IN_USE"


def test_down_and_up_again_keep_everything(system: Program, played: dict[str, Any]) -> None:
    before = system("accounts", *BOOK, "--json").json()
    pids = [p["pid"] for p in system("status", "--json").json()["processes"]]
    assert "supervisor" in system("down", "--json").json()["stopped"]
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert system("up", "--detach").code == 0
    assert system("accounts", *BOOK, "--json").json() == before
    assert _until(lambda: _process(system, "book-0")["alive"])
