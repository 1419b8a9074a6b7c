"""Where a product answers: one host, or a second one for those who show the city's certificate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route

from kravkoll.serving.loopback import Loopback
from kravkoll.standins.api_errors import ApiError, api_error, http_error
from kravkoll.standins.faults import Behaviour
from kravkoll.standins.installation import Doorway, Installation
from kravkoll.standins.request_log import RequestLog
from kravkoll.standins.transport import Listening, listen


@dataclass(frozen=True, slots=True)
class Hosts:
    """The listeners of one product."""

    own: Listening
    behind: Listening | None = None
    """The host of the interface that demands a certificate of whoever asks."""

    @property
    def url(self) -> str:
        return _url(self.own)

    def url_of(self, interface: str) -> str:
        """Address of the host that an interface is at."""
        return _url(self.behind) if interface == "api" and self.behind else self.url

    def close(self) -> None:
        self.own.close()
        if self.behind:
            self.behind.close()


def serve(  # noqa: PLR0913, PLR0917  what is served, and what it is served with
    routes: Mapping[str, Sequence[Route]],
    interfaces: Mapping[str, Any],
    log: RequestLog,
    installation: Installation,
    loopback: Loopback,
    behave: Behaviour,
) -> Hosts:
    """`routes` has those of the standard's interface under `api` and the others under the empty name."""
    if not interfaces.get("api", {}).get("client_certificate"):
        return Hosts(
            listen(log.over(_application([*routes["api"], *routes[""]])), installation, loopback, behave)
        )
    elsewhere = replace(installation, doorway=replace(installation.doorway, port=Doorway().port))
    return Hosts(
        listen(log.over(_application(routes[""])), installation, loopback, behave),
        listen(
            log.over(_application(routes["api"])),
            elsewhere,
            loopback,
            behave,
            demanded=installation.city_certificate,
        ),
    )


def _application(routes: Sequence[Route]) -> Starlette:
    return Starlette(routes=routes, exception_handlers={ApiError: api_error, HTTPException: http_error})


def _url(listening: Listening) -> str:
    return f"https://{listening.host}:{listening.port}"
