"""Nothing unredacted touches the disk, and a digest always is of the bytes that lie there."""

import json
from hashlib import sha256
from pathlib import Path

import pytest

from kravkoll.record.evidence import DamagedEvidence, EvidenceClass, EvidenceStore
from kravkoll.record.redaction import Redactor

NUMBER = "198507099805"


@pytest.fixture
def store(tmp_path: Path) -> EvidenceStore:
    return EvidenceStore(tmp_path / "evidence", Redactor())


@pytest.mark.parametrize(
    "payload",
    [
        *(f"pnr {NUMBER}", f"pnr {NUMBER}".encode(), {"pnr": NUMBER}, [NUMBER], int(NUMBER), NUMBER),
        {"raw": f'{{"a": "{NUMBER}"}}', NUMBER: 1},
    ],
)
def test_what_lies_on_the_disk_is_redacted_and_so_is_its_digest(
    payload: object, store: EvidenceStore, tmp_path: Path
) -> None:
    evidence = store.put(payload, "text/plain")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    kept = files[0].read_bytes()
    assert len(files) == 1
    assert NUMBER.encode() not in kept
    assert b"[masked:" in kept
    assert evidence.digest == f"sha256:{sha256(kept).hexdigest()}"
    assert evidence.size == len(kept)
    assert store.get(evidence.digest) == kept


def test_json_is_kept_as_json_and_the_order_of_keys_does_not_matter(store: EvidenceStore) -> None:
    first = store.put({"a": 1, "b": [NUMBER, 2.5]})
    second = store.put({"b": [NUMBER, 2.5], "a": 1})
    assert first == second
    assert json.loads(store.get(first.digest)) == {"a": 1, "b": ["[masked:personal-number]", 2.5]}


def test_the_class_is_supplier_unless_said(store: EvidenceStore) -> None:
    assert store.put("x").klass is EvidenceClass.SUPPLIER
    assert store.put("x", "text/plain", "security").as_json()["class"] == "security"
    with pytest.raises(ValueError, match="secret"):
        store.put("x", klass="secret")


def test_what_cannot_be_stored_leaves_nothing_behind(store: EvidenceStore, tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        store.put({"a": object()})
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_changed_evidence_is_noticed(store: EvidenceStore) -> None:
    evidence = store.put("as it was")
    store.path(evidence.digest).write_text("as it was not")
    with pytest.raises(DamagedEvidence, match=evidence.digest):
        store.get(evidence.digest)


def test_a_digest_is_no_path(store: EvidenceStore) -> None:
    with pytest.raises(ValueError, match="no digest"):
        store.path("sha256:../../etc/passwd")
    with pytest.raises(KeyError):
        store.get("sha256:" + "0" * 64)
