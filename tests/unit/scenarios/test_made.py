"""What is made of the record classes for writers of scenarios is fresh, and the files fit the schema."""

import datetime as dt
import json
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from infra.settings import CHECKOUT
from scripts.make_scenario_docs import wanted

FILES = wanted()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_made_file_is_what_the_code_says(path: Path) -> None:
    assert path.read_text("utf-8") == FILES[path], "run: python scripts/make_scenario_docs.py"


def test_every_scenario_file_fits_the_schema_that_editors_use() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    folder = CHECKOUT / "scenarios"
    validator = jsonschema.Draft202012Validator(json.loads((folder / "scenario.schema.json").read_text("utf-8")))
    for path in sorted(folder.glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text("utf-8")):
            wrong = [
                f"{list(e.absolute_path)}: {e.message[:200]}" for e in validator.iter_errors(as_an_editor(document))
            ]
            assert not wrong, (path.name, wrong)


def as_an_editor(value: Any) -> Any:
    """As YAML 1.2 reads it: dates and times are text, keys too."""
    match value:
        case dt.date():
            return str(value)
        case dict():
            return {str(key): as_an_editor(item) for key, item in cast("dict[Any, Any]", value).items()}
        case list():
            return [as_an_editor(item) for item in cast("list[Any]", value)]
        case _:
            return value
