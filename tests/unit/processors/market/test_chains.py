"""Volatility and delta of chains (protocol 5.2, 5.5), with QuantLib as the oracle."""

from typing import Any

import numpy as np
import pytest
import QuantLib as Ql

from processors.market.options import delta, implied_volatility, scaled
from tests.unit.processors.market import market_log as log
from tests.unit.processors.market.market_log import CODEC, DAY0, OPEN0, Run, S, tick, watermark

EXPIRY = DAY0 + 30
SIXTEEN_ET = OPEN0 + 30 * 24 * log.HOUR + 13 * log.HOUR // 2
YEAR = 31_536_000


def quotes(time_us: int = OPEN0, **columns: list[Any]) -> bytes:
    """A chain of puts at 100 on 100, two-sided; columns given replace those."""
    count = max((len(values) for values in columns.values()), default=1)
    of_option: dict[str, list[Any]] = {
        "expiries": [EXPIRY] * count, "strikes_e3": [100_000] * count, "rights": ["P"] * count,
        "bids_e4": [30_000] * count, "asks_e4": [31_000] * count, "bid_sizes": [5] * count, "ask_sizes": [6] * count,
        "quote_times_us": [time_us] * count, "volumes": [7] * count, "open_interests": [8] * count,
        "adv20s": [-1] * count, "ivs_e6": [0] * count, "deltas_e2": [-1] * count,
    }  # fmt: skip
    head = {"underlying": "IBM", "time_us": time_us, "spot_e4": 1_000_000, "rate_e10": 0, "quality": "LISTED"}
    return CODEC.encode("OptionQuotes", head | of_option | columns)


def put_or_call(right: str, strike: float) -> Any:
    """QuantLib's payoff."""
    kinds: Any = Ql.Option
    return Ql.PlainVanillaPayoff(kinds.Call if right == "C" else kinds.Put, strike)


def chain_of(run: Run) -> dict[str, Any]:
    (chain,) = run.of("OptionChain")
    return chain


@pytest.mark.parametrize("right", ["C", "P"])
@pytest.mark.parametrize("strike", [60.0, 90.0, 100.0, 112.5, 150.0])
@pytest.mark.parametrize(("sigma", "days", "rate"), [(0.15, 400, 0.01), (0.3, 30, 0.0), (0.9, 7, 0.05), (3.0, 2, 0.0)])
def test_volatility_and_delta_agree_with_quantlib(
    right: str, strike: float, sigma: float, days: int, rate: float
) -> None:
    # given QuantLib's price of an option
    years = days / 365
    forward = 100.0 * np.exp(rate * years)
    payoff = put_or_call(right, strike)
    oracle: Any = Ql.BlackCalculator(payoff, forward, sigma * years**0.5, np.exp(-rate * years))
    strikes, time, call = np.array([strike]), np.array([years]), np.array([right == "C"])
    intrinsic = max(0.0, (1 if right == "C" else -1) * (100.0 - strike * np.exp(-rate * years)))
    # when its time value says anything at all, then the volatility comes back from the price
    if oracle.value() - intrinsic > 1e-6:
        found = implied_volatility(np.array([oracle.value()]), 100.0, strikes, time, rate, call)
        assert found[0] == pytest.approx(sigma, rel=1e-6)
    # and the delta is QuantLib's
    assert delta(np.array([sigma]), 100.0, strikes, time, rate, call)[0] == pytest.approx(oracle.delta(100.0), abs=1e-9)


def test_missing_volatility_and_delta_are_filled_in_from_the_mid() -> None:
    # given a put whose mid is QuantLib's price at 27.5 % from here to 16:00 ET of the expiry
    years = (SIXTEEN_ET - OPEN0) / 1e6 / YEAR
    oracle: Any = Ql.BlackCalculator(put_or_call("P", 100.0), 100.0, 0.275 * years**0.5, 1.0)
    mid_e4 = round(oracle.value() * 1e4)
    run = Run().feed(log.calendar(), quotes(bids_e4=[mid_e4 - 50], asks_e4=[mid_e4 + 50]))
    chain = chain_of(run)
    assert chain["ivs_e6"][0] == pytest.approx(275_000, abs=10)
    assert chain["deltas_e2"][0] == pytest.approx(-oracle.delta(100.0) * 1e4, abs=1)
    # and every other field is as it came
    assert (chain["volumes"], chain["open_interests"], chain["adv20s"], chain["bid_sizes"]) == ([7], [8], [-1], [5])
    assert (chain["underlying"], chain["spot_e4"], chain["quality"], chain["time_us"]) == (
        "IBM",
        1_000_000,
        "LISTED",
        OPEN0,
    )


def test_what_the_source_gives_is_kept() -> None:
    chain = chain_of(Run().feed(log.calendar(), quotes(ivs_e6=[250_000, 250_000], deltas_e2=[4_800, -1])))
    assert chain["ivs_e6"] == [250_000, 250_000]
    assert chain["deltas_e2"][0] == 4_800
    assert 4_000 < chain["deltas_e2"][1] < 5_000


@pytest.mark.parametrize(
    "columns",
    [
        {"bids_e4": [0]},
        {"asks_e4": [0]},
        {"bids_e4": [0], "deltas_e2": [4_000]},
        {"expiries": [DAY0 - 1]},
        {"rights": ["C"], "strikes_e3": [50_000]},  # mid below what exercise gives: no volatility has that price
    ],
    ids=["no bid", "no ask", "delta without volatility", "expired", "below intrinsic value"],
)
def test_without_volatility_a_strike_is_ineligible(columns: dict[str, list[Any]]) -> None:
    run = Run().feed(log.calendar(), quotes(OPEN0, **columns))
    assert (chain_of(run)["ivs_e6"], chain_of(run)["deltas_e2"]) == ([0], [-1])
    assert run.of("DataQualityIssue") == []


@pytest.mark.parametrize(
    ("columns", "rule"),
    [
        ({"bids_e4": [31_000], "asks_e4": [30_000]}, "BID_ABOVE_ASK"),
        ({"ivs_e6": [5_000_001]}, "IV_RANGE"),
        ({"ivs_e6": [9_999]}, "IV_RANGE"),
        ({"ivs_e6": [250_000], "deltas_e2": [10_001]}, "DELTA_RANGE"),
    ],
)
def test_impossible_quotes_are_flagged_and_left_without_values(columns: dict[str, list[Any]], rule: str) -> None:
    run = Run().feed(log.calendar(), quotes(OPEN0, **columns))
    assert (chain_of(run)["ivs_e6"], chain_of(run)["deltas_e2"]) == ([0], [-1])
    (issue,) = run.of("DataQualityIssue")
    assert (issue["rule"], issue["symbol"]) == (rule, "IBM110701P00100000")


def test_a_chain_stands_before_the_marks_of_its_moment_and_is_late_after_them() -> None:
    run = Run().feed(log.calendar(), tick("IBM", OPEN0 + S, 1_000_000), quotes(OPEN0 + S), watermark(OPEN0 + S))
    assert [name for name, _ in run.records("market.marks")] == ["MarketCalendar", "OptionChain", "Marks"]
    run.feed(quotes(OPEN0 + S))
    assert len(run.of("OptionChain")) == 1
    assert [issue["rule"] for issue in run.of("DataQualityIssue")] == ["OUT_OF_ORDER"]


def test_a_chain_closes_the_moments_before_it() -> None:
    run = Run().feed(log.calendar(), tick("IBM", OPEN0 + S, 1_000_000), quotes(OPEN0 + 5 * S))
    assert [(name, value["time_us"]) for name, value in run.records("market.marks")][1:] == [
        ("Marks", OPEN0 + S),
        ("OptionChain", OPEN0 + 5 * S),
    ]


def test_rounding_hides_the_noise_of_the_computation() -> None:
    noisy = np.array([0.2749995, 0.2749995 - 1e-14, 0.2749995 + 1e-14, np.nan])
    assert scaled(noisy, 1e6).tolist() == [275_000, 275_000, 275_000, 0]
