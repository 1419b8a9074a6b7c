"""`kravkoll plan`: every row before anything runs, without pytest."""

import json
from datetime import date

import click

from kravkoll.cli.options import as_of_option, workspace_option
from kravkoll.contracts.layout import Layout
from kravkoll.contracts.workspace import load
from kravkoll.runner.plan import plan


@click.command()
@click.option("--supplier", help="One supplier; all if silent.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@as_of_option
@workspace_option
def command(layout: Layout, supplier: str | None, form: str, as_of: date) -> int:
    """Show every row that would be run, and what it needs of the supplier."""
    workspace = load(layout)
    plans = [
        plan(workspace, name, as_of) for name in ([supplier] if supplier else sorted(workspace.suppliers))
    ]
    if form == "json":
        lines = [row.line() for made in plans for row in made.rows]
        click.echo(json.dumps(lines, ensure_ascii=False, indent=1))
        return 0
    for made in plans:
        procured = "" if made.procured else " (not procured: can never be met)"
        click.echo(f"{made.supplier.name}{procured}: {len(made.rows)} rows, plan {made.digest[:16]}")
        for row in made.rows:
            needs = f"  needs {', '.join(row.needs)}" if row.needs else ""
            click.echo(f"  {row.id}  {', '.join(row.requirements) or 'control'}  {row.effect}{needs}")
        for requirement, reason in sorted(made.no_rows.items()):
            click.echo(f"  {requirement}  no row: {reason}")
    return 0
