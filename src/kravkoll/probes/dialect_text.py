"""Reads an agreed text file of rows: encoding, lines before the names, delimiter, and whether it is whole."""

import csv
import io
import re
from collections.abc import Iterator

from kravkoll.contracts.dialects import DELIMITERS, Table
from kravkoll.probes.dialect_rows import Row
from kravkoll.probes.flaws import Flaw, garbled

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
MOST_FLAWS = 20
"""Of one kind in one file; the rest say nothing new."""
csv.field_size_limit(16 * 1024 * 1024)


def read_text(table: Table, content: bytes) -> tuple[list[Row], list[Flaw]]:
    """The rows of a file, and what is wrong with it."""
    text, flaws = decoded(table, content)
    return read_decoded(table, text, flaws)


def read_decoded(table: Table, text: str, flaws: list[Flaw]) -> tuple[list[Row], list[Flaw]]:
    """The same of a text that somebody has decoded already."""
    flaws = [*flaws, *garbled(text, table.file)]
    head, body = _head(text, table.head)
    if text and not text.endswith("\n"):
        flaws.append(Flaw("truncated", table.file, text.count("\n") + 1, "the last line has no end"))
    rows, worse = _rows(table, body)
    flaws += worse
    said = re.search(table.count, "\n".join(head), re.MULTILINE) if table.count else None
    if table.count and not said:
        flaws.append(Flaw("layout", table.file, 1, "the head does not say how many rows there are"))
    if said and int(said[1]) != len(rows) and not _misnamed(worse):
        flaws.append(Flaw("truncated", table.file, 1, f"says {said[1]} rows, holds {len(rows)}"))
    return rows, flaws


def decoded(table: Table, content: bytes) -> tuple[str, list[Flaw]]:
    """The text in the agreed encoding; letters that are not in it are replaced, and told of."""
    content = content.removeprefix(BYTE_ORDER_MARK)
    encoding = table.encoding if table.encoding != "detect" else detected(content)
    try:
        return content.decode(encoding), []
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        shown = content[max(0, error.start - 10) : error.start + 10]
        flaw = Flaw("encoding", table.file, line, f"no {encoding}: {shown!r}")
        return content.decode("cp1252", errors="replace").replace("\ufffd", "?"), [flaw]


def detected(content: bytes) -> str:
    """UTF-8 where it is valid, else Windows-1252: no other text is valid UTF-8 by chance."""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _head(text: str, lines: int) -> tuple[list[str], str]:
    rest = text
    head = []
    for _ in range(lines):
        line, _, rest = rest.partition("\n")
        head.append(line)
    return head, rest


def _rows(table: Table, body: str) -> tuple[list[Row], list[Flaw]]:
    reader = csv.reader(io.StringIO(body, newline=""), delimiter=DELIMITERS[table.delimiter], strict=True)
    flaws: list[Flaw] = []
    rows: list[Row] = []
    try:
        names = next(reader, [])
        if missing := [name for name in table.names if name not in names]:
            return [], [_unnamed(table, names, missing)]
        for cells in reader:
            line = table.head + reader.line_num
            if len(cells) == len(names):
                rows.append(Row(line, dict(zip(names, cells, strict=True))))
            elif cells and len(flaws) < MOST_FLAWS:
                flaws.append(Flaw("layout", table.file, line, f"{len(cells)} values in {len(names)} columns"))
    except csv.Error as error:
        flaws.append(Flaw("layout", table.file, table.head + reader.line_num, str(error)))
    return rows, flaws


def _unnamed(table: Table, names: list[str], missing: list[str]) -> Flaw:
    other = next(_others(table, names), "")
    hint = f"; seems to be separated by {other}" if other else ""
    return Flaw("layout", table.file, table.head + 1, f"lacks the columns {', '.join(missing)}{hint}")


def _others(table: Table, names: list[str]) -> Iterator[str]:
    line = DELIMITERS[table.delimiter].join(names)
    for name, delimiter in DELIMITERS.items():
        if name != table.delimiter and set(table.names) <= {
            cell.strip('"') for cell in line.split(delimiter)
        }:
            yield name


def _misnamed(flaws: list[Flaw]) -> bool:
    """No row could be read at all, which is told of already."""
    return any("lacks the columns" in flaw.detail for flaw in flaws)
