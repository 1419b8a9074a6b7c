"""Access tokens that a resource server must not take, each a variation of one that it does take."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from joserfc.jwk import ECKey

from kravkoll.city.authorisation_server import AuthorisationServer, new_key, overridden

FOREIGN_ISSUER = "https://another.kravkoll.invalid"
FAR_SECONDS = 600
"""Beyond any tolerance for clocks that differ."""
WIDTH = 32
"""Octets of each half of an ES256 signature (RFC 7518, 3.4)."""


@dataclass(frozen=True, slots=True)
class Minting:
    """What a good token for this API is made of, and who makes it."""

    server: AuthorisationServer
    client: str
    audience: str
    scope: str

    def good(self) -> str:
        return self.server.token(self.client, self.audience, self.scope)

    def token(self, header: Mapping[str, Any] | None = None, **wrong: Any) -> str:
        """Signed by the server, with these claims and members of the header wrong; None leaves one out."""
        right_header, right, _ = self.parts()
        return self.server.signed(
            lambda key: _signed(overridden(right_header, header or {}), overridden(right, wrong), key)
        )

    def parts(self) -> tuple[dict[str, Any], dict[str, Any], str]:
        """Header, claims and signature of a good token."""
        header, claims, signature = self.good().split(".")
        return _unpacked(header), _unpacked(claims), signature

    @property
    def public_key(self) -> ECKey:
        """What everybody may read at jwks_uri."""
        return ECKey.import_key(self.server.public_keys()["keys"][0])


@dataclass(frozen=True, slots=True)
class ForgedToken:
    """One token that must not be taken. `row` is the catalogue's."""

    row: str
    make: Callable[[Minting], str]


def _unsigned(spelled: str) -> Callable[[Minting], str]:
    """An algorithm of no signature at all, in one spelling (RFC 8725, 3.1)."""

    def make(minting: Minting) -> str:
        header, claims, _ = minting.parts()
        return f"{_packed(header | {'alg': spelled})}.{_packed(claims)}."

    return make


def _empty_signature(minting: Minting) -> str:
    return minting.good().rpartition(".")[0] + "."


def _by_a_stranger(minting: Minting) -> str:
    """Under the key id of the server's own key."""
    header, claims, _ = minting.parts()
    return _signed(header, claims, new_key())


def _changed(minting: Minting) -> str:
    header, claims, signature = minting.parts()
    return f"{_packed(header)}.{_packed(claims | {'scope': f'{minting.scope} admin'})}.{signature}"


def _keyed_by(secret: Callable[[ECKey], bytes]) -> Callable[[Minting], str]:
    """A keyed hash whose secret is what everybody may read (RFC 8725, 2.1)."""

    def make(minting: Minting) -> str:
        header, claims, _ = minting.parts()
        content = f"{_packed(header | {'alg': 'HS256'})}.{_packed(claims)}"
        return f"{content}.{_text(hmac.digest(secret(minting.public_key), content.encode(), hashlib.sha256))}"

    return make


def _with_key_of_its_own(minting: Minting) -> str:
    """The key that verifies it stands in its own header."""
    header, claims, _ = minting.parts()
    key = new_key()
    return _signed(header | {"jwk": key.as_dict(private=False), "kid": key.kid}, claims, key)


def _critical(minting: Minting) -> str:
    """Rightly signed, with an extension that nobody knows and that must be understood (RFC 7515, 4.1.11)."""
    return minting.token({"crit": ["urn:kravkoll:unknown"], "urn:kravkoll:unknown": True})


def _identity_token(minting: Minting) -> str:
    """What tells a client who has logged in, rightly signed: for the client, and for no API."""
    return minting.token({"typ": "JWT"}, aud=minting.client, nonce="n", auth_time=int(time.time()))


def _claiming(**wrong: Any) -> Callable[[Minting], str]:
    return lambda minting: minting.token(**wrong)


def _pem(key: ECKey) -> bytes:
    return key.as_pem(private=False)


FORGED_TOKENS: Mapping[str, ForgedToken] = {
    **{f"alg {spelled}": ForgedToken("RS-04", _unsigned(spelled)) for spelled in ("none", "None", "NONE")},
    "empty signature": ForgedToken("RS-05", _empty_signature),
    "signed by an unknown key": ForgedToken("RS-05", _by_a_stranger),
    "changed after signing": ForgedToken("RS-05", _changed),
    "public key as a secret": ForgedToken("RS-06", _keyed_by(_pem)),
    "public key without its last line end": ForgedToken("RS-06", _keyed_by(lambda key: _pem(key).strip())),
    "key set entry as a secret": ForgedToken(
        "RS-06", _keyed_by(lambda key: json.dumps(key.as_dict(private=False)).encode())
    ),
    "empty secret": ForgedToken("RS-06", _keyed_by(lambda _key: b"")),
    "key in its own header": ForgedToken("RS-07", _with_key_of_its_own),
    "unknown critical extension": ForgedToken("RS-08", _critical),
    "without an end": ForgedToken("RS-10", _claiming(exp=None)),
    "end that is no number": ForgedToken("RS-10", _claiming(exp="never")),
    "not valid yet": ForgedToken("RS-11", lambda minting: minting.token(nbf=int(time.time()) + FAR_SECONDS)),
    "of another issuer": ForgedToken("RS-12", _claiming(iss=FOREIGN_ISSUER)),
    "of no issuer": ForgedToken("RS-12", _claiming(iss=None)),
    "without a scope": ForgedToken("RS-14", _claiming(scope=None)),
    "scope that begins alike": ForgedToken(
        "RS-14", lambda minting: minting.token(scope=f"{minting.scope}only")
    ),
    "identity token": ForgedToken("RS-16", _identity_token),
}
"""By what is wrong; sources of the rows stand in suites/login/catalogue.tsv."""


def _signed(header: Mapping[str, Any], claims: Mapping[str, Any], key: ECKey) -> str:
    """ES256 by hand: a library would rightly refuse some of these."""
    content = f"{_packed(header)}.{_packed(claims)}"
    private = key.private_key
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise TypeError("a forgery needs a private key")
    r, s = decode_dss_signature(private.sign(content.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{content}.{_text(r.to_bytes(WIDTH) + s.to_bytes(WIDTH))}"


def _packed(value: Mapping[str, Any]) -> str:
    return _text(json.dumps(value, separators=(",", ":")).encode())


def _unpacked(part: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return value


def _text(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
