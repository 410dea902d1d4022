"""Writes small made-up LEAN folders for the tests; every price in them is invented."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

OPEN_MS = 34_200_000  # 09:30


def ms(hour: int, minute: int) -> int:
    return (hour * 60 + minute) * 60_000


class LeanFolder:
    """A folder `XYZ` is put into, file by file."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def zip(self, path: str, entries: dict[str, Sequence[str]]) -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, lines in entries.items():
                archive.writestr(name, "\n".join(lines) + "\n")
        return target

    def text(self, path: str, *lines: str) -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("\n".join(lines) + "\n")
        return target

    def daily(self, lines: Sequence[str], ticker: str = "xyz") -> Path:
        return self.zip(f"equity/usa/daily/{ticker}.zip", {f"{ticker}.csv": lines})

    def minute(self, day: str, trades: Sequence[str], quotes: Sequence[str], ticker: str = "xyz") -> None:
        for kind, lines in (("trade", trades), ("quote", quotes)):
            self.zip(f"equity/usa/minute/{ticker}/{day}_{kind}.zip", {f"{day}_{ticker}_minute_{kind}.csv": lines})

    def options(self, day: str, kind: str, contracts: dict[str, Sequence[str]], ticker: str = "xyz") -> Path:
        """`contracts`: `put_1000000_20140606` → rows."""
        return self.zip(
            f"option/usa/minute/{ticker}/{day}_{kind}_american.zip",
            {f"{day}_{ticker}_minute_{kind}_american_{name}.csv": lines for name, lines in contracts.items()},
        )
