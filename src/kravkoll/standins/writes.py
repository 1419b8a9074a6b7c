"""Writes to the records: nobody may, through an interface that is for reading."""

from typing import Any

import orjson

from kravkoll.standins.api_errors import ApiError
from kravkoll.standins.faults import fault
from kravkoll.standins.records import RESOURCES, Record, RecordStore, timestamp


def write(_store: RecordStore, resource: str, method: str, _record_id: str, _body: bytes) -> Record:
    """405, and nothing has changed."""
    raise ApiError(405, "method", f"{method} is not allowed on {resource}", {"Allow": "GET"})


@fault("write.accepted", replaces=write)
def make_the_change(store: RecordStore, resource: str, method: str, record_id: str, body: bytes) -> Record:
    if resource not in RESOURCES or record_id == "lookup":
        return write(store, resource, method, record_id, body)
    row = store.now.get(resource, record_id)
    if method == "DELETE" and row:
        store.remove(resource, [record_id])
        return {}
    meta = {**row.record["meta"], "modified": timestamp()} if row and method != "POST" else None
    changed = {**(row.record if row and method == "PATCH" else {}), **_document(body)}
    if meta:
        changed |= {"id": record_id, "meta": meta}
    store.put(resource, [changed])
    return changed


@fault("write.silent", replaces=write)
def make_the_change_and_deny_it(
    store: RecordStore, resource: str, method: str, record_id: str, body: bytes
) -> Record:
    make_the_change(store, resource, method, record_id, body)
    return write(store, resource, method, record_id, body)


@fault("write.ignored", replaces=write)
def say_yes_and_change_nothing(
    _store: RecordStore, _resource: str, _method: str, _record_id: str, body: bytes
) -> Record:
    return _document(body)


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise ApiError(400, "body.invalid", "the body is no JSON object")
    return document
