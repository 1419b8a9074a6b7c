"""`expand` and `expandReferenceNames`: what a record is sent together with."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from kravkoll.standins.parameters import references
from kravkoll.standins.records import Record, Records, reference

FRAGMENT = ("id", "meta", "displayName", "startDate", "endDate", "groupType", "schoolType", "organisation")
"""Of a group, where another record brings it along."""


def expanded(record: Record, resource: str, names: Iterable[str], records: Records) -> Record:
    """The record with `_embedded`, taken from what this client may see."""
    parts = {name: _PARTS[resource, name](record, records) for name in names}
    return {**record, "_embedded": {name: part for name, part in parts.items() if part is not None}}


def with_reference_names(value: Any, records: Records) -> Any:
    """The value with a displayName in every reference that can be followed."""
    if isinstance(value, list | tuple):
        return [with_reference_names(one, records) for one in value]
    if not isinstance(value, Mapping):
        return value
    named = {name: with_reference_names(one, records) for name, one in value.items()}
    if "id" in named and "meta" not in named and (target := records.find(named["id"])):
        named["displayName"] = display_name(target)
    return named


def display_name(record: Record) -> str:
    for field in ("displayName", "dutyRole", "name", "courseName", "subjectName"):
        if field in record:
            return str(record[field])
    return f"{record.get('givenName', '')} {record.get('familyName', '')}".strip()


def _pointing(resource: str, field: str) -> Callable[[Record, Records], list[Record]]:
    """Records of a resource whose reference (or list of them) points here."""

    def find(record: Record, records: Records) -> list[Record]:
        return [one for one in records.all(resource) if record["id"] in references(one.get(field))]

    return find


def _pointed_to(resource: str, field: str) -> Callable[[Record, Records], Record | None]:
    """The record of a resource that a reference leads to."""

    def find(record: Record, records: Records) -> Record | None:
        row = records.get(resource, reference(record.get(field)))
        return row.record if row else None

    return find


def _all_pointed_to(resource: str, field: str, within: str = "") -> Callable[[Record, Records], list[Record]]:
    """The records that a list of references leads to, or of entries that have one."""

    def find(record: Record, records: Records) -> list[Record]:
        entries = record.get(field, ())
        wanted = references([one.get(within) for one in entries] if within else entries)
        rows = (records.get(resource, one) for one in wanted)
        return [row.record for row in rows if row]

    return find


def _fragment(group: Record) -> Record:
    return {name: group[name] for name in FRAGMENT if name in group}


def _group_fragment(record: Record, records: Records) -> Record | None:
    group = _pointed_to("groups", "group")(record, records)
    return _fragment(group) if group else None


def _responsible_for(person: Record, records: Records) -> list[Record]:
    return [
        {"person": {"id": child["id"]}, "relationType": entry["relationType"]}
        for child in records.responsible_for.get(person["id"], ())
        for entry in child["responsibles"]
        if reference(entry.get("person")) == person["id"]
    ]


def _memberships(person: Record, records: Records) -> list[Record]:
    return [
        {
            "group": _fragment(group),
            **{name: value for name, value in member.items() if name != "person"},
        }
        for group in records.all("groups")
        for member in group.get("groupMemberships", ())
        if reference(member.get("person")) == person["id"]
    ]


def _assignment_roles(group: Record, records: Records) -> list[Record]:
    return [
        {"duty": {"id": duty["id"]}, **{name: value for name, value in role.items() if name != "group"}}
        for duty in records.all("duties")
        for role in duty.get("assignmentRole", ())
        if reference(role.get("group")) == group["id"]
    ]


_PARTS: Mapping[tuple[str, str], Callable[[Record, Records], Any]] = {
    ("persons", "duties"): _pointing("duties", "person"),
    ("persons", "responsibleFor"): _responsible_for,
    ("persons", "placements"): _pointing("placements", "child"),
    ("persons", "ownedPlacements"): _pointing("placements", "owners"),
    ("persons", "groupMemberships"): _memberships,
    ("placements", "child"): _pointed_to("persons", "child"),
    ("placements", "owners"): _all_pointed_to("persons", "owners"),
    ("groups", "assignmentRoles"): _assignment_roles,
    ("duties", "person"): _pointed_to("persons", "person"),
    ("activities", "groups"): _all_pointed_to("groups", "groups"),
    ("activities", "teachers"): _all_pointed_to("duties", "teachers", "duty"),
    ("activities", "syllabus"): _pointed_to("syllabuses", "syllabus"),
    ("calendarEvents", "activity"): _pointed_to("activities", "activity"),
    ("calendarEvents", "attendance"): _pointing("attendances", "calendarEvent"),
    ("attendanceEvents", "person"): _pointed_to("persons", "person"),
    ("attendanceEvents", "group"): _group_fragment,
    ("attendanceEvents", "registeredBy"): _pointed_to("persons", "registeredBy"),
    ("aggregatedAttendance", "activity"): _pointed_to("activities", "activity"),
    ("aggregatedAttendance", "student"): _pointed_to("persons", "student"),
}
