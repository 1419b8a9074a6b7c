"""The whole cast: people, how they are related, their records, and the tokens to look for."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from types import MappingProxyType

from kravkoll.cast.attendance import attendance
from kravkoll.cast.canaries import Canary, Mint
from kravkoll.cast.identities import Identities
from kravkoll.cast.lessons import lessons
from kravkoll.cast.people import Part, Person, Role
from kravkoll.cast.population import (
    FORMER,
    FORMER_GROUPS,
    GROUPS,
    RELATIONS,
    UNITS,
    Gathering,
    Unit,
    assignments,
    background_parts,
    named_parts,
)
from kravkoll.cast.records import Record, Registrar
from kravkoll.cast.relations import Relation, RelationType
from kravkoll.cast.studies import studies

AS_OF = date(2026, 11, 23)
"""The day on which `pupil-18` comes of age, unless another is asked for."""

type Records = Mapping[str, tuple[Record, ...]]

_GROUPS = {gathering.key: gathering for gathering in GROUPS}
_CODED = frozenset(
    (
        *("meta", "birthDate", "startDate", "endDate", "startTime", "endTime", "deleted"),
        *("organisationType", "schoolTypes", "schoolType", "groupType", "dutyRole", "assignmentRoleType"),
        *(
            "securityMarking",
            "personStatus",
            "relationType",
            "sex",
            "reason",
            "educationCode",
            "activityType",
        ),
        *("time", "eventType", "state", "registeredAt", "dayOfWeek", "reportedTimestamp", "registeredDate"),
        *("gradeValue", "semester", "subjectCode", "courseCode", "code"),
        *("type", "infoType", "context", "country", "nationality", "resource"),
    )
)
"""Fields that hold enums, codes and times, which say nothing of whose they are."""


@dataclass(frozen=True, slots=True)
class Cast:
    """Everything that the city's side knows of its synthetic people.

    `records` is what the city's register holds; `neighbour` belongs to another principal organiser; `former`
    holds the records as they were before they were deleted.
    """

    seed: str
    people: Mapping[str, Person]
    background: Mapping[str, Person]
    relations: tuple[Relation, ...]
    records: Records
    neighbour: Records
    former: Records
    canaries: Mapping[str, Canary]

    def guardians_of(self, persona: str) -> tuple[Person, ...]:
        """Those with custody; a contact person is none."""
        found = (r.adult for r in self.relations if r.child == persona and r.kind is RelationType.GUARDIAN)
        return tuple(self.anyone(adult) for adult in found)

    def children_of(self, persona: str) -> tuple[Person, ...]:
        """The children of a guardian."""
        found = (r.child for r in self.relations if r.adult == persona and r.kind is RelationType.GUARDIAN)
        return tuple(self.anyone(child) for child in found)

    def anyone(self, persona: str) -> Person:
        """Somebody named or of the background; raises KeyError."""
        return self.people.get(persona) or self.background[persona]

    def record(self, persona: str) -> Record:
        """The SS 12000 record of a person, in whichever register it is or was; raises KeyError."""
        wanted = self.anyone(persona).id
        for register in (self.records, self.neighbour, self.former):
            for record in register["persons"]:
                if record["id"] == wanted:
                    return record
        raise KeyError(f"{persona} has no record in a register")

    def values(self) -> frozenset[str]:
        """Every string that evidence may show: names, addresses, ids, numbers, tokens, user names."""
        shown: set[str] = set(self.canaries) | set(self.people) | set(self.background)
        for register in (self.records, self.neighbour, self.former):
            shown.update(_texts(register))
        for person in (*self.people.values(), *self.background.values()):
            shown.update((person.id, person.given_name, person.family_name, person.display_name))
        return frozenset(shown)


@cache
def load(seed: str = "kravkoll", as_of: date = AS_OF) -> Cast:
    """The cast that follows from the seed; the day moves only who comes of age and who works where."""
    return _Company(seed, as_of).assemble()


class _Company:
    """Draws everybody once, then writes the registers that they stand in."""

    def __init__(self, seed: str, as_of: date) -> None:
        self._mint = Mint(seed)
        self._registrar = Registrar(self._mint)
        self._identities = Identities(self._mint)
        self._seed = seed
        self._as_of = as_of
        self._group_keys: dict[str, str] = {}
        self._relations = list(RELATIONS)

    def assemble(self) -> Cast:
        named = [self._draw(part) for part in named_parts(self._as_of)]
        gone = [self._draw(part) for part in FORMER]
        background = self._background()
        former = self._register(gone, (), FORMER_GROUPS, ())
        deleted = tuple(
            self._registrar.deleted(kind, record) for kind, records in former.items() for record in records
        )
        everyone = [*named, *background]
        held = self._of_tenant("city", everyone, deleted)
        return Cast(
            seed=self._seed,
            people=MappingProxyType({person.persona: person for person in (*named, *gone)}),
            background=MappingProxyType({person.persona: person for person in background}),
            relations=tuple(self._relations),
            records=MappingProxyType({**held, **self._schooling(everyone)}),
            neighbour=self._of_tenant("neighbour", named, ()),
            former=former,
            canaries=MappingProxyType(self._mint.canaries),
        )

    def _schooling(self, people: Iterable[Person]) -> dict[str, tuple[Record, ...]]:
        """Lessons, attendance and studies of the city's own."""
        own = [(one, group) for one in people if one.tenant == "city" and (group := self._group(one))]
        groups = [group for group in GROUPS if group.tenant == "city"]
        taught = lessons(self._registrar, groups, assignments(self._as_of))
        attended = attendance(self._registrar, own, taught["calendarEvents"])
        return {**taught, **attended, **studies(self._registrar, own)}

    def _background(self) -> list[Person]:
        people = []
        for child, guardian in background_parts():
            people.append(self._draw(child))
            if guardian:
                people.append(self._draw(guardian))
                self._relations.append(Relation(child.persona, guardian.persona))
        return people

    def _draw(self, part: Part) -> Person:
        if part.group:
            self._group_keys[part.persona] = part.group
        return self._identities.draw(
            part,
            unit=part.unit and self._registrar.id("organisations", part.unit),
            group=part.group and self._registrar.id("groups", part.group),
            school_type=_GROUPS[part.group].school_type if part.group else None,
        )

    def _of_tenant(self, tenant: str, people: Iterable[Person], deleted: tuple[Record, ...]) -> Records:
        registered = [p for p in people if p.tenant == tenant and p.role not in {Role.SUPPLIER, Role.CLIENT}]
        units = [unit for unit in UNITS if unit.tenant == tenant]
        groups = [group for group in GROUPS if group.tenant == tenant]
        return self._register(registered, units, groups, deleted)

    def _register(
        self,
        people: Sequence[Person],
        units: Iterable[Unit],
        groups: Iterable[Gathering],
        deleted: tuple[Record, ...],
    ) -> Records:
        adults = self._responsible(people)
        children = [(person, self._group(person), adults[person.persona]) for person in people]
        personas = {person.persona for person in people}
        records = {
            "organisations": [self._registrar.organisation(unit) for unit in units],
            "persons": [self._registrar.person(*child) for child in children],
            "placements": [
                self._registrar.placement(child, group, of)
                for child, group, of in children
                if group and group.school_type == "FS"
            ],
            "groups": [self._registrar.group(group, self._members(people, group)) for group in groups],
            "duties": [self._registrar.duty(a) for a in assignments(self._as_of) if a.persona in personas],
            "deletedEntities": deleted,
        }
        return MappingProxyType({resource: tuple(found) for resource, found in records.items()})

    def _responsible(self, people: Iterable[Person]) -> Mapping[str, list[tuple[str, Relation]]]:
        adults: dict[str, list[tuple[str, Relation]]] = {person.persona: [] for person in people}
        for relation in self._relations:
            if relation.child in adults:
                adults[relation.child].append((self._registrar.id("persons", relation.adult), relation))
        return adults

    def _group(self, person: Person) -> Gathering | None:
        key = self._group_keys.get(person.persona)
        return _GROUPS[key] if key else None

    def _members(self, people: Iterable[Person], gathering: Gathering) -> list[Person]:
        group = gathering.drawn_from or gathering.key
        return [person for person in people if self._group_keys.get(person.persona) == group]


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if key not in _CODED:
                yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)
