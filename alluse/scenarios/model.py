"""The form of a scenario file, for pydantic and for the JSON Schema. Values are text; `loading` gives them meaning."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Value = str | list[str] | dict[str, str]
"""A configuration value; lists may be written as such, weights as a mapping from ticker to percent."""
Texts = str | list[str]
"""One text or several."""
Rows = str | list[str]
"""Lines of a chain: a block of text or a list."""


class Strict(BaseModel):
    """Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid")


class MarkForm(Strict):
    """A price with its quote."""

    last: Annotated[str, Field(description="last trade, such as 250.00")]
    bid: Annotated[str | None, Field(description="default: the last trade")] = None
    ask: Annotated[str | None, Field(description="default: the last trade")] = None


class ChainForm(Strict):
    """A chain snapshot with its own spot price and defaults for its rows."""

    rows: Annotated[Rows, Field(description="one option a line: 2025-06-13 P 247.50 45d 3.85/3.95")]
    spot: Annotated[str | None, Field(description="price of the underlying; default: its last mark")] = None
    oi: Annotated[str, Field(description="open interest of rows that give none")] = "1000"
    vol: Annotated[str, Field(description="day volume of rows that give none")] = "500"
    adv: Annotated[str | None, Field(description="20-day average volume of rows that give none; default: unknown")] = (
        None
    )
    size: Annotated[str, Field(description="contracts shown at bid and ask")] = "100"


class BarForm(Strict):
    """A completed session."""

    close: Annotated[str, Field(description="official close")]
    open: Annotated[str | None, Field(description="default: the close")] = None
    high: Annotated[str | None, Field(description="default: the close")] = None
    low: Annotated[str | None, Field(description="default: the close")] = None
    volume: Annotated[str, Field(description="shares")] = "1000000"
    session: Annotated[str | None, Field(description="date; default: the last session that has closed")] = None
    atr: Annotated[str | None, Field(description="ATR(14) after this session; default: the one before")] = None
    hv: Annotated[str | None, Field(description="20-day annualised volatility, such as 35%")] = None
    historical: Annotated[str, Field(description="yes: a bar of before the scenario, which sets no price")] = "no"


class DividendForm(Strict):
    """A dividend of the company."""

    amount: Annotated[str, Field(description="dollars a share")]
    ex: Annotated[str | None, Field(description="ex-dividend date; default: the next session")] = None


class SplitForm(Strict):
    """A split."""

    ratio: Annotated[str, Field(description="new for old, such as 4:1")]
    ex: Annotated[str | None, Field(description="first session at the new price; default: today's session")] = None


class FactsForm(Strict):
    """What the market shows at a moment."""

    marks: Annotated[dict[str, str | MarkForm], Field(description="last trades: TSLA: 250.00")] = {}
    chains: Annotated[
        dict[str, Rows | ChainForm],
        Field(description="option chains by ticker, or by ticker and expiry: TSLA 2025-06-13"),
    ] = {}
    atr: Annotated[dict[str, str], Field(description="ATR of the last completed session: TSLA: 10.00")] = {}
    bars: Annotated[dict[str, str | BarForm], Field(description="official close of a completed session")] = {}
    earnings: Annotated[dict[str, Texts], Field(description="announced earnings dates")] = {}
    halts: Annotated[dict[str, str], Field(description="yes: trading is halted; no: it goes on")] = {}
    splits: Annotated[dict[str, str | SplitForm], Field(description="splits: TSLA: 4:1")] = {}
    dividends: Annotated[dict[str, str | DividendForm], Field(description="dividends a share: AAPL: 0.25")] = {}
    history: Annotated[
        dict[str, Rows],
        Field(description="daily bars `date high low close` of before, through the market processor, which makes ATR"),
    ] = {}
    ticks: Annotated[dict[str, str], Field(description="trades through the market processor, which checks them")] = {}


class AgainForm(Strict):
    """Marks and chains are sent again, so that they stay fresh."""

    every: Annotated[str, Field(description="such as 30s or 5m")]
    until: Annotated[str, Field(description="last time, itself included, such as 11:00")]


class ChecksForm(Strict):
    """What must be so."""

    then: Annotated[list[Any], Field(description="events in this order; others may stand between them")] = []
    never: Annotated[list[Any], Field(description="events that must not happen")] = []
    counts: Annotated[dict[str, str], Field(description="how often an event happens: EntrySkipped: 1")] = {}
    nothing: Annotated[str, Field(description="yes: no event at all")] = "no"
    state: Annotated[dict[str, Any], Field(description="state by path: accounts.GEN.deployable: 380000.00")] = {}


class StepForm(FactsForm, ChecksForm):
    """A moment: what the market shows, then what people and the broker do, then what must be so."""

    at: Annotated[str, Field(description="2025-06-12 10:00 ET, 10:30 (same day), or +30s after the step before")]
    name: Annotated[str | None, Field(description="by which a variant changes the step")] = None
    note: Annotated[str | None, Field(description="for the reader")] = None
    again: Annotated[AgainForm | None, Field(description="send this step's marks and chains again")] = None
    do: Annotated[list[Any], Field(description="commands and broker actions, in this order")] = []


class BrokerForm(Strict):
    """Who answers orders."""

    mode: Annotated[
        Literal["simulated", "scripted"],
        Field(description="simulated: fills from the quotes given; scripted: the steps say what the broker reports"),
    ] = "simulated"
    acknowledges: Annotated[str, Field(description="scripted: orders and new limits are acknowledged at once")] = "yes"
    confirms_cancels: Annotated[str, Field(description="scripted: cancels are confirmed at once")] = "yes"
    links: Annotated[str, Field(description="scripted: a link with its deposit is confirmed at once")] = "yes"
    statements: Annotated[str, Field(description="scripted: a clean statement on connecting and daily at 09:00 ET")] = (
        "yes"
    )


class BookForm(BaseModel):
    """A book that is taken over by ImportBook before the first step; further fields of that command may be given."""

    model_config = ConfigDict(extra="allow")

    id: Annotated[str, Field(description="system id", pattern=r"^[A-Z][A-Z0-9]{0,15}$")] = "S001"
    owner: Annotated[str, Field(description="owner and taxpayer, a pseudonym")] = "subject-1"
    broker_account: Annotated[str, Field(description="paper accounts begin with DU")] = "DU1"
    source: Annotated[str, Field(description="where the figures come from")] = "scenario"
    config: Annotated[dict[str, Value], Field(description="parameters of this book alone")] = {}
    accounts: Annotated[dict[str, dict[str, Any]], Field(description="by short name (GEN, REV, COM) or id")]


class CalendarForm(Strict):
    """The sessions that the log knows."""

    first: Annotated[str, Field(description="first day")]
    last: Annotated[str, Field(description="last day")]


class GrowthForm(Strict):
    """What the growth reference model must give (protocol 14.4)."""

    scenario: Annotated[str, Field(description="MODERATE, CONSERVATIVE or OPTIMISTIC")]
    years: Annotated[
        dict[str, dict[str, str]],
        Field(description="by year: gen, rev, com, total, monthly_income, before_fork, surplus, half"),
    ]
    fork_years: Annotated[list[str] | None, Field(description="years at whose end an account forks")] = None


class MetricsForm(Strict):
    """What the metrics of a series of valuations must be (protocol 14.2)."""

    corpus: Annotated[list[str], Field(description="`date corpus` or `date corpus flow`, one a week's close")]
    gain: Annotated[str | None, Field(description="dollars")] = None
    twr: Annotated[str | None, Field(description="time-weighted return")] = None
    max_drawdown: Annotated[str | None, Field(description="share of the peak")] = None
    weekly: Annotated[list[str] | None, Field(description="weekly returns in order")] = None


class ScenarioForm(ChecksForm):
    """A scenario: given a book and a market, when the steps happen, then what is expected must be so."""

    id: Annotated[str, Field(description="such as EX-03", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    title: Annotated[str, Field(description="one line")]
    description: Annotated[str | None, Field(description="for the reader")] = None
    shows: Annotated[list[str], Field(description="protocol sections that it shows, such as 6.2")] = []
    waits_for: Annotated[str | None, Field(description="what must be built before it can be played")] = None
    vars: Annotated[dict[str, Any], Field(description="values for ${name} anywhere in the file")] = {}
    only_variants: Annotated[str, Field(description="yes: the base itself is not played")] = "no"
    start: Annotated[str | None, Field(description="when it begins, such as 2025-06-09 08:00 ET")] = None
    calendar: Annotated[CalendarForm | None, Field(description="default: the years around the steps")] = None
    config: Annotated[dict[str, Value], Field(description="protocol parameters (docs/configuration.md)")] = {}
    daily_bars: Annotated[
        str, Field(description="yes: where atr was given, each session's close and ATR come by themselves at 16:15 ET")
    ] = "yes"
    broker: Annotated[Literal["simulated", "scripted"] | BrokerForm, Field(description="who answers orders")] = (
        "simulated"
    )
    market: Annotated[FactsForm | None, Field(description="what the market shows before the book is taken over")] = None
    book: Annotated[BookForm | None, Field(description="the book that is taken over")] = None
    books: Annotated[list[BookForm], Field(description="where there are several")] = []
    steps: Annotated[list[StepForm], Field(description="in order of time")] = []
    growth: Annotated[GrowthForm | None, Field(description="the growth reference model")] = None
    metrics: Annotated[MetricsForm | None, Field(description="metrics of a series of valuations")] = None


class VariantForm(BaseModel):
    """A variant: any key of the scenario, joined over it. Steps: a list replaces all; a mapping changes named steps."""

    model_config = ConfigDict(extra="allow")

    id: Annotated[str, Field(description="added to the scenario's id")]
    title: Annotated[str | None, Field(description="one line")] = None
    steps: Annotated[list[Any] | dict[str, Any], Field(description="new steps, or changes by step name")] = []
    until: Annotated[str | None, Field(description="the last step of the base that is kept")] = None
    more: Annotated[list[Any], Field(description="steps that follow")] = []
