"""Who is logged in: sessions, and the requests that wait for an answer."""

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from kravkoll.standins.faults import fault

LIFETIME = timedelta(hours=8)
MOST = 10_000
"""Sessions, and waiting requests, that are remembered; the oldest go first."""


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is logged in. `ends` None: as late as any session may."""

    user: str
    ends: datetime | None = None
    way: str = ""
    """The protocol by which the city said so."""
    name: str = ""
    """What the person is called, where that was told."""
    id_token: str = field(default="", repr=False)
    access_token: str = field(default="", repr=False)
    """For an API in this person's name."""


@dataclass(frozen=True, slots=True)
class WaitingLogin:
    """A request that was sent to the identity provider: from which browser, and on the way to which page."""

    request_id: str
    browser: str
    target: str
    nonce: str = ""
    verifier: str = field(default="", repr=False)
    """PKCE; with the nonce what OpenID Connect binds an answer to."""


class Sessions:
    """Kept on the server; a browser holds nothing but random cookies, named after the system."""

    def __init__(self, system: str) -> None:
        self._cookie = f"__Host-{system}-session"
        self._binding = f"__Host-{system}-login"
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._waiting: OrderedDict[str, WaitingLogin] = OrderedDict()

    def session(self, request: Request) -> Session | None:
        """What is known of whoever is logged in in this browser."""
        session = self._sessions.get(request.cookies.get(self._cookie, ""))
        return session if session and session.ends and session.ends > datetime.now(UTC) else None

    def user(self, request: Request) -> str | None:
        """Who this browser is logged in as."""
        session = self.session(request)
        return session.user if session else None

    def begin(self, response: Response, session: Session) -> None:
        """A new session with a new name: an old cookie is never carried over a login."""
        name = secrets.token_urlsafe(32)
        latest = datetime.now(UTC) + LIFETIME
        _remember(self._sessions, name, replace(session, ends=min(session.ends or latest, latest)))
        response.set_cookie(self._cookie, name, path="/", secure=True, httponly=True, samesite="lax")
        response.delete_cookie(self._binding, path="/", secure=True, httponly=True, samesite="none")

    def end(self, request: Request, response: Response) -> None:
        self._sessions.pop(request.cookies.get(self._cookie, ""), None)
        response.delete_cookie(self._cookie, path="/", secure=True, httponly=True, samesite="lax")

    def wait(self, request: Request, target: str) -> tuple[WaitingLogin, str]:
        """Remember a request to be sent; also its RelayState."""
        browser = request.cookies.get(self._binding) or secrets.token_urlsafe(32)
        fresh = "_" + secrets.token_hex(20), browser, target
        login = WaitingLogin(*fresh, secrets.token_urlsafe(24), secrets.token_urlsafe(48))
        relay_state = secrets.token_urlsafe(16)
        _remember(self._waiting, login.request_id, login)
        return login, relay_state

    def bind(self, response: Response, login: WaitingLogin) -> None:
        """Tie the request to the browser. The answer comes from another site, so SameSite is None."""
        response.set_cookie(
            self._binding, login.browser, path="/", secure=True, httponly=True, samesite="none"
        )

    def answered(self, request: Request, request_id: str) -> WaitingLogin | None:
        """The request that this answers, once, in the browser that it was sent from."""
        login = self._waiting.get(request_id)
        if login is None or not secrets.compare_digest(login.browser, request.cookies.get(self._binding, "")):
            return None
        return self._waiting.pop(request_id)

    def answered_anywhere(self, request_id: str) -> WaitingLogin | None:
        """As `answered`, in whichever browser."""
        return self._waiting.pop(request_id, None)

    def asked(self, request_id: str) -> WaitingLogin | None:
        """A request that was sent, answered or not."""
        return self._waiting.get(request_id)


def request_of(sessions: Sessions, request: Request, request_id: str) -> WaitingLogin | None:
    """The request that an answer is to, if this browser was sent with it and it was not answered yet."""
    return sessions.answered(request, request_id)


@fault("saml.browser", replaces=request_of)
@fault("oidc.browser", replaces=request_of)
def take_answers_in_any_browser(
    sessions: Sessions, _request: Request, request_id: str
) -> WaitingLogin | None:
    return sessions.answered_anywhere(request_id)


def _remember[T](kept: OrderedDict[str, T], name: str, value: T) -> None:
    kept[name] = value
    while len(kept) > MOST:
        kept.popitem(last=False)
