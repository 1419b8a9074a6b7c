"""A static page per supplier and language: no script, no request."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from kravkoll.contracts.layout import packaged
from kravkoll.contracts.model import Requirement
from kravkoll.record.outcome import Verdict
from kravkoll.record.rollup import Exit
from kravkoll.views.grouping import by_agreement, grouped
from kravkoll.views.report import Report
from kravkoll.views.values import LONGEST, cut, shown, visible
from kravkoll.views.words import LANGUAGES, Words, words

SIGNS = {
    "met": "✓",
    "not-met": "✗",
    "not-tested": "?",
    "not-applicable": "–",
    "attested": "D",
    "waived": "§",
} | {
    "inconclusive": "?",
    "not-exercised": "?",
    "error": "!",
}
"""Beside the colour and before the word of a verdict or outcome."""
CASES, FEWEST_CASES = 20, 3
"""Failing cases of one finding that a page shows: fewer where many fail, so that a page stays readable."""
ALL_CASES, ALL_CHARACTERS = 120, 40_000
"""What all findings of a page share: cases, and characters of expected and actual values."""
SHORTEST = 400
"""Characters of one value that a page always shows."""
FACT = Markup("<div><dt>{}</dt><dd>{}</dd></div>")
"""One line of a list of facts."""
PROFILE_KINDS = {
    "encryption": ("tls", "rest"),
    "login": ("saml", "oidc", "oauth"),
    "schema": ("rest",),
    "data_rights": ("rest",),
}
"""Which dated policies stand behind the checks of an area."""


@dataclass(frozen=True, slots=True)
class Step:
    """What happens next, and whose move it is."""

    owner: str
    does: str


@cache
def environment(templates: Path) -> jinja2.Environment:
    """Templates of the workspace, or the package's; everything they write is escaped and made visible."""
    folders = (templates, packaged() / "reports" / "templates")
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folders),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_safe,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(shown=shown, visible=visible, moment=moment, day=day)
    return made


def _safe(value: object) -> object:
    """Every text that a template writes; markup that a template made has been through here already."""
    return visible(value) if type(value) is str else value


def day(text: object) -> str:
    """The date of an ISO moment."""
    return visible(str(text))[:10]


def moment(text: object) -> str:
    """An ISO moment as date, time and zone; as it stands where it is none."""
    try:
        when = datetime.fromisoformat(str(text))
    except ValueError:
        return visible(str(text))
    zone = when.strftime("%:z")
    return f"{when:%Y-%m-%d %H:%M}{' ' + zone if zone else ''}"


def labels(told: Words) -> dict[str, Markup]:
    """Every sentence without blanks, escaped once instead of at each of its thousand places."""
    return {
        f"{section}.{key}": escape(visible(entry))
        for section, entries in told.table.items()
        for key, entry in entries.items()
        if isinstance(entry, str) and "{" not in entry
    }


def chips(told: Words) -> dict[str, dict[str, Markup]]:
    """The sign and the word of each verdict and outcome."""
    form = Markup('<span class="chip {}"><span aria-hidden="true">{}</span> {}</span>')
    return {
        section: {
            code: form.format(code, SIGNS[code], told.name(section, code)) for code in told.table[section]
        }
        for section in ("verdict", "outcome")
    }


def file_name(report: Report, language: str) -> str:
    """`SIMULERING-tempus.sv.html`, or `report-tempus.sv.html`."""
    return f"{report.stem}.{language}.html"


def page(report: Report, language: str, templates: Path, languages: Sequence[str] = LANGUAGES) -> str:
    """The whole page."""
    told = words(language, templates)
    others = [other for other in languages if other != language]
    cases, longest = _allowance(report)
    return (
        environment(templates)
        .get_template("report.html.jinja")
        .render(
            report=report,
            record=report.record,
            header=report.header,
            words=told,
            others=[(other, words(other, templates), file_name(report, other)) for other in others],
            label=labels(told),
            chip=chips(told),
            steps=list(steps(report, told)),
            counts=_counts(report),
            deciding={item.requirement.id for item in report.gating},
            proof=report.header.get("proof"),
            faults_noticed=_faults_noticed(report),
            used=_used_checks(report),
            told=_texts(report, language),
            proven=_proven(report, told),
            facts=_facts(report, told),
            grouped=grouped(report),
            parts={item.requirement.id: by_agreement(report, item) for item in report.requirements},
            evidence=_evidence(report),
            cut=lambda text: cut(text, told.say("finding.cut"), longest),
            cases=cases,
        )
    )


def _allowance(report: Report) -> tuple[int, int]:
    """Cases of one finding, and characters of one value, that this page shows; the record holds all."""
    findings = max(1, sum(len(result.findings) for result in report.record.results.values()))
    cases = min(CASES, max(FEWEST_CASES, ALL_CASES // findings))
    return cases, min(LONGEST, max(SHORTEST, ALL_CHARACTERS // (2 * findings)))


def _used_checks(report: Report) -> list[Mapping[str, Any]]:
    """The cards of the checks that have rows in this record."""
    used = {row.check for row in report.record.rows.values()}
    return [card for identity, card in sorted(report.record.checks.items()) if identity in used]


def _texts(report: Report, language: str) -> str:
    """What the record itself says on the page, for the word list to look in: requirements and checks."""
    texts = [item.requirement.text.in_language(language) for item in report.requirements]
    for card in _used_checks(report):
        texts += [card["sentence"][language], card["why"][language]]
    codes = {
        (row, finding.code) for row, result in report.record.results.items() for finding in result.findings
    }
    for row, code in codes:
        text = report.card(report.record.rows[row]).get("findings", {}).get(code)
        texts += [text["says"][language], text["remedy"][language]] if text else []
    return "\n".join(texts)


def _facts(report: Report, told: Words) -> dict[str, Markup]:
    """What kind each requirement is of, and how it is judged: few kinds, so each is written once."""
    deciding = {item.requirement.id for item in report.gating}
    written: dict[object, Markup] = {}
    facts = {}
    for item in report.requirements:
        it = item.requirement
        gates, grades = it.id in deciding, tuple(report.grades(item))
        kind = (it.level, gates, it.basis, it.adopted, it.verify, it.lowest_grade, grades, it.area)
        if kind not in written:
            pairs = _kind(report, it, told, gates=gates, grades=grades)
            rows = (FACT.format(told.say(key), visible(value)) for key, value in pairs if value)
            written[kind] = Markup("\n").join(rows)
        facts[it.id] = written[kind]
    return facts


def _kind(
    report: Report, it: Requirement, told: Words, *, gates: bool, grades: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    level = told.say("requirement.gates" if gates else "requirement.gates_not")
    adopted = told.say("requirement.adopted", by=it.adopted.by, on=it.adopted.on) if it.adopted else ""
    yield "requirement.level", f"{told.name('level', it.level)} ({level})"
    yield "requirement.basis", f"{told.name('basis', it.basis)}{', ' if adopted else ''}{adopted}"
    yield "requirement.verify", told.name("verify", it.verify)
    yield "requirement.lowest_grade", told.name("grade", it.lowest_grade) if it.lowest_grade else ""
    yield "finding.grade", told.names("grade", grades, "; ")
    yield "fact.as_of", _judged(report, it.area, told)


def _proven(report: Report, told: Words) -> dict[str, Markup]:
    """A link to each used check, and how many kinds of defects it has been shown to notice."""
    proof = report.header.get("proof")
    link = Markup('<a href="#check-{}">{}</a>{}')
    return {
        check: link.format(
            check,
            told.say("trust.check", id=visible(check)),
            ", " + told.say("trust.catches", n=len(proof["caught"].get(check, ()))) if proof else "",
        )
        for check in {row.check for row in report.record.rows.values()}
    }


def _evidence(report: Report) -> dict[str, tuple[str, Mapping[str, Any]]]:
    """Digest to the place on the page that tells of it, and the record's line."""
    lines = {line["digest"]: line for line in report.record.evidence}
    return {digest: (f"evidence-{number}", line) for number, (digest, line) in enumerate(lines.items(), 1)}


def _faults_noticed(report: Report) -> int:
    """How many deliberate defects the proof that belongs to this record shows to be noticed."""
    caught = (report.header.get("proof") or {}).get("caught", {})
    return len({fault for faults in caught.values() for fault in faults})


def _counts(report: Report) -> list[tuple[str, int, int]]:
    deciding = {item.requirement.id for item in report.gating}
    every = report.assessment.requirements.values()
    return [
        (
            str(verdict),
            sum(item.verdict is verdict for item in every),
            sum(item.verdict is verdict and item.requirement.id in deciding for item in every),
        )
        for verdict in Verdict
    ]


def _judged(report: Report, area: str, told: Words) -> str:
    """The day of judgement, and the dated policies that stand behind the checks of the area."""
    kinds = PROFILE_KINDS.get(area, ())
    profiles = [
        told.say("fact.profile", id=profile["id"], since=profile["from"])
        for profile in report.header.get("profiles", ())
        if profile.get("kind", profile["id"].split("-")[0]) in kinds
    ]
    return ", ".join([day(report.header["as_of"]), *profiles])


def steps(report: Report, told: Words) -> Iterator[Step]:
    """What must be done, most pressing first, ending with who decides."""
    city, runner = told.say("owner.city"), told.say("owner.runner")
    if not report.complete:
        yield Step(runner, told.say("step.incomplete"))
    if report.unmet:
        yield Step(told.say("owner.supplier"), told.say("step.unmet", n=len(report.unmet)))
    yield from _unseen_steps(report, told)
    if report.partial:
        yield Step(runner, told.say("step.partial"))
    if report.record.simulated:
        yield Step(city, told.say("step.simulated"))
        return
    if report.header["ran_by"].get("side") == "supplier":
        yield Step(city, told.say("step.countersign"))
    gate = report.header["gate"]
    ready = report.accepts and report.assessment.exit is Exit.HOLDS
    phase = told.name("phase", gate["phase"])
    key = "step.decide" if ready else "step.decide_not_yet"
    yield Step(gate["decides"], told.say(key, rule=report.header.get("rule", ""), phase=phase))


def _unseen_steps(report: Report, told: Words) -> Iterator[Step]:
    """The same request to the same owner is said once, with all the requirements it concerns."""
    affected: dict[tuple[str, str], set[str]] = {}
    for group in report.unseen:
        grounds = told.grounds(group.reason)
        affected.setdefault((grounds.owner, grounds.does), set()).update(
            item.requirement.id for item in group.requirements
        )
    for (owner, does), requirements in affected.items():
        yield Step(owner, told.say("step.unseen", does=does, n=len(requirements)))
