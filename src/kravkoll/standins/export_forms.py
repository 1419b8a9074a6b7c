"""In which form an export comes: lines of JSON, text files in an archive, or an XML document."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kravkoll.contracts.dialects import load
from kravkoll.standins.api_errors import ApiError
from kravkoll.standins.faults import Behaviour
from kravkoll.standins.records import Record
from kravkoll.standins.text_files import text_zip
from kravkoll.standins.xml_documents import published, xml_document

type Lines = Iterable[Record]
"""Records, each with the `resource` that it is of."""


@dataclass(frozen=True, slots=True)
class ExportForm:
    """How an export is written, and what anybody may fetch to understand it."""

    media_type: str
    write: Callable[[Lines], bytes]
    open_routes: tuple[Route, ...] = ()


def form_of(settings: Mapping[str, Any], mocks: Path, behave: Behaviour) -> ExportForm:
    """From `export` of a system's file, whose paths are relative to `mocks`; LookupError if unknown."""
    if "dialect" not in settings:
        return ExportForm("application/x-ndjson", _ndjson)
    dialect = load((mocks / settings["dialect"]).resolve())
    if dialect.format == "text-zip":
        head = tuple(settings.get("head", ()))
        return ExportForm("application/zip", lambda lines: text_zip(dialect, _held(lines), head, behave))
    if dialect.format == "xml":
        schema = (mocks / settings["schema"]).read_bytes()
        routes = (Route(dialect.xsd, _schema_endpoint(behave(published)(schema))),)
        return ExportForm(
            "application/xml", lambda lines: xml_document(dialect, _held(lines), behave), routes
        )
    raise LookupError(f"export.dialect: no export is written as {dialect.format!r}; there are text-zip, xml")


def _ndjson(lines: Lines) -> bytes:
    return b"".join(orjson.dumps(line) + b"\n" for line in lines)


def _held(lines: Lines) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {}
    for line in lines:
        found.setdefault(line["resource"], []).append(line)
    return found


def _schema_endpoint(schema: bytes | None) -> Callable[[Request], Any]:
    async def answer(_request: Request) -> Response:
        if schema is None:
            raise ApiError(404, "schema.unknown", "no schema is published")
        return Response(schema, media_type="application/xml")

    return answer
