"""`kravkoll demo`: the whole platform against simulated systems, each verdict against the expected one."""

import os
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

import click

from kravkoll.cli.options import workspace_option
from kravkoll.cli.run import arguments
from kravkoll.contracts import documents
from kravkoll.contracts.errors import ConfigurationError
from kravkoll.contracts.layout import Layout
from kravkoll.contracts.workspace import Workspace, load

ENVIRONMENT = "demo"
AS_OF = "2026-11-23"
"""The fictitious documents of the demo are valid, pending or expired as seen from this day."""


@click.command()
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder of the records; reports/out/demo-<time> if silent."
)
@click.option(
    "--language", type=click.Choice(["sv", "en"]), default="en", help="Language of the index that is named."
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
    pages = views.write_index(
        folder, [folder / name for name in suppliers], templates=layout.file("reports", "templates")
    )
    wrong = list(_differences(layout, folder, suppliers))
    for line in wrong:
        click.echo(line)
    verdict = (
        "Every verdict is the expected one"
        if not wrong
        else f"{len(wrong)} verdicts are not the expected ones"
    )
    click.echo(
        f"SIMULERING. {verdict}, in {time.monotonic() - started:.0f} s. Open {pages[f'index.{language}']}"
    )
    return 1 if wrong else 0


def _runs_here(workspace: Workspace, supplier: str) -> bool:
    """Those with a simulated system take longest, so they go first."""
    here = workspace.environment(ENVIRONMENT).systems
    return any(system.id in here for system in workspace.suppliers[supplier].systems)


def _differences(layout: Layout, folder: Path, suppliers: list[str]) -> Iterator[str]:
    """Verdicts that are not those of mocks/demo.yaml, and suppliers that it does not know."""
    expected = _expected(layout)
    for name in sorted(set(suppliers) ^ set(expected)):
        yield f"{name}: stands only in {'mocks/demo.yaml' if name in expected else 'the workspace'}"
    for name in suppliers:
        seen = _verdicts(folder / name)
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


def _verdicts(folder: Path) -> Mapping[str, str]:
    from kravkoll.record.assessment import assess  # noqa: PLC0415  # pydantic, for this command alone
    from kravkoll.record.journal import NAME, read  # noqa: PLC0415  # as above

    if not (folder / NAME).exists():
        return {}
    assessment = assess(read(folder))
    return {identity: str(item.verdict) for identity, item in assessment.requirements.items()}
