"""From a record class to its Avro schema.

Types: `str` string, `int` long, `bool` boolean, a data class record, `list[...]` array, `dict[str, ...]` map,
`X | None` a union with null first. Text in `Annotated` becomes the field's `doc`; the first mention of a nested record
holds its definition, later ones its name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from schemas.errors import IncompatibleSchemaError

NAMESPACE = "alluse"
PRIMITIVES: dict[Any, str] = {str: "string", int: "long", bool: "boolean"}

Json = Any
"""A piece of a schema as `json` reads it."""


class Deriver:
    """Derives schemas.

    `doc_of_name` documents fields that carry no text (None: they need none); `undocumented` lists those.
    """

    def __init__(self, doc_of_name: Mapping[str, str] | None = None) -> None:
        self.doc_of_name = doc_of_name
        self.undocumented: list[str] = []

    def schema(self, cls: type, first: Sequence[tuple[str, type, str]] = ()) -> dict[str, Json]:
        """The schema of `cls`, its own fields after those of `first` (name, record class, doc)."""
        seen: set[str] = set()
        head = [{"name": name, "type": self._type(kind, seen)[0], "doc": doc} for name, kind, doc in first]
        derived = self._record(cls, seen)
        return {**derived, "namespace": NAMESPACE, "fields": head + derived["fields"]}

    def _record(self, cls: type, seen: set[str]) -> dict[str, Json]:
        seen.add(cls.__name__)
        schema: dict[str, Json] = {"type": "record", "name": cls.__name__, "namespace": NAMESPACE}
        if doc := doc_of(cls):
            schema["doc"] = doc
        hints = get_type_hints(cls, include_extras=True)
        schema["fields"] = [self._field(cls, field, hints[field.name], seen) for field in fields(cls)]
        return schema

    def _field(self, cls: type, field: Field[Any], hint: Any, seen: set[str]) -> dict[str, Json]:
        kind, texts = self._type(hint, seen)
        if not texts:
            where = f"{cls.__name__}.{field.name}"
            self.undocumented.append(where)
            nested = doc_of(hint) if isinstance(hint, type) and is_dataclass(hint) else None
            doc = nested or ("" if self.doc_of_name is None else self.doc_of_name.get(field.name))
            if doc is None:
                raise IncompatibleSchemaError(f"{where} has no documentation: annotate it with its meaning and unit")
            texts = [doc]
        derived: dict[str, Json] = {"name": field.name, "type": kind, "doc": "; ".join(texts)}
        if isinstance(kind, list):
            derived["default"] = None
        default = field.default_factory() if field.default_factory is not MISSING else field.default
        if default is not MISSING:
            if isinstance(kind, list) and default is not None:
                raise IncompatibleSchemaError(f"{cls.__name__}.{field.name}: the default of an optional field is None")
            derived["default"] = default
        return derived

    def _type(self, hint: Any, seen: set[str]) -> tuple[Json, list[str]]:
        """The Avro type of a type hint, and the texts found in it."""
        if hint in PRIMITIVES:
            return PRIMITIVES[hint], []
        origin, arguments = get_origin(hint), get_args(hint)
        if origin is Annotated:
            kind, texts = self._type(arguments[0], seen)
            return kind, texts + [text for text in arguments[1:] if isinstance(text, str)]
        if origin in (Union, UnionType) and len(arguments) == 2 and NoneType in arguments:
            kind, texts = self._type(next(a for a in arguments if a is not NoneType), seen)
            return ["null", kind], texts
        if origin is list:
            kind, texts = self._type(arguments[0], seen)
            return {"type": "array", "items": kind}, texts
        if origin is dict and arguments[0] is str:
            kind, texts = self._type(arguments[1], seen)
            return {"type": "map", "values": kind}, texts
        if isinstance(hint, type) and is_dataclass(hint):
            name = f"{NAMESPACE}.{hint.__name__}"
            return (name if hint.__name__ in seen else self._record(hint, seen)), []
        raise IncompatibleSchemaError(f"{hint} has no place in a record: see domain/record.py for the types allowed")


def doc_of(cls: type) -> str | None:
    """The class's own docstring on one line; none where `dataclass` made it up."""
    doc = cls.__doc__
    if doc is None or doc.startswith(f"{cls.__name__}("):
        return None
    return " ".join(doc.split())
