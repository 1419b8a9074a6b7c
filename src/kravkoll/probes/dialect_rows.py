"""Rows of an agreed file as the contract's records."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from kravkoll.contracts.dialects import Column, Table
from kravkoll.probes.flaws import Flaw

type Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """What stood in the columns of one row, and on which line."""

    line: int
    values: Mapping[str, str]


@dataclass(slots=True)
class Gathering:
    """Records as they come together from the rows of several tables."""

    records: dict[str, dict[str, Record]] = field(default_factory=dict)
    """Resource, id, record."""
    unnamed: int = 0
    """Rows without an id."""
    flaws: list[Flaw] = field(default_factory=list)

    def take(self, table: Table, rows: Iterable[Row]) -> None:
        """Add a table's rows."""
        for row in rows:
            values = dict(self._values(table, row))
            identity = row.values.get(table.key, "") if table.into else str(values.get("id", ""))
            if not identity:
                self.unnamed += 1
                continue
            record = self.records.setdefault(table.resource, {}).setdefault(identity, {"id": identity})
            if not table.into:
                _merge(record, values)
            elif entry := _nested(values):
                record.setdefault(table.into, []).append(entry)

    def _values(self, table: Table, row: Row) -> Iterator[tuple[str, Any]]:
        for name, column in table.values.items():
            text = row.values.get(name, "")
            if text == "":
                continue
            try:
                yield column.field, value_of(text, column)
            except ValueError as error:
                self.flaws.append(Flaw("layout", table.file or table.each, row.line, f"{name}: {error}"))
                yield column.field, text

    def whole(self) -> dict[str, tuple[Record, ...]]:
        """The records by resource."""
        return {resource: tuple(found.values()) for resource, found in self.records.items()}


def value_of(text: str, column: Column) -> Any:
    """A text as the contract has the value; ValueError where it is not what was agreed."""
    if column.separated:
        return text.split(column.separated)
    if column.boolean:
        words = {word.lower(): held for word, held in zip(column.boolean, (True, False), strict=True)}
        if text.lower() not in words:
            raise ValueError(f"{text!r} is neither {' nor '.join(column.boolean)}")
        return words[text.lower()]
    if column.number:
        return int(text)
    if column.time:
        moment = datetime.strptime(text, column.time)  # noqa: DTZ007  # the zone is the next line's
        return (moment.replace(tzinfo=ZoneInfo(column.zone)) if column.zone else moment).isoformat()
    if column.date:
        return datetime.strptime(text, column.date).date().isoformat()  # noqa: DTZ007  # a day has no zone
    return text


def _nested(values: Mapping[str, Any]) -> Record:
    found: Record = {}
    _merge(found, values)
    return found


def _merge(record: Record, values: Mapping[str, Any]) -> None:
    for path, value in values.items():
        *above, last = path.split(".")
        place = record
        for part in above:
            place = place.setdefault(part, {})
        place[last] = value
