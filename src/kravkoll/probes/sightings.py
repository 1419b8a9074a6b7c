"""Looks for people in every way that an SS 12000 interface shows them."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from kravkoll.probes.ss12000 import Filter, Ss12000
from kravkoll.record.outcome import Inconclusive

type Kind = Literal["listed", "fetched", "lookup", "expanded"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Somebody to look for: `marks` are strings that stand for nobody else, the id among them."""

    persona: str
    id: str
    marks: frozenset[str]
    name: str = ""
    """Part of a name, as a search would have it."""
    civic_no: str = ""
    unit: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Sighting:
    """Whether one way of asking showed somebody: by which mark, or why nothing was shown."""

    kind: Kind
    way: str
    persona: str
    mark: str = ""
    refused: str = ""

    @property
    def seen(self) -> bool:
        return bool(self.mark)


@dataclass(frozen=True, slots=True)
class Way:
    """A way of asking: its parameters are made for one person, or are the same for all."""

    kind: Kind
    text: str
    ask: Callable[[Ss12000, Wanted], Any]
    shared: bool = False


def look_for(api: Ss12000, people: Iterable[Wanted]) -> list[Sighting]:
    """Every way for each person. Raises Inconclusive only where the interface could not be reached at all."""
    everyone = tuple(people)
    sightings: list[Sighting] = []
    for way in WAYS:
        if way.shared:
            text, refused = _asked(api, way, everyone[0])
            sightings += [_sighting(way, person, text, refused) for person in everyone]
            continue
        for person in everyone:
            text, refused = _asked(api, way, person)
            sightings.append(_sighting(way, person, text, refused))
    return sightings


def _asked(api: Ss12000, way: Way, person: Wanted) -> tuple[str, str]:
    """What was shown as text, or why nothing was."""
    try:
        return json.dumps(way.ask(api, person), ensure_ascii=False, default=str), ""
    except Inconclusive as reason:
        if reason.reason.code in UNREACHABLE:
            raise
        return "", str(reason.reason)


def _sighting(way: Way, person: Wanted, text: str, refused: str) -> Sighting:
    found = next((mark for mark in sorted(person.marks, key=len) if mark in text), "")
    return Sighting(way.kind, way.text, person.persona, found, refused)


def _walk(resource: str, **filters: Filter) -> Callable[[Ss12000, Wanted], Any]:
    return lambda api, _person: api.walk(resource, where=filters)


def _filtered(resource: str, filters: Callable[[Wanted], Mapping[str, Filter]]) -> Callable[..., Any]:
    def ask(api: Ss12000, person: Wanted) -> Any:
        wanted = filters(person)
        return api.walk(resource, where=wanted) if all(wanted.values()) else []

    return ask


def _everything_expanded(resource: str, *names: str) -> Iterator[Way]:
    for name in names:
        ask = _walk(resource, expand=[name])
        yield Way("expanded", f"GET /{resource}?expand={name}", ask, shared=True)
    yield Way(
        "expanded",
        f"GET /{resource}?expandReferenceNames=true",
        _walk(resource, expandReferenceNames=True),
        shared=True,
    )


def _one(resource: str, field: str) -> Callable[[Ss12000, Wanted], Any]:
    def ask(api: Ss12000, person: Wanted) -> Any:
        identity = getattr(person, field)
        return api.get(resource, identity) if identity else None

    return ask


UNREACHABLE = {"subject.unreachable", "transport.untrusted", "transport.no-tls"}
RELATIONS = ("enrolment", "placement.child", "groupMembership")

WAYS: tuple[Way, ...] = (
    Way("listed", "GET /persons", _walk("persons"), shared=True),
    Way("listed", "GET /groups", _walk("groups"), shared=True),
    Way("listed", "GET /placements", _walk("placements"), shared=True),
    Way("listed", "GET /calendarEvents", _walk("calendarEvents"), shared=True),
    Way("listed", "GET /deletedEntities", lambda api, _person: api.deleted_entities(), shared=True),
    Way("listed", "GET /persons?nameContains=", _filtered("persons", lambda one: {"nameContains": one.name})),
    Way("listed", "GET /persons?civicNo=", _filtered("persons", lambda one: {"civicNo": one.civic_no})),
    *(
        Way(
            "listed",
            f"GET /persons?relationship.entity.type={relation}&relationship.organisation=",
            _filtered(
                "persons",
                lambda one, relation=relation: {  # type: ignore[misc]  # bound now, not at the call
                    "relationship.entity.type": relation,
                    "relationship.organisation": one.unit,
                },
            ),
        )
        for relation in RELATIONS
    ),
    Way("listed", "GET /placements?child=", _filtered("placements", lambda one: {"child": one.id})),
    Way("fetched", "GET /persons/{id}", _one("persons", "id")),
    Way("fetched", "GET /groups/{id}", _one("groups", "group")),
    Way("lookup", "POST /persons/lookup", lambda api, one: api.lookup("persons", [one.id])),
    Way(
        "lookup",
        "POST /groups/lookup",
        lambda api, one: api.lookup("groups", [one.group]) if one.group else [],
    ),
    *_everything_expanded("groups", "assignmentRoles"),
    *_everything_expanded("placements", "child", "owners"),
    *_everything_expanded("persons", "responsibleFor", "placements", "groupMemberships"),
)
