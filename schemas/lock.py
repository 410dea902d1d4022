"""The lock file: every version of every schema, with the id that stands in the bytes.

Ids are given once, ascending, never reused, and the same in every environment; so the bytes of a record, and every
digest over them, are too. The file holds whole schemas, so that old versions travel with the data.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, cast

from fastavro.schema import to_parsing_canonical_form

from schemas.compatibility import full_transitive
from schemas.derive import NAMESPACE
from schemas.errors import IncompatibleSchemaError

LOCK_FILE = Path(__file__).with_name("lock.json")
AVSC_FOLDER = Path(__file__).with_name("avsc")

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a subject. `schema` is the text; `fingerprint` the SHA-256 of its parsing canonical form."""

    subject: str
    id: int
    version: int
    fingerprint: str
    schema: str

    @property
    def name(self) -> str:
        """The record's name without the namespace."""
        return self.subject.removeprefix(f"{NAMESPACE}.")

    def parsed(self) -> Schema:
        """The schema as JSON."""
        return json.loads(self.schema)


Lock = dict[str, list[Version]]
"""Subject (a record's full name) to its versions, the newest last."""


def text_of(schema: Schema) -> str:
    """The one way a schema is written in the lock file and by the registry endpoint."""
    return json.dumps(schema, ensure_ascii=False, separators=(",", ":"))


def fingerprint(schema: Schema) -> str:
    """SHA-256 of the parsing canonical form, which leaves out documentation and defaults."""
    return hashlib.sha256(to_parsing_canonical_form(schema).encode()).hexdigest()


def meaning(schema: Any) -> Any:
    """A schema without its documentation: what a change must touch to be a new version."""
    if isinstance(schema, list):
        return [meaning(part) for part in cast(list[Any], schema)]
    if isinstance(schema, dict):
        return {key: meaning(part) for key, part in cast(Schema, schema).items() if key != "doc"}
    return schema


def read(path: Path = LOCK_FILE) -> Lock:
    """The lock in `path`; empty where there is no file yet."""
    if not path.exists():
        return {}
    subjects: Mapping[str, list[dict[str, Any]]] = json.loads(path.read_text("utf-8"))["subjects"]
    return {
        subject: [Version(subject=subject, **version) for version in versions] for subject, versions in subjects.items()
    }


@cache
def released() -> Lock:
    """The lock file of this checkout, read once."""
    return read()


def render(lock: Lock) -> str:
    """The file's text."""
    subjects = {
        subject: [
            {"id": v.id, "version": v.version, "fingerprint": v.fingerprint, "schema": v.schema} for v in versions
        ]
        for subject, versions in lock.items()
    }
    return json.dumps({"subjects": subjects}, ensure_ascii=False, indent=1) + "\n"


def advance(lock: Lock, schemas: Mapping[str, Schema]) -> Lock:
    """`lock` with what is new in `schemas` (by subject) appended.

    Documentation alone changes the newest version's text and keeps its id. A subject that is no longer in `schemas`
    keeps its versions: its records may still stand on the log.

    Raises IncompatibleSchemaError when a change is not FULL_TRANSITIVE; the message names every reason.
    """
    advanced = {subject: list(versions) for subject, versions in lock.items()}
    next_id = 1 + max((v.id for versions in lock.values() for v in versions), default=0)
    for subject, schema in schemas.items():
        versions = advanced.setdefault(subject, [])
        text = text_of(schema)
        if versions and meaning(versions[-1].parsed()) == meaning(schema):
            versions[-1] = replace(versions[-1], schema=text)
            continue
        reasons = full_transitive(schema, [v.parsed() for v in versions])
        if reasons:
            raise IncompatibleSchemaError(
                f"{subject} can't change like this: {'; '.join(reasons)}. Only fields with a default may come and go; "
                "for anything else make a new record."
            )
        versions.append(Version(subject, next_id, len(versions) + 1, fingerprint(schema), text))
        next_id += 1
    return advanced
