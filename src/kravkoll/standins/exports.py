"""Everything out, on request: ordered, watched and fetched, in the form that was agreed."""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kravkoll.standins.answers import json_answer
from kravkoll.standins.api_errors import ApiError
from kravkoll.standins.export_forms import ExportForm
from kravkoll.standins.faults import Behaviour, fault
from kravkoll.standins.records import RESOURCES, Record, Records
from kravkoll.standins.ss12000 import Ss12000Api


@dataclass(slots=True)
class Export:
    """One ordered export; `content` once it is done."""

    client_id: str
    content: bytes | None = None

    @property
    def state(self) -> str:
        return "running" if self.content is None else "done"


class Exports:
    """Order, watch, fetch. The right to read is the right to take out."""

    def __init__(self, api: Ss12000Api, form: ExportForm, behave: Behaviour) -> None:
        self._api = api
        self._form = form
        self._behave = behave
        self._first: Records | None = None
        self._exports: dict[str, Export] = {}

    def routes(self) -> list[Route]:
        return [
            Route("/exports", self._order, methods=["POST"]),
            Route("/exports/{id}", self._state),
            Route("/exports/{id}/file", self._file),
            *self._form.open_routes,
        ]

    async def _order(self, request: Request) -> Response:
        caller = await self._api.caller(request)
        export_id = str(uuid.uuid4())
        export = self._exports[export_id] = Export(caller.client_id)
        answer = json_answer(
            {"id": export_id, "state": export.state}, 202, {"Location": f"/exports/{export_id}"}
        )
        now = self._api.view(caller)
        self._first = self._first or now
        answer.background = BackgroundTask(self._write, export, self._behave(basis)(now, self._first))
        return answer

    def _write(self, export: Export, records: Records) -> None:
        export.content = self._form.write(self._behave(exported)(records))

    async def _state(self, request: Request) -> Response:
        return json_answer({"id": request.path_params["id"], "state": (await self._export(request)).state})

    async def _file(self, request: Request) -> Response:
        content = (await self._export(request)).content
        if content is None:
            raise ApiError(409, "export.running", "the export is not done")
        return Response(content, media_type=self._form.media_type, headers={"Cache-Control": "no-store"})

    async def _export(self, request: Request) -> Export:
        caller = await self._api.caller(request)
        export = self._exports.get(request.path_params["id"])
        if export is None or export.client_id != caller.client_id:
            raise ApiError(404, "export.unknown", "no such export")
        return export


def basis(now: Records, _first: Records) -> Records:
    """What is taken out: what is held when it is ordered."""
    return now


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


@fault("export.line_breaks", replaces=exported)
def export_text_on_one_line(records: Records) -> Iterator[Record]:
    return (_on_one_line(line) for line in exported(records))


def _on_one_line(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _on_one_line(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_on_one_line(inner) for inner in value]
    return value.replace("\n", " ") if isinstance(value, str) else value


@fault("export.stale", replaces=basis)
def take_out_the_first_again(_now: Records, first: Records) -> Records:
    return first
