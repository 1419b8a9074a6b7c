"""`kravkoll plan`: every row before anything runs, without pytest; frozen, as a document to agree on."""

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kravkoll.cli.options import as_of_option, workspace_option
from kravkoll.contracts.errors import ConfigurationError
from kravkoll.contracts.layout import Layout
from kravkoll.contracts.workspace import Workspace, load
from kravkoll.runner.plan import Plan, plan

if TYPE_CHECKING:
    from kravkoll.record.frozen_plan import FrozenPlan


@click.command()
@click.option("--supplier", help="One supplier; all if silent.")
@click.option("--environment", "--env", "environment", default="", help="Environment of a plan to freeze.")
@click.option(
    "--freeze",
    type=click.Path(path_type=Path),
    help="Write the plan to this file (.json), with documents beside it.",
)
@click.option(
    "--preview", type=click.Path(path_type=Path), help="Tell what freezing this plan anew would change."
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@as_of_option
@workspace_option
def command(layout: Layout, as_of: date, form: str, **options: Path | str | None) -> int:
    """Show every row that would be run, and what it needs of the supplier; or freeze that, to agree on."""
    workspace = load(layout)
    preview, freeze, supplier = options["preview"], options["freeze"], str(options["supplier"] or "")
    if isinstance(preview, Path):
        return _preview(workspace, preview, as_of, form)
    if isinstance(freeze, Path):
        return _freeze(workspace, supplier, str(options["environment"]), freeze, as_of)
    names = [supplier] if supplier else sorted(workspace.suppliers)
    plans = [plan(workspace, name, as_of) for name in names]
    if form == "json":
        lines = [row.line() for made in plans for row in made.rows]
        click.echo(json.dumps(lines, ensure_ascii=False, indent=1))
        return 0
    for made in plans:
        _show(made)
    return 0


def _show(made: Plan) -> None:
    procured = "" if made.procured else " (not procured: can never be met)"
    click.echo(f"{made.supplier.name}{procured}: {len(made.rows)} rows, plan {made.digest[:16]}")
    for row in made.rows:
        needs = f"  needs {', '.join(row.needs)}" if row.needs else ""
        click.echo(f"  {row.id}  {', '.join(row.requirements) or 'control'}  {row.effect}{needs}")
    for requirement, reason in sorted(made.no_rows.items()):
        click.echo(f"  {requirement}  no row: {reason}")


def _freeze(workspace: Workspace, supplier: str, environment: str, path: Path, as_of: date) -> int:
    from kravkoll.record import frozen_plan  # noqa: PLC0415  # jinja2 and openpyxl, for this alone
    from kravkoll.views import plan_document  # noqa: PLC0415  # as above

    if not supplier or not environment:
        raise ConfigurationError(
            "--freeze needs --supplier and --environment: a plan is agreed for one of each"
        )
    if path.suffix != ".json":
        raise ConfigurationError(f"{path} must end with .json; its documents are written beside it")
    frozen = _today(workspace, supplier, environment, as_of)
    frozen_plan.write(frozen, path)
    written = plan_document.write_all(frozen, path, workspace.layout.file("reports", "templates"))
    click.echo(
        f"{path}: {len(frozen.rows)} rows, {len(frozen.requirements)} requirements, digest {frozen.digest}"
    )
    for place in written.values():
        click.echo(f"  {place}")
    return 0


def _today(workspace: Workspace, supplier: str, environment: str, as_of: date) -> "FrozenPlan":
    from kravkoll.runner.freezing import freeze  # noqa: PLC0415  # beside its only use

    made = plan(workspace, supplier, as_of)
    return freeze(workspace, made, workspace.environment(environment), as_of)


def _preview(workspace: Workspace, path: Path, as_of: date, form: str) -> int:
    from kravkoll.record import frozen_plan  # noqa: PLC0415  # beside its only use
    from kravkoll.runner.freezing import compare  # noqa: PLC0415  # as above

    frozen = frozen_plan.read(path)
    supplier, environment = str(frozen.supplier["id"]), str(frozen.environment["id"])
    changes: Mapping[str, list[str]] = compare(
        frozen, _today(workspace, supplier, environment, as_of)
    ).as_json()
    if form == "json":
        click.echo(json.dumps(changes, ensure_ascii=False, indent=1))
        return 0
    click.echo(
        f"{path} ({supplier}, {environment}), frozen {frozen.data['frozen']}, digest {frozen.digest[:16]}"
    )
    for name, ids in changes.items():
        click.echo(f"{name.replace('_', ' ')}: {len(ids)}")
        for identity in ids:
            click.echo(f"  {identity}")
    if not changes:
        click.echo("Freezing it today would change nothing.")
    return 0
