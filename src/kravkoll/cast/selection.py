"""What of the cast one system is to hold: the school forms and the fields that were agreed."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from kravkoll.cast.people import SecurityMarking
from kravkoll.cast.records import Record

type Selected = Mapping[str, tuple[Record, ...]]

NOT_HELD = frozenset({"deletedEntities"})
"""What a register tells of records that are gone: no system holds it."""

SCOPED = ("organisations", "groups", "persons", "activities")
"""Resources whose own records are in or out; the others follow what they refer to."""


@dataclass(frozen=True, slots=True)
class Share:
    """What was agreed for a system. Empty school forms mean all; no fields mean whole records."""

    school_forms: frozenset[str] = frozenset()
    fields: Mapping[str, frozenset[str]] | None = None
    """Resource to dotted paths, which go through lists."""
    only_for: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Field of persons to the kinds of person that it is agreed for: child, guardian, staff."""
    withholds_marked: bool = False
    """Whether people with protected identity are kept out altogether."""


def select(records: Mapping[str, tuple[Record, ...]], share: Share) -> Selected:
    """The records that the system is to hold, with no more than the agreed fields."""
    scope = _scope(records, share)
    inside: dict[str, list[Record]] = {}
    outside = set(scope.outside)
    for resource, every in records.items():  # those that others refer to come first
        kept = [record for record in every if _belongs(resource, record, scope, outside, share)]
        staying = {id(record) for record in kept}
        outside |= {str(one["id"]) for one in every if id(one) not in staying and "id" in one}
        if resource not in NOT_HELD and (share.fields is None or resource in share.fields):
            inside[resource] = [_without(record, scope.withheld) for record in kept]
    if share.fields is None:
        return {resource: tuple(kept) for resource, kept in inside.items()}
    kinds = _kinds(inside)
    return {
        resource: tuple(project(one, _paths(resource, one, share, kinds)) for one in kept)
        for resource, kept in inside.items()
    }


def _paths(resource: str, record: Record, share: Share, kinds: Mapping[str, set[str]]) -> list[str]:
    """The agreed paths; of persons those that are agreed for what this person is."""
    paths = (share.fields or {})[resource]
    if resource != "persons":
        return list(paths)
    own = kinds.get(str(record["id"]), set())
    limits = ((path, share.only_for.get(path.partition(".")[0])) for path in paths)
    return [path for path, agreed in limits if agreed is None or not own or agreed & own]


def _kinds(records: Mapping[str, list[Record]]) -> Mapping[str, set[str]]:
    """What the records say that each person is; somebody may be both guardian and staff."""
    found: dict[str, set[str]] = {}
    for person in records.get("persons", ()):
        if person.get("enrolments"):
            found.setdefault(str(person["id"]), set()).add("child")
        for adult in _references(person, ("responsibles",)):
            found.setdefault(adult, set()).add("guardian")
    for placement in records.get("placements", ()):
        found.setdefault(_id(placement.get("child")), set()).add("child")
        for adult in _references(placement, ("owners",)):
            found.setdefault(adult, set()).add("guardian")
    for duty in records.get("duties", ()):
        found.setdefault(_id(duty.get("person")), set()).add("staff")
    return found


def project(record: Record, paths: Iterable[str]) -> Record:
    """Only these dotted paths of a record; a path covers what is below it."""
    kept: Record = {}
    for name, value in record.items():
        below = [path.partition(".")[2] for path in paths if path.partition(".")[0] == name]
        if "" in below:
            kept[name] = value
        elif below:
            inner = _project(value, below)
            if inner not in ({}, []):
                kept[name] = inner
    return kept


def _project(value: object, paths: list[str]) -> object:
    if isinstance(value, list):
        return [_project(item, paths) for item in value]
    return project(value, paths) if isinstance(value, dict) else {}


@dataclass(frozen=True, slots=True)
class _Scope:
    """Ids of what is in, and of what some register knows but is out."""

    inside: frozenset[str]
    outside: frozenset[str]
    withheld: frozenset[str]


def _scope(records: Mapping[str, tuple[Record, ...]], share: Share) -> _Scope:
    known = {str(one["id"]) for resource in SCOPED for one in records.get(resource, ())}
    marked = {
        str(person["id"])
        for person in records["persons"]
        if share.withholds_marked and person.get("securityMarking") != SecurityMarking.NONE.value
    }
    if not share.school_forms:
        return _Scope(frozenset(known - marked), frozenset(marked), frozenset(marked))
    units = set(_units(records["organisations"], share))
    groups = {str(one["id"]) for one in records["groups"] if _fits(one.get("schoolType"), share)}
    people = set(_people(records, share, units, groups))
    activities = {
        str(one["id"]) for one in records.get("activities", ()) if _references(one, ("groups",)) & groups
    }
    inside = frozenset((units | groups | people | activities) - marked)
    return _Scope(inside, frozenset(known - inside), frozenset(marked))


def _units(organisations: Iterable[Record], share: Share) -> Iterator[str]:
    """Units of the school forms, and everything above them."""
    parents = {str(one["id"]): _id(one.get("parentOrganisation")) for one in organisations}
    for one in organisations:
        forms = one.get("schoolTypes")
        if any(_fits(form, share) for form in (forms if isinstance(forms, list) else ())):
            identity = str(one["id"])
            while identity:
                yield identity
                identity = parents.get(identity, "")


def _people(
    records: Mapping[str, tuple[Record, ...]], share: Share, units: set[str], groups: set[str]
) -> Iterator[str]:
    """Children of the school forms with those responsible for them, and staff of the groups and units."""
    for person in records["persons"]:
        enrolments = person.get("enrolments")
        listed = enrolments if isinstance(enrolments, list) else ()
        if any(_fits(enrolment.get("schoolType"), share) for enrolment in listed):
            yield str(person["id"])
            yield from _references(person, ("responsibles",))
    schools = {
        str(one["id"]) for one in records["organisations"] if one.get("organisationType") == "Skolenhet"
    }
    for duty in records["duties"]:
        roles = _references(duty, ("assignmentRole",))
        at = _id(duty.get("dutyAt"))
        if roles & groups or (not roles and at in units & schools):
            yield _id(duty.get("person"))


def _fits(form: object, share: Share) -> bool:
    """VUX of an agreement covers VUXGR and VUXGY of the register."""
    return isinstance(form, str) and any(
        form == own or (own == "VUX" and form.startswith("VUX")) for own in share.school_forms
    )


def _belongs(resource: str, record: Record, scope: _Scope, outside: set[str], share: Share) -> bool:
    """A record that is in itself, or one of the school forms whose references all stay inside."""
    if resource in SCOPED:
        return str(record["id"]) in scope.inside
    form = record.get("schoolType")
    if isinstance(form, str) and share.school_forms and not _fits(form, share):
        return False
    return not {_id(value) for value in record.values() if isinstance(value, dict)} & outside


def _without(record: Record, withheld: frozenset[str]) -> Record:
    """Lists lose their members who are kept out."""
    if not withheld:
        return record
    return {
        name: [item for item in value if not _refers(item, withheld)] if isinstance(value, list) else value
        for name, value in record.items()
    }


def _refers(item: object, ids: frozenset[str]) -> bool:
    if not isinstance(item, dict):
        return False
    return _id(item) in ids or any(_id(value) in ids for value in item.values())


def _references(record: Record, names: Iterable[str]) -> set[str]:
    """Ids that stand in lists of a record, of the members or of what they refer to."""
    found = set()
    for name in names:
        items = record.get(name)
        for item in items if isinstance(items, list) else ():
            found |= (
                {_id(item), *(_id(value) for value in item.values())} if isinstance(item, dict) else set()
            )
    return found - {""}


def _id(value: object) -> str:
    return str(value.get("id", "")) if isinstance(value, dict) else ""
