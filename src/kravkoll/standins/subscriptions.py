"""Subscriptions to changes: made, renewed, ended. Notices are not sent yet."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kravkoll.standins.answers import json_answer
from kravkoll.standins.api_errors import ApiError
from kravkoll.standins.filters import read_arguments
from kravkoll.standins.records import ENTITY_TYPES
from kravkoll.standins.ss12000 import METHODS, Ss12000Api

SCOPE = "ss12000.subscribe"
LIFETIME = timedelta(days=7)


class Subscriptions:
    """Each client sees its own."""

    def __init__(self, api: Ss12000Api, base: str) -> None:
        self._api = api
        self._base = base
        self._held: dict[str, tuple[str, dict[str, Any]]] = {}

    def routes(self) -> list[Route]:
        at = f"{self._base}/subscriptions"
        return [Route(at, self._all, methods=METHODS), Route(f"{at}/{{id}}", self._one, methods=METHODS)]

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
        subscription = {**_read(await request.body()), "id": str(uuid.uuid4()), "expires": _expiry()}
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


def _read(body: bytes) -> Mapping[str, Any]:
    """name, target and resourceTypes; 400 where one is missing or names what is not held here."""
    try:
        wanted = orjson.loads(body)
        kinds = [one["resource"] for one in wanted["resourceTypes"]]
        read = {"name": str(wanted["name"]), "target": str(wanted["target"])}
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise ApiError(400, "body.invalid", "name, target and resourceTypes are needed") from error
    if not set(kinds) <= ENTITY_TYPES.keys() or not read["target"].startswith("https://"):
        raise ApiError(400, "body.invalid", "an unknown resource type, or a target without TLS")
    return {**read, "resourceTypes": [{"resource": kind} for kind in kinds]}
