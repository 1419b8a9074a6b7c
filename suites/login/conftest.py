"""What this area looks with: a browser that logs in as a person would."""

from pathlib import Path

import pytest
import yaml

from kravkoll.cast import Cast
from kravkoll.checks import Inconclusive
from kravkoll.checks.subject import Subject, verifying_context
from kravkoll.city.city import City
from kravkoll.city.driving import Driving
from kravkoll.city.impersonation import ATTACKER, VICTIM, Impersonation, names_of
from kravkoll.probes.ways_in import KnownWays


@pytest.fixture
def known() -> KnownWays:
    """What ways in are usually called, and who else offers them."""
    ways = yaml.safe_load(Path(__file__).with_name("known_ways.yaml").read_text(encoding="utf-8"))
    return KnownWays(**{name: tuple(values) for name, values in ways.items()})


@pytest.fixture
def impersonation(subject: Subject, city: City, cast: Cast, driving: Driving) -> Impersonation:
    """Who is who at this system, once the city's login knows it."""
    if not {VICTIM, ATTACKER} <= set(cast.people):
        raise Inconclusive("cast.empty", "two guardians")
    subject.once("login.introduced", driving.introduce)
    accounts = subject.capabilities.get("accounts", {})
    nobody = subject.once("login.nobody", driving.nobody)
    return Impersonation(nobody, names_of(city, accounts, VICTIM), names_of(city, accounts, ATTACKER))


@pytest.fixture
def driving(subject: Subject, city: City, known: KnownWays) -> Driving:
    context = verifying_context(city.ca.anchor_pem + subject.trust)
    return Driving(subject, city, context, known.link_words)
