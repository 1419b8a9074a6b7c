"""Each variation is wrong in the one way that it says, and a good certificate in none."""

import ssl
from collections.abc import Iterator

import httpx
import pytest
from starlette.applications import Starlette

from kravkoll.city.certificate_authority import CertificateAuthority, Variation, generate_rsa_key
from kravkoll.serving.loopback import Loopback


@pytest.fixture(scope="module")
def authority() -> CertificateAuthority:
    return CertificateAuthority.create()


@pytest.fixture(scope="module")
def loopback() -> Iterator[Loopback]:
    with Loopback() as running:
        yield running


def why_refused(authority: CertificateAuthority, loopback: Loopback, context: ssl.SSLContext) -> str:
    trusting = ssl.create_default_context(cadata=authority.anchor_pem.decode())
    with loopback.serve(Starlette(), context=context) as served:
        try:
            httpx.get(served.url, verify=trusting, trust_env=False)
        except httpx.ConnectError as error:
            return str(error)
    return ""


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_good_certificate_verifies(authority: CertificateAuthority, loopback: Loopback, host: str) -> None:
    trusting = ssl.create_default_context(cadata=authority.anchor_pem.decode())
    with loopback.serve(Starlette(), context=authority.issue().server_context(), host=host) as served:
        assert httpx.get(served.url, verify=trusting, trust_env=False).status_code == 404


@pytest.mark.parametrize(
    ("variation", "reason"),
    [
        (Variation.EXPIRED, "has expired"),
        (Variation.NOT_YET_VALID, "not yet valid"),
        (Variation.WRONG_HOST, "IP address mismatch"),
        (Variation.SELF_SIGNED, "self-signed certificate"),
        (Variation.FOREIGN_ISSUER, "unable to get local issuer"),
        (Variation.INCOMPLETE_CHAIN, "unable to get local issuer"),
    ],
)
def test_a_variation_is_refused_for_its_reason(
    authority: CertificateAuthority, loopback: Loopback, variation: Variation, reason: str
) -> None:
    context = authority.issue(variation=variation).server_context()
    assert reason in why_refused(authority, loopback, context)


def test_every_variation_is_tried_above() -> None:
    marks = test_a_variation_is_refused_for_its_reason.pytestmark  # type: ignore[attr-defined]
    assert {variation for variation, _ in marks[0].args[1]} == set(Variation)


def test_a_key_of_ones_own_can_be_used(authority: CertificateAuthority, loopback: Loopback) -> None:
    context = authority.issue(key=generate_rsa_key()).server_context()
    assert why_refused(authority, loopback, context) == ""


def test_an_unknown_variation_is_told_of(authority: CertificateAuthority) -> None:
    with pytest.raises(ValueError, match="nonsense"):
        authority.issue(variation="nonsense")
