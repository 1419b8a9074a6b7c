"""The test people in a supplier's environment: found, missed, told apart from others, and taken away."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest

from kravkoll.cast import Record
from kravkoll.cast.selection import Share
from kravkoll.checks.subject import command_hook
from kravkoll.contracts.errors import ConfigurationError
from kravkoll.contracts.layout import Layout, packaged
from kravkoll.contracts.workspace import Workspace, load
from kravkoll.record.outcome import NotExercised
from kravkoll.runner.tenants import Tenant, removable, share_of, tenant

DAY = date(2026, 11, 23)
STRANGER: Record = {
    "id": "aaaaaaaa-0000-4000-8000-000000000001",
    "givenName": "Verklig",
    "familyName": "Person",
}


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    return load(Layout(packaged()))


@pytest.fixture
def tempus(workspace: Workspace) -> Iterator[Tenant]:
    found = tenant(workspace, workspace.environment("demo"), workspace.supplier("tempus"), DAY)
    with found as (one,):
        yield one


@pytest.fixture(scope="module")
def share(workspace: Workspace) -> Share:
    return share_of(workspace, "tempus")


def seed(one: Tenant, put: dict[str, list[Record]]) -> None:
    one.subject.hook("seed")(put=put, remove={})


def test_what_was_agreed_comes_from_the_flows(workspace: Workspace, share: Share) -> None:
    assert share.school_forms == {"FS"}
    assert share.withholds_marked
    assert share.fields is not None
    assert "civicNo.value" not in share.fields["persons"]
    assert share.only_for["birthDate"] == {"child"}
    assert share_of(workspace, "ber") == Share()  # the register holds everything
    with pytest.raises(ConfigurationError, match="no supplier 'tempsu'; did you mean 'tempus'"):
        share_of(workspace, "tempsu")


def test_a_system_that_fetched_as_agreed_agrees(tempus: Tenant, share: Share) -> None:
    comparison = tempus.compare(share)
    assert comparison.agrees
    assert comparison.unread == {}
    assert comparison.others == 0
    assert len(comparison.expected["persons"]) > 100


def test_who_is_missing_different_or_too_many_is_told(tempus: Tenant, share: Share) -> None:
    comparison = tempus.compare(share)
    gone, changed = (str(one["id"]) for one in comparison.expected["persons"][:2])
    held = comparison.held["persons"]
    former = next(iter(tempus.cast.former["persons"]))
    tempus.subject.hook("seed")(
        put={"persons": [{**held[changed], "givenName": "Någon annan"}, dict(former)]},
        remove={"persons": [gone]},
    )
    after = tempus.compare(share)
    assert after.missing == {"persons": (gone,)}
    assert after.extra == {"persons": (former["id"],)}
    assert [(one.id, one.field, one.found) for one in after.different] == [
        (changed, "givenName", "Någon annan")
    ]
    assert not after.agrees


def test_other_peoples_records_are_counted_and_never_ours(tempus: Tenant, share: Share) -> None:
    """Also a real group that one of our children is a member of is theirs: it only refers to ours."""
    held = tempus.compare(share).held
    group, child = dict(next(iter(held["groups"].values()))), next(iter(held["persons"].values()))
    stranger = dict(STRANGER)
    theirs = group | {
        "id": "aaaaaaaa-0000-4000-8000-000000000002",
        "displayName": "Avdelning X",
        "groupMemberships": [{"person": {"id": child["id"], "displayName": child["givenName"]}}],
    }
    copy = dict(child) | {"id": "aaaaaaaa-0000-4000-8000-000000000003"}
    seed(tempus, {"persons": [stranger, copy], "groups": [theirs]})
    after = tempus.compare(share)
    ours = {identity for ids in removable(after).values() for identity in ids}
    assert stranger["id"] not in ours
    assert theirs["id"] not in ours
    assert copy["id"] in ours  # loaded twice, under an id of the system's own
    assert after.others == 2


def test_what_is_ours_is_taken_away_and_others_stay(tempus: Tenant, share: Share) -> None:
    stranger = dict(STRANGER)
    seed(tempus, {"persons": [stranger]})
    ids = removable(tempus.compare(share))
    order = list(ids)
    assert order.index("placements") < order.index("persons") < order.index("organisations")
    tempus.remove(ids)
    after = tempus.compare(share)
    assert removable(after) == {}
    assert set(after.held["persons"]) == {stranger["id"]}


def test_nothing_is_removed_in_production(tempus: Tenant, share: Share) -> None:
    ground = tempus.running.ground
    ground.environment = replace(ground.environment, kind="production")
    with pytest.raises(NotExercised, match=r"effect\.production"):
        tempus.remove(removable(tempus.compare(share)))
    assert tempus.compare(share).agrees


def test_a_hook_without_capability_is_not_exercised(tempus: Tenant, share: Share) -> None:
    bare = replace(
        tempus,
        subject=replace(tempus.subject, capabilities={"api.token": tempus.subject.capability("api.token")}),
    )
    with pytest.raises(NotExercised, match=r"capability\.missing:seed"):
        bare.remove(removable(bare.compare(share)))


def test_a_command_gets_records_as_json() -> None:
    read = command_hook(("sh", "-c", 'printf %s "$KRAVKOLL_REMOVE"'), 5.0)
    assert json.loads(str(read(put={}, remove={"persons": ["å1"]}))) == {"persons": ["å1"]}
