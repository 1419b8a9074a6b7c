"""A JSON hub behind the pages of a learning platform.

Its dialect: local times without a zone, and 200 with an empty body for whoever is not logged in.
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kravkoll.standins.answers import json_answer
from kravkoll.standins.faults import Behaviour, fault
from kravkoll.standins.records import Record, RecordStore
from kravkoll.standins.timetable import STOCKHOLM, Entry, account, duties_of, entries

DAYS = timedelta(days=7)
"""What is shown where no days are asked for."""

type WhoIs = Callable[[Request], str | None]


class Hub:
    """`/hub/account` and `/hub/timetable`, for whoever is logged in."""

    def __init__(self, store: RecordStore, user: WhoIs, behave: Behaviour) -> None:
        self._store = store
        self._user = user
        self._behave = behave

    def routes(self) -> list[Route]:
        return [
            Route("/hub/account", self._account, methods=["GET", "POST"]),
            Route("/hub/timetable", self._timetable, methods=["GET", "POST"]),
        ]

    async def _account(self, request: Request) -> Response:
        user = self._user(request)
        if user is None:
            return dead_session()
        person = account(self._store.now, user)
        return json_answer({"account": {"user": user, "role": self._role(person)}})

    async def _timetable(self, request: Request) -> Response:
        user = self._user(request)
        if user is None and not self._behave(open_to_all)():
            return dead_session()
        own = account(self._store.now, user or "")
        person = self._behave(asked_for)(own, request.query_params.get("person", ""), self._store)
        if person is None:
            return json_answer({"lessons": []})
        first, last = days(request)
        lessons = entries(self._store.now, person, first, last, self._behave)
        return json_answer({"lessons": [self._behave(as_shown)(one) for one in lessons]})

    def _role(self, person: Record | None) -> str:
        if person is None:
            return "none"
        if duties_of(self._store.now, person):
            return "staff"
        return "pupil" if person.get("enrolments") else "guardian"


def dead_session() -> Response:
    """Not 401 and not a redirect: the pages read the emptiness and send the browser to the login."""
    return Response(b"", 200, {"Cache-Control": "no-store"}, "application/json")


def open_to_all() -> bool:
    """Whoever is not logged in sees nothing."""
    return False


def asked_for(own: Record | None, _person: str, _store: RecordStore) -> Record | None:
    """The schedule is of whoever is logged in, whatever id is asked for."""
    return own


def days(request: Request) -> tuple[date, date]:
    """The days asked for; a week from today where none are, or where they cannot be read."""
    try:
        first = date.fromisoformat(request.query_params["from"])
        return first, date.fromisoformat(request.query_params["to"])
    except (KeyError, ValueError):
        today = datetime.now(STOCKHOLM).date()
        return today, today + DAYS


def as_shown(entry: Entry) -> dict[str, Any]:
    """A lesson in the words of the hub, by the clock on the wall."""
    return {
        "id": entry.id,
        "title": entry.activity,
        "start": entry.start.strftime("%Y-%m-%d %H:%M"),
        "end": entry.end.strftime("%Y-%m-%d %H:%M"),
        "rooms": list(entry.rooms),
        "teachers": list(entry.teachers),
        "state": "cancelled" if entry.cancelled else "planned",
    }


@fault("schedule.anybody", replaces=asked_for)
def show_whoever_is_asked_for(own: Record | None, person: str, store: RecordStore) -> Record | None:
    row = store.now.get("persons", person)
    return row.record if row else own


@fault("schedule.open", replaces=open_to_all)
def let_everybody_in() -> bool:
    return True


@fault("schedule.open", replaces=asked_for)
def show_a_pupil_to_those_without_name(own: Record | None, _person: str, store: RecordStore) -> Record | None:
    pupils = (one for one in store.now.all("persons") if one.get("enrolments"))
    return own or next(pupils, None)


@fault("schedule.winter", replaces=as_shown)
def show_winter_time_all_year(entry: Entry) -> dict[str, Any]:
    """Standard time by a fixed offset, so that lessons before the change of clocks stand an hour early."""
    summer = entry.start.dst() or timedelta()
    shown = as_shown(entry)
    return shown | {
        name: (at - summer).strftime("%Y-%m-%d %H:%M")
        for name, at in (("start", entry.start), ("end", entry.end))
    }
