"""Whether a flow runs at all: without that, silence would look like restraint."""

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
    """Ids of our children who are cleared for the flow and whom the register shows the city."""
    cleared = _cleared(cast, policy.school_forms)
    token = as_client("city", city.authorisation_server.token)(flow.sender)
    key = ("due", flow.flow.id, flow.sender.url)
    return subject.memo.once(key, lambda: cleared & _in_register(flow, token, cleared))


@check("FLO-RUN-01")
def test_flow_brings_what_is_due(subject: Subject, flow: FlowEnd, run: FlowRun, due: frozenset[str]) -> None:
    sent = _ids(run.sent.get("persons", ()))
    shown = _ids(run.shown["persons"]) if "persons" in run.shown else None
    subject.note({"requests": len(run.exchanges), "sent": len(sent), "due": len(due), "digest": run.digest})
    requests = len(run.exchanges)
    if flow.end == "sender":
        findings = sender_findings(requests, sent, due)
    else:
        findings = receiver_findings(requests, sent, shown, due)
    if findings:
        raise NotMet(findings=tuple(findings))


def _cleared(cast: Cast, forms: frozenset[str]) -> frozenset[str]:
    unmarked = {
        str(person["id"]) for person in cast.records["persons"] if person.get("securityMarking") == "Ingen"
    }
    placed = {
        str(placement["child"]["id"])  # type: ignore[index]  # our own records
        for placement in cast.records["placements"]
        if not forms or placement.get("schoolType") in forms
    }
    return frozenset(unmarked & placed)


def _in_register(flow: FlowEnd, token: str, wanted: frozenset[str]) -> frozenset[str]:
    with Ss12000(flow.sender.url, token, ssl_context=flow.sender.ssl_context()) as api:
        try:
            return _ids(api.lookup("persons", sorted(wanted)))
        except Inconclusive:  # look-ups are an option of the standard, lists are not
            return _ids(api.walk("persons"))


def _ids(records: "tuple[Record, ...] | list[dict[str, object]]") -> frozenset[str]:
    return frozenset(str(record.get("id")) for record in records)
