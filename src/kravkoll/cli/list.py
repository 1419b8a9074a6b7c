"""`kravkoll list`: what there is, read from the data as it is written."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import click

from kravkoll.cli.options import workspace_option
from kravkoll.contracts import documents
from kravkoll.contracts.errors import ConfigurationError
from kravkoll.contracts.layout import Layout

KINDS = {
    "requirements": "requirements",
    "checks": "checks",
    "suppliers": "supplier",
    "systems": "supplier",
    "agreements": "agreements",
    "flows": "flows",
    "faults": "faults",
    "environments": "environment",
    "profiles": "profile",
}
"""What can be listed, and the kind of file that it stands in."""

ONE_A_FILE = ("suppliers", "environments", "profiles")

type Item = Mapping[str, Any]


@click.command()
@click.argument("kind", type=click.Choice(list(KINDS)), default="requirements")
@click.option("--language", type=click.Choice(["sv", "en"]), default="en")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@workspace_option
def command(layout: Layout, kind: str, language: str, form: str) -> int:
    """List what there is of a KIND."""
    try:
        rows = sorted((str(item["id"]), _says(kind, item, language)) for item in _items(layout, kind))
    except (ConfigurationError, KeyError, TypeError, AttributeError):
        from kravkoll.contracts.workspace import load  # noqa: PLC0415  # pydantic takes 0.2 s

        load(layout)  # names every fault of the workspace
        raise
    if form == "json":
        click.echo(
            json.dumps([{"id": identity, "says": text} for identity, text in rows], ensure_ascii=False)
        )
        return 0
    width = max((len(identity) for identity, _ in rows), default=0)
    for identity, text in rows:
        click.echo(f"{identity:<{width}}  {text}")
    return 0


def _items(layout: Layout, kind: str) -> Iterator[Item]:
    for path in layout.files(KINDS[kind]):
        data = documents.read(path, layout.shown(path)).data
        if kind in ONE_A_FILE:
            yield data
        else:
            yield from ({"supplier": data.get("id"), **item} for item in data[kind])


def _says(kind: str, item: Item, language: str) -> str:
    if kind == "flows":
        return f"{item['sender']} -> {item['receiver']}: {item['status']}; {item['purpose'][language]}"
    if kind == "systems":
        return f"{item['supplier']}: {item['functions'][language]}"
    for key in ("text", "sentence", "title"):
        if key in item:
            return str(item[key][language])
    return str(item.get("name") or item["kind"])
