"""A static page over several suppliers: what may be decided on, what may not yet; never a ranking."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kravkoll.contracts.errors import ConfigurationError
from kravkoll.contracts.model import AREAS, Text
from kravkoll.record.outcome import Verdict
from kravkoll.record.rollup import Exit
from kravkoll.views.html import chips, environment, file_name, labels
from kravkoll.views.report import MARKS, Report
from kravkoll.views.words import LANGUAGES, words

ORDER = ("not-met", "not-tested", "met", "attested", "waived", "not-applicable")
"""Verdicts as an index counts them: first what someone has to act on."""


def index_name(reports: Sequence[Report], language: str) -> str:
    """The name of an index page; one over simulated runs says so."""
    mark = f"{MARKS['simulated']}-" if any(report.record.simulated for report in reports) else ""
    return f"{mark}index.{language}.html"


@dataclass(frozen=True, slots=True)
class Entry:
    """One supplier: its pages by language, and how many deciding requirements have each verdict."""

    report: Report
    href: Mapping[str, str]
    gating: Mapping[str, int]

    def of_area(self, area: str) -> list[tuple[str, int]]:
        """Verdicts of the area's requirements with their numbers, those that need something done first."""
        items = self.report.assessment.requirements.values()
        counts = Counter(str(item.verdict) for item in items if item.requirement.area == area)
        return [(verdict, counts[verdict]) for verdict in ORDER if counts[verdict]]


def _entry(folder: str, report: Report, languages: Sequence[str]) -> Entry:
    start = f"{folder}/" if folder else ""
    counts = Counter(str(item.verdict) for item in report.gating)
    return Entry(
        report,
        {language: start + file_name(report, language) for language in languages},
        {verdict: counts[verdict] for verdict in ORDER},
    )


def page(
    entries: Iterable[tuple[str, Report]],
    language: str,
    templates: Path,
    *,
    unreadable: Sequence[str] = (),
    languages: Sequence[str] = LANGUAGES,
) -> str:
    """A page over several records, each with the folder (relative, empty for the same) that its pages are in.

    ConfigurationError: simulated and real runs are never shown beside each other.
    """
    told = words(language, templates)
    listed = sorted(entries, key=lambda entry: entry[1].supplier["name"].casefold())  # never a ranking
    rows = [_entry(folder, report, languages) for folder, report in listed]
    if len({entry.report.record.simulated for entry in rows}) > 1:
        raise ConfigurationError("simulated and real runs cannot stand in one index: make one of each")
    others = [other for other in languages if other != language]
    reports = [entry.report for entry in rows]
    return (
        environment(templates)
        .get_template("index.html.jinja")
        .render(
            entries=rows,
            groups=_by_decision(rows),
            verdicts=[verdict for verdict in ORDER if verdict != Verdict.NOT_APPLICABLE],
            areas=_all_requirements(reports),
            unreadable=unreadable,
            words=told,
            others=[(other, words(other, templates), index_name(reports, other)) for other in others],
            label=labels(told),
            chip=chips(told),
            simulated=any(report.record.simulated for report in reports),
        )
    )


def _by_decision(entries: Iterable[Entry]) -> list[tuple[str, list[Entry]]]:
    """What may be decided on now, what may not yet, and what nobody has bought."""
    groups: dict[str, list[Entry]] = {"ready": [], "not-ready": [], "not-procured": []}
    for entry in entries:
        report = entry.report
        if not report.header.get("procured", True):
            groups["not-procured"].append(entry)
        else:
            ready = report.accepts and report.assessment.exit is Exit.HOLDS
            groups["ready" if ready else "not-ready"].append(entry)
    return list(groups.items())


def _all_requirements(reports: Iterable[Report]) -> list[tuple[str, list[tuple[str, Text]]]]:
    """Id and text of every requirement that some record names, by area."""
    found: dict[str, dict[str, Text]] = {}
    for report in reports:
        for identity, item in report.assessment.requirements.items():
            found.setdefault(item.requirement.area, {})[identity] = item.requirement.text
    return [(area, sorted(found[area].items())) for area in AREAS if area in found]
