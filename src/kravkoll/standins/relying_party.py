"""Login through the city's OpenID provider, as a relying party: code flow with PKCE, all checks made."""

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode

import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from kravkoll.standins.faults import Behaviour, fault
from kravkoll.standins.installation import Installation
from kravkoll.standins.outbound import Outbound, Unreachable
from kravkoll.standins.pages import html_answer, message_page
from kravkoll.standins.sessions import Session, Sessions, WaitingLogin, request_of
from kravkoll.standins.token_client import ASSERTION_TYPE, TokenClient

DISCOVERY_SECONDS = 3600.0
REFETCH_SECONDS = 1.0
"""An unknown key id makes the keys be fetched anew, but not at every try."""
SKEW_SECONDS = 30
OLDEST_SECONDS = 600
"""An ID token that was issued longer ago is no answer to what was asked now."""
CALLBACK, GOODBYE = "/oidc/callback", "/"

type Claims = Mapping[str, Any]


class NotOpenId(Exception):
    """What came back is not an answer of the city's to what was asked."""


@dataclass(frozen=True, slots=True)
class Provider:
    """What discovery and its keys say."""

    issuer: str
    metadata: Mapping[str, Any]
    keys: KeySet

    def address(self, name: str) -> str:
        return str(self.metadata[name])


@dataclass(frozen=True, slots=True)
class Answer:
    """What the token and userinfo endpoints said of somebody."""

    claims: Claims
    id_token: str
    access_token: str
    user_info: Claims


class RelyingParty:
    """One system's part of the protocol."""

    def __init__(  # noqa: PLR0913, PLR0917  what a system is handed
        self,
        system: str,
        settings: Mapping[str, Any],
        installation: Installation,
        outbound: Outbound,
        behave: Behaviour,
        sessions: Sessions,
    ) -> None:
        self._system = system
        self._settings = settings
        self._installation = installation
        self._outbound = outbound
        self._behave = behave
        self._sessions = sessions
        self._provider: Provider | None = None
        self._fetched = 0.0
        self.base_url = ""

    def routes(self) -> list[Route]:
        return [Route(CALLBACK, self._callback, methods=["GET", "POST"])]

    async def begin(self, request: Request, target: str) -> Response | None:
        """Send the browser to the provider; None where that does not answer."""
        try:
            provider = await self._known_provider()
        except (Unreachable, NotOpenId):
            return None
        login, _ = self._sessions.wait(request, target)
        answer = RedirectResponse(self._request_url(provider, login), 302, {"Cache-Control": "no-store"})
        self._sessions.bind(answer, login)
        return answer

    async def farewell(self, session: Session) -> str | None:
        """RP-initiated logout."""
        try:
            provider = await self._known_provider()
        except (Unreachable, NotOpenId):
            return None
        asked = {
            "id_token_hint": session.id_token,
            "post_logout_redirect_uri": self.base_url + GOODBYE,
            "client_id": self._installation.client_id,
        }
        return f"{provider.address('end_session_endpoint')}?{urlencode(asked)}"

    def _request_url(self, provider: Provider, login: WaitingLogin) -> str:
        asked = {
            "response_type": "code",
            "client_id": self._installation.client_id,
            "redirect_uri": self.base_url + CALLBACK,
            "scope": _scope(self._settings),
            "state": login.request_id,
            "nonce": login.nonce,
            "code_challenge": _sha256(login.verifier),
            "code_challenge_method": "S256",
        }
        for name in ("response_mode", "resource", "prompt"):
            if name in self._settings:
                asked[name] = self._settings[name]
        return f"{provider.address('authorization_endpoint')}?{urlencode(asked)}"

    async def _callback(self, request: Request) -> Response:
        given = await _parameters(request)
        # bound to the browser and used up before anything is asked of the provider
        waiting = self._behave(request_of)(self._sessions, request, given.get("state", ""))
        if waiting is None:
            return self._refusal()
        try:
            answer = await self._read(given, waiting)
        except (NotOpenId, Unreachable, JoseError):
            return self._refusal()
        told = self._behave(told_of)(answer)
        user = self._behave(account_of)(told, self._settings.get("user_claim", "sub"))
        if not user:
            return self._refusal()
        landed = RedirectResponse(waiting.target, 303)
        name = str(answer.user_info.get("name", ""))
        self._sessions.begin(
            landed,
            Session(user, None, "oidc", name, answer.id_token, answer.access_token),
        )
        return landed

    def _refusal(self) -> Response:
        return html_answer(message_page(self._system, "Inloggningen godtogs inte."), 403)

    async def _read(self, given: Mapping[str, str], waiting: WaitingLogin) -> Answer:
        provider = await self._known_provider()
        check_response(given, provider)
        tokens = await self._change(given["code"], provider, waiting)
        id_token, access_token = tokens.get("id_token"), tokens.get("access_token")
        if not isinstance(id_token, str) or not isinstance(access_token, str):
            raise NotOpenId("no ID token or no access token")
        claims = await self._verified(id_token)
        self._check_claims(claims, provider.issuer, waiting.nonce)
        check_access_token(claims, access_token)
        user_info = {} if "resource" in self._settings else await self._user_info(provider, access_token)
        self._behave(check_user_info)(user_info, claims)
        return Answer(claims, id_token, access_token, user_info)

    def _check_claims(self, claims: Claims, issuer: str, nonce: str) -> None:
        """OIDC Core 3.1.3.7."""
        self._behave(check_parties)(claims, issuer, self._installation.client_id)
        self._behave(check_times)(claims, time.time())
        self._behave(check_nonce)(claims, nonce)
        self._behave(check_subject)(claims)

    async def _change(self, code: str, provider: Provider, waiting: WaitingLogin) -> Claims:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.base_url + CALLBACK,
            "code_verifier": waiting.verifier,
            "client_id": self._installation.client_id,
        }
        if not self._settings.get("public"):
            client = TokenClient(provider.issuer, self._installation.client_id, self._installation.client_key)
            form |= {"client_assertion_type": ASSERTION_TYPE, "client_assertion": client.assertion()}
        return _json(await self._outbound.post_form(provider.address("token_endpoint"), form))

    async def _user_info(self, provider: Provider, access_token: str) -> Claims:
        return _json(await self._outbound.get(provider.address("userinfo_endpoint"), token=access_token))

    async def _verified(self, id_token: str) -> Claims:
        algorithm = self._settings.get("signing", "ES256")
        try:
            return verified(id_token, (await self._known_provider()).keys, algorithm)
        except (NotOpenId, JoseError, ValueError) as error:
            if time.monotonic() - self._fetched < REFETCH_SECONDS:
                raise NotOpenId("the signature does not hold") from error
        self._provider = None  # perhaps its keys were changed
        try:
            return verified(id_token, (await self._known_provider()).keys, algorithm)
        except (JoseError, ValueError) as error:
            raise NotOpenId("the signature does not hold") from error

    async def _known_provider(self) -> Provider:
        if self._provider is None or time.monotonic() - self._fetched > DISCOVERY_SECONDS:
            self._provider, self._fetched = await self._discovered(), time.monotonic()
        return self._provider

    async def _discovered(self) -> Provider:
        issuer = self._installation.openid_issuer
        metadata = _json(await self._outbound.get(f"{issuer}/.well-known/openid-configuration"))
        if metadata.get("issuer") != issuer:  # Discovery 4.3
            raise NotOpenId(f"metadata of {metadata.get('issuer')}, not of {issuer}")
        try:
            keys = KeySet.import_key_set(_json(await self._outbound.get(str(metadata["jwks_uri"]))))  # type: ignore[arg-type]  # it says itself what is missing
        except (JoseError, KeyError, TypeError, ValueError) as error:
            raise NotOpenId("no usable keys") from error
        return Provider(issuer, metadata, keys)


def registration(settings: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    """What the supplier tells the city of a relying party at this address."""
    return {
        "redirect_uris": (base_url + CALLBACK,),
        "post_logout_redirect_uris": (base_url + GOODBYE,),
        "signing": settings.get("signing", "ES256"),
        "public": bool(settings.get("public")),
        "scope": _scope(settings),
        "audiences": (settings["resource"],) if "resource" in settings else (),
    }


def check_response(given: Mapping[str, str], provider: Provider) -> None:
    """That the city answered, and with a code. Which issuer answered is told (RFC 9207) and must fit."""
    announced = provider.metadata.get("authorization_response_iss_parameter_supported") is True
    if (announced or "iss" in given) and given.get("iss") != provider.issuer:
        raise NotOpenId("another issuer answered")
    if "error" in given or not given.get("code"):
        raise NotOpenId("no code")


def verified(id_token: str, keys: KeySet, algorithm: str) -> Claims:
    """The claims, by the key that the token names and the algorithm that was registered, no other.

    A token that names none is good where only one key fits.
    """
    kind = "EC" if algorithm.startswith("ES") else "RSA"
    fitting = [key for key in keys.keys if key.key_type == kind and key.alg in {None, algorithm}]
    return jwt.decode(id_token, KeySet(fitting), algorithms=[algorithm]).claims


def check_parties(claims: Claims, issuer: str, client_id: str) -> None:
    """From the provider, for this client and nobody else's use."""
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if claims.get("iss") != issuer or client_id not in audiences:
        raise NotOpenId("from another issuer or for another audience")
    if (len(audiences) > 1 or "azp" in claims) and claims.get("azp") != client_id:
        raise NotOpenId("for another authorised party")


def check_times(claims: Claims, now: float) -> None:
    times = [claims.get("exp"), claims.get("iat"), claims.get("nbf", 0)]
    if any(isinstance(one, bool) or not isinstance(one, int | float) for one in times):
        raise NotOpenId("a time is missing or no number")
    if claims["exp"] <= now - SKEW_SECONDS or claims["iat"] < now - OLDEST_SECONDS:
        raise NotOpenId("past")
    if max(claims["iat"], claims.get("nbf", 0)) > now + SKEW_SECONDS:
        raise NotOpenId("not valid yet")


def check_nonce(claims: Claims, nonce: str) -> None:
    if not isinstance(claims.get("nonce"), str) or not secrets.compare_digest(
        claims["nonce"].encode(), nonce.encode()
    ):
        raise NotOpenId("another nonce")


def check_subject(claims: Claims) -> None:
    """About somebody who has logged in, not out."""
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise NotOpenId("nobody")
    if "events" in claims:
        raise NotOpenId("a logout token")


def check_access_token(claims: Claims, access_token: str) -> None:
    """Where the ID token says whose access token it goes with, that must be this one."""
    if "at_hash" not in claims:
        return
    digest = hashlib.sha256(access_token.encode()).digest()
    if not hmac.compare_digest(_base64(digest[:16]).encode(), str(claims["at_hash"]).encode()):
        raise NotOpenId("another access token")


def check_user_info(user_info: Claims, claims: Claims) -> None:
    """OIDC Core 5.3.2: about the same person."""
    if user_info and user_info.get("sub") != claims["sub"]:
        raise NotOpenId("userinfo of somebody else")


def account_of(claims: Claims, name: str) -> str | None:
    """The account: the agreed claim."""
    value = claims.get(name)
    return value if isinstance(value, str) and value else None


def told_of(answer: Answer) -> Claims:
    """What the account is chosen by: the ID token."""
    return answer.claims


@fault("oidc.parties", replaces=check_parties)
def believe_any_party(_claims: Claims, _issuer: str, _client_id: str) -> None:
    return None


@fault("oidc.time", replaces=check_times)
def ignore_times(_claims: Claims, _now: float) -> None:
    return None


@fault("oidc.nonce", replaces=check_nonce)
def ignore_nonce(_claims: Claims, _nonce: str) -> None:
    return None


@fault("oidc.subject", replaces=check_subject)
def need_no_subject(_claims: Claims) -> None:
    return None


@fault("oidc.subject", replaces=check_user_info)
def compare_where_there_is_something(user_info: Claims, claims: Claims) -> None:
    if "sub" in claims:
        check_user_info(user_info, claims)


@fault("oidc.user_info", replaces=check_user_info)
def believe_any_user_info(_user_info: Claims, _claims: Claims) -> None:
    return None


@fault("oidc.user_info", replaces=told_of)
def choose_by_user_info(answer: Answer) -> Claims:
    return {**answer.claims, **answer.user_info}


@fault("login.oidc.good", replaces=account_of)
def log_in_somebody_else(_claims: Claims, _name: str) -> str | None:
    return "demo@example.invalid"


def _scope(settings: Mapping[str, Any]) -> str:
    return str(settings.get("scope", "openid profile"))


def _sha256(text: str) -> str:
    return _base64(hashlib.sha256(text.encode()).digest())


def _base64(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


async def _parameters(request: Request) -> dict[str, str]:
    """What came back; a parameter that stands there twice is none."""
    text = (await request.body()).decode("latin-1") if request.method == "POST" else request.url.query
    try:
        found = parse_qs(text, max_num_fields=20)
    except ValueError:
        return {}
    return {name: values[0] for name, values in found.items() if len(values) == 1}


def _json(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Unreachable("the city's login answered no JSON") from error
    if not isinstance(document, dict):
        raise Unreachable("the city's login answered no object")
    return document
