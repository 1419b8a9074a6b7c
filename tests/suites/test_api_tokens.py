"""The checks of machine access on small APIs, honest ones in many styles and broken ones."""

import time
from collections.abc import Mapping
from typing import Any

import pytest
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from tests.suites.looking import said, subject_at, suite

from kravkoll.city.city import City
from kravkoll.serving.loopback import Loopback

API = suite("test_api_tokens")
API_CHECKS = {
    "good": API.test_good_token_is_let_in,
    "none": API.test_no_token_gets_nothing,
    "expired": API.test_expired_token_gets_nothing,
    "foreign": API.test_token_for_another_audience_gets_nothing,
}


RECORDS = [{"id": f"8f14e45f-{n}", "displayName": f"Förskolan {n}", "code": "FS"} for n in range(3)]
DATA = {"data": RECORDS, "pageToken": None}
type Answers = Mapping[str, tuple[int, Any]]


class ProtectedApi:
    """Knows which kind of token it was given, and answers as it is told for that kind."""

    def __init__(self, city: City, answers: Answers) -> None:
        self._keys = KeySet.import_key_set(city.authorisation_server.public_keys())
        refused = {kind: (401, {"error": "unauthorized"}) for kind in API_CHECKS}
        self._answers: Answers = {**refused, "good": (200, DATA), **answers}

    def kind(self, request: Request) -> str:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer":
            return "none"
        claims = jwt.decode(token, self._keys, algorithms=["ES256"]).claims
        if claims["exp"] < claims["iat"] + 1 or claims["aud"] != "urn:kravkoll:system":
            return "foreign"
        return "expired" if claims["exp"] < time.time() else "good"

    def app(self) -> Starlette:
        async def organisations(request: Request) -> Response:
            status, body = self._answers[self.kind(request)]
            if status in {302, 307}:
                return RedirectResponse(str(body), status)
            if isinstance(body, str):
                return HTMLResponse(body, status)
            return Response(status_code=status) if body is None else JSONResponse(body, status)

        return Starlette(routes=[Route("/v2.0/organisations", organisations)])


def outcomes(loopback: Loopback, city: City, answers: Answers, kinds: str) -> str:
    capabilities = {"api.token": {"audience": "urn:kravkoll:system", "scope": "ss12000.read"}}
    context = city.ca.issue().server_context()
    with loopback.serve(ProtectedApi(city, answers).app(), context=context) as served:
        subject = subject_at(f"{served.url}/v2.0", city, capabilities)
        asking = API.Asking(subject, city)
        return ", ".join(said(lambda k=kind: API_CHECKS[k](subject, asking)) for kind in kinds.split())  # type: ignore[misc]


def every(status: int, body: Any) -> dict[str, tuple[int, Any]]:
    return dict.fromkeys(("none", "expired", "foreign"), (status, body))


LOGIN_PAGE = "<!doctype html><title>Logga in</title><form><input name=user></form>"
OTHERS = [{"id": "c4ca4238", "displayName": "Skolan vid ån", "code": "GR"}]


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({}, "met, met, met, met"),
        (every(403, None), "met, met, met, met"),
        (every(404, {"detail": "not found: /v2.0/organisations"}), "met, met, met, met"),
        (every(302, "https://login.invalid/authorize"), "met, met, met, met"),
        (every(307, "https://login.invalid/authorize"), "met, met, met, met"),
        (every(200, {"error": {"code": "invalid_token"}}), "met, met, met, met"),
        (every(200, LOGIN_PAGE), "met, met, met, met"),
        (every(200, None), "met, met, met, met"),
        (every(204, None), "met, met, met, met"),
    ],
    ids=["401", "403", "404", "302", "307", "200 error", "200 page", "200 empty", "204"],
)
def test_every_honest_way_to_refuse_is_met(
    loopback: Loopback, city: City, answers: Answers, expected: str
) -> None:
    assert outcomes(loopback, city, answers, "good none expired foreign") == expected


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, DATA),
        (401, DATA),
        (500, {"error": "database", "rows": RECORDS}),
        (200, {"items": [{"namn": RECORDS[0]["displayName"]}]}),
        (200, {"data": OTHERS}),
    ],
    ids=["the same", "under 401", "under 500", "one name", "other records"],
)
def test_data_is_a_leak_whatever_the_status(loopback: Loopback, city: City, status: int, body: Any) -> None:
    found = outcomes(loopback, city, every(status, body), "none expired foreign")
    assert found == "RS-01, RS-09, RS-13"


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (200, {"data": []}, "answer.neither"),
        (204, None, "answer.neither"),
        (200, LOGIN_PAGE, "answer.neither"),
        (500, None, "subject.error"),
        (503, {"error": "issuer"}, "subject.error"),
        (429, None, "subject.throttled"),
    ],
)
def test_what_says_neither_is_inconclusive(
    loopback: Loopback, city: City, status: int, body: Any, code: str
) -> None:
    answers = {"foreign": (status, body), "expired": (status, body)}
    assert outcomes(loopback, city, answers, "expired foreign") == f"{code}, {code}"


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, {"error": "invalid_token"}, "RS-02"),
        (302, "https://login.invalid/", "RS-02"),
        (200, {"data": []}, "subject.no-data"),
        (500, None, "subject.error"),
        (429, None, "subject.throttled"),
    ],
)
def test_a_good_token_that_gets_nothing(
    loopback: Loopback, city: City, status: int, body: Any, expected: str
) -> None:
    assert outcomes(loopback, city, {"good": (status, body)}, "good") == expected


def test_a_good_token_answered_like_none_is_refused_even_under_200(loopback: Loopback, city: City) -> None:
    answers = {**every(200, {"error": "no"}), "good": (200, {"error": "no"})}
    assert outcomes(loopback, city, answers, "good") == "RS-02"


def test_without_a_measure_nothing_is_judged(loopback: Loopback, city: City) -> None:
    answers: Answers = {"good": (200, {"data": []})}
    assert outcomes(loopback, city, answers, "none expired") == "control.no-data, control.no-data"


def test_a_subject_that_is_down_is_inconclusive(loopback: Loopback, city: City) -> None:
    served = loopback.serve(Starlette(), context=city.ca.issue().server_context())
    served.close()
    capabilities = {"api.token": {"audience": "urn:kravkoll:system", "scope": "s"}}
    subject = subject_at(served.url, city, capabilities)
    asking = API.Asking(subject, city)
    assert said(lambda: API.test_good_token_is_let_in(subject, asking)) == "subject.unreachable"


class UnverifyingApi(ProtectedApi):
    """Reads a token's claims, and lets in whoever has some."""

    def kind(self, request: Request) -> str:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        return "good" if token.count(".") == 2 else "none"


def forged_outcomes(api: ProtectedApi, loopback: Loopback, city: City) -> str:
    capabilities = {"api.token": {"audience": "urn:kravkoll:system", "scope": "ss12000.read"}}
    with loopback.serve(api.app(), context=city.ca.issue().server_context()) as served:
        subject = subject_at(f"{served.url}/v2.0", city, capabilities)
        asking = API.Asking(subject, city)
        checks = (
            API.test_only_a_good_signature_counts,
            API.test_only_a_whole_token_of_the_citys_counts,
            API.test_only_the_agreed_scope_counts,
        )
        return ", ".join(said(lambda c=check: c(subject, asking)) for check in checks)  # type: ignore[misc]


def test_an_api_that_verifies_nothing_takes_every_forged_token(loopback: Loopback, city: City) -> None:
    found = forged_outcomes(UnverifyingApi(city, {}), loopback, city)
    assert found == "RS-04 RS-05 RS-06 RS-07 RS-08, RS-10 RS-11 RS-12 RS-16, RS-14"


class BreakingApi(ProtectedApi):
    """Verifies signatures, and has no answer where they do not hold."""

    def kind(self, request: Request) -> str:
        try:
            return super().kind(request)
        except JoseError:
            return "broken"


def test_an_api_that_breaks_over_a_forged_token_is_not_judged(loopback: Loopback, city: City) -> None:
    """A failure of the server says nothing of authorisation."""
    found = forged_outcomes(BreakingApi(city, {"broken": (500, None)}), loopback, city)
    assert found.split(", ")[0] == "subject.error"
