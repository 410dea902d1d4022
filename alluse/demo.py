"""`alluse demo`: two years of real daily prices through the whole system, shown as it happens, told at the end."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from typer import Exit

from alluse.following import Logged
from alluse.homes import shown_log
from alluse.outcomes import Outcome
from alluse.plans import Plan, RunRequest, prepare
from alluse.render import dollars, iso_us, note, one_json, say
from alluse.runs import play, system
from alluse.story import Story
from alluse.stress import play_stress, tell_stress
from domain.reasons import MEANING, Reason
from infra.settings import CHECKOUT, load_settings

CONFIGURATION = Path(__file__).with_name("demo.yaml")
PLAIN_EVERY_S = 5.0
LOOK_S = 0.25
TOLD_IN_PLAIN = 40
"""Lines about single events where there is no terminal; the rest is in the figures."""


def play_demo(from_: str | None, to: str | None, *, as_json: bool) -> None:
    """Play, show, tell. What was not up is started for it and stopped after it; its log stays the one in use."""
    started = time.monotonic()
    plan = prepare(RunRequest("sample", from_day=from_, to_day=to, config=CONFIGURATION))
    settings = load_settings()
    note(
        f"ALL-USE demo: {', '.join(plan.symbols)}, {plan.from_day} to {plan.to_day}, "
        f"{dollars(plan.create.capital)} dollars."
    )
    note("Daily prices are recorded; intraday paths and option chains are modelled from them and marked so on the log.")
    story = Story()
    with system(settings, None, note) as place:
        place = place.since(started)
        with Stage(plan, story) as stage:
            document, outcome = play(plan, place, stage.event, stage.reached)
        stress = play_stress(place.cluster)
        log = place.settings.namespace
    if as_json:
        one_json(document | {"stress": {"holds": stress.holds, "digest": stress.digest, "entries": stress.entries}})
    else:
        tell(plan, document, outcome, story, log, time.monotonic() - started)
        tell_stress(stress, _short)
    if not stress.holds:
        raise Exit(1)


class Stage:
    """Shows the story while it goes on: a live screen on a terminal, plain lines elsewhere. On standard error."""

    def __init__(self, plan: Plan, story: Story) -> None:
        self._plan, self._story = plan, story
        self._first_us, self._until_us = plan.create.header.time_us, plan.until_us
        self._terminal = sys.stderr.isatty()
        self._shown_at = 0.0
        self._told = 0
        self._at_us = self._first_us

    def __enter__(self) -> Self:
        if self._terminal:
            from rich.console import Console
            from rich.live import Live

            self._live = Live(self._screen(), console=Console(stderr=True), auto_refresh=False, transient=True)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._terminal:
            self._live.stop()

    def event(self, logged: Logged) -> None:
        """An event of the run."""
        line = self._story.event(logged.name, logged.plain)
        if line and not self._terminal and self._told < TOLD_IN_PLAIN:
            self._told += 1
            note(f"  {line}")
            if self._told == TOLD_IN_PLAIN:
                note("  ... and so on; `alluse fills --book S001` has all of it.")

    def reached(self, time_us: int, fed: int) -> None:
        """How far the run has come."""
        del fed
        self._at_us = min(max(time_us, self._first_us), self._until_us)
        now = time.monotonic()
        if now - self._shown_at < (LOOK_S if self._terminal else PLAIN_EVERY_S):
            return
        self._shown_at = now
        if self._terminal:
            self._live.update(self._screen(), refresh=True)
        else:
            note(f"{iso_us(self._at_us)[:10]}  {self._share():3.0f} %  {self._figures()}")

    def _share(self) -> float:
        return 100 * (self._at_us - self._first_us) / (self._until_us - self._first_us)

    def _figures(self) -> str:
        events, story = self._story.outcome.events, self._story
        net = story.outcome.premium_sold - story.outcome.premium_bought
        return (
            f"orders {events['OrderProposed']}, filled {events['OrderFilled']}, repriced {events['OrderRepriced']}, "
            f"assigned {events['OptionAssigned']}, called away {events['SharesCalledAway']}, "
            f"approvals {story.approvals['Granted']}, skips {events['EntrySkipped']}, net premium {dollars(net)}"
        )

    def _screen(self) -> Any:
        from rich import box
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        top = Table.grid(padding=(0, 1))
        top.add_row(
            iso_us(self._at_us)[:10],
            ProgressBar(total=100, completed=self._share(), width=50),
            f"{self._share():.0f} %",
        )
        accounts = Table(title="Accounts", box=box.SIMPLE_HEAD, title_justify="left")
        for name in ("account", "state", "cash", "value", "corpus", "tax reserve"):
            accounts.add_column(name, justify="left" if name in ("account", "state") else "right")
        for account_id in sorted(self._story.outcome.accounts):
            shown = self._story.outcome.accounts[account_id].shown()
            accounts.add_row(*(shown[key] for key in ("account_id", "state", "cash", "nav", "corpus", "tax_reserve")))
        orders = Table(title="Latest orders", box=box.SIMPLE_HEAD, title_justify="left")
        for name in ("day", "account", "contract", "what", "quantity", "limit", "filled", "state"):
            orders.add_column(name, justify="right" if name in ("quantity", "limit", "filled") else "left")
        for o in self._story.latest:
            orders.add_row(o.day, o.account_id, o.contract, o.what, str(o.quantity), o.limit, str(o.filled), o.state)
        return Group(top, self._figures(), accounts, orders, self._story.headline)


def tell(plan: Plan, document: dict[str, Any], outcome: Outcome, story: Story, log: str, seconds: float) -> None:
    """The last screen."""
    book, events = plan.book, outcome.events
    net = outcome.premium_sold - outcome.premium_bought
    say()
    say(f"{plan.from_day} to {plan.to_day}: what happened to book {book} ({seconds:.0f} s)")
    say("=" * 72)
    bought = dollars(outcome.premium_bought)
    _part(
        "Premium",
        f"{story.sold['P']} put orders ({story.contracts['P']} contracts) and {story.sold['C']} covered-call orders "
        f"({story.contracts['C']} contracts) were sold.",
        f"They brought in {dollars(outcome.premium_sold)}; buying options back early cost {bought}: "
        f"{dollars(net)} net, before commissions.",
        command=f"alluse fills --book {book}",
    )
    at_once, few = story.steps[0], sum(count for step, count in story.steps.items() if 0 < step <= 3)
    more = sum(count for step, count in story.steps.items() if step > 3)
    _part(
        "Orders",
        f"{events['OrderProposed']} orders were made, each checked first; {events['OrderFilled']} were filled, "
        f"{events['OrderCancelled'] + events['OrderExpired']} ended unfilled, {events['OrderRejected']} were refused.",
        f"A sale walks down a ladder of limits: {at_once} filled at the first, {few} within three steps, {more} later.",
        command=f"alluse orders --book {book}",
    )
    _part(
        "Shares",
        f"{events['OptionAssigned']} assignments brought in {story.shares_in} shares; "
        f"{story.shares_out} were called away in {events['SharesCalledAway']} steps.",
        f"{story.closes['BOUGHT_BACK']} options were bought back with most of the premium earned, "
        f"{story.closes['EXPIRED']} expired worthless.",
        command=f"alluse positions --book {book}",
    )
    _part(
        "Protocol levels",
        f"{events['ProtocolLevelChanged']} changes of level; {events['RollExecuted']} rolls, "
        f"{events['StopLossExecuted']} level-3 exits, {events['HedgeOpened']} hedges.",
        f"{events['CircuitBreakerTripped']} times a circuit breaker tripped, {events['CircuitBreakerReset']} resets.",
        command=f"alluse levels --book {book}",
    )
    _part(
        "Growth",
        f"{events['ReinvestmentCompleted']} reinvestments, {events['ForkCompleted']} forks, "
        f"{events['MergeCompleted']} merges, {events['WeeklyReinvestmentApplied']} weekly sizing bases.",
        command=f"alluse lifecycle --book {book}",
    )
    asked = story.approvals
    _part(
        "Approvals",
        f"{asked['Requested']} times a person was asked; "
        f"{asked['Granted']} granted, {asked['Denied']} denied, {asked['Expired']} expired. "
        "The demo's policy answers (sim.hitl_policy).",
        command=f"alluse approvals list --book {book} --all",
    )
    _part(
        f"Entries not made: {sum(outcome.skips.values())}",
        *(f"{count:>5}  {code}: {_meaning(code)}" for code, count in outcome.skips.most_common()),
        command=f"alluse skips --book {book}",
    )
    reserve = sum(account.balances["TAX_RESERVE"] for account in outcome.accounts.values())
    _part(
        "Tax",
        f"{dollars(reserve)} is set aside for tax on what was realised (an estimate, not advice).",
        command=f"alluse ledger --book {book}",
    )
    _part("Accounts", *_growth(outcome), command=f"alluse equity --book {book}")
    unbalanced = document["unbalanced_ledger_entries"]
    _part(
        "Books in order",
        f"{events['LedgerPosted']} ledger entries, {unbalanced} of them unbalanced; "
        f"{events['ReconciliationCompleted']} comparisons with the broker, {story.breaks} differences.",
        f"{document['journal_entries']} journal entries (what was known), {document['events']} events (what followed).",
        command=f"alluse journal tail --partition {document_partition(book)}",
    )
    _part(
        "Again",
        f"digest {document['digest']}",
        "The same data and configuration give the same digest, on Kafka or in memory:",
        command=(
            f"alluse backtest --data sample --from {plan.from_day} --to {plan.to_day} "
            f"--config {_short(CONFIGURATION)} --json"
        ),
    )
    say()
    say(f"All of it stands on log {shown_log(log)} of this home. `alluse up --detach` brings it back for these,")
    say(f"`alluse book show {book} --at {plan.to_day}T20:00:00Z` shows the book at any moment, `alluse down` stops it.")


def _part(title: str, *lines: str, command: str) -> None:
    say()
    say(title)
    for line in lines:
        say(f"  {line}")
    say(f"  -> {command}")


def _growth(outcome: Outcome) -> list[str]:
    """Each account from its funding to its last valuation."""
    lines: list[str] = []
    for account_id in sorted(outcome.accounts):
        account = outcome.accounts[account_id]
        value = account.nav if account.nav is not None else account.base_capital
        growth = (value - account.base_capital) / account.base_capital * 100 if account.base_capital else 0.0
        lines.append(f"{account_id}  {dollars(account.base_capital):>14} -> {dollars(value):>14}  {growth:+6.2f} %")
    return lines


def document_partition(book: str) -> int:
    """The partition of the book's journal."""
    from alluse.plans import PARTITIONS
    from domain.identity import partition_of

    return partition_of(book, PARTITIONS)


def _meaning(code: str) -> str:
    return MEANING[Reason(code)][1] if code in {reason.value for reason in Reason} else ""


def _short(path: Path) -> str:
    return str(path.relative_to(CHECKOUT)) if path.is_relative_to(CHECKOUT) else str(path)
