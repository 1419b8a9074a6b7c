"""Told by a source that something changed: fetch it."""

import asyncio
import secrets
from contextlib import suppress

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kravkoll.standins.api_errors import ApiError
from kravkoll.standins.faults import Behaviour, fault
from kravkoll.standins.outbound import Unreachable
from kravkoll.standins.records import RecordStore
from kravkoll.standins.sources import Reader


class Notices:
    """An address for each source, which nobody can guess: a notice carries no proof of its sender."""

    def __init__(self, reader: Reader, store: RecordStore, behave: Behaviour) -> None:
        self._reader = reader
        self._store = store
        self._behave = behave
        self._addresses: dict[str, str] = {}
        self._fetching: dict[str, asyncio.Lock] = {}
        self.base_url = ""
        """Where the system is found; known once it is served."""

    def routes(self) -> list[Route]:
        return [Route("/notices/{address}", self._told, methods=["POST"])]

    async def subscribe(self) -> None:
        """Ask every source that tells of changes to tell them here; Unreachable where one does not answer."""
        await self._reader.subscribe(self._target)

    def _target(self, source: str) -> str:
        address = secrets.token_urlsafe(24)
        self._addresses[address] = source
        return f"{self.base_url}/notices/{address}"

    async def _told(self, request: Request) -> Response:
        source = self._addresses.get(request.path_params["address"])
        if source is None:
            raise ApiError(404, "notice.unknown", "nobody was given this address")
        return Response(status_code=202, background=BackgroundTask(self._heed, source))

    async def _heed(self, source: str) -> None:
        """One fetch at a time: a notice that comes during one is heeded by the next."""
        async with self._fetching.setdefault(source, asyncio.Lock()):
            with suppress(Unreachable):  # the next notice, or the next trigger, brings it
                await self._behave(heed)(self._reader, self._store, source)


async def heed(reader: Reader, store: RecordStore, source: str) -> None:
    """Fetch what changed."""
    await reader.sync(store, source)


@fault("schedule.deaf", replaces=heed)
async def say_thank_you_and_do_nothing(_reader: Reader, _store: RecordStore, _source: str) -> None:
    return
