"""Plays a scenario in memory and says what differs from what it expects."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from alluse.scenarios.acting import Actor, CannotActError
from alluse.scenarios.books import import_book
from alluse.scenarios.expecting import Happened, Missing, event_text, in_order, matches
from alluse.scenarios.facts import Facts
from alluse.scenarios.fields import FieldError
from alluse.scenarios.quantities import same_ratio
from alluse.scenarios.scenario import Checks, GrowthPlan, MetricsPlan, Scenario, StepPlan
from alluse.scenarios.stage import ACTIONS_MOST, STEP_US, Place, Stage
from alluse.scenarios.state_paths import NoSuchStateError, States
from domain import commands as c
from domain import events as e
from infra.stream.contract import Output


@dataclass(frozen=True)
class Difference:
    """Something that is not as a scenario expects it."""

    step: str
    what: str
    """then, never, counts, nothing, state, do, book, growth, metrics or digest"""
    expected: str
    found: str
    entry: str
    """journal entry of what was found"""
    line: int


@dataclass
class Recording:
    """What was written while a scenario was played, for another runtime."""

    place: Place
    outputs: list[Output]
    founded: int
    """records before the scripted broker's first report"""
    scripted: bool
    promised_us: int
    through_processor: bool


@dataclass
class Result:
    """What came of a scenario."""

    scenario: Scenario
    differences: list[Difference] = field(default_factory=list[Difference])
    refusals: list[Happened] = field(default_factory=list[Happened])
    """commands that were refused"""
    happened: list[Happened] = field(default_factory=list[Happened])
    entries: int = 0
    digest: str = ""
    seconds: float = 0.0
    recording: Recording | None = None
    waits: bool = False
    """it waits for something that is not built"""

    @property
    def holds(self) -> bool:
        """Whether everything is as expected."""
        return not self.differences


def play(scenario: Scenario, place: Place | None = None) -> Result:
    """Play a scenario in memory."""
    started = time.monotonic()
    result = Result(scenario)
    if scenario.waits_for:
        result.waits = True
        return result
    if scenario.growth is not None:
        _growth(scenario.growth, result)
    if scenario.metrics is not None:
        _metrics(scenario.metrics, result)
    if scenario.start_us:
        _Play(scenario, place or Place(), result).run()
    result.seconds = time.monotonic() - started
    return result


@dataclass
class _Repeat:
    """Marks and chains that are sent again."""

    next_us: int
    every_us: int
    until_us: int
    facts: Facts


class _Play:
    def __init__(self, scenario: Scenario, place: Place, result: Result) -> None:
        self.scenario, self.result = scenario, result
        self.stage = Stage(scenario, place)
        self.actor = Actor(self.stage, scenario)
        self.states = States(self.stage, self.actor)
        self._repeats: list[_Repeat] = []
        self._checked = 0

    def run(self) -> None:
        """From the start to the end."""
        stage = self.stage
        stage.market(self.scenario.market)
        stage.pass_to(stage.now_us)
        self._found()
        self._end_step(self.scenario.start_us)
        for step in self.scenario.steps:
            self._step(step)
        if self._repeats:
            self._repeat_until(max(r.until_us for r in self._repeats))
        self._check(self.scenario.end, "end", 0)
        result = self.result
        result.happened = stage.happened
        result.refusals = [h for h in stage.happened if isinstance(h.event, e.CommandRejected)]
        result.entries, result.digest = stage.entries, stage.digest()
        result.recording = Recording(
            stage.place, stage.recording, stage.founded, stage.hand is not None, stage.promised_us,
            self.scenario.through_processor,
        )  # fmt: skip
        self._parked()

    def _differs(self, step: str, what: str, expected: str, found: str, entry: str = "", line: int = 0) -> None:
        self.result.differences.append(Difference(step, what, expected, found, entry, line))

    def _parked(self) -> None:
        for happened in self.stage.happened:
            if isinstance(happened.event, e.BookParked):
                park = happened.event
                found = f"a rule failed: {park.error_code}: {park.message}"
                self._differs("end", "book", "the book goes on", found, happened.entry, self.scenario.line)

    # --- founding ---------------------------------------------------------------------------------------------

    def _found(self) -> None:
        """Take over the books; their accounts' own parameters are proposed and approved by two people."""
        stage = self.stage
        for plan in self.scenario.books:
            at_us = stage.act_at()
            header = replace(self.actor.header({"id": f"import-{plan.book}"}, at_us, c.ImportBook), book=plan.book)
            stage.command(
                import_book(
                    header, owner_subject_id=plan.owner, broker_account=plan.broker_account, source=plan.source,
                    accounts=plan.accounts, config=plan.config, **plan.more,
                )
            )  # fmt: skip
            stage.pass_to(at_us)
            stage.show_again()
            refused = [h for h in stage.happened if isinstance(h.event, e.CommandRejected)]
            for happened in refused:
                wanted = f"ImportBook of {plan.book} is taken"
                self._differs("start", "book", wanted, event_text(happened), happened.entry, plan.line)
            for account, config in plan.own_config.items():
                self._configure(account, config)

    def _configure(self, account: str, config: dict[str, str]) -> None:
        stage = self.stage
        at_us = stage.act_at()
        header = self.actor.header({"by": "configurator"}, at_us, c.ProposeConfigurationChange)
        stage.command(c.ProposeConfigurationChange(header, account, config))
        stage.pass_to(at_us)
        pending = [a for book in stage.books.values() for a in book.approvals.values() if a.kind == "CONFIGURATION"]
        for approval in pending:
            for number in range(approval.required):
                at_us = stage.act_at()
                header = self.actor.header(
                    {"by": f"configurator-{number + 1}", "role": approval.roles[0]}, at_us, c.GrantApproval
                )
                stage.command(c.GrantApproval(header, approval.approval_id, ""))
                stage.pass_to(at_us)

    # --- steps ------------------------------------------------------------------------------------------------

    def _step(self, step: StepPlan) -> None:
        stage = self.stage
        at_us = max(step.at_us, stage.now_us + 1)
        due = self._repeat_until(at_us - 1)
        before = due if due else len(stage.happened)
        stage.pass_to(at_us - 1)
        stage.now_us = at_us
        stage.market(self._merged(step, at_us))
        stage.pass_to(at_us)
        if step.again_us:
            self._repeats.append(
                _Repeat(at_us + step.again_us, step.again_us, step.again_until_us, step.facts.quotes())
            )
        self._act(step)
        self._end_step(at_us)
        self._check(step.checks, step.title, before)
        self._checked = len(stage.happened)

    def _end_step(self, at_us: int) -> None:
        self.stage.pass_to(max(at_us + STEP_US - 1, self.stage.now_us))

    def _merged(self, step: StepPlan, at_us: int) -> Facts:
        """The step's facts; quotes that are repeated at this very moment come with them, unless it gives its own."""
        marks, chains = dict(step.facts.marks), dict(step.facts.chains)
        for repeat in self._repeats:
            for name in [*step.facts.marks, *step.facts.chains]:
                repeat.facts = Facts(
                    marks={k: v for k, v in repeat.facts.marks.items() if k not in step.facts.marks or k != name},
                    chains={k: v for k, v in repeat.facts.chains.items() if k not in step.facts.chains or k != name},
                )
            if repeat.next_us == at_us:
                marks = {**repeat.facts.marks, **marks}
                chains = {**repeat.facts.chains, **chains}
                repeat.next_us += repeat.every_us
        return replace(step.facts, marks=marks, chains=chains)

    def _repeat_until(self, to_us: int) -> int:
        """Send again what is due up to a time. Returns how many events there were before, 0 when nothing was due."""
        stage, before = self.stage, 0
        while True:
            self._repeats = [r for r in self._repeats if r.next_us <= r.until_us]
            due = min((r.next_us for r in self._repeats), default=to_us + 1)
            if due > to_us:
                return before
            before = before or len(stage.happened)
            stage.pass_to(due - 1)
            stage.now_us = due
            now = [r for r in self._repeats if r.next_us == due]
            facts = Facts()
            for repeat in now:
                facts.marks |= repeat.facts.marks
                facts.chains |= repeat.facts.chains
                repeat.next_us += repeat.every_us
            stage.market(facts)
            stage.pass_to(due)

    def _act(self, step: StepPlan) -> None:
        if len(step.actions) > ACTIONS_MOST:
            self._differs(step.title, "do", f"at most {ACTIONS_MOST} actions", str(len(step.actions)), "", step.line)
            return
        for action in step.actions:
            try:
                self.actor.act(action)
            except CannotActError as error:
                self._differs(step.title, "do", action.name, str(error), "", action.line)
            except FieldError as error:
                place = ".".join(str(part) for part in error.path)
                self._differs(step.title, "do", action.name, f"{place}: {error}".lstrip(": "), "", action.line)
            self.stage.pass_to(self.stage.now_us)
            self.stage.show_again()

    # --- checks -----------------------------------------------------------------------------------------------

    def _check(self, checks: Checks, title: str, start: int) -> None:
        happened = self.stage.happened[start:]
        reading = self.actor.reading()
        for missing in in_order(checks.then, happened, reading):
            self._missing(missing, title)
        for wanted in checks.never:
            for found in [h for h in happened if matches(wanted, h, reading)]:
                self._differs(title, "never", f"no {wanted}", event_text(found), found.entry, wanted.line)
        for count in checks.counts:
            found = [h for h in happened if h.name == count.name]
            if len(found) != count.times:
                entry = found[-1].entry if found else ""
                self._differs(title, "counts", f"{count.times} {count.name}", str(len(found)), entry, count.line)
        if checks.nothing and happened:
            self._differs(
                title, "nothing", "no event", ", ".join(h.name for h in happened), happened[0].entry, checks.line
            )
        for check in checks.state:
            wanted_text = f"{check.path}: {_value_text(check.value)}"
            entry = f"partition {self.stage.place.partition}, entry {max(0, self.stage.entries - 1)}"
            try:
                holds, found_text = self.states.holds(check.path, check.value)
            except NoSuchStateError as error:
                holds, found_text = error.absent and str(check.value) in _NOTHING, str(error)
            if not holds:
                self._differs(title, "state", wanted_text, found_text, entry, check.line)

    def _missing(self, missing: Missing, title: str) -> None:
        wanted, nearest = missing.expected, missing.nearest
        if not wanted.built:
            found = f"this build has no event {wanted.name} yet"
        elif nearest is None:
            found = f"no {wanted.name}"
        elif missing.early:
            found = f"it happened too early: {event_text(nearest)}"
        else:
            found = event_text(nearest, missing.wrong)
        self._differs(title, "then", str(wanted), found, nearest.entry if nearest else "", wanted.line)


_NOTHING = frozenset({"None", "none", "0", "0.00", "no", "empty"})


def _value_text(value: Any) -> str:
    return "none" if value is None else str(value)


# --- growth and metrics -----------------------------------------------------------------------------------------


def _growth(plan: GrowthPlan, result: Result) -> None:
    """The reference model of protocol 14.4 against what is expected, to the cent."""
    from domain.growth import SCENARIOS, fork_years, reference_path
    from domain.money import dollars, round_half_up

    path = reference_path(SCENARIOS[plan.scenario])
    for year, wanted in plan.years.items():
        at = path[year - 1]
        for name, amount in wanted.items():
            fork = at.forks[0] if at.forks else None
            of_fork = {"before_fork": "balance", "surplus": "surplus", "half": "half"}
            exact: Fraction | None = (
                getattr(fork, of_fork[name]) if name in of_fork and fork else None if name in of_fork
                else getattr(at, name)
            )  # fmt: skip
            found = "no fork" if exact is None else dollars(round_half_up(exact))
            if found != dollars(amount):
                wanted_text = f"{plan.scenario} year {year} {name}: {dollars(amount)}"
                result.differences.append(Difference("growth", "growth", wanted_text, found, "", plan.line))
    years = list(fork_years(path))
    if plan.fork_years is not None and years != plan.fork_years:
        result.differences.append(
            Difference("growth", "growth", f"fork years {plan.fork_years}", str(years), "", plan.line)
        )


def _metrics(plan: MetricsPlan, result: Result) -> None:
    """Metrics of protocol 14.2 against what is expected."""
    from domain import metrics
    from domain.money import dollars, percent_text, ratio_e10

    marks = [metrics.Mark(*row) for row in plan.marks]

    def compare(name: str, expected: str, found: Fraction) -> None:
        if not same_ratio(expected, ratio_e10(found)):
            result.differences.append(
                Difference("metrics", "metrics", f"{name} {expected}", percent_text(found), "", plan.line)
            )

    if plan.twr is not None:
        compare("twr", plan.twr, metrics.time_weighted_return(marks))
    if plan.max_drawdown is not None:
        compare("max_drawdown", plan.max_drawdown, metrics.max_drawdown(marks).depth)
    found = list(metrics.weekly_returns(marks).values())
    for number, expected in enumerate(plan.weekly or []):
        compare(f"week {number + 1}", expected, found[number] if number < len(found) else Fraction(0))
    if plan.gain is not None and metrics.gain(marks) != plan.gain:
        wanted, there = dollars(plan.gain), dollars(metrics.gain(marks))
        result.differences.append(Difference("metrics", "metrics", f"gain {wanted}", there, "", plan.line))
