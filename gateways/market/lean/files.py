"""Files of a LEAN folder: where they are, what is in them, and clear errors when they are missing or cut off."""

import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.errors import UnavailableError

Rows = list[list[str]]


def missing(path: Path, why: str) -> UnavailableError:
    """The error for a file that must be there."""
    return UnavailableError(
        "DATA_FILE_MISSING", f"{path} is missing: {why}.", "Put the file there, or choose other days."
    )


def truncated(path: Path, why: object) -> UnavailableError:
    """The error for an archive that cannot be read to its end."""
    return UnavailableError(
        "DATA_FILE_TRUNCATED", f"{path} cannot be read: {why}.", "The file is cut off or damaged: copy it again."
    )


def invalid(path: Path, entry: str, row: object, why: object) -> UnavailableError:
    """The error for a row that is not as the format says."""
    return UnavailableError(
        "DATA_FILE_INVALID", f"{path}, {entry}: row {row} is not as the format says ({why}).", "Copy the file again."
    )


@dataclass(frozen=True, slots=True)
class Entry:
    """One csv of an archive, not read yet."""

    path: Path
    name: str

    def rows(self, prefix: str = "") -> Rows:
        """Its rows, split at commas; only those that begin with `prefix` (a day), where one is given."""
        text = _read(self.path, self.name)
        return [line.split(",") for line in text.splitlines() if line and line.startswith(prefix)]


def entries(path: Path) -> list[Entry]:
    """The csv files of an archive, in their order."""
    try:
        with zipfile.ZipFile(path) as archive:
            return [Entry(path, name) for name in archive.namelist()]
    except FileNotFoundError as error:
        raise missing(path, "it is needed for the days asked for") from error
    except (zipfile.BadZipFile, EOFError, OSError) as error:
        raise truncated(path, error) from error


def read_each(path: Path, wanted: Callable[[str], bool], prefix: str = "") -> Iterator[tuple[str, Rows]]:
    """(entry name, rows) of the wanted entries; opens the archive once."""
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if wanted(name):
                    text = archive.read(name).decode()
                    yield name, [line.split(",") for line in text.splitlines() if line and line.startswith(prefix)]
    except FileNotFoundError as error:
        raise missing(path, "it is needed for the days asked for") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, UnicodeDecodeError, OSError) as error:
        raise truncated(path, error) from error


def single(path: Path, prefix: str = "") -> Rows:
    """The rows of an archive that holds one csv."""
    inside = entries(path)
    if len(inside) != 1:
        raise truncated(path, f"it holds {len(inside)} files instead of one")
    return inside[0].rows(prefix)


def existing(path: Path) -> Path | None:
    """An archive under its name, or under its name with a second `.zip` (LEAN has some); None when there is neither."""
    doubled = path.with_name(path.name + ".zip")
    return path if path.is_file() else doubled if doubled.is_file() else None


def _read(path: Path, name: str) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.read(name).decode()
    except (zipfile.BadZipFile, zlib.error, EOFError, UnicodeDecodeError, OSError) as error:
        raise truncated(path, error) from error
