"""What the city's own systems, and apps that build on them, show: `web.front` and `web.family` of a file."""

from collections.abc import Mapping
from typing import Any

from starlette.routing import Route

from kravkoll.standins.access_tokens import AccessTokens
from kravkoll.standins.consented_app import ConsentedApp
from kravkoll.standins.family import Family
from kravkoll.standins.family_api import FamilyApi
from kravkoll.standins.family_pages import FamilyPages
from kravkoll.standins.faults import Behaviour
from kravkoll.standins.hub import WhoIs
from kravkoll.standins.installation import Installation
from kravkoll.standins.outbound import Outbound
from kravkoll.standins.pages import Front
from kravkoll.standins.records import RecordStore
from kravkoll.standins.sessions import Sessions

FRONTS = ("family", "consented")


def front_of(  # noqa: PLR0913, PLR0917  what a face is made of
    system: Mapping[str, Any],
    store: RecordStore,
    installation: Installation,
    outbound: Outbound,
    sessions: Sessions,
    behave: Behaviour,
) -> Front | None:
    """What stands at `/` for whoever is logged in, where the file says; LookupError for a wrong word."""
    web = system["interfaces"].get("web") or {}
    match web.get("front"):
        case None:
            return None
        case "family":
            names = web.get("links", {})
            links = {
                name: installation.places[place]
                for place, name in names.items()
                if place in installation.places
            }
            return FamilyPages(system["name"], Family(store, behave), links).front
        case "consented":
            api = installation.places.get(web["reads"], "")
            return ConsentedApp(system["name"], api, sessions, outbound).front
        case other:
            raise LookupError(f"web.front: no {other!r}; there are {', '.join(FRONTS)}")


def leads_to(interfaces: Mapping[str, Any]) -> frozenset[str]:
    """The systems that users are led to, or that are asked in their name: they are there first."""
    web = interfaces.get("web") or {}
    return frozenset(web.get("links", ())) | ({web["reads"]} if "reads" in web else frozenset())


def family_routes(  # noqa: PLR0913, PLR0917  what a face is made of
    system: Mapping[str, Any],
    store: RecordStore,
    installation: Installation,
    outbound: Outbound,
    user: WhoIs,
    behave: Behaviour,
) -> list[Route]:
    """The JSON of `web.family`."""
    settings = (system["interfaces"].get("web") or {}).get("family")
    if not settings:
        return []
    tokens = AccessTokens(outbound, installation.issuer, settings["audience"], behave)
    return FamilyApi(Family(store, behave), user, tokens, settings.get("clients") or {}).routes()
