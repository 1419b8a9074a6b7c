"""Debian's Chromium and the pages that it reads: every kind of page, from small records."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from tests.views.records import TEMPLATES, Run, typical

from kravkoll import views
from kravkoll.contracts.layout import Layout, packaged
from kravkoll.contracts.workspace import load
from kravkoll.runner.freezing import freeze
from kravkoll.runner.plan import plan
from kravkoll.views import plan_document

PROGRAMS = ("chromium", "chromium-browser")


@pytest.fixture(scope="module")
def chromium() -> str:
    """Chromium, installed if root may; CI fails without it, others skip with the reason."""
    found = _installed()
    reason = "chromium is missing and only root may install it"
    if not found and os.environ.get("CI") and os.geteuid() == 0:
        reason = _install()
        found = _installed()
    if found:
        return found
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def _installed() -> str | None:
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


def _install() -> str:
    """Why it could not be installed; empty if it could. The package lists may be old or absent."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "--yes", "--no-install-recommends", "chromium"]
    said = ""
    for command in (install, ["apt-get", "update"], install):
        try:
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=600, check=False
            )
        except (FileNotFoundError, subprocess.TimeoutExpired) as error:
            return f"chromium cannot be installed: {error}"
        if command is install and done.returncode == 0:
            return ""
        said = done.stderr[-500:]
    return f"chromium cannot be installed: {said}"


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """One Chromium for all pages; root needs --no-sandbox."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A page of every kind by name, as `run` and `report --index` write them."""
    folder = tmp_path_factory.mktemp("pages")
    written: dict[str, Path] = {}
    for name, run in _runs().items():
        place = folder / name
        run.write(place / "run", finish=name != "cut-off", results=3 if name == "cut-off" else None)
        vacant = Run(
            supplier="vacant", name="Ännu inte upphandlad", kind=run.kind, header={"procured": False}
        )
        vacant.need("ENC-01")
        folders = [place / "run", vacant.write(place / "vacant")]
        views.write_all(folders[1], templates=TEMPLATES)
        files = views.write_all(folders[0], templates=TEMPLATES)
        files |= views.write_index(place, folders, templates=TEMPLATES)
        written |= {f"{name} {kind}": path for kind, path in files.items()}
    return written | {f"plan {kind}": path for kind, path in _plan(folder).items()}


def _plan(folder: Path) -> dict[str, Path]:
    """The document of a frozen plan."""
    workspace, day = load(Layout(packaged())), date(2026, 11, 23)
    frozen = freeze(workspace, plan(workspace, "tempus", day), workspace.environment("demo"), day)
    return plan_document.write_all(frozen, folder / "plan.json", TEMPLATES)


def _runs() -> dict[str, Run]:
    """A simulated run, a real one by the supplier with permission, and one that was cut off."""
    simulated = typical()
    second = {"id": "old", "title": {"sv": "Äldre avtal", "en": "Older agreement"}, "systems": ["old"]}
    agreements = simulated._header()["agreements"]
    simulated.header["agreements"] = [*agreements, agreements[0] | second | {"status": "ending"}]
    simulated.header["proof"] = {
        "digest": "c" * 64,
        "holds": True,
        "caught": {"ENC-TLS-02": ["tls.tls10"]},
        "faults": {"tls.tls10": {"sv": "Servern tar emot TLS 1.0.", "en": "The server accepts TLS 1.0."}},
    }
    simulated.header["catalogue"] = {"encryption": {"rows": 41, "covered": 9}}
    real = typical("test")
    real.header["ran_by"] = {"side": "supplier", "who": "Tempus"}
    real.header["partial"] = {"selection": "-k ENC-"}
    real.header["authorisation"] = {
        "document_sha256": "d" * 64,
        "from": "2026-11-01T00:00:00+01:00",
        "until": "2026-12-01T00:00:00+01:00",
        "hosts": ["api.tempus.example"],
        "contacts": ["drift@tempus.example"],
        "stop": "08-123 45 67",
    }
    return {"simulated": simulated, "real": real, "cut-off": typical()}
