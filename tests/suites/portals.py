"""Systems with a login, each in a style of its own, and what the login suite says of them."""

import base64
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode

import httpx
from joserfc import jwt
from lxml import etree
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from tests.suites.looking import said, subject_at, suite

from kravkoll.cast import Cast
from kravkoll.checks.subject import Subject, verifying_context
from kravkoll.city.city import City
from kravkoll.city.driving import Driving
from kravkoll.city.openid_messages import challenge_of
from kravkoll.city.saml_messages import MD, NAMESPACES
from kravkoll.serving.loopback import Loopback

SSO, SAML, OIDC, CONFTEST = (
    suite(name) for name in ("test_city_login", "test_saml", "test_openid", "conftest")
)


@dataclass
class Portal:
    """A system with a login by SAML, in the style that its fields say."""

    city: City
    start: str = "redirect"
    protected: str = "redirect"
    becomes: Callable[[str], str | None] = lambda name: name
    pages: Mapping[str, Response] = field(default_factory=dict)
    path: str = "/me"
    reads: str = ".//saml:NameID"
    base: str = ""

    def app(self) -> Starlette:
        extra = [Route(path, lambda _r, a=answer: a) for path, answer in self.pages.items()]
        return Starlette(
            routes=[
                *extra,
                Route("/", self.at_start),
                Route("/start", self.at_start),
                Route("/me", self.at_protected),
                Route("/profil", self.at_protected),
                Route("/acs", self.consume, methods=["POST"]),
                Route("/metadata", self.metadata),
            ]
        )

    async def at_start(self, _request: Request) -> Response:
        return self.send(self.start)

    async def at_protected(self, request: Request) -> Response:
        user = request.cookies.get("user")
        if user and request.url.path == "/profil":
            return HTMLResponse(f"<h1>Hej</h1><p>Du är <b id=me>{user}</b></p>")
        return JSONResponse({"session": {"user": user}}) if user else self.send(self.protected)

    def send(self, style: str) -> Response:
        """A page in this style, or a redirect where the style is an address."""
        address = self.request_url()
        script = address.replace("/", "\\/")
        pages = {
            "refresh": f'<meta http-equiv="Refresh" content="0; URL={address}">',
            "script": f'<p>Vänta</p><script>location.href = "{script}"</script>',
            "landing": f'<h1>Hej</h1><a href="/om">Om</a><a href="{address}">Logga in</a>',
            "button": '<h1>Hej</h1><form action="/me"><button>Fortsätt</button></form>',
            "shell": '<div id="app"></div><script src="/app.js"></script>',
            "own": "<h1>Välj hur du vill logga in</h1><p>Ring supporten så hjälper de dig.</p>",
        }
        answers = {
            "401": (401, {"error": "login"}),
            "anonymous": (200, {"session": {"user": None}}),
            "open": (200, {"session": {"user": "root"}}),
            "broken": (500, None),
        }
        if style in pages:
            return HTMLResponse(pages[style])
        if style in answers:
            status, body = answers[style]
            return JSONResponse(body, status)
        return RedirectResponse(address if style == "redirect" else style, 302)

    def request_url(self) -> str:
        document = (
            f'<samlp:AuthnRequest xmlns:samlp="{NAMESPACES["samlp"]}" ID="_r" Version="2.0"><saml:Issuer '
            f'xmlns:saml="{NAMESPACES["saml"]}">{self.base}/metadata</saml:Issuer></samlp:AuthnRequest>'
        )
        deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        message = base64.b64encode(deflater.compress(document.encode()) + deflater.flush()).decode()
        return (
            f"{self.city.identity_provider.sso_url}?{urlencode({'SAMLRequest': message, 'RelayState': 'x'})}"
        )

    async def consume(self, request: Request) -> Response:
        form = parse_qs((await request.body()).decode())
        answer = etree.fromstring(base64.b64decode(form["SAMLResponse"][0]))
        name = answer.findtext(self.reads, "", NAMESPACES)
        welcome = RedirectResponse("/me", 303)
        if user := self.becomes(name):
            welcome.set_cookie("user", user, secure=True, httponly=True)
        return welcome

    async def metadata(self, _request: Request) -> Response:
        return Response(
            f'<EntityDescriptor xmlns="{MD}" entityID="{self.base}/metadata"><SPSSODescriptor '
            f'protocolSupportEnumeration="{NAMESPACES["samlp"]}"><AssertionConsumerService index="0" '
            f'Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="{self.base}/acs"/>'
            "</SPSSODescriptor></EntityDescriptor>",
            media_type="application/xml",
        )


@dataclass
class OpenIdPortal(Portal):
    """The same by OpenID Connect, trusting enough to be known by PKCE alone."""

    response_mode: str = ""
    landing: str = "redirect"
    verifier: str = "v" * 43

    def app(self) -> Starlette:
        app = super().app()
        app.routes.append(Route("/callback", self.back, methods=["GET", "POST"]))
        return app

    def request_url(self) -> str:
        asked = {
            "response_type": "code",
            "client_id": "portal",
            "redirect_uri": f"{self.base}/callback",
            "scope": "openid",
            "state": "s",
            "nonce": "n",
            "code_challenge": challenge_of(self.verifier),
            "code_challenge_method": "S256",
        } | ({"response_mode": self.response_mode} if self.response_mode else {})
        return f"{self.city.openid_provider.authorization_endpoint}?{urlencode(asked)}"

    async def back(self, request: Request) -> Response:
        text = (await request.body()).decode() if request.method == "POST" else request.url.query
        name = await self.subject_of(parse_qs(text)["code"][0])
        pages = {
            "redirect": RedirectResponse("/me", 303),
            "refresh": HTMLResponse('<meta http-equiv=refresh content="0;url=/me"><p>Välkommen</p>'),
            "page": HTMLResponse("<h1>Välkommen</h1>"),
        }
        answer = pages[self.landing]
        if user := self.becomes(name):
            answer.set_cookie("user", user, secure=True, httponly=True)
        return answer

    async def subject_of(self, code: str) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": f"{self.base}/callback",
            "client_id": "portal",
            "code_verifier": self.verifier,
        }
        context = verifying_context(self.city.ca.anchor_pem)
        async with httpx.AsyncClient(verify=context, trust_env=False) as client:
            answer = await client.post(f"{self.city.openid_provider.issuer}/token", data=form)
        key = self.city.openid_provider.keys.ec
        claims = jwt.decode(answer.json()["id_token"], key, algorithms=["ES256"]).claims
        return str(claims["sub"])


OPENID = {"path": "/start", "openid": {"client": "portal", "redirect": "/callback", "public": True}}


def judged(
    loopback: Loopback, portal: Portal, cast: Cast, checks: str = "1 2 3", **capabilities: Mapping[str, Any]
) -> str:
    agreed: dict[str, Mapping[str, Any]] = {
        "login.start": {"path": "/start", "metadata": "/metadata"},
        "login.subject": {"path": "/me", "json": "session.user"},
    }
    agreed |= {name.replace("_", "."): value for name, value in capabilities.items()}
    with loopback.serve(portal.app(), context=portal.city.ca.issue().server_context()) as served:
        portal.base = served.url
        subject = subject_at(served.url, portal.city, agreed)
        known = CONFTEST.known.__wrapped__()
        context = verifying_context(portal.city.ca.anchor_pem + subject.trust)
        driving = Driving(subject, portal.city, context, known.link_words)
        functions = {
            "1": lambda: SSO.test_city_login_logs_that_person_in(subject, portal.city, cast, driving),
            "2": lambda: SSO.test_login_starts_at_the_citys_login(subject, driving, known),
            "3": lambda: SSO.test_no_login_of_its_own(subject, driving, known),
        }
        functions |= forgeries(subject, portal.city, cast, driving)
        return ", ".join(said(functions[number]) for number in checks.split())


def forgeries(subject: Subject, city: City, cast: Cast, driving: Driving) -> dict[str, Callable[[], None]]:
    def persons() -> Any:
        return CONFTEST.impersonation.__wrapped__(subject, city, cast, driving)

    def trying() -> Any:
        return SAML.trying.__wrapped__(subject, city, driving, persons())

    def oidc() -> Any:
        return OIDC.trying.__wrapped__(subject, city, driving, persons())

    return {
        "signature": lambda: SAML.test_only_a_good_signature_is_believed(trying()),
        "wrapping": lambda: SAML.test_nothing_but_what_was_signed_is_read(trying()),
        "document": lambda: SAML.test_a_document_is_read_in_one_way(trying()),
        "receiver": lambda: SAML.test_an_answer_for_or_from_others_is_refused(trying()),
        "once": lambda: SAML.test_an_answer_counts_once_and_where_it_was_asked_for(trying()),
        "time": lambda: SAML.test_an_answer_outside_its_time_is_refused(trying()),
        "statement": lambda: SAML.test_an_answer_that_confirms_nobody_is_refused(trying()),
        "claims": lambda: OIDC.test_an_id_token_is_verified_in_all_it_says(oidc()),
        "browser": lambda: OIDC.test_an_answer_counts_only_in_the_browser_that_asked(oidc()),
    }
