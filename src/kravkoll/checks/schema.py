"""Judgements of answers, pages and filters, apart from how they were fetched."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from kravkoll.record.outcome import Finding

type Record = Mapping[str, Any]

MOST_CASES = 20


class Deviation(Protocol):
    """One way in which one answer differs from the agreed document."""

    @property
    def kind(self) -> str: ...
    @property
    def operation(self) -> str: ...
    @property
    def where(self) -> str: ...
    @property
    def expected(self) -> object: ...
    @property
    def actual(self) -> object: ...
    @property
    def record(self) -> str: ...
    @property
    def repeat(self) -> str: ...


CODES = {
    "invalid": "schema.invalid",
    "missing": "schema.missing",
    "status": "schema.status",
    "server-error": "schema.server-error",
    "content-type": "schema.content-type",
    "not-json": "schema.not-json",
}


def conformance_findings(deviations: Sequence[Deviation], *, tried: int) -> tuple[Finding, ...]:
    """One finding a kind, with its cases; `tried` counts the records and requests that were judged."""
    found = []
    for kind, code in CODES.items():
        of_kind = [one for one in deviations if one.kind == kind]
        if of_kind:
            cases = tuple(_case(one) for one in of_kind[:MOST_CASES])
            first = of_kind[0]
            found.append(Finding(code, first.expected, first.actual, cases, len(of_kind), tried))
    return tuple(found)


def _case(one: Deviation) -> dict[str, object]:
    told = {
        "operation": one.operation,
        "where": one.where,
        "record": one.record,
        "expected": one.expected,
        "actual": one.actual,
        "repeat": one.repeat,
    }
    return {key: value for key, value in told.items() if value not in (None, "")}


@dataclass(frozen=True, slots=True)
class PagedWalk:
    """A walk in pages of at most `limit`, and what was done to the list on the way.

    `untouched` are the ids that were there from before the first page until after the last.
    """

    resource: str
    limit: int
    pages: tuple[tuple[str, ...], ...]
    untouched: frozenset[str]
    endless: bool = False
    changes: tuple[Mapping[str, object], ...] = ()
    repeat: str = ""

    @property
    def weight(self) -> tuple[int, int, int]:
        """How much there is to understand: fewer changes, fewer pages, a smaller limit."""
        return (len(self.changes), len(self.pages), self.limit)


def paging_findings(walk: PagedWalk) -> tuple[Finding, ...]:
    """What a walk did wrong, each with the walk as its case."""
    found = []
    if walk.endless:
        found.append(
            _paging(walk, "paging.endless", "a last page", f"{len(walk.pages)} pages and no end", "")
        )
    too_long = [number for number, page in enumerate(walk.pages, 1) if len(page) > walk.limit]
    if too_long:
        length = len(walk.pages[too_long[0] - 1])
        found.append(_paging(walk, "paging.limit-ignored", walk.limit, length, "", page=too_long[0]))
    times = Counter(identity for page in walk.pages for identity in page)
    lost = sorted(identity for identity in walk.untouched if not times[identity])
    if lost and not walk.endless:
        found.append(_paging(walk, "paging.lost", 1, 0, lost[0], ids=lost))
    doubled = sorted(identity for identity in walk.untouched if times[identity] > 1)
    if doubled and not walk.endless:
        page = next(
            number for number, ids in enumerate(walk.pages, 1) if _again(walk, number, doubled[0], ids)
        )
        found.append(
            _paging(walk, "paging.doubled", 1, times[doubled[0]], doubled[0], ids=doubled, page=page)
        )
    return tuple(found)


def _again(walk: PagedWalk, number: int, identity: str, ids: tuple[str, ...]) -> bool:
    earlier = any(identity in page for page in walk.pages[: number - 1])
    return ids.count(identity) > 1 or (earlier and identity in ids)


def _paging(  # noqa: PLR0913  each is a part of the case
    walk: PagedWalk,
    code: str,
    expected: object,
    actual: object,
    record: str,
    *,
    ids: Sequence[str] = (),
    page: int | None = None,
) -> Finding:
    case: dict[str, object] = {
        "resource": walk.resource,
        "limit": walk.limit,
        "pages": [len(one) for one in walk.pages][:MOST_CASES],
        "changes": list(walk.changes),
        "repeat": walk.repeat,
    }
    if page is not None:
        case["page"] = page
    if record:
        case |= {"record": record, "records": len(ids)}
    return Finding(code, expected, actual, (case,), max(len(ids), 1), max(len(walk.untouched), 1))


def smallest(walks: Iterable[PagedWalk]) -> tuple[Finding, ...]:
    """For each kind of finding the walk that is easiest to understand."""
    best: dict[str, Finding] = {}
    for walk in sorted(walks, key=lambda one: one.weight):
        for finding in paging_findings(walk):
            best.setdefault(finding.code, finding)
    return tuple(best.values())


@dataclass(frozen=True, slots=True)
class FilterCase:
    """A filter with a value, and the ids that it should and may leave."""

    resource: str
    parameters: Mapping[str, str]
    wanted: frozenset[str]
    allowed: frozenset[str]


@dataclass(frozen=True, slots=True)
class FilterAnswer:
    """What a filter left; `status` other than 200 where it was refused."""

    case: FilterCase
    status: int
    ids: frozenset[str]
    repeat: str = ""


REFERENCES: Mapping[tuple[str, str], Callable[[Record], Iterable[Any]]] = {
    ("organisations", "parent"): lambda one: (_id(one.get("parentOrganisation")),),
    ("organisations", "schoolTypes"): lambda one: one.get("schoolTypes") or (),
    ("placements", "organisation"): lambda one: (_id(one.get("placedAt")),),
    ("placements", "child"): lambda one: (_id(one.get("child")),),
    ("groups", "groupType"): lambda one: (one.get("groupType"),),
    ("groups", "schoolTypes"): lambda one: (one.get("schoolType"),),
    ("groups", "organisation"): lambda one: (_id(one.get("organisation")),),
    ("duties", "organisation"): lambda one: (_id(one.get("dutyAt")),),
    ("duties", "person"): lambda one: (_id(one.get("person")),),
    ("activities", "organisation"): lambda one: (_id(one.get("organisation")),),
    ("activities", "group"): lambda one: (_id(group) for group in one.get("groups") or ()),
    ("rooms", "organisation"): lambda one: (_id(one.get("owner")),),
    ("calendarEvents", "activity"): lambda one: (_id(one.get("activity")),),
}
"""Filters whose answer can be told from the records themselves: resource and parameter to values."""


def filter_cases(resource: str, parameters: Collection[str], records: Sequence[Record]) -> list[FilterCase]:
    """Filters of a resource with values that must leave some records out."""
    cases = [
        case
        for (owner, name), values in REFERENCES.items()
        if owner == resource and name in parameters
        for case in _by_value(resource, name, values, records)
    ]
    if resource == "persons" and {"relationship.entity.type", "relationship.organisation"} <= set(parameters):
        cases += _by_enrolment(records)
    if "meta.modified.after" in parameters:
        cases += _by_change(resource, records)
    return cases


def _by_value(
    resource: str, name: str, values: Callable[[Record], Iterable[Any]], records: Sequence[Record]
) -> list[FilterCase]:
    value, ids = _rarest(values, records)
    return [FilterCase(resource, {name: value}, ids, ids)] if value else []


def _by_enrolment(records: Sequence[Record]) -> list[FilterCase]:
    """Nobody without an enrolment there may come; whether past ones shall come is not agreed."""
    value, ids = _rarest(
        lambda one: [_id(enrolment.get("enroledAt")) for enrolment in one.get("enrolments") or ()], records
    )
    asked = {"relationship.entity.type": "enrolment", "relationship.organisation": value}
    return [FilterCase("persons", asked, frozenset(), ids)] if value else []


def _rarest(
    values: Callable[[Record], Iterable[Any]], records: Sequence[Record]
) -> tuple[str, frozenset[str]]:
    """The value in fewest records and their ids; an empty one where every record has it, or none."""
    holders: dict[str, set[str]] = {}
    for record in records:
        for value in values(record):
            if isinstance(value, str) and value:
                holders.setdefault(value, set()).add(str(record.get("id")))
    if not holders:
        return "", frozenset()
    value, ids = min(holders.items(), key=lambda pair: (len(pair[1]), pair[0]))
    return (value, frozenset(ids)) if len(ids) < len(records) else ("", frozenset())


def _by_change(resource: str, records: Sequence[Record]) -> list[FilterCase]:
    """Changed after the last change, which leaves nothing, and after the middle one."""
    times = {str(one.get("id")): moment for one in records if (moment := _modified(one))}
    if not times or len(times) < len(records):
        return []
    last = max(times.values())
    cases = [_changed_after(resource, times, last + timedelta(seconds=1))]
    middle = sorted(times.values())[len(times) // 2]
    if middle < last:
        cases.append(_changed_after(resource, times, middle))
    return cases


def _changed_after(resource: str, times: Mapping[str, datetime], moment: datetime) -> FilterCase:
    wanted = frozenset(identity for identity, time in times.items() if time > moment)
    allowed = frozenset(identity for identity, time in times.items() if time >= moment)
    return FilterCase(resource, {"meta.modified.after": moment.isoformat()}, wanted, allowed)


def filter_findings(answers: Sequence[FilterAnswer]) -> tuple[Finding, ...]:
    """Filters that kept what they should leave out, left out what they should keep, or were refused."""
    kinds: dict[str, list[tuple[FilterAnswer, int, int]]] = {}
    for answer in answers:
        if answer.status != 200:
            kinds.setdefault("filter.refused", []).append((answer, 200, answer.status))
        elif answer.ids - answer.case.allowed:
            kinds.setdefault("filter.ignored", []).append((answer, len(answer.case.allowed), len(answer.ids)))
        elif answer.case.wanted - answer.ids:
            kinds.setdefault("filter.loses", []).append((answer, len(answer.case.wanted), len(answer.ids)))
    return tuple(
        Finding(
            code, told[0][1], told[0][2], tuple(_filter_case(*one) for one in told), len(told), len(answers)
        )
        for code, told in kinds.items()
    )


def _filter_case(answer: FilterAnswer, expected: int, actual: int) -> dict[str, object]:
    return {
        "resource": answer.case.resource,
        "parameters": dict(answer.case.parameters),
        "expected": expected,
        "actual": actual,
        "repeat": answer.repeat,
    }


def _id(reference: Any) -> Any:
    return reference.get("id") if isinstance(reference, Mapping) else None


def _modified(record: Record) -> datetime | None:
    meta = record.get("meta")
    try:
        moment = datetime.fromisoformat(str(meta.get("modified"))) if isinstance(meta, Mapping) else None
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment and moment.tzinfo else None
