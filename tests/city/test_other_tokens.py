"""Tokens of a server that is not the city's: right ones are asked for, wrong ones are never made up."""

import base64
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kravkoll.checks.subject import verifying_context
from kravkoll.city.authorisation_server import AuthorisationServer
from kravkoll.city.certificate_authority import CertificateAuthority
from kravkoll.city.other_tokens import OtherServer, OtherTokens
from kravkoll.record.outcome import Inconclusive, NotExercised
from kravkoll.serving.loopback import Loopback

AUDIENCE = "urn:other"


class Own(AuthorisationServer):
    """The city's server, of which only the token is asked."""

    def __init__(self) -> None:
        self.issuer = "https://city.test"

    def token(self, client_id: str, audience: str | list[str], scope: str, **_: object) -> str:
        return f"own:{client_id}:{audience}:{scope}"


@pytest.fixture
def endpoint() -> Iterator[OtherServer]:
    async def token(request: Request) -> Response:
        good = "Basic " + base64.b64encode(b"kravkoll:hemligt").decode()
        if request.headers.get("authorization") != good:
            return JSONResponse({"error": "invalid_client"}, status_code=401)
        return JSONResponse({"access_token": "theirs", "token_type": "Bearer"})

    authority = CertificateAuthority.create()
    with Loopback() as loopback:
        app = Starlette(routes=[Route("/token", token, methods=["POST"])])
        served = loopback.serve(app, context=authority.issue().server_context())
        context = verifying_context(authority.anchor_pem)
        yield OtherServer(f"{served.url}/token", "kravkoll", lambda: "hemligt", context)


def test_a_right_token_comes_from_the_other_server(endpoint: OtherServer) -> None:
    tokens = OtherTokens(Own(), {AUDIENCE: endpoint}, alone=True)
    assert tokens.token("city", AUDIENCE, "read") == "theirs"


@pytest.mark.parametrize("changes", [{"expires_in": -600.0}, {"key": None}, {"iss": "x"}])
def test_wrong_tokens_are_not_made_up(endpoint: OtherServer, changes: dict[str, float]) -> None:
    tokens = OtherTokens(Own(), {AUDIENCE: endpoint}, alone=True)
    with pytest.raises(NotExercised, match=r"token\.other-server"):
        tokens.token("city", AUDIENCE, "read", **changes)


def test_nor_tokens_for_strangers_and_other_audiences(endpoint: OtherServer) -> None:
    tokens = OtherTokens(Own(), {AUDIENCE: endpoint}, alone=True)
    for client, audience in (("infomentor", AUDIENCE), ("city", "urn:elsewhere")):
        with pytest.raises(NotExercised):
            tokens.token(client, audience, "read")


def test_the_other_end_of_a_flow_may_trust_the_city(endpoint: OtherServer) -> None:
    tokens = OtherTokens(Own(), {AUDIENCE: endpoint}, alone=False)
    assert tokens.token("tempus", "urn:ber", "read") == "own:tempus:urn:ber:read"


def test_a_refusal_is_could_not_see(endpoint: OtherServer) -> None:
    wrong = OtherServer(endpoint.endpoint, "kravkoll", lambda: "fel", endpoint.context)
    with pytest.raises(Inconclusive, match=r"token\.refused"):
        OtherTokens(Own(), {AUDIENCE: wrong}, alone=True).token("city", AUDIENCE, "read")
