"""What is wrong with a file as findings, and records of our own that are hard to write."""

from typing import Any

from kravkoll.checks.completeness import Shapes, limited, shapes
from kravkoll.checks.export_form import CODES, HARD, copied, form_findings, round_trip_findings
from kravkoll.probes.flaws import Flaw
from kravkoll.probes.traffic import field_values

PLAN: dict[str, Any] = {
    "id": "1",
    "student": {"id": "s"},
    "notes": [{"type": "Anteckningar", "note": "cny-studyplan-note-a"}],
    "displayName": "Avdelning A cny-group-displayName-b",
}


def of(*records: dict[str, Any]) -> Shapes:
    return shapes(field_values({"studyplans": records}))


def test_flaws_of_one_kind_are_one_finding() -> None:
    flaws = [
        Flaw("layout", "a.txt", 3, "x"),
        Flaw("encoding", "a.txt", 1, "y"),
        Flaw("layout", "b.txt", 0, "z"),
    ]
    findings = form_findings(flaws)
    assert [(one.code, one.failed) for one in findings] == [("DR-03.encoding", 1), ("DR-03.layout", 2)]
    assert findings[1].cases == ({"file": "a.txt", "line": 3, "what": "x"}, {"file": "b.txt", "what": "z"})


def test_every_kind_of_flaw_has_a_code() -> None:
    for kind in ("encoding", "truncated", "layout", "unsafe", "schema", "unpublished"):
        assert [one.code for one in form_findings([Flaw(kind, "")])] == [CODES[kind][0]]


def test_copies_have_ids_and_text_of_their_own_and_the_same_references() -> None:
    one, other = copied([PLAN, PLAN])
    assert len({PLAN["id"], one["id"], other["id"]}) == 3
    assert one["student"] == PLAN["student"]
    assert one["notes"][0]["type"] == "Anteckningar"
    assert one["notes"][0]["note"].endswith(HARD)
    assert one["displayName"].startswith("Avdelning A cny-export-")
    assert one["notes"] != other["notes"]


def test_what_was_put_in_is_lost_altered_or_there() -> None:
    changed = PLAN | {"student": {"id": "t"}}
    assert round_trip_findings(of(PLAN), of(PLAN | {"more": "x"})) == []
    assert [one.code for one in round_trip_findings(of(PLAN), of(changed))] == ["DR-02.altered"]
    assert [one.code for one in round_trip_findings(of(PLAN), {})] == ["DR-02.lost"]


def test_fields_that_a_format_has_no_place_for_are_left_out() -> None:
    found = limited(of(PLAN), {"studyplans": frozenset({"id", "notes.note"}), "persons": frozenset({"id"})})
    assert set(found["studyplans"]["1"]) == {"id", "notes.note"}
    assert limited(of(PLAN), {"persons": frozenset({"id"})}) == {}
    assert limited(of(PLAN), None) == of(PLAN)
