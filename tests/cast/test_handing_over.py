"""The cast as files for a supplier: complete, loadable, and never with a number that may be somebody's."""

import csv
import io
import json
from pathlib import Path

import pytest

import kravkoll.cast
from kravkoll.cast import Cast, Record
from kravkoll.cast.accounts import filled, listed, purposes
from kravkoll.cast.handing_over import FormulaInCell, csv_files, write
from kravkoll.cast.people import Role
from kravkoll.cast.selection import Selected, Share, project, select
from kravkoll.record.personal_numbers import NotATestNumber, find

PRESCHOOL = Share(frozenset({"FS"}))


@pytest.fixture(scope="module")
def cast() -> Cast:
    return kravkoll.cast.load()


@pytest.fixture(scope="module")
def everything(cast: Cast) -> Selected:
    return select(cast.records, Share())


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


# -- what a system is to hold --------------------------------------------------------------------------------


def test_everything_is_every_resource_but_what_is_gone(cast: Cast, everything: Selected) -> None:
    assert set(everything) == set(cast.records) - {"deletedEntities"}
    assert all(everything[resource] == cast.records[resource] for resource in everything)


def test_a_school_form_brings_its_people_and_no_others(cast: Cast) -> None:
    held = select(cast.records, PRESCHOOL)
    people = {str(person["id"]) for person in held["persons"]}
    there = {persona for persona, person in cast.people.items() if person.id in people}
    assert {"child-a1", "guardian-a", "contact-person", "teacher-x", "principal"} <= there
    assert not {"child-a2", "pupil-18", "guardian-18", "teacher-z", "adult-student", "former-1"} & there
    assert {group["schoolType"] for group in held["groups"]} == {"FS"}
    types = {str(unit["organisationType"]) for unit in held["organisations"]}
    assert types == {"Huvudman", "Verksamhetsområde", "Skola", "Skolenhet"}


def test_protected_people_are_kept_out_of_lists_too(cast: Cast) -> None:
    held = select(cast.records, Share(frozenset({"FS"}), withholds_marked=True))
    text = json.dumps(list(held.values()))
    hidden = [person for person in cast.people.values() if person.protected]
    assert len(hidden) > 5
    assert [person.persona for person in hidden if person.id in text] == []


def test_vux_covers_both_of_the_registers(cast: Cast) -> None:
    held = select(cast.records, Share(frozenset({"VUX"})))
    assert cast.people["adult-student"].id in {person["id"] for person in held["persons"]}


def test_paths_go_through_lists() -> None:
    record: Record = {
        "id": "1",
        "name": "x",
        "emails": [{"value": "a", "type": "b"}],
        "unit": {"id": "2", "name": "y"},
    }
    assert project(record, ["id", "emails.value", "unit.id"]) == {
        "id": "1", "emails": [{"value": "a"}], "unit": {"id": "2"},
    }  # fmt: skip


def test_a_field_for_guardians_is_not_given_of_children(cast: Cast) -> None:
    fields = {"persons": frozenset({"id", "emails.value", "enrolments.schoolType", "responsibles.person.id"})}
    held = select(cast.records, Share(frozenset({"FS"}), fields, {"emails": frozenset({"guardian"})}))
    by_id = {person["id"]: person for person in held["persons"]}
    assert "emails" not in by_id[cast.people["child-a1"].id]
    assert "emails" in by_id[cast.people["guardian-a"].id]


# -- files ---------------------------------------------------------------------------------------------------


def test_ss12000_files_hold_the_records_as_they_are(everything: Selected, tmp_path: Path) -> None:
    written, left_out = write(everything, "ss12000", tmp_path)
    assert left_out == []
    for path in written:
        assert lines(path) == list(everything[path.stem])


def test_csv_is_plain_utf8_with_a_documented_header(everything: Selected, tmp_path: Path) -> None:
    written, _ = write(everything, "csv", tmp_path)
    told = list(csv.DictReader(io.StringIO((tmp_path / "columns.csv").read_text(encoding="utf-8"))))
    described = {(row["file"], row["column"]) for row in told}
    for path in written:
        content = path.read_bytes()
        assert not content.startswith(b"\xef\xbb\xbf")
        assert b"\r\n" in content
        header = next(csv.reader(io.StringIO(content.decode())))
        if path.name != "columns.csv":
            assert {(path.name, column) for column in header} <= described
    people = list(csv.DictReader(io.StringIO((tmp_path / "persons.csv").read_text(encoding="utf-8"))))
    assert {row["id"] for row in people} == {str(one["id"]) for one in everything["persons"]}
    named = tmp_path / "groups-groupMemberships.csv"
    members = list(csv.DictReader(io.StringIO(named.read_text(encoding="utf-8"))))
    lists = [one["groupMemberships"] for one in everything["groups"]]
    assert len(members) == sum(len(one) for one in lists if isinstance(one, list))


@pytest.mark.parametrize("first", ["=", "+", "-", "@"])
def test_a_cell_that_a_spreadsheet_would_run_is_refused(first: str) -> None:
    with pytest.raises(FormulaInCell):
        list(csv_files({"groups": ({"id": "1", "displayName": f"{first}cmd|calc"},)}))


def test_a_personal_number_off_the_list_stops_everything(tmp_path: Path) -> None:
    person: dict[str, object] = {"id": "1", "civicNo": {"value": "198507099805"}}
    for form in ("csv", "ss12000", "egil"):
        with pytest.raises(NotATestNumber):
            write({"persons": (person,)}, form, tmp_path / form)
        assert not (tmp_path / form).exists()


def test_every_number_in_every_file_is_on_the_list(everything: Selected, tmp_path: Path) -> None:
    found = 0
    for form in ("csv", "ss12000", "egil"):
        for path in write(everything, form, tmp_path / form)[0]:
            for line in path.read_text(encoding="utf-8").splitlines():
                for number in find(line):
                    assert number.is_test_number
                    found += 1
    assert found > 300


# -- EGIL ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def egil(
    everything: Selected, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[dict[str, object]]]:
    written, _ = write(everything, "egil", tmp_path_factory.mktemp("egil"))
    return {path.stem: lines(path) for path in written}


def test_egil_objects_have_what_the_published_server_demands(
    egil: dict[str, list[dict[str, object]]],
) -> None:
    """Attributes without which windermere, the published EGIL server, refuses an object."""
    demanded = {
        "Organisations": {"displayName"}, "SchoolUnitGroups": {"displayName"},
        "SchoolUnits": {"displayName", "schoolUnitCode"}, "Users": {"userName", "name", "displayName"},
        "Employments": {"employedAt", "user", "employmentRole"}, "StudentGroups": {"displayName", "owner"},
        "Activities": {"displayName", "owner"},
    }  # fmt: skip
    assert set(egil) == set(demanded)
    for endpoint, names in demanded.items():
        for one in egil[endpoint]:
            assert names | {"schemas", "externalId"} <= set(one)


def test_egil_references_stay_within(egil: dict[str, list[dict[str, object]]]) -> None:
    ids = {f"{endpoint}/{one['externalId']}" for endpoint, found in egil.items() for one in found}

    def references(value: object) -> list[str]:
        if isinstance(value, list):
            return [ref for item in value for ref in references(item)]
        if isinstance(value, dict):
            own = [str(value["$ref"])] if "$ref" in value else []
            return own + [ref for item in value.values() for ref in references(item)]
        return []

    assert set(references(list(egil.values()))) <= ids


def test_egil_says_what_it_has_no_place_for(cast: Cast, tmp_path: Path) -> None:
    """Preschools have no code of the school unit register, and guardians are neither students nor staff."""
    held = select(cast.records, PRESCHOOL)
    _, left_out = write(held, "egil", tmp_path)
    assert f"persons: {len(held['persons'])}" in left_out
    assert f"placements: {len(held['placements'])}" in left_out


# -- accounts ------------------------------------------------------------------------------------------------


def test_every_test_person_has_a_purpose_in_both_languages(cast: Cast) -> None:
    assert set(purposes()) == set(cast.people)
    assert all(set(said) == {"sv", "en"} and all(said.values()) for said in purposes().values())


def test_the_list_names_those_who_log_in_to_the_system(cast: Cast) -> None:
    names = [line.persona for line in listed(cast, select(cast.records, PRESCHOOL), "sv")]
    assert "guardian-a" in names
    assert "child-a2" not in names
    assert all(cast.people[name].role is not Role.CLIENT for name in names)


def test_a_filled_list_becomes_accounts_or_names_its_rows() -> None:
    known = ["child-a1", "guardian-a", "teacher-x"]
    assert filled([(5, "child-a1", "u1"), (6, "guardian-a", ""), (7, "teacher-x", "u3")], known) == (
        {"child-a1": "u1", "teacher-x": "u3"}, [],
    )  # fmt: skip
    rows = [(5, "child-a1", "u1"), (6, "child-a1", "u2"), (7, "guardian-a", "u2"), (8, "child-z", "u4"),
            (9, "teacher-x", "198507099805")]  # fmt: skip
    told = "\n".join(filled(rows, known)[1])
    for said in ("row 6: 'child-a1' stands twice", "row 7: the user name stands with another",
                 "row 8: 'child-z'", "row 9: the user name holds a personal number"):  # fmt: skip
        assert said in told
    assert "198507099805" not in told
