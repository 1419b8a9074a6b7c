"""`kravkoll run`: assess one supplier, or each in a process of its own."""

import os
import sys
from datetime import date
from pathlib import Path
from typing import Any

import click

from kravkoll.cli.options import as_of_option, workspace_option
from kravkoll.contracts.errors import ConfigurationError
from kravkoll.contracts.layout import Layout
from kravkoll.contracts.workspace import Workspace, load

type Options = dict[str, Any]
"""What click hands over, by the names that an Order has."""


@click.command()
@click.option("--env", "--environment", "env", required=True, help="Environment of contracts/environments/.")
@click.option("--supplier", help="Supplier of contracts/suppliers/; each in turn if silent.")
@click.option("--row", "rows", multiple=True, help="Run only this row, with its control (repeatable).")
@click.option("-k", "keyword", default="", help="Run the rows that match, such as ENC-.")
@click.option(
    "--phase", default="acceptance", help="Phase of the acceptance rule that the exit code follows."
)
@click.option("--rule", default="", help="Acceptance rule; the first if silent.")
@click.option("--side", type=click.Choice(["city", "supplier"]), default="city", help="Who makes this run.")
@click.option(
    "--fault", default="", help="Start the simulated system with this fault, to read what is told of it."
)
@click.option(
    "--plan", "frozen", type=click.Path(path_type=Path),
    help="Frozen plan to follow: what was agreed on counts, and what is newer is advice.",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder of the record; reports/out/<run> if silent."
)
@click.option("--language", type=click.Choice(["sv", "en"]), default="en", help="Language of the summary.")
@as_of_option
@workspace_option
def command(layout: Layout, supplier: str | None, as_of: date, language: str, **options: Any) -> int:
    """Assess a delivered integration against its requirements, with reports of what was seen."""
    if supplier is None and options["frozen"]:
        from kravkoll.record import frozen_plan  # noqa: PLC0415  # beside its only use

        supplier = str(frozen_plan.read(options["frozen"]).supplier["id"])
    if supplier is None:
        return _each(layout, as_of, language, options)
    return _one(layout, supplier, as_of, language, options)


def _one(layout: Layout, supplier: str, as_of: date, language: str, options: Options) -> int:
    from kravkoll import views  # noqa: PLC0415  # the commands that write no reports need not load them
    from kravkoll.runner.assess import assess_here  # noqa: PLC0415  # pytest takes 250 ms
    from kravkoll.runner.assessing import Order  # noqa: PLC0415  # as above

    environment = options.pop("env")
    order = Order(layout=layout, environment=environment, supplier=supplier, as_of=as_of, **options)
    ended = assess_here(order, progress=_progress)
    if ended.folder is None:
        click.echo("The run ended before a record was written; see the messages above.", err=True)
        return int(ended.exit)
    templates = layout.file("reports", "templates")
    report = views.told(ended.folder)
    views.write_all(report, templates=templates)
    views.summary(report, templates=templates, language=language)
    return int(ended.exit)


def _each(layout: Layout, as_of: date, language: str, options: Options) -> int:
    """Every supplier, in a process of its own: one record has one writer."""
    from kravkoll.record.rollup import Exit, worst  # noqa: PLC0415  # beside its only use
    from kravkoll.runner.assess import assess_apart  # noqa: PLC0415  # pytest takes 250 ms

    workspace = load(layout)
    at_once = (os.cpu_count() or 1) if workspace.environment(options["env"]).throwaway else 1
    if options["rows"] or options["out"] or options["fault"]:
        raise ConfigurationError("--row, --fault and --out are for one supplier; name it with --supplier")
    shared = ["--phase", options["phase"], "--rule", options["rule"], "--side", options["side"]]
    shared += ["--language", language, "-k", options["keyword"]]
    commands = [
        (name, [*arguments(layout, name, options["env"], as_of.isoformat()), *shared])
        for name in _concerned(workspace, as_of, options["keyword"])
    ]
    # a kept city answers at one set of ports: its suppliers are assessed one after the other
    codes = []
    for name, code, wrote in assess_apart(commands, at_once):
        click.echo(wrote)
        click.echo(f"{name}: exit {code}", err=True)
        codes.append(Exit(code) if code in list(Exit) else Exit.OUR_FAULT)
    return int(worst(codes))


def _concerned(workspace: Workspace, as_of: date, keyword: str) -> list[str]:
    """The suppliers that have a row which the keyword selects; all of them without a keyword."""
    from kravkoll.runner.plan import plan  # noqa: PLC0415  # beside its only use
    from kravkoll.runner.selecting import matches  # noqa: PLC0415  # pytest takes 250 ms

    names = sorted(workspace.suppliers)
    if not keyword:
        return names
    selected = matches(keyword)
    concerned = [name for name in names if any(map(selected, plan(workspace, name, as_of).rows))]
    if not concerned:
        raise ConfigurationError(f"-k {keyword} selects no row; check ids look like ENC-TLS-02")
    return concerned


def arguments(layout: Layout, supplier: str, environment: str, as_of: str) -> list[str]:
    """The command line of one supplier's assessment, for a process of its own."""
    given = ["--env", environment, "--supplier", supplier, "--as-of", as_of]
    return ["run", "--workspace", str(layout.root), *given]


def _progress(row: str, outcome: str) -> None:
    print(f"  {outcome:<13} {row}", file=sys.stderr, flush=True)  # noqa: T201  # progress goes to stderr
