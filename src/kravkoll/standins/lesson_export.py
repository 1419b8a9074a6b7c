"""A published lesson file: one line a pupil and lesson, keyed on the personal number where one is held."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lxml import etree
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kravkoll.standins.records import Record, Records, reference
from kravkoll.standins.ss12000 import Ss12000Api
from kravkoll.standins.timetable import Entry, entry

COLUMNS = ("Nyckel", "Datum", "Start", "Slut", "Lektion", "Sal", "Signatur", "Inställd", "LektionsId")
ENCODING = "utf-8-sig"
"""Of the text file: with a byte order mark, or spreadsheets take it for something older."""
SEPARATOR = "|"
"""Between several rooms, or signatures, of one lesson."""


class LessonExport:
    """`/lektioner.txt` (tabs, wall time) and `/lektioner.xml`, for those who may read all."""

    def __init__(self, api: Ss12000Api, settings: Mapping[str, Any]) -> None:
        self._api = api
        self._key = str(settings["key"])
        self._otherwise = str(settings["otherwise"])

    def routes(self) -> list[Route]:
        return [Route("/lektioner.txt", self._text), Route("/lektioner.xml", self._xml)]

    async def _text(self, request: Request) -> Response:
        written = io.StringIO(newline="")
        table = csv.writer(written, delimiter="\t", lineterminator="\r\n")
        table.writerow(COLUMNS)
        table.writerows(self._rows(await self._records(request)))
        body = written.getvalue().encode(ENCODING)
        return Response(body, media_type="text/tab-separated-values; charset=utf-8", headers=NO_STORE)

    async def _xml(self, request: Request) -> Response:
        root = etree.Element("lektioner")
        for row in self._rows(await self._records(request)):
            lesson = etree.SubElement(root, "lektion")
            for name, value in zip(COLUMNS, row, strict=True):
                etree.SubElement(lesson, name.lower().replace("ä", "a")).text = value
        body = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
        return Response(body, media_type="application/xml", headers=NO_STORE)

    async def _records(self, request: Request) -> Records:
        return self._api.view(await self._api.caller(request))

    def _rows(self, records: Records) -> Iterator[tuple[str, ...]]:
        for event in records.all("calendarEvents"):
            lesson = entry(event, records)
            for pupil in pupils_of(event, records):
                yield self._row(lesson, pupil)

    def _row(self, lesson: Entry, pupil: Record) -> tuple[str, ...]:
        return (
            _value(pupil, self._key) or _value(pupil, self._otherwise),
            f"{lesson.start:%Y-%m-%d}",
            f"{lesson.start:%H:%M}",
            f"{lesson.end:%H:%M}",
            lesson.activity,
            SEPARATOR.join(lesson.rooms),
            SEPARATOR.join(lesson.teachers),
            "J" if lesson.cancelled else "N",
            lesson.id,
        )


NO_STORE = {"Cache-Control": "no-store"}


def pupils_of(event: Record, records: Records) -> Iterator[Record]:
    """Those in the groups of a lesson's activity, less those who are excused, and those who come besides."""
    told = {reference(one.get("student")): one["participates"] for one in event.get("studentExceptions", ())}
    usual = list(dict.fromkeys(_members(event, records)))
    extra = [pupil for pupil, comes in told.items() if comes and pupil not in usual]
    for pupil in (*(one for one in usual if told.get(one, True)), *extra):
        row = records.get("persons", pupil)
        if row:
            yield row.record


def _members(event: Record, records: Records) -> Iterable[str]:
    activity = records.get("activities", reference(event.get("activity")))
    for group in activity.record.get("groups", ()) if activity else ():
        row = records.get("groups", reference(group))
        for member in row.record.get("groupMemberships", ()) if row else ():
            yield reference(member.get("person"))


def _value(record: Record, path: str) -> str:
    value: Any = record
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return "" if value is None else str(value)
