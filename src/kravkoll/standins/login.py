"""The login of one system: its own pages around whichever protocols the city's login is reached by."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

import kravkoll.standins.careless_saml  # noqa: F401  # its faults are known once it is imported
from kravkoll.standins.answers import json_answer
from kravkoll.standins.city_faces import family_routes, front_of
from kravkoll.standins.faults import Behaviour, fault
from kravkoll.standins.installation import Installation
from kravkoll.standins.outbound import Outbound
from kravkoll.standins.pages import (
    Front,
    choice_page,
    html_answer,
    local_login_page,
    local_way_in_page,
    message_page,
    start_page,
)
from kravkoll.standins.records import RecordStore
from kravkoll.standins.relying_party import RelyingParty, registration
from kravkoll.standins.service_provider import ServiceProvider
from kravkoll.standins.sessions import Session, Sessions

PROTECTED = "/me"
PROTOCOLS: Mapping[str, tuple[str, ...]] = {"saml": ("saml",), "oidc": ("oidc",), "both": ("oidc", "saml")}
"""What `login.protocol` may be to the protocols, the usual one first."""


class WayToTheCity(Protocol):
    """One protocol by which the city logs people in."""

    base_url: str

    def routes(self) -> list[Route]: ...
    async def begin(self, request: Request, target: str) -> Response | None:
        """Send the browser to the city's login, and later to `target`; None where that cannot be asked."""

    async def farewell(self, session: Session) -> str | None:
        """Where the city's session is ended too; None where this protocol has nowhere."""


class Login:
    """`/`, `/me`, `/login` and `/logout`, and what the protocols have besides."""

    def __init__(
        self, system: str, sessions: Sessions, ways: Mapping[str, WayToTheCity], behave: Behaviour
    ) -> None:
        self._system = system
        self._sessions = sessions
        self._ways = ways
        self._behave = behave
        self.front: Front = self._plain_front
        """What stands at `/`."""
        self.more: list[Route] = []
        """What else is shown to whoever is logged in."""

    @property
    def base_url(self) -> str:
        """Where the system is found; known once it is served."""
        return next(iter(self._ways.values())).base_url

    @base_url.setter
    def base_url(self, url: str) -> None:
        for way in self._ways.values():
            way.base_url = url

    def routes(self) -> list[Route]:
        own = [
            Route("/", self._start),
            Route(PROTECTED, self._me),
            Route("/login", self._login, methods=["GET", "POST"]),
            Route("/logout", self._logout, methods=["GET", "POST"]),
        ]
        return [*own, *self.more, *(route for way in self._ways.values() for route in way.routes())]

    def user(self, request: Request) -> str | None:
        """Who this browser is logged in as: what the pages of the system ask."""
        return self._sessions.user(request)

    def session(self, request: Request) -> Session | None:
        return self._sessions.session(request)

    async def begin(self, request: Request, target: str, way: str = "") -> Response:
        """Send the browser to the city's login."""
        answer = await self._ways[way or next(iter(self._ways))].begin(request, target)
        return answer or html_answer(message_page(self._system, "Stadens inloggning svarar inte."), 503)

    async def _plain_front(self, _request: Request, user: str) -> Response:
        return html_answer(start_page(self._system, user))

    async def _start(self, request: Request) -> Response:
        user = self.user(request)
        return await self.begin(request, "/") if user is None else await self.front(request, user)

    async def _me(self, request: Request) -> Response:
        user = self.user(request)
        if user is not None:
            return json_answer({"user": user})
        if own_page := self._behave(own_way_in)():
            return RedirectResponse(own_page, 302)
        return await self.begin(request, PROTECTED)

    async def _login(self, request: Request) -> Response:
        if page := self._behave(local_form)(self._system):
            return html_answer(page)
        wanted = request.query_params.get("by", "")
        if len(self._ways) > 1 and wanted not in self._ways:
            return html_answer(choice_page(self._system, list(self._ways)))
        return await self.begin(request, "/", wanted if wanted in self._ways else "")

    async def _logout(self, request: Request) -> Response:
        """The system's own session ends first; where the city can be told, the browser goes on there."""
        session = self._sessions.session(request)
        onward = await self._ways[session.way].farewell(session) if session and session.way else None
        answer: Response
        if onward:
            answer = RedirectResponse(onward, 303, {"Cache-Control": "no-store"})
        else:
            answer = html_answer(message_page(self._system, "Du är utloggad."))
        self._sessions.end(request, answer)
        return answer


def login_of(
    system: Mapping[str, Any],
    installation: Installation,
    outbound: Outbound,
    store: RecordStore,
    behave: Behaviour,
) -> Login | None:
    """The login that a system's file asks for; None where it has none. LookupError for a wrong protocol."""
    if "login" not in system["interfaces"]:
        return None
    settings: Mapping[str, Any] = system["interfaces"]["login"] or {}
    sessions = Sessions(system["id"])
    ways: dict[str, WayToTheCity] = {}
    for name in _protocols(settings):
        if name == "saml":
            attribute = settings.get("user_attribute", "")
            ways[name] = ServiceProvider(system["id"], attribute, installation, outbound, behave, sessions)
        else:
            ways[name] = RelyingParty(system["id"], settings, installation, outbound, behave, sessions)
    login = Login(system["id"], sessions, ways, behave)
    login.front = front_of(system, store, installation, outbound, sessions, behave) or login.front
    login.more = family_routes(system, store, installation, outbound, login.user, behave)
    return login


def registration_of(system: Mapping[str, Any], base_url: str) -> dict[str, Any] | None:
    """What the supplier tells the city of its relying party; None where it has none."""
    settings: Mapping[str, Any] = system["interfaces"].get("login") or {}
    if "login" not in system["interfaces"] or "oidc" not in _protocols(settings):
        return None
    return registration(settings, base_url)


def _protocols(settings: Mapping[str, Any]) -> Sequence[str]:
    asked = settings.get("protocol", "saml")
    if asked not in PROTOCOLS:
        raise LookupError(f"login.protocol: no {asked!r}; there are {', '.join(PROTOCOLS)}")
    return PROTOCOLS[asked]


def own_way_in() -> str | None:
    """A login page of the system's own; there is none."""
    return None


def local_form(_system: str) -> str | None:
    """A password form of the system's own; there is none."""
    return None


@fault("login.entry.local", replaces=own_way_in)
def start_at_own_page() -> str | None:
    return "/login"


@fault("login.entry.local", replaces=local_form)
def offer_ways_in(system: str) -> str | None:
    return local_way_in_page(system)


@fault("login.form.local", replaces=local_form)
def ask_for_password(system: str) -> str | None:
    return local_login_page(system)
