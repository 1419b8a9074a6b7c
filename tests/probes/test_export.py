"""Exports ordered, waited for and read, in the ways that products have them."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kravkoll.probes.export import Export, Exporter, ExportSettings
from kravkoll.probes.export_contents import Contents, read_export
from kravkoll.record.outcome import Inconclusive, NotExercised
from kravkoll.serving.loopback import Loopback

PEOPLE = [{"id": "1", "givenName": "Åsa"}, {"id": "2", "givenName": "Bo"}]
LINES = "\n".join(json.dumps({"resource": "persons", **one}) for one in PEOPLE).encode()
START = {"method": "POST", "path": "/exports"}
FETCH = {
    "path": "/exports/{id}",
    "status": "state",
    "ready": "done",
    "file": "/exports/{id}/file",
    "format": "ndjson",
}

type Product = Callable[..., Export]


@pytest.fixture
def product() -> Iterator[Product]:
    """Runs an export against a small product: `asked` polls until it is done, `order` its first answer."""
    with Loopback() as loopback:

        def run(
            order: Response | None = None, polls: int = 2, file: bytes = LINES, base: str = "", **fetch: Any
        ) -> Export:
            asked: list[str] = []

            async def start(_: Request) -> Response:
                return order or JSONResponse({"id": "7"}, 202)

            async def state(_: Request) -> Response:
                asked.append("state")
                return JSONResponse({"state": "done" if len(asked) > polls else "running"})

            async def download(_: Request) -> Response:
                return Response(file)

            app = Starlette(
                routes=[
                    Route(f"{base}/exports", start, methods=["POST"]),
                    Route(f"{base}/exports/7", state),
                    Route(f"{base}/exports/7/file", download),
                ]
            )
            with loopback.serve(app) as served:
                settings = ExportSettings(START, FETCH | fetch)
                return Exporter(served.url + base, "token", settings).run()

        yield run


def test_waits_and_reads(product: Product) -> None:
    export = product()
    assert export.finished
    assert export.records == {"persons": tuple(PEOPLE)}
    assert export.state == "done"


def test_follows_a_location_below_a_base_path(product: Product) -> None:
    order = Response(status_code=202, headers={"Location": "/v2/exports/7"})
    assert product(order, base="/v2").records == {"persons": tuple(PEOPLE)}


def test_refused_order_is_told_not_judged(product: Product) -> None:
    export = product(JSONResponse({}, 403))
    assert export.refused
    assert export.ordered == 403


def test_waits_no_longer_than_agreed(product: Product) -> None:
    export = product(polls=10_000, within=0.05)
    assert not export.finished
    assert export.state == "running"


def test_token_is_not_taken_elsewhere(product: Product) -> None:
    order = Response(status_code=202, headers={"Location": "https://elsewhere.invalid/exports/7"})
    with pytest.raises(Inconclusive, match=r"export\.elsewhere"):
        product(order)


def test_nobody_there() -> None:
    with pytest.raises(Inconclusive, match=r"subject\.unreachable"):
        Exporter("http://127.0.0.1:9", "token", ExportSettings(START, FETCH)).run()


def test_incomplete_settings() -> None:
    with pytest.raises(NotExercised, match=r"capability\.incomplete"):
        Exporter("http://127.0.0.1:9", "token", ExportSettings({}, FETCH)).run()


@pytest.mark.parametrize(
    "line",
    [
        {"resource": "persons", "id": "1"},
        {"type": "persons", "record": {"id": "1"}},
        {"entityType": "persons", "data": {"id": "1"}},
    ],
)
def test_ndjson_dialects(line: dict[str, Any]) -> None:
    assert read_export(json.dumps(line).encode(), "ndjson", {}) == Contents({"persons": ({"id": "1"},)})


def test_ndjson_line_of_no_resource_is_counted() -> None:
    assert read_export(b'{"made": "today"}\n\n', "ndjson", {}) == Contents({}, 1)


def test_json_of_lists() -> None:
    content = json.dumps({"persons": PEOPLE, "groups": {"data": [{"id": "g"}]}, "made": "today"}).encode()
    assert read_export(content, "json", {}).records == {"persons": tuple(PEOPLE), "groups": ({"id": "g"},)}


def test_csv_in_a_zip() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("out/persons.csv", '\ufeffid,givenName,photo\n1,"Åsa, A",\n')
        archive.writestr("readme.txt", "hello")
    person = {"id": "1", "givenName": "Åsa, A"}
    assert read_export(packed.getvalue(), "csv-zip", {}).records == {"persons": (person,)}


@pytest.mark.parametrize(
    ("format_", "content", "kind"),
    [
        ("ndjson", b"<html>", "layout"),
        ("json", b"[]", "layout"),
        ("csv-zip", b"PK\x03\x04", "truncated"),
        ("csv-zip", b"id;name", "layout"),
        ("ndjson", '{"resource": "persons", "id": "Åsa"}'.encode("iso-8859-1"), "encoding"),
        ("ndjson", '{"resource": "persons", "id": "Ã…sa"}'.encode(), "encoding"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_not_judged(format_: str, content: bytes, kind: str) -> None:
    assert [flaw.kind for flaw in read_export(content, format_, {}).flaws] == [kind]
