"""How a program proves who it is at a token endpoint: by private key or by secret."""

import base64
import binascii
import hmac
import json
import time
import urllib.parse
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, KeySet, KeySetSerialization
from starlette.responses import JSONResponse, Response

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_ALGORITHMS = ["ES256", "ES384", "PS256", "RS256"]
"""The keys that the city hands out sign with the first; a supplier's own may be of the others."""
NO_STORE = {"Cache-Control": "no-store"}

type Form = Mapping[str, list[str]]


class TokenRefusal(Exception):
    """An error answer of a token endpoint, by RFC 6749 5.2 and RFC 8707 2."""

    def __init__(self, error: str, description: str) -> None:
        self.error, self.description = error, description
        super().__init__(f"{error}: {description}")

    def answer(self) -> Response:
        status = 401 if self.error == "invalid_client" else 400
        body = {"error": self.error, "error_description": self.description}
        headers = NO_STORE | ({"WWW-Authenticate": "Basic"} if status == 401 else {})
        return JSONResponse(body, status_code=status, headers=headers)


@dataclass(frozen=True, slots=True)
class Client:
    """A program that may ask for tokens, and the credentials that it was handed."""

    id: str
    key_pem: bytes = field(repr=False)
    """EC private key for private_key_jwt; empty where the supplier keeps a key of its own."""
    secret: str = field(repr=False)
    """For client_secret_basic; empty likewise."""
    scope: str = ""
    """Space-separated scopes that it may have."""
    audiences: tuple[str, ...] | None = None
    """Resources that it may have tokens for; None means that only the resource decides."""
    public_keys: KeySetSerialization | None = None
    """JWK set of a supplier that keeps a key of its own."""

    def keys(self, kid: str | None) -> tuple[Key, ...]:
        """What an assertion may be verified with: the key that it names, or any where it names none."""
        if self.public_keys is None:
            return (ECKey.import_key(self.key_pem),)
        known = KeySet.import_key_set(self.public_keys).keys
        return tuple(key for key in known if kid is None or key.kid in {kid, None})


class ClientAuthentication:
    """One token endpoint's: what it was shown once is not good there again."""

    def __init__(
        self, known: Callable[[str], Client | None], audiences: Callable[[], Collection[str]]
    ) -> None:
        self._known = known
        self._audiences = audiences
        """What an assertion may be addressed to: the issuer and the endpoint, once they are known."""
        self._seen: dict[str, float] = {}

    def authenticated(self, authorization: str, form: Form) -> Client:
        """Whose request this is; TokenRefusal where that is not proven."""
        if one(form, "client_assertion_type") == ASSERTION_TYPE:
            return self._by_assertion(one(form, "client_assertion"))
        if authorization[:6].lower() == "basic ":
            return self._by_secret(authorization[6:])
        raise TokenRefusal("invalid_client", "authenticate by private_key_jwt or client_secret_basic")

    def _by_secret(self, credentials: str) -> Client:
        try:
            user, _, secret = base64.b64decode(credentials, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise TokenRefusal("invalid_client", "credentials are not base64") from error
        client = self._known(urllib.parse.unquote_plus(user))
        given = urllib.parse.unquote_plus(secret).encode()
        if client is None or not client.secret or not hmac.compare_digest(client.secret.encode(), given):
            raise TokenRefusal("invalid_client", "unknown client or wrong secret")
        return client

    def _by_assertion(self, assertion: str) -> Client:
        """RFC 7523 3: signed by the client's key, for us, short-lived, used once."""
        client = self._known(_claimed(assertion, 1, "sub"))
        if client is None:
            raise TokenRefusal("invalid_client", "unknown client")
        claims = _verified(assertion, client.keys(_claimed(assertion, 0, "kid") or None))
        self._validate_assertion(client, claims)
        return client

    def _validate_assertion(self, client: Client, claims: Mapping[str, Any]) -> None:
        now = time.time()
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        expires, identity = claims.get("exp"), claims.get("jti")
        if claims.get("iss") != client.id or claims.get("sub") != client.id:
            raise TokenRefusal("invalid_client", "iss and sub must be the client_id")
        if not set(self._audiences()) & set(audiences):
            raise TokenRefusal("invalid_client", "aud must be the issuer or the token endpoint")
        if not isinstance(expires, int | float) or expires <= now:
            raise TokenRefusal("invalid_client", "exp is missing or past")
        self._seen = {key: end for key, end in self._seen.items() if end > now}
        if not isinstance(identity, str) or identity in self._seen:
            raise TokenRefusal("invalid_client", "jti is missing or was used before")
        self._seen[identity] = expires


def one(form: Form, name: str) -> str:
    """The only value of a parameter, or nothing: RFC 6749 3.2 lets none be given twice."""
    values = form.get(name, [])
    return values[0] if len(values) == 1 else ""


def _claimed(assertion: str, part: int, name: str) -> str:
    """What an assertion says of itself, unverified: only to know whose key to verify with."""
    try:
        text = assertion.split(".")[part]
        members = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (IndexError, ValueError) as error:
        raise TokenRefusal("invalid_client", "the assertion is no JWT") from error
    return str(members.get(name, "")) if isinstance(members, dict) else ""


def _verified(assertion: str, keys: Iterable[Key]) -> Mapping[str, Any]:
    """The claims, by the first key that the signature holds for."""
    why: Exception | str = "none of the client's keys has the kid that it names"
    for key in keys:
        try:
            return jwt.decode(assertion, key, algorithms=ASSERTION_ALGORITHMS).claims
        except (JoseError, ValueError) as error:
            why = error
    raise TokenRefusal("invalid_client", f"assertion: {why}")
