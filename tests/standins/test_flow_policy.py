from typing import Any

import orjson
import pytest
import yaml

from kravkoll.standins import StandIn

from .conftest import MOCKS, House

MANIFEST = MOCKS.parent / "contracts" / "apis" / "flows" / "ber-tempus.yaml"
PROTECTED = ("child-p1", "child-p2", "guardian-g2", "teacher-protected", "fingerad-new")


def everything(house: House, system: StandIn, client: str = "tempus") -> dict[str, list[dict[str, Any]]]:
    return {
        resource: house.walk(system, resource, client)
        for resource in ("organisations", "persons", "placements", "groups", "duties")
    }


def paths(value: Any, at: str = "") -> set[str]:
    if isinstance(value, list):
        return {path for one in value for path in paths(one, at)}
    if isinstance(value, dict):
        return {path for name, one in value.items() for path in paths(one, f"{at}.{name}" if at else name)}
    return {at}


def test_what_is_sent_is_what_the_manifest_has(house: House, ber: StandIn) -> None:
    agreed = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))["fields"]
    for resource, records in everything(house, ber).items():
        assert records
        assert paths(records) <= set(agreed[resource])


def test_preschool_only_and_whole(house: House, ber: StandIn) -> None:
    sent = house.walk(ber, "persons", "tempus")
    forms = {one["schoolType"] for person in sent for one in person.get("enrolments", ())}
    assert forms == {"FS"}
    ids = {person["id"] for person in sent}
    assert house.person("child-a1")["id"] in ids
    assert house.person("guardian-a")["id"] in ids
    assert house.person("child-a2")["id"] not in ids
    for placement in house.walk(ber, "placements", "tempus"):
        assert placement["child"]["id"] in ids
    for group in house.walk(ber, "groups", "tempus"):
        assert {one["person"]["id"] for one in group["groupMemberships"]} <= ids


def test_contact_details_are_of_guardians_only(house: House, ber: StandIn) -> None:
    for person in house.walk(ber, "persons", "tempus"):
        child = bool(person.get("enrolments"))
        assert ("emails" in person or "phoneNumbers" in person) <= (not child)
        assert ("birthDate" in person) == child


def answers(house: House, ber: StandIn) -> bytes:
    """Everything that this client can find out, by every road there is."""
    known = [one["id"] for one in house.cast.records["persons"]]
    roads = [house.ask(ber, f"/persons/{one}", "tempus") for one in known[:30]]
    roads.append(house.ask(ber, "/persons/lookup", "tempus", "POST", json={"ids": known}))
    roads += [
        house.ask(ber, f"/{resource}", "tempus", params={"expand": expand, "expandReferenceNames": "true"})
        for resource, expand in (
            ("persons", ["responsibleFor", "placements", "groupMemberships", "duties"]),
            ("placements", ["child", "owners"]),
            ("groups", ["assignmentRoles"]),
            ("duties", ["person"]),
        )
    ]
    return orjson.dumps(everything(house, ber)) + b"".join(answer.content for answer in roads)


@pytest.mark.parametrize("persona", PROTECTED)
def test_nobody_with_protected_identity_shows(house: House, ber: StandIn, persona: str) -> None:
    person = house.person(persona)
    assert person["id"].encode() not in answers(house, ber)


def test_a_missing_marking_is_taken_for_one(house: House, ber: StandIn) -> None:
    child = dict(house.person("child-a1"))
    assert child["id"] in house.ids(ber, "persons", "tempus")
    del child["securityMarking"]
    ber.seed(put={"persons": [child]})
    assert child["id"] not in house.ids(ber, "persons", "tempus")
    assert child["id"] in house.ids(ber, "persons")


def test_a_filter_tells_nothing_of_what_is_not_sent(house: House, ber: StandIn) -> None:
    number = house.person("child-a1")["civicNo"]["value"]
    assert house.walk(ber, "persons", "tempus", civicNo=number) == []
    lookup = house.ask(ber, "/persons/lookup", "tempus", "POST", json={"civicNos": [number]})
    assert lookup.json() == []


def test_removals_of_people_who_were_never_sent_are_not_told(house: House, ber: StandIn) -> None:
    sent, marked, pupil = (house.person(one)["id"] for one in ("child-a1", "child-p1", "child-a2"))
    ber.seed(remove={"persons": [sent, marked, pupil]})
    told = house.ask(ber, "/deletedEntities", "tempus").json()["data"]["persons"]
    assert sent in told
    assert not {marked, pupil} & set(told)


def test_whole_records_are_sent(house: House) -> None:
    sent = house.walk(house.start("ber", "flow.fields"), "persons", "tempus")
    assert all("securityMarking" in person for person in sent)
    assert any("civicNo" in person and "addresses" in person for person in sent)


def test_other_forms_are_sent(house: House) -> None:
    ber = house.start("ber", "flow.forms")
    assert house.person("child-a2")["id"] in house.ids(ber, "persons", "tempus")
    assert house.person("child-p2")["id"] not in house.ids(ber, "persons", "tempus")


def where_marked_shows(house: House, fault: str) -> set[str]:
    ber = house.start("ber", fault)
    child = house.person("child-p1")["id"]
    roads = {
        "list": house.ask(ber, "/persons", "tempus"),
        "get": house.ask(ber, f"/persons/{child}", "tempus"),
        "lookup": house.ask(ber, "/persons/lookup", "tempus", "POST", json={"ids": [child]}),
        "groups": house.ask(ber, "/groups", "tempus", params={"expand": "assignmentRoles"}),
        "placements": house.ask(ber, "/placements", "tempus", params={"expand": "child"}),
        "plain placements": house.ask(ber, "/placements", "tempus"),
    }
    return {
        road
        for road, answer in roads.items()
        if answer.status_code == 200 and child.encode() in answer.content
    }


def test_where_each_fault_shows_the_marked(house: House) -> None:
    assert where_marked_shows(house, "marked.listed") == {"list", "get", "plain placements"}
    assert where_marked_shows(house, "marked.lookup") == {"lookup"}
    assert where_marked_shows(house, "marked.expand") == {"groups", "placements"}
    assert where_marked_shows(house, "marked.twin") == set()


def test_hiding_every_child(house: House) -> None:
    ber = house.start("ber", "marked.twin")
    sent = house.walk(ber, "persons", "tempus")
    assert sent
    assert not [one for one in sent if one.get("enrolments")]
    assert house.walk(ber, "placements", "tempus") == []
