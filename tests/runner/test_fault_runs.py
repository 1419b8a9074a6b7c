"""A run against a simulated system with a fault: what its supplier would be told, and how to repeat it."""

import re
from pathlib import Path

import pytest
from tests.cli.test_cli import kravkoll

from kravkoll.contracts.errors import ConfigurationError
from kravkoll.contracts.layout import Layout, packaged
from kravkoll.contracts.workspace import Workspace, load
from kravkoll.record.journal import read
from kravkoll.runner.selecting import faulty


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    return load(Layout(packaged()))


def test_the_suppliers_own_system_is_broken_first(workspace: Workspace) -> None:
    demo = workspace.environment("demo")
    assert faulty(workspace, demo, workspace.supplier("tempus"), "tls.expired") == ("tempus", "tls.expired")
    assert faulty(workspace, demo, workspace.supplier("ber-supplier"), "tls.expired") == (
        "ber",
        "tls.expired",
    )
    assert faulty(workspace, demo, workspace.supplier("tempus"), "flow.fields") == ("ber", "flow.fields")
    assert faulty(workspace, demo, workspace.supplier("tempus"), "") is None


def test_a_mistyped_fault_names_the_nearest(workspace: Workspace) -> None:
    with pytest.raises(ConfigurationError, match=r"did you mean 'tls\.expired'"):
        faulty(workspace, workspace.environment("demo"), workspace.supplier("tempus"), "tls.expird")


def test_what_the_supplier_reads(tmp_path: Path) -> None:
    options = (
        "--env",
        "demo",
        "--supplier",
        "tempus",
        "--fault",
        "tls.expired",
        "--row",
        "ENC-TLS-01@tempus/api",
    )
    ended = kravkoll("run", *options, "--out", str(tmp_path))
    assert ended.returncode == 1
    assert "cert.expired" in ended.stdout
    assert "Fault put in on purpose: tls.expired" in ended.stdout
    repeat = r"--fault tls\.expired --as-of \S+ --row ENC-TLS-01@tempus/api"
    assert re.search(repeat, " ".join(ended.stdout.split()))
    assert read(tmp_path).header["standin_fault"] == "tls.expired"
