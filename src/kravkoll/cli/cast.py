"""`kravkoll cast`: the test people as files, their accounts, whether they are there, and their removal."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kravkoll.cli.options import as_of_option, workspace_option
from kravkoll.contracts.errors import ConfigurationError
from kravkoll.contracts.layout import Layout
from kravkoll.contracts.workspace import load

if TYPE_CHECKING:
    from kravkoll.runner.tenants import Comparison, Tenant
    from kravkoll.views.words import Words

HEADINGS = 4
"""Row of the headings in the list of accounts: below title and instruction."""

language_option = click.option(
    "--language",
    type=click.Choice(["sv", "en"]),
    default="sv",
    help="Language of what is written for others.",
)


@click.group()
def command() -> None:
    """Hand the cast (synthetic people and their records) to a supplier, see it there, take it away."""


@command.command("export")
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "ss12000", "egil"]),
    required=True,
    help="What can be loaded.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Folder that the files are written to."
)
@click.option(
    "--for", "system", default="", help="Only what was agreed for this system; everything if silent."
)
@language_option
@workspace_option
def export(layout: Layout, form: str, out: Path, system: str, language: str) -> int:
    """Write the cast as CSV, SS 12000 (NDJSON) or EGIL (SS 12000:2018 by SCIM)."""
    import kravkoll.cast  # noqa: PLC0415  # the list of test numbers, for this group alone
    from kravkoll.cast.handing_over import write  # noqa: PLC0415  # as above
    from kravkoll.cast.selection import Share, select  # noqa: PLC0415  # as above
    from kravkoll.runner.tenants import share_of  # noqa: PLC0415  # as above

    if out.exists() and any(out.iterdir()):
        raise ConfigurationError(f"{out} holds files already; name another folder")
    share = share_of(load(layout), system) if system else Share()
    selected = select(kravkoll.cast.load().records, share)
    told = _words(layout, language)
    written, left_out = write(selected, form, out)
    people = len(selected.get("persons", ()))
    click.echo(told.say("tenant.wrote", people=people, files=len(written), folder=out.as_posix()))
    if form == "egil":
        click.echo(told.say("tenant.egil"))
    for line in left_out:
        click.echo(f"  {told.say('tenant.left_out', what=line)}")
    return 0


@command.command("accounts")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--for", "system", required=True, help="System that the accounts are in.")
@click.option(
    "--read", is_flag=True, help="Read FILE as filled in, and write what the environment file takes."
)
@language_option
@workspace_option
def accounts(layout: Layout, file: Path, system: str, language: str, *, read: bool) -> int:
    """Write a list (.xlsx) of who needs an account and what for; with --read, take the filled list back."""
    import kravkoll.cast  # noqa: PLC0415  # the list of test numbers, for this group alone
    from kravkoll.cast.accounts import listed  # noqa: PLC0415  # as above
    from kravkoll.cast.selection import select  # noqa: PLC0415  # as above
    from kravkoll.runner.tenants import share_of  # noqa: PLC0415  # as above

    if file.suffix.lower() != ".xlsx":
        raise ConfigurationError(f"{file} must end with .xlsx")
    workspace, told = load(layout), _words(layout, language)
    people = kravkoll.cast.load()
    lines = listed(people, select(people.records, share_of(workspace, system)), language)
    if read:
        able = (i.id for i in workspace.systems[system].interfaces if "accounts" in i.capabilities)
        interface = next(able, "login")
        click.echo(_filled(file, [line.persona for line in lines], system, interface), nl=False)
        return 0
    if file.exists():
        raise ConfigurationError(f"{file} is there already, and may have been filled in; name another")
    _template(file, [(one.persona, one.purpose, one.name, "") for one in lines], system, told)
    click.echo(told.say("tenant.accounts", file=file.as_posix(), n=len(lines)))
    return 0


def _template(file: Path, rows: list[tuple[str, ...]], system: str, told: "Words") -> None:
    from kravkoll.views import spreadsheet  # noqa: PLC0415  # openpyxl, for this alone

    book, sheet = spreadsheet.workbook()
    sheet.title = told.say("tenant.people")[:31]
    spreadsheet.text(sheet["A1"], f"{told.say('tenant.people')}: {system}", bold=True)
    spreadsheet.text(sheet["A2"], told.say("tenant.fill_in"))
    sheet.merge_cells("A2:D2")
    sheet.row_dimensions[2].height = 48
    headings = [told.say(f"tenant.{name}") for name in ("person", "purpose", "name", "user")]
    spreadsheet.table(sheet, headings, (24, 80, 50, 36), rows, first=HEADINGS, answers=1)
    spreadsheet.save(book, file)


def _filled(file: Path, known: list[str], system: str, interface: str) -> str:
    """The accounts as a piece of the environment file."""
    import yaml  # noqa: PLC0415  # beside its only use

    from kravkoll.cast.accounts import filled  # noqa: PLC0415  # as above
    from kravkoll.contracts import workbook  # noqa: PLC0415  # openpyxl, for this alone
    from kravkoll.contracts.vocabulary import Vocabulary  # noqa: PLC0415  # as above

    try:
        (sheet, *_) = workbook.read(file).sheets
    except workbook.UnreadableWorkbook as error:
        fault = Vocabulary("en").fault(file.name, error.code, **error.values)
        raise ConfigurationError(faults=[fault]) from error
    rows = [(row.number, row.text("A"), row.text("D")) for row in sheet.rows if row.number > HEADINGS]
    found, faults = filled(rows, known)
    if faults:
        raise ConfigurationError("\n".join(f"{file.name}, {fault}" for fault in faults))
    if not found:
        raise ConfigurationError(f"{file.name} holds no user name; fill in the last column")
    body = {"systems": {system: {"interfaces": {interface: {"capabilities": {"accounts": found}}}}}}
    text: str = yaml.safe_dump(body, allow_unicode=True, sort_keys=False)
    return text


def environment_options(function: click.decorators.FC) -> click.decorators.FC:
    """`--environment` and `--supplier`."""
    function = click.option("--supplier", required=True, help="Supplier of contracts/suppliers/.")(function)
    return click.option(
        "--environment", "--env", "environment", required=True, help="Environment of contracts/environments/."
    )(function)


@command.command("check")
@environment_options
@language_option
@as_of_option
@workspace_option
def check(layout: Layout, environment: str, supplier: str, language: str, as_of: date) -> int:
    """Read the supplier's interface and tell who is missing, who is different, and who should not be there.

    Exit codes: 0 everyone is there as agreed; 1 something differs; 5 it could not be seen.
    """
    told = _words(layout, language)
    codes = {0}
    for tenant in _tenants(layout, environment, supplier, as_of, told):
        if isinstance(tenant, str):
            click.echo(tenant)
            codes.add(5)
            continue
        comparison = _compared(tenant)
        for line in _lines(comparison, tenant, told):
            click.echo(line)
        codes |= {1} if not comparison.agrees else set()
        codes |= {5} if comparison.unread else set()
    return 1 if 1 in codes else max(codes)


@command.command("cleanup")
@environment_options
@click.option("--remove", is_flag=True, help="Do it; without this, only tell what would be removed.")
@language_option
@as_of_option
@workspace_option
def cleanup(  # noqa: PLR0913  # click hands over every option
    layout: Layout, environment: str, supplier: str, language: str, as_of: date, *, remove: bool
) -> int:
    """Remove the cast's records from the supplier's test environment, by the hook of its capability `seed`.

    Exit codes: 0 told, or gone; 1 something is still there; 5 it could not be seen or done.
    """
    told = _words(layout, language)
    codes = {0}
    for tenant in _tenants(layout, environment, supplier, as_of, told):
        if isinstance(tenant, str):
            click.echo(tenant)
            codes.add(5)
            continue
        codes |= _cleaned(tenant, told, remove=remove)
    return 1 if 1 in codes else max(codes)


def _cleaned(tenant: "Tenant", told: "Words", *, remove: bool) -> set[int]:
    """Tell what is ours, remove it where that is asked for, and see that it is gone."""
    from kravkoll.record.outcome import Unjudged  # noqa: PLC0415  # beside its only use
    from kravkoll.runner.tenants import removable  # noqa: PLC0415  # the platform, for this group alone

    system = tenant.subject.system
    before = _compared(tenant)
    ids = removable(before)
    for line in _unread(before, told):
        click.echo(line)
    for resource, some in ids.items():
        click.echo(told.say("tenant.to_remove", resource=resource, n=len(some), ids=", ".join(some[:5])))
    if not ids or not remove:
        click.echo(told.say("tenant.dry" if ids else "tenant.nothing", system=system))
        return {5} if before.unread else {0}
    try:
        tenant.remove(ids)
    except Unjudged as error:
        click.echo(told.grounds(str(error.reason)).sentence)
        return {5}
    after = _compared(tenant)
    rest = sum(map(len, removable(after).values()))
    click.echo(told.say("tenant.left" if rest else "tenant.gone", system=system, n=rest))
    return ({1} if rest else {0}) | ({5} if before.unread or after.unread else {0})


def _unread(comparison: "Comparison", told: "Words") -> Iterator[str]:
    for resource, reason in comparison.unread.items():
        yield told.say("tenant.unread", resource=resource, reason=told.grounds(reason).sentence)


def _tenants(
    layout: Layout, environment: str, supplier: str, as_of: date, told: "Words"
) -> "Iterator[Tenant | str]":
    """Each system that can be read, or why none can; they run until the last has been taken."""
    from kravkoll.record.outcome import Unjudged  # noqa: PLC0415  # beside its only use
    from kravkoll.runner.tenants import tenant  # noqa: PLC0415  # the platform, for this group alone

    workspace = load(layout)
    try:
        with tenant(
            workspace, workspace.environment(environment), workspace.supplier(supplier), as_of
        ) as found:
            yield from found
            if not found:
                yield told.say("tenant.no_interface", supplier=supplier, environment=environment)
    except Unjudged as error:
        yield told.grounds(str(error.reason)).sentence


def _compared(tenant: "Tenant") -> "Comparison":
    from kravkoll.runner.tenants import share_of  # noqa: PLC0415  # the platform, for this group alone

    workspace = tenant.running.ground.workspace
    return tenant.compare(share_of(workspace, tenant.subject.system))


def _lines(comparison: "Comparison", tenant: "Tenant", told: "Words") -> Iterator[str]:
    """Counts first, then each record and field that is not as agreed."""
    from kravkoll.runner.tenants import shown  # noqa: PLC0415  # as above

    redact = tenant.redactor().redact_text
    people = len(comparison.expected.get("persons", ()))
    records = sum(map(len, comparison.expected.values()))
    yield told.say("tenant.expected", system=comparison.system, people=people, records=records)
    yield from _unread(comparison, told)
    for kind, found in (("missing", comparison.missing), ("extra", comparison.extra)):
        for resource, ids in found.items():
            yield told.say(f"tenant.{kind}", resource=resource, n=len(ids), ids=", ".join(ids[:5]))
    for one in comparison.different:
        yield told.say(
            "tenant.different", resource=one.resource, id=one.id, field=one.field,
            expected=shown(one.expected), found=redact(shown(one.found)),
        )  # fmt: skip
    if comparison.others:
        yield told.say("tenant.others", n=comparison.others)
    if comparison.agrees and not comparison.unread:
        yield told.say("tenant.agrees", system=comparison.system)


def _words(layout: Layout, language: str) -> "Words":
    from kravkoll.views.words import words  # noqa: PLC0415  # as above

    return words(language, layout.file("reports", "templates"))
