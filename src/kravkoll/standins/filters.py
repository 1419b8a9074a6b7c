"""The filters of SS 12000: which parameters each resource takes, how they are read, and what they keep."""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from kravkoll.standins.api_errors import ApiError
from kravkoll.standins.faults import Behaviour, fault
from kravkoll.standins.records import ENTITY_TYPES, Record, Records, Relation, Row, reference

type Values = tuple[Any, ...]
type Arguments = Mapping[str, Values]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One query parameter. `keeps` is None for those that are no filter of one record by itself."""

    read: Callable[[str], Any]
    keeps: Callable[[Record, Values], bool] | None = None
    many: bool = False


def read_text(value: str) -> str:
    return value


def read_uuid(value: str) -> str:
    return str(uuid.UUID(value))


def read_date(value: str) -> str:
    if len(value) != len("2016-10-15"):  # fromisoformat takes more forms than RFC 3339 has
        raise ValueError("is no date")
    return date.fromisoformat(value).isoformat()


def read_timestamp(value: str) -> datetime:
    # An offset's plus sign that was not percent-encoded arrives as a space.
    moment = datetime.fromisoformat(value.replace(" ", "+"))
    if moment.tzinfo is None:
        raise ValueError("has no offset")
    return moment


def read_boolean(value: str) -> bool:
    return {"true": True, "false": False}[value]


def read_limit(value: str) -> int:
    if not (value.isascii() and value.isdigit() and int(value) > 0):
        raise ValueError("is no positive whole number")
    return int(value)


def one_of(*allowed: str) -> Callable[[str], str]:
    """A reader of an enumeration."""

    def read(value: str) -> str:
        if value not in allowed:
            raise ValueError(f"is none of {', '.join(allowed)}")
        return value

    return read


def equals(field: str) -> Callable[[Record, Values], bool]:
    """Keep records whose field is one of the values."""
    return lambda record, values: record.get(field) in values


def refers(field: str) -> Callable[[Record, Values], bool]:
    """Keep records whose reference points to one of the ids."""
    return lambda record, values: reference(record.get(field)) in values


def overlaps(field: str) -> Callable[[Record, Values], bool]:
    """Keep records whose list shares a value."""
    return lambda record, values: any(value in values for value in record.get(field, ()))


def _meta(field: str, *, after: bool) -> Parameter:
    def keeps(record: Record, values: Values) -> bool:
        moment = datetime.fromisoformat(record["meta"][field])
        return bool(moment > values[0] if after else moment < values[0])

    return Parameter(read_timestamp, keeps)


def _dated(field: str, *, after: bool) -> Parameter:
    def keeps(record: Record, values: Values) -> bool:
        day = record.get(field)  # what has no date is always kept
        return day is None or bool(day >= values[0] if after else day <= values[0])

    return Parameter(read_date, keeps)


def _name_contains(person: Record, values: Values) -> bool:
    names = [str(person.get(field, "")).casefold() for field in ("givenName", "middleName", "familyName")]
    return all(any(value.casefold() in name for name in names) for value in values)


def _civic_no(person: Record, values: Values) -> bool:
    return person.get("civicNo", {}).get("value") in values


def _owner(placement: Record, values: Values) -> bool:
    return any(reference(one) in values for one in placement.get("owners", ()))


def _identifier(part: str) -> Callable[[Record, Values], bool]:
    return lambda person, values: any(
        one.get(part) in values for one in person.get("externalIdentifiers", ())
    )


_DATES: Mapping[str, Parameter] = {
    "startDate.onOrBefore": _dated("startDate", after=False),
    "startDate.onOrAfter": _dated("startDate", after=True),
    "endDate.onOrBefore": _dated("endDate", after=False),
    "endDate.onOrAfter": _dated("endDate", after=True),
}
_ALL: Mapping[str, Parameter] = {
    "meta.created.before": _meta("created", after=False),
    "meta.created.after": _meta("created", after=True),
    "meta.modified.before": _meta("modified", after=False),
    "meta.modified.after": _meta("modified", after=True),
    "expandReferenceNames": Parameter(read_boolean),
    "limit": Parameter(read_limit),
    "pageToken": Parameter(read_text),
}
_RELATION_KINDS = (
    "enrolment", "duty", "placement.child", "placement.owner", "responsibleFor.enrolment",
    "responsibleFor.placement", "groupMembership",
)  # fmt: skip

EXPANSIONS: Mapping[str, tuple[str, ...]] = {
    "organisations": (),
    "persons": ("duties", "responsibleFor", "placements", "ownedPlacements", "groupMemberships"),
    "placements": ("child", "owners"),
    "groups": ("assignmentRoles",),
    "duties": ("person",),
}
SORT_KEYS: Mapping[str, Mapping[str, tuple[str, bool]]] = {
    "organisations": {"ModifiedDesc": ("meta.modified", True), "DisplayNameAsc": ("displayName", False)},
    "persons": {
        "DisplayNameAsc": ("givenName familyName", False),
        "GivenNameDesc": ("givenName", True),
        "GivenNameAsc": ("givenName", False),
        "FamilyNameDesc": ("familyName", True),
        "FamilyNameAsc": ("familyName", False),
        "CivicNoAsc": ("civicNo.value", False),
        "CivicNoDesc": ("civicNo.value", True),
        "ModifiedDesc": ("meta.modified", True),
    },
    "placements": {
        "StartDateAsc": ("startDate", False),
        "StartDateDesc": ("startDate", True),
        "EndDateAsc": ("endDate", False),
        "EndDateDesc": ("endDate", True),
        "ModifiedDesc": ("meta.modified", True),
    },
    "groups": {
        "ModifiedDesc": ("meta.modified", True),
        "DisplayNameAsc": ("displayName", False),
        "StartDateAsc": ("startDate", False),
        "StartDateDesc": ("startDate", True),
        "EndDateAsc": ("endDate", False),
        "EndDateDesc": ("endDate", True),
    },
    "duties": {
        "StartDateDesc": ("startDate", True),
        "StartDateAsc": ("startDate", False),
        "ModifiedDesc": ("meta.modified", True),
    },
}
"""Sort key -> field (two fields with a space between make a full name), and whether it descends."""

_OWN: Mapping[str, Mapping[str, Parameter]] = {
    "organisations": {
        "parent": Parameter(read_uuid, refers("parentOrganisation"), many=True),
        "schoolUnitCode": Parameter(read_text, equals("schoolUnitCode"), many=True),
        "organisationCode": Parameter(read_text, equals("organisationCode"), many=True),
        "municipalityCode": Parameter(read_text, equals("municipalityCode")),
        "type": Parameter(read_text, equals("organisationType"), many=True),
        "schoolTypes": Parameter(read_text, overlaps("schoolTypes"), many=True),
        **_DATES,
    },
    "persons": {
        "nameContains": Parameter(read_text, _name_contains, many=True),
        "civicNo": Parameter(read_text, _civic_no),
        "eduPersonPrincipalName": Parameter(read_text, overlaps("eduPersonPrincipalNames")),
        "identifier.value": Parameter(read_text, _identifier("value")),
        "identifier.context": Parameter(read_text, _identifier("context")),
        "relationship.entity.type": Parameter(one_of(*_RELATION_KINDS)),
        "relationship.organisation": Parameter(read_uuid),
        **{f"relationship.{name}": Parameter(read_date) for name in _DATES},
    },
    "placements": {
        "organisation": Parameter(read_uuid, refers("placedAt")),
        "group": Parameter(read_uuid, refers("group")),
        "child": Parameter(read_uuid, refers("child")),
        "owner": Parameter(read_uuid, _owner),
        **_DATES,
    },
    "groups": {
        "groupType": Parameter(read_text, equals("groupType"), many=True),
        "schoolTypes": Parameter(read_text, equals("schoolType"), many=True),
        "organisation": Parameter(read_uuid, refers("organisation"), many=True),
        **_DATES,
    },
    "duties": {
        "organisation": Parameter(read_uuid, refers("dutyAt")),
        "dutyRole": Parameter(read_text, equals("dutyRole")),
        "person": Parameter(read_uuid, refers("person")),
        **_DATES,
    },
}
PARAMETERS: Mapping[str, Mapping[str, Parameter]] = {
    resource: {
        **own,
        **_ALL,
        "sortkey": Parameter(one_of(*SORT_KEYS[resource])),
        **({"expand": Parameter(one_of(*EXPANSIONS[resource]), many=True)} if EXPANSIONS[resource] else {}),
    }
    for resource, own in _OWN.items()
} | {
    "deletedEntities": {
        "after": Parameter(read_timestamp),
        "entities": Parameter(read_text, many=True),
        "limit": _ALL["limit"],
        "pageToken": _ALL["pageToken"],
    },
    "subscriptions": {"limit": _ALL["limit"], "pageToken": _ALL["pageToken"]},
}


def read_arguments(resource: str, given: Iterable[tuple[str, str]], only: Sequence[str] = ()) -> Arguments:
    """Typed arguments of a query. 400 for what the resource does not take (or `only` does not name)."""
    taken = {name: parameter for name, parameter in PARAMETERS[resource].items() if not only or name in only}
    read: dict[str, list[Any]] = {}
    for name, value in given:
        if name not in taken:
            raise ApiError(400, "parameter.unknown", f"{resource} takes no parameter {name!r}")
        read.setdefault(name, []).append(_read(taken[name], name, value))
        if len(read[name]) > 1 and not taken[name].many:
            raise ApiError(400, "parameter.repeated", f"{name} may be given once")
    return {name: tuple(values) for name, values in read.items()}


def _read(parameter: Parameter, name: str, value: str) -> Any:
    try:
        return parameter.read(value)
    except (ValueError, KeyError) as error:
        raise ApiError(400, "parameter.invalid", f"{name}: {value!r} {error}") from error


def select(
    rows: Iterable[Row], resource: str, arguments: Arguments, records: Records, behave: Behaviour
) -> list[Row]:
    """The rows that every filter keeps."""
    tests = [
        (parameter.keeps, values)
        for name, values in arguments.items()
        if (parameter := PARAMETERS[resource][name]).keeps
    ]
    return [
        row
        for row in rows
        if behave(passes)(row.record, tests)
        and (resource != "persons" or behave(related)(row.record, arguments, records))
    ]


def passes(record: Record, tests: Sequence[tuple[Callable[[Record, Values], bool], Values]]) -> bool:
    return all(keeps(record, values) for keeps, values in tests)


def related(person: Record, arguments: Arguments, records: Records) -> bool:
    """Whether one and the same relation answers to every `relationship.*` argument."""
    wanted = {
        name.removeprefix("relationship."): values[0]
        for name, values in arguments.items()
        if name.startswith("relationship.")
    }
    return not wanted or any(_answers(one, wanted) for one in records.relations.get(person["id"], ()))


def _answers(relation: Relation, wanted: Mapping[str, str]) -> bool:
    facts = {"entity.type": relation.kind, "organisation": relation.organisation}
    dates = {"startDate": relation.start, "endDate": relation.end}
    return all(
        facts[name] == value if name in facts else PARAMETERS["duties"][name].keeps(dates, (value,))  # type: ignore[misc]
        for name, value in wanted.items()
    )


@fault("api.filter.ignored", replaces=passes)
def pass_everything(_record: Record, _tests: Sequence[object]) -> bool:
    return True


@fault("api.filter.ignored", replaces=related)
def relate_everyone(_person: Record, _arguments: Arguments, _records: Records) -> bool:
    return True


def entity_resources(names: Iterable[str]) -> set[str]:
    """Resources behind the standard's entity types; those that are not held here select nothing."""
    return {ENTITY_TYPES[name] for name in names if name in ENTITY_TYPES}
