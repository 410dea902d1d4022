"""docs/protocol-coverage.md says what its sources say, and leaves no rule without a function and a test."""

from scripts.make_coverage import PAGE, explained, page, results, rule_rows
from tests.mutation.rules import rules


def test_the_page_is_what_its_sources_say() -> None:
    assert PAGE.read_text("utf-8") == page(), "run: python scripts/make_coverage.py"


def test_every_rule_has_a_function_and_a_test() -> None:
    rows = rule_rows()
    assert [row[0] for row in rows] == [rule.number for rule in rules()]
    assert not [row[0] for row in rows if not row[2] or not row[3]]


def test_nothing_is_explained_that_was_killed() -> None:
    killed = {one["key"] for one in results("result.json")["mutants"] if one["verdict"] in ("killed", "timeout")}
    assert not set(explained()) & killed
