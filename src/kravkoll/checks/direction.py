"""Judges whether attempts to change something did, whatever was answered."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from kravkoll.record.outcome import Finding

type Record = Mapping[str, Any]
type State = Mapping[str, Mapping[str, Record]]

OF_THE_SYSTEM = {"id", "meta"}
"""Fields that a system sets itself."""


class Attempt(Protocol):
    """One request that would change something."""

    @property
    def method(self) -> str: ...
    @property
    def resource(self) -> str: ...
    @property
    def record(self) -> str: ...
    @property
    def status(self) -> int: ...
    @property
    def wrote(self) -> Mapping[str, object]: ...
    @property
    def accepted(self) -> bool: ...


def write_findings(before: State, after: State, attempts: Sequence[Attempt]) -> list[Finding]:
    """SP-21.changed where the state shows an attempt's effect; SP-21.accepted where the answer alone was yes.

    Other records may change meanwhile: only what was attempted is judged.
    """
    changed = [one for one in attempts if _took_effect(one, before, after)]
    accepted = [one for one in attempts if one.accepted and one not in changed]
    return [
        *_finding("SP-21.changed", "the register is as before", changed, len(attempts)),
        *_finding("SP-21.accepted", "refused (4xx)", accepted, len(attempts)),
    ]


def _took_effect(attempt: Attempt, before: State, after: State) -> bool:
    old = before.get(attempt.resource, {})
    new = after.get(attempt.resource, {})
    if attempt.method == "POST":
        arrived = [record for identity, record in new.items() if identity not in old]
        return attempt.record in new or any(_content(one) == _content(attempt.wrote) for one in arrived)
    if attempt.record not in new:
        return attempt.record in old
    return _content(old.get(attempt.record, {})) != _content(new[attempt.record])


def _content(record: Record) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in OF_THE_SYSTEM}


def _finding(code: str, expected: str, attempts: list[Attempt], tried: int) -> list[Finding]:
    cases = tuple(
        {"request": f"{one.method} /{one.resource}", "record": one.record, "status": one.status}
        for one in attempts
    )
    return [Finding(code, expected, cases[0], cases, len(cases), tried)] if cases else []
