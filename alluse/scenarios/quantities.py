"""What people write for a quantity, and the scaled integer or text that the log holds for it.

Money `400000.00`, prices `247.50`, ratios `1.5758%` (or `0.015758`), deltas `45` or `45d`, days `2025-06-19`, times
`2025-06-19 10:00 ET` or `... UTC`, options `TSLA 2025-06-20 P 247.50` or their OCC symbol.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import ROUND_FLOOR, Decimal, InvalidOperation
from enum import StrEnum

from domain.config import CATALOGUE
from domain.contracts import occ_symbol, parse
from gateways.market.calendar import NEW_YORK, day_number, day_of, new_york_us


class Kind(StrEnum):
    """What a value is."""

    MONEY = "money"
    PRICE = "price"
    STRIKE = "strike"
    DELTA = "delta"
    E6 = "decimal (6 places)"
    RATIO = "ratio"
    TIME = "time"
    DAY = "day"
    CONTRACT = "contract"
    ACCOUNT = "account"
    INTEGER = "integer"
    BOOLEAN = "yes/no"
    TEXT = "text"


PLACES = {Kind.MONEY: 2, Kind.PRICE: 4, Kind.STRIKE: 3, Kind.DELTA: 2, Kind.E6: 6, Kind.RATIO: 10}
EXAMPLES = {
    Kind.MONEY: "an amount such as 400000.00",
    Kind.PRICE: "a price such as 3.90",
    Kind.STRIKE: "a strike such as 247.50",
    Kind.DELTA: "a delta in points such as 45",
    Kind.E6: "a number with at most 6 decimal places",
    Kind.RATIO: "a ratio such as 1.5758%",
    Kind.TIME: "a time such as 2025-06-19 10:00 ET",
    Kind.DAY: "a date such as 2025-06-19",
    Kind.CONTRACT: "an option such as TSLA 2025-06-20 P 247.50, or a ticker",
    Kind.ACCOUNT: "an account such as GEN or S001-GEN-001",
    Kind.INTEGER: "a whole number",
    Kind.BOOLEAN: "yes or no",
    Kind.TEXT: "text",
}


class NotThisError(ValueError):
    """A text that is not what was expected; the message says what was."""

    def __init__(self, kind: Kind, text: object) -> None:
        super().__init__(f"expected {EXAMPLES[kind]}, found {text!r}")


# --- numbers ----------------------------------------------------------------------------------------------------


def decimal(text: str) -> Decimal:
    """A number as people write it: commas between thousands, $ and a leading + are allowed. Raises ValueError."""
    plain = text.strip().replace("−", "-").replace("–", "-").replace("$", "").lstrip("+")
    if re.search(r",(?!\d{3}(\D|$))", plain):
        raise ValueError(text)
    try:
        found = Decimal(plain.replace(",", "").replace("_", ""))
    except InvalidOperation as error:
        raise ValueError(text) from error
    if not found.is_finite():
        raise ValueError(text)
    return found


LARGEST = 10**18
"""What an integer of a record holds, with room to add."""


def scaled(kind: Kind, text: str) -> int:
    """The scaled integer of a number. Raises NotThisError for anything else, for more places than there are, and for
    what no record can hold."""
    try:
        if kind is Kind.RATIO and text.strip().endswith("%"):
            number = decimal(text.strip()[:-1]).scaleb(-2)
        elif kind is Kind.DELTA:
            number = decimal(text.strip().rstrip("dΔ"))
        else:
            number = decimal(text)
        value = number.scaleb(PLACES[kind])
        if value != value.to_integral_value() or abs(value) >= LARGEST:
            raise ValueError(text)
        return int(value)
    except ValueError:
        raise NotThisError(kind, text) from None


def number_text(kind: Kind, value: int) -> str:
    """A scaled integer as people read it."""
    if kind is Kind.RATIO:
        return f"{rounded(Decimal(value).scaleb(-8), 4):.4f}%"
    places = PLACES[kind]
    text = f"{Decimal(value).scaleb(-places):.{places}f}"
    whole, _, part = text.partition(".")
    part = part.rstrip("0").ljust(0 if kind is Kind.DELTA else 2, "0")
    return f"{whole}.{part}" if part else whole


def rounded(value: Decimal, places: int) -> Decimal:
    """Half up, as the protocol shows ratios (2.1)."""
    unit = Decimal(1).scaleb(-places)
    return ((value / unit) + Decimal("0.5")).to_integral_value(ROUND_FLOOR) * unit


def same_ratio(text: str, value: int) -> bool:
    """Whether a ratio of 1e-10, rounded to as many places as were written, is what was written."""
    percent = text.strip().endswith("%")
    number = decimal(text.strip().rstrip("%"))
    exponent = number.as_tuple().exponent
    places = -exponent if isinstance(exponent, int) and exponent < 0 else 0
    return rounded(Decimal(value).scaleb(-8 if percent else -10), places) == number


# --- days and times ---------------------------------------------------------------------------------------------

_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.(?P<part>\d{1,6}))?)?"
_TIME = re.compile(rf"(?:(?P<day>\d{{4}}-\d{{2}}-\d{{2}})[ T])?{_CLOCK}\s*(?P<zone>ET|UTC|Z|[+-]\d{{2}}:\d{{2}})?")
_DURATION = re.compile(r"\+?(?P<number>\d+)\s*(?P<unit>us|ms|s|m|min|h|d)")
_UNITS = {"us": 1, "ms": 1_000, "s": 10**6, "m": 60 * 10**6, "min": 60 * 10**6, "h": 3_600 * 10**6, "d": 86_400 * 10**6}


def read_day(text: str) -> int:
    """Day number of an ISO date. Raises NotThisError."""
    try:
        return day_number(dt.date.fromisoformat(text.strip()))
    except ValueError:
        raise NotThisError(Kind.DAY, text) from None


def read_time(text: str, today: int | None = None) -> int:
    """Microseconds UTC of a time. Without a zone it is New York's; without a date it is `today`'s (a New York day).

    Raises NotThisError.
    """
    found = _TIME.fullmatch(text.strip())
    if found is None or (found["day"] is None and today is None):
        raise NotThisError(Kind.TIME, text)
    try:
        day = dt.date.fromisoformat(found["day"]) if found["day"] else day_of(today or 0)
        hour, minute, second = int(found["hour"]), int(found["minute"]), int(found["second"] or 0)
        part = int((found["part"] or "").ljust(6, "0") or 0)
        zone = found["zone"] or "ET"
        if zone == "ET":
            return new_york_us(day, hour, minute, second) + part
        offset = "+00:00" if zone in ("UTC", "Z") else zone
        stamp = dt.datetime.fromisoformat(f"{day.isoformat()}T{hour:02d}:{minute:02d}:{second:02d}{offset}")
        return int(stamp.timestamp()) * 10**6 + part
    except ValueError:
        raise NotThisError(Kind.TIME, text) from None


def read_duration(text: str) -> int | None:
    """Microseconds of `30s`, `5m`, `2h`, `1d` (a + may stand before it); None for anything else."""
    found = _DURATION.fullmatch(text.strip())
    return int(found["number"]) * _UNITS[found["unit"]] if found else None


def time_text(time_us: int) -> str:
    """A time in New York: 2025-06-19 10:00:30 ET, with parts of a second only where there are any."""
    seconds, part = divmod(time_us, 10**6)
    local = dt.datetime.fromtimestamp(seconds, dt.UTC).astimezone(NEW_YORK)
    fraction = f".{part:06d}".rstrip("0") if part else ""
    return f"{local:%Y-%m-%d %H:%M:%S}{fraction} ET"


def day_text(day: int) -> str:
    """ISO date of a day number."""
    return day_of(day).isoformat()


# --- contracts --------------------------------------------------------------------------------------------------

_OPTION = re.compile(
    r"(?P<ticker>[A-Z][A-Z.]{0,5})\s+(?P<expiry>\d{4}-\d{2}-\d{2})\s+(?P<right>[PC])\s+(?P<strike>[\d.,]+)"
)
_TICKER = re.compile(r"[A-Z][A-Z.]{0,5}")


def read_contract(text: str) -> str:
    """OCC symbol of an option as people write it, an OCC symbol or a ticker as it is. Raises NotThisError."""
    plain = text.strip()
    found = _OPTION.fullmatch(plain)
    if found:
        return occ_symbol(
            found["ticker"], read_day(found["expiry"]), found["right"], scaled(Kind.STRIKE, found["strike"])
        )
    try:
        if parse(plain) is not None or _TICKER.fullmatch(plain):
            return plain
    except ValueError:
        pass
    raise NotThisError(Kind.CONTRACT, text)


def contract_text(contract: str) -> str:
    """An option as people write it, anything else as it is."""
    try:
        terms = parse(contract)
    except ValueError:
        return contract
    if terms is None:
        return contract
    return f"{terms.underlying} {day_text(terms.expiry)} {terms.right} {number_text(Kind.STRIKE, terms.strike_e3)}"


def as_symbol(text: str) -> str:
    """Text in which a readable option stands becomes its OCC symbol; any other text stays."""
    return read_contract(text) if _OPTION.fullmatch(text.strip()) else text


_YES_NO = {"yes": "true", "on": "true", "no": "false", "off": "false"}


def parameter_value(name: str, value: str | list[str]) -> str:
    """A parameter's value as the configuration holds it: lists joined, yes and no as true and false."""
    if isinstance(value, list):
        return ",".join(value)
    switch = name in CATALOGUE and CATALOGUE[name].kind == "boolean"
    return _YES_NO.get(value.lower(), value) if switch else value
