"""Record by record, field by field."""

from typing import Any

import pytest

from kravkoll.checks.completeness import Shapes, export_findings, normal, shapes
from kravkoll.probes.traffic import field_values

PERSON: dict[str, Any] = {
    "id": "1",
    "emails": [{"value": "a"}, {"value": "b"}],
    "seen": "2026-01-01T12:00:00Z",
}


def of(*records: dict[str, Any]) -> Shapes:
    return shapes(field_values({"persons": records}))


def codes(shown: Shapes, exported: Shapes) -> list[str]:
    return [finding.code for finding in export_findings(shown, exported)]


def test_the_same_in_another_order_and_time_zone() -> None:
    other = PERSON | {"emails": PERSON["emails"][::-1], "seen": "2026-01-01T13:00:00+01:00", "more": "x"}
    assert codes(of(PERSON), of(other)) == []


@pytest.mark.parametrize(
    "other",
    [
        PERSON | {"emails": [{"value": "a"}]},
        PERSON | {"emails": [{"value": "a"}, {"value": "b"}, {"value": "b"}]},
        PERSON | {"seen": "2026-01-01T12:00:01Z"},
        {"id": "1", "seen": PERSON["seen"]},
    ],
)
def test_changed(other: dict[str, Any]) -> None:
    assert codes(of(PERSON), of(other)) == ["DR-02.changed"]


def test_missing_and_empty() -> None:
    two = of(PERSON, PERSON | {"id": "2"})
    (finding,) = export_findings(two, of(PERSON))
    assert (finding.code, finding.failed, finding.tried) == ("DR-02.missing", 1, 2)
    assert codes(two, {}) == ["DR-02.empty"]


def test_a_record_under_another_resource_is_missing() -> None:
    elsewhere = shapes(field_values({"people": [PERSON]}))
    assert codes(of(PERSON), elsewhere) == ["DR-02.missing"]


@pytest.mark.parametrize(
    ("one", "other"),
    [(True, "true"), (2, "2"), (2.0, "2"), ("2026-01-01T00:00:00.000Z", "2026-01-01T01:00:00+01:00")],
)
def test_json_and_csv_spell_alike(one: object, other: object) -> None:
    assert normal(one) == normal(other)


def test_text_that_only_looks_like_a_time_stays() -> None:
    assert normal("2026-01-0xT00") == "2026-01-0xT00"
    assert normal("2026-01-01T00:00:00") != normal("2026-01-01T00:00:00Z")
