"""`alluse growth`: the reference table as people and programs see it (protocol 14.4)."""

from __future__ import annotations

import json

import pytest

from alluse.cli import main

Captured = pytest.CaptureFixture[str]
DISCLAIMER = "estimates, not advice"


def test_the_table_of_a_scenario_and_the_disclaimer(capsys: Captured) -> None:
    # when an analyst asks for the moderate scenario, which is the default
    assert main(["growth"]) == 0
    text = capsys.readouterr().out
    # then ten years are there with their figures, forks and the growth rate, and that it is no advice
    for figure in ("229400.00", "302104.20", "256788.57", "516928.69", "5822.37", "987028.00", "9.96"):
        assert figure in text
    assert DISCLAIMER in text


def test_json_is_one_document(capsys: Captured) -> None:
    assert main(["growth", "--scenario", "optimistic", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["scenario"] == "OPTIMISTIC"
    assert DISCLAIMER in document["disclaimer"]
    assert document["fork_years"] == [3, 7, 10, 10]
    assert document["cagr_percent"] == "14.35"
    assert [row["year"] for row in document["years"]] == list(range(1, 11))
    assert document["years"][0] == {
        "year": 1,
        "gen": "121000.00",
        "rev": "116800.00",
        "com": "0.00",
        "total": "237800.00",
        "monthly_income": "4500.00",
        "forks": 0,
        "published_total": "237800.00",
    }
    assert document["years"][3]["published_total"] is None
    assert document["published"]["first_fork_month"] == 22
    assert document["monte_carlo"] is None


def test_monte_carlo_names_its_seed_and_repeats(capsys: Captured) -> None:
    words = ["growth", "--scenario", "conservative", "--monte-carlo", "1000", "--seed", "5", "--json"]
    documents: list[str] = []
    for _ in range(2):
        assert main(words) == 0
        documents.append(capsys.readouterr().out)
    assert documents[0] == documents[1]
    found = json.loads(documents[0])["monte_carlo"]
    assert (found["paths"], found["seed"], len(found["years"])) == (1000, 5, 10)
    assert set(found["years"][-1]) == {"year", "mean", "p05", "p95"}


def test_monte_carlo_as_a_table(capsys: Captured) -> None:
    assert main(["growth", "--monte-carlo", "1000"]) == 0
    text = capsys.readouterr().out
    assert "p05" in text
    assert "1000 paths, seed 1" in text


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["growth", "--scenario", "hopeful"], "UNKNOWN_SCENARIO"),
        (["growth", "--monte-carlo", "10"], "USAGE"),
        (["growth", "--seed", "-1"], "USAGE"),
    ],
    ids=["scenario", "paths", "seed"],
)
def test_wrong_requests_are_refused(words: list[str], code: str, capsys: Captured) -> None:
    assert main(words) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f"{code}: ")
    assert captured.out == ""
