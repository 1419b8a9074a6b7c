"""Judges what a flow carried against what was agreed: fields, school forms, questions, and what was kept."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from kravkoll.checks.field_values import Seen
from kravkoll.checks.flow_policy import FlowPolicy
from kravkoll.record.outcome import Finding

MOST_CASES = 50
"""Cases of one finding that are written out; the counts are always whole."""
FORM_FIELDS = {"schoolType", "schoolTypes"}
KINDS = {
    ("persons", "responsibles.person.id"): "guardian",
    ("placements", "child.id"): "child",
    ("placements", "owners.id"): "guardian",
    ("groups", "groupMemberships.person.id"): "child",
    ("duties", "person.id"): "staff",
}
"""Where a reference says what somebody is."""


class Asked(Protocol):
    """One request and its answer, as a probe saw them."""

    @property
    def method(self) -> str: ...
    @property
    def segments(self) -> tuple[str, ...]: ...
    @property
    def query(self) -> tuple[tuple[str, str], ...]: ...
    @property
    def request(self) -> object: ...
    @property
    def response_body(self) -> str: ...
    @property
    def succeeded(self) -> bool: ...


class Token(Protocol):
    """A unique value of a field of our own records."""

    @property
    def token(self) -> str: ...
    @property
    def resource(self) -> str: ...
    @property
    def field(self) -> str: ...


def sent_fields(sent: Sequence[Seen], policy: FlowPolicy) -> list[Finding]:
    """SP-17.sent: fields that are not agreed at all, or not for this kind of person."""
    kinds = kinds_of_persons(sent)
    outside: dict[tuple[str, str, str], dict[str, None]] = {}
    for seen in sent:
        why = _why_outside(seen, policy, kinds)
        if why:
            outside.setdefault((seen.resource, seen.path, why), {})[seen.record] = None
    cases = [
        {"resource": resource, "field": path, "why": why, "records": len(ids), "example": next(iter(ids))}
        for (resource, path, why), ids in sorted(outside.items())
    ]
    tried = len({(seen.resource, seen.path) for seen in sent})
    return _finding("SP-17.sent", "only fields of the flow's manifest", cases, tried)


def hidden_values(exchanges: Iterable[Asked], policy: FlowPolicy, tokens: Iterable[Token]) -> list[Finding]:
    """SP-17.sent: values of fields that are not agreed, wherever in an answer they stand."""
    text = "\n".join(exchange.response_body for exchange in exchanges if exchange.succeeded)
    denied = [one for one in tokens if not policy.allows(one.resource, one.field)]
    cases = [
        {"resource": one.resource, "field": one.field, "why": "its value was found", "value": one.token}
        for one in denied
        if one.token in text
    ]
    return _finding("SP-17.sent", "no value of a field outside the manifest", cases, len(denied))


def sent_forms(
    sent: Sequence[Seen], policy: FlowPolicy, forms_of: Mapping[str, frozenset[str]]
) -> list[Finding]:
    """SP-19.sent: records of school forms that the flow is not for; `forms_of` knows pupils by id."""
    if not policy.school_forms:
        return []
    found: dict[tuple[str, str], set[str]] = {}
    for seen in sent:
        known = forms_of.get(seen.record, ()) if seen.resource == "persons" else ()
        named = [str(seen.value)] if seen.path.split(".")[-1] in FORM_FIELDS else []
        found.setdefault((seen.resource, seen.record), set()).update(known, named)
    cases = [
        {"resource": resource, "record": record, "forms": sorted(forms - policy.school_forms)}
        for (resource, record), forms in found.items()
        if _foreign(resource, forms, policy.school_forms)
    ]
    return _finding("SP-19.sent", sorted(policy.school_forms), cases, len(found))


def asked(exchanges: Sequence[Asked], policy: FlowPolicy) -> list[Finding]:
    """SP-17.asked: operations, parameters and look-up keys outside the flow, whatever was answered."""
    cases = [
        {"request": f"{one.method} /{'/'.join(one.segments)}", "outside": outside}
        for one in exchanges
        for outside in _outside(one, policy)
    ]
    distinct = list({str(case): case for case in cases}.values())
    return _finding("SP-17.asked", "only what the flow's manifest lists", distinct, len(exchanges))


def kept(
    shown: Sequence[Seen], came: frozenset[str], policy: FlowPolicy, ours: Iterable[Seen]
) -> list[Finding]:
    """SP-17.kept: on records that came over the flow (by id), fields outside it: those that the agreement
    forbids, and those that hold the register's own value (`ours`). A receiver may have facts of its own."""
    known = {(seen.record, seen.path, seen.value) for seen in ours if seen.record in came}
    theirs = [seen for seen in shown if seen.record in came]
    cases = [
        {"resource": seen.resource, "field": seen.path, "record": seen.record}
        for seen in theirs
        if not policy.allows(seen.resource, seen.path)
        and (_forbidden(seen, policy) or (seen.record, seen.path, seen.value) in known)
    ]
    return _finding("SP-17.kept", "only fields of the flow's manifest", cases, len(theirs))


def kinds_of_persons(sent: Iterable[Seen]) -> dict[str, frozenset[str]]:
    """What the records say that each person is: child, guardian, staff; somebody may be two of them."""
    named: dict[str, set[str]] = {}
    for seen in sent:
        kind = KINDS.get((seen.resource, seen.path))
        if kind:
            named.setdefault(str(seen.value), set()).add(kind)
    return {person: frozenset(kinds) for person, kinds in named.items()}


def _why_outside(seen: Seen, policy: FlowPolicy, kinds: Mapping[str, frozenset[str]]) -> str:
    if not policy.allows(seen.resource, seen.path):
        return "not agreed"
    agreed = policy.only_for.get(seen.path.split(".")[0]) if seen.resource == "persons" else None
    theirs = kinds.get(seen.record, frozenset())
    if agreed and theirs and not agreed & theirs:
        return f"agreed for {', '.join(sorted(agreed))} only"
    return ""


def _foreign(resource: str, forms: set[str], agreed: frozenset[str]) -> bool:
    """A unit that has another form besides is shared; a person, a place or a group is not."""
    return bool(forms - agreed) and (resource != "organisations" or not forms & agreed)


def _outside(one: Asked, policy: FlowPolicy) -> Iterator[str]:
    if not one.segments or "." in one.segments[0]:
        return  # the root, /openapi.json, /.well-known: about the interface, not about anybody
    if policy.is_agreed_file(one.method, one.segments):
        yield from sorted(f"parameter {name}={value}" for name, value in one.query)
        return
    operation = policy.operation(one.method, one.segments)
    if operation is None:
        yield "operation"
        return
    yield from sorted(
        f"parameter {name}={value}" for name, value in one.query if name not in operation.parameters
    )
    keys = set(one.request) if isinstance(one.request, dict) else set()
    yield from sorted(f"body {key}" for key in keys - operation.body)


def _forbidden(seen: Seen, policy: FlowPolicy) -> bool:
    return seen.path.split(".")[0] in policy.forbidden.get(seen.resource, frozenset())


def _finding(code: str, expected: object, cases: list[dict[str, Any]], tried: int) -> list[Finding]:
    if not cases:
        return []
    failed = len(cases)
    return [Finding(code, expected, cases[0], tuple(cases[:MOST_CASES]), failed, max(tried, failed))]
