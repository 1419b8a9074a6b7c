"""What went over a connection between two parties: exchanges, and the fields and records in them."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import unquote

type Record = Mapping[str, object]

DELETED_ENTITIES = "deletedEntities"
MOST_PLACES = 5
"""Places that are kept as examples of an observed field."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer. `path` is below the base address; `status` is 0 where no answer came."""

    method: str
    host: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    request_headers: tuple[tuple[str, str], ...] = ()
    request_body: str = ""
    status: int = 0
    response_headers: tuple[tuple[str, str], ...] = ()
    response_body: str = ""

    @classmethod
    def from_line(cls, line: str) -> Self:
        """Read what `to_line` wrote; ValueError or TypeError if it is something else."""
        values = json.loads(line)
        for name in ("query", "request_headers", "response_headers"):
            values[name] = tuple((str(key), str(value)) for key, value in values.get(name, ()))
        return cls(**values)

    @property
    def segments(self) -> tuple[str, ...]:
        return tuple(unquote(part) for part in self.path.split("/") if part)

    @property
    def resource(self) -> str:
        """The first segment of the path: `persons` of `/persons/lookup`."""
        return self.segments[0] if self.segments else ""

    @property
    def succeeded(self) -> bool:
        return 200 <= self.status < 300

    @property
    def answer(self) -> object:
        """The parsed answer, or None where it is no JSON."""
        return parsed(self.response_body)

    @property
    def request(self) -> object:
        """The parsed request body, or None where it is no JSON."""
        return parsed(self.request_body)

    def records(self) -> Iterator[Record]:
        """The records of a successful answer: a list under `data`, a bare list, or one object with an id."""
        if not self.succeeded or self.resource == DELETED_ENTITIES:
            return
        answer = self.answer
        items = answer.get("data", answer) if isinstance(answer, dict) else answer
        if isinstance(items, list):
            yield from (item for item in items if isinstance(item, dict))
        elif isinstance(items, dict) and "id" in items:
            yield items

    def __str__(self) -> str:
        query = "&".join(f"{name}={value}" for name, value in self.query)
        return f"{self.method} {self.path}{'?' if query else ''}{query} -> {self.status}"


@dataclass(frozen=True, slots=True)
class ObservedField:
    """A field of a resource as it was seen: its dotted path, in how many records, and where for example."""

    resource: str
    path: str
    count: int
    example: object = None
    seen_in: tuple[str, ...] = ()
    """Ids of the first records that held it."""


@dataclass(frozen=True, slots=True)
class FieldValue:
    """A value of a record, by dotted path through lists."""

    resource: str
    path: str
    record: str
    value: object


@dataclass(slots=True)
class _Tally:
    example: object
    records: dict[str, None] = field(default_factory=dict)


def parsed(body: str) -> object:
    try:
        return json.loads(body)
    except ValueError:
        return None


def leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Dotted paths and values, through lists. Empty containers and nulls carry nothing and are left out."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from leaves(inner, path)
    elif value is not None:
        yield path, value


def field_values(records: Mapping[str, Iterable[Record]]) -> list[FieldValue]:
    """Every value of every record."""
    return [
        FieldValue(resource, path, str(record.get("id", "")), value)
        for resource, items in records.items()
        for record in items
        for path, value in leaves(record)
    ]


def observed_fields(values: Iterable[FieldValue]) -> tuple[ObservedField, ...]:
    """Every field of every resource, sorted: in how many records, an example, and where it was."""
    tallies: dict[tuple[str, str], _Tally] = {}
    for one in values:
        tally = tallies.setdefault((one.resource, one.path), _Tally(one.value))
        tally.records[one.record] = None
    return tuple(
        ObservedField(resource, path, len(tally.records), tally.example, tuple(tally.records)[:MOST_PLACES])
        for (resource, path), tally in sorted(tallies.items())
    )


def sent_records(exchanges: Iterable[Exchange]) -> dict[str, tuple[Record, ...]]:
    """The records in successful answers, by resource, each version of a record once."""
    found: dict[str, dict[str, Record]] = {}
    for exchange in exchanges:
        for record in exchange.records():
            found.setdefault(exchange.resource, {})[json.dumps(record, sort_keys=True)] = record
    return {resource: tuple(records.values()) for resource, records in found.items()}


def deleted_ids(exchanges: Iterable[Exchange]) -> dict[str, tuple[str, ...]]:
    """What the answers of deletedEntities announced, by resource."""
    found: dict[str, list[str]] = {}
    for exchange in exchanges:
        answer = exchange.answer if exchange.resource == DELETED_ENTITIES and exchange.succeeded else None
        announced = answer.get("data") if isinstance(answer, dict) else None
        for resource, ids in (announced if isinstance(announced, dict) else {}).items():
            found.setdefault(resource, []).extend(str(one) for one in ids or ())
    return {resource: tuple(ids) for resource, ids in found.items()}


def digest(exchanges: Sequence[Exchange]) -> str:
    """SHA-256 over what was exchanged, headers left out: the two ends of a flow refer to the same bytes."""
    seen: list[Any] = [
        [one.method, one.path, one.query, one.request_body, one.status, one.response_body]
        for one in exchanges
    ]
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()
