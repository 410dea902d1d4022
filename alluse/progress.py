"""Progress of a run on standard error: a moving line on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from alluse.plans import Plan
from alluse.render import iso_us, note

if TYPE_CHECKING:
    from alluse.following import Logged
    from alluse.outcomes import Outcome
    from processors.book.digest import LogDigest

PLAIN_EVERY_S = 10.0
FAST_EVERY_S = 0.2


class RunProgress:
    """Shows the event date, entries (opening orders that were filled) and orders while a run goes on."""

    def __init__(self, plan: Plan) -> None:
        self._first_us = plan.create.header.time_us
        self._until_us = plan.until_us
        self._terminal = sys.stderr.isatty()
        self._shown_at = time.monotonic()
        self._orders = self._fills = self._assigned = 0
        self._entries = 0
        self._bar: object | None = None

    def __enter__(self) -> Self:
        if self._terminal:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.percentage:>3.0f} %"),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._task = self._progress.add_task("Starting", total=self._until_us - self._first_us)
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._terminal:
            self._progress.stop()

    def event(self, logged: Logged) -> None:
        """An event of a run on Kafka."""
        match logged.name:
            case "OrderProposed":
                self._orders += 1
            case "OrderFilled":
                self._fills += 1
            case "OptionAssigned":
                self._assigned += 1
            case "TradeSignalGenerated":
                self._entries += 1
            case _:
                pass

    def reached(self, time_us: int, fed: int) -> None:
        """How far a run on Kafka has come."""
        self._show(time_us, f"{fed} records fed")

    def counted(self, time_us: int, outcome: Outcome, digest: LogDigest) -> None:
        """How far a backtest has come."""
        events = outcome.events
        self._entries, self._orders = events["TradeSignalGenerated"], events["OrderProposed"]
        self._fills, self._assigned = events["OrderFilled"], events["OptionAssigned"]
        self._show(time_us, f"{digest.entries} journal entries")

    def _show(self, time_us: int, more: str) -> None:
        now = time.monotonic()
        if now - self._shown_at < (FAST_EVERY_S if self._terminal else PLAIN_EVERY_S):
            return
        self._shown_at = now
        at_us = min(max(time_us, self._first_us), self._until_us)
        text = (
            f"{iso_us(at_us)[:10]}  entries {self._entries}  orders {self._orders}  filled {self._fills}  "
            f"assigned {self._assigned}  {more}"
        )
        if self._terminal:
            self._progress.update(self._task, completed=at_us - self._first_us, description=text)
        else:
            note(text)
