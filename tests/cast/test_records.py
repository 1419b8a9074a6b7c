"""The records follow the published SS 12000 document, where it is at hand."""

import json
from datetime import datetime
from pathlib import Path

import pytest
from jsonschema import Draft4Validator, FormatChecker

from kravkoll import cast

DOCUMENT = Path(__file__).parents[3] / "shared/data/ss12000/openapi-2.1.0.json"
COMPONENTS = {
    "organisations": "Organisation",
    "persons": "Person",
    "placements": "Placement",
    "groups": "Group",
    "duties": "Duty",
}
CAST = cast.load()


@pytest.fixture(scope="module")
def document() -> dict[str, object]:
    if not DOCUMENT.exists():
        pytest.skip("the published SS 12000 document is not at hand")
    published: dict[str, object] = json.loads(DOCUMENT.read_text())
    return published


@pytest.mark.parametrize("resource", COMPONENTS)
def test_records_follow_the_published_schema(resource: str, document: dict[str, object]) -> None:
    schema = {"$ref": f"#/components/schemas/{COMPONENTS[resource]}"} | document
    validator = Draft4Validator(schema, format_checker=FormatChecker(["date", "email", "uuid"]))
    for register in (CAST.records, CAST.neighbour, CAST.former):
        for record in register[resource]:
            assert [error.message for error in validator.iter_errors(record)] == []


@pytest.mark.parametrize("resource", COMPONENTS)
def test_records_hold_no_field_that_the_standard_does_not_know(
    resource: str, document: dict[str, object]
) -> None:
    text = json.dumps(document)
    for record in CAST.records[resource]:
        assert [key for key in record if f'"{key}"' not in text] == []


@pytest.mark.parametrize("resource", COMPONENTS)
def test_times_carry_an_offset_and_run_forwards(resource: str) -> None:
    for record in CAST.records[resource]:
        meta = json.loads(json.dumps(record["meta"]))
        created, modified = (datetime.fromisoformat(meta[moment]) for moment in ("created", "modified"))
        assert created.tzinfo is not None
        assert created <= modified


def test_records_are_json() -> None:
    assert json.loads(json.dumps({kind: list(records) for kind, records in CAST.records.items()}))
