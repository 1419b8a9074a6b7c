"""What this area looks with: a reader with a good token, and the contract of the system's flows."""

from collections.abc import Iterator
from functools import cache, reduce
from operator import or_
from pathlib import Path

import pytest

from kravkoll.checks import NotExercised, Subject
from kravkoll.city.city import City
from kravkoll.contracts.workspace import Workspace
from kravkoll.probes.conformance import Contract
from kravkoll.probes.openapi import Document, FlowUse, read_document
from kravkoll.probes.ss12000 import Ss12000


@pytest.fixture
def api(subject: Subject, city: City) -> Iterator[Ss12000]:
    access = subject.capability("api.token")
    token = city.authorisation_server.token(
        access.get("client", "city"), access["audience"], access.get("scope", "")
    )
    with Ss12000(
        subject.url + access.get("base", ""),
        token,
        ssl_context=subject.ssl_context(),
        timeout=subject.timeout_seconds,
    ) as reader:
        yield reader


@pytest.fixture
def contract(subject: Subject, workspace: Workspace) -> Contract:
    """Of the flows that the system sends; one that sends none is held to what it receives.

    A receiver shows the records, and need not tell others of changes.
    """
    flows = [flow for flow in workspace.flows.values() if flow.manifest]
    own = [flow for flow in flows if flow.sender == subject.system]
    own = own or [flow for flow in flows if flow.receiver == subject.system]
    if not own:
        raise NotExercised("flow.no-manifest", subject.system)
    manifests = [_document(workspace.layout.file("contracts", *Path(flow.manifest).parts)) for flow in own]
    subject.shows(resource for manifest in manifests for resource in manifest["fields"])
    api_of = manifests[0]["api"]
    use = reduce(or_, [FlowUse.of(one) for one in manifests if one["api"] == api_of])
    sends = any(flow.sender == subject.system for flow in own)
    return Contract(
        _document(workspace.layout.file("contracts", "apis", f"{api_of}.yaml")),
        use if sends else use.without("Subscription"),
    )


@cache
def _document(path: Path) -> Document:
    """Read once a process: a thousand lines of YAML cost 0.2 s."""
    return read_document(path)
