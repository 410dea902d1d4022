"""What every record on the log is made of: frozen data classes whose field types carry unit and meaning.

The classes of `domain.inputs`, `domain.commands` and `domain.events` are the one definition of the wire format;
`scripts/make_schemas.py` derives the `.avsc` files from them and a test keeps both equal. Field types allowed:
`str`, `int` (Avro long), `bool`, another record, lists of those, `dict[str, str]`, `dict[str, int]`, and each of them
`| None` with default `None`. No floats, `bytes`, enums or decimals (docs/decisions, "Scaled integers").
"""

from dataclasses import dataclass
from typing import Annotated, TypeVar, dataclass_transform

TimeUs = Annotated[int, "microseconds since 1970-01-01 UTC"]
DayNumber = Annotated[int, "days since 1970-01-01"]
PriceE4 = Annotated[int, "price per share in 1e-4 US dollars"]
StrikeE3 = Annotated[int, "strike in 1e-3 US dollars, the scale of the OCC symbol"]
Cents = Annotated[int, "US cents"]
DeltaE2 = Annotated[int, "absolute option delta in 1e-2 points: 45 delta = 4500"]
RatioE10 = Annotated[int, "ratio in 1e-10"]
Contract = Annotated[
    str, "OCC symbol without padding, such as TSLA250620P00247500; a share position has the plain ticker"
]

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=False)
def record(cls: type[T]) -> type[T]:
    """Make `cls` a frozen, slotted record of the log."""
    return dataclass(frozen=True, slots=True)(cls)
