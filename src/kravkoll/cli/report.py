"""`kravkoll report`: the reports of a record again, also of one that was cut off."""

from pathlib import Path

import click

from kravkoll.cli.options import workspace_option
from kravkoll.contracts.errors import ConfigurationError
from kravkoll.contracts.layout import Layout


@click.command()
@click.argument("records", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--index", type=click.Path(path_type=Path), help="Also write an index page of the records here."
)
@click.option("--language", type=click.Choice(["sv", "en"]), default="en", help="Language of the summary.")
@workspace_option
def command(layout: Layout, records: tuple[Path, ...], index: Path | None, language: str) -> int:
    """Replay RECORDS (folders with results.jsonl) into every report; exits as their runs did."""
    from kravkoll import views  # noqa: PLC0415  # jinja2 and rich, for this command alone
    from kravkoll.record.journal import NAME  # noqa: PLC0415  # as above
    from kravkoll.record.rollup import worst  # noqa: PLC0415  # as above

    templates = layout.file("reports", "templates")
    told: list[views.Report] = []
    for record in records:
        folder = record if record.is_dir() else record.parent
        if not (folder / NAME).is_file():
            raise ConfigurationError(
                f"{record} holds no {NAME}; name the folder of a run, such as reports/out/<run>"
            )
        told.append(views.told(folder))
        views.write_all(told[-1], templates=templates)
        views.summary(told[-1], templates=templates, language=language)
    if index:
        index.mkdir(parents=True, exist_ok=True)
        pages = views.write_index(index, told, templates=templates)
        click.echo(f"Index: {pages[f'index.{language}']}")
    return int(worst(report.assessment.exit for report in told))
