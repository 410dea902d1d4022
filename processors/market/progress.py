"""Where a task stands, apart from its symbols."""

import json
from dataclasses import dataclass
from typing import Final

NOT_YET: Final = -1


@dataclass(slots=True)
class Progress:
    """Times are event time, microseconds UTC; -1 = nothing yet."""

    grid_us: int
    """grid with which this state was made"""
    next_offset: int = NOT_YET
    """record of market.ticks to go on from"""
    source_seq: int = 0
    """number of the next record on market.marks"""
    closed_us: int = NOT_YET
    """everything at or before it has been seen: a tick there is out of order"""
    moment_us: int = 0
    """moment of the grid that ticks have opened and nothing has closed; 0 = none"""
    latest_us: int = NOT_YET
    """latest tick in order"""
    marked_us: int = NOT_YET
    """time of the last Marks"""
    sent_us: int = NOT_YET
    """time of the last record on market.marks"""

    def floor_us(self) -> int:
        """Earliest time of the next record on market.marks: times never go back, and Marks close theirs."""
        return max(self.sent_us, self.marked_us + 1)

    def encoded(self) -> bytes:
        """Durable form."""
        return json.dumps({name: getattr(self, name) for name in self.__slots__}, separators=(",", ":")).encode()

    @staticmethod
    def decoded(data: bytes) -> "Progress":
        """What `encoded` wrote."""
        return Progress(**json.loads(data))
