"""The city's own ways in, and an app by somebody else: one's own children's data, and nobody else's."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from kravkoll.standins import StandIn
from kravkoll.standins.family import has_custody, today

from .conftest import House
from .test_login import log_in, new_browser

YEAR = {"from": "2026-08-01", "to": "2027-07-31"}
READ_BY_ALL = ("ber", "skola24-schedule", "infomentor", "tempus")
MARKED = ("child-p1", "child-p2")


@pytest.fixture
def sources(house: House) -> dict[str, StandIn]:
    ber = house.start("ber")
    started = {"ber": ber}
    for name in ("skola24-schedule", "tempus"):
        started[name] = house.reader(name, {"ber": ber})
    started["infomentor"] = house.reader(
        "infomentor", {"ber": ber, "skola24-schedule": started["skola24-schedule"]}
    )
    for system in started.values():
        system.prepare()
    return started


def city_system(house: House, name: str, sources: dict[str, StandIn], **more: Any) -> StandIn:
    places = {system: one.url for system, one in sources.items()}
    system = house.reader(name, sources, places=places, **more)
    house.introduce(system)
    system.prepare()
    return system


@pytest.fixture
def start_pages(house: House, sources: dict[str, StandIn]) -> StandIn:
    return city_system(house, "start-pages", sources)


@pytest.fixture
def app(house: House, sources: dict[str, StandIn]) -> StandIn:
    return city_system(house, "mobile-app", sources)


@pytest.fixture
def browser(house: House) -> Iterator[httpx.Client]:
    with new_browser(house) as client:
        yield client


def pupils(page: str) -> set[str]:
    return set(re.findall("data-pupil='([^']+)'", page))


def shown(house: House, system: StandIn, persona: str) -> str:
    with new_browser(house) as browser:
        log_in(browser, system.url, persona)
        return browser.get(system.url, params=YEAR).text


def test_a_guardian_sees_the_own_children(house: House, start_pages: StandIn) -> None:
    page = shown(house, start_pages, "guardian-a")
    assert pupils(page) == {house.person(one)["id"] for one in ("child-a1", "child-a2")}
    for seen in ("Anmäld frånvaro", "Beviljad ledighet", "60 min", "2026-10-26T08:05 In", "2026-10-"):
        assert seen in page
    assert "3A" in page


def test_a_pupil_sees_the_own_data(house: House, start_pages: StandIn) -> None:
    assert pupils(shown(house, start_pages, "child-a2")) == {house.person("child-a2")["id"]}


@pytest.mark.parametrize("persona", ["contact-person", "guardian-18", "teacher-x", "second-tenant-guardian"])
def test_whoever_has_no_custody_sees_no_child(house: House, start_pages: StandIn, persona: str) -> None:
    assert not pupils(shown(house, start_pages, persona))


@pytest.mark.parametrize("persona", ["guardian-p1", "guardian-p2"])
def test_nobody_protected_is_shown(house: House, start_pages: StandIn, persona: str) -> None:
    assert not pupils(shown(house, start_pages, persona))
    held = {one["id"] for one in start_pages.store.now.all("persons")}
    assert not held & {house.person(one)["id"] for one in MARKED}


def test_nothing_is_held_beyond_what_is_shown(start_pages: StandIn) -> None:
    for person in start_pages.store.now.all("persons"):
        assert set(person) <= {"id", "meta", "givenName", "birthDate", "enrolments", "responsibles"}
    for lesson in start_pages.store.now.all("calendarEvents"):
        assert "comment" not in lesson


def test_the_links_lead_on_without_another_login(
    house: House, start_pages: StandIn, sources: dict[str, StandIn], browser: httpx.Client
) -> None:
    for name in ("infomentor", "tempus", "skola24-schedule"):
        house.introduce(sources[name])
    page = log_in(browser, start_pages.url, "guardian-a").text
    links = set(re.findall("href='(https[^']+)'", page))
    assert links == {sources[name].url for name in ("infomentor", "tempus", "skola24-schedule")}
    landed = browser.get(sources["infomentor"].url, follow_redirects=True)
    assert "username" not in landed.text
    account = house.person("guardian-a")["eduPersonPrincipalNames"][0]
    assert browser.get(f"{sources['infomentor'].url}/hub/account").json()["account"]["user"] == account


def test_the_app_gets_the_same_as_json(house: House, app: StandIn, browser: httpx.Client) -> None:
    assert browser.get(f"{app.url}/api/children").status_code == 401
    log_in(browser, app.url, "guardian-a")
    children = browser.get(f"{app.url}/api/children").json()["children"]
    ids = {house.person(one)["id"] for one in ("child-a1", "child-a2")}
    assert {one["id"] for one in children} == ids
    school = house.person("child-a2")["id"]
    told = {
        part: browser.get(f"{app.url}/api/children/{school}/{part}", params=YEAR).json()["data"]
        for part in ("schedule", "absences", "attendances")
    }
    assert [len(told[part]) > 0 for part in told] == [True, True, True]
    assert told["absences"][0]["type"] == "Anmäld frånvaro"
    other = house.person("child-b1")["id"]
    for part in told:
        assert browser.get(f"{app.url}/api/children/{other}/{part}").status_code == 404


def ask(house: House, app: StandIn, path: str, scope: str, **claims: Any) -> int:
    token = house.city.authorisation_server.token(
        claims.pop("client_id", "third-party-app"), "urn:kravkoll:mobile-app", scope, **claims
    )
    return house.http.get(f"{app.url}{path}", headers={"Authorization": f"Bearer {token}"}).status_code


def test_a_token_opens_what_it_says_in_the_name_that_it_says(house: House, app: StandIn) -> None:
    guardian = {"sub": house.person("guardian-a")["id"]}
    own, other = (f"/api/children/{house.person(one)['id']}" for one in ("child-a2", "child-b1"))
    assert ask(house, app, f"{own}/schedule", "child.schedule", **guardian) == 200
    assert ask(house, app, f"{own}/absences", "child.schedule", **guardian) == 403
    assert ask(house, app, f"{own}/absences", "child.absence", **guardian) == 200
    assert ask(house, app, f"{own}/attendances", "child.schedule child.absence", **guardian) == 403
    assert ask(house, app, f"{other}/schedule", "child.schedule", **guardian) == 404
    assert ask(house, app, f"{own}/schedule", "child.schedule") == 403  # in nobody's name
    assert ask(house, app, f"{own}/schedule", "child.schedule", client_id="stranger", **guardian) == 403


@pytest.fixture
def third_party(house: House, app: StandIn) -> StandIn:
    return city_system(house, "third-party-app", {"mobile-app": app})


def consented(house: House, system: StandIn, browser: httpx.Client, decision: str) -> str:
    page = log_in_at(house, browser, system.url)
    token = re.findall('name="consent" value="([^"]+)"', page.text)[0]
    address = f"{house.city.openid_provider.issuer}/consent"
    given = {"consent": token, "decision": decision}
    return browser.post(address, data=given, follow_redirects=True).text


def log_in_at(house: House, browser: httpx.Client, start: str) -> httpx.Response:
    """As far as the question whether the app may."""
    page = browser.get(start, follow_redirects=True)
    token = re.findall('name="login" value="([^"]+)"', page.text)[0]
    address = f"{house.city.openid_provider.issuer}/login"
    return browser.post(address, data={"login": token, "username": "guardian-a"})


def test_a_third_party_reads_with_consent(
    house: House, third_party: StandIn, app: StandIn, browser: httpx.Client
) -> None:
    page = consented(house, third_party, browser, "allow")
    assert "Anmäld frånvaro" in page
    assert page.count("<section>") == 2
    paths = {one.path.rpartition("/")[2] for one in app.log if one.path.startswith("/api/")}
    assert paths == {"children", "schedule", "absences"}


def test_without_consent_a_third_party_has_nothing(
    house: House, third_party: StandIn, app: StandIn, browser: httpx.Client
) -> None:
    assert "godtogs inte" in consented(house, third_party, browser, "deny")
    assert not [one for one in app.log if one.path.startswith("/api/")]


def test_custody_ends_with_childhood() -> None:
    responsible = {"person": {"id": "g"}, "relationType": "Vårdnadshavare"}
    child = {"birthDate": "2008-11-24", "responsibles": [responsible]}
    assert has_custody("g", child, today().replace(2026, 11, 23))
    assert not has_custody("g", child, today().replace(2026, 11, 24))
    assert not has_custody("h", child, today().replace(2026, 11, 23))
    assert not has_custody("g", {"responsibles": [responsible]}, today())  # unknown age fails closed
