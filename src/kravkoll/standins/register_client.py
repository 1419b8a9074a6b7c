"""A receiver's side of a flow: it asks the register for what was agreed, and keeps no more."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import orjson

from kravkoll.standins.faults import Behaviour, fault
from kravkoll.standins.flow_policy import project
from kravkoll.standins.installation import Installation
from kravkoll.standins.outbound import Outbound, Unreachable
from kravkoll.standins.records import RESOURCES, Record, RecordStore, Removal, timestamp
from kravkoll.standins.token_client import TokenClient

PAGE = 200

type Ask = Callable[[str, Mapping[str, str | int]], Awaitable[Mapping[str, Any]]]
"""GET of a path with parameters; the parsed answer."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a product's file says of the register that it reads."""

    audience: str
    scope: str
    keeps: Mapping[str, tuple[str, ...]]
    """Resource -> dotted paths of what the product has use for."""

    @classmethod
    def read(cls, settings: Mapping[str, Any]) -> "Subscription":
        keeps = {resource: tuple(paths) for resource, paths in settings["keeps"].items()}
        return cls(settings["audience"], settings["scope"], keeps)


class RegisterClient:
    """Pulls the register into a store."""

    def __init__(
        self, outbound: Outbound, installation: Installation, subscription: Subscription, behave: Behaviour
    ) -> None:
        self._outbound = outbound
        self._installation = installation
        self._subscription = subscription
        self._behave = behave
        self._tokens = TokenClient(installation.issuer, installation.client_id, installation.client_key)

    async def sync(self, store: RecordStore) -> dict[str, int]:
        """Make the store hold what the register sends; how many records of each resource."""
        async with self._outbound.keeping_connections() as outbound:
            ask = await self._ask(outbound)
            received = {resource: await self._behave(fetch)(ask, resource) for resource in RESOURCES}
            removed = await fetch_deleted(ask)
            self._store(store, received)
            store.note_removals(removed)
            await self._behave(pass_on)(outbound, self._installation.peers, received)
        return {resource: len(records) for resource, records in received.items()}

    async def _ask(self, outbound: Outbound) -> Ask:
        token = await self._tokens.token(outbound, self._subscription.audience, self._subscription.scope)

        async def ask(path: str, parameters: Mapping[str, str | int]) -> Mapping[str, Any]:
            query = f"?{urlencode(parameters)}" if parameters else ""
            answer = await outbound.get(f"{self._installation.register}{path}{query}", token=token)
            return _read(answer)

        return ask

    def _store(self, store: RecordStore, received: Mapping[str, Sequence[Record]]) -> None:
        for resource, records in received.items():
            paths = self._subscription.keeps.get(resource, ("id", "meta"))
            store.replace(resource, [self._behave(keep)(record, paths) for record in records])


def _read(answer: bytes) -> Mapping[str, Any]:
    try:
        document = orjson.loads(answer)
    except orjson.JSONDecodeError as error:
        raise Unreachable("the register answered no JSON") from error
    if not isinstance(document, dict) or not isinstance(document.get("data"), list | dict):
        raise Unreachable("the register answered without `data`")
    return document


async def fetch(ask: Ask, resource: str) -> Sequence[Record]:
    """Every record of a resource, page by page, with no more asked for than the flow has."""
    return await _walk(ask, f"/{resource}", {"limit": PAGE})


async def fetch_deleted(ask: Ask) -> list[Removal]:
    """What the register says is gone."""
    pages = await _pages(ask, "/deletedEntities", {"limit": PAGE})
    now = timestamp()
    return [
        Removal(resource, record_id, now)
        for page in pages
        for resource, ids in page["data"].items()
        for record_id in ids
    ]


def keep(record: Record, paths: tuple[str, ...]) -> Record:
    """Of what came, what the product is entitled to."""
    return project(record, paths)


async def pass_on(
    _outbound: Outbound, _peers: Mapping[str, str], _received: Mapping[str, Sequence[Record]]
) -> None:
    """What was received stays here."""


async def _walk(ask: Ask, path: str, parameters: Mapping[str, str | int]) -> list[Record]:
    return [record for page in await _pages(ask, path, parameters) for record in page["data"]]


async def _pages(ask: Ask, path: str, parameters: Mapping[str, str | int]) -> list[Mapping[str, Any]]:
    pages = [await ask(path, parameters)]
    while token := pages[-1].get("pageToken"):
        pages.append(await ask(path, {"pageToken": token}))
    return pages


@fault("client.asks", replaces=fetch)
async def fetch_more_than_agreed(ask: Ask, resource: str) -> Sequence[Record]:
    if resource != "persons":
        return await fetch(ask, resource)
    with suppress(Unreachable):  # a register that does not give it is asked again next time
        await ask("/studyPlans", {"limit": PAGE})
    wish: dict[str, str | int] = {"limit": PAGE, "expand": "placements", "expandReferenceNames": "true"}
    return await _walk(ask, "/persons", wish)


@fault("client.keeps", replaces=keep)
def keep_an_older_import(record: Record, _paths: tuple[str, ...]) -> Record:
    """All that came, and beside it what an import before this flow left behind."""
    left = {"securityMarking": "Ingen", "personStatus": "Aktiv", "sex": "Okänt"}
    return {**left, **record} if "familyName" in record else record


@fault("flow.pushes", replaces=pass_on)
async def push_to_infomentor(
    outbound: Outbound, peers: Mapping[str, str], received: Mapping[str, Sequence[Record]]
) -> None:
    if "infomentor" not in peers:
        return
    with suppress(Unreachable):  # the data has left the house whether or not it was welcome
        await outbound.post_json(f"{peers['infomentor']}/import", received)
