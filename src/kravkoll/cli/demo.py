"""`kravkoll demo`: the whole platform against simulated systems, each verdict against the expected one."""

import os
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kravkoll.cli.options import workspace_option
from kravkoll.cli.run import arguments
from kravkoll.contracts import documents
from kravkoll.contracts.errors import ConfigurationError
from kravkoll.contracts.layout import Layout
from kravkoll.contracts.workspace import Workspace, load

if TYPE_CHECKING:
    from kravkoll.views import Report

ENVIRONMENT = "demo"
AS_OF = "2026-11-23"
"""The fictitious documents of the demo are valid, pending or expired as seen from this day."""


@click.command()
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder of the records; reports/out/demo-<time> if silent."
)
@click.option(
    "--language",
    type=click.Choice(["sv", "en"]),
    default="en",
    help="Language of the tour and of the page it starts with.",
)
@workspace_option
def command(layout: Layout, out: Path | None, language: str) -> int:
    """Assess every supplier against simulated systems, and check that each verdict is the right one."""
    from kravkoll import views  # noqa: PLC0415  # jinja2 and rich, for this command alone
    from kravkoll.runner.assess import assess_apart  # noqa: PLC0415  # pytest takes 250 ms

    started = time.monotonic()
    workspace = load(layout)
    folder = out or layout.output / f"demo-{datetime.now().astimezone():%Y%m%dT%H%M%S}"
    suppliers = sorted(workspace.suppliers, key=lambda name: (not _runs_here(workspace, name), name))
    click.echo(f"Assessing {len(suppliers)} suppliers against simulated systems ...", err=True)
    commands = [
        (name, [*arguments(layout, name, ENVIRONMENT, AS_OF), "--out", str(folder / name)])
        for name in suppliers
    ]
    for name, code, wrote in assess_apart(commands, os.cpu_count() or 1):
        click.echo(f"  {name}: exit {code}", err=True)
        if not (folder / name / "results.jsonl").exists():
            click.echo(wrote, err=True)
    reports = {name: _told(folder / name) for name in suppliers}
    pages = views.write_index(
        folder,
        [reports[name] or folder / name for name in suppliers],
        templates=layout.file("reports", "templates"),
    )
    wrong = list(_differences(layout, reports))
    for line in wrong:
        click.echo(line)
    index = pages[f"index.{language}"]
    _show_tour(workspace, [report for report in reports.values() if report], index, language)
    verdict = (
        "Every verdict is the expected one"
        if not wrong
        else f"{len(wrong)} verdicts are not the expected ones"
    )
    click.echo(f"SIMULERING. {verdict}, in {time.monotonic() - started:.0f} s. Open {index}")
    return 1 if wrong else 0


def _told(folder: Path) -> "Report | None":
    """What a supplier's record says; None where there is no record, or one without a beginning."""
    from kravkoll import views  # noqa: PLC0415  # jinja2 and rich, for this command alone

    try:
        return views.told(folder)
    except (FileNotFoundError, views.Untellable):
        return None


def _show_tour(workspace: Workspace, reports: "list[Report]", index: Path, language: str) -> None:
    """A few lines that say what to look at, and why."""
    from kravkoll.views.tour import tour  # noqa: PLC0415  # as above
    from kravkoll.views.words import words  # noqa: PLC0415  # as above

    told = words(language, workspace.layout.file("reports", "templates"))
    click.echo(told.say("tour.title"))
    for number, stop in enumerate(tour(reports, told, index, _noticed(workspace, reports)), 1):
        click.echo(f"  {number}. {stop.why}\n     {stop.look}")


def _noticed(workspace: Workspace, reports: "list[Report]") -> str:
    """A fault that a check notices which some supplier passes; empty where there is none."""
    passed = {
        report.record.rows[row].check
        for report in reports
        for row, result in report.record.results.items()
        if result.outcome == "met"
    }
    return next((fault.id for fault in workspace.faults.values() if passed & set(fault.expect)), "")


def _runs_here(workspace: Workspace, supplier: str) -> bool:
    """Those with a simulated system take longest, so they go first."""
    here = workspace.environment(ENVIRONMENT).systems
    return any(system.id in here for system in workspace.suppliers[supplier].systems)


def _differences(layout: Layout, reports: Mapping[str, "Report | None"]) -> Iterator[str]:
    """Verdicts that are not those of mocks/demo.yaml, and suppliers that it does not know."""
    expected = _expected(layout)
    for name in sorted(set(reports) ^ set(expected)):
        yield f"{name}: stands only in {'mocks/demo.yaml' if name in expected else 'the workspace'}"
    for name, report in reports.items():
        seen = _verdicts(report)
        for requirement in sorted(set(seen) | set(expected.get(name, {}))):
            was, wanted = (
                seen.get(requirement, "no verdict"),
                expected.get(name, {}).get(requirement, "not listed"),
            )
            if was != wanted:
                yield f"{name} {requirement}: {was}, expected {wanted}"


def _expected(layout: Layout) -> Mapping[str, Mapping[str, str]]:
    """Supplier to requirement to verdict, from lists of requirements by verdict."""
    data = documents.read(layout.file("mocks", "demo.yaml"), "mocks/demo.yaml").data
    if not isinstance(data, dict) or "expected" not in data:
        raise ConfigurationError("mocks/demo.yaml lacks `expected`: supplier, verdict, requirements")
    return {
        supplier: {requirement: verdict for verdict, listed in verdicts.items() for requirement in listed}
        for supplier, verdicts in data["expected"].items()
    }


def _verdicts(report: "Report | None") -> Mapping[str, str]:
    if report is None:
        return {}
    return {identity: str(item.verdict) for identity, item in report.assessment.requirements.items()}
