"""Reads the file of an export: its records in the contract's terms, and what is wrong with it."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kravkoll.contracts.dialects import Dialect
from kravkoll.probes.dialect_rows import Gathering, Record
from kravkoll.probes.dialect_text import read_text
from kravkoll.probes.dialect_xml import invalid, parsed, rows_of
from kravkoll.probes.flaws import Flaw, garbled
from kravkoll.probes.packed_files import unpacked
from kravkoll.record.outcome import NotExercised

LARGEST_FILE = 256 * 1024 * 1024
RESOURCE_KEYS = ("resource", "type", "entity", "entityType")
RECORD_KEYS = ("record", "data", "entity", "object")

type Named = tuple[str, Record]
"""A resource and one of its records."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file holds: records by resource; rows that say not what they are; and what is wrong with it."""

    records: Mapping[str, tuple[Record, ...]] = field(default_factory=dict)
    unnamed: int = 0
    flaws: tuple[Flaw, ...] = ()


def read_export(
    content: bytes,
    format_: str,
    settings: Mapping[str, Any],
    dialect: Dialect | None = None,
    schema: bytes | None = None,
) -> Contents:
    """The contents of a file; NotExercised where its format is not one that is known here.

    `schema` is what the product publishes for an XML document; None where it publishes none.
    """
    if dialect is not None:
        return _agreed(content, dialect, schema)
    readers: Mapping[str, Callable[..., Iterator[Named]]] = {
        "ndjson": _read_ndjson,
        "json": _read_json,
        "csv-zip": _read_csv_zip,
    }
    if format_ not in readers:
        raise NotExercised("capability.incomplete", f"export.fetch: unknown format {format_!r}")
    found: dict[str, list[Record]] = {}
    unnamed = 0
    flaws: list[Flaw] = []
    try:
        for resource, record in readers[format_](content, settings, flaws):
            if resource:
                found.setdefault(resource, []).append(record)
            else:
                unnamed += 1
    except UnicodeDecodeError as error:
        flaws.append(Flaw("encoding", "", content.count(b"\n", 0, error.start) + 1, "is no UTF-8"))
    except (ValueError, csv.Error) as error:
        flaws.append(Flaw("layout", "", detail=f"is no {format_}: {error}"))
    records = {resource: tuple(records) for resource, records in found.items()}
    return Contents(records, unnamed, tuple(flaws))


def _agreed(content: bytes, dialect: Dialect, schema: bytes | None) -> Contents:
    gathering = Gathering()
    if dialect.format == "xml":
        _take_xml(gathering, content, dialect, schema)
    else:
        _take_files(gathering, content, dialect)
    return Contents(gathering.whole(), gathering.unnamed, tuple(gathering.flaws))


def _take_files(gathering: Gathering, content: bytes, dialect: Dialect) -> None:
    files = {dialect.tables[0].file: content}
    if dialect.format == "text-zip":
        files, gathering.flaws = unpacked(content)
        if gathering.flaws:
            return
    by_name = {name.rpartition("/")[2]: file for name, file in files.items()}
    for table in dialect.tables:
        if table.file not in by_name:
            gathering.flaws.append(Flaw("layout", table.file, detail="is not among the files"))
            continue
        rows, flaws = read_text(table, by_name[table.file])
        gathering.flaws += flaws
        gathering.take(table, rows)


def _take_xml(gathering: Gathering, content: bytes, dialect: Dialect, schema: bytes | None) -> None:
    root, flaws = parsed(content)
    gathering.flaws += flaws
    if root is None:
        return
    if dialect.xsd and schema is None:
        gathering.flaws.append(Flaw("unpublished", dialect.xsd, detail="no schema is published there"))
    elif schema is not None:
        gathering.flaws += invalid(root, schema)
    for table in dialect.tables:
        gathering.take(table, rows_of(root, table, dialect.namespaces))


def _read_ndjson(content: bytes, settings: Mapping[str, Any], flaws: list[Flaw]) -> Iterator[Named]:
    text = content.decode("utf-8")
    flaws += garbled(text, "")
    for line in text.split("\n"):
        if line.strip():
            yield _named(json.loads(line), settings)


def _read_json(content: bytes, _settings: Mapping[str, Any], flaws: list[Flaw]) -> Iterator[Named]:
    text = content.decode("utf-8")
    flaws += garbled(text, "")
    document = json.loads(text)
    if not isinstance(document, dict):
        raise ValueError("the document is no object of lists")  # noqa: TRY004  told of like the others
    for resource, held in document.items():
        records = held.get("data") if isinstance(held, dict) else held
        for record in records if isinstance(records, list) else ():
            yield resource, record


def _read_csv_zip(content: bytes, _settings: Mapping[str, Any], flaws: list[Flaw]) -> Iterator[Named]:
    files, unsafe = unpacked(content)
    flaws += unsafe
    for name, file in files.items():
        if name.endswith(".csv"):
            text = file.decode("utf-8-sig")
            flaws += garbled(text, name)
            resource = name.rpartition("/")[2].removesuffix(".csv")
            for row in csv.DictReader(io.StringIO(text, newline="")):
                yield resource, {key: value for key, value in row.items() if key and value != ""}


def _named(line: object, settings: Mapping[str, Any]) -> Named:
    """A line that wraps its record (`{resource, record}`), or a record that says itself what it is."""
    if not isinstance(line, dict):
        raise ValueError("a line is no object")  # noqa: TRY004  told of like the others
    keys: Iterable[str] = (settings["resource"],) if "resource" in settings else RESOURCE_KEYS
    named = next((key for key in keys if isinstance(line.get(key), str)), "")
    if not named:
        return "", line
    wraps: Iterable[str] = (settings["record"],) if "record" in settings else RECORD_KEYS
    inner = next((line[key] for key in wraps if isinstance(line.get(key), dict)), None)
    record = inner if inner is not None else {key: value for key, value in line.items() if key != named}
    return str(line[named]), record
