"""The records follow the published SS 12000 document, where it is at hand."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from jsonschema import Draft4Validator, Draft202012Validator, FormatChecker

from kravkoll import cast
from kravkoll.probes.openapi import read_document

DOCUMENT = Path(__file__).parents[3] / "shared/data/ss12000/openapi-2.1.0.json"
COMPONENTS = {
    "organisations": "Organisation",
    "persons": "Person",
    "placements": "Placement",
    "groups": "Group",
    "duties": "Duty",
    "programmes": "Programme",
    "syllabuses": "Syllabus",
    "schoolUnitOfferings": "SchoolUnitOffering",
    "studyplans": "StudyPlan",
    "activities": "Activity",
    "rooms": "Room",
    "calendarEvents": "CalendarEvent",
    "attendances": "Attendance",
    "attendanceEvents": "AttendanceEvent",
    "attendanceSchedule": "AttendanceSchedule",
    "absences": "Absence",
    "aggregatedAttendance": "AggregatedAttendance",
    "grades": "Grade",
}
AGREED = Path(__file__).parents[2] / "contracts/apis/ss12000-2.1.yaml"
WITHOUT_META = {"schoolUnitOfferings", "aggregatedAttendance"}
"""The standard gives them neither id nor meta."""
CAST = cast.load()


@pytest.fixture(scope="module")
def document() -> dict[str, object]:
    if not DOCUMENT.exists():
        pytest.skip("the published SS 12000 document is not at hand")
    published: dict[str, object] = json.loads(DOCUMENT.read_text())
    return published


@pytest.mark.parametrize("resource", COMPONENTS)
def test_records_follow_the_agreed_schema(resource: str) -> None:
    agreed: dict[str, object] = read_document(AGREED)
    schema = {"$ref": f"#/components/schemas/{COMPONENTS[resource]}"} | agreed
    validator = Draft202012Validator(schema, format_checker=FormatChecker(["date", "uuid"]))
    assert CAST.records[resource]
    for record in CAST.records[resource]:
        assert [error.message for error in validator.iter_errors(as_json(record))] == []


def as_json(record: object) -> object:
    return json.loads(json.dumps(record))


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Australia/Lord_Howe"])
def test_lessons_survive_a_round_trip_in_another_zone(zone: str) -> None:
    for lesson in CAST.records["calendarEvents"]:
        for field in ("startTime", "endTime"):
            moment = datetime.fromisoformat(str(lesson[field]))
            abroad = datetime.fromisoformat(moment.astimezone(ZoneInfo(zone)).isoformat())
            assert abroad.astimezone(ZoneInfo("Europe/Stockholm")).isoformat() == lesson[field]


def test_lessons_stand_on_both_sides_of_the_change_of_clocks() -> None:
    offsets = {str(lesson["startTime"])[-6:] for lesson in CAST.records["calendarEvents"]}
    assert offsets == {"+02:00", "+01:00"}


def test_absences_are_of_every_kind_of_school() -> None:
    records: Any = CAST.records
    forms = {one["id"]: one.get("schoolTypes", ()) for one in records["organisations"]}
    placed = {form for one in records["absences"] for form in forms[one["organisation"]["id"]]}
    assert {"FS", "GR", "GY"} <= placed


def test_the_protected_have_attendance_too_so_that_a_leak_can_be_seen() -> None:
    for persona, resource in (("child-p1", "absences"), ("child-p2", "attendances")):
        students = [one["student"]["id"] for one in CAST.records[resource]]  # type: ignore[index]
        assert CAST.people[persona].id in students


@pytest.mark.parametrize("resource", sorted({*COMPONENTS} - {"grades", "attendanceSchedule"}))
def test_records_follow_the_published_schema(resource: str, document: dict[str, object]) -> None:
    schema = {"$ref": f"#/components/schemas/{COMPONENTS[resource]}"} | document
    validator = Draft4Validator(schema, format_checker=FormatChecker(["date", "email", "uuid"]))
    for register in (CAST.records, CAST.neighbour, CAST.former):
        for record in register.get(resource, ()):
            assert [error.message for error in validator.iter_errors(record)] == []


@pytest.mark.parametrize("resource", COMPONENTS)
def test_records_hold_no_field_that_the_standard_does_not_know(
    resource: str, document: dict[str, object]
) -> None:
    text = json.dumps(document)
    for record in CAST.records[resource]:
        assert [key for key in record if f'"{key}"' not in text] == []


@pytest.mark.parametrize("resource", sorted({*COMPONENTS} - WITHOUT_META))
def test_times_carry_an_offset_and_run_forwards(resource: str) -> None:
    for record in CAST.records[resource]:
        meta = json.loads(json.dumps(record["meta"]))
        created, modified = (datetime.fromisoformat(meta[moment]) for moment in ("created", "modified"))
        assert created.tzinfo is not None
        assert created <= modified


def test_records_are_json() -> None:
    assert json.loads(json.dumps({kind: list(records) for kind, records in CAST.records.items()}))
