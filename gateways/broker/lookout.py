"""What the broker has read of the market and not yet reached: how far ahead can it promise to report no fill?"""

from collections.abc import Callable, Hashable

from gateways.broker.quotes import ChainView, MarksView

View = ChainView | MarksView

_COMPACT_AT = 4096


class Ahead:
    """Records of one source and kind that are read and not reached, in order of time.

    A record is looked at once for each state of the working orders, however often it is asked.
    """

    def __init__(self) -> None:
        self._views: list[View] = []
        self._head = 0
        self._scanned = 0
        self._version: Hashable = None

    def push(self, view: View) -> None:
        """A record was read."""
        self._views.append(view)

    def reached(self) -> None:
        """The oldest record has been worked."""
        self._head += 1
        if self._head >= _COMPACT_AT and self._head * 2 >= len(self._views):
            del self._views[: self._head]
            self._scanned = max(0, self._scanned - self._head)
            self._head = 0

    def first(self, version: Hashable, hits: Callable[[View], bool]) -> int | None:
        """Time of the first record that `hits`; `None` when none of those read does.

        `version` stands for everything the answer depends on but the record: with the same, scanning goes on where it
        stopped.
        """
        if version != self._version:
            self._version = version
            self._scanned = self._head
        self._scanned = max(self._scanned, self._head)
        while self._scanned < len(self._views):
            view = self._views[self._scanned]
            if hits(view):
                return view.time_us
            self._scanned += 1
        return None
