"""A frozen plan as a document to agree on: what is tested, how, what it needs, and room for an answer."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openpyxl.worksheet.worksheet import Worksheet

from kravkoll.contracts.model import AREAS
from kravkoll.record.frozen_plan import FrozenPlan, digest_of
from kravkoll.record.rows import Row
from kravkoll.views import spreadsheet
from kravkoll.views.html import environment, labels
from kravkoll.views.report import MARKS
from kravkoll.views.words import LANGUAGES, Words, words

type Line = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that the supplier must have in place, at one place."""

    name: str
    does: str
    place: str
    hook: str
    described: bool
    hours: float
    requirements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Method:
    """One check of a requirement: what it asserts, where, and with what effect."""

    check: str
    sentence: str
    why: str
    effect: str
    places: tuple[str, ...]
    kind: str
    """`documents` or `where`: what its places are."""


@dataclass(frozen=True, slots=True)
class Item:
    """One requirement with its methods and what they need."""

    requirement: Line
    digest: str
    reason: str
    methods: tuple[Method, ...]
    needs: tuple[Need, ...]

    @property
    def applies(self) -> bool:
        """False where the requirement does not concern the supplier."""
        return not self.reason.startswith("requirement.")

    @property
    def hours(self) -> float:
        """Of all that the requirement builds on, also where others build on it too."""
        return sum(need.hours for need in self.needs)


@dataclass(frozen=True, slots=True)
class Document:
    """A frozen plan in one language."""

    frozen: FrozenPlan
    words: Words

    @property
    def data(self) -> Line:
        """The file."""
        return self.frozen.data

    @property
    def kind(self) -> str:
        """`simulated`, `test` or `production`."""
        return str(self.frozen.environment["kind"])

    @property
    def needs(self) -> tuple[Need, ...]:
        """Everything that is needed, each need once a place."""
        return tuple(self._need(line) for line in self.data["needs"])

    @property
    def hours(self) -> float:
        """The sum over all needs."""
        return sum(need.hours for need in self.needs)

    @property
    def basis(self) -> str:
        """What the hours rest on."""
        return str(self.data["effort"]["basis"][self.words.language])

    def areas(self) -> Iterator[tuple[str, list[Item]]]:
        """Requirements by area, in the order of the workspace."""
        items = [self._item(line) for line in self.data["requirements"]]
        for area in AREAS:
            own = [item for item in items if item.requirement["area"] == area]
            if own:
                yield area, own

    def digests(self) -> Iterator[tuple[str, str]]:
        """What is sealed, and by which digest."""
        say = self.words.say
        yield say("plan.digest"), self.frozen.digest
        yield say("plan.rows_digest"), self.data["plan"]["digest"]
        yield say("plan.workspace"), self.data["workspace"]["digest"]
        yield "Kravkoll " + self.data["harness"]["version"], self.data["harness"]["source_digest"]
        yield say("plan.faults"), self.data["faults"]
        for area, digest in self.data["catalogue"].items():
            yield say("plan.catalogue", area=self.words.name("area", area)), digest
        for profile in self.data["profiles"]:
            yield say("plan.profile", id=profile["id"]), profile["digest"]

    def checks(self) -> Iterator[tuple[str, str, str]]:
        """Id, what the check binds to, and its program."""
        for identity, line in self.data["checks"].items():
            yield identity, line["digest"], line["program"]

    def _need(self, line: Line) -> Need:
        known = self.data["effort"]["needs"].get(line["need"], {})
        return Need(
            name=self.words.name("capability", line["need"]),
            does=str(known.get("does", {}).get(self.words.language, "")),
            place=line["place"],
            hook=line["hook"],
            described=line["described"],
            hours=float(known.get("hours", 0)),
            requirements=tuple(line["requirements"]),
        )

    def _item(self, line: Line) -> Item:
        identity = line["requirement"]["id"]
        rows = [row for row in self.frozen.rows.values() if identity in row.requirements]
        return Item(
            requirement=line["requirement"],
            digest=digest_of(line["requirement"]["text"]),
            reason=line["not_applicable"] or line["no_rows"],
            methods=tuple(self._methods(rows)),
            needs=tuple(need for need in self.needs if identity in need.requirements),
        )

    def _methods(self, rows: Sequence[Row]) -> Iterator[Method]:
        language = self.words.language
        for check in dict.fromkeys(row.check for row in rows):
            own = [row for row in rows if row.check == check]
            card = self.data["checks"][check]["card"]
            yield Method(
                check=check,
                sentence=card["sentence"][language],
                why=card["why"][language],
                effect=self.words.name("effect", card["effect"]),
                places=tuple(f"{row.place}/{row.part}" for row in own),
                kind="documents" if all(row.kind == "document" for row in own) else "where",
            )


def shown_hours(hours: float) -> str:
    """`2` or `2.5`."""
    return f"{hours:g}"


def pages(path: Path) -> dict[str, Path]:
    """Where the documents of a frozen plan stand, beside it: `html.sv`, `html.en`, `xlsx.sv`, `xlsx.en`."""
    return {
        f"{kind}.{lang}": path.with_name(f"{path.stem}.{lang}.{kind}")
        for kind in ("html", "xlsx")
        for lang in LANGUAGES
    }


def write_all(frozen: FrozenPlan, path: Path, templates: Path) -> dict[str, Path]:
    """Write the documents of the frozen plan at `path`."""
    written = pages(path)
    for language in LANGUAGES:
        document = Document(frozen, words(language, templates))
        text = page(document, path, templates)
        written[f"html.{language}"].write_text(text, encoding="utf-8", newline="\n")
        sheets(document, written[f"xlsx.{language}"])
    return written


def page(document: Document, path: Path, templates: Path) -> str:
    """The HTML page: no script, no request."""
    told = document.words
    others = [
        (other, words(other, templates), pages(path)[f"html.{other}"].name)
        for other in LANGUAGES
        if other != told.language
    ]
    return (
        environment(templates)
        .get_template("plan.html.jinja")
        .render(
            plan=document,
            words=told,
            label=labels(told),
            others=others,
            mark=MARKS[document.kind],
            file=path.name,
            hours=shown_hours,
            language=told.language,
        )
    )


def sheets(document: Document, path: Path) -> None:
    """The same as a workbook, with columns for the supplier's answer."""
    say = document.words.say
    book, sheet = spreadsheet.workbook()
    sheet.title = say("plan.sheet_requirements")[:31]
    _heading(sheet, document)
    headings = [
        say("column.requirement"),
        *(say(f"plan.{name}") for name in ("number", "text")),
        say("requirement.level"),
        *(say(f"plan.{name}") for name in ("method", "needs", "hours", "text_digest", "answer", "answer_no")),
    ]
    every = [item for area in document.areas() for item in area[1]]
    rows = [_row(document, item) for item in every if item.applies]
    spreadsheet.table(sheet, headings, (14, 10, 60, 8, 70, 40, 12, 20, 18, 40), rows, first=5, answers=2)
    other = book.create_sheet(say("plan.sheet_needs")[:31])
    needs = [
        [need.name, need.does, need.place, _described(document, need), shown_hours(need.hours), ""]
        for need in document.needs
    ]
    total = [say("plan.hours_sum"), document.basis, "", "", shown_hours(document.hours), ""]
    needs_headings = [
        say(f"plan.{name}") for name in ("need", "need_does", "place", "described", "hours", "answer")
    ]
    spreadsheet.table(other, needs_headings, (28, 70, 30, 24, 12, 40), [*needs, total], answers=1)
    last = book.create_sheet(say("plan.sheet_digests")[:31])
    digests = [[what, digest, ""] for what, digest in document.digests()]
    digests += [[f"{say('plan.check')} {check}", card, program] for check, card, program in document.checks()]
    titles = [say("plan.what"), say("plan.card_digest"), say("plan.program_digest")]
    spreadsheet.table(last, titles, (40, 70, 70), digests)
    spreadsheet.save(book, path)


def _heading(sheet: Worksheet, document: Document) -> None:
    say = document.words.say
    title = say("plan.title", supplier=document.frozen.supplier["name"])
    spreadsheet.text(sheet["A1"], f"{MARKS[document.kind]} {title}", bold=True)
    spreadsheet.text(sheet["A2"], say("plan.answer_lead"))
    spreadsheet.text(sheet["A3"], f"{say('plan.digest')}: {document.frozen.digest}")
    for row in (1, 2, 3):
        sheet.merge_cells(start_row=row, start_column=1, end_row=row, end_column=10)
    sheet.row_dimensions[2].height = 32


def _row(document: Document, item: Item) -> list[str]:
    requirement = item.requirement
    say = document.words.say
    methods = [
        f"{one.sentence} {say(f'plan.{one.kind}', places=', '.join(one.places))} {one.effect}"
        for one in item.methods
    ]
    untested = document.words.grounds(item.reason).sentence if item.reason else ""
    return [
        requirement["id"],
        requirement["source"]["number"],
        requirement["text"][document.words.language],
        say(f"level.{requirement['level']}"),
        "\n".join(methods) or f"{say('plan.method_none')} {untested}",
        "\n".join(f"{need.name}: {need.place}" for need in item.needs),
        shown_hours(item.hours),
        item.digest,
        "",
        "",
    ]


def _described(document: Document, need: Need) -> str:
    return document.words.say("plan.yes" if need.described else "plan.no")
