"""`kravkoll run`: assess one supplier, or each in a process of its own."""

import os
import sys
from datetime import date
from pathlib import Path

import click

from kravkoll.cli.options import as_of_option, workspace_option
from kravkoll.contracts.errors import ConfigurationError, near
from kravkoll.contracts.layout import Layout
from kravkoll.contracts.workspace import load


@click.command()
@click.option("--env", required=True, help="Environment of contracts/environments/.")
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
    "--out", type=click.Path(path_type=Path), help="Folder of the record; reports/out/<run> if silent."
)
@click.option("--language", type=click.Choice(["sv", "en"]), default="en", help="Language of the summary.")
@as_of_option
@workspace_option
def command(layout: Layout, supplier: str | None, **options: object) -> int:
    """Assess a delivered integration against its requirements, with reports of what was seen."""
    if supplier is None:
        return _each(layout, options)
    return _one(layout, supplier, options)


def _one(layout: Layout, supplier: str, options: dict[str, object]) -> int:
    from kravkoll import views  # noqa: PLC0415  # the commands that write no reports need not load them
    from kravkoll.runner.assess import assess_here  # noqa: PLC0415  # pytest takes 250 ms
    from kravkoll.runner.assessing import Order  # noqa: PLC0415  # as above

    language = str(options.pop("language"))
    environment = str(options.pop("env"))
    as_of = options.pop("as_of")
    assert_day(as_of)
    order = Order(layout=layout, environment=environment, supplier=supplier, as_of=as_of, **options)  # type: ignore[arg-type]  # click gives what Order takes
    ended = assess_here(order, progress=_progress)
    if ended.folder is None:
        click.echo("The run ended before a record was written; see the messages above.", err=True)
        return int(ended.exit)
    views.write_all(ended.folder, templates=layout.file("reports", "templates"))
    views.summary(ended.folder, templates=layout.file("reports", "templates"), language=language)
    return int(ended.exit)


def assert_day(value: object) -> None:
    """click hands over what `as_of_option` made."""
    if not isinstance(value, date):
        raise ConfigurationError(f"--as-of {value!r} is not a date")


def _each(layout: Layout, options: dict[str, object]) -> int:
    """Every supplier, in a process of its own: one record has one writer."""
    from kravkoll.record.rollup import Exit, worst  # noqa: PLC0415  # beside its only use
    from kravkoll.runner.assess import assess_apart  # noqa: PLC0415  # pytest takes 250 ms

    workspace = load(layout)
    if options["env"] not in workspace.environments:
        hint = near(str(options["env"]), workspace.environments)
        raise ConfigurationError(f"no environment {options['env']!r}; {hint}")
    if options["rows"] or options["out"] or options["fault"]:
        raise ConfigurationError("--row, --fault and --out are for one supplier; name it with --supplier")
    commands = [
        (name, arguments(layout, name, str(options["env"]), str(options["as_of"]), str(options["phase"])))
        for name in sorted(workspace.suppliers)
    ]
    codes = []
    for name, code, wrote in assess_apart(commands, os.cpu_count() or 1):
        click.echo(wrote)
        click.echo(f"{name}: exit {code}", err=True)
        codes.append(Exit(code) if code in list(Exit) else Exit.OUR_FAULT)
    return int(worst(codes))


def arguments(layout: Layout, supplier: str, environment: str, as_of: str, phase: str) -> list[str]:
    """The command line of one supplier's assessment."""
    given = ["--env", environment, "--supplier", supplier, "--as-of", as_of, "--phase", phase]
    return ["run", "--workspace", str(layout.root), *given]


def _progress(row: str, outcome: str) -> None:
    print(f"  {outcome:<13} {row}", file=sys.stderr, flush=True)  # noqa: T201  # progress goes to stderr
