"""The command that shows the growth benchmarks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from alluse.options import AsJson
from alluse.render import one_json, print_table, say, usd

if TYPE_CHECKING:
    from domain.growth import GrowthYear, MonteCarlo, Published, Scenario

DISCLAIMER = "All tax figures are estimates, not advice; growth is what assumptions give, not a forecast."


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(growth)


def growth(
    scenario: Annotated[
        str, typer.Option("--scenario", metavar="NAME", help="moderate, conservative or optimistic.")
    ] = "moderate",
    paths: Annotated[
        int | None,
        typer.Option(
            "--monte-carlo", min=1_000, max=20_000, metavar="N", help="Vary the months over N paths, 1000 to 20000."
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", min=0, metavar="S", help="Seed of the paths: the same one, the same result.")
    ] = 1,
    as_json: AsJson = False,
) -> None:
    """Show ten years of the growth reference model beside what was published (protocol 14.4).

    \b
    Example:
      alluse growth --scenario conservative --monte-carlo 1000
    """
    from domain.growth import PUBLISHED, monte_carlo, reference_path

    chosen = _scenario(scenario)
    path = reference_path(chosen)
    drawn = monte_carlo(chosen, paths, seed) if paths is not None else None
    document = _document(chosen, path, PUBLISHED[chosen.name], drawn)
    if as_json:
        one_json(document)
    else:
        _print(document)


def _scenario(name: str) -> Scenario:
    from domain.growth import SCENARIOS
    from infra.errors import RequestError

    found = SCENARIOS.get(name.upper())
    if found is None:
        raise RequestError(
            "UNKNOWN_SCENARIO", f"--scenario: '{name}' is none.", "Use moderate, conservative or optimistic."
        )
    return found


def _document(
    scenario: Scenario, path: tuple[GrowthYear, ...], published: Published, drawn: MonteCarlo | None
) -> dict[str, Any]:
    from domain.growth import START, cagr_e10, fork_years
    from domain.money import round_half_up

    totals = {row.year: f"{row.total_usd}.00" for row in published.rows}
    years = [
        {
            "year": at.year,
            **{
                name: usd(round_half_up(amount))
                for name, amount in (
                    ("gen", at.gen),
                    ("rev", at.rev),
                    ("com", at.com),
                    ("total", at.total),
                    ("monthly_income", at.monthly_income),
                )
            },
            "forks": len(at.forks),
            "published_total": totals.get(at.year),
        }
        for at in path
    ]
    return {
        "scenario": scenario.name,
        "disclaimer": DISCLAIMER,
        "start": usd(START),
        "years": years,
        "fork_years": fork_years(path),
        "cagr_percent": usd((cagr_e10(path) + 500_000) // 1_000_000),
        "published": {
            "first_fork_month": published.first_fork_month,
            "forks_by_year_10": published.forks_by_year_10,
            "years": [
                {
                    "year": row.year,
                    "gen": f"{row.gen_usd}.00",
                    "rev": f"{row.rev_usd}.00",
                    "com": f"{row.com_usd}.00",
                    "total": f"{row.total_usd}.00",
                    "monthly_income": f"{row.monthly_income_usd}.00",
                }
                for row in published.rows
            ],
        },
        "monte_carlo": drawn
        and {
            "paths": drawn.paths,
            "seed": drawn.seed,
            "years": [
                {"year": band.year, "mean": usd(band.mean), "p05": usd(band.p05), "p95": usd(band.p95)}
                for band in drawn.years
            ],
        },
    }


def _print(document: dict[str, Any]) -> None:
    say(f"{document['scenario']}: ten years of the reference model from {document['start']}")
    print_table(document["years"], list(document["years"][0]))
    forks = ", ".join(map(str, document["fork_years"])) or "none"
    say(f"\nForks in years: {forks}. Compound growth a year: {document['cagr_percent']} %.")
    published = document["published"]
    say(
        f"Published: first fork in month {published['first_fork_month']}, {published['forks_by_year_10']} forks by "
        "year 10; its rows do not all follow from the stated method."
    )
    drawn = document["monte_carlo"]
    if drawn:
        say(f"\nTotal over {drawn['paths']} paths, seed {drawn['seed']}: mean, 5th and 95th percentile")
        print_table(drawn["years"], list(drawn["years"][0]))
    say(f"\n{document['disclaimer']}")
