import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kravkoll.standins import StandIn
from kravkoll.standins.api_errors import ApiError
from kravkoll.standins.filters import read_arguments
from kravkoll.standins.resources import PARAMETERS

from .conftest import House


def children(house: House, form: str) -> set[str]:
    records: Any = house.cast.records["persons"]
    return {
        one["id"]
        for one in records
        if any(enrolment["schoolType"] == form for enrolment in one["enrolments"])
    }


def test_filters_of_persons(house: House, ber: StandIn) -> None:
    child = house.person("child-a1")
    number, name = child["civicNo"]["value"], child["eduPersonPrincipalNames"][0]
    assert house.ids(ber, "persons", civicNo=number) == {child["id"]}
    assert house.ids(ber, "persons", eduPersonPrincipalName=name) == {child["id"]}
    assert house.ids(ber, "persons", nameContains=[child["givenName"][3:].upper(), child["familyName"]]) == {
        child["id"]
    }
    assert house.ids(ber, "persons", civicNo="190001019999") == set()


def test_relationships_are_one_and_the_same_relation(house: House, ber: StandIn) -> None:
    child = house.person("child-a1")
    unit = child["enrolments"][0]["enroledAt"]["id"]
    enrolled = house.ids(
        ber, "persons", **{"relationship.entity.type": "enrolment", "relationship.organisation": unit}
    )
    staff = house.ids(
        ber, "persons", **{"relationship.entity.type": "duty", "relationship.organisation": unit}
    )
    guardians = house.ids(ber, "persons", **{"relationship.entity.type": "responsibleFor.enrolment"})
    assert child["id"] in enrolled <= children(house, "FS")
    assert house.person("guardian-a")["id"] in guardians - enrolled
    assert staff
    assert not staff & enrolled
    assert house.ids(ber, "persons", **{"relationship.entity.type": "placement.owner"}) <= guardians


def test_filters_of_the_other_resources(house: House, ber: StandIn) -> None:
    child = house.person("child-a1")
    (placement,) = house.walk(ber, "placements", child=child["id"])
    assert placement["child"] == {"id": child["id"]}
    (group,) = [
        one for one in house.walk(ber, "groups", schoolTypes="FS") if one["id"] == placement["group"]["id"]
    ]
    assert {one["schoolType"] for one in house.walk(ber, "groups", schoolTypes=["FS", "GR"])} == {"FS", "GR"}
    assert house.ids(ber, "placements", group=group["id"]) >= {placement["id"]}
    assert house.ids(ber, "duties", dutyRole="Rektor") < house.ids(ber, "duties")
    units = house.walk(ber, "organisations", schoolTypes="FS")
    assert units
    assert house.ids(ber, "organisations", parent=units[0]["parentOrganisation"]["id"]) >= {units[0]["id"]}


def test_times_are_exclusive_and_dates_inclusive(house: House, ber: StandIn) -> None:
    moment = house.person("child-a1")["meta"]["modified"]
    earlier = house.ids(ber, "persons", **{"meta.modified.before": moment})
    later = house.ids(ber, "persons", **{"meta.modified.after": moment})
    assert earlier | later | {house.person("child-a1")["id"]} == house.ids(ber, "persons")
    assert not earlier & later
    start = house.walk(ber, "placements")[0]["startDate"]
    both = {"startDate.onOrAfter": start, "startDate.onOrBefore": start}
    assert {one["startDate"] for one in house.walk(ber, "placements", **both)} == {start}


def test_sorting(house: House, ber: StandIn) -> None:
    names = [one["familyName"] for one in house.walk(ber, "persons", sortkey="FamilyNameDesc", limit=50)]
    assert names == sorted(names, reverse=True)


def test_what_is_expanded(house: House, ber: StandIn) -> None:
    child, guardian = house.person("child-a1"), house.person("guardian-a")
    whole = house.ask(
        ber, f"/persons/{child['id']}", params={"expand": ["placements", "groupMemberships"]}
    ).json()["_embedded"]
    assert [one["child"]["id"] for one in whole["placements"]] == [child["id"]]
    assert [one["group"]["groupType"] for one in whole["groupMemberships"]] == ["Avdelning"]
    adult = house.ask(
        ber, f"/persons/{guardian['id']}", params={"expand": ["responsibleFor", "ownedPlacements"]}
    ).json()["_embedded"]
    assert child["id"] in {one["person"]["id"] for one in adult["responsibleFor"]}
    assert child["id"] in {one["child"]["id"] for one in adult["ownedPlacements"]}
    duty = house.ask(ber, "/duties", params={"expand": "person", "limit": 1}).json()["data"][0]
    assert duty["_embedded"]["person"]["id"] == duty["person"]["id"]
    groups = house.walk(ber, "groups", expand="assignmentRoles")
    assert any(one["_embedded"]["assignmentRoles"] for one in groups)


def test_names_beside_references(house: House, ber: StandIn) -> None:
    (placement,) = house.walk(
        ber, "placements", child=house.person("child-a1")["id"], expandReferenceNames="true"
    )
    assert placement["child"]["displayName"].startswith(house.person("child-a1")["givenName"])
    assert "displayName" not in placement


def test_lookups(house: House, ber: StandIn) -> None:
    one, other = house.person("child-a1"), house.person("guardian-a")
    body = {"ids": [one["id"], str(uuid.uuid4())], "civicNos": [other["civicNo"]["value"]]}
    found = house.ask(ber, "/persons/lookup", method="POST", json=body).json()
    assert {record["id"] for record in found} == {one["id"], other["id"]}
    assert house.ask(ber, "/persons/lookup", method="POST", json={}).json() == []
    placed = house.ask(ber, "/placements/lookup", method="POST", json={"personIds": [one["id"]]}).json()
    assert [record["child"]["id"] for record in placed] == [one["id"]]
    refused: list[Any] = [{"ids": "x"}, {"ids": ["x"]}, {"names": []}, []]
    for bad in refused:
        assert house.ask(ber, "/persons/lookup", method="POST", json=bad).status_code == 400


def test_single_records(house: House, ber: StandIn) -> None:
    child = house.person("child-a1")
    assert house.ask(ber, f"/persons/{child['id']}").json() == child
    assert house.ask(ber, f"/persons/{uuid.uuid4()}").status_code == 404
    assert house.ask(ber, "/persons/x").status_code == 400
    assert house.ask(ber, f"/groups/{child['id']}").status_code == 404
    assert house.ask(ber, "/grades").status_code == 404


def test_deletions(house: House, ber: StandIn) -> None:
    before = house.ask(ber, "/deletedEntities").json()["data"]
    assert before["persons"]
    gone = house.person("child-a1")["id"]
    ber.seed(remove={"persons": [gone]})
    after = house.ask(ber, "/deletedEntities", params={"entities": ["Person"]}).json()["data"]
    assert after == {"persons": [*before["persons"], gone]}
    latest = house.ask(ber, "/deletedEntities", params={"after": "2026-10-30T00:00:00+01:00"}).json()["data"]
    assert gone in latest["persons"]
    pages, token = [], None
    while True:
        page = house.ask(
            ber, "/deletedEntities", params={"limit": 1, **({"pageToken": token} if token else {})}
        )
        pages += [one for ids in page.json()["data"].values() for one in ids]
        if not (token := page.json()["pageToken"]):
            break
    assert len(pages) == len(set(pages)) == sum(map(len, before.values())) + 1


@pytest.mark.parametrize(
    ("resource", "query"),
    [
        ("persons", "grades=A"),
        ("persons", "relationship.organisation=1"),
        ("persons", "relationship.entity.type=friend"),
        ("persons", "meta.modified.after=2026-01-01T00:00:00"),
        ("persons", "expand=grades"),
        ("groups", "startDate.onOrAfter=20260101"),
        ("groups", "sortkey=ByLuck"),
        ("duties", "person=a&person=b"),
        ("duties", "limit=-1"),
        ("organisations", "expandReferenceNames=perhaps"),
    ],
)
def test_queries_that_are_refused(house: House, ber: StandIn, resource: str, query: str) -> None:
    answer = house.ask(ber, f"/{resource}?{query}")
    assert answer.status_code == 400
    assert answer.json().keys() == {"code", "message"}


@given(st.sampled_from(sorted(PARAMETERS)), st.data())
def test_a_query_is_read_or_refused(resource: str, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(PARAMETERS[resource])))
    value = data.draw(st.text() | st.dates().map(str) | st.uuids().map(str) | st.datetimes().map(str))
    try:
        arguments: Any = read_arguments(resource, [(name, value)])
    except ApiError as error:
        assert error.status == 400  # noqa: PT017  both ways are right
    else:
        assert set(arguments) == {name}


def test_an_ignored_filter(house: House) -> None:
    ber = house.start("ber", "api.filter.ignored")
    assert len(house.walk(ber, "persons", civicNo="190001019999")) == len(house.cast.records["persons"])
    assert house.ask(ber, "/persons?unknown=1").status_code == 400
