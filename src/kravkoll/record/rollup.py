"""From rows to a verdict per requirement, and from verdicts to an exit code: pure functions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from kravkoll.contracts.model import Gate, GradeLetter, Requirement, Waiver
from kravkoll.record.outcome import Outcome, Verdict
from kravkoll.record.rows import Result, Row, RowKind

UNSEEN = frozenset({Outcome.INCONCLUSIVE, Outcome.NOT_EXERCISED, Outcome.ERROR})
LIVE_ORDER: Mapping[str, int] = {"A": 2, "B": 1, "C": 0}
DOCUMENT_ORDER: Mapping[str, int] = {"D": 2, "E": 1}


class Exit(IntEnum):
    """pytest's own exit codes, with our meaning."""

    HOLDS = 0
    NOT_MET = 1
    INTERRUPTED = 2
    OUR_FAULT = 3
    USAGE = 4
    UNTESTED = 5


PRECEDENCE = (Exit.USAGE, Exit.OUR_FAULT, Exit.INTERRUPTED, Exit.NOT_MET, Exit.UNTESTED, Exit.HOLDS)


@dataclass(frozen=True, slots=True)
class Seen:
    """One row's part in a verdict."""

    kind: RowKind
    outcome: Outcome
    grade: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Rolled:
    """The verdict of one requirement, and why it is no better."""

    verdict: Verdict
    reason: str = ""
    waived_though_met: bool = False


def roll_up(
    requirement: Requirement, seen: Iterable[Seen], *, simulated: bool, waived: bool = False
) -> Rolled:
    """The verdict of one requirement for one supplier.

    The worst wins: not met > not tested > attested > met; a valid waiver replaces not met, law excepted.
    In a simulated run grade limits are not applied.
    """
    rows = list(seen)
    counted = [row for row in rows if row.outcome is not Outcome.NOT_APPLICABLE]
    if rows and not counted:
        return Rolled(Verdict.NOT_APPLICABLE, rows[0].reason)
    if any(row.outcome is Outcome.NOT_MET for row in counted):
        replaced = waived and requirement.basis != "law"
        return Rolled(Verdict.WAIVED if replaced else Verdict.NOT_MET)
    reason = _untested(requirement, counted, simulated=simulated)
    if reason is not None:
        return Rolled(Verdict.NOT_TESTED, reason)
    documents_only = all(row.kind == "document" for row in counted)
    return Rolled(Verdict.ATTESTED if documents_only else Verdict.MET, waived_though_met=waived)


def _untested(requirement: Requirement, rows: Sequence[Seen], *, simulated: bool) -> str | None:
    """Why the rows do not test the requirement; None where they do. None of them says not met."""
    unseen = [row for row in rows if row.outcome in UNSEEN]
    if unseen:
        return unseen[0].reason or str(unseen[0].outcome)
    tests = [row for row in rows if row.kind != "document"]
    documents = [row for row in rows if row.kind == "document"]
    if not rows:
        return "row.none"
    if requirement.verify in ("test", "both") and not tests:
        return "row.no-test"
    if (
        requirement.verify in ("document", "both")
        and not documents
        and not (requirement.verify == "document" and tests)
    ):
        return "row.no-document"
    below = not simulated and any(_below(requirement, row) for row in rows)
    return "grade.below" if below else None


def _below(requirement: Requirement, row: Seen) -> bool:
    """True where the row's grade is lower than the requirement accepts; each kind has its own order."""
    order, silent = (DOCUMENT_ORDER, "E") if row.kind == "document" else (LIVE_ORDER, "B")
    wanted: GradeLetter | str = requirement.lowest_grade or silent
    limit = order.get(wanted, order[silent])
    return order.get(row.grade, -1) < limit


def valid_waiver(
    waivers: Iterable[Waiver], requirement: str, supplier: str, moment: datetime
) -> Waiver | None:
    """The waiver that holds for that requirement and supplier at that time, if any."""
    for waiver in waivers:
        if (waiver.requirement, waiver.supplier) == (requirement, supplier) and (
            waiver.valid_from <= moment <= waiver.until
        ):
            return waiver
    return None


def seen_of(requirement: str, rows: Mapping[str, Row], results: Mapping[str, Result]) -> list[Seen]:
    """The parts that planned rows have in one requirement's verdict."""
    return [
        Seen(row.kind, result.outcome, result.grade, str(result.reason or ""))
        for row in rows.values()
        if requirement in row.requirements and (result := results.get(row.id)) is not None
    ]


def exit_code(
    verdicts: Mapping[str, Rolled],
    requirements: Mapping[str, Requirement],
    gate: Gate,
    *,
    errors: int = 0,
    interrupted: bool = False,
) -> Exit:
    """The exit code of an assessment under one phase of an acceptance rule."""
    codes = {Exit.HOLDS}
    if errors:
        codes.add(Exit.OUR_FAULT)
    if interrupted:
        codes.add(Exit.INTERRUPTED)
    gating = {
        identity
        for identity in verdicts
        if requirements[identity].gates and (gate.gating == "all" or identity in gate.requirements)
    }
    if any(verdicts[identity].verdict is Verdict.NOT_MET for identity in gating):
        codes.add(Exit.NOT_MET)
    blocking = {"all": gating, "none": set[str](), "listed": set(gate.must_be_tested)}[gate.untested_blocks]
    if any(verdicts[identity].verdict is Verdict.NOT_TESTED for identity in blocking & set(verdicts)):
        codes.add(Exit.UNTESTED)
    return worst(codes)


def worst(codes: Iterable[Exit]) -> Exit:
    """The code that goes before the others: 4, 3, 2, 1, 5, 0."""
    given = set(codes)
    return next(code for code in PRECEDENCE if code in given)
