"""A receiver's side of its flows: it asks each source for what was agreed, and keeps no more."""

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import orjson

from kravkoll.contracts.dialects import Dialect
from kravkoll.standins.faults import Behaviour, fault
from kravkoll.standins.flow_policy import project
from kravkoll.standins.installation import Installation
from kravkoll.standins.outbound import Outbound, Unreachable
from kravkoll.standins.records import DELETED_NAMES, Record, Records, RecordStore, Removal, timestamp
from kravkoll.standins.text_files import read_files
from kravkoll.standins.token_client import TokenClient

PAGE = 200
BY_DELETED_NAME = {told: resource for resource, told in DELETED_NAMES.items()}
STOCKHOLM = ZoneInfo("Europe/Stockholm")

type Ask = Callable[[str, Mapping[str, str | int]], Awaitable[bytes]]
"""GET of a path with parameters; the body of the answer."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a product's file says of a system that it reads."""

    system: str
    audience: str
    scope: str
    keeps: Mapping[str, tuple[str, ...]]
    """Resource -> dotted paths of what the product has use for."""
    deletions: bool = True
    """Whether the source tells what is gone, at /deletedEntities."""
    asks: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Resource -> parameters that it is asked with, such as the school year of a schedule."""
    files: Dialect | None = None
    """The agreed files that the source writes, for a product that reads these and no interface."""
    notices: tuple[str, ...] = ()
    """Entity types of the standard whose changes the source is asked to tell of."""

    @classmethod
    def read(cls, system: str, settings: Mapping[str, Any]) -> "Source":
        keeps = {resource: tuple(paths) for resource, paths in settings["keeps"].items()}
        return cls(
            system,
            settings["audience"],
            settings["scope"],
            keeps,
            settings.get("deletions", True),
            settings.get("asks", {}),
            settings.get("files"),
            tuple(settings.get("notices", ())),
        )


class Reader:
    """Pulls the sources into a store."""

    def __init__(
        self, outbound: Outbound, installation: Installation, sources: Sequence[Source], behave: Behaviour
    ) -> None:
        self._outbound = outbound
        self._installation = installation
        self._sources = {source.system: source for source in sources if source.system in installation.sources}
        self._behave = behave
        self._tokens = TokenClient(installation.issuer, installation.client_id, installation.client_key)
        self._brought: dict[tuple[str, str], frozenset[str]] = {}
        """Ids by source and resource, so that what a source no longer has goes away, and nothing else."""
        self._begun = count()
        self._latest: dict[str, int] = {}
        """Of each source, the fetch whose answer is held: one that began earlier and ends later is old."""

    async def sync(self, store: RecordStore, source: str | None = None) -> dict[str, int]:
        """Make the store hold what the sources, or one of them, send; how many records of each resource.

        Raises Unreachable, also for a source that this product does not read.
        """
        wanted = [source] if source else list(self._sources)
        counts: dict[str, int] = {}
        for system in wanted:
            if system not in self._sources:
                raise Unreachable(f"{system} is no source of this system")
            for resource, number in (await self._pull(store, self._sources[system])).items():
                counts[resource] = counts.get(resource, 0) + number
        return counts

    async def subscribe(self, target_of: Callable[[str], str]) -> None:
        """Have changes told at an address of ours, by sources that tell them; Unreachable if one refuses."""
        for source in self._sources.values():
            if source.notices:
                token = await self._tokens.token(self._outbound, source.audience, source.scope)
                wanted = {
                    "name": self._installation.client_id,
                    "target": target_of(source.system),
                    "resourceTypes": [{"resource": kind} for kind in source.notices],
                }
                address = f"{self._installation.sources[source.system]}/subscriptions"
                await self._outbound.post_json(address, wanted, token=token)

    async def _pull(self, store: RecordStore, source: Source) -> dict[str, int]:
        number = next(self._begun)
        async with self._outbound.keeping_connections() as outbound:
            ask = await self._ask(outbound, source)
            received: Mapping[str, Sequence[Record]]
            if source.files:
                received = await self._behave(fetch_files)(ask, source.files)
            else:
                received = {
                    resource: await self._behave(fetch)(ask, resource, source.asks.get(resource, {}))
                    for resource in source.keeps
                }
            removed = await fetch_deleted(ask) if source.deletions else []
            if number >= self._latest.get(source.system, 0):
                self._latest[source.system] = number
                self._store(store, source, received)
                store.note_removals(removed)
            await self._behave(pass_on)(outbound, self._installation.peers, received)
        return {resource: len(records) for resource, records in received.items()}

    async def _ask(self, outbound: Outbound, source: Source) -> Ask:
        token = await self._tokens.token(outbound, source.audience, source.scope)
        base = self._installation.sources[source.system]

        async def ask(path: str, parameters: Mapping[str, str | int]) -> bytes:
            query = f"?{urlencode(parameters)}" if parameters else ""
            return await outbound.get(f"{base}{path}{query}", token=token)

        return ask

    def _store(self, store: RecordStore, source: Source, received: Mapping[str, Sequence[Record]]) -> None:
        for resource, records in received.items():
            paths = source.keeps.get(resource, ("id", "meta"))
            kept = [self._behave(keep)(record, paths) for record in records]
            came = frozenset(record["id"] for record in kept)
            key = source.system, resource
            gone = self._brought.get(key, frozenset()) - came - self._brought_by_others(key)
            store.remove(resource, self._behave(forgotten)(gone))
            store.put(resource, self._behave(renewed)(kept, store.now))
            self._brought[key] = came

    def _brought_by_others(self, key: tuple[str, str]) -> frozenset[str]:
        """Two sources may send the same resource: what one of them drops, the other may still have."""
        others = [ids for other, ids in self._brought.items() if other != key and other[1] == key[1]]
        return frozenset().union(*others)


def _read(answer: bytes) -> Mapping[str, Any]:
    try:
        document = orjson.loads(answer)
    except orjson.JSONDecodeError as error:
        raise Unreachable("the source answered no JSON") from error
    if not isinstance(document, dict) or not isinstance(document.get("data"), list | dict):
        raise Unreachable("the source answered without `data`")
    return document


async def fetch(ask: Ask, resource: str, parameters: Mapping[str, str]) -> Sequence[Record]:
    """Every record of a resource, page by page, with no more asked for than the flow has."""
    return await _walk(ask, f"/{resource}", {**parameters, "limit": PAGE})


async def fetch_files(ask: Ask, files: Dialect) -> dict[str, list[Record]]:
    """The records of the agreed files."""
    return read_files(
        files, {table.file: await ask(f"{files.place}/{table.file}", {}) for table in files.tables}
    )


async def fetch_deleted(ask: Ask) -> list[Removal]:
    """What the source says is gone."""
    pages = await _pages(ask, "/deletedEntities", {"limit": PAGE})
    now = timestamp()
    return [
        Removal(BY_DELETED_NAME.get(resource, resource), record_id, now)
        for page in pages
        for resource, ids in page["data"].items()
        for record_id in ids
    ]


def keep(record: Record, paths: tuple[str, ...]) -> Record:
    """Of what came, what the product is entitled to."""
    return project(record, paths)


def renewed(records: Sequence[Record], _held: Records) -> Sequence[Record]:
    """What came takes the place of what was held."""
    return records


def forgotten(gone: frozenset[str]) -> frozenset[str]:
    """What the source no longer has goes."""
    return gone


async def pass_on(
    _outbound: Outbound, _peers: Mapping[str, str], _received: Mapping[str, Sequence[Record]]
) -> None:
    """What was received stays here."""


async def _walk(ask: Ask, path: str, parameters: Mapping[str, str | int]) -> list[Record]:
    return [record for page in await _pages(ask, path, parameters) for record in page["data"]]


async def _pages(ask: Ask, path: str, parameters: Mapping[str, str | int]) -> list[Mapping[str, Any]]:
    pages = [_read(await ask(path, parameters))]
    while token := pages[-1].get("pageToken"):
        pages.append(_read(await ask(path, {"pageToken": token})))
    return pages


@fault("client.asks", replaces=fetch)
async def fetch_more_than_agreed(ask: Ask, resource: str, parameters: Mapping[str, str]) -> Sequence[Record]:
    if resource != "persons":
        return await fetch(ask, resource, parameters)
    with suppress(Unreachable):  # a source that does not give it is asked again next time
        await ask("/studyPlans", {"limit": PAGE})
    wish: dict[str, str | int] = {"limit": PAGE, "expand": "placements", "expandReferenceNames": "true"}
    return await _walk(ask, "/persons", wish)


@fault("client.keeps", replaces=keep)
def keep_an_older_import(record: Record, _paths: tuple[str, ...]) -> Record:
    """All that came, and beside it what an import before this flow left behind."""
    left = {"securityMarking": "Ingen", "personStatus": "Aktiv", "sex": "Okänt"}
    return {**left, **record} if "familyName" in record else record


@fault("flow.pushes", replaces=pass_on)
async def push_to_others(
    outbound: Outbound, peers: Mapping[str, str], received: Mapping[str, Sequence[Record]]
) -> None:
    for address in peers.values():
        with suppress(Unreachable):  # the data has left the house whether or not it was welcome
            await outbound.post_json(f"{address}/import", received)


@fault("schedule.doubles", replaces=fetch)
async def add_lessons_of_an_older_plan(
    ask: Ask, resource: str, parameters: Mapping[str, str]
) -> Sequence[Record]:
    records = await fetch(ask, resource, parameters)
    if resource != "calendarEvents":
        return records
    return [*records, *(_days_later(one, 5) for one in records[::3])]


def _days_later(lesson: Record, number: int) -> Record:
    """On a day when there is none: five days after a Monday is a Saturday."""
    moved = {
        name: (datetime.fromisoformat(lesson[name]) + timedelta(days=number)).isoformat()
        for name in ("startTime", "endTime")
    }
    return {**lesson, **moved, "id": str(uuid.uuid5(uuid.NAMESPACE_OID, lesson["id"]))}


@fault("schedule.utc", replaces=keep)
def take_wall_time_for_utc(record: Record, paths: tuple[str, ...]) -> Record:
    kept = keep(record, paths)
    times = {
        name: datetime.fromisoformat(kept[name]).astimezone(STOCKHOLM).replace(tzinfo=UTC).isoformat()
        for name in ("startTime", "endTime")
        if name in kept
    }
    return {**kept, **times}


@fault("schedule.held", replaces=keep)
def forget_that_it_is_cancelled(record: Record, paths: tuple[str, ...]) -> Record:
    return {name: value for name, value in keep(record, paths).items() if name != "cancelled"}


@fault("schedule.rooms", replaces=keep)
def lose_the_rooms(record: Record, paths: tuple[str, ...]) -> Record:
    kept = keep(record, paths)
    return {**kept, "rooms": []} if "rooms" in kept else kept


@fault("schedule.stale", replaces=renewed)
def keep_lessons_as_they_first_came(records: Sequence[Record], held: Records) -> Sequence[Record]:
    return [one for one in records if "startTime" not in one or held.get("calendarEvents", one["id"]) is None]


@fault("schedule.leftovers", replaces=forgotten)
def forget_nothing(_gone: frozenset[str]) -> frozenset[str]:
    return frozenset()
