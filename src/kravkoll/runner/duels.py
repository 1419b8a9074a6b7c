"""What a duel is, and whether it was won: pure judgement over the outcomes of rows."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from kravkoll.contracts.cards import CheckCard, FaultCard
from kravkoll.contracts.model import Environment, Flow
from kravkoll.contracts.workspace import Workspace
from kravkoll.record.outcome import Outcome
from kravkoll.record.rows import Result, Row

PROOF = "proof.json"
"""File of the latest whole proof, beside the runs."""


@dataclass(frozen=True, slots=True)
class Duel:
    """One stand-in with one fault, or honest (the baseline) where `fault` is empty."""

    standin: str
    system: str
    fault: str

    @property
    def id(self) -> str:
        """`tempus+api.paging.offset`, or `tempus+honest`."""
        return f"{self.standin}+{self.fault or 'honest'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fought:
    """How a duel ended: what went wrong, if anything; rows by outcome and finding codes."""

    duel: str
    fault: str
    standin: str
    caught: Mapping[str, str]
    """Expected check to the finding code that it said."""
    complaints: tuple[str, ...]
    rows: Mapping[str, str]
    seconds: float

    @property
    def won(self) -> bool:
        """True where the expected checks said no for the right reason, and nothing else changed."""
        return not self.complaints

    @classmethod
    def from_line(cls, line: dict[str, Any]) -> Self:
        """The end of a duel from JSON."""
        return cls(
            **{name: line[name] for name in cls.__dataclass_fields__}
            | {"complaints": tuple(line["complaints"])}
        )

    def line(self) -> dict[str, Any]:
        """JSON for the proof file."""
        return asdict(self) | {"won": self.won}


def duels_of(environment: Environment, faults: Iterable[FaultCard]) -> Iterator[Duel]:
    """Every fault on every stand-in of the environment that it applies to."""
    standins = {d.standin: system for system, d in environment.systems.items() if d.standin}
    for fault in faults:
        for name in fault.applies_to:
            if name in standins:
                yield Duel(name, standins[name], fault.id)


def sample(
    duel: Duel,
    card: FaultCard | None,
    rows: Sequence[Row],
    checks: Mapping[str, CheckCard],
    flows: Mapping[str, Flow],
) -> list[Row]:
    """The rows of a duel: the expected checks, the others of their areas, and all their controls.

    Of the flows, those that the broken system is an end of: it cannot break any other. `flows` are those with
    both their ends in the environment: the others do not run here.
    """
    ends = {flow.id: (flow.sender, flow.receiver) for flow in flows.values()}
    suppliers = {row.supplier for row in rows if row.system == duel.system}
    own = [
        row
        for row in rows
        if (row.system == duel.system and row.kind != "flow")
        or (row.kind == "flow" and row.place in ends and duel.system in ends[row.place])
        or (row.kind == "document" and row.supplier in suppliers)
    ]
    if card is None:
        return own
    named = {*card.expect, *card.may_change}
    areas = {checks[check].area_prefix for check in card.expect}
    wanted = {row.id for row in own if row.check in named or row.check.split("-")[0] in areas}
    while more := {row.control for row in own if row.id in wanted and row.control} - wanted:
        wanted |= more
    return [row for row in rows if row.id in wanted]


def judge(
    card: FaultCard,
    results: Mapping[str, Result],
    rows: Mapping[str, Row],
    honest: Mapping[str, str],
) -> tuple[dict[str, str], list[str]]:
    """What the expected checks said, and every way in which the duel fell short. Strict both ways."""
    caught: dict[str, str] = {}
    complaints = [] if results else ["no row was run"]
    for check, code in card.expect.items():
        said = [
            f.code for identity, r in results.items() if rows[identity].check == check for f in r.findings
        ]
        if code in said:
            caught[check] = code
        else:
            outcomes = sorted({str(r.outcome) for i, r in results.items() if rows[i].check == check}) or [
                "not run"
            ]
            complaints.append(f"{check} should say {code}, but said {', '.join(said) or ', '.join(outcomes)}")
    complaints += list(_dishonest(card, results, rows, honest))
    complaints += list(_strays(card, results, rows, honest))
    return caught, complaints


def _dishonest(
    card: FaultCard, results: Mapping[str, Result], rows: Mapping[str, Row], honest: Mapping[str, str]
) -> Iterator[str]:
    """Expected checks, and their controls, that say no without the fault as well: they prove nothing."""
    expected = [rows[identity] for identity in results if rows[identity].check in card.expect]
    for identity in dict.fromkeys(name for row in expected for name in (row.control, row.id) if name):
        if honest.get(identity, Outcome.MET) != Outcome.MET:
            yield f"{identity} is {honest[identity]} without the fault too"


def _strays(
    card: FaultCard, results: Mapping[str, Result], rows: Mapping[str, Row], honest: Mapping[str, str]
) -> Iterator[str]:
    """Rows that changed though the fault has nothing to do with them."""
    free = {*card.expect, *card.may_change}
    for identity, result in results.items():
        row = rows[identity]
        if row.check in free or str(result.outcome) == honest.get(identity):
            continue
        control = rows.get(row.control)
        if (
            result.outcome is Outcome.NOT_EXERCISED
            and control is not None
            and _changed(control, results, honest)
        ):
            continue  # its control fell, so it was not run: that is what controls are for
        told = ", ".join(f.code for f in result.findings) or result.reason or result.observation
        before = honest.get(identity, "not run")
        yield f"{identity} is {result.outcome} ({told}), but {before} without the fault"


def _changed(row: Row, results: Mapping[str, Result], honest: Mapping[str, str]) -> bool:
    result = results.get(row.id)
    return result is not None and str(result.outcome) != honest.get(row.id)


def unproven(workspace: Workspace, fought: Iterable[Fought]) -> list[str]:
    """Checks that no duel proves: the build's own faults."""
    caught = {check for fight in fought for check in fight.caught}
    return sorted(set(workspace.checks) - caught)
