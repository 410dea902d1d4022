"""What a scenario file may say, and how a wrong one is told: line, what was expected."""

from pathlib import Path
from typing import Any

import pytest

from alluse.scenarios.loading import of_document
from alluse.scenarios.playing import Result, play
from alluse.scenarios.quantities import Kind, decimal, read_contract, read_time, same_ratio, scaled
from alluse.scenarios.scenario import Scenario
from alluse.scenarios.text import BadScenarioError, documents

HERE = Path("here.yaml")
BASE = """id: T-1
title: A test
start: 2025-06-09 08:00 ET
market:
  marks: {TSLA: 250.00}
  atr: {TSLA: 10.00}
config: {gen.tickers: [TSLA]}
book:
  accounts:
    GEN: {cash: 400000.00}
steps:
  - at: 2025-06-12 10:00 ET
    name: scan
    marks: {TSLA: 250.00}
    chains:
      TSLA 2025-06-13: P 247.50 45d 3.85/3.95
    then:
      - OrderSubmitted: {quantity: 15}
"""


def read(text: str) -> list[Scenario]:
    """The scenarios of a text."""
    return [s for document in documents(HERE, text) for s in of_document(HERE, document)]


def played(text: str) -> Result:
    """What comes of the first scenario of a text."""
    return play(read(text)[0])


def problems(text: str) -> list[tuple[int, str]]:
    """Line and message of every problem of a text."""
    with pytest.raises(BadScenarioError) as raised:
        read(text)
    return [(p.line, f"{p.where}: {p.message}") for p in raised.value.problems]


# --- wrong files ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "line", "says"),
    [
        (("start:", "begin:"), 3, "begin: unknown key begin"),
        (("start: 2025-06-09 08:00 ET\n", ""), 1, "start is missing"),
        (("2025-06-09 08:00 ET", "2025-02-30 08:00 ET"), 3, "expected a time such as"),
        (("2025-06-12 10:00 ET", "2025-06-08 10:00 ET"), 12, "steps go forward in time"),
        (("2025-06-12 10:00 ET", "noon"), 12, "expected a time such as"),
        (("{cash: 400000.00}", "{cash: much}"), 10, "expected an amount such as"),
        (("{cash: 400000.00}", "{cash: 400000.005}"), 10, "expected an amount such as"),
        (("{cash: 400000.00}", "{cash: 1.00, sash: 2.00}"), 10, "ImportedAccount has no field sash"),
        (("gen.tickers: [TSLA]", "gen.alloc_pct: 99"), 7, "outside 0 to 95"),
        (("gen.tickers: [TSLA]", "gen.tickrs: [TSLA]"), 7, "there is no parameter gen.tickrs"),
        (("P 247.50 45d 3.85/3.95", "X 247.50 3.85"), 16, "expected a row such as"),
        (("TSLA 2025-06-13:", "TSLA 2025-06-31:"), 16, "expected a date such as"),
        (("TSLA 2025-06-13:", "NVDA 2025-06-13:"), 16, "NVDA has no price yet"),
        (("OrderSubmitted:", "OrderSubmited:"), 18, "do you mean OrderSubmitted?"),
        (("{quantity: 15}", "{quantity: many}"), 18, "expected a whole number"),
        (("{quantity: 15}", "{qantity: 15}"), 18, "OrderSubmitted has no field qantity"),
        (("    then:\n", "    do: [{Buy: {}}]\n    then:\n"), 17, "there is no command or action Buy"),
        (
            ("    then:\n", "    do: [{EngageKillSwitch: {why: x}}]\n    then:\n"),
            17,
            "EngageKillSwitch has no field why",
        ),
        (("    then:\n", "    do: [{RecordFee: {account: GEN}}]\n    then:\n"), 17, "RecordFee needs amount"),
        (("    then:\n", "    do: [{fill: {order: {}}}]\n    then:\n"), 17, "fill needs `broker: scripted`"),
        (("steps:\n", "steps: none\nextra:\n"), 11, "expected a list"),
        (("title: A test", "title: A test\ntitle: Again"), 3, "the key stands twice"),
        (("{TSLA: 250.00}\n    chains", "{TSLA: '${price}'}\n    chains"), 1, "${price} has no value"),
        (("id: T-1", "id: [T-1"), 2, "no YAML"),
        (("{cash: 400000.00}", "{cash: 99999999999999999999}"), 10, "expected an amount such as"),
        (("gen.tickers: [TSLA]", "gen.ticker_weights: {TSLA: 25}"), 7, "a weight for each of TSLA, NVDA, found TSLA"),
        (("gen.tickers: [TSLA]", "gen.tickers: {TSLA: 25}"), 7, "only ticker weights are written as one"),
        (("gen.tickers: [TSLA]", "hedge.enabled: maybe"), 7, "expected boolean"),
        (("steps:\n", "vars: much\nsteps:\n"), 11, "expected a mapping from names to values"),
    ],
)
def test_a_wrong_file_is_told_with_its_line(change: tuple[str, str], line: int, says: str) -> None:
    found = problems(BASE.replace(*change, 1))
    assert any(at == line and says in message for at, message in found), found


def test_a_reason_code_of_the_notation_is_the_reason_wherever_it_stands() -> None:
    (scenario,) = read(BASE.replace("OrderSubmitted: {quantity: 15}", "EntrySkipped{UNFILLED}"))
    (expected,) = scenario.steps[0].checks.then
    assert dict(expected.fields) == {"reason": "UNFILLED"}


def test_switches_and_weights_of_parameters_are_written_as_people_write_them() -> None:
    given = "hedge.enabled: no, gen.ticker_split: WEIGHTS, gen.ticker_weights: {NVDA: 75, TSLA: 25}"
    (scenario,) = read(BASE.replace("gen.tickers: [TSLA]", given))
    assert scenario.config["hedge.enabled"] == "false"
    assert scenario.config["gen.ticker_weights"] == "25,75", "in the order of gen.tickers"


def test_every_problem_of_a_file_is_told_at_once() -> None:
    text = BASE.replace("400000.00", "much").replace("{quantity: 15}", "{qantity: 15}").replace("10:00 ET", "10:61 ET")
    assert len(problems(text)) == 3


def test_an_event_of_the_protocol_that_is_not_built_differs_and_is_no_mistake_of_the_file() -> None:
    result = played(BASE.replace("OrderSubmitted: {quantity: 15}", "SecretRotated"))
    assert [d.found for d in result.differences] == ["this build has no event SecretRotated yet"]


# --- expectations -----------------------------------------------------------------------------------------------


def expecting(then: str) -> Result:
    """The base scenario with another expectation after its scan."""
    return played(BASE.replace("    then:\n      - OrderSubmitted: {quantity: 15}\n", then))


@pytest.mark.parametrize(
    "then",
    [
        "    then: [OrderProposed, OrderSubmitted]\n",
        "    then: [{OrderAcknowledged: {at: '10:00', occurred_at: 2025-06-12 10:00 ET}}]\n",
        "    then: ['OrderSubmitted{TSLA 2025-06-13 P 247.50}']\n",
        "    then: [{OrderSubmitted: {limit: 3.9, contract: TSLA250613P00247500, account: GEN}}]\n",
        "    then: [{EligibleStrikeSelected: {premium: 1.58%, delta: 45, shadow_contract: '*'}}]\n",
        "    then: [{WheelPhaseChanged: {from: IDLE, to: CSP_WORKING}}]\n",
        "    then: ['WheelPhaseChanged{TSLA, IDLE → CSP_WORKING}']\n",
        "    never: ['EntrySkipped{UNFILLED}', 'OrderRejected{PT-11}']\n",
        "    then: [{OrderValidated: {checks: [{check: PT-01, result: PASSED}, {check: PT-19}]}}]\n",
        "    counts: {OrderSubmitted: 1, EntrySkipped: 0}\n",
        "    never: [EntrySkipped, {OrderSubmitted: {quantity: 14}}]\n",
        "    state: {accounts.GEN.collateral: 371250.00, 'orders[ticker=TSLA].state': SUBMITTED}\n",
        "    state: {accounts.GEN.positions: none, accounts.GEN.wheels.TSLA.phase: CSP_WORKING, market.TSLA.atr: 10}\n",
    ],
)
def test_what_happened_is_recognised(then: str) -> None:
    result = expecting(then)
    assert result.holds, result.differences


@pytest.mark.parametrize(
    ("then", "expected", "found"),
    [
        ("    then: [OrderSubmitted, OrderProposed]\n", "OrderProposed", "it happened too early"),
        ("    then: [{OrderSubmitted: {quantity: 14}}]\n", "OrderSubmitted {quantity: 14}", "{quantity: 15}"),
        ("    then: [EntrySkipped]\n", "EntrySkipped", "no EntrySkipped"),
        (
            "    then: [{OrderSubmitted: {at: '10:00:00.000001'}}]\n",
            "OrderSubmitted {at: 10:00:00.000001}",
            "{at: 2025-06-12 10:00:00 ET}",
        ),
        ("    never: [OrderSubmitted]\n", "no OrderSubmitted", "OrderSubmitted {"),
        ("    counts: {OrderSubmitted: 2}\n", "2 OrderSubmitted", "1"),
        ("    nothing: yes\n", "no event", "EntryWindowOpened"),
        ("    state: {accounts.GEN.deployable: 1.00}\n", "accounts.GEN.deployable: 1.00", "8750.00"),
        ("    state: {accounts.GEN.nonsense: 1}\n", "accounts.GEN.nonsense: 1", "has no nonsense; it has"),
    ],
)
def test_what_differs_is_shown_beside_what_was_found(then: str, expected: str, found: str) -> None:
    (difference,) = expecting(then).differences
    assert difference.expected == expected
    assert found in difference.found


def test_a_difference_names_the_journal_entry() -> None:
    (difference,) = expecting("    then: [{OrderSubmitted: {quantity: 14}}]\n").differences
    assert difference.entry.startswith("partition 0, entry ")


LATE = """  - at: 11:00
    name: late
    do:
      - GrantApproval: {approval_id: {kind: CONFIGURATION}, by: rita, role: RISK}
"""


def test_yes_and_no_are_values_of_parameters_too() -> None:
    # given parameters as the page writes them, of the scenario, an account and a proposal
    text = BASE.replace("gen.tickers: [TSLA]}", "gen.tickers: [TSLA], common.residual_pass: no, com.csp_enabled: yes}")
    text = text.replace("GEN: {cash: 400000.00}", "GEN: {cash: 400000.00, config: {reinvest.gen_weekly: no}}")
    text += "    do: [{ProposeConfigurationChange: {scope: SYSTEM, changes: {common.earnings_filter: no}}}]\n"
    # when it is read and played, then the book has them as the catalogue writes them
    (scenario,) = read(text)
    assert scenario.books[0].config["common.residual_pass"] == "false"
    assert scenario.books[0].own_config == {"S001-GEN-001": {"reinvest.gen_weekly": "false"}}
    expected = "    then: [{ConfigurationProposed: {changes: {common.earnings_filter: 'false'}}}]\n"
    result = played(text.replace("    then:\n      - OrderSubmitted: {quantity: 15}\n", expected))
    assert result.holds, result.differences


def test_an_answer_to_a_decided_request_reaches_the_book_which_refuses_it() -> None:
    # given a request that was denied
    do = """    do:
      - ProposeConfigurationChange: {scope: SYSTEM, changes: {gen.alloc_pct: "90"}}
      - deny: {kind: CONFIGURATION, by: anna, role: OWNER}
"""
    refused = "    then: [{CommandRejected: {command: GrantApproval, code: ALREADY_DECIDED}}]\n"
    # when somebody approves it all the same, then the book says no
    result = played(BASE + do + LATE + refused)
    assert result.holds, result.differences
    # and the short form, which answers what is pending, says that it is over
    (difference,) = played(
        BASE
        + do
        + LATE.replace("GrantApproval: {approval_id: {kind: CONFIGURATION}, ", "grant: {").replace(
            "grant: {", "grant: {kind: CONFIGURATION, "
        )
    ).differences
    assert "one that fits is over" in difference.found


def test_children_of_one_fork_are_a_group_of_the_same_name() -> None:
    text = BASE.replace(
        "    GEN: {cash: 400000.00}\n",
        "    GEN: {cash: 400000.00}\n    GEN-001-F01-GEN: {cash: 1.00}\n    GEN-001-F01-COM: {cash: 1.00}\n"
        "    GEN-001-F02-GEN: {cash: 1.00}\n  groups: [{fork_group_id: GEN-001-F01, confirmations: 2}]\n",
    )
    (book,) = read(text)[0].books
    assert {a.account_id: a.fork_group_id for a in book.accounts if a.fork_group_id} == {
        "S001-GEN-001-F01-GEN": "S001-GEN-001-F01",
        "S001-GEN-001-F01-COM": "S001-GEN-001-F01",
        "S001-GEN-001-F02-GEN": "S001-GEN-001-F02",
    }
    assert [(g.fork_group_id, g.confirmations) for g in book.more["groups"]] == [
        ("S001-GEN-001-F01", 2),
        ("S001-GEN-001-F02", 0),
    ]


def test_a_request_that_is_not_there_is_a_difference() -> None:
    result = expecting("    do: [{grant: {kind: DEEP_EXPIRY}}]\n")
    assert result.differences[0].found == "no pending request with kind DEEP_EXPIRY; pending: none"


# --- variants, variables, repetition ----------------------------------------------------------------------------

VARIANTS = """vars: {bid: 3.85}
variants:
  - id: more
    config: {gen.alloc_pct: 50}
    steps:
      scan: {then: [{OrderSubmitted: {quantity: 8}}]}
    more:
      - at: +1m
        then: [OrderRepriced]
  - id: dearer
    vars: {bid: 3.95}
    steps:
      scan: {chains: {TSLA 2025-06-13: "P 247.50 45d ${bid}/4.05"}}
  - id: none
    steps: {scan: null}
    more: []
"""


def test_variants_change_named_steps_and_add_others() -> None:
    base, more, dearer, none = read(BASE + VARIANTS)
    assert [s.identity for s in (base, more, dearer, none)] == ["T-1", "T-1-more", "T-1-dearer", "T-1-none"]
    assert [len(s.steps) for s in (base, more, dearer, none)] == [1, 2, 1, 0]
    assert dearer.steps[0].facts.chains["TSLA"].rows[0].bid_e4 == 39_500
    assert play(base).holds
    assert play(more).holds


def test_a_variant_of_a_step_that_has_no_such_name_is_told() -> None:
    found = problems(BASE + VARIANTS.replace("scan: null", "sacn: null"))
    assert found == [(33, "variants.2: no step is named sacn; named are scan")]


def test_quotes_are_repeated_until_a_time_and_a_later_step_replaces_them() -> None:
    # given a chain that no scan can use, sent again every five minutes, and a good one at 10:20
    text = BASE.replace("45d 3.85/3.95", "60d 3.85/3.95").replace(
        "    then:\n      - OrderSubmitted: {quantity: 15}\n", ""
    )
    result = played(
        text
        + """    again: {every: 5m, until: "10:55"}
  - at: "10:17"
    never: [OrderSubmitted]
  - at: "10:20"
    chains:
      TSLA 2025-06-13: P 247.50 45d 3.85/3.95
    then: [OrderSubmitted]
"""
    )
    # then the scans in between have seen a fresh chain: what they miss is a strike
    assert result.holds, result.differences
    scans: list[Any] = [h.event for h in result.happened if h.name == "EntryScanCompleted"]
    reasons = [r.reason for scan in scans for r in scan.rejections]
    assert reasons == ["NO_ELIGIBLE_STRIKE"] * 4


def test_the_atr_holds_and_every_session_has_its_bar() -> None:
    result = played(BASE.replace("then:\n      - OrderSubmitted: {quantity: 15}", "state: {market.TSLA.atr: 10.00}"))
    assert result.holds, result.differences


# --- quantities -------------------------------------------------------------------------------------------------


def test_numbers_are_read_exactly_and_compared_as_far_as_they_are_written() -> None:
    assert scaled(Kind.MONEY, "1,000.05") == 100_005
    assert scaled(Kind.MONEY, "−5294.73") == -529_473
    assert scaled(Kind.DELTA, "45d") == 4_500
    assert scaled(Kind.RATIO, "1.5%") == 150_000_000
    assert same_ratio("1.5758%", 157_575_758)
    assert same_ratio("-0.0141414", -141_414_343)
    assert not same_ratio("1.5759%", 157_575_758)
    for text in ("1,00", "ten", "1.2.3", "nan"):
        with pytest.raises(ValueError, match=text[:2]):
            decimal(text)


def test_times_are_new_yorks_unless_they_say_otherwise() -> None:
    assert read_time("2025-06-19 10:00 ET") == read_time("2025-06-19 14:00 UTC") == read_time("2025-06-19T14:00:00Z")
    assert read_time("2025-01-02 10:00") == read_time("2025-01-02 15:00 UTC")
    assert read_time("10:00:30", today=20_258) == read_time("2025-06-19 10:00:30 ET")


def test_options_are_read_as_people_write_them() -> None:
    assert read_contract("TSLA 2025-06-20 P 247.50") == read_contract("TSLA250620P00247500") == "TSLA250620P00247500"
    with pytest.raises(ValueError, match="expected an option"):
        read_contract("TSLA 247.50")
