"""JUnit XML: a case a row, its name the row's id. What could not be seen is skipped, never passed."""

from pathlib import Path
from xml.etree import ElementTree as ET

from kravkoll.contracts.workspace import area_of
from kravkoll.record.outcome import Outcome, Verdict
from kravkoll.record.rows import Result, Row
from kravkoll.views.report import Defect, Report
from kravkoll.views.values import cut, visible
from kravkoll.views.words import Words, words


def file_name(report: Report) -> str:
    """`SIMULERING-tempus.junit.xml`, or `report-tempus.junit.xml`."""
    return f"{report.stem}.junit.xml"


def xml(report: Report, language: str, templates: Path | None = None) -> bytes:
    """One suite of rows; one of requirements that have no row, and of the record itself."""
    told = words(language, templates)
    root = ET.Element("testsuites", name=f"kravkoll {report.suite}")
    rows = [_case(report, *report.row(identity), told) for identity in report.record.rows]
    root.append(_suite(report, report.suite, rows))
    others = [_requirement(report, identity, told) for identity in _without_rows(report)]
    others.append(_record(report, told))
    root.append(_suite(report, f"{report.suite}: {told.say('junit.others')}", others))
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _suite(report: Report, name: str, cases: list[ET.Element]) -> ET.Element:
    suite = ET.Element("testsuite", name=name, timestamp=str(report.header["started"])[:19])
    suite.set("tests", str(len(cases)))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(sum(case.find(tag) is not None for case in cases)))
    suite.set("time", f"{sum(float(case.get('time', 0)) for case in cases):.3f}")
    properties = ET.SubElement(suite, "properties")
    for key, value in _facts(report).items():
        ET.SubElement(properties, "property", name=key, value=visible(value))
    suite.extend(cases)
    return suite


def _facts(report: Report) -> dict[str, str]:
    header = report.header
    facts = {
        "run": str(header["run"]),
        "supplier": report.supplier["name"],
        "environment": f"{header['environment']['id']} ({report.kind})",
        "systems": report.systems("?"),
        "as-of": str(header["as_of"]),
        "complete": str(report.complete).lower(),
    }
    if report.partial:
        facts["partial"] = report.partial
    return facts


def _element(report: Report, name: str, area: str, seconds: float = 0.0) -> ET.Element:
    classname = f"{report.suite.replace(' ', '.')}.{area}"
    return ET.Element("testcase", name=name, classname=classname, time=f"{seconds:.3f}")


def _case(report: Report, row: Row, result: Result, told: Words) -> ET.Element:
    case = _element(report, visible(row.id), area_of(row.check), result.seconds)
    if row.advice and result.outcome in {Outcome.NOT_MET, Outcome.ERROR}:
        advice = ET.SubElement(case, "skipped", type="advice")
        codes = "; ".join(defect.code for defect in report.defects(row.id, told))
        said = f"{told.name('outcome', result.outcome)}: {codes}" if codes else str(result.reason or "")
        advice.set("message", visible(f"{told.say('requirement.advice')}. {said}"))
    elif result.outcome is Outcome.NOT_MET:
        defects = list(report.defects(row.id, told))
        message = "; ".join(f"{defect.code}: {defect.says}" for defect in defects)
        failure = ET.SubElement(case, "failure", type=visible(defects[0].code if defects else "not-met"))
        failure.set("message", visible(message))
        failure.text = "\n\n".join([*(lines(defect, told) for defect in defects), report.repeat(row.id)])
    elif result.outcome is not Outcome.MET:
        grounds = told.grounds(str(result.reason or result.outcome))
        tag = "error" if result.outcome is Outcome.ERROR else "skipped"
        unseen = ET.SubElement(case, tag, type=visible(str(result.reason or result.outcome)))
        unseen.set("message", visible(f"{told.name('outcome', result.outcome)}: {grounds.sentence}"))
        owed = "" if result.outcome is Outcome.NOT_APPLICABLE else f"{grounds.owner}: {grounds.does}"
        told_more = [visible(result.observation), owed, report.repeat(row.id)]
        unseen.text = "\n".join(line for line in told_more if line)
    seen = [*result.evidence, *(f"{told.say('finding.beside')}: {fault}" for fault in result.beside)]
    if seen:
        ET.SubElement(case, "system-out").text = visible("\n".join(seen))
    return case


def lines(defect: Defect, told: Words) -> str:
    """A finding as plain lines: what is wrong, expected, actual, cases, remedy."""
    ending = told.say("finding.cut")
    pairs = [
        ("says", f"{visible(defect.says)} [{visible(defect.code)}]"),
        ("expected", cut(defect.expected, ending)),
        ("actual", cut(defect.actual, ending)),
    ]
    if defect.tried > 1 or defect.cases:
        of = told.say("finding.cases_of", failed=defect.failed, tried=defect.tried)
        pairs.append(("cases", "\n  ".join([of, *(cut(case, ending) for case in defect.cases)])))
    pairs.append(("remedy", visible(defect.remedy)))
    return "\n".join(f"{told.say('finding.' + key)}: {value}" for key, value in pairs if value)


def _without_rows(report: Report) -> list[str]:
    return [item.requirement.id for item in report.assessment.requirements.values() if not item.rows]


def _requirement(report: Report, identity: str, told: Words) -> ET.Element:
    item = report.assessment.requirements[identity]
    case = _element(report, identity, item.requirement.area)
    grounds = told.grounds(item.rolled.reason or str(Verdict.NOT_TESTED))
    skipped = ET.SubElement(case, "skipped", type=visible(item.rolled.reason or str(item.verdict)))
    skipped.set("message", visible(f"{told.name('verdict', item.verdict)}: {grounds.sentence}"))
    return case


def _record(report: Report, told: Words) -> ET.Element:
    """A cut-off record is an error of the format: a green report must not hide it."""
    case = _element(report, "record", "record")
    if not report.complete:
        error = ET.SubElement(case, "error", type="record", message=told.say("banner.incomplete"))
        error.text = visible("\n".join(report.faults))
    return case
