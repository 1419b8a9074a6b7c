"""The app's back end: the same as JSON, for the app itself, and for others in a guardian's name."""

from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kravkoll.standins.access_tokens import AccessTokens
from kravkoll.standins.answers import json_answer
from kravkoll.standins.api_errors import ApiError
from kravkoll.standins.family import Family, absence_json, attendance_json, entry_json, name_of
from kravkoll.standins.hub import WhoIs, days
from kravkoll.standins.records import Record

SCHEDULE, ABSENCE = "child.schedule", "child.absence"
"""What a guardian can consent to; attendance is the app's own."""


class FamilyApi:
    """`/api/children`, and the schedule, absences and attendances of each."""

    def __init__(self, family: Family, user: WhoIs, tokens: AccessTokens, clients: Mapping[str, Any]) -> None:
        self._family = family
        self._user = user
        self._tokens = tokens
        self._clients = tuple(clients)
        """Who may ask in a guardian's name."""

    def routes(self) -> list[Route]:
        return [
            Route("/api/children", self._children),
            Route("/api/children/{id}/schedule", self._schedule),
            Route("/api/children/{id}/absences", self._absences),
            Route("/api/children/{id}/attendances", self._attendances),
        ]

    async def _children(self, request: Request) -> Response:
        user = await self._who(request, SCHEDULE, ABSENCE)
        own = [{"id": one["id"], "name": name_of(one)} for one in self._family.pupils(user)]
        return json_answer({"user": user, "children": own})

    async def _schedule(self, request: Request) -> Response:
        first, last = days(request)
        return await self._of_one(
            request,
            (SCHEDULE,),
            lambda pupil: [entry_json(one) for one in self._family.lessons(pupil, first, last)],
        )

    async def _absences(self, request: Request) -> Response:
        return await self._of_one(
            request, (ABSENCE,), lambda pupil: [absence_json(one) for one in self._family.absences(pupil)]
        )

    async def _attendances(self, request: Request) -> Response:
        return await self._of_one(
            request, (), lambda pupil: [attendance_json(one) for one in self._family.attendances(pupil)]
        )

    async def _of_one(
        self, request: Request, scopes: tuple[str, ...], told: Callable[[Record], list[dict[str, Any]]]
    ) -> Response:
        user = await self._who(request, *scopes)
        pupil = self._family.pupil(user, request.path_params["id"])
        if pupil is None:  # the same for somebody else's child as for nobody
            raise ApiError(404, "child.unknown", "no such child of yours")
        return json_answer({"data": told(pupil)})

    async def _who(self, request: Request, *scopes: str) -> str:
        """Who is asked for: by the app's own session, or by a token with one of the scopes."""
        authorization = request.headers.get("authorization")
        own = self._user(request) if authorization is None else None
        if own is not None:
            return own
        caller = await self._tokens.caller(authorization, self._clients)
        if not caller.scopes & set(scopes):
            caller.needs(" or ".join(scopes) or "the app's own session")
        if caller.subject == caller.client_id:
            raise ApiError(403, "subject.missing", "the token is in nobody's name")
        return caller.subject
