"""An XML document of records, in the elements that a dialect names, and the schema that it follows."""

from collections.abc import Mapping, Sequence

from lxml import etree

from kravkoll.contracts.dialects import Dialect, Table
from kravkoll.standins.dialect_rows import Row, entries, row
from kravkoll.standins.faults import Behaviour, fault
from kravkoll.standins.records import Record

CUT_AT = 0.6
"""What is left of a document that was cut off."""
BOMB = "".join(f'<!ENTITY l{n} "{"".join(f"&l{n - 1};" for _ in range(10))}">' for n in range(1, 8))
"""Each entity ten times the one before it."""


def xml_document(dialect: Dialect, held: Mapping[str, Sequence[Record]], behave: Behaviour) -> bytes:
    """The whole document, UTF-8."""
    root = _Writing(dialect).document(held)
    return behave(serialised)(root)


def serialised(root: etree._Element) -> bytes:
    content: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return content


def published(schema: bytes) -> bytes | None:
    """The schema as anybody may fetch it."""
    return schema


class _Writing:
    """Builds one document; paths are of plain steps, with the dialect's prefixes."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._prefixes = dialect.namespaces

    def document(self, held: Mapping[str, Sequence[Record]]) -> etree._Element:
        wholes = [table for table in self._dialect.tables if not table.into]
        root = etree.Element(self._name(_steps(wholes[0].each)[0]), nsmap=dict(self._prefixes))
        for table in wholes:
            parent = root
            for step in _steps(table.each)[1:-1]:
                parent = self._only(parent, step)
            for record in held.get(table.resource, ()):
                self._record(parent, table, record)
        return root

    def _record(self, parent: etree._Element, table: Table, record: Record) -> None:
        element = etree.SubElement(parent, self._name(_steps(table.each)[-1]))
        self._fill(element, row(table, record, record))
        for within in self._dialect.tables:
            if within.into and within.resource == table.resource:
                self._list(element, table, within, record)

    def _list(self, element: etree._Element, table: Table, within: Table, record: Record) -> None:
        steps = _steps(within.each.removeprefix(table.each))
        found = list(entries(within, record))
        parent = element
        for step in steps[:-1] if found else ():
            parent = self._only(parent, step)
        for entry in found:
            self._fill(
                etree.SubElement(parent, self._name(steps[-1])),
                {at: text for at, text in row(within, record, entry).items() if not at.startswith("..")},
            )

    def _fill(self, element: etree._Element, values: Row) -> None:
        for at, text in values.items():
            if not text:
                continue
            if at.startswith("@"):
                element.set(at[1:], text)
                continue
            target = element
            for step in _steps(at):
                target = etree.SubElement(target, self._name(step))
            target.text = text

    def _only(self, parent: etree._Element, step: str) -> etree._Element:
        found = parent.find(self._name(step))
        return etree.SubElement(parent, self._name(step)) if found is None else found

    def _name(self, step: str) -> str:
        prefix, _, local = step.rpartition(":")
        return f"{{{self._prefixes[prefix]}}}{local}" if prefix else local


def _steps(path: str) -> list[str]:
    return [step for step in path.split("/") if step]


@fault("export.truncated", replaces=serialised)
def cut_off(root: etree._Element) -> bytes:
    whole = serialised(root)
    return whole[: int(len(whole) * CUT_AT)]


@fault("export.entities", replaces=serialised)
def write_entities(root: etree._Element) -> bytes:
    head, _, rest = serialised(root).partition(b"\n")
    name = etree.QName(root).localname
    return head + f'\n<!DOCTYPE {name} [<!ENTITY l0 "lol">{BOMB}]>\n'.encode() + rest


@fault("export.schema", replaces=serialised)
def write_what_no_schema_has(root: etree._Element) -> bytes:
    for record in root.iterfind("*/*"):
        etree.SubElement(record, f"{{{etree.QName(root).namespace}}}internNotering").text = "ej klar"
    return serialised(root)


@fault("export.schema.none", replaces=published)
def publish_no_schema(_schema: bytes) -> bytes | None:
    return None
