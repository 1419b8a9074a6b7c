"""Whether people with protected identity are out of sight for those who are not to see them."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from kravkoll.cast import Cast
from kravkoll.cast.people import Person, Role, SecurityMarking
from kravkoll.checks import Inconclusive, NotExercised, NotMet, check
from kravkoll.checks.flow_policy import policy_of
from kravkoll.checks.protection import protected_findings, proving_ways
from kravkoll.checks.subject import Subject
from kravkoll.city.city import City
from kravkoll.contracts.workspace import Workspace
from kravkoll.probes.sightings import Wanted, look_for
from kravkoll.probes.ss12000 import Ss12000


@dataclass(frozen=True, slots=True)
class Onlooker:
    """A client that looks for them; one that is `entitled` would rightly see whom the system holds."""

    client: str
    entitled: bool = False


@pytest.fixture
def onlooker(subject: Subject, workspace: Workspace) -> Onlooker:
    """The agreed client, else one that this system sends people to, else the city's own
    where the system's feed leaves them out."""
    if "client" in subject.capability("api.token"):
        return Onlooker(str(subject.capability("api.token")["client"]))
    flows = [flow for flow in workspace.flows.values() if flow.manifest and flow.status != "absent"]
    sent = [flow for flow in flows if flow.sender == subject.system]
    receivers = [flow.receiver for flow in sent if "persons" in policy_of(workspace, flow).resources]
    if receivers:
        return Onlooker(receivers[0])
    fed = [flow for flow in flows if flow.receiver == subject.system]
    if any(policy_of(workspace, flow).withholds_marked for flow in fed):
        return Onlooker("city", entitled=True)
    raise NotExercised("client.missing", "api.token: client")


@check("SEC-PRO-01")
def test_protected_people_are_not_shown(subject: Subject, city: City, cast: Cast, onlooker: Onlooker) -> None:
    subject.shows(["persons"])
    pairs = dict(_pairs(cast))
    if not pairs:
        raise Inconclusive("subject.no-data", "nobody with protected identity shares a group with anybody")
    settings = subject.capability("api.token")
    token = city.authorisation_server.token(onlooker.client, settings["audience"], settings["scope"])
    people = [_wanted(cast, persona) for persona in {*pairs, *pairs.values()}]
    with Ss12000(subject.url, token, ssl_context=subject.ssl_context()) as api:
        sightings = look_for(api, people)
    subject.note(
        {"as": onlooker.client, "ways that prove something": proving_ways(sightings, pairs.values())}
    )
    findings = protected_findings(sightings, pairs)
    if findings and onlooker.entitled:
        # whoever brought them here answers for it, at the other end of the flow
        raise Inconclusive("flow.brought-protected", ", ".join(finding.code for finding in findings))
    if findings:
        raise NotMet(findings=tuple(findings))


def _pairs(cast: Cast) -> Iterator[tuple[str, str]]:
    """Each child with protected identity, and one without it in the same group."""
    everyone = {**cast.background, **cast.people}
    children = [one for one in everyone.values() if one.role is Role.CHILD and one.group]
    for child in children:
        if child.security_marking is SecurityMarking.NONE:
            continue
        twin = next((one for one in children if _comparable(one, child)), None)
        if twin:
            yield child.persona, twin.persona


def _comparable(one: Person, child: Person) -> bool:
    return (
        one.security_marking is SecurityMarking.NONE
        and one.group == child.group
        and one.tenant == child.tenant
    )


def _wanted(cast: Cast, persona: str) -> Wanted:
    person = cast.anyone(persona)
    own = [canary for canary in cast.canaries.values() if canary.personas == (persona,)]
    name = next((canary.token for canary in own if canary.field == "givenName"), "")
    return Wanted(
        persona=persona,
        id=person.id,
        marks=frozenset({person.id, *(canary.token for canary in own)}),
        name=name,
        civic_no=person.civic_no or "",
        unit=person.unit or "",
        group=person.group or "",
    )
