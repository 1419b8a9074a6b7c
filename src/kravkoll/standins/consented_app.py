"""An app by a third party: what a guardian lets it read of the city's API, and nothing else."""

from collections.abc import Mapping
from html import escape
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from kravkoll.standins.outbound import Outbound, Unreachable
from kravkoll.standins.pages import html_answer, message_page, page
from kravkoll.standins.sessions import Sessions

PARTS: Mapping[str, str] = {"schedule": "Schema", "absences": "Frånvaro"}


class ConsentedApp:
    """Asks in the name of whoever is logged in, with the token that they let it have; keeps nothing."""

    def __init__(self, system: str, api: str, sessions: Sessions, outbound: Outbound) -> None:
        self._system = system
        self._api = api
        self._sessions = sessions
        self._outbound = outbound

    async def front(self, request: Request, _user: str) -> Response:
        session = self._sessions.session(request)
        if session is None or not session.access_token:
            return html_answer(message_page(self._system, "Du har inte lämnat ditt medgivande."), 403)
        try:
            children = (await self._ask("/api/children", session.access_token))["children"]
            shown = "".join([await self._child(one, session.access_token) for one in children])
        except Unreachable:
            return html_answer(message_page(self._system, "Staden lämnar inte ut något nu."), 502)
        return html_answer(page(self._system, shown or "<p>Inga barn.</p>"))

    async def _child(self, child: Mapping[str, Any], token: str) -> str:
        parts = []
        for path, title in PARTS.items():
            told = (await self._ask(f"/api/children/{child['id']}/{path}", token))["data"]
            rows = "".join(f"<li>{escape(_row(one))}</li>" for one in told)
            parts.append(f"<h3>{title}</h3><ul>{rows}</ul>")
        return f"<section><h2>{escape(str(child['name']))}</h2>{''.join(parts)}</section>"

    async def _ask(self, path: str, token: str) -> dict[str, Any]:
        try:
            answer = orjson.loads(await self._outbound.get(self._api + path, token=token))
        except orjson.JSONDecodeError as error:
            raise Unreachable("the city answered no JSON") from error
        if not isinstance(answer, dict):
            raise Unreachable("the city answered no object")
        return answer


def _row(one: Mapping[str, Any]) -> str:
    start = one.get("start") or one.get("startTime") or ""
    return f"{str(start)[:16]} {one.get('activity') or one.get('type') or ''}"
