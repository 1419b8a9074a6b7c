"""Judges the file of an export: whether whoever gets it can read it, and whether new records come with it."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from kravkoll.checks.completeness import Shapes, differences
from kravkoll.record.outcome import Finding

MOST_CASES = 50
CODES: Mapping[str, tuple[str, str]] = {
    "encoding": ("DR-03.encoding", "text in the agreed encoding"),
    "truncated": ("DR-03.truncated", "whole files"),
    "layout": ("DR-03.layout", "the agreed files, columns and values"),
    "unsafe": ("DR-03.unsafe", "plain files with simple names, XML without a DTD"),
    "schema": ("DR-04.schema", "a document that follows its published schema"),
    "unpublished": ("DR-04.unpublished", "a schema that anybody may fetch"),
}
"""Kind of flaw to finding code, and what was expected."""
HARD = ' ; "å ä ö" \t , & <slut>\nny rad'
"""What breaks files that are written carelessly: delimiters, quotes, a line break, markup."""
MARK = "cny-"
"""What stands in every free text of the test data."""

type Record = dict[str, Any]


class Wrong(Protocol):
    """One thing that is wrong with a file, as a probe saw it."""

    @property
    def kind(self) -> str: ...
    @property
    def file(self) -> str: ...
    @property
    def line(self) -> int: ...
    @property
    def detail(self) -> str: ...


def form_findings(flaws: Iterable[Wrong]) -> list[Finding]:
    """DR-03.* and DR-04.*: one finding a kind, its cases the places."""
    found: dict[str, list[dict[str, Any]]] = {}
    for flaw in flaws:
        case = {"file": flaw.file, "line": flaw.line, "what": flaw.detail}
        found.setdefault(flaw.kind, []).append({name: value for name, value in case.items() if value})
    return [
        Finding(code, expected, cases[0], tuple(cases[:MOST_CASES]), len(cases), len(cases))
        for kind, (code, expected) in CODES.items()
        if (cases := found.get(kind, []))
    ]


def copied(records: Sequence[Mapping[str, Any]]) -> list[Record]:
    """Records of our own, like these but with ids and free text that stand nowhere else."""
    return [{**_hardened(record), "id": str(uuid.uuid4())} for record in records]


def round_trip_findings(put: Shapes, exported: Shapes) -> list[Finding]:
    """DR-02.lost, DR-02.altered: what was put in against what came out; fields as in `put`."""
    lost: list[dict[str, Any]] = []
    altered: list[dict[str, Any]] = []
    tried = sum(len(records) for records in put.values())
    for resource, records in put.items():
        for identity, shape in records.items():
            counterpart = exported.get(resource, {}).get(identity)
            if counterpart is None:
                lost.append({"resource": resource, "record": identity})
            elif fields := differences(shape, counterpart):
                altered.append({"resource": resource, "record": identity, "fields": fields})
    return [
        Finding(code, expected, cases[0], tuple(cases[:MOST_CASES]), len(cases), tried)
        for code, expected, cases in (
            ("DR-02.lost", "every record that was put in", lost),
            ("DR-02.altered", "every value as it was put in", altered),
        )
        if cases
    ]


def _hardened(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _hardened(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_hardened(inner) for inner in value]
    if isinstance(value, str) and MARK in value:
        return f"{value.partition(MARK)[0]}{MARK}export-{uuid.uuid4().hex[:12]}{HARD}"
    return value
