"""Reads an agreed XML document: well-formed, without a DTD, valid against the schema, and then its rows."""

from collections.abc import Iterator, Mapping
from typing import cast
from xml.parsers import expat

from lxml import etree

from kravkoll.contracts.dialects import Table
from kravkoll.probes.dialect_rows import Row
from kravkoll.probes.flaws import Flaw, garbled
from kravkoll.record.outcome import Inconclusive

type Element = etree._Element  # noqa: SLF001  # lxml gives its elements no other name
MOST_FLAWS = 20
XS = "{http://www.w3.org/2001/XMLSchema}"
ELSEWHERE = tuple(f"{XS}{name}" for name in ("include", "import", "redefine", "override"))
ENCODING = frozenset(
    {
        etree.ErrorTypes.ERR_INVALID_ENCODING,
        etree.ErrorTypes.ERR_UNSUPPORTED_ENCODING,
        etree.ErrorTypes.ERR_INVALID_CHAR,
    }
)


class _Seen(Exception):
    """Enough of the document was read to know."""


def parsed(content: bytes, file: str = "") -> tuple[Element | None, list[Flaw]]:
    """The root, or None and why; a DTD is refused before any of it is read."""
    if declares_doctype(content):
        return None, [Flaw("unsafe", file, 1, "declares a DTD, in which entities can be")]
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        return None, [_unreadable(error, file, content)]
    text = etree.tostring(root, encoding="unicode")
    return root, garbled(text, file)


def declares_doctype(content: bytes) -> bool:
    """Whether a DTD comes before the first element; nothing after that is looked at."""
    found: list[bool] = []

    def doctype(*_: object) -> None:
        found.append(True)
        raise _Seen

    def element(*_: object) -> None:
        raise _Seen

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = doctype
    parser.StartElementHandler = element
    try:
        parser.Parse(content, True)
    except _Seen:
        return bool(found)
    except (expat.ExpatError, LookupError, ValueError):
        return b"<!DOCTYPE" in content  # what is no XML is told of by whoever reads it next
    return bool(found)


def ends_early(content: bytes) -> bool:
    """Whether nothing is wrong as far as it goes, and something is missing after that."""
    parser = expat.ParserCreate()
    try:
        parser.Parse(content, False)
    except (expat.ExpatError, LookupError, ValueError):
        return False
    return True


def invalid(root: Element, schema: bytes) -> list[Flaw]:
    """How a document differs from the published schema; Inconclusive where that cannot be used."""
    document, flaws = parsed(schema, "schema")
    if document is None:
        raise Inconclusive("export.schema-unusable", flaws[0].detail)
    if any(found is not None for found in map(document.find, ELSEWHERE)):
        raise Inconclusive("export.schema-unusable", "it refers to other files, which are not followed")
    try:
        validator = etree.XMLSchema(document)
    except etree.XMLSchemaParseError as error:
        raise Inconclusive("export.schema-unusable", str(error)) from error
    validator.validate(root)
    errors = list(validator.error_log.filter_from_errors())  # type: ignore[attr-defined]  # not in the stubs
    return [Flaw("schema", "", one.line, one.message) for one in errors[:MOST_FLAWS]]


def rows_of(root: Element, table: Table, namespaces: Mapping[str, str]) -> Iterator[Row]:
    """One row for each element of a table."""
    prefixes = dict(namespaces)
    found = cast("list[Element]", root.getroottree().xpath(table.each, namespaces=prefixes))
    for element in found:
        yield Row(
            element.sourceline or 0,  # type: ignore[arg-type]  # a number, where the stubs doubt it
            {name: _text(element, name, prefixes) for name in table.names},
        )


def _text(element: Element, path: str, namespaces: dict[str, str]) -> str:
    found = cast("list[Element | str]", element.xpath(path, namespaces=namespaces))
    if not found:
        return ""
    first = found[0]
    return first if isinstance(first, str) else first.text or ""


def _unreadable(error: Exception, file: str, content: bytes) -> Flaw:
    line = getattr(error, "lineno", 0) or 0
    if ends_early(content):
        return Flaw("truncated", file, line, str(error))
    return Flaw("encoding" if getattr(error, "code", 0) in ENCODING else "layout", file, line, str(error))
