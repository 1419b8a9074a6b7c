"""An Excel workbook from somebody else as plain text by cell: nothing in it is run, followed or trusted."""

import datetime as dt
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import openpyxl
from openpyxl.cell.cell import Cell as ExcelCell
from openpyxl.utils import get_column_letter
from openpyxl.utils.escape import unescape
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet.worksheet import Worksheet

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
MOST_BYTES = 60 * 1024 * 1024
"""Unpacked: a specification of a thousand requirements takes a hundredth of it."""
MOST_PARTS = 2_000
MOST_ROWS, MOST_COLUMNS = 20_000, 200
DECIMALS = re.compile(r"^0\.(0+)$")


class UnreadableWorkbook(Exception):
    """The file cannot be read as a workbook: a code of specification.yaml, and what it tells of."""

    def __init__(self, code: str, **values: object) -> None:
        self.code = code
        self.values = values
        super().__init__(code)


@dataclass(frozen=True, slots=True)
class Cell:
    """What a cell says, and how it came to say it."""

    text: str
    formula: bool = False
    error: bool = False
    is_date: bool = False
    is_figure: bool = False
    struck: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number from 1 and its filled cells by column letter."""

    number: int
    cells: Mapping[str, Cell]
    hidden: bool = False

    def text(self, column: str) -> str:
        """What stands in a column; empty where nothing does."""
        cell = self.cells.get(column)
        return cell.text if cell else ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet with its rows in order; merged cells stand in every row that they reach down to."""

    title: str
    rows: tuple[Row, ...]
    hidden: bool = False
    hidden_columns: frozenset[str] = frozenset()
    too_long: bool = False


@dataclass(frozen=True, slots=True)
class Workbook:
    """A whole file."""

    name: str
    sheets: tuple[Sheet, ...]
    macros: bool = False
    links: bool = False


def read(path: Path) -> Workbook:
    """Every sheet of a .xlsx file. Raises UnreadableWorkbook."""
    parts = _parts(path)
    try:
        with path.open("rb") as file:  # ours to close: openpyxl leaves a damaged one open
            written = openpyxl.load_workbook(file, data_only=False, keep_links=False)
            saved = openpyxl.load_workbook(file, data_only=True, keep_links=False)
    # what openpyxl lets through of a damaged file
    except (
        InvalidFileException, zipfile.BadZipFile, ParseError, KeyError, ValueError, TypeError, AttributeError,
        IndexError, OverflowError, EOFError, OSError,
    ) as error:  # fmt: skip
        raise UnreadableWorkbook("file.broken", why=type(error).__name__) from error
    return Workbook(
        name=path.name,
        sheets=tuple(_sheet(sheet, saved[sheet.title]) for sheet in written.worksheets),
        macros=any(part.endswith("vbaProject.bin") for part in parts),
        links=any(part.startswith("xl/externalLinks/") for part in parts),
    )


def _parts(path: Path) -> list[str]:
    """The names of the file's parts, once it is seen that unpacking them does no harm."""
    if not path.is_file():
        raise UnreadableWorkbook("file.missing")
    with path.open("rb") as file:
        if file.read(len(OLE)) == OLE:
            file.seek(0)
            raise UnreadableWorkbook("file.locked" if ENCRYPTED in file.read(MOST_BYTES) else "file.xls")
    try:
        with zipfile.ZipFile(path) as archive:
            _refuse_bomb(archive)
            _refuse_entities(archive)
            names = archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise UnreadableWorkbook("file.kind") from error
    if "[Content_Types].xml" not in names or not any(name.startswith("xl/") for name in names):
        raise UnreadableWorkbook("file.kind")
    return names


def _refuse_bomb(archive: zipfile.ZipFile) -> None:
    """zipfile never gives out more of a part than the size that it declares."""
    size = sum(part.file_size for part in archive.infolist())
    if size > MOST_BYTES or len(archive.infolist()) > MOST_PARTS:
        raise UnreadableWorkbook("file.bomb", size=size // 1024 // 1024)


def _refuse_entities(archive: zipfile.ZipFile) -> None:
    """No part of a workbook declares a document type; one that does wants entities to be expanded."""
    for part in archive.namelist():
        if part.lower().endswith((".xml", ".rels", ".vml")):
            head = archive.read(part).replace(b"\x00", b"")
            if b"<!DOCTYPE" in head or b"<!ENTITY" in head:
                raise UnreadableWorkbook("file.entities", part=part)


def _sheet(written: Worksheet, saved: Worksheet) -> Sheet:
    last = min(written.max_row, MOST_ROWS)
    merged = dict(_reaching_down(written))
    rows = []
    for number in range(1, last + 1):
        cells = {}
        for column in range(1, min(written.max_column, MOST_COLUMNS) + 1):
            place = merged.get((number, column), (number, column))
            cell = _cell(written.cell(*place), saved.cell(*place).value)
            if cell is not None:
                cells[get_column_letter(column)] = cell
        hidden = bool(written.row_dimensions[number].hidden)
        rows.append(Row(number, cells, hidden))
    return Sheet(
        title=written.title,
        rows=tuple(rows),
        hidden=written.sheet_state != "visible",
        hidden_columns=frozenset(_hidden_columns(written)),
        too_long=written.max_row > MOST_ROWS,
    )


def _hidden_columns(sheet: Worksheet) -> Iterator[str]:
    """Excel writes neighbours that are alike as one range."""
    for dimension in sheet.column_dimensions.values():
        if dimension.hidden and dimension.min is not None:
            last = min(dimension.max or dimension.min, MOST_COLUMNS)
            yield from (get_column_letter(column) for column in range(dimension.min, last + 1))


def _reaching_down(sheet: Worksheet) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Places in the first column of merged ranges, and the place that holds their value."""
    for area in sheet.merged_cells.ranges:
        for row in range(area.min_row + 1, min(area.max_row, MOST_ROWS) + 1):
            yield (row, area.min_col), (area.min_row, area.min_col)


def _cell(written: Any, saved: object) -> Cell | None:
    formula = written.data_type == "f"
    value = saved if formula else written.value
    if value is None and not formula:
        return None
    error = written.data_type == "e" or (formula and isinstance(saved, str) and saved.startswith("#"))
    text = _text(value, str(written.number_format))
    if not text and not formula:
        return None
    return Cell(
        text=text,
        formula=formula,
        error=error,
        is_date=isinstance(value, dt.date | dt.time | dt.timedelta),
        is_figure=isinstance(value, float),
        struck=isinstance(written, ExcelCell) and bool(written.font and written.font.strike),
    )


def _text(value: object, number_format: str) -> str:
    """As a person sees it in Excel."""
    if value is None:
        return ""
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat(" ")
    if isinstance(value, float):
        decimals = DECIMALS.match(number_format)
        return f"{value:.{len(decimals[1])}f}" if decimals else f"{value:.10g}"
    text = unescape(str(value)).replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " ")
    return "\n".join(line.rstrip() for line in text.split("\n")).strip()
