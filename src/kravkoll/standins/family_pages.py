"""The city's start pages: what is due for one's own children, and the links into the systems."""

from collections.abc import Iterable, Mapping
from html import escape

from starlette.requests import Request
from starlette.responses import Response

from kravkoll.standins.family import Family, name_of
from kravkoll.standins.hub import days
from kravkoll.standins.pages import html_answer, page
from kravkoll.standins.records import Record
from kravkoll.standins.timetable import Entry


class FamilyPages:
    """One page, for whoever is logged in."""

    def __init__(self, system: str, family: Family, links: Mapping[str, str]) -> None:
        self._system = system
        self._family = family
        self._links = links
        """What a system is called to its address: logged in once, nobody is asked there again."""

    async def front(self, request: Request, user: str) -> Response:
        first, last = days(request)
        pupils = [
            self._pupil(pupil, self._family.lessons(pupil, first, last))
            for pupil in self._family.pupils(user)
        ]
        shown = "".join(pupils) or "<p>Det finns inget att visa för dig.</p>"
        who = f"<p>Inloggad som <strong id='user'>{escape(user)}</strong>.</p>"
        return html_answer(page(self._system, f"{who}{shown}{self._ways()}"))

    def _pupil(self, pupil: Record, lessons: Iterable[Entry]) -> str:
        schedule = [
            f"{entry.start:%Y-%m-%d %H:%M}–{entry.end:%H:%M} {entry.activity}"
            f"{' (inställd)' if entry.cancelled else ''}"
            for entry in lessons
        ]
        absences = [
            f"{one['startTime'][:16]}–{one['endTime'][:16]} {one.get('type', '')}"
            for one in self._family.absences(pupil)
        ]
        present = [_present(one) for one in self._family.attendances(pupil)]
        parts = (("Schema", schedule), ("Frånvaro", absences), ("Närvaro", present))
        inner = "".join(f"<h3>{title}</h3>{_list(rows)}" for title, rows in parts)
        return (
            f"<section data-pupil='{escape(pupil['id'])}'><h2>{escape(name_of(pupil))}</h2>{inner}</section>"
        )

    def _ways(self) -> str:
        items = "".join(
            f"<li><a href='{escape(address)}'>{escape(name)}</a></li>"
            for name, address in self._links.items()
        )
        return f"<nav><ul>{items}</ul></nav><p><a href='/logout'>Logga ut</a></p>"


def _present(one: Record) -> str:
    if "eventType" in one:
        return f"{one['time'][:16]} {one['eventType']}"
    return f"{str(one.get('reportedTimestamp', ''))[:16]} {one.get('attendanceMinutes', 0)} min"


def _list(rows: Iterable[str]) -> str:
    items = "".join(f"<li>{escape(row)}</li>" for row in rows)
    return f"<ul>{items}</ul>" if items else "<p>Inget.</p>"
