"""An SS 12000:2020 interface over a store: lists, records, lookups, deletions."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Protocol

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kravkoll.standins.access_tokens import AccessTokens, Caller
from kravkoll.standins.answers import json_answer
from kravkoll.standins.api_errors import ApiError
from kravkoll.standins.expansion import expanded, with_reference_names
from kravkoll.standins.faults import Behaviour, fault
from kravkoll.standins.filters import entity_resources, read_arguments, select
from kravkoll.standins.flow_policy import FlowPolicy, visible
from kravkoll.standins.paging import PageTokens, order_of, page
from kravkoll.standins.parameters import Arguments, Keeps, Values, read_uuid
from kravkoll.standins.records import DELETED_NAMES, RESOURCES, Record, Records, RecordStore, Row, as_sent
from kravkoll.standins.resources import LOOKUP_KEYS, ONLY_LISTED, TEXT_KEYS
from kravkoll.standins.writes import write

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
READ, ADMIN = "ss12000.read", "ss12000.admin"
SHAPING = ("expand", "expandReferenceNames")


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """What a system's file says of its interface. `page_limit` in records."""

    base: str
    policies: Mapping[str, FlowPolicy]
    resources: tuple[str, ...]
    """What is served; nothing else has an address."""
    page_limit: int = 500

    @classmethod
    def read(cls, settings: Mapping[str, Any]) -> "ApiSettings":
        """From a system's file; raises LookupError for a resource that the standard does not have."""
        policies = {name: FlowPolicy.read(policy) for name, policy in settings["clients"].items()}
        resources = tuple(settings["resources"])
        if unknown := set(resources) - set(RESOURCES):
            raise LookupError(
                f"api.resources: no {', '.join(sorted(unknown))}; there are {', '.join(RESOURCES)}"
            )
        return cls(settings["base"], policies, resources, settings.get("page_limit", 500))


class Notice(Protocol):
    """What a subscriber is told of a change."""

    async def send(self) -> None: ...


class Ss12000Api:
    """The routes of one system's interface."""

    def __init__(
        self, store: RecordStore, tokens: AccessTokens, settings: ApiSettings, behave: Behaviour
    ) -> None:
        self._store = store
        self._tokens = tokens
        self._settings = settings
        self._behave = behave
        self._page_tokens = PageTokens()
        self.on_change: Callable[[Collection[str], Collection[str]], Sequence[Notice]] = lambda *_: ()
        """Resources modified and deleted to the notices that are due; set where there are subscriptions."""
        self._views: dict[tuple[str, bool], tuple[Records, Records]] = {}

    def routes(self) -> list[Route]:
        base = self._settings.base
        found = [
            Route(f"{base}/deletedEntities", self._deleted, methods=METHODS),
            Route("/admin/seed", self._seed, methods=METHODS),
        ]
        for resource in self._settings.resources:
            at = f"{base}/{resource}"
            found.append(Route(at, partial(self._list, resource), methods=METHODS))
            if resource in LOOKUP_KEYS:
                found.append(Route(f"{at}/lookup", partial(self._lookup, resource), methods=METHODS))
            if resource not in ONLY_LISTED:
                found.append(Route(f"{at}/{{id}}", partial(self._get, resource), methods=METHODS))
        return found

    async def caller(self, request: Request, scope: str = READ) -> Caller:
        """Who asks; 401 or 403 unless it may."""
        caller = await self._tokens.caller(request.headers.get("authorization"), self._settings.policies)
        caller.needs(scope)
        return caller

    async def _reader(self, resource: str, request: Request) -> Caller:
        """Who asks for a resource; 403 where nothing of it was agreed."""
        caller = await self.caller(request)
        if not self.policy(caller).agrees(resource):
            raise ApiError(403, "resource.not-agreed", f"nothing of {resource} was agreed for this client")
        return caller

    def view(self, caller: Caller, use: str = "list") -> Records:
        """What this caller may see, for a use: list, get, lookup or expand."""
        withhold = self._behave(withholds_marked)(use)
        now = self._store.now
        basis, seen = self._views.get((caller.client_id, withhold), (None, None))
        if basis is not now or seen is None:
            seen = visible(now, self.policy(caller), self._behave, withhold=withhold)
            self._views[caller.client_id, withhold] = now, seen
        return seen

    def policy(self, caller: Caller) -> FlowPolicy:
        policies = self._settings.policies
        return policies.get(caller.client_id) or next(iter(policies.values()))

    async def _list(self, resource: str, request: Request) -> Response:
        caller = await self._reader(resource, request)
        if request.method not in {"GET", "HEAD"}:
            return await self._write(resource, request, "")
        given, cursor, limit = self._query(resource, caller, request)
        arguments = read_arguments(resource, given)
        seen = self._source(caller, "list", resource, arguments)
        rows = select(seen.rows(resource), resource, arguments, seen, self._behave)
        order = order_of(resource, arguments.get("sortkey", (None,))[0])
        taken, following = self._behave(page)(rows, order, cursor, limit)
        return json_answer(
            {
                "data": [self._shaped(row, resource, arguments, caller) for row in taken],
                "pageToken": following and self._seal(resource, caller, given, following),
            }
        )

    async def _get(self, resource: str, request: Request) -> Response:
        caller = await self._reader(resource, request)
        record_id = request.path_params["id"]
        if request.method not in {"GET", "HEAD"}:
            return await self._write(resource, request, record_id)
        arguments = self._shaping(resource, request)
        row = self._behave(find)(self._source(caller, "get", resource, arguments), resource, _uuid(record_id))
        if row is None:
            raise ApiError(404, "record.unknown", f"no such record among {resource}")
        return json_answer(self._shaped(row, resource, arguments, caller))

    async def _lookup(self, resource: str, request: Request) -> Response:
        caller = await self._reader(resource, request)
        if request.method != "POST":
            return await self._write(resource, request, "lookup")
        arguments = self._shaping(resource, request)
        wanted = _wanted(resource, await _body(request))
        seen = self._source(caller, "lookup", resource, arguments)
        found = [
            row
            for row in seen.rows(resource)
            if any(keeps(row.record, values, seen) for keeps, values in wanted if values)
        ]
        return json_answer([self._shaped(row, resource, arguments, caller) for row in found])

    async def _deleted(self, request: Request) -> Response:
        caller = await self.caller(request)
        if request.method not in {"GET", "HEAD"}:
            return await self._write("deletedEntities", request, "")
        given, cursor, limit = self._query("deletedEntities", caller, request)
        arguments = read_arguments("deletedEntities", given)
        rows = list(_removed(self.view(caller), arguments))
        taken, following = page(rows, order_of("deletedEntities", None), cursor, limit)
        data: dict[str, list[str]] = {}
        for row in taken:
            name = DELETED_NAMES.get(row.record["resource"], row.record["resource"])
            data.setdefault(name, []).append(row.record["id"])
        token = following and self._seal("deletedEntities", caller, given, following)
        return json_answer({"data": data, "pageToken": token})

    async def _seed(self, request: Request) -> Response:
        """Insert and take away records, for administrators; `{"put": {...}, "remove": {...}}`."""
        await self.caller(request, ADMIN)
        if request.method != "POST":
            raise ApiError(405, "method", "POST only", {"Allow": "POST"})
        body = await _body(request)
        put, remove = body.get("put", {}), body.get("remove", {})
        counts = seed(self._store, put, remove)
        await self.tell(put.keys(), remove.keys())
        return json_answer(counts)

    async def tell(self, modified: Collection[str], deleted: Collection[str]) -> None:
        """Send what subscribers are to know of a change."""
        await asyncio.gather(*(notice.send() for notice in self.on_change(modified, deleted)))

    async def _write(self, resource: str, request: Request, record_id: str) -> Response:
        body = await request.body()
        changed = self._behave(write)(self._store, resource, request.method, record_id, body)
        gone = request.method == "DELETE"
        await self.tell([] if gone else [resource], [resource] if gone else [])
        return json_answer(changed)

    def _query(
        self, resource: str, caller: Caller, request: Request
    ) -> tuple[list[tuple[str, str]], Sequence[Any] | None, int]:
        """The query that was asked, or that its page token carries on; the cursor; the page's size."""
        given = request.query_params.multi_items()
        own = read_arguments(resource, given)
        cursor = None
        if token := own.get("pageToken"):
            if own.keys() - {"pageToken", "limit"}:
                raise ApiError(400, "pageToken.combined", "pageToken goes with nothing but limit")
            query, cursor = self._page_tokens.open(token[0])
            if (query["resource"], query["client"]) != (resource, caller.client_id):
                raise ApiError(400, "pageToken.unknown", "pageToken was not given by this list")
            given = [(name, value) for name, value in query["given"]]
        limit = own.get("limit") or read_arguments(resource, given).get("limit", (self._settings.page_limit,))
        return given, cursor, min(limit[0], self._settings.page_limit)

    def _seal(
        self, resource: str, caller: Caller, given: Iterable[tuple[str, str]], cursor: Sequence[Any]
    ) -> str:
        query = {"resource": resource, "client": caller.client_id, "given": list(given)}
        return self._page_tokens.seal(query, cursor)

    def _shaping(self, resource: str, request: Request) -> Arguments:
        return read_arguments(resource, request.query_params.multi_items(), only=SHAPING)

    def _source(self, caller: Caller, use: str, resource: str, arguments: Arguments) -> Records:
        detailed = resource != "persons" and arguments.keys() & set(SHAPING)
        return self.view(caller, "expand" if detailed else use)

    def _shaped(self, row: Row, resource: str, arguments: Arguments, caller: Caller) -> Record:
        record = row.record
        if names := arguments.get("expand"):
            record = expanded(record, resource, names, self.view(caller, "expand"))
        # Names beside references are fields of their own, which no limited flow has agreed on.
        if arguments.get("expandReferenceNames", (False,))[0] and self.policy(caller).everything:
            record = with_reference_names(record, self.view(caller, "expand"))
        return self._behave(present)(resource, as_sent(resource, record))


def seed(
    store: RecordStore,
    put: Mapping[str, Iterable[Record]],
    remove: Mapping[str, Iterable[str]],
) -> dict[str, int]:
    """Insert or replace, and take away; how many of each."""
    if unknown := (put.keys() | remove.keys()) - set(RESOURCES):
        raise ApiError(400, "resource.unknown", f"holds no {', '.join(sorted(unknown))}")
    inserted = 0
    for resource, records in put.items():
        wanted = list(records)
        store.put(resource, wanted)
        inserted += len(wanted)
    return {
        "put": inserted,
        "removed": sum(store.remove(resource, ids) for resource, ids in remove.items()),
    }


def withholds_marked(_use: str) -> bool:
    """People with protected identity are in no answer, whatever it is used for."""
    return True


def find(records: Records, resource: str, record_id: str) -> Row | None:
    """One record by its id."""
    return records.get(resource, record_id)


def present(_resource: str, record: Record) -> Record:
    """The record as it is written out."""
    return record


def _uuid(value: str) -> str:
    try:
        return read_uuid(value)
    except ValueError as error:
        raise ApiError(400, "id.invalid", f"{value!r} is no UUID") from error


async def _body(request: Request) -> Mapping[str, Any]:
    try:
        body = orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise ApiError(400, "body.invalid", "the body is no JSON") from error
    if not isinstance(body, dict):
        raise ApiError(400, "body.invalid", "the body is no JSON object")
    return body


def _wanted(resource: str, body: Mapping[str, Any]) -> list[tuple[Keeps, Values]]:
    keys = LOOKUP_KEYS[resource]
    for name, values in body.items():
        if name not in keys:
            raise ApiError(400, "body.invalid", f"{resource} are not looked up by {name!r}")
        if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
            raise ApiError(400, "body.invalid", f"{name} is no list of strings")
    return [
        (keys[name], tuple(values) if name in TEXT_KEYS else tuple(_uuid(one) for one in values))
        for name, values in body.items()
    ]


def _removed(records: Records, arguments: Arguments) -> Iterable[Row]:
    after = arguments.get("after", (None,))[0]
    resources = entity_resources(arguments["entities"]) if "entities" in arguments else set(RESOURCES)
    for place, removal in enumerate(records.removals):
        if removal.resource in resources and (after is None or datetime.fromisoformat(removal.at) > after):
            yield Row(place, {"resource": removal.resource, "id": removal.id})


@fault("marked.listed", replaces=withholds_marked)
def list_marked(use: str) -> bool:
    return use not in {"list", "get"}


@fault("marked.lookup", replaces=withholds_marked)
def look_up_marked(use: str) -> bool:
    return use != "lookup"


@fault("marked.expand", replaces=withholds_marked)
def expand_marked(use: str) -> bool:
    return use != "expand"


@fault("api.schema.type", replaces=present)
def write_start_date_as_number(_resource: str, record: Record) -> Record:
    if "startDate" not in record:
        return record
    return {**record, "startDate": int(str(record["startDate"]).replace("-", ""))}


@fault("api.schema.missing", replaces=present)
def leave_out_required_names(_resource: str, record: Record) -> Record:
    return {name: value for name, value in record.items() if name not in {"familyName", "displayName"}}


@fault("api.status.500", replaces=find)
def crash_on_single_records(_records: Records, _resource: str, _record_id: str) -> Row | None:
    raise ApiError(500, "internal", "NullPointerException at RecordController.get(RecordController.java:117)")
