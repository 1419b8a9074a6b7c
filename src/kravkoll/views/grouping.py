"""Rows of a requirement as a page tells them: by check, once, advice apart; and its verdict per agreement."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from kravkoll.record.assessment import Assessed
from kravkoll.record.outcome import Outcome, Verdict
from kravkoll.record.rollup import Seen, roll_up
from kravkoll.record.rows import Result
from kravkoll.views.report import Report


@dataclass(frozen=True, slots=True)
class Group:
    """Rows of one check that share a line; a row with more to tell than yes stands alone."""

    check: str
    outcome: Outcome
    quiet: bool
    """True where there is nothing to tell but the places."""
    elsewhere: str
    """The requirement under which the rows are told in full; empty here."""
    rows: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Groups:
    """The agreed rows of a requirement, and those that are newer than the plan that was agreed on."""

    agreed: tuple[Group, ...]
    advice: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A requirement's verdict under one of a supplier's agreements; None where it has no rows there."""

    agreement: Mapping[str, Any]
    verdict: Verdict | None


def grouped(report: Report) -> dict[str, Groups]:
    """The groups of each requirement; a row is told in full under the first that names it."""
    first: dict[str, str] = {}
    for item in report.requirements:
        for row in item.rows:
            first.setdefault(row, item.requirement.id)
    return {item.requirement.id: _groups(report, item, first) for item in report.requirements}


def _groups(report: Report, item: Assessed, first: Mapping[str, str]) -> Groups:
    here = item.requirement.id
    counting = report.counting(item)
    advice = [row for row in item.rows if row not in counting]
    agreed = _alike(report, here, first, counting)
    return Groups(tuple(agreed), tuple(_alike(report, here, first, advice)))


def _alike(report: Report, here: str, first: Mapping[str, str], rows: Iterable[str]) -> Iterator[Group]:
    def key(identity: str) -> tuple[str, Outcome, bool, str, str]:
        row, result = report.row(identity)
        elsewhere = first[identity] if first[identity] != here else ""
        quiet = bool(elsewhere) or _is_quiet(result)
        return row.check, result.outcome, quiet, elsewhere, "" if quiet else identity

    for (check, outcome, quiet, elsewhere, _), members in groupby(sorted(rows, key=key), key):
        yield Group(check, outcome, quiet, elsewhere, tuple(members))


def _is_quiet(result: Result) -> bool:
    said = result.reason or result.observation or result.beside
    return result.outcome in (Outcome.MET, Outcome.NOT_APPLICABLE) and not said


def by_agreement(report: Report, item: Assessed) -> tuple[Part, ...]:
    """The verdict under each agreement that the requirement is for, where a supplier's agreements differ."""
    every = report.header["agreements"]
    if len(every) < 2 or item.verdict is Verdict.NOT_APPLICABLE or not item.rows:
        return ()
    concerned = [agreement for agreement in every if _selected(item, agreement)]
    parts = tuple(Part(agreement, _verdict(report, item, agreement)) for agreement in concerned)
    alike = len(parts) == len(every) and len({part.verdict for part in parts}) == 1
    return () if alike else parts


def _selected(item: Assessed, agreement: Mapping[str, Any]) -> bool:
    applies = item.requirement.applies
    named = not applies.agreements or agreement["id"] in applies.agreements
    return named and (not applies.systems or bool({*applies.systems} & {*agreement["systems"]}))


def _verdict(report: Report, item: Assessed, agreement: Mapping[str, Any]) -> Verdict | None:
    """Documents are the supplier's, so they count under every agreement."""
    planned = [report.row(identity) for identity in report.counting(item)]
    here = [(row, result) for row, result in planned if not row.system or row.system in agreement["systems"]]
    if not here:
        return None
    seen = [Seen(row.kind, result.outcome, result.grade, str(result.reason or "")) for row, result in here]
    simulated = report.record.simulated
    return roll_up(item.requirement, seen, simulated=simulated, waived=item.waiver is not None).verdict
