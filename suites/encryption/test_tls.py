"""Whether traffic to an interface is encrypted as industry practice has it."""

from datetime import date

import pytest

from kravkoll.checks import Finding, Inconclusive, NotMet, Subject, check
from kravkoll.checks.encryption import (
    TlsProfile,
    agreed_handshake,
    legacy_versions,
    missing_versions,
    plaintext_answers,
)
from kravkoll.contracts.workspace import Workspace
from kravkoll.probes.plaintext import examine_plaintext
from kravkoll.probes.tls import TlsObservation, examine_tls


@pytest.fixture
def profile(workspace: Workspace, as_of: date) -> TlsProfile:
    """Industry practice on the day that the run looks at."""
    return TlsProfile.in_force(workspace.profiles.values(), as_of)


@pytest.fixture
def tls(subject: Subject, profile: TlsProfile) -> TlsObservation:
    """One examination for all rows of an address."""
    observation = _examined(subject)
    subject.note({"profile": profile.id, "from": profile.valid_from.isoformat()} | _seen(observation))
    return observation


def _examined(subject: Subject) -> TlsObservation:
    subject.capability("tls.endpoint")

    def examine() -> TlsObservation:
        return examine_tls(
            subject.host,
            subject.port,
            trust=subject.trust,
            platform_trust=True,
            seconds=subject.timeout_seconds,
        )

    return subject.once("tls", examine)


def _seen(tls: TlsObservation) -> dict[str, object]:
    return {
        "address": tls.address,
        "versions": {seen.version: f"{seen.answer} ({seen.detail})" for seen in tls.versions},
        "negotiated": f"{tls.negotiated_version} {tls.cipher}".strip(),
        "certificates": [certificate.sha256 for certificate in tls.certificates],
    }


def _judge(findings: tuple[Finding, ...]) -> None:
    if findings:
        raise NotMet(findings=findings)


@check("ENC-TLS-01")
def test_agreed_client_connects(tls: TlsObservation, profile: TlsProfile) -> None:
    _judge(agreed_handshake(tls, profile))


@check("ENC-TLS-02")
def test_refuses_legacy_versions(tls: TlsObservation, profile: TlsProfile) -> None:
    _judge(legacy_versions(tls, profile))


@check("ENC-TLS-03")
def test_offers_current_version(tls: TlsObservation, profile: TlsProfile) -> None:
    _judge(missing_versions(tls, profile))


@check("ENC-TLS-04")
def test_serves_nothing_in_plaintext(subject: Subject, profile: TlsProfile) -> None:
    seen = examine_plaintext(subject.host, subject.port, seconds=subject.timeout_seconds)
    subject.note({"profile": profile.id, "answer": seen.answer, "status": seen.status})
    try:
        _examined(subject)
    except Inconclusive:
        if seen.answer != "http":
            raise
        _judge(plaintext_answers(seen, profile, tls_answers=False))
    else:
        _judge(plaintext_answers(seen, profile, tls_answers=True))
