"""Schedule views as pages: one's own week, and for staff what a room is used for."""

from collections.abc import Iterable
from html import escape

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from kravkoll.standins.faults import Behaviour
from kravkoll.standins.hub import WhoIs, days
from kravkoll.standins.pages import html_answer, page
from kravkoll.standins.records import RecordStore
from kravkoll.standins.timetable import Entry, account, duties_of, entries, room_use

HEADINGS = ("Dag", "Tid", "Lektion", "Sal", "Lärare", "")


class SchedulePages:
    """`/schema` for pupils and staff, `/salar` for staff; whoever is not logged in goes to the login."""

    def __init__(self, system: str, store: RecordStore, user: WhoIs, behave: Behaviour) -> None:
        self._system = system
        self._store = store
        self._user = user
        self._behave = behave

    def routes(self) -> list[Route]:
        return [Route("/schema", self._own), Route("/salar", self._rooms)]

    async def _own(self, request: Request) -> Response:
        user = self._user(request)
        if user is None:
            return RedirectResponse("/", 302, {"Cache-Control": "no-store"})
        person = account(self._store.now, user)
        if person is None:
            return html_answer(page(self._system, "<p>Det finns inget schema för dig.</p>"))
        first, last = days(request)
        lessons = entries(self._store.now, person, first, last, self._behave)
        return html_answer(page(self._system, _table(lessons)))

    async def _rooms(self, request: Request) -> Response:
        user = self._user(request)
        if user is None:
            return RedirectResponse("/", 302, {"Cache-Control": "no-store"})
        person = account(self._store.now, user)
        if person is None or not duties_of(self._store.now, person):
            return html_answer(page(self._system, "<p>Lokalutnyttjande visas för personal.</p>"), 403)
        first, last = days(request)
        used = {
            str(room.get("displayName", "")): room_use(self._store.now, room["id"], first, last)
            for room in self._store.now.all("rooms")
        }
        parts = "".join(f"<h2>{escape(name)}</h2>{_table(lessons)}" for name, lessons in sorted(used.items()))
        return html_answer(page(self._system, parts))


def _table(lessons: Iterable[Entry]) -> str:
    head = "".join(f"<th scope='col'>{name}</th>" for name in HEADINGS)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(map(_row, lessons))}</tbody></table>"


def _row(entry: Entry) -> str:
    """Times stand by the clock on the wall, and in `datetime` with their offset."""
    times = "–".join(
        f"<time class='{name}' datetime='{at.isoformat()}'>{at:%H:%M}</time>"
        for name, at in (("start", entry.start), ("end", entry.end))
    )
    cells = (
        f"{entry.start:%Y-%m-%d}",
        times,
        f"<span class='activity'>{escape(entry.activity)}</span>",
        _listed("room", entry.rooms),
        _listed("teacher", entry.teachers),
        "<strong class='cancelled'>Inställd</strong>" if entry.cancelled else "",
    )
    return f"<tr data-lesson='{escape(entry.id)}'>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _listed(kind: str, names: Iterable[str]) -> str:
    return ", ".join(f"<span class='{kind}'>{escape(name)}</span>" for name in names)
