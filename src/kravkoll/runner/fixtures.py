"""The fixtures that every suite function may ask for."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import partial

import pytest

from kravkoll.cast import Cast
from kravkoll.checks.flow_policy import FlowPolicy, policy_of
from kravkoll.checks.subject import FlowEnd, Party, Subject
from kravkoll.city.city import City
from kravkoll.contracts.dialects import dialect_of
from kravkoll.contracts.workspace import Workspace
from kravkoll.probes.dialect_rows import Record
from kravkoll.probes.export import Exporter, ExportSettings
from kravkoll.probes.flow_run import FlowRun, as_client, run_flow
from kravkoll.record.outcome import NotExercised
from kravkoll.record.rows import Row
from kravkoll.runner import subjects
from kravkoll.runner.context import CONTEXT, SUBJECT, Context
from kravkoll.runner.execution import NOTES


@pytest.fixture
def kravkoll_row(request: pytest.FixtureRequest) -> Row:
    """The row that this item runs; each item is parametrized with one."""
    row: Row = request.param
    return row


@pytest.fixture
def kravkoll_context(request: pytest.FixtureRequest) -> Context:
    """What is running while this item runs."""
    return request.config.stash[CONTEXT]


@pytest.fixture
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    """The place that this row looks at."""
    made: Subject = request.node.stash[SUBJECT]
    yield made
    request.node.stash[NOTES].extend(made.notes)


@pytest.fixture
def city(kravkoll_context: Context, kravkoll_row: Row) -> City:
    """The city's authority, authorisation server and identity provider."""
    return subjects.city_of(kravkoll_context.platform, kravkoll_row)


@pytest.fixture
def cast(kravkoll_context: Context) -> Cast:
    """The people who do not exist."""
    return kravkoll_context.platform.ground.cast


@pytest.fixture
def workspace(kravkoll_context: Context) -> Workspace:
    """What was bought."""
    return kravkoll_context.platform.ground.workspace


@pytest.fixture
def as_of(kravkoll_context: Context) -> date:
    """The day that dated rules are read on."""
    return kravkoll_context.as_of


@pytest.fixture
def flow(subject: Subject) -> FlowEnd:
    """The flow that the row is an end of."""
    if subject.flow is None:
        raise NotExercised("flow.missing", subject.row)
    return subject.flow


@pytest.fixture
def policy(flow: FlowEnd, workspace: Workspace) -> FlowPolicy:
    """What was agreed that the flow may carry."""
    return policy_of(workspace, flow.flow)


@pytest.fixture
def fetch(subject: Subject, workspace: Workspace, city: City) -> Callable[[FlowEnd], FlowRun]:
    """One fetch of a flow, seen once for every row that asks."""
    reader = as_client("city", city.authorisation_server.token)

    def fetched(flow: FlowEnd) -> FlowRun:
        policy = policy_of(workspace, flow.flow)
        exported = partial(read_exported, workspace, flow.receiver, reader)
        return subject.memo.once(
            ("flow", flow.flow.id, flow.sender.url, flow.receiver.system),
            lambda: run_flow(
                flow,
                reader,
                policy.resources,
                files=policy.files,
                exported=exported if "export.start" in flow.receiver.capabilities else None,
            ),
        )

    return fetched


def read_exported(
    workspace: Workspace, party: Party, reader: Callable[[Party], str]
) -> Mapping[str, tuple[Record, ...]]:
    """What comes out of a system: all that there is to see of one without an interface of the standard."""
    agreed = party.capability("export.fetch")
    if "export" not in party.places:
        raise NotExercised("environment.no-address", f"{party.system}/export")
    dialect = dialect_of(workspace.layout, str(agreed["dialect"])) if "dialect" in agreed else None
    settings = ExportSettings(party.capability("export.start"), agreed, dialect)
    return Exporter(party.places["export"], reader(party), settings, party.ssl_context()).run().records


@pytest.fixture
def run(flow: FlowEnd, fetch: Callable[[FlowEnd], FlowRun]) -> FlowRun:
    """One fetch of the flow that the row is an end of."""
    return fetch(flow)
