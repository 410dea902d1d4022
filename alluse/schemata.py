"""`alluse schema check`: the schema files against every released version."""

from __future__ import annotations

import json

from schemas import lock
from schemas.compatibility import full_transitive


def problems() -> list[str]:
    """What does not fit: a version that earlier ones can't read or be read by, a file that is no released version."""
    released = lock.released()
    found: list[str] = []
    for subject, versions in released.items():
        for number, version in enumerate(versions):
            earlier = [v.parsed() for v in versions[:number]]
            found += [
                f"{subject} version {version.version}: {text}" for text in full_transitive(version.parsed(), earlier)
            ]
    for file in sorted(lock.AVSC_FOLDER.glob("*/*.avsc")):
        schema = json.loads(file.read_text("utf-8"))
        subject = f"{schema['namespace']}.{schema['name']}"
        versions = released.get(subject)
        if not versions:
            found.append(f"{file.name}: {subject} has not been released (python scripts/make_schemas.py)")
            continue
        found += [f"{file.name}: {text}" for text in full_transitive(schema, [v.parsed() for v in versions])]
        if lock.meaning(schema) != lock.meaning(versions[-1].parsed()):
            found.append(f"{file.name}: differs from its newest released version (python scripts/make_schemas.py)")
    return found
