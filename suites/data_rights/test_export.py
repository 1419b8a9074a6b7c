"""What a city gets out of a system, against what the system shows."""

import pytest

from kravkoll.checks import Inconclusive, NotExercised, NotMet, check
from kravkoll.checks.completeness import Shapes, export_findings, shapes
from kravkoll.checks.subject import Party, Subject
from kravkoll.city.city import City
from kravkoll.probes.export import Export, Exporter, ExportSettings
from kravkoll.probes.flow_run import as_client
from kravkoll.probes.ss12000 import Ss12000
from kravkoll.probes.traffic import field_values
from kravkoll.probes.writes import read_state
from kravkoll.record.outcome import Finding


@pytest.fixture
def party(subject: Subject) -> Party:
    """The system that the export is of, by its API."""
    if subject.system not in subject.parties:
        raise NotExercised("environment.no-system", subject.system)
    return subject.parties[subject.system]


@pytest.fixture
def token(party: Party, city: City) -> str:
    return as_client("city", city.authorisation_server.token)(party)


@check("DAT-EXP-01")
def test_export_is_complete(subject: Subject, party: Party, token: str) -> None:
    settings = ExportSettings(subject.capability("export.start"), subject.capability("export.fetch"))
    shown = _shown(party, token)
    export = Exporter(subject.url, token, settings, subject.ssl_context()).run()
    subject.note(_summary(shown, export))
    if export.refused:
        raise NotMet("DR-01.refused", expected="an export", actual=export.ordered)
    if not export.finished:
        _judge_unfinished(export, settings)
    exported = shapes(field_values(export.records or {}))
    findings = export_findings(shown, exported)
    if findings:
        # a system in use changes: only what the interface showed both before and after counts
        findings = export_findings(_unchanged(shown, _shown(party, token)), exported)
    if findings:
        raise NotMet(findings=tuple(findings))


def _shown(party: Party, token: str) -> Shapes:
    with Ss12000(party.url, token, ssl_context=party.ssl_context()) as api:
        state = read_state(api)
    return shapes(field_values({resource: records.values() for resource, records in state.items()}))


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


def _summary(shown: Shapes, export: Export) -> dict[str, object]:
    return {
        "shown": {resource: len(records) for resource, records in shown.items()},
        "exported": {resource: len(records) for resource, records in (export.records or {}).items()},
        "bytes": export.size,
        "lines that name no resource": export.contents.unnamed if export.contents else 0,
        "state": export.state,
    }
