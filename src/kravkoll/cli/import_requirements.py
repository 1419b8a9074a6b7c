"""`kravkoll import`: requirements out of a specification in Excel."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kravkoll.cli.options import workspace_option
from kravkoll.contracts.errors import ConfigurationError, Fault
from kravkoll.contracts.layout import Layout, packaged
from kravkoll.contracts.model import AREAS

if TYPE_CHECKING:
    from kravkoll.contracts.importing import Prepared
    from kravkoll.contracts.specification import Wishes
    from kravkoll.contracts.specified import Catalogue
    from kravkoll.contracts.vocabulary import Vocabulary

CLOSEST = 2
"""Demands of the catalogue that are named beside a requirement that nothing checks."""

MOST = 20
"""Requirements without checks that are listed one by one."""
OFTEN = 8
"""A word that stands in more demands than this tells nothing of any of them."""


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--into", type=click.Path(path_type=Path), help="The contracts/ to write into; the workspace's if silent."
)
@click.option(
    "--columns", default="", help="Where the columns are: nr=A,text=B,ska/bör=C, or nr=KRAVREF by heading."
)
@click.option(
    "--heading-row", type=click.IntRange(1), default=None, help="Row of the headings, where it is not found."
)
@click.option(
    "--sheet", "sheets", multiple=True, help="Read this sheet alone (repeatable); all visible if silent."
)
@click.option(
    "--area", type=click.Choice(list(AREAS)), default=None, help="Area of requirements that tell none."
)
@click.option("--from", "valid_from", default=None, help="Day from which they are in force; today if silent.")
@click.option("--replace", is_flag=True, help="Change and remove what is in the workspace already.")
@click.option(
    "--language", type=click.Choice(["sv", "en"]), default="sv", help="Language of faults and notices."
)
@workspace_option
def command(layout: Layout, file: Path, into: Path | None, language: str, **options: Any) -> int:
    """Read a requirement specification (.xlsx) into contracts/requirements/, its own numbers kept."""
    from kravkoll.contracts.specification import Wishes  # noqa: PLC0415  # openpyxl takes 150 ms
    from kravkoll.contracts.vocabulary import Vocabulary  # noqa: PLC0415  # as above

    words = Vocabulary(language)
    contracts = _contracts(layout, into)
    columns = _columns(options["columns"], words)
    wishes = Wishes(columns, options["heading_row"] or 0, options["sheets"], options["area"] or "")
    prepared, known = _prepared(file, contracts, wishes, words, _day(options["valid_from"]))
    _tell(prepared, replace=options["replace"], words=words)
    if prepared.overwrites and not options["replace"]:
        return 4
    prepared.write()
    for line in _suggestions(prepared, known, words):
        click.echo(line)
    return 0


def _contracts(layout: Layout, into: Path | None) -> Path:
    if into is not None:
        return into if into.name == "contracts" else into / "contracts"
    if layout.root == packaged() and not Path.cwd().is_relative_to(layout.root):
        raise ConfigurationError("there is no workspace here; name one: --into DIR/contracts")
    return layout.root / "contracts"


def _columns(given: str, words: "Vocabulary") -> dict[str, str]:
    pairs = [pair.partition("=") for pair in given.split(",") if pair.strip()]
    for name, sign, where in pairs:
        if not (sign and name.strip() and where.strip()):
            raise ConfigurationError(words.say("columns.form", given=f"{name}{sign}{where}"))
    return {name.strip(): where.strip() for name, _, where in pairs}


def _day(given: str | None) -> str:
    try:
        return date.fromisoformat(given).isoformat() if given else ""
    except ValueError as error:
        raise ConfigurationError(f"--from: {given!r} is not a date; write one such as 2026-11-23") from error


def _prepared(
    file: Path, contracts: Path, wishes: "Wishes", words: "Vocabulary", valid_from: str
) -> tuple["Prepared", "Catalogue"]:
    """The whole way from the file to what would be written. Raises ConfigurationError with every fault."""
    from kravkoll.contracts import importing, workbook  # noqa: PLC0415  # openpyxl takes 150 ms
    from kravkoll.contracts.specification import find  # noqa: PLC0415  # as above
    from kravkoll.contracts.specified import Reader  # noqa: PLC0415  # as above

    try:
        book = workbook.read(file)
    except workbook.UnreadableWorkbook as error:
        raise ConfigurationError(faults=[words.fault(file.name, error.code, **error.values)]) from error
    found = find(book, wishes, words)
    for notice in found.notices:
        click.echo(notice, err=True)
    known = importing.catalogue(contracts)
    reader = Reader(known, words)
    specified = tuple(reader.read(entry) for entry in found.entries)
    _refuse([*found.faults, *reader.faults], words)
    target = importing.target_of(contracts, _slug(file.stem), specified)
    prepared = importing.prepare(specified, file.name, target, known, valid_from)
    _refuse(list(importing.faults(prepared, specified, words)), words)
    return prepared, known


def _refuse(faults: list[Fault], words: "Vocabulary") -> None:
    """In the order of the file, which is not that of the alphabet: C9 stands before C10."""
    if faults:
        told = sorted(dict.fromkeys(faults), key=_place)
        lines = [*map(str, told), words.say("faults.count", count=len(told))]
        raise ConfigurationError("\n".join(lines), faults=faults)


def _place(fault: Fault) -> tuple[str, int, str]:
    sheet, _, cell = fault.file.rpartition(" ")
    digits = "".join(letter for letter in cell if letter.isdigit())
    return sheet, int(digits or 0), cell


def _slug(stem: str) -> str:
    folded = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", folded).strip("-") or "requirements"


def _tell(prepared: "Prepared", *, replace: bool, words: "Vocabulary") -> None:
    for change in prepared.changes:
        fields = f" ({', '.join(change.fields)})" if change.fields else ""
        text = " ".join(change.text.split())
        click.echo(f"  {words.say(f'change.{change.kind}'):<10} {change.id:<14} {text[:80]}{fields}")
    shown: Mapping[str, object] = {"target": prepared.target.as_posix(), "count": len(prepared.requirements)}
    counts = {kind: prepared.count(kind) for kind in ("new", "changed", "removed")}
    if not prepared.changes:
        click.echo(words.say("change.same", **shown))
    elif prepared.overwrites and not replace:
        click.echo(words.say("change.ask", **shown, **counts), err=True)
    else:
        tied = len(prepared.requirements) - len(prepared.untied)
        click.echo(words.say("change.wrote", **shown, tied=tied))


def _suggestions(prepared: "Prepared", known: "Catalogue", words: "Vocabulary") -> Iterator[str]:
    """What nobody has tied to a check yet, and demands to choose from: nothing is guessed."""
    if prepared.untied:
        yield words.say("unchecked.lead")
    telling = _telling(known)
    for item in prepared.untied[:MOST]:
        requirement = item.requirement
        text = " ".join(requirement["text"]["sv"].split())
        cell = f"{item.entry.sheet} {item.entry.cell('like')}"
        yield "  " + words.say("unchecked.row", id=requirement["id"], cell=cell, text=text[:90])
        if like := requirement.get("like"):
            yield "      " + words.say("unchecked.like", ids=", ".join(like))
            continue
        for demand in _closest(text, requirement["area"], known, telling):
            said = known.demands[demand].text.in_language(words.language)
            yield "      " + words.say("unchecked.near", id=demand, text=said[:90])
    if len(prepared.untied) > MOST:
        yield "  " + words.say("unchecked.more", count=len(prepared.untied) - MOST)


def _telling(known: "Catalogue") -> dict[str, set[str]]:
    """The words of each demand that checks verify, but for those that stand in many."""
    stems = {identity: _stems(demand.text.sv) for identity, demand in known.demands.items()}
    counts = Counter(stem for own in stems.values() for stem in own)
    checked = {identity for check in known.checks.values() for identity in check.verifies}
    return {
        identity: {stem for stem in own if counts[stem] <= OFTEN}
        for identity, own in stems.items()
        if identity in checked
    }


def _closest(text: str, area: str, known: "Catalogue", telling: Mapping[str, set[str]]) -> list[str]:
    """Demands of the area that share most words with the text."""
    own = _stems(text)
    shared = {
        identity: len(own & stems)
        for identity, stems in telling.items()
        if known.demands.get(identity) and known.demands[identity].area == area
    }
    ranked = sorted(shared, key=lambda identity: (-shared[identity], identity))
    return [identity for identity in ranked if shared[identity]][:CLOSEST]


def _stems(text: str) -> set[str]:
    """Words of some length without their endings, roughly."""
    return {word[:6] for word in re.findall(r"\w{4,}", text.casefold())}
