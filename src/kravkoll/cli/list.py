"""`kravkoll list`: what there is, read from the data alone."""

import json
from collections.abc import Iterator

import click

from kravkoll.cli.options import workspace_option
from kravkoll.contracts.layout import Layout
from kravkoll.contracts.workspace import Workspace, load_trusted

KINDS = (
    "requirements",
    "checks",
    "suppliers",
    "systems",
    "agreements",
    "flows",
    "faults",
    "environments",
    "profiles",
)


@click.command()
@click.argument("kind", type=click.Choice(KINDS), default="requirements")
@click.option("--language", type=click.Choice(["sv", "en"]), default="en")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@workspace_option
def command(layout: Layout, kind: str, language: str, form: str) -> int:
    """List what there is of a KIND."""
    rows = list(_rows(load_trusted(layout), kind, language))
    if form == "json":
        click.echo(
            json.dumps([{"id": identity, "says": text} for identity, text in rows], ensure_ascii=False)
        )
        return 0
    width = max((len(identity) for identity, _ in rows), default=0)
    for identity, text in rows:
        click.echo(f"{identity:<{width}}  {text}")
    return 0


def _rows(workspace: Workspace, kind: str, language: str) -> Iterator[tuple[str, str]]:
    for identity, item in sorted(getattr(workspace, kind).items()):
        yield identity, _says(workspace, kind, identity, item, language)


def _says(workspace: Workspace, kind: str, identity: str, item: object, language: str) -> str:
    text = getattr(item, "text", None) or getattr(item, "sentence", None) or getattr(item, "title", None)
    if kind == "flows":
        flow = workspace.flows[identity]
        return f"{flow.sender} -> {flow.receiver}: {flow.status}; {flow.purpose.in_language(language)}"
    if kind == "systems":
        functions = workspace.systems[identity].functions.in_language(language)
        return f"{workspace.supplier_of[identity]}: {functions}"
    if text is not None:
        return str(text.in_language(language))
    return str(getattr(item, "name", None) or getattr(item, "kind", ""))
