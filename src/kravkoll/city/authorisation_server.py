"""The city's authorisation server: machine access tokens by RFC 9068, for clients known by key or secret."""

import json
import secrets
import ssl
import time
import urllib.parse
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, KeySetSerialization
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kravkoll.city.client_authentication import (
    ASSERTION_ALGORITHMS,
    NO_STORE,
    Client,
    ClientAuthentication,
    Form,
    TokenRefusal,
    one,
)
from kravkoll.city.doors import LOCAL, Doors
from kravkoll.city.state import CityState
from kravkoll.serving.loopback import Loopback, Served

PARTY = "authorisation-server"
TOKEN_LIFETIME_SECONDS = 300


class AuthorisationServer:
    """Tokens over HTTP for clients, and in process for checks, with any claim made wrong."""

    issuer: str

    def __init__(self, key: ECKey, state: CityState) -> None:
        self._key = key
        self._state = state
        self._authentication = ClientAuthentication(
            self.client, lambda: {self.issuer, f"{self.issuer}/token"}
        )
        self._served: Served | None = None

    @classmethod
    def start(
        cls, loopback: Loopback, state: CityState, context: ssl.SSLContext, doors: Doors = LOCAL
    ) -> "AuthorisationServer":
        """Listen where it did last time; PortTaken if that port is busy."""
        server = cls(_kept_key(state), state)
        served = doors.open(PARTY, server.application(), loopback=loopback, state=state, context=context)
        server._served, server.issuer = served, served.url
        return server

    @classmethod
    def kept(cls, state: CityState, doors: Doors) -> "AuthorisationServer":
        """The same without listening; LookupError where it was never started."""
        server = cls(_kept_key(state), state)
        server.issuer = doors.address_of(PARTY, state)
        return server

    def close(self) -> None:
        if self._served is not None:
            self._served.close()

    def register_client(
        self,
        client_id: str,
        *,
        scope: str = "",
        audiences: tuple[str, ...] | None = None,
        public_keys: KeySetSerialization | None = None,
    ) -> Client:
        """Make a client known, also to later runs; the key and secret that it is handed stay the same.

        A supplier that hands in `public_keys` keeps its own key: nothing secret is made for it.
        """
        facts = {"id": client_id, "scope": scope, "audiences": audiences, "public_keys": public_keys}
        content = json.dumps(facts, sort_keys=True).encode()
        name = _file_of(client_id)
        if self._state.read(f"{name}.json") != content:
            self._state.write(f"{name}.json", content)
        if public_keys is None:
            self._state.keep(f"{name}.key", lambda: new_key().as_pem(private=True))
            self._state.keep(f"{name}.secret", lambda: secrets.token_urlsafe(32).encode())
        return self.client(client_id) or Client(client_id, b"", "")

    def client(self, client_id: str) -> Client | None:
        """A known client, read anew each time: it may have been registered by another process."""
        name = _file_of(client_id)
        content = self._state.read(f"{name}.json")
        if content is None:
            return None
        facts = json.loads(content)
        own = facts["public_keys"] is not None
        return Client(
            id=facts["id"],
            key_pem=b"" if own else self._state.read(f"{name}.key") or b"",
            secret="" if own else (self._state.read(f"{name}.secret") or b"").decode(),
            scope=facts["scope"],
            audiences=None if facts["audiences"] is None else tuple(facts["audiences"]),
            public_keys=facts["public_keys"],
        )

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
            overridden(right_header, header or {}), overridden(right, claims), key, algorithms=["ES256"]
        )

    def signed(self, sign: Callable[[ECKey], str]) -> str:
        """What `sign` makes with the server's own key, for checks that need a header no library writes."""
        return sign(self._key)

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
            client = self._authentication.authenticated(request.headers.get("authorization", ""), form)
            return JSONResponse(self._grant(client, form), headers=NO_STORE)
        except TokenRefusal as refusal:
            return refusal.answer()

    def _grant(self, client: Client, form: Form) -> dict[str, Any]:
        if one(form, "grant_type") != "client_credentials":
            raise TokenRefusal("unsupported_grant_type", "only client_credentials")
        scope = one(form, "scope") or client.scope
        if not set(scope.split()) <= set(client.scope.split()):
            raise TokenRefusal("invalid_scope", f"{client.id} may have {client.scope!r}")
        audience = _audience(client, form)
        return {
            "access_token": self.token(client.id, audience, scope),
            "token_type": "Bearer",
            "expires_in": TOKEN_LIFETIME_SECONDS,
            "scope": scope,
        }


def new_key() -> ECKey:
    return ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)


def _audience(client: Client, form: Form) -> str | list[str]:
    """RFC 8707's `resource`, or `audience` as some servers have it; else the only one there is."""
    asked = [*form.get("resource", ()), *form.get("audience", ())]
    allowed = client.audiences
    if not asked and allowed is not None and len(allowed) == 1:
        return allowed[0]
    if not asked or (allowed is not None and not set(asked) <= set(allowed)):
        raise TokenRefusal("invalid_target", f"no resource that {client.id} may have a token for")
    return asked[0] if len(asked) == 1 else asked


def _file_of(client_id: str) -> str:
    return f"clients/{urllib.parse.quote(client_id, safe='')}"


def _kept_key(state: CityState) -> ECKey:
    pem = state.keep("authorisation-server.key", lambda: new_key().as_pem(private=True))
    key = ECKey.import_key(pem, {"use": "sig", "alg": "ES256"})
    key.ensure_kid()
    return key


def overridden(right: Mapping[str, Any], wrong: Mapping[str, Any]) -> dict[str, Any]:
    """What is right, with what is wrong in its place; None leaves a member out."""
    return {name: value for name, value in (dict(right) | dict(wrong)).items() if value is not None}
