"""The city's certificate authority: a root, an intermediate, and certificates right or wrong by name."""

import ipaddress
import ssl
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Self, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kravkoll.serving.loopback import server_context

type SigningKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

LOOPBACK_NAMES = ("127.0.0.1", "::1", "localhost")
WRONG_NAMES = ("another-host.invalid",)
BACKDATED = timedelta(minutes=10)
"""So that a subject whose clock is a little behind does not refuse a fresh certificate."""
LEAF_LIFETIME = timedelta(days=90)
AUTHORITY_LIFETIME = timedelta(days=3650)


class Variation(StrEnum):
    """A named way for a certificate to be wrong; everything else about it is right."""

    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    WRONG_HOST = "wrong-host"
    SELF_SIGNED = "self-signed"
    FOREIGN_ISSUER = "foreign-issuer"
    """Signed by an authority of the same names that the subject has no reason to trust."""
    INCOMPLETE_CHAIN = "incomplete-chain"
    """The intermediate is not sent."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate with its key; `chain_pem` is what a server sends: the certificate, then its issuers."""

    certificate_pem: bytes
    key_pem: bytes
    chain_pem: bytes

    def server_context(self) -> ssl.SSLContext:
        return server_context(self.chain_pem, self.key_pem)


@dataclass(frozen=True, slots=True)
class _Issuer:
    certificate: x509.Certificate
    key: SigningKey

    @classmethod
    def from_pair(cls, pair: KeyPair) -> Self:
        return cls(
            x509.load_pem_x509_certificate(pair.certificate_pem),
            cast("SigningKey", load_pem_private_key(pair.key_pem, None)),
        )


@dataclass(frozen=True, slots=True)
class CertificateAuthority:
    """A root that subjects trust, and the intermediate that signs."""

    root: KeyPair
    intermediate: KeyPair

    @classmethod
    def create(cls, name: str = "Kravkoll") -> Self:
        root_key = ec.generate_private_key(ec.SECP256R1())
        root = _authority(f"{name} root", root_key, None, path_length=1)
        key = ec.generate_private_key(ec.SECP256R1())
        signer = _Issuer.from_pair(root)
        return cls(root, _authority(f"{name} issuing", key, signer, path_length=0))

    @property
    def anchor_pem(self) -> bytes:
        """The root alone: what a supplier installs as trust."""
        return self.root.certificate_pem

    def issue(
        self,
        names: tuple[str, ...] = LOOPBACK_NAMES,
        *,
        variation: Variation | str | None = None,
        key: SigningKey | None = None,
    ) -> KeyPair:
        """A certificate for server and client use; ValueError if the variation is unknown."""
        variation = Variation(variation) if variation else None
        if variation is Variation.FOREIGN_ISSUER:
            return CertificateAuthority.create().issue(names, key=key)
        key = key or ec.generate_private_key(ec.SECP256R1())
        starts, ends = _validity(variation)
        shown = WRONG_NAMES if variation is Variation.WRONG_HOST else names
        signer = None if variation is Variation.SELF_SIGNED else _Issuer.from_pair(self.intermediate)
        builder = _builder(shown[0], key, signer, starts, ends)
        for extension, critical in _leaf_extensions(shown):
            builder = builder.add_extension(extension, critical=critical)
        pair = _pair(builder.sign(signer.key if signer else key, hashes.SHA256()), key)
        if variation in {Variation.SELF_SIGNED, Variation.INCOMPLETE_CHAIN}:
            return pair
        return replace(pair, chain_pem=pair.certificate_pem + self.intermediate.certificate_pem)


def generate_rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def private_pem(key: SigningKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _validity(variation: Variation | None) -> tuple[datetime, datetime]:
    now = datetime.now(UTC)
    if variation is Variation.EXPIRED:
        return now - LEAF_LIFETIME, now - timedelta(days=1)
    if variation is Variation.NOT_YET_VALID:
        return now + timedelta(days=1), now + LEAF_LIFETIME
    return now - BACKDATED, now + LEAF_LIFETIME


def _builder(
    name: str, key: SigningKey, signer: _Issuer | None, starts: datetime, ends: datetime
) -> x509.CertificateBuilder:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuing_key = (signer.key if signer else key).public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer.certificate.subject if signer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(starts)
        .not_valid_after(ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuing_key), critical=False)
    )


def _leaf_extensions(names: tuple[str, ...]) -> tuple[tuple[x509.ExtensionType, bool], ...]:
    purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    return (
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (x509.SubjectAlternativeName([_general_name(name) for name in names]), False),
        (_key_usage(signs_certificates=False), True),
        (x509.ExtendedKeyUsage(purposes), False),
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _authority(name: str, key: SigningKey, signer: _Issuer | None, *, path_length: int) -> KeyPair:
    starts = datetime.now(UTC) - BACKDATED
    builder = _builder(name, key, signer, starts, starts + AUTHORITY_LIFETIME)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
    builder = builder.add_extension(_key_usage(signs_certificates=True), critical=True)
    return _pair(builder.sign(signer.key if signer else key, hashes.SHA256()), key)


def _pair(certificate: x509.Certificate, key: SigningKey) -> KeyPair:
    pem = certificate.public_bytes(Encoding.PEM)
    return KeyPair(pem, private_pem(key), pem)
