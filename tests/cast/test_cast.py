"""The cast is what its description says, and it is synthetic beyond doubt."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date

import pytest

from kravkoll import cast
from kravkoll.cast import Person, Role, SecurityMarking
from kravkoll.cast.identities import PHONES
from kravkoll.record.personal_numbers import is_test_number

CAST = cast.load()
REGISTERS = (CAST.records, CAST.neighbour, CAST.former)

NAMED = (
    *("guardian-a", "child-a1", "child-a2", "guardian-b", "child-b1", "child-p1", "child-p2"),
    *("child-g1", "guardian-g1", "guardian-g2", "contact-person", "pupil-18", "adult-student"),
    *("coordination-number", "no-number", "same-name-1", "same-name-2", "fingerad-old", "fingerad-new"),
    *("teacher-x", "teacher-y", "teacher-protected", "principal", "substitute", "ex-employee"),
    *("vendor-support", "third-party-app", "second-tenant-child"),
)


def everyone() -> list[Person]:
    return [*CAST.people.values(), *CAST.background.values()]


def ids_within(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        if isinstance(value.get("id"), str):
            yield value["id"]
        for inner in value.values():
            yield from ids_within(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from ids_within(inner)


@pytest.mark.parametrize("persona", NAMED)
def test_everybody_that_the_catalogue_names_is_there(persona: str) -> None:
    assert CAST.people[persona].persona == persona


def test_the_same_seed_gives_the_same_cast_and_another_gives_other_people() -> None:
    again, other = cast.load.__wrapped__(), cast.load("another")
    assert again == CAST
    assert not {person.id for person in other.people.values()} & {person.id for person in everyone()}
    assert not set(other.canaries) & {token for token in CAST.canaries if token.startswith("cny-")}


def test_every_personal_number_is_on_the_published_list_and_agrees_with_the_birth_date() -> None:
    for person in everyone():
        if person.civic_no is None:
            continue
        assert is_test_number(person.civic_no)
        day = int(person.civic_no[6:8])
        assert (day > 60) == (person.persona == "coordination-number")
        assert f"{person.birth_date:%Y%m}" == person.civic_no[:6]
        assert person.birth_date.day == day % 60


def test_only_those_without_a_number_lack_one() -> None:
    lacking = {person.persona for person in everyone() if person.civic_no is None}
    assert lacking == {"no-number", "vendor-support", "third-party-app"}


@pytest.mark.parametrize(
    "field", ["id", "civic_no", "birth_date", "phone", "email", "principal_name", "middle_name"]
)
def test_typed_values_stand_once_in_the_cast(field: str) -> None:
    values = [value for value in (getattr(person, field) for person in everyone()) if value is not None]
    assert len(values) == len(set(values))


def test_names_are_unique_except_the_pair_that_shares_one() -> None:
    names = Counter(person.display_name for person in everyone())
    pair = CAST.people["same-name-1"]
    assert {name for name, count in names.items() if count > 1} == {pair.display_name}
    assert CAST.people["same-name-2"].group == pair.group
    token = pair.given_name.split()[1]
    assert CAST.canaries[token].personas == ("same-name-1", "same-name-2")


def test_phones_and_mail_reach_nobody() -> None:
    for person in everyone():
        assert person.phone is None or person.phone in PHONES
        assert person.email.endswith("@example.invalid")
    assert PHONES[0] == "070-174 06 05"
    assert PHONES[-1] == "070-174 06 99"


def test_relations_are_those_that_the_checks_need() -> None:
    assert [child.persona for child in CAST.children_of("guardian-a")] == ["child-a1", "child-a2"]
    assert [adult.persona for adult in CAST.guardians_of("child-g1")] == ["guardian-g1", "guardian-g2"]
    assert CAST.children_of("contact-person") == ()
    assert CAST.people["child-b1"].group == CAST.people["child-p1"].group
    assert CAST.people["child-a2"].group == CAST.people["child-p2"].group
    assert CAST.people["teacher-x"].unit != CAST.people["teacher-y"].unit


def test_the_protected_are_marked_and_their_twins_are_not() -> None:
    markings = {persona: CAST.people[persona].security_marking for persona in CAST.people}
    assert markings["child-p1"] is SecurityMarking.CONFIDENTIAL
    assert markings["child-p2"] is SecurityMarking.PROTECTED
    assert markings["guardian-g2"] is SecurityMarking.PROTECTED
    assert CAST.people["teacher-protected"].protected
    assert not CAST.people["child-b1"].protected
    assert not CAST.people["child-a2"].protected


@pytest.mark.parametrize("day", [date(2026, 11, 23), date(2027, 1, 12), date(2028, 2, 29)])
def test_a_pupil_comes_of_age_on_the_day(day: date) -> None:
    pupil = cast.load(as_of=day).people["pupil-18"]
    expected = day if (day.month, day.day) != (2, 29) else date(day.year, 3, 1)
    assert pupil.birth_date == expected.replace(year=day.year - 18)


def test_lists_are_long_enough_for_many_pages() -> None:
    forms = Counter(
        person.school_type == "FS" for person in CAST.background.values() if person.role is Role.CHILD
    )
    assert forms[True] >= 60
    assert forms[False] >= 60
    assert len(CAST.records["placements"]) >= 60


def test_every_reference_resolves_within_its_register() -> None:
    for register in (CAST.records, CAST.neighbour):
        known = {str(record.get("id")) for records in register.values() for record in records}
        assert set(ids_within(register)) <= known


def test_registers_share_no_record() -> None:
    held = [
        {
            record.get("id", resource)
            for resource, records in register.items()
            if resource != "deletedEntities"
            for record in records
        }
        for register in REGISTERS
    ]
    assert not held[0] & held[1]
    assert not held[0] & held[2]


def test_deleted_entities_are_exactly_the_former_records() -> None:
    former = {(kind, record["id"]) for kind, records in CAST.former.items() for record in records}
    assert {(gone["resource"], gone["id"]) for gone in CAST.records["deletedEntities"]} == former
    assert CAST.people["fingerad-old"].id in {identity for _, identity in former}


def test_nobody_without_a_place_in_the_register_stands_there() -> None:
    registered = {record["id"] for record in CAST.records["persons"]}
    for persona in ("vendor-support", "third-party-app", "fingerad-old", "second-tenant-child"):
        assert CAST.people[persona].id not in registered


def test_preschools_have_no_school_unit_code_and_schools_have_one() -> None:
    for organisation in CAST.records["organisations"]:
        in_register = organisation["organisationType"] == "Skolenhet" and organisation["schoolTypes"] != [
            "FS"
        ]
        assert ("schoolUnitCode" in organisation) == in_register


def test_evidence_may_show_all_of_the_cast() -> None:
    values = CAST.values()
    assert set(CAST.canaries) <= values
    person = CAST.people["guardian-a"]
    assert {person.given_name, person.display_name, person.email, person.phone, person.civic_no} <= values
    assert not {"Ingen", "FS", "Vårdnadshavare", "Hem"} & values
