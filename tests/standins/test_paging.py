import uuid
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kravkoll.standins import StandIn
from kravkoll.standins.api_errors import ApiError
from kravkoll.standins.paging import (
    Cursor,
    PageTokens,
    order_of,
    page,
    page_by_offset,
    page_from_the_last_row,
)
from kravkoll.standins.records import RecordStore
from kravkoll.standins.resources import SORT_KEYS

from .conftest import House

CHANGES = st.lists(
    st.tuples(st.sampled_from(["put", "remove", "rename"]), st.integers(0, 11), st.text("ab", max_size=2)),
    max_size=4,
)


def record(number: int, name: str = "") -> dict[str, Any]:
    meta = {"created": "2026-01-01T00:00:00Z", "modified": f"2026-01-{number % 27 + 1:02}T00:00:00Z"}
    return {"id": f"p{number}", "meta": meta, "givenName": name or f"n{number % 3}", "familyName": "x"}


def change(store: RecordStore, kind: str, number: int, name: str, *, renames: bool) -> None:
    known = store.now.tables["persons"]
    if kind == "put" and (renames or f"p{100 + number}" not in known):
        store.put("persons", [record(100 + number, name)])
    elif kind == "remove":
        store.remove("persons", [f"p{number}"])
    elif renames and f"p{number}" in known:
        store.put("persons", [record(number, name)])


@given(
    size=st.integers(0, 12),
    limit=st.integers(1, 5),
    sort_key=st.sampled_from([None, *SORT_KEYS["persons"]]),
    rounds=st.lists(CHANGES, max_size=12),
)
def test_what_stays_put_is_met_exactly_once(
    size: int, limit: int, sort_key: str | None, rounds: list[list[tuple[str, int, str]]]
) -> None:
    """Whatever comes and goes between the pages; a record moves where the list is sorted by what changed."""
    store = RecordStore({"persons": [record(number) for number in range(size)]})
    stayed = set(store.now.tables["persons"])
    met: list[str] = []
    cursor: Cursor | None = None
    pending = iter(rounds)
    while True:
        taken, cursor = page(list(store.now.rows("persons")), order_of("persons", sort_key), cursor, limit)
        assert len(taken) <= limit
        met += [row.record["id"] for row in taken]
        if cursor is None:
            break
        for one in next(pending, []):
            change(store, *one, renames=sort_key is None)
        stayed &= set(store.now.tables["persons"])
    assert stayed <= set(met)
    assert len(met) == len(set(met))


@given(st.integers(0, 12), st.sampled_from([*SORT_KEYS["persons"]]))
def test_pages_are_in_the_order_that_was_asked(size: int, sort_key: str) -> None:
    store = RecordStore({"persons": [record(number) for number in range(size)]})
    order = order_of("persons", sort_key)
    taken, _ = page(list(store.now.rows("persons")), order, None, 100)
    values = [order.value(row.record) for row in taken]
    assert values == sorted(values, reverse=order.descending)


def test_offsets_lose_a_record_when_an_earlier_one_goes() -> None:
    assert met_across_a_removal(page_by_offset) == ["p0", "p1", "p3"]
    assert met_across_a_removal(page) == ["p0", "p1", "p2", "p3"]


def test_a_page_from_the_last_row_doubles_it() -> None:
    assert met_across_a_removal(page_from_the_last_row) == ["p0", "p1", "p1", "p2", "p2", "p3"]


def met_across_a_removal(paging: Callable[..., Any]) -> list[str]:
    store = RecordStore({"persons": [record(number) for number in range(4)]})
    met, cursor = [], None
    while True:
        taken, cursor = paging(list(store.now.rows("persons")), order_of("persons", None), cursor, 2)
        met += [row.record["id"] for row in taken]
        store.remove("persons", ["p0"])
        if cursor is None:
            return met


@given(st.text(max_size=60))
def test_a_made_up_token_is_refused(token: str) -> None:
    with pytest.raises(ApiError) as refusal:
        PageTokens().open(token)
    assert refusal.value.status == 400


def test_walking_while_people_come_and_go(house: House, ber: StandIn) -> None:
    everyone = house.ids(ber, "persons")
    first = next(iter(ber.store.now.tables["persons"]))

    def between() -> None:
        ber.seed(put={"persons": [record(0) | {"id": str(uuid.uuid4())}]}, remove={"persons": [first]})

    met = [one["id"] for one in house.walk(ber, "persons", between=between, limit=40)]
    assert everyone <= set(met)
    assert len(met) == len(set(met))


@pytest.mark.parametrize(
    ("fault", "wrong"), [("api.paging.offset", "lost"), ("api.paging.doubles", "doubled")]
)
def test_faulty_walks(house: House, fault: str, wrong: str) -> None:
    ber = house.start("ber", fault)
    everyone = house.ids(ber, "persons")
    first = next(iter(ber.store.now.tables["persons"]))
    met = [
        one["id"]
        for one in house.walk(ber, "persons", between=lambda: ber.seed(remove={"persons": [first]}), limit=40)
    ]
    assert (len(met) > len(set(met))) == (wrong == "doubled")
    assert bool(everyone - set(met)) == (wrong == "lost")


def test_a_token_is_bound_to_its_query_and_its_client(house: House, ber: StandIn) -> None:
    token = house.ask(ber, "/persons", params={"limit": 1, "nameContains": "a"}).json()["pageToken"]
    following = house.ask(ber, "/persons", params={"pageToken": token, "limit": 3}).json()["data"]
    assert len(following) == 3
    assert all(
        "a" in f"{one['givenName']}{one['middleName']}{one['familyName']}".lower() for one in following
    )
    refused = [
        house.ask(ber, "/persons", params={"pageToken": token, "nameContains": "a"}),
        house.ask(ber, "/groups", params={"pageToken": token}),
        house.ask(ber, "/persons", "tempus", params={"pageToken": token}),
        house.ask(ber, "/persons", params={"pageToken": token[:-4] + "AAAA"}),
        house.ask(ber, "/persons", params={"limit": 0}),
    ]
    assert [answer.status_code for answer in refused] == [400] * 5
    assert all(answer.json().keys() == {"code", "message"} for answer in refused)
