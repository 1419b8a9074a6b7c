"""The way to each declared host: name, connection, who signed its certificate, and what its clock says."""

import http.client
import socket
import ssl
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from statistics import median
from urllib.parse import urlsplit

from cryptography import x509

from kravkoll.checks.subject import DEFAULT_PORTS, verifying_context
from kravkoll.runner.permission import LOOPBACK
from kravkoll.runner.preflight import Whose, reach
from kravkoll.runner.readiness.condition import Condition, not_ready, noted, ready, unseen

MOST_SKEW = 30.0
"""Seconds. A SAML answer or a token that is younger than this may be refused as coming from the future."""
UNTRUSTED = frozenset({18, 19, 20, 21})
"""OpenSSL's reasons that mean an issuer nobody here trusts: self-signed, or its issuer is not to be had."""
INSPECTORS = (
    "barracuda", "bitdefender", "blue coat", "bluecoat", "charles proxy", "check point", "cisco umbrella",
    "clearswift", "do_not_trust_fiddler", "eset ssl filter", "forcepoint", "fortigate", "fortinet", "iboss",
    "kaspersky", "mcafee web gateway", "menlo security", "mitmproxy", "netskope", "palo alto", "skyhigh",
    "sonicwall", "sophos", "squid", "untangle", "watchguard", "websense", "zscaler",
)  # fmt: skip
"""What proxies that open TLS write in the certificates they make up."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One host and port as this machine sees it."""

    host: str
    port: int
    hindrance: tuple[Whose, str, str] | None = None
    """Whose, reason code and detail, where there was no connection."""
    issuer: str = ""
    """Who signed the last certificate of the chain."""
    verified: bool = True
    untrusted: bool = False
    """Not verified, because nobody here trusts the issuer."""
    why: str = ""
    skew: float | None = None
    """Seconds that its clock is ahead of ours."""


def endpoint(address: str) -> tuple[str, int]:
    """Host and port of a URL."""
    parts = urlsplit(address)
    return parts.hostname or "", parts.port or DEFAULT_PORTS[parts.scheme]


def look(address: str, trust: bytes, timeout: float) -> Seen:
    """Connect once, and once more without trust where the certificate does not verify."""
    host, port = endpoint(address)
    if found := reach(address, timeout):
        whose, reason = found
        return Seen(host, port, hindrance=(whose, reason.reason.code, reason.reason.detail))
    if urlsplit(address).scheme == "http":
        plain = http.client.HTTPConnection(host, port, timeout=timeout)
        return Seen(host, port, skew=_skew(plain))
    try:
        return _verified(host, port, trust, timeout)
    except ssl.SSLCertVerificationError as error:
        untrusted = error.verify_code in UNTRUSTED
        issuer = _issuer_without_trust(host, port, timeout)
        return Seen(host, port, issuer=issuer, verified=False, untrusted=untrusted, why=error.verify_message)
    except (OSError, http.client.HTTPException) as error:
        return Seen(host, port, hindrance=("supplier", "transport.no-tls", f"{host}:{port}: {error}"))


def _verified(host: str, port: int, trust: bytes, timeout: float) -> Seen:
    connection = http.client.HTTPSConnection(host, port, timeout=timeout, context=verifying_context(trust))
    try:
        connection.connect()
        chain = connection.sock.get_verified_chain()
        return Seen(host, port, issuer=_issuer(chain), skew=_skew(connection))
    finally:
        connection.close()


def _skew(connection: http.client.HTTPConnection) -> float | None:
    """By the Date header (RFC 9110 6.6.1), which counts whole seconds; None where there is none."""
    try:
        connection.request("HEAD", "/", headers={"User-Agent": "kravkoll"})
        said = connection.getresponse().headers.get("Date", "")
        return (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds() if said else None
    except (OSError, http.client.HTTPException, ValueError, TypeError):  # TypeError: a date without zone
        return None
    finally:
        connection.close()


def _issuer_without_trust(host: str, port: int, timeout: float) -> str:
    """To name who stands between: nothing is sent on this connection."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, port), timeout=timeout) as raw,
            context.wrap_socket(raw, server_hostname=host) as secure,
        ):
            return _issuer(secure.get_unverified_chain())
    except OSError:
        return ""


def _issuer(chain: Iterable[bytes]) -> str:
    """The issuer of the chain's last certificate, as RFC 4514 writes names."""
    certificates = list(chain)
    if not certificates:
        return ""
    return x509.load_der_x509_certificate(certificates[-1]).issuer.rfc4514_string()


def conditions(seen: Iterable[Seen], trust: str) -> Iterator[Condition]:
    """What was seen, host by host, and what all of it says together. `trust` is the name of the anchors."""
    hosts = tuple(seen)
    suspects = _signers_of_many(hosts)
    for one in hosts:
        place = f"{one.host}:{one.port}"
        if one.hindrance:
            whose, code, detail = one.hindrance
            yield not_ready("host.reached", whose, place=place, reason=code, detail=detail)
        elif _inspected(one.issuer) or (one.untrusted and one.issuer in suspects):
            yield not_ready("host.intercepted", "network", place=place, issuer=one.issuer)
        elif not one.verified:
            facts = {"place": place, "issuer": one.issuer, "why": one.why, "trust": trust}
            yield not_ready("host.certificate", "configuration" if one.untrusted else "supplier", **facts)
        else:
            yield ready("host.reached", "network", place=place)
    yield from _clock(hosts)


def _inspected(issuer: str) -> bool:
    return any(name in issuer.lower() for name in INSPECTORS)


def _signers_of_many(hosts: Iterable[Seen]) -> frozenset[str]:
    """Unknown issuers of hosts in different domains: those are not one supplier's own authority."""
    domains: dict[str, set[str]] = defaultdict(set)
    for one in hosts:
        if one.untrusted and one.issuer and one.host not in LOOPBACK:
            domains[one.issuer].add(".".join(one.host.split(".")[-2:]))
    return frozenset(issuer for issuer, names in domains.items() if len(names) > 1)


def _clock(hosts: Iterable[Seen]) -> Iterator[Condition]:
    """Whose clock is wrong: ours, if several hosts agree against it."""
    skews = {one.host: one.skew for one in hosts if one.skew is not None}
    if not skews:
        yield unseen("clock.unseen", "harness") if tuple(hosts) else noted("clock.alone", "harness")
        return
    middle = median(skews.values())
    off = {host: skew for host, skew in skews.items() if abs(skew) > MOST_SKEW}
    if not off:
        yield ready("clock", "harness", number=len(skews), seconds=round(max(map(abs, skews.values()))))
    elif len(skews) == 1:
        ((host, skew),) = off.items()
        yield not_ready("clock.either", "harness", host=host, seconds=round(skew))
    elif abs(middle) > MOST_SKEW:
        yield not_ready("clock", "harness", number=len(skews), seconds=round(middle))
    else:
        for host, skew in off.items():
            yield not_ready("clock.theirs", "supplier", host=host, seconds=round(skew))
