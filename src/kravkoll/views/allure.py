"""Allure results, the engineers' drill-down: one result a row. Titles never depend on outcomes."""

import hashlib
import json
import shutil
import uuid
from datetime import datetime, timedelta
from pathlib import Path

import attrs
from allure_commons.model2 import Attachment, Label, Parameter, Status, StatusDetails, TestResult

from kravkoll.contracts.workspace import area_of
from kravkoll.record.outcome import Outcome
from kravkoll.record.rows import Result, Row
from kravkoll.views.junit import lines
from kravkoll.views.report import Report
from kravkoll.views.values import visible
from kravkoll.views.words import Words, words

STATUS = {Outcome.MET: Status.PASSED, Outcome.NOT_MET: Status.FAILED, Outcome.ERROR: Status.BROKEN}
"""The others are skipped."""
SHOWN = {
    "application/json": ("json", "application/json"),
    "text/plain": ("txt", "text/plain"),
    "text/html": ("txt", "text/plain"),
    "application/xml": ("txt", "text/plain"),
}
"""File ending and type of an attachment by its media type: nothing that a browser would run."""
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:kravkoll:allure")


def folder_name(report: Report) -> str:
    """`SIMULERING-tempus.allure-results`, or `report-tempus.allure-results`."""
    return f"{report.stem}.allure-results"


def write(report: Report, folder: Path, language: str, templates: Path | None = None) -> None:
    """Fill the folder, from which earlier results are cleared."""
    told = words(language, templates)
    if folder.is_dir():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    evidence = {line["digest"]: line for line in report.record.evidence}
    moment = datetime.fromisoformat(report.header["started"])
    for identity in report.record.rows:
        row, result = report.row(identity)
        item = _result(report, row, result, told)
        item.start = _milliseconds(moment)
        moment += timedelta(seconds=result.seconds)
        item.stop = _milliseconds(moment)
        for digest in result.evidence:
            item.attachments += _attached(report, evidence.get(digest), folder)
        _store(folder, item)
    (folder / "environment.properties").write_text(_properties(report), encoding="utf-8")


def _store(folder: Path, item: TestResult) -> None:
    """As the library's own logger does, which takes ten times as long and names files at random."""
    fields = attrs.asdict(item, filter=lambda _, value: bool(value) or value is False)
    name = item.file_pattern.format(prefix=item.uuid)
    (folder / name).write_text(json.dumps(fields, ensure_ascii=False), encoding="utf-8")


def _result(report: Report, row: Row, result: Result, told: Words) -> TestResult:
    sentence = visible(report.sentence(row, told.language))
    return TestResult(
        uuid=str(uuid.uuid5(NAMESPACE, f"{report.header['run']} {row.id}")),
        historyId=_digest(f"{report.suite} {report.header['environment']['id']} {row.id}"),
        testCaseId=_digest(f"{report.suite} {row.id}"),
        fullName=row.id,
        name=f"{row.id}: {sentence}",
        status=STATUS.get(result.outcome, Status.SKIPPED),
        statusDetails=_details(report, row, result, told),
        stage="finished",
        description=visible(report.card(row).get("why", {}).get(told.language, "")),
        labels=_labels(report, row, told),
        parameters=[Parameter(name="row", value=row.id)],
        titlePath=[report.suite, area_of(row.check)],
    )


def _labels(report: Report, row: Row, told: Words) -> list[Label]:
    area = told.name("area", area_of(row.check))
    pairs = [
        ("as_id", row.id),
        ("parentSuite", report.suite),
        ("suite", area),
        ("subSuite", f"{row.place}/{row.part}"),
        ("epic", report.suite),
        ("feature", area),
        ("supplier", report.supplier["id"]),
        ("area", area_of(row.check)),
        ("framework", "kravkoll"),
    ]
    for requirement in row.requirements:
        pairs += [("requirement", requirement), ("story", requirement), ("tag", requirement)]
    return [Label(name=name, value=value) for name, value in pairs]


def _details(report: Report, row: Row, result: Result, told: Words) -> StatusDetails | None:
    if result.outcome is Outcome.MET:
        return None
    defects = list(report.defects(row.id, told))
    if defects:
        message = "; ".join(f"{defect.code}: {defect.says}" for defect in defects)
        trace = "\n\n".join([*(lines(defect, told) for defect in defects), report.repeat(row.id)])
        return StatusDetails(message=visible(message), trace=trace)
    grounds = told.grounds(str(result.reason or result.outcome))
    trace = "\n".join(line for line in (visible(result.observation), report.repeat(row.id)) if line)
    return StatusDetails(message=visible(f"{grounds.sentence} {grounds.owner}: {grounds.does}"), trace=trace)


def _attached(report: Report, line: object, folder: Path) -> list[Attachment]:
    """The payload where it is at hand; what is of class `security` stays in its store."""
    if not isinstance(line, dict) or line.get("klass") == "security":
        return []
    letters = str(line["digest"]).removeprefix("sha256:")
    if len(letters) != 64 or set(letters) - set("0123456789abcdef"):
        return []
    path = report.record.path.parent / "evidence" / letters[:2] / letters
    if not path.is_file():
        return []
    ending, media = SHOWN.get(line["media_type"], ("bin", "application/octet-stream"))
    name = f"{letters}-attachment.{ending}"
    if not (folder / name).exists():
        shutil.copyfile(path, folder / name)
    return [Attachment(name=f"sha256:{letters[:16]}", source=name, type=media)]


def _properties(report: Report) -> str:
    facts = {
        "supplier": report.suite,
        "environment": f"{report.header['environment']['id']} ({report.kind})",
        "as_of": report.header["as_of"],
        "run": report.header["run"],
        "complete": str(report.complete).lower(),
        "partial": report.partial,
    }
    return "".join(
        f"{key}={visible(str(value))}\n".replace("\\", "\\\\") for key, value in facts.items() if value
    )


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
