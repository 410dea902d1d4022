"""What events change in protocol levels, scripts, hedges, breakers and feeds (protocol 8, 9)."""

from domain import events as e
from domain.calendar import new_york_day
from domain.contracts import parse, ticker_of
from domain.evolving import account_of, on
from domain.quarters import quarter_id
from domain.state import Book, Breaker, Hedge, Quarter, Script, TickerWeek, Wheel


@on(e.ProtocolLevelChanged)
def _level_changed(book: Book, event: e.ProtocolLevelChanged, envelope: e.Envelope) -> None:
    account = account_of(book, envelope)
    short = account.shorts.get(event.contract)
    if short is not None:
        short.level = event.to_level
    elif parse(event.contract) is None:
        account.wheels.setdefault(event.contract, Wheel()).level = event.to_level
    account.worst_level = max(account.worst_level, event.from_level, event.to_level)
    ticker = ticker_of(event.contract)
    week = account.week.setdefault(ticker, TickerWeek())
    week.level_changes, week.max_level = week.level_changes + 1, max(week.max_level, event.from_level, event.to_level)
    wheel = account.wheels.get(ticker)
    if wheel is not None and wheel.entry is not None:
        wheel.entry.worst_level = max(wheel.entry.worst_level, event.to_level)


@on(e.ActionScriptGenerated)
def _script_generated(book: Book, event: e.ActionScriptGenerated, envelope: e.Envelope) -> None:
    steps = {step.action: step.seq for step in event.steps}
    assert envelope.account_id is not None
    book.scripts[event.script_id] = Script(event.script_id, envelope.account_id, event.contract, event.level, steps)


@on(e.ActionScriptStepExecuted)
def _step_executed(book: Book, event: e.ActionScriptStepExecuted, _envelope: e.Envelope) -> None:
    book.scripts[event.script_id].done.append(event.seq)


@on(e.ActionScriptLapsed)
def _script_lapsed(book: Book, event: e.ActionScriptLapsed, _envelope: e.Envelope) -> None:
    del book.scripts[event.script_id]


@on(e.StopLossTriggered)
def _stop_triggered(book: Book, event: e.StopLossTriggered, envelope: e.Envelope) -> None:
    account_of(book, envelope).shorts[event.contract].stopping = True


@on(e.StopLossFailed)
def _stop_failed(book: Book, event: e.StopLossFailed, envelope: e.Envelope) -> None:
    short = account_of(book, envelope).shorts.get(event.contract)
    if short is not None:
        short.stopping = False


@on(e.HedgeOpened)
def _hedge_opened(book: Book, event: e.HedgeOpened, envelope: e.Envelope) -> None:
    account = account_of(book, envelope)
    account.hedges[event.contract] = Hedge(event.hedged, event.quantity, event.cost)
    quarter = quarter_id(new_york_day(envelope.recorded_at_us))
    account.quarters.setdefault(quarter, Quarter()).hedge_cost += event.cost


@on(e.HedgeReleased)
def _hedge_released(book: Book, event: e.HedgeReleased, envelope: e.Envelope) -> None:
    account_of(book, envelope).hedges.pop(event.contract, None)


@on(e.CircuitBreakerTripped)
def _tripped(book: Book, event: e.CircuitBreakerTripped, envelope: e.Envelope) -> None:
    session = new_york_day(envelope.recorded_at_us)
    book.breakers[f"{event.breaker}|{event.scope}"] = Breaker(event.breaker, event.scope, session)


@on(e.CircuitBreakerReset)
def _reset(book: Book, event: e.CircuitBreakerReset, _envelope: e.Envelope) -> None:
    book.breakers.pop(f"{event.breaker}|{event.scope}", None)
    if event.breaker == "CONSECUTIVE_LOSSES" and event.scope in book.accounts:
        book.accounts[event.scope].losses_in_row = 0


@on(e.AtrFallbackUsed)
def _fallback(book: Book, event: e.AtrFallbackUsed, envelope: e.Envelope) -> None:
    book.fallbacks[event.symbol] = new_york_day(envelope.recorded_at_us)


@on(e.DataFeedStale)
def _feed_stale(book: Book, event: e.DataFeedStale, _envelope: e.Envelope) -> None:
    book.stale_feeds[event.feed] = book.stale_feeds.get(event.feed, 0) + 1


@on(e.DataFeedRestored)
def _feed_restored(book: Book, event: e.DataFeedRestored, _envelope: e.Envelope) -> None:
    book.stale_feeds.pop(event.feed, None)
