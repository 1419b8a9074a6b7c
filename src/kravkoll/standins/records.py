"""The SS 12000 records that a system holds: an immutable view, and the store that moves from view to view."""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import count
from typing import Any

type Record = Mapping[str, Any]

ENTITY_TYPES: Mapping[str, str] = {
    "Organisation": "organisations",
    "Person": "persons",
    "Placement": "placements",
    "Group": "groups",
    "Duty": "duties",
    "Programme": "programmes",
    "Syllabus": "syllabuses",
    "SchoolUnitOffering": "schoolUnitOfferings",
    "StudyPlan": "studyplans",
    "Activity": "activities",
    "Room": "rooms",
    "Resource": "resources",
    "CalendarEvent": "calendarEvents",
    "Attendance": "attendances",
    "AttendanceEvent": "attendanceEvents",
    "AttendanceSchedule": "attendanceSchedule",
    "Absence": "absences",
    "Grade": "grades",
}
RESOURCES = (*ENTITY_TYPES.values(), "aggregatedAttendance")
"""By the names that paths have. A sum of attendance is no entity of the standard."""
DELETED_NAMES: Mapping[str, str] = {
    "activities": "activitites",
    "attendanceSchedule": "attendanceSchedules",
    "studyplans": "studyPlans",
}
"""Where deletedEntities, by the standard's own spelling, has another name than the path."""
WITHOUT_ID: Mapping[str, tuple[str, ...]] = {
    "schoolUnitOfferings": ("offeredAt", "startDate"),
    "aggregatedAttendance": ("activity", "student", "startDate", "endDate"),
}
"""Resources whose records have neither id nor meta in the standard, and what tells them apart."""


@dataclass(frozen=True, slots=True)
class Row:
    """A record and its place in the order of arrival, which never changes: what paging holds on to."""

    place: int
    record: Record


@dataclass(frozen=True, slots=True)
class Removal:
    """That a record went away, and when (RFC 3339); `record` is how it last looked, where that is known."""

    resource: str
    id: str
    at: str
    record: Record | None = None


@dataclass(frozen=True, slots=True)
class Relation:
    """How a person is tied to an organisation, as `relationship.*` filters see it."""

    kind: str
    organisation: str | None
    start: str | None
    end: str | None


class Records:
    """One state of the tables. Nothing in it is ever changed."""

    def __init__(
        self,
        tables: Mapping[str, Mapping[str, Row]],
        removals: Sequence[Removal] = (),
        behind: "Records | None" = None,
    ) -> None:
        self.tables = tables
        self.removals = removals
        self.behind = behind or self
        """The same records with the fields that are not shown, for filters that follow references."""

    def rows(self, resource: str) -> Iterator[Row]:
        """Every row, in order of arrival."""
        yield from self.tables[resource].values()

    def all(self, resource: str) -> Iterator[Record]:
        return (row.record for row in self.tables[resource].values())

    def get(self, resource: str, record_id: str) -> Row | None:
        return self.tables[resource].get(record_id)

    def find(self, record_id: str) -> Record | None:
        """A record of any resource: ids are unique across them."""
        rows = (table.get(record_id) for table in self.tables.values())
        return next((row.record for row in rows if row), None)

    @cached_property
    def relations(self) -> Mapping[str, Sequence[Relation]]:
        """Person id -> relations."""
        found: dict[str, list[Relation]] = {}
        for person_id, relation in _relations(self):
            found.setdefault(person_id, []).append(relation)
        return found

    @cached_property
    def responsible_for(self) -> Mapping[str, Sequence[Record]]:
        """Id of a responsible person -> the children that name them."""
        found: dict[str, list[Record]] = {}
        for child in self.all("persons"):
            for entry in child.get("responsibles", ()):
                found.setdefault(reference(entry.get("person")), []).append(child)
        return found


class RecordStore:
    """What a system holds now; readers keep the state that they began with."""

    def __init__(self, records: Mapping[str, Iterable[Record]] | None = None) -> None:
        self._places = count()
        self.now = Records({resource: {} for resource in RESOURCES})
        for resource, given in (records or {}).items():
            if resource in RESOURCES:
                self.put(resource, given)

    def put(self, resource: str, records: Iterable[Record]) -> None:
        """Insert, or replace by id and keep the place; `id` and `meta` are added where absent."""
        table = dict(self.now.tables[resource])
        for record in records:
            whole = record if "id" in record and "meta" in record else _completed(resource, record)
            old = table.get(whole["id"])
            table[whole["id"]] = Row(old.place if old else next(self._places), whole)
        self.now = Records({**self.now.tables, resource: table}, self.now.removals)

    def remove(self, resource: str, ids: Iterable[str]) -> int:
        """Take records away and remember that they went; how many there were."""
        table = dict(self.now.tables[resource])
        gone = [Removal(resource, one, timestamp(), table.pop(one).record) for one in ids if one in table]
        self.now = Records({**self.now.tables, resource: table}, (*self.now.removals, *gone))
        return len(gone)

    def replace(self, resource: str, records: Iterable[Record]) -> None:
        """Make these, and no others, the records of a resource."""
        wanted = list(records)
        kept = {record["id"] for record in wanted}
        self.remove(resource, [one for one in self.now.tables[resource] if one not in kept])
        self.put(resource, wanted)

    def note_removals(self, removals: Iterable[Removal]) -> None:
        """Remember removals that happened elsewhere, once each."""
        known = {(removal.resource, removal.id) for removal in self.now.removals}
        fresh = [removal for removal in removals if (removal.resource, removal.id) not in known]
        self.now = Records(self.now.tables, (*self.now.removals, *fresh))


def reference(value: Any) -> str:
    """The id in an ObjectReference, or the empty string."""
    return str(value.get("id", "")) if isinstance(value, Mapping) else ""


def timestamp() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def identity_of(resource: str, record: Record) -> str:
    """The id of a record; one that has none in the standard gets one from what tells it apart."""
    if "id" in record:
        return str(record["id"])
    if resource not in WITHOUT_ID:
        return str(uuid.uuid4())
    parts = (record.get(field) for field in WITHOUT_ID[resource])
    named = "/".join(reference(part) or str(part) for part in parts)
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{resource}/{named}"))


def as_sent(resource: str, record: Record) -> Record:
    """The record without what the standard does not give it."""
    if resource not in WITHOUT_ID:
        return record
    return {name: value for name, value in record.items() if name not in {"id", "meta"}}


def _completed(resource: str, record: Record) -> Record:
    now = timestamp()
    return {"id": identity_of(resource, record), "meta": {"created": now, "modified": now}, **record}


def _relations(records: Records) -> Iterator[tuple[str, Relation]]:
    yield from _enrolments(records)
    yield from _placements(records)
    for duty in records.all("duties"):
        yield reference(duty.get("person")), _relation("duty", duty.get("dutyAt"), duty)
    for group in records.all("groups"):
        for member in group.get("groupMemberships", ()):
            yield reference(member.get("person")), _relation("groupMembership", group["organisation"], member)


def _enrolments(records: Records) -> Iterator[tuple[str, Relation]]:
    for person in records.all("persons"):
        for enrolment in person.get("enrolments", ()):
            yield person["id"], _relation("enrolment", enrolment.get("enroledAt"), enrolment)
            for entry in person.get("responsibles", ()):
                yield (
                    reference(entry.get("person")),
                    _relation("responsibleFor.enrolment", enrolment.get("enroledAt"), enrolment),
                )


def _placements(records: Records) -> Iterator[tuple[str, Relation]]:
    for placement in records.all("placements"):
        child = reference(placement.get("child"))
        yield child, _relation("placement.child", placement.get("placedAt"), placement)
        for owner in placement.get("owners", ()):
            yield reference(owner), _relation("placement.owner", placement.get("placedAt"), placement)
        row = records.get("persons", child)
        for entry in row.record.get("responsibles", ()) if row else ():
            yield (
                reference(entry.get("person")),
                _relation("responsibleFor.placement", placement.get("placedAt"), placement),
            )


def _relation(kind: str, organisation: Any, dated: Record) -> Relation:
    return Relation(kind, reference(organisation) or None, dated.get("startDate"), dated.get("endDate"))
