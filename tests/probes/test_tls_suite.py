"""The rows of the encryption suite against real sockets, where a simulated system cannot go."""

import importlib.util
import ssl
from datetime import date
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from tests.probes.tls_servers import (
    Authority,
    closes,
    context,
    free_port,
    listening,
    says,
    tls_server,
    write_pair,
)

from kravkoll.checks import Inconclusive, NotExercised, NotMet, Subject
from kravkoll.checks.encryption import TlsProfile
from kravkoll.checks.subject import Memo

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def suite() -> ModuleType:
    spec = importlib.util.spec_from_file_location("encryption_suite", ROOT / "suites/encryption/test_tls.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def profile() -> TlsProfile:
    shipped = yaml.safe_load((ROOT / "contracts/profiles/tls-2026.yaml").read_text())
    return TlsProfile.load(
        identity=shipped["id"], valid_from=shipped["from"], source=shipped["source"], rules=shipped["rules"]
    )


def subject_at(port: int, trust: bytes = b"", *, scheme: str = "https", agreed: bool = True) -> Subject:
    return Subject(
        row="ENC-TLS-04@tempus/api",
        supplier="tempus",
        system="tempus",
        interface="api",
        kind="api",
        address=f"{scheme}://127.0.0.1:{port}",
        capabilities={"tls.endpoint": {}} if agreed else {},
        trust=trust,
        hooks={},
        memo=Memo(),
        as_of=date(2026, 11, 1),
        timeout_seconds=1,
    )


def test_one_examination_serves_every_row(suite: ModuleType, profile: TlsProfile, tmp_path: Path) -> None:
    authority = Authority()
    made = context(write_pair(tmp_path, authority), ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
    with listening(tls_server(made)) as (port, counted):
        subject = subject_at(port, authority.trust)
        suite.test_serves_nothing_in_plaintext(subject, profile)
        seen = suite._examined(subject)
        suite.test_agreed_client_connects(seen, profile)
        suite.test_refuses_legacy_versions(seen, profile)
        suite.test_offers_current_version(seen, profile)
    assert len(counted) == 8  # seven for the examination, one for the unencrypted request
    assert subject.notes


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_port_of_plain_http_is_found(suite: ModuleType, profile: TlsProfile, scheme: str) -> None:
    with listening(says(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as (port, _):
        subject = subject_at(port, scheme=scheme)
        with pytest.raises(NotMet, match=r"transport\.plaintext"):
            suite.test_serves_nothing_in_plaintext(subject, profile)
        with pytest.raises(Inconclusive, match=r"transport\.no-tls"):
            suite._examined(subject)


def test_nothing_is_said_of_a_port_without_either(suite: ModuleType, profile: TlsProfile) -> None:
    with listening(closes) as (port, _), pytest.raises(Inconclusive, match=r"subject\.reset"):
        suite.test_serves_nothing_in_plaintext(subject_at(port), profile)
    with pytest.raises(Inconclusive, match=r"subject\.unreachable"):
        suite.test_serves_nothing_in_plaintext(subject_at(free_port()), profile)


def test_an_interface_without_agreed_tls_is_not_examined(suite: ModuleType) -> None:
    with pytest.raises(NotExercised, match=r"tls\.endpoint"):
        suite._examined(subject_at(1, agreed=False))
