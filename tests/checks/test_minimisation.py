"""What a flow carried against what was agreed."""

import json
from typing import Any

import pytest

from kravkoll.cast.canaries import Canary
from kravkoll.checks.flow_policy import FlowPolicy
from kravkoll.checks.minimisation import asked, hidden_values, kept, sent_fields, sent_forms
from kravkoll.probes.traffic import Exchange, FieldValue, field_values

MANIFEST = {
    "operations": {
        "listPersons": {"parameters": ["limit", "pageToken"]},
        "getPerson": {},
        "lookupPersons": {"body": ["ids"]},
    },
    "school_forms": ["FS"],
    "fields": {
        "persons": [
            "id",
            "meta",
            "givenName",
            "birthDate",
            "enrolments.schoolType",
            "responsibles.person.id",
        ],
        "organisations": ["id", "schoolTypes"],
    },
    "only_for": {"persons": {"birthDate": ["child"]}},
    "must_not_carry": {"fields": {"persons": ["civicNo"]}, "records": {"persons_marked": ["x"]}},
}
API = {
    "paths": {
        "/persons": {"get": {"operationId": "listPersons"}},
        "/persons/lookup": {"post": {"operationId": "lookupPersons"}},
        "/persons/{id}": {"get": {"operationId": "getPerson"}},
    }
}
POLICY = FlowPolicy.from_documents(MANIFEST, API)


def values(**records: list[dict[str, Any]]) -> list[FieldValue]:
    return field_values(records)


def test_agreed_fields_pass() -> None:
    person = {
        "id": "c",
        "meta": {"created": "x"},
        "givenName": "A",
        "responsibles": [{"person": {"id": "g"}}],
    }
    assert sent_fields(values(persons=[person]), POLICY) == []


@pytest.mark.parametrize(
    ("extra", "path"),
    [
        ({"civicNo": {"value": "1"}}, "civicNo.value"),
        ({"responsibles": [{"person": {"id": "g", "displayName": "G"}}]}, "responsibles.person.displayName"),
        ({"_embedded": {"duties": [{"id": "d"}]}}, "_embedded.duties.id"),
    ],
)
def test_fields_outside_are_told_by_path(extra: dict[str, Any], path: str) -> None:
    (finding,) = sent_fields(values(persons=[{"id": "c"} | extra]), POLICY)
    assert finding.code == "SP-17.sent"
    assert finding.cases[0]["field"] == path  # type: ignore[index]  # cases are mappings here


def test_a_resource_outside_is_outside_whole() -> None:
    (finding,) = sent_fields(values(grades=[{"id": "x", "grade": "A"}]), POLICY)
    assert finding.failed == 2


def test_a_field_for_children_only() -> None:
    people: list[dict[str, Any]] = [
        {"id": "child", "birthDate": "2022-01-01", "responsibles": [{"person": {"id": "guardian"}}]},
        {"id": "guardian", "birthDate": "1990-01-01"},
    ]
    (finding,) = sent_fields(values(persons=people), POLICY)
    assert finding.cases[0]["example"] == "guardian"  # type: ignore[index]


def test_a_value_under_another_name_is_found() -> None:
    canary = Canary("cny-secret", "persons", "addresses.locality", ("c",))
    body = json.dumps({"data": [{"id": "c", "givenName": "A of cny-secret"}]})
    exchange = Exchange("GET", "h", "/persons", status=200, response_body=body)
    (finding,) = hidden_values([exchange], POLICY, [canary])
    assert finding.code == "SP-17.sent"
    allowed = Canary("cny-secret", "persons", "givenName", ("c",))
    assert hidden_values([exchange], POLICY, [allowed]) == []


def test_school_forms_by_field_and_by_person() -> None:
    people: list[dict[str, Any]] = [
        {"id": "fs", "enrolments": [{"schoolType": "FS"}]},
        {"id": "gr", "enrolments": [{"schoolType": "GR"}]},
        {"id": "silent"},
        {"id": "guardian"},
    ]
    (finding,) = sent_forms(values(persons=people), POLICY, {"silent": frozenset({"GR"})})
    assert [case["record"] for case in finding.cases] == ["gr", "silent"]  # type: ignore[index]
    assert (finding.failed, finding.tried) == (2, 4)


def test_a_unit_that_is_shared_between_forms_may_be_sent() -> None:
    shared, foreign = {"id": "a", "schoolTypes": ["FS", "GR"]}, {"id": "b", "schoolTypes": ["GR"]}
    assert sent_forms(values(organisations=[shared]), POLICY, {}) == []
    assert sent_forms(values(organisations=[foreign]), POLICY, {})


@pytest.mark.parametrize(
    ("exchange", "outside"),
    [
        (Exchange("GET", "h", "/persons", (("limit", "9"),)), None),
        (Exchange("GET", "h", "/persons/4711"), None),
        (Exchange("POST", "h", "/persons/lookup", request_body='{"ids": ["a"]}'), None),
        (Exchange("GET", "h", "/openapi.json"), None),
        (Exchange("GET", "h", "/persons", (("expand", "duties"),)), "parameter expand=duties"),
        (Exchange("POST", "h", "/persons/lookup", request_body='{"civicNos": ["a"]}'), "body civicNos"),
        (Exchange("GET", "h", "/grades", status=403), "operation"),
        (Exchange("PUT", "h", "/persons/4711"), "operation"),
    ],
)
def test_questions(exchange: Exchange, outside: str | None) -> None:
    findings = asked([exchange], POLICY)
    assert [case["outside"] for one in findings for case in one.cases] == ([outside] if outside else [])  # type: ignore[index]


def test_kept_is_what_is_forbidden_or_the_registers_own() -> None:
    shown = values(
        persons=[
            {"id": "c", "civicNo": {"value": "other"}},  # forbidden whatever it holds
            {"id": "d", "photo": "register's"},  # the register's own value
            {"id": "e", "photo": "their own"},  # their own fact
            {"id": "f", "civicNo": {"value": "1"}},  # never came over the flow
        ]
    )
    ours = values(persons=[{"id": "d", "photo": "register's"}, {"id": "e", "photo": "another"}])
    (finding,) = kept(shown, frozenset("cde"), POLICY, ours)
    assert [case["record"] for case in finding.cases] == ["c", "d"]  # type: ignore[index]


def test_a_manifest_with_an_unknown_operation_is_our_mistake() -> None:
    with pytest.raises(KeyError):
        FlowPolicy.from_documents(MANIFEST | {"operations": {"listDragons": {}}}, API)
