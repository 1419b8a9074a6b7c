"""The AuthnRequest that sends a user to the identity provider: HTTP-Redirect, signed."""

import base64
import zlib
from datetime import UTC, datetime
from urllib.parse import urlencode, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from lxml import etree

from kravkoll.standins.saml_metadata import HTTP_POST, SAML, SAMLP, OwnAddresses

RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
ECDSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"


def authn_request_url(
    sso_url: str, own: OwnAddresses, *, request_id: str, relay_state: str, key: bytes
) -> str:
    """Where to send the browser. `key` is PEM, RSA or EC."""
    request = etree.Element(
        f"{{{SAMLP}}}AuthnRequest",
        ID=request_id,
        Version="2.0",
        IssueInstant=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        Destination=sso_url,
        AssertionConsumerServiceURL=own.acs,
        ProtocolBinding=HTTP_POST,
        nsmap={"samlp": SAMLP, "saml": SAML},
    )
    etree.SubElement(request, f"{{{SAML}}}Issuer").text = own.entity_id
    query = _signed({"SAMLRequest": _deflated(etree.tostring(request)), "RelayState": relay_state}, key)
    return f"{sso_url}{'&' if urlsplit(sso_url).query else '?'}{query}"


def _deflated(document: bytes) -> str:
    deflate = zlib.compressobj(wbits=-15)
    return base64.b64encode(deflate.compress(document) + deflate.flush()).decode()


def _signed(parameters: dict[str, str], key: bytes) -> str:
    """The query with its signature over the octets as they are sent (SAML bindings, 3.4.4.1)."""
    private = load_pem_private_key(key, None)
    if isinstance(private, rsa.RSAPrivateKey):
        query = urlencode({**parameters, "SigAlg": RSA_SHA256})
        signature = private.sign(query.encode(), padding.PKCS1v15(), hashes.SHA256())
    elif isinstance(private, ec.EllipticCurvePrivateKey):
        query = urlencode({**parameters, "SigAlg": ECDSA_SHA256})
        signature = private.sign(query.encode(), ec.ECDSA(hashes.SHA256()))
    else:
        raise TypeError(f"cannot sign with a {type(private).__name__}")
    return f"{query}&{urlencode({'Signature': base64.b64encode(signature).decode()})}"
