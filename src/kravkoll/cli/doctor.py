"""`kravkoll doctor`: what is ready for a run, what is not, and who must do what."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from kravkoll.cli.options import workspace_option
from kravkoll.contracts.layout import Layout
from kravkoll.contracts.workspace import load

if TYPE_CHECKING:
    from kravkoll.runner.readiness.condition import Condition

COULD_NOT = 5
SUMMARY = {
    "sv": ("Allt är klart.", "{0} av {1} rader är inte klara eller kunde inte ses."),
    "en": ("Everything is ready.", "{0} of {1} lines are not ready or could not be seen."),
}


@click.command()
@click.option("--environment", "--env", "name", default="", help="Environment of contracts/environments/.")
@click.option("--supplier", default="", help="Only this supplier's systems, and the register.")
@click.option("--language", type=click.Choice(["sv", "en"]), default="en")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@workspace_option
def command(layout: Layout, name: str, supplier: str, language: str, form: str) -> int:
    """Tell what is ready for a run, whose every obstacle is, and who does what next.

    Nothing is tested, no hook is run, and only hosts are contacted that the environment permits.

    Exit codes: 0 everything is ready; 5 something is not, or could not be seen; 4 workspace or command line.
    """
    from kravkoll.runner import readiness  # noqa: PLC0415  # `--help` need not load the city

    workspace = load(layout)
    environment = workspace.environment(name) if name else None
    if supplier:
        workspace.supplier(supplier)
    found = list(readiness.conditions(workspace, environment, supplier))
    if form == "json":
        _json(found, language)
    else:
        _text(found, language)
        if environment is None:
            known = ", ".join(sorted(workspace.environments))
            click.echo(
                f"No environment was named, so only this machine was looked at; --environment: {known}"
            )
    return COULD_NOT if any(one.hinders for one in found) else 0


def _text(found: Iterable["Condition"], language: str) -> None:
    from kravkoll.runner.readiness.telling import STATES, told  # noqa: PLC0415  # as above

    lines = [told(one, language) for one in found]
    width = max(len(word) for word in STATES[language].values())
    for line in lines:
        click.echo(f"{line.state:<{width}}  {line.says}")
        if line.does:
            click.echo(f"{'':<{width}}    ({line.whose}) {line.owner}: {line.does}")
    hindered = sum(one.hinders for one in found)
    good, bad = SUMMARY[language]
    click.echo(bad.format(hindered, len(lines)) if hindered else good)


def _json(found: Iterable["Condition"], language: str) -> None:
    from kravkoll.runner.readiness.telling import told  # noqa: PLC0415  # as above

    lines = []
    for one in found:
        words = asdict(told(one, language))
        does = {"owner": words.pop("owner"), "does": words.pop("does")}
        lines.append(
            words | {"state": str(one.state), "whose": one.whose, "next": does if does["does"] else None}
        )
    click.echo(json.dumps(lines, ensure_ascii=False, indent=1))
