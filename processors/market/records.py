"""The records of market.ticks that are not ticks, one by one, in the order of the log."""

from collections.abc import Callable
from typing import Any, Final

from domain.inputs import SessionCalendar
from processors.market import chains
from processors.market import ticks as t
from processors.market.engine import Engine
from processors.market.publish import Publisher

CALENDAR_KEY: Final = b"calendar"
Plain = dict[str, Any]


class MalformedRecordError(Exception):
    """The record can be decoded, but its content contradicts itself; nothing of it was used."""

    code: Final = "MALFORMED_RECORD"


class Records:
    """Handlers by record name. A handler checks first and changes state afterwards."""

    def __init__(self, engine: Engine, publisher: Publisher, *, forwards_calendar: bool) -> None:
        self._engine = engine
        self._publisher = publisher
        self._forwards_calendar = forwards_calendar
        self._handlers: dict[str, Callable[[Plain], None]] = {
            "Watermark": self._watermark,
            "OptionQuotes": self._option_quotes,
            "HistoricalBar": self._historical_bar,
            "OfficialClose": self._official_close,
            "SessionCalendar": self._session_calendar,
            "CorporateAction": self._corporate_action,
            "EarningsDate": self._earnings_date,
            "TradingHalt": self._trading_halt,
        }
        self.calendar: Plain | None = None
        """the calendar if it changed and is not durable yet"""

    def knows(self, name: str) -> bool:
        """Whether records of this name belong on market.ticks (apart from ticks)."""
        return name in self._handlers

    def take(self, name: str, value: Plain) -> None:
        """Handle one record. Raises MalformedRecordError."""
        if not 0 <= value["time_us"] < t.END_OF_TIME_US:
            raise MalformedRecordError(f"{name}: time_us {value['time_us']} is not between 1970 and 2099")
        self._handlers[name](value)

    def _watermark(self, value: Plain) -> None:
        self._engine.watermark(value["time_us"])

    def _option_quotes(self, value: Plain) -> None:
        wrong = chains.malformed(value)
        if wrong:
            raise MalformedRecordError(f"OptionQuotes of {value['underlying']}: {wrong}")
        underlying, time_us = value["underlying"], value["time_us"]
        engine = self._engine
        if time_us <= engine.progress.closed_us or time_us < engine.progress.floor_us():
            self._publisher.issue(underlying, underlying, time_us, t.OUT_OF_ORDER, last=value["spot_e4"])
            return
        engine.reach(time_us)
        fields, flaws = chains.completed(value, engine.sessions)
        for flaw in flaws:
            self._publisher.issue(underlying, flaw.contract, flaw.time_us, flaw.rule, flaw.bid_e4, flaw.ask_e4)
        self._publisher.to_books("OptionChain", time_us, fields)

    def _historical_bar(self, value: Plain) -> None:
        symbol, session = value["symbol"], value["session"]
        opened, high, low, close = (value[name] for name in ("open_e4", "high_e4", "low_e4", "close_e4"))
        rule = None
        if min(opened, high, low, close) <= 0 or value["volume"] < 0:
            rule = t.NON_POSITIVE_PRICE
        elif session <= self._engine.history(symbol).session:
            rule = t.OUT_OF_ORDER
        if rule:
            self._publisher.issue(symbol, symbol, value["time_us"], rule, last=close, size=value["volume"])
            return
        self._engine.reach(value["time_us"])
        bar = [opened, high, low, close, value["volume"]]
        self._engine.daily_bar(symbol, session, value["time_us"], bar, historical=True)

    def _official_close(self, value: Plain) -> None:
        symbol, close, volume = value["symbol"], value["close_e4"], value["volume"]
        history = self._engine.history(symbol)
        current = self._engine.sessions.current
        late = value["session"] <= history.session or (current is not None and value["session"] < current)
        if close <= 0 or volume < 0 or late:
            rule = t.OUT_OF_ORDER if close > 0 and volume >= 0 else t.NON_POSITIVE_PRICE
            self._publisher.issue(symbol, symbol, value["time_us"], rule, last=close, size=volume)
            return
        history.official = [value["session"], close, volume]

    def _session_calendar(self, value: Plain) -> None:
        sessions = value["sessions"]
        per_session = {len(value[name]) for name in ("sessions", "opens_us", "closes_us", "settlements")}
        if len(per_session) > 1 or len(value["offset_days"]) != len(value["offsets_s"]) or not value["offset_days"]:
            raise MalformedRecordError("SessionCalendar: lists of different lengths, or no UTC offset")
        for name in ("sessions", "opens_us", "offset_days"):
            if any(a >= b for a, b in zip(value[name], value[name][1:], strict=False)):
                raise MalformedRecordError(f"SessionCalendar: {name} is not ascending")
        if any(a >= b for a, b in zip(value["opens_us"], value["closes_us"], strict=True)):
            raise MalformedRecordError("SessionCalendar: a session closes before it opens")
        engine = self._engine
        engine.reach(value["time_us"])
        engine.sessions.adopt(SessionCalendar(**value), engine.progress.closed_us)
        engine.begin_session()
        self.calendar = value
        if sessions and self._forwards_calendar:
            self._publisher.to_books("MarketCalendar", value["time_us"], {"calendar": value})

    def _corporate_action(self, value: Plain) -> None:
        symbol = value["symbol"]
        if value["kind"] not in ("SPLIT", "DIVIDEND") or value["ratio_new"] < 1 or value["ratio_old"] < 1:
            raise MalformedRecordError(f"CorporateAction of {symbol}: kind {value['kind']}, or a ratio below 1")
        engine = self._engine
        engine.reach(value["time_us"])
        if value["kind"] == "SPLIT":
            history = engine.history(symbol)
            history.split(value["ex_session"], value["ratio_new"], value["ratio_old"])
            engine.apply_splits(symbol, history)
        self._publisher.to_books("MarketAction", value["time_us"], {"action": value})

    def _earnings_date(self, value: Plain) -> None:
        self._engine.reach(value["time_us"])
        self._publisher.to_books("MarketEarnings", value["time_us"], {"earnings": value})

    def _trading_halt(self, value: Plain) -> None:
        self._engine.reach(value["time_us"])
        self._publisher.to_books("MarketHalt", value["time_us"], {"halt": value})
