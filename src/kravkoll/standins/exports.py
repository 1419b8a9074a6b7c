"""Everything out, on request: NDJSON, one record a line, each with its `resource`."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import orjson
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from kravkoll.standins.answers import json_answer
from kravkoll.standins.api_errors import ApiError
from kravkoll.standins.faults import Behaviour, fault
from kravkoll.standins.records import RESOURCES, Record, Records
from kravkoll.standins.ss12000 import Ss12000Api

CHUNK = 1000
"""Lines written at a time."""


@dataclass(slots=True)
class Export:
    """One ordered export; `lines` once it is done."""

    client_id: str
    lines: list[bytes] | None = None

    @property
    def state(self) -> str:
        return "running" if self.lines is None else "done"


class Exports:
    """Order, watch, fetch. The right to read is the right to take out."""

    def __init__(self, api: Ss12000Api, behave: Behaviour) -> None:
        self._api = api
        self._behave = behave
        self._exports: dict[str, Export] = {}

    def routes(self) -> list[Route]:
        return [
            Route("/exports", self._order, methods=["POST"]),
            Route("/exports/{id}", self._state),
            Route("/exports/{id}/file", self._file),
        ]

    async def _order(self, request: Request) -> Response:
        caller = await self._api.caller(request)
        export_id = str(uuid.uuid4())
        export = self._exports[export_id] = Export(caller.client_id)
        answer = json_answer(
            {"id": export_id, "state": export.state}, 202, {"Location": f"/exports/{export_id}"}
        )
        answer.background = BackgroundTask(self._write, export, self._api.view(caller))
        return answer

    def _write(self, export: Export, records: Records) -> None:
        export.lines = [orjson.dumps(line) + b"\n" for line in self._behave(exported)(records)]

    async def _state(self, request: Request) -> Response:
        return json_answer({"id": request.path_params["id"], "state": (await self._export(request)).state})

    async def _file(self, request: Request) -> Response:
        lines = (await self._export(request)).lines
        if lines is None:
            raise ApiError(409, "export.running", "the export is not done")
        chunks = (b"".join(lines[at : at + CHUNK]) for at in range(0, len(lines), CHUNK))
        return StreamingResponse(
            chunks, media_type="application/x-ndjson", headers={"Cache-Control": "no-store"}
        )

    async def _export(self, request: Request) -> Export:
        caller = await self._api.caller(request)
        export = self._exports.get(request.path_params["id"])
        if export is None or export.client_id != caller.client_id:
            raise ApiError(404, "export.unknown", "no such export")
        return export


def exported(records: Records) -> Iterator[Record]:
    """Every record, with the resource that it is of."""
    for resource in RESOURCES:
        for record in records.all(resource):
            yield {"resource": resource, **record}


@fault("export.drops", replaces=exported)
def export_without_every_third(records: Records) -> Iterator[Record]:
    return (line for number, line in enumerate(exported(records), 1) if number % 3)


@fault("export.empty", replaces=exported)
def export_nothing(_records: Records) -> Iterator[Record]:
    return iter(())


@fault("export.fields", replaces=exported)
def export_without_names(records: Records) -> Iterator[Record]:
    for line in exported(records):
        kept = {name: value for name, value in line.items() if name not in {"givenName", "displayName"}}
        yield {**kept, "startDate": "1900-01-01"} if "startDate" in kept else kept
