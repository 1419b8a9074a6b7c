"""Writes Excel workbooks in which every cell is text: nothing is calculated, whatever a cell begins with."""

from collections.abc import Sequence
from pathlib import Path

from openpyxl import Workbook
from openpyxl.cell import Cell, MergedCell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from kravkoll.views.values import TRICKS

LONGEST_CELL = 32_767
"""Characters; Excel refuses more."""
ACTIVE = ("=", "+", "-", "@", "\t", "\r", "|", "%")
"""What makes a spreadsheet take a text for a formula."""
HEADING = PatternFill("solid", fgColor="1E3F78")
ANSWER = PatternFill("solid", fgColor="FFF7DB")
LINE = Border(*(Side("thin", color="999999"),) * 4)


def text(cell: Cell | MergedCell, value: object, *, bold: bool = False) -> None:
    """Write a text that stays a text, also when somebody edits the cell."""
    if isinstance(cell, MergedCell):
        raise TypeError("the rest of a merged cell holds nothing")
    shown = TRICKS.sub("", str(value).replace("\r\n", "\n"))[:LONGEST_CELL]
    cell.value = shown
    cell.data_type = "s"
    cell.number_format = "@"
    cell.alignment = Alignment(wrap_text=True, vertical="top")
    if shown.startswith(ACTIVE):
        cell.quotePrefix = True
    if bold:
        cell.font = Font(bold=True)


def table(  # noqa: PLR0913  # what stands in it, and how it looks
    sheet: Worksheet,
    headings: Sequence[str],
    widths: Sequence[int],
    rows: Sequence[Sequence[str]],
    *,
    first: int = 1,
    answers: int = 0,
) -> None:
    """A heading row and rows below; the last `answers` columns are left to be filled in."""
    for column, (heading, width) in enumerate(zip(headings, widths, strict=True), 1):
        top = sheet.cell(first, column)
        text(top, heading)
        top.font = Font(bold=True, color="FFFFFF")
        top.fill = HEADING
        top.border = LINE
        sheet.column_dimensions[get_column_letter(column)].width = width
    for number, row in enumerate(rows, first + 1):
        for column, said in enumerate(row, 1):
            filled = sheet.cell(number, column)
            if said:
                text(filled, said)
            filled.border = LINE
            if column > len(headings) - answers:
                filled.fill = ANSWER
    sheet.freeze_panes = f"A{first + 1}"
    last = f"{get_column_letter(len(headings))}{first + len(rows)}"
    sheet.auto_filter.ref = f"A{first}:{last}"
    sheet.print_title_rows = f"{first}:{first}"
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.page_setup.paperSize = sheet.PAPERSIZE_A4


def choices(sheet: Worksheet, column: str, first: int, last: int, known: Sequence[str]) -> None:
    """A list to choose from in a column's cells."""
    rule = DataValidation(type="list", formula1=f'"{",".join(known)}"', allow_blank=True)
    sheet.add_data_validation(rule)
    rule.add(f"{column}{first}:{column}{max(first, last)}")


def workbook() -> tuple[Workbook, Worksheet]:
    """A new workbook and its one sheet."""
    book = Workbook()
    sheet = book.active
    if not isinstance(sheet, Worksheet):
        raise TypeError("a new workbook has a sheet")
    return book, sheet


def save(book: Workbook, path: Path) -> None:
    """Write the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    book.properties.creator = "Kravkoll"
    book.save(path)
