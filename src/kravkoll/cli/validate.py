"""`kravkoll validate`: every fault of a workspace at once."""

import click

from kravkoll.cli.options import workspace_option
from kravkoll.contracts.errors import ConfigurationError
from kravkoll.contracts.layout import Layout
from kravkoll.contracts.workspace import load


@click.command()
@workspace_option
def command(layout: Layout) -> int:
    """Name every fault of the workspace, with file, line, key and the likely fix."""
    from kravkoll.runner.choosing import mismatched  # noqa: PLC0415  # stand-ins take 200 ms to import

    try:
        workspace = load(layout)
        faults = tuple(mismatched(workspace))
    except ConfigurationError as error:
        faults = error.faults
    if faults:
        for fault in faults:
            click.echo(str(fault))
        click.echo(f"{len(faults)} faults in {layout.root}", err=True)
        return 4
    click.echo(
        f"No faults: {len(workspace.requirements)} requirements, {len(workspace.suppliers)} suppliers, "
        f"{len(workspace.flows)} flows, {len(workspace.checks)} checks, "
        f"{len(workspace.faults)} ways to prove them."
    )
    return 0
