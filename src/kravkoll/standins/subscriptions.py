"""Subscriptions to changes: made, renewed, ended, and a notice to the target when something changes."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kravkoll.standins.answers import json_answer
from kravkoll.standins.api_errors import ApiError
from kravkoll.standins.filters import read_arguments
from kravkoll.standins.outbound import Outbound, Unreachable
from kravkoll.standins.records import ENTITY_TYPES
from kravkoll.standins.ss12000 import METHODS, Ss12000Api

SCOPE = "ss12000.subscribe"
LIFETIME = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice: it says that something changed and never what, so nobody's data goes out with it."""

    outbound: Outbound
    target: str
    body: Mapping[str, Any]

    async def send(self) -> None:
        """Once; a target that does not answer finds out when it asks the next time."""
        with suppress(Unreachable):
            await self.outbound.post_json(self.target, self.body)


class Subscriptions:
    """Each client sees its own."""

    def __init__(self, api: Ss12000Api, base: str, outbound: Outbound, kinds: Sequence[str]) -> None:
        self._api = api
        self._kinds = frozenset(kinds)
        """Entity types that notices are sent of; a product need not have them all."""
        self._outbound = outbound
        api.on_change = self.notices
        self._base = base
        self._held: dict[str, tuple[str, dict[str, Any]]] = {}

    def routes(self) -> list[Route]:
        at = f"{self._base}/subscriptions"
        return [Route(at, self._all, methods=METHODS), Route(f"{at}/{{id}}", self._one, methods=METHODS)]

    def notices(self, modified: Collection[str], deleted: Collection[str]) -> list[Notice]:
        """What is to be sent where, for resources that changed; an expired subscription gets nothing."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        names = {resource: name for name, resource in ENTITY_TYPES.items()}
        due = []
        for _, subscription in self._held.values():
            wanted = {one["resource"] for one in subscription["resourceTypes"]}
            changed = sorted(wanted & {names[resource] for resource in modified})
            gone = bool(wanted & {names[resource] for resource in deleted})
            if subscription["expires"] > now and (changed or gone):
                body = {"modifiedEntites": changed, "deletedEntities": gone}  # the standard's own spelling
                due.append(Notice(self._outbound, subscription["target"], body))
        return due

    async def _all(self, request: Request) -> Response:
        if request.method == "POST":
            return await self._create(request)
        caller = await self._api.caller(request)
        if request.method not in {"GET", "HEAD"}:
            raise ApiError(405, "method", "GET and POST only", {"Allow": "GET, POST"})
        read_arguments("subscriptions", request.query_params.multi_items())
        own = [one for client, one in self._held.values() if client == caller.client_id]
        return json_answer({"data": own, "pageToken": None})

    async def _create(self, request: Request) -> Response:
        caller = await self._api.caller(request, SCOPE)
        subscription = {
            **_read(await request.body(), self._kinds),
            "id": str(uuid.uuid4()),
            "expires": _expiry(),
        }
        self._held[subscription["id"]] = caller.client_id, subscription
        return json_answer(
            subscription, 201, {"Location": f"{self._base}/subscriptions/{subscription['id']}"}
        )

    async def _one(self, request: Request) -> Response:
        reading = request.method in {"GET", "HEAD"}
        caller = await self._api.caller(request) if reading else await self._api.caller(request, SCOPE)
        record_id = request.path_params["id"]
        client, subscription = self._held.get(record_id, ("", {}))
        if client != caller.client_id:
            raise ApiError(404, "subscription.unknown", "no such subscription")
        if request.method == "DELETE":
            del self._held[record_id]
            return Response(status_code=204)
        if request.method == "PATCH":
            subscription["expires"] = _expiry()
        elif not reading:
            raise ApiError(405, "method", "GET, PATCH and DELETE only", {"Allow": "GET, PATCH, DELETE"})
        return json_answer(subscription)


def _expiry() -> str:
    return (datetime.now(UTC) + LIFETIME).isoformat(timespec="seconds")


def _read(body: bytes, known: Collection[str]) -> Mapping[str, Any]:
    """name, target and resourceTypes; 400 where one is missing or names what is not held here."""
    try:
        wanted = orjson.loads(body)
        kinds = [one["resource"] for one in wanted["resourceTypes"]]
        read = {"name": str(wanted["name"]), "target": str(wanted["target"])}
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise ApiError(400, "body.invalid", "name, target and resourceTypes are needed") from error
    if not set(kinds) <= set(known) or not read["target"].startswith("https://"):
        raise ApiError(400, "body.invalid", "an unknown resource type, or a target without TLS")
    return {**read, "resourceTypes": [{"resource": kind} for kind in kinds]}
