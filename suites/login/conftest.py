"""What this area looks with: a browser that logs in as a person would."""

from pathlib import Path

import pytest
import yaml

from kravkoll.checks.subject import Subject, verifying_context
from kravkoll.city.city import City
from kravkoll.city.driving import Driving
from kravkoll.probes.ways_in import KnownWays


@pytest.fixture
def known() -> KnownWays:
    """What ways in are usually called, and who else offers them."""
    ways = yaml.safe_load(Path(__file__).with_name("known_ways.yaml").read_text(encoding="utf-8"))
    return KnownWays(**{name: tuple(values) for name, values in ways.items()})


@pytest.fixture
def driving(subject: Subject, city: City, known: KnownWays) -> Driving:
    context = verifying_context(city.ca.anchor_pem + subject.trust)
    return Driving(subject, city, context, known.link_words)
