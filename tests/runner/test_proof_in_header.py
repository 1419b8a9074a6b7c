"""What the header says of the proof: which faults each check was shown to notice, in words."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kravkoll.contracts.layout import Layout, packaged
from kravkoll.contracts.workspace import load
from kravkoll.runner import header
from kravkoll.runner.duels import PROOF

FAULT = "tls.expired"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A run whose sources and workspace are those of the latest proof."""
    monkeypatch.setattr(header, "source_digest", lambda: "s")
    monkeypatch.setattr(header, "workspace_digest", lambda _: "w")
    duel = {"fault": FAULT, "caught": ["ENC-TLS-01"]}
    proof = {"source_digest": "s", "workspace_digest": "w", "holds": True, "duels": [duel, duel]}
    place = tmp_path / PROOF
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(proof), encoding="utf-8")
    order = SimpleNamespace(layout=SimpleNamespace(output=tmp_path))
    return SimpleNamespace(order=order, workspace=load(Layout(packaged())))


def test_each_fault_is_named_once_with_its_sentence(run: Any) -> None:
    told = header._proof(run)
    assert told is not None
    assert told["caught"] == {"ENC-TLS-01": [FAULT]}
    assert told["faults"] == {
        FAULT: {"sv": "Serverns certifikat har gått ut.", "en": "The server's certificate has expired."}
    }


def test_a_proof_of_other_sources_says_nothing(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(header, "source_digest", lambda: "other")
    assert header._proof(run) is None
