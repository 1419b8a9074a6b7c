"""A workspace as one value: read leniently for `list` and `explain`, or with every fault named."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kravkoll.contracts import schemas
from kravkoll.contracts.cards import CatalogueRow, CheckCard, FaultCard
from kravkoll.contracts.documents import Document, read
from kravkoll.contracts.errors import ConfigurationError, Fault, near
from kravkoll.contracts.layout import Layout
from kravkoll.contracts.model import (
    AREAS,
    AcceptanceRule,
    Agreement,
    Environment,
    EvidenceDocument,
    Flow,
    NotARequirement,
    Profile,
    Requirement,
    Supplier,
    System,
    SystemOfRecord,
    Waiver,
)


@dataclass(frozen=True, slots=True)
class Workspace:
    """Everything that contracts/, suites/*/checks.yaml and mocks/ say, by id."""

    layout: Layout
    requirements: Mapping[str, Requirement]
    agreements: Mapping[str, Agreement]
    suppliers: Mapping[str, Supplier]
    flows: Mapping[str, Flow]
    systems_of_record: tuple[SystemOfRecord, ...]
    rules: Mapping[str, AcceptanceRule]
    waivers: tuple[Waiver, ...]
    evidence: Mapping[str, EvidenceDocument]
    profiles: Mapping[str, Profile]
    environments: Mapping[str, Environment]
    not_requirements: tuple[NotARequirement, ...]
    checks: Mapping[str, CheckCard]
    faults: Mapping[str, FaultCard]
    catalogue: Mapping[str, tuple[CatalogueRow, ...]]
    systems: Mapping[str, System]
    supplier_of: Mapping[str, str]
    """System id to supplier id."""
    documents: tuple[Document, ...] = field(repr=False)
    """Every file as read, with its lines, so that later faults can name their place."""

    def supplier(self, identity: str) -> Supplier:
        """The supplier of that id, or a ConfigurationError with the nearest."""
        return _known("supplier", identity, self.suppliers)

    def environment(self, identity: str) -> Environment:
        """The environment of that id, or a ConfigurationError with the nearest."""
        return _known("environment", identity, self.environments)

    def check(self, identity: str) -> CheckCard:
        """The check of that id, or a ConfigurationError with the nearest."""
        return _known("check", identity, self.checks)

    def rule(self, identity: str) -> AcceptanceRule:
        """The acceptance rule of that id, or a ConfigurationError with the nearest."""
        return _known("acceptance rule", identity, self.rules)

    def fault(self, identity: str) -> FaultCard:
        """The fault of that id, or a ConfigurationError with the nearest."""
        return _known("fault", identity, self.faults)

    def place(self, kind: str, identity: str) -> tuple[str, int]:
        """File and line where the item with that id stands, for reports that point at the contract."""
        for document in self.documents:
            items = document.data.get(kind) if isinstance(document.data, dict) else None
            for index, item in enumerate(items or ()):
                if isinstance(item, dict) and item.get("id") == identity:
                    return document.file, document.line((kind, index))
        return "", 0


def _known[T](kind: str, identity: str, known: Mapping[str, T]) -> T:
    if identity not in known:
        raise ConfigurationError(f"no {kind} {identity!r}; {near(identity, known)}".rstrip("; "))
    return known[identity]


@dataclass(slots=True)
class _Files:
    """Reads files of one workspace, collecting faults instead of stopping at the first."""

    layout: Layout
    thorough: bool
    only: frozenset[str] = frozenset(schemas.KINDS)
    """The kinds of file that are read; the others are left out unopened."""
    faults: list[Fault] = field(default_factory=list)
    documents: list[Document] = field(default_factory=list)
    _schemas: dict[str, dict[str, Any]] = field(default_factory=dict)

    def take(self, kind: str) -> Iterator[tuple[Document, Any]]:
        """Each readable, valid file of a kind with its value."""
        for path in self.layout.files(kind) if kind in self.only else ():
            try:
                document = with_defaults(kind, read(path, self.layout.shown(path)))
            except ConfigurationError as error:
                self.faults.extend(error.faults)
                continue
            self.documents.append(document)
            yield from self._checked(kind, document)

    def _checked(self, kind: str, document: Document) -> Iterator[tuple[Document, Any]]:
        if not self.thorough:
            yield document, schemas.structure(kind, document.data)
            return
        checked = schemas.examine(kind, document, self._schema(kind))
        self.faults.extend(checked.faults)
        if checked.value is not None:
            yield document, checked.value

    def _schema(self, kind: str) -> dict[str, Any]:
        if kind not in self._schemas:
            path = self.layout.file("contracts", "schema", f"{kind}.json")
            self._schemas[kind] = json.loads(path.read_text(encoding="utf-8"))
        return self._schemas[kind]

    def items(self, kind: str, attribute: str) -> dict[str, Any]:
        """All items of a kind of file by id; an id that stands twice is a fault."""
        result: dict[str, Any] = {}
        for document, value in self.take(kind):
            for index, item in enumerate(getattr(value, attribute)):
                identity = str(item.id)
                if identity in result:
                    line = document.line((attribute, index, "id"))
                    self.faults.append(
                        Fault(
                            document.file,
                            line,
                            f"{attribute}[{index}].id",
                            f"{identity!r} stands twice",
                            "rename one",
                        )
                    )
                result[identity] = item
        return result

    def singles(self, kind: str) -> dict[str, Any]:
        """Files that each hold one item, by id; the id must be the file's name."""
        result: dict[str, Any] = {}
        for document, value in self.take(kind):
            stem = Path(document.file).stem
            if value.id != stem:
                self.faults.append(
                    Fault(
                        document.file,
                        document.line(("id",)),
                        "id",
                        f"{value.id!r} is not the file's name",
                        f"write {stem!r}",
                    )
                )
            result[value.id] = value
        return result


def with_defaults(kind: str, document: Document) -> Document:
    """A requirement file's `defaults` stand under each of its requirements."""
    data = document.data
    if kind != "requirements" or not isinstance(data, dict) or not isinstance(data.get("defaults"), dict):
        return document
    rows = data.get("requirements")
    if not isinstance(rows, list):
        return document
    filled = [_filled(data["defaults"], row) if isinstance(row, dict) else row for row in rows]
    return Document(document.file, {**data, "requirements": filled}, document.lines)


def _filled(defaults: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    """`adopted` is a default for interpretation and practice alone: contract and law need no adoption."""
    merged = {**defaults, **row}
    if row.get("basis") not in ("interpretation", "practice") and "adopted" not in row:
        merged.pop("adopted", None)
    return merged


def load(layout: Layout) -> Workspace:
    """The workspace, every fault named at once. Raises ConfigurationError."""
    from kravkoll.contracts import references  # noqa: PLC0415  # references reads Workspace

    files = _Files(layout, thorough=True)
    workspace = _assemble(files)
    faults = files.faults + list(references.faults(workspace, sound=not files.faults))
    if faults:
        raise ConfigurationError(faults=faults)
    return workspace


def load_trusted(layout: Layout, *, only: Iterable[str] = schemas.KINDS) -> Workspace:
    """The workspace unvalidated, for commands that only list; where it breaks, every fault is named.

    `only` names the kinds of file (as schemas.KINDS) to read: making the values of all takes 0.1 s.
    """
    try:
        return _assemble(_Files(layout, thorough=False, only=frozenset(only)))
    except (ConfigurationError, ValueError, TypeError, AttributeError, KeyError):
        return load(layout)


def _assemble(files: _Files) -> Workspace:
    layout = files.layout
    suppliers = files.singles("supplier")
    systems = {system.id: system for supplier in suppliers.values() for system in supplier.systems}
    flow_files = [value for _, value in files.take("flows")]
    seed_files = [value for _, value in files.take("seed")]
    return Workspace(
        layout=layout,
        requirements=files.items("requirements", "requirements"),
        agreements=files.items("agreements", "agreements"),
        suppliers=suppliers,
        flows={flow.id: flow for value in flow_files for flow in value.flows},
        systems_of_record=tuple(row for value in flow_files for row in value.systems_of_record),
        rules=files.items("acceptance", "rules"),
        waivers=tuple(waiver for _, value in files.take("waivers") for waiver in value.waivers),
        evidence=files.items("evidence", "documents"),
        profiles=files.singles("profile"),
        environments=files.singles("environment"),
        not_requirements=tuple(row for value in seed_files for row in value.not_requirements),
        checks=files.items("checks", "checks"),
        faults=files.items("faults", "faults"),
        catalogue={path.parent.name: _catalogue(path) for path in layout.shared("suites", "*/catalogue.tsv")},
        systems=systems,
        supplier_of={
            system.id: supplier.id for supplier in suppliers.values() for system in supplier.systems
        },
        documents=tuple(files.documents),
    )


def _catalogue(path: Path) -> tuple[CatalogueRow, ...]:
    with path.open(encoding="utf-8", newline="") as lines:
        rows = csv.reader(lines, delimiter="\t")
        next(rows, None)
        return tuple(CatalogueRow(row[0], row[1], row[2] if len(row) > 2 else "") for row in rows if row)


def area_of(identity: str) -> str:
    """The area of a requirement or check id: `ENC-01` is encryption."""
    prefix = identity.split("-", 1)[0]
    return next(area for area, start in AREAS.items() if start == prefix)
