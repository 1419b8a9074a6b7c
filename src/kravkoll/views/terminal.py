"""The terminal's summary; the last line holds the verdict and the path of the report."""

from pathlib import Path

from rich.console import Console
from rich.text import Text

from kravkoll.record.assessment import Assessed
from kravkoll.views.html import steps
from kravkoll.views.report import Defect, Report, Unseen
from kravkoll.views.values import visible
from kravkoll.views.words import Words, words

LONGEST = 400
"""Characters of one value on a terminal; the report shows more, the record all."""
NAMED = 12
"""Requirements named after one reason."""


def show(
    report: Report,
    console: Console,
    language: str,
    page: Path | None = None,
    templates: Path | None = None,
) -> None:
    """Print the summary. Words carry everything that colour says."""
    told = words(language, templates)
    _head(report, console, told)
    shown: set[str] = set()
    for items, title in (
        (report.unmet, "page.unmet_gating"),
        (report.unmet_advice, "page.unmet_advice"),
    ):
        if items:
            _heading(console, f"{told.say('page.unmet')}: {told.say(title)}")
            for item in items:
                _requirement(report, console, item, told, shown)
    if report.unseen:
        _heading(console, told.say("page.unseen"))
        for group in report.unseen:
            _unseen(console, group, told)
    _heading(console, told.say("page.next"))
    for number, step in enumerate(steps(report, told), 1):
        _line(
            console, Text.assemble((f"{number}. ", "dim"), (step.owner, "bold"), f": {visible(step.does)}"), 2
        )
    console.print()
    console.print(Text(closing(report, told, page), style="bold"), soft_wrap=True)


def closing(report: Report, told: Words, page: Path | None = None) -> str:
    """The last line: marks, counts, conclusion, path."""
    marks = []
    if report.record.simulated:
        marks.append(told.say("terminal.simulated"))
    if report.partial:
        marks.append(told.say("terminal.partial", selection=visible(report.partial)))
    if not report.complete:
        marks.append(told.say("terminal.incomplete"))
    counts = (
        f"{told.say('headline.unmet', n=len(report.unmet), total=len(report.gating))}; "
        f"{told.say('headline.untested', n=len(report.untested))}."
    )
    sentence = f"{visible(report.supplier['name'])}: {counts} {told.say('conclusion.' + report.conclusion)}"
    path = f" {told.say('terminal.report')}: {page}" if page else ""
    return f"{sentence}{''.join(f' {mark}.' for mark in marks)}{path}"


def _head(report: Report, console: Console, told: Words) -> None:
    header = report.header
    mark = told.say(f"banner.mark_{report.kind}")
    _line(console, Text.assemble((mark, "bold reverse"), f" {told.say('banner.' + report.kind)}"))
    if not report.complete:
        incomplete = (told.say("banner.mark_incomplete"), "bold reverse")
        _line(console, Text.assemble(incomplete, f" {told.say('banner.incomplete')}"))
        for fault in report.faults[:5]:
            _line(console, Text(visible(fault)), 2)
    systems = report.systems(told.say("fact.version_unknown"))
    about = visible(f"{report.supplier['name']}: {systems or told.say('fact.none')}")
    environment = f"{told.say('fact.environment')} {header['environment']['id']}"
    dates = f"{told.say('fact.as_of')} {header['as_of']}, {environment}"
    _line(console, Text.assemble((about, "bold"), f" ({dates})"))
    if header.get("standin_fault"):
        _line(console, Text(f"{told.say('fact.fault')}: {visible(header['standin_fault'])}"))
    if agreed := header.get("frozen_plan"):
        digest = f"{agreed['digest'][:16]}…"
        said = told.say("fact.frozen_plan_is", file=agreed["file"], when=agreed["frozen"], digest=digest)
        changed = f" {report.changes(told)}" if agreed["changes"] else ""
        _line(console, Text(visible(f"{told.say('fact.frozen_plan')}: {said}{changed}")))


def _requirement(report: Report, console: Console, item: Assessed, told: Words, shown: set[str]) -> None:
    sign = Text.assemble(("✗ ", "red"), (item.requirement.id, "bold"))
    level = f"{told.name('level', item.requirement.level)}, {told.name('basis', item.requirement.basis)}"
    sentence = item.requirement.text.in_language(told.language)
    _line(console, Text.assemble(sign, f" {visible(sentence)} ", (f"({level})", "dim")), 2)
    for row in report.counting(item):
        defects = list(report.defects(row, told))
        if defects and row in shown:
            _line(console, Text(f"- {told.say('finding.told', row=row)}"), 4)
            continue
        shown.add(row)
        for defect in defects:
            _defect(console, defect, told)
        if defects:
            repeat = Text.assemble((f"      {told.say('finding.repeat')}: ", "dim"), report.repeat(row))
            console.print(repeat, soft_wrap=True, highlight=False)


def _defect(console: Console, defect: Defect, told: Words) -> None:
    code = (f" [{visible(defect.code)}] {defect.row}", "dim")
    _line(console, Text.assemble(f"- {visible(defect.says)}", code), 4)
    pairs = [("expected", defect.expected), ("actual", defect.actual)]
    if defect.tried > 1:
        pairs.append(("cases", told.say("finding.cases_of", failed=defect.failed, tried=defect.tried)))
    pairs.append(("remedy", visible(defect.remedy)))
    for key, value in pairs:
        if value:
            shortened = value if len(value) <= LONGEST else value[:LONGEST] + " …"
            _line(console, Text.assemble((f"{told.say('finding.' + key)}: ", "dim"), shortened), 6)


def _unseen(console: Console, group: Unseen, told: Words) -> None:
    grounds = told.grounds(group.reason)
    _line(console, Text.assemble(("? ", "yellow"), visible(grounds.sentence)), 2)
    _line(console, Text.assemble((grounds.owner, "bold"), f": {grounds.does}"), 4)
    named = [item.requirement.id for item in group.requirements]
    more = f" {told.say('terminal.requirements_more', n=len(named) - NAMED)}" if len(named) > NAMED else ""
    _line(console, Text(f"{told.say('column.affects')}: {', '.join(named[:NAMED])}{more}", style="dim"), 4)


def _heading(console: Console, title: str) -> None:
    console.print()
    console.print(Text(title, style="bold underline"))


def _line(console: Console, text: Text, indent: int = 0) -> None:
    """Print wrapped and indented, without the blanks that padding would leave at the end of lines."""
    for part in text.wrap(console, max(20, console.width - indent)):
        part.rstrip()
        console.print(Text(" " * indent) + part, soft_wrap=True)
