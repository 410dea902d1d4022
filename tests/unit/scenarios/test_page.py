"""docs/scenarios.md is true: its scenarios hold, and its commands do what it says."""

import json
import re
from pathlib import Path

import pytest

from alluse.cli import main
from alluse.scenarios.loading import of_document
from alluse.scenarios.playing import play
from alluse.scenarios.text import documents
from infra.settings import CHECKOUT

PAGE = (CHECKOUT / "docs/scenarios.md").read_text("utf-8")
EXAMPLES = [block for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if "id: " in block]
COMMANDS = re.findall(r"^\.venv/bin/alluse (scenario [^#\n]*?)\s*(?:#|$)", PAGE, re.MULTILINE)


@pytest.mark.parametrize("text", EXAMPLES, ids=lambda text: re.findall("id: (.*)", text)[0])
def test_an_example_of_the_page_holds(text: str) -> None:
    for document in documents(Path("page.yaml"), text):
        for scenario in of_document(Path("page.yaml"), document):
            result = play(scenario)
            assert result.holds, (scenario.identity, result.differences)


@pytest.mark.parametrize("command", [c for c in COMMANDS if "--kafka" not in c])
def test_a_command_of_the_page_does_what_it_says(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(CHECKOUT)
    assert main(command.split()) == 0
    out = capsys.readouterr().out
    if "--json" in command:
        document = json.loads(out)
        assert document["holds"] is True
        assert document["scenarios"][0]["digest"].startswith("sha256:")
    elif "--show" in command:
        assert "OrderSubmitted {version: 1, contract: TSLA 2025-06-13 P 247.50" in out
    assert len(COMMANDS) == 5


def test_a_difference_ends_with_one_and_a_wrong_file_with_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # given an example that expects another quantity, and one with a wrong name
    differs, wrong = tmp_path / "differs.yaml", tmp_path / "wrong.yaml"
    text = next(block for block in EXAMPLES if "partial-fill" in block)
    differs.write_text(text.replace("quantity: 7", "quantity: 8"), "utf-8")
    wrong.write_text(text.replace("OrderSubmitted", "OrderSent"), "utf-8")
    # then the first shows both beside the journal entry, the second the line
    assert main(["scenario", str(differs), "--json"]) == 1
    (difference,) = json.loads(capsys.readouterr().out)["scenarios"][0]["differences"]
    assert (difference["expected"], difference["found"]) == (
        "OrderSubmitted {quantity: 8, limit: 3.90}", "OrderSubmitted {quantity: 7}",
    )  # fmt: skip
    assert difference["journal"].startswith("partition 0, entry ")
    assert main(["scenario", str(wrong), "--json"]) == 2
    told = capsys.readouterr()
    (problem,) = json.loads(told.out)["error"]["problems"]
    assert problem["line"] == text.splitlines().index("    then: [{OrderSubmitted: {quantity: 7, limit: 3.90}}]") + 1
    assert f"{wrong}:{problem['line']}: " in told.err
    assert main(["scenario", str(tmp_path / "none.yaml")]) == 2
