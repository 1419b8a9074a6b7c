"""Whether a flow runs, whether an attempt took effect, whether somebody was seen."""

import pytest

from kravkoll.checks.direction import write_findings
from kravkoll.checks.flow_running import receiver_findings, sender_findings
from kravkoll.checks.protection import protected_findings
from kravkoll.probes.sightings import Kind, Sighting
from kravkoll.probes.writes import Attempt
from kravkoll.record.outcome import Finding, Inconclusive


def codes(findings: list[Finding]) -> list[str]:
    return [finding.code for finding in findings]


def test_sender() -> None:
    assert sender_findings(1, {"a", "b"}, {"a"}) == []
    assert codes(sender_findings(1, {"b"}, {"a"})) == ["FLO-RUN.withheld"]
    assert sender_findings(1, {"b"}, set()) == []
    with pytest.raises(Inconclusive, match=r"flow\.silent"):
        sender_findings(0, set(), {"a"})
    with pytest.raises(Inconclusive, match=r"subject\.no-data"):
        sender_findings(1, set(), set())


def test_receiver() -> None:
    assert receiver_findings(1, {"a", "g"}, {"a"}, {"a"}) == []
    assert codes(receiver_findings(0, set(), set(), {"a"})) == ["FLO-RUN.nothing"]
    assert codes(receiver_findings(1, {"a"}, set(), {"a"})) == ["FLO-RUN.not-shown"]
    with pytest.raises(Inconclusive, match=r"flow\.empty"):
        receiver_findings(1, {"b"}, set(), {"a"})
    with pytest.raises(Inconclusive, match=r"receiver\.unreadable"):
        receiver_findings(1, {"a"}, None, {"a"})


BEFORE = {"persons": {"1": {"id": "1", "givenName": "A"}}}


@pytest.mark.parametrize(
    ("attempt", "after", "expected"),
    [
        (Attempt("PUT", "persons", "1", 405), BEFORE["persons"], []),
        (Attempt("PUT", "persons", "1", 200), BEFORE["persons"], ["SP-21.accepted"]),
        (Attempt("PUT", "persons", "1", 405), {"1": {"id": "1", "givenName": "x"}}, ["SP-21.changed"]),
        (Attempt("DELETE", "persons", "1", 403), {}, ["SP-21.changed"]),
        (Attempt("POST", "persons", "2", 403), BEFORE["persons"] | {"2": {"id": "2"}}, ["SP-21.changed"]),
        (
            Attempt("POST", "persons", "2", 201, {"id": "2", "givenName": "x"}),
            BEFORE["persons"] | {"own": {"id": "own", "givenName": "x"}},
            ["SP-21.changed"],
        ),
        (
            Attempt("POST", "persons", "2", 403, {"id": "2", "givenName": "x"}),
            BEFORE["persons"] | {"theirs": {"id": "theirs", "givenName": "y"}},
            [],
        ),
        (
            Attempt("PUT", "persons", "1", 405),
            {"1": {"id": "1", "givenName": "A", "meta": {"modified": "z"}}},
            [],
        ),
    ],
)
def test_effect_counts_not_status(
    attempt: Attempt, after: dict[str, dict[str, str]], expected: list[str]
) -> None:
    assert codes(write_findings(BEFORE, {"persons": after}, [attempt])) == expected


def sighting(kind: Kind, way: str, persona: str, mark: str = "") -> Sighting:
    return Sighting(kind, way, persona, mark)


def test_a_way_that_shows_the_twin_only_is_met() -> None:
    seen = [sighting("listed", "list", "child"), sighting("listed", "list", "twin", "id")]
    assert protected_findings(seen, {"child": "twin"}) == []


def test_the_protected_child_is_found_even_where_the_twin_is_not() -> None:
    seen = [
        sighting("listed", "list", "child"),
        sighting("listed", "list", "twin", "id"),
        sighting("lookup", "look", "child", "id"),
        sighting("lookup", "look", "twin"),
    ]
    (finding,) = protected_findings(seen, {"child": "twin"})
    assert (finding.code, finding.failed, finding.tried) == ("SP-09.lookup", 1, 1)


def test_an_interface_that_shows_nobody_proves_nothing() -> None:
    seen = [sighting("listed", "list", "child"), sighting("listed", "list", "twin")]
    with pytest.raises(Inconclusive, match=r"twin\.not-visible"):
        protected_findings(seen, {"child": "twin"})
