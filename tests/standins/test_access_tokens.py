import base64
import json
import time

import httpx
import pytest
from joserfc.jwk import ECKey

from kravkoll.city.authorisation_server import new_key
from kravkoll.standins import StandIn

from .conftest import House


def status(
    house: House, system: StandIn, token: str | None, path: str = "/persons", scheme: str = "Bearer"
) -> int:
    headers = {} if token is None else {"Authorization": f"{scheme} {token}"}
    answer = house.http.get(system.addresses["api"] + path, headers=headers)
    if answer.status_code in {401, 403}:
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.json().keys() == {"code", "message"}
    return answer.status_code


def unsigned(token: str, **header: object) -> str:
    """The token with another header and no signature."""
    head = base64.urlsafe_b64encode(json.dumps({"typ": "at+jwt", **header}).encode()).decode().rstrip("=")
    return f"{head}.{token.split('.')[1]}."


def test_good_tokens(house: House, ber: StandIn) -> None:
    assert status(house, ber, house.token(ber)) == 200
    assert status(house, ber, house.token(ber), scheme="bearer") == 200
    assert status(house, ber, house.token(ber, audience=["urn:other", "urn:kravkoll:ber"])) == 200
    assert status(house, ber, house.token(ber, header={"typ": "application/AT+JWT"})) == 200


def test_bad_tokens(house: House, ber: StandIn) -> None:
    good, now = house.token(ber), int(time.time())
    bad = {
        "none": None,
        "garbage": "x",
        "expired": house.token(ber, expires_in=-600),
        "no exp": house.token(ber, exp=None),
        "exp in words": house.token(ber, exp="tomorrow"),
        "not yet": house.token(ber, nbf=now + 600),
        "audience": house.token(ber, audience="urn:kravkoll:tempus"),
        "audience prefix": house.token(ber, audience="urn:kravkoll:ber2"),
        "no audience": house.token(ber, aud=None),
        "issuer": house.token(ber, iss="https://as.invalid"),
        "issuer with slash": house.token(ber, iss=house.installation.issuer + "/"),
        "type": house.token(ber, header={"typ": "JWT"}),
        "no type": house.token(ber, header={"typ": None}),
        "foreign key": house.token(ber, key=new_key()),
        "foreign key with our kid": house.token(ber, key=_impostor(house)),
        "tampered": good[:-8] + "AAAAAAAA",
        "unsigned": unsigned(good, alg="none"),
        "unsigned, spelled otherwise": unsigned(good, alg="NoNe"),
    }
    assert {name: status(house, ber, token) for name, token in bad.items()} == dict.fromkeys(bad, 401)
    assert status(house, ber, good, scheme="Basic") == 401
    assert house.http.get(f"{ber.addresses['api']}/persons?access_token={good}").status_code == 401


def _impostor(house: House) -> ECKey:
    kid = house.city.authorisation_server.public_keys()["keys"][0]["kid"]
    return ECKey.import_key(new_key().as_dict(private=True) | {"kid": kid})


def test_tokens_that_are_good_for_something_else(house: House, ber: StandIn) -> None:
    assert status(house, ber, house.token(ber, scope="ss12000.readonly")) == 403
    assert status(house, ber, house.token(ber, scope="")) == 403
    assert status(house, ber, house.token(ber, "third-party-app")) == 403
    seed = f"{ber.url}/admin/seed"
    token = house.token(ber, "tempus", "ss12000.read")
    assert house.http.post(seed, json={}, headers={"Authorization": f"Bearer {token}"}).status_code == 403


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "path", ["/persons", "/persons/lookup", "/persons/1", "/deletedEntities", "/subscriptions"]
)
def test_every_route_and_method_asks_for_a_token(house: House, ber: StandIn, method: str, path: str) -> None:
    assert house.http.request(method, ber.addresses["api"] + path).status_code == 401


def test_it_fails_closed_when_the_issuer_is_away(house: House) -> None:
    ber = house.start("ber", issuer="https://127.0.0.1:9")
    assert status(house, ber, house.token(ber)) == 503


def test_it_fails_closed_when_the_issuer_says_another_name(house: House) -> None:
    renamed = house.installation.issuer.replace("127.0.0.1", "localhost")
    ber = house.start("ber", issuer=renamed)
    assert status(house, ber, house.token(ber, iss=renamed)) == 503


@pytest.mark.parametrize(
    ("fault", "token"),
    [
        ("api.token.expired", {"expires_in": -600}),
        ("api.token.audience", {"audience": "urn:kravkoll:tempus"}),
        ("api.token.any_client", {"client": "infomentor"}),
    ],
)
def test_a_fault_lets_in_one_kind_of_bad_token(house: House, fault: str, token: dict[str, object]) -> None:
    ber = house.start("ber", fault)
    assert status(house, ber, house.token(ber, **token)) == 200  # type: ignore[arg-type]
    assert status(house, ber, house.token(ber)) == 200
    assert status(house, ber, None) == 401
    assert status(house, ber, house.token(ber, key=new_key())) == 401


def test_letting_in_without_a_token(house: House) -> None:
    ber = house.start("ber", "api.token.none")
    assert status(house, ber, None) == 200
    assert status(house, ber, house.token(ber, expires_in=-600)) == 401


def test_refusing_good_tokens(house: House) -> None:
    ber = house.start("ber", "api.token.good")
    assert status(house, ber, house.token(ber)) == 401


def test_what_is_asked_is_logged_without_its_token(house: House, ber: StandIn) -> None:
    answer: httpx.Response = house.ask(ber, "/persons", params={"limit": 1})
    assert answer.headers["cache-control"] == "no-store"
    (asked,) = ber.log
    assert (asked.method, asked.path, asked.query, asked.status) == ("GET", "/v2.0/persons", "limit=1", 200)


def test_rotated_keys_are_picked_up(house: House, ber: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    old = house.token(ber)
    assert status(house, ber, old) == 200
    monkeypatch.setattr(house.city.authorisation_server, "_key", new_key())
    assert status(house, ber, house.token(ber)) == 401  # the keys were fetched less than a second ago
    monkeypatch.setattr("kravkoll.standins.access_tokens.REFETCH_SECONDS", 0.0)
    assert status(house, ber, house.token(ber)) == 200
    assert status(house, ber, old) == 401
