"""A scenario that has been read and checked: times, prices and figures are those of the log."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alluse.scenarios.expecting import Expected
from alluse.scenarios.facts import Facts
from domain import commands as c


@dataclass(frozen=True)
class StateCheck:
    """What the state at a path must be."""

    path: str
    value: Any
    line: int


@dataclass(frozen=True)
class Count:
    """How often an event must have happened."""

    name: str
    times: int
    line: int


@dataclass
class Checks:
    """What must be so after a step or at the end."""

    then: list[Expected] = field(default_factory=list[Expected])
    never: list[Expected] = field(default_factory=list[Expected])
    counts: list[Count] = field(default_factory=list[Count])
    nothing: bool = False
    state: list[StateCheck] = field(default_factory=list[StateCheck])
    line: int = 1


@dataclass(frozen=True)
class Action:
    """A command or what the broker does: its name and what was written."""

    name: str
    given: dict[str, Any]
    line: int


@dataclass
class StepPlan:
    """A moment of a scenario."""

    at_us: int
    title: str
    line: int
    facts: Facts
    actions: list[Action]
    checks: Checks
    again_us: int = 0
    """marks and chains are sent again after this long, 0 = never"""
    again_until_us: int = 0


@dataclass
class BrokerPlan:
    """Who answers orders."""

    scripted: bool = False
    acknowledges: bool = True
    confirms_cancels: bool = True
    links: bool = True
    statements: bool = True


@dataclass
class BookPlan:
    """A book that is taken over."""

    book: str
    owner: str
    broker_account: str
    source: str
    accounts: list[c.ImportedAccount]
    config: dict[str, str]
    own_config: dict[str, dict[str, str]]
    """account id to its own parameters"""
    more: dict[str, Any]
    """further fields of ImportBook"""
    line: int


@dataclass(frozen=True)
class GrowthPlan:
    """What the growth reference model must give; amounts in cents."""

    scenario: str
    years: dict[int, dict[str, int]]
    fork_years: list[int] | None
    line: int


@dataclass(frozen=True)
class MetricsPlan:
    """What the metrics of valuations must be."""

    marks: list[tuple[int, int, int]]
    """day, corpus, flow"""
    gain: int | None
    twr: str | None
    max_drawdown: str | None
    weekly: list[str] | None
    line: int


@dataclass
class Scenario:
    """Ready to be played."""

    path: Path
    line: int
    identity: str
    title: str
    shows: list[str]
    waits_for: str
    start_us: int
    first: dt.date
    last: dt.date
    """days of the calendar"""
    config: dict[str, str]
    daily_bars: bool
    """close and ATR of each session come by themselves where an ATR was given"""
    broker: BrokerPlan
    market: Facts
    books: list[BookPlan]
    steps: list[StepPlan]
    end: Checks
    growth: GrowthPlan | None = None
    metrics: MetricsPlan | None = None

    @property
    def through_processor(self) -> bool:
        """Whether the market processor takes part."""
        return self.market.through_processor or any(step.facts.through_processor for step in self.steps)
