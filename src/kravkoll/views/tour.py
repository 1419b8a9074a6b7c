"""What to look at after a demonstration, and why: a few lines that point into what was written."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kravkoll.record.assessment import Assessed
from kravkoll.record.outcome import Outcome
from kravkoll.views.html import file_name
from kravkoll.views.report import Report
from kravkoll.views.words import Words


@dataclass(frozen=True, slots=True)
class Stop:
    """One thing to look at: why, and the page, file or command."""

    why: str
    look: str


def tour(reports: Sequence[Report], told: Words, index: Path, fault: str) -> Iterator[Stop]:
    """The stops that these records have something to show at; `fault` is one that a check is to notice."""
    yield Stop(told.say("tour.index"), str(index))
    yield from _finding(reports, told)
    yield from _untested(reports, told)
    yield from _evidence(reports, told)
    if fault:
        yield Stop(told.say("tour.prove"), f"kravkoll prove --fault {fault}")


def _page(report: Report, told: Words) -> Path:
    return report.record.path.parent / file_name(report, told.language)


def _finding(reports: Sequence[Report], told: Words) -> Iterator[Stop]:
    for report in reports:
        for item in report.unmet:
            row = _failing(report, item)
            says = next(report.defects(row, told)).says
            sentence = item.requirement.text.in_language(told.language)
            why = told.say("tour.finding", supplier=report.supplier["name"], requirement=sentence, says=says)
            yield Stop(why, f"{_page(report, told)}#{item.requirement.id}")
            yield Stop(told.say("tour.repeat"), report.repeat(row))
            return


def _failing(report: Report, item: Assessed) -> str:
    return next(row for row in item.rows if report.record.results[row].outcome is Outcome.NOT_MET)


def _untested(reports: Sequence[Report], told: Words) -> Iterator[Stop]:
    """Where most was seen there is also most to learn of what was not."""
    unseen = [report for report in reports if report.unseen]
    if unseen:
        report = max(unseen, key=lambda one: len(one.gating) - len(one.untested))
        why = told.say("tour.untested", supplier=report.supplier["name"], n=len(report.untested))
        yield Stop(why, f"{_page(report, told)}#unseen")


def _evidence(reports: Sequence[Report], told: Words) -> Iterator[Stop]:
    for report in reports:
        folder = report.record.path.parent
        for line in report.record.evidence:
            letters = str(line["digest"]).removeprefix("sha256:")
            path = folder / "evidence" / letters[:2] / letters
            if line["klass"] != "security" and path.is_file():
                yield Stop(told.say("tour.evidence", record=folder / report.record.path.name), str(path))
                return
