"""Markdown for a CI step summary: at most 1 MiB, since a larger one is dropped whole."""

import html
from collections.abc import Iterable, Iterator
from pathlib import Path

from kravkoll.record.assessment import Assessed
from kravkoll.views.report import Report
from kravkoll.views.values import visible
from kravkoll.views.words import Words, words

LIMIT = 1024 * 1024
"""Bytes."""
CELL = 300
"""Characters of one value in a table."""
SPECIAL = str.maketrans({character: f"&#{ord(character)};" for character in "\\`*_{}[]()#+!|~@:"})


def file_name(report: Report) -> str:
    """`SIMULERING-tempus.summary.md`, or `report-tempus.summary.md`."""
    return f"{report.stem}.summary.md"


def literal(text: str) -> str:
    """Text in which nothing is markup, a link or a mention, on one line."""
    shortened = text if len(text) <= CELL else text[:CELL] + " …"
    return html.escape(visible(shortened), quote=False).translate(SPECIAL).replace("\n", "<br>")


def text(report: Report, language: str, templates: Path | None = None, *, limit: int = LIMIT) -> str:
    """The summary: headline, not met, not tested."""
    told = words(language, templates)
    head = "\n".join(_head(report, told)) + "\n"
    ending = f"\n{told.say('markdown.cut')}\n"
    room = limit - len(head.encode()) - len(ending.encode())
    body: list[str] = []
    for line in _tables(report, told):
        room -= len(line.encode()) + 1
        if room < 0:
            return head + "\n".join(body) + ending
        body.append(line)
    return head + "\n".join(body) + "\n"


def _head(report: Report, told: Words) -> Iterator[str]:
    header = report.header
    yield f"## {told.say('banner.mark_' + report.kind)}: {literal(report.supplier['name'])}"
    yield ""
    if not report.complete:
        yield f"> **{told.say('banner.mark_incomplete')}** {told.say('banner.incomplete')}"
        yield ">"
    if report.partial:
        selection = literal(report.partial)
        yield f"> **{told.say('banner.mark_partial')}** {told.say('banner.partial', selection=selection)}"
        yield ">"
    yield f"> {told.say('banner.' + report.kind)}"
    yield ""
    yield f"**{told.say('conclusion.' + report.conclusion)}**"
    yield ""
    yield f"- {told.say('headline.unmet', n=len(report.unmet), total=len(report.gating))}"
    yield f"- {told.say('headline.untested', n=len(report.untested))}"
    if report.unmet_advice:
        yield f"- {told.say('headline.advice', n=len(report.unmet_advice))}"
    systems = report.systems(told.say("fact.version_unknown"))
    yield f"- {told.say('fact.system')}: {literal(systems) or told.say('fact.none')}"
    yield f"- {told.say('fact.as_of')}: {header['as_of']}"
    yield ""


def _tables(report: Report, told: Words) -> Iterator[str]:
    unmet = (*report.unmet, *report.unmet_advice)
    if unmet:
        columns = (
            "column.requirement",
            "column.found",
            "finding.expected",
            "finding.actual",
            "finding.repeat",
        )
        yield from _heading(told, "markdown.not_met", columns)
        for item in unmet:
            yield from _unmet(report, item, told)
        yield ""
    if report.unseen:
        yield from _heading(told, "markdown.not_tested", ("column.affects", "column.why", "column.who"))
        for group in report.unseen:
            grounds = told.grounds(group.reason)
            affected = ", ".join(item.requirement.id for item in group.requirements)
            yield _cells(
                (affected, literal(grounds.sentence), f"**{grounds.owner}:** {literal(grounds.does)}")
            )


def _heading(told: Words, title: str, columns: Iterable[str]) -> Iterator[str]:
    names = [told.say(column) for column in columns]
    yield f"### {told.say(title)}"
    yield ""
    yield _cells(names)
    yield _cells("---" for _ in names)


def _unmet(report: Report, item: Assessed, told: Words) -> Iterator[str]:
    shown = f"**{item.requirement.id}** {literal(item.requirement.text.in_language(told.language))}"
    for row in report.counting(item):
        for defect in report.defects(row, told):
            values = [
                f"<code>{literal(value)}</code>" if value else ""
                for value in (defect.expected, defect.actual)
            ]
            found = f"{literal(defect.says)} ({literal(row)})"
            yield _cells((shown, found, *values, f"<code>{literal(report.repeat(row))}</code>"))


def _cells(values: Iterable[str]) -> str:
    return f"| {' | '.join(values)} |"
