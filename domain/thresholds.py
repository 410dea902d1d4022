"""Prices at which somebody must be woken, by symbol: a mark that crosses none costs two comparisons, whatever the
number of books (architecture.md, "Books that wait for nothing cost nothing")."""

from collections.abc import Callable
from heapq import heapify, heappop, heappush

Watch = tuple[str, str]
"""(book, key)"""
StillValid = Callable[[str, str, str, int, bool], bool]
"""(symbol, book, key, price, upper) -> whether the book still has that watch"""

NEVER = 1 << 62


class PriceIndex:
    """Upper and lower thresholds as heaps; replaced watches are dropped when they surface."""

    def __init__(self) -> None:
        self._upper: dict[str, list[tuple[int, str, str]]] = {}
        self._lower: dict[str, list[tuple[int, str, str]]] = {}
        self.next_upper: dict[str, int] = {}
        """lowest upper threshold of each symbol that has one"""
        self.next_lower: dict[str, int] = {}
        """highest lower threshold of each symbol that has one"""

    def add(self, symbol: str, low_e4: int, high_e4: int, book: str, key: str) -> None:
        """Watch a symbol for a book."""
        heappush(self._upper.setdefault(symbol, []), (high_e4, book, key))
        heappush(self._lower.setdefault(symbol, []), (-low_e4, book, key))
        self._refresh(symbol)

    def _refresh(self, symbol: str) -> None:
        upper, lower = self._upper[symbol], self._lower[symbol]
        self.next_upper[symbol] = upper[0][0] if upper else NEVER
        self.next_lower[symbol] = -lower[0][0] if lower else -NEVER

    def crossed(self, symbol: str, price_e4: int, valid: StillValid) -> list[Watch]:
        """Take the watches that a price has reached, ordered by book and key; stale ones are dropped."""
        if self.next_lower.get(symbol, -NEVER) < price_e4 < self.next_upper.get(symbol, NEVER):
            return []
        woken: set[Watch] = set()
        for heap, upper in ((self._upper.get(symbol, []), True), (self._lower.get(symbol, []), False)):
            limit = price_e4 if upper else -price_e4
            while heap and heap[0][0] <= limit:
                threshold, book, key = heappop(heap)
                if valid(symbol, book, key, threshold if upper else -threshold, upper):
                    woken.add((book, key))
        if symbol in self._upper:
            self._refresh(symbol)
        return sorted(woken)

    def compact(self, valid: StillValid) -> None:
        """Drop every stale watch; called when heaps have grown far beyond what is watched."""
        for heaps, upper in ((self._upper, True), (self._lower, False)):
            for symbol, heap in heaps.items():
                heap[:] = [
                    item
                    for item in dict.fromkeys(heap)
                    if valid(symbol, item[1], item[2], item[0] if upper else -item[0], upper)
                ]
                heapify(heap)
        for symbol in self._upper:
            self._refresh(symbol)

    def size(self) -> int:
        """Entries, stale ones included."""
        return sum(map(len, self._upper.values()))
