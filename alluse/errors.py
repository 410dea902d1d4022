"""Errors of the command line beyond those of `infra.errors`, and how errors of libraries are said."""

from __future__ import annotations

import sys

from infra.errors import AllUseError, UnavailableError


class Refused(AllUseError):  # noqa: N818  # the protocol's word for it
    """The protocol refused a command; `code` is its reason code."""

    exit_code = 4


class DoesNotHold(AllUseError):  # noqa: N818  # no error of the program: what was checked is not so
    """What was checked does not hold."""

    exit_code = 1


def understood(error: Exception) -> AllUseError | None:
    """What an error of Kafka, Postgres, the journal's check or the disk means to who typed the command; None: a bug.

    A library that has not been loaded can't have raised it, so that nothing is imported here for the question.
    """
    first = (str(error).strip() or type(error).__name__).splitlines()[0]
    if _raised_by(error, "confluent_kafka", "KafkaException"):
        return UnavailableError(
            "KAFKA_FAILED", f"Kafka: {first}", "`alluse status` and `alluse doctor` look at it; then try again."
        )
    if _raised_by(error, "psycopg", "Error"):
        return UnavailableError(
            "POSTGRES_FAILED", f"PostgreSQL: {first}", "`alluse status` and `alluse doctor` look at it; then try again."
        )
    if _raised_by(error, "processors.book.digest", "BrokenJournal"):
        return DoesNotHold(
            "JOURNAL_BROKEN", first, "The log was changed or torn: keep it as it is, and compare it with its archive."
        )
    if _raised_by(error, "schemas.errors", "SchemaError"):
        return UnavailableError(
            "RECORD_UNREADABLE", first, "The log was written by another release: use that one, or another --log."
        )
    if isinstance(error, OSError) and error.filename is not None:
        return UnavailableError(
            "FILE_FAILED", f"{error.filename}: {error.strerror}.", "Check the path, its rights and the disk."
        )
    return None


def _raised_by(error: Exception, module: str, name: str) -> bool:
    kind: object = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and isinstance(error, kind)
