"""The `.avsc` files are what the record classes say."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any

import pytest
from fastavro import parse_schema

from schemas import lock
from schemas.derive import Deriver
from schemas.errors import IncompatibleSchemaError

Cents = Annotated[int, "US cents"]
SCRIPT = lock.LOCK_FILE.parent.parent / "scripts" / "make_schemas.py"
FILES = sorted(lock.AVSC_FOLDER.glob("*/*.avsc"))


@dataclass(frozen=True)
class Leg:
    """One leg."""

    right: Annotated[str, "P or C"]


@dataclass(frozen=True)
class Sample:
    """All
    types."""

    amount: Cents
    fee: Annotated[Cents, "of the broker"]
    open: Annotated[bool, "still there"]
    leg: Leg
    other: Leg | None
    legs: Annotated[list[Leg], "in order"]
    notes: Annotated[dict[str, str], "by name"]
    reason: str
    clip: Annotated[int, "added later"] = 0
    tags: Annotated[list[str], "added later"] = field(default_factory=list[str])


def test_derived_schema() -> None:
    deriver = Deriver({"reason": "why", "other": "second leg"})
    leg = {
        "type": "record",
        "name": "Leg",
        "namespace": "alluse",
        "doc": "One leg.",
        "fields": [{"name": "right", "type": "string", "doc": "P or C"}],
    }
    assert deriver.schema(Sample) == {
        "type": "record",
        "name": "Sample",
        "namespace": "alluse",
        "doc": "All types.",
        "fields": [
            {"name": "amount", "type": "long", "doc": "US cents"},
            {"name": "fee", "type": "long", "doc": "US cents; of the broker"},
            {"name": "open", "type": "boolean", "doc": "still there"},
            {"name": "leg", "type": leg, "doc": "One leg."},
            {"name": "other", "type": ["null", "alluse.Leg"], "doc": "second leg", "default": None},
            {"name": "legs", "type": {"type": "array", "items": "alluse.Leg"}, "doc": "in order"},
            {"name": "notes", "type": {"type": "map", "values": "string"}, "doc": "by name"},
            {"name": "reason", "type": "string", "doc": "why"},
            {"name": "clip", "type": "long", "doc": "added later", "default": 0},
            {"name": "tags", "type": {"type": "array", "items": "string"}, "doc": "added later", "default": []},
        ],
    }
    assert deriver.undocumented == ["Sample.leg", "Sample.other", "Sample.reason"]


@pytest.mark.parametrize("kind", [float, bytes, dict[int, str], int | str, object])
def test_types_that_have_no_place_in_a_record(kind: Any) -> None:
    cls = dataclass(type("Bad", (), {"__annotations__": {"x": Annotated[kind, "doc"]}}))
    with pytest.raises(IncompatibleSchemaError, match="no place in a record"):
        Deriver({}).schema(cls)


def test_a_field_without_documentation_is_refused() -> None:
    cls = dataclass(type("Bare", (), {"__annotations__": {"x": int}}))
    with pytest.raises(IncompatibleSchemaError, match=r"Bare\.x has no documentation"):
        Deriver({}).schema(cls)


def fields_of(schema: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    match schema:
        case ["null", other]:
            yield from fields_of(other)
        case {"type": "array", "items": inner} | {"type": "map", "values": inner}:
            yield from fields_of(inner)
        case {"name": name, "fields": fields}:
            for each in fields:
                yield f"{name}.{each['name']}", each
                yield from fields_of(each["type"])
        case _:
            return


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_field_is_documented_and_of_a_type_the_batch_decoder_knows(file: Any) -> None:
    schema = json.loads(file.read_text("utf-8"))
    assert schema["name"] == file.stem
    parse_schema(schema)
    for where, each in fields_of(schema):
        assert each.get("doc", "").strip(), where
    for kind in ("bytes", "fixed", "enum", "float", "double", "int"):
        assert f'"{kind}"' not in json.dumps([each["type"] for _, each in fields_of(schema)])


def test_files_and_lock_are_what_the_classes_say() -> None:
    checked = subprocess.run(
        [sys.executable, str(SCRIPT), "--check"], cwd=SCRIPT.parent.parent, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr


def test_lock_holds_the_files() -> None:
    assert {v[-1].name for v in lock.released().values()} >= {file.stem for file in FILES}
    for file in FILES:
        assert lock.released()[f"alluse.{file.stem}"][-1].parsed() == json.loads(file.read_text("utf-8"))
