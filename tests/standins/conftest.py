"""A city, a register and a receiver, as a supplier's product meets them."""

import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from kravkoll import cast as casting
from kravkoll import standins
from kravkoll.city.city import City
from kravkoll.city.openid_messages import RelyingParty
from kravkoll.serving.loopback import Loopback
from kravkoll.standins import Installation, StandIn

SCOPES = "ss12000.read ss12000.admin"
TEMPUS_RESOURCES = ("organisations", "persons", "placements", "groups", "duties")
"""What the flow to Tempus carries."""
TEMPUS_OWN = ("attendanceEvents", "attendanceSchedule", "absences")
"""What Tempus has of its own."""
MOCKS = standins.packaged_mocks()


@dataclass(frozen=True)
class House:
    """What the tests start systems in."""

    loopback: Loopback
    city: City
    cast: casting.Cast
    installation: Installation
    http: httpx.Client
    open: ExitStack = field(default_factory=ExitStack)

    def trusting_context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cadata=self.installation.trust.decode())

    def start(self, name: str, fault: str | None = None, **changes: Any) -> StandIn:
        """A system, closed at the end of the test."""
        return self.start_system(standins.load(MOCKS / f"{name}.yaml"), fault, **changes)

    def start_system(self, system: Mapping[str, Any], fault: str | None = None, **changes: Any) -> StandIn:
        """The same from what its file would say."""
        installation = replace(self.installation, **changes)
        started = standins.start(system, installation, cast=self.cast, loopback=self.loopback, fault=fault)
        return self.open.enter_context(started)

    def receiver(self, register: StandIn, fault: str | None = None, **changes: Any) -> StandIn:
        """Tempus, told where the register is; it has not fetched yet."""
        client = self.city.authorisation_server.register_client(
            "tempus", scope="ss12000.read", audiences=("urn:kravkoll:ber",)
        )
        return self.start(
            "tempus",
            fault,
            sources={"ber": register.addresses["api"]},
            client_id="tempus",
            client_key=client.key_pem,
            **changes,
        )

    def reader(
        self, name: str, sources: Mapping[str, StandIn], fault: str | None = None, **changes: Any
    ) -> StandIn:
        """A system that reads others, told where they are; it has not fetched yet."""
        audiences = tuple(f"urn:kravkoll:{source}" for source in sources)
        client = self.city.authorisation_server.register_client(
            name, scope="ss12000.read ss12000.subscribe", audiences=audiences
        )
        return self.start(
            name,
            fault,
            sources={
                one: system.addresses["api"] for one, system in sources.items() if "api" in system.addresses
            },
            client_id=name,
            client_key=client.key_pem,
            **changes,
        )

    def introduce(self, system: StandIn) -> None:
        """Make a system known to the city's login, by what its file says."""
        description = standins.load(MOCKS / f"{system.id}.yaml")
        if party := standins.registration_of(description, system.url):
            self.city.openid_provider.register(RelyingParty(system.id, **party))
        answer = self.http.get(f"{system.url}/saml/metadata")
        if answer.is_success:
            self.city.identity_provider.register_service_provider(answer.content)

    def token(self, system: StandIn, client: str = "city", scope: str = SCOPES, **claims: Any) -> str:
        audience = claims.pop("audience", f"urn:kravkoll:{system.id}")
        return self.city.authorisation_server.token(client, audience, scope, **claims)

    def ask(
        self, system: StandIn, path: str, client: str = "city", method: str = "GET", **request: Any
    ) -> httpx.Response:
        """A request with a good token."""
        headers = {"Authorization": f"Bearer {self.token(system, client)}"}
        return self.http.request(method, system.addresses["api"] + path, headers=headers, **request)

    def walk(
        self,
        system: StandIn,
        resource: str,
        client: str = "city",
        between: Callable[[], object] = lambda: None,
        **parameters: Any,
    ) -> list[dict[str, Any]]:
        """Every record of a list, page by page."""
        found: list[dict[str, Any]] = []
        while True:
            page = self.ask(system, f"/{resource}", client, params=parameters).raise_for_status().json()
            found += page["data"]
            if not page["pageToken"]:
                return found
            parameters = {"pageToken": page["pageToken"]}
            between()

    def ids(self, system: StandIn, resource: str, client: str = "city", **parameters: Any) -> set[str]:
        return {one["id"] for one in self.walk(system, resource, client, **parameters)}

    def person(self, persona: str) -> dict[str, Any]:
        return self.cast.record(persona)


@pytest.fixture(scope="session")
def whole_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    cast = casting.load()
    state: Path = tmp_path_factory.mktemp("city")
    with Loopback() as loopback, City.start(loopback, state, cast) as city:
        pair = city.ca.issue()
        installation = Installation(
            trust=city.ca.anchor_pem,
            certificate=pair.chain_pem,
            key=pair.key_pem,
            issuer=city.authorisation_server.issuer,
            idp_metadata=city.identity_provider.metadata_url,
            openid_issuer=city.openid_provider.issuer,
        )
        trusting = ssl.create_default_context(cadata=city.ca.anchor_pem.decode())
        with httpx.Client(verify=trusting, trust_env=False) as http:
            yield House(loopback, city, cast, installation, http)


@pytest.fixture
def house(whole_house: House) -> Iterator[House]:
    """The house, in which every system that a test starts is closed after it."""
    with ExitStack() as stack:
        whole_house.http.cookies.clear()
        yield replace(whole_house, open=stack)


@pytest.fixture
def ber(house: House) -> StandIn:
    return house.start("ber")


@pytest.fixture
def tempus(house: House, ber: StandIn) -> StandIn:
    system = house.receiver(ber)
    system.prepare()
    return system
