"""What the tests of the suites share: one city, and the people who log in."""

from collections.abc import Iterator

import pytest

import kravkoll.cast
from kravkoll.cast import Cast
from kravkoll.city.city import City
from kravkoll.city.state import throwaway
from kravkoll.serving.loopback import Loopback


@pytest.fixture(scope="module")
def loopback() -> Iterator[Loopback]:
    with Loopback() as running:
        yield running


@pytest.fixture(scope="module")
def cast() -> Cast:
    return kravkoll.cast.load()


@pytest.fixture(scope="module")
def city(loopback: Loopback, cast: Cast) -> Iterator[City]:
    with throwaway() as state, City.start(loopback, state, cast) as started:
        yield started
