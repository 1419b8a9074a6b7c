"""Faults typed into a workspace: all named at once, each with file, line, key and the likely fix."""

import shutil
from pathlib import Path

import pytest

from kravkoll.contracts import schemas
from kravkoll.contracts.documents import parse
from kravkoll.contracts.errors import ConfigurationError
from kravkoll.contracts.layout import Layout, packaged
from kravkoll.contracts.workspace import load

FAULTS = [
    # file, what is there, what is typed instead, what must be said
    (
        "requirements/encryption.yaml",
        "level: shall",
        "level: shal",
        ["level", "'shal'", "did you mean 'shall'?"],
    ),
    (
        "requirements/encryption.yaml",
        "basis: contract",
        "basys: contract",
        ["basys", "did you mean 'basis'?"],
    ),
    ("requirements/login.yaml", "id: LOG-01", "id: LOGIN-1", ["id", "'LOGIN-1'"]),
    ("suppliers/tempus.yaml", "kind: api", "kind: apy", ["kind", "did you mean 'api'?"]),
    (
        "suppliers/tempus.yaml",
        "tls.endpoint: {}",
        "tls.endpiont: {}",
        ["tls.endpiont", "did you mean 'tls.endpoint'?"],
    ),
    ("environments/demo.yaml", "register: ber", "register: bre", ["register", "'bre'", "ber"]),
    ("environments/demo.yaml", "standin: tempus", "standin: tempsu", ["standin", "did you mean 'tempus'?"]),
    ("flows.yaml", "sender: ber", "sender: beer", ["sender", "'beer'"]),
    ("acceptance.yaml", "from: 2023-10-26", "from: 2023-13-26", ["from", "2023-13-26", "date"]),
    ("acceptance.yaml", "  phases:", "  phases: [", ["not YAML"]),
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copytree(packaged() / "contracts", tmp_path / "contracts")
    return tmp_path


def faults_of(root: Path) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load(Layout(root))
    return [str(fault) for fault in caught.value.faults]


@pytest.mark.parametrize(("file", "there", "typed", "said"), FAULTS, ids=[f"{f[0]}-{f[2]}" for f in FAULTS])
def test_each_fault_is_named(root: Path, file: str, there: str, typed: str, said: list[str]) -> None:
    path = root / "contracts" / file
    text = path.read_text()
    assert there in text
    path.write_text(text.replace(there, typed, 1))
    line = text[: text.index(there)].count("\n") + 1
    told = [fault for fault in faults_of(root) if fault.startswith(f"contracts/{file}:")]
    assert any(all(word in fault for word in said) for fault in told), told
    assert any(abs(int(fault.split(":")[1]) - line) <= 1 for fault in told), told


def test_all_faults_come_at_once(root: Path) -> None:
    for file, there, typed, _ in FAULTS[:-1]:
        path = root / "contracts" / file
        path.write_text(path.read_text().replace(there, typed, 1))
    told = "\n".join(faults_of(root))
    for file, _, typed, _ in FAULTS[:-1]:
        assert file in told
        assert typed.split(": ")[-1].strip("{} ") in told or typed.split(":")[0] in told


def test_the_workspace_itself_has_no_fault() -> None:
    assert len(load(Layout(packaged())).requirements) >= 43


def test_schema_files_are_in_step_with_the_model(tmp_path: Path) -> None:
    schemas.write(tmp_path)
    for kind in schemas.KINDS:
        kept = packaged() / "contracts" / "schema" / f"{kind}.json"
        assert kept.read_text() == (tmp_path / f"{kind}.json").read_text(), "run `make schema`"


def test_double_keys_are_faults() -> None:
    with pytest.raises(ConfigurationError, match=r"f.yaml:3: a: stands twice \(first on line 1\)"):
        parse("a: 1\nb: 2\na: 3\n", "f.yaml")


def test_yaml_surprises_stay_text() -> None:
    document = parse("day: 2026-11-23\ncountry: no\ncode: 0180\nwhen: 12:30\n", "f.yaml")
    assert document.data == {"day": "2026-11-23", "country": "no", "code": "0180", "when": "12:30"}


SMALL = {
    "suppliers/lampan.yaml": """\
id: lampan
name: Lampan
systems:
- {id: lampan, name: Lampan, functions: {sv: "Läsår", en: "School years"}, interfaces: [{id: api, kind: api}]}
""",
    "requirements/encryption.yaml": """\
requirements:
- id: ENC-01
  text: {sv: "Krypterat.", en: "Encrypted."}
  area: encryption
  level: shall
  basis: contract
  verify: test
  source: {clause: "4.1"}
  from: 2026-01-01
""",
}


def test_a_city_that_bought_less_than_the_package_checks_has_no_fault(tmp_path: Path) -> None:
    for name, text in SMALL.items():
        path = tmp_path / "contracts" / name
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
    workspace = load(Layout(tmp_path))
    assert set(workspace.requirements) == {"ENC-01"}
    assert any("LOG-01" in check.verifies for check in workspace.checks.values())


def test_a_check_of_the_workspaces_own_must_verify_what_it_has(root: Path) -> None:
    own = root / "suites" / "encryption" / "checks.yaml"
    own.parent.mkdir(parents=True)
    text = (packaged() / "suites/encryption/checks.yaml").read_text(encoding="utf-8")
    own.write_text(text.replace("verifies: [ENC-01]", "verifies: [ENC-91]", 1), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="no requirement 'ENC-91'"):
        load(Layout(root))


@pytest.mark.parametrize(
    ("city", "said"),
    [
        ("{certificate: nowhere.pem, key: 'file:key.pem'}", "nowhere.pem is no file"),
        ("{key: 'env:KEY'}", "lacks the key 'certificate'"),
        ("{ports: {register: 8443, identity-provider: 8443}}", "8443 stands twice"),
        ("{ports: {registr: 8443}}", "registr"),
        ("{public_name: 'https://city.example'}", "public_name"),
    ],
)
def test_a_city_side_that_cannot_be_opened_is_a_fault(root: Path, city: str, said: str) -> None:
    file = root / "contracts/environments/demo.yaml"
    file.write_text(file.read_text(encoding="utf-8") + f"city: {city}\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as wrong:
        load(Layout(root))
    assert said in str(wrong.value)
    assert "environments/demo.yaml:" in str(wrong.value)
