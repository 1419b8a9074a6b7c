"""Query parameters of SS 12000: how their values are read, and which records they keep."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from kravkoll.standins.records import Record, Records, reference
from kravkoll.standins.school_forms import forms_of

type Values = tuple[Any, ...]
type Arguments = Mapping[str, Values]
type Keeps = Callable[[Record, Values, Records], bool]
"""Whether a record is kept, by itself or by what its references lead to."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One query parameter. `keeps` is None for those that are no filter of one record by itself."""

    read: Callable[[str], Any]
    keeps: Keeps | None = None
    many: bool = False
    required: bool = False


def read_text(value: str) -> str:
    return value


def read_uuid(value: str) -> str:
    return str(uuid.UUID(value))


def read_date(value: str) -> str:
    if len(value) != len("2016-10-15"):  # fromisoformat takes more forms than RFC 3339 has
        raise ValueError("is no date")
    return date.fromisoformat(value).isoformat()


def read_timestamp(value: str) -> datetime:
    # An offset's plus sign that was not percent-encoded arrives as a space.
    moment = datetime.fromisoformat(value.replace(" ", "+"))
    if moment.tzinfo is None:
        raise ValueError("has no offset")
    return moment


def read_boolean(value: str) -> bool:
    return {"true": True, "false": False}[value]


def read_limit(value: str) -> int:
    if not (value.isascii() and value.isdigit() and int(value) > 0):
        raise ValueError("is no positive whole number")
    return int(value)


def one_of(*allowed: str) -> Callable[[str], str]:
    """A reader of an enumeration."""

    def read(value: str) -> str:
        if value not in allowed:
            raise ValueError(f"is none of {', '.join(allowed)}")
        return value

    return read


def equals(field: str) -> Keeps:
    """Keep records whose field is one of the values."""
    return lambda record, values, _records: record.get(field) in values


def refers(field: str) -> Keeps:
    """Keep records whose reference, or one in a list of them, points to one of the ids."""
    return lambda record, values, _records: any(one in values for one in references(record.get(field)))


def overlaps(field: str) -> Keeps:
    """Keep records whose list shares a value."""
    return lambda record, values, _records: any(value in values for value in record.get(field, ()))


def within(field: str, name: str) -> Keeps:
    """Keep records with an entry in a list whose reference points to one of the ids."""
    return lambda record, values, _records: any(
        reference(entry.get(name)) in values for entry in record.get(field, ())
    )


def through(field: str, resource: str, keeps: Keeps) -> Keeps:
    """Keep records whose reference leads to a record that is kept."""

    def kept(record: Record, values: Values, records: Records) -> bool:
        row = records.get(resource, reference(record.get(field)))
        return row is not None and keeps(row.record, values, records)

    return kept


def of_form(resource: str) -> Keeps:
    """Keep records of one of the school forms."""
    return lambda record, values, records: bool(
        set(values) & (forms_of(record, resource, records) or frozenset())
    )


def moment(field: str, *, after: bool, inclusive: bool = True) -> Keeps:
    """Keep records whose time (a dotted path) is on the right side; times of any offset compare."""

    def kept(record: Record, values: Values, _records: Records) -> bool:
        value: Any = record
        for part in field.split("."):
            value = value[part]
        at = datetime.fromisoformat(value)
        if at == values[0]:
            return inclusive
        return bool(at > values[0] if after else at < values[0])

    return kept


def day(field: str, *, after: bool) -> Keeps:
    """Keep records whose date is on the right side, or that have none."""

    def kept(record: Record, values: Values, _records: Records) -> bool:
        value = record.get(field)
        return value is None or bool(value >= values[0] if after else value <= values[0])

    return kept


def references(value: Any) -> list[str]:
    """The ids in a reference or a list of references."""
    return [reference(one) for one in (value if isinstance(value, list | tuple) else [value])]
