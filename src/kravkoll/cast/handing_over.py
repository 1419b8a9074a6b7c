"""The cast as files that a supplier can load: CSV, SS 12000 as NDJSON, or EGIL (SS 12000:2018 by SCIM)."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from kravkoll.cast import egil
from kravkoll.cast.records import Record
from kravkoll.cast.selection import Selected
from kravkoll.record.personal_numbers import guard

ACTIVE = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet take a text for a formula."""
COLUMNS = "columns.csv"

type Table = list[dict[str, str]]


class FormulaInCell(ValueError):
    """A value that a spreadsheet would run was about to be written."""


def write(selected: Selected, form: str, folder: Path) -> tuple[list[Path], list[str]]:
    """Write the files; also what the form has no place for. NotATestNumber: before anything is written."""
    guard({resource: list(records) for resource, records in selected.items()})
    notes: list[str] = []
    if form == "csv":
        files = dict(csv_files(selected))
    elif form == "ss12000":
        files = {f"{resource}.ndjson": _lines(records) for resource, records in selected.items()}
    else:
        made = egil.convert(selected)
        notes = list(made.left_out)
        files = {f"{endpoint}.ndjson": _lines(objects) for endpoint, objects in made.objects.items()}
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8", newline="")
    return [folder / name for name in files], notes


def _lines(records: Iterable[Mapping[str, object]]) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def csv_files(selected: Selected) -> Iterator[tuple[str, str]]:
    """A file for each resource, one for each list within, and one that tells what every column is."""
    columns: Table = []
    for resource, records in selected.items():
        tables: dict[str, Table] = {resource: []}
        for number, record in enumerate(records, 1):
            _flatten(resource, {"id": f"{resource}-{number}", **record}, tables)
        for name, rows in tables.items():
            if rows:
                header = list(dict.fromkeys(column for row in rows for column in row))
                columns += [_described(name, column, rows) for column in header]
                yield f"{name}.csv", _csv(header, rows)
    yield COLUMNS, _csv(["file", "column", "ss12000", "example"], columns)


def _flatten(resource: str, record: Record, tables: dict[str, Table]) -> None:
    """Objects become columns with dots; each list of objects a table of its own, tied by the record's id."""
    row: dict[str, str] = {}
    for path, value in _leaves(record, ""):
        if isinstance(value, list):
            table = tables.setdefault(f"{resource}-{path}", [])
            for item in value:
                leaves = dict(_leaves(item, "")) if isinstance(item, dict) else {"value": item}
                cells = {f"{path}.{name}": _said(inner) for name, inner in leaves.items()}
                table.append({"id": str(record["id"]), **cells})
        else:
            row[path] = _said(value)
    tables[resource].append(row)


def _leaves(value: Mapping[str, object], prefix: str) -> Iterator[tuple[str, object]]:
    for name, inner in value.items():
        path = f"{prefix}{name}"
        if isinstance(inner, dict):
            yield from _leaves(inner, f"{path}.")
        else:
            yield path, inner


def _said(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _described(table: str, column: str, rows: Table) -> dict[str, str]:
    """Where a column stands in SS 12000, with an example."""
    resource, _, nested = table.partition("-")
    ours = column == "id" and nested
    path = f"{resource}.id" if ours else f"{resource}.{column}"
    example = next((row[column] for row in rows if row.get(column)), "")
    return {"file": f"{table}.csv", "column": column, "ss12000": path, "example": example}


def _csv(header: list[str], rows: Table) -> str:
    """RFC 4180: commas, CRLF, quotes where needed; UTF-8 without a byte order mark."""
    for row in rows:
        for column, value in row.items():
            if value.startswith(ACTIVE):
                raise FormulaInCell(f"{column}: {value[:20]!r} would be run by a spreadsheet")
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, header, restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
