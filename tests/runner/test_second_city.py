"""A second city: three requirements in Excel, imported, planned, run, and exported with verdicts beside."""

from pathlib import Path

import openpyxl
import pytest
from tests.runner.workspaces import AS_OF, Workspace

from kravkoll.contracts.layout import Layout, packaged
from kravkoll.contracts.workspace import load
from kravkoll.record import frozen_plan
from kravkoll.runner.plan import plan

ROWS: tuple[list[str | None], ...] = (
    ["Kravspecifikation skolsystem, bilaga 3", None, None, None, None],
    ["Leverantören besvarar alla krav.", None, None, None, None],
    [],
    ["Krav-id", "Kravtext", "Ska/Bör", "Område", "Motsvarar"],
    ["3.1 Säkerhet", None, None, None, None],
    ["3.1.1", "All trafik ska vara krypterad.", "SKA", "Kryptering", "ENC-01"],
    ["3.1.2", "Leverantören ska ha en krisplan.", "Ska ", "Rutiner", "ROU-02"],
    [],
    ["3.1.3", "Systemet bör ha mörkt läge.", "bör", "Gränssnitt", None],
)
CONTRACTS = {
    "agreements/agreements.yaml": """\
agreements:
- id: tempus
  title: {sv: "Närvaro", en: "Attendance"}
  supplier: tempus
  systems: [tempus]
  school_forms: [FS]
  status: in-force
  source: {clause: "Avtal 2026-17"}
""",
    "acceptance.yaml": """\
rules:
- id: standard
  from: 2026-01-01
  phases:
  - {phase: acceptance, decides: "Förvaltningschefen"}
""",
}


@pytest.fixture
def city(tmp_path: Path) -> Workspace:
    """A workspace with two systems of the package's, an agreement and a rule; and no requirement yet."""
    own = Workspace(tmp_path)
    for name, text in CONTRACTS.items():
        own.write(f"contracts/{name}", text)
    for supplier in ("tempus", "ber-supplier"):
        file = packaged() / "contracts" / "suppliers" / f"{supplier}.yaml"
        own.write(f"contracts/suppliers/{supplier}.yaml", file.read_text(encoding="utf-8"))
    own.write(
        "contracts/environments/demo.yaml",
        "id: demo\nkind: simulated\nthrowaway: true\nregister: ber\n"
        "systems: {ber: {standin: ber}, tempus: {standin: tempus}}\n",
    )
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.title = "Krav"
    for row in ROWS:
        sheet.append(row)
    book.save(tmp_path / "kravspec.xlsx")
    return own


def imported(city: Workspace, *arguments: str) -> str:
    done = city.kravkoll("import", str(city.root / "kravspec.xlsx"), "--from", "2026-01-01", *arguments)
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


def test_from_excel_to_a_plan_under_the_citys_own_numbers(city: Workspace) -> None:
    said = imported(city)
    assert "3 krav, 2 av dem med kontroller" in said
    assert "SCH-K3.1.3 (Krav E9)" in said
    workspace = load(Layout(city.root))
    assert list(workspace.requirements) == ["ENC-K3.1.1", "ROU-K3.1.2", "SCH-K3.1.3"]
    made = plan(workspace, "tempus", AS_OF)
    assert {r for row in made.rows for r in row.requirements} == {"ENC-K3.1.1", "ROU-K3.1.2"}
    assert made.no_rows == {"SCH-K3.1.3": "check.untied"}


def test_an_import_that_would_change_something_asks_first(city: Workspace) -> None:
    imported(city)
    book = openpyxl.load_workbook(city.root / "kravspec.xlsx")
    book.worksheets[0]["B6"] = "All trafik ska vara krypterad, även intern."
    book.save(city.root / "kravspec.xlsx")
    asked = city.kravkoll("import", str(city.root / "kravspec.xlsx"))
    assert asked.returncode == 4
    assert "ENC-K3.1.1" in asked.stdout
    assert "--replace" in asked.stderr
    assert "även intern" not in (city.root / "contracts/requirements/kravspec.yaml").read_text(
        encoding="utf-8"
    )
    assert "1 av dem" not in imported(city, "--replace")
    assert "även intern" in (city.root / "contracts/requirements/kravspec.yaml").read_text(encoding="utf-8")


def test_faults_are_told_by_cell_and_nothing_is_written(city: Workspace) -> None:
    book = openpyxl.load_workbook(city.root / "kravspec.xlsx")
    book.worksheets[0]["C6"], book.worksheets[0]["C9"] = "skal", "borde"
    book.save(city.root / "kravspec.xlsx")
    done = city.kravkoll("import", str(city.root / "kravspec.xlsx"))
    assert done.returncode == 4
    lines = done.stderr.splitlines()
    assert "kravspec.xlsx, blad Krav, cell C6: 'skal' är varken ska eller bör; skriv ska" in lines
    assert any("cell C9: 'borde' är varken ska eller bör" in line for line in lines)
    assert not (city.root / "contracts" / "requirements").exists()


def test_a_run_judges_the_citys_requirements_and_an_export_tells_it(city: Workspace) -> None:
    imported(city)
    frozen = city.root / "plan.json"
    done = city.kravkoll(
        "plan",
        "--supplier",
        "tempus",
        "--environment",
        "demo",
        "--freeze",
        str(frozen),
        "--as-of",
        str(AS_OF),
    )
    assert done.returncode == 0, done.stderr
    run = city.run("--plan", str(frozen), "-k", "ENC- or ROU-")
    verdicts = {i: str(item.verdict) for i, item in run.assessment.requirements.items()}
    assert set(verdicts) == {"ENC-K3.1.1", "ROU-K3.1.2", "SCH-K3.1.3"}
    assert verdicts["SCH-K3.1.3"] == "not-tested"
    assert run.record.header["frozen_plan"]["digest"] == frozen_plan.read(frozen).digest
    assert {row.check for row in run.record.rows.values() if "ENC-K3.1.1" in row.requirements}
    written = city.root / "svar.xlsx"
    done = city.kravkoll("export", str(written), "--record", str(run.folder))
    assert done.returncode == 0, done.stderr
    sheet = openpyxl.load_workbook(written)["Krav"]
    rows = list(sheet.iter_rows(values_only=True))
    assert [row[:3] for row in rows[1:]] == [
        ("3.1.1", "All trafik ska vara krypterad.", "ska"),
        ("3.1.2", "Leverantören ska ha en krisplan.", "ska"),
        ("3.1.3", "Systemet bör ha mörkt läge.", "bör"),
    ]
    assert "SIMULERING" in str(rows[0][-2])
    assert rows[3][-2] == "Ej prövat"
    again = city.kravkoll("import", str(written))
    assert again.returncode == 0, again.stderr
    assert "är redan som i filen" in again.stdout


def test_texts_that_a_spreadsheet_would_run_stay_texts(city: Workspace) -> None:
    book = openpyxl.load_workbook(city.root / "kravspec.xlsx")
    cell = book.worksheets[0]["B6"]
    cell.value = '=HYPERLINK("http://example.invalid","Klicka")'
    cell.data_type = "s"
    book.save(city.root / "kravspec.xlsx")
    imported(city)
    written = city.root / "ut.xlsx"
    assert city.kravkoll("export", str(written)).returncode == 0
    there = openpyxl.load_workbook(written)["Krav"]["B2"]
    assert (there.data_type, there.value, there.quotePrefix) == ("s", cell.value, True)
    assert (
        city.kravkoll("export", str(written)).returncode == 4
    )  # never over a file that may have been filled in
