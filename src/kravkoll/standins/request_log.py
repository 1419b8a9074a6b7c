"""What a system was asked, and the headers that every answer of it has."""

from collections import deque
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST = 10_000
SECURITY_HEADERS = (
    (b"strict-transport-security", b"max-age=31536000"),
    (b"x-content-type-options", b"nosniff"),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request and the status of its answer; no bodies and no tokens."""

    method: str
    path: str
    query: str
    status: int


class RequestLog:
    """The newest requests, at whichever host of the system."""

    def __init__(self) -> None:
        self.asked: deque[Asked] = deque(maxlen=MOST)

    def over(self, app: ASGIApp) -> ASGIApp:
        """The application, its requests noted."""

        async def noted(scope: Scope, receive: Receive, send: Send) -> None:
            await self._serve(app, scope, receive, send)

        return noted

    async def _serve(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *SECURITY_HEADERS]
                query = scope["query_string"].decode("latin-1")
                self.asked.append(Asked(scope["method"], scope["path"], query, message["status"]))
            await send(message)

        await app(scope, receive, noting)
