"""A subject is asked no harder than its environment allows."""

import time

import httpx
import pytest

from kravkoll.probes import pacing
from kravkoll.record.outcome import NotExercised

REQUEST = httpx.Request("GET", "https://subject.test:8443/persons")
OTHER = httpx.Request("GET", "https://other.test/persons")


def test_requests_are_spread_over_time() -> None:
    started = time.monotonic()
    with pacing.paced(requests=100, per_second=50):
        for _ in range(6):
            pacing.before(REQUEST)
    assert time.monotonic() - started >= 5 / 50


def test_a_spent_budget_is_no_verdict() -> None:
    with pacing.paced(requests=2, per_second=10_000):
        pacing.before(REQUEST)
        pacing.before(REQUEST)
        with pytest.raises(NotExercised, match=r"budget\.spent:subject\.test:8443: 2 requests"):
            pacing.before(REQUEST)


def test_each_origin_has_its_own() -> None:
    with pacing.paced(requests=1, per_second=1):
        pacing.before(REQUEST)
        pacing.before(OTHER)


def test_nothing_is_limited_outside() -> None:
    assert pacing.per_second() is None
    for _ in range(1000):
        pacing.before(REQUEST)
