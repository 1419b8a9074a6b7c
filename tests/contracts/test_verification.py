"""A city's own requirements are verified by what they say that they equal, and by nothing else."""

from dataclasses import replace
from pathlib import Path

import pytest

from kravkoll.contracts.errors import ConfigurationError
from kravkoll.contracts.layout import Layout, packaged
from kravkoll.contracts.verification import checks_of, requirements_of
from kravkoll.contracts.workspace import Workspace, load

SUPPLIER = """\
id: lampan
name: Lampan
systems:
- {id: lampan, name: Lampan, functions: {sv: "Läsår", en: "School years"}, interfaces: [{id: api, kind: api}]}
"""
REQUIREMENT = """\
- id: %s
  text: {sv: "All trafik ska vara krypterad.", en: "All traffic shall be encrypted."}
  area: encryption
  level: shall
  basis: contract
  verify: test
  source: {number: "3.1", row: "krav.xlsx!Krav!A4"}
  from: 2026-01-01
"""


def city(folder: Path, *requirements: str) -> Layout:
    for name, text in {
        "suppliers/lampan.yaml": SUPPLIER,
        "requirements/krav.yaml": "requirements:\n" + "".join(requirements),
    }.items():
        path = folder / "contracts" / name
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
    return Layout(folder)


def test_an_own_number_that_looks_like_the_packages_is_verified_by_nothing(tmp_path: Path) -> None:
    """ENC-K01 is the first demand of a city, and not the package's ENC-01."""
    with pytest.raises(ConfigurationError, match="ENC-K01: no check verifies it"):
        load(city(tmp_path, REQUIREMENT % "ENC-K01"))


def test_what_equals_a_demand_of_the_package_is_verified_by_its_checks(tmp_path: Path) -> None:
    workspace = load(city(tmp_path, REQUIREMENT % "ENC-K3.1" + "  like: [ENC-01]\n"))
    theirs = [check.id for check in checks_of(workspace, workspace.requirements["ENC-K3.1"])]
    assert theirs == [check.id for check in workspace.checks.values() if "ENC-01" in check.verifies]
    assert requirements_of(workspace)["ENC-TLS-01"] == ("ENC-K3.1",)


def test_named_checks_verify(tmp_path: Path) -> None:
    workspace = load(city(tmp_path, REQUIREMENT % "ENC-K3.1" + "  checks: [ENC-TLS-02]\n"))
    assert [check.id for check in checks_of(workspace, workspace.requirements["ENC-K3.1"])] == ["ENC-TLS-02"]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("  like: [ENC-91]\n", "no demand 'ENC-91'"),
        ("  checks: [ENC-TLS-92]\n", "no check 'ENC-TLS-92' in this workspace; did you mean 'ENC-TLS-02'"),
    ],
)
def test_what_is_named_must_be_there(tmp_path: Path, said: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        load(city(tmp_path, REQUIREMENT % "ENC-K3.1" + said))


def test_the_order_of_the_card_is_kept() -> None:
    """Rows name their requirements in the card's order, whatever order the files have."""
    workspace: Workspace = load(Layout(packaged()))
    backwards = dict(reversed(list(workspace.requirements.items())))
    assert requirements_of(replace(workspace, requirements=backwards)) == requirements_of(workspace)
    assert requirements_of(workspace) == {check.id: check.verifies for check in workspace.checks.values()}
