"""A small SS 12000 server of the tests' own, with defects that are not the stand-ins'."""

import base64
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

TIME = "2026-01-01T10:00:00+01:00"
NO_PATH = {"code": "x", "message": "no such path"}
META = {"created": TIME, "modified": TIME}


def identity(kind: int, number: int) -> str:
    return str(UUID(int=(kind << 96) + (4 << 76) + (8 << 60) + (number * 0x1000)))


def records() -> dict[str, list[dict[str, Any]]]:
    """Six units, four children, and what hangs on them."""
    units = [
        {
            "id": identity(1, n),
            "meta": META,
            "displayName": f"Enhet {n}",
            "organisationType": "Skolenhet",
            "schoolTypes": ["FS"],
        }
        for n in range(6)
    ]
    persons = [
        {"id": identity(2, n), "meta": META, "givenName": f"Namn {n}", "familyName": "Prov"} for n in range(4)
    ]
    placements = [
        {
            "id": identity(3, n),
            "meta": META,
            "child": {"id": identity(2, n)},
            "placedAt": {"id": identity(1, n % 2)},
            "schoolType": "FS",
            "startDate": "2026-01-01",
        }
        for n in range(4)
    ]
    return {
        "organisations": units,
        "persons": persons,
        "placements": placements,
        "groups": [],
        "duties": [],
    }


@dataclass
class SmallRegister:
    """`defect` is one of those named in the methods; the empty string is an honest server."""

    defect: str = ""
    held: dict[str, list[dict[str, Any]]] = field(default_factory=records)
    asked: list[str] = field(default_factory=list)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/deletedEntities", self.deleted),
                Route("/{resource}", self.listed),
                Route("/{resource}/lookup", self.looked_up, methods=["POST"]),
                Route("/{resource}/{identity}", self.single),
            ]
        )

    async def deleted(self, request: Request) -> Response:
        self.asked.append(str(request.url))
        return JSONResponse({"data": {"persons": [identity(2, 99)]}, "pageToken": None})

    async def listed(self, request: Request) -> Response:
        self.asked.append(str(request.url))
        broken = self._broken(request.path_params["resource"])
        if broken:
            return broken
        query = dict(request.query_params)
        rows = sorted(self.held[request.path_params["resource"]], key=lambda row: str(row["id"]))
        if self.defect != "filter":
            rows = [row for row in rows if _kept(row, query)]
        if self.defect == "no-group-filters" and "organisation" in query and "groups" in str(request.url):
            return JSONResponse(NO_PATH, status_code=400)
        try:
            page, token = self._page(rows, query)
        except ValueError:
            return JSONResponse({"code": "refused", "message": "not like that"}, status_code=400)
        return JSONResponse({"data": page, "pageToken": token})

    def _broken(self, resource: str) -> Response | None:
        return {
            "status": JSONResponse(NO_PATH, status_code=404) if resource == "groups" else None,
            "refuses": JSONResponse({"code": "x", "message": "no"}, status_code=403),
            "html": Response("<html>sign in</html>", media_type="text/html"),
            "empty": Response(b"", media_type="application/json"),
        }.get(self.defect, None if resource in self.held else JSONResponse(NO_PATH, status_code=404))

    def _page(
        self, rows: list[dict[str, Any]], query: dict[str, str]
    ) -> tuple[list[dict[str, Any]], str | None]:
        limit = int(query.get("limit", 1000)) if self.defect != "limit" else 1000
        if limit < 1:
            raise ValueError(limit)
        after = _decoded(query["pageToken"]) if query.get("pageToken") else ""
        if self.defect == "offset":
            start = int(after or 0)
            return rows[start : start + limit], _token(str(start + limit)) if start + limit < len(
                rows
            ) else None
        rest = [row for row in rows if str(row["id"]) > after]
        page = rest[:limit]
        if self.defect == "doubles" and after:
            page = [row for row in rows if str(row["id"]) == after] + page
        if self.defect == "endless":
            return page, _token(str(page[-1]["id"]) if page else after)
        return page, _token(str(page[-1]["id"])) if len(rest) > limit else None

    async def single(self, request: Request) -> Response:
        self.asked.append(str(request.url))
        if self.defect == "500":
            return JSONResponse({"code": "x", "message": "broken"}, status_code=500)
        for row in self.held[request.path_params["resource"]] if self.defect != "never" else ():
            if row["id"] == request.path_params["identity"]:
                return JSONResponse(row)
        return JSONResponse({"code": "gone", "message": "no such record"}, status_code=404)

    async def looked_up(self, request: Request) -> Response:
        self.asked.append(str(request.url))
        ids = (await request.json())["ids"]
        return JSONResponse([row for row in self.held[request.path_params["resource"]] if row["id"] in ids])

    def seed(self, put: dict[str, list[dict[str, Any]]], remove: dict[str, list[str]]) -> None:
        for resource in {*put, *remove}:
            gone = {*remove.get(resource, ()), *(row["id"] for row in put.get(resource, ()))}
            kept = [row for row in self.held[resource] if row["id"] not in gone]
            self.held[resource] = kept + put.get(resource, [])


def _kept(row: dict[str, Any], query: dict[str, str]) -> bool:
    after = query.get("meta.modified.after")
    if after and not datetime.fromisoformat(row["meta"]["modified"]) > datetime.fromisoformat(after):
        return False
    if "child" in query and row.get("child", {}).get("id") != query["child"]:
        return False
    place = row.get("placedAt") or row.get("organisation") or {}
    return "organisation" not in query or place.get("id") == query["organisation"]


def _token(text: str) -> str:
    return base64.urlsafe_b64encode(json.dumps(text).encode()).decode()


def _decoded(token: str) -> str:
    return str(json.loads(base64.urlsafe_b64decode(token)))
