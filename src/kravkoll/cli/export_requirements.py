"""`kravkoll export`: the requirements as a specification in Excel."""

from pathlib import Path

import click

from kravkoll.cli.options import workspace_option
from kravkoll.contracts.errors import ConfigurationError
from kravkoll.contracts.layout import Layout, packaged
from kravkoll.contracts.workspace import load, load_trusted


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--record", "records", multiple=True, type=click.Path(path_type=Path),
    help="Folder of a run, whose verdicts are written beside the requirements (repeatable).",
)  # fmt: skip
@click.option(
    "--from-file", default="", help="Only the requirements of this file in contracts/requirements/."
)
@click.option("--replace", is_flag=True, help="Write over FILE.")
@click.option("--language", type=click.Choice(["sv", "en"]), default="sv", help="Language of verdicts.")
@workspace_option
def command(  # noqa: PLR0913  # click hands over every option
    layout: Layout, file: Path, records: tuple[Path, ...], from_file: str, language: str, *, replace: bool
) -> int:
    """Write the requirements to FILE.xlsx in the order and with the numbers that they were imported with."""
    from kravkoll.record.journal import NAME, read  # noqa: PLC0415  # pydantic, as below
    from kravkoll.views import requirement_sheet  # noqa: PLC0415  # openpyxl and jinja2, for this command alone
    from kravkoll.views.report import tell  # noqa: PLC0415  # as above
    from kravkoll.views.words import words  # noqa: PLC0415  # as above

    if file.suffix.lower() != ".xlsx":
        raise ConfigurationError(f"{file} must end with .xlsx")
    if file.exists() and not replace:
        raise ConfigurationError(f"{file} is there already; give --replace to write over it")
    for record in records:
        if not (record / NAME).is_file() and record.name != NAME:
            raise ConfigurationError(f"{record} holds no {NAME}; name the folder of a run")
    workspace = load(layout)
    wanted = [
        requirement
        for requirement in workspace.requirements.values()
        if not from_file
        or Path(workspace.place("requirements", requirement.id)[0]).stem == Path(from_file).stem
    ]
    if not wanted:
        raise ConfigurationError(f"no requirement stands in {from_file or 'contracts/requirements/'}")
    package = load_trusted(Layout(packaged()), only=("requirements",))
    reports = [tell(read(record)) for record in records]
    told = words(language, layout.file("reports", "templates"))
    catalogue = (tuple(package.requirements.values()), tuple(workspace.checks.values()))
    requirement_sheet.write(file, wanted, reports, told, catalogue)
    click.echo(f"{file}: {len(wanted)} requirements")
    return 0
