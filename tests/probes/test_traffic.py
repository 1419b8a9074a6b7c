"""Fields and records in what was exchanged."""

import json

from kravkoll.probes.traffic import (
    Exchange,
    deleted_ids,
    digest,
    field_values,
    observed_fields,
    sent_records,
)


def answer(path: str, body: object, status: int = 200) -> Exchange:
    return Exchange("GET", "register", path, status=status, response_body=json.dumps(body))


def test_records_of_lists_lookups_and_single_answers() -> None:
    exchanges = [
        answer("/persons", {"data": [{"id": "1"}, {"id": "2"}]}),
        answer("/persons/lookup", [{"id": "2"}, {"id": "3"}]),
        answer("/persons/4", {"id": "4"}),
        answer("/groups", {"data": [{"id": "g"}]}),
    ]
    found = sent_records(exchanges)
    assert [record["id"] for record in found["persons"]] == ["1", "2", "3", "4"]
    assert [record["id"] for record in found["groups"]] == ["g"]


def test_refusals_and_garbage_hold_no_records() -> None:
    refused = answer("/persons", {"data": [{"id": "1"}]}, status=403)
    garbage = Exchange("GET", "register", "/persons", status=200, response_body="<html>")
    assert sent_records([refused, garbage]) == {}


def test_two_versions_of_a_record_are_both_kept() -> None:
    plain, full = {"id": "1"}, {"id": "1", "civicNo": {"value": "x"}}
    found = sent_records(
        [answer("/persons/1", plain), answer("/persons/1", full), answer("/persons/1", plain)]
    )
    assert list(found["persons"]) == [plain, full]


def test_deleted_entities_are_ids_not_records() -> None:
    exchange = answer("/deletedEntities", {"data": {"persons": ["1"], "groups": []}})
    assert sent_records([exchange]) == {}
    assert deleted_ids([exchange]) == {"persons": ("1",), "groups": ()}


def test_fields_go_through_lists_and_count_records_once() -> None:
    people: list[dict[str, object]] = [
        {"id": "1", "emails": [{"value": "a"}, {"value": "b"}], "photo": None},
        {"id": "2", "emails": []},
    ]
    fields = {one.path: one for one in observed_fields(field_values({"persons": people}))}
    assert set(fields) == {"id", "emails.value"}
    assert (fields["emails.value"].count, fields["emails.value"].example) == (1, "a")
    assert fields["id"].seen_in == ("1", "2")


def test_line_round_trip() -> None:
    exchange = Exchange("GET", "h", "/p", (("a", "1"), ("a", "2")), (("X", "y"),), "", 200, (), "{}")
    line = json.dumps({name: getattr(exchange, name) for name in Exchange.__dataclass_fields__})
    assert Exchange.from_line(line) == exchange


def test_digest_follows_bodies_not_headers() -> None:
    one = Exchange("GET", "h", "/p", response_headers=(("date", "a"),))
    other = Exchange("GET", "h", "/p", response_headers=(("date", "b"),))
    assert digest([one]) == digest([other]) != digest([answer("/p", {})])
