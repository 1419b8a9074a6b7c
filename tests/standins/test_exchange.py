"""What goes between the two systems, and out of them."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx
import orjson
import pytest

from kravkoll.standins import StandIn, Unreachable

from .conftest import TEMPUS_OWN, TEMPUS_RESOURCES, House


def asked(system: StandIn) -> set[str]:
    return {f"{one.path}?{one.query}" if one.query else one.path for one in system.log}


def test_the_receiver_holds_what_it_was_sent(house: House, ber: StandIn, tempus: StandIn) -> None:
    for resource in TEMPUS_RESOURCES:
        assert house.walk(tempus, resource) == house.walk(ber, resource, "tempus")


def test_it_asks_for_no_more_than_the_flow(ber: StandIn, tempus: StandIn) -> None:
    assert asked(ber) == {
        f"/v2.0/{resource}?limit=200" for resource in (*TEMPUS_RESOURCES, "deletedEntities")
    }


def test_changes_and_removals_follow(house: House, ber: StandIn, tempus: StandIn) -> None:
    child, gone = house.person("child-a1"), house.person("child-b1")["id"]
    ber.seed(put={"persons": [child | {"givenName": "Nytt"}]}, remove={"persons": [gone]})
    tempus.hooks["sync"]()
    assert house.ask(tempus, f"/persons/{child['id']}").json()["givenName"] == "Nytt"
    assert gone not in house.ids(tempus, "persons")
    assert gone in house.ask(tempus, "/deletedEntities").json()["data"]["persons"]


def test_the_trigger_over_https(house: House, ber: StandIn) -> None:
    tempus = house.receiver(ber)
    answer = house.http.post(f"{tempus.url}/hooks/sync")
    assert answer.status_code == 401
    headers = {"Authorization": f"Bearer {house.token(tempus)}"}
    answer = house.http.post(f"{tempus.url}/hooks/sync", headers=headers)
    assert answer.json()["persons"] == len(house.walk(tempus, "persons")) > 0


def test_a_register_that_is_away(house: House, ber: StandIn) -> None:
    tempus = house.receiver(ber)
    ber.close()
    with pytest.raises(Unreachable):
        tempus.prepare()
    headers = {"Authorization": f"Bearer {house.token(tempus)}"}
    assert house.http.post(f"{tempus.url}/hooks/sync", headers=headers).status_code == 502


def test_the_receiver_verifies_the_register(house: House) -> None:
    tempus = house.receiver(house.start("ber", "tls.untrusted_ca"))
    with pytest.raises(Unreachable, match="certificate"):
        tempus.prepare()


def test_an_idle_trigger(house: House, ber: StandIn) -> None:
    tempus = house.receiver(ber, "client.idle")
    tempus.prepare()
    before = len(ber.log)
    assert tempus.trigger()["persons"] == len(house.walk(tempus, "persons")) > 0
    assert len(ber.log) == before


def test_asking_for_too_much(house: House, ber: StandIn) -> None:
    house.receiver(ber, "client.asks").prepare()
    assert any("expand=placements" in one for one in asked(ber))
    assert any(one.startswith("/v2.0/studyPlans") for one in asked(ber))


def test_keeping_too_much(house: House) -> None:
    """The sender breaks the flow, and only the faulty receiver shows what came of it."""
    ber = house.start("ber", "flow.fields")
    shown = {}
    for fault in (None, "client.keeps"):
        tempus = house.receiver(ber, fault)
        tempus.prepare()
        shown[fault] = {name for person in house.walk(tempus, "persons") for name in person}
    assert "civicNo" not in shown[None]
    assert {"civicNo", "addresses", "securityMarking"} <= shown["client.keeps"]


def test_keeping_what_was_never_sent(house: House, ber: StandIn) -> None:
    tempus = house.receiver(ber, "client.keeps")
    tempus.prepare()
    assert all("securityMarking" in person for person in house.walk(tempus, "persons"))


@pytest.fixture
def neighbour() -> Iterator[tuple[str, list[bytes]]]:
    """Somebody else's address, and what arrives at it."""
    arrived: list[bytes] = []

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            arrived.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Listener) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", arrived
        server.shutdown()


@pytest.mark.parametrize(("fault", "posts"), [(None, 0), ("flow.pushes", 1)])
def test_passing_on(
    house: House, ber: StandIn, neighbour: tuple[str, list[bytes]], fault: str | None, posts: int
) -> None:
    address, arrived = neighbour
    house.receiver(ber, fault, peers={"infomentor": address}).prepare()
    assert len(arrived) == posts
    assert all(house.person("child-a1")["id"].encode() in body for body in arrived)


def export(house: House, system: StandIn) -> list[dict[str, Any]]:
    headers = {"Authorization": f"Bearer {house.token(system)}"}
    ordered = house.http.post(f"{system.url}/exports", headers=headers)
    assert ordered.status_code == 202
    place = system.addresses["export"] + ordered.headers["location"]
    for _ in range(100):
        if house.http.get(place, headers=headers).json()["state"] == "done":
            break
    lines = house.http.get(f"{place}/file", headers=headers).content.splitlines()
    return [orjson.loads(line) for line in lines]


def held(house: House, system: StandIn) -> list[dict[str, Any]]:
    return [
        {"resource": resource, **record}
        for resource in (*TEMPUS_RESOURCES, *TEMPUS_OWN)
        for record in house.walk(system, resource)
    ]


def test_an_export_is_all_there_is(house: House, tempus: StandIn) -> None:
    assert export(house, tempus) == held(house, tempus)


@pytest.mark.parametrize("fault", ["export.drops", "export.empty", "export.fields"])
def test_faulty_exports(house: House, ber: StandIn, fault: str) -> None:
    tempus = house.receiver(ber, fault)
    tempus.prepare()
    lines, whole = export(house, tempus), held(house, tempus)
    assert whole
    if fault == "export.drops":
        assert 0 < len(lines) < len(whole)
        assert all(line in whole for line in lines)
    elif fault == "export.empty":
        assert lines == []
    else:
        assert [one["id"] for one in lines] == [one["id"] for one in whole]
        assert lines != whole


def test_exports_are_not_for_others(house: House, tempus: StandIn) -> None:
    assert house.http.post(f"{tempus.url}/exports").status_code == 401
    other = {"Authorization": f"Bearer {house.token(tempus, 'infomentor')}"}
    assert house.http.post(f"{tempus.url}/exports", headers=other).status_code == 403
    own = {"Authorization": f"Bearer {house.token(tempus)}"}
    assert house.http.get(f"{tempus.url}/exports/1", headers=own).status_code == 404


WRITES = [("POST", ""), ("PUT", "/{id}"), ("PATCH", "/{id}"), ("DELETE", "/{id}")]


def attempts(house: House, ber: StandIn) -> list[httpx.Response]:
    child = house.walk(ber, "persons", "tempus")[0]
    changed = child | {"familyName": "Ändrat"}
    return [
        house.ask(ber, f"/persons{path.format(id=child['id'])}", "tempus", method, json=changed)
        for method, path in WRITES
    ]


@pytest.mark.parametrize(
    ("fault", "status", "changes"),
    [
        (None, 405, False),
        ("write.accepted", 200, True),
        ("write.silent", 405, True),
        ("write.ignored", 200, False),
    ],
)
def test_writes(house: House, fault: str | None, status: int, changes: bool) -> None:
    ber = house.start("ber", fault)
    before = house.walk(ber, "persons")
    answers = attempts(house, ber)
    assert {answer.status_code for answer in answers} == {status}
    assert (house.walk(ber, "persons") != before) == changes


def test_seeding_over_https(house: House, ber: StandIn) -> None:
    headers = {"Authorization": f"Bearer {house.token(ber)}"}
    child = house.person("child-a1")
    made = {"givenName": "Nykomling", "familyName": "Person", "securityMarking": "Ingen"}
    body = {"put": {"persons": [made]}, "remove": {"persons": [child["id"]]}}
    answer = house.http.post(f"{ber.url}/admin/seed", json=body, headers=headers)
    assert answer.json() == {"put": 1, "removed": 1}
    (new,) = house.walk(ber, "persons", nameContains="nykomling")
    assert new["meta"]["created"] == new["meta"]["modified"]
    assert (
        house.http.post(
            f"{ber.url}/admin/seed", json={"put": {"timetables": []}}, headers=headers
        ).status_code
        == 400
    )


@pytest.mark.parametrize("fault", ["api.schema.type", "api.schema.missing"])
@pytest.mark.parametrize("name", ["ber", "tempus"])
def test_records_of_another_shape(house: House, ber: StandIn, name: str, fault: str) -> None:
    system = house.start("ber", fault) if name == "ber" else house.receiver(ber, fault)
    system.prepare()
    groups, people = house.walk(system, "groups"), house.walk(system, "persons")
    if fault == "api.schema.type":
        assert all(isinstance(group["startDate"], int) for group in groups)
    else:
        assert not [one for one in (*groups, *people) if "displayName" in one or "familyName" in one]


def test_a_server_error(house: House) -> None:
    ber = house.start("ber", "api.status.500")
    assert house.ask(ber, f"/persons/{house.person('child-a1')['id']}").status_code == 500
    assert house.ask(ber, "/persons").status_code == 200


def test_subscriptions(house: House, ber: StandIn) -> None:
    wanted = {"name": "Nya", "target": "https://hook.invalid/", "resourceTypes": [{"resource": "Person"}]}
    assert house.ask(ber, "/subscriptions", "tempus", "POST", json=wanted).status_code == 403
    token = house.token(ber, scope="ss12000.read ss12000.subscribe")
    headers = {"Authorization": f"Bearer {token}"}
    at = f"{ber.addresses['api']}/subscriptions"
    made = house.http.post(at, json=wanted, headers=headers).json()
    assert made.items() >= wanted.items()
    assert house.ask(ber, "/subscriptions").json()["data"] == [made]
    assert house.ask(ber, "/subscriptions", "tempus").json()["data"] == []
    assert house.http.patch(f"{at}/{made['id']}", headers=headers).status_code == 200
    assert house.http.delete(f"{at}/{made['id']}", headers=headers).status_code == 204
    assert house.http.get(f"{at}/{made['id']}", headers=headers).status_code == 404


def test_the_published_document_has_what_is_served(house: House, ber: StandIn, tempus: StandIn) -> None:
    for system, subscribes in ((ber, True), (tempus, False)):
        document = house.http.get(f"{system.addresses['api']}/openapi.json").json()
        assert document == house.http.get(f"{system.url}/openapi.json").json()
        assert ("/subscriptions" in document["paths"]) == subscribes
        assert {f"/{resource}" for resource in TEMPUS_RESOURCES} < document["paths"].keys()
