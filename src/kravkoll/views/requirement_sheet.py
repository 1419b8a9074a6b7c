"""The requirements as a specification in Excel, under the city's own numbers, with verdicts beside them."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from kravkoll.contracts.cards import CheckCard
from kravkoll.contracts.model import Requirement
from kravkoll.contracts.vocabulary import Vocabulary
from kravkoll.record.outcome import Verdict
from kravkoll.views import spreadsheet
from kravkoll.views.report import Report
from kravkoll.views.words import Words

ROLES = {
    "number": 10, "text": 70, "level": 8, "area": 18, "basis": 12, "verify": 14, "clause": 24, "register": 14,
    "systems": 16, "from": 12, "to": 12, "lowest_grade": 10, "like": 14, "checks": 22, "unchecked": 30,
    "english": 40, "id": 14,
}  # fmt: skip
"""Columns in order, and how wide they are in characters."""
SELDOM = ("register", "systems", "to", "lowest_grade")
"""Columns that are left out where no requirement has anything in them."""
CATALOGUE = ("Område", "Lydelse", "Kontroll", "Vad kontrollen prövar")


def write(
    path: Path,
    requirements: Sequence[Requirement],
    reports: Sequence[Report],
    told: Words,
    catalogue: tuple[Sequence[Requirement], Sequence[CheckCard]],
) -> None:
    """A sheet for each sheet that the requirements came from, and one with what they may be tied to."""
    words = Vocabulary(told.language)
    book, sheet = spreadsheet.workbook()
    book.remove(sheet)
    empty = {role for role in SELDOM if not any(cell(one, role, words) for one in requirements)}
    roles = [role for role in ROLES if role not in empty]
    headings = [words.heading(role) for role in roles]
    widths = [ROLES[role] for role in roles]
    for report in reports:
        headings += _verdict_headings(report, told)
        widths += [16, 50]
    for title, own in by_sheet(requirements).items():
        sheet = book.create_sheet(title)
        rows = [[*(cell(one, role, words) for role in roles), *_verdicts(one, reports, told)] for one in own]
        spreadsheet.table(sheet, headings, widths, rows)
        for role in ("level", "area", "basis", "verify"):
            letter = get_column_letter(roles.index(role) + 1)
            spreadsheet.choices(sheet, letter, 2, len(rows) + 50, list(words.first_words(role)))
    _catalogue(book.create_sheet("Kravkolls katalog"), *catalogue, words)
    spreadsheet.save(book, path)


def by_sheet(requirements: Sequence[Requirement]) -> Mapping[str, list[Requirement]]:
    """Sheet to requirements, in the order of the workspace."""
    found: dict[str, list[Requirement]] = {}
    for requirement in requirements:
        parts = requirement.source.row.split("!")
        title = parts[1] if len(parts) == 3 else "Krav"
        found.setdefault(re.sub(r"[\[\]:*?/\\]", " ", title)[:31], []).append(requirement)
    return found or {"Krav": []}


def cell(requirement: Requirement, role: str, words: Vocabulary) -> str:
    """What an export writes in a column, so that an import reads the same."""
    if role in {"level", "area", "basis", "verify"}:
        return words.word(role, getattr(requirement, role))
    return COLUMNS[role](requirement, words)


def _unchecked(requirement: Requirement, words: Vocabulary) -> str:
    said = requirement.unchecked.sv if requirement.unchecked else ""
    return "" if said == words.unchecked["sv"] else said


COLUMNS: Mapping[str, Callable[[Requirement, Vocabulary], str]] = {
    "number": lambda one, _: one.source.number or one.id,
    "text": lambda one, _: one.text.sv,
    "english": lambda one, _: "" if one.text.en == one.text.sv else one.text.en,
    "clause": lambda one, _: one.source.clause,
    "register": lambda one, _: one.source.register,
    "systems": lambda one, _: ", ".join(one.applies.systems),
    "like": lambda one, _: ", ".join(one.like),
    "checks": lambda one, _: ", ".join(one.checks),
    "from": lambda one, _: one.valid_from.isoformat(),
    "to": lambda one, _: one.valid_to.isoformat() if one.valid_to else "",
    "lowest_grade": lambda one, _: one.lowest_grade or "",
    "unchecked": _unchecked,
    "id": lambda one, _: one.id,
}
"""Role to what stands in its column; those with words for their values are read by the vocabulary."""


def _verdict_headings(report: Report, told: Words) -> list[str]:
    """Marked as simulated where they say nothing about a supplier."""
    mark = f", {told.say('banner.mark_simulated')}" if report.record.simulated else ""
    return [
        f"{told.say('column.verdict')} {report.supplier['name']}{mark}",
        f"{told.say('column.why')} {report.supplier['name']}",
    ]


def _verdicts(requirement: Requirement, reports: Sequence[Report], told: Words) -> Iterator[str]:
    for report in reports:
        item = report.assessment.requirements.get(requirement.id)
        if item is None:
            yield from ("", "")
            continue
        yield told.name("verdict", item.verdict)
        reason = item.rolled.reason
        if item.verdict is Verdict.NOT_MET:
            yield "\n".join(
                f"{d.says} ({d.row})" for row in report.counting(item) for d in report.defects(row, told)
            )
        else:
            yield told.grounds(reason).sentence if reason else ""


def _catalogue(
    sheet: Worksheet, demands: Sequence[Requirement], checks: Sequence[CheckCard], words: Vocabulary
) -> None:
    """Beside each demand the checks that verify it: what a city's own requirement may be tied to."""
    language = words.language
    rows = [
        [
            demand.id,
            words.word("area", demand.area),
            demand.text.in_language(language),
            check.id,
            check.sentence.in_language(language),
        ]
        for demand in demands
        for check in checks
        if demand.id in check.verifies
    ]
    spreadsheet.table(sheet, (words.catalogue.capitalize(), *CATALOGUE), (16, 18, 70, 14, 70), rows)
