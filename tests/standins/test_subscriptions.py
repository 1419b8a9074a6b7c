"""A register tells its subscribers that something changed, and never what."""

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from tests.standins.conftest import House

from kravkoll.serving.loopback import Served
from kravkoll.standins import StandIn

type Notices = list[dict[str, Any]]


@pytest.fixture
def told() -> Notices:
    return []


@pytest.fixture
def target(house: House, told: Notices) -> Iterator[Served]:
    async def hear(request: Request) -> Response:
        told.append(await request.json())
        return Response(status_code=200)

    app = Starlette(routes=[Route("/notices", hear, methods=["POST"])])
    with house.loopback.serve(app, context=house.city.ca.issue().server_context()) as served:
        yield served


def subscribe(house: House, ber: StandIn, target: str, *kinds: str) -> str:
    token = house.city.authorisation_server.token("city", "urn:kravkoll:ber", "ss12000.subscribe")
    body = {"name": "a test", "target": target, "resourceTypes": [{"resource": kind} for kind in kinds]}
    answer = house.http.post(
        f"{ber.addresses['api']}/subscriptions", json=body, headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 201
    return f"{ber.addresses['api']}/subscriptions/{answer.json()['id']}"


def a_group(ber: StandIn) -> dict[str, Any]:
    return dict(next(iter(ber.store.now.tables["groups"].values())).record)


def test_a_change_is_told_by_kind_alone(house: House, ber: StandIn, target: Served, told: Notices) -> None:
    subscribe(house, ber, f"{target.url}/notices", "Group", "Person")
    ber.seed(put={"groups": [a_group(ber)]})
    assert told == [{"modifiedEntites": ["Group"], "deletedEntities": False}]


def test_a_deletion_is_told(house: House, ber: StandIn, target: Served, told: Notices) -> None:
    subscribe(house, ber, f"{target.url}/notices", "Group")
    ber.seed(remove={"groups": [a_group(ber)["id"]]})
    assert told == [{"modifiedEntites": [], "deletedEntities": True}]


def test_what_nobody_asked_for_is_untold(house: House, ber: StandIn, target: Served, told: Notices) -> None:
    subscribe(house, ber, f"{target.url}/notices", "Duty")
    ber.seed(put={"groups": [a_group(ber)]})
    assert told == []


def test_an_ended_one_gets_nothing(house: House, ber: StandIn, target: Served, told: Notices) -> None:
    address = subscribe(house, ber, f"{target.url}/notices", "Group")
    token = house.city.authorisation_server.token("city", "urn:kravkoll:ber", "ss12000.subscribe")
    assert house.http.delete(address, headers={"Authorization": f"Bearer {token}"}).status_code == 204
    ber.seed(put={"groups": [a_group(ber)]})
    assert told == []


def test_a_target_that_is_gone_stops_nothing(house: House, ber: StandIn, target: Served) -> None:
    subscribe(house, ber, f"{target.url}/notices", "Group")
    target.close()
    assert ber.seed(put={"groups": [a_group(ber)]}) == {"put": 1, "removed": 0}
