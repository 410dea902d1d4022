"""Errors of the read side; each says what to do (tree of `infra.errors`).

AllUseError
├── RequestError
│   └── UnknownProjectionError   UNKNOWN_PROJECTION     no projection of that name
└── UnavailableError
    ├── DatabaseUnavailableError POSTGRES_UNREACHABLE   Postgres does not answer, also after retries
    ├── ReadModelsMissingError   READ_MODELS_MISSING    the schema of the read models does not exist yet
    ├── FencedError              PROJECTION_FENCED      another process has taken these partitions over
    ├── RebuildBusyError         REBUILD_BUSY           a rebuild of this projection runs already
    └── LogGapError              PROJECTION_LOG_GAP     the log no longer holds the offset to go on from
"""

from infra.errors import RequestError, UnavailableError


class UnknownProjectionError(RequestError):
    """No projection of that name."""


class DatabaseUnavailableError(UnavailableError):
    """Postgres does not answer; nothing of the batch at hand was kept, nothing was skipped."""


class ReadModelsMissingError(UnavailableError):
    """The schema of the read models does not exist, or is older than this program."""


class FencedError(UnavailableError):
    """Another process has claimed these partitions."""


class SwappedError(FencedError):
    """A rebuild has made another generation live: claim again and go on from its offsets."""


class RebuildBusyError(UnavailableError):
    """Two rebuilds of one projection at once."""


class LogGapError(UnavailableError):
    """The log does not hold the next offset any more, or never did: it was made anew or trimmed."""
