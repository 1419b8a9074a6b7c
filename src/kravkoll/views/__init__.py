"""Views: each replays a record into one format.

A record is given as its folder, or as the Report that `told` made of it, so that it is read once.
`write_all` renders every file of one record, `write_index` a page over several; `summary` prints.
"""

from collections.abc import Iterable, Sequence
from os.path import relpath
from pathlib import Path

from rich.console import Console

from kravkoll.record.journal import read
from kravkoll.views import allure, html, index, junit, markdown, terminal
from kravkoll.views.report import Report, Untellable, tell
from kravkoll.views.words import LANGUAGES

__all__ = ["Report", "Untellable", "summary", "told", "write_all", "write_index"]

type Told = Path | Report


def told(record: Told) -> Report:
    """What a record says. Untellable: it has no header."""
    return record if isinstance(record, Report) else tell(read(record))


def write_all(record: Told, *, templates: Path, languages: Sequence[str] = LANGUAGES) -> dict[str, Path]:
    """Every file of a record, written beside it: `html.sv`, `html.en`, `junit`, `markdown`, `allure`.

    The first language is the one of the machine formats. Untellable: the record has no header.
    """
    report = told(record)
    folder, first = report.record.path.parent, languages[0]
    written = {f"html.{language}": folder / html.file_name(report, language) for language in languages}
    for language in languages:
        page = html.page(report, language, templates, languages)
        written[f"html.{language}"].write_text(page, encoding="utf-8", newline="\n")
    written["junit"] = folder / junit.file_name(report)
    written["junit"].write_bytes(junit.xml(report, first, templates))
    written["markdown"] = folder / markdown.file_name(report)
    written["markdown"].write_text(markdown.text(report, first, templates), encoding="utf-8", newline="\n")
    written["allure"] = folder / allure.folder_name(report)
    allure.write(report, written["allure"], first, templates)
    return written


def write_index(
    folder: Path, records: Iterable[Told], *, templates: Path, languages: Sequence[str] = LANGUAGES
) -> dict[str, Path]:
    """An index page per language over records, with relative links to their pages.

    ConfigurationError: simulated and real runs are mixed. A record without a header is listed as unreadable.
    """
    entries: list[tuple[str, Report]] = []
    unreadable: list[str] = []
    for record in records:
        place = record.record.path.parent if isinstance(record, Report) else record
        shown = Path(relpath(place, folder)).as_posix()
        try:
            entries.append(("" if shown == "." else shown, told(record)))
        except Untellable:
            unreadable.append(shown)
    written = {}
    for language in languages:
        page = index.page(entries, language, templates, unreadable=unreadable, languages=languages)
        path = folder / index.index_name([report for _, report in entries], language)
        path.write_text(page, encoding="utf-8", newline="\n")
        written[f"index.{language}"] = path
    return written


def summary(record: Told, *, templates: Path, language: str = "en", console: Console | None = None) -> None:
    """Print what a record says; the last line holds the verdict and the path of the page, if there is one."""
    report = told(record)
    page = report.record.path.parent / html.file_name(report, language)
    here = Path.cwd()
    shown = page.relative_to(here) if page.is_relative_to(here) else page
    terminal.show(report, console or Console(), language, shown if page.exists() else None, templates)
