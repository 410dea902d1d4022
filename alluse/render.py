"""What goes to standard output (answers) and to standard error (notes): JSON for programs, tables for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

Row = Mapping[str, Any]


def usd(cents: int) -> str:
    """Cents as dollars with a decimal point: 123456 -> 1234.56."""
    return f"{Decimal(cents).scaleb(-2):.2f}"


def dollars(cents: int) -> str:
    """Cents for a reader's eye: 123456 -> 1,234.56."""
    return f"{Decimal(cents).scaleb(-2):,.2f}"


def iso_us(time_us: int) -> str:
    """Microseconds UTC as ISO-8601 with Z."""
    seconds, micros = divmod(time_us, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros).isoformat().replace("+00:00", "Z")


def one_json(document: object) -> None:
    """The one JSON document of a command."""
    print(json.dumps(document, ensure_ascii=False, indent=2, default=str))


def json_line(document: object) -> None:
    """One JSON object of a stream."""
    print(json.dumps(document, ensure_ascii=False, separators=(",", ":"), default=str), flush=True)


def note(text: str) -> None:
    """A line for people, on standard error."""
    print(text, file=sys.stderr, flush=True)


def say(text: str = "") -> None:
    """A line of an answer for people."""
    print(text, flush=True)


def show(rows: Sequence[Row], columns: Iterable[str], *, as_json: bool, empty: str = "Nothing.") -> None:
    """Rows as one JSON array, or as a table of the chosen columns (those that the rows have)."""
    if as_json:
        one_json(list(rows))
        return
    if not rows:
        say(empty)
        return
    print_table(rows, [name for name in columns if name in rows[0]])


def print_table(rows: Sequence[Row], columns: Sequence[str]) -> None:
    """A plain table that stays readable in a pipe: no column is cut unless the terminal is too narrow."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in columns:
        table.add_column(name, justify="right" if _is_number(rows[0].get(name)) else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(cell(row.get(name)) for name in columns))
    console = Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=240)
    console.print(table)


def cell(value: Any) -> str:
    """A value in a table."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case []:
            return ""
        case [dict() | str(), *_]:
            return ", ".join(_short(member) for member in value)
        case dict() | list():
            return json.dumps(value, ensure_ascii=False, default=str)
        case _:
            return str(value)


def _short(member: Any) -> str:
    """A member of a list in a table: of a record its values alone, where they are plain."""
    if isinstance(member, dict):
        values = [*cast(dict[str, Any], member).values()]
        if any(isinstance(value, dict | list) for value in values):
            return json.dumps(member, ensure_ascii=False, default=str)
        return " ".join(cell(value) for value in values)
    return str(member)


def _is_number(value: Any) -> bool:
    text = str(value).replace(".", "", 1).removeprefix("-")
    return isinstance(value, int) or (isinstance(value, str) and text.isdigit())
