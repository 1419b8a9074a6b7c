"""Whether a flow that must not exist does not: neither by asking nor by sending."""

import time
from collections.abc import Callable

import pytest

from kravkoll.cast import Cast
from kravkoll.checks import Inconclusive, NotExercised, NotMet, check
from kravkoll.checks.subject import FlowEnd, Subject
from kravkoll.city.city import City
from kravkoll.city.listening_post import ListeningPost
from kravkoll.contracts.workspace import Workspace
from kravkoll.probes.flow_run import FlowRun
from kravkoll.probes.ss12000 import Answer, Ss12000
from kravkoll.probes.writes import read_state
from kravkoll.record.outcome import Finding

SETTLE_SECONDS = 0.2
"""What is passed on after a fetch may leave a moment later."""


@pytest.fixture
def strangers(subject: Subject, workspace: Workspace) -> list[str]:
    """Systems with which nothing may be exchanged."""
    absent = [flow for flow in workspace.flows.values() if flow.status == "absent"]
    pairs = [(flow.sender, flow.receiver) for flow in absent]
    found = [b if a == subject.system else a for a, b in pairs if subject.system in (a, b)]
    if not found:
        raise NotExercised("flow.none-absent", subject.system)
    return found


@check("FLO-ABS-01")
def test_stranger_gets_no_data(subject: Subject, city: City, cast: Cast, strangers: list[str]) -> None:
    settings = subject.capability("api.token")

    def api_as(client: str) -> Ss12000:
        token = city.authorisation_server.token(client, settings["audience"], settings["scope"])
        return Ss12000(subject.url, token, ssl_context=subject.ssl_context())

    with api_as("city") as ours:
        resources = tuple(read_state(ours))
    cases = []
    for stranger in strangers:
        with api_as(stranger) as theirs:
            answers = [theirs.request("GET", f"/{resource}") for resource in resources]
        subject.note({"as": stranger, "answers": [str(answer.exchange) for answer in answers]})
        cases += [case | {"as": stranger} for answer in answers if (case := _came_out(answer, cast))]
    if cases:
        tried = len(resources) * len(strangers)
        raise NotMet(findings=(Finding("SP-20.read", "no data", cases[0], tuple(cases), len(cases), tried),))


def _came_out(answer: Answer, cast: Cast) -> dict[str, object]:
    """What data an answer holds, whatever its status; empty where it holds none."""
    document = answer.document
    listed = document.get("data") if isinstance(document, dict) else document
    records = len(listed) if isinstance(listed, list) and answer.status < 300 else 0
    text = answer.body.decode("utf-8", errors="replace")
    recognised = sum(token in text for token in cast.canaries)
    if not records and not recognised:
        return {}
    return {"request": str(answer.exchange), "records": records, "recognised": recognised}


@check("FLO-ABS-02")
def test_stranger_is_sent_nothing(
    subject: Subject, cast: Cast, strangers: list[str], fetch: Callable[[FlowEnd], FlowRun]
) -> None:
    posts = {name: subject.listeners[name] for name in strangers if name in subject.listeners}
    if not posts:
        raise NotExercised("listener.missing", ", ".join(strangers))
    if not subject.feeds:
        raise NotExercised("flow.missing", "nothing is brought to this system that it could pass on")
    deaf = [name for name, post in posts.items() if not post.hears()]
    if deaf:
        raise Inconclusive("listener.deaf", ", ".join(deaf))
    runs = [fetch(flow) for flow in subject.feeds]
    time.sleep(0 if any(post.heard for post in posts.values()) else SETTLE_SECONDS)
    subject.note({"listened for": list(posts), "digests": [run.digest for run in runs]})
    findings = [_finding(name, post, cast) for name, post in posts.items() if post.heard]
    if findings:
        raise NotMet(findings=tuple(findings))
    if not any(records for run in runs for records in run.sent.values()):
        raise Inconclusive("flow.silent", "nothing was fetched that could have been passed on")


def _finding(name: str, post: ListeningPost, cast: Cast) -> Finding:
    cases = tuple(
        {
            "to": name,
            "request": f"{one.method} {one.path}",
            "bytes": len(one.request_body),
            "recognised": sum(token in one.request_body for token in cast.canaries),
        }
        for one in post.heard
    )
    return Finding("SP-20.received", "nothing", cases[0], cases, len(cases), len(cases))
