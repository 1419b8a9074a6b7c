"""Whether a client that may read can change what it reads."""

import pytest

from kravkoll.checks import Inconclusive, NotMet, check
from kravkoll.checks.direction import write_findings
from kravkoll.checks.subject import Subject
from kravkoll.city.city import City
from kravkoll.contracts.workspace import Workspace
from kravkoll.probes.ss12000 import Ss12000
from kravkoll.probes.writes import attempt_writes, read_state


@pytest.fixture
def client(subject: Subject, workspace: Workspace) -> str:
    """The receiver of a flow that only reads; where no flow goes out, a client of the city that may read."""
    agreed = subject.capability("api.token").get("client")
    reading = [
        flow.receiver
        for flow in workspace.flows.values()
        if flow.sender == subject.system and flow.manifest and flow.verbs == ("read",)
    ]
    return str(agreed or (reading[0] if reading else "city"))


@check("FLO-DIR-01")
def test_reading_client_changes_nothing(subject: Subject, city: City, client: str) -> None:
    settings = subject.capability("api.token")

    def api_as(name: str) -> Ss12000:
        token = city.authorisation_server.token(name, settings["audience"], settings["scope"])
        return Ss12000(subject.url, token, ssl_context=subject.ssl_context())

    with api_as("city") as ours, api_as(client) as theirs:
        before = read_state(ours)
        try:
            readable = read_state(theirs, before)
        except Inconclusive as reason:
            raise Inconclusive("client.cannot-read", str(reason.reason)) from reason
        attempts = attempt_writes(theirs, {name: before[name] for name in before if name in readable})
        after = read_state(ours, before)
    subject.note(
        {"as": client, "attempts": [f"{one.method} /{one.resource} {one.status}" for one in attempts]}
    )
    findings = write_findings(before, after, attempts)
    if findings:
        raise NotMet(findings=tuple(findings))
