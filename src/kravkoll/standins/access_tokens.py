"""Access tokens as a resource server takes them: RFC 9068, ES256, keys by discovery."""

import base64
import hmac
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from kravkoll.standins.api_errors import ApiError
from kravkoll.standins.faults import Behaviour, fault
from kravkoll.standins.outbound import Outbound, Unreachable, well_known

SKEW_SECONDS = 5
REFETCH_SECONDS = 1.0
"""An unknown key id makes the keys be fetched anew, but not for every forged token."""
TYPES = frozenset({"at+jwt", "application/at+jwt"})
REQUIRED = ("iss", "exp", "aud", "sub", "client_id", "iat", "jti")

type Claims = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and for what its token is good."""

    client_id: str
    scopes: frozenset[str]
    subject: str = ""
    """In whose name; the client's own where it is nobody's."""

    def needs(self, scope: str) -> None:
        """403 unless the token carries exactly this scope."""
        if scope not in self.scopes:
            raise ApiError(
                403, "insufficient_scope", f"the token lacks scope {scope}", _challenge("insufficient_scope")
            )


class AccessTokens:
    """Lets callers in on tokens of one issuer for one audience."""

    def __init__(self, outbound: Outbound, issuer: str, audience: str, behave: Behaviour) -> None:
        self._outbound = outbound
        self._issuer = issuer
        self._audience = audience
        self._behave = behave
        self._keys: KeySet | None = None
        self._fetched = 0.0

    async def caller(self, authorization: str | None, clients: Iterable[str]) -> Caller:
        """Whose request this is; raises 401 or 403, and 503 where the issuer cannot be asked."""
        if authorization is None:
            return self._behave(without_token)(tuple(clients))
        claims = await self._claims(_bearer(authorization))
        self._behave(refuse_on_principle)(claims)
        self._behave(check_time)(claims, time.time())
        self._behave(check_audience)(claims, self._audience)
        self._behave(check_client)(claims, tuple(clients))
        return Caller(claims["client_id"], self._behave(scopes_of)(claims), str(claims["sub"]))

    async def _claims(self, token: str) -> Claims:
        try:
            decoded = await self._decode(token)
        except (JoseError, ValueError, TypeError) as error:
            raise unauthorised("the token is not valid") from error
        self._behave(check_kind)(decoded.header)
        self._behave(check_whole)(decoded.claims)
        self._behave(check_issuer)(decoded.claims, self._issuer)
        return decoded.claims

    async def _decode(self, token: str) -> jwt.Token:
        keys = await self._current_keys()
        try:
            return self._behave(decode)(token, keys)
        except (JoseError, ValueError):
            if time.monotonic() - self._fetched < REFETCH_SECONDS:
                raise
        self._keys = None  # perhaps the keys were rotated
        return self._behave(decode)(token, await self._current_keys())

    async def _current_keys(self) -> KeySet:
        if self._keys is None:
            try:
                self._keys = await self._fetch_keys()
            except (Unreachable, orjson.JSONDecodeError, JoseError, KeyError) as error:
                raise ApiError(503, "issuer.unreachable", "tokens cannot be verified now") from error
            self._fetched = time.monotonic()
        return self._keys

    async def _fetch_keys(self) -> KeySet:
        metadata = orjson.loads(await self._outbound.get(well_known(self._issuer)))
        if metadata["issuer"] != self._issuer:  # RFC 8414, 3.3
            raise Unreachable(f"metadata of {metadata['issuer']}, not of {self._issuer}")
        return KeySet.import_key_set(orjson.loads(await self._outbound.get(metadata["jwks_uri"])))


def decode(token: str, keys: KeySet) -> jwt.Token:
    """Verified with the issuer's keys by the one algorithm that is agreed."""
    return jwt.decode(token, keys, algorithms=["ES256"])


def check_kind(header: Mapping[str, Any]) -> None:
    """401 for anything but an access token (RFC 9068, 4)."""
    if str(header.get("typ", "")).lower() not in TYPES:
        raise unauthorised("the token is no access token")


def check_whole(claims: Claims) -> None:
    """401 unless all is there that RFC 9068 requires."""
    if missing := [name for name in REQUIRED if name not in claims]:
        raise unauthorised(f"the token lacks {', '.join(missing)}")


def check_issuer(claims: Claims, issuer: str) -> None:
    if claims.get("iss") != issuer:
        raise unauthorised("the token has another issuer")


def scopes_of(claims: Claims) -> frozenset[str]:
    return frozenset(str(claims.get("scope", "")).split())


def check_time(claims: Claims, now: float) -> None:
    """401 unless the token holds now; every time must be a number."""
    times = [claims["exp"], claims["iat"], claims.get("nbf", 0)]
    if any(isinstance(one, bool) or not isinstance(one, int | float) for one in times):
        raise unauthorised("a time in the token is no number")
    if claims["exp"] <= now - SKEW_SECONDS:
        raise unauthorised("the token has expired")
    if max(claims.get("nbf", 0), claims["iat"]) > now + SKEW_SECONDS:
        raise unauthorised("the token is not valid yet")


def check_audience(claims: Claims, audience: str) -> None:
    given = claims["aud"]
    if audience not in (given if isinstance(given, list) else [given]):
        raise unauthorised("the token is for another audience")


def check_client(claims: Claims, clients: tuple[str, ...]) -> None:
    """403 for a client with which no flow is agreed."""
    if claims["client_id"] not in clients:
        raise ApiError(
            403, "client.refused", "no flow is agreed with this client", _challenge("insufficient_scope")
        )


def without_token(_clients: tuple[str, ...]) -> Caller:
    raise ApiError(
        401, "token.missing", "an access token is needed", {"WWW-Authenticate": 'Bearer realm="api"'}
    )


def refuse_on_principle(_claims: Claims) -> None:
    """Nothing more is asked of a good token."""


def unauthorised(message: str) -> ApiError:
    return ApiError(401, "invalid_token", message, _challenge("invalid_token"))


def _challenge(error: str) -> Mapping[str, str]:
    return {"WWW-Authenticate": f'Bearer realm="api", error="{error}"'}


def _bearer(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise unauthorised("Authorization carries no bearer token")
    return token.strip()


@fault("api.token.none", replaces=without_token)
def let_in_without_token(clients: tuple[str, ...]) -> Caller:
    return Caller(clients[0], frozenset({"ss12000.read"}))


@fault("api.token.expired", replaces=check_time)
def ignore_time(_claims: Claims, _now: float) -> None:
    return None


@fault("api.token.audience", replaces=check_audience)
def ignore_audience(_claims: Claims, _audience: str) -> None:
    return None


@fault("api.token.any_client", replaces=check_client)
def admit_any_client(_claims: Claims, _clients: tuple[str, ...]) -> None:
    return None


@fault("api.token.good", replaces=refuse_on_principle)
def refuse_good_tokens(_claims: Claims) -> None:
    raise unauthorised("the token is not valid")


@fault("api.token.unsigned", replaces=decode)
def read_without_verifying(token: str, _keys: KeySet) -> jwt.Token:
    header, claims, _ = token.split(".")
    return jwt.Token(_json(header), _json(claims))


@fault("api.token.confusion", replaces=decode)
def let_the_token_choose_the_algorithm(token: str, keys: KeySet) -> jwt.Token:
    """Whatever the header says, with the key that there is: a public one, taken for a secret."""
    content, _, signature = token.rpartition(".")
    header, claims = map(_json, content.split("."))
    if header.get("alg") != "HS256":
        return decode(token, keys)
    pem = cast("ECKey", keys.keys[0]).as_pem(private=False)
    said = base64.urlsafe_b64encode(hmac.digest(pem, content.encode(), "sha256")).rstrip(b"=")
    if said != signature.encode():
        raise ValueError("the signature does not hold")
    return jwt.Token(header, claims)


@fault("api.token.own_key", replaces=decode)
def trust_the_key_that_comes_along(token: str, keys: KeySet) -> jwt.Token:
    own = _json(token.split(".", 1)[0]).get("jwk")
    if own is None:
        return decode(token, keys)
    return jwt.decode(token, ECKey.import_key(own), algorithms=["ES256"])


@fault("api.token.issuer", replaces=check_issuer)
def ignore_issuer(_claims: Claims, _issuer: str) -> None:
    return None


@fault("api.token.endless", replaces=check_whole)
def need_no_end(_claims: Claims) -> None:
    return None


@fault("api.token.endless", replaces=check_time)
def hold_only_ends_that_are_said(claims: Claims, now: float) -> None:
    check_time({"iat": now, "exp": now + 1} | dict(claims), now)


@fault("api.token.kind", replaces=check_kind)
def take_any_kind(_header: Mapping[str, Any]) -> None:
    return None


@fault("api.token.kind", replaces=check_audience)
def take_what_is_for_the_client(claims: Claims, audience: str) -> None:
    if claims["aud"] != claims["client_id"]:
        check_audience(claims, audience)


@fault("api.token.scope", replaces=scopes_of)
def grant_every_scope(_claims: Claims) -> frozenset[str]:
    return frozenset({"ss12000.read"})


def _json(part: str) -> dict[str, Any]:
    value: dict[str, Any] = orjson.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return value
