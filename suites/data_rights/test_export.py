"""What a city gets out of a system, against what the system shows, was given, and holds of ours."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest

from kravkoll.cast import Cast
from kravkoll.checks import Inconclusive, NotExercised, NotMet, check
from kravkoll.checks.completeness import Shapes, export_findings, limited, shapes
from kravkoll.checks.export_form import copied, form_findings, round_trip_findings
from kravkoll.checks.subject import FlowEnd, Party, Subject
from kravkoll.city.city import City
from kravkoll.contracts.dialects import Dialect, dialect_of
from kravkoll.contracts.workspace import Workspace
from kravkoll.probes.export import Export, Exporter, ExportSettings
from kravkoll.probes.flow_run import FlowRun, as_client
from kravkoll.probes.ss12000 import Ss12000
from kravkoll.probes.traffic import field_values
from kravkoll.probes.writes import RESOURCES, read_state
from kravkoll.record.outcome import Finding

COPIES = 3
"""Records of our own that are put in, of each resource."""


@pytest.fixture
def party(subject: Subject) -> Party:
    """The system that the export is of, by its API."""
    if subject.system not in subject.parties:
        raise NotExercised("environment.no-system", subject.system)
    return subject.parties[subject.system]


@pytest.fixture
def token(party: Party, city: City) -> str:
    return as_client("city", city.authorisation_server.token)(party)


@pytest.fixture
def settings(subject: Subject, workspace: Workspace) -> ExportSettings:
    fetch = subject.capability("export.fetch")
    dialect = dialect_of(workspace.layout, str(fetch["dialect"])) if "dialect" in fetch else None
    return ExportSettings(subject.capability("export.start"), fetch, dialect)


@pytest.fixture
def order(subject: Subject, token: str, settings: ExportSettings) -> Callable[[], Export]:
    """Orders an export, and says no for those that none is given."""

    def ordered() -> Export:
        export = Exporter(subject.url, token, settings, subject.ssl_context()).run()
        if export.refused:
            raise NotMet("DR-01.refused", expected="an export", actual=export.ordered)
        if not export.finished:
            _judge_unfinished(export, settings)
        return export

    return ordered


@pytest.fixture
def filled_with(subject: Subject, cast: Cast) -> Mapping[str, Shapes]:
    """Resource to the test data of it that the system was filled with beforehand, where that is agreed."""
    agreed = subject.capabilities.get("seed", {}).get("cast", ())
    return {resource: shapes(field_values({resource: cast.records.get(resource, ())})) for resource in agreed}


@dataclass(frozen=True, slots=True)
class Shown:
    """What the export is held against, and where each resource of it comes from."""

    interface: Shapes
    others: Shapes

    @property
    def shapes(self) -> Shapes:
        return {**self.others, **self.interface}

    @property
    def told(self) -> dict[str, str]:
        ours = dict.fromkeys(self.others, "what the system was given")
        return ours | dict.fromkeys(self.interface, "what the interface shows")


@check("DAT-EXP-01")
def test_export_is_complete(  # noqa: PLR0913, PLR0917  three places that the export is held against
    subject: Subject,
    party: Party,
    token: str,
    settings: ExportSettings,
    order: Callable[[], Export],
    filled_with: Mapping[str, Shapes],
    fetch: Callable[[FlowEnd], FlowRun],
) -> None:
    looked_for = (*RESOURCES, *filled_with)
    interface = _shown(party, token, looked_for)
    shown = Shown(interface, _given(subject, filled_with, fetch, flows=not interface))
    if not shown.shapes:
        raise Inconclusive("subject.no-data", "nothing that the export could be held against")
    export = order()
    subject.note(_summary(shown, export, settings.dialect))
    exported = shapes(field_values(export.records))
    findings = export_findings(limited(shown.shapes, _carried(settings)), exported)
    if findings and shown.interface:
        # a system in use changes: only what the interface showed both before and after counts
        still = Shown(_unchanged(shown.interface, _shown(party, token, looked_for)), shown.others)
        findings = export_findings(limited(still.shapes, _carried(settings)), exported)
    if findings:
        raise NotMet(findings=tuple(findings))
    unseen = sorted(set(_carried(settings) or ()) - set(shown.shapes))
    if unseen:
        raise NotExercised("export.unseen", ", ".join(unseen))


@check("DAT-EXP-02")
def test_export_is_readable(subject: Subject, settings: ExportSettings, order: Callable[[], Export]) -> None:
    export = order()
    contents = export.contents
    flaws = contents.flaws if contents else ()
    subject.note(
        {
            "format": settings.format,
            "bytes": export.size,
            "records": {resource: len(records) for resource, records in export.records.items()},
            "rows of no record": contents.unnamed if contents else 0,
            "wrong": len(flaws),
        }
    )
    findings = form_findings(flaws)
    if findings:
        raise NotMet(findings=tuple(findings))
    if not export.records:
        raise Inconclusive("export.empty", "nothing in it shows whether it can be read")


@check("DAT-EXP-03")
def test_what_is_put_in_comes_out(
    subject: Subject, cast: Cast, settings: ExportSettings, order: Callable[[], Export]
) -> None:
    seed = subject.hook(str(subject.capability("seed").get("hook", "seed")))
    agreed = subject.capability("seed")
    resources = agreed.get("resources") or agreed.get("cast", ())
    ours = {name: copied(cast.records[name][:COPIES]) for name in resources if cast.records.get(name)}
    if not ours:
        raise NotExercised("capability.incomplete", "seed: cast")
    ids = {name: [record["id"] for record in records] for name, records in ours.items()}
    put = limited(shapes(field_values(ours)), _carried(settings))
    before = shapes(field_values(order().records))
    if any(identity in before.get(name, {}) for name in ids for identity in ids[name]):
        raise Inconclusive("seed.not-new", "records of our own were there before they were put in")
    seed(put=ours, remove={})
    try:
        export = order()
    finally:
        seed(put={}, remove=ids)
    subject.note({"put in": {name: len(found) for name, found in ids.items()}, "bytes": export.size})
    findings = round_trip_findings(put, shapes(field_values(export.records)))
    if findings:
        raise NotMet(findings=tuple(findings))


def _shown(party: Party, token: str, resources: tuple[str, ...]) -> Shapes:
    """What the system's own interface shows; nothing where it has none, or none with these resources."""
    if not party.address:
        return {}
    with Ss12000(party.url, token, ssl_context=party.ssl_context()) as api:
        try:
            state = read_state(api, dict.fromkeys(resources))
        except Inconclusive as unseen:
            if unseen.reason.code != "subject.no-data":
                raise
            return {}
    return shapes(field_values({resource: records.values() for resource, records in state.items()}))


def _given(
    subject: Subject,
    filled_with: Mapping[str, Shapes],
    fetch: Callable[[FlowEnd], FlowRun],
    *,
    flows: bool,
) -> Shapes:
    """What the system was filled with; and what its flows brought, where no interface shows that."""
    given: Shapes = {}
    for flow in subject.feeds if flows else ():
        given |= shapes(field_values(fetch(flow).sent))
    for held in filled_with.values():
        given |= held
    return given


def _carried(settings: ExportSettings) -> Mapping[str, frozenset[str]] | None:
    """What the agreed format has a place for; None where it has one for everything."""
    return settings.dialect.carries if settings.dialect else None


def _judge_unfinished(export: Export, settings: ExportSettings) -> None:
    """A promised time is broken or kept; without one, a slow export is one whose end we did not see."""
    if export.fetched >= 400:
        raise NotMet("DR-01.refused", expected="an export", actual=export.fetched)
    if "within" in settings.fetch:
        expected = f"done within {settings.wait_seconds:g} s"
        raise NotMet(findings=(Finding("DR-01.unfinished", expected, export.state),))
    raise Inconclusive("export.unfinished", f"{export.state or 'no state'} after {export.seconds:.0f} s")


def _unchanged(before: Shapes, after: Shapes) -> Shapes:
    return {
        resource: {
            identity: shape
            for identity, shape in records.items()
            if after.get(resource, {}).get(identity) == shape
        }
        for resource, records in before.items()
    }


def _summary(shown: Shown, export: Export, dialect: Dialect | None) -> dict[str, object]:
    return {
        "held against": shown.told,
        "shown": {resource: len(records) for resource, records in shown.shapes.items()},
        "no place in the agreed format": sorted(set(shown.shapes) - set(dialect.carries)) if dialect else [],
        "exported": {resource: len(records) for resource, records in export.records.items()},
        "bytes": export.size,
        "lines that name no resource": export.contents.unnamed if export.contents else 0,
        "state": export.state,
    }
