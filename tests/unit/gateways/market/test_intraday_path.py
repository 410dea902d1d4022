"""The modelled path honours any daily bar."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gateways.market.counter_random import hashed, seed_of, stream
from gateways.market.intraday_path import path_e4, volumes


@st.composite
def bars(draw: st.DrawFn) -> tuple[int, int, int, int]:
    low = draw(st.integers(100, 9_000_000))
    high = low + draw(st.one_of(st.integers(0, 250), st.integers(0, 900_000)))
    ends = st.one_of(st.sampled_from([low, high]), st.integers(low, high))
    return draw(ends), high, low, draw(ends)


@given(bars(), st.integers(10_000, 20_000), st.sampled_from([43, 79]))
def test_path_starts_ends_and_touches_where_the_bar_says(
    bar: tuple[int, int, int, int], session: int, points: int
) -> None:
    opening, high, low, closing = bar
    path = path_e4("XYZ", session, bar, points)
    assert len(path) == points
    assert (path[0], path[-1]) == (opening, closing)
    assert (path.min(), path.max()) == (low, high)
    off_cent = [p for p in path.tolist() if p % 100 and p not in bar]
    assert not off_cent or -(-low // 100) > high // 100, "whole cents where the range holds one"


def test_the_path_is_a_function_of_symbol_and_day() -> None:
    bar = (1_000_000, 1_020_000, 990_000, 1_010_000)
    assert path_e4("A", 15_000, bar, 79).tolist() == path_e4("A", 15_000, bar, 79).tolist()
    assert path_e4("A", 15_000, bar, 79).tolist() != path_e4("A", 15_001, bar, 79).tolist()
    assert path_e4("A", 15_000, bar, 79).tolist() != path_e4("B", 15_000, bar, 79).tolist()


def test_the_path_moves_like_a_price() -> None:
    """No straight lines: steps of both signs, and no single step that makes most of the range."""
    steps = [
        np.diff(path_e4("A", day, (1_000_000, 1_020_000, 990_000, 1_010_000), 79)) for day in range(15_000, 15_050)
    ]
    assert all(min((s > 0).sum(), (s < 0).sum()) >= 15 for s in steps)
    assert np.mean([np.abs(s).max() for s in steps]) < 12_000


@given(st.integers(0, 10**9), st.integers(10_000, 20_000))
def test_volumes_add_up_to_the_days(volume: int, session: int) -> None:
    shares = volumes("XYZ", session, volume, 79)
    assert shares.sum() == volume
    assert shares.min() >= 0


def test_random_numbers_are_fixed_for_good() -> None:
    """A change of these values changes every digest of `sample`."""
    assert stream(seed_of("path", "AAPL", 15_034), 3).round(12).tolist() == PHILOX
    assert hashed(seed_of("size", "AAPL"), np.array([1, 2]), np.array([[3], [4]])).round(12).tolist() == SPLITMIX


PHILOX = [0.904628809831, 0.362479970993, 0.028788069963]
SPLITMIX = [[0.643780917951, 0.438338414436], [0.523838992423, 0.609179621775]]
