"""Judges whether people with protected identity are out of sight where their twins without it are not."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from kravkoll.record.outcome import Finding, Inconclusive

MOST_CASES = 50
KINDS = ("listed", "fetched", "lookup", "expanded")


class Sighting(Protocol):
    """Whether one way of asking showed somebody."""

    @property
    def kind(self) -> str: ...
    @property
    def way(self) -> str: ...
    @property
    def persona(self) -> str: ...
    @property
    def mark(self) -> str: ...
    @property
    def seen(self) -> bool: ...


def protected_findings(sightings: Iterable[Sighting], twin_of: Mapping[str, str]) -> list[Finding]:
    """SP-09.*: the protected who were seen, way by way; `twin_of` maps them to their twins.

    A way that shows neither proves nothing. Raises Inconclusive `twin.not-visible` if no way proves anything.
    """
    by_place = {(one.way, one.persona): one for one in sightings}
    tried = dict.fromkeys(KINDS, 0)
    cases: dict[str, list[dict[str, str]]] = {kind: [] for kind in KINDS}
    for (way, persona), one in by_place.items():
        twin = by_place.get((way, twin_of.get(persona, "")))
        if persona not in twin_of or not (one.seen or (twin and twin.seen)):
            continue
        tried[one.kind] += 1
        if one.seen:
            cases[one.kind].append({"way": way, "person": persona, "recognised": one.mark})
    if not any(tried.values()):
        raise Inconclusive("twin.not-visible", "nobody comparable without protection was shown in any way")
    return [
        Finding(f"SP-09.{kind}", "not shown", seen[0], tuple(seen[:MOST_CASES]), len(seen), tried[kind])
        for kind, seen in cases.items()
        if seen
    ]


def proving_ways(sightings: Iterable[Sighting], twins: Iterable[str]) -> list[str]:
    """The ways in which a twin was seen: those that prove something."""
    wanted = set(twins)
    return sorted({one.way for one in sightings if one.seen and one.persona in wanted})
