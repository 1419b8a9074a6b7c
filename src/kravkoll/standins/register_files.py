"""Files that a register's job writes for a receiver that reads no interface of the standard."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kravkoll.contracts.dialects import Dialect, load
from kravkoll.standins.api_errors import ApiError
from kravkoll.standins.faults import Behaviour
from kravkoll.standins.ss12000 import Ss12000Api
from kravkoll.standins.text_files import text_file


class RegisterFiles:
    """One file a table, written anew at each fetch from what the receiver may see."""

    def __init__(
        self, api: Ss12000Api, base: str, files: Mapping[str, str], mocks: Path, behave: Behaviour
    ) -> None:
        self._api = api
        self._base = base
        self._dialects: dict[str, Dialect] = {
            client: load((mocks / path).resolve()) for client, path in files.items()
        }
        self._behave = behave

    def routes(self) -> list[Route]:
        places = {dialect.place for dialect in self._dialects.values()}
        return [Route(f"{self._base}{place}/{{file}}", self._file) for place in sorted(places)]

    async def _file(self, request: Request) -> Response:
        caller = await self._api.caller(request)
        dialect = self._dialects.get(caller.client_id)
        path = request.url.path.removeprefix(self._base)
        table = dialect.table_of(path) if dialect else None
        if table is None:
            raise ApiError(404, "file.unknown", "no such file was agreed")
        records = self._api.view(caller).all(table.resource)
        content = text_file(table, list(records), (), self._behave)
        return Response(content, headers={**_described(table.encoding), "Cache-Control": "no-store"})


def _described(encoding: str) -> dict[str, Any]:
    charset = {"cp1252": "windows-1252"}.get(encoding, encoding)
    return {"Content-Type": f"text/plain; charset={charset}"}
