"""FULL_TRANSITIVE: only fields with a default may come and go."""

from collections.abc import Callable
from typing import Any

import pytest

from schemas import lock
from schemas.compatibility import full_transitive, unreadable
from schemas.errors import IncompatibleSchemaError

OPTIONAL = {"name": "note", "type": ["null", "string"], "default": None}
LINE = {"type": "record", "name": "Line", "fields": [{"name": "amount", "type": "long"}]}


def record(*fields: Any, name: str = "Order") -> dict[str, Any]:
    return {"type": "record", "name": name, "namespace": "alluse", "fields": list(fields)}


def field(name: str, kind: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, **more}


BASE = record(field("order_id", "string"), field("quantity", "long"))


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(record(*BASE["fields"], OPTIONAL), id="an optional field added"),
        pytest.param(record(*BASE["fields"], field("version", "long", default=0)), id="a field with a default added"),
        pytest.param(record(*reversed(BASE["fields"])), id="fields in another order"),
        pytest.param(BASE | {"doc": "in words"}, id="documentation"),
        pytest.param(
            record(field("order_id", {"type": "string"}), field("quantity", "long")), id="a type written at length"
        ),
    ],
)
def test_accepted(changed: dict[str, Any]) -> None:
    assert full_transitive(changed, [BASE]) == []


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        pytest.param(
            record(*BASE["fields"], field("side", "string")),
            "side: not in the data and without a default",
            id="added without a default",
        ),
        pytest.param(
            record(*BASE["fields"], field("side", ["null", "string"])), "without a default", id="optional, no default"
        ),
        pytest.param(
            record(field("order_id", "string")), "quantity: not in the data and without a default", id="removed"
        ),
        pytest.param(
            record(field("id", "string"), field("quantity", "long")), "order_id: not in the data", id="field renamed"
        ),
        pytest.param(
            record(field("order_id", "string"), field("quantity", "string")), "quantity: string can't", id="type"
        ),
        pytest.param(
            record(field("order_id", "string"), field("quantity", "int")),
            "quantity: long can't be read as int",
            id="narrowed",
        ),
        pytest.param(
            record(field("order_id", "string"), field("quantity", "double")),
            "quantity: double can't be read as long",
            id="widened: the old reader can't follow",
        ),
        pytest.param(
            record(field("order_id", "string"), field("quantity", ["null", "long"], default=None)),
            "quantity: null can't be read as long",
            id="made optional",
        ),
        pytest.param(
            record(*BASE["fields"], name="Trade"), "renamed from alluse.Order to alluse.Trade", id="record renamed"
        ),
        pytest.param(
            record(field("order_id", "string"), field("quantity", {"type": "array", "items": "long"})),
            "quantity: long can't be read as array",
            id="a list instead of one",
        ),
    ],
)
def test_refused(changed: dict[str, Any], reason: str) -> None:
    reasons = full_transitive(changed, [BASE])
    assert any(reason in each for each in reasons), reasons


WRAPS: dict[str, Callable[[Any], Any]] = {
    "plain": lambda kind: kind,
    "list": lambda kind: {"type": "array", "items": kind},
    "map": lambda kind: {"type": "map", "values": kind},
    "optional": lambda kind: ["null", kind],
}


@pytest.mark.parametrize("shape", WRAPS)
def test_nested_records_are_compared(shape: str) -> None:
    wrap = WRAPS[shape]
    more = LINE | {"fields": [*LINE["fields"], field("account", "string")]}
    allowed = LINE | {"fields": [*LINE["fields"], OPTIONAL]}
    renamed = LINE | {"name": "Row"}
    old = record(field("lines", wrap(LINE)))
    assert full_transitive(record(field("lines", wrap(allowed))), [old]) == []
    assert any("account" in reason for reason in full_transitive(record(field("lines", wrap(more))), [old]))
    assert full_transitive(record(field("lines", wrap(renamed))), [old])


def test_a_second_mention_of_a_record_is_resolved() -> None:
    old = record(field("lines", {"type": "array", "items": LINE}), field("last", "alluse.Line"))
    changed = LINE | {"fields": [field("amount", "string")]}
    new = record(field("lines", {"type": "array", "items": changed}), field("last", "alluse.Line"))
    assert full_transitive(old, [old]) == []
    reasons = full_transitive(new, [old])
    assert any("last.amount" in reason for reason in reasons)


def test_every_earlier_version_counts_not_only_the_last() -> None:
    """A field that went, with its default, may not come back as another type."""
    first = record(*BASE["fields"], field("note", "string", default=""))
    second = BASE
    third = record(*BASE["fields"], field("note", "long", default=0))
    assert full_transitive(second, [first]) == []
    assert full_transitive(third, [second]) == []
    assert any("version 1" in reason for reason in full_transitive(third, [first, second]))


def test_one_direction_alone_allows_promotion() -> None:
    wide = record(field("order_id", "string"), field("quantity", "double"))
    assert unreadable(reader=wide, writer=BASE) == []
    assert unreadable(reader=BASE, writer=wide) != []


# --- the lock file -----------------------------------------------------------------------------------------------


def test_lock_gives_ids_once_and_never_again() -> None:
    first = lock.advance({}, {"alluse.Order": BASE, "alluse.Line": LINE | {"namespace": "alluse"}})
    second = lock.advance(first, {"alluse.Order": record(*BASE["fields"], OPTIONAL)})
    third = lock.advance(second, {"alluse.New": record(field("x", "long"), name="New")})
    assert [(v.subject, v.id, v.version) for versions in third.values() for v in versions] == [
        ("alluse.Order", 1, 1),
        ("alluse.Order", 3, 2),
        ("alluse.Line", 2, 1),
        ("alluse.New", 4, 1),
    ]
    assert third["alluse.Order"][0] == first["alluse.Order"][0]


def test_lock_keeps_the_id_when_only_words_change() -> None:
    first = lock.advance({}, {"alluse.Order": BASE})
    told = lock.advance(first, {"alluse.Order": BASE | {"doc": "An order."}})["alluse.Order"]
    assert len(told) == 1
    assert (told[0].id, told[0].fingerprint) == (1, first["alluse.Order"][0].fingerprint)
    assert told[0].parsed()["doc"] == "An order."


def test_lock_takes_a_new_default_for_a_new_version() -> None:
    """The fingerprint leaves defaults out, but readers need them."""
    first = lock.advance({}, {"alluse.Order": BASE})
    eased = record(BASE["fields"][0], field("quantity", "long", default=1))
    assert [v.id for v in lock.advance(first, {"alluse.Order": eased})["alluse.Order"]] == [1, 2]


def test_lock_refuses_an_incompatible_change_and_says_why() -> None:
    first = lock.advance({}, {"alluse.Order": BASE})
    with pytest.raises(
        IncompatibleSchemaError, match=r"INCOMPATIBLE_SCHEMA: alluse.Order .*quantity.*new reader, version 1"
    ):
        lock.advance(first, {"alluse.Order": record(field("order_id", "string"), field("quantity", "string"))})


def test_lock_of_this_checkout_is_whole() -> None:
    """Ids unique and ascending in a subject, fingerprints right, every version compatible with all before it."""
    released = lock.released()
    ids = [v.id for versions in released.values() for v in versions]
    assert len(ids) == len(set(ids))
    for subject, versions in released.items():
        schemas = [v.parsed() for v in versions]
        assert [v.version for v in versions] == list(range(1, len(versions) + 1))
        assert [v.id for v in versions] == sorted(v.id for v in versions)
        for number, (version, schema) in enumerate(zip(versions, schemas, strict=True)):
            assert f"{schema['namespace']}.{schema['name']}" == subject
            assert version.fingerprint == lock.fingerprint(schema)
            assert full_transitive(schema, schemas[:number]) == []
    assert lock.render(lock.read()) == lock.LOCK_FILE.read_text("utf-8")
