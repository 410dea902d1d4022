"""Weeks and rules of days by their names (protocol 2.4, 10.4, 11.3)."""

import pytest

from domain.calendar import LAST, business_day_rule, is_week_id


@pytest.mark.parametrize("name", ["2025W25", "2025W01", "2025W52", "2026W53", "2020W53"])
def test_a_week_that_there_is(name: str) -> None:
    assert is_week_id(name) is True


@pytest.mark.parametrize(
    "name",
    [
        "2025W53", "2025W00", "0000W10", "year W10", "yearW10", "2025Wab", "2025W1", "25W10", "2025-W10", "2025", "",
        "20255W1", "2025W101",
    ],
)  # fmt: skip
def test_no_week(name: str) -> None:
    assert is_week_id(name) is False


@pytest.mark.parametrize(
    ("text", "which", "months"),
    [
        ("first business day of January, April, July, October", 1, [1, 4, 7, 10]),
        ("Last business day of march, june,september , DECEMBER", LAST, [3, 6, 9, 12]),
        ("tenth business day of February, May, August, November, May", 10, [2, 5, 8, 11]),
    ],
)
def test_a_business_day_of_months(text: str, which: int, months: list[int]) -> None:
    assert business_day_rule(text) == (which, months)
