"""What one client may see of a register: school forms, fields, and nobody with protected identity."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from kravkoll.standins.faults import Behaviour, fault
from kravkoll.standins.records import Record, Records, Removal, Row, reference
from kravkoll.standins.school_forms import forms_of

type Tree = Mapping[str, Any]
"""Allowed field -> allowed fields within it; an empty mapping allows all that is within."""

UNMARKED = "Ingen"
ABOUT = ("student", "person")
"""Fields that say whom a record of attendance or of studies is about: not sent, unless that person is."""
BY = ("registeredBy", "reporter", "gradingTeacher")
"""Fields that say who wrote a record, which goes without them where that person is not sent."""
LISTS_OF_PEOPLE: Mapping[str, tuple[str, str]] = {
    "responsibles": ("person", "persons"),
    "groupMemberships": ("person", "persons"),
    "studentExceptions": ("student", "persons"),
    "teacherExceptions": ("duty", "duties"),
    "teachers": ("duty", "duties"),
}
"""Field -> the reference in each of its entries, and the resource that it leads to."""


@dataclass(frozen=True, slots=True)
class FlowPolicy:
    """What was agreed for one client. Without fields, the client sees everything there is."""

    forms: tuple[str, ...] = ()
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Resource -> dotted paths; a path goes through lists."""
    only_for: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    """Resource -> field -> the kinds of person (child, guardian, staff) that it is agreed for."""
    cleared: bool = False
    """Whether all who are held were cleared by whoever sent them, so that a missing marking says nothing."""

    @classmethod
    def read(cls, settings: Mapping[str, Any] | None) -> "FlowPolicy":
        """From a client's entry in a system's file."""
        given = settings or {}
        return cls(
            tuple(given.get("forms", ())),
            {name: tuple(paths) for name, paths in given.get("fields", {}).items()},
            {
                name: {path: tuple(kinds) for path, kinds in limits.items()}
                for name, limits in given.get("only_for", {}).items()
            },
            given.get("cleared", False),
        )

    def agrees(self, resource: str) -> bool:
        """Whether anything of a resource was agreed."""
        return self.everything or resource in self.fields

    @property
    def everything(self) -> bool:
        return not self.fields

    def paths(self, resource: str, kinds: Iterable[str]) -> tuple[str, ...]:
        """The paths agreed for a record of these kinds."""
        limits = self.only_for.get(resource, {})
        have = set(kinds)
        return tuple(
            path
            for path in self.fields.get(resource, ())
            if path.split(".")[0] not in limits or have & set(limits[path.split(".")[0]])
        )


def withheld(person: Record, policy: FlowPolicy) -> bool:
    """Marked people are not sent; a missing marking is taken for one, unless all were cleared."""
    return bool(person.get("securityMarking", UNMARKED if policy.cleared else None) != UNMARKED)


def agreed_form(form: str | None, policy: FlowPolicy) -> bool:
    return form in policy.forms


def project(record: Record, paths: tuple[str, ...]) -> Record:
    """The record with the allowed fields only."""
    pruned: Record = _pruned(record, _tree(paths))
    return pruned


def visible(records: Records, policy: FlowPolicy, behave: Behaviour, *, withhold: bool) -> Records:
    """The register as this client may see it: what is not in it can be neither filtered on nor expanded."""
    if policy.everything:
        return records
    people = _people(records, policy, behave, withhold=withhold)
    whole = {
        resource: [
            (row, _without_hidden(row.record, people, policy, behave))
            for row in records.rows(resource)
            if _admits(row.record, resource, people, records, policy, behave)
        ]
        for resource in records.tables
    }
    shown = {
        resource: {
            row.record["id"]: Row(row.place, _shown(record, resource, people, policy, behave))
            for row, record in rows
            if policy.agrees(resource)
        }
        for resource, rows in whole.items()
    }
    behind = Records(
        {name: {row.record["id"]: Row(row.place, one) for row, one in rows} for name, rows in whole.items()}
    )
    return Records(shown, [one for one in records.removals if _told(one, policy, behave)], behind)


@dataclass(frozen=True, slots=True)
class _People:
    """Who and what may be sent."""

    organisations: frozenset[str]
    placements: frozenset[str]
    groups: frozenset[str]
    duties: frozenset[str]
    kinds: Mapping[str, tuple[str, ...]]
    """Person id -> child, guardian, staff."""

    def known(self, resource: str) -> Collection[str] | None:
        """Ids that are sent of a resource; None for one that is judged record by record."""
        if resource == "persons":
            return self.kinds
        found: Collection[str] | None = getattr(self, resource, None)
        return found


def _admits(  # noqa: PLR0913, PLR0917  a record, and what is known around it
    record: Record, resource: str, people: _People, records: Records, policy: FlowPolicy, behave: Behaviour
) -> bool:
    known = people.known(resource)
    if known is not None:
        return record["id"] in known
    about = [reference(record[field]) for field in ABOUT if field in record]
    if any(one not in people.kinds for one in about):
        return False
    if "placement" in record and reference(record["placement"]) not in people.placements:
        return False
    forms = forms_of(record, resource, records)
    return forms is None or any(behave(agreed_form)(form, policy) for form in forms)


def _people(records: Records, policy: FlowPolicy, behave: Behaviour, *, withhold: bool) -> _People:
    hidden = {one["id"] for one in records.all("persons") if withhold and behave(withheld)(one, policy)}
    organisations = _organisations(records, policy, behave)
    placements = [
        one for one in records.all("placements") if behave(agreed_form)(one.get("schoolType"), policy)
    ]
    children = behave(children_sent)(records, policy, placements, behave) - hidden
    sent = [one for one in placements if reference(one.get("child")) in children]
    duties = [
        one
        for one in records.all("duties")
        if reference(one.get("dutyAt")) in organisations and reference(one.get("person")) not in hidden
    ]
    return _People(
        organisations=organisations,
        placements=frozenset(one["id"] for one in sent),
        groups=_groups(records, policy, organisations, behave),
        duties=frozenset(one["id"] for one in duties),
        kinds=_kinds(
            {
                "child": children,
                "guardian": _guardians(records, children, sent) - hidden,
                "staff": {reference(one.get("person")) for one in duties},
            }
        ),
    )


def children_sent(
    records: Records, policy: FlowPolicy, placements: Sequence[Record], behave: Behaviour
) -> set[str]:
    """Ids of those enrolled or placed in an agreed school form."""
    enrolled = {
        person["id"]
        for person in records.all("persons")
        if any(behave(agreed_form)(one.get("schoolType"), policy) for one in person.get("enrolments", ()))
    }
    return enrolled | {reference(one.get("child")) for one in placements}


def _organisations(records: Records, policy: FlowPolicy, behave: Behaviour) -> frozenset[str]:
    found: set[str] = set()
    for organisation in records.all("organisations"):
        if any(behave(agreed_form)(form, policy) for form in organisation.get("schoolTypes", ())):
            found |= _with_parents(records, organisation)
    return frozenset(found)


def _with_parents(records: Records, organisation: Record) -> set[str]:
    line = {organisation["id"]}
    parent = records.get("organisations", reference(organisation.get("parentOrganisation")))
    while parent and parent.record["id"] not in line:
        line.add(parent.record["id"])
        parent = records.get("organisations", reference(parent.record.get("parentOrganisation")))
    return line


def _groups(
    records: Records, policy: FlowPolicy, organisations: frozenset[str], behave: Behaviour
) -> frozenset[str]:
    return frozenset(
        group["id"]
        for group in records.all("groups")
        if reference(group.get("organisation")) in organisations
        and ("schoolType" not in group or behave(agreed_form)(group["schoolType"], policy))
    )


def _guardians(records: Records, children: set[str], placements: Sequence[Record]) -> set[str]:
    rows = (records.get("persons", child) for child in children)
    named = {
        reference(entry.get("person")) for row in rows if row for entry in row.record.get("responsibles", ())
    }
    return named | {reference(owner) for one in placements for owner in one.get("owners", ())}


def _kinds(members: Mapping[str, set[str]]) -> Mapping[str, tuple[str, ...]]:
    everyone = set().union(*members.values())
    return {one: tuple(kind for kind, ids in members.items() if one in ids) for one in everyone}


def _shown(record: Record, resource: str, people: _People, policy: FlowPolicy, behave: Behaviour) -> Record:
    kinds = people.kinds.get(record["id"], ())
    return behave(project)(record, policy.paths(resource, kinds))


def _without_hidden(record: Record, people: _People, policy: FlowPolicy, behave: Behaviour) -> Record:
    """Drop what points to somebody who is not sent, and the enrolments of other school forms."""
    kept = {
        name: value for name, value in record.items() if name not in BY or reference(value) in people.kinds
    }
    for name in kept.keys() & LISTS_OF_PEOPLE.keys():
        known = people.known(LISTS_OF_PEOPLE[name][1]) or ()
        kept[name] = [one for one in kept[name] if reference(one.get(LISTS_OF_PEOPLE[name][0])) in known]
    if "owners" in kept:
        kept["owners"] = [one for one in kept["owners"] if reference(one) in people.kinds]
    if "enrolments" in kept:
        kept["enrolments"] = [
            one for one in kept["enrolments"] if behave(agreed_form)(one.get("schoolType"), policy)
        ]
    return kept


def _told(removal: Removal, policy: FlowPolicy, behave: Behaviour) -> bool:
    """Whether a client hears of a removal: not of those that it was never told about."""
    last = removal.record
    if not policy.agrees(removal.resource):
        return False
    if last is None or removal.resource != "persons":
        return True
    forms = [one.get("schoolType") for one in last.get("enrolments", ())]
    return not withheld(last, policy) and (
        not forms or any(behave(agreed_form)(form, policy) for form in forms)
    )


def _pruned(value: Any, tree: Tree) -> Any:
    if not tree:
        return value
    if isinstance(value, list | tuple):
        return [_pruned(one, tree) for one in value]
    if not isinstance(value, Mapping):
        return value
    return {name: _pruned(value[name], within) for name, within in tree.items() if name in value}


@cache
def _tree(paths: tuple[str, ...]) -> Tree:
    tree: dict[str, Any] = {}
    for path in paths:
        branch = tree
        for part in path.split("."):
            branch = branch.setdefault(part, {})
    return tree


@fault("flow.fields", replaces=project)
def send_whole_records(record: Record, _paths: tuple[str, ...]) -> Record:
    return record


@fault("flow.forms", replaces=agreed_form)
def agree_to_every_form(_form: str | None, _policy: FlowPolicy) -> bool:
    return True


@fault("marked.twin", replaces=children_sent)
def send_no_child(
    _records: Records, _policy: FlowPolicy, _placements: Sequence[Record], _behave: Behaviour
) -> set[str]:
    return set()
