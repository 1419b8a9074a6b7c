"""The agreed part of SS 12000 says what the published file says: nothing missing, nothing contrary."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kravkoll.probes.openapi import Document, operations, read_document, resolve

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT.parent / "shared" / "data" / "ss12000" / "openapi-2.1.0.json"
FLOWS = ROOT / "contracts" / "apis" / "flows"
LEFT_OUT = ("log", "statistics")
"""What no flow uses."""
SLIPS = {
    "Grade": ("required", "schoolUnit"),
    "AttendanceSchedule": ("required", "scheduleDays"),
}
"""Schema -> what the published file demands and nowhere defines."""
TIMES = {"startTime": {"type": "string"}, "endTime": {"type": ["string", "integer"]}}
"""Of a day in an attendance schedule: the published file has a pattern in `format`, a number for the end."""
MISDIRECTED = {"post /calendarEvents/lookup", "post /attendanceSchedule/lookup"}
"""Look-ups whose published answer is of another resource."""
TOLD = ("description", "example", "examples", "title", "summary", "readOnly")


@pytest.fixture(scope="module")
def ours() -> Document:
    return read_document(ROOT / "contracts" / "apis" / "ss12000-2.1.yaml")


@pytest.fixture(scope="module")
def published() -> Document:
    if not PUBLISHED.exists():
        pytest.skip("the published file is not here")
    document = read_document(PUBLISHED)
    schemas = document["components"]["schemas"]
    for schema, (key, name) in SLIPS.items():
        schemas[schema][key].remove(name)
    schemas["AttendanceScheduleEntry"]["properties"] |= TIMES
    return document


def plain(document: Document, schema: Document) -> Document:
    """A schema without references, prose and dialect, so that two documents can be compared."""
    schema = resolve(document, schema)
    flat: Document = {}
    for part in schema.get("allOf", ()):
        flat = _joined(flat, plain(document, part))
    own = {key: value for key, value in schema.items() if key not in {*TOLD, "allOf", "nullable"}}
    if schema.get("nullable"):
        own["type"] = [own["type"], "null"]
    if "properties" in own:
        own["properties"] = {name: plain(document, one) for name, one in own["properties"].items()}
    if "items" in own:
        own["items"] = plain(document, own["items"])
    for key in ("required", "enum"):
        if key in own:
            own[key] = sorted(own[key])
    return _joined(flat, own)


def _joined(one: Document, other: Document) -> Document:
    joined = one | other
    for key in ("properties", "required"):
        if key in one and key in other:
            joined[key] = one[key] | other[key] if key == "properties" else sorted({*one[key], *other[key]})
    return joined


def parameters(document: Document, definition: Document) -> dict[str, Any]:
    found = [resolve(document, one) for one in definition.get("parameters", ())]
    return {
        one["name"]: (one["in"], one.get("required", False), plain(document, one["schema"])) for one in found
    }


def contents(document: Document, holder: Document) -> dict[str, Document]:
    return {
        kind: plain(document, content["schema"])
        for kind, content in resolve(document, holder).get("content", {}).items()
    }


def pairs(ours: Document, published: Document) -> Iterator[tuple[str, Document, Document]]:
    for path, item in published["paths"].items():
        if path.split("/")[1] not in LEFT_OUT:
            for method in set(item) & {"get", "post", "patch", "delete"}:
                yield f"{method} {path}", ours["paths"][path][method], item[method]


def test_every_operation_of_the_resources_is_there(ours: Document, published: Document) -> None:
    def named(document: Document) -> set[tuple[str, str]]:
        return {(one.method, one.path) for one in operations(document) if one.resource not in LEFT_OUT}

    assert named(ours) == named(published)


def test_parameters_are_the_same(ours: Document, published: Document) -> None:
    for name, mine, theirs in pairs(ours, published):
        assert parameters(ours, mine) == parameters(published, theirs), name


def test_bodies_are_the_same(ours: Document, published: Document) -> None:
    for name, mine, theirs in pairs(ours, published):
        body, their_body = mine.get("requestBody", {}), theirs.get("requestBody", {})
        assert contents(ours, body) == contents(published, their_body), name
        assert body.get("required") == their_body.get("required"), name


def test_answers_are_the_same_and_refusals_are_added(ours: Document, published: Document) -> None:
    for name, mine, theirs in pairs(ours, published):
        assert set(mine["responses"]) - set(theirs["responses"]) <= {"401", "403", "429"}, name
        for status, response in theirs["responses"].items():
            if name in MISDIRECTED and status == "200":
                continue
            assert contents(ours, mine["responses"][status]) == contents(published, response), (name, status)


def test_a_lookup_answers_with_what_was_looked_up(ours: Document) -> None:
    for one in operations(ours):
        if one.is_lookup:
            answer = contents(ours, one.definition["responses"]["200"])["application/json"]
            page = next(lister for lister in operations(ours) if lister.path == f"/{one.resource}")
            listed = contents(ours, page.definition["responses"]["200"])["application/json"]
            assert answer["items"] == listed["properties"]["data"]["items"], one.identity


def test_the_notice_is_the_same(ours: Document, published: Document) -> None:
    found = []
    for document in (ours, published):
        callbacks = document["paths"]["/subscriptions"]["post"]["callbacks"]["subscriptionEvent"]
        found.append(contents(document, callbacks["{$request.body#/target}"]["post"]["requestBody"]))
    assert found[0] == found[1]


def test_no_prose_is_copied(ours: Document, published: Document) -> None:
    theirs = {text for text in _prose(published) if len(text) > 25}
    assert not theirs & set(_prose(ours))


def test_operations_are_named_and_refusals_declared(ours: Document) -> None:
    found = list(operations(ours))
    assert len({one.identity for one in found}) == len(found) == 67
    for one in found:
        assert {"401", "403", "429"} <= set(one.definition["responses"]), one.identity
        assert ("{id}" in one.path) <= ("404" in one.definition["responses"]), one.identity


def test_required_names_only_what_is_defined(ours: Document) -> None:
    for name, schema in ours["components"]["schemas"].items():
        full = plain(ours, schema)
        assert set(full.get("required", ())) <= set(full.get("properties", ())), name


@pytest.mark.parametrize("path", sorted(FLOWS.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_flow_uses_only_what_is_agreed(ours: Document, path: Path) -> None:
    manifest = read_document(path)
    known = {one.identity: one for one in operations(ours)}
    for identity, use in manifest["operations"].items():
        assert set(use.get("parameters", ())) <= set(parameters(ours, known[identity].definition)), identity
    for resource, fields in manifest["fields"].items():
        if resource != "deletedEntities":
            operation = next(one for one in known.values() if one.resource == resource and one.is_list)
            page = contents(ours, operation.definition["responses"]["200"])["application/json"]
            for field in fields:
                assert _leads_somewhere(page["properties"]["data"]["items"], field), (resource, field)


def _leads_somewhere(schema: Document, dotted: str) -> bool:
    for part in dotted.split("."):
        schema = schema.get("items", schema).get("properties", {}).get(part)
        if schema is None:
            return False
    return "properties" not in schema.get("items", schema)


def _prose(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key in {"description", "summary"} and isinstance(value, str):
                yield value.strip()
            yield from _prose(value)
    elif isinstance(node, list):
        for value in node:
            yield from _prose(value)
