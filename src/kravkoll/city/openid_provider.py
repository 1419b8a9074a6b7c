"""The city's login as an OpenID provider: code flow with PKCE, for the same people and the same session."""

import html
import json
import secrets
import ssl
import time
import urllib.parse
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from kravkoll.city.authorisation_server import AuthorisationServer, new_key
from kravkoll.city.client_authentication import (
    ASSERTION_ALGORITHMS,
    NO_STORE,
    ClientAuthentication,
    Form,
    TokenRefusal,
    one,
)
from kravkoll.city.doors import LOCAL, Doors
from kravkoll.city.forged_openid import HONEST, ForgedLogin
from kravkoll.city.openid_messages import (
    ALGORITHMS,
    CLAIMS_OF,
    ID_TOKEN_SECONDS,
    AuthorizationRequest,
    IdTokenFrame,
    OpenIdRefusal,
    ProviderKeys,
    RelyingParty,
    Subject,
    authorization_response,
    challenge_of,
    check_address,
    check_request,
    discovery,
    id_token_claims,
    read_authorization_request,
    user_info,
)
from kravkoll.city.sign_on import REFUSED, SignOn, SignOnSession, form, page, refused, remember
from kravkoll.city.state import CityState
from kravkoll.serving.loopback import Loopback, Served

PARTY = "openid-provider"
CODE_SECONDS = 60
USERINFO_SCOPES = frozenset({"openid", *CLAIMS_OF})
RSA_BITS = 2048


@dataclass(frozen=True, slots=True)
class Grant:
    """What a code, or the token that it was changed for, is good for. `expires` in seconds since 1970."""

    request: AuthorizationRequest
    party: RelyingParty
    session: SignOnSession
    expires: float


class OpenIdProvider:
    """Discovery, keys, authorize, token, userinfo and logout."""

    issuer: str

    def __init__(self, sign_on: SignOn, tokens: AuthorisationServer, state: CityState) -> None:
        self.keys = _kept_keys(state)
        self._sign_on = sign_on
        self._tokens = tokens
        self._state = state
        self._served: Served | None = None
        self._authentication = ClientAuthentication(
            tokens.client, lambda: {self.issuer, f"{self.issuer}/token"}
        )
        self._codes: OrderedDict[str, Grant] = OrderedDict()
        self._used: OrderedDict[str, str] = OrderedDict()
        """Code to the access token that it was changed for: whoever shows it again ends that."""
        self._access: OrderedDict[str, Grant] = OrderedDict()
        self._consents: OrderedDict[str, Callable[[bool], Response]] = OrderedDict()
        self._forged: dict[str, ForgedLogin] = {}
        """Relying party to what is made wrong of the next logins to it."""

    @classmethod
    def start(  # noqa: PLR0913, PLR0917  what a party of the city is started with
        cls,
        loopback: Loopback,
        state: CityState,
        context: ssl.SSLContext,
        sign_on: SignOn,
        tokens: AuthorisationServer,
        doors: Doors = LOCAL,
    ) -> "OpenIdProvider":
        """Listen where it did last time; PortTaken if that port is busy."""
        provider = cls(sign_on, tokens, state)
        served = doors.open(PARTY, provider.application(), loopback=loopback, state=state, context=context)
        provider._served, provider.issuer = served, served.url
        return provider

    @classmethod
    def kept(
        cls, state: CityState, sign_on: SignOn, tokens: AuthorisationServer, doors: Doors
    ) -> "OpenIdProvider":
        """The same without listening; the issuer is empty where it was never started."""
        provider = cls(sign_on, tokens, state)
        provider.issuer = doors.address(PARTY, state)
        return provider

    def close(self) -> None:
        if self._served is not None:
            self._served.close()

    @property
    def authorization_endpoint(self) -> str:
        return f"{self.issuer}/authorize"

    @property
    def discovery_url(self) -> str:
        return f"{self.issuer}/.well-known/openid-configuration"

    def register(self, party: RelyingParty) -> RelyingParty:
        """Make a relying party known, also to later runs; its credentials are those of the machine client."""
        if party.signing not in ALGORITHMS:
            raise ValueError(f"{party.signing}: ID tokens are signed with {' or '.join(ALGORITHMS)}")
        self._state.write(_file_of(party.id), json.dumps(asdict(party), sort_keys=True).encode())
        return party

    def relying_party(self, client_id: str) -> RelyingParty | None:
        """A registered system, read anew each time: it may have been registered by another process."""
        kept = self._state.read(_file_of(client_id))
        if kept is None:
            return None
        facts = json.loads(kept)
        lists = {name: tuple(value) for name, value in facts.items() if isinstance(value, list)}
        return RelyingParty(**(facts | lists))

    def identifiers(self, persona: str) -> frozenset[str]:
        """What an ID token names this person by; a system may key its account on either."""
        subject = self.subject(persona)
        return frozenset({subject.sub, subject.principal_name})

    def subject(self, persona: str) -> Subject:
        person = self._sign_on.people[persona]
        return Subject(person.id, person.principal_name, person.given_name, person.family_name)

    @contextmanager
    def forging(self, client_id: str, forged: ForgedLogin) -> Iterator[None]:
        """Tell this relying party something wrong for as long as the context lasts."""
        self._forged[client_id] = forged
        try:
            yield
        finally:
            del self._forged[client_id]

    def application(self) -> Starlette:
        async def configuration(_request: Request) -> Response:
            return JSONResponse(discovery(self.issuer, ASSERTION_ALGORITHMS))

        async def jwks(_request: Request) -> Response:
            return JSONResponse(self.keys.public())

        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", configuration),
                Route("/jwks", jwks),
                Route("/authorize", self._authorize, methods=["GET", "POST"]),
                Route("/consent", self._consent, methods=["POST"]),
                Route("/token", self._token, methods=["POST"]),
                Route("/userinfo", self._userinfo, methods=["GET", "POST"]),
                Route("/logout", self._logout, methods=["GET", "POST"]),
                *self._sign_on.routes(),
            ]
        )

    # --- authorize ---

    async def _authorize(self, http: Request) -> Response:
        try:
            request = read_authorization_request(await _parameters(http))
            party = self._asking(request)
        except OpenIdRefusal as refusal:
            return refused(refusal.error, refusal.description)
        try:
            check_request(request, party)
            return self._ask(http, request, party)
        except OpenIdRefusal as refusal:
            return self._error(request, refusal)

    def _asking(self, request: AuthorizationRequest) -> RelyingParty:
        """Who the answer may be sent to; nobody else is told anything."""
        party = self.relying_party(request.client_id)
        if party is None:
            raise OpenIdRefusal("unknown-relying-party", request.client_id, to_client=False)
        check_address(request, party)
        return party

    def _ask(self, http: Request, request: AuthorizationRequest, party: RelyingParty) -> Response:
        session = self._sign_on.session(http)
        prompts = set(request.prompt.split())
        old = session is not None and request.max_age != "" and _age(session) >= int(request.max_age)
        fresh = "login" in prompts or old
        if "none" in prompts and (session is None or fresh):
            raise OpenIdRefusal("login_required")
        if "none" in prompts and _wants_consent(request):
            raise OpenIdRefusal("consent_required")

        def proceed(session: SignOnSession) -> Response:
            if not _wants_consent(request):
                return self._granted(request, party, session)
            return self._ask_consent(request, party, session)

        return self._sign_on.require(http, proceed, fresh=fresh)

    def _ask_consent(
        self, request: AuthorizationRequest, party: RelyingParty, session: SignOnSession
    ) -> Response:
        """An API opens in somebody's name only when that very person says so, each time."""

        def decided(yes: bool) -> Response:
            if yes:
                return self._granted(request, party, session)
            return self._error(request, OpenIdRefusal("access_denied", "the user said no"))

        token = secrets.token_urlsafe(24)
        remember(self._consents, token, decided)
        wanted = " ".join(sorted(request.scopes - USERINFO_SCOPES))
        asked = f"<p>{html.escape(party.id)} vill läsa i ditt namn: {html.escape(wanted)}.</p>"
        buttons = (
            '<button name="decision" value="allow">Tillåt</button>'
            '<button name="decision" value="deny">Neka</button>'
        )
        hidden = f'<input type="hidden" name="consent" value="{token}">'
        body = f'{asked}<form method="post" action="/consent">{hidden}{buttons}</form>'
        return page("Medgivande", body)

    async def _consent(self, http: Request) -> Response:
        given = await _parameters(http)
        decided = self._consents.pop(one(given, "consent"), None)
        return decided(one(given, "decision") == "allow") if decided else refused("no-such-consent")

    def _granted(
        self, request: AuthorizationRequest, party: RelyingParty, session: SignOnSession
    ) -> Response:
        code = secrets.token_urlsafe(32)
        remember(self._codes, code, Grant(request, party, session, time.time() + CODE_SECONDS))
        return carried(request, authorization_response(request, self.issuer, code=code))

    def _error(self, request: AuthorizationRequest, refusal: OpenIdRefusal) -> Response:
        members = {"error": refusal.error} | (
            {"error_description": refusal.description} if refusal.description else {}
        )
        answer = carried(request, authorization_response(request, self.issuer, **members))
        answer.headers[REFUSED] = refusal.error
        return answer

    # --- token ---

    async def _token(self, http: Request) -> Response:
        try:
            given = urllib.parse.parse_qs((await http.body()).decode("latin-1"))
            party = self._party(http.headers.get("authorization", ""), given)
            return JSONResponse(self._exchange(party, given), headers=NO_STORE)
        except TokenRefusal as refusal:
            return refusal.answer()

    def _party(self, authorization: str, given: Form) -> RelyingParty:
        """Who asks: by its credentials, or by name alone where it is registered to have none."""
        named = self.relying_party(one(given, "client_id"))
        if named is not None and named.public and not authorization and "client_assertion" not in given:
            return named
        party = self.relying_party(self._authentication.authenticated(authorization, given).id)
        if party is None:
            raise TokenRefusal("unauthorized_client", "not registered for login")
        return party

    def _exchange(self, party: RelyingParty, given: Form) -> dict[str, Any]:
        if one(given, "grant_type") != "authorization_code":
            raise TokenRefusal("unsupported_grant_type", "only authorization_code")
        code = one(given, "code")
        if code in self._used:  # RFC 6749 4.1.2: somebody else had it too
            self._access.pop(self._used[code], None)
        grant = self._codes.get(code)
        if grant is None or grant.party.id != party.id or grant.expires < time.time():
            raise TokenRefusal("invalid_grant", "the code is unknown, used, past or another's")
        del self._codes[code]
        request = grant.request
        if one(given, "redirect_uri") != request.redirect_uri:
            raise TokenRefusal("invalid_grant", "redirect_uri is not that of the request")
        verifier = one(given, "code_verifier")
        if not secrets.compare_digest(challenge_of(verifier).encode(), request.code_challenge.encode()):
            raise TokenRefusal("invalid_grant", "code_verifier does not fit the code_challenge")
        return self._tokens_for(code, grant)

    def _tokens_for(self, code: str, grant: Grant) -> dict[str, Any]:
        access = self._access_token(grant)
        remember(self._used, code, access)
        answer: dict[str, Any] = {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": ID_TOKEN_SECONDS,
            "scope": grant.request.scope,
            "id_token": self.id_token(grant, access),
        }
        return answer

    def _access_token(self, grant: Grant) -> str:
        """For userinfo; or, where an API was asked for, a token of the authorisation server's for that."""
        request = grant.request
        if request.resource:
            scope = " ".join(sorted(request.scopes - USERINFO_SCOPES))
            sub = self.subject(grant.session.persona).sub
            return self._tokens.token(request.client_id, request.resource, scope, sub=sub)
        token = secrets.token_urlsafe(32)
        expires = time.time() + ID_TOKEN_SECONDS
        remember(self._access, token, Grant(request, grant.party, grant.session, expires))
        return token

    def id_token(self, grant: Grant, access_token: str) -> str:
        frame = IdTokenFrame(
            issuer=self.issuer,
            audience=grant.party.id,
            nonce=grant.request.nonce,
            auth_time=int(grant.session.since.timestamp()),
            session=grant.session.sid,
            access_token=access_token,
        )
        claims = id_token_claims(self.subject(grant.session.persona), frame)
        forged = self._forged.get(grant.party.id, HONEST)
        return self.keys.sign(forged.of_id_token(claims), grant.party.signing)

    # --- userinfo and logout ---

    async def _userinfo(self, http: Request) -> Response:
        scheme, _, token = http.headers.get("authorization", "").partition(" ")
        grant = self._access.get(token.strip()) if scheme.lower() == "bearer" else None
        if grant is None or grant.expires < time.time():
            return Response(
                status_code=401, headers={**NO_STORE, "WWW-Authenticate": 'Bearer error="invalid_token"'}
            )
        forged = self._forged.get(grant.party.id, HONEST)
        persona = forged.user_info_of or grant.session.persona
        return JSONResponse(user_info(self.subject(persona), grant.request.scopes), headers=NO_STORE)

    async def _logout(self, http: Request) -> Response:
        """RP-initiated logout: back to the product only where its ID token proves whose wish it is."""
        given = await _parameters(http)
        target = self._after_logout(given)
        answer: Response
        if target:
            answer = RedirectResponse(target, 303, NO_STORE)
        else:
            answer = page("Utloggad", "<p>Du är utloggad ur stadens inloggning.</p>")
        self._sign_on.end(http, answer)
        return answer

    def _after_logout(self, given: Form) -> str:
        hint, target, state = (
            one(given, name) for name in ("id_token_hint", "post_logout_redirect_uri", "state")
        )
        party = self.relying_party(self._audience_of(hint)) if hint else None
        if party is None or target not in party.post_logout_redirect_uris:
            return ""
        return with_query(target, {"state": state} if state else {})

    def _audience_of(self, id_token: str) -> str:
        """Whose ID token this is, past or not; empty where it is none of ours."""
        keys = KeySet([self.keys.ec, self.keys.rsa])
        try:
            claims = jwt.decode(id_token, keys, algorithms=list(ALGORITHMS)).claims
        except (JoseError, ValueError):
            return ""
        return str(claims["aud"]) if claims.get("iss") == self.issuer else ""


def carried(request: AuthorizationRequest, members: Mapping[str, str]) -> Response:
    """The response on its way to the client, in the mode that it asked for."""
    if request.response_mode == "form_post":
        return page("Inloggad", form(request.redirect_uri, members, ask_username=False))
    return RedirectResponse(with_query(request.redirect_uri, members), 303, NO_STORE)


def with_query(address: str, members: Mapping[str, str]) -> str:
    if not members:
        return address
    return f"{address}{'&' if '?' in address else '?'}{urllib.parse.urlencode(members)}"


def _wants_consent(request: AuthorizationRequest) -> bool:
    return bool(request.resource or request.scopes - USERINFO_SCOPES)


def _age(session: SignOnSession) -> float:
    """Seconds since somebody said who they are."""
    return time.time() - session.since.timestamp()


async def _parameters(http: Request) -> dict[str, list[str]]:
    text = (await http.body()).decode("utf-8", "replace") if http.method == "POST" else http.url.query
    return urllib.parse.parse_qs(text, keep_blank_values=True)


def _file_of(client_id: str) -> str:
    return f"relying-parties/{urllib.parse.quote(client_id, safe='')}.json"


def _kept_keys(state: CityState) -> ProviderKeys:
    def new_rsa() -> bytes:
        return RSAKey.generate_key(RSA_BITS).as_pem(private=True)

    ec_pem = state.keep("openid-provider.es256.key", lambda: new_key().as_pem(private=True))
    rsa_pem = state.keep("openid-provider.rs256.key", new_rsa)
    ec = ECKey.import_key(ec_pem, {"use": "sig", "alg": "ES256"})
    rsa = RSAKey.import_key(rsa_pem, {"use": "sig", "alg": "RS256"})
    for key in (ec, rsa):
        key.ensure_kid()
    return ProviderKeys(ec, rsa)
