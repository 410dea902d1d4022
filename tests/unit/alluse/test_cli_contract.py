"""What every command keeps to: exit codes, JSON alone on standard output, one clear line of error, an example."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest
import typer.main

from alluse.cli import app, main

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home in which nothing runs."""
    monkeypatch.setenv("ALLUSE_HOME", str(tmp_path / "home"))
    for name in ("KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL", "ALLUSE_NAMESPACE"):
        monkeypatch.delenv(name, raising=False)


def _commands() -> list[list[str]]:
    """Every command of the program as words."""
    found: list[list[str]] = []

    def walk(command: object, words: list[str]) -> None:
        inner = getattr(command, "commands", None)
        if inner:
            for name, member in inner.items():
                walk(member, [*words, name])
        else:
            found.append(words)

    walk(typer.main.get_command(app), [])
    return found


@pytest.mark.parametrize("words", _commands(), ids=" ".join)
def test_help_of_every_command_has_an_example(words: list[str], capsys: Captured) -> None:
    assert main([*words, "--help"]) == 0
    text = capsys.readouterr().out
    assert "Example" in text
    assert f"alluse {' '.join(words)}" in text


def test_the_contract_s_commands_are_there() -> None:
    wanted = """
        up, down, status, doctor, version, run, backtest, demo, book list, book show, accounts, positions, orders,
        fills, ledger, pnl, weeks, command, approvals list, approvals approve, approvals deny, kill-switch on,
        kill-switch off, journal tail, journal show, journal export, ops lag, ops rebuild, ops dead-letters list,
        ops dead-letters show, ops dead-letters release, ops dead-letters discard, schema list, schema check
    """
    there = {" ".join(words) for words in _commands()}
    assert {" ".join(name.split()) for name in wanted.split(",")} <= there


def _words(value: object) -> str | None:
    return " ".join(map(str, cast(list[object], value))) if isinstance(value, list) else None


WRONG = [
    (["frobnicate"], 2, "USAGE"),
    (["backtest"], 2, "USAGE"),
    (["backtest", "--data", "sample", "--bogus"], 2, "USAGE"),
    (["backtest", "--data", "nowhere"], 2, "BAD_SOURCE"),
    (["backtest", "--data", "sample", "--from", "soon"], 2, "BAD_RANGE"),
    (["backtest", "--data", "sample", "--from", "2011-04-10", "--to", "2011-04-01"], 2, "BAD_RANGE"),
    (["backtest", "--data", "sample", "--from", "1999-01-01"], 2, "BAD_RANGE"),
    (["backtest", "--data", "sample", "--symbols", "TSLA"], 2, "UNKNOWN_SYMBOL"),
    (["backtest", "--data", "sample", "--capital", "lots"], 2, "BAD_CAPITAL"),
    (["backtest", "--data", "sample", "--capital", "5"], 2, "BAD_CAPITAL"),
    (["backtest", "--data", "sample", "--pace", "fast"], 2, "BAD_PACE"),
    (["backtest", "--data", "sample", "--book", "my book"], 2, "BAD_BOOK"),
    (["backtest", "--data", "sample", "--config", "/nowhere.yaml"], 2, "CONFIG_UNREADABLE"),
    (["backtest", "--data", "lean:/nowhere"], 3, "DATA_FILE_MISSING"),
    (["run", "--data", "lean:/nowhere"], 3, "DATA_FILE_MISSING"),
    (["up", "--processors", "0"], 2, "USAGE"),
    (["accounts"], 2, "USAGE"),
    (["accounts", "--book", "S001"], 3, "POSTGRES_NOT_RUNNING"),
    (["book", "show", "S001"], 3, "KAFKA_NOT_RUNNING"),
    (["book", "show", "S001", "--at", "2011-01-01", "--seq", "1"], 2, "BAD_TIME"),
    (["journal", "tail"], 3, "KAFKA_NOT_RUNNING"),
    (["journal", "export", "--format", "csv"], 2, "BAD_FORMAT"),
    (["journal", "tail", "--log", "No Such"], 2, "BAD_LOG"),
    (["ops", "rebuild", "nothing"], 2, "UNKNOWN_PROJECTION"),
    (["command", "make-coffee", "--book", "S001"], 2, "UNKNOWN_COMMAND"),
    (["command", "record-fee", "--book", "S001", "amount"], 2, "BAD_VALUE"),
    (["command", "record-fee", "--book", "S001", "amount=1"], 3, "KAFKA_NOT_RUNNING"),
]


@pytest.mark.parametrize(("words", "exit_code", "code"), WRONG, ids=_words)
def test_errors_are_one_clear_line_with_code_and_exit_code(
    words: list[str], exit_code: int, code: str, capsys: Captured
) -> None:
    # when something is wrong
    assert main(words) == exit_code
    # then standard error ends with one line `CODE: message. remedy`, and standard output is empty
    captured = capsys.readouterr()
    lines = captured.err.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(f"{code}: ")
    assert captured.out == ""


def test_errors_as_json_are_the_one_document(capsys: Captured) -> None:
    assert main(["backtest", "--data", "nowhere", "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "BAD_SOURCE"
    assert error["exit_code"] == 2
    assert error["remedy"]


def test_backtest_prints_the_contract_s_object_and_nothing_else(capsys: Captured) -> None:
    # when two sessions are played
    assert main(["backtest", "--data", "sample", "--from", "2011-04-04", "--to", "2011-04-05", "--json"]) == 0
    # then standard output is one document with exactly these keys
    document = json.loads(capsys.readouterr().out)
    assert set(document) == {
        *(
            "books",
            "from",
            "to",
            "inputs",
            "journal_entries",
            "events",
            "digest",
            "journal_heads",
            "checks_passed_through",
        ),
        *("orders", "assignments", "forks", "merges", "accounts", "unbalanced_ledger_entries", "seconds", "rates"),
    }
    assert document["books"] == ["S001"]
    assert document["digest"].startswith("sha256:")
    assert document["unbalanced_ledger_entries"] == 0
    assert [set(a) for a in document["accounts"]] == [
        {"account_id", "state", "cash", "nav", "corpus", "tax_reserve"}
    ] * 3
    assert all("." in a["cash"] for a in document["accounts"])
    assert set(document["orders"]) == {"proposed", "filled", "rejected"}
    assert set(document["seconds"]) == {"setup", "run"}
    assert set(document["rates"]) == {"ticks_per_s", "journal_entries_per_s"}


def test_status_and_down_where_nothing_runs(capsys: Captured) -> None:
    assert main(["status", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["up"] is False
    assert main(["down", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"stopped": []}


def test_version_schema_and_doctor_answer_without_a_system(capsys: Captured) -> None:
    assert main(["version", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["alluse"]
    assert main(["schema", "check", "--json"]) in (0, 1)
    assert set(json.loads(capsys.readouterr().out)) == {"compatible", "problems"}
    assert main(["doctor", "--json"]) in (0, 3)
    checks = json.loads(capsys.readouterr().out)["checks"]
    assert all(check["fine"] or check["remedy"] for check in checks)


def test_bad_settings_are_a_wrong_request(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLUSE_NAMESPACE", "Not A Name")
    assert main(["status"]) == 2
    assert capsys.readouterr().err.startswith("SETTINGS_INVALID: ")


def test_the_program_starts_light() -> None:
    """`--help` loads no Kafka, no Postgres, no Arrow."""
    heavy = ("confluent_kafka", "psycopg", "sqlalchemy", "pyarrow", "pandas", "numpy", "rich")
    probe = (
        "import sys; from alluse.cli import main; main(['--help']); "
        f"print([m for m in {heavy} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
