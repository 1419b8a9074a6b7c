"""Login through the city's identity provider, as a SAML 2.0 service provider."""

import time
from datetime import UTC, datetime
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from kravkoll.standins.faults import Behaviour, fault
from kravkoll.standins.installation import Installation
from kravkoll.standins.outbound import Outbound, Unreachable
from kravkoll.standins.pages import html_answer, message_page
from kravkoll.standins.saml_metadata import (
    IdentityProvider,
    NotSaml,
    OwnAddresses,
    read_identity_provider,
    service_provider_metadata,
)
from kravkoll.standins.saml_request import authn_request_url
from kravkoll.standins.saml_response import Login, read_response
from kravkoll.standins.sessions import Session, Sessions, request_of

METADATA_SECONDS = 3600.0
REFETCH_SECONDS = 1.0
"""A signature that does not hold makes the metadata be fetched anew, but not at every try."""


type Used = dict[str, datetime]
"""Assertion id to the end of the time that it could be used in."""


class ServiceProvider:
    """One system's part of the protocol: metadata, the request, and what the answer says."""

    def __init__(  # noqa: PLR0913, PLR0917  what a system is handed
        self,
        system: str,
        attribute: str,
        installation: Installation,
        outbound: Outbound,
        behave: Behaviour,
        sessions: Sessions,
    ) -> None:
        self._system = system
        self._attribute = attribute
        self._installation = installation
        self._outbound = outbound
        self._behave = behave
        self._sessions = sessions
        self._used: Used = {}
        self._idp: IdentityProvider | None = None
        self._fetched = 0.0
        self.base_url = ""
        """Where the system is found; known once it is served."""

    def routes(self) -> list[Route]:
        return [
            Route("/saml/metadata", self._metadata),
            Route("/saml/acs", self._acs, methods=["POST"]),
        ]

    @property
    def own(self) -> OwnAddresses:
        return OwnAddresses(f"{self.base_url}/saml/metadata", f"{self.base_url}/saml/acs")

    async def _metadata(self, _request: Request) -> Response:
        document = service_provider_metadata(self.own, self._installation.certificate)
        return Response(document, media_type="application/samlmetadata+xml")

    async def farewell(self, _session: Session) -> str | None:
        """Single logout is not offered."""
        return None

    async def begin(self, request: Request, target: str) -> Response | None:
        """Send the browser to the identity provider; None where that does not answer."""
        try:
            idp = await self._identity_provider()
        except (Unreachable, NotSaml):
            return None
        login, relay_state = self._sessions.wait(request, target)
        url = authn_request_url(
            idp.sso_url,
            self.own,
            request_id=login.request_id,
            relay_state=relay_state,
            key=self._installation.key,
        )
        answer = RedirectResponse(url, 302, {"Cache-Control": "no-store"})
        self._sessions.bind(answer, login)
        return answer

    async def _acs(self, request: Request) -> Response:
        form = parse_qs((await request.body()).decode("latin-1"), max_num_fields=10)
        try:
            login = await self._read(form.get("SAMLResponse", [""])[0])
            self._behave(use_once)(self._used, login)
        except (NotSaml, Unreachable):
            return self._refusal()
        user = self._behave(user_of)(login, self._attribute)
        waiting = self._behave(request_of)(self._sessions, request, login.in_response_to) if user else None
        if not user or waiting is None:
            return self._refusal()
        answer = RedirectResponse(waiting.target, 303)
        self._sessions.begin(answer, Session(user, login.session_ends, "saml"))
        return answer

    def _refusal(self) -> Response:
        return html_answer(message_page(self._system, "Inloggningen godtogs inte."), 403)

    async def _read(self, encoded: str) -> Login:
        try:
            return await self._read_now(encoded)
        except NotSaml:
            if time.monotonic() - self._fetched < REFETCH_SECONDS:
                raise
        self._idp = None  # perhaps its key was changed
        return await self._read_now(encoded)

    async def _read_now(self, encoded: str) -> Login:
        idp = await self._identity_provider()
        return read_response(encoded, idp, self.own, behave=self._behave)

    async def _identity_provider(self) -> IdentityProvider:
        if self._idp is None or time.monotonic() - self._fetched > METADATA_SECONDS:
            document = await self._outbound.get(self._installation.idp_metadata)
            self._idp, self._fetched = read_identity_provider(document), time.monotonic()
        return self._idp


def user_of(login: Login, attribute: str) -> str | None:
    """The account: one value of the agreed attribute, or the NameID where none is agreed."""
    values = login.attributes.get(attribute, ()) if attribute else (login.name_id,)
    return values[0] if len(values) == 1 else None


def use_once(used: Used, login: Login) -> None:
    """Refuse an assertion that was used before, for as long as it could be used at all."""
    now = datetime.now(UTC)
    for old in [one for one, end in used.items() if (now - end).total_seconds() >= 3600]:
        del used[old]
    if login.assertion_id in used:
        raise NotSaml("used before")
    used[login.assertion_id] = login.not_on_or_after


@fault("login.good", replaces=user_of)
def log_in_somebody_else(_login: Login, _attribute: str) -> str | None:
    return "demo@example.invalid"
