"""Files of agreed formats as the contract's records. Every file is written out by hand: no writer of ours."""

import io
import zipfile
from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import TypeAdapter

from kravkoll.contracts.dialects import Dialect
from kravkoll.probes import packed_files
from kravkoll.probes.dialect_text import detected
from kravkoll.probes.export_contents import Contents, read_export
from kravkoll.record.outcome import Inconclusive

TEXT: dict[str, Any] = {
    "id": "school-files",
    "title": {"sv": "Textfiler", "en": "Text files"},
    "format": "text-zip",
    "tables": [
        {
            "file": "elever.txt",
            "resource": "persons",
            "encoding": "iso-8859-1",
            "delimiter": "semicolon",
            "head": 2,
            "count": r"Antal: (\d+)",
            "columns": {
                "Nr": "id",
                "Förnamn": "givenName",
                "Född": {"field": "birthDate", "date": "%y%m%d"},
                "Aktiv": {"field": "active", "boolean": ["Ja", "Nej"]},
            },
        },
        {
            "file": "klasser.txt",
            "resource": "persons",
            "into": "enrolments",
            "key": "Nr",
            "columns": {
                "Skola": "enroledAt.id",
                "Åk": {"field": "schoolYear", "number": True},
                "Ämnen": {"field": "subjects", "separated": ","},
                "Ändrad": {"field": "changed", "time": "%Y-%m-%d %H:%M", "zone": "Europe/Stockholm"},
            },
        },
    ],
}
PUPILS = 'Skolan\r\nAntal: 2\r\nNr;Förnamn;Född;Aktiv\r\n7;Åsa;150203;Ja\r\n8;"Bo; den andre";141224;nej\r\n'
CLASSES = (
    "Nr\tSkola\tÅk\tÄmnen\tÄndrad\n7\tTall\t3\tmu,sv\t2026-07-01 08:00\n7\tGran\t4\t\t2026-12-01 08:00\n"
)
READ = {
    "persons": (
        {
            "id": "7",
            "givenName": "Åsa",
            "birthDate": "2015-02-03",
            "active": True,
            "enrolments": [
                {
                    "enroledAt": {"id": "Tall"},
                    "schoolYear": 3,
                    "subjects": ["mu", "sv"],
                    "changed": "2026-07-01T08:00:00+02:00",
                },
                {"enroledAt": {"id": "Gran"}, "schoolYear": 4, "changed": "2026-12-01T08:00:00+01:00"},
            ],
        },
        {"id": "8", "givenName": "Bo; den andre", "birthDate": "2014-12-24", "active": False},
    )
}
DOCUMENT = """<?xml version="1.0" encoding="{encoding}"?>
<k:katalog xmlns:k="urn:k">
<k:elev id="7"><k:namn>Åsa</k:namn><k:plats skola="Tall"/><k:plats skola="Gran"/></k:elev>
<k:elev id="8"><k:namn>Bo</k:namn></k:elev></k:katalog>
"""
SCHEMA = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:k"
 elementFormDefault="qualified"><xs:element name="katalog"><xs:complexType><xs:sequence>
<xs:element name="elev" maxOccurs="unbounded"><xs:complexType><xs:sequence>
<xs:element name="namn" type="xs:string"/><xs:element name="plats" minOccurs="0" maxOccurs="unbounded">
<xs:complexType><xs:attribute name="skola"/></xs:complexType></xs:element>
</xs:sequence><xs:attribute name="id" type="xs:integer"/></xs:complexType></xs:element>
</xs:sequence></xs:complexType></xs:element></xs:schema>"""
XML: dict[str, Any] = {
    "id": "catalogue",
    "title": {"sv": "Katalog", "en": "Catalogue"},
    "format": "xml",
    "xsd": "/katalog.xsd",
    "namespaces": {"n": "urn:k"},
    "tables": [
        {"each": "//n:elev", "resource": "persons", "columns": {"@id": "id", "n:namn": "givenName"}},
        {
            "each": "//n:plats",
            "resource": "persons",
            "into": "enrolments",
            "key": "../@id",
            "columns": {"@skola": "enroledAt.id"},
        },
    ],
}


def dialect(settings: Mapping[str, Any]) -> Dialect:
    made: Dialect = TypeAdapter(Dialect).validate_python(settings)
    return made


def packed(files: Mapping[str, str | bytes] | None = None, **more: Any) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, file in {**(files or whole()), **more}.items():
            archive.writestr(name, file)
    return content.getvalue()


def whole(pupils: str = PUPILS, encoding: str = "iso-8859-1") -> dict[str, str | bytes]:
    return {"elever.txt": pupils.encode(encoding), "klasser.txt": CLASSES}


def text(content: bytes) -> Contents:
    return read_export(content, "text-zip", {}, dialect(TEXT))


def xml(content: str | bytes, schema: str | None = SCHEMA) -> Contents:
    given = content.encode() if isinstance(content, str) else content
    return read_export(given, "xml", {}, dialect(XML), schema.encode() if schema else None)


def kinds(contents: Contents) -> list[str]:
    return sorted({flaw.kind for flaw in contents.flaws})


def test_text_files_in_two_encodings_become_records() -> None:
    assert text(packed()) == Contents(READ)


def test_files_may_stand_in_a_folder_beside_others() -> None:
    inside = {f"uttag/{name}": file for name, file in whole().items()}
    assert text(packed(inside, **{"läsmig.txt": "hej"})) == Contents(READ)


def test_utf8_where_another_encoding_was_agreed_is_garbled() -> None:
    contents = text(packed(whole(encoding="utf-8")))
    assert any(flaw.kind == "encoding" and "garbled" in flaw.detail for flaw in contents.flaws)


def test_latin1_where_utf8_was_agreed_is_told_with_its_line() -> None:
    contents = text(packed({**whole(), "klasser.txt": CLASSES.encode("iso-8859-1")}))
    assert ("encoding", "klasser.txt", 1) in [(one.kind, one.file, one.line) for one in contents.flaws]


@pytest.mark.parametrize("wrong", ["FÃ¶rskollÃ¤rare", "F\u0094rskollärare", "F\ufffdrskollärare"])
def test_letters_that_were_spoiled_before_are_told(wrong: str) -> None:
    contents = text(packed({**whole(), "klasser.txt": CLASSES.replace("Gran", wrong)}))
    assert [(one.kind, one.line) for one in contents.flaws] == [("encoding", 3)]


@pytest.mark.parametrize("right", ["Çelik", "São", "JOÃO", "Łukasz", "Müller", "Zoë", "“citat” – tack"])
def test_letters_of_other_languages_are_nothing_wrong(right: str) -> None:
    assert text(packed({**whole(), "klasser.txt": CLASSES.replace("Gran", right)})).flaws == ()


def test_encoding_may_be_left_to_be_found_out() -> None:
    assert [detected("å".encode(name)) for name in ("utf-8", "iso-8859-1")] == ["utf-8", "cp1252"]


@pytest.mark.parametrize(
    ("pupils", "kind", "detail"),
    [
        (PUPILS.replace("Antal: 2", "Antal: 3"), "truncated", "says 3 rows, holds 2"),
        (PUPILS[:-12], "truncated", "the last line has no end"),
        (PUPILS.replace("Antal: 2", ""), "layout", "does not say how many"),
        (PUPILS.replace(";", "\t"), "layout", "seems to be separated by tab"),
        (PUPILS.replace(";Född", ";Fodd"), "layout", "lacks the columns Född"),
        (PUPILS.replace('"', ""), "layout", "5 values in 4 columns"),
        (PUPILS.replace("150203", "3 feb"), "layout", "Född: time data"),
        (PUPILS.replace(";Ja", ";Kanske"), "layout", "neither Ja nor Nej"),
        (PUPILS.replace('andre"', "andre"), "layout", "unexpected end of data"),
    ],
)
def test_what_is_wrong_with_a_text_file(pupils: str, kind: str, detail: str) -> None:
    assert any(one.kind == kind and detail in one.detail for one in text(packed(whole(pupils))).flaws), text(
        packed(whole(pupils))
    ).flaws


def test_rows_beside_a_bad_one_are_read_all_the_same() -> None:
    assert [one["id"] for one in text(packed(whole(PUPILS.replace('"', "")))).records["persons"]] == ["7"]


def test_a_file_that_is_not_there_is_told() -> None:
    contents = text(packed({"elever.txt": PUPILS.encode("iso-8859-1")}))
    assert [(one.kind, one.file) for one in contents.flaws] == [("layout", "klasser.txt")]


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "..\\..\\boot.ini", "C:\\boot.ini", "a/../../b", "x\0y"]
)
def test_names_that_lead_out_of_the_archive_are_refused(name: str) -> None:
    content = packed({name.replace("\0", "_"): "x"}).replace(b"x_y", b"x\0y")
    contents = text(content)
    assert kinds(contents) == ["unsafe"]
    assert not contents.records


def test_links_in_an_archive_are_refused() -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        link = zipfile.ZipInfo("elever.txt")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    assert kinds(text(content.getvalue())) == ["unsafe"]


def test_a_bomb_is_not_unpacked() -> None:
    content = packed({"elever.txt": bytes(64 * 1024 * 1024)})
    assert len(content) < 100_000
    assert kinds(text(content)) == ["unsafe"]


def test_too_many_files_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed_files, "MOST_FILES", 1)
    assert kinds(text(packed())) == ["unsafe"]


def test_an_archive_that_was_cut_off_is_told() -> None:
    assert kinds(text(packed()[:-40])) == ["truncated"]


def test_a_login_page_instead_of_an_archive_is_not_the_agreed_file() -> None:
    assert kinds(text(b"<html>Logga in</html>")) == ["layout"]


def test_xml_becomes_records() -> None:
    people = (
        {
            "id": "7",
            "givenName": "Åsa",
            "enrolments": [{"enroledAt": {"id": "Tall"}}, {"enroledAt": {"id": "Gran"}}],
        },
        {"id": "8", "givenName": "Bo"},
    )
    assert xml(DOCUMENT.format(encoding="utf-8")) == Contents({"persons": people})


@pytest.mark.parametrize("encoding", ["iso-8859-1", "utf-16", "windows-1252"])
def test_xml_says_its_own_encoding(encoding: str) -> None:
    contents = xml(DOCUMENT.format(encoding=encoding).encode(encoding))
    assert contents.flaws == ()
    assert contents.records["persons"][0]["givenName"] == "Åsa"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (DOCUMENT.format(encoding="utf-8").encode("iso-8859-1"), "encoding"),
        (DOCUMENT.format(encoding="iso-8859-1").encode(), "encoding"),
        (DOCUMENT.format(encoding="utf-8").encode()[:150], "truncated"),
        (DOCUMENT.format(encoding="utf-8").encode()[:90], "truncated"),
        (b"", "truncated"),
        (DOCUMENT.format(encoding="utf-8").replace("</k:namn>", "</namn>", 1).encode(), "layout"),
        (DOCUMENT.format(encoding="utf-8").replace('id="8"', 'id="åtta"').encode(), "schema"),
        (DOCUMENT.format(encoding="utf-8").replace("<k:namn>Bo", "<k:x/><k:namn>Bo").encode(), "schema"),
    ],
)
def test_what_is_wrong_with_an_xml_document(content: bytes, kind: str) -> None:
    assert kinds(xml(content)) == [kind]


def test_a_schema_that_is_not_there_is_told() -> None:
    assert kinds(xml(DOCUMENT.format(encoding="utf-8"), schema=None)) == ["unpublished"]


BOMB = '<!DOCTYPE k [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;">]>'
EXTERNAL = '<!DOCTYPE k [<!ENTITY a SYSTEM "file:///etc/hostname">]>'
REMOTE = '<!DOCTYPE k SYSTEM "http://127.0.0.1:9/k.dtd">'


@pytest.mark.parametrize("doctype", [BOMB, EXTERNAL, REMOTE])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_dtd_is_refused_unread(doctype: str, encoding: str) -> None:
    head, _, rest = DOCUMENT.format(encoding=encoding).partition("\n")
    contents = xml(f"{head}\n{doctype}\n{rest}".encode(encoding))
    assert kinds(contents) == ["unsafe"]
    assert not contents.records


def test_a_schema_that_reads_other_files_is_not_used() -> None:
    schema = SCHEMA.replace(
        "<xs:element", '<xs:include schemaLocation="file:///etc/hostname"/><xs:element', 1
    )
    with pytest.raises(Inconclusive, match=r"export\.schema-unusable"):
        xml(DOCUMENT.format(encoding="utf-8"), schema)


@pytest.mark.parametrize("schema", ["no schema", BOMB + SCHEMA, SCHEMA.replace("xs:integer", "xs:nothing")])
def test_a_schema_that_is_none_is_nobodys_finding(schema: str) -> None:
    with pytest.raises(Inconclusive, match=r"export\.schema-unusable"):
        xml(DOCUMENT.format(encoding="utf-8"), schema)
