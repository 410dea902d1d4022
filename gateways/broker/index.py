"""Which books have orders working on which symbol: a market record wakes only those."""


class Working:
    """Counts of working orders by symbol and book, and a version of each symbol's orders."""

    def __init__(self) -> None:
        self._books: dict[str, dict[str, int]] = {}
        self._versions: dict[str, int] = {}

    def __bool__(self) -> bool:
        return bool(self._books)

    def __contains__(self, symbol: str) -> bool:
        return symbol in self._books

    def symbols(self) -> list[str]:
        """Symbols with working orders, sorted."""
        return sorted(self._books)

    def books(self, symbol: str) -> list[str]:
        """Books with working orders on a symbol, sorted."""
        return sorted(self._books.get(symbol, ()))

    def version(self, symbol: str) -> int:
        """Moves with every change of the symbol's working orders."""
        return self._versions.get(symbol, 0)

    def touch(self, symbol: str) -> None:
        """A working order changed."""
        self._versions[symbol] = self._versions.get(symbol, 0) + 1

    def count(self, symbol: str, book: str, by: int) -> None:
        """An order began (+1) or ceased (-1) to work."""
        self.touch(symbol)
        books = self._books.setdefault(symbol, {})
        books[book] = books.get(book, 0) + by
        if not books[book]:
            del books[book]
            if not books:
                del self._books[symbol]
