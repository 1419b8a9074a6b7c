"""`expand` and `expandReferenceNames`: what a record is sent together with."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from kravkoll.standins.records import Record, Records, reference

FRAGMENT = ("id", "meta", "displayName", "startDate", "endDate", "groupType", "schoolType", "organisation")
"""Of a group, within a person's memberships."""


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
    if "displayName" in record:
        return str(record["displayName"])
    if "dutyRole" in record:
        return str(record["dutyRole"])
    return f"{record.get('givenName', '')} {record.get('familyName', '')}".strip()


def _pointing(resource: str, field: str) -> Callable[[Record, Records], list[Record]]:
    """Records of a resource whose reference (or list of them) points here."""

    def find(record: Record, records: Records) -> list[Record]:
        return [one for one in records.all(resource) if record["id"] in _ids(one.get(field))]

    return find


def _ids(value: Any) -> list[str]:
    return [reference(one) for one in (value if isinstance(value, list | tuple) else [value])]


def _pointed_to(field: str) -> Callable[[Record, Records], Record | None]:
    def find(record: Record, records: Records) -> Record | None:
        row = records.get("persons", reference(record.get(field)))
        return row.record if row else None

    return find


def _owners(placement: Record, records: Records) -> list[Record]:
    rows = (records.get("persons", owner) for owner in _ids(placement.get("owners", ())))
    return [row.record for row in rows if row]


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
            "group": {name: group[name] for name in FRAGMENT if name in group},
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
    ("placements", "child"): _pointed_to("child"),
    ("placements", "owners"): _owners,
    ("groups", "assignmentRoles"): _assignment_roles,
    ("duties", "person"): _pointed_to("person"),
}
