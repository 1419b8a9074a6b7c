"""Build a system from its file, serve it, and break it on request."""

import asyncio
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kravkoll.serving.loopback import Loopback
from kravkoll.standins.access_tokens import AccessTokens
from kravkoll.standins.agreements import with_agreements
from kravkoll.standins.answers import json_answer
from kravkoll.standins.api_errors import ApiError
from kravkoll.standins.deliveries import deliver
from kravkoll.standins.export_forms import form_of
from kravkoll.standins.exports import Exports
from kravkoll.standins.faces import faces
from kravkoll.standins.faults import Behaviour, fault
from kravkoll.standins.holdings import Cast, filled
from kravkoll.standins.hosts import Hosts, serve
from kravkoll.standins.installation import Installation
from kravkoll.standins.login import Login, login_of
from kravkoll.standins.notices import Notices
from kravkoll.standins.outbound import Outbound, Unreachable
from kravkoll.standins.records import Record, RecordStore
from kravkoll.standins.register_files import RegisterFiles
from kravkoll.standins.request_log import Asked, RequestLog
from kravkoll.standins.sources import Reader, Source
from kravkoll.standins.ss12000 import ApiSettings, Ss12000Api, seed
from kravkoll.standins.subscriptions import Subscriptions


@dataclass(frozen=True, slots=True)
class Parts:
    """What one instance is made of."""

    behave: Behaviour
    outbound: Outbound
    store: RecordStore
    api: Ss12000Api
    login: Login | None
    reader: Reader | None
    notices: Notices | None
    delivered: Path | None
    temporary: Path | None
    """What goes away with the instance."""


class StandIn:
    """A running system. `hooks` are what an administrator can make it do from within the house."""

    def __init__(self, system: Mapping[str, Any], parts: Parts, log: RequestLog, hosts: Hosts) -> None:
        self.id: str = system["id"]
        self.url = hosts.url
        self.addresses: Mapping[str, str] = {
            interface: f"{hosts.url_of(interface)}{(settings or {}).get('base', '')}"
            for interface, settings in system["interfaces"].items()
            if interface != "delivery"
        }
        self.delivery = parts.delivered
        self.hooks: Mapping[str, Callable[..., Mapping[str, int]]] = {
            "seed": self.seed,
            **({"sync": self.trigger} if parts.reader else {}),
        }
        self._parts = parts
        self._log = log
        self._hosts = hosts

    @property
    def log(self) -> Sequence[Asked]:
        """Requests received, oldest first."""
        return tuple(self._log.asked)

    @property
    def store(self) -> RecordStore:
        return self._parts.store

    def prepare(self) -> None:
        """The first load, before anybody looks; raises Unreachable where a source does not answer."""
        if self._parts.reader and self._parts.notices:
            asyncio.run(first_load(self._parts.reader, self._parts.notices, self._parts.store))

    def trigger(self, source: str | None = None) -> Mapping[str, int]:
        """Make the system fetch, from all its sources or from one; how many records it says it got."""
        if self._parts.reader is None:
            raise LookupError(f"{self.id} reads no other system")
        return asyncio.run(self._parts.behave(synchronise)(self._parts.reader, self._parts.store, source))

    def seed(
        self,
        put: Mapping[str, Iterable[Record]] | None = None,
        remove: Mapping[str, Iterable[str]] | None = None,
    ) -> Mapping[str, int]:
        """Insert or replace records, and take some away."""
        counts = seed(self._parts.store, put or {}, remove or {})
        if self._parts.api.on_change(put or {}, remove or {}):
            asyncio.run(self._parts.api.tell(put or {}, remove or {}))
        return counts

    def close(self) -> None:
        self._hosts.close()
        if self._parts.temporary:
            shutil.rmtree(self._parts.temporary, ignore_errors=True)

    def __enter__(self) -> "StandIn":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


async def first_load(reader: Reader, notices: Notices, store: RecordStore) -> None:
    """Everything, and then to be told of changes."""
    await reader.sync(store)
    await notices.subscribe()


async def synchronise(reader: Reader, store: RecordStore, source: str | None = None) -> Mapping[str, int]:
    """Fetch from the sources."""
    return await reader.sync(store, source)


@fault("client.idle", replaces=synchronise)
async def say_that_it_is_done(
    _reader: Reader, store: RecordStore, _source: str | None = None
) -> Mapping[str, int]:
    return {resource: len(records) for resource, records in store.now.tables.items()}


def start(  # noqa: PLR0913  what a system is started with
    system: Mapping[str, Any],
    installation: Installation,
    *,
    cast: Cast,
    loopback: Loopback,
    fault: str | None = None,
    mocks: Path | None = None,
) -> StandIn:
    """A fresh instance of the system in a parsed mocks/<name>.yaml, served and empty of memories.

    `mocks` is the folder that paths of the file are relative to. Raises UnknownFault and OSError (port busy).
    """
    behave = Behaviour(fault)
    system = with_agreements(system, mocks or packaged_mocks())
    parts = _parts(system, installation, cast, behave, mocks)
    log = RequestLog()
    hosts = serve(_routes(system, parts, mocks), system["interfaces"], log, installation, loopback, behave)
    for part in (parts.login, parts.notices):
        if part:
            part.base_url = hosts.url
    return StandIn(system, parts, log, hosts)


def load(path: Path) -> Mapping[str, Any]:
    """A system's file."""
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")))


def _parts(
    system: Mapping[str, Any],
    installation: Installation,
    cast: Cast,
    behave: Behaviour,
    mocks: Path | None,
) -> Parts:
    outbound = Outbound.trusting(installation.trust)
    interfaces = system["interfaces"]
    store = filled(cast, system.get("holds", ()), system.get("holds_forms", ()))
    access = access_of(interfaces)
    settings = ApiSettings.read(access)
    tokens = AccessTokens(outbound, installation.issuer, access["audience"], behave)
    delivery = _within(mocks, interfaces.get("delivery", {}).get("path"))
    delivered = behave(deliver)(delivery) if delivery else None
    reader = _reader(interfaces, installation, outbound, behave)
    return Parts(
        behave=behave,
        outbound=outbound,
        store=store,
        api=Ss12000Api(store, tokens, settings, behave),
        login=login_of(system, installation, outbound, store, behave),
        reader=reader,
        notices=Notices(reader, store, behave) if reader else None,
        delivered=delivered,
        temporary=delivered.parent if delivered and delivered != delivery else None,
    )


def _reader(
    interfaces: Mapping[str, Any], installation: Installation, outbound: Outbound, behave: Behaviour
) -> Reader | None:
    sources = [Source.read(name, one) for name, one in sources_of(interfaces).items()]
    if not any(source.system in installation.sources for source in sources):
        return None
    return Reader(outbound, installation, sources, behave)


def sources_of(interfaces: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """The systems that a system reads, from the interfaces of its file."""
    sources: Mapping[str, Mapping[str, Any]] = (interfaces.get("client") or {}).get("sources", {})
    return sources


def access_of(interfaces: Mapping[str, Any]) -> Mapping[str, Any]:
    """Who may read: as `api` says, or `export` of a product that shows no interface of the standard."""
    nobody = {"base": "", "resources": (), "audience": "", "clients": {}}
    api: Mapping[str, Any] = interfaces.get("api") or nobody | (interfaces.get("export") or {})
    return api


def _routes(system: Mapping[str, Any], parts: Parts, mocks: Path | None) -> Mapping[str, list[Route]]:
    """What the interface of the standard answers, and what the rest of the product does."""
    return {
        "api": _api_routes(system, parts, mocks) if "api" in system["interfaces"] else [],
        "": _own_routes(system, parts, mocks or packaged_mocks()),
    }


def _api_routes(system: Mapping[str, Any], parts: Parts, mocks: Path | None) -> list[Route]:
    api = system["interfaces"]["api"]
    base = api["base"]
    routes = parts.api.routes()
    if kinds := api.get("subscriptions"):
        routes += Subscriptions(parts.api, base, parts.outbound, kinds).routes()
    if files := api.get("files"):
        routes += RegisterFiles(parts.api, base, files, mocks or packaged_mocks(), parts.behave).routes()
    if document := _within(mocks, system.get("openapi")):
        endpoint = _document_endpoint(document, base, frozenset(route.path for route in routes))
        routes += [Route(f"{base}/openapi.json", endpoint), Route("/openapi.json", endpoint)]
    return routes


def _own_routes(system: Mapping[str, Any], parts: Parts, mocks: Path) -> list[Route]:
    interfaces = system["interfaces"]
    routes: list[Route] = []
    if parts.login:
        routes += parts.login.routes()
    if "export" in interfaces:
        form = form_of(interfaces["export"] or {}, mocks, parts.behave)
        routes += Exports(parts.api, form, parts.behave).routes()
    user = parts.login.user if parts.login else None
    routes += faces(system, parts.store, parts.api, user, parts.behave)
    if parts.notices:
        routes += parts.notices.routes()
    if parts.reader:
        routes.append(Route("/hooks/sync", _sync_endpoint(parts, parts.reader), methods=["POST"]))
    return routes


def _sync_endpoint(parts: Parts, reader: Reader) -> Callable[[Request], Any]:
    async def sync(request: Request) -> Response:
        await parts.api.caller(request)
        try:
            source = request.query_params.get("source")
            return json_answer(await parts.behave(synchronise)(reader, parts.store, source))
        except Unreachable as error:
            raise ApiError(502, "source.unreachable", str(error)) from error

    return sync


def _document_endpoint(path: Path, base: str, served: frozenset[str]) -> Callable[[Request], Any]:
    async def document(_request: Request) -> Response:
        return json_answer(_published(path, base, served))

    return document


@cache
def _published(path: Path, base: str, served: frozenset[str]) -> Mapping[str, Any]:
    """The agreed document, cut to what is served here."""
    document = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
    paths = {
        at: {method: one for method, one in item.items() if _offered(at, method)}
        for at, item in document["paths"].items()
        if f"{base}{at}" in served
    }
    return {**document, "servers": [{"url": base}], "paths": paths}


def _offered(at: str, method: str) -> bool:
    """Records are read here and never written, whatever the agreed document has besides."""
    return method == "get" or at.endswith("/lookup") or at.startswith("/subscriptions")


def _within(mocks: Path | None, path: str | None) -> Path | None:
    return (mocks or packaged_mocks()) / path if path else None


def packaged_mocks() -> Path:
    """The folder of systems that comes with the package, or stands beside its source."""
    package = Path(__file__).parents[1]
    installed = package / "workspace" / "mocks"
    return installed if installed.is_dir() else package.parents[1] / "mocks"
