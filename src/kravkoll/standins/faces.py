"""What a product shows beside its SS 12000 interface, chosen by keys of its file: one line a dialect."""

from collections.abc import Mapping
from typing import Any

from starlette.routing import Route

from kravkoll.standins.faults import Behaviour
from kravkoll.standins.hub import Hub, WhoIs
from kravkoll.standins.lesson_export import LessonExport
from kravkoll.standins.records import RecordStore
from kravkoll.standins.schedule_pages import SchedulePages
from kravkoll.standins.ss12000 import Ss12000Api


def faces(
    system: Mapping[str, Any], store: RecordStore, api: Ss12000Api, user: WhoIs | None, behave: Behaviour
) -> list[Route]:
    """The routes of `web.schedule` and `export.lessons`."""
    interfaces = system["interfaces"]
    schedule = (interfaces.get("web") or {}).get("schedule")
    found: list[Route] = []
    if schedule and user is None:
        raise LookupError("web.schedule: nobody can log in; add `login` to interfaces")
    if schedule == "hub" and user:
        found += Hub(store, user, behave).routes()
    elif schedule == "pages" and user:
        found += SchedulePages(system["name"], store, user, behave).routes()
    elif schedule:
        raise LookupError(f"web.schedule: no {schedule!r}; there are hub, pages")
    if lessons := (interfaces.get("export") or {}).get("lessons"):
        found += LessonExport(api, lessons).routes()
    return found
