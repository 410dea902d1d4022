"""ATR and its fallback (protocol 5.3, EX-28)."""

import pytest

from domain.indicators import fallback_atr_e6, next_atr_e6, seed_atr_e6, split_adjusted, true_range_e6

EX_28_TRUE_RANGES = [
    "9.2",
    "10.1",
    "8.7",
    "11.3",
    "9.9",
    "10.4",
    "12.0",
    "9.5",
    "8.8",
    "10.6",
    "11.1",
    "9.7",
    "10.2",
    "8.5",
]


def e6(dollars: str) -> int:
    whole, _, part = dollars.partition(".")
    return int(whole) * 10**6 + int(part.ljust(6, "0"))


def test_ex_28_atr() -> None:
    # given the first 14 true ranges, their mean is the seed
    seed = seed_atr_e6([e6(tr) for tr in EX_28_TRUE_RANGES])
    assert seed == e6("10.000000")
    # when the next true range is 13.4
    following = next_atr_e6(seed, e6("13.4"))
    assert following == e6("10.242857")
    # and the bar of the next day is missing
    assert fallback_atr_e6(following, 1, price_e4=2_500_000) == e6("11.267143")


def test_the_recursion_goes_on_from_the_rounded_value() -> None:
    # 13 * 1 + 8 = 21, / 14 = 1.5 micro-dollars: half rounds up, and the next step starts at 2
    assert next_atr_e6(1, 8) == 2
    assert next_atr_e6(2, 2) == 2


@pytest.mark.parametrize(
    ("high", "low", "close", "expected"),
    [(105, 100, 102, 5), (105, 100, 110, 10), (105, 100, 90, 15), (105, 100, None, 5)],
    ids=["range", "gap down", "gap up", "first bar"],
)
def test_true_range_takes_the_gap(high: int, low: int, close: int | None, expected: int) -> None:
    assert true_range_e6(high, low, close) == expected


def test_the_seed_takes_exactly_14() -> None:
    with pytest.raises(ValueError, match="14"):
        seed_atr_e6([1] * 13)


def test_the_fallback_lasts_five_sessions_then_two_percent_of_the_price() -> None:
    assert [fallback_atr_e6(e6("10.0"), missing, price_e4=2_475_000) for missing in (1, 5, 6)] == [
        e6("11.0"),
        e6("11.0"),
        e6("4.95"),
    ]
    assert fallback_atr_e6(0, 1, price_e4=2_475_000) == e6("4.95")


def test_a_split_of_two_for_one_halves_prices() -> None:
    assert split_adjusted(e6("10.000001"), 2, 1) == e6("5.000001")
    assert split_adjusted(e6("10.0"), 1, 10) == e6("100.0")
