"""The JSON Schema of scenario files, for editors: the form by pydantic, events, commands and records by name."""

from __future__ import annotations

import json
from typing import Any

from alluse.scenarios.actions import HEADER_KEYS, VERBS
from alluse.scenarios.expecting import ENVELOPE_KEYS
from alluse.scenarios.fields import Field, command_classes, event_classes, fields_of, report_classes
from alluse.scenarios.model import ScenarioForm, VariantForm
from alluse.scenarios.protocol_names import PROTOCOL_COMMANDS, PROTOCOL_EVENTS
from alluse.scenarios.quantities import EXAMPLES
from domain import commands as c
from domain.config import CATALOGUE

SCALAR: dict[str, Any] = {"type": ["string", "number", "boolean", "null"]}


def schema() -> dict[str, Any]:
    """The schema of one document of a scenario file."""
    form = ScenarioForm.model_json_schema()
    variant = VariantForm.model_json_schema()
    definitions: dict[str, Any] = _loosened(form.pop("$defs")) | _loosened(variant.pop("$defs", {}))
    definitions["Variant"] = _loosened(variant)
    definitions["Config"] = _config()
    definitions["Expectation"] = _expectation()
    definitions["Action"] = _action()
    definitions["Account"] = _account()
    definitions |= _kinds()
    document = _loosened(form)
    for holder in (document, definitions["StepForm"]):
        for key in ("then", "never"):
            holder["properties"][key]["items"] = {"$ref": "#/$defs/Expectation"}
    definitions["StepForm"]["properties"]["do"]["items"] = {"$ref": "#/$defs/Action"}
    document["properties"]["config"] = {"$ref": "#/$defs/Config"}
    definitions["BookForm"]["properties"]["config"] = {"$ref": "#/$defs/Config"}
    definitions["BookForm"]["properties"]["accounts"]["additionalProperties"] = {"$ref": "#/$defs/Account"}
    document["properties"]["variants"] = {
        "type": "array",
        "items": {"$ref": "#/$defs/Variant"},
        "description": "further scenarios that differ from this one",
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "ALL-USE scenario",
        "description": "docs/scenarios.md. Made by scripts/make_scenario_docs.py; do not edit.",
        **{key: value for key, value in document.items() if key != "title"},
        "$defs": definitions,
    }


def text() -> str:
    """The schema as the file holds it."""
    return json.dumps(schema(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _loosened(node: Any) -> Any:
    """Scalars may be written as YAML numbers or words: 400000.00, yes."""
    if isinstance(node, list):
        return [_loosened(item) for item in node]  # pyright: ignore[reportUnknownVariableType]
    if not isinstance(node, dict):
        return node
    loose: dict[str, Any] = {key: _loosened(value) for key, value in node.items()}  # pyright: ignore[reportUnknownVariableType]
    if loose.get("type") == "string" and "pattern" not in loose and "enum" not in loose:
        loose["type"] = ["string", "number", "boolean"]
    return loose


def _config() -> dict[str, Any]:
    rows = {
        name: {
            "description": f"{p.kind}, default {p.default or 'none'}"
            f"{f', {p.low} to {p.high}' if p.low else ''} {p.unit} (protocol {p.section})",
            "type": ["string", "number", "boolean", "array", *(["object"] if p.kind == "weights" else [])],
        }
        for name, p in CATALOGUE.items()
    }
    return {"type": "object", "properties": rows, "additionalProperties": False}


def _expectation() -> dict[str, Any]:
    names = sorted({*event_classes(), *PROTOCOL_EVENTS})
    built: dict[str, Any] = {}
    for name in names:
        cls = event_classes().get(name)
        built[name] = {"type": ["object", "null", "string", "array"]}
        if cls is not None:
            properties = {key: _field(field) for key, field in fields_of(cls).items()}
            properties |= {key: {"$ref": "#/$defs/text"} for key in ENVELOPE_KEYS if key not in properties}
            built[name] |= {"description": (cls.__doc__ or "").strip(), "properties": properties}
    return {
        "anyOf": [
            {"type": "string", "description": "an event's name, or the protocol's notation Event{value, ...}"},
            {"type": "object", "properties": built, "additionalProperties": False, "maxProperties": 1},
        ]
    }


def _action() -> dict[str, Any]:
    built: dict[str, Any] = {}
    for verb, (meaning, keys) in VERBS.items():
        built[verb] = {
            "description": meaning,
            "type": ["object", "null", "string"],
            "properties": {key: {"description": text_} for key, text_ in keys.items()},
            "additionalProperties": False,
        }
    for name, cls in {**command_classes(), **report_classes()}.items():
        properties = {key: _field(field) for key, field in fields_of(cls).items()}
        header = HEADER_KEYS if name in command_classes() else {}
        properties |= {key: {**SCALAR, "description": text_} for key, text_ in header.items() if key not in properties}
        built[name] = {
            "description": (cls.__doc__ or "").strip(), "type": ["object", "null"], "properties": properties
        }  # fmt: skip
    for name in PROTOCOL_COMMANDS - set(built):
        built[name] = {"description": "a command of the protocol that is not built yet"}
    return {
        "anyOf": [
            {"type": "string", "enum": sorted(VERBS)},
            {"type": "object", "properties": built, "additionalProperties": False, "maxProperties": 1},
        ]
    }


def _account() -> dict[str, Any]:
    properties = {key: _field(field) for key, field in fields_of(c.ImportedAccount).items()}
    properties["config"] = {"$ref": "#/$defs/Config", "description": "parameters of this account alone"}
    lot = properties["lots"]["anyOf"][0]["items"]["properties"]
    lot["ticker"] = {**SCALAR, "description": "the same as contract, for shares"}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _kinds() -> dict[str, Any]:
    """What each kind of value is written as."""
    return {kind.name.lower(): {**SCALAR, "description": EXAMPLES[kind]} for kind in EXAMPLES}


def _field(field: Field) -> dict[str, Any]:
    one: dict[str, Any] = {"$ref": f"#/$defs/{field.kind.name.lower()}"}
    if field.record is not None:
        one = {"type": "object", "properties": {k: _field(f) for k, f in fields_of(field.record).items()}}
    elif field.shape == "one" and field.name.endswith("_id"):
        one = {"anyOf": [one, {"type": "object"}]}
    made = one
    if field.shape == "list":
        made = {"anyOf": [{"type": "array", "items": one}, {"$ref": "#/$defs/text"}]}
    elif field.shape == "map":
        made = {"type": ["object", "null"], "additionalProperties": {"type": [*SCALAR["type"], "array"]}}
    return {**made, "description": field.meaning} if field.meaning else made
