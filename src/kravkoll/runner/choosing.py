"""Which faults a proof takes: all, those named, or those that a change touches."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from kravkoll.contracts.cards import FaultCard
from kravkoll.contracts.errors import Fault, near
from kravkoll.contracts.model import AREAS
from kravkoll.contracts.workspace import Workspace

SHARED = frozenset({"runner", "probes", "checks", "city", "record", "serving", "cast"})
"""Rooms that every check may rest on: a change there touches every fault."""


def named_faults(workspace: Workspace, names: Iterable[str]) -> tuple[FaultCard, ...]:
    """The faults of these ids. Raises ConfigurationError with the nearest."""
    return tuple(workspace.fault(name) for name in names)


def mismatched(workspace: Workspace) -> Iterator[Fault]:
    """Cards of faults that no simulated system has, and faults of simulated systems that no card tells of."""
    from kravkoll.standins.faults import FAULTS, SILENT  # noqa: PLC0415  # stand-ins take 200 ms to import

    for identity in sorted(set(workspace.faults) - set(FAULTS)):
        file, line = workspace.place("faults", identity)
        yield Fault(file, line, identity, "no simulated system has this fault", near(identity, FAULTS))
    for identity in sorted(set(FAULTS) - set(workspace.faults) - SILENT):
        (replacement, *_) = FAULTS[identity].values()
        message = "has no card, so nobody proves that it is noticed"
        yield Fault(replacement.__module__, 0, identity, message, "write its card in mocks/faults/")


def changed_faults(workspace: Workspace, changed: Iterable[str]) -> tuple[FaultCard, ...]:
    """The faults that changed files touch: an area's by its suites and cards, a stand-in's by its module."""
    from kravkoll.standins.faults import FAULTS  # noqa: PLC0415  # stand-ins take 200 ms to import

    paths = [Path(name).parts for name in changed]
    areas = {parts[1] for parts in paths if parts[0] == "suites" and len(parts) > 2}
    areas |= {Path(parts[2]).stem for parts in paths if parts[:2] == ("mocks", "faults") and len(parts) == 3}
    prefixes = {AREAS[area] for area in areas if area in AREAS}
    modules = {
        Path(parts[3]).stem
        for parts in paths
        if parts[:3] == ("src", "kravkoll", "standins") and len(parts) > 3
    }
    everything = any(
        parts[:2] == ("src", "kravkoll") and len(parts) > 3 and parts[2] in SHARED for parts in paths
    )

    def touched(card: FaultCard) -> bool:
        where = {f.__module__.rpartition(".")[2] for pair in FAULTS.get(card.id, {}).items() for f in pair}
        return (
            everything
            or bool(where & modules)
            or any(check.split("-")[0] in prefixes for check in card.expect)
        )

    return tuple(card for card in workspace.faults.values() if touched(card))
