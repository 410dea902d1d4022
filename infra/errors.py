"""Operational errors: what is wrong, under a stable code, and what the operator should do.

    AllUseError
    ├── RequestError       the request is wrong, nothing was done            exit code 2
    └── UnavailableError   something needed is not there (Kafka, Postgres,
                           Java, a file, disk space) or is not as it must be  exit code 3

Refusals of the protocol are not errors: they are events with reason codes, and live in `domain/`.
"""

from __future__ import annotations

from typing import ClassVar


class AllUseError(Exception):
    """The root of all operational errors.

    `code` is stable (scripts and tests may compare it), `message` says what is wrong and where it was looked for,
    `remedy` says what to do; each is one line. `exit_code` is what the command line ends with.
    """

    exit_code: ClassVar[int] = 3

    def __init__(self, code: str, message: str, remedy: str) -> None:
        super().__init__(code, message, remedy)
        self.code = code
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.code}: {self.message} {self.remedy}"


class RequestError(AllUseError):
    """The request is wrong: an unknown option, a bad file, a bad value."""

    exit_code: ClassVar[int] = 2


class UnavailableError(AllUseError):
    """Something that is needed is not there, or is not as it must be."""

    exit_code: ClassVar[int] = 3
