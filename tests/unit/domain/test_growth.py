"""The growth reference model, its published counterpart and the benchmark rule (protocol 14.4, EX-26)."""

from decimal import Decimal
from fractions import Fraction
from functools import cache

import pytest

from domain.growth import (
    CONSERVATIVE,
    MODERATE,
    OPTIMISTIC,
    PUBLISHED,
    SCENARIOS,
    START,
    YEARS,
    MonteCarlo,
    QuarterEnd,
    Scenario,
    benchmark_deviation,
    cagr_e10,
    fork_years,
    monte_carlo,
    reference_multiple,
    reference_path,
)
from domain.money import dollars, round_half_up

REFERENCE_TABLE = """
| Moderate | 1 | 116,800.00 | 112,600.00 | 0.00 | 229,400.00 | 3,500.00 |
| Moderate | 2 | 136,422.40 | 126,787.60 | 0.00 | 263,210.00 | 4,025.00 |
| Moderate | 3 | 129,670.68 | 142,762.84 | 29,670.68 | 302,104.20 | 4,630.26 |
| Moderate | 4 | 110,220.08 | 121,348.41 | 25,220.08 | 256,788.57 | 4,462.42 |
| Moderate | 5 | 127,811.20 | 135,618.99 | 26,733.28 | 290,163.47 | 3,793.06 |
| Moderate | 7 | 170,619.20 | 168,118.98 | 30,037.52 | 368,775.70 | 4,638.16 |
| Moderate | 10 | 224,545.18 | 227,690.49 | 64,693.02 | 516,928.69 | 5,822.37 |
| Conservative | 1 | 112,600.00 | 108,400.00 | 0.00 | 221,000.00 | 2,500.00 |
| Conservative | 2 | 126,787.60 | 117,505.60 | 0.00 | 244,293.20 | 2,773.00 |
| Conservative | 3 | 95,090.70 | 88,129.20 | 0.00 | 183,219.90 | 3,076.87 |
| Conservative | 4 | 105,873.99 | 94,421.62 | 0.00 | 200,295.61 | 2,032.82 |
| Conservative | 5 | 117,880.10 | 101,163.33 | 0.00 | 219,043.42 | 2,231.88 |
| Conservative | 7 | 111,560.54 | 92,128.43 | 0.00 | 203,688.98 | 2,333.68 |
| Conservative | 10 | 147,107.96 | 108,052.86 | 0.00 | 255,160.82 | 1,987.49 |
| Optimistic | 1 | 121,000.00 | 116,800.00 | 0.00 | 237,800.00 | 4,500.00 |
| Optimistic | 2 | 146,410.00 | 136,422.40 | 0.00 | 282,832.40 | 5,361.00 |
| Optimistic | 3 | 138,578.05 | 159,341.36 | 38,578.05 | 336,497.46 | 6,388.70 |
| Optimistic | 4 | 167,097.41 | 185,441.48 | 41,278.51 | 393,817.40 | 6,502.32 |
| Optimistic | 5 | 150,387.67 | 166,897.33 | 37,150.66 | 354,435.66 | 7,710.00 |
| Optimistic | 7 | 189,276.90 | 225,235.04 | 71,151.97 | 485,663.92 | 8,042.57 |
| Optimistic | 10 | 257,643.76 | 349,932.86 | 156,753.19 | 764,329.80 | 12,025.27 |
"""
"""The table of protocol 14.4, as printed."""

ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in REFERENCE_TABLE.strip().splitlines()]
DRAWDOWN_YEARS = [(scenario, year) for scenario in SCENARIOS.values() for year in scenario.drawdowns]


def cents(text: str) -> int:
    """Cents of dollars as printed."""
    return int(Decimal(text.replace(",", "")) * 100)


def shown(amount: Fraction) -> str:
    """Exact cents as printed."""
    return dollars(round_half_up(amount))


# --- the reference model ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}-{row[1]}")
def test_every_row_of_the_reference_table_to_the_cent(row: list[str]) -> None:
    # given the path of the row's scenario
    scenario, year, *amounts = row
    at = reference_path(SCENARIOS[scenario.upper()])[int(year) - 1]
    # then the year shows Gen network, Rev, Com, total and monthly income of the table
    found = [round_half_up(amount) for amount in (at.gen, at.rev, at.com, at.total, at.monthly_income)]
    assert found == [cents(amount) for amount in amounts]


def test_ex_26_growth_oracle() -> None:
    # given the moderate scenario
    path = reference_path(MODERATE)
    # then years 1 and 2 are Gen + Rev, and income is the run-rate on balances of the year's start
    assert [shown(path[0].gen), shown(path[0].rev), shown(path[0].total)] == ["116800.00", "112600.00", "229400.00"]
    assert shown(path[0].monthly_income) == "3500.00"
    assert [shown(path[1].gen), shown(path[1].rev), shown(path[1].total)] == ["136422.40", "126787.60", "263210.00"]
    # and in year 3 Gen forks its surplus in halves to a new Gen and to Com
    (fork,) = path[2].forks
    assert [shown(fork.balance), shown(fork.surplus), shown(fork.half)] == ["159341.36", "59341.36", "29670.68"]
    assert [shown(balance) for balance in path[2].gen_balances] == ["100000.00", "29670.68"]
    assert shown(path[2].com) == "29670.68"
    assert shown(path[2].total) == "302104.20"
    # and year 4 takes 15 % of everything
    assert path[3].total == path[2].total * Fraction(85, 100)
    assert shown(path[3].total) == "256788.57"
    assert shown(path[9].total) == "516928.69"


@pytest.mark.parametrize(
    ("scenario", "years"), [(MODERATE, [3, 8]), (CONSERVATIVE, []), (OPTIMISTIC, [3, 7, 10, 10])], ids=str
)
def test_forks_fall_in_the_years_of_the_protocol(scenario: Scenario, years: list[int]) -> None:
    assert fork_years(reference_path(scenario)) == years


def test_a_surplus_of_exactly_fifty_thousand_forks() -> None:
    # given a Gen that earns 50 % a year after tax, on 100,000.00
    enough = Scenario("ENOUGH", Fraction(5, 84), Fraction(0), Fraction(0), Fraction(0), {})
    (fork,) = reference_path(enough)[0].forks
    assert fork.surplus == 50_000_00
    # and the smallest bit less does not
    short = Scenario("SHORT", Fraction(5, 84) - Fraction(1, 10**15), Fraction(0), Fraction(0), Fraction(0), {})
    assert reference_path(short)[0].forks == ()


@pytest.mark.parametrize(
    ("scenario", "percent"), [(MODERATE, "9.96"), (CONSERVATIVE, "2.47"), (OPTIMISTIC, "14.35")], ids=str
)
def test_ten_year_cagr(scenario: Scenario, percent: str) -> None:
    found = Decimal(cagr_e10(reference_path(scenario))).scaleb(-8)
    assert found.quantize(Decimal("0.01")) == Decimal(percent)


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=str)
def test_nothing_is_rounded_on_the_way(scenario: Scenario) -> None:
    # given the path, a fork moves money and makes none
    path = reference_path(scenario)
    before = Fraction(START)
    for at in path:
        growth = at.total / before
        # then each year's total grows by a mix of the rates of its parts, exactly
        rates = scenario.gross(at.year, *scenario.expected(at.year))
        assert min(rates) <= growth <= max(rates)
        assert sum(at.gen_balances) == at.gen
        assert at.gen + at.rev + at.com == at.total
        before = at.total
    # and the tenth year has more places than a cent, or a float, could hold
    assert path[-1].total.denominator > 10**9


@pytest.mark.parametrize(("scenario", "year"), DRAWDOWN_YEARS, ids=str)
def test_a_drawdown_year_takes_the_same_share_of_every_balance(scenario: Scenario, year: int) -> None:
    path = reference_path(scenario)
    before, at = path[year - 2], path[year - 1]
    kept = 1 - scenario.drawdowns[year]
    assert (at.gen, at.rev, at.com) == (before.gen * kept, before.rev * kept, before.com * kept)
    # and its run-rate is still shown on the balances of its start
    assert at.monthly_income > 0


# --- the published table ----------------------------------------------------------------------------------------


def test_the_published_table_stands_beside_the_model() -> None:
    # given the rows as published: the total is the sum of its parts in each
    assert list(PUBLISHED) == list(SCENARIOS)
    for published in PUBLISHED.values():
        assert [row.year for row in published.rows] == [1, 2, 3, 5, 7, 10]
        assert all(row.gen_usd + row.rev_usd + row.com_usd == row.total_usd for row in published.rows)
    assert PUBLISHED["MODERATE"].rows[-1].total_usd == 987_028
    assert PUBLISHED["MODERATE"].rows[-1].monthly_income_usd == 11_844
    assert [p.first_fork_month for p in PUBLISHED.values()] == [27, 42, 22]
    assert [p.forks_by_year_10 for p in PUBLISHED.values()] == [2, 1, 3]


def test_only_some_published_cells_follow_from_the_stated_method() -> None:
    # given the cells that the protocol names: year 1 everywhere, Gen years 2-3 conservative, Gen year 2 optimistic,
    # Rev year 2 moderate
    def published(name: str, year: int) -> tuple[int, int]:
        (row,) = [row for row in PUBLISHED[name].rows if row.year == year]
        return row.gen_usd, row.rev_usd

    def model(name: str, year: int) -> tuple[int, int]:
        at = reference_path(SCENARIOS[name])[year - 1]
        return round_half_up(at.gen / 100), round_half_up(at.rev / 100)

    # then they are the model's, to the dollar
    assert all(published(name, 1) == model(name, 1) for name in SCENARIOS)
    assert [published("CONSERVATIVE", year)[0] for year in (2, 3)] == [
        model("CONSERVATIVE", year)[0] for year in (2, 3)
    ]
    assert published("OPTIMISTIC", 2)[0] == model("OPTIMISTIC", 2)[0]
    assert published("MODERATE", 2)[1] == model("MODERATE", 2)[1]
    # and the last moderate row is not
    assert published("MODERATE", 10) != model("MODERATE", 10)


# --- Monte Carlo ------------------------------------------------------------------------------------------------


@cache
def bands(name: str, seed: int) -> MonteCarlo:
    """1,000 paths, drawn once for all tests."""
    return monte_carlo(SCENARIOS[name], 1_000, seed)


@pytest.mark.parametrize("seed", [1, 2, 20_110_401])
@pytest.mark.parametrize(("name", "percent"), [("MODERATE", 3), ("CONSERVATIVE", 4), ("OPTIMISTIC", 2)])
def test_monte_carlo_stays_about_the_reference(name: str, percent: int, seed: int) -> None:
    # given a thousand paths and the reference total of year 10
    reference = reference_path(SCENARIOS[name])[-1].total
    last = bands(name, seed).years[-1]
    # then their mean is within 1 % of it, and the 5th to 95th percentile within the scenario's band
    assert abs(last.mean - reference) <= reference / 100
    assert reference * (100 - percent) / 100 <= last.p05
    assert last.p05 < last.mean < last.p95
    assert last.p95 <= reference * (100 + percent) / 100


def test_monte_carlo_is_a_function_of_its_seed() -> None:
    assert monte_carlo(MODERATE, 1_000, 7) == bands("MODERATE", 7)
    assert bands("MODERATE", 8) != bands("MODERATE", 7)


def test_monte_carlo_of_a_seed_is_the_same_on_every_machine() -> None:
    # given the stream of the counter-based generator, which numpy keeps from version to version
    last = bands("MODERATE", 1).years[-1]
    # then the figures of a seed are fixed to the cent
    assert [dollars(amount) for amount in (last.mean, last.p05, last.p95)] == ["517087.67", "507709.35", "527084.78"]


def test_a_drawdown_year_draws_nothing() -> None:
    # given the optimistic scenario, which differs from path to path in year 4 and falls by 10 % in year 5
    years = bands("OPTIMISTIC", 1).years
    # then each percentile falls by exactly that
    assert abs(years[4].p05 - years[3].p05 * Fraction(9, 10)) <= 1
    assert abs(years[4].p95 - years[3].p95 * Fraction(9, 10)) <= 1


def test_without_variation_every_path_is_the_reference() -> None:
    still = Scenario("STILL", Fraction(2, 100), Fraction(15, 1000), Fraction(6, 100), Fraction(0), {4: Fraction(1, 10)})
    reference = [round_half_up(at.total) for at in reference_path(still)]
    found = monte_carlo(still, 1_000, 1).years
    assert [(at.mean, at.p05, at.p95) for at in found] == [(total, total, total) for total in reference]


def test_monte_carlo_takes_at_least_a_thousand_paths() -> None:
    with pytest.raises(ValueError, match="1000"):
        monte_carlo(MODERATE, 999, 1)


# --- the benchmark rule -----------------------------------------------------------------------------------------


def test_the_path_between_year_ends_is_a_straight_line() -> None:
    # given the conservative path: 200,000.00, then 221,000.00 after a year and 244,293.20 after two
    assert reference_multiple(CONSERVATIVE, 0) == 1
    assert reference_multiple(CONSERVATIVE, 12) == Fraction(221, 200)
    # then after three months of the second year a quarter of its growth has been earned
    assert reference_multiple(CONSERVATIVE, 15) == Fraction(221_000_00 + (244_293_20 - 221_000_00) // 4, START)
    assert reference_multiple(CONSERVATIVE, 12 * YEARS) == reference_path(CONSERVATIVE)[-1].total / START
    with pytest.raises(ValueError, match="120"):
        reference_multiple(CONSERVATIVE, 121)


def behind(months: int, percent: Fraction | int) -> QuarterEnd:
    """A family that trails the conservative path by so much."""
    return QuarterEnd(months, reference_multiple(CONSERVATIVE, months) * (1 - Fraction(percent) / 100))


def test_benchmark_deviation_needs_more_than_ten_percent_at_two_consecutive_quarter_ends() -> None:
    # given a family 11 % behind at one quarter end
    assert benchmark_deviation([behind(3, 11)]) is None
    # when it is 12 % behind at the next
    found = benchmark_deviation([behind(3, 11), behind(6, 12)])
    # then the deviation is detected, with both gaps
    assert found is not None
    assert (found.months, found.gap, found.gap_before) == (6, Fraction(12, 100), Fraction(11, 100))
    # and exactly 10 % is not more than 10 %, at either end
    assert benchmark_deviation([behind(3, 10), behind(6, 12)]) is None
    assert benchmark_deviation([behind(3, 12), behind(6, 10)]) is None
    assert benchmark_deviation([behind(3, 12), behind(6, 10 + Fraction(1, 10**12))]) is not None


def test_quarter_ends_that_do_not_follow_each_other_are_not_consecutive() -> None:
    assert benchmark_deviation([behind(3, 20), behind(9, 20)]) is None
    # a family ahead of the path, or one without two quarter ends, has no deviation
    assert benchmark_deviation([behind(3, -5), behind(6, -5)]) is None
    assert benchmark_deviation([]) is None


def test_only_the_last_two_quarter_ends_count() -> None:
    assert benchmark_deviation([behind(3, 20), behind(6, 20), behind(9, 5)]) is None


def test_after_ten_years_there_is_no_path_to_trail() -> None:
    assert benchmark_deviation([QuarterEnd(120, Fraction(1, 2)), QuarterEnd(123, Fraction(1, 2))]) is None
