"""Judgements of transport encryption: an observation and a dated profile in, findings out.

No finding means met. Where the observation does not say, Inconclusive is raised instead.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any, Protocol, Self
from urllib.parse import urlsplit

from kravkoll.contracts.errors import ConfigurationError, near
from kravkoll.contracts.model import Profile
from kravkoll.record.outcome import Finding, Inconclusive

VERSIONS = ("SSL 3.0", "TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3")
"""Names sort as versions do."""

LEGACY_CODES = {
    "SSL 3.0": "proto.sslv3",
    "TLS 1.0": "proto.tls10",
    "TLS 1.1": "proto.tls11",
    "TLS 1.2": "proto.tls12",
}

ABSENT_CODES = {"TLS 1.3": "proto.no_tls13"}

CERTIFICATE_CODES = {
    "expired": "cert.expired",
    "not-yet-valid": "cert.not_yet_valid",
    "self-signed": "cert.self_signed",
    "untrusted-issuer": "cert.untrusted_ca",
    "incomplete-chain": "cert.incomplete_chain",
    "wrong-name": "cert.wrong_host",
    "no-names": "cert.no_san",
    "wrong-purpose": "cert.wrong_eku",
}
OTHER_PROBLEM = "cert.not_verified"

ANCHORS_SHOWN = 5


class CertificateSeen(Protocol):
    """A certificate as it was sent; times are UTC."""

    @property
    def subject(self) -> str: ...
    @property
    def issuer(self) -> str: ...
    @property
    def names(self) -> Sequence[str]: ...
    @property
    def not_before(self) -> datetime: ...
    @property
    def not_after(self) -> datetime: ...


class ProblemSeen(Protocol):
    """Why a client that trusts what was agreed would stop, and at which certificate (0 is the server's)."""

    @property
    def kind(self) -> str: ...
    @property
    def depth(self) -> int: ...


class TlsSeen(Protocol):
    """What a TLS examination saw."""

    @property
    def host(self) -> str: ...
    @property
    def accepted_versions(self) -> Sequence[str]: ...
    @property
    def unseen_versions(self) -> Sequence[str]: ...
    @property
    def certificates(self) -> Sequence[CertificateSeen]: ...
    @property
    def problems(self) -> Sequence[ProblemSeen]: ...
    @property
    def anchors(self) -> Sequence[str]: ...
    @property
    def seen_at(self) -> datetime: ...


class PlaintextSeen(Protocol):
    """What an unencrypted request met: `http`, `closed`, `silent` or `garbage`."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def answer(self) -> str: ...
    @property
    def status(self) -> int | None: ...
    @property
    def location(self) -> str: ...


@dataclass(frozen=True, slots=True)
class TlsProfile:
    """What industry practice demands of TLS from a date on."""

    id: str
    valid_from: date
    source: str
    lowest_version: str
    offered_versions: tuple[str, ...]
    plaintext_refusals: frozenset[int]
    """Statuses by which a TLS port may turn an unencrypted request away."""

    @classmethod
    def load(cls, *, identity: str, valid_from: date, source: str, rules: Mapping[str, Any]) -> Self:
        """From the rules of a profile file; ConfigurationError for a rule or version that is not known."""
        known = {field.name for field in fields(cls)} - {"id", "valid_from", "source"}
        for name in set(rules) ^ known:
            what = "lacks" if name in known else "has an unknown rule"
            raise ConfigurationError(
                f"profile {identity!r} {what} {name!r}; {near(name, known)}".rstrip("; ")
            )
        _known_versions([rules["lowest_version"]], VERSIONS)
        _known_versions(rules["offered_versions"], ABSENT_CODES)
        return cls(
            id=identity,
            valid_from=valid_from,
            source=source,
            lowest_version=rules["lowest_version"],
            offered_versions=tuple(rules["offered_versions"]),
            plaintext_refusals=frozenset(rules["plaintext_refusals"]),
        )

    @classmethod
    def in_force(cls, profiles: Iterable[Profile], day: date) -> Self:
        """The newest TLS profile that holds on that day; ConfigurationError without one."""
        valid = [profile for profile in profiles if profile.kind == "tls" and profile.valid_from <= day]
        if not valid:
            raise ConfigurationError(f"no TLS profile is in force on {day}; write one in contracts/profiles")
        newest = max(valid, key=lambda profile: profile.valid_from)
        return cls.load(
            identity=newest.id, valid_from=newest.valid_from, source=newest.source, rules=newest.rules
        )


def _known_versions(named: Iterable[str], known: Iterable[str]) -> None:
    for version in named:
        if version not in known:
            raise ConfigurationError(f"no version {version!r} here; {near(version, known)}".rstrip("; "))


def agreed_handshake(tls: TlsSeen, profile: TlsProfile) -> tuple[Finding, ...]:
    """A client that trusts what was agreed gets an agreed version and a certificate that verifies."""
    accepted = tuple(tls.accepted_versions)
    findings: tuple[Finding, ...] = ()
    if not any(version >= profile.lowest_version for version in accepted):
        findings = (Finding("proto.no_agreed_version", profile.lowest_version, list(accepted)),)
    elif not tls.certificates:
        raise Inconclusive("tls.no-certificate", "the server refused an ordinary handshake")
    return findings + tuple(_certificate_finding(tls, problem) for problem in tls.problems)


def _certificate_finding(tls: TlsSeen, problem: ProblemSeen) -> Finding:
    code = CERTIFICATE_CODES.get(problem.kind, OTHER_PROBLEM)
    certificate = tls.certificates[min(problem.depth, len(tls.certificates) - 1)]
    if problem.kind in {"expired", "not-yet-valid"}:
        actual = {
            "subject": certificate.subject,
            "not_before": certificate.not_before.isoformat(),
            "not_after": certificate.not_after.isoformat(),
        }
        return Finding(code, {"valid_at": tls.seen_at.isoformat()}, actual)
    if problem.kind in {"wrong-name", "no-names"}:
        return Finding(code, tls.host, list(certificate.names))
    last = tls.certificates[-1]
    actual = {"subject": last.subject, "issuer": last.issuer, "sent": str(len(tls.certificates))}
    if code == OTHER_PROBLEM:
        actual["problem"] = problem.kind
    return Finding(code, {"anchors": list(tls.anchors[:ANCHORS_SHOWN])}, actual)


def legacy_versions(tls: TlsSeen, profile: TlsProfile) -> tuple[Finding, ...]:
    """One finding for each accepted version below the lowest; Inconclusive if one of them was not seen."""
    lowest = profile.lowest_version
    accepted = [version for version in tls.accepted_versions if version < lowest]
    unseen = [version for version in tls.unseen_versions if version < lowest]
    if unseen and not accepted:
        raise Inconclusive("tls.version-unseen", ", ".join(unseen))
    return tuple(Finding(LEGACY_CODES[version], lowest, version) for version in accepted)


def missing_versions(tls: TlsSeen, profile: TlsProfile) -> tuple[Finding, ...]:
    """One finding for each version that should be offered and was refused; Inconclusive if not seen."""
    unseen = [version for version in profile.offered_versions if version in tls.unseen_versions]
    missing = set(profile.offered_versions) - set(tls.accepted_versions) - set(unseen)
    if unseen and not missing:
        raise Inconclusive("tls.version-unseen", ", ".join(unseen))
    return tuple(
        Finding(ABSENT_CODES[version], version, list(tls.accepted_versions)) for version in sorted(missing)
    )


def plaintext_answers(seen: PlaintextSeen, profile: TlsProfile, *, tls_answers: bool) -> tuple[Finding, ...]:
    """A finding where an HTTP answer was read without encryption, unless a TLS port only turned us away.

    `tls_answers`: TLS was seen on the same port. Inconclusive where silence or noise came back.
    """
    if seen.answer == "http" and seen.status is not None:
        return _plaintext_http(seen, seen.status, profile, tls_answers=tls_answers)
    if seen.answer != "closed":
        code = "subject.timeout" if seen.answer == "silent" else "subject.garbage"
        raise Inconclusive(code, "no HTTP answer to an unencrypted request")
    if not tls_answers:
        raise Inconclusive("subject.reset", "the port answers neither with TLS nor without")
    return ()


def _plaintext_http(
    seen: PlaintextSeen, status: int, profile: TlsProfile, *, tls_answers: bool
) -> tuple[Finding, ...]:
    sent_to_tls = 300 <= status < 400 and _is_upgrade(seen)
    if tls_answers and (status in profile.plaintext_refusals or sent_to_tls):
        return ()
    if tls_answers and status >= 500:
        raise Inconclusive("transport.plaintext-unclear", f"status {status}")
    return (Finding("transport.plaintext", "TLS", {"status": status, "location": seen.location}),)


def _is_upgrade(seen: PlaintextSeen) -> bool:
    """True where the client is sent to TLS at the same host; a login elsewhere is an answer of the system."""
    try:
        target = urlsplit(seen.location)
        port = target.port or 443
    except ValueError:  # a port or a bracket that makes no sense
        return False
    return target.scheme == "https" and target.hostname == seen.host.lower() and port in {seen.port, 443}
