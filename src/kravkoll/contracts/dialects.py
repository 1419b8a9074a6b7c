"""Agreed files that are no SS 12000 but carry its records: which column or element holds which field."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from kravkoll.contracts.documents import dotted, read
from kravkoll.contracts.errors import ConfigurationError, Fault, near
from kravkoll.contracts.layout import Layout
from kravkoll.contracts.model import STRICT, Name, Text

type Format = Literal["text-zip", "text", "xml"]
type Delimiter = Literal["tab", "semicolon", "comma"]

DELIMITERS: Mapping[str, str] = {"tab": "\t", "semicolon": ";", "comma": ","}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One value of a row: the contract's field that it is, and how it is written."""

    __pydantic_config__ = STRICT
    field: str
    """Dotted path in the record, or in the entry of the list that the row is."""
    boolean: tuple[str, str] | None = None
    """The words for yes and no."""
    number: bool = False
    """A whole number."""
    date: str = ""
    """How a date is written, as strftime has it; ISO 8601 unless it is said."""
    time: str = ""
    """How a time is written, as strftime has it."""
    zone: str = ""
    """Zone of times that are written without one."""
    separated: str = ""
    """What stands between the values of a list."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of one kind: a text file, or the elements that an XPath finds."""

    __pydantic_config__ = STRICT
    resource: str
    """The records that the rows are, by their name in SS 12000."""
    columns: Annotated[Mapping[str, str | Column], Field(min_length=1)]
    """Name of the column, or path from the element, to the field; where rows are records, one is `id`."""
    into: str = ""
    """The list that a row is an entry of; else a row is a record."""
    key: str = ""
    """For rows that are entries: the column with the id of the record that they belong to."""
    file: str = ""
    each: str = ""
    """XPath to the elements, with the document's prefixes."""
    encoding: str = "utf-8"
    """`detect`: a byte order mark, else UTF-8 where it is valid, else Windows-1252."""
    delimiter: Delimiter = "tab"
    head: Annotated[int, Field(ge=0)] = 0
    """Lines before the names of the columns."""
    count: str = ""
    """Pattern of the number of rows in these lines; its first group is the number."""

    @cached_property
    def values(self) -> Mapping[str, Column]:
        """Column name to what it holds."""
        return {
            name: Column(field=given) if isinstance(given, str) else given
            for name, given in self.columns.items()
        }

    @property
    def names(self) -> tuple[str, ...]:
        """Every column, the key first."""
        return (*([self.key] if self.key else []), *self.columns)

    @property
    def paths(self) -> frozenset[str]:
        """Dotted paths of the record that the rows carry."""
        return frozenset(
            f"{self.into}.{column.field}" if self.into else column.field for column in self.values.values()
        )


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """contracts/apis/dialects/*.yaml: a format that the city and a supplier have agreed on."""

    __pydantic_config__ = STRICT
    id: Name
    title: Text
    format: Format
    tables: Annotated[tuple[Table, ...], Field(min_length=1)]
    place: str = ""
    """Path below the interface where the files are fetched, for files that are not one archive."""
    xsd: str = ""
    """Path below the interface where the XML schema is published, open to anybody."""
    namespaces: Mapping[str, str] = Field(default_factory=dict)
    """Prefixes of the paths in `each` and `columns`."""

    @cached_property
    def carries(self) -> Mapping[str, frozenset[str]]:
        """Resource to the dotted paths that the format has a place for."""
        found: dict[str, frozenset[str]] = {}
        for table in self.tables:
            found[table.resource] = found.get(table.resource, frozenset()) | table.paths
        return found

    def table_of(self, path: str) -> Table | None:
        """The table whose file is fetched at a path below the interface."""
        return next((one for one in self.tables if one.file and f"{self.place}/{one.file}" == path), None)


def dialect_of(layout: Layout, identity: str) -> Dialect:
    """The dialect of that id in a workspace; ConfigurationError with the nearest where there is none."""
    known = {path.stem: path for path in layout.shared("contracts/apis/dialects")}
    if identity not in known:
        raise ConfigurationError(f"no dialect {identity!r}; {near(identity, known)}".rstrip("; "))
    return load(known[identity])


@cache
def load(path: Path) -> Dialect:
    """The dialect of a file; ConfigurationError where it is wrong."""
    document = read(path, f"contracts/apis/dialects/{path.name}")
    try:
        dialect: Dialect = TypeAdapter(Dialect).validate_python(document.data)
    except ValidationError as error:
        faults = [
            Fault(document.file, document.line(problem["loc"]), dotted(problem["loc"]), problem["msg"])
            for problem in error.errors()
        ]
        raise ConfigurationError(faults=faults) from error
    keyless = [
        Fault(
            document.file,
            document.line(("tables", at)),
            f"tables[{at}]",
            "nothing says which record a row is of",
            "name the column in `key`" if table.into else "give one column the field `id`",
        )
        for at, table in enumerate(dialect.tables)
        if not (table.key if table.into else "id" in table.paths)
    ]
    if keyless:
        raise ConfigurationError(faults=keyless)
    return dialect
