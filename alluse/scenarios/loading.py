"""From a file to scenarios: form, values and times are checked, every problem is told with its line."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from alluse.scenarios.actions import read_action
from alluse.scenarios.books import OWN_CONFIG, account_id, further_fields, imported_account
from alluse.scenarios.expecting import Expected, read_expected
from alluse.scenarios.facts import Complain, Facts, read_facts, yes
from alluse.scenarios.fields import FieldError
from alluse.scenarios.model import (
    BookForm,
    BrokerForm,
    ChecksForm,
    FactsForm,
    GrowthForm,
    MetricsForm,
    ScenarioForm,
    StepForm,
    Value,
    VariantForm,
)
from alluse.scenarios.quantities import (
    Kind,
    decimal,
    parameter_value,
    read_day,
    read_duration,
    read_time,
    scaled,
    time_text,
)
from alluse.scenarios.scenario import (
    BookPlan,
    BrokerPlan,
    Checks,
    Count,
    GrowthPlan,
    MetricsPlan,
    Scenario,
    StateCheck,
    StepPlan,
)
from alluse.scenarios.text import (
    BadScenarioError,
    Entries,
    Items,
    Problem,
    Text,
    Where,
    line_of,
    overlaid,
    read_documents,
    substituted,
)
from domain.config import CATALOGUE, Config, ConfigurationError
from gateways.market.calendar import NEW_YORK, day_number

DEFAULT_CONFIG = {"env.mode": "SIM", "sim.hitl_policy": "SCRIPTED"}
"""What a scenario says nothing else of: simulated, and people answer as the steps say."""
M = TypeVar("M", bound=BaseModel)


def files_in(paths: Iterable[Path]) -> list[Path]:
    """The scenario files named, and those in the folders named."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found.extend(sorted([*path.rglob("*.yaml"), *path.rglob("*.yml")]))
        else:
            found.append(path)
    return found


def load(path: Path) -> list[Scenario]:
    """The scenarios of a file, variants included. Raises BadScenarioError, RequestError `FILE_UNREADABLE`."""
    return [s for document in read_documents(path) for s in of_document(path, document)]


def identities(path: Path) -> list[str]:
    """The ids of a file's scenarios, whether they can be played or not. Raises BadScenarioError for what is no YAML."""
    found: list[str] = []
    for document in read_documents(path):
        if isinstance(document, Entries):
            problems: list[Problem] = []
            skipped = str(document.get("only_variants", "no")).lower() in ("yes", "true")
            found.extend(str(data.get("id", "?")) for data in _variants(document, problems)[1 if skipped else 0 :])
    return found


def of_document(path: Path, document: Any) -> list[Scenario]:
    """The scenarios of one YAML document. Raises BadScenarioError."""
    problems: list[Problem] = []
    if not isinstance(document, Entries):
        raise BadScenarioError(path, [Problem(line_of(document), "", "expected a mapping with id, title, steps, ...")])
    found: list[Scenario] = []
    for number, data in enumerate(_variants(document, problems)):
        if number == 0 and str(data.get("only_variants", "no")).lower() in ("yes", "true"):
            continue
        scenario = _Loader(path, data, problems).scenario()
        if scenario is not None:
            found.append(scenario)
    if problems:
        raise BadScenarioError(path, problems)
    return found


# --- variants ---------------------------------------------------------------------------------------------------


def _variants(document: Entries, problems: list[Problem]) -> list[Entries]:
    base = Entries(document, document.line, document.key_lines)
    given = base.pop("variants", None)
    made = [base]
    if given is None:
        return made
    if not isinstance(given, Items):
        problems.append(Problem(line_of(document, ("variants",)), "variants", "expected a list"))
        return made
    for number, variant in enumerate(given):
        where = f"variants.{number}"
        if not isinstance(variant, Entries):
            problems.append(Problem(line_of(given, (number,)), where, "expected a mapping with id and changes"))
            continue
        try:
            VariantForm.model_validate(variant)
        except ValidationError as error:
            problems.extend(_told(error, variant, f"{where}."))
            continue
        made.append(_applied(base, variant, where, problems))
    return made


_STEP_KEYS = ("id", "title", "steps", "until", "more")


def _applied(base: Entries, variant: Entries, where: str, problems: list[Problem]) -> Entries:
    over = Entries({k: v for k, v in variant.items() if k not in _STEP_KEYS}, variant.line, variant.key_lines)
    data = overlaid(base, over)
    data.line = variant.line
    data["id"] = Text(f"{base.get('id', '')}-{variant['id']}", variant.line)
    data["title"] = variant.get("title") or base.get("title")
    steps = list(base.get("steps") or [])
    changes = variant.get("steps")

    def complain(line: int, message: str) -> None:
        problems.append(Problem(line, where, message))

    def place(name: object, line: int) -> int:
        names = [step.get("name") if isinstance(step, Entries) else None for step in steps]
        if name not in names:
            complain(line, f"no step is named {name}; named are {', '.join(str(n) for n in names if n) or 'none'}")
            return -1
        return names.index(str(name))

    if isinstance(changes, Items):
        steps = list(changes)
    elif isinstance(changes, Entries):
        for name, change in changes.items():
            at = place(name, changes.key_lines.get(name, changes.line))
            if at >= 0 and change is None:
                del steps[at]
            elif at >= 0:
                steps[at] = overlaid(steps[at], change)
    if variant.get("until") is not None:
        at = place(variant["until"], line_of(variant, ("until",)))
        steps = steps[: at + 1] if at >= 0 else steps
    steps.extend(variant.get("more") or [])
    data["steps"] = Items(steps, line_of(base, ("steps",)))
    return data


# --- one scenario -----------------------------------------------------------------------------------------------


class _Loader:
    """Reads one scenario, and goes on after a problem so that all of them are told."""

    def __init__(self, path: Path, data: Entries, problems: list[Problem]) -> None:
        self.path, self.data, self.problems = path, data, problems

    def complain(self, where: Where, message: str) -> None:
        """Take note of a problem."""
        place = ".".join(str(step) for step in where)
        self.problems.append(Problem(line_of(self.data, where), place, message))

    def scenario(self) -> Scenario | None:
        """The scenario; None where its form is wrong."""
        values: Any = self.data.get("vars") or {}
        if not isinstance(values, dict):
            self.complain(("vars",), "expected a mapping from names to values")
            return None
        try:
            given = cast("dict[str, Any]", values)
            self.data = substituted(self.data, {k: substituted(v, given) for k, v in given.items()})
        except KeyError as error:
            self.complain((), f"the variable ${{{error.args[0]}}} has no value; give it under vars")
            return None
        try:
            form = ScenarioForm.model_validate(_without_nulls(self.data))
        except ValidationError as error:
            self.problems.extend(_told(error, self.data, ""))
            return None
        before = len(self.problems)
        made = self._made(form)
        return made if len(self.problems) == before else None

    def _made(self, form: ScenarioForm) -> Scenario:
        complain = self.complain
        spots: dict[str, int] = {}
        start = self._start(form)
        market = read_facts(form.market or FactsForm(), ("market",), spots, complain)
        broker = self._broker(form)
        steps = self._steps(form, start, spots, broker)
        config = self._config(form.config, ("config",), DEFAULT_CONFIG)
        forms = [(form.book, ("book",))] if form.book else []
        listed = [(book, ("books", number)) for number, book in enumerate(form.books)]
        first, last = self._days(form, start, steps)
        return Scenario(
            self.path,
            self.data.line,
            form.id,
            form.title,
            form.shows,
            form.waits_for or "",
            start,
            first,
            last,
            config,
            yes(form.daily_bars, ("daily_bars",), complain),
            broker,
            market,
            [self._book(book, where, config, start) for book, where in (*forms, *listed)],
            steps,
            self._checks(form, ()),
            self._growth(form.growth) if form.growth else None,
            self._metrics(form.metrics) if form.metrics else None,
        )

    def _start(self, form: ScenarioForm) -> int:
        if form.start is None:
            if not form.growth and not form.metrics and not form.waits_for:
                self.complain((), "start is missing: when the scenario begins, such as 2025-06-09 08:00 ET")
            return 0
        try:
            return read_time(form.start)
        except ValueError as error:
            self.complain(("start",), str(error))
            return 0

    def _days(self, form: ScenarioForm, start: int, steps: list[StepPlan]) -> tuple[dt.date, dt.date]:
        if form.calendar is not None:
            days: list[int] = []
            for name in ("first", "last"):
                try:
                    days.append(read_day(getattr(form.calendar, name)))
                except ValueError as error:
                    self.complain(("calendar", name), str(error))
                    days.append(0)
            return dt.date.fromordinal(days[0] + _EPOCH), dt.date.fromordinal(days[1] + _EPOCH)
        begin = new_york_date(start)
        end = new_york_date(steps[-1].at_us) if steps else begin
        return dt.date(begin.year - 1, 12, 1), dt.date(end.year + 1, 1, 31)

    def _broker(self, form: ScenarioForm) -> BrokerPlan:
        given = form.broker if isinstance(form.broker, BrokerForm) else BrokerForm(mode=form.broker)
        switches = {
            name: yes(getattr(given, name), ("broker", name), self.complain)
            for name in ("acknowledges", "confirms_cancels", "links", "statements")
        }
        return BrokerPlan(given.mode == "scripted", **switches)

    def _config(self, given: dict[str, Value], where: Where, base: dict[str, str]) -> dict[str, str]:
        config = dict(base)
        for name, value in given.items():
            if isinstance(value, dict):
                continue
            config[name] = parameter_value(name, value)
            try:
                Config(0, {name: config[name]})
            except ConfigurationError as error:
                self.complain((*where, name), error.message)
                del config[name]
        for name, value in given.items():
            if isinstance(value, dict):
                self._weights(name, value, where, config)
        try:
            Config(0, config).check()
        except ConfigurationError as error:
            self.complain(where, error.message)
        return config

    def _weights(self, name: str, given: dict[str, str], where: Where, config: dict[str, str]) -> None:
        """Weights by ticker, in the order of the sleeve's tickers."""
        if name not in CATALOGUE or CATALOGUE[name].kind != "weights":
            self.complain((*where, name), f"{name} is no mapping; only ticker weights are written as one")
            return
        tickers = Config(0, config).items(f"{name.partition('.')[0]}.tickers")
        if set(given) != set(tickers):
            self.complain(
                (*where, name), f"expected a weight for each of {', '.join(tickers)}, found {', '.join(given)}"
            )
            return
        config[name] = ",".join(given[ticker] for ticker in tickers)
        try:
            Config(0, {name: config[name]})
        except ConfigurationError as error:
            self.complain((*where, name), error.message)
            del config[name]

    def _book(self, form: BookForm, where: Where, config: dict[str, str], start: int) -> BookPlan:
        accounts: list[Any] = []
        own: dict[str, dict[str, str]] = {}
        today = day_number(new_york_date(start))
        for name, given in form.accounts.items():
            at = (*where, "accounts", name)
            try:
                accounts.append(imported_account(form.id, name, given, start, today))
            except FieldError as error:
                self.complain((*at, *error.path), str(error))
            if given.get(OWN_CONFIG):
                identity = account_id(form.id, name)
                own[identity] = self._config(given[OWN_CONFIG], (*at, OWN_CONFIG), {})
        mine = self._config(form.config, (*where, "config"), config)
        try:
            more = further_fields(form.id, form.model_extra or {}, accounts, today)
        except FieldError as error:
            self.complain((*where, *error.path), str(error))
            more = {}
        return BookPlan(
            form.id, form.owner, form.broker_account, form.source, accounts, mine, own, more, line_of(self.data, where)
        )

    # --- steps ------------------------------------------------------------------------------------------------

    def _steps(self, form: ScenarioForm, start: int, spots: dict[str, int], broker: BrokerPlan) -> list[StepPlan]:
        plans: list[StepPlan] = []
        before = start
        for number, step in enumerate(form.steps):
            where: Where = ("steps", number)
            told = self._at(step.at, before, where)
            at = before if told is None else told
            if at < before:
                self.complain(
                    (*where, "at"), f"{time_text(at)} is before {time_text(before)}: steps go forward in time"
                )
            before = max(at, before)
            plan = StepPlan(
                at,
                f"{step.name + ', ' if step.name else ''}{time_text(at)}",
                line_of(self.data, where),
                read_facts(step, where, spots, self.complain),
                [a for n, item in enumerate(step.do) if (a := self._action(item, (*where, "do", n), broker))],
                self._checks(step, where),
            )
            self._again(step, plan, where)
            plans.append(plan)
        return plans

    def _at(self, text: str, before: int, where: Where) -> int | None:
        duration = read_duration(text) if text.startswith("+") else None
        if duration is not None:
            return before + duration
        try:
            return read_time(text, day_number(new_york_date(before)))
        except ValueError as error:
            self.complain((*where, "at"), f"{error}, or one after the step before such as +30s")
            return None

    def _again(self, step: StepForm, plan: StepPlan, where: Where) -> None:
        if step.again is None:
            return
        every = read_duration(step.again.every)
        if not every or every < 1_000_000:
            self.complain((*where, "again", "every"), f"expected at least 1s, found {step.again.every!r}")
            return
        try:
            plan.again_until_us = read_time(step.again.until, day_number(new_york_date(plan.at_us)))
        except ValueError as error:
            self.complain((*where, "again", "until"), str(error))
        plan.again_us = every
        if (plan.again_until_us - plan.at_us) // every > 10_000:
            self.complain((*where, "again"), "more than 10,000 repetitions")

    def _action(self, item: Any, where: Where, broker: BrokerPlan) -> Any:
        try:
            return read_action(item, scripted=broker.scripted)
        except FieldError as error:
            self.complain((*where, *error.path), str(error))
            return None

    # --- checks -----------------------------------------------------------------------------------------------

    def _checks(self, form: ChecksForm, where: Where) -> Checks:
        expect = partial(self._expected, where)
        counts: list[Count] = []
        for name, times in form.counts.items():
            at = (*where, "counts", name)
            wanted = self._expected_at(Text(name, line_of(self.data, at)), at)
            if wanted is not None and not times.isdigit():
                self.complain(at, f"expected a whole number, found {times!r}")
            elif wanted is not None:
                counts.append(Count(wanted.name, int(times), wanted.line))
        return Checks(
            expect("then", form.then),
            expect("never", form.never),
            counts,
            yes(form.nothing, (*where, "nothing"), self.complain),
            [
                StateCheck(path, value, line_of(self.data, (*where, "state", path)))
                for path, value in form.state.items()
            ],
            line_of(self.data, where),
        )

    def _expected(self, where: Where, key: str, items: list[Any]) -> list[Expected]:
        found = (self._expected_at(item, (*where, key, number)) for number, item in enumerate(items))
        return [expected for expected in found if expected is not None]

    def _expected_at(self, item: Any, where: Where) -> Expected | None:
        try:
            return read_expected(item, line_of(self.data, where))
        except FieldError as error:
            self.complain((*where, *error.path), str(error))
            return None

    # --- growth and metrics -----------------------------------------------------------------------------------

    def _growth(self, form: GrowthForm) -> GrowthPlan:
        from domain.growth import SCENARIOS

        if form.scenario not in SCENARIOS:
            self.complain(("growth", "scenario"), f"expected one of {', '.join(SCENARIOS)}, found {form.scenario!r}")
        years: dict[int, dict[str, int]] = {}
        for year, amounts in form.years.items():
            where: Where = ("growth", "years", year)
            if not year.isdigit() or not 1 <= int(year) <= 10:
                self.complain(where, f"expected a year from 1 to 10, found {year!r}")
                continue
            for name in amounts:
                if name not in GROWTH_KEYS:
                    self.complain((*where, name), f"{name} is none of {', '.join(GROWTH_KEYS)}")
            years[int(year)] = {
                name: self._money(text, (*where, name)) for name, text in amounts.items() if name in GROWTH_KEYS
            }
        forks = None if form.fork_years is None else [int(y) for y in form.fork_years if y.isdigit()]
        return GrowthPlan(form.scenario, years, forks, line_of(self.data, ("growth",)))

    def _metrics(self, form: MetricsForm) -> MetricsPlan:
        marks: list[tuple[int, int, int]] = []
        for number, text in enumerate(form.corpus):
            where: Where = ("metrics", "corpus", number)
            words = text.split()
            if len(words) not in (2, 3):
                self.complain(where, f"expected `date corpus` or `date corpus flow`, found {text!r}")
                continue
            try:
                day = read_day(words[0])
            except ValueError as error:
                self.complain(where, str(error))
                continue
            amounts = [self._money(word, where) for word in words[1:]]
            marks.append((day, amounts[0], amounts[1] if len(amounts) > 1 else 0))
        gain = self._money(form.gain, ("metrics", "gain")) if form.gain else None
        for name in ("twr", "max_drawdown"):
            self._ratio(getattr(form, name), ("metrics", name))
        for number, text in enumerate(form.weekly or []):
            self._ratio(text, ("metrics", "weekly", number))
        return MetricsPlan(marks, gain, form.twr, form.max_drawdown, form.weekly, line_of(self.data, ("metrics",)))

    def _money(self, text: str, where: Where) -> int:
        try:
            return scaled(Kind.MONEY, text)
        except ValueError as error:
            self.complain(where, str(error))
            return 0

    def _ratio(self, text: str | None, where: Where) -> None:
        try:
            decimal((text or "0").rstrip("%"))
        except ValueError:
            self.complain(where, f"expected a ratio such as 0.9899%, found {text!r}")


GROWTH_KEYS = ("gen", "rev", "com", "total", "monthly_income", "before_fork", "surplus", "half")
_EPOCH = dt.date(1970, 1, 1).toordinal()


def new_york_date(time_us: int) -> dt.date:
    """The New York day of a time."""
    return dt.datetime.fromtimestamp(time_us // 1_000_000, dt.UTC).astimezone(NEW_YORK).date()


def _without_nulls(data: Entries) -> dict[str, Any]:
    """A key without a value counts as not given, where the form has a default."""
    return {key: value for key, value in data.items() if value is not None}


def _told(error: ValidationError, data: Any, prefix: str) -> list[Problem]:
    """What pydantic found, in words, with lines; of the branches of a choice the one that says most."""
    found: dict[str, Problem] = {}
    for detail in error.errors():
        where = _in_file(data, detail["loc"])
        kind, given = detail["type"], detail.get("input")
        match kind:
            case "extra_forbidden":
                message = f"unknown key {where[-1]}"
            case "missing":
                where, message = where[:-1], f"{detail['loc'][-1]} is missing"
            case "string_type":
                message = f"expected a value, found {_found(given)}"
            case "dict_type" | "model_type" | "model_attributes_type":
                message = f"expected a mapping, found {_found(given)}"
            case "list_type":
                message = f"expected a list, found {_found(given)}"
            case _:
                message = f"{detail['msg'].lower()}, found {_found(given)}"
        place = prefix + ".".join(str(step) for step in where)
        if place not in found or kind == "extra_forbidden":
            found[place] = Problem(line_of(data, where), place, message)
    return list(found.values())


def _found(value: Any) -> str:
    return "a mapping" if isinstance(value, dict) else "a list" if isinstance(value, list) else repr(str(value))


def _in_file(data: Any, where: Where) -> Where:
    """The place without the names of a choice's branches, which are pydantic's."""
    kept: list[str | int] = []
    for number, step in enumerate(where):
        if isinstance(data, Entries) and step in data:
            kept.append(step)
            data = data[str(step)]
        elif isinstance(data, Items) and isinstance(step, int) and step < len(data):
            kept.append(step)
            data = data[step]
        elif number == len(where) - 1 and isinstance(data, Entries):
            kept.append(step)
    return tuple(kept)


__all__ = ["Complain", "Facts", "files_in", "load", "of_document"]
