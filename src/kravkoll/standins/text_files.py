"""Text files of rows: a line of column names, an encoding and a delimiter; several of them in a zip."""

import csv
import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kravkoll.contracts.dialects import DELIMITERS, Dialect, Table
from kravkoll.standins.dialect_rows import Row, read_row, rows
from kravkoll.standins.faults import Behaviour, fault
from kravkoll.standins.records import Record

SENT_ON = 0.6
"""What is left of a file that was cut off."""


def text_zip(
    dialect: Dialect, held: Mapping[str, Sequence[Record]], head: Sequence[str], behave: Behaviour
) -> bytes:
    """Every file of a dialect in one archive; `head` are the lines before the column names, with `{rows}`."""
    files = {
        table.file: text_file(table, held.get(table.resource, ()), head, behave) for table in dialect.tables
    }
    return behave(packed)(files)


def text_file(table: Table, records: Iterable[Record], head: Sequence[str], behave: Behaviour) -> bytes:
    """One file, encoded as agreed."""
    found = list(rows(table, records))
    start = [line.format(file=table.file, rows=len(found)) for line in head[: table.head]]
    lines = "".join(f"{line}\r\n" for line in start) + behave(written)(table, found)
    return behave(encoded)(lines, table.encoding)


def read_files(dialect: Dialect, files: Mapping[str, bytes]) -> dict[str, list[Record]]:
    """The records of files of a dialect, as whoever fetched them reads them."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for table in dialect.tables:
        text = files[table.file].decode(table.encoding)
        lines = io.StringIO(text.split("\n", table.head)[-1], newline="")
        for line in csv.DictReader(lines, delimiter=DELIMITERS[table.delimiter]):
            identity, entry = read_row(table, line)
            record = found.setdefault(table.resource, {}).setdefault(identity, {"id": identity})
            if table.into:
                record.setdefault(table.into, []).append(entry)
            else:
                record.update(entry)
    return {resource: list(records.values()) for resource, records in found.items()}


def written(table: Table, found: Sequence[Row]) -> str:
    """Column names and rows; values that hold the delimiter or a line break are quoted."""
    return _written(table, found, DELIMITERS[table.delimiter])


def encoded(text: str, encoding: str) -> bytes:
    return text.encode(encoding)


def packed(files: Mapping[str, bytes]) -> bytes:
    """The archive."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, file in files.items():
            archive.writestr(name, file)
    return content.getvalue()


def _written(table: Table, found: Sequence[Row], delimiter: str) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(table.names)
    writer.writerows(row.values() for row in found)
    return text.getvalue()


@fault("export.encoding", replaces=encoded)
def encode_the_other_way(text: str, encoding: str) -> bytes:
    return text.encode("iso-8859-1" if encoding == "utf-8" else "utf-8", errors="replace")


@fault("export.encoded_twice", replaces=encoded)
def encode_twice(text: str, encoding: str) -> bytes:
    return text.encode("utf-8").decode("iso-8859-1").encode(encoding, errors="replace")


@fault("export.delimiter", replaces=written)
def separate_by_comma(table: Table, found: Sequence[Row]) -> str:
    return _written(table, found, ",")


@fault("export.unquoted", replaces=written)
def leave_quotes_out(table: Table, found: Sequence[Row]) -> str:
    lines = [table.names, *(row.values() for row in found)]
    return "".join(DELIMITERS[table.delimiter].join(line) + "\r\n" for line in lines)


@fault("export.truncated", replaces=packed)
def pack_what_was_cut_off(files: Mapping[str, bytes]) -> bytes:
    return packed({name: file[: int(len(file) * SENT_ON)] for name, file in files.items()})


@fault("export.way_out", replaces=packed)
def pack_a_way_out(files: Mapping[str, bytes]) -> bytes:
    return packed({**files, "../../readme.txt": "Välkommen.\r\n".encode()})
