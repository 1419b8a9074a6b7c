"""Requirement specifications as people write them: read as they are meant, each fault named by its cell."""

import zipfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.styles import Font
from openpyxl.worksheet.worksheet import Worksheet

from kravkoll.contracts import importing, workbook
from kravkoll.contracts.layout import Layout, packaged
from kravkoll.contracts.specification import Found, Wishes, find
from kravkoll.contracts.specified import Catalogue, Reader, Specified, own_number
from kravkoll.contracts.vocabulary import Vocabulary
from kravkoll.contracts.workspace import load_trusted

HEADINGS = ["Krav-id", "Kravtext", "Ska/Bör", "Område", "Verifieras genom", "Motsvarar"]
ENCRYPTED = ["K1", "All trafik ska vara krypterad.", "Ska", "Kryptering", "Test", "ENC-01"]
WORDS = Vocabulary("sv")


@pytest.fixture(scope="module")
def known() -> Catalogue:
    package = load_trusted(Layout(packaged()), only=("requirements", "checks"))
    return Catalogue(package.requirements, package.checks, frozenset({"tempus", "ber"}))


class Specification:
    """A workbook to be written, read and judged."""

    def __init__(self, folder: Path, known: Catalogue) -> None:
        self.path = folder / "kravspec.xlsx"
        self.known = known
        self.book = openpyxl.Workbook()
        self.sheet = self.book.worksheets[0]
        self.sheet.title = "Krav"

    def rows(self, *rows: Sequence[Any]) -> Worksheet:
        for row in rows:
            self.sheet.append(list(row))
        return self.sheet

    def find(self, wishes: Wishes = Wishes()) -> Found:  # noqa: B008  # frozen
        self.book.save(self.path)
        return find(workbook.read(self.path), wishes, WORDS)

    def read(self, wishes: Wishes = Wishes()) -> tuple[list[Specified], list[str], list[str]]:  # noqa: B008  # frozen
        found = self.find(wishes)
        reader = Reader(self.known, WORDS)
        specified = [reader.read(entry) for entry in found.entries]
        return specified, [str(fault) for fault in (*found.faults, *reader.faults)], found.notices

    def requirements(self, wishes: Wishes = Wishes()) -> list[dict[str, Any]]:  # noqa: B008  # frozen
        specified, faults, _ = self.read(wishes)
        assert faults == []
        return [one.requirement for one in specified]

    def faults(self) -> list[str]:
        return self.read()[1]

    def notices(self) -> str:
        return "\n".join(self.read()[2])


@pytest.fixture
def krav(tmp_path: Path, known: Catalogue) -> Specification:
    return Specification(tmp_path, known)


# -- what is read --------------------------------------------------------------------------------------------


def test_title_and_notes_stand_above_the_headings(krav: Specification) -> None:
    krav.rows(["Kravspecifikation 2026"], ["Alla krav ska besvaras i kolumn G."], [], HEADINGS, ENCRYPTED)
    krav.sheet.merge_cells("A1:F1")
    (one,) = krav.requirements()
    assert one["id"] == "ENC-K1"
    assert one["source"] == {"number": "K1", "row": "kravspec.xlsx!Krav!A5"}
    assert (one["level"], one["area"], one["verify"], one["like"]) == (
        "shall",
        "encryption",
        "test",
        ["ENC-01"],
    )


@pytest.mark.parametrize(
    ("number", "own"),
    [
        ("14", "14"), ("K14", "14"), ("Krav 14", "14"), ("krav-14", "14"), ("3.1.10", "3.1.10"),
        ("014", "014"), ("IT-SÄK-7", "IT.SAK.7"), ("ENC-01", "ENC.01"), ("RA-14", "RA.14"),
        ("§ 4 a", "4.A"), ("--", ""),
    ],
)  # fmt: skip
def test_the_citys_number_makes_the_id(number: str, own: str) -> None:
    """Never one of the package's own, such as ENC-01: that of a city is another."""
    assert own_number(number) == own


@pytest.mark.parametrize(("written", "read"), [
    ("SKA", "shall"), (" skall ", "shall"), ("Ska-krav", "shall"), ("bör", "should"), ("BÖR-krav", "should"),
    ("Obligatoriskt", "shall"), ("Önskvärt", "should"), ("ska*", "shall"),
])  # fmt: skip
def test_ska_and_bor_in_any_case(krav: Specification, written: str, read: str) -> None:
    krav.rows(HEADINGS, [*ENCRYPTED[:2], written, *ENCRYPTED[3:]])
    assert krav.requirements()[0]["level"] == read


def test_ska_and_bor_may_be_columns_to_tick(krav: Specification) -> None:
    krav.rows(["Nr", "Krav", "Ska", "Bör", "Område"], ["1", "Trafik krypteras.", "X", None, "Kryptering"],
              ["2", "Nycklar byts.", None, "x", "Kryptering"])  # fmt: skip
    assert [one["level"] for one in krav.requirements()] == ["shall", "should"]


def test_without_a_column_the_text_says_ska_or_bor(krav: Specification) -> None:
    krav.rows(["Nr", "Krav", "Område"], ["1", "Trafik ska krypteras.", "Kryptering"],
              ["2", "Nycklar bör bytas.", "Kryptering"])  # fmt: skip
    assert [one["level"] for one in krav.requirements()] == ["shall", "should"]
    assert "lästes ur kravtexten" in krav.notices()


def test_numbers_are_read_as_they_are_shown(krav: Specification) -> None:
    """1.10 that Excel holds as 1.1 is shown by its format; whole figures have no decimals."""
    sheet = krav.rows(HEADINGS, [1.1, *ENCRYPTED[1:]], [14, *ENCRYPTED[1:]], ["3.10", *ENCRYPTED[1:]])
    sheet["A2"].number_format = "0.00"
    assert [one["source"]["number"] for one in krav.requirements()] == ["1.10", "14", "3.10"]


def test_headings_between_rows_give_the_area_and_are_told(krav: Specification) -> None:
    krav.rows(["Nr", "Kravtext", "Ska/Bör"], ["2", "Inloggning"], ["2.1", "Logga in.", "ska"],
              ["3. Sekretess"], ["3.1", "Skydda.", "bör"])  # fmt: skip
    krav.sheet.merge_cells("A4:C4")
    assert [one["id"] for one in krav.requirements()] == ["LOG-K2.1", "SEC-K3.1"]
    assert "rad 2 lästes som rubrik: '2 Inloggning'" in krav.notices()


def test_a_sheet_for_each_area(krav: Specification) -> None:
    krav.rows(["Nr", "Kravtext", "Ska/Bör"], ["1", "Kryptera.", "ska"])
    krav.sheet.title = "1. Kryptering"
    other = krav.book.create_sheet("Rutiner")
    for row in (["Nr", "Kravtext", "Ska/Bör"], ["1", "Ha rutiner.", "ska"]):
        other.append(row)
    krav.book.create_sheet("Instruktion").append(["Fyll i allt."])
    assert [one["id"] for one in krav.requirements()] == ["ENC-K1", "ROU-K1"]


def test_merged_cells_reach_down(krav: Specification) -> None:
    krav.rows(HEADINGS, ENCRYPTED, ["K2", "Certifikat ska vara giltiga.", "Ska", None, "Test", None])
    krav.sheet.merge_cells("D2:D3")
    assert [one["area"] for one in krav.requirements()] == ["encryption", "encryption"]


def test_line_breaks_empty_rows_and_repeated_headings(krav: Specification) -> None:
    headings = ["Krav-\nid *", "Kravtext:", "Ska/\nBör", "Område"]
    first, second = (
        ["K1", "En rad.\r\nEn till.  ", "ska", "Kryptering"],
        ["K2", "Två rader.", "ska", "Kryptering"],
    )
    krav.rows(headings, [], first, [], headings, second)
    assert [one["text"]["sv"] for one in krav.requirements()] == ["En rad.\nEn till.", "Två rader."]


def test_columns_may_be_named(krav: Specification) -> None:
    krav.rows(["Ref nr.", "Vad vi vill", "Hur viktigt"], ["1", "Kryptera.", "ska"])
    wishes = Wishes({"nr": "A", "text": "vad vi vill", "ska/bör": "C"}, 1, (), "encryption")
    assert krav.requirements(wishes)[0]["level"] == "shall"


@pytest.mark.parametrize(("said", "read"), [
    ("Intyg från leverantören", "document"), ("Test och dokument", "both"), ("Demonstration", "test"),
    ("-", "test"),
])  # fmt: skip
def test_how_it_is_verified_may_be_a_sentence(krav: Specification, said: str, read: str) -> None:
    krav.rows(HEADINGS, [*ENCRYPTED[:4], said, "ENC-01"])
    assert krav.requirements()[0]["verify"] == read


def test_what_it_equals_says_how_it_is_verified_and_where(krav: Specification) -> None:
    krav.rows(["Nr", "Kravtext", "Ska/Bör", "Motsvarar"], ["1", "Krishantering.", "ska", "ROU-02"],
              ["2", "Behörighet krävs.", "ska", "log-06"])  # fmt: skip
    crisis, access = krav.requirements()
    assert (crisis["id"], crisis["verify"]) == ("ROU-K1", "document")
    assert access["applies"] == {"interfaces": ["api"]}


def test_what_nothing_verifies_says_so(krav: Specification) -> None:
    krav.rows(HEADINGS, [*ENCRYPTED[:5], None])
    assert krav.requirements()[0]["unchecked"]["sv"] == "Ingen kontroll är knuten till kravet än."


# -- what is told --------------------------------------------------------------------------------------------


def test_every_fault_at_once_by_cell_with_its_fix(krav: Specification) -> None:
    krav.rows(
        HEADINGS,
        ["K1", "Text ett.", "skal", "Kryptering", "Test", "ENC-01"],
        ["K2", "Text två.", "ska", "Krypering", "Test", None],
        ["K3", "Text tre.", "ska", "Kryptering", "Gissning", "ENC-91"],
        ["K1", "Text fyra.", "ska", "Kryptering", "Test", None],
        [None, "Text fem.", "ska", "Kryptering", "Test", None],
        ["K6", None, "ska", "Kryptering", "Test", None],
        ["K7", "Systemet ska finnas.", None, "Kryptering", "Test", None],
        ["!!", "Text åtta.", "ska", "Kryptering", "Test", None],
        ["K9", "Text nio.", "ska", None, "Test", None],
    )
    told = krav.faults()
    place = "kravspec.xlsx, blad Krav, cell "
    for cell, said in {
        "C2": "'skal' är varken ska eller bör; skriv ska",
        "D3": "'Krypering' är inget av kryptering",
        "E4": "'Gissning' är inget av test, dokument eller båda; skriv test, dokument eller båda",
        "F4": "'ENC-91' är inget krav i Kravkolls katalog; menas ENC-0",
        "A5": "'K1' står redan i A2; skriv ett eget nummer",
        "A6": "kravet saknar nummer; skriv ett nummer i kolumn A",
        "B7": "kravet saknar text; skriv den i kolumn B",
        "C8": "det står varken ska eller bör; skriv ska eller bör",
        "A9": "'!!' har varken siffror eller bokstäver",
        "D10": "kravets område framgår inte; skriv kryptering, inloggning",
    }.items():
        assert any(f"{place}{cell}: {said}" in fault for fault in told), (cell, told)
    assert len(told) == 10
    assert any(fault.endswith("skriv kryptering") for fault in told)


def test_numbers_that_excel_has_changed(krav: Specification) -> None:
    krav.rows(HEADINGS, [date(2026, 2, 1), *ENCRYPTED[1:]], *([1.1, *ENCRYPTED[1:]] for _ in range(2)))
    told = krav.faults()
    assert any("A2: Excel har gjort om numret till ett datum" in fault for fault in told)
    assert any("A4: '1.1' är ett tal, så 1.10 och 1.1 blir samma" in fault for fault in told)


def test_formulas_are_their_saved_values_or_a_fault(krav: Specification, tmp_path: Path) -> None:
    krav.rows(HEADINGS, ["=A9+1", *ENCRYPTED[1:]])
    assert any("A2: är en formel utan sparat värde; skriv värdet" in fault for fault in krav.faults())
    saved = tmp_path / "saved.xlsx"
    with zipfile.ZipFile(krav.path) as before, zipfile.ZipFile(saved, "w") as after:
        for name in before.namelist():
            part = before.read(name).replace(b"<f>A9+1</f><v />", b"<f>A9+1</f><v>14</v>")
            after.writestr(name, part.replace(b"<f>A9+1</f><v></v>", b"<f>A9+1</f><v>14</v>"))
    found = find(workbook.read(saved), Wishes(), WORDS)
    assert [entry.text("number") for entry in found.entries] == ["14"]
    assert "formler lästes som sina sparade värden: A2" in "\n".join(found.notices)


def test_what_a_person_may_have_overlooked_is_told(krav: Specification) -> None:
    sheet = krav.rows([*HEADINGS, "Viktning", "Leverantörens svar"], ENCRYPTED, ["K2", *ENCRYPTED[1:]])
    sheet.row_dimensions[3].hidden = True
    sheet.column_dimensions["E"].hidden = True
    sheet["B2"].font = Font(strike=True)
    hidden = krav.book.create_sheet("Gammalt")
    hidden.append(HEADINGS)
    hidden.append(["K9", *ENCRYPTED[1:]])
    hidden.sheet_state = "hidden"
    told = krav.notices()
    for said in (
        "dolda rader lästes också: 3",
        "dolda kolumner lästes också: E",
        "överstruken text lästes som gällande krav: B2",
        "blad Gammalt: bladet är dolt och lästes inte",
        "kolumner som inte lästes: G (Viktning)",
    ):
        assert said in told
    assert len(krav.requirements()) == 2


@pytest.mark.parametrize(("content", "code"), [
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "file.xls"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "file.locked"),
    (b"Nr;Krav\n1;ska", "file.kind"),
    (b"", "file.kind"),
    (b"PK\x03\x04 cut off", "file.kind"),
])  # fmt: skip
def test_files_that_are_no_workbooks(tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "kravspec.xlsx"
    path.write_bytes(content)
    with pytest.raises(workbook.UnreadableWorkbook) as caught:
        workbook.read(path)
    assert caught.value.code == code


def _repacked(path: Path, name: str, part: bytes) -> None:
    with zipfile.ZipFile(path) as archive:
        parts = {one: archive.read(one) for one in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for one, content in {**parts, name: part}.items():
            archive.writestr(one, content)


def test_a_bomb_is_never_unpacked(krav: Specification) -> None:
    krav.rows(HEADINGS, ENCRYPTED)
    krav.book.save(krav.path)
    _repacked(krav.path, "xl/media/image1.bin", bytes(workbook.MOST_BYTES + 1))
    assert krav.path.stat().st_size < 200_000
    with pytest.raises(workbook.UnreadableWorkbook) as caught:
        workbook.read(krav.path)
    assert caught.value.code == "file.bomb"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_never_expanded(krav: Specification, encoding: str) -> None:
    krav.rows(HEADINGS, ENCRYPTED)
    krav.book.save(krav.path)
    laughs = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><x>&b;</x>'
    _repacked(krav.path, "xl/sharedStrings.xml", laughs.encode(encoding))
    with pytest.raises(workbook.UnreadableWorkbook) as caught:
        workbook.read(krav.path)
    assert caught.value.code == "file.entities"


def test_damage_is_told_and_not_thrown(krav: Specification) -> None:
    krav.rows(HEADINGS, ENCRYPTED)
    krav.book.save(krav.path)
    _repacked(krav.path, "xl/worksheets/sheet1.xml", b"<worksheet><sheetData><row r='x'>")
    with pytest.raises(workbook.UnreadableWorkbook) as caught:
        workbook.read(krav.path)
    assert caught.value.code == "file.broken"


def test_macros_and_links_are_left_alone_and_told(krav: Specification) -> None:
    krav.rows(HEADINGS, ENCRYPTED)
    krav.book.save(krav.path)
    _repacked(krav.path, "xl/vbaProject.bin", b"Auto_Open")
    _repacked(krav.path, "xl/externalLinks/externalLink1.xml", b"<externalLink/>")
    told = "\n".join(find(workbook.read(krav.path), Wishes(), WORDS).notices)
    assert "makron i filen kördes inte" in told
    assert "länkar till andra filer följdes inte" in told


def test_a_file_without_requirements_says_what_it_should_have(krav: Specification) -> None:
    krav.rows(["Hej"], ["Detta är ingen kravspecifikation, men det ska se ut så."])
    assert any("har inget blad med en rubrikrad för krav" in fault for fault in krav.faults())


def test_a_thousand_requirements_are_read_in_seconds(krav: Specification) -> None:
    krav.rows(HEADINGS, *([f"K{n}", *ENCRYPTED[1:]] for n in range(1000)))
    assert len(krav.requirements()) == 1000


# -- what is written -----------------------------------------------------------------------------------------


def prepared(krav: Specification, target: Path) -> importing.Prepared:
    specified, faults, _ = krav.read()
    made = importing.prepare(specified, krav.path.name, target, krav.known, "2026-01-01")
    assert [*faults, *importing.faults(made, specified, WORDS)] == []
    return made


def test_nothing_is_overwritten_in_silence(krav: Specification, tmp_path: Path) -> None:
    target = tmp_path / "contracts" / "requirements" / "kravspec.yaml"
    krav.rows(HEADINGS, ENCRYPTED, ["K2", *ENCRYPTED[1:]])
    first = prepared(krav, target)
    assert (first.count("new"), first.overwrites) == (2, False)
    first.write()
    assert prepared(krav, target).changes == ()
    krav.sheet["B2"] = "All trafik bör vara krypterad."
    krav.sheet["C2"] = "bör"
    krav.sheet.delete_rows(3)
    krav.rows(["K3", *ENCRYPTED[1:]])
    second = prepared(krav, target)
    assert [(c.kind, c.id, c.fields) for c in second.changes] == [
        ("changed", "ENC-K1", ("text", "level")), ("new", "ENC-K3", ()), ("removed", "ENC-K2", ()),
    ]  # fmt: skip
    assert second.overwrites


def test_a_row_that_only_moved_is_no_change(krav: Specification, tmp_path: Path) -> None:
    target = tmp_path / "contracts" / "requirements" / "kravspec.yaml"
    krav.rows(HEADINGS, ENCRYPTED)
    prepared(krav, target).write()
    krav.sheet.insert_rows(1, 3)
    again = prepared(krav, target)
    assert again.changes == ()
    assert again.requirements[0]["source"]["row"] == "kravspec.xlsx!Krav!A5"


def test_what_the_file_has_no_column_for_is_kept(krav: Specification, tmp_path: Path) -> None:
    target = tmp_path / "contracts" / "requirements" / "kravspec.yaml"
    krav.rows(HEADINGS, ENCRYPTED)
    prepared(krav, target).write()
    text = target.read_text(encoding="utf-8")
    text = text.replace("    en: All trafik ska vara krypterad.", "    en: All traffic shall be encrypted.")
    text = text.replace(
        "  basis: contract\n", "  basis: interpretation\n  adopted: {by: Nämnden, on: 2026-02-01}\n"
    )
    target.write_text(
        text.replace("  like:\n", "  applies: {systems: [tempus]}\n  tags: [viktig]\n  like:\n"),
        encoding="utf-8",
    )
    (kept,) = prepared(krav, target).requirements
    assert kept["text"]["en"] == "All traffic shall be encrypted."
    assert kept["basis"] == "interpretation"
    assert kept["adopted"]["by"] == "Nämnden"
    assert (kept["applies"], kept["tags"]) == ({"systems": ["tempus"]}, ["viktig"])
    assert not prepared(krav, target).overwrites


def test_an_id_of_another_file_is_told_by_cell(krav: Specification, tmp_path: Path) -> None:
    folder = tmp_path / "contracts" / "requirements"
    krav.rows(HEADINGS, ENCRYPTED)
    prepared(krav, folder / "one.yaml").write()
    specified, _, _ = krav.read()
    made = importing.prepare(specified, "kravspec.xlsx", folder / "two.yaml", krav.known, "")
    (fault,) = importing.faults(made, specified, WORDS)
    assert str(fault) == (
        "kravspec.xlsx, blad Krav, cell A2: 'ENC-K1' finns redan i one.yaml; "
        "ge kravet ett annat nummer eller ta bort det där"
    )
    assert importing.target_of(tmp_path / "contracts", "two", specified) == folder / "one.yaml"


def test_the_sentences_have_the_same_blanks_in_both_languages() -> None:
    import string  # noqa: PLC0415  # for this test alone

    import yaml  # noqa: PLC0415  # as above

    from kravkoll.contracts.vocabulary import FILE  # noqa: PLC0415  # as above

    for code, said in yaml.safe_load(FILE.read_text(encoding="utf-8"))["messages"].items():
        blanks = [
            {name for _, name, _, _ in string.Formatter().parse(said[language])} for language in ("sv", "en")
        ]
        assert blanks[0] == blanks[1], code


def test_what_an_export_wrote_is_no_change(krav: Specification, tmp_path: Path) -> None:
    """An export tells the day of each requirement; the file has it once, among its defaults."""
    target = tmp_path / "contracts" / "requirements" / "kravspec.yaml"
    krav.rows(HEADINGS, ENCRYPTED)
    prepared(krav, target).write()
    krav.sheet["G1"], krav.sheet["G2"] = "Gäller från", "2026-01-01"
    assert prepared(krav, target).changes == ()
    krav.sheet["G2"] = "2026-02-01"
    (change,) = prepared(krav, target).changes
    assert (change.kind, change.fields) == ("changed", ("from",))
