"""Judges whether what was got out is all that there is, unchanged: record by record, field by field."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from kravkoll.checks.field_values import Seen
from kravkoll.record.outcome import Finding

MOST_CASES = 50

type Shape = dict[str, Counter[str]]
"""A record as dotted path to its values: the order of a list says nothing."""
type Shapes = dict[str, dict[str, Shape]]
"""Resource, id, shape."""


def shapes(values: Iterable[Seen]) -> Shapes:
    """Records by resource and id, their values normalised."""
    found: Shapes = {}
    for one in values:
        record = found.setdefault(one.resource, {}).setdefault(one.record, {})
        record.setdefault(one.path, Counter())[normal(one.value)] += 1
    return found


def normal(value: object) -> str:
    """One spelling for one value: times in UTC, booleans and numbers as JSON and CSV both write them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = str(value)
    if "T" in text[8:12] and text[:4].isdigit():
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return text
        return moment.astimezone(UTC).isoformat() if moment.tzinfo else text
    return text


def limited(found: Shapes, carried: Mapping[str, frozenset[str]] | None) -> Shapes:
    """What an agreed format has a place for: resources and dotted paths; all where `carried` is None."""
    if carried is None:
        return found
    return {
        resource: {
            identity: {path: values for path, values in shape.items() if path in carried[resource]}
            for identity, shape in records.items()
        }
        for resource, records in found.items()
        if resource in carried
    }


def export_findings(shown: Shapes, exported: Shapes) -> list[Finding]:
    """DR-02.empty, DR-02.missing, DR-02.changed: the interface's records against the export's."""
    total = sum(len(records) for records in shown.values())
    got = sum(len(records) for records in exported.values())
    if total and not got:
        return [Finding("DR-02.empty", f"{total} records", "none", failed=total, tried=total)]
    missing: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    for resource, records in shown.items():
        for identity, shape in records.items():
            counterpart = exported.get(resource, {}).get(identity)
            if counterpart is None:
                missing.append({"resource": resource, "record": identity})
            else:
                differing = differences(shape, counterpart)
                changed += [{"resource": resource, "record": identity, "field": path} for path in differing]
    return [
        *_finding("DR-02.missing", f"all {total} records", missing, total),
        *_finding("DR-02.changed", "every value as the interface shows it", changed, total),
    ]


def differences(shape: Mapping[str, Counter[str]], counterpart: Mapping[str, Counter[str]]) -> list[str]:
    """Fields of the first that the second lacks or holds other values of; the second may have more fields."""
    return sorted(path for path, values in shape.items() if counterpart.get(path) != values)


def _finding(
    code: str, expected: object, cases: Sequence[Mapping[str, Any]], tried: int
) -> tuple[Finding, ...]:
    if not cases:
        return ()
    failed = len({(case["resource"], case["record"]) for case in cases})
    return (Finding(code, expected, cases[0], tuple(cases[:MOST_CASES]), failed, tried),)
