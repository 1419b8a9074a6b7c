"""Calls the checks of the login suite on a subject that a test has made, and says what they said."""

import importlib.util
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

from kravkoll.checks.subject import Memo, Subject
from kravkoll.city.city import City
from kravkoll.record.outcome import Inconclusive, NotMet

ROOT = Path(__file__).parents[2]


def suite(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "suites" / "login" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def subject_at(url: str, city: City, capabilities: Mapping[str, Mapping[str, Any]]) -> Subject:
    return Subject(
        row="row", supplier="supplier", system="system", interface="api", kind="api", address=url,
        capabilities=capabilities, trust=city.ca.anchor_pem, hooks={}, memo=Memo(), as_of=date(2026, 11, 23),
        timeout_seconds=5,
    )  # fmt: skip


def said(function: Callable[[], None]) -> str:
    """`met`, the finding codes, or the reason code."""
    try:
        function()
    except NotMet as breach:
        return " ".join(finding.code for finding in breach.findings)
    except Inconclusive as unseen:
        return unseen.reason.code
    return "met"
