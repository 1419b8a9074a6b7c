"""What a flow carries, asks for and keeps, against its manifest."""

from collections.abc import Mapping

from kravkoll.cast import Cast
from kravkoll.checks import Inconclusive, NotMet, check
from kravkoll.checks.flow_policy import FlowPolicy
from kravkoll.checks.minimisation import asked, hidden_values, kept, sent_fields, sent_forms
from kravkoll.checks.subject import FlowEnd, Subject
from kravkoll.probes.flow_run import FlowRun
from kravkoll.probes.traffic import field_values, observed_fields
from kravkoll.record.outcome import Finding


@check("SEC-MIN-01")
def test_flow_carries_only_what_was_agreed(
    subject: Subject, flow: FlowEnd, policy: FlowPolicy, run: FlowRun, cast: Cast
) -> None:
    subject.note(_summary(run))
    if not run.exchanges:
        raise Inconclusive("flow.silent", "the receiver asked for nothing")
    findings = _received(run, policy, cast) if flow.end == "receiver" else _sent(run, policy, cast)
    if findings:
        raise NotMet(findings=tuple(findings))
    if not any(run.sent.values()):
        raise Inconclusive("flow.empty", "no records in any answer")


def _sent(run: FlowRun, policy: FlowPolicy, cast: Cast) -> list[Finding]:
    values = field_values(run.sent)
    in_place = sent_fields(values, policy)
    # where a field stands under its own name, its values need not be told of again
    elsewhere = [] if in_place else hidden_values(run.exchanges, policy, cast.canaries.values())
    return [*in_place, *elsewhere, *sent_forms(values, policy, _forms(cast))]


def _received(run: FlowRun, policy: FlowPolicy, cast: Cast) -> list[Finding]:
    ours = field_values(
        {resource: cast.records[resource] for resource in run.shown if resource in cast.records}
    )
    came = frozenset(str(record.get("id")) for records in run.sent.values() for record in records)
    return [*asked(run.exchanges, policy), *kept(field_values(run.shown), came, policy, ours)]


def _forms(cast: Cast) -> Mapping[str, frozenset[str]]:
    """School forms of our pupils, by id."""
    values = field_values({"persons": cast.records["persons"]})
    enrolled = [one for one in values if one.path == "enrolments.schoolType"]
    forms: dict[str, set[str]] = {}
    for one in enrolled:
        forms.setdefault(one.record, set()).add(str(one.value))
    return {identity: frozenset(names) for identity, names in forms.items()}


def _summary(run: FlowRun) -> dict[str, object]:
    return {
        "requests": list(dict.fromkeys(str(one) for one in run.exchanges))[:50],
        "digest": run.digest,
        "fields": [
            f"{one.resource}.{one.path}: {one.count}" for one in observed_fields(field_values(run.sent))
        ],
        "the receiver shows": {resource: len(records) for resource, records in run.shown.items()},
        "the fetch said": run.failure,
    }
