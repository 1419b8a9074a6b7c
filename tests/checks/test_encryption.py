"""Judgements of encryption: every finding, and every way in which nothing can be said."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from kravkoll.checks.encryption import (
    TlsProfile,
    agreed_handshake,
    legacy_versions,
    missing_versions,
    plaintext_answers,
)
from kravkoll.contracts.cards import CheckFile
from kravkoll.contracts.errors import ConfigurationError
from kravkoll.contracts.model import Profile, Text
from kravkoll.record.outcome import Finding, Inconclusive

ROOT = Path(__file__).parents[2]
RULES: dict[str, Any] = {
    "lowest_version": "TLS 1.2",
    "offered_versions": ["TLS 1.3"],
    "plaintext_refusals": [400, 426],
}
WHEN = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Certificate:
    subject: str = "CN=server"
    issuer: str = "CN=issuer"
    names: tuple[str, ...] = ("skola.example",)
    not_before: datetime = WHEN
    not_after: datetime = WHEN


@dataclass(frozen=True)
class Problem:
    kind: str
    depth: int = 0


@dataclass(frozen=True)
class Tls:
    accepted_versions: tuple[str, ...] = ("TLS 1.2", "TLS 1.3")
    unseen_versions: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    certificates: tuple[Certificate, ...] = (Certificate(), Certificate("CN=issuer", "CN=root"))
    host: str = "skola.example"
    anchors: tuple[str, ...] = ("CN=root",)
    seen_at: datetime = WHEN


@dataclass(frozen=True)
class Plaintext:
    answer: str = "http"
    status: int | None = 200
    location: str = ""
    host: str = "skola.example"
    port: int = 8443


@pytest.fixture
def profile() -> TlsProfile:
    return load()


def load(**changed: object) -> TlsProfile:
    return TlsProfile.load(identity="t", valid_from=date(2026, 1, 1), source="RFC", rules=RULES | changed)


def codes(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.code for finding in findings]


def test_a_good_server_has_no_finding(profile: TlsProfile) -> None:
    good = Tls()
    assert (
        not agreed_handshake(good, profile) + legacy_versions(good, profile) + missing_versions(good, profile)
    )


def test_each_legacy_version_is_a_finding(profile: TlsProfile) -> None:
    seen = Tls(accepted_versions=("SSL 3.0", "TLS 1.0", "TLS 1.1", "TLS 1.2"))
    findings = legacy_versions(seen, profile)
    assert codes(findings) == ["proto.sslv3", "proto.tls10", "proto.tls11"]
    assert (findings[1].expected, findings[1].actual) == ("TLS 1.2", "TLS 1.0")


def test_the_profile_decides_what_is_legacy() -> None:
    assert codes(legacy_versions(Tls(), load(lowest_version="TLS 1.3"))) == ["proto.tls12"]
    assert not legacy_versions(Tls(accepted_versions=("TLS 1.1",)), load(lowest_version="TLS 1.1"))


def test_an_unseen_version_is_neither_met_nor_broken(profile: TlsProfile) -> None:
    with pytest.raises(Inconclusive, match=r"TLS 1\.0"):
        legacy_versions(Tls(unseen_versions=("TLS 1.0",)), profile)
    with pytest.raises(Inconclusive, match=r"TLS 1\.3"):
        missing_versions(Tls(accepted_versions=("TLS 1.2",), unseen_versions=("TLS 1.3",)), profile)
    both = Tls(accepted_versions=("TLS 1.0", "TLS 1.2"), unseen_versions=("TLS 1.1",))
    assert codes(legacy_versions(both, profile)) == ["proto.tls10"]


def test_a_missing_version_is_a_finding(profile: TlsProfile) -> None:
    findings = missing_versions(Tls(accepted_versions=("TLS 1.2",)), profile)
    assert codes(findings) == ["proto.no_tls13"]
    assert findings[0].actual == ["TLS 1.2"]


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("expired", "cert.expired"),
        ("not-yet-valid", "cert.not_yet_valid"),
        ("self-signed", "cert.self_signed"),
        ("untrusted-issuer", "cert.untrusted_ca"),
        ("incomplete-chain", "cert.incomplete_chain"),
        ("wrong-name", "cert.wrong_host"),
        ("no-names", "cert.no_san"),
        ("wrong-purpose", "cert.wrong_eku"),
        ("openssl-94", "cert.not_verified"),
    ],
)
def test_each_problem_of_a_certificate_is_its_own_finding(profile: TlsProfile, kind: str, code: str) -> None:
    findings = agreed_handshake(Tls(problems=(Problem(kind, 9),)), profile)
    assert codes(findings) == [code]
    assert findings[0].expected
    assert findings[0].actual


def test_a_legacy_server_offers_nothing_that_was_agreed(profile: TlsProfile) -> None:
    seen = Tls(accepted_versions=("TLS 1.0",), certificates=())
    assert codes(agreed_handshake(seen, profile)) == ["proto.no_agreed_version"]


def test_no_certificate_says_nothing(profile: TlsProfile) -> None:
    with pytest.raises(Inconclusive):
        agreed_handshake(Tls(certificates=()), profile)


@pytest.mark.parametrize("status", [200, 302, 401, 404, 400, 500])
def test_any_answer_counts_where_the_port_has_no_tls(profile: TlsProfile, status: int) -> None:
    findings = plaintext_answers(Plaintext(status=status), profile, tls_answers=False)
    assert codes(findings) == ["transport.plaintext"]


@pytest.mark.parametrize(
    "seen",
    [
        Plaintext(status=400),
        Plaintext(status=426),
        Plaintext(status=308, location="https://skola.example:8443/"),
        Plaintext(status=302, location="HTTPS://Skola.Example/"),
        Plaintext("closed", None),
    ],
)
def test_a_tls_port_may_turn_plaintext_away(profile: TlsProfile, seen: Plaintext) -> None:
    assert not plaintext_answers(seen, profile, tls_answers=True)


@pytest.mark.parametrize(
    "seen",
    [
        Plaintext(status=200),
        Plaintext(status=401),
        Plaintext(status=404),
        Plaintext(status=302, location="https://login.example/"),
        Plaintext(status=302, location="https://skola.example:9999/"),
        Plaintext(status=302, location="/login"),
        Plaintext(status=302, location="https://skola.example:port/"),
    ],
)
def test_a_system_that_answers_beside_tls_is_found(profile: TlsProfile, seen: Plaintext) -> None:
    assert codes(plaintext_answers(seen, profile, tls_answers=True)) == ["transport.plaintext"]


@pytest.mark.parametrize(
    ("seen", "tls", "code"),
    [
        (Plaintext("silent", None), True, "subject.timeout"),
        (Plaintext("garbage", None), True, "subject.garbage"),
        (Plaintext("closed", None), False, "subject.reset"),
        (Plaintext(status=503), True, "transport.plaintext-unclear"),
    ],
)
def test_silence_and_noise_are_not_judged(profile: TlsProfile, seen: Plaintext, tls: bool, code: str) -> None:
    with pytest.raises(Inconclusive) as caught:
        plaintext_answers(seen, profile, tls_answers=tls)
    assert caught.value.reason.code == code


@pytest.mark.parametrize(
    "rules",
    [
        RULES | {"lowest_version": "TLS 1.9"},
        RULES | {"offered_versions": ["TLS 1.1"]},
        RULES | {"lowest_versoin": "TLS 1.2"},
        {"lowest_version": "TLS 1.2"},
    ],
)
def test_a_profile_that_cannot_be_read_is_refused(rules: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        TlsProfile.load(identity="t", valid_from=date(2026, 1, 1), source="RFC", rules=rules)


@dataclass
class Shelf:
    profiles: list[Profile] = field(default_factory=list)

    def add(self, name: str, day: date, kind: Any = "tls") -> None:
        made = Profile(
            id=name,
            title=Text(sv=name, en=name),
            kind=kind,
            valid_from=day,
            basis="practice",
            source="RFC",
            rules=RULES,
        )
        self.profiles.append(made)


def test_the_newest_profile_in_force_is_chosen() -> None:
    shelf = Shelf()
    shelf.add("tls-2026", date(2026, 1, 1))
    shelf.add("tls-2027", date(2027, 1, 1))
    shelf.add("saml-2026", date(2026, 6, 1), "saml")
    assert TlsProfile.in_force(shelf.profiles, date(2026, 12, 31)).id == "tls-2026"
    assert TlsProfile.in_force(shelf.profiles, date(2027, 1, 1)).id == "tls-2027"
    with pytest.raises(ConfigurationError, match="2025-12-31"):
        TlsProfile.in_force(shelf.profiles, date(2025, 12, 31))


def test_the_shipped_profile_loads() -> None:
    shipped = yaml.safe_load((ROOT / "contracts/profiles/tls-2026.yaml").read_text())
    loaded = TlsProfile.load(
        identity=shipped["id"], valid_from=shipped["from"], source=shipped["source"], rules=shipped["rules"]
    )
    assert (loaded.lowest_version, loaded.offered_versions) == ("TLS 1.2", ("TLS 1.3",))


def test_every_finding_has_a_card_and_every_row_is_covered_or_excused() -> None:
    from kravkoll.checks import encryption  # noqa: PLC0415  its tables are the list of codes

    cards = yaml.safe_load((ROOT / "suites/encryption/checks.yaml").read_text())
    assert set(cards) == set(CheckFile.__dataclass_fields__)
    told = {code for card in cards["checks"] for code in card["findings"]}
    said = {*encryption.LEGACY_CODES.values(), *encryption.ABSENT_CODES.values(), encryption.OTHER_PROBLEM}
    said |= {*encryption.CERTIFICATE_CODES.values(), "proto.no_agreed_version", "transport.plaintext"}
    assert said == told
    lines = (ROOT / "suites/encryption/catalogue.tsv").read_text().splitlines()[1:]
    rows = {line.split("\t")[0]: line.split("\t")[2] for line in lines}
    assert len(rows) == len(lines)
    covered = {identity for card in cards["checks"] for identity in card["catalogue"]}
    assert covered == {identity for identity, excuse in rows.items() if not excuse}
