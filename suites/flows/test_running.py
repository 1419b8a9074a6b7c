"""Whether a flow runs at all: without that, silence would look like restraint."""

from collections.abc import Mapping

import pytest

from kravkoll.cast import Cast
from kravkoll.checks import Inconclusive, NotMet, check
from kravkoll.checks.flow_policy import FlowPolicy
from kravkoll.checks.flow_running import receiver_findings, sender_findings
from kravkoll.checks.subject import FlowEnd, Subject
from kravkoll.city.city import City
from kravkoll.probes.flow_run import FlowRun, as_client
from kravkoll.probes.ss12000 import Ss12000
from kravkoll.probes.traffic import Record


@pytest.fixture
def due(subject: Subject, flow: FlowEnd, policy: FlowPolicy, city: City, cast: Cast) -> frozenset[str]:
    """Ids of our records that are cleared for the flow and that the sender shows the city."""
    resource = _purpose(policy)
    cleared = _cleared(cast, resource, policy.school_forms)
    token = as_client("city", city.authorisation_server.token)(flow.sender)
    key = ("due", flow.flow.id, flow.sender.url)
    return subject.memo.once(key, lambda: cleared & _in_register(flow, token, resource, cleared))


@check("FLO-RUN-01")
def test_flow_brings_what_is_due(
    subject: Subject, flow: FlowEnd, run: FlowRun, policy: FlowPolicy, due: frozenset[str]
) -> None:
    resource = _purpose(policy)
    sent = _ids(run.sent.get(resource, ()))
    shown = _ids(run.shown[resource]) if resource in run.shown else None
    subject.note(
        {
            "requests": len(run.exchanges),
            "records": resource,
            "sent": len(sent),
            "due": len(due),
            "digest": run.digest,
        }
    )
    requests = len(run.exchanges)
    if flow.end == "sender":
        findings = sender_findings(requests, sent, due, resource)
    else:
        findings = receiver_findings(requests, sent, shown, due, resource)
    if findings:
        raise NotMet(findings=tuple(findings))


def _purpose(policy: FlowPolicy) -> str:
    """What the flow is there for: people, or the first that its manifest names."""
    return "persons" if "persons" in policy.resources else policy.resources[0]


def _cleared(cast: Cast, resource: str, forms: frozenset[str]) -> frozenset[str]:
    if resource == "persons":
        return _cleared_children(cast, forms)
    return frozenset(
        str(record["id"])
        for record in cast.records.get(resource, ())
        if not forms or _forms(cast, record) & forms
    )


def _cleared_children(cast: Cast, forms: frozenset[str]) -> frozenset[str]:
    people = cast.records["persons"]
    unmarked = {str(person["id"]) for person in people if person.get("securityMarking") == "Ingen"}
    belonging = {
        str(placement["child"]["id"])  # type: ignore[index]  # our own records
        for placement in cast.records["placements"]
        if not forms or placement.get("schoolType") in forms
    }
    belonging |= {
        str(person["id"])
        for person in people
        for enrolment in person.get("enrolments", ())  # type: ignore[attr-defined]
        if not forms or enrolment.get("schoolType") in forms
    }
    return frozenset(unmarked & belonging)


def _forms(cast: Cast, record: Mapping[str, object]) -> frozenset[str]:
    """School forms of a lesson or an activity: those of the groups that it is for."""
    activities = {one["id"]: one for one in cast.records.get("activities", ())}
    groups = {one["id"]: one for one in cast.records["groups"]}
    lead = record.get("activity")
    activity = activities.get(lead["id"], {}) if isinstance(lead, dict) else record
    named = activity.get("groups", ())
    led_to = [groups.get(one["id"], {}) for one in named]  # type: ignore[attr-defined]
    return frozenset(str(group.get("schoolType")) for group in led_to)


def _in_register(flow: FlowEnd, token: str, resource: str, wanted: frozenset[str]) -> frozenset[str]:
    with Ss12000(flow.sender.url, token, ssl_context=flow.sender.ssl_context()) as api:
        try:
            return _ids(api.lookup(resource, sorted(wanted)))
        except Inconclusive:  # look-ups are an option of the standard, lists are not
            return _ids(api.walk(resource))


def _ids(records: "tuple[Record, ...] | list[dict[str, object]]") -> frozenset[str]:
    return frozenset(str(record.get("id")) for record in records)
