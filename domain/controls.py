"""The daily test of the market-access controls before the open (protocol 16.3 CR-09): order caps, price collar,
duplicates and the kill switch are made to refuse what they must refuse, on a scratch book with the parameters in force.
What fails stops trading for the day; nothing of the test reaches a broker."""

from collections.abc import Iterator
from dataclasses import replace

from domain import events as e
from domain import kill_switch
from domain.alerts import raise_alert
from domain.calendar import MINUTE
from domain.contracts import occ_symbol
from domain.decision import Decision, Entry
from domain.market import Market, Quote
from domain.pretrade import CHECKS, FAILED, PASSED, Intent
from domain.reasons import Reason
from domain.restrictions import lift, restrict
from domain.state import CASH, Account, Book, Order

BEFORE_OPEN_US = 15 * MINUTE
RULE = "CR-09"
ACCOUNT, TICKER = "CONTROLS-GEN-001", "TEST"
MID_E4, STRIKE_E3 = 100_000, 100_000
"""A put of strike 100 at 10.00."""


def due_us(open_us: int) -> int:
    """When the controls are tested: 15 minutes before the open (chosen)."""
    return open_us - BEFORE_OPEN_US


def check_controls(d: Decision) -> None:
    """Run the test: its results are an event; a failure is a breach and restricts every account until a test passes."""
    results = list(_results(d))
    failed = [result for result in results if result.result == FAILED]
    d.emit(e.ControlsTested(d.today, results), "compliance")
    if failed:
        evidence = {result.check: result.detail for result in failed}
        d.emit(e.ComplianceBreachDetected(RULE, evidence), "compliance")
        names = ", ".join(sorted(evidence))
        raise_alert(d, None, "COMPLIANCE", "CRITICAL", None, "Controls failed", f"no trading today: {names}")
    for key in sorted(d.book.accounts):
        account = d.book.accounts[key]
        if failed and account.state in ("ACTIVE", "SUSPENDED"):
            restrict(d, account, Reason.CONTROLS, "NO_NEW_ENTRIES")
        elif not failed and Reason.CONTROLS in account.restrictions:
            lift(d, account, Reason.CONTROLS)


def _results(d: Decision) -> Iterator[e.CheckResult]:
    config = d.config()
    contract = occ_symbol(TICKER, d.today + 1, "P", STRIKE_E3)
    quote = Quote(contract, d.today + 1, STRIKE_E3, "P", MID_E4, MID_E4, d.now_us, 1_000, 1_000, 1_000, 500_000, 4_500)
    good = Intent(contract, TICKER, "SELL", "OPEN", 1, 1, MID_E4, "ENTRY", quote, spot_e4=STRIKE_E3 * 10)
    too_many = config.integer("order.max_contracts") + 1
    too_dear = config.integer("order.max_notional") // (STRIKE_E3 // 10) + 1
    width = max(config.fraction("order.collar_open_pct") * MID_E4 / 100, config.fraction("order.collar_min") * 10_000)
    away = int(width) + 1
    yield _control(d, "PT-11", good, replace(good, total=too_many), replace(good, total=too_dear))
    yield _control(d, "PT-17", good, replace(good, limit_e4=MID_E4 + away), replace(good, limit_e4=MID_E4 - away))
    yield _duplicates(d, good)
    yield _kill_switch(d, good)


def _control(d: Decision, check: str, good: Intent, *bad: Intent) -> e.CheckResult:
    """A check must pass the good order and refuse each bad one."""
    scratch, account = _scratch(d)
    passed = CHECKS[check](scratch, account, good)[0] == PASSED
    refused = sum(CHECKS[check](scratch, account, intent)[0] == FAILED for intent in bad)
    detail = f"a good order passed: {passed}; {refused} of {len(bad)} bad ones refused"
    return e.CheckResult(check, PASSED if passed and refused == len(bad) else FAILED, detail)


def _duplicates(d: Decision, good: Intent) -> e.CheckResult:
    scratch, account = _scratch(d)
    first = CHECKS["PT-18"](scratch, account, good)[0] == PASSED
    _work(scratch, good)
    again = CHECKS["PT-18"](scratch, account, good)[0] == FAILED
    detail = f"the first order passed: {first}; the same again refused: {again}"
    return e.CheckResult("PT-18", PASSED if first and again else FAILED, detail)


def _kill_switch(d: Decision, good: Intent) -> e.CheckResult:
    scratch, account = _scratch(d)
    passed = CHECKS["PT-01"](scratch, account, good)[0] == PASSED
    order = _work(scratch, good)
    kill_switch.engage(scratch, None, RULE, "controls")
    stopped = order.state == "CANCEL_REQUESTED" and account.state == "SUSPENDED"
    refused = CHECKS["PT-01"](scratch, account, good)[0] == FAILED
    detail = f"off it passed: {passed}; on it cancelled and suspended: {stopped}, refused: {refused}"
    return e.CheckResult("PT-01", PASSED if passed and stopped and refused else FAILED, detail)


def _work(scratch: Decision, intent: Intent) -> Order:
    order = Order(
        "controls", "controls", ACCOUNT, intent.contract, TICKER, intent.side, intent.effect, intent.quantity,
        intent.limit_e4, [], intent.purpose, "GEN", 0, 0, "SUBMITTED", scratch.now_us,
    )  # fmt: skip
    scratch.book.orders[order.order_id] = order
    return order


def _scratch(d: Decision) -> tuple[Decision, Account]:
    """A book of its own with the parameters in force and one account with cash for one contract and the caps."""
    book = Book("CONTROLS", broker_account=d.book.broker_account)
    book.config = {"SYSTEM": dict(d.book.config.get("SYSTEM", {}))}
    account = Account(ACCOUNT, "GEN", "ROOT", None, None, ACCOUNT, "controls", d.today, state="ACTIVE")
    account.ledger[CASH] = 10**12
    book.accounts[ACCOUNT] = account
    market = Market(calendar=d.market.calendar)
    return Decision(book, market, Entry(d.entry.partition, d.entry.sequence, d.now_us)), account
