"""Views of 300 requirements x 10 suppliers (budget 2 s), beside parsing the JSON of the same records."""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.views.records import TEMPLATES, Run, requirement

from kravkoll import views
from kravkoll.record.journal import read
from kravkoll.record.outcome import Finding, Outcome, Reason
from kravkoll.views import allure, html, junit, markdown
from kravkoll.views.report import Report, tell
from kravkoll.views.words import LANGUAGES

SUPPLIERS, REQUIREMENTS = 10, 300
AREAS = ("ENC", "LOG", "SCH", "SEC", "ROU")
BUDGET = 2.0
"""Seconds."""


def _record(folder: Path, number: int) -> Path:
    run = Run(supplier=f"supplier-{number}", name=f"Supplier {number}")
    found = Finding("proto.tls10", "TLS 1.2", {"accepted": ["TLS 1.0"] * 5}, ({"id": 1},) * 5, 5, 40)
    for index in range(REQUIREMENTS):
        identity = f"{AREAS[index % 5]}-{index // 5 + 10}"
        run.requirements.append(requirement(identity))
        check = f"{AREAS[index % 5]}-TLS-{index // 5 + 10}"
        if index % 10 == 0:
            run.row(check, (identity,), Outcome.NOT_MET, findings=(found,))
        elif index % 10 == 1:
            run.row(check, (identity,), Outcome.INCONCLUSIVE, reason=Reason("subject.timeout", "10 s"))
        else:
            run.row(check, (identity,), Outcome.MET)
    return run.write(folder)


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _parse(folders: list[Path]) -> None:
    for folder in folders:
        with (folder / "results.jsonl").open("rb") as lines:
            for line in lines:
                json.loads(line)


def _allure(reports: list[Report], place: Path) -> None:
    for report in reports:
        allure.write(report, place / report.stem, "sv", TEMPLATES)


def _files(place: Path) -> None:
    place.mkdir()
    for number in range(SUPPLIERS * REQUIREMENTS):
        (place / str(number)).write_bytes(b"{}")


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds of each view, of parsing the records alone, of Allure's results, of writing as many files."""

    parts: dict[str, float]
    parsing: float
    allure: float
    files: float

    @property
    def total(self) -> float:
        """What the budget is for."""
        return sum(self.parts.values())


def measure() -> Measured:
    """Each view of every supplier."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        folders = [_record(place / str(number), number) for number in range(SUPPLIERS)]
        parsing = min(_seconds(lambda: _parse(folders)) for _ in range(3))
        parts = {"read and roll up": _seconds(lambda: [tell(read(folder)) for folder in folders])}
        reports = [tell(read(folder)) for folder in folders]
        parts["pages, sv and en"] = _seconds(
            lambda: [html.page(report, language, TEMPLATES) for report in reports for language in LANGUAGES]
        )
        parts["JUnit"] = _seconds(lambda: [junit.xml(report, "sv", TEMPLATES) for report in reports])
        parts["Markdown"] = _seconds(lambda: [markdown.text(report, "sv", TEMPLATES) for report in reports])
        parts["index"] = _seconds(lambda: views.write_index(place, reports, templates=TEMPLATES))
        results = _seconds(lambda: _allure(reports, place))
        files = _seconds(lambda: _files(place / "files"))
    return Measured(parts, parsing, results, files)


def main() -> None:
    """Print the seconds of each view, and their ratio to parsing; Allure's beside writing as many files."""
    seen = measure()
    lines = [
        f"{SUPPLIERS} suppliers x {REQUIREMENTS} requirements; parsing their JSON takes {seen.parsing:.3f} s"
    ]
    for part, seconds in {**seen.parts, "all of these": seen.total}.items():
        lines.append(f"  {part:<17} {seconds:6.3f} s  {seconds / seen.parsing:5.1f} x parsing")
    lines.append(f"  {seen.total / BUDGET:.0%} of the budget of {BUDGET} s")
    ratio = seen.allure / seen.files
    lines.append(f"  {'Allure results':<17} {seen.allure:6.3f} s  {ratio:5.1f} x writing as many files")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
