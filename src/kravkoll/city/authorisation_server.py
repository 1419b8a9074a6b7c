"""The city's authorisation server: machine access tokens by RFC 9068, for clients known by key or secret."""

import base64
import binascii
import hmac
import json
import secrets
import ssl
import time
import urllib.parse
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, KeySetSerialization
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kravkoll.city.state import CityState
from kravkoll.serving.loopback import Loopback, Served

TOKEN_LIFETIME_SECONDS = 300
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_ALGORITHMS = ["ES256"]
"""What the keys that the city hands out can sign with."""
NO_STORE = {"Cache-Control": "no-store"}

type Form = Mapping[str, list[str]]


class TokenRefusal(Exception):
    """An error answer of the token endpoint, by RFC 6749 5.2 and RFC 8707 2."""

    def __init__(self, error: str, description: str) -> None:
        self.error, self.description = error, description
        super().__init__(f"{error}: {description}")


@dataclass(frozen=True, slots=True)
class Client:
    """A program that may ask for tokens, and the credentials that it was handed."""

    id: str
    key_pem: bytes = field(repr=False)
    """EC private key for private_key_jwt."""
    secret: str = field(repr=False)
    """For client_secret_basic."""
    scope: str = ""
    """Space-separated scopes that it may have."""
    audiences: tuple[str, ...] | None = None
    """Resources that it may have tokens for; None means that only the resource decides."""


class AuthorisationServer:
    """Tokens over HTTP for clients, and in process for checks, with any claim made wrong."""

    issuer: str

    def __init__(self, key: ECKey, state: CityState) -> None:
        self._key = key
        self._state = state
        self._clients: dict[str, Client] = {}
        self._seen_assertions: dict[str, float] = {}
        self._served: Served | None = None

    @classmethod
    def start(
        cls, loopback: Loopback, state: CityState, context: ssl.SSLContext, host: str = "127.0.0.1"
    ) -> "AuthorisationServer":
        """Listen where it did last time; OSError if that port is busy."""
        pem = state.keep("authorisation-server.key", lambda: new_key().as_pem(private=True))
        key = ECKey.import_key(pem, {"use": "sig", "alg": "ES256"})
        key.ensure_kid()
        server = cls(key, state)
        served = loopback.serve(
            server.application(), context=context, host=host, port=state.port("authorisation-server")
        )
        state.remember_port("authorisation-server", served.port)
        server._served, server.issuer = served, served.url
        return server

    def close(self) -> None:
        if self._served is not None:
            self._served.close()

    def register_client(
        self, client_id: str, *, scope: str = "", audiences: tuple[str, ...] | None = None
    ) -> Client:
        """Make a client known; its key and secret stay the same between runs."""
        name = urllib.parse.quote(client_id, safe="")
        key = self._state.keep(f"clients/{name}.key", lambda: new_key().as_pem(private=True))
        secret = self._state.keep(f"clients/{name}.secret", lambda: secrets.token_urlsafe(32).encode())
        client = Client(client_id, key, secret.decode(), scope, audiences)
        self._clients[client_id] = client
        return client

    def token(  # noqa: PLR0913  each is a claim that a check may want wrong
        self,
        client_id: str,
        audience: str | list[str],
        scope: str,
        *,
        expires_in: float = TOKEN_LIFETIME_SECONDS,
        header: Mapping[str, Any] | None = None,
        key: ECKey | None = None,
        **claims: Any,
    ) -> str:
        """A signed at+jwt; `claims` and `header` override what is right, and None leaves a member out."""
        now = int(time.time())
        expires = now + int(expires_in)
        key = key or self._key
        right: dict[str, Any] = {
            "iss": self.issuer,
            "sub": client_id,
            "client_id": client_id,
            "aud": audience,
            "scope": scope,
            "iat": min(now, expires - TOKEN_LIFETIME_SECONDS),
            "exp": expires,
            "jti": str(uuid.uuid4()),
        }
        right_header = {"alg": "ES256", "typ": "at+jwt", "kid": key.kid}
        return jwt.encode(
            _overridden(right_header, header or {}), _overridden(right, claims), key, algorithms=["ES256"]
        )

    def public_keys(self) -> KeySetSerialization:
        """The JWK set that resource servers verify with."""
        return KeySet([self._key]).as_dict(private=False)

    def metadata(self) -> dict[str, Any]:
        """RFC 8414."""
        return {
            "issuer": self.issuer,
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "grant_types_supported": ["client_credentials"],
            "response_types_supported": [],
            "token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_basic"],
            "token_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
        }

    def application(self) -> Starlette:
        async def discovery(_request: Request) -> Response:
            return JSONResponse(self.metadata())

        async def keys(_request: Request) -> Response:
            return JSONResponse(self.public_keys())

        return Starlette(
            routes=[
                Route("/.well-known/oauth-authorization-server", discovery),
                Route("/jwks", keys),
                Route("/token", self._token_endpoint, methods=["POST"]),
            ]
        )

    async def _token_endpoint(self, request: Request) -> Response:
        try:
            form = urllib.parse.parse_qs((await request.body()).decode("latin-1"))
            client = self._authenticated(request.headers.get("authorization", ""), form)
            return JSONResponse(self._grant(client, form), headers=NO_STORE)
        except TokenRefusal as refusal:
            status = 401 if refusal.error == "invalid_client" else 400
            body = {"error": refusal.error, "error_description": refusal.description}
            headers = NO_STORE | ({"WWW-Authenticate": "Basic"} if status == 401 else {})
            return JSONResponse(body, status_code=status, headers=headers)

    def _grant(self, client: Client, form: Form) -> dict[str, Any]:
        if _one(form, "grant_type") != "client_credentials":
            raise TokenRefusal("unsupported_grant_type", "only client_credentials")
        scope = _one(form, "scope") or client.scope
        if not set(scope.split()) <= set(client.scope.split()):
            raise TokenRefusal("invalid_scope", f"{client.id} may have {client.scope!r}")
        audience = _audience(client, form)
        return {
            "access_token": self.token(client.id, audience, scope),
            "token_type": "Bearer",
            "expires_in": TOKEN_LIFETIME_SECONDS,
            "scope": scope,
        }

    def _authenticated(self, authorization: str, form: Form) -> Client:
        if _one(form, "client_assertion_type") == ASSERTION_TYPE:
            return self._by_assertion(_one(form, "client_assertion"))
        if authorization[:6].lower() == "basic ":
            return self._by_secret(authorization[6:])
        raise TokenRefusal("invalid_client", "authenticate by private_key_jwt or client_secret_basic")

    def _by_secret(self, credentials: str) -> Client:
        try:
            user, _, secret = base64.b64decode(credentials, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise TokenRefusal("invalid_client", "credentials are not base64") from error
        client = self._clients.get(urllib.parse.unquote_plus(user))
        given = urllib.parse.unquote_plus(secret).encode()
        if client is None or not hmac.compare_digest(client.secret.encode(), given):
            raise TokenRefusal("invalid_client", "unknown client or wrong secret")
        return client

    def _by_assertion(self, assertion: str) -> Client:
        """RFC 7523 3: signed by the client's key, for us, short-lived, used once."""
        client = self._clients.get(_claimed_subject(assertion))
        if client is None:
            raise TokenRefusal("invalid_client", "unknown client")
        try:
            key = ECKey.import_key(client.key_pem)
            claims = jwt.decode(assertion, key, algorithms=ASSERTION_ALGORITHMS).claims
        except (JoseError, ValueError) as error:
            raise TokenRefusal("invalid_client", f"assertion: {error}") from error
        self._validate_assertion(client, claims)
        return client

    def _validate_assertion(self, client: Client, claims: Mapping[str, Any]) -> None:
        now = time.time()
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        expires, identity = claims.get("exp"), claims.get("jti")
        if claims.get("iss") != client.id or claims.get("sub") != client.id:
            raise TokenRefusal("invalid_client", "iss and sub must be the client_id")
        if not {self.issuer, f"{self.issuer}/token"} & set(audiences):
            raise TokenRefusal("invalid_client", "aud must be the issuer or the token endpoint")
        if not isinstance(expires, int | float) or expires <= now:
            raise TokenRefusal("invalid_client", "exp is missing or past")
        self._seen_assertions = {key: end for key, end in self._seen_assertions.items() if end > now}
        if not isinstance(identity, str) or identity in self._seen_assertions:
            raise TokenRefusal("invalid_client", "jti is missing or was used before")
        self._seen_assertions[identity] = expires


def new_key() -> ECKey:
    return ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)


def _one(form: Form, name: str) -> str:
    """The only value of a parameter, or nothing: RFC 6749 3.2 lets none be given twice."""
    values = form.get(name, [])
    return values[0] if len(values) == 1 else ""


def _audience(client: Client, form: Form) -> str | list[str]:
    """RFC 8707's `resource`, or `audience` as some servers have it; else the only one there is."""
    asked = [*form.get("resource", ()), *form.get("audience", ())]
    allowed = client.audiences
    if not asked and allowed is not None and len(allowed) == 1:
        return allowed[0]
    if not asked or (allowed is not None and not set(asked) <= set(allowed)):
        raise TokenRefusal("invalid_target", f"no resource that {client.id} may have a token for")
    return asked[0] if len(asked) == 1 else asked


def _claimed_subject(assertion: str) -> str:
    """Who an assertion says that it is from, unverified: only to know whose key to verify with."""
    try:
        payload = assertion.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError) as error:
        raise TokenRefusal("invalid_client", "the assertion is no JWT") from error
    return str(claims.get("sub", "")) if isinstance(claims, dict) else ""


def _overridden(right: dict[str, Any], wrong: Mapping[str, Any]) -> dict[str, Any]:
    merged = right | dict(wrong)
    return {name: value for name, value in merged.items() if value is not None}
