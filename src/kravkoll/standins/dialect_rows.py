"""Records as the rows of an agreed file: what stands in which column, and how it is written."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from kravkoll.contracts.dialects import Column, Table
from kravkoll.standins.records import Record

type Row = Mapping[str, str]
"""Column to text; empty where the record says nothing."""


def rows(table: Table, records: Iterable[Record]) -> Iterator[Row]:
    """The rows of a table, from records of its resource."""
    for record in records:
        for entry in entries(table, record):
            yield row(table, record, entry)


def entries(table: Table, record: Record) -> Iterable[Record]:
    """What of a record has a row of its own."""
    found: Iterable[Record] = record.get(table.into, ()) if table.into else (record,)
    return found


def row(table: Table, record: Record, entry: Record) -> Row:
    """One row; what is an entry has the id of its record as its key."""
    found = {name: text_of(_at(entry, column.field), column) for name, column in table.values.items()}
    return {table.key: str(record.get("id", "")), **found} if table.key else found


def text_of(value: Any, column: Column) -> str:
    """A value as this column writes it."""
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return column.separated.join(str(one) for one in value)
    if isinstance(value, bool):
        return column.boolean[0 if value else 1] if column.boolean else str(value).lower()
    if column.time:
        moment = datetime.fromisoformat(str(value))
        return (moment.astimezone(ZoneInfo(column.zone)) if column.zone else moment).strftime(column.time)
    if column.date:
        return date.fromisoformat(str(value)).strftime(column.date)
    return str(value)


def read_row(table: Table, line: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """The id that a row is of, and its values where they stand in the record."""
    entry: dict[str, Any] = {}
    for name, column in table.values.items():
        if text := line.get(name):
            _put(entry, column.field, _value(text, column))
    return line[table.key] if table.key else str(entry.get("id", "")), entry


def _value(text: str, column: Column) -> Any:
    if column.separated:
        return text.split(column.separated)
    if column.boolean:
        return text == column.boolean[0]
    if column.number:
        return int(text)
    if column.time:
        moment = datetime.strptime(text, column.time)  # noqa: DTZ007  # the next line says its zone
        return (moment.replace(tzinfo=ZoneInfo(column.zone)) if column.zone else moment).isoformat()
    return text


def _put(entry: dict[str, Any], path: str, value: Any) -> None:
    *above, last = path.split(".")
    for part in above:
        entry = entry.setdefault(part, {})
    entry[last] = value


def _at(value: Any, path: str) -> Any:
    """The value at a dotted path; through a list, all its values."""
    for at, part in enumerate(parts := path.split(".")):
        if isinstance(value, list | tuple):
            rest = ".".join(parts[at:])
            return [found for one in value if (found := _at(one, rest)) is not None]
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value
